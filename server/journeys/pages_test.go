package journeys

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/portico-id/portico/static"
)

// TestPages looks at every page of package templates as its golden file has it.
func TestPages(t *testing.T) {
	const goldens = "../../templates/testdata"
	mux := http.NewServeMux()
	mux.Handle("/static/", static.Handler())
	mux.Handle("/", http.FileServer(http.Dir(goldens)))
	server := httptest.NewServer(mux)
	defer server.Close()

	files, err := filepath.Glob(filepath.Join(goldens, "*.html"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".html"); !strings.HasPrefix(name, "mail_") {
			names = append(names, name)
		}
	}
	Run(t, map[string]string{"PAGES": strings.Join(names, " "), "PAGES_AT": server.URL}, "pages.test.mjs")
}
