package clients

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/portico-id/portico/environments"
)

// Limits of the public keys of an application, also of what its jwks_uri answers.
const (
	maxJWKS = 64 << 10 // bytes
	maxKeys = 20
	minRSA  = 2048 // bits
	maxRSA  = 8192 // bits; a longer key makes us work for whoever registers it
)

// KeyAlgorithms are those by which an application may sign with a private key (RFC 7518 §3.1, RFC 8037 §3.1).
func KeyAlgorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{
		jose.RS256, jose.PS256, jose.ES256, jose.EdDSA, jose.RS384, jose.RS512, jose.PS384, jose.PS512, jose.ES384, jose.ES512,
	}
}

// fits reports whether the public key verifies signatures by the algorithm.
func fits(key any, alg jose.SignatureAlgorithm) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(string(alg), "RS") || strings.HasPrefix(string(alg), "PS")
	case *ecdsa.PublicKey:
		return alg == jose.ES256 && key.Curve == elliptic.P256() || alg == jose.ES384 && key.Curve == elliptic.P384() ||
			alg == jose.ES512 && key.Curve == elliptic.P521()
	case ed25519.PublicKey:
		return alg == jose.EdDSA
	}
	return false
}

// find returns the key that verifies signatures by the algorithm and has the kid; without a kid the only key for the
// algorithm. nil if there is none.
func find(set []jose.JSONWebKey, alg jose.SignatureAlgorithm, kid string) any {
	var found any
	for i := range set {
		key := &set[i]
		if !fits(key.Key, alg) || key.Algorithm != "" && key.Algorithm != string(alg) || kid != "" && key.KeyID != kid {
			continue
		}
		if found != nil {
			return nil
		}
		found = key.Key
	}
	return found
}

// parseKeySet returns the keys of a JWK Set that verify signatures, and every mistake in it. Keys for encryption are
// neither.
func parseKeySet(text []byte) (keys []jose.JSONWebKey, m mistakes) {
	if len(text) > maxJWKS {
		m.add("jwks", "jwks has %d bytes: %d is the most", len(text), maxJWKS)
		return nil, m
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		m.add("jwks", "jwks is no JWK Set (RFC 7517, section 5)")
		return nil, m
	}
	if n := len(set.Keys); n == 0 || n > maxKeys {
		m.add("jwks", "jwks has %d keys: 1 to %d are allowed", n, maxKeys)
		return nil, m
	}
	for i, raw := range set.Keys {
		field := fmt.Sprintf("jwks/keys/%d", i)
		key, member, problem := parseKey(raw)
		switch name := quote(key.KeyID); {
		case problem != "":
			if key.KeyID == "" {
				name = fmt.Sprint(i)
			}
			if member != "" {
				field += "/" + member
			}
			m.add(field, "key %s %s", name, problem)
		case key.Key == nil:
		case key.KeyID != "" && slices.ContainsFunc(keys, func(other jose.JSONWebKey) bool { return other.KeyID == key.KeyID }):
			m.add(field+"/kid", "key %s has the kid of another key: give each its own", name)
		default:
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 && len(m) == 0 {
		m.add("jwks", "jwks has no key that verifies signatures: all are for encryption")
	}
	return keys, m
}

// parseKey reads one public key. One that isn't for signatures has no Key. A problem is about the member, "" for the key as
// a whole.
func parseKey(raw []byte) (key jose.JSONWebKey, member, problem string) {
	var members map[string]json.RawMessage
	var known struct {
		KeyID      string   `json:"kid"`
		Use        string   `json:"use"`
		Operations []string `json:"key_ops"`
		Type       string   `json:"kty"`
	}
	if json.Unmarshal(raw, &members) != nil || json.Unmarshal(raw, &known) != nil || members == nil {
		return key, "", "is no JWK (RFC 7517, section 4)"
	}
	key.KeyID = known.KeyID
	if len(known.KeyID) > 200 {
		return key, "kid", "has a kid of more than 200 bytes"
	}
	if _, ok := members["k"]; ok || known.Type == "oct" {
		return key, "k", "is symmetric: register the public part of a key pair"
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "priv"} {
		if _, ok := members[private]; ok {
			return key, private, "is private: replace the pair, as it was sent, and register only the public part"
		}
	}
	if known.Use != "" && known.Use != "sig" || known.Operations != nil && !slices.Contains(known.Operations, "verify") {
		return key, "", ""
	}
	var parsed jose.JSONWebKey
	err := parsed.UnmarshalJSON(raw)
	if !slices.Contains([]string{"RSA", "EC", "OKP"}, known.Type) {
		return key, "kty", fmt.Sprintf("has the kty %s: RSA, EC and OKP (Ed25519) are known", quote(known.Type))
	}
	if err != nil || !parsed.Valid() {
		return key, "", "isn't valid (RFC 7517), or of a curve other than P-256, P-384, P-521 and Ed25519"
	}
	if public, ok := parsed.Key.(*rsa.PublicKey); ok {
		if bits := public.N.BitLen(); bits < minRSA || bits > maxRSA {
			return key, "n", fmt.Sprintf("has %d bits: an RSA key needs %d, and %d are the most", bits, minRSA, maxRSA)
		}
	}
	if alg := jose.SignatureAlgorithm(parsed.Algorithm); alg != "" && (!slices.Contains(KeyAlgorithms(), alg) || !fits(parsed.Key, alg)) {
		return key, "alg", fmt.Sprintf("has the alg %s, by which a key of its kind signs nothing: leave alg out, or choose of %s", quote(string(alg)), list(KeyAlgorithms()))
	}
	return parsed, "", ""
}

// keysURIProblem says what is wrong with an address that keys are fetched from. Whoever sits between could put in keys of
// her own, so that http is for this machine alone.
func keysURIProblem(uri string, kind environments.Kind) string {
	if problem := endpointProblem(uri, kind); problem != "" {
		return problem
	}
	if p := split(uri); p.scheme == "http:" && !p.loopback() && p.host != "localhost" {
		return "uses http, by which anybody on the way could put in other keys: use https, or http to this machine"
	}
	return ""
}

func (a *Application) validateKeys(m *mistakes, kind environments.Kind) {
	m.uri("jwks_uri", a.JWKSURI, kind, keysURIProblem)
	switch {
	case a.JWKS != nil && a.JWKSURI != "":
		m.add("jwks_uri", "jwks and jwks_uri can't both be set (RFC 7591, section 2): remove one")
	case a.JWKS == nil && a.JWKSURI == "" && a.TokenEndpointAuthMethod == AuthPrivateKeyJWT:
		m.add("jwks_uri", "token_endpoint_auth_method private_key_jwt needs the application's public keys: set jwks_uri or jwks")
	}
	if a.JWKS != nil {
		_, wrong := parseKeySet(a.JWKS)
		*m = append(*m, wrong...)
	}
}
