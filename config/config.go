// Package config makes one checked struct of a YAML file and PORTICO_* variables.
//
// config.example.yaml documents every key. The table in settings.go is where a key, its default and
// what it accepts are written down; rules.go holds what several keys have to agree on.
package config

import (
	"crypto/hkdf"
	"crypto/sha256"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Config is a checked configuration. Load makes it; nothing changes it afterwards. Where
// config.example.yaml lets a default depend on something else, the field holds the outcome.
type Config struct {
	Listen          string // host:port of the public listener; without a host, every address
	PublicURL       string // origin of the first issuer, such as "https://id.example.com", without a slash at the end
	DataDir         string // may not exist yet
	Database        Database
	Secret          Secret
	PreviousSecrets []Secret
	Proxy           Proxy
	Outgoing        Outgoing
	Mail            Mail
	Log             Log
	Metrics         Metrics
	Limits          Limits
	Purge           Purge
	Passwords       Passwords
	Demo            Demo
}

// Database says where everything is kept.
type Database struct {
	URL            DatabaseURL
	MaxConnections int
}

// Proxy says whom we believe about the address of a client.
type Proxy struct {
	Trusted []netip.Prefix // masked; empty: nobody
}

// Outgoing is about the requests that Portico makes to addresses of applications, such as for back-channel logout.
type Outgoing struct {
	PrivateNetworks bool // they may go to addresses of private networks, and of this machine; always true in local mode
}

// Mail says how messages leave the house. Without an SMTP host, which happens in local mode alone,
// they go to the mailbox at /dev/mailbox.
type Mail struct {
	From string // RFC 5322 mailbox, with or without a name
	SMTP SMTP
}

// SMTP is the server that takes our mail.
type SMTP struct {
	Host     string // "" for the mailbox
	Port     int
	Username string // "" for no authentication
	Password Secret
	TLS      string // "starttls" (demanded, not tried), "implicit" or "none"
}

// Log says what is logged, and how.
type Log struct {
	Level  slog.Level
	Format string // "text" or "json"
}

// Metrics is the listener of /metrics.
type Metrics struct {
	Listen string // "" for none
}

// Limits bound what one request of the public listener may cost.
type Limits struct {
	BodyBytes         int64
	HeaderBytes       int // request line and header fields
	ReadHeaderTimeout time.Duration
	ReadTimeout       time.Duration
	WriteTimeout      time.Duration
	IdleTimeout       time.Duration
}

// Purge says how what has expired is removed.
type Purge struct {
	Interval  time.Duration
	Batch     int           // rows of one statement
	Retention time.Duration // for which ended sessions stay, to tell people why they ended
}

// Passwords says what a password must be and what its hash costs.
type Passwords struct {
	MinLength      int // characters, where no second factor is required
	ParallelHashes int // computed at the same time; others wait
	Argon2         Argon2
}

// Argon2 holds the parameters of argon2id (RFC 9106 §3.1).
type Argon2 struct {
	MemoryKiB   uint32
	Iterations  uint32
	Parallelism uint8
}

// Demo is the pair of applications that show a newcomer how signing in works.
type Demo struct {
	Enabled bool
	Listen  string
}

// Local reports whether people reach Portico from this machine alone, because its public URL names
// a loopback address. Only then may mail stop in a mailbox, http do, and the pages below /dev exist.
func (c *Config) Local() bool {
	u, err := url.Parse(c.PublicURL)
	return err == nil && loopback(u.Hostname())
}

// Key derives a key of 32 bytes from the secret, by HKDF-SHA256 (RFC 5869) with label as info.
// Different labels give independent keys. It panics on a Config without a secret, which Load never
// returns.
func (c *Config) Key(label string) []byte {
	return derive(c.Secret, label)
}

// PreviousKeys returns what Key returned under each of the previous secrets, in their order, for
// reading what was written before a rotation.
func (c *Config) PreviousKeys(label string) [][]byte {
	keys := make([][]byte, len(c.PreviousSecrets))
	for i, secret := range c.PreviousSecrets {
		keys[i] = derive(secret, label)
	}
	return keys
}

func derive(secret Secret, label string) []byte {
	if secret == "" {
		panic("config: a key of a Config without a secret")
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, label, 32)
	if err != nil {
		panic("config: " + err.Error()) // 32 bytes are within the limit of HKDF-SHA256
	}
	return key
}

// String returns a line "key: value" for every key, with secrets hidden and nothing after the colon
// of what isn't set.
func (c *Config) String() string {
	var b strings.Builder
	for _, s := range c.settings() {
		b.WriteString(strings.TrimRight(s.key+": "+s.show(), " ") + "\n")
	}
	return b.String()
}
