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
