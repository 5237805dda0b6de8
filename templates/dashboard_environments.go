package templates

import "time"

// DashboardEnvironments lists the environments of the installation.
type DashboardEnvironments struct {
	Dashboard
	Rows   []EnvironmentRow
	Denied Message // why she may not create one; zero if she may
}

func (p DashboardEnvironments) view() view {
	return view{file: "dashboard_environments", path: "/admin/environments", heading: Message{id: "dashboard_environments.heading"}, isolated: true}
}

// EnvironmentRow is one environment of a list.
type EnvironmentRow struct {
	Tenant
	Issuer       string
	Operators    bool // its users are the operators
	Managed      bool // portico apply declares it, and undoes what is changed here
	Applications int
	Users        int
	Default      NamedApplication // the application that people come to who come to none
}

// DashboardEnvironmentNew makes an environment. It posts name, slug and environment-kind to its address.
type DashboardEnvironmentNew struct {
	Dashboard
	DisplayName string // the field name
	Slug        string
	Kind        string
	Errors      []FieldError
}

func (p DashboardEnvironmentNew) view() view {
	return view{
		file: "dashboard_environment_new", path: "/admin/environments/new", heading: Message{id: "dashboard_environment_new.heading"}, errors: p.Errors, isolated: true,
	}
}

// DashboardEnvironmentCreated is the result: where applications find it, and what comes next.
type DashboardEnvironmentCreated struct {
	Dashboard
	Of EnvironmentRow
}

func (p DashboardEnvironmentCreated) view() view {
	v := p.dashboardView("dashboard_environment_created", "/environment/created")
	v.heading.values, v.announce = values{"Environment": p.Of.Name}, true
	return v
}

// DashboardEnvironment is the page of one environment. It posts name to its address, environment-kind to …/kind and
// application to …/default.
type DashboardEnvironment struct {
	Dashboard
	Of           EnvironmentRow
	ID           string
	Created      time.Time
	Token        string // the state that the forms show, posted as updated-at
	DisplayName  string // the field name
	Kind         string // the field environment-kind
	Default      string // the field application: an ID
	Applications []NamedApplication
	Unready      []UnreadyApplication // why it may not become one for production
	Changed      ChangeNote           // of its name, kind or default application
	Denied       Message              // why she may not change anything; zero if she may
	Errors       []FieldError
}

func (p DashboardEnvironment) view() view {
	v := p.dashboardView("dashboard_environment", "/environment")
	v.heading.values, v.errors = values{"Environment": p.Of.Name}, p.Errors
	return v
}

// NamedApplication is an application to choose.
type NamedApplication struct {
	ID, Name string
}

// UnreadyApplication is an application that production would refuse.
type UnreadyApplication struct {
	NamedApplication
	Reasons []string // sentences
}

// ChangeNote tells who changed something last. The zero value is nobody since it was made.
type ChangeNote struct {
	By string
	At time.Time
}

// TextUnready says that applications keep an environment from becoming one for production.
func TextUnready(n int) Message {
	return Message{id: "problem.unready", values: values{"Count": n}}
}

// TextNoSlug asks for what names an environment in its issuer.
var TextNoSlug = Message{id: "problem.no_slug"}
