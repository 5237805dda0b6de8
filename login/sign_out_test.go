package login_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/sessions"
)

// Acceptance 62 to 64.
func TestSignOut(t *testing.T) {
	const farewell = "https://wiki.example/bye"
	for _, test := range []struct {
		name   string
		query  url.Values
		scope  string
		ended  string // of Nina's sessions in Wiki, in Tasks, and in Wiki on the phone: their reasons
		signed bool   // in at this browser afterwards
		to     string
	}{
		{"the application", url.Values{"client_id": {"wiki"}}, "application", "signed_out,,", true, farewell},
		{"the application, as it said nothing else", url.Values{"client_id": {"wiki"}}, "", "signed_out,,", true, farewell},
		{"the browser", url.Values{"client_id": {"wiki"}}, "browser", "signed_out,signed_out,", false, farewell},
		{"everywhere", url.Values{"client_id": {"wiki"}}, "everywhere", "signed_out_everywhere,signed_out_everywhere,signed_out_everywhere", false, farewell},
		{"to a registered address, with state", url.Values{"client_id": {"wiki"}, "post_logout_redirect_uri": {"https://wiki.example/out?a=b"}, "state": {"s&t"}},
			"application", "signed_out,,", true, "https://wiki.example/out?a=b&state=s%26t"},
		{"to an unregistered address", url.Values{"client_id": {"wiki"}, "post_logout_redirect_uri": {"https://evil.example/"}, "state": {"st"}},
			"application", "signed_out,,", true, farewell},
		{"to an address, in the name of nobody", url.Values{"client_id": {"nobody"}, "post_logout_redirect_uri": {farewell}}, "browser", "signed_out,signed_out,", false, "/sign-out/done?scope=browser"},
		{"an application that registered none", url.Values{"client_id": {"tasks"}}, "application", ",signed_out,", true, "/sign-out/done?client_id=tasks&scope=application"},
		{"from the account page", url.Values{}, "browser", "signed_out,signed_out,", false, "/sign-out/done?scope=browser"},
		{"from the account page, everywhere", url.Values{"scope": {"everywhere"}}, "everywhere", "signed_out_everywhere,signed_out_everywhere,signed_out_everywhere", false, "/sign-out/done?scope=everywhere"},
		{"of an application, though none is known", url.Values{}, "application", "signed_out,signed_out,", false, "/sign-out/done?scope=browser"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := build(t)
			h.change(t, h.app.ID, func(a *clients.Application) {
				a.PostLogoutRedirectURIs = []string{farewell, "https://wiki.example/out?a=b"}
			})
			tasks := h.register(t, "Tasks", nil)
			nina := h.add(t, "nina@example.com")
			b := h.browser(t)
			inWiki, onPhone := b.signIn(h.app, nina.Email), h.browser(t).signIn(h.app, nina.Email)
			inTasks, err := h.Sessions.Open(t.Context(), tasks, b.account(tasks, nina.Email), "", sessions.Origin{})
			check(t, err)

			address := "/sign-out?" + test.query.Encode()
			page := b.get(address).shows(t, 200, "Where do you want to sign out?", nina.Email)
			if strings.Contains(page.text(), "evil.example") {
				t.Error("the page keeps an address that is not registered")
			}
			form := []string{"scope", test.scope}
			if strings.Contains(page.text(), "[post_logout_redirect_uri=") {
				form = append(form, "post_logout_redirect_uri", test.query.Get("post_logout_redirect_uri"), "state", test.query.Get("state"))
			}
			if got := b.post("/sign-out?client_id="+test.query.Get("client_id"), form...).goes(t, test.to); got.to != test.to {
				t.Errorf("the browser goes to %q, want %q", got.to, test.to)
			}
			var reasons []string
			for _, s := range []*sessions.Session{inWiki, inTasks, onPhone} {
				s, err := h.Sessions.Store.Session(t.Context(), h.env.ID, s.ID)
				check(t, err)
				reasons = append(reasons, string(s.EndedReason))
				if s.EndedReason != "" && s.EndedBy != string(nina.ID) {
					t.Errorf("the session was ended by %q, want Nina", s.EndedBy)
				}
			}
			if got := strings.Join(reasons, ","); got != test.ended {
				t.Errorf("the sessions ended by %q, want %q", got, test.ended)
			}
			if got := b.account(h.app, nina.Email).Alive(h.env, h.clock()); got != test.signed {
				t.Errorf("she is signed in at this browser: %v, want %v", got, test.signed)
			}
		})
	}
}

func TestSignOutOfNobody(t *testing.T) {
	h := build(t)
	h.change(t, h.app.ID, func(a *clients.Application) { a.PostLogoutRedirectURIs = []string{"https://wiki.example/bye"} })
	b := h.browser(t)
	b.get("/sign-out").goes(t, "/sign-out/done?scope=browser")
	b.post("/sign-out").goes(t, "/sign-out/done?scope=browser")
	b.get("/sign-out?client_id=wiki&state=st").goes(t, "https://wiki.example/bye?state=st")
	b.get("/sign-out?client_id=wiki&post_logout_redirect_uri=https://evil.example/").goes(t, "/sign-out/done?client_id=wiki&scope=browser")
}

func TestSignOutCancelled(t *testing.T) {
	h := build(t)
	h.add(t, "nina@example.com")
	b := h.browser(t)
	b.signIn(h.app, "nina@example.com")
	b.post("/sign-out?client_id=wiki", "action", "cancel").goes(t, "/account")
	h.change(t, h.app.ID, homepage)
	b.post("/sign-out?client_id=wiki", "action", "cancel").goes(t, home)
	if !b.account(h.app, "nina@example.com").Alive(h.env, h.clock()) {
		t.Error("she is signed out")
	}
}

// With several accounts the page names the one that it signs out, and that stays the one.
func TestSignOutOfOneOfSeveral(t *testing.T) {
	h := build(t)
	nina, omar := h.add(t, "nina@example.com"), h.add(t, "omar@example.com")
	tasks := h.register(t, "Tasks", nil)
	b := h.browser(t)
	b.signIn(h.app, nina.Email)
	h.pass(time.Minute)
	b.signIn(tasks, omar.Email)

	r := b.get("/sign-out?client_id=wiki").shows(t, 200, nina.Email) // Omar has no session there
	action := formAction(t, r, "logout-confirm")
	b.post(action, "scope", "browser").goes(t, "/sign-out/done")
	if b.account(h.app, nina.Email).Alive(h.env, h.clock()) || !b.account(h.app, omar.Email).Alive(h.env, h.clock()) {
		t.Error("the wrong account was signed out")
	}
	b.get("/sign-out").shows(t, 200, omar.Email)
}

func TestSignedOut(t *testing.T) {
	h := build(t)
	h.change(t, h.app.ID, homepage)
	b := h.browser(t)
	b.get("/sign-out/done?scope=browser").shows(t, 200, "You are signed out", "Sign in")
	b.get("/sign-out/done").shows(t, 200, "You are signed out")
	b.get("/sign-out/done?scope=everywhere").shows(t, 200, "You are signed out everywhere")
	b.get("/sign-out/done?scope=application&client_id=wiki").shows(t, 200, "You are signed out of Wiki", "Continue to Wiki")
}
