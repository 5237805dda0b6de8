package templates

// DashboardBranding is the tab with the look of an application. It posts name, logo-uri, dark-logo-uri, accent, help-uri, policy-uri and
// tos-uri to its address, and to …/branding/restore. With the method GET the same fields show in the preview what
// they would make.
type DashboardBranding struct {
	ApplicationPage
	DisplayName                string // the field name
	LogoURI, DarkLogoURI       string
	HelpURI, PolicyURI, TOSURI string
	Accent                     string // as it was typed
	Corrected                  *Accent
	LightPreview, DarkPreview  string // addresses of the frames
	Draft                      bool   // the preview shows what is not saved
	Restorable                 bool
}

func (p DashboardBranding) view() view {
	v := p.tabView("dashboard_branding")
	v.frames = []string{"'self'"}
	return v
}

// SignInPreview is a sign-in page in a frame of the dashboard, which nobody can use. Its Chrome has a Theme.
type SignInPreview struct{ SignIn }

func (p SignInPreview) view() view {
	v := p.SignIn.view()
	v.framed = true
	return v
}

// TextRestored says that an application looks as its environment does.
var TextRestored = Message{id: "notice.restored", tone: toneSuccess}

// TextColour asks for a colour.
var TextColour = Message{id: "problem.colour"}
