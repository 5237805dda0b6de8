package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/portico-id/portico/environments"
)

// MinKeyEncryptionKey is the least length of a key-encryption key in bytes.
const MinKeyEncryptionKey = 32

// Vault encrypts what must not be read from the database or its backups, with AES-256-GCM under a key-encryption key
// (KEK) from the configuration. A ciphertext names its KEK, so that KEKs can be replaced: new ones are written under the
// current KEK, old ones are read under a previous one until Rewrap has moved them.
type Vault struct {
	current *encryptionKey
	keys    map[encryptionKeyID]*encryptionKey
}

type encryptionKeyID [8]byte

type encryptionKey struct {
	id   encryptionKeyID
	aead cipher.AEAD // puts a random nonce of 12 bytes before its ciphertext
}

// Label says what a ciphertext is: it can only be decrypted under the label that it was encrypted with, so that nobody
// who writes to the database can move one to another place.
type Label struct {
	Environment environments.ID
	ID          string // of the row
	Purpose     string // such as "signing key"
}

// ErrNoEncryptionKey is returned when a ciphertext was made under a key-encryption key that the Vault wasn't given.
var ErrNoEncryptionKey = errors.New("encrypted under a key-encryption key that is not configured; add it to the previous ones")

// NewVault returns a Vault that encrypts under current and also decrypts what was encrypted under previous. It returns an
// error for a key of less than MinKeyEncryptionKey bytes.
func NewVault(current []byte, previous ...[]byte) (*Vault, error) {
	v := &Vault{keys: map[encryptionKeyID]*encryptionKey{}}
	for i, secret := range append([][]byte{current}, previous...) {
		key, err := newEncryptionKey(secret)
		if err != nil {
			return nil, fmt.Errorf("key-encryption key %d: %w", i, err)
		}
		if i == 0 {
			v.current = key
		}
		v.keys[key.id] = key
	}
	return v, nil
}

func newEncryptionKey(secret []byte) (*encryptionKey, error) {
	if len(secret) < MinKeyEncryptionKey {
		return nil, fmt.Errorf("has %d bytes, needs %d at least", len(secret), MinKeyEncryptionKey)
	}
	derived, err := hkdf.Key(sha256.New, secret, nil, "portico key encryption: aes-256-gcm", 32)
	if err != nil {
		return nil, err
	}
	id, err := hkdf.Key(sha256.New, secret, nil, "portico key encryption: id", len(encryptionKeyID{}))
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &encryptionKey{id: encryptionKeyID(id), aead: aead}, nil
}

// vaultVersion is the first byte of a ciphertext; the ID of the KEK, the nonce and the sealed text follow.
const vaultVersion = 1

const vaultHeader = 1 + len(encryptionKeyID{})

// Encrypt encrypts the plaintext under the current KEK.
func (v *Vault) Encrypt(label Label, plaintext []byte) []byte {
	out := make([]byte, 0, vaultHeader+v.current.aead.Overhead()+len(plaintext))
	out = append(out, vaultVersion)
	out = append(out, v.current.id[:]...)
	return v.current.aead.Seal(out, nil, plaintext, label.additional())
}

// Decrypt returns the plaintext. Errors: ErrNoEncryptionKey; ErrUnverified if the ciphertext was changed or belongs to
// another label.
func (v *Vault) Decrypt(label Label, ciphertext []byte) ([]byte, error) {
	id, ok := vaultKeyID(ciphertext)
	if !ok {
		return nil, fmt.Errorf("decrypt %s %s: %w", label.Purpose, label.ID, ErrUnverified)
	}
	key := v.keys[id]
	if key == nil {
		return nil, fmt.Errorf("decrypt %s %s: %w (its ID is %x)", label.Purpose, label.ID, ErrNoEncryptionKey, id)
	}
	plaintext, err := key.aead.Open(nil, nil, ciphertext[vaultHeader:], label.additional())
	if err != nil {
		return nil, fmt.Errorf("decrypt %s %s: %w", label.Purpose, label.ID, ErrUnverified)
	}
	return plaintext, nil
}

// Current reports whether the ciphertext was made under the current KEK, so that there is nothing to rewrap.
func (v *Vault) Current(ciphertext []byte) bool {
	id, ok := vaultKeyID(ciphertext)
	return ok && id == v.current.id
}

// Rewrap encrypts anew, under the current KEK, what was encrypted under any. Its errors are those of Decrypt.
func (v *Vault) Rewrap(label Label, ciphertext []byte) ([]byte, error) {
	plaintext, err := v.Decrypt(label, ciphertext)
	if err != nil {
		return nil, err
	}
	defer clear(plaintext)
	return v.Encrypt(label, plaintext), nil
}

func vaultKeyID(ciphertext []byte) (encryptionKeyID, bool) {
	if len(ciphertext) < vaultHeader || ciphertext[0] != vaultVersion {
		return encryptionKeyID{}, false
	}
	return encryptionKeyID(ciphertext[1:vaultHeader]), true
}

// additional is the label as data to authenticate; lengths keep its parts apart.
func (l Label) additional() []byte {
	var b []byte
	for _, part := range []string{string(l.Environment), l.ID, l.Purpose} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}
