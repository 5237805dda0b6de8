package api_test

import (
	"strings"
	"testing"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
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
