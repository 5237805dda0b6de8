package provider_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/storage"
)

// templates reads templates from their JSON.
func templates(t *testing.T, d clients.ClaimsTemplatesDocument) clients.ClaimsTemplates {
	t.Helper()
	read, err := d.Parse()
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// Acceptance 57: what templates say arrives in ID tokens, JWT access tokens, introspection and userinfo, with its types, and costs
// no statement more.
func TestClaimsTemplates(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		ctx, env := t.Context(), i.Environment.ID
		said := templates(t, clients.ClaimsTemplatesDocument{
			IDToken:     json.RawMessage(`{"plan":"{{ organization.metadata.plan }}","who":"{{ user.email }} of {{ organization.name }}","tier":3,"none":"{{ organization.metadata.none }}"}`),
			AccessToken: json.RawMessage(`{"https://acme.example/access":{"roles":"{{ membership.roles }}","may":"{{ membership.permissions }}","verified":"{{ user.email_verified }}"},"team":"{{ application.metadata.team }}"}`),
			UserInfo:    json.RawMessage(`{"organization":{"id":"{{ organization.id }}","slug":"{{ organization.slug }}","all":"{{ organization.metadata }}"}}`),
		})
		configure := func(format clients.AccessTokenFormat) func(*clients.Application) {
			return func(a *clients.Application) {
				a.AccessTokenFormat, a.ClaimsTemplates, a.Metadata = format, said, map[string]string{"team": "blue"}
			}
		}
		c, opaque := i.AddClient(t, "web", clients.Web, configure(clients.JWT)), i.AddClient(t, "opaque", clients.Web, configure(clients.Opaque))
		user := i.AddUser(t, ada)
		_, err := i.Organizations.CreateRole(ctx, env, organizations.RoleSettings{Name: "admin", Permissions: []string{"invoices:read"}})
		check(t, err)
		acme, err := i.Organizations.Create(ctx, env, organizations.Settings{Name: "Acme", Slug: "acme", Metadata: map[string]string{"plan": "gold"}})
		check(t, err)
		_, err = i.Organizations.AddMember(ctx, env, acme.ID, user.ID, "admin")
		check(t, err)

		tokens := i.Tokens(t, c, ada, "openid offline_access")
		access := tokens.String("access_token")
		want := func(where, got, wanted string) {
			t.Helper()
			if !strings.Contains(got, wanted) {
				t.Errorf("%s has no %s: %s", where, wanted, got)
			}
		}
		const inAccess = `"https://acme.example/access":{"may":["invoices:read"],"roles":["admin"],"verified":true},"team":"blue"}`
		want("the JWT access token", payload(t, access), inAccess)
		want("introspection of it", i.Introspect(t, c, access).Body, inAccess)
		want("introspection of an opaque one", i.Introspect(t, opaque, i.Tokens(t, opaque, ada, "openid").String("access_token")).Body, inAccess)
		want("userinfo", i.UserInfo(t, access).Body, `"organization":{"all":{"plan":"gold"},"id":"`+string(acme.ID)+`","slug":"acme"}`)

		issuer, err := oidc.NewProvider(ctx, i.Issuer)
		check(t, err)
		id, err := issuer.Verifier(&oidc.Config{ClientID: c.ClientID, Now: i.Clock.Now}).Verify(ctx, tokens.String("id_token"))
		check(t, err)
		got := map[string]any{}
		check(t, id.Claims(&got))
		for name := range got {
			if name != "plan" && name != "who" && name != "tier" && name != "none" {
				delete(got, name)
			}
		}
		if diff := cmp.Diff(map[string]any{"plan": "gold", "who": ada + " of Acme", "tier": 3.0}, got); diff != "" {
			t.Errorf("the ID token (-want +got):\n%s", diff)
		}

		for path, request := range map[string]*http.Request{
			"/userinfo":          httptest.NewRequest(http.MethodGet, i.Issuer+"/userinfo", nil),
			"/oauth2/introspect": httptest.NewRequest(http.MethodPost, i.Issuer+"/oauth2/introspect", strings.NewReader(url.Values{"token": {access}}.Encode())),
		} {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.SetBasicAuth(c.ClientID, c.Secret)
			if path == "/userinfo" {
				request.Header.Set("Authorization", "Bearer "+access)
			}
			counting, counter := storage.WithCounter(ctx)
			w := httptest.NewRecorder()
			i.Handler().ServeHTTP(w, request.WithContext(counting))
			if n := len(counter.Statements()); w.Code != http.StatusOK || n > 1 {
				t.Errorf("%s: %d with %d statements", path, w.Code, n)
			}
		}

		// Claims that became too much are told by name, and use nothing up.
		refresh := tokens.String("refresh_token")
		code := i.NewBrowser(t).Code(i, c, ada, "openid", nil)
		i.Change(t, c.ID, func(a *clients.Application) {
			a.ClaimsTemplates = templates(t, clients.ClaimsTemplatesDocument{IDToken: json.RawMessage(`{"a":[` + strings.Repeat(`"{{ organization.metadata }}",`, 90) + `1]}`)})
		})
		_, err = i.Organizations.Update(ctx, env, acme.ID, func(o *organizations.Organization) error {
			o.Metadata = map[string]string{"plan": strings.Repeat("gold", 50)}
			return nil
		})
		check(t, err)
		for name, reply := range map[string]*servertest.Reply{"code": i.Redeem(t, c, code), "refresh": i.Refresh(t, c, refresh)} {
			if reply.Status != http.StatusBadRequest || reply.String("error") != "invalid_request" ||
				!strings.HasPrefix(reply.String("error_description"), "The id_token claims template of web is over 3 KB: ") {
				t.Errorf("%s: %d %s", name, reply.Status, reply.Body)
			}
		}
		i.Change(t, c.ID, func(a *clients.Application) { a.ClaimsTemplates = clients.ClaimsTemplates{} })
		for name, reply := range map[string]*servertest.Reply{"code": i.Redeem(t, c, code), "refresh": i.Refresh(t, c, refresh)} {
			if reply.Status != http.StatusOK {
				t.Errorf("%s, after the template was mended: %d %s", name, reply.Status, reply.Body)
			}
		}
	})
}

// payload are the claims of a JWT as they stand there.
func payload(t *testing.T, token string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	check(t, err)
	return string(text)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
