package journeys

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestHarness tries the library of the journeys on a page whose faults are known.
func TestHarness(t *testing.T) {
	files := http.FileServer(http.Dir("testdata"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'")
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	Run(t, map[string]string{"HARNESS": server.URL, "SCREENSHOTS": t.TempDir()}, "testdata/harness.test.mjs")
}
