package dashboard_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/storage"
)

const ada = "ada@example.com"

func testPath(app *clients.Application) string {
	return "/admin/env/default/applications/" + string(app.ID) + "/test-sign-in"
}

// living are the sessions of the application that are alive.
func living(t *testing.T, i *servertest.Installation, app *clients.Application) int {
	t.Helper()
	app, err := i.Applications.ByID(t.Context(), app.Environment, app.ID)
	must(t, err)
	ending, err := i.Sessions.Store.CountEnding(t.Context(), app, &app.SessionPolicy, i.Clock.Now())
	must(t, err)
	return ending.Living
}

// A test sign-in is the real flow, for confidential and public clients and both formats of access tokens, and leaves no token,
// no grant and no session behind, but two events.
func TestSignInIsTested(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		b := o.browsers[admin.Admin]
		user := o.AddUser(t, ada)
		for _, c := range []servertest.Client{
			o.AddClient(t, "Web", clients.Web, func(a *clients.Application) { a.AccessTokenFormat = clients.JWT }),
			o.AddClient(t, "Drift", clients.SPA, func(a *clients.Application) { a.Consent = clients.ConsentThirdParty }),
		} {
			p := b.Submit(b.Open(testPath(c.Application)), "scopes", "scopes", "openid email", "again", "on")
			p = b.SignIn(p, ada)
			if strings.HasSuffix(p.URL.Path, "/consent") {
				p = b.Submit(p, "consent-accept", "action", "allow")
			}
			wantStatus(t, p, http.StatusOK)
			wantText(t, p, "The sign-in works.", "&#34;sub&#34;: &#34;"+string(user.ID), "&#34;nonce&#34;", "&#34;email&#34;: &#34;"+ada, "&#34;active&#34;: true", "&#34;aud&#34;: &#34;"+c.ClientID)
			if n := living(t, i, c.Application); n != 0 {
				t.Errorf("%s: %d sessions are left", c.Name, n)
			}
			wantStatus(t, b.Open(p.URL.String()), http.StatusGone) // a reload
			events, _, err := storage.Events{DB: o.DB}.Events(t.Context(), string(o.Environment.ID), audit.Query{Application: string(c.ID), Limit: 50})
			must(t, err)
			for _, name := range []string{"application.sign_in_test_started", "application.sign_in_tested", "grant.revoked"} {
				at := slices.IndexFunc(events, func(e audit.Event) bool { return e.Name == name })
				if at < 0 {
					t.Errorf("%s: no event %s", c.Name, name)
				} else if events[at].Actor.ID != string(o.users[admin.Admin].ID) {
					t.Errorf("%s: %s is by %+v", c.Name, name, events[at].Actor)
				}
			}
		}
	})
}

// A session that was there before the test goes on.
func TestSignInTestKeepsSession(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	b := o.browsers[admin.Admin]
	o.AddUser(t, ada)
	c := o.AddClient(t, "Web", clients.Web, nil)
	reply := o.Redeem(t, c, b.Code(o.Installation, c, ada, "openid offline_access", nil))
	p := b.Submit(b.Open(testPath(c.Application)), "scopes", "scopes", "openid")
	wantText(t, p, "The sign-in works.")
	if again := o.Refresh(t, c, reply.String("refresh_token")); again.Status != http.StatusOK {
		t.Errorf("the session of before is over: %s", again.Body)
	}
}

// What the application would get in place of a code is shown.
func TestSignInTestFails(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	b := o.browsers[admin.Owner]
	o.AddUser(t, ada)
	c := o.AddClient(t, "Web", clients.Web, func(a *clients.Application) { a.Consent = clients.ConsentThirdParty })
	form := b.Open(testPath(c.Application))
	p := b.Submit(form, "scopes", "scopes", "none")
	wantStatus(t, p, http.StatusUnprocessableEntity)
	wantText(t, p, `id="scopes-problem"`)
	p = b.SignIn(b.Submit(form, "scopes", "scopes", "openid"), ada)
	p = b.Submit(p, "consent-deny", "action", "deny")
	wantStatus(t, p, http.StatusOK)
	wantText(t, p, "<code>access_denied</code>", "!The sign-in works.")
}

// Only the operator who began it can end a test, once, in its time, and with the answer that it got.
func TestSignInTestIsBound(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	o.AddUser(t, ada)
	c := o.AddClient(t, "Web", clients.Web, nil)
	b := o.browsers[admin.Admin]
	begin := func() *servertest.Page {
		return b.Submit(b.Open(testPath(c.Application)), "scopes", "scopes", "openid", "again", "on")
	}

	// Nobody else's browser ends it: neither another operator's, nor the same one's who signed in anew.
	page := begin()
	answer := testPath(c.Application) + "/answer?" + url.Values{"code": {"pt_ac_1"}, "state": {"st"}, "iss": {o.Issuer}}.Encode()
	wantStatus(t, o.browsers[admin.Owner].Open(answer), http.StatusGone)
	b.Submit(b.Open("/env/operators/sign-out?scope=everywhere"), "logout-confirm", "scope", "everywhere")
	b.SignIn(b.Open("/admin"), "admin@example.com")
	wantStatus(t, b.SignIn(page, ada), http.StatusGone)

	// The application that somehow got hold of the code can't redeem it, as the verifier is the dashboard's (RFC 7636 §4.6).
	request, err := json.Marshal(url.Values{
		"client_id": {c.ClientID}, "redirect_uri": {"https://elsewhere.example/"}, "response_type": {"code"}, "scope": {"openid"},
		"code_challenge": {servertest.Challenge("the verifier that only the dashboard of this installation knows")}, "code_challenge_method": {"S256"},
	})
	must(t, err)
	i, ticket, err := o.Sessions.BeginTest(t.Context(), c.Application, request, time.Time{}, "https://elsewhere.example/")
	must(t, err)
	p := b.Open("/oauth2/authorize?" + url.Values{"interaction": {string(i.ID)}, "ticket": {string(ticket)}}.Encode())
	if p.Left == nil || !p.Left.Query().Has("code") {
		t.Fatalf("there is no code at %s\n%s", p.URL, p.Body)
	}
	for _, verifier := range []string{"", servertest.Verifier} {
		form := url.Values{"grant_type": {"authorization_code"}, "code": {p.Left.Query().Get("code")}, "redirect_uri": {"https://elsewhere.example/"}, "code_verifier": {verifier}}
		if reply := o.Call(t, c, "/oauth2/token", form); reply.String("error") != "invalid_grant" {
			t.Errorf("verifier %q: the token endpoint answers %s", verifier, reply.Body)
		}
	}

	begin()
	wantStatus(t, b.Open(answer), http.StatusBadRequest) // a state that isn't the test's

	page = begin()
	o.Clock.Set(sessions.TestLifetime)
	if p := b.SignIn(page, ada); strings.Contains(p.Body, "The sign-in works.") {
		t.Errorf("a test works after %s", sessions.TestLifetime)
	}
}

// No request of an application may name the address of a test, whether one waits or not (acceptance 17, RFC 9700 §2.1), and a
// ticket takes one browser to one test.
func TestSignInTestAddress(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	o.AddUser(t, ada)
	c := o.AddClient(t, "Web", clients.Web, nil)
	b := o.browsers[admin.Admin]
	b.Submit(b.Open(testPath(c.Application)), "scopes", "scopes", "openid")
	own := o.Issuer + testPath(c.Application) + "/answer"
	for _, browser := range []*servertest.Browser{b, o.NewBrowser(t)} {
		p := browser.Open(o.AuthorizeURL(c, "openid", url.Values{"redirect_uri": {own}}))
		wantStatus(t, p, http.StatusBadRequest)
		wantText(t, p, "redirect_uri")
	}

	request, err := json.Marshal(url.Values{
		"client_id": {c.ClientID}, "redirect_uri": {own}, "response_type": {"code"}, "scope": {"openid"}, "state": {"st"},
		"code_challenge": {servertest.Challenge(servertest.Verifier)}, "code_challenge_method": {"S256"},
	})
	must(t, err)
	i, ticket, err := o.Sessions.BeginTest(t.Context(), c.Application, request, time.Time{}, own)
	must(t, err)
	address := func(ticket sessions.Handle) string {
		return "/oauth2/authorize?" + url.Values{"interaction": {string(i.ID)}, "ticket": {string(ticket)}}.Encode()
	}
	stranger := o.NewBrowser(t)
	wantStatus(t, stranger.Open(address(sessions.NewHandle())), http.StatusBadRequest)
	wantStatus(t, stranger.Open(address("")), http.StatusBadRequest)
	first := o.NewBrowser(t)
	if p := first.Open(address(ticket)); p.URL.Path != "/sign-in" {
		t.Errorf("the ticket leads to %s", p.URL)
	}
	for range 2 {
		wantStatus(t, stranger.Open(address(ticket)), http.StatusBadRequest)
	}
	if waits := i.ExpiresAt.Sub(i.CreatedAt); waits != 10*time.Minute {
		t.Errorf("a test waits %s", waits)
	}
}
