package demo

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
)

// signOut serves POST /notes/sign-out: it forgets the account here and sends the browser to the
// provider (OIDC RP-Initiated Logout). With scope=everywhere it gives no id_token_hint, so that the
// provider asks what to sign out of.
func (a *app) signOut(w http.ResponseWriter, r *http.Request, s *session) error {
	idToken := s.account.IDToken
	s.account = nil
	next := &session{leaving: rand.Text()}
	next.report(notice{Title: "You are signed out of " + a.client.Name, Text: "Portico did not confirm that it ended its session too."})
	a.sessions.give(w, r, next)

	p, err := a.issuer.discover(r.Context())
	if err != nil || p.EndSession == "" {
		return a.goHome(w, r)
	}
	to, err := url.Parse(p.EndSession)
	if err != nil {
		return a.goHome(w, r)
	}
	q := to.Query()
	q.Set("client_id", a.client.ID)
	q.Set("post_logout_redirect_uri", a.baseURL+a.path+"/signed-out")
	q.Set("state", next.leaving)
	if r.FormValue("scope") != "everywhere" {
		q.Set("id_token_hint", idToken)
	}
	to.RawQuery = q.Encode()
	next.steps = []step{logoutStep(a.client.Name, to)}
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
	return nil
}

// signedOut serves the post_logout_redirect_uri.
func (a *app) signedOut(w http.ResponseWriter, r *http.Request) error {
	s, ok := a.sessions.of(r)
	if !ok {
		return a.goHome(w, r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if state := r.URL.Query().Get("state"); s.leaving != "" && state == s.leaving {
		s.leaving = ""
		s.report(
			notice{Title: "You are signed out of " + a.client.Name, Text: "Portico ended the session and sent you back."},
			append(s.steps, logoutAnswerStep(a.baseURL+r.URL.Path, r.URL.Query()))...,
		)
	}
	return a.goHome(w, r)
}

// backchannelLogout serves a logout token that the provider posts (OIDC Back-Channel Logout §2.5).
func (a *app) backchannelLogout(w http.ResponseWriter, r *http.Request) error {
	p, err := a.issuer.discover(r.Context())
	if err != nil {
		return err
	}
	claims, err := p.verifyLogout(a.issuer.context(r.Context()), a.client.ID, r.PostFormValue("logout_token"))
	if err != nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		return json.NewEncoder(w).Encode(map[string]string{"error": "invalid_request", "error_description": err.Error()})
	}
	a.sessions.end(claims.SID, claims.Subject,
		notice{Title: "Portico signed you out of " + a.client.Name, Text: "The session was ended somewhere else, and Portico told every application that was part of it."},
		a.backchannelStep(claims))
	w.WriteHeader(http.StatusOK)
	return nil
}
