package config

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/v2"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	example    = "../config.example.yaml"
	longSecret = "hunter2-hunter2-hunter2-hunter2-hunter2"
)

// public is the least that a public installation has to be given.
var public = []string{
	"PORTICO_PUBLIC_URL=https://id.example.com",
	"PORTICO_SECRET=" + longSecret,
	"PORTICO_MAIL_FROM=Acme <no-reply@acme.example>",
	"PORTICO_MAIL_SMTP_HOST=smtp.example.com",
}

// local is what no configuration at all comes to.
func local() *Config {
	return &Config{
		Listen:    "127.0.0.1:8080",
		PublicURL: "http://localhost:8080",
		DataDir:   "./portico-data",
		Database:  Database{URL: "sqlite:./portico-data/portico.db", MaxConnections: max(4, runtime.GOMAXPROCS(0))},
		Outgoing:  Outgoing{PrivateNetworks: true},
		Mail:      Mail{From: "Portico <portico@localhost>", SMTP: SMTP{Port: 587, TLS: "starttls"}},
		Log:       Log{Level: slog.LevelInfo, Format: "text"},
		Limits: Limits{
			BodyBytes: 64 << 10, HeaderBytes: 32 << 10,
			ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		},
		Purge: Purge{Interval: time.Minute, Batch: 100, Retention: 30 * day},
		Passwords: Passwords{
			MinLength: 15, ParallelHashes: runtime.GOMAXPROCS(0),
			Argon2: Argon2{MemoryKiB: 19456, Iterations: 2, Parallelism: 1},
		},
		Demo: Demo{Listen: "127.0.0.1:8081"},
	}
}

// with returns local() changed by change.
func with(change func(*Config)) *Config {
	c := local()
	change(c)
	return c
}

func diff(want, got *Config) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Prefix{}),
		cmp.Comparer(func(a, b Secret) bool { return a == b }), cmp.Comparer(func(a, b DatabaseURL) bool { return a == b }))
}

// disk serves files by name.
func disk(files map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		content, ok := files[name]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		return []byte(content), nil
	}
}

func TestLoad(t *testing.T) {
	const file = "portico.yaml"
	for _, test := range []struct {
		name    string
		files   map[string]string
		environ []string
		want    *Config
	}{
		{"nothing configured", nil, []string{"PATH=/bin", "PORTICO=", "PORTICO_TEST_POSTGRES_URL=postgres://localhost"}, local()},
		{"an empty file", map[string]string{file: ""}, nil, local()},
		{"empty groups and values", map[string]string{file: "mail:\nlog: {}\nlisten: ''\npublic_url:\n"}, nil, local()},
		{"public_url follows listen", nil, []string{"PORTICO_LISTEN=127.0.0.1:9000"}, with(func(c *Config) {
			c.Listen = "127.0.0.1:9000"
			c.PublicURL = "http://localhost:9000"
		})},
		{"to the port of http too", nil, []string{"PORTICO_LISTEN=[::1]:80"}, with(func(c *Config) {
			c.Listen = "[::1]:80"
			c.PublicURL = "http://localhost"
		})},
		{"but not to a port that the system chooses", nil, []string{"PORTICO_LISTEN=127.0.0.1:0"}, with(func(c *Config) {
			c.Listen = "127.0.0.1:0"
		})},
		{"the database follows data_dir", map[string]string{file: "data_dir: /var/lib/portico/"}, nil, with(func(c *Config) {
			c.DataDir = "/var/lib/portico/"
			c.Database.URL = "sqlite:/var/lib/portico/portico.db"
		})},
		{"the file sets what defaults don't fit", map[string]string{file: `
limits: {body_bytes: 100000, read_timeout: 1m30s}
proxy: {trusted: [10.1.2.3/8, "2001:db8::1"]}
purge: {retention: 90d}
log: {level: debug, format: json}
`}, nil, with(func(c *Config) {
			c.Limits.BodyBytes = 100000
			c.Limits.ReadTimeout = 90 * time.Second
			c.Proxy.Trusted = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::1/128")}
			c.Purge.Retention = 90 * day
			c.Log = Log{slog.LevelDebug, "json"}
		})},
		{"a variable wins over the file", map[string]string{file: "limits: {body_bytes: 100000}\npurge: {batch: 1}"}, []string{"PORTICO_LIMITS_BODY_BYTES=200000"}, with(func(c *Config) {
			c.Limits.BodyBytes = 200000
			c.Purge.Batch = 1
		})},
		{"an empty variable doesn't", map[string]string{file: "limits: {body_bytes: 100000}"}, []string{"PORTICO_LIMITS_BODY_BYTES="}, with(func(c *Config) {
			c.Limits.BodyBytes = 100000
		})},
		{"lists and booleans in variables", nil, []string{"PORTICO_PROXY_TRUSTED=10.0.0.0/8, 192.168.1.1,", "PORTICO_DEMO_ENABLED=true"}, with(func(c *Config) {
			c.Proxy.Trusted = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.1.1/32")}
			c.Demo.Enabled = true
		})},
		{"secrets in files", map[string]string{
			file:          "secret_file: /run/secret\nmail: {smtp: {host: localhost, tls: none, username: u, password_file: /run/password}}",
			"/run/secret": longSecret + "\n", "/run/password": "p\r\n", "/run/previous": longSecret + "1\n" + longSecret + "2\n",
			"/run/database": "postgres://portico:hunter2@db/portico\n",
		}, []string{"PORTICO_PREVIOUS_SECRETS_FILE=/run/previous", "PORTICO_DATABASE_URL_FILE=/run/database"}, with(func(c *Config) {
			c.Secret = longSecret
			c.PreviousSecrets = []Secret{longSecret + "1", longSecret + "2"}
			c.Database = Database{"postgres://portico:hunter2@db/portico", 20}
			c.Mail.SMTP = SMTP{Host: "localhost", Port: 25, Username: "u", Password: "p", TLS: "none"}
		})},
		{"a secret variable wins over a secret file below it", map[string]string{file: "secret_file: /gone"}, []string{"PORTICO_SECRET=" + longSecret}, with(func(c *Config) {
			c.Secret = longSecret
		})},
		{"and the other way round", map[string]string{file: "secret: " + strings.Repeat("x", 32), "/run/secret": longSecret}, []string{"PORTICO_SECRET_FILE=/run/secret"}, with(func(c *Config) {
			c.Secret = longSecret
		})},
		{"a public installation", map[string]string{file: "listen: ':443'\nmail: {smtp: {tls: implicit}}"}, public, with(func(c *Config) {
			c.Listen = ":443"
			c.PublicURL = "https://id.example.com"
			c.Outgoing = Outgoing{}
			c.Secret = longSecret
			c.Mail = Mail{"Acme <no-reply@acme.example>", SMTP{Host: "smtp.example.com", Port: 465, TLS: "implicit"}}
			c.Log.Format = "json"
		})},
		{"beside Kubernetes services called portico and portico-db", nil, []string{
			"PORTICO_SERVICE_HOST=10.0.0.1", "PORTICO_SERVICE_PORT=80", "PORTICO_SERVICE_PORT_HTTP=80", "PORTICO_PORT=tcp://10.0.0.1:80",
			"PORTICO_PORT_80_TCP=tcp://10.0.0.1:80", "PORTICO_PORT_80_TCP_PROTO=tcp", "PORTICO_PORT_80_TCP_PORT=80", "PORTICO_PORT_80_TCP_ADDR=10.0.0.1",
			"PORTICO_DB_SERVICE_HOST=10.0.0.2", "PORTICO_DB_PORT=tcp://10.0.0.2:5432",
		}, local()},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := ""
			if _, ok := test.files[file]; ok {
				path = file
			}
			got, err := load(path, test.environ, disk(test.files))
			if err != nil {
				t.Fatal(err)
			}
			if diff := diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadFindsTheFile(t *testing.T) {
	files := disk(map[string]string{"a.yaml": "purge: {batch: 1}", "b.yaml": "purge: {batch: 2}"})
	for _, test := range []struct {
		path    string
		environ []string
		want    int
	}{
		{"a.yaml", nil, 1},
		{"", []string{"PORTICO_CONFIG=b.yaml"}, 2},
		{"a.yaml", []string{"PORTICO_CONFIG=b.yaml"}, 1},
		{"", []string{"PORTICO_CONFIG="}, 100},
	} {
		c, err := load(test.path, test.environ, files)
		if err != nil {
			t.Fatal(err)
		}
		if c.Purge.Batch != test.want {
			t.Errorf("load(%q, %q) has batch %d, want %d", test.path, test.environ, c.Purge.Batch, test.want)
		}
	}
}

// Acceptance 84: a wrong configuration is refused with key, value and remedy, all mistakes at once.
func TestMistakes(t *testing.T) {
	content, err := os.ReadFile("testdata/mistakes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		golden  string
		file    string
		environ []string
	}{
		{"file", string(content), nil},
		{"variables", "", []string{
			"PORTICO_LISTEN=localhost", "PORTICO_PUBLIC_URL=id.example.com", "PORTICO_DATABASE_URL=postgres:hunter2", "PORTICO_SECRET=hunter2", "PORTICO_SECRET_FILE=/run/secret",
			"PORTICO_MAIL_SMTP_PASSWORD_FILE=/gone", "PORTICO_PREVIOUS_SECRETS=" + longSecret + ",hunter2", "PORTICO_LOG_LEVEL=INFO", "PORTICO_LIMITS_BODY_BYTES=1",
			"PORTICO_SECRTE=hunter2", "PORTICO_PORT=8080", "PORTICO_MAIL_HOST=smtp.example.com", "PORTICO_DEMO_ENABLED=1", "PORTICO_METRICS_LISTEN=" + strings.Repeat("long", 100),
		}},
		{"public", "public_url: http://id.example.com\ndemo: {enabled: true}", nil},
		{"local", "listen: ':8080'\ndemo: {enabled: true, listen: '0.0.0.0:8081'}\nmetrics: {listen: ':8080'}\nlimits: {read_header_timeout: 20s}\nmail: {smtp: {username: u}}", nil},
		{"mail", "mail: {smtp: {host: smtp.example.com, tls: none, username: u, password: hunter2}}", nil},
		{"password", "mail: {smtp: {host: smtp.example.com, password: hunter2}}", nil},
		{"username", "mail: {smtp: {host: smtp.example.com, username: u}}", nil},
		{"secret_files", "secret_file: /empty\nmail: {smtp: {password_file: {a: b}}}\nprevious_secrets_file: [hunter2]\ndatabase: {url_file: /short}", []string{"PORTICO_SECRET_FILE=/short"}},
		{"syntax", "listen: [", nil},
		{"twice", "listen: a\nlisten: b", nil},
		{"no_keys", "hunter2 `hunter2` hunter2", nil},
		{"alias", "secret: *hunter2", nil},
		{"tag", "secret: !!int hunter2", nil},
		{"gone", "-", []string{"PORTICO_CONFIG=/gone.yaml", "PORTICO_PURGE_BATCH=0"}},
	} {
		t.Run(test.golden, func(t *testing.T) {
			path := "portico.yaml"
			if test.file == "-" {
				path = ""
			}
			_, err := load(path, test.environ, disk(map[string]string{"portico.yaml": test.file, "/short": "hunter2", "/empty": "\n"}))
			if err == nil {
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is told:\n%v", err)
			}
			compare(t, "testdata/mistakes_"+test.golden+".golden", err.Error()+"\n")
		})
	}
}

func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", golden, diff)
	}
}

func TestExampleIsTheDefault(t *testing.T) {
	dir := t.TempDir()
	with := func(path string) *Config {
		c, err := Load(path, []string{"PORTICO_DATA_DIR=" + dir})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if diff := diff(with(""), with(example)); diff != "" {
		t.Errorf("%s isn't the default (-default +example):\n%s", example, diff)
	}
}

func TestExampleHasEveryKey(t *testing.T) {
	content, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := yaml.Parser().Unmarshal(content)
	if err != nil {
		t.Fatal(err)
	}
	k := koanf.New(".")
	if err := k.Load(layer(tree), nil); err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	for _, key := range k.Keys() {
		got[key] = k.Get(key)
	}
	want := map[string]any{}
	for _, s := range new(Config).settings() {
		want[s.key] = s.fallback
		if s.fallback == nil {
			want[s.key] = ""
		}
		if s.secret {
			want[s.key+fileSuffix] = ""
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys and defaults (-code +example):\n%s", diff)
	}

	comments := commentsOf(string(content))
	for _, s := range new(Config).settings() {
		if comment := comments[s.key]; !strings.Contains(comment, s.expects) {
			t.Errorf("the comment of %s doesn't say %q: %s", s.key, s.expects, comment)
		}
	}
}

// commentsOf returns by key the comment above each line that has one.
func commentsOf(content string) map[string]string {
	comments := map[string]string{}
	var comment, group []string
	for line := range strings.Lines(content) {
		text := strings.TrimSpace(line)
		if name, _, ok := strings.Cut(text, ":"); ok && !strings.HasPrefix(text, "#") {
			depth := (len(line) - len(strings.TrimLeft(line, " "))) / 2
			group = append(group[:depth], name)
			comments[strings.Join(group, ".")] = strings.Join(comment, " ")
			comment = nil
		} else if text = strings.TrimSpace(strings.TrimPrefix(text, "#")); text != "" {
			comment = append(comment, text)
		}
	}
	return comments
}

func TestVariablesAreUnambiguous(t *testing.T) {
	keys := map[string]string{pathVariable: "the path of the file"}
	for _, key := range newReader(nil).keys() {
		name := variable(key)
		if other, taken := keys[name]; taken {
			t.Errorf("%s gives %s and %s", name, other, key)
		}
		if serviceLink.MatchString(name + "=x") {
			t.Errorf("%s would be taken for a variable of Kubernetes", name)
		}
		keys[name] = key
	}
}

func TestLocal(t *testing.T) {
	for _, test := range []struct {
		url  string
		want bool
	}{
		{"http://localhost:8080", true},
		{"https://localhost", true},
		{"http://portico.localhost", true}, // RFC 6761 §6.3
		{"http://127.0.0.1:8080", true},
		{"http://127.1.2.3", true},
		{"http://[::1]:8080", true},
		{"http://[::ffff:127.0.0.1]", true},
		{"https://id.example.com", false},
		{"https://localhost.example.com", false},
		{"https://notlocalhost", false},
		{"http://0.0.0.0:8080", false},
		{"http://192.168.1.1", false},
		{"", false},
	} {
		if got := (&Config{PublicURL: test.url}).Local(); got != test.want {
			t.Errorf("Local() of %q = %v, want %v", test.url, got, test.want)
		}
	}
}

func TestLoadKeepsTheSecret(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	secrets := make([]Secret, 8)
	var all sync.WaitGroup
	for i := range secrets {
		all.Go(func() {
			c, err := Load("", []string{"PORTICO_DATA_DIR=" + dir})
			if err != nil {
				t.Error(err)
				return
			}
			secrets[i] = c.Secret
		})
	}
	all.Wait()
	if len(secrets[0]) < minSecretLength || slices.ContainsFunc(secrets, func(s Secret) bool { return s != secrets[0] }) {
		t.Error("starts at the same time have different secrets, or short ones")
	}

	for path, want := range map[string]fs.FileMode{dir: fs.ModeDir | 0o700, filepath.Join(dir, "secret"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the data directory has %v, %v, want the secret alone", entries, err)
	}
}

func TestLoadMakesNoSecretThatWasGiven(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := Load("", []string{"PORTICO_DATA_DIR=" + dir, "PORTICO_SECRET=" + longSecret}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the data directory was made for nothing")
	}
}

func TestLoadCannotKeepTheSecret(t *testing.T) {
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, "secret"), []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(damaged, "secret")
	for _, test := range []struct{ dir, want string }{
		{damaged, "damaged"},
		{file, "not a directory"},
		{filepath.Join(file, "below"), "not a directory"},
	} {
		_, err := Load("", []string{"PORTICO_DATA_DIR=" + test.dir})
		mistakes, ok := err.(Mistakes)
		if !ok || len(mistakes) != 1 || mistakes[0].Key != "data_dir" || !strings.Contains(err.Error(), test.dir) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Load with data_dir %s: %v, want a mistake about it that says %q", test.dir, err, test.want)
		}
	}
}

// What was sealed under a derived key must be readable by every later version.
func TestKeyNeverChanges(t *testing.T) {
	c := &Config{Secret: longSecret, PreviousSecrets: []Secret{"a", longSecret}}
	const want = "2904a26526ab81cfc86b4e98d8c6e0c7b6c02a094b029e5fae7cdad95ead6cc4"
	if got := hex.EncodeToString(c.Key("credentials")); got != want {
		t.Errorf("Key = %s, want %s", got, want)
	}
	if bytes.Equal(c.Key("credentials"), c.Key("signing-keys")) {
		t.Error("two labels have the same key")
	}
	previous := c.PreviousKeys("credentials")
	if len(previous) != 2 || bytes.Equal(previous[0], previous[1]) || !bytes.Equal(previous[1], c.Key("credentials")) {
		t.Errorf("PreviousKeys = %x, want a key of each secret, in their order", previous)
	}
}

func TestKeyWithoutSecretPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a key was derived from no secret")
		}
	}()
	new(Config).Key("credentials")
}

func TestSecretsAreHidden(t *testing.T) {
	c, err := load("", append([]string{
		"PORTICO_DATABASE_URL=postgres://portico:hunter2@db/portico?sslmode=require&password=hunter2&sslpassword=hunter2",
		"PORTICO_PREVIOUS_SECRETS=" + longSecret,
		"PORTICO_MAIL_SMTP_USERNAME=u",
		"PORTICO_MAIL_SMTP_PASSWORD=hunter2",
	}, public...), os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{"String": c.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown[verb] = fmt.Sprintf(verb+verb+verb, *c, c.Secret, c.Database.URL)
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	shown["JSON"] = string(encoded)
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"slog text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"slog JSON": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		slog.New(handler(&b)).Info("start", "config", *c, "secret", c.Secret, "database", c.Database.URL)
		shown[name] = b.String()
	}
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		text := shown[name]
		if strings.Contains(text, "hunter2") || strings.Contains(text, hex.EncodeToString([]byte("hunter2"))) {
			t.Errorf("%s shows a secret: %s", name, text)
		}
	}
	if c.Secret.Reveal() != longSecret || !strings.Contains(c.Database.URL.Reveal(), ":hunter2@") {
		t.Error("Reveal doesn't show the secret")
	}
}

func TestString(t *testing.T) {
	c, err := load("", append([]string{"PORTICO_DATABASE_URL=postgres://portico:hunter2@db:5432/portico?sslmode=require", "PORTICO_PROXY_TRUSTED=10.0.0.0/8,::1",
		"PORTICO_DATABASE_MAX_CONNECTIONS=7", "PORTICO_PASSWORDS_PARALLEL_HASHES=2"}, public...), os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "testdata/string.golden", c.String())
}
