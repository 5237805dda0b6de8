package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/config"
	"github.com/portico-id/portico/server"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/storage/storagetest"
)

// serveVariable makes the test binary a server, so that a test can kill one.
const serveVariable = "PORTICO_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) != "" {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serve() error {
	c, err := config.Load("", os.Environ())
	if err != nil {
		return err
	}
	ctx := context.Background()
	s, err := server.Open(ctx, c, "test", slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	if err := s.Bootstrap(ctx); err != nil {
		return err
	}
	return s.Run(ctx, func() { fmt.Println("ready") })
}

// process is a server in a process of its own.
type process struct {
	t       *testing.T
	environ []string
	cmd     *exec.Cmd
}

func (p *process) start() {
	p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = exec.Command(self)
	p.cmd.Env = append(os.Environ(), append(p.environ, serveVariable+"=1")...)
	p.cmd.Stderr = p.t.Output()
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		p.t.Fatalf("the server said %q: %v", line, err)
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // it was killed, and says so
}

// acknowledged is what one client was told before the crash.
type acknowledged struct {
	refresh   string // the newest refresh token
	access    string // the newest access token
	refreshes int
	usedCode  string
}

// TestCrash kills the server under load: after the restart nothing that was acknowledged is missing, and nothing that was
// used works again (acceptance 85).
func TestCrash(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { crash(t, "") })
	t.Run("postgres", func(t *testing.T) {
		cluster, err := storagetest.NewCluster(true)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := cluster.Close(); err != nil {
				t.Error(err)
			}
		})
		crash(t, cluster.Database(t))
	})
}

func crash(t *testing.T, databaseURL string) {
	const (
		sessions = 8
		crashes  = 3
	)
	dir, address := t.TempDir(), servertest.FreeAddress(t)
	environ := []string{
		"PORTICO_DATA_DIR=" + dir, "PORTICO_LISTEN=" + address, "PORTICO_PUBLIC_URL=http://" + address, "PORTICO_PASSWORDS_ARGON2_MEMORY_KIB=7168",
	}
	if databaseURL != "" {
		environ = append(environ, "PORTICO_DATABASE_URL="+databaseURL)
	}
	i := outside(t, environ)
	c := i.AddClient(t, "Wiki", clients.Web, func(a *clients.Application) { a.IDTokenSignedResponseAlg = "ES256" })
	i.AddUser(t, "ada@example.com")
	p := &process{t: t, environ: environ}
	p.start()
	defer func() { p.kill() }()

	told := make([]acknowledged, sessions)
	for n := range told {
		code := i.NewBrowser(t).Code(i, c, "ada@example.com", "openid offline_access", nil)
		first := i.Redeem(t, c, code)
		if first.Status != http.StatusOK {
			t.Fatalf("code exchange: %d %s", first.Status, first.Body)
		}
		told[n] = acknowledged{refresh: first.String("refresh_token"), access: first.String("access_token"), usedCode: code}
	}
	for crash := range crashes {
		var load sync.WaitGroup
		for n := range told {
			load.Go(func() { refreshUntilCrash(i, c, &told[n]) })
		}
		time.Sleep(time.Duration(300+200*crash) * time.Millisecond) // the instant is to be any
		p.kill()
		load.Wait()
		p.start()
		for n := range told {
			a := &told[n]
			if r := i.Introspect(t, c, a.access); r.JSON["active"] != true {
				t.Errorf("crash %d: an acknowledged access token is not active: %s", crash, r.Body)
			}
			r := i.Refresh(t, c, a.refresh)
			if r.Status != http.StatusOK {
				t.Fatalf("crash %d: after %d refreshes the acknowledged refresh token is refused: %s", crash, a.refreshes, r.Body)
			}
			a.refresh, a.access = r.String("refresh_token"), r.String("access_token")
		}
	}
	total := 0
	for n := range told {
		total += told[n].refreshes
		if r := i.Redeem(t, c, told[n].usedCode); r.Status != http.StatusBadRequest || r.String("error") != "invalid_grant" {
			t.Errorf("a used code after the crash: %d %s, want 400 invalid_grant", r.Status, r.Body)
		}
		if r := i.Introspect(t, c, told[n].access); r.JSON["active"] != false {
			t.Errorf("the second use of a code revokes what the first one got: %s", r.Body)
		}
	}
	if total == 0 {
		t.Error("no refresh was acknowledged: there was no load")
	}
	t.Logf("%d refreshes acknowledged over %d crashes", total, crashes)
}

// outside is the installation as somebody sees it who shares its database, but not its process.
func outside(t *testing.T, environ []string) *servertest.Installation {
	t.Helper()
	cfg, err := config.Load("", environ)
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.Open(t.Context(), cfg, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // its database may be down by then
	if err := s.Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	env, err := s.Environments.BySlug(t.Context(), server.DefaultSlug)
	if err != nil {
		t.Fatal(err)
	}
	return &servertest.Installation{Server: s, Environment: env, Issuer: cfg.PublicURL}
}

// refreshUntilCrash refreshes as fast as it is answered, and keeps what it was told.
func refreshUntilCrash(i *servertest.Installation, c servertest.Client, a *acknowledged) {
	for range 10_000 {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.refresh}}
		r, err := http.NewRequest(http.MethodPost, i.Issuer+"/oauth2/token", strings.NewReader(form.Encode()))
		if err != nil {
			return
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(c.ClientID, c.Secret)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return
		}
		var reply struct {
			AccessToken  string `json:"access_token"`
			RefreshToken string `json:"refresh_token"`
		}
		err = json.NewDecoder(response.Body).Decode(&reply)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || reply.RefreshToken == "" {
			return
		}
		a.refresh, a.access, a.refreshes = reply.RefreshToken, reply.AccessToken, a.refreshes+1
	}
}
