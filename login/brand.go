package login

import (
	"net/http"
	"strings"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/templates"
)

// accentURL is the path of the application's style sheet; "" if it has no accent of its own.
func accentURL(env *environments.Environment, app *clients.Application) string {
	accent, ok := templates.NewAccent(app.Branding.Accent)
	if !ok {
		return ""
	}
	return env.PathPrefix() + "/brand/" + string(app.ID) + "-" + accent.Hash() + ".css"
}

// showBrand serves GET /brand/{file}: the style sheet of an application, to be kept for a year. An address with another hash, of
// an accent that was replaced, gets that of today and must not be kept.
func (h *Handler) showBrand(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	env := environments.FromContext(ctx)
	name, _ := strings.CutSuffix(r.PathValue("file"), ".css")
	id, _, _ := strings.Cut(name, "-")
	app, err := h.Applications.ByID(ctx, env.ID, clients.ID(id))
	if err != nil {
		return err
	}
	accent, ok := templates.NewAccent(app.Branding.Accent)
	if !ok {
		return fault.NotFoundf("This application has no accent.")
	}
	header := w.Header()
	header.Set("Content-Type", "text/css; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'")
	header.Set("Cache-Control", "no-cache")
	if name == string(app.ID)+"-"+accent.Hash() {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, err = w.Write([]byte(accent.StyleSheet()))
	return err
}
