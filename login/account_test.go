package login_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
)

var accountPages = []string{"/account", "/account/sign-in", "/account/sessions", "/account/applications", "/account/data"}

// The pages of the account ask for a sign-in, and come back.
func TestAccountNeedsSignIn(t *testing.T) {
	for _, path := range accountPages {
		t.Run(path, func(t *testing.T) {
			h := build(t)
			h.add(t, "nina@example.com")
			b := h.browser(t)
			b.post(path).goes(t, "/sign-in?interaction=")
			r := b.get(path).goes(t, "/sign-in?interaction=")
			b.get(r.to).shows(t, 200, "Sign in to House")
			r = b.post(r.to, "username", "nina@example.com").goes(t, "/sign-in/password?interaction=")
			r = b.post(r.to, "password", goodSecret).goes(t, path)
			b.get(r.to).shows(t, 200, "nina@example.com", "Sign out")
		})
	}
}

func TestAccountOfWhoIsKnown(t *testing.T) {
	h := build(t)
	b := h.browser(t)
	for _, email := range []string{"nina@example.com", "omar@example.com"} {
		h.add(t, email)
		b.signIn(h.app, email)
	}
	h.pass(12 * time.Hour)
	r := b.get("/account").goes(t, "/sign-in/choose-account?interaction=")
	b.get(r.to).shows(t, 200, "nina@example.com", "omar@example.com")
}

func TestProfile(t *testing.T) {
	h := build(t)
	nina := h.add(t, "nina@example.com")
	b := h.browser(t)
	b.signIn(h.app, nina.Email)
	b.get("/account").shows(t, 200, "[name=Nina nina@example.com]", "nina@example.com", "Verified")
	r := b.post("/account", "name", " Nina O. ", "given-name", "Nina", "family-name", "Okafor", "tel", "+49 30 901820", "bday", "1990-05-06").goes(t, "/account?notice=saved")
	b.get(r.to).shows(t, 200, "Saved.", "[name=Nina O.]", "[given-name=Nina]", "[family-name=Okafor]", "[tel=+4930901820]", "[bday=1990-05-06]")
	if e := h.events.last(t, "user.updated"); e.Actor.ID != string(nina.ID) {
		t.Errorf("the event's actor is %+v, want Nina", e.Actor)
	}
	b.post("/account", "name", "Nina", "tel", "030", "bday", "tomorrow").shows(t, 422, "There are 2 things to correct", "country code", "[tel=030]", "[bday=tomorrow]")
	b.post("/account", "name", "Ni\u202ena").shows(t, 422, "Use letters, digits and punctuation alone.")
}

func TestChangePassword(t *testing.T) {
	h := build(t)
	nina := h.add(t, "nina@example.com")
	elsewhere := h.browser(t).signIn(h.app, nina.Email)
	b := h.browser(t)
	here := b.signIn(h.app, nina.Email)
	b.get("/account/sign-in").shows(t, 200, "[username=nina@example.com]", "[current-password=]")

	for _, test := range []struct {
		name                string
		current, next, text string
	}{
		{"nothing", "", "", "There are 2 things to correct"},
		{"no new one", goodSecret, "", "Choose a password."},
		{"the wrong one", "wrong", newSecret, "That is not your current password."},
		{"a short one", goodSecret, "short", "Use at least 15 characters."},
	} {
		r := b.post("/account/sign-in", "current-password", test.current, "password", test.next)
		if r.shows(t, 422, test.text, "[current-password=] ", "[password=]"); strings.Contains(r.body, `type="checkbox" checked`) {
			t.Errorf("%s: the box is ticked again", test.name)
		}
	}

	r := b.post("/account/sign-in", "current-password", goodSecret, "password", newSecret, "sign-out-others", "on").goes(t, "/account/sign-in?")
	b.get(r.to).shows(t, 200, "Your password is changed. All other sessions have ended.")
	for s, want := range map[*sessions.Session]sessions.EndedReason{elsewhere: sessions.EndedSignedOutEverywhere, here: ""} {
		s, err := h.Sessions.Store.Session(t.Context(), h.env.ID, s.ID)
		check(t, err)
		if s.EndedReason != want {
			t.Errorf("session ended by %q, want %q", s.EndedReason, want)
		}
	}
	if mail := h.mail(t); mail.Kind != identity.MailPasswordChanged || mail.To != nina.Email {
		t.Errorf("the mail is %+v, want the notice", mail)
	}
	r = b.post("/account/sign-in", "current-password", newSecret, "password", goodSecret).goes(t, "/account/sign-in?")
	b.get(r.to).shows(t, 200, "Your password is changed.")
}

// ui.md §2: changes ask to authenticate again if the last time is older than 10 minutes.
func TestChangesAskToAuthenticateAgain(t *testing.T) {
	h := build(t)
	nina := h.add(t, "nina@example.com")
	b := h.browser(t)
	s := b.signIn(h.app, nina.Email)
	h.pass(10 * time.Minute)
	b.get("/account/sign-in").shows(t, 200)
	h.pass(time.Second)
	b.get("/account").shows(t, 200)
	b.get("/account/sessions").shows(t, 200)

	for _, test := range []struct {
		path   string
		fields []string
	}{
		{"/account/sign-in", []string{"current-password", goodSecret, "password", newSecret}},
		{"/account/sessions", []string{"session", string(s.ID)}},
		{"/account/sessions", []string{"application", "wiki"}},
		{"/account/sessions", []string{"others", "on"}},
		{"/account/data", nil},
	} {
		r := b.post(test.path, test.fields...).goes(t, "/sign-in/password?interaction=")
		b.get(r.to).shows(t, 200, nina.Email)
		b.post(r.to, "action", "cancel").goes(t, "/account")
	}
	if s := b.account(h.app, nina.Email).Session; !s.EndedAt.IsZero() {
		t.Error("the session has ended all the same")
	}
	r := b.get("/account/sign-in").goes(t, "/sign-in/password?interaction=")
	b.post(r.to, "password", goodSecret).goes(t, "/account/sign-in")
	b.post("/account/sessions", "session", string(s.ID)).goes(t, "/account/sessions?notice=session_ended")
}

// Acceptance 44 and 77.
func TestAccountSessions(t *testing.T) {
	h := build(t)
	phone := h.register(t, "Phone", func(a *clients.Application) {
		a.SessionPolicy.InactivityTimeout, a.SessionPolicy.MaxSessionLength = 60*day, 365*day
	})
	h.change(t, h.app.ID, func(a *clients.Application) {
		a.SessionPolicy.InactivityTimeout, a.SessionPolicy.MaxSessionLength = 3*day, 3*day
	})
	nina, omar := h.add(t, "nina@example.com"), h.add(t, "omar@example.com")
	h.browser(t).signIn(h.app, nina.Email) // dies of silence
	h.pass(4 * day)
	b := h.browser(t)
	inWiki := b.signIn(h.app, nina.Email)
	_, err := h.Sessions.Open(t.Context(), phone, b.account(phone, nina.Email), "", sessions.Origin{UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"})
	check(t, err)
	omars := h.browser(t).signIn(h.app, omar.Email)

	b.get("/account/sessions").shows(t, 200, "Your sessions", "Wiki signed in to 1 place Firefox on Linux This browser", "until", "Phone signed in to 1 place", "on iOS", "ends after 60 days without use",
		"Ended lately Wiki , 5 Mar , because 3 days had passed since you signed in")
	b.post("/account/sessions").goes(t, "/account/sessions")
	r := b.post("/account/sessions", "session", string(inWiki.ID)).goes(t, "/account/sessions?")
	b.get(r.to).shows(t, 200, "That session has ended.")
	ended, err := h.Sessions.Store.Session(t.Context(), h.env.ID, inWiki.ID)
	check(t, err)
	if ended.EndedReason != sessions.EndedByUser || ended.EndedBy != string(nina.ID) {
		t.Errorf("the session ended by %q of %q, want revoked_by_user of Nina", ended.EndedReason, ended.EndedBy)
	}
	b.post("/account/sessions", "session", string(omars.ID))
	if s, err := h.Sessions.Store.Session(t.Context(), h.env.ID, omars.ID); err != nil || !s.EndedAt.IsZero() {
		t.Errorf("Nina has ended Omar's session (%v)", err)
	}
}

// Acceptance 44: the user can end an application's sessions, or all but those of this browser; the others go on.
func TestAccountEndsSeveralSessions(t *testing.T) {
	h := build(t)
	phone := h.register(t, "Phone", nil)
	nina, omar := h.add(t, "nina@example.com"), h.add(t, "omar@example.com")
	b := h.browser(t)
	here := b.signIn(h.app, nina.Email)
	if r := b.get("/account/sessions").shows(t, 200, "Wiki"); strings.Contains(r.body, `name="others"`) || strings.Contains(r.body, `name="application"`) {
		t.Error("there is nothing more to end, and the page offers it")
	}
	other := h.browser(t)
	elsewhere, omars := other.signIn(h.app, nina.Email), h.browser(t).signIn(h.app, omar.Email)
	onPhone, err := h.Sessions.Open(t.Context(), phone, other.account(phone, nina.Email), "", sessions.Origin{})
	check(t, err)
	ended := func(want map[*sessions.Session]sessions.EndedReason) {
		t.Helper()
		for s, reason := range want {
			got, err := h.Sessions.Store.Session(t.Context(), h.env.ID, s.ID)
			check(t, err)
			if got.EndedReason != reason {
				t.Errorf("session %s in %s ended by %q, want %q", got.ID, got.Application, got.EndedReason, reason)
			}
		}
	}
	b.get("/account/sessions").shows(t, 200, "Sign out everywhere else", "Sign out of all of Wiki")
	b.post("/account/sessions", "application", "nothing").goes(t, "/account/sessions")
	ended(map[*sessions.Session]sessions.EndedReason{here: "", elsewhere: "", onPhone: "", omars: ""})

	r := b.post("/account/sessions", "others", "on").goes(t, "/account/sessions?notice=others_signed_out")
	b.get(r.to).shows(t, 200, "You are signed out everywhere else.")
	ended(map[*sessions.Session]sessions.EndedReason{here: "", elsewhere: sessions.EndedSignedOutEverywhere, onPhone: sessions.EndedSignedOutEverywhere, omars: ""})
	if other.account(h.app, nina.Email).BrowserSession.EndedAt.IsZero() {
		t.Error("the other browser is still signed in")
	}

	again := h.browser(t)
	inWiki := again.signIn(h.app, nina.Email)
	if onPhone, err = h.Sessions.Open(t.Context(), phone, again.account(phone, nina.Email), "", sessions.Origin{}); err != nil {
		t.Fatal(err)
	}
	r = b.post("/account/sessions", "application", "wiki").goes(t, "/account/sessions?left=wiki")
	b.get(r.to).shows(t, 200, "You are signed out of Wiki everywhere.", "Phone")
	ended(map[*sessions.Session]sessions.EndedReason{here: sessions.EndedByUser, inWiki: sessions.EndedByUser, onPhone: "", omars: ""})
}

// Acceptance 77: the export of her data has all that is kept about her, and nothing of others.
func TestExportData(t *testing.T) {
	h := build(t)
	nina, omar := h.add(t, "nina@example.com"), h.add(t, "omar@example.com")
	b := h.browser(t)
	s := b.signIn(h.app, nina.Email)
	h.browser(t).signIn(h.app, omar.Email)
	check(t, h.Ledger.Allow(t.Context(), h.app, nina.ID, []string{"openid", "email"}))
	acme, err := h.Organizations.Create(t.Context(), h.env.ID, organizations.Settings{Name: "Acme"})
	check(t, err)
	_, err = h.Organizations.AddMember(t.Context(), h.env.ID, acme.ID, nina.ID)
	check(t, err)
	b.post("/account", "name", "Nina O.")

	b.get("/account/data").shows(t, 200, "Download your data")
	r := b.post("/account/data")
	if r.status != 200 || r.header.Get("Content-Type") != "application/json" || !strings.HasPrefix(r.header.Get("Content-Disposition"), "attachment;") || r.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the export answers %d %v", r.status, r.header)
	}
	var got struct {
		User        struct{ ID, Email, Name string }
		Memberships []struct{ Organization string }
		Consents    []struct{ Application string }
		Sessions    []struct{ ID, Application string }
		Events      []struct {
			Name string
			Own  bool
		}
	}
	check(t, json.Unmarshal([]byte(r.body), &got))
	if got.User.ID != string(nina.ID) || got.User.Email != nina.Email || got.User.Name != "Nina O." {
		t.Errorf("the user is %+v", got.User)
	}
	if len(got.Memberships) != 1 || got.Memberships[0].Organization != "Acme" {
		t.Errorf("the memberships are %+v", got.Memberships)
	}
	if len(got.Consents) != 1 || got.Consents[0].Application != "Wiki" {
		t.Errorf("the consents are %+v", got.Consents)
	}
	if len(got.Sessions) != 1 || got.Sessions[0].ID != string(s.ID) || got.Sessions[0].Application != "Wiki" {
		t.Errorf("the sessions are %+v", got.Sessions)
	}
	if len(got.Events) == 0 || got.Events[0].Name != "user.updated" || !got.Events[0].Own {
		t.Errorf("the events are %+v, want the change of her name first", got.Events)
	}
	for _, secret := range []string{string(omar.ID), omar.Email, "password_hash", "argon2"} {
		if strings.Contains(r.body, secret) {
			t.Errorf("the export has %s", secret)
		}
	}
}

func TestAccountApplications(t *testing.T) {
	h := build(t)
	h.change(t, h.app.ID, homepage)
	nina := h.add(t, "nina@example.com")
	b := h.browser(t)
	b.signIn(h.app, nina.Email)
	if r := b.get("/account/applications").shows(t, 200); strings.Contains(r.body, `name="withdraw"`) {
		t.Error("the page lists what she never allowed")
	}
	check(t, h.Ledger.Allow(t.Context(), h.app, nina.ID, []string{"openid", "email"}))
	r := b.get("/account/applications").shows(t, 200, "Wiki", "see your email address", "Withdraw")
	if !strings.Contains(r.body, `href="`+home+`"`) {
		t.Error("the page lacks the application's homepage")
	}
	r = b.post("/account/applications", "withdraw", "wiki").goes(t, "/account/applications?withdrawn=wiki")
	b.get(r.to).shows(t, 200, "Wiki can no longer use your account.")
	if _, err := h.Ledger.Store.Consent(t.Context(), h.env.ID, nina.ID, h.app.ID); err == nil {
		t.Error("the consent is still there")
	}
	if e := h.events.last(t, "consent.withdrawn"); e.Actor.ID != string(nina.ID) || e.Application != string(h.app.ID) {
		t.Errorf("the event is %+v", e)
	}
	b.post("/account/applications", "withdraw", "nobody").goes(t, "/account/applications")
}

// With several accounts a page stays with the one that it shows, whoever signs in meanwhile.
func TestAccountOfOneOfSeveral(t *testing.T) {
	h := build(t)
	nina, omar := h.add(t, "nina@example.com"), h.add(t, "omar@example.com")
	b := h.browser(t)
	b.signIn(h.app, omar.Email)
	h.pass(time.Minute)
	ninas := b.signIn(h.app, nina.Email).BrowserSession
	r := b.get("/account").shows(t, 200, nina.Email)
	action := formAction(t, r, "given-name")
	h.pass(time.Minute)
	b.signIn(h.app, omar.Email)
	r = b.post(action, "name", "Nina O.").goes(t, "/account?account="+string(ninas))
	b.get(r.to).shows(t, 200, nina.Email, "[name=Nina O.]")
	if u, err := h.Users.Get(t.Context(), h.env.ID, omar.ID); err != nil || u.Profile.Name == "Nina O." {
		t.Errorf("Omar's profile was changed (%v)", err)
	}
	b.get("/account").shows(t, 200, omar.Email)
	_, err := h.Sessions.EndBrowser(t.Context(), h.env.ID, ninas, sessions.EndedSignedOut)
	check(t, err)
	b.post(action, "name", "Nina").goes(t, "/account") // which is Omar's, and changes nothing
	b.post("/account?account=brs_of_somebody", "name", "Nina").goes(t, "/account")
	if u, err := h.Users.Get(t.Context(), h.env.ID, omar.ID); err != nil || u.Profile.Name == "Nina" {
		t.Errorf("Omar's profile was changed (%v)", err)
	}
}

func TestWellKnownChangePassword(t *testing.T) {
	h := build(t)
	h.browser(t).get("/.well-known/change-password").goes(t, "/account/sign-in")
}

func TestPagesAreNotStored(t *testing.T) {
	h := build(t)
	h.add(t, "nina@example.com")
	b := h.browser(t)
	b.signIn(h.app, "nina@example.com")
	for _, path := range append(accountPages, "/sign-out", "/sign-out/done", "/password-reset", "/sign-in?client_id=wiki", "/consent") {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := b.do(method, path, nil)
			if got := r.header.Get("Cache-Control"); got != "no-store" && r.status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s answers %d with Cache-Control %q, want no-store", method, path, r.status, got)
			}
		}
	}
}
