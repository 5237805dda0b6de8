package clients

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/portico-id/portico/environments"
)

// pair makes a key pair for the algorithm.
func pair(t testing.TB, alg jose.SignatureAlgorithm) (private, public any) {
	t.Helper()
	var curve elliptic.Curve
	switch alg {
	case jose.EdDSA:
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return private, public
	case jose.ES256:
		curve = elliptic.P256()
	case jose.ES384:
		curve = elliptic.P384()
	case jose.ES512:
		curve = elliptic.P521()
	default:
		key, err := rsa.GenerateKey(rand.Reader, minRSA)
		if err != nil {
			t.Fatal(err)
		}
		return key, &key.PublicKey
	}
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key, &key.PublicKey
}

// member is a public key as JSON, with more members or others.
func member(t testing.TB, alg jose.SignatureAlgorithm, more map[string]any) string {
	t.Helper()
	_, public := pair(t, alg)
	return jwk(t, public, more)
}

func jwk(t testing.TB, public any, more map[string]any) string {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKey{Key: public})
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range more {
		members[name] = value
	}
	if text, err = json.Marshal(members); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func setOf(keys ...string) []byte { return []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`) }

func TestParseKeySet(t *testing.T) {
	type m = map[string]any
	ec := func(more m) string { return member(t, jose.ES256, more) }
	for _, test := range []struct {
		name string
		text []byte
		keys int
		want string // the mistakes
	}{
		{"one", setOf(ec(nil)), 1, ""},
		{"of every kind", setOf(ec(m{"kid": "1"}), member(t, jose.RS256, m{"kid": "2"}), member(t, jose.EdDSA, m{"kid": "3"}), member(t, jose.ES384, m{"kid": "4"}), member(t, jose.ES512, m{"kid": "5"})), 5, ""},
		{"with use and alg", setOf(ec(m{"use": "sig", "alg": "ES256", "key_ops": []string{"verify"}})), 1, ""},
		{"beside one for encryption", setOf(ec(nil), ec(m{"use": "enc", "alg": "ECDH-ES"})), 1, ""},
		{"with members that nobody knows", []byte(`{"keys":[` + ec(m{"x-team": "a"}) + `],"cached":true}`), 1, ""}, // RFC 7517 §5
		{"without kids", setOf(ec(nil), ec(nil)), 2, ""},

		{"HTML", []byte("<!doctype html>"), 0, "jwks: jwks is no JWK Set (RFC 7517, section 5)"},
		{"a key alone", []byte(ec(nil)), 0, "jwks: jwks has 0 keys: 1 to 20 are allowed"},
		{"something after it", append(setOf(ec(nil)), "{}"...), 0, "jwks: jwks is no JWK Set (RFC 7517, section 5)"},
		{"null", []byte("null"), 0, "jwks: jwks has 0 keys: 1 to 20 are allowed"},
		{"21 keys", setOf(strings.Split(strings.Repeat("{} ", 20)+"{}", " ")...), 0, "jwks: jwks has 21 keys: 1 to 20 are allowed"},
		{"only for encryption", setOf(ec(m{"use": "enc"}), ec(m{"key_ops": []string{"sign"}})), 0, "jwks: jwks has no key that verifies signatures: all are for encryption"},
		{"a text for a key", setOf(`"key"`), 0, "jwks/keys/0: key 0 is no JWK (RFC 7517, section 4)"},
		{"null for a key", setOf(`null`), 0, "jwks/keys/0: key 0 is no JWK (RFC 7517, section 4)"},
		{"a private member", setOf(ec(m{"kid": "a", "d": "AAAA"})), 0, `jwks/keys/0/d: key "a" is private: replace the pair, as it was sent, and register only the public part`},
		{"a private member of a key for encryption", setOf(member(t, jose.RS256, m{"use": "enc", "qi": "AAAA"})), 0, `jwks/keys/0/qi: key 0 is private: replace the pair, as it was sent, and register only the public part`},
		{"symmetric", setOf(`{"kty":"oct","k":"AAAA"}`), 0, "jwks/keys/0/k: key 0 is symmetric: register the public part of a key pair"},
		{"an unknown kty", setOf(`{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"}`), 0, `jwks/keys/0/kty: key 0 has the kty "AKP": RSA, EC and OKP (Ed25519) are known`},
		{"an unknown curve", setOf(ec(m{"crv": "secp256k1"})), 0, "jwks/keys/0: key 0 isn't valid (RFC 7517), or of a curve other than P-256, P-384, P-521 and Ed25519"},
		{"a point beside the curve", setOf(ec(m{"x": "AQ"})), 0, "jwks/keys/0: key 0 isn't valid (RFC 7517), or of a curve other than P-256, P-384, P-521 and Ed25519"},
		{"an alg of another curve", setOf(ec(m{"alg": "ES384"})), 0, `jwks/keys/0/alg: key 0 has the alg "ES384", by which a key of its kind signs nothing: leave alg out, or choose of RS256, PS256, ES256, EdDSA, RS384, RS512, PS384, PS512, ES384, ES512`},
		{"a kid twice", setOf(ec(m{"kid": "a"}), ec(m{"kid": "a"})), 1, `jwks/keys/1/kid: key "a" has the kid of another key: give each its own`},
		{"a long kid", setOf(ec(m{"kid": strings.Repeat("k", 201)})), 0, `jwks/keys/0/kid: key "` + strings.Repeat("k", 100) + `"… has a kid of more than 200 bytes`},
		{"one bad of two", setOf(ec(nil), `{"kty":"oct"}`), 1, "jwks/keys/1/k: key 1 is symmetric: register the public part of a key pair"},
	} {
		t.Run(test.name, func(t *testing.T) {
			keys, wrong := parseKeySet(test.text)
			got := ""
			if err := wrong.err(); err != nil {
				got = err.Error()
			}
			if len(keys) != test.keys || got != test.want {
				t.Errorf("parseKeySet gives %d keys and says\n%s\nwant %d and\n%s", len(keys), got, test.keys, test.want)
			}
		})
	}
}

func TestFind(t *testing.T) {
	_, one := pair(t, jose.ES256)
	_, two := pair(t, jose.ES256)
	_, rsa := pair(t, jose.RS256)
	keys, wrong := parseKeySet(setOf(
		jwk(t, one, map[string]any{"kid": "one"}), jwk(t, two, map[string]any{"kid": "two"}), jwk(t, rsa, map[string]any{"alg": "PS256"})))
	if err := wrong.err(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		alg  jose.SignatureAlgorithm
		kid  string
		want any
	}{
		{jose.ES256, "one", one},
		{jose.ES256, "two", two},
		{jose.ES256, "three", nil},
		{jose.ES256, "", nil},    // which of two?
		{jose.RS256, "one", nil}, // a key of another kind
		{jose.RS256, "", nil},    // its alg says otherwise
		{jose.PS256, "", rsa},    // the only one
		{jose.PS256, "rsa", nil}, // it has no kid
		{jose.ES384, "one", nil}, // another curve
		{jose.HS256, "one", nil}, // a public key is no secret
		{"none", "one", nil},
	} {
		if got := find(keys, test.alg, test.kid); fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("find(%s, %q) = %v, want %v", test.alg, test.kid, got, test.want)
		}
	}
}

func TestKeysURI(t *testing.T) {
	for _, test := range []struct {
		uri  string
		kind environments.Kind
		good bool
	}{
		{"https://app.example/jwks", environments.Production, true},
		{"http://127.0.0.1/jwks", environments.Production, false},
		{"http://127.0.0.1:8080/jwks", environments.Development, true},
		{"http://[::1]/jwks", environments.Development, true},
		{"http://localhost:3000/jwks", environments.Development, true},
		{"http://app.example/jwks", environments.Development, false}, // anybody on the way could put in a key
		{"http://localhost.example/jwks", environments.Development, false},
		{"https://user@app.example/jwks", environments.Production, false},
		{"https://app.example/jwks#keys", environments.Production, false},
		{"file:///etc/passwd", environments.Development, false},
	} {
		if got := keysURIProblem(test.uri, test.kind); (got == "") != test.good {
			t.Errorf("keysURIProblem(%q, %s) = %q", test.uri, test.kind, got)
		}
	}
}

// FuzzParseKeySet reads any set: no panic, and each key verifies signatures of some algorithm.
func FuzzParseKeySet(f *testing.F) {
	f.Add(setOf(member(f, jose.ES256, nil), member(f, jose.EdDSA, map[string]any{"use": "enc"})))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"},null,1]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, wrong := parseKeySet(text)
		if len(keys) == 0 && len(wrong) == 0 {
			t.Error("there is neither a key nor a mistake")
		}
		for i := range keys {
			if !keys[i].IsPublic() {
				t.Errorf("key %d isn't public", i)
			}
			used := false
			for _, alg := range KeyAlgorithms() {
				used = used || fits(keys[i].Key, alg)
			}
			if !used {
				t.Errorf("key %d fits no algorithm", i)
			}
		}
	})
}
