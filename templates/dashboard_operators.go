package templates

import "time"

// DashboardOperators lists the people who run the installation.
type DashboardOperators struct {
	Dashboard
	Rows   []OperatorRow
	Denied Message // why she may not change them; zero if she may
}

func (p DashboardOperators) view() view {
	return view{file: "dashboard_operators", path: "/admin/operators", heading: Message{id: "dashboard_operators.heading"}, isolated: true}
}

// OperatorRow is one operator.
type OperatorRow struct {
	Person
	ID      string
	Role    string
	Invited bool // she has not chosen a password
	Self    bool // she is who looks
	Since   time.Time
}

// DashboardOperatorNew invites an operator. It posts name, username and role to /admin/operators/new.
type DashboardOperatorNew struct {
	Dashboard
	DisplayName string // the field name
	Username    string
	NewRole     string // the field role
	Errors      []FieldError
}

func (p DashboardOperatorNew) view() view {
	return view{file: "dashboard_operator_new", path: "/admin/operators/new", heading: Message{id: "dashboard_operator_new.heading"}, errors: p.Errors, isolated: true}
}

// DashboardOperator shows one operator. It posts role to /admin/operators/<ID>, and to /admin/operators/<ID>/link for
// another link.
type DashboardOperator struct {
	Dashboard
	Of     OperatorRow
	Denied Message // why she may not change anything; zero if she may
	Errors []FieldError
}

func (p DashboardOperator) view() view {
	name := p.Of.Name
	if name == "" {
		name = p.Of.Email
	}
	return view{
		file: "dashboard_operator", path: "/admin/operators/" + p.Of.ID, errors: p.Errors, isolated: true,
		heading: Message{id: "dashboard_operator.heading", values: values{"Name": name}},
	}
}

// DashboardOperatorLink shows the link by which an operator chooses her password, once.
type DashboardOperatorLink struct {
	Dashboard
	Of   OperatorRow
	Link string // "" if it was shown before
	Days int    // for how long it works
}

func (p DashboardOperatorLink) view() view {
	return view{
		file: "dashboard_operator_link", isolated: true, announce: true,
		heading: Message{id: "dashboard_operator_link.heading", values: values{"Email": p.Of.Email}},
	}
}

// SetupPassword has an invited operator choose her password. It posts token (hidden), username (hidden) and password to
// /setup.
type SetupPassword struct {
	Chrome
	Token     string // of the one-time link
	Account   Person
	MinLength int // of the password, in characters
	Errors    []FieldError
}

func (p SetupPassword) view() view {
	return view{path: "/setup", file: "setup_password", errors: p.Errors, heading: Message{id: "setup_password.heading"}, isolated: true}
}

// DashboardConfirm is the page of its own that a destructive action has. It posts to the address of the page.
type DashboardConfirm struct {
	Dashboard
	What    Confirmation
	Subject string    // what it happens to
	Effects []Message // what ends, and how much of it
	Typed   bool      // the subject must be typed into the field confirm-name
	Token   string    // the state that the operator has seen, posted as updated-at; "" for none
	Path    string    // of the page
	Params  []string  // of its address, as pairs
	Back    string    // address to cancel to
	Errors  []FieldError
}

func (p DashboardConfirm) view() view {
	return view{
		file: "dashboard_confirm", path: p.Path, params: p.Params, errors: p.Errors, isolated: true,
		heading: Message{id: "confirm." + string(p.What), values: values{"Subject": p.Subject}},
	}
}

// Confirmation is what is to be confirmed: the end of the IDs of its texts.
type Confirmation string

// What needs to be confirmed.
const (
	ConfirmRemoveOperator     Confirmation = "remove_operator"
	ConfirmDisableApplication Confirmation = "disable_application"
	ConfirmDeleteApplication  Confirmation = "delete_application"
	ConfirmEndSessions        Confirmation = "end_sessions"
	ConfirmEndCredential      Confirmation = "end_credential"
)

// Notices of the pages of operators.
var (
	TextOperatorRemoved = Message{id: "notice.operator_removed", tone: toneSuccess}
	TextRoleSaved       = Message{id: "notice.role_saved", tone: toneSuccess}
)
