package server

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// readable refuses requests whose path, query or form has what no text has and no text column of PostgreSQL takes: NUL, or bytes
// that aren't UTF-8.
func readable(next, refuse http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isText(r.URL.Path) || !encodesText(r.URL.RawQuery) || !formIsText(r) {
			refuse.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// encodesText reports whether the names and values of a form that can be read are text. What can't be read is for others to refuse.
func encodesText(form string) bool {
	if strings.IndexByte(form, '%') < 0 {
		return isText(form)
	}
	values, _ := url.ParseQuery(form)
	for name, all := range values {
		if !isText(name) || !isText(strings.Join(all, "")) {
			return false
		}
	}
	return true
}

// formIsText looks at a form in the body and leaves the body to be read. An error of reading is kept for whoever reads it.
func formIsText(r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // as http.Request.ParseForm does
	if r.Body == nil || kind != "application/x-www-form-urlencoded" {
		return true
	}
	text, err := io.ReadAll(r.Body)
	rest := io.Reader(bytes.NewReader(text))
	if err != nil {
		rest = io.MultiReader(rest, failing{err})
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{rest, r.Body}
	return encodesText(string(text))
}

// failing is a reader that failed.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
