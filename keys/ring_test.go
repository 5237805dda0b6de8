package keys

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/environments"
)

type claims struct {
	Subject string `json:"sub"`
}

var ada = claims{Subject: "usr_ada"}

func mustSign(t testing.TB, r *Ring, env environments.ID, algorithm Algorithm, typ string) string {
	t.Helper()
	compact, err := r.Sign(t.Context(), env, algorithm, typ, ada)
	if err != nil {
		t.Fatalf("Sign(%s): %v", algorithm, err)
	}
	return compact
}

func mustJWKS(t testing.TB, r *Ring, env environments.ID) (JWKS, jose.JSONWebKeySet) {
	t.Helper()
	got, err := r.JWKS(t.Context(), env)
	if err != nil {
		t.Fatalf("JWKS: %v", err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(got.Body, &set); err != nil {
		t.Fatalf("JWKS %s: %v", got.Body, err)
	}
	return got, set
}

// Acceptance 55: tokens verify through JWKS by kid; here by go-jose and by go-oidc, as relying parties use them.
func TestSignInterop(t *testing.T) {
	ring := newRing(t, newMemory(), newClock())
	if err := ring.Provision(t.Context(), acme, Algorithms()...); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		jwks, err := ring.JWKS(r.Context(), acme)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.Write(jwks.Body)
	}))
	defer server.Close()
	remote := oidc.NewRemoteKeySet(t.Context(), server.URL)
	_, set := mustJWKS(t, ring, acme)

	for _, algorithm := range Algorithms() {
		for _, typ := range []string{"", "JWT", "at+jwt", "logout+jwt"} {
			t.Run(fmt.Sprintf("%s %q", algorithm, typ), func(t *testing.T) {
				compact := mustSign(t, ring, acme, algorithm, typ)

				jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
				if err != nil {
					t.Fatal(err)
				}
				header := jws.Signatures[0].Protected
				keys := set.Key(header.KeyID)
				if len(keys) != 1 {
					t.Fatalf("JWK Set has %d keys with kid %q", len(keys), header.KeyID)
				}
				byJose, err := jws.Verify(keys[0])
				if err != nil {
					t.Errorf("go-jose: %v", err)
				}
				byOIDC, err := remote.VerifySignature(t.Context(), compact)
				if err != nil {
					t.Errorf("go-oidc: %v", err)
				}
				ours, gotHeader, err := ring.Verify(t.Context(), acme, compact)
				if err != nil {
					t.Errorf("Verify: %v", err)
				}
				for _, payload := range [][]byte{byJose, byOIDC, ours} {
					if string(payload) != `{"sub":"usr_ada"}` {
						t.Errorf("payload = %s", payload)
					}
				}
				if diff := cmp.Diff(Header{Algorithm: algorithm, KeyID: keys[0].KeyID, Type: typ}, gotHeader); diff != "" {
					t.Errorf("header (-want +got):\n%s", diff)
				}

				var raw map[string]any
				first, _, _ := strings.Cut(compact, ".")
				decoded, err := base64.RawURLEncoding.DecodeString(first)
				if err != nil || json.Unmarshal(decoded, &raw) != nil {
					t.Fatalf("header %s: %v", decoded, err)
				}
				want := map[string]any{"alg": string(algorithm), "kid": header.KeyID}
				if typ != "" {
					want["typ"] = typ
				}
				if diff := cmp.Diff(want, raw); diff != "" {
					t.Errorf("raw header (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestSignRefusesUnknownAlgorithms(t *testing.T) {
	ring := newRing(t, newMemory(), newClock())
	for _, algorithm := range []Algorithm{"", "none", "HS256", "ES512"} {
		if compact, err := ring.Sign(t.Context(), acme, algorithm, "JWT", ada); err == nil {
			t.Errorf("Sign(%q) = %s", algorithm, compact)
		}
	}
	if _, err := ring.Sign(t.Context(), acme, EdDSA, "JWT", func() {}); err == nil {
		t.Error("Sign of what can't be marshalled has no error")
	}
}

// OIDC conformance, checks common to every module: kid on each key, distinct, no private or symmetric material.
func TestJWKS(t *testing.T) {
	clock, store := newClock(), newMemory()
	ring := newRing(t, store, clock)
	jwks, set := mustJWKS(t, ring, acme)

	var algorithms []string
	for _, key := range set.Keys {
		algorithms = append(algorithms, key.Algorithm)
		if thumbprint, err := key.Thumbprint(crypto.SHA256); err != nil || key.KeyID != base64.RawURLEncoding.EncodeToString(thumbprint) {
			t.Errorf("kid %q is not the thumbprint of RFC 7638: %x, %v", key.KeyID, thumbprint, err)
		}
		if key.Use != "sig" || !key.IsPublic() {
			t.Errorf("%s: use %q, public %v", key.KeyID, key.Use, key.IsPublic())
		}
	}
	if diff := cmp.Diff([]string{"RS256", "ES256", "EdDSA"}, algorithms); diff != "" {
		t.Errorf("algorithms (-want +got):\n%s", diff)
	}

	var raw struct{ Keys []map[string]any }
	if err := json.Unmarshal(jwks.Body, &raw); err != nil {
		t.Fatal(err)
	}
	public := []string{"kty", "use", "kid", "alg", "n", "e", "crv", "x", "y"}
	for _, key := range raw.Keys {
		for name := range key {
			if !slices.Contains(public, name) {
				t.Errorf("JWK %s has member %q", key["kid"], name)
			}
		}
	}

	reads := store.reads.Load()
	again, _ := mustJWKS(t, ring, acme)
	if again.ETag != jwks.ETag || &again.Body[0] != &jwks.Body[0] || store.reads.Load() != reads {
		t.Errorf("a second JWKS made it anew")
	}
	if !strings.HasPrefix(jwks.ETag, `"`) || !strings.HasSuffix(jwks.ETag, `"`) {
		t.Errorf("ETag %s has no quotes (RFC 9110 §8.8.3)", jwks.ETag)
	}
	if _, err := ring.Rotate(t.Context(), acme, ES256); err != nil {
		t.Fatal(err)
	}
	rotated, set := mustJWKS(t, ring, acme)
	if rotated.ETag == jwks.ETag || len(set.Keys) != 4 {
		t.Errorf("after Rotate: ETag %s, was %s; %d keys", rotated.ETag, jwks.ETag, len(set.Keys))
	}
}

// Acceptance 9: two environments differ in keys, and neither accepts what the other signed.
func TestEnvironmentsDiffer(t *testing.T) {
	ring := newRing(t, newMemory(), newClock())
	compact := mustSign(t, ring, acme, ES256, "JWT")
	mustSign(t, ring, globex, ES256, "JWT")
	if _, _, err := ring.Verify(t.Context(), globex, compact); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("Verify in another environment: %v, want ErrUnknownKey", err)
	}
}

// forge signs a payload with a key and header of the attacker's.
func forge(t testing.TB, algorithm jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, &jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte(`{"sub":"usr_mallory"}`))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// RFC 8725 §3.1 to §3.10.
func TestVerifyRefuses(t *testing.T) {
	ring := newRing(t, newMemory(), newClock())
	rs, ed := mustSign(t, ring, acme, RS256, "JWT"), mustSign(t, ring, acme, EdDSA, "JWT")
	_, set := mustJWKS(t, ring, acme)
	rsaKey, edKey := set.Keys[0], set.Keys[2]
	rsaPrivate := ring.snapshotOf(t, acme).active[RS256].private
	edPrivate := ring.snapshotOf(t, acme).active[EdDSA].private
	pkix, err := x509.MarshalPKIXPublicKey(rsaKey.Key)
	if err != nil {
		t.Fatal(err)
	}
	attackerPublic, attacker, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	part := func(compact string, i int) string { return strings.Split(compact, ".")[i] }
	encode := base64.RawURLEncoding.EncodeToString
	kid := func(k jose.JSONWebKey) map[jose.HeaderKey]any { return map[jose.HeaderKey]any{"kid": k.KeyID} }
	with := func(k jose.JSONWebKey, name jose.HeaderKey, value any) map[jose.HeaderKey]any {
		return map[jose.HeaderKey]any{"kid": k.KeyID, name: value}
	}

	for _, test := range []struct{ name, compact string }{
		{"empty", ""},
		{"no JWS", "a.b"},
		{"four parts", rs + ".x"},
		{"alg none", encode([]byte(`{"alg":"none","kid":"`+rsaKey.KeyID+`"}`)) + "." + part(rs, 1) + "."},
		{"alg None", encode([]byte(`{"alg":"None","kid":"`+rsaKey.KeyID+`"}`)) + "." + part(rs, 1) + "." + part(rs, 2)},
		{"no alg", encode([]byte(`{"kid":"`+rsaKey.KeyID+`"}`)) + "." + part(rs, 1) + "." + part(rs, 2)},
		{"HS256 keyed with the public key", forge(t, jose.HS256, pkix, kid(rsaKey))},
		{"alg of another RSA scheme", forge(t, jose.PS256, rsaPrivate, kid(rsaKey))},
		{"alg that isn't offered", forge(t, jose.RS512, rsaPrivate, kid(rsaKey))},
		{"kid of another key", forge(t, jose.EdDSA, edPrivate, kid(rsaKey))},
		{"no kid", forge(t, jose.EdDSA, edPrivate, nil)},
		{"unknown kid", forge(t, jose.EdDSA, attacker, with(edKey, "kid", strings.Repeat("A", thumbprintLength)))},
		{"kid as number", encode([]byte(`{"alg":"EdDSA","kid":7}`)) + "." + part(ed, 1) + "." + part(ed, 2)},
		{"alg twice", encode([]byte(`{"alg":"none","alg":"EdDSA","kid":"`+edKey.KeyID+`"}`)) + "." + part(ed, 1) + "." + part(ed, 2)},
		{"attacker's key", forge(t, jose.EdDSA, attacker, kid(edKey))},
		{"attacker's key embedded", forge(t, jose.EdDSA, attacker, with(edKey, "jwk", jose.JSONWebKey{Key: attackerPublic}))},
		{"attacker's key by jku", forge(t, jose.EdDSA, attacker, with(edKey, "jku", "https://mallory.example/jwks"))},
		{"crit", forge(t, jose.EdDSA, edPrivate, with(edKey, "crit", []string{"exp"}))},
		{"crit b64", forge(t, jose.EdDSA, edPrivate, map[jose.HeaderKey]any{"kid": edKey.KeyID, "crit": []string{"b64"}, "b64": true})},
		{"b64", forge(t, jose.EdDSA, edPrivate, with(edKey, "b64", true))},
		{"other payload", part(ed, 0) + "." + encode([]byte(`{"sub":"usr_mallory"}`)) + "." + part(ed, 2)},
		{"other header", encode([]byte(`{"alg":"EdDSA","kid":"`+edKey.KeyID+`","typ":"at+jwt"}`)) + "." + part(ed, 1) + "." + part(ed, 2)},
		{"no signature", part(ed, 0) + "." + part(ed, 1) + "."},
		{"line end inside", part(ed, 0) + ".\r\n" + part(ed, 1) + "." + part(ed, 2)},
		{"space before", " " + ed},
		{"padding", ed + "=="},
		{"JSON serialization", `{"protected":"` + part(ed, 0) + `","payload":"` + part(ed, 1) + `","signature":"` + part(ed, 2) + `"}`},
		{"too long", part(ed, 0) + "." + strings.Repeat("A", maxCompact) + "." + part(ed, 2)},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, verify := range map[string]func(context.Context, environments.ID, string) ([]byte, Header, error){
				"Verify": ring.Verify, "VerifyHint": ring.VerifyHint,
			} {
				payload, header, err := verify(t.Context(), acme, test.compact)
				if !errors.Is(err, ErrUnverified) {
					t.Errorf("%s: error %v, want ErrUnverified", name, err)
				}
				if payload != nil || header != (Header{}) {
					t.Errorf("%s = %s, %v beside its error", name, payload, header)
				}
			}
		})
	}
}

func (r *Ring) snapshotOf(t testing.TB, env environments.ID) *ringSnapshot {
	t.Helper()
	s, err := r.snapshot(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Acceptance 61: private keys are encrypted at rest.
func TestPrivateKeysAtRest(t *testing.T) {
	store := newMemory()
	ring := newRing(t, store, newClock())
	if err := ring.Provision(t.Context(), acme, ES256, EdDSA); err != nil {
		t.Fatal(err)
	}
	for _, key := range store.signing[acme] {
		der, err := x509.MarshalPKCS8PrivateKey(ring.snapshotOf(t, acme).byID[key.ID].private)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(key.PrivateKey, der[len(der)-32:]) {
			t.Errorf("%s lies in clear", key.ID)
		}
	}

	t.Run("under a key that is not configured", func(t *testing.T) {
		other := newRing(t, store, newClock())
		other.Vault = newTestVault(t, newKEK)
		if _, err := other.Sign(t.Context(), acme, ES256, "JWT", ada); !errors.Is(err, ErrNoEncryptionKey) {
			t.Errorf("Sign: %v, want ErrNoEncryptionKey", err)
		}
	})
	t.Run("moved to another row", func(t *testing.T) {
		moved := newMemory()
		moved.signing[acme] = slices.Clone(store.signing[acme])
		moved.signing[acme][0].PrivateKey = store.signing[acme][1].PrivateKey
		if _, err := newRing(t, moved, newClock()).Sign(t.Context(), acme, ES256, "JWT", ada); !errors.Is(err, ErrUnverified) {
			t.Errorf("Sign: %v, want ErrUnverified", err)
		}
	})
	t.Run("listed", func(t *testing.T) {
		listed, err := ring.Keys(t.Context(), acme)
		if err != nil || len(listed) != 2 {
			t.Fatalf("Keys = %v, %v", listed, err)
		}
		for _, key := range listed {
			if key.PrivateKey != nil {
				t.Errorf("Keys shows the private half of %s", key.ID)
			}
		}
		mustSign(t, ring, acme, ES256, "JWT")
	})
}

func TestRingRewrap(t *testing.T) {
	clock, store := newClock(), newMemory()
	before := newRing(t, store, clock)
	compact := mustSign(t, before, acme, ES256, "JWT")
	mustSign(t, before, acme, EdDSA, "JWT")

	both := newRing(t, store, clock)
	both.Vault = newTestVault(t, newKEK, oldKEK)
	for _, want := range []int{2, 0} {
		if moved, err := both.Rewrap(t.Context()); err != nil || moved != want {
			t.Fatalf("Rewrap = %d, %v, want %d", moved, err, want)
		}
	}
	after := newRing(t, store, clock)
	after.Vault = newTestVault(t, newKEK)
	if _, _, err := after.Verify(t.Context(), acme, compact); err != nil {
		t.Errorf("Verify after Rewrap: %v", err)
	}
	mustSign(t, after, acme, ES256, "JWT")
}

// Nodes that need the first key at once make one, and believe each other's tokens.
func TestProvisionOnTwoNodes(t *testing.T) {
	clock, store := newClock(), newMemory()
	nodes := []*Ring{newRing(t, store, clock), newRing(t, store, clock)}
	const each = 8
	compacts := make([]string, each*len(nodes))
	var wg sync.WaitGroup
	for i := range compacts {
		wg.Go(func() {
			compact, err := nodes[i%len(nodes)].Sign(t.Context(), acme, ES256, "JWT", ada)
			if err != nil {
				t.Errorf("Sign: %v", err)
			}
			compacts[i] = compact
		})
	}
	wg.Wait()
	if got := store.states(acme, ES256); !slices.Equal(got, []State{Active}) {
		t.Errorf("keys are %v, want one active", got)
	}
	for i, compact := range compacts {
		if _, _, err := nodes[(i+1)%len(nodes)].Verify(t.Context(), acme, compact); err != nil {
			t.Errorf("Verify on the other node: %v", err)
		}
	}
	if diff := cmp.Diff([]string{"signing_key.created"}, store.eventNames()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// A node that wasn't told of a new key finds it, and forged key IDs don't make it ask more than once a second.
func TestVerifyUnknownKeyReloads(t *testing.T) {
	clock, store := newClock(), newMemory()
	here, there := newRing(t, store, clock), newRing(t, store, clock)
	mustSign(t, here, acme, EdDSA, "JWT")
	mustSign(t, there, acme, EdDSA, "JWT")
	forged := forge(t, jose.HS256, bytes.Repeat([]byte("x"), 32), nil)
	_, attacker, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	unknown := forge(t, jose.EdDSA, attacker, map[jose.HeaderKey]any{"kid": strings.Repeat("A", thumbprintLength)})

	if _, err := there.RotateNow(t.Context(), acme, EdDSA); err != nil {
		t.Fatal(err)
	}
	compact := mustSign(t, there, acme, EdDSA, "JWT")
	if _, _, err := here.Verify(t.Context(), acme, compact); err != nil {
		t.Errorf("Verify of a key that is new elsewhere: %v", err)
	}
	clock.advance(missInterval)

	for second := range 3 {
		reads := store.reads.Load()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				for _, compact := range []string{forged, unknown} {
					if _, _, err := here.Verify(t.Context(), acme, compact); !errors.Is(err, ErrUnverified) {
						t.Errorf("Verify of a forged token: %v", err)
					}
				}
			})
		}
		wg.Wait()
		if got := store.reads.Load() - reads; got != 1 {
			t.Errorf("second %d: 100 forged tokens made %d reads, want 1", second, got)
		}
		clock.advance(missInterval)
	}
}

func TestInvalidate(t *testing.T) {
	clock, store := newClock(), newMemory()
	here, there := newRing(t, store, clock), newRing(t, store, clock)
	old := mustSign(t, here, acme, EdDSA, "JWT")
	mustSign(t, there, acme, EdDSA, "JWT")
	parsed := here.snapshotOf(t, acme).active[EdDSA].parsedKey

	next, err := there.RotateNow(t.Context(), acme, EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	for name, invalidate := range map[string]func(){
		"Invalidate": func() { here.Invalidate(acme) }, "InvalidateAll": here.InvalidateAll,
	} {
		invalidate()
		_, header, err := here.Verify(t.Context(), acme, mustSign(t, here, acme, EdDSA, "JWT"))
		if err != nil || header.KeyID != next.ID {
			t.Errorf("%s: signs with %s, %v, want %s", name, header.KeyID, err, next.ID)
		}
	}
	_, header, err := here.Verify(t.Context(), acme, old)
	if err != nil {
		t.Errorf("Verify of the old key: %v", err)
	}
	if here.snapshotOf(t, acme).byID[header.KeyID].parsedKey != parsed {
		t.Error("a known key was parsed again")
	}
}

// A read that began before an invalidation doesn't hide it.
func TestCacheInvalidatedWhileLoading(t *testing.T) {
	var c cache[int]
	stored := 1
	load := func(context.Context, environments.ID, *int) (*int, error) {
		read := stored
		if stored == 1 {
			stored = 2
			c.invalidate(acme)
		}
		return &read, nil
	}
	for _, want := range []int{1, 2, 2} {
		if got, err := c.get(t.Context(), acme, load); err != nil || *got != want {
			t.Errorf("get = %d, %v, want %d", *got, err, want)
		}
	}
}

func TestCacheLoadIsCancelled(t *testing.T) {
	var c cache[int]
	if err := c.entry(acme).lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.get(ctx, acme, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("get = %v, want context.Canceled", err)
	}
}

func FuzzVerify(f *testing.F) {
	ring := newRing(f, newMemory(), newClock())
	for _, algorithm := range []Algorithm{ES256, EdDSA} {
		compact := mustSign(f, ring, acme, algorithm, "JWT")
		f.Add(compact)
		f.Add(strings.Replace(compact, ".", "..", 1))
	}
	f.Add(`eyJhbGciOiJub25lIn0.e30.`)
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","kid":"x","crit":["b64"],"b64":false,"jwk":{"kty":"oct"}}`)) + ".e30.AAAA")
	f.Fuzz(func(t *testing.T, compact string) {
		payload, _, err := ring.Verify(t.Context(), acme, compact)
		if err == nil && string(payload) != `{"sub":"usr_ada"}` {
			t.Errorf("Verify(%q) = %s", compact, payload)
		}
		if err != nil && !errors.Is(err, ErrUnverified) {
			t.Errorf("Verify(%q): %v, want ErrUnverified", compact, err)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	ring := newRing(b, newMemory(), newClock())
	body := map[string]any{
		"iss": "https://id.example.com", "sub": "usr_01h2xcejqtf2nbrexx3vqjhp41", "aud": "app_01h2xcejqtf2nbrexx3vqjhp41",
		"exp": 1772370000, "iat": 1772366400, "auth_time": 1772366400, "nonce": "n-0S6_WzA2Mj", "sid": "ses_01h2xcejqtf2nbrexx3vqjhp41",
	}
	for _, algorithm := range Algorithms() {
		mustSign(b, ring, acme, algorithm, "JWT")
		b.Run(string(algorithm), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ring.Sign(b.Context(), acme, algorithm, "JWT", body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	ring := newRing(b, newMemory(), newClock())
	for _, algorithm := range Algorithms() {
		compact := mustSign(b, ring, acme, algorithm, "at+jwt")
		b.Run(string(algorithm), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := ring.Verify(b.Context(), acme, compact); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkJWKS(b *testing.B) {
	ring := newRing(b, newMemory(), newClock())
	mustJWKS(b, ring, acme)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.JWKS(b.Context(), acme); err != nil {
			b.Fatal(err)
		}
	}
}
