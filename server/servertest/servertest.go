// Package servertest runs the whole server for tests: real listeners, a real database, and a browser without scripts that
// fills in the hosted pages as a person would.
package servertest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/config"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/server"
	"github.com/portico-id/portico/storage/storagetest"
)

// Password is that of every user whom AddUser makes.
const Password = "correct horse battery staple"

// Installation is a running server with its first environment.
type Installation struct {
	*server.Server
	Environment *environments.Environment
	Issuer      string // of Environment, which is that of the installation
}

// Options change how Start runs the server. The zero value is local mode on SQLite in a folder of the test's own.
type Options struct {
	DatabaseURL string            // "" is a new SQLite file
	DataDir     string            // "" is a new folder
	Variables   map[string]string // PORTICO_* beyond those that Start sets
	Log         io.Writer         // nil discards
}

// Start runs a server until the test ends.
func Start(t testing.TB, o Options) *Installation {
	t.Helper()
	c := Config(t, o)
	out := o.Log
	if out == nil {
		out = io.Discard
	}
	ctx, stop := context.WithCancel(context.Background())
	s, err := server.Open(ctx, c, "test", slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		stop()
		t.Fatal(err)
	}
	if err := s.Bootstrap(ctx); err != nil {
		stop()
		t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- s.Run(ctx, func() { close(ready) }) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(30 * time.Second):
			t.Error("the server did not stop")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		t.Fatal(err)
	}
	env, err := s.Environments.BySlug(ctx, server.DefaultSlug)
	if err != nil {
		t.Fatal(err)
	}
	return &Installation{Server: s, Environment: env, Issuer: c.PublicURL}
}

// Each runs the test against a server on SQLite and one on PostgreSQL.
func Each(t *testing.T, o Options, test func(*testing.T, *Installation)) {
	t.Run("sqlite", func(t *testing.T) { test(t, Start(t, o)) })
	t.Run("postgres", func(t *testing.T) {
		o.DatabaseURL = storagetest.EmptyPostgresURL(t)
		test(t, Start(t, o))
	})
}

// Config is a configuration for a server of a test's own, on a free port. Passwords are hashed quickly.
func Config(t testing.TB, o Options) *config.Config {
	t.Helper()
	dir := o.DataDir
	if dir == "" {
		dir = t.TempDir()
	}
	address := FreeAddress(t)
	variables := map[string]string{
		"PORTICO_DATA_DIR": dir, "PORTICO_LISTEN": address, "PORTICO_PUBLIC_URL": "http://" + address,
		"PORTICO_PASSWORDS_ARGON2_MEMORY_KIB": "7168", "PORTICO_PASSWORDS_ARGON2_ITERATIONS": "1", "PORTICO_PASSWORDS_ARGON2_PARALLELISM": "1",
	}
	if o.DatabaseURL != "" {
		variables["PORTICO_DATABASE_URL"] = o.DatabaseURL
	}
	for key, value := range o.Variables {
		variables[key] = value
	}
	environ := make([]string, 0, len(variables))
	for key, value := range variables {
		environ = append(environ, key+"="+value)
	}
	c, err := config.Load("", environ)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// FreeAddress is an address of this machine on which nobody listens.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Client is an application with its secret in clear.
type Client struct {
	*clients.Application
	Secret string // "" for a public client
}

// AddClient registers an application of the kind, with https://<name>.example/cb as its redirect URI unless configure sets others.
func (i *Installation) AddClient(t testing.TB, name string, kind clients.Kind, configure func(*clients.Application)) Client {
	t.Helper()
	app, secret, err := i.Applications.Create(context.Background(), i.Environment, clients.New{Kind: kind, Name: name, ClientID: strings.ToLower(name), Configure: func(a *clients.Application) error {
		if a.HasUsers() {
			a.RedirectURIs = []string{fmt.Sprintf("https://%s.example/cb", strings.ToLower(name))}
		}
		if configure != nil {
			configure(a)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return Client{Application: app, Secret: secret.Reveal()}
}

// Change updates an application as an operator would.
func (i *Installation) Change(t testing.TB, id clients.ID, change func(*clients.Application)) {
	t.Helper()
	err := i.Applications.Update(context.Background(), i.Environment, id, func(a *clients.Application) error {
		change(a)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// AddUser makes a user with every standard claim and the Password.
func (i *Installation) AddUser(t testing.TB, email string) *identity.User {
	t.Helper()
	user, err := i.Users.Create(context.Background(), i.Environment.ID, identity.NewUser{
		Email: email, EmailVerified: true, Password: Password,
		Profile: identity.Profile{
			Name: "Ada Lovelace", GivenName: "Ada", FamilyName: "Lovelace", MiddleName: "King", Nickname: "Countess", PreferredUsername: "ada",
			Profile: "https://ada.example/about", Picture: "https://ada.example/me.png", Website: "https://ada.example", Gender: "female",
			Birthdate: "1815-12-10", Zoneinfo: "Europe/London", Locale: "en-GB", PhoneNumber: "+442079460000", PhoneNumberVerified: true,
			Address: identity.Address{
				Formatted: "12 St James's Square\nLondon", StreetAddress: "12 St James's Square", Locality: "London", Region: "England",
				PostalCode: "SW1Y 4JH", Country: "United Kingdom",
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return user
}
