package main

import (
	"context"
	"errors"
	"log/slog"
	"os/user"
	"strings"
	"time"

	"github.com/lmittmann/tint"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/config"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/server"
)

// horizon is the time within which a running server has seen what another process committed: twice what storage.DB.Changes
// promises.
const horizon = 100 * time.Millisecond

// installed calls do with the installation that the configuration names, and makes that one first where there is none. It
// returns when running servers know what do has changed.
func (c *cli) installed(ctx context.Context, do func(context.Context, *server.Server) error) error {
	cfg, err := config.Load(c.config, c.environ)
	if err != nil {
		return err
	}
	level := max(cfg.Log.Level, slog.LevelWarn)
	log := slog.New(slog.NewTextHandler(c.stderr, &slog.HandlerOptions{Level: level}))
	s, err := server.Open(ctx, cfg, c.version, log)
	if err != nil {
		return err
	}
	ctx = audit.WithActor(ctx, audit.Actor{Kind: audit.ActorSystem, Name: operatingSystemUser()})
	if err = s.Bootstrap(ctx); err == nil {
		err = do(ctx, s)
	}
	if s.DB.Stats().Transactions > 0 {
		select {
		case <-time.After(horizon):
		case <-ctx.Done():
		}
	}
	return errors.Join(err, s.Close())
}

// operatingSystemUser names whoever types the commands, for the record of events.
func operatingSystemUser() string {
	if u, err := user.Current(); err == nil {
		return "command line: " + u.Username
	}
	return "command line"
}

// logger is the one of a server that runs.
func (c *cli) logger(cfg *config.Config) *slog.Logger {
	switch {
	case cfg.Log.Format == "json":
		return slog.New(slog.NewJSONHandler(c.stderr, &slog.HandlerOptions{Level: cfg.Log.Level}))
	case cfg.Local():
		return slog.New(tint.NewTextHandler(c.stderr, &tint.Options{Level: cfg.Log.Level, TimeFormat: time.TimeOnly, NoColor: !c.coloured(c.stderr)}))
	}
	return slog.New(slog.NewTextHandler(c.stderr, &slog.HandlerOptions{Level: cfg.Log.Level}))
}

// chosen returns the environment of --environment.
func (c *cli) chosen(ctx context.Context, s *server.Server) (*environments.Environment, error) {
	return environment(ctx, s, c.environment)
}

func environment(ctx context.Context, s *server.Server, slug string) (*environments.Environment, error) {
	env, err := s.Environments.BySlug(ctx, slug)
	if errors.Is(err, environments.ErrNotFound) {
		return nil, fault.NotFoundf("there is no environment %q; portico environment list shows all", slug)
	}
	return env, err
}

// application finds an application by its ID or client ID; "default" is the default application.
func application(ctx context.Context, s *server.Server, env *environments.Environment, reference string) (*clients.Application, error) {
	var app *clients.Application
	var err error
	switch {
	case reference == "default":
		app, err = s.Applications.ByID(ctx, env.ID, clients.ID(env.DefaultApplication))
	case strings.HasPrefix(reference, "app_"):
		app, err = s.Applications.ByID(ctx, env.ID, clients.ID(reference))
	default:
		app, err = s.Applications.ByClientID(ctx, env.ID, reference)
	}
	if errors.Is(err, clients.ErrNotFound) {
		return nil, fault.NotFoundf("there is no application %q in the environment %s; portico application list shows all", reference, env.Slug)
	}
	return app, err
}

// person finds a user by ID or e-mail address.
func person(ctx context.Context, s *server.Server, env *environments.Environment, reference string) (*identity.User, error) {
	find := func() (*identity.User, error) { return s.Users.Get(ctx, env.ID, identity.ID(reference)) }
	if strings.Contains(reference, "@") {
		find = func() (*identity.User, error) { return s.Users.ByEmail(ctx, env.ID, reference) }
	}
	u, err := find()
	if errors.Is(err, identity.ErrNotFound) {
		return nil, fault.NotFoundf("there is no user %q in the environment %s", reference, env.Slug)
	}
	return u, err
}
