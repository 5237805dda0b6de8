package templates

import "time"

// DashboardOrganizations lists the organizations of an environment, the latest made first. Its form has the field q, and the
// method GET.
type DashboardOrganizations struct {
	Dashboard
	Pager
	Query  string
	Rows   []OrganizationRow
	Denied Message // why she may not create one; zero if she may
	Errors []FieldError
}

func (p DashboardOrganizations) view() view {
	v := p.dashboardView("dashboard_organizations", "/organizations")
	v.errors = p.Errors
	return v
}

// OrganizationRow is one organization of a list.
type OrganizationRow struct {
	ID, Name, Slug string
	Created        time.Time
}

// DashboardOrganizationNew makes an organization. It posts name and slug to its address.
type DashboardOrganizationNew struct {
	Dashboard
	DisplayName string // the field name
	Slug        string
	Errors      []FieldError
}

func (p DashboardOrganizationNew) view() view {
	v := p.dashboardView("dashboard_organization_new", "/organizations/new")
	v.errors = p.Errors
	return v
}

// DashboardOrganization shows an organization with its members. It posts name and slug to its address, and person with a field
// role-<name> ("on") for each role to …/members.
type DashboardOrganization struct {
	Dashboard
	Pager
	Organization OrganizationRow
	DisplayName  string // the field name
	Slug         string
	Token        string // the state that the form shows, posted as updated-at
	Person       string // the field of who is to be a member
	Members      []MemberRow
	Roles        []RoleTick
	Sessions     string  // address of the list of its living sessions
	Denied       Message // why she may not change it; zero if she may
	Errors       []FieldError
}

func (p DashboardOrganization) view() view {
	v := p.dashboardView("dashboard_organization", "/organizations/"+p.Organization.ID)
	v.heading, v.errors = Literal(p.Organization.Name), p.Errors
	return v
}

// RoleTick is a role that a member may have: the end of the name of a field, which may be ticked.
type RoleTick struct {
	Name, Description string
	Ticked            bool
}

// DashboardMember shows one member of an organization. It posts state and a field role-<name> ("on") for each role to its address.
type DashboardMember struct {
	Dashboard
	Organization OrganizationRow
	Member       MemberRow
	State        string // "active" or "deactivated"
	Token        string // the state that the form shows, posted as updated-at
	Roles        []RoleTick
	Denied       Message // why she may not change it; zero if she may
	Errors       []FieldError
}

func (p DashboardMember) view() view {
	v := p.dashboardView("dashboard_member", "/organizations/"+p.Organization.ID+"/members/"+p.Member.ID)
	name := p.Member.Name
	if name == "" {
		name = p.Member.Email
	}
	v.heading = Message{id: "application.heading", values: values{"Application": name, "Tab": Literal(p.Organization.Name)}}
	v.errors = p.Errors
	return v
}
