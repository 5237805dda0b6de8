package dashboard_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server/servertest"
)

var secretForm = regexp.MustCompile(`ps_[0-9A-Za-z]{43}`)

// create registers an application by the form and returns the result page with the application as it is stored.
func create(t *testing.T, o *office, kind, name, redirectURI string) (*servertest.Page, *clients.Application) {
	t.Helper()
	b := o.browsers[admin.Admin]
	fields := []string{"kind", kind, "name", name, "redirect-uri", redirectURI}
	p := b.Submit(b.Open("/admin/env/default/applications/new"), "redirect-uri", fields...)
	wantStatus(t, p, http.StatusOK)
	id, found := strings.CutSuffix(strings.TrimPrefix(p.URL.Path, "/admin/env/default/applications/"), "/created")
	if !found {
		t.Fatalf("the form leads to %s\n%s", p.URL, p.Body)
	}
	app, err := o.Applications.ByID(t.Context(), o.Environment.ID, clients.ID(id))
	must(t, err)
	return p, app
}

// A web, a desktop and a machine application get client IDs and presets of their own (acceptance 4), and their secret is shown
// once (acceptance 48).
func TestCreateApplication(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		for _, test := range []struct {
			kind, redirectURI string
			want              clients.Kind
			snippet           string
		}{
			{"web", "https://app.example/cb", clients.Web, "oidc.NewProvider"},
			{"spa", "https://spa.example/cb", clients.SPA, "UserManager"},
			{"native", "com.example.app:/cb", clients.Native, "oidc.NewProvider"},
			{"machine", "https://ignored.example/cb", clients.Machine, "grant_type=client_credentials"},
			{"api", "https://ignored.example/cb", clients.API, "/oauth2/introspect"},
		} {
			p, app := create(t, o, test.kind, "Acme "+test.kind, test.redirectURI)
			if app.Kind != test.want || app.Name != "Acme "+test.kind || !app.Enabled {
				t.Errorf("%s: %+v", test.kind, app)
			}
			if want := test.want.Preset().SessionPolicy; app.SessionPolicy.MaxSessionLength != want.MaxSessionLength {
				t.Errorf("%s: the policy is %+v, want %+v", test.kind, app.SessionPolicy, want)
			}
			if alone := test.kind == "machine" || test.kind == "api"; alone != (len(app.RedirectURIs) == 0) {
				t.Errorf("%s: the redirect URIs are %v", test.kind, app.RedirectURIs)
			}
			wantText(t, p, app.ClientID, test.snippet)
			secret := secretForm.FindString(p.Body)
			if app.Public() {
				wantText(t, p, "None: the application proves itself by PKCE.", "!I have stored it")
				if secret != "" || len(app.Secrets) > 0 {
					t.Errorf("%s: a public client has the secret %q", test.kind, secret)
				}
				continue
			}
			wantText(t, p, "I have stored it")
			if !o.Applications.Authenticate(t.Context(), app, secret, "") {
				t.Errorf("%s: the secret %q is wrong", test.kind, secret)
			}
			wantText(t, o.browsers[admin.Admin].Open(p.URL.Path), "!"+secret, "The secret was shown already.")
			wantText(t, o.browsers[admin.Admin].Open("/admin/env/default/applications/"+string(app.ID)), "!"+secret)
		}
		_, spa := create(t, o, "spa", "Drift", "https://drift.example:8443/cb")
		if len(spa.CORSOrigins) != 1 || spa.CORSOrigins[0] != "https://drift.example:8443" {
			t.Errorf("the origins of a single-page application are %v", spa.CORSOrigins)
		}
	})
}

func TestCreateApplicationRefuses(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	b := o.browsers[admin.Owner]
	form := b.Open("/admin/env/default/applications/new")
	for _, test := range []struct {
		name   string
		fields []string
		want   []string
	}{
		{"nothing", nil, []string{"Enter a name.", "Enter the address that people come back to.", `id="redirect-uri"`, `aria-invalid="true"`}},
		{"a bad URI", []string{"name", "Wiki", "redirect-uri", "javascript:alert(1)"}, []string{"javascript:alert(1)", `id="redirect-uri-problem"`}},
		{"no kind", []string{"name", "Wiki", "kind", "toaster", "redirect-uri", "https://a.example/cb"}, []string{`id="kind"`, "must be one of"}},
		{"a long name", []string{"name", strings.Repeat("w", 101), "redirect-uri", "https://a.example/cb"}, []string{`id="name-problem"`}},
	} {
		p := b.Submit(form, "redirect-uri", test.fields...)
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, append(test.want, "<title>Error: ")...)
	}
	all, _, err := o.Applications.Search(t.Context(), o.Environment, clients.Search{Limit: 10})
	must(t, err)
	if len(all) != 1 {
		t.Errorf("the refused forms made %d applications", len(all)-1)
	}
}

func TestConsentOfNewApplication(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	b := o.browsers[admin.Owner]
	f := b.Open("/admin/env/default/applications/new").Form(t, "redirect-uri")
	f.Values.Del("first-party")
	f.Values.Set("name", "Partner")
	f.Values.Set("redirect-uri", "https://partner.example/cb")
	wantStatus(t, b.Post("/admin/env/default/applications/new", f.Values), http.StatusOK)
	found, _, err := o.Applications.Search(t.Context(), o.Environment, clients.Search{Text: "Partner", Limit: 1})
	must(t, err)
	if found[0].Consent != clients.ConsentThirdParty {
		t.Errorf("consent = %s", found[0].Consent)
	}
}

// acceptance 3: all of this environment, the default first and marked.
func TestListApplications(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	app := o.AddClient(t, "Wiki", clients.Web, nil)
	o.AddClient(t, "Import", clients.Machine, nil)
	o.AddUser(t, "ada@example.com")
	o.Tokens(t, app, "ada@example.com", "openid")
	other, err := o.Founder.Create(t.Context(), environments.New{Slug: "other", Name: "Other"})
	must(t, err)
	_, _, err = o.Applications.Create(t.Context(), other, clients.New{Kind: clients.Machine, Name: "Elsewhere"})
	must(t, err)

	p := o.browsers[admin.Viewer].Open("/admin/env/default/applications")
	wantText(t, p, "Default", "Wiki", `<td class="number">1</td>`, "just now", "Import", "Machine", "hints", "!Elsewhere", "Needs the admin role")
	if first, wiki := strings.Index(p.Body, ">Default<"), strings.Index(p.Body, ">Wiki<"); first > wiki {
		t.Error("the default application isn't the first")
	}
	wantText(t, o.browsers[admin.Viewer].Open("/admin/env/default/applications?kind=machine"), "Import", "!>Wiki<")
	wantText(t, o.browsers[admin.Viewer].Open("/admin/env/default/applications?q=wik"), "Wiki", "!Import")
	wantText(t, o.browsers[admin.Viewer].Open("/admin/env/default/applications?q=nothing"), "No application fits.", "Show all")
	wantText(t, o.browsers[admin.Viewer].Open("/admin/env/other/applications"), "Elsewhere", "!Wiki")
	wantStatus(t, o.browsers[admin.Owner].Open("/admin/env/other/applications/"+string(app.ID)), http.StatusNotFound) // acceptance 8
	wantStatus(t, o.browsers[admin.Owner].Open("/admin/env/nowhere/applications"), http.StatusNotFound)
}

func TestListApplicationsByPage(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	for range 24 {
		_, _, err := o.Applications.Create(t.Context(), o.Environment, clients.New{Kind: clients.Machine, Name: "Job"})
		must(t, err)
	}
	b := o.browsers[admin.Viewer]
	link := regexp.MustCompile(`href="([^"]+)" rel="(next|prev)"`)
	rows := func(p *servertest.Page) int { return strings.Count(p.Body, `<th scope="row">`) }
	first := b.Open("/admin/env/default/applications")
	m := link.FindAllStringSubmatch(first.Body, -1)
	if rows(first) != 20 || len(m) != 1 || m[0][2] != "next" {
		t.Fatalf("the first page has %d rows and links %v", rows(first), m)
	}
	second := b.Open(strings.ReplaceAll(m[0][1], "&amp;", "&"))
	m = link.FindAllStringSubmatch(second.Body, -1)
	if rows(second) != 5 || len(m) != 1 || m[0][2] != "prev" {
		t.Fatalf("the second page has %d rows and links %v", rows(second), m)
	}
	if back := b.Open(strings.ReplaceAll(m[0][1], "&amp;", "&")); rows(back) != 20 || !strings.Contains(back.Body, ">Default<") {
		t.Errorf("the page before the second has %d rows", rows(back))
	}
}

func TestOverview(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	app := o.AddClient(t, "Wiki", clients.Web, nil)
	p := o.browsers[admin.Viewer].Open("/admin/env/default/applications/" + string(app.ID))
	wantText(t, p, app.ClientID, o.Issuer+"/.well-known/openid-configuration", "No address after a sign-out", "Needs the admin role", "!Make default</button>",
		"Overview", "Redirects", "Sessions", "Credentials", "Access", "Branding") // acceptance 5
	p = o.browsers[admin.Admin].Open("/admin/env/default/applications/" + string(app.ID))
	wantText(t, p, "Make default</button>", "Turn off", "Delete", "!Needs the")
}

// acceptance 7
func TestDeleteApplication(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		b := o.browsers[admin.Admin]
		app := o.AddClient(t, "Wiki", clients.Web, nil)
		o.AddUser(t, "ada@example.com")
		tokens := o.Tokens(t, app, "ada@example.com", "openid offline_access")
		base := "/admin/env/default/applications/"
		before := base + o.Environment.DefaultApplication

		p := b.Open(before)
		wantText(t, p, "Make another one the default first.")
		wantStatus(t, b.Open(before+"/delete"), http.StatusConflict)
		wantStatus(t, b.Post(before+"/delete", url.Values{"confirm-name": {"Portico"}}), http.StatusConflict)

		p = b.Post(base+string(app.ID)+"/default", nil)
		wantText(t, p, "This is the default application now.", ">Default<")
		p = b.Post(before+"/disable", nil)
		wantText(t, p, "The application is turned off.")
		wantStatus(t, b.Post(before+"/default", nil), http.StatusConflict)
		p = b.Post(before+"/enable", nil)
		wantText(t, p, "The application is turned on.")
		wantText(t, b.Post(before+"/default", nil), "This is the default application now.")

		confirm := b.Open(base + string(app.ID) + "/delete")
		wantText(t, confirm, "1 living session ends now.", "1 secret stops working.", "It cannot be undone.")
		p = b.Submit(confirm, "confirm-name", "confirm-name", "wiki")
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "That is not the name. Type Wiki.")
		p = b.Submit(confirm, "confirm-name", "confirm-name", "Wiki")
		wantText(t, p, "The application was deleted.", "!>Wiki<")
		if reply := o.Refresh(t, app, tokens.String("refresh_token")); reply.Status != http.StatusUnauthorized {
			t.Errorf("the application still refreshes: %d %s", reply.Status, reply.Body)
		}
	})
}

func TestDisableApplication(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	b := o.browsers[admin.Admin]
	app := o.AddClient(t, "Wiki", clients.Web, nil)
	o.AddUser(t, "ada@example.com")
	tokens := o.Tokens(t, app, "ada@example.com", "openid offline_access")
	p := b.Open("/admin/env/default/applications/" + string(app.ID) + "/disable")
	wantText(t, p, "1 living session ends now.", "Turn off Wiki?")
	wantText(t, b.Post(p.URL.Path, nil), "The application is turned off.", "Turn on")
	if reply := o.Refresh(t, app, tokens.String("refresh_token")); reply.Status != http.StatusUnauthorized {
		t.Errorf("the application still refreshes: %d %s", reply.Status, reply.Body)
	}
	wantText(t, b.Post("/admin/env/default/applications/"+string(app.ID)+"/enable", nil), "The application is turned on.")
	if reply := o.Refresh(t, app, tokens.String("refresh_token")); reply.Status != http.StatusBadRequest {
		t.Errorf("what ended came back: %d %s", reply.Status, reply.Body)
	}
}
