package journeys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

// client is an application as the files of tests know it.
type client struct {
	Name                  string `json:"name"`
	ClientID              string `json:"client_id"`
	ClientSecret          string `json:"client_secret,omitempty"`
	RedirectURI           string `json:"redirect_uri,omitempty"`
	PostLogoutRedirectURI string `json:"post_logout_redirect_uri,omitempty"`
	Identifier            string `json:"identifier,omitempty"` // of an API, with a scope that it defines
	Scope                 string `json:"scope,omitempty"`

	PrivateKey *jose.JSONWebKey `json:"private_key,omitempty"` // by which it signs to authenticate
}

// person is a user as the files of tests know her.
type person struct {
	Name     string `json:"name"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

// TestJourneys runs each file of tests in this folder against one server with the demo, on another host name than the
// applications. A file gets three people of its own, so that files don't meet in a limit or in a list of sessions.
func TestJourneys(t *testing.T) {
	i, env := start(t)
	files, err := filepath.Glob("*.test.mjs")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".test.mjs")
		if name == "pages" || name == "demo-clocks" || slices.Contains(ofOperators, name) { // TestPages, TestDemoClocks, TestDashboard
			continue
		}
		t.Run(name, func(t *testing.T) {
			env["PORTICO_PEOPLE"] = people(t, i, name)
			Run(t, env, file)
		})
	}
}

// TestDemoClocks runs its file against a server of its own, as it moves the clock.
func TestDemoClocks(t *testing.T) {
	i, env := start(t)
	env["PORTICO_PEOPLE"] = people(t, i, "demo-clocks")
	Run(t, env, "demo-clocks.test.mjs")
}

// start starts a server with the demo and the applications of register. Its environment is what lib/portico.mjs reads.
func start(t *testing.T) (i *servertest.Installation, env map[string]string) {
	address, demo := servertest.FreeAddress(t), servertest.FreeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	i = servertest.Start(t, servertest.Options{DataDir: folder, Variables: map[string]string{
		"PORTICO_LISTEN": address, "PORTICO_PUBLIC_URL": "http://localhost:" + port,
		"PORTICO_DEMO_ENABLED": "true", "PORTICO_DEMO_LISTEN": demo,
	}})
	token, err := i.Setup.NewToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return i, map[string]string{
		"PORTICO_ISSUER": i.Issuer, "PORTICO_DEMO": "http://" + demo, "PORTICO_SETUP": i.Issuer + "/setup?token=" + token,
		"PORTICO_CLIENTS": text(t, register(t, i)), "DATA_DIR": folder,
	}
}

// people makes three users for the file of tests with the name, and returns them as text.
func people(t *testing.T, i *servertest.Installation, name string) string {
	var all []person
	for _, who := range []string{"nina", "omar", "pia"} {
		user := i.AddUser(t, who+"-"+name+"@example.com")
		all = append(all, person{user.Profile.Name, user.Email, servertest.Password})
	}
	return text(t, all)
}

// register makes the applications that lib/portico.mjs hands to the tests, by role.
func register(t *testing.T, i *servertest.Installation) map[string]client {
	const identifier, scope = "https://reports.example", "reports:read"
	origin := relyingParty(t).URL
	roles := map[string]client{}
	add := func(role, name string, kind clients.Kind, configure func(*clients.Application)) {
		c := client{Name: name}
		a := i.AddClient(t, name, kind, func(a *clients.Application) {
			if a.HasUsers() {
				c.RedirectURI, c.PostLogoutRedirectURI = origin+"/"+role+"/", origin+"/signed-out/"+role
				a.RedirectURIs, a.PostLogoutRedirectURIs = []string{c.RedirectURI}, []string{c.PostLogoutRedirectURI}
			}
			if configure != nil {
				configure(a)
			}
		})
		c.ClientID, c.ClientSecret = a.ClientID, a.Secret
		roles[role] = c
	}
	forReports := func(a *clients.Application) {
		a.AccessTokenFormat, a.Audiences, a.Scopes = clients.JWT, []string{identifier}, append(a.Scopes, scope)
	}
	add("api", "Reports", clients.API, func(a *clients.Application) { a.Identifiers, a.Scopes = []string{identifier}, []string{scope} })
	add("web", "Atlas", clients.Web, nil)
	add("post", "Borealis", clients.Web, func(a *clients.Application) { a.TokenEndpointAuthMethod = clients.AuthClientSecretPost })
	add("signed", "Gale", clients.Web, func(a *clients.Application) { a.TokenEndpointAuthMethod = clients.AuthClientSecretJWT })
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	add("keyed", "Halo", clients.Web, func(a *clients.Application) {
		a.TokenEndpointAuthMethod = clients.AuthPrivateKeyJWT
		a.JWKS = json.RawMessage(text(t, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "halo"}}}))
	})
	keyed := roles["keyed"]
	keyed.PrivateKey = &jose.JSONWebKey{Key: key, KeyID: "halo"}
	roles["keyed"] = keyed
	add("partner", "Cumulus", clients.Web, func(a *clients.Application) { a.Consent = clients.ConsentThirdParty })
	add("spa", "Drift", clients.SPA, func(a *clients.Application) { forReports(a); a.CORSOrigins = []string{origin} })
	add("front", "Mistral", clients.Web, func(a *clients.Application) {
		a.FrontchannelLogoutURI, a.FrontchannelLogoutSessionRequired = origin+"/front/logout", true
	})
	add("watcher", "Flux", clients.Web, func(a *clients.Application) { // also on the provider's site, where browsers show frames their cookies
		a.RedirectURIs = append(a.RedirectURIs, strings.Replace(a.RedirectURIs[0], "127.0.0.1", "localhost", 1))
	})
	add("machine", "Engine", clients.Machine, forReports)

	reports := roles["api"]
	reports.Identifier, reports.Scope = identifier, scope
	roles["api"] = reports
	return roles
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
