package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/config"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/server"
	"github.com/portico-id/portico/sessions"
)

// ready is what a process under load says once it can be asked.
type ready struct {
	Address string // host:port of its public listener
	Control string // host:port where the server is set up and profiled; "" for the floors
}

// registrations are the applications that the scenarios use.
type registrations struct {
	Machine    registration // client credentials, opaque tokens
	MachineJWT registration // client credentials, JWT by ES256
	Web        registration // users; ID tokens by ES256
	WebRS256   registration // users; ID tokens by RS256
	Resource   registration // an API, which introspects
}

type registration struct {
	ClientID string
	Secret   string
}

const redirectURI = "https://web.example/callback"

// serve is the server under load: the real one, with a second listener by which it gets its data.
func serve(args []string) error {
	flags := flag.NewFlagSet(roleServe, flag.ContinueOnError)
	dir := flags.String("data", "", "data directory")
	database := flags.String("database", "", "database URL")
	if err := flags.Parse(args); err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	c, err := config.Load("", []string{
		"PORTICO_DATA_DIR=" + *dir, "PORTICO_DATABASE_URL=" + *database, "PORTICO_LISTEN=" + address, "PORTICO_PUBLIC_URL=http://" + address,
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	s, err := server.Open(ctx, c, "bench", slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: c.Log.Level})))
	if err != nil {
		return err
	}
	if err := s.Bootstrap(ctx); err != nil {
		return errors.Join(err, s.Close())
	}
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, s.Close())
	}
	defer control.Close()
	go func() { _ = http.Serve(control, controls(s)) }() // ends with the process
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when the parent is done with us, or gone
		stop()
	}()
	err = s.Run(ctx, func() {
		_ = json.NewEncoder(os.Stdout).Encode(ready{Address: address, Control: control.Addr().String()})
	})
	return errors.Join(err, s.Close())
}

// controls serves what makes data through the domain, and the profiles.
func controls(s *server.Server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /registrations", func(w http.ResponseWriter, r *http.Request) {
		made, err := register(r.Context(), s)
		reply(w, made, err)
	})
	mux.HandleFunc("POST /browsers", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.FormValue("n"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		made, err := signIn(r.Context(), s, n)
		reply(w, made, err)
	})
	mux.HandleFunc("GET /profile", pprof.Profile)
	return mux
}

func reply(w http.ResponseWriter, made any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(made)
}

func register(ctx context.Context, s *server.Server) (*registrations, error) {
	env, err := s.Environments.BySlug(ctx, server.DefaultSlug)
	if err != nil {
		return nil, err
	}
	var all registrations
	web := func(a *clients.Application) {
		a.RedirectURIs = []string{redirectURI}
		a.SessionPolicy.AccessTokenLifetime = time.Hour // longer than the measurements
		// Chains rotate here in seconds what they rotate in hours elsewhere. Without a window each keeps the one replaced
		// token that it usually keeps.
		a.SessionPolicy.RefreshReuseWindow = 0
	}
	for _, app := range []struct {
		into      *registration
		kind      clients.Kind
		configure func(*clients.Application)
	}{
		{&all.Machine, clients.Machine, func(*clients.Application) {}},
		{&all.MachineJWT, clients.Machine, func(a *clients.Application) {
			a.AccessTokenFormat, a.IDTokenSignedResponseAlg = clients.JWT, string(keys.ES256)
		}},
		{&all.Web, clients.Web, func(a *clients.Application) {
			web(a)
			a.IDTokenSignedResponseAlg = string(keys.ES256)
		}},
		{&all.WebRS256, clients.Web, web},
		{&all.Resource, clients.API, func(*clients.Application) {}},
	} {
		made, secret, err := s.Applications.Create(ctx, env, clients.New{Kind: app.kind, Name: "Bench", Configure: func(a *clients.Application) error {
			app.configure(a)
			return nil
		}})
		if err != nil {
			return nil, err
		}
		*app.into = registration{ClientID: made.ClientID, Secret: secret.Reveal()}
	}
	return &all, nil
}

// signIn makes n users who have signed in, each in a browser of her own, and returns what the browsers send as cookies.
func signIn(ctx context.Context, s *server.Server, n int) ([]string, error) {
	env, err := s.Environments.BySlug(ctx, server.DefaultSlug)
	if err != nil {
		return nil, err
	}
	cookies := make([]string, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(64)
	for i := range n {
		group.Go(func() (err error) {
			cookies[i], err = signInOne(ctx, s, env)
			return err
		})
	}
	return cookies, group.Wait()
}

func signInOne(ctx context.Context, s *server.Server, env *environments.Environment) (string, error) {
	name := strings.ToLower(string(sessions.NewHandle()[:16]))
	name = strings.NewReplacer("-", "x", "_", "y").Replace(name)
	user, err := s.Users.Create(ctx, env.ID, identity.NewUser{
		Email: name + "@users.example", EmailVerified: true,
		Profile: identity.Profile{
			Name: "Ada Lovelace", GivenName: "Ada", FamilyName: "Lovelace", PreferredUsername: "ada", Locale: "en-GB", Zoneinfo: "Europe/London",
		},
	})
	if err != nil {
		return "", err
	}
	authentication := sessions.Authentication{AuthTime: s.Clock.Now(), AMR: []string{"pwd"}, ACR: sessions.ACRPassword}
	_, handle, err := s.Sessions.SignIn(ctx, env, "", user, authentication, true)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("portico-%s=%s", env.Slug, handle), nil
}
