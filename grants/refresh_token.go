package grants

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/keys"
)

// RefreshTokenPrefix begins every refresh token.
const RefreshTokenPrefix = "pt_rt_"

const (
	secretLen  = 32
	tagLen     = 16
	refreshLen = len(ChainID{}) + 4 + secretLen + tagLen
)

// refreshToken is a refresh token taken apart. The tag shows that it was issued here, before any query: only what we
// issued can find a chain, and an old generation that carries a true tag was really used before.
type refreshToken struct {
	raw [refreshLen]byte
}

func newRefreshToken(p *keys.Pepper, env environments.ID, chain ChainID, generation uint32, secret [secretLen]byte) refreshToken {
	var t refreshToken
	b := append(t.raw[:0], chain[:]...)
	b = binary.BigEndian.AppendUint32(b, generation)
	b = append(b, secret[:]...)
	tag := p.Sum("refresh token tag "+string(env), b)
	copy(t.raw[refreshLen-tagLen:], tag[:])
	return t
}

func randomSecret() (s [secretLen]byte) {
	rand.Read(s[:])
	return s
}

func parseRefreshToken(p *keys.Pepper, env environments.ID, text string) (refreshToken, error) {
	var t refreshToken
	if len(text) != len(RefreshTokenPrefix)+base64.RawURLEncoding.EncodedLen(refreshLen) || text[:len(RefreshTokenPrefix)] != RefreshTokenPrefix {
		return t, ErrMalformed
	}
	if n, err := base64.RawURLEncoding.Strict().Decode(t.raw[:], []byte(text[len(RefreshTokenPrefix):])); err != nil || n != refreshLen {
		return t, ErrMalformed
	}
	body, tag := t.raw[:refreshLen-tagLen], t.raw[refreshLen-tagLen:]
	for sum := range p.Sums("refresh token tag "+string(env), body) {
		if subtle.ConstantTimeCompare(sum[:tagLen], tag) == 1 {
			return t, nil
		}
	}
	return t, ErrMalformed
}

func (t *refreshToken) chain() ChainID     { return ChainID(t.raw[:16]) }
func (t *refreshToken) generation() uint32 { return binary.BigEndian.Uint32(t.raw[16:20]) }

func (t *refreshToken) text() string {
	return RefreshTokenPrefix + base64.RawURLEncoding.EncodeToString(t.raw[:])
}

// seal keeps the secret of the token's successor so that only who presents the token again can open it. The key is used
// once, so the nonce may be zero.
func (t *refreshToken) seal(successor [secretLen]byte) []byte {
	aead := t.successorCipher()
	return aead.Seal(nil, make([]byte, aead.NonceSize()), successor[:], nil)
}

func (t *refreshToken) open(sealed []byte) ([secretLen]byte, error) {
	aead := t.successorCipher()
	plain, err := aead.Open(nil, make([]byte, aead.NonceSize()), sealed, nil)
	if err != nil || len(plain) != secretLen {
		return [secretLen]byte{}, ErrMalformed
	}
	return [secretLen]byte(plain), nil
}

func (t *refreshToken) successorCipher() cipher.AEAD {
	key, err := hkdf.Key(sha256.New, t.raw[20:20+secretLen], t.raw[:20], "portico refresh token successor", chacha20poly1305.KeySize)
	if err != nil {
		panic(err) // only for a key longer than HKDF can give
	}
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		panic(err) // only for a key of another size
	}
	return aead
}
