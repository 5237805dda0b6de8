package dashboard_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/server/servertest"
)

func TestOrganizations(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		const list = "/admin/env/default/organizations"
		wantText(t, o.browsers[admin.Support].Open(list), "There is no organization yet.", "Needs the admin role", "!Create organization")
		app := o.AddClient(t, "Wiki", clients.Web, nil)
		ada := o.AddUser(t, "ada@example.com")
		_, err := o.Organizations.CreateRole(t.Context(), o.Environment.ID, organizations.RoleSettings{Name: "editor", Description: "Writes"})
		must(t, err)

		b := o.browsers[admin.Admin]
		form := b.Open(list + "/new")
		p := b.Submit(form, "name", "name", "", "slug", "Not A Slug")
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, `value="Not A Slug"`, "1 to 100", "lower case letters")
		p = b.Submit(form, "name", "name", "Acme GmbH", "slug", "acme")
		wantText(t, p, "The organization is created.", "Nobody belongs to this organization yet.")
		one := p.URL.Path
		wantStatus(t, b.Submit(form, "name", "name", "Acme again", "slug", "acme"), http.StatusUnprocessableEntity)
		wantText(t, b.Open(list+"?q=gmbh"), "Acme GmbH", "acme")
		wantText(t, b.Open(list+"?q=nothing"), "No organization fits.")

		p = b.Submit(b.Open(one), "person", "person", "nobody@example.com")
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "There is no user nobody@example.com.")
		p = b.Submit(b.Open(one), "person", "person", "ada@example.com", "role-editor", "on")
		wantText(t, p, "The member is added.", "ada@example.com", "editor")
		p = b.Submit(b.Open(one), "person", "person", string(ada.ID))
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "The user is a member of the organization already.")
		wantText(t, b.Open("/admin/env/default/users/"+string(ada.ID)+"/organizations"), "Acme GmbH", "editor")

		memberships, err := o.Organizations.MembershipsOf(t.Context(), o.Environment.ID, ada.ID)
		must(t, err)
		member := one + "/members/" + string(memberships[0].ID)
		tokens := o.Tokens(t, app, ada.Email, "openid offline_access")
		wantText(t, o.browsers[admin.Support].Open(member), "Needs the admin role", "!Remove member")
		wantStatus(t, o.browsers[admin.Support].Post(member, url.Values{"state": {"deactivated"}}), http.StatusForbidden)
		token := func() []string { return []string{b.Open(member).Form(t, "state").Values.Get("updated-at")} }
		p = b.Post(member, url.Values{"updated-at": token(), "state": {"gone"}})
		wantStatus(t, p, http.StatusUnprocessableEntity)
		p = b.Post(member, url.Values{"updated-at": token(), "state": {"active"}, "role-none": {"on"}})
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "There is no role")
		p = b.Post(member, url.Values{"updated-at": token(), "state": {"deactivated"}})
		wantText(t, p, "Saved")
		// Acceptance 45: that ends the sessions in the organization.
		if strings.Contains(o.Introspect(t, app, tokens.String("access_token")).Body, `"active":true`) {
			t.Error("a session goes on in an organization that has deactivated its user")
		}
		wantText(t, b.Open(one), "Deactivated", `<span class="hint">–</span>`)

		p = b.Submit(b.Open(one), "slug", "name", "Acme AG", "slug", "acme-ag")
		wantText(t, p, "Saved", "Acme AG")
		wantText(t, b.Open(member+"/remove"), "Remove ada@example.com?", "0 living sessions")
		wantText(t, b.Post(member+"/remove", nil), "The member is removed.", "Nobody belongs")
		confirm := b.Open(one + "/delete")
		wantText(t, confirm, "Delete Acme AG?", "0 living sessions")
		wantStatus(t, b.Submit(confirm, "confirm-name", "confirm-name", "Acme"), http.StatusUnprocessableEntity)
		wantText(t, b.Submit(confirm, "confirm-name", "confirm-name", "Acme AG"), "The organization is deleted.", "There is no organization yet.")
		wantStatus(t, b.Open(one), http.StatusNotFound)
	})
}

// Two operators with one form each: the second changes nothing, and is told.
func TestOrganizationChangedMeanwhile(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	one, two := o.browsers[admin.Admin], o.browsers[admin.Owner]
	organization, err := o.Organizations.Create(t.Context(), o.Environment.ID, organizations.Settings{Name: "Acme"})
	must(t, err)
	role, err := o.Organizations.CreateRole(t.Context(), o.Environment.ID, organizations.RoleSettings{Name: "billing"})
	must(t, err)
	member, err := o.Organizations.AddMember(t.Context(), o.Environment.ID, organization.ID, o.AddUser(t, "ada@meanwhile.example").ID)
	must(t, err)
	base := "/admin/env/default/organizations/" + string(organization.ID)
	for _, form := range []struct{ path, button, field, first, second string }{
		{base, "name", "name", "Acme One", "Acme Two"},
		{base + "/members/" + string(member.ID), "state", "state", "deactivated", "active"},
		{"/admin/env/default/roles/" + string(role.ID), "description", "description", "First", "Second"},
	} {
		late := two.Open(form.path)
		wantText(t, one.Submit(one.Open(form.path), form.button, form.field, form.first), "Saved")
		p := two.Submit(late, form.button, form.field, form.second)
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "Somebody else changed this meanwhile.")
		wantText(t, two.Submit(p, form.button, form.field, form.second), "Saved")
	}
}
