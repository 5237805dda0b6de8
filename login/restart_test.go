package login_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
)

const (
	initiate = "https://wiki.example/login?from=portico"
	// OIDC Core §4
	initiated = "https://wiki.example/login?from=portico&iss=http%3A%2F%2Fid.example&target_link_uri=https%3A%2F%2Fwiki.example%2Fhome"
	home      = "https://wiki.example/home"
)

// Design §2 and acceptance 24: a step without a request that waits in this browser goes to where a sign-in at the application begins.
func TestStartAgain(t *testing.T) {
	for _, test := range []struct {
		name      string
		configure func(*clients.Application)
		path      string
		query     func(*house, *browser) string
		to        string // "" for a page
		text      string
	}{
		{"a bookmark, for the default application", signInEndpoint, "/sign-in", none, initiated, ""},
		{"a bookmark of a later step", signInEndpoint, "/sign-in/password", none, initiated, ""},
		{"a bookmark, with a homepage alone", homepage, "/sign-in", none, home, ""},
		{"a bookmark, with no address: the account", nil, "/sign-in", none, "/sign-in?interaction=int_", ""},
		{"an application", signInEndpoint, "/sign-in", ofWiki, initiated, ""},
		{"an application with no address", nil, "/sign-in", ofWiki, "", "Go back to the application and sign in again."},
		{"an application that nobody knows", signInEndpoint, "/sign-in", func(*house, *browser) string { return "?client_id=nobody" }, initiated, ""},
		{"an unknown interaction", signInEndpoint, "/sign-in/password", func(*house, *browser) string { return "?client_id=wiki&interaction=int_1" }, initiated, ""},
		{"an expired interaction", signInEndpoint, "/verify-email", expired, initiated, ""},
		{"an expired interaction, with no address", nil, "/sign-up", expired, "", "Your sign-in took too long."},
		{"another browser's", signInEndpoint, "/sign-up", anothers, initiated, ""},
		{"one that was answered", signInEndpoint, "/sign-in", answered, initiated, ""},
		{"one that was answered, with no address", nil, "/consent", answered, "", "You are signed in"},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(test.name+"/"+method, func(t *testing.T) {
				h := build(t)
				if test.configure != nil {
					h.change(t, h.app.ID, test.configure)
				}
				h.defaults(t, h.app)
				b := h.browser(t)
				r := b.do(method, test.path+test.query(h, b), url.Values{})
				switch {
				case test.to == "":
					r.shows(t, r.status, test.text)
					if r.status != http.StatusGone && r.status != http.StatusOK {
						t.Errorf("status is %d", r.status)
					}
				case strings.HasPrefix(test.to, "/") && method == http.MethodPost:
					r.shows(t, http.StatusGone) // nothing is lost: the page leads on
				default:
					r.goes(t, test.to)
				}
			})
		}
	}
}

func signInEndpoint(a *clients.Application) { a.InitiateLoginURI, a.HomepageURI = initiate, home }
func homepage(a *clients.Application)       { a.HomepageURI = home }

func none(*house, *browser) string   { return "" }
func ofWiki(*house, *browser) string { return "?client_id=wiki" }

func expired(h *house, b *browser) string {
	query := b.request(h.app)
	h.pass(time.Hour)
	return query
}

func anothers(h *house, b *browser) string {
	b.request(h.app) // so that this one has a cookie
	return h.browser(b.t).request(h.app)
}

func answered(h *house, b *browser) string {
	query := b.request(h.app)
	check(b.t, h.Sessions.Store.FinishInteraction(b.t.Context(), h.env.ID, b.saved(query).ID, h.clock()))
	return query
}

// defaults makes the application the default one.
func (h *house) defaults(t *testing.T, app *clients.Application) {
	t.Helper()
	check(t, h.tenants.Update(t.Context(), h.env.ID, func(_ context.Context, e *environments.Environment) error {
		e.DefaultApplication = string(app.ID)
		return nil
	}))
}

func TestStartAgainIsTold(t *testing.T) {
	h := build(t)
	h.change(t, h.app.ID, signInEndpoint)
	b := h.browser(t)
	b.get("/sign-in/password"+expired(h, b)).goes(t, initiated)
	query := b.request(h.app) // as the application asks for at its sign-in endpoint
	b.get("/sign-in"+query).shows(t, 200, "Your sign-in took too long, so we started it again.")
	if r := b.get("/sign-in" + query); strings.Contains(r.text(), "took too long") {
		t.Error("the page says so once more")
	}
	b.get("/sign-in"+answered(h, b)).goes(t, initiated)
	if r := b.get("/sign-in" + b.request(h.app)); strings.Contains(r.text(), "took too long") {
		t.Error("a sign-in that was completed is said to have taken too long")
	}
}

// A browser that keeps no cookies would be sent to and fro without end.
func TestCookiesRefused(t *testing.T) {
	h := build(t)
	h.change(t, h.app.ID, signInEndpoint)
	query := h.browser(t).request(h.app)
	h.browser(t).get("/sign-in"+query).shows(t, http.StatusBadRequest, "Your browser does not keep our cookie")
}

func TestReturnTo(t *testing.T) {
	for _, test := range []struct {
		returnTo  string
		operators bool
		want      string // "" if it isn't followed
	}{
		{"/account", false, "/account"},
		{"/account/sessions", false, "/account/sessions"},
		{"/account/../sign-out", false, ""},
		{"/account/sessions/", false, ""},
		{"//evil.example/account", false, ""},
		{"https://evil.example/account", false, ""},
		{"/admin", false, ""},
		{"/account", true, "/env/operators/account"},
		{"/admin", true, "/admin"},
		{"/admin/env/production/applications?status=active", true, "/admin/env/production/applications?status=active"},
		{"/admin/../oauth2/logout", true, ""},
		{"/administrator", true, ""},
		{"//evil.example/admin", true, ""},
		{"/\\evil.example/admin", true, ""},
		{"javascript:alert(1)", true, ""},
		{"/admin/%2e%2e/oauth2/logout", true, ""},
	} {
		t.Run(test.returnTo, func(t *testing.T) {
			h := build(t)
			if test.operators {
				h.toOperators(t)
			}
			h.add(t, "nina@example.com")
			b := h.browser(t)
			r := b.get("/sign-in?" + url.Values{"return_to": {test.returnTo}}.Encode())
			if test.want == "" && !test.operators {
				r.goes(t, "/sign-in?interaction=") // for the account, as a bookmark
				return
			}
			if test.want == "" {
				r.goes(t, "/env/operators/sign-in?interaction=")
				return
			}
			query := r.to[strings.Index(r.to, "?"):]
			b.get("/sign-in"+query).shows(t, 200, "Sign in to "+h.env.Name)
			r = b.post("/sign-in/password"+query, "username", "nina@example.com", "password", goodSecret)
			if r.status != http.StatusSeeOther || r.to != test.want {
				t.Errorf("the sign-in leads to %q, want %q", r.to, test.want)
			}
			// Whoever is signed in is led there at once.
			r = b.get("/sign-in?" + url.Values{"return_to": {test.returnTo}}.Encode())
			if r.to != test.want {
				t.Errorf("a second sign-in leads to %q, want %q", r.to, test.want)
			}
		})
	}
}

// toOperators moves the house into the environment of the operators.
func (h *house) toOperators(t *testing.T) {
	t.Helper()
	var err error
	h.env, err = h.tenants.Create(t.Context(), environments.New{Slug: environments.OperatorsSlug, Name: "Operators"}, h.withDefault)
	check(t, err)
}

func TestCancelForThePageOfOurs(t *testing.T) {
	h := build(t)
	h.add(t, "nina@example.com")
	b := h.browser(t)
	r := b.get("/account").goes(t, "/sign-in?interaction=")
	b.post(r.to, "action", "cancel").goes(t, "/sign-out/done")
}

func TestCookiesRefusedByOurOwnWays(t *testing.T) {
	h := build(t)
	h.add(t, "nina@example.com")
	asked := h.browser(t)
	query := asked.request(h.app)
	asked.post("/password-reset"+query, "username", "nina@example.com")
	link := query + "&code=" + h.mail(t).Code
	for _, path := range []string{"/account", "/password-reset", "/password-reset" + link, "/password-reset/new" + link} {
		r := h.browser(t).get(path)
		h.browser(t).get(r.to).shows(t, http.StatusBadRequest, "Your browser does not keep our cookie")
	}
}
