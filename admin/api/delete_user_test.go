package api_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/storage"
)

// A user who is removed is gone from the next request on: her tokens, her sign-in and what she allowed. Her address is free, and
// her ID is in nobody's tokens again.
func TestDeleteUser(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		web := i.AddClient(t, "Web", clients.Web, nil)
		ada := i.AddUser(t, "ada@example.com")
		i.AddUser(t, "grace@example.com")
		tokens, others := i.Tokens(t, web, "ada@example.com", "openid offline_access"), i.Tokens(t, web, "grace@example.com", "openid")
		c.want(t, 204, "DELETE /users/"+string(ada.ID), "")
		c.want(t, 404, "DELETE /users/"+string(ada.ID), "")

		if got := i.Introspect(t, web, tokens.String("access_token")); got.JSON["active"] != false {
			t.Errorf("her access token is %v", got.JSON)
		}
		if got := i.UserInfo(t, tokens.String("access_token")); got.Status != 401 {
			t.Errorf("userinfo answers %d %v", got.Status, got.JSON)
		}
		if got := i.Refresh(t, web, tokens.String("refresh_token")); got.String("error") != "invalid_grant" {
			t.Errorf("her refresh token gives %v", got.JSON)
		}
		if got := i.Introspect(t, web, others.String("access_token")); got.JSON["active"] != true {
			t.Errorf("the token of somebody else is %v", got.JSON)
		}
		if again := c.want(t, 201, "POST /users", `{"email":"ada@example.com"}`); again.str("id") == string(ada.ID) {
			t.Error("another user has her ID")
		}

		events, _, err := storage.Events{DB: i.DB}.Events(t.Context(), string(i.Environment.ID), audit.Query{Name: "user.deleted", Limit: 10})
		check(t, err)
		if len(events) != 1 || events[0].Target != string(ada.ID) || events[0].Data != nil || strings.Contains(events[0].Actor.Name, "ada@") {
			t.Errorf("the record has %+v", events)
		}
	})
}

// Whoever runs the installation is removed as an operator first, which the last owner can't be.
func TestDeleteOperator(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		token, err := i.Setup.NewToken(t.Context())
		check(t, err)
		owner, err := i.Setup.CreateOperator(t.Context(), token, "Grace", "grace@example.com", servertest.Password)
		check(t, err)
		if err := i.Users.Delete(t.Context(), owner.Environment, owner.ID, ""); err == nil || !strings.Contains(err.Error(), identity.ErrIsOperator.Message) {
			t.Errorf("Delete of an owner: %v, want ErrIsOperator", err)
		}
	})
}

// The attack: a key of the operators' environment with users:write gave an owner another address, and whoever reads mail there became
// the owner by a password reset; or it kept the last owner out, which operators:write may not.
func TestKeyChangesOwner_regression(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		token, err := i.Setup.NewToken(t.Context())
		check(t, err)
		owner, err := i.Setup.CreateOperator(t.Context(), token, "Grace", "grace@example.com", servertest.Password)
		check(t, err)
		env, err := i.Environments.BySlug(t.Context(), environments.OperatorsSlug)
		check(t, err)
		c := connectTo(t, i, env, clients.ScopeWriteUsers)
		at := "/users/" + string(owner.ID)
		c.want(t, 403, "PATCH "+at, `{"email":"mallory@example.com","email_verified":true}`)
		c.want(t, 403, "POST "+at+"/disable", "")
		c.want(t, 409, "DELETE "+at, "")
		if u, err := i.Users.Get(t.Context(), env.ID, owner.ID); err != nil || u.Email != "grace@example.com" || u.Status != identity.Active {
			t.Errorf("the owner is %+v, %v", u, err)
		}
		if _, err := i.Users.SetStatus(t.Context(), env.ID, owner.ID, identity.Disabled, ""); !errors.Is(err, identity.ErrIsOperator) {
			t.Errorf("SetStatus of the last owner: %v, want ErrIsOperator", err)
		}
		somebody := c.want(t, 201, "POST /users", `{"email":"ada@example.com"}`).str("id")
		c.want(t, 200, "PATCH /users/"+somebody, `{"name":"Ada"}`)
	})
}
