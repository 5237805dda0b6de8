package main

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

// binary is the folder of the program as make build makes it, but for the time zones.
var binary string

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (code int, err error) {
	if binary, err = os.MkdirTemp("", "portico-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(binary)
	build := exec.Command("go", "build", "-ldflags", "-s -w -X main.version=v1.2.3", "-o", filepath.Join(binary, "portico"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%v: %w\n%s", build, err, out)
	}
	return m.Run(), nil
}

// design.md §5: a static binary under 45 MB. The time zones, which make build puts in, add half a megabyte.
func TestBinary(t *testing.T) {
	file, err := os.Open(filepath.Join(binary, "portico"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	const limit = 44_500_000
	if info.Size() > limit {
		t.Errorf("the binary has %d bytes, want at most %d", info.Size(), limit)
	}
	t.Logf("%.1f MB", float64(info.Size())/1e6)
	program, err := elf.NewFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the binary is not static")
		}
	}
}

// Nodes that start on an empty database at the same time make one installation.
func TestStartsAtOnce(t *testing.T) {
	for _, dialect := range []string{storage.SQLite, storage.Postgres} {
		t.Run(dialect, func(t *testing.T) {
			folder := t.TempDir()
			environ := []string{"PORTICO_DATA_DIR=" + folder, "PORTICO_LISTEN=127.0.0.1:1"}
			if dialect == storage.Postgres {
				environ = append(environ, "PORTICO_DATABASE_URL="+storagetest.EmptyPostgresURL(t))
			}
			portico := func(args ...string) (string, error) {
				cmd := exec.Command(filepath.Join(binary, "portico"), args...)
				cmd.Env = environ
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			var starts sync.WaitGroup
			for range 6 {
				starts.Go(func() {
					if out, err := portico("init"); err != nil {
						t.Errorf("portico init: %v\n%s", err, out)
					}
				})
			}
			starts.Wait()
			out, err := portico("environment", "list")
			if err != nil || strings.Count(out, " env_") != 2 {
				t.Errorf("portico environment list: %v, want 2 environments\n%s", err, out)
			}
		})
	}
}

// TestScripts runs each script on both databases. A script finds PORTICO_LISTEN and PORTICO_DEMO_LISTEN set to free addresses,
// ISSUER to the public URL that follows, and on PostgreSQL PORTICO_DATABASE_URL to an empty database. Besides what testscript
// has, it can
//
//	serve [serve|demo]        start the server and wait until it is ready
//	await REGEXP              wait until a line that the server prints, from its start on, matches
//	stop                      end it by SIGTERM; what it printed is what stdout and stderr look at
//	http METHOD URL [K=V …]   send a form, follow redirects within the host, keep cookies; stdout is the status line, the address
//	                          that it led to, which is URL from now on, and the body
//	json PATH [VALUE]         compare what is at PATH in the JSON on stdout, or that it is there
//	set NAME PATH             put what is there into an environment variable
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, dialect := range []string{storage.SQLite, storage.Postgres} {
		t.Run(dialect, func(t *testing.T) {
			for _, file := range files {
				runScript(t, file, dialect)
			}
		})
	}
}

func runScript(t *testing.T, file, dialect string) {
	name := strings.TrimSuffix(filepath.Base(file), ".txtar")
	t.Run(name, func(t *testing.T) {
		variables := []string{}
		if dialect == storage.Postgres {
			variables = append(variables, "PORTICO_DATABASE_URL="+storagetest.EmptyPostgresURL(t))
		}
		testscript.Run(t, testscript.Params{
			Files:              []string{file},
			RequireUniqueNames: true,
			Setup: func(env *testscript.Env) error {
				listen, demo := freePort(t), freePort(t)
				env.Vars = append(env.Vars, variables...)
				env.Vars = append(env.Vars,
					"PATH="+binary+string(os.PathListSeparator)+os.Getenv("PATH"),
					fmt.Sprintf("PORTICO_LISTEN=127.0.0.1:%d", listen), fmt.Sprintf("PORTICO_DEMO_LISTEN=127.0.0.1:%d", demo),
					fmt.Sprintf("PORT=%d", listen), fmt.Sprintf("DEMO_PORT=%d", demo), fmt.Sprintf("ISSUER=http://localhost:%d", listen),
				)
				jar, err := cookiejar.New(nil)
				env.Values[stateKey{}] = &state{client: &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: withinHost}}
				return err
			},
			Condition: func(condition string) (bool, error) {
				return condition == dialect, nil
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"serve": serveScript, "await": awaitScript, "halt": haltScript, "http": httpScript, "json": jsonScript, "set": setScript,
			},
		})
	})
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

type stateKey struct{}

// state is what the commands of one script share.
type state struct {
	client *http.Client
	server *process
}

func stateOf(ts *testscript.TestScript) *state { return ts.Value(stateKey{}).(*state) }

// process is a server that runs.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr output
	ended          chan struct{} // closed when it has ended, with err
	err            error
}

// output keeps what was written, and tells whoever waits for more.
type output struct {
	mu   sync.Mutex
	text []byte
	more chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	if o.more != nil {
		close(o.more)
		o.more = nil
	}
	return len(p), nil
}

// state returns what there is, and a channel that is closed when there is more.
func (o *output) state() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.more == nil {
		o.more = make(chan struct{})
	}
	return string(o.text), o.more
}

func serveScript(ts *testscript.TestScript, neg bool, args []string) {
	s := stateOf(ts)
	if neg || s.server != nil {
		ts.Fatalf("serve can't be negated, nor be used twice without halt")
	}
	if len(args) == 0 {
		args = []string{"serve"}
	}
	p := &process{cmd: exec.Command(filepath.Join(binary, "portico"), args...), ended: make(chan struct{})}
	p.cmd.Dir = ts.Getenv("WORK")
	for _, name := range passedOn {
		if value := ts.Getenv(name); value != "" {
			p.cmd.Env = append(p.cmd.Env, name+"="+value)
		}
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	ts.Check(p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	ts.Defer(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	s.server = p
	p.await(ts, regexp.MustCompile(`(?m)^ready in |"msg":"ready"`))
}

// passedOn are the variables that a server takes from its script.
var passedOn = []string{
	"PATH", "HOME", "PORTICO_CONFIG", "PORTICO_LISTEN", "PORTICO_DEMO_LISTEN", "PORTICO_DATABASE_URL", "PORTICO_DATA_DIR", "PORTICO_PUBLIC_URL", "PORTICO_SECRET",
	"PORTICO_LOG_FORMAT", "PORTICO_MAIL_FROM", "PORTICO_MAIL_SMTP_HOST", "PORTICO_MAIL_SMTP_PORT", "PORTICO_MAIL_SMTP_TLS",
}

func (p *process) await(ts *testscript.TestScript, want *regexp.Regexp) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		stdout, moreStdout := p.stdout.state()
		stderr, moreStderr := p.stderr.state()
		if want.MatchString(stdout) || want.MatchString(stderr) {
			return
		}
		select {
		case <-moreStdout:
		case <-moreStderr:
		case <-p.ended:
			ts.Fatalf("the server ended, %v\n%s%s", p.err, stdout, stderr)
		case <-ctx.Done():
			ts.Fatalf("the server printed nothing like %s:\n%s%s", want, stdout, stderr)
		}
	}
}

func awaitScript(ts *testscript.TestScript, _ bool, args []string) {
	s := stateOf(ts)
	if len(args) != 1 || s.server == nil {
		ts.Fatalf("usage: await REGEXP, after serve")
	}
	want, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	s.server.await(ts, want)
}

func haltScript(ts *testscript.TestScript, _ bool, _ []string) {
	s := stateOf(ts)
	if s.server == nil {
		ts.Fatalf("no server runs")
	}
	p := s.server
	s.server = nil
	ts.Check(p.cmd.Process.Signal(syscall.SIGTERM))
	<-p.ended
	stdout, _ := p.stdout.state()
	stderr, _ := p.stderr.state()
	if p.err != nil {
		ts.Fatalf("the server ended with %v:\n%s%s", p.err, stdout, stderr)
	}
	_, _ = io.WriteString(ts.Stdout(), stdout)
	_, _ = io.WriteString(ts.Stderr(), stderr)
}

// withinHost follows redirects that stay at the server.
func withinHost(next *http.Request, via []*http.Request) error {
	if next.URL.Host != via[0].URL.Host || len(via) > 10 {
		return http.ErrUseLastResponse
	}
	return nil
}

func httpScript(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: http METHOD URL [NAME=VALUE …]")
	}
	form := url.Values{}
	for _, arg := range args[2:] {
		name, value, _ := strings.Cut(arg, "=")
		form.Add(name, value)
	}
	request, err := http.NewRequest(args[0], args[1], strings.NewReader(form.Encode()))
	ts.Check(err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := stateOf(ts).client.Do(request)
	ts.Check(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	ts.Check(err)
	address := response.Request.URL.String()
	if location := response.Header.Get("Location"); location != "" {
		address = location
	}
	ts.Setenv("URL", address)
	fmt.Fprintf(ts.Stdout(), "%s\n%s\n%s", response.Status, address, body)
}

// at returns what is at a path such as .secrets.0.id in the JSON that the last command printed, which may follow other lines.
func at(ts *testscript.TestScript, path string) (any, bool) {
	text := ts.ReadFile("stdout")
	if i := strings.IndexAny(text, "{["); i >= 0 {
		text = text[i:]
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		ts.Fatalf("no JSON: %v\n%s", err, text)
	}
	for _, name := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' }) {
		switch v := value.(type) {
		case map[string]any:
			var ok bool
			if value, ok = v[name]; !ok {
				return nil, false
			}
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(v) {
				return nil, false
			}
			value = v[i]
		default:
			return nil, false
		}
	}
	return value, true
}

// show writes a value as a script does: texts as they are, the rest as JSON.
func show(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // it was decoded from JSON
	return strings.TrimSpace(b.String())
}

func jsonScript(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: json PATH [VALUE]")
	}
	value, ok := at(ts, args[0])
	switch {
	case len(args) == 1 && ok == neg:
		ts.Fatalf("%s is there: %t", args[0], ok)
	case len(args) == 2 && (ok && show(value) == args[1]) == neg:
		ts.Fatalf("%s is %s, want %s (negated: %t)", args[0], show(value), args[1], neg)
	}
}

func setScript(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: set NAME PATH")
	}
	value, ok := at(ts, args[1])
	if !ok {
		ts.Fatalf("nothing is at %s", args[1])
	}
	ts.Setenv(args[0], show(value))
}
