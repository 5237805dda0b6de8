package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/sessions"
)

const day = 24 * time.Hour

// timeline is an installation whose clock the test moves to instants after a beginning.
type timeline struct {
	*testing.T
	*servertest.Installation
	began time.Time
}

// begin makes now the beginning.
func (l *timeline) begin() { l.began = l.Clock.Now() }

// at moves the clock to the duration after the beginning, once it is written when sessions were last used. What follows at once
// happens within the second.
func (l *timeline) at(d time.Duration) {
	l.Helper()
	if err := l.Sessions.Activity.Flush(l.Context()); err != nil {
		l.Fatal(err)
	}
	l.Clock.Set(l.Clock.Offset() + l.began.Add(d).Sub(l.Clock.Now()))
}

// silently reports whether the client gets a code without a word to the person.
func (l *timeline) silently(b *servertest.Browser, c servertest.Client) bool {
	l.Helper()
	p := b.Open(l.AuthorizeURL(c, "openid", url.Values{"prompt": {"none"}}))
	if p.Left == nil {
		l.Fatalf("prompt=none shows %q", p.Title)
	}
	switch answer := p.Left.Query(); {
	case answer.Has("code"):
		return true
	case answer.Get("error") != "login_required":
		l.Fatalf("prompt=none: %s", p.Left)
	}
	return false
}

// refreshed refreshes a session that is to be alive, and returns the next token.
func (l *timeline) refreshed(c servertest.Client, token string) string {
	l.Helper()
	r := l.Refresh(l.T, c, token)
	if r.Status != http.StatusOK {
		l.Fatalf("%s after the beginning the refresh of %s is answered by %d %s", l.Clock.Now().Sub(l.began), c.Name, r.Status, r.Body)
	}
	return r.String("refresh_token")
}

// over holds the session of the token to one that has ended for the reason, as every surface that applications use has it (acceptance 39).
func (l *timeline) over(c servertest.Client, token, reason string) {
	l.Helper()
	if r := l.Introspect(l.T, c, token); r.JSON["active"] != false || len(r.JSON) != 1 {
		l.Errorf("introspection of %s: %s", c.Name, r.Body)
	}
	r := l.Refresh(l.T, c, token)
	if r.Status != http.StatusBadRequest || r.String("error") != "invalid_grant" || !strings.Contains(r.String("error_description"), reason) {
		l.Errorf("%s after the beginning the refresh of %s is answered by %d %s, want invalid_grant for %s", l.Clock.Now().Sub(l.began), c.Name, r.Status, r.Body, reason)
	}
}

// clockTest is what the tests of clocks begin with: a phone whose own clocks are longer than any browser session's, and a web application.
func clockTest(t *testing.T, test func(t *testing.T, l *timeline, web, phone servertest.Client)) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		i.AddUser(t, "ada@example.com")
		test(t, &timeline{T: t, Installation: i}, i.AddClient(t, "Web", clients.Web, nil), i.AddClient(t, "Phone", clients.Native, func(a *clients.Application) {
			a.TokenEndpointAuthMethod = clients.AuthClientSecretBasic // so that it may introspect
		}))
	})
}

// signIn signs Ada in and returns her refresh token. Remember is "keep me signed in".
func (l *timeline) signIn(b *servertest.Browser, c servertest.Client, remember bool) string {
	l.Helper()
	p := b.Submit(b.Open(l.AuthorizeURL(c, "openid offline_access", nil)), "username", "username", "ada@example.com")
	fields := []string{"password", servertest.Password}
	if remember {
		fields = append(fields, "remember", "on")
	}
	r := l.Redeem(l.T, c, gone(l.T, b.Submit(p, "password", fields...)))
	l.begin()
	if r.Status != http.StatusOK {
		l.Fatalf("%d %s", r.Status, r.Body)
	}
	return r.String("refresh_token")
}

// TestBrowserSessionClocks: 12 hours without "keep me signed in", else 14 days of inactivity and 30 days at most (design.md §2);
// the sessions of applications go on.
func TestBrowserSessionClocks(t *testing.T) {
	clockTest(t, func(t *testing.T, l *timeline, _, phone servertest.Client) {
		b := l.NewBrowser(t)
		token := l.signIn(b, phone, false)
		l.at(12*time.Hour - time.Second)
		if !l.silently(b, phone) {
			t.Error("a browser session of 12 hours ended early")
		}
		l.at(12 * time.Hour)
		if l.silently(b, phone) {
			t.Error("a browser session that is not remembered outlives 12 hours, by the activity a second before")
		}
		token = l.refreshed(phone, token)
		l.at(50 * day)
		l.refreshed(phone, token) // the phone stays signed in

		b = l.NewBrowser(t)
		token = l.signIn(b, phone, true)
		l.at(14*day - time.Second)
		if !l.silently(b, phone) { // which is activity
			t.Error("a remembered browser session ended before 14 days of inactivity")
		}
		l.at(28*day - 2*time.Second)
		if !l.silently(b, phone) {
			t.Error("a remembered browser session that is used every 14 days ended within 30")
		}
		l.at(30*day - time.Second)
		if !l.silently(b, phone) {
			t.Error("a remembered browser session ended before 30 days")
		}
		l.at(30 * day)
		if l.silently(b, phone) {
			t.Error("a browser session outlives 30 days")
		}
		l.refreshed(phone, token)

		b = l.NewBrowser(t)
		l.signIn(b, phone, true)
		l.at(14 * day)
		if l.silently(b, phone) {
			t.Error("a browser session outlives 14 days of inactivity")
		}
	})
}

// TestApplicationClocks is acceptance 34, to the second: after a weekend and after 59 days the phone refreshes without a word; who was
// away from the web application for 3 days must sign in.
func TestApplicationClocks(t *testing.T) {
	clockTest(t, func(t *testing.T, l *timeline, web, phone servertest.Client) {
		b := l.NewBrowser(t)
		onPhone := l.signIn(b, phone, true)
		inWeb := l.Redeem(t, web, b.Code(l.Installation, web, "ada@example.com", "openid offline_access", nil)).String("refresh_token")
		l.begin()
		l.at(3*day - time.Second)
		inWeb = l.refreshed(web, inWeb)
		l.begin()
		onPhone = l.refreshed(phone, onPhone)
		l.at(3 * day)
		l.over(web, inWeb, "inactivity")
		onPhone = l.refreshed(phone, onPhone)
		l.begin()
		l.at(59 * day)
		onPhone = l.refreshed(phone, onPhone)
		l.begin()
		l.at(60*day - time.Second)
		l.Introspect(t, phone, onPhone) // no activity: refresh alone counts
		l.at(60 * day)
		l.over(phone, onPhone, "inactivity")
	})
}

// TestMaximumLength is acceptance 35: refreshing all the time carries no session past its maximum.
func TestMaximumLength(t *testing.T) {
	clockTest(t, func(t *testing.T, l *timeline, web, _ servertest.Client) {
		token := l.signIn(l.NewBrowser(t), web, true)
		for n := range 13 {
			l.at(time.Duration(n+1) * day)
			token = l.refreshed(web, token)
		}
		l.at(14*day - 2*time.Second)
		r := l.Refresh(t, web, token)
		if expires, _ := r.JSON["expires_in"].(float64); r.Status != http.StatusOK || expires > 2 { // acceptance 36
			t.Errorf("two seconds before the end: %d %s", r.Status, r.Body)
		}
		l.at(14 * day)
		l.over(web, r.String("refresh_token"), "max_length")
	})
}

// TestWhyItEnded is acceptance 40: the sign-in page, the account page, the API and the refresh name the clock.
func TestWhyItEnded(t *testing.T) {
	clockTest(t, func(t *testing.T, l *timeline, web, phone servertest.Client) {
		b := l.NewBrowser(t)
		token := l.signIn(b, web, true)
		sid := sessions.ID(l.Introspect(t, web, token).String("sid"))
		b.Code(l.Installation, phone, "ada@example.com", "openid", nil)
		l.at(3 * day)
		l.over(web, token, "inactivity")

		const away = "because you were away for 3 days"
		if p := l.NewBrowser(t).Open(l.AuthorizeURL(web, "openid", nil)); strings.Contains(p.Body, away) {
			t.Error("a browser that was never here is told why a session ended")
		}
		if p := b.Open(l.AuthorizeURL(web, "openid", url.Values{"prompt": {"login"}})); !strings.Contains(p.Body, "You were signed out of Web "+away) {
			t.Errorf("the sign-in page doesn't say why:\n%s", p.Body)
		}
		if p := b.Open(l.Issuer + "/account/sessions"); !strings.Contains(p.Body, away) {
			t.Errorf("the account page at %s doesn't say why:\n%s", p.URL, p.Body)
		}
		_, key, err := l.APIKeys.Create(t.Context(), l.Environment, clients.ID(l.Environment.DefaultApplication), clients.NewAPIKey{Scopes: []clients.APIScope{clients.ScopeAll}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequest(http.MethodGet, l.Issuer+"/api/v1/sessions/"+string(sid), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+key.Reveal())
		s := servertest.Do(t, r)
		if s.String("status") != "ended" || s.String("ended_reason") != "inactivity" || s.String("ended_at") == "" || s.String("ended_by") != "" {
			t.Errorf("the API: %d %s", s.Status, s.Body)
		}
	})
}
