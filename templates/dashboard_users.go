package templates

import "time"

// DashboardUsers lists the users of an environment, the latest made first. Its form has the fields q and status, and the
// method GET.
type DashboardUsers struct {
	Dashboard
	Pager
	Query  string
	Status string // "active" or "disabled"; "" for any
	Rows   []UserRow
	Errors []FieldError // of the search
}

func (p DashboardUsers) view() view {
	v := p.dashboardView("dashboard_users", "/users")
	v.errors = p.Errors
	return v
}

// Filtered reports whether the list leaves something out.
func (p DashboardUsers) Filtered() bool { return p.Query != "" || p.Status != "" }

// UserRow is one user of a list.
type UserRow struct {
	Person
	ID            string
	Disabled      bool
	Organizations []Reference
	LastSignIn    time.Time // zero if there is no trace of one
	Living        int       // sessions
}

// UserPage surrounds the pages of one user: her name, and the tabs.
type UserPage struct {
	Dashboard
	User      UserHead
	Tab       Tab
	Denied    Message // why she may not change the user; zero if she may
	EndDenied Message // why she may not end sessions; zero if she may
	Errors    []FieldError
}

// UserHead is what every page of a user says of her.
type UserHead struct {
	Person
	ID       string
	Disabled bool
	Events   bool // who looks may see events
}

// The tabs of a user beside TabSessions.
const (
	TabProfile       Tab = "profile"
	TabOrganizations Tab = "organizations"
	TabActivity      Tab = "activity"
)

// Tabs are those that who looks may see.
func (u UserPage) Tabs() []Tab {
	tabs := []Tab{TabProfile, TabSessions, TabOrganizations}
	if u.User.Events {
		tabs = append(tabs, TabActivity)
	}
	return tabs
}

// Here is the address of a page of the user: Here("/sessions"). More parameters are given as pairs.
func (u UserPage) Here(path string, more ...string) string {
	return u.At("/users/"+u.User.ID+path, more...)
}

// TabPath is the end of the address of a tab.
func (u UserPage) TabPath(tab Tab) string {
	if tab == TabProfile {
		return ""
	}
	return "/" + string(tab)
}

func (u UserPage) userView(file string) view {
	name := u.User.Name
	if name == "" {
		name = u.User.Email
	}
	v := u.dashboardView(file, "/users/"+u.User.ID+u.TabPath(u.Tab))
	v.heading = Message{id: "application.heading", values: values{"Application": name, "Tab": Message{id: "tab." + string(u.Tab)}}}
	v.errors = u.Errors
	return v
}

// DashboardUser is the tab Profile. It posts a field for each of Main and More, email-verified and phone-number-verified ("on"), to
// its address, and to …/enable.
type DashboardUser struct {
	UserPage
	EmailDenied                  Message // why she may not change the address and whether it is verified; zero if she may
	EmailVerified, PhoneVerified bool
	Main, More                   []ProfileField
	HasPassword                  bool
	Created, Changed             time.Time
}

func (p DashboardUser) view() view { return p.userView("dashboard_user") }

// ProfileField is a field of a profile.
type ProfileField struct {
	ID    string // the end of the ID of its label
	Value string
}

// DashboardUserSessions is the tab Sessions: those of each application. Its form has the field status, and the method GET; a
// session is posted to …/sessions/end.
type DashboardUserSessions struct {
	UserPage
	Status       string // "living" or "over"
	Applications []SessionTable
	EndAll       string // address of the page that ends all of them; "" if there are none
	Most         int    // sessions that are shown; 0 if all are
	All          string // address of the list that has them all; "" if they are shown
}

func (p DashboardUserSessions) view() view { return p.userView("dashboard_user_sessions") }

// SessionTable is a list of sessions.
type SessionTable struct {
	Name    string // of the application whose sessions they all are
	URI     string // address of its page
	EndAll  string // address of the page that ends all of them; "" for none
	Now     time.Time
	Rows    []SessionRow
	Columns SessionColumns

	EndAddress string // to which session is posted
	EndDenied  Message
}

// SessionColumns are those that not every list of sessions has.
type SessionColumns struct {
	Person, Application, Organization bool
}

// DashboardUserOrganizations is the tab Organizations.
type DashboardUserOrganizations struct {
	UserPage
	Rows []MemberRow
}

func (p DashboardUserOrganizations) view() view { return p.userView("dashboard_user_organizations") }

// MemberRow is one membership.
type MemberRow struct {
	Person
	ID           string // of the membership
	UserURI      string // address of the user's page
	Organization Reference
	Roles        []string
	Deactivated  bool
	Since        time.Time
}

// DashboardUserActivity is the tab Activity: what the user did, or what was done to her.
type DashboardUserActivity struct {
	UserPage
	Pager
	Of   string // "done_by" or "done_to"
	Rows []EventRow
}

func (p DashboardUserActivity) view() view { return p.userView("dashboard_user_activity") }

// DashboardSessionList lists the sessions of a user, an application or an organization. Its form has the fields person, application,
// organization and status, and the method GET; a session is posted to …/sessions/end-one.
type DashboardSessionList struct {
	Dashboard
	Pager
	Person, Application, Organization string
	Status                            string // "living" or "over"
	Asked                             bool   // for somebody's sessions
	Table                             SessionTable
	Errors                            []FieldError
}

func (p DashboardSessionList) view() view {
	v := p.dashboardView("dashboard_session_list", "/sessions")
	v.errors = p.Errors
	return v
}

// What needs to be confirmed of people.
const (
	ConfirmDisableUser        Confirmation = "disable_user"
	ConfirmDeleteUser         Confirmation = "delete_user"
	ConfirmEndSelected        Confirmation = "end_selected"
	ConfirmDeleteOrganization Confirmation = "delete_organization"
	ConfirmRemoveMember       Confirmation = "remove_member"
)

// What else ends.
var (
	EffectBrowsers    = Message{id: "effect.browsers"}    // the sign-ins of the user's browsers
	EffectMemberships = Message{id: "effect.memberships"} // all of an organization
)

// Texts of these pages.
var (
	TextUserSaved        = Message{id: "notice.user_saved", tone: toneSuccess}
	TextUserDisabled     = Message{id: "notice.user_disabled", tone: toneSuccess}
	TextUserEnabled      = Message{id: "notice.user_enabled", tone: toneSuccess}
	TextUserDeleted      = Message{id: "notice.user_deleted", tone: toneSuccess}
	TextNoApplication    = Message{id: "problem.no_application"}
	TextNoOrganization   = Message{id: "problem.no_organization"}
	TextOrganizationMade = Message{id: "notice.organization_made", tone: toneSuccess}
	TextOrganizationGone = Message{id: "notice.organization_gone", tone: toneSuccess}
	TextMemberAdded      = Message{id: "notice.member_added", tone: toneSuccess}
	TextMemberRemoved    = Message{id: "notice.member_removed", tone: toneSuccess}
)
