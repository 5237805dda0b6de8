package dashboard_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

func TestAccess(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	app := o.AddClient(t, "Wiki", clients.Web, nil)
	ada := o.AddUser(t, "ada@example.com")
	bob := o.AddUser(t, "bob@example.com")
	b := o.browsers[admin.Admin]
	tab := "/admin/env/default/applications/" + string(app.ID) + "/access"
	post := func(fields ...string) *servertest.Page {
		form := url.Values{"updated-at": {b.Open(tab).Form(t, "consent").Values.Get("updated-at")}, "consent": {"third_party"}, "allowed": {"some"}}
		for i := 0; i < len(fields); i += 2 {
			form.Set(fields[i], fields[i+1])
		}
		return b.Post(tab, form)
	}
	now := func() *clients.Application {
		a, err := o.Applications.ByID(t.Context(), o.Environment.ID, app.ID)
		must(t, err)
		return a
	}
	for _, test := range []struct {
		fields []string
		want   string
	}{
		{nil, "Name somebody who may use it"},
		{[]string{"users", "nobody@example.com"}, "There is no user nobody@example.com."},
		{[]string{"users", "usr_nobody"}, "There is no user usr_nobody."},
		{[]string{"roles", "has a space"}, "is no ID or name"},
		{[]string{"users", "ada@example.com", "consent", "never"}, "must be one of"},
	} {
		p := post(test.fields...)
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, test.want)
	}
	wantText(t, post("users", "ADA@example.com\r\n"+string(bob.ID)+"\r\n\r\nada@example.com", "roles", "billing"), "Saved", "ada@example.com", "bob@example.com", "billing")
	if a := now(); a.Consent != clients.ConsentThirdParty || strings.Join(a.Allowed.Users, " ") != string(ada.ID)+" "+string(bob.ID) || a.Allowed.Roles[0] != "billing" {
		t.Errorf("saved %+v", a.Allowed)
	}
	wantText(t, o.browsers[admin.Viewer].Open(tab), "Needs the admin role", "disabled")
	wantText(t, post("allowed", "everyone", "users", "ada@example.com"), "Saved", "!ada@example.com")
	if a := now(); len(a.Allowed.Users) > 0 {
		t.Errorf("everyone is %+v", a.Allowed)
	}
}

// What an application may ask for, and how its tokens look, is edited after it was made; of an API, which tokens are for it.
func TestTokenSettings(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	wiki, api := o.AddClient(t, "Wiki", clients.Web, nil), o.AddClient(t, "Invoices", clients.API, nil)
	b := o.browsers[admin.Admin]
	tab := func(app servertest.Client) string {
		return "/admin/env/default/applications/" + string(app.ID) + "/access"
	}
	for _, test := range []struct {
		app              servertest.Client
		id, field, value string
		want             string
	}{
		{wiki, "scopes", "scopes", "openid\nhas a space", "printable ASCII characters"}, // RFC 6749 §3.3
		{wiki, "audiences", "audiences", "no URI", "which no URI has (RFC 3986)"},
		{wiki, "scopes", "access-token-format", "xml", "must be one of"},
		{wiki, "scopes", "id-token-signed-response-alg", "none", "must be one of"},
		{api, "identifier", "identifier", "no URI", "which no URI has (RFC 3986)"},
	} {
		p := b.Submit(b.Open(tab(test.app)), test.id, test.field, test.value)
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, test.want)
	}
	p := b.Open(tab(api))
	p.Form(t, "identifier").Values.Del("introspects-unaddressed")
	wantText(t, b.Submit(p, "identifier", "identifier", "https://invoices.example\r\nurn:invoices"), "Saved")
	wantText(t, b.Submit(b.Open(tab(wiki)), "scopes", "scopes", "openid\r\n\r\noffline_access\r\ninvoices:read", "audiences", "https://invoices.example",
		"access-token-format", "jwt", "id-token-signed-response-alg", "ES256"), "Saved", "invoices:read")
	saved := func(app servertest.Client) *clients.Application {
		a, err := o.Applications.ByID(t.Context(), o.Environment.ID, app.ID)
		must(t, err)
		return a
	}
	if a := saved(api); strings.Join(a.Identifiers, " ") != "https://invoices.example urn:invoices" || a.IntrospectsUnaddressed {
		t.Errorf("of the API, saved %v, %t", a.Identifiers, a.IntrospectsUnaddressed)
	}
	if a := saved(wiki); strings.Join(a.Scopes, " ") != "openid offline_access invoices:read" || strings.Join(a.Audiences, " ") != "https://invoices.example" ||
		a.AccessTokenFormat != clients.JWT || a.IDTokenSignedResponseAlg != "ES256" {
		t.Errorf("saved %v, %v, %s, %s", a.Scopes, a.Audiences, a.AccessTokenFormat, a.IDTokenSignedResponseAlg)
	}
}

// Grant types, response types and PKCE are edited together, as they go or don't go together (acceptance 10). An application that
// people sign in to from now on has clocks.
func TestGrantSettings(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	app, phone := o.AddClient(t, "Import", clients.Machine, nil), o.AddClient(t, "Phone", clients.Native, nil)
	b := o.browsers[admin.Admin]
	post := func(app servertest.Client, fields ...string) *servertest.Page {
		tab := "/admin/env/default/applications/" + string(app.ID) + "/access"
		form := url.Values{"updated-at": {b.Open(tab).Form(t, "grant-types").Values.Get("updated-at")}, "pkce": {"required"}}
		for i := 0; i < len(fields); i += 2 {
			form.Set(fields[i], fields[i+1])
		}
		return b.Post(tab+"/grants", form)
	}
	for _, test := range []struct {
		app    servertest.Client
		fields []string
		want   string
	}{
		{app, []string{"grant-types-0", "authorization_code"}, "needs a response type"},
		{app, []string{"response-types-0", "code"}, "add it to grant_types"},
		{app, []string{"grant-types-1", "refresh_token"}, "which hand out the first refresh token"},
		{app, []string{"pkce", "never"}, "must be one of required, optional"},
		{phone, []string{"grant-types-0", "authorization_code", "response-types-0", "code", "pkce", "optional"}, "RFC 9700, section 2.1.1"},
		{phone, []string{"grant-types-2", "client_credentials"}, "RFC 6749, section 4.4"},
	} {
		p := post(test.app, test.fields...)
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, test.want)
	}
	p := post(app, "grant-types-0", "authorization_code", "grant-types-2", "client_credentials", "response-types-3", "code id_token", "response-types-0", "code", "grant-types-4", "implicit", "pkce", "optional")
	wantText(t, p, "Saved", "Redirects")
	now, err := o.Applications.ByID(t.Context(), o.Environment.ID, app.ID)
	must(t, err)
	if strings.Join(now.GrantTypes, " ") != "authorization_code client_credentials implicit" || strings.Join(now.ResponseTypes, ",") != "code,code id_token" ||
		now.PKCE != clients.PKCEOptional || now.SessionPolicy.InactivityTimeout == 0 {
		t.Errorf("saved %v, %v, %s, %+v", now.GrantTypes, now.ResponseTypes, now.PKCE, now.SessionPolicy)
	}
	shown := b.Open("/admin/env/default/applications/"+string(app.ID)+"/access").Form(t, "grant-types").Values
	if shown.Get("grant-types-4") != "implicit" || shown.Has("grant-types-1") || shown.Get("response-types-3") != "code id_token" || shown.Get("pkce") != "optional" {
		t.Errorf("the tab shows %v", shown)
	}
	wantStatus(t, o.browsers[admin.Viewer].Post("/admin/env/default/applications/"+string(app.ID)+"/access/grants", url.Values{}), http.StatusForbidden)
}
