package api_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/server/servertest"
)

// fresh are the claims that are others at every sign-in.
var fresh = []string{"iat", "exp", "auth_time", "sid", "jti", "grant_id", "nonce", "at_hash"}

// settled returns the claims that a preview and a token have alike.
func settled(t *testing.T, claims any) map[string]any {
	t.Helper()
	object, ok := claims.(map[string]any)
	if !ok {
		t.Fatalf("claims are %v", claims)
	}
	for _, name := range fresh {
		delete(object, name)
	}
	return object
}

// payload are the claims of a JWT.
func payload(t *testing.T, token string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	check(t, err)
	var claims map[string]any
	check(t, json.Unmarshal(raw, &claims))
	return claims
}

// A preview says what the tokens of a sign-in then say, and lets nobody look further than a sign-in would.
func TestTokenPreview(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		ctx, c := t.Context(), connect(t, i)
		web := i.AddClient(t, "Web", clients.Web, func(a *clients.Application) { a.AccessTokenFormat = clients.JWT })
		ada := i.AddUser(t, "ada@example.com")
		_, err := i.Organizations.CreateRole(ctx, i.Environment.ID, organizations.RoleSettings{Name: "admin", Permissions: []string{"invoices:read"}})
		check(t, err)
		acme, err := i.Organizations.Create(ctx, i.Environment.ID, organizations.Settings{Name: "Acme"})
		check(t, err)
		_, err = i.Organizations.AddMember(ctx, i.Environment.ID, acme.ID, ada.ID, "admin")
		check(t, err)

		at := "POST /applications/" + string(web.ID) + "/tokens:preview"
		said := c.want(t, 200, at, fmt.Sprintf(`{"user_id":%q,"scopes":["openid","profile","email","offline_access","none"]}`, ada.ID))
		tokens := i.Tokens(t, web, "ada@example.com", "openid profile email offline_access")
		access := tokens.String("access_token")
		for name, got := range map[string]map[string]any{
			"id_token": payload(t, tokens.String("id_token")), "access_token": payload(t, access),
			"userinfo": i.UserInfo(t, access).JSON, "introspection": i.Introspect(t, web, access).JSON,
		} {
			if diff := cmp.Diff(settled(t, got), settled(t, said.field(name))); diff != "" {
				t.Errorf("%s: the token has -, the preview +\n%s", name, diff)
			}
		}
		for name, want := range map[string]any{
			"access_token": 300.0, "id_token": 3600.0, "refreshable": true, "session_ended_by": "inactivity",
		} {
			if got := said.field("lifetimes/" + name); got != want {
				t.Errorf("lifetimes: %s is %v, want %v", name, got, want)
			}
		}

		// a token that is got shortly before the session's end is clipped to it (design: exp is clipped)
		old := int64((14*24*time.Hour - 2*time.Minute) / time.Second)
		clipped := c.want(t, 200, at, fmt.Sprintf(`{"user_id":%q,"authenticated_seconds_ago":%d}`, ada.ID, old))
		if got := clipped.field("lifetimes/access_token").(float64); got > 120 || got < 118 || clipped.str("lifetimes/clipped_by") != "max_length" {
			t.Errorf("an access token two minutes before the end: %s", clipped.text)
		}
		if c.want(t, 200, at, fmt.Sprintf(`{"user_id":%q,"scopes":[]}`, ada.ID)).field("id_token") != nil {
			t.Error("an ID token without openid")
		}

		grace, err := i.Users.Create(ctx, i.Environment.ID, identity.NewUser{Email: "grace@example.com"})
		check(t, err)
		second, err := i.Organizations.Create(ctx, i.Environment.ID, organizations.Settings{Name: "Blue Harbor"})
		check(t, err)
		_, err = i.Organizations.AddMember(ctx, i.Environment.ID, second.ID, ada.ID)
		check(t, err)
		machine := i.AddClient(t, "Machine", clients.Machine, func(a *clients.Application) { a.Scopes = []string{"import"} })
		forMachine := "POST /applications/" + string(machine.ID) + "/tokens:preview"
		if got := c.want(t, 200, forMachine, "").str("introspection/scope"); got != "import" {
			t.Errorf("a token by client credentials has the scope %q", got)
		}
		for _, test := range []struct{ name, at, body, field string }{
			{"several organizations and none named", at, fmt.Sprintf(`{"user_id":%q}`, ada.ID), "organization_id"},
			{"an organization of others", at, fmt.Sprintf(`{"user_id":%q,"organization_id":%q}`, grace.ID, acme.ID), "organization_id"},
			{"no scope that it may have", at, fmt.Sprintf(`{"user_id":%q,"scopes":["none"]}`, grace.ID), "scopes"},
			{"a session that is over", at, fmt.Sprintf(`{"user_id":%q,"authenticated_seconds_ago":%d}`, grace.ID, 15*24*3600), "authenticated_seconds_ago"},
			{"no user where people sign in", at, `{}`, "user_id"},
			{"a user where nobody signs in", forMachine, fmt.Sprintf(`{"user_id":%q}`, ada.ID), "user_id"},
			{"a scope that a machine hasn't", forMachine, `{"scopes":["openid"]}`, "scopes"},
		} {
			if got := c.want(t, 400, test.at, test.body).str("errors/0/field"); got != test.field {
				t.Errorf("%s: the field is %q, want %q", test.name, got, test.field)
			}
		}
		i.Change(t, web.ID, func(a *clients.Application) { a.Allowed.Organizations = []string{string(acme.ID)} })
		c.want(t, 400, at, fmt.Sprintf(`{"user_id":%q}`, grace.ID))
		c.want(t, 200, at, fmt.Sprintf(`{"user_id":%q}`, ada.ID)) // there is but one left to choose

		elsewhere := inhabit(t, i, "elsewhere") // acceptance 8
		c.want(t, 404, at, fmt.Sprintf(`{"user_id":%q}`, elsewhere.ids["user_id"]))
		c.want(t, 400, at, fmt.Sprintf(`{"user_id":%q,"organization_id":%q}`, ada.ID, elsewhere.ids["organization_id"]))
	})
}
