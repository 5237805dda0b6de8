package provider_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server/servertest"
)

// TestEnvironmentsAreApart is acceptance 8 and 9: nothing that one environment has given out is worth anything in another, though both
// have an application and a user of the same name.
func TestEnvironmentsAreApart(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, here *servertest.Installation) {
		env, err := here.CreateEnvironment(t.Context(), environments.New{Slug: "acme", Name: "Acme"})
		if err != nil {
			t.Fatal(err)
		}
		there := &servertest.Installation{Server: here.Server, Environment: env, Issuer: here.Issuer + env.PathPrefix()}
		for _, format := range []clients.AccessTokenFormat{clients.Opaque, clients.JWT} {
			t.Run(string(format), func(t *testing.T) {
				name := string(format)
				register := func(i *servertest.Installation) servertest.Client {
					i.AddUser(t, name+"@example.com")
					return i.AddClient(t, name, clients.Web, func(a *clients.Application) { a.AccessTokenFormat = format })
				}
				mine, theirs := register(here), register(there)
				b := here.NewBrowser(t)
				tokens := here.Redeem(t, mine, b.Code(here, mine, name+"@example.com", "openid offline_access", nil))
				access, refresh, id := tokens.String("access_token"), tokens.String("refresh_token"), tokens.String("id_token")

				refused(t, there.Introspect(t, mine, access), http.StatusUnauthorized, "invalid_client")
				for _, token := range []string{access, refresh} {
					if r := there.Introspect(t, theirs, token); r.Body != "{\"active\":false}\n" {
						t.Errorf("introspection there: %d %s", r.Status, r.Body)
					}
					if r := there.Call(t, theirs, "/oauth2/revoke", url.Values{"token": {token}}); r.Status != http.StatusOK {
						t.Errorf("revocation there: %d %s", r.Status, r.Body)
					}
				}
				refused(t, there.Refresh(t, theirs, refresh), http.StatusBadRequest, "invalid_grant")
				if r := there.UserInfo(t, access); r.Status != http.StatusUnauthorized {
					t.Errorf("userinfo there: %d %s", r.Status, r.Body)
				}
				refused(t, there.Redeem(t, theirs, b.Code(here, mine, name+"@example.com", "openid", nil)), http.StatusBadRequest, "invalid_grant")
				walk(t, b, there.AuthorizeURL(theirs, "openid", url.Values{"prompt": {"none"}}), "").failed(t, "login_required")
				walk(t, b, there.AuthorizeURL(theirs, "openid", url.Values{"id_token_hint": {id}}), "").failed(t, "invalid_request")

				// All that harmed nothing here.
				if r := here.UserInfo(t, access); r.Status != http.StatusOK {
					t.Errorf("userinfo here: %d %s", r.Status, r.Body)
				}
				if r := here.Refresh(t, mine, refresh); r.Status != http.StatusOK {
					t.Errorf("refresh here: %d %s", r.Status, r.Body)
				}
			})
		}
	})
}

// TestCredentials is acceptance 49, 50 and 52: two secrets work until one is ended, and none works for another client.
func TestCredentials(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		first, other := i.AddClient(t, "first", clients.Machine, nil), i.AddClient(t, "other", clients.Machine, nil)
		ask := func(c servertest.Client) *servertest.Reply {
			t.Helper()
			return i.Call(t, c, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}})
		}
		mixed := servertest.Client{Application: other.Application, Secret: first.Secret}
		refused(t, ask(mixed), http.StatusUnauthorized, "invalid_client")
		for _, path := range []string{"/oauth2/introspect", "/oauth2/revoke"} {
			refused(t, i.Call(t, mixed, path, url.Values{"token": {"x"}}), http.StatusUnauthorized, "invalid_client")
		}

		record, secret, err := i.Applications.CreateSecret(t.Context(), i.Environment.ID, first.ID, "second", i.Clock.Now().AddDate(0, 1, 0))
		if err != nil {
			t.Fatal(err)
		}
		second := servertest.Client{Application: first.Application, Secret: secret.Reveal()}
		for _, c := range []servertest.Client{first, second} {
			if r := ask(c); r.Status != http.StatusOK {
				t.Errorf("one of two secrets: %d %s", r.Status, r.Body)
			}
		}
		if err := i.Applications.ExpireSecret(t.Context(), i.Environment.ID, first.ID, record.ID, i.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		refused(t, ask(second), http.StatusUnauthorized, "invalid_client")
		if r := ask(first); r.Status != http.StatusOK {
			t.Errorf("the secret that was not ended: %d %s", r.Status, r.Body)
		}
	})
}
