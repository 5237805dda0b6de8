package dashboard_test

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/server/servertest"
)

var setupLink = regexp.MustCompile(`http://[^"<\s]+/setup\?token=st_[A-Za-z0-9]+`)

func TestInviteOperator(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		olga := o.browsers[admin.Owner]
		form := olga.Open("/admin/operators/new")
		p := olga.Submit(form, "username", "name", "", "username", "sam")
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "There are 2 things to correct", `value="sam"`)
		p = olga.Submit(form, "username", "name", "Vera", "username", "viewer@example.com", "role", "admin")
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "This person is an operator already.")

		p = olga.Submit(form, "username", "name", "Sam", "username", "sam@example.com", "role", "support")
		wantStatus(t, p, http.StatusOK)
		link := setupLink.FindString(p.Body)
		if link == "" {
			t.Fatalf("no link on %s\n%s", p.URL, p.Body)
		}
		// acceptance 48: shown once, by no reload and no Back again
		again := olga.Open(p.URL.String())
		wantText(t, again, "!"+link, "shown already")

		sam := o.NewBrowser(t)
		if opened := sam.Open(link); opened.Status != http.StatusOK {
			t.Fatalf("the link answers %d", opened.Status)
		}
		wantText(t, sam.Open(link), "sam@example.com") // to open it changes nothing
		wantStatus(t, sam.Submit(sam.Open(link), "password", "password", "short"), http.StatusUnprocessableEntity)
		home := sam.Submit(sam.Open(link), "password", "password", servertest.Password)
		wantStatus(t, home, http.StatusOK)
		wantText(t, home, "Support")
		wantStatus(t, o.NewBrowser(t).Open(link), http.StatusGone)
	})
}

func TestOperatorRole(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	olga, vera := o.browsers[admin.Owner], o.users[admin.Viewer].ID
	page := "/admin/operators/" + string(vera)
	wantText(t, o.browsers[admin.Admin].Open(page), "Needs the owner role", "disabled", "!Remove operator")
	wantStatus(t, o.browsers[admin.Viewer].Open("/admin/operators"), http.StatusForbidden)
	p := olga.Submit(olga.Open(page), "role-admin", "role", "admin")
	wantText(t, p, "The role is changed.")
	wantStatus(t, o.browsers[admin.Viewer].Open("/admin/operators"), http.StatusOK) // at her next request
	wantStatus(t, olga.Submit(olga.Open(page), "role-admin", "role", "king"), http.StatusUnprocessableEntity)

	// The last owner stays one.
	self := "/admin/operators/" + string(o.users[admin.Owner].ID)
	p = olga.Submit(olga.Open(self), "role-admin", "role", "admin")
	wantStatus(t, p, http.StatusUnprocessableEntity)
	wantText(t, p, "This is the last owner.")
	wantStatus(t, olga.Post(self+"/remove", nil), http.StatusConflict)
}

func TestRemoveOperator(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	olga, sam := o.browsers[admin.Owner], o.browsers[admin.Support]
	wantStatus(t, sam.Open("/admin"), http.StatusOK)
	page := olga.Open("/admin/operators/" + string(o.users[admin.Support].ID) + "/remove")
	wantText(t, page, "Remove support@example.com?")
	p := olga.Post(page.URL.Path, nil)
	wantText(t, p, "The operator was removed.", "!support@example.com")
	if p = sam.Open("/admin"); p.URL.Path == "/admin" {
		t.Errorf("the one who was removed still sees %s with status %d", p.URL, p.Status)
	}
}
