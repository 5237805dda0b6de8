package dashboard_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/admin/dashboard"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/server/servertest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// office is an installation with an operator of each role at a browser of her own.
type office struct {
	*servertest.Installation
	users    map[admin.Role]*identity.User
	browsers map[admin.Role]*servertest.Browser
}

// open makes the operators. The first, Olga, is an owner and signs in as everybody does; the others come by invitation.
func open(t testing.TB, i *servertest.Installation) *office {
	t.Helper()
	o := &office{Installation: i, users: map[admin.Role]*identity.User{}, browsers: map[admin.Role]*servertest.Browser{}}
	token, err := i.Setup.NewToken(t.Context())
	must(t, err)
	b := i.NewBrowser(t)
	p := b.Submit(b.Open("/setup?token="+token), "password", "name", "Olga Owner", "username", "owner@example.com", "password", servertest.Password)
	if p.URL.Path != "/admin" || p.Status != http.StatusOK {
		t.Fatalf("set-up leads to %s with status %d\n%s", p.URL, p.Status, p.Body)
	}
	o.browsers[admin.Owner] = b
	operators, err := i.Operators.Environment(t.Context())
	must(t, err)
	o.users[admin.Owner], err = i.Users.ByEmail(t.Context(), operators.ID, "owner@example.com")
	must(t, err)
	for _, role := range []admin.Role{admin.Admin, admin.Support, admin.Viewer} {
		user, token, err := i.Setup.Invite(t.Context(), admin.Invitation{Name: string(role), Email: string(role) + "@example.com", Role: role})
		must(t, err)
		b := i.NewBrowser(t)
		p := b.Submit(b.Open("/setup?token="+token), "password", "password", servertest.Password)
		if p.URL.Path != "/admin" || p.Status != http.StatusOK {
			t.Fatalf("the link of the %s leads to %s with status %d\n%s", role, p.URL, p.Status, p.Body)
		}
		o.users[role], o.browsers[role] = user, b
	}
	return o
}

func wantStatus(t testing.TB, p *servertest.Page, want int) {
	t.Helper()
	if p.Status != want {
		t.Fatalf("%s answers %d, want %d\n%s", p.URL, p.Status, want, p.Body)
	}
}

// wantText fails unless the page says each text; a text that begins with ! it must not say.
func wantText(t testing.TB, p *servertest.Page, texts ...string) {
	t.Helper()
	for _, text := range texts {
		text, unwanted := strings.CutPrefix(text, "!")
		if strings.Contains(p.Body, text) == unwanted {
			t.Errorf("%s: says %q = %v", p.URL, text, !unwanted)
		}
	}
	if t.Failed() {
		t.Logf("%s", p.Body)
	}
}

// Every page and every form answers each role as admin.Can says (acceptance 81): what it may not do is refused, also where
// no page offered it.
func TestRolesByRoute(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	app := o.AddClient(t, "Wiki", "web", nil)
	values := map[string]string{"{env}": o.Environment.Slug, "{event}": "evt_none", "{organization}": "org_none", "{member}": "mem_none", "{role}": "rol_none", "{user}": "usr_01h2xcejqtf2nbrexx3vqjhp41", "{app}": string(app.ID), "{id}": "none", "{secret}": "sec_none", "{key}": "none", "{session}": "ses_none"}
	for _, route := range dashboard.Routes() {
		method, path, _ := strings.Cut(route.Pattern, " ")
		for name, value := range values {
			path = strings.ReplaceAll(path, name, value)
		}
		if strings.Contains(path, "{") {
			t.Fatalf("%s: a parameter without a value", route.Pattern)
		}
		for _, role := range admin.Roles() {
			var p *servertest.Page
			if method == http.MethodGet {
				p = o.browsers[role].Open(path)
			} else if admin.Can(role, route.Needs) {
				continue // tests of their own
			} else {
				p = o.browsers[role].Post(path, url.Values{"name": {"Forged"}, "role": {"owner"}})
			}
			if refused := p.Status == http.StatusForbidden; refused == admin.Can(role, route.Needs) {
				t.Errorf("%s answers %s with %d", route.Pattern, role, p.Status)
			}
			if p.Status >= 500 {
				t.Errorf("%s answers %s with %d\n%s", route.Pattern, role, p.Status, p.Body)
			}
		}
		if method == http.MethodGet {
			p := o.NewBrowser(t).Open(path)
			if p.URL.Path != "/env/operators/sign-in" {
				t.Errorf("%s leads a stranger to %s with status %d", route.Pattern, p.URL, p.Status)
			}
		}
	}
}

// What belongs to the operators' environment is for those who may see operators, and to change it for owners.
func TestOperatorsEnvironment(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	for role, want := range map[admin.Role]int{admin.Viewer: 403, admin.Support: 403, admin.Admin: 200, admin.Owner: 200} {
		if p := o.browsers[role].Open("/admin/env/" + environments.OperatorsSlug + "/applications"); p.Status != want {
			t.Errorf("%s gets %d, want %d", role, p.Status, want)
		}
		wantText(t, o.browsers[role].Open("/admin"), map[bool]string{true: "/admin/env/operators/applications", false: "!/admin/env/operators/applications"}[want == 200])
	}
	wantText(t, o.browsers[admin.Admin].Open("/admin/env/operators/applications"), "Needs the owner role")
	wantText(t, o.browsers[admin.Owner].Open("/admin/env/operators/applications"), "!Needs the")
}

// A sign-in leads to the page that was asked for.
func TestSignInReturns(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	b := o.NewBrowser(t)
	p := b.SignIn(b.Open("/admin/env/default/applications?kind=web"), "viewer@example.com")
	wantStatus(t, p, http.StatusOK)
	if got := p.URL.RequestURI(); got != "/admin/env/default/applications?kind=web" {
		t.Errorf("the sign-in leads to %s", got)
	}
	p = b.Submit(b.Open("/env/operators/sign-out?scope=everywhere"), "logout-confirm", "scope", "everywhere")
	wantStatus(t, p, http.StatusOK)
	if p = b.Open("/admin"); p.URL.Path != "/env/operators/sign-in" && p.URL.Path != "/env/operators/sign-in/choose-account" {
		t.Errorf("after the sign-out the dashboard leads to %s", p.URL)
	}
}

// Users of another environment and of no role are no operators.
func TestOnlyOperators(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	o.AddUser(t, "ada@example.com")
	b := o.NewBrowser(t)
	p := b.SignIn(b.Open("/admin"), "ada@example.com")
	if p.Status != http.StatusUnprocessableEntity {
		t.Errorf("a user of another environment gets to %s with status %d", p.URL, p.Status)
	}
	operators, err := o.Operators.Environment(t.Context())
	must(t, err)
	_, err = o.Users.Create(t.Context(), operators.ID, identity.NewUser{Email: "nobody@example.com", Password: servertest.Password})
	must(t, err)
	b = o.NewBrowser(t)
	wantStatus(t, b.SignIn(b.Open("/admin"), "nobody@example.com"), http.StatusForbidden)
}

// A form that another site submits is refused.
func TestForgedByAnotherSite(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	r, err := http.NewRequest(http.MethodPost, o.Issuer+"/admin/operators/new", strings.NewReader("name=Eve&username=eve@example.com&role=owner"))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://evil.example")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if reply := servertest.Do(t, r); reply.Status != http.StatusForbidden {
		t.Errorf("the answer is %d", reply.Status)
	}
}
