package login_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// What goes wrong is a page with the reference under which the log has it, and with nothing of how we work.
func TestErrorPage(t *testing.T) {
	h := build(t)
	b := h.browser(t)
	query := b.request(h.app)
	broken, err := h.Sessions.Begin(t.Context(), h.app, b.handle(), []byte("no JSON"), time.Time{})
	check(t, err)
	for _, test := range []struct {
		name, method, address, body string
		status                      int
		text                        string
	}{
		{"our fault", http.MethodGet, "/sign-in?client_id=wiki&interaction=" + string(broken.ID), "", 500, "Wiki This request cannot be completed – Wiki Something went wrong on our side. Try again. Go to your account Reference 7f3c-91ab"},
		{"a form that nobody can read", http.MethodPost, "/sign-in" + query, "username=%zz", 400, "we cannot use"},
		{"an address that nobody can read", http.MethodGet, "/account?notice=%zz", "", 400, "we cannot use"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, issuer+test.address, strings.NewReader(test.body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for _, c := range b.jar.Cookies(&url.URL{Scheme: "http", Host: "id.example"}) {
				r.AddCookie(c)
			}
			w := httptest.NewRecorder()
			h.serve.ServeHTTP(w, r)
			page := (&reply{status: w.Code, header: w.Header(), body: w.Body.String()}).shows(t, test.status, test.text, "7f3c-91ab")
			if strings.Contains(page.body, "invalid character") {
				t.Error("the page tells what only the log is to know")
			}
			for name, want := range map[string]string{"Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff"} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}
