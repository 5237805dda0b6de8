package api_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/server/servertest"
)

// Acceptance 57: templates are tried for a real user before they are saved, and refused in both places by the same words.
func TestClaimsTemplates(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		ctx, c := t.Context(), connect(t, i)
		web, ada := i.AddClient(t, "web", clients.Web, nil), i.AddUser(t, "ada@example.com")
		acme, err := i.Organizations.Create(ctx, i.Environment.ID, organizations.Settings{Name: "Acme", Metadata: map[string]string{"plan": "gold"}})
		check(t, err)
		_, err = i.Organizations.AddMember(ctx, i.Environment.ID, acme.ID, ada.ID)
		check(t, err)
		app := "/applications/" + string(web.ID)
		render := func(status int, templates string) answer {
			t.Helper()
			return c.want(t, status, "POST "+app+"/claims_templates:render", fmt.Sprintf(`{"user_id":%q,"claims_templates":%s}`, ada.ID, templates))
		}

		const draft = `{"id_token":{"plan":"{{ organization.metadata.plan }}"},"userinfo":{"who":"{{ user.email }} of {{ application.name }}","roles_here":"{{ membership.roles }}"}}`
		want := map[string]any{
			"id_token": map[string]any{"plan": "gold"}, "userinfo": map[string]any{"who": "ada@example.com of web", "roles_here": []any{}},
		}
		if diff := cmp.Diff(want, render(200, draft).json); diff != "" {
			t.Errorf("a draft (-want +got):\n%s", diff)
		}
		if got := c.want(t, 200, "GET "+app, "").field("claims_templates"); !cmp.Equal(got, map[string]any{}) {
			t.Errorf("the draft was saved: %v", got)
		}
		c.want(t, 200, "PATCH "+app, `{"claims_templates":`+draft+`}`)
		if diff := cmp.Diff(want, c.want(t, 200, "POST "+app+"/claims_templates:render", fmt.Sprintf(`{"user_id":%q}`, ada.ID)).json); diff != "" {
			t.Errorf("what is saved (-want +got):\n%s", diff)
		}
		saved := c.want(t, 200, "PATCH "+app, `{"claims_templates":{"id_token":null}}`)
		if saved.field("claims_templates/id_token") != nil || saved.field("claims_templates/userinfo") == nil {
			t.Errorf("one of two templates was taken away: %s", saved.text)
		}

		for _, test := range []struct{ name, templates, field string }{
			{"reserved", `{"access_token":{"org_id":"x"}}`, "claims_templates/access_token/org_id"},
			{"unknown placeholder", `{"id_token":{"a":["{{ user.password }}"]}}`, "claims_templates/id_token/a/0"},
			{"no object", `{"userinfo":"x"}`, "claims_templates/userinfo"},
		} {
			if got := render(400, test.templates).str("errors/0/field"); got != test.field {
				t.Errorf("%s: rendering names %q, want %q", test.name, got, test.field)
			}
			if got := c.want(t, 400, "PATCH "+app, `{"claims_templates":`+test.templates+`}`).str("errors/0/field"); got != test.field {
				t.Errorf("%s: saving names %q, want %q", test.name, got, test.field)
			}
		}
		render(400, `{"id":{}}`)
		c.want(t, 400, "POST "+app+"/claims_templates:render", `{}`)
		machine := i.AddClient(t, "machine", clients.Machine, nil)
		got := c.want(t, 200, "POST /applications/"+string(machine.ID)+"/claims_templates:render", `{"claims_templates":{"access_token":{"a":"{{ application.kind }}","b":"{{ user.email }}"}}}`)
		if diff := cmp.Diff(map[string]any{"access_token": map[string]any{"a": "machine"}}, got.json); diff != "" {
			t.Errorf("of a machine (-want +got):\n%s", diff)
		}
	})
}
