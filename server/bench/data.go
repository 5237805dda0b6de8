package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
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

// introduce makes applications, and users who have each signed in to a browser of her own, through the domain on the database of
// the running server. It returns what the browsers send as cookies.
func introduce(ctx context.Context, environ []string, browsers int) (_ *registrations, _ []string, err error) {
	c, err := config.Load("", environ)
	if err != nil {
		return nil, nil, err
	}
	s, err := server.Open(ctx, c, "bench", slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	env, err := s.Environments.BySlug(ctx, server.DefaultSlug)
	if err != nil {
		return nil, nil, err
	}
	made, err := register(ctx, s, env)
	if err != nil {
		return nil, nil, err
	}
	cookies := make([]string, browsers)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(64)
	for i := range cookies {
		group.Go(func() (err error) {
			cookies[i], err = signIn(ctx, s, env)
			return err
		})
	}
	return made, cookies, group.Wait()
}

func register(ctx context.Context, s *server.Server, env *environments.Environment) (*registrations, error) {
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

// signIn makes a user who has signed in.
func signIn(ctx context.Context, s *server.Server, env *environments.Environment) (string, error) {
	user, err := s.Users.Create(ctx, env.ID, identity.NewUser{
		Email: strings.ToLower(rand.Text()) + "@users.example", EmailVerified: true,
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
