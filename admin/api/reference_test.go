package api_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server/servertest"
)

// The reference has every operation and object of the document, for whoever has no key, and asks nobody else for anything.
func TestReference(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	env := secondEnvironment(t, i, "staging", environments.Development)
	c := connectTo(t, i, env)
	response, err := http.Get(i.Issuer + "/env/staging/api/docs")
	check(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	check(t, err)
	page := string(text)
	if response.StatusCode != 200 || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") || !strings.Contains(response.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Fatalf("GET /api/docs = %d %v", response.StatusCode, response.Header)
	}
	for at, operation := range c.contract.operations {
		method, path, _ := strings.Cut(at, " ")
		if id := operation["operationId"].(string); !strings.Contains(page, `<h3 id="`+id+`">`) || !strings.Contains(page, path) || !strings.Contains(page, method) {
			t.Errorf("%s is missing", at)
		}
	}
	for name := range c.contract.document["components"].(map[string]any)["schemas"].(map[string]any) {
		if !strings.Contains(page, `<h3 id="object-`+name+`">`) {
			t.Errorf("the object %s is missing", name)
		}
	}
	for _, link := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		switch {
		case strings.HasPrefix(link[1], "#"):
			if !strings.Contains(page, `id="`+link[1][1:]+`"`) {
				t.Errorf("%s leads nowhere", link[1])
			}
		case !strings.HasPrefix(link[1], "/static/") && !strings.HasPrefix(link[1], "/env/staging/") && !strings.HasPrefix(link[1], "?"):
			t.Errorf("%s is outside of the environment", link[1])
		}
	}
	if !strings.Contains(page, c.base) || !strings.Contains(page, "urn:portico:problem:invalid") {
		t.Error("the address or the problems are missing")
	}
}
