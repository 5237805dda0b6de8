package dashboard_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server/servertest"
)

// acceptance 1 and 9: an environment is made with its default application, its issuer and its keys.
func TestCreateEnvironment(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		b := o.browsers[admin.Admin]
		form := b.Open("/admin/environments/new")
		p := b.Submit(form, "slug", "name", "", "slug", " ")
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "There are 2 things to correct", "Enter a slug, like staging.")
		for _, slug := range []string{"A b", "default", "x", "../etc", strings.Repeat("a", 41)} {
			p = b.Submit(form, "slug", "name", "Staging", "slug", slug)
			wantStatus(t, p, http.StatusUnprocessableEntity)
			wantText(t, p, `id="slug-problem"`, `value="Staging"`)
		}
		p = b.Submit(form, "slug", "name", "Staging", "slug", "staging", "environment-kind", "test")
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, `must be production or development.`)

		p = b.Submit(form, "slug", "name", "Staging <b>", "slug", "new", "environment-kind", "development") // "new" is a name like any other
		wantStatus(t, p, http.StatusOK)
		wantText(t, p, "Staging &lt;b&gt; is ready", o.Issuer+"/env/new", "Add a redirect URI")
		wantText(t, b.Open("/admin/env/new/keys"), o.Issuer+"/env/new/.well-known/jwks.json", "Active")
		wantText(t, b.Open("/admin/environments"), "Staging &lt;b&gt;", "Development", o.Issuer+"/env/new", "/admin/env/operators/environment")
		wantText(t, o.browsers[admin.Viewer].Open("/admin/environments"), "Needs the admin role", "!/admin/env/operators")
	})
}

func TestEnvironmentPage(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	ctx := t.Context()
	env, err := o.Founder.Create(ctx, environments.New{Slug: "play", Name: "Play", Kind: environments.Development})
	must(t, err)
	b := o.browsers[admin.Admin]
	const at = "/admin/env/play/environment"

	page := b.Open(at)
	wantText(t, page, string(env.ID), "Unchanged since it was made.", o.Issuer+"/env/play")
	wantStatus(t, b.Submit(page, "name", "name", " "), http.StatusUnprocessableEntity)
	p := b.Submit(page, "name", "name", strings.Repeat("n", 101))
	wantStatus(t, p, http.StatusUnprocessableEntity)
	wantText(t, p, `id="name-problem"`)
	p = b.Submit(page, "name", "name", "Playground")
	wantText(t, p, "Saved", "Playground", "Last changed", "admin@example.com")

	// The first page is out of date by now: nothing is lost by saving it.
	p = b.Submit(page, "environment-kind-production", "environment-kind", "production")
	wantStatus(t, p, http.StatusUnprocessableEntity)
	wantText(t, p, "Somebody else changed this meanwhile.")

	wiki, _, err := o.Applications.Create(ctx, env, clients.New{Kind: clients.Web, Name: "Wiki", Configure: func(a *clients.Application) error {
		a.RedirectURIs = []string{"http://localhost:3000/cb"}
		return nil
	}})
	must(t, err)
	machine, _, err := o.Applications.Create(ctx, env, clients.New{Kind: clients.Machine, Name: "Import"})
	must(t, err)

	page = b.Open(at)
	wantText(t, page, "Wiki", "!Import</option>")
	p = b.Submit(page, "environment-kind-production", "environment-kind", "production")
	wantStatus(t, p, http.StatusUnprocessableEntity)
	wantText(t, p, "1 application has addresses that production refuses.", "/admin/env/play/applications/"+string(wiki.ID)+"/redirects", "http://localhost:3000/cb")

	p = b.Submit(page, "application", "application", string(machine.ID))
	wantStatus(t, p, http.StatusUnprocessableEntity)
	wantText(t, p, `id="application-problem"`)
	p = b.Submit(page, "application", "application", string(wiki.ID))
	wantText(t, p, "Saved", `<option value="`+string(wiki.ID)+`" selected>`)

	must(t, o.Applications.Update(ctx, env, wiki.ID, func(a *clients.Application) error {
		a.RedirectURIs = []string{"https://wiki.example/cb"}
		return nil
	}))
	wantText(t, b.Submit(b.Open(at), "environment-kind-production", "environment-kind", "production"), "Saved", "in-production")
	wantText(t, o.browsers[admin.Viewer].Open(at), "Needs the admin role", "disabled")
}

// The switcher leads to the same page of the other environment, and marks production.
func TestSwitchEnvironment(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	_, err := o.Founder.Create(t.Context(), environments.New{Slug: "play", Name: "Play", Kind: environments.Development})
	must(t, err)
	b := o.browsers[admin.Viewer]
	wantText(t, b.Open("/admin/env/default/keys"), `href="/admin/env/play/keys"`, `href="/admin/environments"`, "!/admin/env/operators")
	wantText(t, b.Open("/admin/env/default/environment"), `href="/admin/env/play/applications"`)
	wantText(t, b.Open("/admin/env/play/keys"), "!in-production")
	wantText(t, o.browsers[admin.Owner].Open("/admin/env/default/keys"), `href="/admin/env/operators/keys"`)
}
