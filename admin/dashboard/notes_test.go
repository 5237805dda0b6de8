package dashboard_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

func TestNotes(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	app := o.AddClient(t, "Import", clients.Machine, func(a *clients.Application) { a.Metadata = map[string]string{"a=b": "c", " x": "1"} })
	wiki := o.AddClient(t, "Wiki", clients.Web, nil)
	b := o.browsers[admin.Admin]
	at := func(app servertest.Client) string { return "/admin/env/default/applications/" + string(app.ID) }
	post := func(app servertest.Client, name, description, metadata string) *servertest.Page {
		return b.Post(at(app)+"/notes", url.Values{
			"updated-at": {b.Open(at(app)).Form(t, "description").Values.Get("updated-at")}, "name": {name}, "description": {description}, "metadata": {metadata},
		})
	}
	now := func(app servertest.Client) *clients.Application {
		a, err := o.Applications.ByID(t.Context(), o.Environment.ID, app.ID)
		must(t, err)
		return a
	}
	for _, test := range []struct{ name, description, metadata, want string }{
		{"", "", "", `id="name-problem"`},
		{"Import", strings.Repeat("x", 1001), "", `id="description-problem"`},
		{"Import", "", "team", "&#34;team&#34; is no KEY=VALUE"},
		{"Import", "", "=web", `id="metadata-problem"`},
		{"Import", "", "team=a\r\nteam=b", "&#34;team=b&#34; is no KEY=VALUE, or its key stands twice."},
		{"Import", "", "team=" + strings.Repeat("x", 501), `id="metadata-problem"`},
	} {
		p := post(app, test.name, test.description, test.metadata)
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, test.want)
	}
	// Keys that a line cannot tell stay what they are.
	wantText(t, post(app, "Night import", "First line.\r\nSecond.", " x=1\r\na=b=c\r\n\r\n team = web = 1 \r\n"), "Saved", "Night import", "team=web = 1")
	a := now(app)
	if diff := cmp.Diff(map[string]string{" x": "1", "a=b": "c", "team": "web = 1"}, a.Metadata); diff != "" || a.Name != "Night import" || a.Description != "First line.\nSecond." {
		t.Errorf("saved %q, %q and (-want +got)\n%s", a.Name, a.Description, diff)
	}
	// What people sign in to is named on the tab with its look.
	wantText(t, post(wiki, "Other", "Ours", ""), "Saved", "!Other")
	if a := now(wiki); a.Name != "Wiki" || a.Description != "Ours" || len(a.Metadata) > 0 {
		t.Errorf("saved %q, %q, %v", a.Name, a.Description, a.Metadata)
	}

	form := b.Open(at(app))
	o.Change(t, app.ID, func(a *clients.Application) { a.Description = "another" })
	wantText(t, b.Submit(form, "description", "description", "mine"), "Somebody else changed this meanwhile.", "mine")
	wantText(t, o.browsers[admin.Viewer].Open(at(app)), "Needs the admin role")
	wantStatus(t, o.browsers[admin.Viewer].Post(at(app)+"/notes", nil), http.StatusForbidden)
}
