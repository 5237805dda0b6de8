package dashboard_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/delivery"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/sessions"
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

// The deliveries of back-channel logout are told where its address is set (acceptance 64).
func TestLogoutDeliveries(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		app, ada := o.AddClient(t, "Wiki", clients.Web, nil), o.AddUser(t, "ada@example.com")
		b := o.browsers[admin.Viewer]
		tab := "/admin/env/default/applications/" + string(app.ID) + "/redirects"
		wantText(t, b.Open(tab), "!Last logout deliveries")
		o.Change(t, app.ID, func(a *clients.Application) { a.BackchannelLogoutURI = "https://wiki.example/logout" })
		wantText(t, b.Open(tab), "Last logout deliveries", "No session has ended since")
		now := o.Clock.Now().UTC()
		made := func(n int, l delivery.Logout) delivery.Logout {
			l.ID, l.Session = fmt.Sprintf("lgo_%02d", n), sessions.ID(fmt.Sprintf("ses_%02d.", n))
			l.Environment, l.Application, l.User, l.CreatedAt = o.Environment.ID, app.ID, ada.ID, now.Add(-3*time.Hour)
			return l
		}
		logouts := []delivery.Logout{
			made(1, delivery.Logout{Attempts: 1, DeliveredAt: now}), // one too many
			made(2, delivery.Logout{Attempts: 9, FailedAt: now, Error: "the application answered 503 Service Unavailable"}),
			made(3, delivery.Logout{Attempts: 2, NextAt: now.Add(2 * time.Hour), Error: `no "answer" <within> 5s`}),
		}
		for n := 4; n <= 11; n++ {
			logouts = append(logouts, made(n, delivery.Logout{Attempts: 1, DeliveredAt: now}))
		}
		must(t, o.Logouts.Store.AddLogouts(t.Context(), logouts))
		wantText(t, b.Open(tab), "!ses_01.", "ses_02.", "Given up", "the application answered 503 Service Unavailable", "ses_03.", "Pending", "next attempt in 1 hour",
			"no &#34;answer&#34; &lt;within&gt; 5s", "ses_11.", "Delivered", "3 hours ago", ">ada@example.com<")
		// They are told of after the address has gone, and with it where another is refused.
		o.Change(t, app.ID, func(a *clients.Application) { a.BackchannelLogoutURI = "" })
		b = o.browsers[admin.Admin]
		p := b.Submit(b.Open(tab), "backchannel-logout-uri", "backchannel-logout-uri", "gopher://wiki.example")
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "Last logout deliveries", "ses_11.")
	})
}
