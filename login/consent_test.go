package login_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/sessions"
)

func TestConsent(t *testing.T) {
	h := build(t)
	h.change(t, h.app.ID, func(a *clients.Application) {
		a.PolicyURI = "https://wiki.example/privacy"
	})
	nina := h.add(t, "nina@example.com")
	b := h.browser(t)
	b.signIn(h.app, nina.Email)

	query := b.request(h.app, "scope", "openid email offline_access email unheard-of")
	page := b.get("/consent"+query).shows(t, 200, "Allow Wiki to use your account?", "nina@example.com", "see your email address", "stay signed in when you are away", "wiki.example", "Privacy")
	if strings.Contains(page.text(), "unheard-of") {
		t.Error("the page asks for a scope that the application may not have")
	}
	b.post("/consent"+query, "action", "allow").goes(t, "/oauth2/authorize?client_id=wiki")

	want := []string{"openid", "email", "offline_access"}
	i := b.saved(query)
	if diff := cmp.Diff(want, i.Consented); diff != "" {
		t.Errorf("consented (-want +got):\n%s", diff)
	}
	kept, err := h.Ledger.Store.Consent(t.Context(), h.env.ID, nina.ID, h.app.ID)
	check(t, err)
	if diff := cmp.Diff(want, kept.Scopes); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	e := h.events.last(t, "consent.given")
	if data, _ := json.Marshal(e.Data); e.Actor.ID != string(nina.ID) || e.Application != string(h.app.ID) || string(data) != `{"scopes":["openid","email","offline_access"]}` {
		t.Errorf("the event is %+v", e)
	}
	b.get("/consent"+query).goes(t, "/oauth2/authorize?") // Back
}

func TestConsentRefused(t *testing.T) {
	h := build(t)
	nina := h.add(t, "nina@example.com")
	b := h.browser(t)
	b.signIn(h.app, nina.Email)
	query := b.request(h.app)
	b.get("/consent"+query).shows(t, 200)
	b.post("/consent"+query, "action", "deny").goes(t, "/oauth2/authorize?")
	if i := b.saved(query); !i.Denied || i.Consented != nil {
		t.Errorf("the interaction is %+v, want it denied", i)
	}
}

// What is allowed is allowed for the account that the page named.
func TestConsentNamesTheAccount(t *testing.T) {
	h := build(t)
	nina, omar := h.add(t, "nina@example.com"), h.add(t, "omar@example.com")
	b := h.browser(t)
	b.signIn(h.app, nina.Email)

	query := b.request(h.app)
	b.post("/consent"+query, "action", "allow").goes(t, "/consent?") // unseen
	b.get("/consent"+query).shows(t, 200, nina.Email)
	h.pass(time.Minute)
	b.signIn(h.app, omar.Email) // in another tab
	b.post("/consent"+query, "action", "allow").goes(t, "/oauth2/authorize?")
	if _, err := h.Ledger.Store.Consent(t.Context(), h.env.ID, nina.ID, h.app.ID); err != nil {
		t.Errorf("Nina's consent: %v", err)
	}
	if _, err := h.Ledger.Store.Consent(t.Context(), h.env.ID, omar.ID, h.app.ID); err == nil {
		t.Error("Omar has allowed what he was not asked")
	}

	// With two accounts it must be clear which one.
	query = b.request(h.app)
	b.get("/consent"+query).goes(t, "/sign-in/choose-account?")
	query = b.request(h.app, "login_hint", "OMAR@example.com")
	b.get("/consent"+query).shows(t, 200, omar.Email)
	b.post("/consent"+query, "action", "switch").goes(t, "/sign-in/choose-account?")
	if i := b.saved(query); i.Account != "" {
		t.Errorf("the account is still %q", i.Account)
	}
}

func TestConsentOfWhoIsSignedOut(t *testing.T) {
	h := build(t)
	nina := h.add(t, "nina@example.com")
	b := h.browser(t)
	b.signIn(h.app, nina.Email)
	query := b.request(h.app)
	b.get("/consent"+query).shows(t, 200)
	_, err := h.Sessions.EndUser(t.Context(), h.env.ID, nina.ID, sessions.EndedByOperator)
	check(t, err)
	b.post("/consent"+query, "action", "allow").goes(t, "/oauth2/authorize?") // which asks her to sign in
	if i := b.saved(query); i.Consented != nil {
		t.Error("she has allowed something after she was signed out")
	}
}

func TestConsentNamesWhereItGoes(t *testing.T) {
	h := build(t)
	h.add(t, "nina@example.com")
	b := h.browser(t)
	b.signIn(h.app, "nina@example.com")
	for _, test := range []struct{ uri, want string }{
		{"https://wiki.example/cb", "You will go to wiki.example ."},
		{"http://127.0.0.1:53210/cb", "You will go to 127.0.0.1:53210 ."},
		{"com.example.wiki:/cb", "You will go to com.example.wiki ."},
	} {
		b.get("/consent"+b.request(h.app, "redirect_uri", test.uri)).shows(t, 200, test.want)
	}
}
