package provider_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

// Acceptance 47: the origins of an application may read what is answered to it, and to no other; metadata is for everyone.
func TestCORS(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		i.AddUser(t, ada)
		spa := func(name string) servertest.Client {
			return i.AddClient(t, name, clients.SPA, func(a *clients.Application) { a.CORSOrigins = []string{"https://" + name + ".example"} })
		}
		a, b := spa("a"), spa("b")
		web := i.AddClient(t, "web", clients.Web, func(a *clients.Application) { a.CORSOrigins = []string{"https://web.example"} })
		access := i.Tokens(t, a, ada, "openid").String("access_token")
		client := func(id string) url.Values {
			return url.Values{"client_id": {id}, "token": {"x"}, "grant_type": {"refresh_token"}}
		}

		const none, fromA, fromB, stranger = "", "https://a.example", "https://b.example", "https://evil.example"
		for _, test := range []struct {
			name, method, path, origin string
			form                       url.Values
			bearer, want               string
		}{
			{"token", "POST", "/oauth2/token", fromA, client(a.ClientID), "", fromA},
			{"token, a sibling's origin", "POST", "/oauth2/token", fromB, client(a.ClientID), "", none},
			{"token, a stranger's origin", "POST", "/oauth2/token", stranger, client(a.ClientID), "", none},
			{"token, letter case", "POST", "/oauth2/token", "https://A.example", client(a.ClientID), "", none},
			{"token, null", "POST", "/oauth2/token", "null", client(a.ClientID), "", none},
			{"token, an unknown client", "POST", "/oauth2/token", fromA, client("nobody"), "", none},
			{"token, no client", "POST", "/oauth2/token", fromA, url.Values{"grant_type": {"refresh_token"}}, "", none},
			{"revocation", "POST", "/oauth2/revoke", fromA, client(a.ClientID), "", fromA},
			{"revocation, a sibling's origin", "POST", "/oauth2/revoke", fromA, client(b.ClientID), "", none},
			{"introspection is no script's", "POST", "/oauth2/introspect", fromA, client(a.ClientID), "", none},
			{"userinfo", "GET", "/userinfo", fromA, nil, access, fromA},
			{"userinfo, a sibling's origin", "GET", "/userinfo", fromB, nil, access, none},
			{"userinfo, a stranger's origin", "GET", "/userinfo", stranger, nil, access, none},
			{"userinfo, a token that is nobody's", "GET", "/userinfo", fromB, nil, "x", fromB},
			{"userinfo, a token that is nobody's, from a stranger", "GET", "/userinfo", stranger, nil, "x", none},
			{"metadata", "GET", "/.well-known/openid-configuration", stranger, nil, "", "*"},
			{"keys", "GET", "/.well-known/jwks.json", stranger, nil, "", "*"},
			{"preflight", "OPTIONS", "/oauth2/token", fromB, nil, "", fromB},
			{"preflight of userinfo", "OPTIONS", "/userinfo", fromB, nil, "", fromB},
			{"preflight of a stranger", "OPTIONS", "/oauth2/token", stranger, nil, "", none},
			{"no origin", "POST", "/oauth2/token", "", client(a.ClientID), "", none},
		} {
			request, err := http.NewRequest(test.method, i.Issuer+test.path, strings.NewReader(test.form.Encode()))
			check(t, err)
			if test.form != nil {
				request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			if test.origin != "" {
				request.Header.Set("Origin", test.origin)
			}
			if test.bearer != "" {
				request.Header.Set("Authorization", "Bearer "+test.bearer)
			}
			reply := servertest.Do(t, request)
			if got := reply.Header.Get("Access-Control-Allow-Origin"); got != test.want {
				t.Errorf("%s: Access-Control-Allow-Origin %q, want %q (%d %s)", test.name, got, test.want, reply.Status, reply.Body)
			}
			if test.origin != "" && reply.Header.Get("Vary") != "Origin" {
				t.Errorf("%s: Vary %q", test.name, reply.Header.Get("Vary"))
			}
			if reply.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s: cookies are allowed", test.name)
			}
		}

		request, err := http.NewRequest(http.MethodPost, i.Issuer+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
		check(t, err)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", "https://web.example")
		request.SetBasicAuth(url.QueryEscape(web.ClientID), "wrong")
		if got := servertest.Do(t, request).Header.Get("Access-Control-Allow-Origin"); got != "https://web.example" {
			t.Errorf("a client that is named by its credentials: Access-Control-Allow-Origin %q", got)
		}
	})
}
