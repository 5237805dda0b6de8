// Package doctor tells what is wrong with an installation and how to mend it.
package doctor

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

	"github.com/portico-id/portico/config"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/mail"
	"github.com/portico-id/portico/server"
	"github.com/portico-id/portico/storage"
)

// Verdict says whether a thing is as it should be.
type Verdict string

// The verdicts.
const (
	OK     Verdict = "ok"
	Note   Verdict = "note" // nothing is wrong with it, or it could not be looked at
	Failed Verdict = "failed"
)

// Finding is what the doctor says of one thing.
type Finding struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	Detail  string  `json:"detail"`
	Remedy  string  `json:"remedy,omitempty"`
}

// Patient is an installation as it is configured.
type Patient struct {
	ConfigFile string   // "" for none, or what PORTICO_CONFIG says
	Environ    []string // as os.Environ
	Version    string
	Built      time.Time // when the program was made; zero if that isn't known
	Now        func() time.Time
}

// Examine looks at everything that can be looked at, and changes nothing, but that local mode has its secret as soon as the
// configuration is read.
func Examine(ctx context.Context, p Patient) []Finding {
	x := &examination{patient: p}
	cfg, err := config.Load(p.ConfigFile, p.Environ)
	if err != nil {
		x.misconfigured(err)
		return x.findings
	}
	x.cfg = cfg
	mode := "public"
	if cfg.Local() {
		mode = "local mode"
	}
	x.ok("configuration", "%s, at %s", mode, cfg.PublicURL)
	x.folder()
	x.secret()
	x.database(ctx)
	x.clock()
	x.reachable(ctx)
	x.mail(ctx)
	return x.findings
}

type examination struct {
	patient   Patient
	cfg       *config.Config
	newestKey time.Time // when it was made; zero if none is known
	findings  []Finding
}

func (x *examination) find(check string, verdict Verdict, remedy, format string, args []any) {
	x.findings = append(x.findings, Finding{Check: check, Verdict: verdict, Detail: fmt.Sprintf(format, args...), Remedy: remedy})
}

func (x *examination) ok(check, format string, args ...any) { x.find(check, OK, "", format, args) }

func (x *examination) note(check, remedy, format string, args ...any) {
	x.find(check, Note, remedy, format, args)
}

func (x *examination) failed(check, remedy, format string, args ...any) {
	x.find(check, Failed, remedy, format, args)
}

// misconfigured makes a finding of each mistake.
func (x *examination) misconfigured(err error) {
	var mistakes config.Mistakes
	if !errors.As(err, &mistakes) {
		x.failed("configuration", "", "%v", err)
	}
	for _, m := range mistakes {
		x.failed("configuration", "", "%v", m)
	}
}

// folder looks at who may read what is kept on disk.
func (x *examination) folder() {
	const check = "data folder"
	before := len(x.findings)
	info, err := os.Stat(x.cfg.DataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		x.note(check, "", "%s isn't there; it is made when it is needed", x.cfg.DataDir)
		return
	case err != nil:
		x.failed(check, "give data_dir a folder that Portico may use", "%v", err)
		return
	case !info.IsDir():
		x.failed(check, "move it away, or set data_dir to a folder", "%s is no folder", x.cfg.DataDir)
		return
	}
	x.private(check, x.cfg.DataDir, info, 0o700)
	files := []string{filepath.Join(x.cfg.DataDir, "secret")}
	if file := x.cfg.Database.URL.File(); file != "" {
		files = append(files, file)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			x.private(check, file, info, 0o600)
		}
	}
	probe, err := os.CreateTemp(x.cfg.DataDir, ".doctor-*")
	if err != nil {
		x.failed(check, "let the user that runs Portico write there, or set data_dir to another folder", "%v", err)
	} else {
		_ = probe.Close()
		_ = os.Remove(probe.Name())
	}
	if len(x.findings) == before {
		x.ok(check, "%s, for its owner alone", x.cfg.DataDir)
	}
}

func (x *examination) private(check, path string, info fs.FileInfo, mode fs.FileMode) {
	if info.Mode().Perm()&0o077 != 0 {
		x.failed(check, fmt.Sprintf("chmod %o %s", mode, path), "%s has the mode %o: others on this machine can use it", path, info.Mode().Perm())
	}
}

// Beyond judgedBytes the estimate takes long; enoughBits no one guesses.
const (
	judgedBytes = 72
	enoughBits  = 112 // NIST SP 800-131A
)

func (x *examination) secret() {
	const check = "secret"
	text := x.cfg.Secret.Reveal()
	bits := zxcvbn.PasswordStrength(text[:min(len(text), judgedBytes)], nil).Entropy
	if bits < enoughBits {
		x.failed(check, "set secret to what openssl rand -base64 32 prints, and put the present one into previous_secrets",
			"the secret can be guessed: it is worth %d bits, and %d are the least", int(bits), enoughBits)
		return
	}
	x.ok(check, "strong")
}

func (x *examination) database(ctx context.Context) {
	const check = "database"
	if file := x.cfg.Database.URL.File(); file != "" {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			x.note(check, "portico serve makes it, and so does portico init", "%s isn't there yet", file)
			return
		}
	}
	db, err := storage.Open(ctx, x.cfg.Database.URL.Reveal(), storage.Options{MaxConnections: x.cfg.Database.MaxConnections})
	if err != nil {
		x.failed(check, "start the database, or set database.url to where it is", "%s: %v", x.cfg.Database.URL, err)
		return
	}
	defer db.Close()
	s := db.Stats()
	if err := db.Ping(ctx); err != nil {
		x.failed(check, "find out who holds the database", "%s doesn't take changes: %v", x.cfg.Database.URL, err)
		return
	}
	x.ok(check, "%s, %s %s", x.cfg.Database.URL, map[string]string{storage.SQLite: "SQLite", storage.Postgres: "PostgreSQL"}[s.Dialect], s.Version)
	if x.schema(ctx, db) {
		x.installation(ctx)
	}
}

// schema reports whether this program can work with the schema of the database.
func (x *examination) schema(ctx context.Context, db *storage.DB) bool {
	const check = "migrations"
	pending, err := db.Plan(ctx)
	if err != nil {
		x.failed(check, "", "%v", err)
		return false
	}
	current, newest, err := db.Version(ctx)
	switch {
	case err != nil:
		x.failed(check, "", "%v", err)
	case current == 0:
		x.note(check, "portico serve does it, and so does portico migrate", "the database is empty, and %d migrations wait", len(pending))
	case current > newest:
		x.failed(check, "run the newest portico that has worked on it", "the database has the schema %d, and this program knows %d", current, newest)
	case len(pending) > 0:
		x.failed(check, "portico migrate, or start the server", "%d migrations wait, %s first", len(pending), pending[0])
	default:
		x.ok(check, "up to date, schema %d", current)
		return true
	}
	return false
}

// installation looks at what is in a database whose schema is up to date, so that to open it changes nothing.
func (x *examination) installation(ctx context.Context) {
	s, err := server.Open(ctx, x.cfg, x.patient.Version, slog.New(slog.DiscardHandler))
	if err != nil {
		x.failed("installation", "", "%v", err)
		return
	}
	defer s.Close()
	all, err := s.Environments.All(ctx)
	switch {
	case err != nil:
		x.failed("installation", "", "%v", err)
		return
	case len(all) == 0:
		x.note("installation", "portico serve makes the first environment, and so does portico init", "the database has no environment yet")
		return
	}
	sound := true
	for _, env := range all {
		if err := x.keys(ctx, s, env.ID); err != nil {
			sound = false
			remedy := "portico key list --environment " + env.Slug
			if errors.Is(err, keys.ErrNoEncryptionKey) {
				remedy = "put the secret with which they were made into secret, or into previous_secrets"
			}
			x.failed("keys", remedy, "%s: %v", env.Slug, err)
		}
	}
	if sound {
		x.ok("keys", "there and readable, in %d environments", len(all))
	}
	if needed, err := s.Setup.Needed(ctx); err != nil {
		x.failed("operators", "", "%v", err)
	} else if needed {
		x.note("operators", "portico init prints the link that makes the first one", "there is no operator yet")
	} else {
		x.ok("operators", "there is one")
	}
}

// keys checks that an environment has the keys that it signs and seals with, and that the secret opens them.
func (x *examination) keys(ctx context.Context, s *server.Server, env environments.ID) error {
	signing, err := s.Keys.Keys(ctx, env)
	if err != nil {
		return err
	}
	active := map[keys.Algorithm]bool{}
	for _, k := range signing {
		active[k.Algorithm] = active[k.Algorithm] || k.State == keys.Active
		if k.CreatedAt.After(x.newestKey) {
			x.newestKey = k.CreatedAt
		}
	}
	for _, algorithm := range []keys.Algorithm{keys.RS256, keys.ES256, keys.EdDSA} {
		if !active[algorithm] {
			return fmt.Errorf("no key signs by %s", algorithm)
		}
	}
	sealing, err := s.Sealer.Store.SealingKeys(ctx, env)
	if err == nil && len(sealing) > 0 { // the first token makes the first one
		_, err = s.Sealer.Seal(ctx, env, nil, nil)
	}
	return err
}

// clock compares the time with what must have been before: that this program was built, and that the newest key was made.
func (x *examination) clock() {
	const check = "clock"
	const remedy = "set the clock of this machine, by NTP"
	now := x.patient.Now().UTC()
	switch {
	case now.Before(x.patient.Built):
		x.failed(check, remedy, "it is %s here, but this program is from %s", moment(now), moment(x.patient.Built))
	case now.Add(time.Minute).Before(x.newestKey):
		x.failed(check, remedy, "it is %s here, but a key was made at %s", moment(now), moment(x.newestKey))
	default:
		x.ok(check, "%s", moment(now))
	}
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

const (
	patience  = 5 * time.Second // with another server
	maxAnswer = 1 << 20         // bytes of it that are read
)

// reachable asks, if a server runs here, whether people reach it by the public URL.
func (x *examination) reachable(ctx context.Context) {
	const check = "public URL"
	host, port, _ := net.SplitHostPort(x.cfg.Listen)
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		x.note(check, "", "no server listens on %s, so that %s was not tried", x.cfg.Listen, x.cfg.PublicURL)
		return
	}
	_ = conn.Close()

	client := &http.Client{Timeout: patience}
	const remedy = "check listen, the name in public_url, the proxy before Portico and its certificate"
	if err := fetch(ctx, client, x.cfg.PublicURL+"/healthz", nil); err != nil {
		x.failed(check, remedy, "%v", err)
		return
	}
	var metadata struct {
		Issuer string `json:"issuer"`
	}
	if err := fetch(ctx, client, x.cfg.PublicURL+"/.well-known/openid-configuration", &metadata); err != nil {
		x.failed(check, remedy, "%v", err)
		return
	}
	if metadata.Issuer != x.cfg.PublicURL {
		x.failed(check, "restart the server with this configuration, or give the doctor that of the server", "the server at %s says that it is %s", x.cfg.PublicURL, metadata.Issuer)
		return
	}
	if err := fetch(ctx, client, x.cfg.PublicURL+"/readyz", nil); err != nil {
		x.failed(check, "see the log of the server", "%v", err)
		return
	}
	x.ok(check, "%s answers and is ready", x.cfg.PublicURL)
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
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(into); err != nil {
		return fmt.Errorf("%s doesn't answer as Portico does: %w", url, err)
	}
	return nil
}

func (x *examination) mail(ctx context.Context) {
	const check = "mail"
	c := x.cfg.Mail
	if c.SMTP.Host == "" {
		x.ok(check, "stops at %s", x.cfg.PublicURL+"/dev/mailbox")
		return
	}
	sender := &mail.SMTP{Host: c.SMTP.Host, Port: c.SMTP.Port, TLS: c.SMTP.TLS, Username: c.SMTP.Username, Password: c.SMTP.Password.Reveal(), From: c.From, Timeout: patience}
	if err := sender.Check(ctx); err != nil {
		x.failed(check, "check mail.smtp in the configuration", "%v", err)
		return
	}
	x.ok(check, "%s:%d takes it, from %s", c.SMTP.Host, c.SMTP.Port, c.From)
}
