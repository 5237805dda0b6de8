package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server/servertest"
)

func TestOrganizations(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		made := c.want(t, 201, "POST /organizations", `{"name":"Acme GmbH","metadata":{"plan":"small"}}`)
		at := "/organizations/" + made.str("id")
		if made.header.Get("Location") != c.base+at || !strings.HasPrefix(made.str("id"), "org_") || made.field("slug") != "" {
			t.Errorf("POST /organizations = %v %s", made.header, made.text)
		}
		if diff := cmp.Diff(made.json, c.want(t, 200, "GET "+at, "").json); diff != "" {
			t.Errorf("GET (-created +got):\n%s", diff)
		}
		changed := c.want(t, 200, "PATCH "+at, `{"slug":"acme","metadata":{"plan":null,"seats":"5"}}`, "Content-Type: application/merge-patch+json")
		if changed.str("name") != "Acme GmbH" || changed.str("slug") != "acme" || !cmp.Equal(changed.field("metadata"), map[string]any{"seats": "5"}) {
			t.Errorf("PATCH = %s", changed.text)
		}
		if a := c.want(t, 200, "PATCH "+at, `{"slug":null,"metadata":null}`); a.field("slug") != "" || !cmp.Equal(a.field("metadata"), map[string]any{}) {
			t.Errorf("PATCH with null = %s", a.text)
		}

		admin := c.want(t, 201, "POST /roles", `{"name":"admin","permissions":["invoices:write","invoices:read"]}`)
		role := "/roles/" + admin.str("id")
		if admin.header.Get("Location") != c.base+role || !cmp.Equal(admin.field("permissions"), []any{"invoices:read", "invoices:write"}) {
			t.Errorf("POST /roles = %s", admin.text)
		}
		if diff := cmp.Diff(admin.json, c.want(t, 200, "GET "+role, "").json); diff != "" {
			t.Errorf("GET (-created +got):\n%s", diff)
		}
		if a := c.want(t, 200, "PATCH "+role, `{"description":"Pays","permissions":["invoices:*"]}`); a.str("description") != "Pays" || a.str("permissions/0") != "invoices:*" {
			t.Errorf("PATCH = %s", a.text)
		}

		user := i.AddUser(t, "ada@example.com")
		joined := c.want(t, 201, "POST "+at+"/memberships", fmt.Sprintf(`{"user_id":%q,"roles":["admin"]}`, user.ID))
		member := at + "/memberships/" + joined.str("id")
		want := map[string]any{
			"id": joined.str("id"), "organization_id": made.str("id"), "organization_name": "Acme GmbH", "user_id": string(user.ID), "email": "ada@example.com",
			"name": "Ada Lovelace", "roles": []any{"admin"}, "state": "active", "created_at": joined.str("created_at"), "updated_at": joined.str("created_at"),
		}
		if diff := cmp.Diff(want, joined.json); diff != "" || joined.header.Get("Location") != c.base+member {
			t.Errorf("POST memberships to %s (-want +got):\n%s", joined.header.Get("Location"), diff)
		}
		for _, path := range []string{at + "/memberships", "/users/" + string(user.ID) + "/memberships"} {
			if diff := cmp.Diff(map[string]any{"data": []any{want}, "next_cursor": nil}, c.want(t, 200, "GET "+path, "").json); diff != "" {
				t.Errorf("GET %s (-want +got):\n%s", path, diff)
			}
		}

		// Acceptance 45.
		web := i.AddClient(t, "web", clients.Web, nil)
		tokens := i.Tokens(t, web, "ada@example.com", "openid offline_access")
		if a := c.want(t, 200, "PATCH "+member, `{"state":"deactivated"}`); a.str("state") != "deactivated" || a.str("roles/0") != "admin" {
			t.Errorf("PATCH = %s", a.text)
		}
		if r := i.Refresh(t, web, tokens.String("refresh_token")); r.Status != 400 || !strings.Contains(r.String("error_description"), "membership_deactivated") {
			t.Errorf("a refresh after the membership was deactivated: %d %s", r.Status, r.Body)
		}
		c.want(t, 200, "PATCH "+member, `{"state":"active","roles":null}`)
		if a := c.want(t, 200, "GET "+member, ""); a.str("state") != "active" || !cmp.Equal(a.field("roles"), []any{}) {
			t.Errorf("GET = %s", a.text)
		}
		c.want(t, 204, "DELETE "+member, "")
		c.want(t, 404, "GET "+member, "")
		c.want(t, 204, "DELETE "+role, "")
		c.want(t, 404, "GET "+role, "")
		c.want(t, 204, "DELETE "+at, "")
		c.want(t, 404, "GET "+at, "")
		c.want(t, 404, "GET "+at+"/memberships", "")
	})
}

// acceptance 82: lists page by cursor.
func TestOrganizationLists(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	c := connect(t, i)
	at := "/organizations/" + c.want(t, 201, "POST /organizations", `{"name":"Organization"}`).str("id")
	for n := range 4 {
		c.want(t, 201, "POST /organizations", fmt.Sprintf(`{"name":"Organization %d"}`, n))
	}
	for n := range 5 {
		c.want(t, 201, "POST /roles", fmt.Sprintf(`{"name":"role-%d"}`, n))
		user := i.AddUser(t, fmt.Sprintf("user%d@example.com", n))
		c.want(t, 201, "POST "+at+"/memberships", fmt.Sprintf(`{"user_id":%q}`, user.ID))
	}
	for _, path := range []string{"/organizations", "/roles", at + "/memberships"} {
		seen := map[any]bool{}
		for cursor := ""; ; {
			a := c.want(t, 200, fmt.Sprintf("GET %s?limit=2&cursor=%s", path, cursor), "")
			for n := range a.field("data").([]any) {
				seen[a.field(fmt.Sprintf("data/%d/id", n))] = true
			}
			if cursor = a.str("next_cursor"); cursor == "" {
				break
			}
		}
		if len(seen) != 5 {
			t.Errorf("%s: %d on all pages, want 5", path, len(seen))
		}
		c.want(t, 400, "GET "+path+"?limit=101", "")
	}
}

func TestOrganizationsRefused(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	c := connect(t, i)
	user := i.AddUser(t, "ada@example.com")
	at := "/organizations/" + c.want(t, 201, "POST /organizations", `{"name":"Acme","slug":"acme"}`).str("id")
	role := "/roles/" + c.want(t, 201, "POST /roles", `{"name":"admin"}`).str("id")
	member := at + "/memberships/" + c.want(t, 201, "POST "+at+"/memberships", fmt.Sprintf(`{"user_id":%q}`, user.ID)).str("id")
	for _, test := range []struct {
		at, body string
		status   int
		fields   []string
	}{
		{"POST /organizations", `{}`, 400, []string{"name"}},
		{"POST /organizations", `{"name":null}`, 400, []string{"name"}},
		{"POST /organizations", `{"name":" ","slug":"-","metadata":{"":""}}`, 400, []string{"name", "slug", "metadata"}},
		{"POST /organizations", `{"name":5,"slug":[],"metadata":{"a":1},"colour":"red"}`, 400, []string{"colour", "metadata/a", "name", "slug"}},
		{"POST /organizations", `{"name":"A","slug":"acme"}`, 409, []string{"slug"}},
		{"PATCH " + at, `{"id":"org_1"}`, 400, []string{"id"}},
		{"PATCH " + at, `{"name":null}`, 400, []string{"name"}},
		{"PATCH /organizations/org_1", `{}`, 404, nil},
		{"DELETE /organizations/org_1", ``, 404, nil},
		{"POST /roles", `{"name":"admin"}`, 409, []string{"name"}},
		{"POST /roles", `{"name":"a b","permissions":["c d"]}`, 400, []string{"name", "permissions/0"}},
		{"PATCH " + role, `{"name":"other"}`, 400, []string{"name"}},
		{"PATCH /roles/rol_1", `{}`, 404, nil},
		{"POST " + at + "/memberships", `{}`, 400, []string{"user_id"}},
		{"POST " + at + "/memberships", fmt.Sprintf(`{"user_id":%q}`, user.ID), 409, []string{"user_id"}},
		{"POST " + at + "/memberships", `{"user_id":"usr_1"}`, 404, nil},
		{"POST /organizations/org_1/memberships", fmt.Sprintf(`{"user_id":%q}`, user.ID), 404, nil},
		{"PATCH " + member, `{"roles":["owner"]}`, 400, []string{"roles"}},
		{"PATCH " + member, `{"state":"away"}`, 400, []string{"state"}},
		{"PATCH " + member, `{"state":null}`, 400, []string{"state"}},
		{"PATCH " + at + "/memberships/mem_1", `{}`, 404, nil},
		{"GET /users/usr_1/memberships", ``, 404, nil},
	} {
		a := c.want(t, test.status, test.at, test.body)
		if diff := cmp.Diff(test.fields, a.fields()); diff != "" {
			t.Errorf("%s %s: %s\nfields (-want +got):\n%s", test.at, test.body, a.text, diff)
		}
	}
	// acceptance 53
	reader := connect(t, i, clients.ScopeReadOrganizations)
	reader.want(t, 200, "GET "+member, "")
	if a := reader.want(t, 403, "DELETE "+member, ""); a.str("scope") != string(clients.ScopeWriteOrganizations) {
		t.Errorf("DELETE by a key that reads = %s", a.text)
	}
	connect(t, i, clients.ScopeWriteApplications).want(t, 403, "GET /organizations", "")
}

// acceptance 8: nothing of another environment can be seen or changed.
func TestOrganizationsOfAnotherEnvironment(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		user := i.AddUser(t, "ada@example.com")
		at := "/organizations/" + c.want(t, 201, "POST /organizations", `{"name":"Acme","slug":"acme"}`).str("id")
		role := "/roles/" + c.want(t, 201, "POST /roles", `{"name":"admin"}`).str("id")
		member := at + "/memberships/" + c.want(t, 201, "POST "+at+"/memberships", fmt.Sprintf(`{"user_id":%q}`, user.ID)).str("id")
		other := connectTo(t, i, secondEnvironment(t, i, "other", environments.Production))
		theirs := "/organizations/" + other.want(t, 201, "POST /organizations", `{"name":"Acme","slug":"acme"}`).str("id") // the slug is free there
		for _, call := range []struct{ at, body string }{
			{"GET " + at, ""}, {"PATCH " + at, `{"name":"B"}`}, {"DELETE " + at, ""},
			{"GET " + role, ""}, {"PATCH " + role, `{"description":"x"}`}, {"DELETE " + role, ""},
			{"GET " + at + "/memberships", ""}, {"GET " + member, ""}, {"PATCH " + member, `{"state":"deactivated"}`}, {"DELETE " + member, ""},
			{"POST " + at + "/memberships", fmt.Sprintf(`{"user_id":%q}`, user.ID)},
			{"POST " + theirs + "/memberships", fmt.Sprintf(`{"user_id":%q}`, user.ID)},
			{"GET /users/" + string(user.ID) + "/memberships", ""},
		} {
			other.want(t, 404, call.at, call.body)
		}
		if a := other.want(t, 200, "GET /roles", ""); len(a.field("data").([]any)) != 0 {
			t.Errorf("roles of the other environment: %s", a.text)
		}
		if a := c.want(t, 200, "GET "+member, ""); a.str("state") != "active" {
			t.Errorf("the membership is %s", a.text)
		}
	})
}
