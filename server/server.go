// Package server is the composition root: it builds everything from the configuration, mounts the edges and runs them.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/admin/api"
	"github.com/portico-id/portico/admin/apply"
	"github.com/portico-id/portico/admin/dashboard"
	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/config"
	"github.com/portico-id/portico/delivery"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/login"
	"github.com/portico-id/portico/mail"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/provider"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/templates"
)

// Server is an installation, built and ready: the domain over its database, and the edges over the domain. The command
// line works on the same without serving.
type Server struct {
	Config  *config.Config
	Version string
	Log     *slog.Logger
	Clock   *Clock

	DB            *storage.DB
	Audit         *audit.Log
	Environments  *environments.Registry
	Keys          *keys.Ring
	Sealer        *keys.Sealer
	Applications  *clients.Registry
	APIKeys       *clients.APIKeys
	Users         *identity.Registry
	Organizations *organizations.Registry
	Sessions      *sessions.Registry
	Sweep         *sessions.Sweep
	Ledger        *grants.Ledger
	Logouts       *delivery.Logouts
	Founder       *admin.Founder
	Operators     *admin.Operators
	Setup         *admin.Setup
	Applier       *apply.Applier
	Events        audit.Reader
	Answers       *admin.Answers
	Mailbox       *mail.Mailbox // nil unless mail stops here

	// Applied is how many migrations the start applied.
	Applied int

	publicURL *url.URL
	cookies   *sessions.Cookies
	post      *post
	added     chan struct{} // has one if there may be new logouts to deliver
	login     *login.Handler
	dashboard *dashboard.Handler
	provider  *provider.Provider
	api       *api.API
	metrics   *metrics
	stop      func()
}

// Open opens the database of the configuration, migrates it and builds the installation on it. Close releases it.
func Open(ctx context.Context, c *config.Config, version string, log *slog.Logger) (*Server, error) {
	publicURL, err := url.Parse(c.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("public_url: %w", err)
	}
	if file := c.Database.URL.File(); file != "" {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return nil, fmt.Errorf("make the folder of the database: %w", err)
		}
	}
	db, err := storage.Open(ctx, c.Database.URL.Reveal(), storage.Options{MaxConnections: c.Database.MaxConnections})
	if err != nil {
		return nil, err
	}
	s := &Server{Config: c, Version: version, Log: log, Clock: &Clock{}, DB: db, publicURL: publicURL, added: make(chan struct{}, 1)}
	if c.Metrics.Listen != "" {
		s.metrics = newMetrics()
	}
	if s.Applied, err = db.Migrate(ctx); err == nil {
		err = s.build()
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.stop = db.Changes(s.changed)
	return s, nil
}

// Close writes what is still collected in memory and closes the database.
func (s *Server) Close() error {
	s.stop()
	ctx := context.Background()
	return errors.Join(s.Sessions.Activity.Flush(ctx), s.Applications.Flush(ctx), s.APIKeys.Flush(ctx), s.DB.Close())
}

func (s *Server) build() error {
	now, inTx := s.Clock.Now, s.DB.InTx
	pepper, err := keys.NewPepper(s.Config.Key("pepper"), s.Config.PreviousKeys("pepper")...)
	if err != nil {
		return err
	}
	vault, err := keys.NewVault(s.Config.Key("key encryption"), s.Config.PreviousKeys("key encryption")...)
	if err != nil {
		return err
	}
	argon2 := s.Config.Passwords.Argon2
	hasher, err := identity.NewHasher(identity.Argon2{MemoryKiB: argon2.MemoryKiB, Iterations: argon2.Iterations, Parallelism: argon2.Parallelism}, s.Config.Passwords.ParallelHashes)
	if err != nil {
		return err
	}
	throttle, err := identity.NewMemoryThrottle(time.Now) // a clock that is moved back would make people wait for days
	if err != nil {
		return err
	}
	s.Audit = &audit.Log{Store: storage.Events{DB: s.DB}, Now: now}
	s.Events = storage.Events{DB: s.DB}
	s.Environments = &environments.Registry{Store: storage.Environments{DB: s.DB}, Audit: s.Audit, InTx: inTx, Now: now}
	s.Keys = &keys.Ring{Store: storage.Keys{DB: s.DB}, Vault: vault, Audit: s.Audit, Environments: s.Environments, Now: now}
	s.Sealer = &keys.Sealer{Store: storage.Keys{DB: s.DB}, Vault: vault, Environments: s.Environments, Now: now}
	store := storage.Sessions{DB: s.DB}
	s.Sessions = &sessions.Registry{Store: store, Pepper: pepper, Audit: s.Audit, Activity: &sessions.Activity{Store: store}, InTx: inTx, Now: now}
	s.Applications = &clients.Registry{Store: storage.Clients{DB: s.DB}, Audit: s.Audit, Pepper: pepper, Vault: vault, Sessions: s.Sessions, InTx: inTx, Now: now}
	s.Sessions.Applications = s.Applications
	s.APIKeys = &clients.APIKeys{Store: storage.APIKeys{DB: s.DB}, Audit: s.Audit, Pepper: pepper, InTx: inTx, Now: now}
	outgoing := delivery.NewClient(s.Config.Outgoing.PrivateNetworks)
	s.Logouts = &delivery.Logouts{
		Store: storage.Deliveries{DB: s.DB, Added: s.logoutsAdded}, Environments: s.Environments, Applications: s.Applications, Keys: s.Keys,
		PublicURL: s.publicURL, Client: outgoing, Now: now,
	}
	s.Sessions.Listener = s.Logouts
	s.Sweep = &sessions.Sweep{
		Store: storage.Sweep{DB: s.DB}, Sessions: s.Sessions, Applications: s.Applications, InTx: inTx, Now: now,
	}
	s.post = newPost(s)
	s.Users = &identity.Registry{
		Store: storage.Users{DB: s.DB}, Environments: s.Environments, Hasher: hasher, Passwords: identity.PasswordPolicy{MinLength: s.Config.Passwords.MinLength},
		Throttle: throttle, Pepper: pepper, Audit: s.Audit, Mailer: s.post, Sessions: s.Sessions, InTx: inTx, Now: now,
	}
	s.Organizations = &organizations.Registry{Store: storage.Organizations{DB: s.DB}, Audit: s.Audit, Sessions: s.Sessions, InTx: inTx, Now: now}
	s.Ledger = &grants.Ledger{Store: storage.Grants{DB: s.DB}, Sessions: s.Sessions, Pepper: pepper, Audit: s.Audit, InTx: inTx, Now: now}
	s.Founder = &admin.Founder{Environments: s.Environments, Applications: s.Applications, Keys: s.Keys, PublicURL: s.Config.PublicURL}
	s.Operators = &admin.Operators{Store: storage.Operators{DB: s.DB}, Environments: s.Environments, Users: s.Users, Audit: s.Audit, InTx: inTx, Now: now}
	s.Setup = &admin.Setup{Store: storage.Setup{DB: s.DB}, Operators: s.Operators, Pepper: pepper}
	s.Applier = &apply.Applier{Founder: s.Founder, Organizations: s.Organizations, Sessions: store, Events: s.Events, InTx: inTx, Now: now}
	s.cookies = &sessions.Cookies{Secure: s.publicURL.Scheme == "https"}
	s.login = &login.Handler{
		PublicURL: s.publicURL, Applications: s.Applications, Users: s.Users, Organizations: s.Organizations, Sessions: s.Sessions, Cookies: s.cookies,
		Ledger: s.Ledger, Events: s.Events, InTx: inTx, Now: now, Log: s.Log, Local: s.Config.Local(),
	}
	s.dashboard = &dashboard.Handler{
		PublicURL: s.publicURL, Environments: s.Environments, Applications: s.Applications, APIKeys: s.APIKeys, Users: s.Users, Sessions: s.Sessions,
		Organizations: s.Organizations, Logouts: s.Logouts, Cookies: s.cookies, Keys: s.Keys, Founder: s.Founder, Setup: s.Setup, Operators: s.Operators, Vault: vault, Events: s.Events, SendTest: s.post.sendTest, Mailbox: s.Mailbox, DemoURL: s.demoURL(), Now: now, Log: s.Log,
	}
	s.provider = provider.New(provider.Deps{
		PublicURL: s.publicURL, Applications: s.Applications, Users: s.Users, Organizations: s.Organizations, Sessions: s.Sessions, Cookies: s.cookies, Ledger: s.Ledger,
		KeySets: &clients.KeySets{Client: outgoing, Now: now, Failed: s.keysFailed}, Assertions: storage.Assertions{DB: s.DB},
		AccessTokens: &grants.AccessTokens{Sealer: s.Sealer}, Keys: s.Keys, Chrome: s.login.Chrome, Languages: templates.Languages(),
		InTx: inTx, Now: now, Log: s.Log,
	})
	s.dashboard.Tokens = s.provider
	s.Answers = &admin.Answers{Store: storage.Answers{DB: s.DB}, Now: now}
	s.api = api.New(api.Deps{
		PublicURL: s.publicURL, Environments: s.Environments, Founder: s.Founder, Operators: s.Operators, Setup: s.Setup, Applications: s.Applications, APIKeys: s.APIKeys,
		Users: s.Users, Organizations: s.Organizations, Sessions: s.Sessions, Logouts: s.Logouts, Keys: s.Keys, Events: s.Events, Answers: s.Answers, Tokens: s.provider,
		Chrome: s.login.Chrome, InTx: inTx, Now: now, Log: s.Log,
	})
	return nil
}

// changed drops what is cached of something that another node or process has changed. What this process changes is
// replaced in its caches at once, by the domain itself.
func (s *Server) changed(c storage.Change) {
	switch c.Topic {
	case "environments":
		s.reload()
	case "keys":
		s.Keys.Invalidate(environments.ID(c.Payload))
		s.Sealer.Invalidate(environments.ID(c.Payload))
	case "application":
		env, id, _ := strings.Cut(c.Payload, "/")
		s.Applications.Invalidate(environments.ID(env), clients.ID(id))
	default:
		s.reload()
		s.Keys.InvalidateAll()
		s.Sealer.InvalidateAll()
		s.Applications.InvalidateAll()
	}
}

// keysFailed logs that the keys of an application couldn't be fetched: older ones may hide it for a while.
func (s *Server) keysFailed(ctx context.Context, app *clients.Application, err *clients.FetchError) {
	s.Log.WarnContext(ctx, "the keys of an application could not be fetched", "client_id", app.ClientID, "err", err)
}

func (s *Server) reload() {
	if err := s.Environments.Reload(context.Background()); err != nil {
		s.Log.Error("environments could not be read anew", "err", err)
	}
}

// demoURL is where the demo is reached; "" if it doesn't run.
func (s *Server) demoURL() string {
	if !s.Config.Demo.Enabled {
		return ""
	}
	return "http://" + s.Config.Demo.Listen
}

// Handler serves everything that the public listener does.
func (s *Server) Handler() http.Handler { return s.routes() }

// PreviewTokens returns what the tokens of the application would say of a sign-in that didn't happen, by the code that issues
// them. The application may have changes that aren't saved. Errors: fault.Invalid for what no sign-in could ask for.
func (s *Server) PreviewTokens(ctx context.Context, env *environments.Environment, app *clients.Application, asked grants.PreviewRequest) (*grants.Contents, error) {
	return s.provider.Preview(ctx, env, app, asked)
}
