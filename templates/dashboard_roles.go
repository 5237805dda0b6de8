package templates

// DashboardRoles lists the roles that members of organizations can have.
type DashboardRoles struct {
	Dashboard
	Rows   []RoleRow
	Denied Message // why she may not change them; zero if she may
}

func (p DashboardRoles) view() view { return p.dashboardView("dashboard_roles", "/roles") }

// RoleRow is one role.
type RoleRow struct {
	ID, Name, Description string
	Permissions           []string
	Managed               bool // by a file of portico apply
}

// DashboardRole makes a role, or changes one. It posts name, unless the role is there, description and permissions, one a line, to
// its address.
type DashboardRole struct {
	Dashboard
	ID          string // "" for a new one
	RoleName    string // the field name
	Description string
	Permissions string
	Token       string  // the state that the form shows, posted as updated-at; "" for a new one
	Managed     bool    // by a file of portico apply
	Denied      Message // why she may not change it; zero if she may
	Errors      []FieldError
}

func (p DashboardRole) view() view {
	if p.ID == "" {
		v := p.dashboardView("dashboard_role", "/roles/new")
		v.errors = p.Errors
		return v
	}
	v := p.dashboardView("dashboard_role", "/roles/"+p.ID)
	v.heading, v.errors = Literal(p.RoleName), p.Errors
	return v
}

// ConfirmDeleteRole asks before a role is taken away from everybody who has it.
const ConfirmDeleteRole Confirmation = "delete_role"

// TextRoleDeleted says that a role is gone.
var TextRoleDeleted = Message{id: "notice.role_deleted", tone: toneSuccess}
