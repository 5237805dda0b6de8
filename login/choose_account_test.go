package login_test

import (
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/sessions"
)

// Acceptance 16.
func TestChooseAccount(t *testing.T) {
	h := build(t)
	nina, omar := h.add(t, "nina@example.com"), h.add(t, "omar@example.com")
	b := h.browser(t)
	b.get("/sign-in/choose-account"+b.request(h.app)).goes(t, "/sign-in?") // nobody is known yet
	b.signIn(h.app, nina.Email)
	h.pass(time.Minute)
	b.signIn(h.app, omar.Email)
	ninas, omars := b.account(h.app, nina.Email).BrowserSession.ID, b.account(h.app, omar.Email).BrowserSession.ID

	query := b.request(h.app, "prompt", "select_account")
	b.get("/sign-in/choose-account"+query).shows(t, 200, "Choose an account for Wiki", nina.Email, omar.Email, "Signed in")
	b.post("/sign-in/choose-account"+query, "account", string(ninas)).goes(t, "/oauth2/authorize?")
	if got := b.saved(query).Account; got != ninas {
		t.Errorf("the account is %q, want Nina's %q", got, ninas)
	}
	b.get("/sign-in/choose-account"+query).goes(t, "/oauth2/authorize?") // Back

	query = b.request(h.app)
	b.post("/sign-in/choose-account"+query, "account", "brs_of_somebody").goes(t, "/sign-in/choose-account?")
	r := b.post("/sign-in/choose-account"+query, "action", "other").goes(t, "/sign-in?")
	b.get(r.to).shows(t, 200, "[username=]")

	// One that must authenticate again is asked for the password.
	h.pass(time.Minute)
	query = b.requestAfter(h.app, h.clock())
	b.post("/sign-in/choose-account"+query, "account", string(omars)).goes(t, "/sign-in/password?")
	b.get("/sign-in/password"+query).shows(t, 200, omar.Email)
	if got := b.saved(query).Account; got != "" {
		t.Errorf("the account is %q before she has authenticated", got)
	}

	// So is one that was signed out, which this browser still knows.
	_, err := h.Sessions.EndBrowser(t.Context(), h.env.ID, ninas, sessions.EndedSignedOut)
	check(t, err)
	query = b.request(h.app)
	r = b.get("/sign-in/choose-account"+query).shows(t, 200, nina.Email, omar.Email)
	if strings.Index(r.body, omar.Email) > strings.Index(r.body, nina.Email) {
		t.Error("who is signed in does not come first")
	}
	b.post("/sign-in/choose-account"+query, "account", string(ninas)).goes(t, "/sign-in/password?")
}

func TestRemoveAccount(t *testing.T) {
	h := build(t)
	nina, omar := h.add(t, "nina@example.com"), h.add(t, "omar@example.com")
	b := h.browser(t)
	ninas := b.signIn(h.app, nina.Email)
	omars := b.signIn(h.app, omar.Email)

	query := b.request(h.app)
	b.get("/sign-in/choose-account"+query+"&mode=remove").shows(t, 200, nina.Email, omar.Email)
	r := b.post("/sign-in/choose-account"+query, "remove", string(ninas.BrowserSession)).goes(t, "/sign-in/choose-account?")
	if !strings.Contains(r.to, "mode=remove") {
		t.Errorf("the list is shown at %q, want it in the mode of removing", r.to)
	}
	if page := b.get(r.to).shows(t, 200, omar.Email); strings.Contains(page.body, nina.Email) {
		t.Error("Nina is still on the list")
	}
	ended, err := h.Sessions.Store.Session(t.Context(), h.env.ID, ninas.ID)
	check(t, err)
	if ended.EndedReason != sessions.EndedSignedOut || ended.EndedBy != string(nina.ID) {
		t.Errorf("Nina's session ended by %q of %q, want her to be signed out", ended.EndedReason, ended.EndedBy)
	}
	b.post("/sign-in/choose-account"+query, "remove", "brs_of_somebody").goes(t, "/sign-in/choose-account?")
	r = b.post("/sign-in/choose-account"+query, "remove", string(omars.BrowserSession)).goes(t, "/sign-in/choose-account?")
	b.get(r.to).goes(t, "/sign-in?")
}
