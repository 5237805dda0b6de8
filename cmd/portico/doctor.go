package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	zxcvbn "github.com/ccojocar/zxcvbn-go"
	"github.com/spf13/cobra"

	"github.com/portico-id/portico/config"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/mail"
	"github.com/portico-id/portico/server"
	"github.com/portico-id/portico/storage"
)

// Verdicts of a finding.
const (
	verdictOK     = "ok"
	verdictNote   = "note" // nothing is wrong with it, or it could not be looked at
	verdictFailed = "failed"
)

// finding is what the doctor says of one thing.
type finding struct {
	Check   string `json:"check"`
	Verdict string `json:"verdict"`
	Detail  string `json:"detail"`
	Remedy  string `json:"remedy,omitempty"`
}

type findingsDocument struct {
	Healthy  bool      `json:"healthy"`
	Findings []finding `json:"findings"`
}

// doctor looks at an installation and changes nothing, but that local mode keeps its secret as soon as it is configured.
type doctor struct {
	cli      *cli
	cfg      *config.Config
	findings []finding
}

func (c *cli) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Tell what is wrong with an installation and how to mend it",
		Long: `Tell what is wrong with an installation and how to mend it: the configuration, the data folder, the secret, the database, the keys, the
clock, the public URL if a server runs here, and mail. The exit code is 1 if something is wrong.`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = doing(func(ctx context.Context, _ []string) error {
		d := &doctor{cli: c}
		d.examine(ctx)
		all := findingsDocument{Healthy: true, Findings: d.findings}
		for _, f := range d.findings {
			all.Healthy = all.Healthy && f.Verdict != verdictFailed
		}
		err := c.reply(all, all.print)
		if err == nil && !all.Healthy {
			err = errSilent
		}
		return err
	})
	c.printing(cmd)
	return cmd
}

func (d *findingsDocument) print(w io.Writer) {
	for _, f := range d.Findings {
		fmt.Fprintf(w, "%-6s  %-13s  %s\n", f.Verdict, f.Check, f.Detail)
		if f.Remedy != "" {
			fmt.Fprintf(w, "%-6s  %-13s  → %s\n", "", "", f.Remedy)
		}
	}
}

func (d *doctor) ok(check, format string, args ...any) {
	d.findings = append(d.findings, finding{Check: check, Verdict: verdictOK, Detail: fmt.Sprintf(format, args...)})
}

func (d *doctor) note(check, remedy, format string, args ...any) {
	d.findings = append(d.findings, finding{Check: check, Verdict: verdictNote, Detail: fmt.Sprintf(format, args...), Remedy: remedy})
}

func (d *doctor) failed(check, remedy, format string, args ...any) {
	d.findings = append(d.findings, finding{Check: check, Verdict: verdictFailed, Detail: fmt.Sprintf(format, args...), Remedy: remedy})
}

func (d *doctor) examine(ctx context.Context) {
	cfg, err := config.Load(d.cli.config, d.cli.environ)
	if err != nil {
		if mistakes := (config.Mistakes)(nil); errors.As(err, &mistakes) {
			for _, m := range mistakes {
				remedy := m.Remedy
				m.Remedy = "is wrong"
				d.failed("configuration", m.Key+" "+remedy, "%s", m)
			}
			return
		}
		d.failed("configuration", "", "%v", err)
		return
	}
	d.cfg = cfg
	mode := "public, at " + cfg.PublicURL
	if cfg.Local() {
		mode = "local mode, at " + cfg.PublicURL
	}
	d.ok("configuration", "%s", mode)
	d.folder()
	d.secret()
	d.database(ctx)
	d.reachable(ctx)
	d.mail(ctx)
}

// folder looks at who may read what is kept on disk.
func (d *doctor) folder() {
	const check = "data folder"
	before := len(d.findings)
	info, err := os.Stat(d.cfg.DataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.note(check, "", "%s isn't there; it is made when it is needed", d.cfg.DataDir)
		return
	case err != nil:
		d.failed(check, "give data_dir a folder that Portico may use", "%v", err)
		return
	case !info.IsDir():
		d.failed(check, "move it away, or set data_dir to a folder", "%s is no folder", d.cfg.DataDir)
		return
	}
	d.private(check, d.cfg.DataDir, info, 0o700)
	files := []string{filepath.Join(d.cfg.DataDir, "secret")}
	if file := d.cfg.Database.URL.File(); file != "" {
		files = append(files, file)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			d.private(check, file, info, 0o600)
		}
	}
	probe, err := os.CreateTemp(d.cfg.DataDir, ".doctor-*")
	if err != nil {
		d.failed(check, "let the user that runs Portico write there, or set data_dir to another folder", "%v", err)
	} else {
		_ = probe.Close()
		_ = os.Remove(probe.Name())
	}
	if len(d.findings) == before {
		d.ok(check, "%s, for its owner alone", d.cfg.DataDir)
	}
}

func (d *doctor) private(check, path string, info fs.FileInfo, mode fs.FileMode) {
	if info.Mode().Perm()&0o077 != 0 {
		d.failed(check, fmt.Sprintf("chmod %o %s", mode, path), "%s has the mode %o: others on this machine can use it", path, info.Mode().Perm())
	}
}

// Beyond judgedBytes the estimate takes long; enoughBits no one guesses.
const (
	judgedBytes = 72
	enoughBits  = 112 // NIST SP 800-131A
)

func (d *doctor) secret() {
	const check = "secret"
	text := d.cfg.Secret.Reveal()
	bits := zxcvbn.PasswordStrength(text[:min(len(text), judgedBytes)], nil).Entropy
	if bits < enoughBits {
		d.failed(check, "set secret to what openssl rand -base64 32 prints, and put the present one into previous_secrets",
			"the secret can be guessed: it is worth %d bits, and %d are the least", int(bits), enoughBits)
		return
	}
	d.ok(check, "strong")
}

func (d *doctor) database(ctx context.Context) {
	const check = "database"
	if file := d.cfg.Database.URL.File(); file != "" {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			d.note(check, "portico serve makes it, and so does portico init", "%s isn't there yet", file)
			return
		}
	}
	db, err := openDatabase(ctx, d.cfg, true)
	if err != nil {
		d.failed(check, "start the database, or set database.url to where it is", "%s: %v", d.cfg.Database.URL, err)
		return
	}
	defer db.Close()
	s := db.Stats()
	if err := db.Ping(ctx); err != nil {
		d.failed(check, "find out who holds the database", "%s doesn't take changes: %v", d.cfg.Database.URL, err)
		return
	}
	d.ok(check, "%s, %s %s", d.cfg.Database.URL, map[string]string{storage.SQLite: "SQLite", storage.Postgres: "PostgreSQL"}[s.Dialect], s.Version)
	if d.schema(ctx, db) {
		d.installation(ctx)
	}
}

// schema reports whether this program can work with the schema of the database.
func (d *doctor) schema(ctx context.Context, db *storage.DB) bool {
	const check = "migrations"
	pending, err := db.Plan(ctx)
	if err != nil {
		d.failed(check, "", "%v", err)
		return false
	}
	current, newest, err := db.Version(ctx)
	switch {
	case err != nil:
		d.failed(check, "", "%v", err)
	case current == 0:
		d.note(check, "portico serve does it, and so does portico migrate", "the database is empty: %s to apply", count(len(pending), "migration"))
	case current > newest:
		d.failed(check, "run the newest portico that has worked on it", "the database has the schema %d, and this program knows %d", current, newest)
	case len(pending) > 0:
		d.failed(check, "portico migrate, or start the server", "%s pending, from %s on", count(len(pending), "migration"), pending[0])
	default:
		d.ok(check, "up to date, schema %d", current)
		return true
	}
	return false
}

// installation looks at what is in a database whose schema is up to date, so that to open it changes nothing.
func (d *doctor) installation(ctx context.Context) {
	s, err := server.Open(ctx, d.cfg, d.cli.version, slog.New(slog.DiscardHandler))
	if err != nil {
		d.failed("installation", "", "%v", err)
		return
	}
	defer s.Close()
	all, err := s.Environments.All(ctx)
	switch {
	case err != nil:
		d.failed("installation", "", "%v", err)
		return
	case len(all) == 0:
		d.note("installation", "portico serve makes the first environment, and so does portico init", "the database has no environment yet")
		return
	}
	newest := time.Time{}
	sound := true
	for _, env := range all {
		made, err := d.keys(ctx, s, env.ID)
		if err != nil {
			sound = false
			remedy := "portico key list --environment " + env.Slug
			if errors.Is(err, keys.ErrNoEncryptionKey) {
				remedy = "put the secret with which they were made into secret, or into previous_secrets"
			}
			d.failed("keys", remedy, "%s: %v", env.Slug, err)
		}
		if made.After(newest) {
			newest = made
		}
	}
	if sound {
		d.ok("keys", "there and readable, for %s", count(len(all), "environment"))
	}
	d.clock(s.Clock.Now(), newest)
	if needed, err := s.Setup.Needed(ctx); err != nil {
		d.failed("operators", "", "%v", err)
	} else if needed {
		d.note("operators", "portico init prints the link that makes the first one", "there is no operator yet")
	} else {
		d.ok("operators", "there is one")
	}
}

// keys checks that an environment has the keys that it signs and seals with, and that the secret opens them. It returns when
// the newest was made.
func (d *doctor) keys(ctx context.Context, s *server.Server, env environments.ID) (newest time.Time, err error) {
	signing, err := s.Keys.Keys(ctx, env)
	if err != nil {
		return newest, err
	}
	active := map[keys.Algorithm]bool{}
	for _, k := range signing {
		active[k.Algorithm] = active[k.Algorithm] || k.State == keys.Active
		if k.CreatedAt.After(newest) {
			newest = k.CreatedAt
		}
	}
	for _, algorithm := range []keys.Algorithm{keys.RS256, keys.ES256, keys.EdDSA} {
		if !active[algorithm] {
			return newest, fmt.Errorf("no key signs by %s", algorithm)
		}
	}
	sealing, err := s.Sealer.Store.SealingKeys(ctx, env)
	if err == nil && len(sealing) > 0 { // the first token makes the first one
		_, err = s.Sealer.Seal(ctx, env, nil, nil)
	}
	return newest, err
}

// clock compares the time with what must have been before: that this program was built, and that the newest key was made.
func (d *doctor) clock(now, newestKey time.Time) {
	const check = "clock"
	const remedy = "set the clock of this machine, by NTP"
	built, _ := time.Parse(time.RFC3339, d.cli.identify().Time)
	switch {
	case now.Before(built):
		d.failed(check, remedy, "it is %s here, but this program is from %s", moment(now), moment(built))
	case now.Add(time.Minute).Before(newestKey):
		d.failed(check, remedy, "it is %s here, but a key was made at %s", moment(now), moment(newestKey))
	default:
		d.ok(check, "%s", moment(now))
	}
}

// patience is for how long an answer of another server is waited for.
const patience = 5 * time.Second

// reachable asks, if a server runs here, whether people reach it by the public URL.
func (d *doctor) reachable(ctx context.Context) {
	const check = "public URL"
	host, port, _ := net.SplitHostPort(d.cfg.Listen)
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		d.note(check, "", "no server listens on %s, so that %s was not tried", d.cfg.Listen, d.cfg.PublicURL)
		return
	}
	_ = conn.Close()

	client := &http.Client{Timeout: patience}
	const remedy = "check listen, the name in public_url, the proxy before Portico and its certificate"
	if err := fetch(ctx, client, d.cfg.PublicURL+"/healthz", nil); err != nil {
		d.failed(check, remedy, "%v", err)
		return
	}
	var metadata struct {
		Issuer string `json:"issuer"`
	}
	if err := fetch(ctx, client, d.cfg.PublicURL+"/.well-known/openid-configuration", &metadata); err != nil {
		d.failed(check, remedy, "%v", err)
		return
	}
	if metadata.Issuer != d.cfg.PublicURL {
		d.failed(check, "restart the server with this configuration, or give doctor that of the server", "the server at %s says that it is %s", d.cfg.PublicURL, metadata.Issuer)
		return
	}
	if err := fetch(ctx, client, d.cfg.PublicURL+"/readyz", nil); err != nil {
		d.failed(check, "see the log of the server", "%v", err)
		return
	}
	d.ok(check, "%s answers and is ready", d.cfg.PublicURL)
}

// fetch gets a URL, whose answer it decodes into a value unless that is nil.
func fetch(ctx context.Context, client *http.Client, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxDocument)).Decode(into); err != nil {
		return fmt.Errorf("%s doesn't answer as Portico does: %w", url, err)
	}
	return nil
}

func (d *doctor) mail(ctx context.Context) {
	const check = "mail"
	c := d.cfg.Mail
	if c.SMTP.Host == "" {
		d.ok(check, "stops at %s", mailboxAddress(d.cfg))
		return
	}
	sender := &mail.SMTP{Host: c.SMTP.Host, Port: c.SMTP.Port, TLS: c.SMTP.TLS, Username: c.SMTP.Username, Password: c.SMTP.Password.Reveal(), From: c.From, Timeout: patience}
	if err := sender.Check(ctx); err != nil {
		d.failed(check, "check mail.smtp in the configuration", "%v", err)
		return
	}
	d.ok(check, "%s:%d takes it, from %s", c.SMTP.Host, c.SMTP.Port, c.From)
}
