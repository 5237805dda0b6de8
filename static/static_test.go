package static

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestURL(t *testing.T) {
	for _, name := range []string{"app.css", "forms.js", "copy.js", "tabs-sync.js", "post.js", "logo.svg", "favicon.svg"} {
		stem, extension, _ := strings.Cut(name, ".")
		if want := regexp.MustCompile(`^/static/` + stem + `\.[0-9a-f]{12}\.` + extension + `$`); !want.MatchString(URL(name)) {
			t.Errorf("URL(%q) = %q, want %s", name, URL(name), want)
		}
	}
}

func TestURLOfNothing(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error(`URL("app.scss") did not panic`)
		}
	}()
	URL("app.scss")
}

func get(path string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header = header
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w
}

func TestHandler(t *testing.T) {
	forever, check := "public, max-age=31536000, immutable", "no-cache"
	css, js, svg := "text/css; charset=utf-8", "text/javascript; charset=utf-8", "image/svg+xml"
	for _, test := range []struct {
		name     string
		path     string
		accept   string
		status   int
		kind     string
		cache    string
		encoding string
	}{
		{"style sheet", URL("app.css"), "", 200, css, forever, ""},
		{"compressed", URL("app.css"), "br;q=1.0, gzip;q=0.8, *;q=0.1", 200, css, forever, "gzip"},
		{"gzip refused", URL("app.css"), "gzip;q=0, identity", 200, css, forever, ""},
		{"script", URL("forms.js"), "gzip", 200, js, forever, "gzip"},
		{"logo", URL("logo.svg"), "", 200, svg, forever, ""},
		{"of another version", "/static/app.000000000000.css", "", 200, css, check, ""},
		{"without a hash", "/static/app.css", "", 404, "text/plain; charset=utf-8", "", ""},
		{"unknown", "/static/app.000000000000.scss", "", 404, "text/plain; charset=utf-8", "", ""},
		{"elsewhere", "/static/../static.go", "", 404, "text/plain; charset=utf-8", "", ""},
		{"folder", "/static/", "", 404, "text/plain; charset=utf-8", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := get(test.path, http.Header{"Accept-Encoding": {test.accept}})
			got := []any{w.Code, w.Header().Get("Content-Type"), w.Header().Get("Cache-Control"), w.Header().Get("Content-Encoding"), w.Header().Get("X-Content-Type-Options")}
			if diff := cmp.Diff([]any{test.status, test.kind, test.cache, test.encoding, "nosniff"}, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHandlerCompresses(t *testing.T) {
	plain, packed := get(URL("app.css"), nil), get(URL("app.css"), http.Header{"Accept-Encoding": {"gzip"}})
	reader, err := gzip.NewReader(bytes.NewReader(packed.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(unpacked, plain.Body.Bytes()) {
		t.Error("the compressed file is another one")
	}
	if a, b := plain.Header().Get("ETag"), packed.Header().Get("ETag"); a == b {
		t.Errorf("both have the ETag %s, but other bytes (RFC 9110 §8.8.3.3)", a)
	}
	if plain.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("Vary = %q", plain.Header().Get("Vary"))
	}
}

func TestHandlerNotModified(t *testing.T) {
	tag := get(URL("app.css"), nil).Header().Get("ETag")
	w := get(URL("app.css"), http.Header{"If-None-Match": {tag}})
	if w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		t.Errorf("status = %d with %d bytes, want 304 and none", w.Code, w.Body.Len())
	}
}

// Dark stands twice in the style sheet: what the system wishes and what the page says must look the same.
func TestDarkTokens(t *testing.T) {
	blocks := regexp.MustCompile(`(?s)color-scheme: dark;(.*?)\}`).FindAllStringSubmatch(css(t), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d dark themes, want 2", len(blocks))
	}
	token := regexp.MustCompile(`--[a-z0-9-]+: #[0-9a-f]{6}`)
	system, page := token.FindAllString(blocks[0][1], -1), token.FindAllString(blocks[1][1], -1)
	if diff := cmp.Diff(system, page); diff != "" {
		t.Errorf("the dark themes differ (-system +page):\n%s", diff)
	}
	names := func(tokens []string) []string {
		var names []string
		for _, t := range tokens {
			names = append(names, t[:strings.Index(t, ":")])
		}
		return names
	}
	light := regexp.MustCompile(`(?s)color-scheme: light;(.*?)\}`).FindStringSubmatch(css(t))
	if light == nil {
		t.Fatal("no light theme")
	}
	if diff := cmp.Diff(names(token.FindAllString(light[1], -1)), names(page)); diff != "" {
		t.Errorf("light and dark have other tokens (-light +dark):\n%s", diff)
	}
}

// Right-to-left works because nothing says left or right, and each colour is a token.
func TestStyleSheet(t *testing.T) {
	physical := regexp.MustCompile(`(?m)^\s*(margin|padding|border|inset)-(left|right|top|bottom)|^\s*(left|right|top|bottom|width|height|(min|max)-(width|height)):|text-align: (left|right)|float:`)
	if found := physical.FindAllString(css(t), -1); found != nil {
		t.Errorf("physical properties: %q", found)
	}
	_, rules, _ := strings.Cut(css(t), "@layer base {")
	if found := regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b`).FindAllString(rules, -1); found != nil {
		t.Errorf("colours that are no tokens: %q", found)
	}
	used, defined := regexp.MustCompile(`var\((--[a-z0-9-]+)`), regexp.MustCompile(`(--[a-z0-9-]+):`)
	var tokens []string
	for _, m := range defined.FindAllStringSubmatch(css(t), -1) {
		tokens = append(tokens, m[1])
	}
	for _, m := range used.FindAllStringSubmatch(css(t), -1) {
		if !slices.Contains(tokens, m[1]) {
			t.Errorf("%s is used but not defined", m[1])
		}
	}
}

func css(t *testing.T) string {
	t.Helper()
	content, err := files.ReadFile("files/app.css")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
