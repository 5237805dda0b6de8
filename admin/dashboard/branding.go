package dashboard

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) brandingRoutes() []route {
	const tab = "/admin/env/{env}/applications/{app}/branding"
	return []route{
		{"GET " + tab, admin.ReadApplications, h.about(h.showBranding)},
		{"POST " + tab, admin.WriteApplications, h.about(h.saveBranding)},
		{"POST " + tab + "/restore", admin.WriteApplications, h.about(h.restoreBranding)},
		{"GET " + tab + "/preview", admin.ReadApplications, h.about(h.previewBranding)},
		{"GET " + tab + "/accent.css", admin.ReadApplications, h.about(h.previewAccent)},
	}
}

// look is what the tab shows of an application, or what was typed into it.
type look struct{ name, logo, dark, accent, help, policy, tos string }

func lookOf(app *clients.Application) look {
	return look{app.Name, logo(app), app.Branding.DarkLogoURI, app.Branding.Accent, app.Branding.HelpURI, app.PolicyURI, app.TOSURI}
}

// typedLook is that of a form; false if there is none.
func typedLook(form url.Values) (look, bool) {
	typed := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	return look{typed("name"), typed("logo-uri"), typed("dark-logo-uri"), strings.ToLower(typed("accent")), typed("help-uri"), typed("policy-uri"), typed("tos-uri")}, form.Has("accent")
}

// apply gives the application the look. The logo that it was registered with stays unless another is chosen.
func (l *look) apply(a *clients.Application) {
	a.Name, a.PolicyURI, a.TOSURI = l.name, l.policy, l.tos
	a.Branding = clients.Branding{DarkLogoURI: l.dark, Accent: l.accent, HelpURI: l.help}
	if l.logo != a.LogoURI {
		a.Branding.LogoURI = l.logo
	}
}

func (h *Handler) brandingPage(v *visit, app *clients.Application, l look) templates.DashboardBranding {
	page := templates.DashboardBranding{
		ApplicationPage: h.tab(v, app, templates.TabBranding), DisplayName: l.name, LogoURI: l.logo, DarkLogoURI: l.dark, Accent: l.accent,
		HelpURI: l.help, PolicyURI: l.policy, TOSURI: l.tos, Draft: l != lookOf(app), Restorable: app.Branding != clients.Branding{},
	}
	if accent, ok := templates.NewAccent(l.accent); ok {
		page.Corrected = &accent
	}
	preview := func(theme string) string {
		return v.atApplication(app, "/branding/preview", "theme", theme, "name", l.name, "logo-uri", l.logo, "dark-logo-uri", l.dark, "accent", l.accent, "help-uri", l.help, "policy-uri", l.policy, "tos-uri", l.tos)
	}
	page.LightPreview, page.DarkPreview = preview("light"), preview("dark")
	return page
}

// showBranding serves GET …/branding, with what the query has in the preview.
func (h *Handler) showBranding(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	l, typed := typedLook(r.URL.Query())
	if !typed {
		l = lookOf(app)
	}
	page := h.brandingPage(v, app, l)
	if l.accent != "" && page.Corrected == nil {
		page.Errors = []templates.FieldError{{Field: "accent", Text: templates.TextColour}}
	}
	return templates.Render(w, http.StatusOK, page)
}

// saveBranding serves POST …/branding.
func (h *Handler) saveBranding(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	l, _ := typedLook(r.PostForm)
	page := h.brandingPage(v, app, l)
	if l.name == "" {
		page.Errors = append(page.Errors, templates.FieldError{Field: "name", Text: templates.TextNoName})
	}
	if l.accent != "" && page.Corrected == nil {
		page.Errors = append(page.Errors, templates.FieldError{Field: "accent", Text: templates.TextColour})
	}
	var err error
	if len(page.Errors) == 0 {
		page.Errors, err = h.change(r, v, app, "name", func(a *clients.Application) error {
			l.apply(a)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(page.Errors) > 0 {
		if err := h.renew(r, v, &page.ApplicationPage); err != nil {
			return err
		}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	return to(w, r, v.atApplication(app, "/branding", "notice", "saved"))
}

// restoreBranding serves POST …/branding/restore.
func (h *Handler) restoreBranding(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	err := h.Applications.Update(r.Context(), v.env, app.ID, func(a *clients.Application) error {
		a.Branding = clients.Branding{}
		return nil
	})
	if err != nil {
		return err
	}
	return to(w, r, v.atApplication(app, "/branding", "notice", "restored"))
}

// previewBranding serves GET …/branding/preview: the sign-in page with the look of the query, in a frame.
func (h *Handler) previewBranding(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	l, _ := typedLook(r.URL.Query())
	page := templates.SignInPreview{SignIn: templates.SignIn{Chrome: h.chrome(r), SignUpOpen: v.env.SignUp}}
	draft := app.Clone()
	l.apply(draft)
	brand, c := draft.Brand(v.env), &page.Chrome
	c.Environment, c.Application, c.HelpURI, c.PolicyURI, c.TOSURI = v.env.Name, l.name, brand.HelpURI, brand.PolicyURI, brand.TOSURI
	c.LogoURI, c.DarkLogoURI = shown(brand.LogoURI), shown(brand.DarkLogoURI)
	c.Theme = "light"
	if r.URL.Query().Get("theme") == "dark" {
		c.Theme = "dark"
	}
	if _, ok := templates.NewAccent(brand.Accent); ok {
		c.AccentURL = v.atApplication(app, "/branding/accent.css", "accent", brand.Accent)
	}
	return templates.Render(w, http.StatusOK, page)
}

// shown is the address of an image as it may be typed; "" if it is none.
func shown(address string) string {
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return address
}

// previewAccent serves GET …/branding/accent.css.
func (h *Handler) previewAccent(w http.ResponseWriter, r *http.Request, _ *visit, _ *clients.Application) error {
	return writeAccent(w, r)
}

// writeAccent answers with the style sheet of the accent in the query.
func writeAccent(w http.ResponseWriter, r *http.Request) error {
	accent, ok := templates.NewAccent(r.URL.Query().Get("accent"))
	if !ok {
		return fault.NotFoundf("That is no colour.")
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	w.Header().Set("Cache-Control", "no-store")
	_, err := w.Write([]byte(accent.StyleSheet()))
	return err
}
