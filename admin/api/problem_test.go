package api_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The bytes and headers of a problem of each kind.
func TestProblems(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	c, reader := connect(t, i), connect(t, i, clients.ScopeReadApplications)
	i.AddClient(t, "Web", clients.Web, nil)
	spa := "/applications/" + string(i.AddClient(t, "SPA", clients.SPA, nil).ID)
	c.want(t, 201, "POST /applications", `{"kind":"web","name":"A"}`, "Idempotency-Key: a")
	masks := []struct {
		form *regexp.Regexp
		mask string
	}{
		{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}`), "7f3c91ab-04de"},
		{regexp.MustCompile(`\b(app|sec|key|usr|ses|env)_[0-9a-z]{26}`), "${1}_01h455vb4pex5vsknk084sn02q"},
	}
	var b strings.Builder
	for _, test := range []struct {
		c        *client
		at, body string
		headers  []string
	}{
		{c.with(""), "GET /applications", "", nil},
		{c.with(c.key + "x"), "GET /applications", "", nil},
		{reader, "POST /applications", `{}`, nil},
		{c, "GET /environments", "", nil},
		{c, "GET /nothing", "", nil},
		{c, "GET /applications/app_1", "", nil},
		{c, "PUT /applications", "{}", nil},
		{c, "GET /applications?limit=0&colour=red", "", nil},
		{c, "POST /applications", "", nil},
		{c, "POST /applications", `{"kind":`, nil},
		{c, "POST /applications", `a=b`, []string{"Content-Type: application/x-www-form-urlencoded"}},
		{c, "POST /applications", `{"kind":"toaster"}`, nil},
		{c, "POST /applications", `{"kind":"web","name":"","redirect_uris":["javascript:alert(1)","https://a.example/#b"],"session_policy":{"inactivity_timeout":60}}`, nil},
		{c, "POST /applications", `{"kind":"web","name":"A","client_id":"web"}`, nil},
		{c, "POST /applications", `{"kind":"web","name":"B"}`, []string{"Idempotency-Key: a"}},
		{c, "POST " + spa + "/secrets", "", nil},
		{c, "PATCH " + spa, `{"name":"A"}`, []string{`If-Match: "1"`}},
		{c, "POST /users", `{"email":"nobody","birthdate":"2999-01-01"}`, nil},
	} {
		a := test.c.call(t, test.at, test.body, test.headers...)
		fmt.Fprintf(&b, "%s %s %s\n%d\n", test.at, strings.Join(test.headers, " "), test.body, a.status)
		var lines []string
		for name, values := range a.header {
			if !slices.Contains([]string{"Date", "Content-Length", "Connection"}, name) {
				lines = append(lines, name+": "+strings.Join(values, ", "))
			}
		}
		slices.Sort(lines)
		fmt.Fprintf(&b, "%s\n\n%s\n", strings.Join(lines, "\n"), a.text)
	}
	got := b.String()
	for _, m := range masks {
		got = m.form.ReplaceAllString(got, m.mask)
	}
	file := filepath.Join("testdata", "problems.golden")
	if *update {
		check(t, os.MkdirAll("testdata", 0o755))
		check(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	check(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A parameter that is there but empty is a mistake of the caller's program: it isn't taken for absent.
func TestEmptyParameter(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	c := connect(t, i)
	if a := c.want(t, 400, "GET /users?limit=", ""); len(a.fields()) != 1 || a.fields()[0] != "limit" {
		t.Errorf("GET /users?limit= blames %v, want limit", a.fields())
	}
	c.want(t, 200, "GET /users?search=", "")
}
