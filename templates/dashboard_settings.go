package templates

// SettingsTab is a tab of the settings of an environment: the end of the ID of its name.
type SettingsTab string

// The tabs of the settings.
const (
	SettingsGeneral SettingsTab = "general"
	SettingsBrand   SettingsTab = "brand"
)

// SettingsPage surrounds the pages of the settings.
type SettingsPage struct {
	Dashboard
	Tab    SettingsTab
	Token  string  // the state that the forms show, posted as updated-at
	Denied Message // why she may not change anything; zero if she may
	Errors []FieldError
}

// SettingsTabs lists them.
func (p SettingsPage) SettingsTabs() []SettingsTab {
	return []SettingsTab{SettingsGeneral, SettingsBrand}
}

// Of is the address of a tab.
func (p SettingsPage) Of(tab SettingsTab) string { return p.At(tab.path()) }

func (t SettingsTab) path() string {
	if t == SettingsGeneral {
		return "/settings"
	}
	return "/settings/" + string(t)
}

func (p SettingsPage) settingsView(file string) view {
	v := p.dashboardView(file, p.Tab.path())
	v.heading, v.errors = Message{id: "settings.heading", values: values{"Tab": Message{id: "settings.tab." + string(p.Tab)}}}, p.Errors
	return v
}

// DashboardSettings has what isn't the brand. It posts sign-up ("on") to …/sign-up; max-length, inactivity-timeout and
// unremembered-max, each with its unit, to …/clocks; and to …/test-mail.
type DashboardSettings struct {
	SettingsPage
	SignUp                              bool
	SignUpChanged                       ChangeNote
	MaxLength, Inactivity, Unremembered Duration
	ClocksChanged                       ChangeNote
	Mailbox                             string // address of the mailbox in which all mail stops; "" if it is sent
	MailProblem                         string // why the test was not sent; "" if none was asked for
}

func (p DashboardSettings) view() view { return p.settingsView("dashboard_settings") }

// DashboardBrand is the look of the environment. It posts logo-uri, dark-logo-uri, accent, help-uri, policy-uri and tos-uri to
// its address, and to …/restore. With the method GET the same fields show in the preview what they would make.
type DashboardBrand struct {
	SettingsPage
	LogoURI, DarkLogoURI, HelpURI, PolicyURI, TOSURI string
	Accent                                           string // as it was typed
	Corrected                                        *Accent
	LightPreview, DarkPreview                        string // addresses of the frames
	Draft                                            bool   // the preview shows what is not saved
	Restorable                                       bool
	Changed                                          ChangeNote
}

func (p DashboardBrand) view() view {
	v := p.settingsView("dashboard_brand")
	v.frames = []string{"'self'"}
	return v
}

// TextBrandRestored says that the environment looks as Portico does.
var TextBrandRestored = Message{id: "notice.brand_restored", tone: toneSuccess}

// TextTestMail says that the mail server took the test.
var TextTestMail = Message{id: "notice.test_mail", tone: toneSuccess}
