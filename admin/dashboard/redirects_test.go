package dashboard_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

// list posts an action on a list of addresses.
func list(t *testing.T, b *servertest.Browser, tab, name, action, uri string) *servertest.Page {
	t.Helper()
	token := b.Open(tab).Form(t, name).Values.Get("updated-at")
	return b.Post(tab+"/list", url.Values{"updated-at": {token}, "list": {name}, "action": {action}, "uri": {uri}, name: {uri}})
}

func TestRedirectLists(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		app := o.AddClient(t, "Wiki", clients.Web, nil)
		b := o.browsers[admin.Admin]
		tab := "/admin/env/default/applications/" + string(app.ID) + "/redirects"
		now := func() *clients.Application {
			a, err := o.Applications.ByID(t.Context(), o.Environment.ID, app.ID)
			must(t, err)
			return a
		}
		wantText(t, list(t, b, tab, "redirect-uri", "add", "https://wiki.example/other"), "Saved", "https://wiki.example/other")
		p := list(t, b, tab, "redirect-uri", "remove", "https://wiki.example/cb") // acceptance 18
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "default redirect URI, which can&#39;t be deleted")
		wantText(t, list(t, b, tab, "redirect-uri", "default", "https://wiki.example/other"), "Saved")
		if diff := cmp.Diff([]string{"https://wiki.example/other", "https://wiki.example/cb"}, now().RedirectURIs); diff != "" {
			t.Errorf("after a new default (-want +got):\n%s", diff)
		}
		wantText(t, list(t, b, tab, "redirect-uri", "remove", "https://wiki.example/cb"), "Saved")
		p = list(t, b, tab, "redirect-uri", "add", "https://user@wiki.example/cb") // acceptance 22
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, `id="redirect-uri-problem"`, `value="https://user@wiki.example/cb"`)
		wantText(t, list(t, b, tab, "post-logout-redirect-uri", "add", "https://wiki.example/"), "Saved")
		wantText(t, list(t, b, tab, "cors-origin", "add", "https://wiki.example"), "Saved")
		p = list(t, b, tab, "cors-origin", "add", "https://wiki.example/path")
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, `id="cors-origin-problem"`)
		wantText(t, list(t, b, tab, "cors-origin", "remove", "https://wiki.example"), "Saved")
		a := now()
		got := []any{a.RedirectURIs, a.PostLogoutRedirectURIs, len(a.CORSOrigins)}
		if diff := cmp.Diff([]any{[]string{"https://wiki.example/other"}, []string{"https://wiki.example/"}, 0}, got); diff != "" {
			t.Errorf("at the end (-want +got):\n%s", diff)
		}
		wantText(t, o.browsers[admin.Viewer].Open(tab), "Needs the admin role", "!>Remove<", "https://wiki.example/other")
		wantStatus(t, b.Post(tab+"/list", url.Values{"list": {"scopes"}, "action": {"add"}}), http.StatusBadRequest)
	})
}

// acceptance 23
func TestRedirectTester(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	app := o.AddClient(t, "Wiki", clients.Web, nil)
	phone := o.AddClient(t, "Phone", clients.Native, func(a *clients.Application) { a.RedirectURIs = []string{"http://127.0.0.1/cb"} })
	b := o.browsers[admin.Viewer]
	try := func(c servertest.Client, uri string) *servertest.Page {
		return b.Open("/admin/env/default/applications/" + string(c.ID) + "/redirects?try=" + url.QueryEscape(uri))
	}
	wantText(t, try(app, "https://wiki.example/cb"), "It matches, as it is the same as")
	wantText(t, try(app, "https://wiki.example/cb/"), "It does not match.", "Path", "Exactly one of them ends with a slash.")
	wantText(t, try(app, "http://wiki.example/cb"), "It does not match.", "Scheme")
	wantText(t, try(phone, "http://127.0.0.1:51004/cb"), "It matches, as any port of this machine does")
	wantText(t, try(app, `"><script>alert(1)</script>`), "It does not match.", "!<script>alert")
}

func TestAddressesAndLogout(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	app := o.AddClient(t, "Wiki", clients.Web, nil)
	b := o.browsers[admin.Admin]
	tab := "/admin/env/default/applications/" + string(app.ID) + "/redirects"
	p := b.Submit(b.Open(tab), "initiate-login-uri", "initiate-login-uri", "https://wiki.example/sign-in", "homepage-uri", "https://wiki.example/", "wildcards", "on", "explicit-sign-out", "on")
	wantText(t, p, "Saved", `value="https://wiki.example/sign-in"`)
	p = b.Submit(p, "backchannel-logout-uri", "backchannel-logout-uri", "https://wiki.example/logout", "backchannel-session", "on", "frontchannel-logout-uri", "https://other.example/logout")
	wantStatus(t, p, http.StatusUnprocessableEntity)
	wantText(t, p, `id="frontchannel-logout-uri-problem"`, `value="https://wiki.example/logout"`)
	p = b.Submit(p, "backchannel-logout-uri", "frontchannel-logout-uri", "https://wiki.example/out")
	wantText(t, p, "Saved")
	now, err := o.Applications.ByID(t.Context(), o.Environment.ID, app.ID)
	must(t, err)
	if !now.WildcardRedirects || !now.ExplicitPostLogoutRedirect || !now.BackchannelLogoutSessionRequired || now.FrontchannelLogoutURI != "https://wiki.example/out" || now.HomepageURI != "https://wiki.example/" {
		t.Errorf("saved %+v", now)
	}
}

// acceptance 6: a change to one application leaves the others as they were.
func TestChangeTouchesOneApplication(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	app, other := o.AddClient(t, "Wiki", clients.Web, nil), o.AddClient(t, "Notes", clients.Web, nil)
	before, err := o.Applications.Store.Application(t.Context(), o.Environment.ID, other.ID)
	must(t, err)
	b := o.browsers[admin.Admin]
	base := "/admin/env/default/applications/" + string(app.ID)
	list(t, b, base+"/redirects", "redirect-uri", "add", "https://wiki.example/other")
	b.Submit(b.Open(base+"/sessions"), "inactivity-timeout", "inactivity-timeout", "2", "inactivity-timeout-unit", "days", "access-token-lifetime-unit", "minutes", "max-session-length-unit", "days")
	b.Post(base+"/disable", nil)
	after, err := o.Applications.Store.Application(t.Context(), o.Environment.ID, other.ID)
	must(t, err)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the other application changed (-before +after):\n%s", diff)
	}
}
