package templates

// DashboardAccess is the tab that says who may use an application, and what tokens it gets. It posts consent, allowed, users,
// organizations and roles to its address; each of the lists has a value a line.
type DashboardAccess struct {
	ApplicationPage
	Consent string // as in clients.Consent
	Allowed string // "everyone" or "some"

	Users, Organizations, Roles string

	Tokens TokenSettings
	Grants GrantSettings
}

// GrantSettings are the ways in which an application gets tokens. The form posts grant-types-<n> and response-types-<n>, for
// each tick its value, and pkce to …/access/grants.
type GrantSettings struct {
	GrantTypes, ResponseTypes []Tick
	PKCE                      string // as in clients.PKCE
}

// Tick is a value that can be chosen.
type Tick struct {
	Value  string
	Ticked bool
}

// TokenSettings are what an application may ask for, and how its tokens look; or, of an API, which tokens are for it. Its form
// posts to …/access/tokens: scopes, audiences, access-token-format and id-token-signed-response-alg, or of an API identifier
// and introspects-unaddressed. Each of the lists has a value a line.
type TokenSettings struct {
	Scopes, Audiences string
	Format            string // as in clients.AccessTokenFormat
	Algorithm         string // as in keys.Algorithm

	Identifiers string
	Unaddressed bool // the API may introspect tokens that are for no API
}

func (p DashboardAccess) view() view { return p.tabView("dashboard_access") }

// TextNobody says that a list of those who may has nobody on it.
var TextNobody = Message{id: "problem.nobody"}

// TextNoUser says that there is no user with an address or ID.
func TextNoUser(text string) Message {
	return Message{id: "problem.no_user", values: values{"Text": text}}
}
