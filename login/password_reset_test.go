package login_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/sessions"
)

// Acceptance 26: the reset continues the request that waits; and 45: all her sessions end.
func TestPasswordReset(t *testing.T) {
	h := build(t)
	nina := h.add(t, "nina@example.com")
	elsewhere := h.browser(t).signIn(h.app, nina.Email)
	h.pass(time.Minute)

	b := h.browser(t)
	query := b.request(h.app)
	b.post("/sign-in"+query, "username", nina.Email)
	b.get("/password-reset"+query).shows(t, 200, "Reset your password for Wiki", "[username=nina@example.com]")
	sent := b.post("/password-reset"+query, "username", nina.Email).goes(t, "/password-reset?")
	b.get(sent.to).shows(t, 200, "If there is an account for nina@example.com , we sent a code to it.", "[code=]", "Open the mailbox")
	mail := h.mail(t)
	if mail.Kind != identity.MailPasswordReset || mail.Application != h.app.ID || mail.Interaction != queryID(query) {
		t.Errorf("the mail is %+v, want one that names Wiki and the interaction", mail)
	}
	b.get("/password-reset"+query+"&code="+mail.Code).shows(t, 200, "[code="+mail.Code+"]") // the link in the mail

	b.post("/password-reset"+query, "code", "000001").shows(t, 422, "That code is not right.")
	next := b.post("/password-reset"+query, "code", mail.Code).goes(t, "/password-reset/new?")
	b.get(next.to).shows(t, 200, "nina@example.com", "[code="+mail.Code+"]")
	b.post("/password-reset/new"+query, "code", mail.Code, "password", "").shows(t, 422, "Choose a password.", "[code="+mail.Code+"]")
	b.post("/password-reset/new"+query, "code", mail.Code, "password", "nina@example.com and me").shows(t, 422, "This password is easy to guess.", "[password=]")
	b.post("/password-reset/new"+query, "code", mail.Code, "password", newSecret).goes(t, "/oauth2/authorize?client_id=wiki")

	if a := b.account(h.app, nina.Email); b.saved(query).Account != a.BrowserSession.ID {
		t.Error("she is not signed in")
	}
	ended, err := h.Sessions.Store.Session(t.Context(), h.env.ID, elsewhere.ID)
	check(t, err)
	if ended.EndedReason != sessions.EndedPasswordReset {
		t.Errorf("the other session ended by %q, want password_reset", ended.EndedReason)
	}
	if kind := h.mail(t).Kind; kind != identity.MailPasswordChanged {
		t.Errorf("the last mail is %s, want the notice", kind)
	}
	_, err = h.Users.CheckPassword(t.Context(), h.env.ID, nina.Email, newSecret)
	check(t, err)
}

func TestPasswordResetTellsNoAccounts(t *testing.T) {
	h := build(t)
	h.add(t, "nina@example.com")
	seen := map[string]string{}
	for _, email := range []string{"nina@example.com", "nono@example.com"} {
		b := h.browser(t)
		query := b.request(h.app)
		sent := b.post("/password-reset"+query, "username", email).goes(t, "/password-reset?")
		page := b.get(sent.to).shows(t, 200)
		wrong := b.post("/password-reset"+query, "code", "000000").shows(t, 422)
		seen[email] = strings.NewReplacer(email, "EMAIL", queryID(query), "ID").Replace(page.body + wrong.body)
	}
	if seen["nina@example.com"] != seen["nono@example.com"] {
		t.Error("the pages of a known and an unknown address differ")
	}
}

func TestPasswordResetMistakes(t *testing.T) {
	h := build(t)
	h.add(t, "nina@example.com")
	b := h.browser(t)
	query := b.request(h.app)
	b.post("/password-reset"+query, "username", "nina").shows(t, 422, "Enter your email address, like name@example.com.", "[username=nina]")
	b.post("/password-reset"+query, "code", "123456").goes(t, "/password-reset?")
	b.get("/password-reset/new"+query+"&code=123456").goes(t, "/password-reset?")
	b.post("/password-reset/new"+query, "code", "123456", "password", newSecret).goes(t, "/password-reset?")

	b.post("/password-reset"+query, "username", "nina@example.com")
	code := h.mail(t).Code
	b.post("/password-reset"+query, "code", "").shows(t, 422, "Enter the code")
	b.get("/password-reset/new"+query).goes(t, "/password-reset?")
	b.post("/password-reset/new"+query, "code", "", "password", newSecret).shows(t, 422, "That code is not right.", "[code=]")
	b.post("/password-reset"+query, "action", "resend").shows(t, http.StatusTooManyRequests, "Wait 30 seconds")
	h.pass(identity.CodeLifetime)
	r := b.get("/password-reset/new"+query+"&code="+code).goes(t, "/password-reset?")
	b.get(r.to).shows(t, 200, "That code has expired. Send a new one.")
}

// Acceptance 25 and 26: a reset that was asked for in an application leads there, from whatever device, at whatever time.
func TestPasswordResetElsewhere(t *testing.T) {
	const arrived = "https://wiki.example/login?from=portico&iss=http%3A%2F%2Fid.example&login_hint=nina%40example.com&target_link_uri=https%3A%2F%2Fwiki.example%2Fhome"
	for _, test := range []struct {
		name      string
		configure func(*clients.Application)
		path      string // of the link in the mail
		later     time.Duration
		to        string
		text      string
	}{
		{"another device", signInEndpoint, "/password-reset", time.Minute, arrived, ""},
		{"another device, at once", signInEndpoint, "/password-reset", 0, arrived, ""},
		{"another device, straight to the new password", signInEndpoint, "/password-reset/new", time.Minute, arrived, ""},
		{"hours later", signInEndpoint, "/password-reset", 5 * time.Hour, arrived, ""},
		{"hours later, straight to the new password", signInEndpoint, "/password-reset/new", 5 * time.Hour, arrived, ""},
		{"an application with a homepage", homepage, "/password-reset", time.Minute, home, ""},
		{"an application with no address", nil, "/password-reset", time.Minute, "/password-reset/done?client_id=wiki", "Your password is changed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := build(t)
			if test.configure != nil {
				h.change(t, h.app.ID, test.configure)
			}
			h.add(t, "nina@example.com")
			asked := h.browser(t)
			query := asked.request(h.app)
			asked.post("/password-reset"+query, "username", "nina@example.com")
			code := h.mail(t).Code
			h.pass(test.later)

			b := h.browser(t)
			r := b.open(test.path+query+"&code="+code).shows(t, 200)
			at, err := url.Parse(r.header.Get("At"))
			check(t, err)
			query = "?" + at.RawQuery
			if test.later > identity.CodeLifetime {
				r.shows(t, 200, "Reset your password for Wiki", "That code has expired.")
				b.post("/password-reset"+query, "username", "nina@example.com").goes(t, "/password-reset?")
				code = h.mail(t).Code
			}
			if at.Path == "/password-reset" {
				b.post("/password-reset"+query, "code", code).goes(t, "/password-reset/new?")
			}
			done := b.post("/password-reset/new"+query, "code", code, "password", newSecret).goes(t, test.to)
			if test.text != "" {
				b.get(done.to).shows(t, 200, test.text)
			}
			b.get("/password-reset"+query).goes(t, test.to) // Back
			if !b.account(h.app, "nina@example.com").Alive(h.env, h.clock()) {
				t.Error("she is not signed in on the new device")
			}
		})
	}
}
