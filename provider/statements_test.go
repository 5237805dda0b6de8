package provider_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/storage"
)

// TestStatements holds down what requests cost the database (design.md §5), for a user in organizations: her position comes with
// the row that is read anyway.
func TestStatements(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := i.AddClient(t, "web", clients.Web, func(a *clients.Application) { a.AccessTokenFormat = clients.JWT })
		user := i.AddUser(t, ada)
		i.Tokens(t, c, ada, "openid offline_access") // the keys are read now
		if _, err := i.Organizations.CreateRole(t.Context(), i.Environment.ID, organizations.RoleSettings{Name: "admin", Permissions: []string{"invoices:read"}}); err != nil {
			t.Fatal(err)
		}
		var in []string
		for _, name := range []string{"Acme", "Blue Harbor"} {
			o, err := i.Organizations.Create(t.Context(), i.Environment.ID, organizations.Settings{Name: name})
			if err == nil {
				_, err = i.Organizations.AddMember(t.Context(), i.Environment.ID, o.ID, user.ID, "admin")
			}
			if err != nil {
				t.Fatal(err)
			}
			in = append(in, string(o.ID))
		}
		_, handle, err := i.Sessions.SignIn(t.Context(), i.Environment, "", user, sessions.Authentication{AuthTime: i.Clock.Now(), AMR: []string{"pwd"}, ACR: sessions.ACRPassword}, true)
		if err != nil {
			t.Fatal(err)
		}
		handler := i.Handler()
		code, refresh, access := "", "", ""
		authorize := func(parameters ...string) *http.Request {
			extra := url.Values{}
			for i := 0; i+1 < len(parameters); i += 2 {
				extra.Set(parameters[i], parameters[i+1])
			}
			r := httptest.NewRequest(http.MethodGet, i.AuthorizeURL(c, "openid offline_access", extra), nil)
			r.AddCookie(&http.Cookie{Name: "portico-default", Value: string(handle)})
			return r
		}
		post := func(path string, form url.Values) *http.Request {
			r := httptest.NewRequest(http.MethodPost, i.Issuer+path, strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth(c.ClientID, c.Secret)
			return r
		}
		token := func(form url.Values) *http.Request { return post("/oauth2/token", form) }
		for _, step := range []struct {
			name         string
			request      func() *http.Request
			most         int
			transactions int
		}{
			{"authorize without a session, and its event", func() *http.Request { return authorize("organization_id", in[0]) }, 5, 1},
			{"authorize with a living session", func() *http.Request { return authorize() }, 4, 1},
			{"authorize in another organization, and its event", func() *http.Request { return authorize("organization_id", in[1]) }, 6, 1},
			{"authorize with a living session in the organization before", func() *http.Request { return authorize("organization_id", in[0]) }, 4, 1},
			{"code", func() *http.Request {
				return token(url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {c.RedirectURIs[0]}, "code_verifier": {servertest.Verifier}})
			}, 3, 1},
			{"refresh", func() *http.Request {
				return token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
			}, 2, 0},
			{"refresh in the same organization", func() *http.Request {
				return token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "organization_id": {in[0]}})
			}, 2, 0},
			{"refresh with a switch", func() *http.Request {
				return token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "organization_id": {in[1]}})
			}, 3, 1},
			{"introspection", func() *http.Request { return post("/oauth2/introspect", url.Values{"token": {access}}) }, 1, 0},
			{"introspection of a refresh token", func() *http.Request { return post("/oauth2/introspect", url.Values{"token": {refresh}}) }, 1, 0},
			{"userinfo", func() *http.Request {
				r := httptest.NewRequest(http.MethodGet, i.Issuer+"/userinfo", nil)
				r.Header.Set("Authorization", "Bearer "+access)
				return r
			}, 1, 0},
		} {
			r := step.request()
			ctx, counter := storage.WithCounter(r.Context())
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r.WithContext(ctx))
			if location, err := w.Result().Location(); err == nil {
				if code = location.Query().Get("code"); code == "" {
					t.Fatalf("%s: %s", step.name, location)
				}
			} else if w.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", step.name, w.Code, w.Body)
			}
			var reply map[string]any
			if json.Unmarshal(w.Body.Bytes(), &reply) == nil && reply["refresh_token"] != nil {
				refresh, access = reply["refresh_token"].(string), reply["access_token"].(string)
			}
			if n := len(counter.Statements()); n > step.most || counter.Transactions() != step.transactions {
				t.Errorf("%s: %d statements and %d transactions, want at most %d and %d: %q", step.name, n, counter.Transactions(), step.most, step.transactions, counter.Statements())
			}
		}
	})
}
