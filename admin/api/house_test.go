package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/server/servertest"
)

// client calls the management API of one environment with one key, and holds each answer to the document.
type client struct {
	base     string // with /api/v1
	key      string
	contract *contract
}

// answer is what a call was answered.
type answer struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

// newKey makes an API key of the environment's default application.
func newKey(t testing.TB, i *servertest.Installation, env *environments.Environment, scopes ...clients.APIScope) string {
	t.Helper()
	if len(scopes) == 0 {
		scopes = []clients.APIScope{clients.ScopeAll}
	}
	_, key, err := i.APIKeys.Create(context.Background(), env, clients.ID(env.DefaultApplication), clients.NewAPIKey{Name: "test", Scopes: scopes})
	check(t, err)
	return key.Reveal()
}

// connect is a client of the installation's first environment with all scopes, or with those given.
func connect(t testing.TB, i *servertest.Installation, scopes ...clients.APIScope) *client {
	t.Helper()
	return connectTo(t, i, i.Environment, scopes...)
}

// connectTo is a client of an environment of the installation.
func connectTo(t testing.TB, i *servertest.Installation, env *environments.Environment, scopes ...clients.APIScope) *client {
	t.Helper()
	base := i.Issuer + env.PathPrefix() + "/api/v1"
	return &client{base: base, key: newKey(t, i, env, scopes...), contract: readContract(t, base)}
}

// with is the client with another key.
func (c *client) with(key string) *client {
	return &client{base: c.base, key: key, contract: c.contract}
}

// secondEnvironment makes an environment besides the first.
func secondEnvironment(t testing.TB, i *servertest.Installation, slug string, kind environments.Kind) *environments.Environment {
	t.Helper()
	env, err := i.CreateEnvironment(context.Background(), environments.New{Slug: slug, Name: "Environment " + slug, Kind: kind})
	check(t, err)
	return env
}

// call sends a request, with JSON unless body is "", and header lines such as "If-Match: *".
func (c *client) call(t testing.TB, at, body string, headers ...string) answer {
	t.Helper()
	method, path, _ := strings.Cut(at, " ")
	r, err := http.NewRequestWithContext(t.Context(), method, c.base+path, bytes.NewReader([]byte(body)))
	check(t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	check(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	check(t, err)
	a := answer{status: response.StatusCode, header: response.Header, text: string(text)}
	_ = json.Unmarshal(text, &a.json) // an answer without a body has no fields
	if err := c.contract.check(c.contract.operation(method, path), a); err != nil && method != http.MethodHead {
		t.Errorf("%s = %d %s\nis not what the document promises: %v", at, a.status, a.text, err)
	}
	return a
}

// want calls and fails unless the status is the one.
func (c *client) want(t testing.TB, status int, at, body string, headers ...string) answer {
	t.Helper()
	a := c.call(t, at, body, headers...)
	if a.status != status {
		t.Fatalf("%s = %d, want %d:\n%s", at, a.status, status, a.text)
	}
	return a
}

// field is a value within an answer, such as "data/0/id"; nil if there is none.
func (a answer) field(path string) any {
	var v any = a.json
	for name := range strings.SplitSeq(path, "/") {
		switch of := v.(type) {
		case map[string]any:
			v = of[name]
		case []any:
			n := 0
			if err := json.Unmarshal([]byte(name), &n); err != nil || n >= len(of) {
				return nil
			}
			v = of[n]
		default:
			return nil
		}
	}
	return v
}

// text is a field that is one.
func (a answer) str(path string) string {
	text, _ := a.field(path).(string)
	return text
}

// fields are the fields at fault, in order.
func (a answer) fields() []string {
	all, _ := a.json["errors"].([]any)
	var names []string
	for _, one := range all {
		field, _ := one.(map[string]any)["field"].(string)
		names = append(names, field)
	}
	return names
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func userOf(t testing.TB, i *servertest.Installation, email string) identity.ID {
	t.Helper()
	u, err := i.Users.ByEmail(t.Context(), i.Environment.ID, email)
	check(t, err)
	return u.ID
}
