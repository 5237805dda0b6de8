package provider

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/sessions"
)

// logout serves GET and POST /oauth2/logout (OIDC RP-Initiated Logout 1.0 §2). A valid id_token_hint ends the session that it
// was issued in; without one the End-User is asked first. A post_logout_redirect_uri that is not registered is never followed.
func (p *Provider) logout(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if r.Method == http.MethodPost {
		if _, err := readForm(r); err != nil {
			p.showError(w, r, &pageError{"request", describe(oauthError(err)), "OpenID Connect RP-Initiated Logout, section 2"})
			return
		}
	} else if err := r.ParseForm(); err != nil {
		p.showError(w, r, &pageError{"request", "is not properly form-encoded.", ""})
		return
	}
	form := r.Form
	clientID := form.Get("client_id")
	var hinted *hintClaims
	if text := form.Get("id_token_hint"); text != "" {
		var err error
		if hinted, err = p.hint(ctx, text); err != nil {
			p.showError(w, r, &pageError{"id_token_hint", "is not an ID token that was issued here.", "OpenID Connect RP-Initiated Logout, section 4"})
			return
		}
		if clientID != "" && clientID != hinted.Audience {
			p.showError(w, r, &pageError{"client_id", "differs from the audience of id_token_hint.", "OpenID Connect RP-Initiated Logout, section 2"})
			return
		}
		clientID = hinted.Audience
	}
	var app *clients.Application
	if clientID != "" {
		known, err := p.application(ctx, clientID)
		if err != nil && !errors.Is(err, clients.ErrNotFound) {
			p.showError(w, r, err)
			return
		}
		app = known
	}
	target := form.Get("post_logout_redirect_uri")
	if target != "" && (app == nil || !app.AllowsPostLogoutRedirect(target)) {
		problem := "is not registered for this application."
		if app == nil {
			problem = "came without an id_token_hint or client_id of an application here."
		}
		p.showError(w, r, &pageError{"post_logout_redirect_uri", problem, "OpenID Connect RP-Initiated Logout, section 3"})
		return
	}
	env := environments.FromContext(ctx)
	if hinted == nil || app == nil || hinted.Session == "" {
		query := url.Values{}
		set(query, "client_id", clientID)
		set(query, "post_logout_redirect_uri", target)
		set(query, "state", form.Get("state"))
		p.leave(w, r, env.PathPrefix()+"/sign-out?"+query.Encode())
		return
	}
	by := caller(r)
	ctx = audit.WithActor(ctx, audit.Actor{Kind: audit.ActorUser, ID: hinted.Subject, Address: by.Address, UserAgent: by.UserAgent})
	if _, err := p.Sessions.End(ctx, env.ID, sessions.Selection{Session: sessions.ID(hinted.Session)}, sessions.EndedSignedOut); err != nil {
		p.showError(w, r, err)
		return
	}
	p.Cookies.ChangeState(w, env)
	if app.FrontchannelLogoutURI != "" { // only the browser can tell the application
		query := url.Values{"client_id": {clientID}, "scope": {"application"}, "session": {hinted.Session}}
		set(query, "post_logout_redirect_uri", target)
		set(query, "state", form.Get("state"))
		p.leave(w, r, env.PathPrefix()+"/sign-out/done?"+query.Encode())
		return
	}
	target = app.PostLogoutTarget(target, form.Get("state"))
	if target == "" {
		p.leave(w, r, env.PathPrefix()+"/sign-out/done?"+url.Values{"client_id": {clientID}, "scope": {"application"}}.Encode())
		return
	}
	p.leave(w, r, target)
}

// leave sends the browser on, from the post of a form as well.
func (p *Provider) leave(w http.ResponseWriter, r *http.Request, address string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, address, http.StatusSeeOther)
}
