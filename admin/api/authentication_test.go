package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/storage/storagetest"
)

func TestUnauthenticated(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	good := connect(t, i)
	other := connectTo(t, i, secondEnvironment(t, i, "other", environments.Production))
	for _, test := range []struct {
		name, authorization, challenge, detail string
	}{
		{"no key", "", "Bearer", "Send an API key: Authorization: Bearer sk_…"},
		{"another scheme", "Basic " + good.key, "Bearer", "Send an API key: Authorization: Bearer sk_…"},
		{"a typing error", "Bearer " + good.key + "x", `Bearer error="invalid_token"`, clients.ErrAPIKeyMalformed.Error()},
		{"a key of another environment", "Bearer " + other.key, `Bearer error="invalid_token"`, clients.ErrAPIKeyUnknown.Error()},
	} {
		for _, at := range []string{"GET /applications", "POST /applications", "GET /nothing", "DELETE /applications"} {
			c := good.with("")
			var headers []string
			if test.authorization != "" {
				headers = []string{"Authorization: " + test.authorization}
			}
			a := c.want(t, 401, at, "", headers...)
			if a.str("detail") != strings.ToUpper(test.detail[:1])+test.detail[1:] && a.str("detail") != strings.ToUpper(test.detail[:1])+test.detail[1:]+"." || a.header.Get("WWW-Authenticate") != test.challenge || a.str("request_id") != a.header.Get("X-Request-Id") {
				t.Errorf("%s: %s = %v %s", test.name, at, a.header, a.text)
			}
		}
	}
	// RFC 7235 §2.1: the scheme has no case
	good.with("").want(t, 200, "GET /applications", "", "Authorization: bearer "+good.key)
	// a cookie is worth nothing here
	good.with("").want(t, 401, "GET /applications", "", "Cookie: portico_session="+good.key)
}

// acceptance 53: a key does what its scopes say, and 403 names the missing scope.
func TestScopes(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	app := "/applications/" + i.Environment.DefaultApplication
	read, write := connect(t, i, clients.ScopeReadApplications), connect(t, i, clients.ScopeWriteApplications, clients.ScopeReadUsers)
	for _, test := range []struct {
		c       *client
		at      string
		body    string
		status  int
		missing any
	}{
		{read, "GET /applications", "", 200, nil},
		{read, "POST /applications", `{}`, 403, "applications:write"},
		{read, "PATCH " + app, `{"name":"A"}`, 403, "applications:write"},
		{read, "POST " + app + "/secrets", "", 403, "applications:write"},
		{read, "POST " + app + "/api_keys", `{"scopes":["*"]}`, 403, "applications:write"},
		{write, "GET " + app, "", 200, nil}, // to write includes to read
		{write, "PATCH " + app, `{"name":"A"}`, 200, nil},
		// no key makes another that may do more than itself
		{write, "POST " + app + "/api_keys", `{"scopes":["applications:read","users:read"]}`, 201, nil},
		{write, "POST " + app + "/api_keys", `{"scopes":["applications:read","users:write"]}`, 403, "users:write"},
		{write, "POST " + app + "/api_keys", `{"scopes":["*"]}`, 403, "*"},
	} {
		a := test.c.want(t, test.status, test.at, test.body)
		if a.field("scope") != test.missing {
			t.Errorf("%s = %s, want the scope %v to be missing", test.at, a.text, test.missing)
		}
		if test.missing != nil && a.header.Get("WWW-Authenticate") != `Bearer error="insufficient_scope", scope="`+test.missing.(string)+`"` {
			t.Errorf("%s challenges by %q", test.at, a.header.Get("WWW-Authenticate"))
		}
	}
}

func TestNoOperation(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	c := connect(t, i)
	for _, at := range []string{"GET /nothing", "GET /applications/", "POST /applications/app_1/redirect_uris", "GET /"} {
		if a := c.want(t, 404, at, ""); a.str("type") != "urn:portico:problem:not_found" || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s = %v %s", at, a.header, a.text)
		}
	}
	for at, allow := range map[string]string{"PUT /applications": "GET, POST", "OPTIONS /applications/app_1": "GET, PATCH, DELETE", "DELETE /applications/app_1/secrets": "GET, POST"} {
		if a := c.want(t, 405, at, ""); a.header.Get("Allow") != allow || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s = %v %s, want Allow: %s", at, a.header, a.text, allow)
		}
	}
	// the API of an environment that doesn't exist
	response, err := http.Get(i.Issuer + "/env/nowhere/api/v1/applications")
	check(t, err)
	defer response.Body.Close()
	if response.StatusCode != 404 {
		t.Errorf("the API of no environment answers %d", response.StatusCode)
	}
}

// acceptance 52: a revoked or expired key is 401 at the very next request, on every node.
func TestKeyEndsOnEveryNode(t *testing.T) {
	one := servertest.Start(t, servertest.Options{DatabaseURL: storagetest.EmptyPostgresURL(t)})
	two := servertest.Start(t, servertest.Options{DatabaseURL: string(one.Config.Database.URL.Reveal()), DataDir: one.Config.DataDir})
	admin := connect(t, one)
	app := "/applications/" + one.Environment.DefaultApplication
	for _, end := range []string{"revoke", "expire"} {
		made := admin.want(t, 201, "POST "+app+"/api_keys", `{"scopes":["applications:read"]}`)
		nodes := []*client{admin.with(made.str("key")), admin.with(made.str("key"))}
		nodes[1].base = two.Issuer + "/api/v1"
		for _, node := range nodes {
			node.want(t, 200, "GET /applications", "")
		}
		admin.want(t, 200, "POST "+app+"/api_keys/"+made.str("id")+"/"+end, "")
		for _, node := range nodes {
			node.want(t, 401, "GET /applications", "")
		}
	}
}

// acceptance 48: a secret or key is shown once; later name, hint, created, expires, last used.
func TestCredentials(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		app := "/applications/" + i.Environment.DefaultApplication
		expires := i.Clock.Now().Add(time.Hour).UTC().Truncate(time.Second).Format(time.RFC3339)

		secret := c.want(t, 201, "POST "+app+"/secrets", `{"name":"blue","expires_at":"`+expires+`"}`)
		if text := secret.str("client_secret"); !strings.HasPrefix(text, "ps_") || secret.str("hint") != text[len(text)-4:] {
			t.Errorf("POST /secrets = %s", secret.text)
		}
		list := c.want(t, 200, "GET "+app+"/secrets", "")
		if strings.Contains(list.text, secret.str("client_secret")) || list.str("data/1/name") != "blue" || list.str("data/1/expires_at") != expires ||
			list.str("data/1/status") != "active" || list.field("next_cursor") != nil {
			t.Errorf("GET /secrets = %s", list.text)
		}
		rotated := c.want(t, 201, "POST "+app+"/secrets:rotate", `{"overlap_seconds":600}`)
		ended := c.want(t, 200, "POST "+app+"/secrets/"+rotated.str("id")+"/expire", "")
		if ended.str("status") != "expired" {
			t.Errorf("POST expire = %s", ended.text)
		}
		c.want(t, 409, "POST "+app+"/secrets/"+rotated.str("id")+"/expire", "")
		c.want(t, 404, "POST "+app+"/secrets/sec_1/expire", "")

		key := c.want(t, 201, "POST "+app+"/api_keys", `{"name":"nightly","scopes":["users:read"],"expires_at":"`+expires+`"}`)
		user := c.with(key.str("key"))
		user.want(t, 403, "GET /applications", "")
		keys := c.want(t, 200, "GET "+app+"/api_keys", "")
		if strings.Contains(keys.text, key.str("key")) || keys.str("data/1/name") != "nightly" || keys.str("data/1/hint") != key.str("hint") ||
			keys.str("data/1/last_used_at") == "" || keys.str("data/1/last_used_from") != "127.0.0.1" || keys.str("data/1/status") != "active" {
			t.Errorf("GET /api_keys = %s", keys.text)
		}
		i.Clock.Set(time.Hour)
		user.want(t, 401, "GET /applications", "")
		if a := c.want(t, 200, "GET "+app+"/api_keys", ""); a.str("data/1/status") != "expired" {
			t.Errorf("GET /api_keys = %s", a.text)
		}
		c.want(t, 409, "POST "+app+"/api_keys/"+key.str("id")+"/revoke", "")
		c.want(t, 404, "POST "+app+"/api_keys/key_1/revoke", "")
	})
}

func TestCredentialsRefused(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	c := connect(t, i)
	app := "/applications/" + i.Environment.DefaultApplication
	public := "/applications/" + c.want(t, 201, "POST /applications", `{"kind":"spa","name":"SPA"}`).str("id")
	for _, test := range []struct {
		at, body string
		status   int
		fields   []string
	}{
		{"POST " + app + "/secrets", `{"name":5}`, 400, []string{"name"}},
		{"POST " + app + "/secrets", `{"expires_at":"tomorrow"}`, 400, []string{"expires_at"}},
		{"POST " + app + "/secrets", `{"expires_at":"2001-01-01T00:00:00Z"}`, 400, []string{"expires_at"}},
		{"POST " + app + "/secrets:rotate", `{"overlap_seconds":-1}`, 400, []string{"overlap_seconds"}},
		{"POST " + app + "/secrets:rotate", `{"overlap_seconds":9223372036854775807}`, 400, []string{"overlap_seconds"}},
		{"POST " + app + "/api_keys", `{"scopes":[]}`, 400, []string{"scopes"}},
		{"POST " + app + "/api_keys", `{"name":"a"}`, 400, []string{"scopes"}},
		{"POST " + app + "/api_keys", `{"scopes":["users:read","applications:delete"],"expires_at":"2001-01-01T00:00:00Z"}`, 400, []string{"scopes/1", "expires_at"}},
		{"POST " + app + "/api_keys", `{"scopes":["environments:read"]}`, 400, []string{"scopes/0"}},
		// acceptance 51: public clients have no secret
		{"POST " + public + "/secrets", ``, 409, nil},
		{"POST /applications/app_1/secrets", ``, 404, nil},
		{"POST /applications/app_1/api_keys", `{"scopes":["*"]}`, 404, nil},
	} {
		a := c.want(t, test.status, test.at, test.body)
		if diff := cmp.Diff(test.fields, a.fields()); diff != "" {
			t.Errorf("%s %s: %s\nfields (-want +got):\n%s", test.at, test.body, a.text, diff)
		}
	}
}
