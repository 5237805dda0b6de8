package login

import (
	"net/http"
	"strings"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/templates"
)

// brandOf is the look of the application's pages, or that of the environment where app is nil.
func brandOf(env *environments.Environment, app *clients.Application) environments.Brand {
	if app == nil {
		return env.Brand
	}
	return app.Brand(env)
}

// accentURL is the path of the style sheet of whoever has the accent: the application, or else the environment; "" if neither
// has one.
func accentURL(env *environments.Environment, app *clients.Application) string {
	owner, colour := string(env.ID), env.Brand.Accent
	if app != nil && app.Branding.Accent != "" {
		owner, colour = string(app.ID), app.Branding.Accent
	}
	accent, ok := templates.NewAccent(colour)
	if !ok {
		return ""
	}
	return env.PathPrefix() + "/brand/" + owner + "-" + accent.Hash() + ".css"
}

// showBrand serves GET /brand/{file}: the style sheet of an application or of the environment, to be kept for a year. An address
// with another hash, of an accent that was replaced, gets that of today and must not be kept.
func (h *Handler) showBrand(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	env := environments.FromContext(ctx)
	name, _ := strings.CutSuffix(r.PathValue("file"), ".css")
	owner, _, _ := strings.Cut(name, "-")
	colour := env.Brand.Accent
	if owner != string(env.ID) {
		app, err := h.Applications.ByID(ctx, env.ID, clients.ID(owner))
		if err != nil {
			return err
		}
		colour = app.Brand(env).Accent
	}
	accent, ok := templates.NewAccent(colour)
	if !ok {
		return fault.NotFoundf("There is no accent.")
	}
	header := w.Header()
	header.Set("Content-Type", "text/css; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'")
	header.Set("Cache-Control", "no-cache")
	if name == owner+"-"+accent.Hash() {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, err := w.Write([]byte(accent.StyleSheet()))
	return err
}
