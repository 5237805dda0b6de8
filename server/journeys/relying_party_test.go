package journeys

import (
	"html/template"
	"net/http"
	"net/http/httptest"
	"testing"
)

// answer shows what the provider sent: the query is in the address, a posted form is on the page.
var answer = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en">
<head><title>Back at the application</title></head>
<body><main><h1>Back at the application</h1><pre id="form">{{.}}</pre></main></body>
</html>
`))

// relyingParty serves the pages of applications on another host name than the provider's: /spa/ loads oidc-client-ts,
// each other path shows the answer that it got.
func relyingParty(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /spa/{$}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "testdata/spa.html")
	})
	mux.HandleFunc("GET /spa/oidc-client-ts.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.js")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := answer.Execute(w, r.PostForm.Encode()); err != nil {
			t.Errorf("write the answer page: %v", err)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}
