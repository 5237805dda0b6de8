package provider

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/templates"
)

// checkSession serves GET /oauth2/check_session: the page that an application asks, from a frame, whether the sign-in of
// the browser has changed (OpenID Connect Session Management 1.0 §3.3).
func (p *Provider) checkSession(w http.ResponseWriter, r *http.Request) {
	if err := templates.RenderCheckSession(w, p.Cookies.StateName(environments.FromContext(r.Context()))); err != nil {
		p.Log.ErrorContext(r.Context(), "page not rendered", "err", err)
	}
}

// sessionState is the session_state of an authorization response (§2): what the page works out for the same client, origin
// and browser state. An application without a web origin gets none.
func sessionState(req *authorizationRequest, browserState string) string {
	u, err := url.Parse(req.redirectURI)
	if err != nil || u.Host == "" {
		return ""
	}
	salt := rand.Text()
	sum := sha256.Sum256([]byte(req.application.ClientID + " " + u.Scheme + "://" + u.Host + " " + browserState + " " + salt))
	return hex.EncodeToString(sum[:]) + "." + salt
}
