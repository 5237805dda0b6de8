package grants

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.jetify.com/typeid/v2"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/sessions"
)

// AccessTokenPrefix begins every opaque access token, so that scanners recognize one.
const AccessTokenPrefix = "pt_at_"

// Serial identifies an access token. Its text is the jti.
type Serial [16]byte

// NewSerial makes a random serial.
func NewSerial() (s Serial) {
	rand.Read(s[:])
	return s
}

func (s Serial) String() string { return base64.RawURLEncoding.EncodeToString(s[:]) }

// ParseSerial reads a jti.
func ParseSerial(text string) (s Serial, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != len(s) {
		return s, ErrMalformed
	}
	return Serial(raw), nil
}

// AccessToken is what an access token says. It is kept nowhere: an opaque one is this, sealed, and whether it is alive is the
// answer of its grant and session.
type AccessToken struct {
	Serial  Serial
	Issued  time.Time // in whole seconds
	Expires time.Time // in whole seconds

	// Scopes of the token. Of a user's token they are set only where a refresh narrowed those of its grant (RFC 6749 §6).
	Scopes []string

	// Of a user's token.
	Grant   ID
	Session sessions.ID

	// Of a token by client credentials (RFC 6749 §4.4), which has no grant.
	Application clients.ID
	Audience    []string
}

// ErrMalformed says that a text is no token of this environment: misspelt, forged, or sealed under a key that is gone.
var ErrMalformed = errors.New("not a token of this environment")

// AccessTokens seals and opens opaque access tokens. It reads nothing from the database.
type AccessTokens struct {
	Sealer *keys.Sealer
}

const (
	tokenVersion = 1
	kindUser     = 'u'
	kindClient   = 'c'
)

// sealedAs binds a token to what it is, and to its environment, beside the key.
func sealedAs(env environments.ID) []byte { return []byte("access token of " + string(env)) }

// Seal makes the text of the token.
func (a *AccessTokens) Seal(ctx context.Context, env environments.ID, t *AccessToken) (string, error) {
	plain := make([]byte, 0, 160)
	kind := byte(kindUser)
	if t.Grant == "" {
		kind = kindClient
	}
	plain = append(plain, tokenVersion, kind)
	plain = append(plain, t.Serial[:]...)
	plain = binary.BigEndian.AppendUint64(plain, uint64(t.Issued.Unix()))
	plain = binary.BigEndian.AppendUint32(plain, uint32(t.Expires.Sub(t.Issued)/time.Second))
	var err error
	if kind == kindUser {
		if plain, err = appendID(plain, string(t.Grant)); err == nil {
			plain, err = appendID(plain, string(t.Session))
		}
	} else {
		plain, err = appendID(plain, string(t.Application))
	}
	if err != nil {
		return "", err
	}
	plain = appendList(appendList(plain, t.Scopes), t.Audience)
	sealed, err := a.Sealer.Seal(ctx, env, plain, sealedAs(env))
	if err != nil {
		return "", fmt.Errorf("seal an access token: %w", err)
	}
	text := make([]byte, len(AccessTokenPrefix)+base64.RawURLEncoding.EncodedLen(len(sealed)))
	copy(text, AccessTokenPrefix)
	base64.RawURLEncoding.Encode(text[len(AccessTokenPrefix):], sealed)
	return string(text), nil
}

// Open reads the text of a token. It returns ErrMalformed; it doesn't look at the clock.
func (a *AccessTokens) Open(ctx context.Context, env environments.ID, text string) (*AccessToken, error) {
	if len(text) <= len(AccessTokenPrefix) || len(text) > 16<<10 || text[:len(AccessTokenPrefix)] != AccessTokenPrefix {
		return nil, ErrMalformed
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text[len(AccessTokenPrefix):])
	if err != nil {
		return nil, ErrMalformed
	}
	plain, err := a.Sealer.Open(ctx, env, sealed, sealedAs(env))
	if err != nil {
		if errors.Is(err, keys.ErrUnverified) {
			return nil, ErrMalformed
		}
		return nil, fmt.Errorf("open an access token: %w", err)
	}
	r := reader{plain}
	version, kind := r.byte(), r.byte()
	t := &AccessToken{}
	copy(t.Serial[:], r.take(len(t.Serial)))
	t.Issued = time.Unix(int64(r.uint64()), 0).UTC()
	t.Expires = t.Issued.Add(time.Duration(r.uint32()) * time.Second)
	switch {
	case version == tokenVersion && kind == kindUser:
		t.Grant, t.Session = ID(r.id("grt")), sessions.ID(r.id("ses"))
	case version == tokenVersion && kind == kindClient:
		t.Application = clients.ID(r.id("app"))
	default:
		return nil, ErrMalformed
	}
	t.Scopes, t.Audience = r.list(), r.list()
	if r.rest == nil {
		return nil, ErrMalformed
	}
	return t, nil
}

func appendID(dst []byte, id string) ([]byte, error) {
	parsed, err := typeid.Parse(id)
	if err != nil {
		return nil, fmt.Errorf("put %q into an access token: %w", id, err)
	}
	return append(dst, parsed.Bytes()...), nil
}

func appendList(dst []byte, list []string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, s := range list {
		dst = append(binary.AppendUvarint(dst, uint64(len(s))), s...)
	}
	return dst
}

// reader takes a token's plaintext apart. What is too short leaves rest nil, and every later take gives zeros.
type reader struct{ rest []byte }

func (r *reader) take(n int) []byte {
	if n < 0 || len(r.rest) < n {
		r.rest = nil
		return make([]byte, min(max(n, 0), 16))
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) byte() byte     { return r.take(1)[0] }
func (r *reader) uint32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) uint64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

func (r *reader) id(prefix string) string {
	id, err := typeid.FromBytes(prefix, r.take(16))
	if err != nil {
		r.rest = nil
		return ""
	}
	return id.String()
}

func (r *reader) length() int {
	n, used := binary.Uvarint(r.rest)
	if used <= 0 || n > uint64(len(r.rest)) {
		r.rest = nil
		return 0
	}
	r.rest = r.rest[used:]
	return int(n)
}

func (r *reader) list() []string {
	n := r.length()
	if n == 0 {
		return nil
	}
	list := make([]string, 0, n)
	for range n {
		list = append(list, string(r.take(r.length())))
	}
	return list
}
