package provider_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

// signer authenticates as a client by what it signs.
type signer struct {
	*servertest.Installation
	clientID string
	key      jose.SigningKey
}

func newSigner(t testing.TB, i *servertest.Installation, clientID string, alg jose.SignatureAlgorithm, key any, kid string) signer {
	t.Helper()
	return signer{i, clientID, jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}}
}

// assertion signs the claims of a good one, with the changes; nil takes a claim away.
func (s signer) assertion(t testing.TB, change map[string]any) string {
	t.Helper()
	now := s.Clock.Now()
	claims := map[string]any{"iss": s.clientID, "sub": s.clientID, "aud": s.Config.PublicURL, "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(), "jti": rand.Text()}
	for name, value := range change {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	by, err := jose.NewSigner(s.key, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := by.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// post calls an endpoint with the assertion.
func (s signer) post(t testing.TB, path, assertion string, form url.Values) *servertest.Reply {
	t.Helper()
	form = maps.Clone(form)
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
	r, err := http.NewRequest(http.MethodPost, s.Issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return servertest.Do(t, r)
}

var clientCredentials = url.Values{"grant_type": {"client_credentials"}}

// token asks for a token of the client's own with a new assertion.
func (s signer) token(t testing.TB) *servertest.Reply {
	t.Helper()
	return s.post(t, "/oauth2/token", s.assertion(t, nil), clientCredentials)
}

func newKey(t testing.TB, alg jose.SignatureAlgorithm) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch alg {
	case jose.EdDSA:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case jose.ES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.ES384:
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case jose.ES512:
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func keySet(t testing.TB, keys ...jose.JSONWebKey) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// addSigner registers a machine that authenticates by private_key_jwt, with its key in jwks.
func addSigner(t testing.TB, i *servertest.Installation, name string, alg jose.SignatureAlgorithm) signer {
	t.Helper()
	key := newKey(t, alg)
	c := i.AddClient(t, name, clients.Machine, func(a *clients.Application) {
		a.TokenEndpointAuthMethod = clients.AuthPrivateKeyJWT
		a.JWKS = keySet(t, jose.JSONWebKey{Key: key.Public(), KeyID: "main", Use: "sig"})
	})
	return newSigner(t, i, c.ClientID, alg, key, "main")
}

// addSecretSigner registers a machine that authenticates by client_secret_jwt.
func addSecretSigner(t testing.TB, i *servertest.Installation, name string) signer {
	t.Helper()
	c := i.AddClient(t, name, clients.Machine, func(a *clients.Application) { a.TokenEndpointAuthMethod = clients.AuthClientSecretJWT })
	return newSigner(t, i, c.ClientID, jose.HS256, []byte(c.Secret), "")
}

// TestClientAssertions is OIDC Core §9 at each endpoint that authenticates clients, by each algorithm that the metadata have.
func TestClientAssertions(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		r, err := http.NewRequest(http.MethodGet, i.Issuer+"/.well-known/openid-configuration", nil)
		if err != nil {
			t.Fatal(err)
		}
		document := servertest.Do(t, r).JSON
		algorithms := document["token_endpoint_auth_signing_alg_values_supported"].([]any)
		for _, name := range algorithms {
			alg := jose.SignatureAlgorithm(name.(string))
			var machine signer
			if id := "machine-" + string(alg); alg == jose.HS256 {
				machine = addSecretSigner(t, i, id)
			} else {
				machine = addSigner(t, i, id, alg)
			}
			reply := machine.token(t)
			if reply.Status != http.StatusOK {
				t.Fatalf("%s: %d %s", alg, reply.Status, reply.Body)
			}
			token := url.Values{"token": {reply.String("access_token")}}
			if reply := machine.post(t, "/oauth2/introspect", machine.assertion(t, nil), token); reply.JSON["active"] != true {
				t.Errorf("%s: introspection: %d %s", alg, reply.Status, reply.Body)
			}
			forTokens := machine.assertion(t, map[string]any{"aud": i.Issuer + "/oauth2/token"}) // RFC 7523 §3
			if reply := machine.post(t, "/oauth2/revoke", forTokens, token); reply.Status != http.StatusOK {
				t.Errorf("%s: revocation: %d %s", alg, reply.Status, reply.Body)
			}
			if reply := machine.post(t, "/oauth2/introspect", machine.assertion(t, nil), token); reply.JSON["active"] != false {
				t.Errorf("%s: after the revocation %s", alg, reply.Body)
			}
		}
		for _, endpoint := range []string{"token", "introspection", "revocation"} {
			methods := fmt.Sprint(document[endpoint+"_endpoint_auth_methods_supported"])
			if !strings.Contains(methods, "private_key_jwt") || !strings.Contains(methods, "client_secret_jwt") || fmt.Sprint(document[endpoint+"_endpoint_auth_signing_alg_values_supported"]) != fmt.Sprint(algorithms) {
				t.Errorf("the metadata of the %s endpoint have %s", endpoint, methods)
			}
		}
	})
}

// TestBadAssertions: whatever is wrong is invalid_client (RFC 7523 §3.2), and who has no key learns nothing of who exists.
func TestBadAssertions(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		machine, secretive := addSigner(t, i, "machine", jose.ES256), addSecretSigner(t, i, "secretive")
		web := i.AddClient(t, "web", clients.Web, nil)
		disabled := addSigner(t, i, "disabled", jose.ES256)
		app, err := i.Applications.ByClientID(t.Context(), i.Environment.ID, disabled.clientID)
		if err != nil {
			t.Fatal(err)
		}
		if err := i.Applications.SetEnabled(t.Context(), i.Environment, app.ID, false); err != nil {
			t.Fatal(err)
		}
		public, err := x509.MarshalPKIXPublicKey(machine.key.Key.(jose.JSONWebKey).Key.(crypto.Signer).Public())
		if err != nil {
			t.Fatal(err)
		}

		unknown := newSigner(t, i, "nobody", jose.ES256, newKey(t, jose.ES256), "main").token(t)
		refused(t, unknown, http.StatusUnauthorized, "invalid_client")
		with := func(s signer, change func(*signer)) signer { change(&s); return s }
		for name, s := range map[string]signer{
			"another key":                     newSigner(t, i, machine.clientID, jose.ES256, newKey(t, jose.ES256), "main"),
			"a kid that isn't registered":     newSigner(t, i, machine.clientID, jose.ES256, machine.key.Key.(jose.JSONWebKey).Key, "next"),
			"an algorithm of another key":     newSigner(t, i, machine.clientID, jose.RS256, newKey(t, jose.RS256), "main"),
			"the public key as a secret":      newSigner(t, i, machine.clientID, jose.HS256, public, "main"), // RFC 8725 §2.1
			"a secret that nobody has":        newSigner(t, i, secretive.clientID, jose.HS256, []byte("ps_0123456789012345678901234567890123456789012"), ""),
			"a secret of client_secret_basic": newSigner(t, i, web.ClientID, jose.HS256, []byte(web.Secret), ""),
			"a client of no keys":             newSigner(t, i, web.ClientID, jose.ES256, newKey(t, jose.ES256), "main"),
			"nobody's secret":                 newSigner(t, i, "nobody", jose.HS256, []byte(web.Secret), ""),
			"a disabled client":               disabled,
			"another client's key":            with(machine, func(s *signer) { s.clientID = disabled.clientID }),
		} {
			if reply := s.token(t); reply.Status != unknown.Status || string(reply.Body) != string(unknown.Body) {
				t.Errorf("%s: %d %s\nwant what an unknown client gets: %s", name, reply.Status, reply.Body, unknown.Body)
			}
		}

		for _, test := range []struct {
			name      string
			assertion string
			form      url.Values
			code      string
			says      string
		}{
			{"for another provider", machine.assertion(t, map[string]any{"aud": "https://other.example"}), clientCredentials, "invalid_client", "aud 'https://other.example'"},
			{"for several", machine.assertion(t, map[string]any{"aud": []string{i.Issuer}}), clientCredentials, "invalid_client", "must be one string"},
			{"expired", machine.assertion(t, map[string]any{"exp": i.Clock.Now().Add(-5 * time.Minute).Unix()}), clientCredentials, "invalid_client", "exp has passed"},
			{"without jti", machine.assertion(t, map[string]any{"jti": nil}), clientCredentials, "invalid_client", "jti is missing"},
			{"without sub", machine.assertion(t, map[string]any{"sub": nil}), clientCredentials, "invalid_client", "sub ''"},
			{"beside another client_id", machine.assertion(t, nil), url.Values{"grant_type": {"client_credentials"}, "client_id": {"web"}}, "invalid_client", "which is 'web'"},
			{"beside a secret", machine.assertion(t, nil), url.Values{"grant_type": {"client_credentials"}, "client_id": {"machine"}, "client_secret": {"s"}}, "invalid_request", "twice"},
			{"a grant type that isn't its", machine.assertion(t, nil), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}, "unauthorized_client", ""},
		} {
			reply := machine.post(t, "/oauth2/token", test.assertion, test.form)
			status := http.StatusBadRequest
			if test.code == "invalid_client" {
				status = http.StatusUnauthorized
			}
			refused(t, reply, status, test.code)
			if !strings.Contains(reply.String("error_description"), test.says) {
				t.Errorf("%s: %s", test.name, reply.Body)
			}
		}

		// Neither does a secret in clear authenticate who is registered to sign by it.
		refused(t, i.Call(t, servertest.Client{Application: web.Application, Secret: "x"}, "/oauth2/token", clientCredentials), http.StatusUnauthorized, "invalid_client")
		basic, err := http.NewRequest(http.MethodPost, i.Issuer+"/oauth2/token", strings.NewReader(url.Values{
			"grant_type": {"client_credentials"}, "client_assertion": {machine.assertion(t, nil)},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		basic.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		basic.SetBasicAuth(web.ClientID, web.Secret)
		refused(t, servertest.Do(t, basic), http.StatusBadRequest, "invalid_request") // RFC 6749 §2.3
	})
}

// TestAssertionOnce: the same assertion at once at two nodes authenticates one request (RFC 7523 §3, jti), for each client of its own.
func TestAssertionOnce(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		nodes := []*servertest.Installation{i, secondNode(t, i)}
		one, two := addSigner(t, i, "one", jose.ES256), addSecretSigner(t, i, "two")
		for _, s := range []signer{one, two} {
			for range 3 {
				assertion, first := s.assertion(t, map[string]any{"jti": "the same for both clients"}), 0
				if s.clientID == "one" {
					assertion = s.assertion(t, nil)
				}
				for _, reply := range atOnce(20, func(caller int) *servertest.Reply {
					at := s
					at.Installation = nodes[caller%2]
					return at.post(t, "/oauth2/token", assertion, clientCredentials)
				}) {
					if reply.Status == http.StatusOK {
						first++
						continue
					}
					refused(t, reply, http.StatusUnauthorized, "invalid_client")
					if !strings.Contains(reply.String("error_description"), "was used before") {
						t.Errorf("the loser hears %s", reply.Body)
					}
				}
				if first != 1 {
					t.Errorf("%s: an assertion authenticated %d requests", s.clientID, first)
				}
				if s.clientID == "two" {
					break
				}
			}
		}
		shared := map[string]any{"jti": "the same for both clients"}
		if reply := one.post(t, "/oauth2/token", one.assertion(t, shared), clientCredentials); reply.Status != http.StatusOK {
			t.Errorf("the jti of another client is refused: %s", reply.Body)
		}
	})
}

// TestClientKeyRotation is what a client does that keeps its keys at a jwks_uri: a new key, a broken server, and a mended one.
func TestClientKeyRotation(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		var answer atomic.Pointer[[]byte]
		var asked atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			if body := answer.Load(); body != nil {
				w.Write(*body)
				return
			}
			http.NotFound(w, r)
		}))
		defer server.Close()
		publish := func(keys ...jose.JSONWebKey) {
			body := []byte(keySet(t, keys...))
			answer.Store(&body)
		}
		c := i.AddClient(t, "machine", clients.Machine, func(a *clients.Application) {
			a.TokenEndpointAuthMethod, a.JWKSURI = clients.AuthPrivateKeyJWT, server.URL+"/jwks"
		})
		old, fresh := newKey(t, jose.ES256), newKey(t, jose.ES256)
		by := newSigner(t, i, c.ClientID, jose.ES256, old, "old")
		next := newSigner(t, i, c.ClientID, jose.ES256, fresh, "fresh")
		good := func(s signer) {
			t.Helper()
			if reply := s.token(t); reply.Status != http.StatusOK {
				t.Fatalf("%d %s", reply.Status, reply.Body)
			}
		}
		at := time.Duration(0)
		later := func(d time.Duration) {
			at += d
			i.Clock.Set(at)
		}

		reply := by.token(t)
		refused(t, reply, http.StatusUnauthorized, "invalid_client")
		if want := "could not be fetched from its jwks_uri: 404 Not Found"; !strings.Contains(reply.String("error_description"), want) {
			t.Errorf("the developer reads %s, want %s", reply.Body, want)
		}
		if strings.Contains(reply.Body, server.URL) {
			t.Errorf("whoever knows the client ID reads the address: %s", reply.Body)
		}
		publish(jose.JSONWebKey{Key: old.Public(), KeyID: "old"})
		later(time.Minute)
		good(by)
		good(by)

		// OIDC Core §10.1.1: a kid that isn't known is looked for once more, and what is published no more is no good then.
		publish(jose.JSONWebKey{Key: fresh.Public(), KeyID: "fresh"})
		later(time.Minute)
		good(next)
		refused(t, by.token(t), http.StatusUnauthorized, "invalid_client")

		answer.Store(nil)
		later(30 * time.Minute)
		good(next) // the server is away: what it said before counts for a while
		if got := asked.Load(); got != 4 {
			t.Errorf("the server was asked %d times", got)
		}
		later(2 * time.Hour)
		refused(t, next.token(t), http.StatusUnauthorized, "invalid_client")
	})
}

// TestSecretsThatSign: who changes to client_secret_jwt needs a new secret, and is told so.
func TestSecretsThatSign(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := i.AddClient(t, "machine", clients.Machine, nil)
		i.Change(t, c.ID, func(a *clients.Application) { a.TokenEndpointAuthMethod = clients.AuthClientSecretJWT })
		reply := newSigner(t, i, c.ClientID, jose.HS256, []byte(c.Secret), "").token(t)
		refused(t, reply, http.StatusUnauthorized, "invalid_client")
		if !strings.Contains(reply.String("error_description"), "the secret was made after the method was chosen") {
			t.Errorf("the developer reads %s", reply.Body)
		}
		_, secret, err := i.Applications.RotateSecret(t.Context(), i.Environment.ID, c.ID, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		s := newSigner(t, i, c.ClientID, jose.HS256, []byte(secret.Reveal()), "")
		if reply := s.token(t); reply.Status != http.StatusOK {
			t.Errorf("%d %s", reply.Status, reply.Body)
		}
		refused(t, i.Call(t, servertest.Client{Application: c.Application, Secret: secret.Reveal()}, "/oauth2/token", clientCredentials), http.StatusUnauthorized, "invalid_client")
	})
}
