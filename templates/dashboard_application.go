package templates

import "time"

// ApplicationPage surrounds the pages of one application: its name, and the tabs.
type ApplicationPage struct {
	Dashboard
	App    ApplicationHead
	Tab    Tab
	Denied Message // why she may not change it; zero if she may
	Token  string  // the state that the page shows, posted as updated-at, so that nobody undoes what she didn't see
	Errors []FieldError
}

// ApplicationHead is what every page of an application says of it.
type ApplicationHead struct {
	ID        string
	Name      string
	LogoURI   string
	Kind      string
	Default   bool
	Disabled  bool
	Managed   bool // by a file of portico apply
	HasUsers  bool // people sign in to it, so that it has sessions and a look
	Redirects bool // it is redirected to
}

// Tab is a page of an application: the end of its address and of the ID of its name.
type Tab string

// The tabs, in their order.
const (
	TabOverview    Tab = "overview"
	TabRedirects   Tab = "redirects"
	TabSessions    Tab = "sessions"
	TabCredentials Tab = "credentials"
	TabAccess      Tab = "access"
	TabBranding    Tab = "branding"
)

// Tabs are those that the application has.
func (a ApplicationPage) Tabs() []Tab {
	tabs := []Tab{TabOverview}
	if a.App.Redirects {
		tabs = append(tabs, TabRedirects)
	}
	tabs = append(tabs, TabSessions, TabCredentials, TabAccess)
	if a.App.HasUsers {
		tabs = append(tabs, TabBranding)
	}
	return tabs
}

// Here is the address of a page of the application: Here("/sessions"). More parameters are given as pairs.
func (a ApplicationPage) Here(path string, more ...string) string {
	return a.At("/applications/"+a.App.ID+path, more...)
}

func (a ApplicationPage) tabPath(tab Tab) string {
	if tab == TabOverview {
		return ""
	}
	return "/" + string(tab)
}

// tabView is the view of a tab, whose form posts to its address.
func (a ApplicationPage) tabView(file string) view {
	v := a.dashboardView(file, "/applications/"+a.App.ID+a.tabPath(a.Tab))
	v.heading = Message{id: "application.heading", values: values{"Application": a.App.Name, "Tab": Message{id: "tab." + string(a.Tab)}}}
	v.errors, v.images = a.Errors, []string{a.App.LogoURI}
	return v
}

// DashboardApplicationNew registers an application. It posts kind, name, redirect-uri, identifier and first-party ("on") to its
// address.
type DashboardApplicationNew struct {
	Dashboard
	Kind        string
	DisplayName string // the field name
	RedirectURI string // the field redirect-uri, for the kinds that are redirected to
	Identifier  string // the field identifier, of an API
	FirstParty  bool
	Errors      []FieldError
}

func (p DashboardApplicationNew) view() view {
	v := p.dashboardView("dashboard_application_new", "/applications/new")
	v.errors = p.Errors
	return v
}

// DashboardApplicationCreated is the result: how the application signs people in.
type DashboardApplicationCreated struct {
	ApplicationPage
	ClientID string
	Secret   string // shown once; "" if it was shown before, or there is none
	Public   bool   // it has no secret
	Issuer   string
	Snippets []Snippet
}

func (p DashboardApplicationCreated) view() view {
	v := p.tabView("dashboard_application_created")
	v.heading = Message{id: "dashboard_application_created.heading", values: values{"Application": p.App.Name}}
	v.announce = true
	return v
}

// DashboardOverview is the first page of an application.
type DashboardOverview struct {
	ApplicationPage
	ClientID  string
	Endpoints []Endpoint
	Snippets  []Snippet
	Findings  []Finding // of the check-up
	Created   time.Time
	Changed   time.Time
	Notes     ApplicationNotes
}

// ApplicationNotes are what operators note of an application. The form posts name (of an application without a look), description
// and metadata to …/notes.
type ApplicationNotes struct {
	DisplayName string // the field name
	Description string
	Metadata    string // KEY=VALUE, one a line
}

func (p DashboardOverview) view() view { return p.tabView("dashboard_overview") }

// Endpoint is an address that an application needs to know.
type Endpoint struct {
	Name string // the end of the ID of its name, such as "token"
	URI  string
}

// Finding is what the check-up found.
type Finding struct {
	What    string // as in clients.Trouble
	Warning bool
	Value   string
	Cure    Tab // where it is mended; "" if on no page of the dashboard
}

// Notices of the pages of applications.
var (
	TextApplicationDeleted  = Message{id: "notice.application_deleted", tone: toneSuccess}
	TextApplicationDisabled = Message{id: "notice.application_disabled", tone: toneSuccess}
	TextApplicationEnabled  = Message{id: "notice.application_enabled", tone: toneSuccess}
	TextDefaultMoved        = Message{id: "notice.default_moved", tone: toneSuccess}
)

// TextNoPair says that a line of the metadata is no pair, or has a key for the second time.
func TextNoPair(line string) Message {
	return Message{id: "problem.no_pair", values: values{"Line": line}}
}

// TextNoName says that a field for a name is empty.
var TextNoName = Message{id: "problem.no_name"}

// TextNoRedirectURI asks for the address that people come back to.
var TextNoRedirectURI = Message{id: "problem.no_redirect_uri"}

// TextChangedMeanwhile says that somebody else has changed what a form shows.
var TextChangedMeanwhile = Message{id: "problem.changed_meanwhile"}

// TextNotTheName asks for the name that confirms.
func TextNotTheName(name string) Message {
	return Message{id: "confirm.name_wrong", values: values{"Subject": name}}
}

// What a destructive action ends.
func EffectSessions(n int) Message {
	return Message{id: "effect.sessions", values: values{"Count": many(n)}}
}

func EffectSecrets(n int) Message {
	return Message{id: "effect.secrets", values: values{"Count": many(n)}}
}

func EffectAPIKeys(n int) Message {
	return Message{id: "effect.api_keys", values: values{"Count": many(n)}}
}

// EffectForGood says that it cannot be undone.
var EffectForGood = Message{id: "effect.for_good"}
