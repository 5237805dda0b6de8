package provider_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/storage"
)

// TestStatements holds the hot paths to the number of statements that design.md §5 gives them.
func TestStatements(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		web := i.AddClient(t, "web", clients.Web, nil)
		shop := i.AddClient(t, "shop", clients.Web, func(a *clients.Application) { a.Consent = clients.ConsentThirdParty })
		jwt := i.AddClient(t, "jwt", clients.Web, func(a *clients.Application) { a.AccessTokenFormat = clients.JWT })
		machine := i.AddClient(t, "machine", clients.Machine, nil)
		user := i.AddUser(t, ada)
		if err := i.Ledger.Allow(t.Context(), shop.Application, user.ID, []string{"openid", "offline_access"}); err != nil {
			t.Fatal(err)
		}
		_, handle, err := i.Sessions.SignIn(t.Context(), i.Environment, "", user, sessions.Authentication{
			AuthTime: i.Clock.Now(), AMR: []string{"pwd"}, ACR: sessions.ACRPassword,
		}, true)
		if err != nil {
			t.Fatal(err)
		}
		c := &counted{T: t, Installation: i, handler: i.Handler(), cookie: "portico-default=" + string(handle), fills: map[string]int{}}
		i.Call(t, machine, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}) // the first token makes the sealing key

		first := c.authorize(web, 5, 1) // starts a session, which is a row and an event
		tokens := c.token(web, 3, 1, url.Values{"grant_type": {"authorization_code"}, "code": {first}, "redirect_uri": {web.RedirectURIs[0]}, "code_verifier": {servertest.Verifier}})
		c.authorize(web, 3, 1)  // the session goes on
		c.authorize(shop, 6, 1) // what she has allowed a third party is looked up
		c.authorize(shop, 4, 1)

		access, refresh := tokens["access_token"].(string), tokens["refresh_token"].(string)
		c.do("introspection", web, "/oauth2/introspect", url.Values{"token": {access}}, 1, 0)
		c.do("introspection of a refresh token", web, "/oauth2/introspect", url.Values{"token": {refresh}}, 1, 0)
		c.do("introspection of a forgery", web, "/oauth2/introspect", url.Values{"token": {"pt_at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}, 0, 0)
		c.userinfo(access, 1)
		refreshed := c.token(web, 2, 1, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
		c.token(web, 2, 1, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshed["refresh_token"].(string)}})
		c.token(web, 1, 0, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshed["refresh_token"].(string)}}) // a repeat within the window
		robot := c.token(machine, 0, 0, url.Values{"grant_type": {"client_credentials"}})
		c.do("introspection of a machine's token", machine, "/oauth2/introspect", url.Values{"token": {robot["access_token"].(string)}}, 1, 0)
		c.do("revocation of an access token", web, "/oauth2/revoke", url.Values{"token": {access}}, 2, 1)

		code := c.authorize(jwt, 5, 1)
		signed := c.token(jwt, 3, 1, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {jwt.RedirectURIs[0]}, "code_verifier": {servertest.Verifier}})
		c.userinfo(signed["access_token"].(string), 1)

		for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/jwks.json"} {
			c.send(path, httptest.NewRequest(http.MethodGet, i.Issuer+path, nil), 0, 0)
		}
		wrong := machine
		wrong.Secret = "wrong"
		c.do("a wrong secret", wrong, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}, 0, 0)

		for table, n := range c.fills {
			if n > 4 {
				t.Errorf("%s was read %d times: its cache is good for nothing", table, n)
			}
		}
	})
}

// counted sends requests through the handler and counts what reaches the database.
type counted struct {
	*testing.T
	*servertest.Installation
	handler http.Handler
	cookie  string
	fills   map[string]int // of the caches, by table
}

// filled are the tables that are read into caches of a node. That may happen at any time, as a notice of a change empties them.
var filled = regexp.MustCompile("FROM [\"`]?(environments|applications|application_secrets|signing_keys|sealing_keys)\\b")

// send holds the request to the most statements and transactions that it may take.
func (c *counted) send(name string, r *http.Request, statements, transactions int) *httptest.ResponseRecorder {
	c.Helper()
	ctx, counter := storage.WithCounter(c.Context())
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r.WithContext(ctx))
	got := slices.DeleteFunc(counter.Statements(), func(q string) bool {
		table := filled.FindStringSubmatch(q)
		if table == nil {
			return false
		}
		c.fills[table[1]]++
		return true
	})
	if len(got) > statements {
		c.Errorf("%s took %d statements, want at most %d:\n%s", name, len(got), statements, strings.Join(got, "\n"))
	}
	if got := counter.Transactions(); got > transactions {
		c.Errorf("%s took %d transactions, want at most %d", name, got, transactions)
	}
	return w
}

func (c *counted) do(name string, client servertest.Client, path string, form url.Values, statements, transactions int) *httptest.ResponseRecorder {
	c.Helper()
	r := httptest.NewRequest(http.MethodPost, c.Issuer+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(client.ClientID), url.QueryEscape(client.Secret))
	return c.send(name, r, statements, transactions)
}

func (c *counted) token(client servertest.Client, statements, transactions int, form url.Values) map[string]any {
	c.Helper()
	w := c.do(form.Get("grant_type"), client, "/oauth2/token", form, statements, transactions)
	answer := map[string]any{}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
		c.Fatalf("%s: %d %s %v", form.Get("grant_type"), w.Code, w.Body, err)
	}
	return answer
}

func (c *counted) authorize(client servertest.Client, statements, transactions int) string {
	c.Helper()
	r := httptest.NewRequest(http.MethodGet, c.AuthorizeURL(client, "openid offline_access", nil), nil)
	r.Header.Set("Cookie", c.cookie)
	w := c.send("authorize", r, statements, transactions)
	at, err := url.Parse(w.Header().Get("Location"))
	if err != nil || at.Query().Get("code") == "" {
		c.Fatalf("authorize: %d %s", w.Code, w.Header().Get("Location"))
	}
	return at.Query().Get("code")
}

func (c *counted) userinfo(access string, statements int) {
	c.Helper()
	r := httptest.NewRequest(http.MethodGet, c.Issuer+"/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+access)
	if w := c.send("userinfo", r, statements, 0); w.Code != http.StatusOK {
		c.Fatalf("userinfo: %d %s", w.Code, w.Body)
	}
}
