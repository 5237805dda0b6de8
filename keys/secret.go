package keys

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[secret]"

// Secret is a secret in clear, such as a client secret or an API key that is shown once. However it is printed, logged or
// marshalled, alone or deep inside a struct, it reads "[secret]" or as an address; only Reveal tells it. The zero value is
// the empty secret. Secrets are compared with Equal, not with ==.
type Secret struct {
	// fmt calls no methods of unexported fields, but it follows no pointer below the top either.
	value *string
}

// NewSecret generates a secret of 256 random bits: the prefix and 43 letters and digits.
func NewSecret(prefix string) Secret {
	const (
		alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		length   = 43                                  // 62^43 > 2^256
		fair     = 256 / len(alphabet) * len(alphabet) // bytes from here on would favour the first letters
	)
	value := append(make([]byte, 0, len(prefix)+length), prefix...)
	var random [64]byte
	for {
		rand.Read(random[:])
		for _, b := range random {
			if int(b) >= fair {
				continue
			}
			value = append(value, alphabet[int(b)%len(alphabet)])
			if len(value) == cap(value) {
				return SecretOf(string(value))
			}
		}
	}
}

// SecretOf makes a Secret of a value that came from outside, such as one that a client presents.
func SecretOf(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{&value}
}

// Reveal returns the secret in clear.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether there is no secret.
func (s Secret) Empty() bool { return s.value == nil }

// Equal compares in a time that doesn't depend on the contents.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// Hint is the last 4 characters, by which people tell secrets apart; "" for one too short to spare them.
func (s Secret) Hint() string {
	v := s.Reveal()
	if len(v) < 20 {
		return ""
	}
	return v[len(v)-4:]
}

func (s Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return redacted }

// Format implements fmt.Formatter, for every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler, and so covers JSON, XML and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
