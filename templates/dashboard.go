package templates

import (
	"slices"
	"time"
)

// Dashboard surrounds the pages of the dashboard: the column with the menu, and who is signed in.
type Dashboard struct {
	Chrome
	Operator  Person
	Role      string    // "owner", "admin", "support" or "viewer"
	Tenant    Tenant    // the environment that the menu leads through
	Tenants   []Tenant  // all that she may see
	Menu      []Section // what she may see of it
	Section   Section   // the one that the page belongs to
	Installed []Section // what she may see of the installation
	SignOut   string    // address
}

// Tenant is an environment in the dashboard.
type Tenant struct {
	Slug       string
	Name       string
	Production bool
}

// Section is an item of the menu: the end of its address and of the ID of its name.
type Section string

// The sections, in the order of the menu: those of an environment, then those of the installation.
const (
	SectionApplications  Section = "applications"
	SectionUsers         Section = "users"
	SectionOrganizations Section = "organizations"
	SectionEvents        Section = "events"
	SectionKeys          Section = "keys"
	SectionSettings      Section = "settings"
	SectionEnvironments  Section = "environments"
	SectionOperators     Section = "operators"
)

// At is the address of a page of the environment: At("/applications"). More parameters are given as pairs.
func (d Dashboard) At(path string, more ...string) string {
	return d.Href("/admin/env/"+d.Tenant.Slug+path, more...)
}

// In is the address of the page's section in another environment; its first page where the section is none of an environment.
func (d Dashboard) In(t Tenant) string {
	section := SectionApplications
	if slices.Contains(d.Menu, d.Section) {
		section = d.Section
	}
	return d.Href("/admin/env/" + t.Slug + "/" + string(section))
}

// dashboardView is the view of a page of the dashboard. Its path is below the environment's.
func (d Dashboard) dashboardView(file, path string) view {
	return view{file: file, path: "/admin/env/" + d.Tenant.Slug + path, heading: Message{id: file + ".heading"}, isolated: true}
}

// NeedsRole is why an operator can't do what she sees.
func NeedsRole(role string) Message {
	return Message{id: "dashboard.needs_role", values: values{"Role": Message{id: "role." + role}}}
}

// Pager leads through the pages of a list. "" leaves a link out.
type Pager struct {
	Newer, Older string // addresses
}

// DashboardApplications lists the applications of an environment. Its form has the fields q and kind, and the method GET.
type DashboardApplications struct {
	Dashboard
	Pager
	Query  string
	Kind   string // as in clients.Kind; "" for any
	Rows   []ApplicationRow
	Denied Message // why she may not create one; zero if she may
}

func (p DashboardApplications) view() view {
	v := p.dashboardView("dashboard_applications", "/applications")
	for _, row := range p.Rows {
		v.images = append(v.images, row.LogoURI)
	}
	return v
}

// Filtered reports whether the list leaves something out.
func (p DashboardApplications) Filtered() bool { return p.Query != "" || p.Kind != "" }

// ApplicationRow is one application of a list.
type ApplicationRow struct {
	ID         string
	Name       string
	LogoURI    string
	Kind       string
	ClientID   string
	Default    bool
	Disabled   bool
	Managed    bool // by a file of portico apply
	HasUsers   bool // so it has sessions
	Living     int
	LastSignIn time.Time // zero if there was none
	Warnings   int       // of its check-up
	Hints      int
}
