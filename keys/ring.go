package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
)

// Ring signs, verifies and publishes with the signing keys of environments, and rotates them. It keeps a snapshot of
// parsed keys per environment, so that no call but the first of an environment, and the first after Invalidate, reads the
// Store.
type Ring struct {
	Store        Store
	Vault        *Vault
	Audit        audit.Recorder
	Environments Environments
	Schedule     Schedule
	Now          func() time.Time

	snapshots cache[ringSnapshot]
	making    singleflight.Group
}

type ringSnapshot struct {
	rows   []SigningKey
	byID   map[string]*ringKey
	active map[Algorithm]*ringKey
	jwks   JWKS
}

type ringKey struct {
	state State
	*parsedKey
}

// parsedKey is what doesn't change of a key. It moves from snapshot to snapshot.
type parsedKey struct {
	algorithm Algorithm
	jwk       jose.JSONWebKey // public
	private   crypto.Signer   // nil for a key that was never seen as Next or Active
	signers   sync.Map        // typ → jose.Signer
}

// JWKS is a JWK Set (RFC 7517 §5) as it is sent. Body is shared: don't change it.
type JWKS struct {
	Body []byte
	ETag string // with its quotes (RFC 9110 §8.8.3)
}

// Header is what a verified JWS says about itself.
type Header struct {
	Algorithm Algorithm
	KeyID     string
	Type      string // typ; "" if absent
}

// provisioned are the algorithms that every environment has a key for. PS256 is made when it is first asked for.
var provisioned = []Algorithm{RS256, ES256, EdDSA}

// Provision makes an active key for each algorithm for which the environment has none; without algorithms for RS256,
// ES256 and EdDSA. An RSA key takes 100 ms and more, so call it after an environment was created and when an application
// is given PS256. Otherwise the first Sign or JWKS that needs the key makes it. Call it outside a transaction.
func (r *Ring) Provision(ctx context.Context, env environments.ID, algorithms ...Algorithm) error {
	if len(algorithms) == 0 {
		algorithms = provisioned
	}
	s, err := r.snapshot(ctx, env)
	if err != nil {
		return err
	}
	for _, algorithm := range algorithms {
		if s.active[algorithm] != nil {
			continue
		}
		_, err, _ := r.making.Do(string(env)+" "+string(algorithm), func() (any, error) {
			_, err := r.create(context.WithoutCancel(ctx), env, algorithm, Active)
			return nil, err
		})
		if err != nil && !errors.Is(err, ErrConflict) {
			return fmt.Errorf("provision %s key of %s: %w", algorithm, env, err)
		}
	}
	return nil
}

// Sign returns the claims as a JWS in compact serialization (RFC 7515 §7.1), signed with the environment's active key for
// the algorithm. Its header has alg, kid and, unless it is "", typ. claims is anything that marshals to a JSON object.
func (r *Ring) Sign(ctx context.Context, env environments.ID, algorithm Algorithm, typ string, claims any) (string, error) {
	key, err := r.activeKey(ctx, env, algorithm)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("marshal claims of %q: %w", typ, err)
	}
	signer, err := key.signer(typ)
	if err != nil {
		return "", fmt.Errorf("signer for key %s: %w", key.jwk.KeyID, err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign with key %s: %w", key.jwk.KeyID, err)
	}
	return jws.CompactSerialize()
}

// JWKS returns the environment's public keys in states Next, Active and Published, each with kid, use, alg.
func (r *Ring) JWKS(ctx context.Context, env environments.ID) (JWKS, error) {
	s, err := r.snapshot(ctx, env)
	if err != nil {
		return JWKS{}, err
	}
	for _, algorithm := range provisioned {
		if s.active[algorithm] != nil {
			continue
		}
		if err := r.Provision(ctx, env); err != nil {
			return JWKS{}, err
		}
		if s, err = r.snapshot(ctx, env); err != nil {
			return JWKS{}, err
		}
		break
	}
	return s.jwks, nil
}

// Verify returns the payload and header of a compact JWS that a key of the environment has signed, be it Next, Active or
// Published. The header's kid chooses the key, and alg must be that key's own. A jwk, jku or x5c in the header is ignored,
// crit and b64 are refused. It judges the signature alone: whether the Type is the one that is wanted, and what the
// claims say, is for the caller. Error: ErrUnverified for everything that a stranger could send.
func (r *Ring) Verify(ctx context.Context, env environments.ID, compact string) ([]byte, Header, error) {
	payload, header, state, err := r.verify(ctx, env, compact)
	if err == nil && state == Retired {
		return nil, Header{}, ErrUnknownKey
	}
	return payload, header, err
}

// VerifyHint is Verify for an ID token that comes back as id_token_hint, perhaps long after it expired (OIDC RP-Initiated
// Logout §4): it takes Retired keys too, until they are deleted.
func (r *Ring) VerifyHint(ctx context.Context, env environments.ID, compact string) ([]byte, Header, error) {
	payload, header, _, err := r.verify(ctx, env, compact)
	return payload, header, err
}

// Invalidate makes the next use read the environment's keys anew. The server calls it when another node or process may
// have changed them.
func (r *Ring) Invalidate(env environments.ID) { r.snapshots.invalidate(env) }

// InvalidateAll is Invalidate for every environment.
func (r *Ring) InvalidateAll() { r.snapshots.invalidateAll() }

// maxCompact is the length of the longest JWS that is looked at; those made here have a tenth of it.
const maxCompact = 32 << 10

var joseAlgorithms = func() (all []jose.SignatureAlgorithm) {
	for _, a := range Algorithms() {
		all = append(all, jose.SignatureAlgorithm(a))
	}
	return all
}()

func (r *Ring) verify(ctx context.Context, env environments.ID, compact string) ([]byte, Header, State, error) {
	// The decoder skips line ends, so that one JWS could be written in many ways.
	if len(compact) > maxCompact || strings.ContainsAny(compact, "\r\n") {
		return nil, Header{}, "", ErrUnverified
	}
	jws, err := jose.ParseSignedCompact(compact, joseAlgorithms)
	if err != nil {
		return nil, Header{}, "", fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	protected := jws.Signatures[0].Protected
	for _, name := range []jose.HeaderKey{"crit", "b64"} {
		if _, ok := protected.ExtraHeaders[name]; ok {
			return nil, Header{}, "", fmt.Errorf("%w: header %s", ErrUnverified, name)
		}
	}
	key, err := r.keyByID(ctx, env, protected.KeyID)
	if err != nil {
		return nil, Header{}, "", err
	}
	if protected.Algorithm != string(key.algorithm) {
		return nil, Header{}, "", fmt.Errorf("%w: alg %s with a key for %s", ErrUnverified, protected.Algorithm, key.algorithm)
	}
	payload, err := jws.Verify(key.jwk.Key)
	if err != nil {
		return nil, Header{}, "", fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	typ, _ := protected.ExtraHeaders[jose.HeaderType].(string)
	return payload, Header{Algorithm: key.algorithm, KeyID: protected.KeyID, Type: typ}, key.state, nil
}

func (r *Ring) keyByID(ctx context.Context, env environments.ID, id string) (*ringKey, error) {
	s, err := r.snapshot(ctx, env)
	if err != nil {
		return nil, err
	}
	if key := s.byID[id]; key != nil {
		return key, nil
	}
	if len(id) != thumbprintLength {
		return nil, ErrUnknownKey
	}
	// Another node may have made it a moment ago. A later snapshot may still be older than the key, if its load was under
	// way when this one was read: then it is missed in that one as well.
	for range 2 {
		seen := s
		if s, err = r.snapshots.newer(ctx, env, seen, r.Now(), r.load); err != nil {
			return nil, err
		}
		if key := s.byID[id]; key != nil {
			return key, nil
		}
		if s == seen {
			break
		}
	}
	return nil, ErrUnknownKey
}

func (r *Ring) activeKey(ctx context.Context, env environments.ID, algorithm Algorithm) (*ringKey, error) {
	s, err := r.snapshot(ctx, env)
	if err != nil {
		return nil, err
	}
	if key := s.active[algorithm]; key != nil {
		return key, nil
	}
	if err := r.Provision(ctx, env, algorithm); err != nil {
		return nil, err
	}
	if s, err = r.snapshot(ctx, env); err != nil {
		return nil, err
	}
	if key := s.active[algorithm]; key != nil {
		return key, nil
	}
	return nil, fmt.Errorf("%s has no active %s key", env, algorithm)
}

func (r *Ring) snapshot(ctx context.Context, env environments.ID) (*ringSnapshot, error) {
	return r.snapshots.get(ctx, env, r.load)
}

func (r *Ring) load(ctx context.Context, env environments.ID, last *ringSnapshot) (*ringSnapshot, error) {
	rows, err := r.Store.SigningKeys(ctx, env)
	if err != nil {
		return nil, fmt.Errorf("load signing keys of %s: %w", env, err)
	}
	s := &ringSnapshot{rows: rows, byID: map[string]*ringKey{}, active: map[Algorithm]*ringKey{}}
	for _, row := range rows {
		key := &ringKey{state: row.State}
		if last != nil && last.byID[row.ID] != nil {
			key.parsedKey = last.byID[row.ID].parsedKey
		}
		if signs := row.State == Active || row.State == Next; key.parsedKey == nil || signs && key.private == nil {
			if key.parsedKey, err = r.parse(row); err != nil {
				return nil, fmt.Errorf("load signing keys of %s: %w", env, err)
			}
		}
		s.byID[row.ID] = key
		if row.State == Active {
			s.active[row.Algorithm] = key
		}
	}
	if s.jwks, err = marshalJWKS(s.byID); err != nil {
		return nil, fmt.Errorf("JWK Set of %s: %w", env, err)
	}
	return s, nil
}

func (r *Ring) parse(row SigningKey) (*parsedKey, error) {
	public, err := x509.ParsePKIXPublicKey(row.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("public key %s: %w", row.ID, err)
	}
	key := &parsedKey{
		algorithm: row.Algorithm,
		jwk:       jose.JSONWebKey{Key: public, KeyID: row.ID, Use: "sig", Algorithm: string(row.Algorithm)},
	}
	if row.State != Active && row.State != Next {
		return key, nil
	}
	der, err := r.Vault.Decrypt(row.label(), row.PrivateKey)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("private key %s: %w", row.ID, err)
	}
	key.private = private.(crypto.Signer)
	return key, nil
}

// signer returns the signer that puts typ into its header, made once.
func (k *parsedKey) signer(typ string) (jose.Signer, error) {
	if s, ok := k.signers.Load(typ); ok {
		return s.(jose.Signer), nil
	}
	options := &jose.SignerOptions{}
	if typ != "" {
		options.WithType(jose.ContentType(typ))
	}
	s, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.SignatureAlgorithm(k.algorithm),
		Key:       jose.JSONWebKey{Key: k.private, KeyID: k.jwk.KeyID},
	}, options)
	if err != nil {
		return nil, err
	}
	k.signers.Store(typ, s)
	return s, nil
}

// marshalJWKS puts the active keys first, RS256 before all: some relying parties take the first key without a look at kid.
func marshalJWKS(keys map[string]*ringKey) (JWKS, error) {
	var shown []*ringKey
	for _, key := range keys {
		if key.state != Retired {
			shown = append(shown, key)
		}
	}
	slices.SortFunc(shown, func(a, b *ringKey) int {
		if a.state != b.state {
			return slices.Index(shownStates, a.state) - slices.Index(shownStates, b.state)
		}
		if a.algorithm != b.algorithm {
			return slices.Index(Algorithms(), a.algorithm) - slices.Index(Algorithms(), b.algorithm)
		}
		return strings.Compare(a.jwk.KeyID, b.jwk.KeyID)
	})
	set := jose.JSONWebKeySet{Keys: make([]jose.JSONWebKey, len(shown))}
	for i, key := range shown {
		set.Keys[i] = key.jwk
	}
	body, err := json.Marshal(set)
	if err != nil {
		return JWKS{}, err
	}
	hash := sha256.Sum256(body)
	return JWKS{Body: body, ETag: `"` + base64.RawURLEncoding.EncodeToString(hash[:12]) + `"`}, nil
}

var shownStates = []State{Active, Next, Published}

const rsaBits = 2048

// thumbprintLength is the length of a kid: 32 bytes in base64url.
const thumbprintLength = 43

// generate makes a key pair for the algorithm.
func (r *Ring) generate(env environments.ID, algorithm Algorithm, state State) (SigningKey, error) {
	var private crypto.Signer
	var err error
	switch algorithm {
	case RS256, PS256:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("unknown algorithm %q", algorithm)
	}
	if err != nil {
		return SigningKey{}, err
	}
	thumbprint, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return SigningKey{}, err
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return SigningKey{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return SigningKey{}, err
	}
	defer clear(der)
	now := r.now()
	key := SigningKey{
		ID: base64.RawURLEncoding.EncodeToString(thumbprint), Environment: env, Algorithm: algorithm, State: state,
		PublicKey: public, CreatedAt: now,
	}
	if state == Active {
		key.ActivatedAt = now
	}
	key.PrivateKey = r.Vault.Encrypt(key.label(), der)
	return key, nil
}

// now is the time as the Store keeps it.
func (r *Ring) now() time.Time { return r.Now().UTC().Truncate(time.Microsecond) }

func (k *SigningKey) label() Label {
	return Label{Environment: k.Environment, ID: k.ID, Purpose: "signing key"}
}
