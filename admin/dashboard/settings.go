package dashboard

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) settingsRoutes() []route {
	const all, brand = "/admin/env/{env}/settings", "/admin/env/{env}/settings/brand"
	return []route{
		{"GET " + all, admin.ReadSettings, h.showSettings},
		{"POST " + all + "/sign-up", admin.WriteSettings, h.saveSignUp},
		{"POST " + all + "/clocks", admin.WriteSettings, h.saveClocks},
		{"POST " + all + "/test-mail", admin.WriteSettings, h.testMail},
		{"GET " + brand, admin.ReadSettings, h.showBrand},
		{"POST " + brand, admin.WriteSettings, h.saveBrand},
		{"POST " + brand + "/restore", admin.WriteSettings, h.restoreBrand},
		{"GET " + brand + "/preview", admin.ReadSettings, h.previewBrand},
		{"GET " + brand + "/accent.css", admin.ReadSettings, h.previewBrandAccent},
	}
}

func settingsPage(v *visit, tab templates.SettingsTab) templates.SettingsPage {
	return templates.SettingsPage{
		Dashboard: v.in(templates.SectionSettings), Tab: tab, Token: settingsToken(v.env.Settings()), Denied: v.denied(admin.WriteSettings),
	}
}

func (h *Handler) generalSettings(r *http.Request, v *visit) (templates.DashboardSettings, error) {
	b := &v.env.BrowserSessions
	page := templates.DashboardSettings{
		SettingsPage: settingsPage(v, templates.SettingsGeneral), SignUp: v.env.SignUp, MaxLength: templates.DurationOf(b.MaxLength),
		Inactivity: templates.DurationOf(b.InactivityTimeout), Unremembered: templates.DurationOf(b.UnrememberedMax),
	}
	if h.Mailbox != nil {
		page.Mailbox = "/dev/mailbox"
	}
	history, err := h.settingsChanges(r.Context(), v.env)
	page.SignUpChanged, page.ClocksChanged = history.last("sign_up"), history.last("browser_sessions")
	return page, err
}

// showSettings serves GET …/settings.
func (h *Handler) showSettings(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := h.generalSettings(r, v)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

// settingsProblems are what is wrong with a form of the settings.
func settingsProblems(err error, field string) ([]templates.FieldError, error) {
	if errors.Is(err, errChanged) {
		return []templates.FieldError{{Field: field, Text: templates.TextChangedMeanwhile}}, nil
	}
	return problems(err, field)
}

// saveSignUp serves POST …/settings/sign-up.
func (h *Handler) saveSignUp(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := h.generalSettings(r, v)
	if err != nil {
		return err
	}
	page.SignUp = r.PostForm.Get("sign-up") != ""
	page.Errors, err = settingsProblems(h.changeSettings(r, v, func(s *environments.Settings) { s.SignUp = page.SignUp }), "sign-up")
	return settingsSaved(w, r, v, err, page.Errors, page)
}

// settingsSaved shows the page again with what is wrong, or leads to it.
func settingsSaved(w http.ResponseWriter, r *http.Request, v *visit, err error, wrong []templates.FieldError, page templates.Page) error {
	switch {
	case err != nil:
		return err
	case len(wrong) > 0:
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	return to(w, r, v.at("/settings", "notice", "saved"))
}

// saveClocks serves POST …/settings/clocks.
func (h *Handler) saveClocks(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := h.generalSettings(r, v)
	if err != nil {
		return err
	}
	var next environments.BrowserSessionsDocument
	for _, clock := range []struct {
		field string
		typed *templates.Duration
		value *int64
	}{
		{"inactivity-timeout", &page.Inactivity, &next.InactivityTimeout},
		{"max-length", &page.MaxLength, &next.MaxLength},
		{"unremembered-max", &page.Unremembered, &next.UnrememberedMax},
	} {
		*clock.typed = templates.Duration{Number: r.PostForm.Get(clock.field), Unit: r.PostForm.Get(clock.field + "-unit")}
		value, ok := clock.typed.Value()
		if !ok {
			page.Errors = append(page.Errors, templates.FieldError{Field: clock.field, Text: templates.TextNumber})
		}
		*clock.value = int64(value / time.Second)
	}
	if len(page.Errors) == 0 {
		page.Errors, err = settingsProblems(h.changeSettings(r, v, func(s *environments.Settings) { s.BrowserSessions = next }), "max-length")
	}
	return settingsSaved(w, r, v, err, page.Errors, page)
}

// testMail serves POST …/settings/test-mail: it waits for what the mail server answers.
func (h *Handler) testMail(w http.ResponseWriter, r *http.Request, v *visit) error {
	err := h.SendTest(r.Context(), v.env, v.operator.Email, v.shell.Language)
	if err == nil {
		return to(w, r, v.at("/settings", "notice", "test_mail"))
	}
	f := fault.Of(err)
	if f.Kind != fault.Unavailable {
		return err
	}
	page, err := h.generalSettings(r, v)
	if err != nil {
		return err
	}
	page.MailProblem = f.Message
	return templates.Render(w, http.StatusUnprocessableEntity, page)
}

// typedBrand is the brand of a form; false if there is none.
func typedBrand(form url.Values) (environments.Brand, bool) {
	typed := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	return environments.Brand{
		LogoURI: typed("logo-uri"), DarkLogoURI: typed("dark-logo-uri"), Accent: strings.ToLower(typed("accent")), HelpURI: typed("help-uri"),
		PolicyURI: typed("policy-uri"), TOSURI: typed("tos-uri"),
	}, form.Has("accent")
}

func (h *Handler) brandPage(r *http.Request, v *visit, b environments.Brand) (templates.DashboardBrand, error) {
	page := templates.DashboardBrand{
		SettingsPage: settingsPage(v, templates.SettingsBrand), LogoURI: b.LogoURI, DarkLogoURI: b.DarkLogoURI, Accent: b.Accent, HelpURI: b.HelpURI,
		PolicyURI: b.PolicyURI, TOSURI: b.TOSURI, Draft: b != v.env.Brand, Restorable: v.env.Brand != environments.Brand{},
	}
	if accent, ok := templates.NewAccent(b.Accent); ok {
		page.Corrected = &accent
	} else if b.Accent != "" {
		page.Errors = []templates.FieldError{{Field: "accent", Text: templates.TextColour}}
	}
	preview := func(theme string) string {
		return v.at("/settings/brand/preview", "theme", theme, "logo-uri", b.LogoURI, "dark-logo-uri", b.DarkLogoURI, "accent", b.Accent,
			"help-uri", b.HelpURI, "policy-uri", b.PolicyURI, "tos-uri", b.TOSURI)
	}
	page.LightPreview, page.DarkPreview = preview("light"), preview("dark")
	history, err := h.settingsChanges(r.Context(), v.env)
	page.Changed = history.last("brand")
	return page, err
}

// showBrand serves GET …/settings/brand, with what the query has in the preview.
func (h *Handler) showBrand(w http.ResponseWriter, r *http.Request, v *visit) error {
	brand, typed := typedBrand(r.URL.Query())
	if !typed {
		brand = v.env.Brand
	}
	page, err := h.brandPage(r, v, brand)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

// saveBrand serves POST …/settings/brand.
func (h *Handler) saveBrand(w http.ResponseWriter, r *http.Request, v *visit) error {
	brand, _ := typedBrand(r.PostForm)
	page, err := h.brandPage(r, v, brand)
	if err != nil {
		return err
	}
	if len(page.Errors) == 0 {
		page.Errors, err = settingsProblems(h.changeSettings(r, v, func(s *environments.Settings) { s.Brand = brand }), "logo-uri")
	}
	if err != nil {
		return err
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	return to(w, r, v.at("/settings/brand", "notice", "saved"))
}

// restoreBrand serves POST …/settings/brand/restore.
func (h *Handler) restoreBrand(w http.ResponseWriter, r *http.Request, v *visit) error {
	err := h.changeSettings(r, v, func(s *environments.Settings) { s.Brand = environments.Brand{} })
	if errors.Is(err, errChanged) {
		page, err := h.brandPage(r, v, v.env.Brand)
		if err != nil {
			return err
		}
		page.Errors = []templates.FieldError{{Field: "logo-uri", Text: templates.TextChangedMeanwhile}}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	if err != nil {
		return err
	}
	return to(w, r, v.at("/settings/brand", "notice", "brand_restored"))
}

// previewBrand serves GET …/settings/brand/preview: the sign-in page with the look of the query, in a frame.
func (h *Handler) previewBrand(w http.ResponseWriter, r *http.Request, v *visit) error {
	brand, _ := typedBrand(r.URL.Query())
	page := templates.SignInPreview{SignIn: templates.SignIn{Chrome: h.chrome(r), SignUpOpen: v.env.SignUp}}
	c := &page.Chrome
	c.Environment, c.HelpURI, c.PolicyURI, c.TOSURI = v.env.Name, brand.HelpURI, brand.PolicyURI, brand.TOSURI
	c.LogoURI, c.DarkLogoURI = shown(brand.LogoURI), shown(brand.DarkLogoURI)
	c.Theme = "light"
	if r.URL.Query().Get("theme") == "dark" {
		c.Theme = "dark"
	}
	if _, ok := templates.NewAccent(brand.Accent); ok {
		c.AccentURL = v.at("/settings/brand/accent.css", "accent", brand.Accent)
	}
	return templates.Render(w, http.StatusOK, page)
}

// previewBrandAccent serves GET …/settings/brand/accent.css.
func (h *Handler) previewBrandAccent(w http.ResponseWriter, r *http.Request, _ *visit) error {
	return writeAccent(w, r)
}
