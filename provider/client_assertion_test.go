package provider

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
)

// unsigned is a JWT with the header and the payload and a signature by nobody.
func unsigned(header, payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(payload)) + "." + encode([]byte("signature"))
}

func TestParseAssertion(t *testing.T) {
	const es256 = `{"alg":"ES256"}`
	for _, test := range []struct {
		name, kind, text string
		want             string // the method, or the problem
	}{
		{"by a key", assertionType, unsigned(es256, `{"iss":"web"}`), string(clients.AuthPrivateKeyJWT)},
		{"by a secret", assertionType, unsigned(`{"alg":"HS256","typ":"JWT"}`, `{}`), string(clients.AuthClientSecretJWT)},
		{"with a type of its own", assertionType, unsigned(`{"alg":"PS256","typ":"client-authentication+jwt","kid":"a"}`, `{}`), string(clients.AuthPrivateKeyJWT)},
		{"no type", "", unsigned(es256, `{}`), "client_assertion_type '' must be " + assertionType + "."},
		{"SAML", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "x", "client_assertion_type 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' must be " + assertionType + "."},
		{"no assertion", assertionType, "", "The parameter client_assertion is missing."},
		{"no JWT", assertionType, "abc", "client_assertion is no signed JWT in the compact form (RFC 7515, section 7.1)."},
		{"unsigned", assertionType, unsigned(`{"alg":"none"}`, `{}`), "client_assertion: alg 'none' must be one of [RS256 PS256 ES256 EdDSA RS384 RS512 PS384 PS512 ES384 ES512 HS256]."},
		{"another hash", assertionType, unsigned(`{"alg":"HS512"}`, `{}`), "client_assertion: alg 'HS512' must be one of [RS256 PS256 ES256 EdDSA RS384 RS512 PS384 PS512 ES384 ES512 HS256]."},
		{"no alg", assertionType, unsigned(`{}`, `{}`), "client_assertion: alg '' must be one of [RS256 PS256 ES256 EdDSA RS384 RS512 PS384 PS512 ES384 ES512 HS256]."},
		{"a logout token", assertionType, unsigned(`{"alg":"ES256","typ":"logout+jwt"}`, `{}`), "client_assertion: typ 'logout+jwt' must be client-authentication+jwt or JWT, or be left out."},
		{"no object", assertionType, unsigned(es256, `"web"`), "The payload of client_assertion is no JSON object."},
		{"no JSON", assertionType, unsigned(es256, `{`), "The payload of client_assertion is no JSON object."},
		{"exp as a text", assertionType, unsigned(es256, `{"exp":"1764000000"}`), "client_assertion: exp can't be a JSON string (RFC 7519, section 4.1)."},
		{"iss as a list", assertionType, unsigned(es256, `{"iss":["web"]}`), "client_assertion: iss can't be a JSON array (RFC 7519, section 4.1)."},
		{"all of a JWS in JSON", assertionType, `{"payload":"e30","protected":"eyJhbGciOiJFUzI1NiJ9","signature":"AA"}`, "client_assertion is no signed JWT in the compact form (RFC 7515, section 7.1)."},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, err := parseAssertion(url.Values{"client_assertion_type": {test.kind}, "client_assertion": {test.text}})
			got := ""
			if err != nil {
				if got = describe(oauthError(err)); codeOf(err) != "invalid_client" {
					t.Errorf("the error is %s", codeOf(err))
				}
			} else {
				got = string(a.method())
			}
			if got != test.want {
				t.Errorf("parseAssertion: %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestAssertionClaims is RFC 7523 §3 and OIDC Core §9, with the leeway that FAPI 2.0 wants (5.3.2.1: 10 seconds are taken, 60 aren't).
func TestAssertionClaims(t *testing.T) {
	const issuer, endpoint = "https://id.example", "https://id.example/oauth2/token"
	now := time.Unix(1_764_000_000, 500_000_000)
	type m = map[string]any
	for _, test := range []struct {
		name     string
		change   m
		clientID string
		want     string
	}{
		{"good", nil, "", ""},
		{"with client_id", nil, "web", ""},
		{"for the token endpoint", m{"aud": endpoint}, "", ""},
		{"with claims that nobody knows", m{"x": m{}}, "", ""},
		{"with fractions of seconds", m{"exp": 1_764_000_060.25, "iat": 1_764_000_000.25}, "", ""},
		{"without iat", m{"iat": nil}, "", ""},
		{"signed long ago", m{"iat": 1_763_000_000}, "", ""},
		{"a clock 10 seconds ahead", m{"iat": 1_764_000_010, "nbf": 1_764_000_010}, "", ""},
		{"the last half second", m{"exp": 1_764_000_001}, "", ""},
		{"the longest life", m{"exp": 1_764_000_610}, "", ""},

		{"without iss", m{"iss": nil}, "", "iss '' and sub 'web' must both be the client_id."},
		{"without sub", m{"sub": nil}, "", "iss 'web' and sub '' must both be the client_id."},
		{"of another", m{"sub": "tasks"}, "", "iss 'web' and sub 'tasks' must both be the client_id."},
		{"beside another client_id", nil, "tasks", "iss 'web' isn't the parameter client_id, which is 'tasks'."},
		{"without aud", m{"aud": nil}, "", "aud  must be one string: the issuer, https://id.example."},
		{"for several", m{"aud": []string{issuer}}, "", `aud ["https://id.example"] must be one string: the issuer, https://id.example.`},
		{"for another", m{"aud": "https://id.example/"}, "", "aud 'https://id.example/' must be the issuer, https://id.example, to the letter."},
		{"for another endpoint", m{"aud": issuer + "/oauth2/introspect"}, "", "aud 'https://id.example/oauth2/introspect' must be the issuer, https://id.example, to the letter."},
		{"without exp", m{"exp": nil}, "", "exp is missing."},
		{"expired", m{"exp": 1_764_000_000}, "", "exp has passed: 1764000000 (2025-11-24T16:00:00Z); it is 2025-11-24T16:00:00Z here."},
		{"lives long", m{"exp": 1_764_000_611}, "", "exp is more than 10 minutes ahead: 1764000611 (2025-11-24T16:10:11Z); it is 2025-11-24T16:00:00Z here."},
		{"exp in milliseconds", m{"exp": 1_764_000_060_000.0}, "", "exp 1.76400006e+12 is no number of seconds since 1970 (RFC 7519, section 2)."},
		{"exp before 1970", m{"exp": -1}, "", "exp -1 is no number of seconds since 1970 (RFC 7519, section 2)."},
		{"endless", m{"exp": 1e300}, "", "exp 1e+300 is no number of seconds since 1970 (RFC 7519, section 2)."},
		{"to come", m{"nbf": 1_764_000_011}, "", "nbf is in the future: 1764000011 (2025-11-24T16:00:11Z); it is 2025-11-24T16:00:00Z here."},
		{"signed in the future", m{"iat": 1_764_000_060}, "", "iat is in the future: 1764000060 (2025-11-24T16:01:00Z); it is 2025-11-24T16:00:00Z here."},
		{"without jti", m{"jti": nil}, "", "jti is missing: give each assertion one of its own."},
		{"a long iss", m{"iss": strings.Repeat("a", 300)}, "", "iss '" + strings.Repeat("a", 200) + "...' and sub 'web' must both be the client_id."},
	} {
		t.Run(test.name, func(t *testing.T) {
			claims := m{"iss": "web", "sub": "web", "aud": issuer, "exp": 1_764_000_060, "iat": 1_764_000_000, "jti": "a"}
			for name, value := range test.change {
				if claims[name] = value; value == nil {
					delete(claims, name)
				}
			}
			text, err := json.Marshal(claims)
			if err != nil {
				t.Fatal(err)
			}
			var c assertionClaims
			if err := json.Unmarshal(text, &c); err != nil {
				t.Fatal(err)
			}
			if got := c.problem(now, test.clientID, issuer, endpoint); got != test.want {
				t.Errorf("problem: %s\nwant %s", got, test.want)
			}
		})
	}
}

// FuzzParseAssertion reads anything: no panic, and what is wrong is the client's to mend.
func FuzzParseAssertion(f *testing.F) {
	f.Add(unsigned(`{"alg":"ES256","kid":"a","typ":"JWT","crit":["b64"],"b64":false}`, `{"iss":"web","sub":"web","aud":["a"],"exp":1e400}`))
	f.Add(unsigned(`{"alg":"HS256"}`, `{"exp":null,"aud":null}`))
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAssertion(url.Values{"client_assertion_type": {assertionType}, "client_assertion": {text}})
		if err != nil {
			if codeOf(err) != "invalid_client" {
				t.Errorf("parseAssertion(%q): %v", text, err)
			}
			return
		}
		a.claims.problem(time.Unix(1_764_000_000, 0), "", "https://id.example")
		if a.verifiedBySecret([]byte(strings.Repeat("s", 46))) {
			t.Errorf("%q is verified by a secret that nobody signed with", text)
		}
	})
}
