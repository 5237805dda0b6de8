package config

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

const (
	minSecretLength = 32 // characters
	hidden          = "[secret]"
)

// Secret is a text that logs, JSON and fmt show as "[secret]".
type Secret string

// Reveal returns the secret in clear.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string { return hidden }

// Format keeps verbs that don't ask String, such as %x and %#v, from showing the secret.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// MarshalText makes JSON, YAML and slog say "[secret]" too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// DatabaseURL is "sqlite:FILE" or a postgres:// URL, which logs, JSON and fmt show without its password.
type DatabaseURL string

// Reveal returns the URL with its password.
func (u DatabaseURL) Reveal() string { return string(u) }

// Driver returns "sqlite" or "postgres".
func (u DatabaseURL) Driver() string {
	if strings.HasPrefix(string(u), "sqlite:") {
		return "sqlite"
	}
	return "postgres"
}

// File returns the file of an SQLite database; "" for PostgreSQL.
func (u DatabaseURL) File() string {
	file, ok := strings.CutPrefix(string(u), "sqlite:")
	if !ok {
		return ""
	}
	return file
}

func (u DatabaseURL) String() string {
	if u.Driver() == "sqlite" {
		return string(u)
	}
	parsed, err := url.Parse(string(u))
	if err != nil {
		return hidden
	}
	if _, ok := parsed.User.Password(); ok {
		parsed.User = url.UserPassword(parsed.User.Username(), "xxxxx")
	}
	query := parsed.Query()
	for _, name := range []string{"password", "sslpassword"} {
		if query.Has(name) {
			query.Set(name, "xxxxx")
		}
	}
	parsed.RawQuery = query.Encode()
	return parsed.String()
}

// Format keeps verbs that don't ask String from showing the password.
func (u DatabaseURL) Format(f fmt.State, _ rune) { io.WriteString(f, u.String()) }

// MarshalText makes JSON, YAML and slog hide the password too.
func (u DatabaseURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

var errDamaged = errors.New("the file secret in it is damaged; restore it from a backup, as the keys in the database can't be read without it")

// keptSecret returns the secret of the file dir/secret, making both where they don't exist. Of two
// processes that start at the same time both get the one that was there first.
func keptSecret(dir string) (Secret, error) {
	file := filepath.Join(dir, "secret")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeSecret(dir, file); err != nil {
			return "", err
		}
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if utf8.RuneCountInString(secret) < minSecretLength {
		return "", errDamaged
	}
	return Secret(secret), nil
}

// makeSecret writes a new secret of 256 bits to file, in dir, and overwrites nothing. The file
// appears complete or not at all.
func makeSecret(dir, file string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(dir, ".secret-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	defer temporary.Close()

	random := make([]byte, 32)
	rand.Read(random)
	if _, err := fmt.Fprintln(temporary, base64.RawURLEncoding.EncodeToString(random)); err != nil {
		return err
	}
	if err := temporary.Sync(); err != nil {
		return err
	}
	if err := os.Link(temporary.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if directory, err := os.Open(dir); err == nil {
		directory.Sync() // so that a power failure keeps the name too, where the file system can
		directory.Close()
	}
	return nil
}
