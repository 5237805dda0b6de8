package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/config"
	"github.com/portico-id/portico/server"
)

func (c *cli) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the server; with nothing configured, on this machine",
		Long: `Run the server.

With nothing configured it runs on http://localhost:8080 for this machine alone, keeps everything in ./portico-data, and
shows outgoing mail on a page instead of sending it. config.example.yaml documents every key.`,
		Args: cobra.NoArgs,
		RunE: doing(func(ctx context.Context, _ []string) error { return c.serve(ctx) }),
	}
}

func (c *cli) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Run the server with two applications, Notes and Tasks, that show how signing in works",
		Args:  cobra.NoArgs,
		RunE: doing(func(ctx context.Context, _ []string) error {
			c.environ = append(c.environ, "PORTICO_DEMO_ENABLED=true")
			return c.serve(ctx)
		}),
	}
}

// serve runs the server until the context ends.
func (c *cli) serve(ctx context.Context) (err error) {
	cfg, err := config.Load(c.config, c.environ)
	if err != nil {
		return err
	}
	log := c.logger(cfg)
	s, err := server.Open(ctx, cfg, c.version, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Bootstrap(ctx); err != nil {
		return err
	}
	start := &start{cfg: cfg, applied: s.Applied, database: s.DB.Stats().Version, version: display(c.version), coloured: c.coloured(c.stdout)}
	if _, start.newest, err = s.DB.Version(ctx); err != nil {
		return err
	}
	if start.setUp, err = s.Setup.Needed(ctx); err != nil {
		return err
	}
	told := cfg.Log.Format != "json" // by lines for people, else by one for machines
	if start.setUp && told && cfg.Local() {
		if start.link, err = setupLink(ctx, s); err != nil {
			return err
		}
	}
	s.OnMail(func(address, to, subject string) {
		if told {
			fmt.Fprint(c.stdout, start.line("Mail", address, "to "+to+": "+subject))
		} else {
			log.Info("mail received", "url", address)
		}
	})
	return s.Run(ctx, func() {
		took := time.Since(c.started)
		if told {
			start.print(c.stdout, took)
		} else {
			log.LogAttrs(ctx, slog.LevelInfo, "ready", start.attributes(took)...)
		}
	})
}

// setupLink makes the link by which the first operator comes in.
func setupLink(ctx context.Context, s *server.Server) (string, error) {
	token, err := s.Setup.NewToken(ctx)
	return s.Config.PublicURL + "/setup?token=" + token, err
}

func mailboxAddress(cfg *config.Config) string { return cfg.PublicURL + "/dev/mailbox" }

// validity says how long a set-up link works.
var validity = fmt.Sprintf("works once, for %d minutes", int(admin.SetupLinkLifetime.Minutes()))

// start is what the server tells once it is ready (ui.md §11).
type start struct {
	cfg      *config.Config
	version  string
	database string // version of the database server or library
	applied  int    // migrations
	newest   int64  // version of the schema
	setUp    bool   // there is no operator yet
	link     string // to make one; "" if it isn't told here
	coloured bool
}

func (s *start) print(w io.Writer, took time.Duration) {
	var b strings.Builder
	c := s.cfg
	where := "listens on " + c.Listen
	if c.Local() {
		where = "local mode, reachable from this machine only"
	}
	b.WriteString(s.style(bold, "portico "+s.version) + "   " + where + "\n")
	database := c.Database.URL.File()
	if database == "" {
		database = c.Database.URL.String()
	}
	b.WriteString(s.line("Database", database, s.product()+", "+s.schema()))
	b.WriteString(s.line("Issuer", c.PublicURL, ""))
	switch {
	case s.link != "":
		b.WriteString(s.line("Set up", s.link, validity))
	case s.setUp:
		b.WriteString(s.line("Set up", "portico init", "prints the link that makes the first operator"))
	}
	b.WriteString(s.line("Dashboard", c.PublicURL+"/admin", ""))
	if c.Demo.Enabled {
		b.WriteString(s.line("Demo", "http://"+c.Demo.Listen, "two applications: Notes (default) and Tasks"))
	}
	if c.Mail.SMTP.Host == "" {
		b.WriteString(s.line("Mailbox", mailboxAddress(c), "all mail stops here"))
	}
	if s.link != "" {
		next := "open Set up"
		if c.Demo.Enabled {
			next += `, then press "Try a sign-in"`
		}
		b.WriteString("  Next: " + next + ".      Lost it? portico init\n")
	}
	fmt.Fprintf(&b, "ready in %.1f s, Ctrl+C stops\n", took.Seconds())
	_, _ = io.WriteString(w, b.String())
}

// attributes are the same for a log in JSON. The set-up link isn't among them, as logs are read by many.
func (s *start) attributes(took time.Duration) []slog.Attr {
	c := s.cfg
	all := []slog.Attr{
		slog.String("version", s.version), slog.String("issuer", c.PublicURL), slog.String("listen", c.Listen),
		slog.String("database", c.Database.URL.String()), slog.String("schema", s.schema()), slog.Int64("duration_ms", took.Milliseconds()),
	}
	if c.Demo.Enabled {
		all = append(all, slog.String("demo", "http://"+c.Demo.Listen))
	}
	if s.setUp {
		all = append(all, slog.String("set_up", "there is no operator yet; portico init prints the link that makes one"))
	}
	return all
}

func (s *start) product() string {
	if s.cfg.Database.URL.Driver() == "sqlite" {
		return "SQLite"
	}
	version, _, _ := strings.Cut(s.database, " ") // a packager's name may follow
	return "PostgreSQL " + version
}

// schema tells what became of the schema of the database.
func (s *start) schema() string {
	switch {
	case s.applied == 0:
		return "up to date"
	case int64(s.applied) == s.newest:
		return "created, " + count(s.applied, "migration")
	}
	return count(s.applied, "migration") + " applied"
}

// The columns of line. What is longer pushes the note on.
const (
	nameWidth  = 11
	valueWidth = 34
)

func (s *start) line(name, value, note string) string {
	if note == "" {
		return fmt.Sprintf("  %s  %s\n", s.style(dim, fmt.Sprintf("%-*s", nameWidth, name)), value)
	}
	return fmt.Sprintf("  %s  %-*s    %s\n", s.style(dim, fmt.Sprintf("%-*s", nameWidth, name)), valueWidth, value, s.style(dim, note))
}

// Styles of terminals (ECMA-48 §8.3.117).
const (
	bold = "\x1b[1m"
	dim  = "\x1b[2m"
)

func (s *start) style(style, text string) string {
	if !s.coloured {
		return text
	}
	return style + text + "\x1b[0m"
}
