package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/sessions"
)

// signIn gives a user a session in an application, through the browser, and returns its ID.
func signIn(t testing.TB, i *servertest.Installation, c servertest.Client, email string) string {
	t.Helper()
	tokens := i.Tokens(t, c, email, "openid offline_access")
	if tokens.String("refresh_token") == "" {
		t.Fatalf("signing in %s gave %v", email, tokens.JSON)
	}
	q, err := i.Sessions.Select(t.Context(), i.Environment.ID, sessions.Selection{User: userOf(t, i, email), Application: c.ID}, sessions.Living)
	check(t, err)
	q.Limit = 1
	found, _, err := i.Sessions.Store.SelectedSessions(t.Context(), i.Environment.ID, q)
	check(t, err)
	if len(found) == 0 {
		t.Fatalf("%s has no session in %s", email, c.Name)
	}
	return string(found[0].ID)
}

// Every operation of the document works, and answers what the document promises: each call is held to it.
func TestEveryOperation(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		env, err := i.Environments.BySlug(t.Context(), environments.OperatorsSlug)
		check(t, err)
		operators := connectTo(t, i, env)
		operators.contract = c.contract

		// applications
		web := i.AddClient(t, "Web", clients.Web, nil)
		app := "/applications/" + string(web.ID)
		made := "/applications/" + c.want(t, 201, "POST /applications", `{"kind":"native","name":"Phone","redirect_uris":["com.example.phone:/cb"]}`).str("id")
		c.want(t, 200, "GET /applications", "")
		c.want(t, 200, "GET "+made, "")
		c.want(t, 200, "PATCH "+made, `{"description":"For iOS","jwks":null}`)
		c.want(t, 200, "POST "+made+"/make_default", "")
		c.want(t, 200, "POST /applications/"+i.Environment.DefaultApplication+"/make_default", "")
		c.want(t, 200, "POST "+made+"/disable", "")
		c.want(t, 200, "POST "+made+"/enable", "")
		c.want(t, 200, "POST "+app+"/redirect_uris:check", `{"uri":"https://web.example/other"}`)

		// their credentials
		secret := c.want(t, 201, "POST "+app+"/secrets", `{"name":"blue"}`)
		c.want(t, 201, "POST "+app+"/secrets:rotate", `{"overlap_seconds":60}`)
		c.want(t, 200, "GET "+app+"/secrets", "")
		c.want(t, 200, "POST "+app+"/secrets/"+secret.str("id")+"/expire", "")
		one := c.want(t, 201, "POST "+app+"/api_keys", `{"name":"one","scopes":["users:read"]}`)
		two := c.want(t, 201, "POST "+app+"/api_keys", `{"scopes":["*"]}`)
		c.want(t, 200, "POST "+app+"/api_keys/"+one.str("id")+"/revoke", "")
		c.want(t, 200, "POST "+app+"/api_keys/"+two.str("id")+"/expire", `{"expires_at":"2001-01-01T00:00:00Z"}`)
		c.want(t, 200, "GET "+app+"/api_keys", "")

		// users
		user := c.want(t, 201, "POST /users", `{"email":"Grace@example.com","name":"Grace Hopper","password":"`+servertest.Password+`","address":{"country":"US"}}`)
		grace := "/users/" + user.str("id")
		c.want(t, 200, "GET /users?search=hopp", "")
		c.want(t, 200, "GET "+grace, "")
		c.want(t, 200, "PATCH "+grace, `{"email_verified":true,"nickname":"Amazing Grace","address":{"country":null}}`)
		c.want(t, 200, "POST "+grace+"/disable", `{"reason":"left"}`)
		c.want(t, 200, "POST "+grace+"/enable", "")

		// organizations and roles
		role := "/roles/" + c.want(t, 201, "POST /roles", `{"name":"admin","permissions":["invoices:read"]}`).str("id")
		c.want(t, 200, "GET /roles", "")
		c.want(t, 200, "GET "+role, "")
		c.want(t, 200, "PATCH "+role, `{"description":"Pays","permissions":null}`)
		organization := "/organizations/" + c.want(t, 201, "POST /organizations", `{"name":"Navy","metadata":{"plan":"large"}}`).str("id")
		c.want(t, 200, "GET /organizations", "")
		c.want(t, 200, "GET "+organization, "")
		c.want(t, 200, "PATCH "+organization, `{"slug":"navy","metadata":{"plan":null}}`)
		member := organization + "/memberships/" + c.want(t, 201, "POST "+organization+"/memberships", `{"user_id":"`+user.str("id")+`","roles":["admin"]}`).str("id")
		c.want(t, 200, "GET "+organization+"/memberships", "")
		c.want(t, 200, "GET "+grace+"/memberships", "")
		c.want(t, 200, "GET "+member, "")
		c.want(t, 200, "PATCH "+member, `{"state":"deactivated","roles":[]}`)
		c.want(t, 200, "POST "+app+"/tokens:preview", `{"user_id":"`+user.str("id")+`","scopes":["openid","email"]}`)
		c.want(t, 200, "POST "+app+"/claims_templates:render", `{"user_id":"`+user.str("id")+`","claims_templates":{"id_token":{"mail":"{{ user.email }}"}}}`)
		c.want(t, 204, "DELETE "+member, "")
		c.want(t, 204, "DELETE "+role, "")
		c.want(t, 204, "DELETE "+organization, "")

		// sessions
		rotated := c.want(t, 201, "POST "+app+"/secrets:rotate", "")
		web.Secret = rotated.str("client_secret")
		session := "/sessions/" + signIn(t, i, web, "grace@example.com")
		c.want(t, 200, "PATCH "+app+"?dry_run=true", `{"session_policy":{"inactivity_timeout":600}}`)
		c.want(t, 200, "GET /sessions?application_id="+string(web.ID), "")
		c.want(t, 200, "GET "+app+"/sessions?status=active", "")
		c.want(t, 200, "GET "+app+"/logout_deliveries", "")
		c.want(t, 200, "GET "+grace+"/sessions", "")
		c.want(t, 200, "GET "+session, "")
		c.want(t, 200, "POST "+session+"/end", "")
		c.want(t, 200, "POST /sessions:end?dry_run=true", `{"user_id":"`+user.str("id")+`"}`)
		c.want(t, 200, "POST "+app+"/sessions:end", "")
		c.want(t, 200, "POST "+grace+"/sessions:end", "")

		c.want(t, 204, "DELETE "+grace, "")
		c.want(t, 404, "GET "+grace, "")

		// the environment
		c.want(t, 200, "GET /events?name=application.created", "")
		c.want(t, 200, "GET /keys", "")
		key := c.want(t, 200, "POST /keys:rotate", `{"algorithm":"ES256","now":true}`)
		for n := range c.want(t, 200, "GET /keys", "").field("data").([]any) {
			k := c.want(t, 200, "GET /keys", "")
			if id := k.str(fmt.Sprintf("data/%d/id", n)); k.str(fmt.Sprintf("data/%d/state", n)) == "published" {
				c.want(t, 409, "DELETE /keys/"+id, "")
				c.want(t, 200, "POST /keys/"+id+"/retire", "")
				c.want(t, 204, "DELETE /keys/"+id, "")
				c.want(t, 404, "DELETE /keys/"+id, "")
			}
		}
		c.want(t, 409, "POST /keys/"+key.str("data/0/id")+"/retire", "")
		c.want(t, 200, "GET /settings", "")
		c.want(t, 200, "PATCH /settings", `{"name":"Acme","browser_sessions":{"max_length":86400,"inactivity_timeout":3600}}`)
		c.want(t, 204, "DELETE "+made, "")

		// all environments
		operators.want(t, 200, "GET /environments", "")
		staging := operators.want(t, 201, "POST /environments", `{"slug":"staging","name":"Staging","kind":"development"}`)
		operators.want(t, 200, "GET /environments/"+staging.str("id"), "")
		operators.want(t, 200, "PATCH /environments/"+staging.str("id"), `{"sign_up":false}`)

		// the people who run the installation
		ada := operators.want(t, 201, "POST /operators", `{"email":"ada@example.com","name":"Ada Lovelace","role":"owner"}`)
		operator := "/operators/" + operators.want(t, 201, "POST /operators", `{"email":"vera@example.com"}`).str("id")
		operators.want(t, 200, "GET /operators", "")
		operators.want(t, 200, "GET /operators/"+ada.str("id"), "")
		operators.want(t, 200, "PATCH "+operator, `{"role":"support"}`)
		operators.want(t, 201, "POST "+operator+"/links", "")
		operators.want(t, 204, "DELETE "+operator, "")

		for at := range c.contract.operations {
			if !c.contract.succeeded[at] {
				t.Errorf("no call of this test was for %s", at)
			}
		}
	})
}

// An answer that the tools refuse is refused by these tests too.
func TestContractIsHeld(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	c := connect(t, i)
	good := c.want(t, 200, "GET /settings", "")
	bad := good
	bad.text = strings.Replace(good.text, `"sign_up":true`, `"sign_up":"yes"`, 1)
	if err := c.contract.check("GET /settings", bad); err == nil || bad.text == good.text {
		t.Error("an answer of the wrong type was taken")
	}
	bad.text = strings.Replace(good.text, `"slug"`, `"slag"`, 1)
	if err := c.contract.check("GET /settings", bad); err == nil {
		t.Error("an answer with an unknown field was taken")
	}
	bad = good
	bad.status = 202
	if err := c.contract.check("GET /settings", bad); err == nil {
		t.Error("a status that isn't documented was taken")
	}
}
