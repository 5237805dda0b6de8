package templates

import (
	"net/http"

	"github.com/portico-id/portico/static"
)

// RenderCheckSession writes the page that an application holds in a frame that nobody sees, to ask it whether the sign-in
// of the browser has changed (OpenID Connect Session Management 1.0 §3). It reads the cookie with the name.
func RenderCheckSession(w http.ResponseWriter, cookie string) error {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("X-Content-Type-Options", "nosniff")
	page := struct{ Cookie, Script string }{cookie, static.URL("check-session.js")}
	return pages()[tongueOf("").tag]["check_session"].Execute(w, page)
}
