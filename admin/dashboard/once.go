package dashboard

import (
	"encoding/base64"
	"net/http"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/keys"
)

// What is shown once travels from the post that made it to the page that shows it in a cookie, encrypted for that page and
// that sign-in. The page deletes the cookie: neither a reload nor Back shows the secret again.

const (
	onceCookie  = "portico-once"
	onceSeconds = 300
)

func onceLabel(r *http.Request, v *visit, path string) keys.Label {
	return keys.Label{Environment: environments.FromContext(r.Context()).ID, ID: string(v.browser) + " " + path, Purpose: "shown once"}
}

// showOnce sends the browser to the page at the path, which shows the secret.
func (h *Handler) showOnce(w http.ResponseWriter, r *http.Request, v *visit, path, secret string) error {
	sealed := h.Vault.Encrypt(onceLabel(r, v, path), []byte(secret))
	h.setOnce(w, base64.RawURLEncoding.EncodeToString(sealed), onceSeconds)
	return to(w, r, v.shell.Href(path))
}

// once returns the secret for this page and forgets it; "" if it was shown before.
func (h *Handler) once(w http.ResponseWriter, r *http.Request, v *visit) string {
	cookie, err := r.Cookie(onceCookie)
	if err != nil {
		return ""
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return ""
	}
	secret, err := h.Vault.Decrypt(onceLabel(r, v, r.URL.Path), sealed)
	if err != nil {
		return "" // for another page
	}
	h.setOnce(w, "", -1)
	return string(secret)
}

func (h *Handler) setOnce(w http.ResponseWriter, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: onceCookie, Value: value, Path: "/admin", MaxAge: seconds, Secure: h.Cookies.Secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}
