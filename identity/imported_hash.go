package identity

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"github.com/alexedwards/argon2id"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
	"golang.org/x/text/unicode/norm"

	"github.com/portico-id/portico/fault"
)

// What a foreign hash may cost, so that an import can't bring the server to its knees.
const (
	maxArgon2Memory = 4 << 20 // KiB
	maxArgon2Passes = 100
	maxArgon2Lanes  = 64
	maxBcryptCost   = 16
	maxScryptWork   = 1 << 30 // 128*N*r*p; the memory in bytes is a lane's share of it
	maxPBKDF2Rounds = 10_000_000

	MaxHashLength = 512 // of the whole string
	minHashKey    = 16  // bytes: a shorter one would match by chance, an empty one always
	maxHashKey    = 128
)

var errHashFormat = errors.New("the hash is not in a format that we know")

// CheckImportedHash says what is wrong with a password's hash that another system made. Portico takes
//
//   - argon2id and argon2i in the PHC format, version 19: $argon2id$v=19$m=19456,t=2,p=1$…$…
//   - bcrypt: $2a$, $2b$, $2y$
//   - scrypt: $scrypt$ln=16,r=8,p=1$…$…
//   - PBKDF2 with SHA-1, SHA-256 or SHA-512: $pbkdf2-sha256$i=600000$…$…, $pbkdf2-sha256$600000$…$… as Passlib writes it, or
//     pbkdf2_sha256$600000$…$… as Django does
//
// of a cost that a sign-in can bear. The error is a *fault.Error that blames the field password_hash.
func CheckImportedHash(hash string) error {
	if _, err := parseHash(hash); err != nil {
		return fault.Invalidf("password_hash", "Use a hash by argon2, bcrypt, scrypt or pbkdf2 in its usual text form.").WithCause(err)
	}
	return nil
}

// verifier computes a hash anew and compares.
type verifier func(password string) (bool, error)

// parseHash returns what verifies passwords against the hash. All hashes but our own kind are of the password as the other
// system got it, so without NFKC.
func parseHash(hash string) (verifier, error) {
	if len(hash) > MaxHashLength {
		return nil, errHashFormat
	}
	if strings.HasPrefix(hash, "pbkdf2_") {
		return parseDjango(hash)
	}
	fields := strings.Split(hash, "$")
	if len(fields) < 4 || fields[0] != "" {
		return nil, errHashFormat
	}
	switch scheme := fields[1]; scheme {
	case "argon2id", "argon2i":
		return parseArgon2(hash, scheme)
	case "2a", "2b", "2y":
		return parseBcrypt(hash)
	case "scrypt":
		return parseScrypt(fields[2:])
	case "pbkdf2", "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512":
		return parsePBKDF2(scheme, fields[2:])
	}
	return nil, errHashFormat
}

func bearable(p *argon2id.Params) bool {
	return p.Parallelism >= 1 && p.Parallelism <= maxArgon2Lanes &&
		p.Iterations >= 1 && p.Iterations <= maxArgon2Passes &&
		p.Memory >= 8*uint32(p.Parallelism) && p.Memory <= maxArgon2Memory // RFC 9106 §3.1
}

func parseArgon2(hash, scheme string) (verifier, error) {
	// The library knows argon2id alone; the two have the same format.
	params, salt, key, err := argon2id.DecodeHash("$argon2id" + strings.TrimPrefix(hash, "$"+scheme))
	if err != nil {
		return nil, err
	}
	if !bearable(params) || !fitting(salt, key) {
		return nil, fmt.Errorf("%s with parameters out of range", scheme)
	}
	if scheme == "argon2id" {
		return func(password string) (bool, error) {
			return argon2id.ComparePasswordAndHash(norm.NFKC.String(password), hash)
		}, nil
	}
	return func(password string) (bool, error) {
		return equal(key, argon2.Key([]byte(password), salt, params.Iterations, params.Memory, params.Parallelism, params.KeyLength)), nil
	}, nil
}

func parseBcrypt(hash string) (verifier, error) {
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil {
		return nil, err
	}
	if cost > maxBcryptCost {
		return nil, fmt.Errorf("bcrypt with cost %d is out of range", cost)
	}
	return func(password string) (bool, error) {
		err := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password))
		if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
			return false, nil
		}
		return err == nil, err
	}, nil
}

// parseScrypt reads ln=16,r=8,p=1, salt, key.
func parseScrypt(fields []string) (verifier, error) {
	if len(fields) != 3 {
		return nil, errHashFormat
	}
	var costs [3]int
	params := strings.Split(fields[0], ",")
	if len(params) != len(costs) {
		return nil, errHashFormat
	}
	for i, name := range []string{"ln=", "r=", "p="} {
		value, ok := strings.CutPrefix(params[i], name)
		if !ok {
			return nil, errHashFormat
		}
		var err error
		if costs[i], err = strconv.Atoi(value); err != nil {
			return nil, errHashFormat
		}
	}
	salt, key, err := decodeSaltAndKey(fields[1], fields[2])
	if err != nil {
		return nil, err
	}
	ln, r, p := costs[0], costs[1], costs[2]
	if ln < 1 || ln > 24 || r < 1 || r > 64 || p < 1 || p > 64 || 128*r*p<<ln > maxScryptWork {
		return nil, fmt.Errorf("scrypt with ln=%d, r=%d, p=%d is out of range", ln, r, p)
	}
	return func(password string) (bool, error) {
		got, err := scrypt.Key([]byte(password), salt, 1<<ln, r, p, len(key))
		return err == nil && equal(key, got), err
	}, nil
}

// parsePBKDF2 reads i=600000 or 600000, salt, key.
func parsePBKDF2(scheme string, fields []string) (verifier, error) {
	if len(fields) != 3 {
		return nil, errHashFormat
	}
	rounds, _, _ := strings.Cut(strings.TrimPrefix(fields[0], "i="), ",") // l=32 may follow, which the key tells as well
	salt, key, err := decodeSaltAndKey(fields[1], fields[2])
	if err != nil {
		return nil, err
	}
	return newPBKDF2(strings.TrimPrefix(scheme, "pbkdf2-"), rounds, salt, key)
}

// parseDjango reads pbkdf2_sha256$600000$salt$key, with the salt in clear.
func parseDjango(hash string) (verifier, error) {
	fields := strings.Split(strings.TrimPrefix(hash, "pbkdf2_"), "$")
	if len(fields) != 4 {
		return nil, errHashFormat
	}
	key, err := base64.StdEncoding.DecodeString(fields[3])
	if err != nil {
		return nil, errHashFormat
	}
	return newPBKDF2(fields[0], fields[1], []byte(fields[2]), key)
}

func newPBKDF2(digest, rounds string, salt, key []byte) (verifier, error) {
	n, err := strconv.Atoi(rounds)
	if err != nil {
		return nil, errHashFormat
	}
	if n < 1 || n > maxPBKDF2Rounds || !fitting(salt, key) {
		return nil, fmt.Errorf("pbkdf2 with %d rounds, a salt of %d and a key of %d bytes is out of range", n, len(salt), len(key))
	}
	var newHash func() hash.Hash
	switch digest {
	case "pbkdf2", "sha1":
		newHash = sha1.New
	case "sha256":
		newHash = sha256.New
	case "sha512":
		newHash = sha512.New
	default:
		return nil, errHashFormat
	}
	return func(password string) (bool, error) {
		got, err := pbkdf2.Key(newHash, password, salt, n, len(key))
		return err == nil && equal(key, got), err
	}, nil
}

// decodeSaltAndKey reads the base64 of the PHC format, without padding, and Passlib's, with a dot for the plus.
func decodeSaltAndKey(salt, key string) (s, k []byte, err error) {
	decode := func(field string) ([]byte, error) {
		return base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.ReplaceAll(field, ".", "+"), "="))
	}
	s, err = decode(salt)
	if err == nil {
		k, err = decode(key)
	}
	if err != nil || !fitting(s, k) {
		return nil, nil, errHashFormat
	}
	return s, k, nil
}

func fitting(salt, key []byte) bool {
	return len(salt) >= 1 && len(key) >= minHashKey && len(key) <= maxHashKey
}

func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
