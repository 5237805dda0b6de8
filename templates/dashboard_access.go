package templates

// DashboardAccess is the tab that says who may use an application. It posts consent, allowed, users, organizations and roles
// to its address; each of the lists has a value a line.
type DashboardAccess struct {
	ApplicationPage
	Consent string // as in clients.Consent
	Allowed string // "everyone" or "some"

	Users, Organizations, Roles string
}

func (p DashboardAccess) view() view { return p.tabView("dashboard_access") }

// TextNobody says that a list of those who may has nobody on it.
var TextNobody = Message{id: "problem.nobody"}

// TextNoUser says that there is no user with an address or ID.
func TextNoUser(text string) Message {
	return Message{id: "problem.no_user", values: values{"Text": text}}
}
