package templates

import "time"

// DashboardTestSignIn is where a test sign-in begins. It posts scopes and again ("on") to its address.
type DashboardTestSignIn struct {
	ApplicationPage
	Scopes  string // with spaces between
	Again   bool   // somebody who is signed in authenticates again
	Minutes int    // that the test waits
}

func (p DashboardTestSignIn) view() view {
	v := p.toolView("dashboard_test_sign_in", "/test-sign-in")
	v.leaves = true
	return v
}

// DashboardTested is how a test sign-in ended.
type DashboardTested struct {
	ApplicationPage
	Error, Description string // that an application would have got instead of a code, both "" if it got one
	Problem            Message
	Said               *TokensSaid // nil if there are no tokens
}

func (p DashboardTested) view() view {
	v := p.toolView("dashboard_tested", "/test-sign-in")
	v.heading, v.announce = Message{id: "dashboard_tested.heading", values: values{"Application": p.App.Name}}, true
	return v
}

// DashboardPreview is where an operator sees what tokens would say. Its form has user-id, organization-id, scopes, and authenticated-seconds-ago with its
// unit, and the method GET.
type DashboardPreview struct {
	ApplicationPage
	User          string // address or ID
	Organization  string // ID
	Organizations []Choice
	Scopes        string // with spaces between
	Ago           Duration
	Said          *TokensSaid // nil before she asks
}

func (p DashboardPreview) view() view { return p.toolView("dashboard_preview", "/preview") }

// toolView is the view of a page that the Overview leads to.
func (a ApplicationPage) toolView(file, path string) view {
	v := a.tabView(file)
	v.path += path
	v.heading = Message{id: file + ".heading", values: values{"Application": a.App.Name}}
	return v
}

// Choice is one of several values of a field.
type Choice struct{ Value, Name string }

// TokensSaid is what the tokens of a sign-in say, and how long each is good for.
type TokensSaid struct {
	Person       Person // who signed in; zero for client credentials
	Organization string // name; "" for none
	Scopes       []string
	Claims       []Claims
	Opaque       bool // the access token has no claims to read

	AccessToken time.Duration
	ClippedBy   string        // "inactivity" or "max_length": the session ends before the token would; "" if it doesn't
	IDToken     time.Duration // 0 if there is none
	Refreshable bool
	SessionEnds time.Time // without use; zero for client credentials
	SessionMax  time.Time // at the latest
}

// Claims are the claims of a token, or of what an endpoint answers.
type Claims struct {
	Of   string // "id_token", "access_token", "userinfo" or "introspection"
	JSON string // indented
}

// TextNoUserGiven asks whom a preview is about.
var TextNoUserGiven = Message{id: "problem.no_user_given"}

// Problems of a test sign-in.
var (
	TextTestOver   = Message{id: "tested.over"}
	TextTestForged = Message{id: "tested.forged"}
)
