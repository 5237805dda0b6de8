package api_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/sessions"
)

// inhabited is an environment with one of everything, by the names of the path parameters.
type inhabited struct {
	env *environments.Environment
	ids map[string]string
	// words are what nobody outside may ever read.
	words []string
}

func inhabit(t *testing.T, i *servertest.Installation, slug string) *inhabited {
	t.Helper()
	ctx := context.Background()
	env := secondEnvironment(t, i, slug, environments.Development)
	app, secret, err := i.Applications.Create(ctx, env, clients.New{Kind: clients.Web, Name: "Web of " + slug, ClientID: "client-of-" + slug})
	check(t, err)
	key, clear, err := i.APIKeys.Create(ctx, env, app.ID, clients.NewAPIKey{Name: "key of " + slug, Scopes: []clients.APIScope{clients.ScopeAll}})
	check(t, err)
	user, err := i.Users.Create(ctx, env.ID, identity.NewUser{Email: slug + "@example.com", Profile: identity.Profile{Name: "Person of " + slug}})
	check(t, err)
	how := sessions.Authentication{AuthTime: i.Clock.Now(), AMR: []string{"pwd"}}
	_, handle, err := i.Sessions.SignIn(ctx, env, "", user, how, true)
	check(t, err)
	accounts, err := i.Sessions.Accounts(ctx, env.ID, handle, app.ID)
	check(t, err)
	var session *sessions.Session
	check(t, i.DB.InTx(ctx, func(ctx context.Context) (err error) {
		session, err = i.Sessions.Open(ctx, app, &accounts[0], "", sessions.Origin{})
		return err
	}))
	role, err := i.Organizations.CreateRole(ctx, env.ID, organizations.RoleSettings{Name: "role-of-" + slug})
	check(t, err)
	organization, err := i.Organizations.Create(ctx, env.ID, organizations.Settings{Name: "Organization of " + slug, Slug: slug})
	check(t, err)
	member, err := i.Organizations.AddMember(ctx, env.ID, organization.ID, user.ID, role.Name)
	check(t, err)
	signing, err := i.Keys.Keys(ctx, env.ID)
	check(t, err)
	h := &inhabited{env: env, ids: map[string]string{
		"application_id": string(app.ID), "secret_id": app.Secrets[0].ID, "user_id": string(user.ID), "operator_id": string(user.ID), "session_id": string(session.ID),
		"key_id": key.ID, "kid": signing[0].ID, "environment_id": string(env.ID),
		"role_id": string(role.ID), "organization_id": string(organization.ID), "membership_id": string(member.ID),
	}}
	h.words = append(slices.Collect(maps.Values(h.ids)), env.DefaultApplication, slug, secret.Reveal(), clear.Reveal())
	return h
}

// fill puts values in place of the parameters of a path: the first from one environment, the others from another.
func fill(t *testing.T, path string, first, others *inhabited) string {
	from := first
	return parameterForm.ReplaceAllStringFunc(path, func(parameter string) string {
		name := strings.Trim(parameter, "{}")
		if name == "key_id" && strings.HasPrefix(path, "/keys/") {
			name = "kid"
		}
		if from.ids[name] == "" {
			t.Fatalf("%s: give an inhabited environment a %s", path, name)
		}
		defer func() { from = others }()
		return from.ids[name]
	})
}

// bodies make a call of the operation one that would succeed.
var bodies = map[string]string{
	"POST /applications": `{"kind":"web","name":"New"}`, "PATCH /applications/{application_id}": `{"name":"Taken over"}`,
	"POST /applications/{application_id}/redirect_uris:check":     `{"uri":"https://a.example"}`,
	"POST /applications/{application_id}/tokens:preview":          `{"user_id":"usr_1"}`,
	"POST /applications/{application_id}/claims_templates:render": `{"user_id":"usr_1"}`,
	"POST /applications/{application_id}/api_keys":                `{"scopes":["*"]}`,
	"POST /users": `{"email":"new@example.com"}`, "PATCH /users/{user_id}": `{"name":"Taken over"}`,
	"POST /roles": `{"name":"new"}`, "PATCH /roles/{role_id}": `{"description":"Taken over"}`,
	"POST /organizations": `{"name":"New"}`, "PATCH /organizations/{organization_id}": `{"name":"Taken over"}`,
	"POST /organizations/{organization_id}/memberships":                  `{"user_id":"usr_1"}`,
	"PATCH /organizations/{organization_id}/memberships/{membership_id}": `{"state":"deactivated"}`,
	"POST /sessions:end": `{"all":true}`,
	"PATCH /settings":    `{"sign_up":true}`, "POST /environments": `{"slug":"new","name":"New"}`, "PATCH /environments/{environment_id}": `{"sign_up":true}`,
	"POST /operators": `{"email":"new@example.com"}`, "PATCH /operators/{operator_id}": `{"role":"viewer"}`,
}

// acceptance 8: from one environment nothing of another can be seen, listed, guessed or used, for every operation.
func TestIsolation(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		here, there := inhabit(t, i, "here"), inhabit(t, i, "there")
		c := connectTo(t, i, here.env)
		before := dump(t, i, there.env.ID)
		for at := range c.contract.operations {
			method, path, _ := strings.Cut(at, " ")
			body := bodies[at]
			if strings.HasPrefix(path, "/environments") || strings.HasPrefix(path, "/operators") {
				c.want(t, 403, method+" "+fill(t, path, there, there), body)
				continue
			}
			// what is there is not here, also below what is here
			if strings.Contains(path, "{") {
				c.want(t, 404, method+" "+fill(t, path, there, there), body)
			}
			if strings.Count(path, "{") == 2 {
				c.want(t, 404, method+" "+fill(t, path, here, there), body)
			}
			// the key from there is none here
			c.with(there.words[len(there.words)-1]).want(t, 401, method+" "+fill(t, path, here, here), body)
		}
		for _, at := range []string{
			"GET /applications?limit=100", "GET /users?limit=100", "GET /users?search=there", "GET /users?search=" + there.ids["user_id"],
			"GET /events?limit=100", "GET /events?application_id=" + there.ids["application_id"], "GET /events?target=" + there.ids["user_id"],
			"GET /keys", "GET /settings", "GET /organizations", "GET /roles", "GET /sessions?user_id=" + here.ids["user_id"],
		} {
			a := c.want(t, 200, at, "")
			for _, word := range there.words {
				if strings.Contains(a.text, word) && !strings.Contains(at, word) {
					t.Errorf("%s shows %q of another environment:\n%s", at, word, a.text)
				}
			}
			if data, ok := a.field("data").([]any); ok && strings.Contains(at, "there") && len(data) > 0 {
				t.Errorf("%s finds %s", at, a.text)
			}
		}
		c.want(t, 404, "GET /sessions?user_id="+there.ids["user_id"], "")
		c.want(t, 404, "GET /sessions?application_id="+there.ids["application_id"], "")
		c.want(t, 404, "GET /sessions?organization_id="+there.ids["organization_id"], "")
		for _, name := range []string{"user_id", "application_id", "organization_id"} {
			c.want(t, 404, "POST /sessions:end", `{"`+name+`":"`+there.ids[name]+`"}`)
		}
		c.want(t, 200, "POST /sessions:end", `{"all":true}`)
		if a := c.want(t, 200, "GET /sessions?application_id="+here.ids["application_id"]+"&user_id="+there.ids["user_id"], ""); len(a.field("data").([]any)) > 0 {
			t.Errorf("sessions of another environment's user: %s", a.text)
		}
		if a := c.call(t, "POST /organizations/"+here.ids["organization_id"]+"/memberships", `{"user_id":"`+there.ids["user_id"]+`"}`); a.status/100 != 4 {
			t.Errorf("a user of another environment became a member: %s", a.text)
		}
		c.want(t, 400, "PATCH /settings", `{"default_application_id":"`+there.ids["application_id"]+`"}`)
		// what is taken there is free here
		c.want(t, 201, "POST /applications", `{"kind":"web","name":"A","client_id":"client-of-there"}`)
		c.want(t, 201, "POST /users", `{"email":"there@example.com"}`)
		if diff := cmp.Diff(before, dump(t, i, there.env.ID)); diff != "" {
			t.Errorf("the other environment has changed (-before +after):\n%s", diff)
		}
	})
}

// acceptance 6: any change to an application leaves every byte of another as it was.
func TestSiblingStaysAsItWas(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		i.AddUser(t, "ada@example.com")
		a, b := i.AddClient(t, "A", clients.Web, nil), i.AddClient(t, "B", clients.Web, nil)
		signIn(t, i, a, "ada@example.com")
		signIn(t, i, b, "ada@example.com")
		c.want(t, 201, "POST /applications/"+string(b.ID)+"/api_keys", `{"scopes":["*"]}`)
		check(t, errors.Join(i.Applications.Flush(t.Context()), i.Sessions.Activity.Flush(t.Context()))) // what is marked a second later
		before := dump(t, i, environments.ID(b.ID))
		if len(before) < 5 {
			t.Fatalf("the dump has %d rows", len(before))
		}

		at := "/applications/" + string(a.ID)
		c.want(t, 200, "PATCH "+at, `{"name":"Other","redirect_uris":["https://a.example/cb","https://other.example/cb"],"cors_origins":["https://a.example"],
			"session_policy":{"inactivity_timeout":600,"max_session_length":3600,"activity":"use"},"branding":{"accent":"#123456"},"metadata":{"a":"b"},
			"claims_templates":{"id_token":{"a":"b"}},"allowed":{"roles":["x"]},"consent":"third_party","access_token_format":"jwt"}`)
		secret := c.want(t, 201, "POST "+at+"/secrets", "")
		c.want(t, 200, "POST "+at+"/secrets/"+secret.str("id")+"/expire", "")
		c.want(t, 201, "POST "+at+"/secrets:rotate", "")
		key := c.want(t, 201, "POST "+at+"/api_keys", `{"scopes":["*"]}`)
		c.want(t, 200, "POST "+at+"/api_keys/"+key.str("id")+"/revoke", "")
		c.want(t, 200, "POST "+at+"/make_default", "")
		c.want(t, 200, "POST "+at+"/sessions:end", "")
		c.want(t, 200, "POST "+at+"/disable", "")
		c.want(t, 200, "POST "+at+"/enable", "")
		c.want(t, 200, "PATCH /settings", `{"default_application_id":"`+i.Environment.DefaultApplication+`"}`)
		c.want(t, 204, "DELETE "+at, "")
		if diff := cmp.Diff(before, dump(t, i, environments.ID(b.ID))); diff != "" {
			t.Errorf("B has changed (-before +after):\n%s", diff)
		}
	})
}

// dump returns every row of the database that has the text in a column, in an order of its own.
func dump(t *testing.T, i *servertest.Installation, of environments.ID) []string {
	t.Helper()
	driver, source, tables := "pgx", i.Config.Database.URL.Reveal(), `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`
	if file := i.Config.Database.URL.File(); file != "" {
		driver, source, tables = "sqlite", file, `SELECT name FROM sqlite_master WHERE type = 'table'`
	}
	db, err := sql.Open(driver, source)
	check(t, err)
	defer db.Close()
	var names []string
	for _, row := range rows(t, db, tables) {
		names = append(names, fmt.Sprint(row[0]))
	}
	var all []string
	for _, name := range names {
		for _, row := range rows(t, db, `SELECT * FROM "`+name+`"`) {
			if slices.Contains(row, any(string(of))) {
				all = append(all, fmt.Sprintf("%s %v", name, row))
			}
		}
	}
	slices.Sort(all)
	return all
}

func rows(t *testing.T, db *sql.DB, q string) (all [][]any) {
	t.Helper()
	found, err := db.QueryContext(t.Context(), q)
	check(t, err)
	defer found.Close()
	columns, err := found.Columns()
	check(t, err)
	for found.Next() {
		row := make([]any, len(columns))
		for n := range row {
			row[n] = new(any)
		}
		check(t, found.Scan(row...))
		for n := range row {
			row[n] = *row[n].(*any)
		}
		all = append(all, row)
	}
	check(t, found.Err())
	return all
}
