package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server/servertest"
)

// acceptance 7: disabling or deleting an application ends its sessions and refuses its secrets, keys and tokens from the
// next request on.
func TestApplicationEnds(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		i.AddUser(t, "ada@example.com")
		witness := i.AddClient(t, "Witness", clients.API, nil)
		for _, end := range []string{"POST %s/disable", "DELETE %s"} {
			app := i.AddClient(t, "App-"+end[:3], clients.Web, func(a *clients.Application) {
				a.GrantTypes = append(a.GrantTypes, clients.GrantClientCredentials)
			})
			at := "/applications/" + string(app.ID)
			key := c.with(c.want(t, 201, "POST "+at+"/api_keys", `{"scopes":["*"]}`).str("key"))
			tokens := i.Tokens(t, app, "ada@example.com", "openid offline_access")
			if r := i.Introspect(t, witness, tokens.String("access_token")); r.JSON["active"] != true {
				t.Fatalf("before %s: introspection says %s", end, r.Body)
			}
			key.want(t, 200, "GET /settings", "")

			c.call(t, fmt.Sprintf(end, at), "")
			if r := i.Introspect(t, witness, tokens.String("access_token")); r.JSON["active"] != false {
				t.Errorf("after %s: introspection says %s", end, r.Body)
			}
			if r := i.UserInfo(t, tokens.String("access_token")); r.Status != 401 {
				t.Errorf("after %s: userinfo answers %d", end, r.Status)
			}
			if r := i.Refresh(t, app, tokens.String("refresh_token")); r.Status != 401 || r.String("error") != "invalid_client" {
				t.Errorf("after %s: a refresh is answered with %d %s", end, r.Status, r.Body)
			}
			if r := i.Call(t, app, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}); r.Status != 401 {
				t.Errorf("after %s: the secret is answered with %d %s", end, r.Status, r.Body)
			}
			key.want(t, 401, "GET /settings", "")
		}
	})
}

// acceptance 18 to 23
func TestRedirectRules(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	env := secondEnvironment(t, i, "strict", environments.Production)
	production, development := connectTo(t, i, env), connect(t, i)
	for _, test := range []struct {
		name       string
		uri        string
		more       string // further fields
		production bool
		local      bool // in development
	}{
		{"https", "https://example.com/cb", "", true, true},
		{"http", "http://example.com/cb", "", false, true},
		{"localhost", "http://localhost:3000/cb", "", false, true},
		{"loopback", "http://127.0.0.1:3000/cb", "", true, true},
		{"loopback, IPv6", "http://[::1]/cb", "", true, true},
		{"private-use scheme", "com.example.app:/cb", "", true, true},
		{"scheme without a dot", "myapp:/cb", "", false, false},
		{"star", "https://*.example.com/cb", "", false, false},
		{"star as the default", "https://*.example.com/cb", `,"wildcard_redirects":true`, false, false},
		{"star on a public suffix", "https://x.example/cb\",\"https://*.co.uk/cb", `,"wildcard_redirects":true`, false, false},
		{"star", "https://x.example/cb\",\"https://*.example.com/cb", `,"wildcard_redirects":true`, true, true},
		{"star across labels", "https://x.example/cb\",\"https://*.*.example.com/cb", `,"wildcard_redirects":true`, false, false},
		{"script", "javascript:alert(1)", "", false, false},
		{"data", "data:text/html,x", "", false, false},
		{"fragment", "https://example.com/cb#x", "", false, false},
		{"user name", "https://user@example.com/cb", "", false, false},
		{"control character", `https://example.com/\u0001`, "", false, false},
		{"over-long", "https://example.com/" + strings.Repeat("x", 2000), "", false, false},
	} {
		body := `{"kind":"web","name":"A","redirect_uris":["` + test.uri + `"]` + test.more + `}`
		for _, of := range []struct {
			c     *client
			taken bool
		}{{production, test.production}, {development, test.local}} {
			a := of.c.call(t, "POST /applications", body)
			if (a.status == 201) != of.taken {
				t.Errorf("%s: POST = %d, want it taken: %v\n%s", test.name, a.status, of.taken, a.text)
			}
			if a.status != 201 && (a.status != 400 || len(a.fields()) == 0 || !strings.HasPrefix(a.fields()[0], "redirect_uris/")) {
				t.Errorf("%s: POST doesn't name the field: %s", test.name, a.text)
			}
		}
	}

	native := "/applications/" + production.want(t, 201, "POST /applications",
		`{"kind":"native","name":"Desktop","redirect_uris":["http://127.0.0.1/cb","https://app.example/cb"],"post_logout_redirect_uris":["https://app.example/bye"]}`).str("id")
	for _, test := range []struct {
		body   string
		want   bool
		detail string // rule, or the parts that differ
	}{
		{`{"uri":"https://app.example/cb"}`, true, "exact"},
		{`{"uri":"http://127.0.0.1:53210/cb"}`, true, "loopback_port"}, // RFC 8252 §7.3
		{`{"uri":"https://app.example:8443/cb"}`, false, "port"},
		{`{"uri":"https://app.example/cb/"}`, false, "path"},
		{`{"uri":"https://evil.example/cb?x=1"}`, false, "host query"},
		{`{"uri":""}`, false, "scheme host path"},
		{`{"uri":"https://app.example/bye","for":"post_logout_redirect_uri"}`, true, "exact"},
		{`{"uri":"https://app.example/bye","for":"redirect_uri"}`, false, "path"},
	} {
		a := production.want(t, 200, "POST "+native+"/redirect_uris:check", test.body)
		detail := a.str("rule")
		for n := range a.field("differences").([]any) {
			detail = strings.TrimSpace(detail + " " + a.str(fmt.Sprintf("differences/%d/part", n)))
			if a.str(fmt.Sprintf("differences/%d/reason", n)) == "" {
				t.Errorf("%s gives no reason: %s", test.body, a.text)
			}
		}
		if a.field("matches") != test.want || detail != test.detail {
			t.Errorf("%s = %s, want %v by %q", test.body, a.text, test.want, test.detail)
		}
	}
	// acceptance 18: exactly one redirect URI is the default, and deleting it is a conflict
	production.want(t, 409, "PATCH "+native, `{"redirect_uris":["https://app.example/cb"]}`)
	production.want(t, 200, "PATCH "+native, `{"redirect_uris":["https://app.example/new","https://app.example/cb"]}`)
	if a := production.want(t, 200, "PATCH "+native, `{"redirect_uris":["https://app.example/new"]}`); a.str("redirect_uris/0") != "https://app.example/new" {
		t.Errorf("PATCH = %s", a.text)
	}
}

// acceptance 49: rotation under load loses no request.
func TestRotationUnderLoad(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		app := i.AddClient(t, "Import", clients.Machine, nil)
		at := "/applications/" + string(app.ID)
		var secret atomic.Pointer[string]
		secret.Store(&app.Secret)
		var calls atomic.Int64
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					now := app
					now.Secret = *secret.Load()
					if r := i.Call(t, now, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}); r.Status != 200 {
						t.Errorf("a request was lost: %d %s", r.Status, r.Body)
					}
					calls.Add(1)
				}
			})
		}
		for range 5 {
			fresh := c.want(t, 201, "POST "+at+"/secrets:rotate", `{"overlap_seconds":600}`).str("client_secret")
			for n := calls.Load(); calls.Load() < n+20; {
				time.Sleep(time.Millisecond)
			}
			secret.Store(&fresh)
		}
		close(stop)
		wg.Wait()

		// with two secrets both work; end one, and only it fails
		all := c.want(t, 200, "GET "+at+"/secrets", "")
		newest := len(all.field("data").([]any)) - 1
		old := app
		if r := i.Call(t, old, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}); r.Status != 200 {
			t.Errorf("the first secret is answered with %d", r.Status)
		}
		c.want(t, 200, "POST "+at+"/secrets/"+all.str("data/0/id")+"/expire", "")
		if r := i.Call(t, old, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}); r.Status != 401 {
			t.Errorf("a secret that was ended is answered with %d", r.Status)
		}
		old.Secret = *secret.Load()
		if r := i.Call(t, old, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}); r.Status != 200 {
			t.Errorf("the newest secret is answered with %d", r.Status)
		}
		if used := c.want(t, 200, "GET "+at+"/secrets", ""); used.str(fmt.Sprintf("data/%d/last_used_from", newest)) != "127.0.0.1" {
			t.Errorf("the secrets are %s", used.text)
		}
	})
}

// acceptance 38: the dry run tells the number of sessions exactly, and changes nothing.
func TestDryRun(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		app := i.AddClient(t, "Web", clients.Web, nil)
		at := "/applications/" + string(app.ID)
		for n, hours := range []int{0, 1, 2} {
			i.Clock.Set(time.Duration(hours) * time.Hour)
			email := fmt.Sprintf("user%d@example.com", n)
			i.AddUser(t, email)
			signIn(t, i, app, email)
		}
		i.Clock.Set(150 * time.Minute)
		for _, test := range []struct {
			body string
			ends float64
		}{
			{`{"session_policy":{"inactivity_timeout":86400}}`, 0},
			{`{"session_policy":{"inactivity_timeout":5400}}`, 2},
			{`{"session_policy":{"inactivity_timeout":5400,"max_session_length":5400}}`, 2},
			{`{"session_policy":{"inactivity_timeout":1800}}`, 3},
			{`{"enabled":false}`, 3},
			{`{"name":"Other"}`, 0},
		} {
			before := c.want(t, 200, "GET "+at, "")
			a := c.want(t, 200, "PATCH "+at+"?dry_run=true", test.body)
			if a.field("living_sessions") != 3.0 || a.field("ends_sessions") != test.ends || a.field("dry_run") != true {
				t.Errorf("%s = %s, want %v of 3", test.body, a.text, test.ends)
			}
			if diff := cmp.Diff(before.json, c.want(t, 200, "GET "+at, "").json); diff != "" {
				t.Errorf("%s has changed the application:\n%s", test.body, diff)
			}
		}
		c.want(t, 400, "PATCH "+at+"?dry_run=true", `{"name":""}`)
		c.want(t, 200, "PATCH "+at, `{"session_policy":{"inactivity_timeout":5400}}`)
		for status, want := range map[string]int{"active": 1, "ended": 2} {
			if a := c.want(t, 200, "GET "+at+"/sessions?status="+status, ""); len(a.field("data").([]any)) != want || a.str("data/0/status") != status {
				t.Errorf("%d sessions should be %s: %s", want, status, a.text)
			}
		}
	})
}

// acceptance 40 and 44: sessions can be seen and ended; the next request knows it, and siblings go on.
func TestSessions(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		ada := i.AddUser(t, "ada@example.com")
		a, b := i.AddClient(t, "A", clients.Web, nil), i.AddClient(t, "B", clients.Web, nil)
		tokens := i.Tokens(t, a, "ada@example.com", "openid offline_access")
		other := i.Tokens(t, b, "ada@example.com", "openid offline_access")
		list := c.want(t, 200, "GET /users/"+string(ada.ID)+"/sessions", "")
		if len(list.field("data").([]any)) != 2 || list.str("data/0/application_id") != string(b.ID) || list.str("data/0/expires_at") == "" {
			t.Fatalf("GET sessions = %s", list.text)
		}
		one := c.want(t, 200, "GET /users/"+string(ada.ID)+"/sessions?limit=1", "")
		if rest := c.want(t, 200, "GET /users/"+string(ada.ID)+"/sessions?limit=1&cursor="+one.str("next_cursor"), ""); rest.str("data/0/id") != list.str("data/1/id") || rest.field("next_cursor") != nil {
			t.Errorf("the second page is %s", rest.text)
		}
		session := "/sessions/" + list.str("data/1/id")
		ended := c.want(t, 200, "POST "+session+"/end", "")
		if ended.str("status") != "ended" || ended.str("ended_reason") != "revoked_by_operator" || !strings.HasPrefix(ended.str("ended_by"), "key_") || ended.str("ended_at") == "" {
			t.Errorf("POST end = %s", ended.text)
		}
		if again := c.want(t, 200, "POST "+session+"/end", ""); again.text != ended.text {
			t.Errorf("POST end again = %s", again.text)
		}
		if r := i.Refresh(t, a, tokens.String("refresh_token")); r.Status != 400 || r.String("error") != "invalid_grant" {
			t.Errorf("a refresh of the session that ended = %d %s", r.Status, r.Body)
		}
		if r := i.Introspect(t, a, tokens.String("access_token")); r.JSON["active"] != false {
			t.Errorf("introspection = %s", r.Body)
		}
		if r := i.Refresh(t, b, other.String("refresh_token")); r.Status != 200 {
			t.Errorf("a refresh of the sibling = %d %s", r.Status, r.Body)
		}
		if n := c.want(t, 200, "POST /applications/"+string(b.ID)+"/sessions:end", ""); n.field("ended") != 1.0 {
			t.Errorf("POST sessions:end = %s", n.text)
		}
		if n := c.want(t, 200, "POST /users/"+string(ada.ID)+"/sessions:end", ""); n.field("ended") != 0.0 {
			t.Errorf("POST sessions:end = %s", n.text)
		}
		if a := c.want(t, 400, "GET /sessions", ""); !cmp.Equal(a.fields(), []string{"application_id", "user_id", "organization_id"}) {
			t.Errorf("GET /sessions = %s", a.text)
		}
		c.want(t, 404, "GET /sessions/ses_1", "")
		c.want(t, 404, "POST /sessions/ses_1/end", "")
	})
}

// acceptance 79, as far as the API goes: every change has its event with actor, before and after, and no secret.
func TestEvents(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		made := c.want(t, 201, "POST /applications", `{"kind":"web","name":"Audited"}`)
		at := "/applications/" + made.str("id")
		c.want(t, 200, "PATCH "+at, `{"name":"Renamed"}`)
		c.want(t, 400, "PATCH "+at, `{"name":""}`)
		c.want(t, 200, "PATCH "+at, `{"name":"Renamed"}`) // changes nothing
		key := c.want(t, 201, "POST "+at+"/api_keys", `{"scopes":["*"]}`)
		c.want(t, 200, "PATCH /settings", `{"name":"Renamed"}`)

		a := c.want(t, 200, "GET /events?application_id="+made.str("id"), "")
		var names []string
		for n := range a.field("data").([]any) {
			names = append(names, a.str(fmt.Sprintf("data/%d/name", n)))
			if a.str(fmt.Sprintf("data/%d/actor/kind", n)) != "api_key" || a.str(fmt.Sprintf("data/%d/actor/name", n)) != "test" || a.str(fmt.Sprintf("data/%d/actor/address", n)) != "127.0.0.1" {
				t.Errorf("event %d = %s", n, a.text)
			}
		}
		want := []string{"api_key.created", "application.updated", "application.secret_created", "application.created"}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("the latest first (-want +got):\n%s", diff)
		}
		if a.str("data/1/data/before/name") != "Audited" || a.str("data/1/data/after/name") != "Renamed" {
			t.Errorf("the change is %s", a.text)
		}
		for _, secret := range []string{made.str("client_secret"), key.str("key"), c.key} {
			if strings.Contains(c.want(t, 200, "GET /events?limit=100", "").text, secret) {
				t.Error("an event has a secret")
			}
		}
		if a := c.want(t, 200, "GET /events?name=environment.updated", ""); a.str("data/0/data/after/name") != "Renamed" {
			t.Errorf("the change of settings is %s", a.text)
		}

		// pages, in both bounds of time
		var got []string
		for cursor := ""; ; {
			page := c.want(t, 200, "GET /events?limit=2&cursor="+cursor, "")
			for n := range page.field("data").([]any) {
				got = append(got, page.str(fmt.Sprintf("data/%d/id", n)))
			}
			if cursor = page.str("next_cursor"); cursor == "" {
				break
			}
		}
		all := c.want(t, 200, "GET /events?limit=100", "")
		if len(got) != len(all.field("data").([]any)) || got[0] != all.str("data/0/id") {
			t.Errorf("the pages have %d events, the whole %d", len(got), len(all.field("data").([]any)))
		}
		since := url.QueryEscape(all.str("data/0/occurred_at"))
		if a := c.want(t, 200, "GET /events?since="+since, ""); len(a.field("data").([]any)) < 1 || a.str("data/0/id") != all.str("data/0/id") {
			t.Errorf("since = %s", a.text)
		}
		if a := c.want(t, 200, "GET /events?until="+since, ""); a.str("data/0/id") == all.str("data/0/id") {
			t.Errorf("until = %s", a.text)
		}
		c.want(t, 400, "GET /events?cursor=YWJj", "")
		c.want(t, 400, "GET /events?since=yesterday", "")
	})
}

func TestUsers(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		made := c.want(t, 201, "POST /users", `{"email":"Ada@Example.com","name":"Ada Lovelace","phone_number":"+44 20 7946 0000"}`)
		at := "/users/" + made.str("id")
		if made.header.Get("Location") != c.base+at || made.str("email") != "Ada@Example.com" || made.field("has_password") != false || made.str("status") != "active" {
			t.Errorf("POST = %v %s", made.header, made.text)
		}
		// acceptance 11: the case of letters makes no second account
		if a := c.want(t, 409, "POST /users", `{"email":"ada@example.COM"}`); !cmp.Equal(a.fields(), []string{"email"}) {
			t.Errorf("POST = %s", a.text)
		}
		if a := c.want(t, 400, "POST /users", `{"email":"nobody","password":"short","birthdate":"tomorrow"}`); !cmp.Equal(a.fields(), []string{"email", "birthdate", "password"}) {
			t.Errorf("POST = %s", a.text)
		}
		if a := c.want(t, 400, "PATCH "+at, `{"email":"nobody","locale":"!"}`); !cmp.Equal(a.fields(), []string{"locale", "email"}) {
			t.Errorf("PATCH = %s", a.text)
		}
		changed := c.want(t, 200, "PATCH "+at, `{"email":"countess@example.com","email_verified":true,"name":null,"nickname":"Ada","phone_number_verified":true}`)
		if changed.str("email") != "countess@example.com" || changed.field("email_verified") != true || changed.str("name") != "" || changed.str("nickname") != "Ada" ||
			changed.field("phone_number_verified") != true || changed.str("phone_number") != "+442079460000" {
			t.Errorf("PATCH = %s", changed.text)
		}
		c.want(t, 201, "POST /users", `{"email":"other@example.com"}`)
		c.want(t, 409, "PATCH "+at, `{"email":"Other@example.com","nickname":"lost"}`)
		if a := c.want(t, 200, "GET "+at, ""); a.str("nickname") != "Ada" || a.str("email") != "countess@example.com" {
			t.Errorf("a change that failed has changed %s", a.text)
		}
		if a := c.want(t, 200, "GET /users?search=countess&status=active", ""); a.str("data/0/id") != made.str("id") {
			t.Errorf("search = %s", a.text)
		}
		if a := c.want(t, 200, "POST "+at+"/disable", `{"reason":"left"}`); a.str("status") != "disabled" {
			t.Errorf("disable = %s", a.text)
		}
		if a := c.want(t, 200, "GET /events?name=user.disabled", ""); a.str("data/0/reason") != "left" {
			t.Errorf("the event is %s", a.text)
		}
		c.want(t, 404, "GET /users/usr_1", "")
		c.want(t, 404, "PATCH /users/usr_1", `{"name":"A"}`)
		c.want(t, 404, "POST /users/usr_1/disable", "")
	})
}

func TestSettings(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		got := c.want(t, 200, "GET /settings", "")
		if got.str("slug") != "default" || got.str("issuer") != i.Issuer || got.field("browser_sessions/max_length") != 2592000.0 {
			t.Errorf("GET = %s", got.text)
		}
		for _, test := range []struct {
			body   string
			fields []string
		}{
			{`{"name":"","sign_up":null}`, []string{"sign_up"}},
			{`{"name":""}`, []string{"name"}},
			{`{"slug":"other"}`, []string{"slug"}},
			{`{"browser_sessions":{"max_length":1,"inactivity_timeout":9223372036854775807}}`, []string{"browser_sessions/max_length", "browser_sessions/inactivity_timeout", "browser_sessions/unremembered_max"}},
			{`{"browser_sessions":{"max_length":600,"inactivity_timeout":601,"unremembered_max":600}}`, []string{"browser_sessions/inactivity_timeout"}},
			{`{"default_application_id":"app_1"}`, []string{"default_application_id"}},
		} {
			if a := c.want(t, 400, "PATCH /settings", test.body); !cmp.Equal(a.fields(), test.fields) {
				t.Errorf("%s = %s", test.body, a.text)
			}
		}
		if diff := cmp.Diff(got.json, c.want(t, 200, "GET /settings", "").json); diff != "" {
			t.Errorf("what was refused has changed:\n%s", diff)
		}
		a := c.want(t, 200, "PATCH /settings", `{"sign_up":false,"browser_sessions":{"unremembered_max":600}}`)
		if a.field("sign_up") != false || a.field("browser_sessions/unremembered_max") != 600.0 || a.field("browser_sessions/max_length") != 2592000.0 {
			t.Errorf("PATCH = %s", a.text)
		}
	})
}

// acceptance 1 and 9: an environment is made with one default application, its own issuer and its own keys.
func TestEnvironments(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		env, err := i.Environments.BySlug(t.Context(), environments.OperatorsSlug)
		check(t, err)
		c := connectTo(t, i, env)
		made := c.want(t, 201, "POST /environments", `{"slug":"staging","name":"Staging"}`)
		if made.str("kind") != "production" || made.str("issuer") != i.Issuer+"/env/staging" || made.header.Get("Location") != c.base+"/environments/"+made.str("id") {
			t.Errorf("POST = %v %s", made.header, made.text)
		}
		fresh, err := i.Environments.BySlug(t.Context(), "staging")
		check(t, err)
		inside := connectTo(t, i, fresh)
		apps := inside.want(t, 200, "GET /applications", "")
		if len(apps.field("data").([]any)) != 1 || apps.field("data/0/default") != true || apps.str("data/0/client_id") == "" {
			t.Errorf("GET /applications = %s", apps.text)
		}
		own, others := inside.want(t, 200, "GET /keys", ""), c.want(t, 200, "GET /keys", "")
		if own.str("data/0/id") == others.str("data/0/id") {
			t.Error("two environments share a key")
		}
		for _, test := range []struct {
			body   string
			status int
			fields []string
		}{
			{`{"slug":"staging","name":"Again"}`, 409, []string{"slug"}},
			{`{"slug":"A","name":"","kind":"test"}`, 400, []string{"kind"}},
			{`{"slug":"A","name":""}`, 400, []string{"slug", "name"}},
			{`{}`, 400, []string{"slug", "name"}},
		} {
			if a := c.want(t, test.status, "POST /environments", test.body); !cmp.Equal(a.fields(), test.fields) {
				t.Errorf("%s = %s", test.body, a.text)
			}
		}
		// production refuses what development took, and says which application has it
		one := "PATCH /environments/" + made.str("id")
		c.want(t, 200, one, `{"kind":"development","brand":{"accent":"#3f4fd1","logo_uri":"http://localhost:3000/logo.svg"}}`)
		inside.want(t, 200, "PATCH /applications/"+apps.str("data/0/id"), `{"redirect_uris":["http://localhost:3000/cb"]}`)
		if a := c.want(t, 409, one, `{"kind":"production"}`); !cmp.Equal(a.fields(), []string{"kind"}) || !strings.Contains(a.text, "Staging, redirect_uris/0: ") {
			t.Errorf("PATCH = %s", a.text)
		}
		inside.want(t, 200, "PATCH /applications/"+apps.str("data/0/id"), `{"redirect_uris":["https://staging.example/cb"]}`)
		if a := c.want(t, 400, one, `{"kind":"production"}`); !cmp.Equal(a.fields(), []string{"brand/logo_uri"}) {
			t.Errorf("PATCH = %s", a.text)
		}
		if a := c.want(t, 200, one, `{"kind":"production","brand":{"logo_uri":"https://staging.example/logo.svg"}}`); a.str("kind") != "production" || a.str("brand/accent") != "#3f4fd1" {
			t.Errorf("PATCH = %s", a.text)
		}
		c.want(t, 404, "GET /environments/env_1", "")
		c.want(t, 404, "PATCH /environments/env_1", `{"sign_up":false}`)
		first := c.want(t, 200, "GET /environments?limit=2", "")
		rest := c.want(t, 200, "GET /environments?cursor="+first.str("next_cursor"), "")
		if first.str("data/0/slug") != "default" || len(rest.field("data").([]any)) != 1 {
			t.Errorf("GET /environments = %s and %s", first.text, rest.text)
		}
		// acceptance 53: only their keys reach environments
		if a := connect(t, i).want(t, 403, "GET /environments", ""); a.field("scope") != nil {
			t.Errorf("GET /environments from elsewhere = %s", a.text)
		}
	})
}

// acceptance 61: keys rotate by command; what the old one signed verifies until it is retired.
func TestKeys(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	c := connect(t, i)
	before := c.want(t, 200, "GET /keys", "")
	if strings.Contains(before.text, "private") || len(before.field("data").([]any)) != 3 {
		t.Errorf("GET /keys = %s", before.text)
	}
	next := c.want(t, 200, "POST /keys:rotate", `{"algorithm":"ES256"}`)
	if next.str("data/0/state") != "next" || next.str("data/0/algorithm") != "ES256" {
		t.Errorf("rotate = %s", next.text)
	}
	active := c.want(t, 200, "POST /keys:rotate", `{"algorithm":"ES256","now":true}`)
	if active.str("data/0/state") != "active" || active.str("data/0/id") != next.str("data/0/id") {
		t.Errorf("rotate now = %s", active.text)
	}
	if a := c.want(t, 200, "POST /keys:rotate", ""); len(a.field("data").([]any)) != 3 {
		t.Errorf("rotate all = %s", a.text)
	}
	c.want(t, 400, "POST /keys:rotate", `{"algorithm":"HS256"}`)
	c.want(t, 404, "POST /keys/none/retire", "")
	c.want(t, 409, "POST /keys/"+active.str("data/0/id")+"/retire", "")
}
