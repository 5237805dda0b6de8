package dashboard_test

import (
	"net/http"
	"testing"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/server/servertest"
)

func TestRoles(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		const list = "/admin/env/default/roles"
		wantText(t, o.browsers[admin.Viewer].Open(list), "There is no role yet.", "Needs the admin role")

		b := o.browsers[admin.Admin]
		form := b.Open(list + "/new")
		p := b.Submit(form, "name", "name", "no spaces here", "permissions", "good:one\nbad one")
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "bad one", `value="no spaces here"`)
		p = b.Submit(form, "name", "name", "editor", "description", "Writes", "permissions", "pages:write\n\npages:read\npages:read")
		wantText(t, p, "Saved", "editor", "Writes", "pages:read", "pages:write")
		wantStatus(t, b.Submit(form, "name", "name", "editor"), http.StatusUnprocessableEntity)

		one := link(t, p, "<bdi>editor</bdi>")
		wantText(t, o.browsers[admin.Support].Open(one), "Needs the admin role", "!Delete role")
		p = b.Submit(b.Open(one), "description", "description", "Reads", "permissions", "pages:read")
		wantText(t, p, "Saved", `value="Reads"`, "!pages:write")
		p = b.Submit(b.Open(one), "description", "permissions", "bad one")
		wantStatus(t, p, http.StatusUnprocessableEntity)
		roles, err := o.Organizations.Roles(t.Context(), o.Environment.ID, "", 10)
		must(t, err)
		if len(roles) != 1 || roles[0].Description != "Reads" || len(roles[0].Permissions) != 1 {
			t.Errorf("the roles are %+v", roles)
		}

		ada := o.AddUser(t, "ada@example.com")
		acme, err := o.Organizations.Create(t.Context(), o.Environment.ID, organizations.Settings{Name: "Acme GmbH"})
		must(t, err)
		_, err = o.Organizations.AddMember(t.Context(), o.Environment.ID, acme.ID, ada.ID, "editor")
		must(t, err)
		confirm := b.Open(one + "/delete")
		wantStatus(t, b.Submit(confirm, "confirm-name", "confirm-name", "reader"), http.StatusUnprocessableEntity)
		wantText(t, b.Submit(confirm, "confirm-name", "confirm-name", "editor"), "The role is deleted.", "There is no role yet.")
		wantText(t, b.Open("/admin/env/default/organizations/"+string(acme.ID)), "ada@example.com", "!editor")
		wantStatus(t, b.Open(one), http.StatusNotFound)
	})
}
