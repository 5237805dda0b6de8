package login_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/sessions"
)

const day = 24 * time.Hour

func TestSignIn(t *testing.T) {
	h := build(t)
	nina := h.add(t, "nina@example.com")
	b := h.browser(t)
	query := b.request(h.app)

	b.get("/sign-in"+query).shows(t, 200, "Sign in to Wiki", "Create an account")
	b.post("/sign-in"+query, "username", " nina@EXAMPLE.com ").goes(t, "/sign-in/password"+"?client_id=wiki&interaction=int_")
	b.get("/sign-in/password"+query).shows(t, 200, "Sign in to Wiki", "nina@EXAMPLE.com", "Keep me signed in")
	before := b.handle()
	b.post("/sign-in/password"+query, "username", "nina@EXAMPLE.com", "password", goodSecret).goes(t, "/oauth2/authorize?client_id=wiki&interaction=int_")

	if b.handle() == before {
		t.Error("the handle of before the sign-in is still good after it")
	}
	a := b.account(h.app, nina.Email)
	if i := b.saved(query); i.Account != a.BrowserSession.ID {
		t.Errorf("the account of the interaction is %q, want %q", i.Account, a.BrowserSession.ID)
	}
	if got := a.BrowserSession; got.ACR != sessions.ACRPassword || !got.AuthTime.Equal(h.clock()) || strings.Join(got.AMR, " ") != "pwd" || got.Remember {
		t.Errorf("the browser session is %+v, want one by password, now, that is not remembered", got)
	}
	if by := h.events.last(t, "user.signed_in").Actor; by.ID != string(nina.ID) || by.Name != nina.Email || by.Address != b.Address || by.UserAgent == "" {
		t.Errorf("the event's actor is %+v, want Nina at her browser", by)
	}
}

// Acceptance 74 and ui.md §1: known and unknown addresses see the same.
func TestSignInTellsNoAccounts(t *testing.T) {
	h := build(t)
	h.add(t, "nina@example.com")
	seen := map[string]string{}
	for _, email := range []string{"nina@example.com", "nono@example.com"} {
		b := h.browser(t)
		query := b.request(h.app)
		first := b.post("/sign-in"+query, "username", email).goes(t, "/sign-in/password")
		page := b.get(first.to).shows(t, 200)
		wrong := b.post(first.to, "username", email, "password", "not the password of anybody")
		wrong.shows(t, http.StatusUnprocessableEntity, "That email and password do not match. Try again, or reset your password.", "[password=]")
		seen[email] = strings.NewReplacer(email, "EMAIL", queryID(query), "ID").Replace(page.body + wrong.body)
	}
	if seen["nina@example.com"] != seen["nono@example.com"] {
		t.Error("the pages of a known and an unknown address differ")
	}
}

func queryID(query string) string {
	values, _ := url.ParseQuery(strings.TrimPrefix(query, "?"))
	return values.Get("interaction")
}

func TestSignInMistakes(t *testing.T) {
	h := build(t)
	h.add(t, "nina@example.com")
	off := h.add(t, "off@example.com")
	_, err := h.Users.SetStatus(t.Context(), h.env.ID, off.ID, identity.Disabled, "")
	check(t, err)
	b := h.browser(t)
	query := b.request(h.app)
	for _, test := range []struct {
		name   string
		path   string
		fields []string
		status int
		text   string
	}{
		{"no address", "/sign-in", nil, 422, "Enter your email address, like name@example.com."},
		{"no address, but a name", "/sign-in", []string{"username", "nina"}, 422, "[username=nina]"},
		{"no password", "/sign-in/password", []string{"username", "nina@example.com"}, 422, "Enter your password."},
		{"an account that is off, unknown to who doesn't know its password", "/sign-in/password", []string{"username", "off@example.com", "password", "guess"}, 422, "do not match"},
		{"an account that is off", "/sign-in/password", []string{"username", "off@example.com", "password", goodSecret}, 422, "This account is turned off."},
	} {
		t.Run(test.name, func(t *testing.T) {
			b.post(test.path+query, test.fields...).shows(t, test.status, test.text, "Error: Sign in to Wiki")
		})
	}
	t.Run("a reload keeps the ticked box and the address", func(t *testing.T) {
		r := b.post("/sign-in/password"+query, "username", "nina@example.com", "password", "wrong", "remember", "on")
		if r.shows(t, 422); !strings.Contains(r.body, `type="checkbox" checked`) {
			t.Error("the box is not ticked any more")
		}
	})
}

// Acceptance 76: more than 10 tries a minute for an account are refused, with the time to wait.
func TestSignInTooManyTries(t *testing.T) {
	h := build(t)
	h.add(t, "nina@example.com")
	b := h.browser(t)
	query := b.request(h.app)
	for range 10 {
		b.post("/sign-in/password"+query, "username", "nina@example.com", "password", "wrong").shows(t, 422)
	}
	r := b.post("/sign-in/password"+query, "username", "nina@example.com", "password", goodSecret)
	r.shows(t, http.StatusTooManyRequests, "Too many tries. Wait 6 seconds, then try again.")
	if got := r.header.Get("Retry-After"); got != "6" {
		t.Errorf("Retry-After = %q, want 6", got)
	}
	h.pass(6 * time.Second)
	b.post("/sign-in/password"+query, "username", "nina@example.com", "password", goodSecret).goes(t, "/oauth2/authorize")
}

func TestRemember(t *testing.T) {
	h := build(t)
	h.add(t, "nina@example.com")
	h.add(t, "omar@example.com")
	b := h.browser(t)
	for _, test := range []struct {
		email    string
		fields   []string
		maxAge   string
		remember bool
	}{
		{"nina@example.com", nil, "", false},
		{"nina@example.com", []string{"remember", "on"}, "Max-Age=2592000", true},
		{"omar@example.com", nil, "Max-Age=2592000", false}, // for Nina's sake
	} {
		query := b.request(h.app)
		r := b.post("/sign-in/password"+query, append(test.fields, "username", test.email, "password", goodSecret)...).goes(t, "/oauth2/authorize")
		cookies := r.header.Values("Set-Cookie")
		cookie := cookies[slices.IndexFunc(cookies, func(c string) bool { return strings.HasPrefix(c, "portico-house=") })]
		if !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") || strings.Contains(cookie, "Max-Age") != (test.maxAge != "") || !strings.Contains(cookie, test.maxAge) {
			t.Errorf("cookie after the sign-in of %s is %q, want it with %q", test.email, cookie, test.maxAge)
		}
		if got := b.account(h.app, test.email).BrowserSession.Remember; got != test.remember {
			t.Errorf("%s is remembered: %v, want %v", test.email, got, test.remember)
		}
	}
}

// ui.md §1: a step that is done leads on, with Back, in another tab, and when it is submitted twice.
func TestStepsThatAreDone(t *testing.T) {
	h := build(t)
	h.add(t, "nina@example.com")
	b := h.browser(t)
	query := b.request(h.app)
	b.get("/sign-in/password"+query).goes(t, "/sign-in?") // not yet
	b.post("/sign-in/password"+query, "username", "nina@example.com", "password", goodSecret)
	for _, path := range []string{"/sign-in", "/sign-in/password", "/sign-in/choose-account", "/sign-up", "/verify-email", "/password-reset", "/password-reset/new"} {
		b.get(path+query).goes(t, "/oauth2/authorize?")
		b.post(path+query, "username", "nina@example.com", "password", goodSecret).goes(t, "/oauth2/authorize?")
	}
	// Sign-out elsewhere makes it undone.
	a := b.account(h.app, "nina@example.com")
	_, err := h.Sessions.EndUser(t.Context(), h.env.ID, a.BrowserSession.User, sessions.EndedByUser)
	check(t, err)
	b.get("/sign-in"+query).shows(t, 200)
}

func TestCancel(t *testing.T) {
	h := build(t)
	for _, path := range []string{"/sign-in", "/sign-in/password", "/sign-in/choose-account", "/sign-up", "/verify-email", "/password-reset", "/password-reset/new"} {
		t.Run(path, func(t *testing.T) {
			b := h.browser(t)
			query := b.request(h.app)
			b.post(path+query, "action", "cancel").goes(t, "/oauth2/authorize?client_id=wiki&interaction=int_")
			if !b.saved(query).Denied {
				t.Error("the interaction is not denied")
			}
			b.get("/sign-in"+query).goes(t, "/oauth2/authorize?")
		})
	}
}

// Acceptance 59 and 46: who must authenticate again is asked for the password at once, and may still be somebody else.
func TestAuthenticateAgain(t *testing.T) {
	for _, test := range []struct {
		name  string
		after time.Duration // of the earliest authentication that counts, before now; 0 for none
		pass  time.Duration
		extra []string
		path  string
		text  string
	}{
		{"prompt=login or max_age", time.Minute, time.Hour, nil, "/sign-in/password", "[username=nina@example.com]"},
		{"too old for the application", 0, 8 * day, nil, "/sign-in/password", "because you were away for 3 days"},
		{"with the right login_hint", time.Minute, time.Hour, []string{"login_hint", "Nina@example.com"}, "/sign-in/password", "[username=nina@example.com]"},
		{"with another login_hint", time.Minute, time.Hour, []string{"login_hint", "omar@example.com"}, "/sign-in", "[username=omar@example.com]"},
		{"signed in, and fresh", 0, time.Minute, nil, "/sign-in", "[username=]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := build(t)
			h.change(t, h.app.ID, func(a *clients.Application) { a.SessionPolicy.MaxSessionLength = 7 * day })
			nina := h.add(t, "nina@example.com")
			h.add(t, "omar@example.com")
			b := h.browser(t)
			query := b.request(h.app)
			b.post("/sign-in/password"+query, "username", "nina@example.com", "password", goodSecret, "remember", "on").goes(t, "/oauth2/authorize")
			_, err := h.Sessions.Open(t.Context(), h.app, b.account(h.app, nina.Email), "", sessions.Origin{})
			check(t, err)
			h.pass(test.pass)
			after := time.Time{}
			if test.after > 0 {
				after = h.clock().Add(-test.after)
			}
			query = b.requestAfter(h.app, after, test.extra...)
			r := b.open("/sign-in" + query)
			if at := r.header.Get("At"); !strings.HasPrefix(at, test.path+"?") {
				t.Fatalf("the browser is at %s, want %s", at, test.path)
			}
			r.shows(t, 200, test.text)

			b.get("/sign-in"+query).shows(t, 200, "Email") // Use a different email
			b.post("/sign-in"+query, "username", "omar@example.com").goes(t, "/sign-in/password")
			b.post("/sign-in/password"+query, "username", "omar@example.com", "password", goodSecret).goes(t, "/oauth2/authorize")
			if got, want := b.saved(query).Account, b.account(h.app, "omar@example.com").BrowserSession.ID; got != want {
				t.Errorf("the account is %q, want Omar's %q", got, want)
			}
		})
	}
}

// Design §2: every ended session knows why, and the person sees it on the sign-in page.
func TestWhyTheSessionEnded(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*house, *sessions.Session) error
		pass time.Duration
		want string // "" for no notice
	}{
		{"inactivity", nil, 13 * day, "You were signed out of Wiki because you were away for 3 days."},
		{"inactivity under a policy that was replaced", nil, 13 * day, "because you were away for 3 days"},
		{"an operator", func(h *house, s *sessions.Session) error {
			_, err := h.Sessions.End(t.Context(), h.env.ID, sessions.Selection{Session: s.ID}, sessions.EndedByOperator)
			return err
		}, 13 * time.Hour, "You were signed out of Wiki because"},
		{"herself", func(h *house, s *sessions.Session) error {
			_, err := h.Sessions.End(t.Context(), h.env.ID, sessions.Selection{Session: s.ID}, sessions.EndedSignedOut)
			return err
		}, 13 * time.Hour, ""},
		{"alive, though the browser's sign-in is not", nil, 13 * time.Hour, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := build(t)
			h.add(t, "nina@example.com")
			b := h.browser(t)
			s := b.signIn(h.app, "nina@example.com")
			if test.end != nil {
				check(t, test.end(h, s))
			}
			h.pass(test.pass)
			if strings.Contains(test.name, "replaced") {
				h.change(t, h.app.ID, func(a *clients.Application) { a.SessionPolicy.InactivityTimeout = 5 * day })
			}
			r := b.get("/sign-in"+b.request(h.app)).shows(t, 200, test.want)
			if test.want == "" && strings.Contains(r.text(), "You were signed out") {
				t.Errorf("the page tells of a session that nobody ended:\n%s", r.text())
			}
		})
	}
}

func TestLanguage(t *testing.T) {
	h := build(t)
	b := h.browser(t)
	query := b.request(h.app, "ui_locales", "fr de")
	b.get("/sign-in"+query).shows(t, 200, "Bei Wiki anmelden")
	b.get("/sign-in"+query+"&ui_locales=en").shows(t, 200, "Sign in to Wiki")
	// What she chose stays when /oauth2/authorize sends her to the next page.
	b.post("/sign-in"+query+"&ui_locales=en", "username", "nina@example.com").goes(t, "/sign-in/password?client_id=wiki&interaction="+queryID(query)+"&ui_locales=en")
	b.get("/sign-up"+query).shows(t, 200, "Sign up for Wiki")
}
