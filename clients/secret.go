package clients

import "time"

// Secret is one of an application's client secrets, of which the clear text is not kept.
type Secret struct {
	ID        string // sec_…
	Name      string
	Hint      string // its last four characters
	Hash      [32]byte
	CreatedAt time.Time
	ExpiresAt time.Time // the zero value is never
	// LastUsed is the zero value if it was never used. The Store reads it, and changes it by MarkSecretsUsed alone.
	LastUsed SecretUse
}

// SecretUse is the latest use of a secret.
type SecretUse struct {
	At      time.Time
	Address string
}

// Alive reports whether the secret is good at now. A moment exactly at its expiry counts as expired.
func (s *Secret) Alive(now time.Time) bool { return s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt) }
