package provider

import (
	"net/http"
	"net/url"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
)

// The server has answered the preflight request, which names no application (Fetch §4.8); here an answer is made readable for
// scripts of the application that it is for, and of no other.

// share lets scripts of the request's origin read the answer if the application has the origin.
func share(w http.ResponseWriter, r *http.Request, app *clients.Application) {
	if origin := r.Header.Get("Origin"); origin != "" && app.AllowsOrigin(origin) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
	}
}

// shareWithClient shares the answer with the client that the request names, whether it proved itself or not: a refusal is for
// its scripts too.
func (p *Provider) shareWithClient(w http.ResponseWriter, r *http.Request) {
	if !p.fromApplication(r) {
		return
	}
	id := r.PostForm.Get("client_id")
	if user, _, ok := r.BasicAuth(); ok && id == "" {
		id, _ = url.QueryUnescape(user) // RFC 6749 §2.3.1; a malformed one is nobody's
	}
	if app, err := p.Applications.ByClientID(r.Context(), environments.FromContext(r.Context()).ID, id); err == nil {
		share(w, r, app)
	}
}

// shareRefusal shares the refusal of a token of which nobody knows whose it is. It tells nothing but that the token is no good,
// which a script must learn to get another.
func (p *Provider) shareRefusal(w http.ResponseWriter, r *http.Request) {
	if p.fromApplication(r) {
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	}
}

// fromApplication reports whether the request comes from a page at the origin of any application of the environment.
func (p *Provider) fromApplication(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	known, err := p.Applications.AllowsOrigin(r.Context(), environments.FromContext(r.Context()).ID, origin)
	return err == nil && known
}
