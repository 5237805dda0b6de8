// Package keys keeps the keys of an environment: the signing keys of its ID tokens and JWT access tokens and their JWK
// Set, the sealing keys of its opaque access tokens, and what guards them and other secrets at rest.
//
//   - Ring signs and verifies JSON Web Signatures, publishes the JWK Set and rotates signing keys.
//   - Sealer seals and opens opaque tokens and rotates the keys for it.
//   - Vault encrypts private keys at rest under a key-encryption key that no database holds.
//   - Pepper is the keyed hash under which generated secrets are stored; Secret is such a secret in clear.
//
// All of them are safe for concurrent use, and for use on many nodes over one database.
package keys

import (
	"crypto"
	"errors"
	"fmt"
	"time"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

// Algorithm is a JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1) that an environment signs with.
type Algorithm string

// The algorithms. RS256 and PS256 use RSA keys of 2048 bits, each its own; ES256 uses P-256, EdDSA uses Ed25519.
const (
	RS256 Algorithm = "RS256"
	PS256 Algorithm = "PS256"
	ES256 Algorithm = "ES256"
	EdDSA Algorithm = "EdDSA"
)

// Algorithms lists every Algorithm, the default of ID tokens first (OIDC Registration §2).
func Algorithms() []Algorithm { return []Algorithm{RS256, PS256, ES256, EdDSA} }

// Valid reports whether a is one of Algorithms.
func (a Algorithm) Valid() bool {
	switch a {
	case RS256, PS256, ES256, EdDSA:
		return true
	}
	return false
}

// Hash is the hash function of at_hash and c_hash in an ID token that is signed with a (OIDC Core §3.1.3.6). For EdDSA it
// is the one inside Ed25519, SHA-512.
func (a Algorithm) Hash() crypto.Hash {
	if a == EdDSA {
		return crypto.SHA512
	}
	return crypto.SHA256
}

// State says what a signing key is used for. A key passes through the states in the order below. The first key of an
// algorithm begins as Active; Retire may end a Next key before it has signed anything.
type State string

// The states of a signing key.
const (
	Next      State = "next"      // in the JWK Set, so that relying parties know it before it signs
	Active    State = "active"    // signs; in the JWK Set
	Published State = "published" // signs no more, but tokens signed with it may live; in the JWK Set
	Retired   State = "retired"   // verifies old ID tokens given as id_token_hint; its private half is gone
)

// SigningKey is a signing key as it is stored.
type SigningKey struct {
	ID          string // kid: the JWK thumbprint (RFC 7638) with SHA-256
	Environment environments.ID
	Algorithm   Algorithm
	State       State
	PublicKey   []byte // PKIX, DER
	PrivateKey  []byte // PKCS #8, DER, encrypted by Vault; nil once retired, and in what Ring.Keys returns

	CreatedAt   time.Time
	ActivatedAt time.Time // the beginning of each later state; zero before it is reached
	PublishedAt time.Time
	RetiredAt   time.Time
}

// SealingKey is a key for opaque tokens as it is stored. It seals from SealsFrom on, until the key with the next ID does;
// it opens what it sealed as long as it is there.
type SealingKey struct {
	ID          uint32 // 1, 2, 3, … in each environment
	Environment environments.ID
	Secret      []byte // 32 bytes, encrypted by Vault
	CreatedAt   time.Time
	SealsFrom   time.Time
}

// Errors of this package. ErrUnknownKey is an ErrUnverified, so that a caller who doesn't care why needs one test.
var (
	ErrNotFound   = fault.NotFoundf("there is no key with this ID")
	ErrConflict   = fault.Conflictf("", "the keys were changed by somebody else at the same time")
	ErrUnverified = errors.New("not made by a key of this environment")
	ErrUnknownKey = fmt.Errorf("%w: unknown key", ErrUnverified)
)
