package sessions

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/portico-id/portico/environments"
)

// TestCookies: the cookie holds a handle and nothing else, bound to its host where the public URL is https.
func TestCookies(t *testing.T) {
	env := &environments.Environment{Slug: "default", BrowserSessions: environments.DefaultBrowserSessions}
	for _, test := range []struct {
		name             string
		secure, remember bool
		want             []string
		not              []string
	}{
		{"http on this machine", false, false, []string{"portico-default=", "Path=/", "HttpOnly", "SameSite=Lax"}, []string{"Secure", "Max-Age", "Domain"}},
		{"https", true, false, []string{"__Host-portico-default=", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"}, []string{"Max-Age", "Domain"}},
		{"remembered", true, true, []string{"__Host-portico-default=", "Max-Age=2592000"}, []string{"Domain"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, handle := &Cookies{Secure: test.secure}, NewHandle()
			w := httptest.NewRecorder()
			if err := c.Set(w, httptest.NewRequest(http.MethodGet, "/", nil), env, handle, test.remember); err != nil {
				t.Fatal(err)
			}
			var line string
			for _, set := range w.Header().Values("Set-Cookie") {
				if strings.Contains(set, string(handle)) {
					line = set
				}
			}
			for _, part := range test.want {
				if !strings.Contains(line, part) {
					t.Errorf("%q lacks %s", line, part)
				}
			}
			for _, part := range test.not {
				if strings.Contains(line, part) {
					t.Errorf("%q has %s", line, part)
				}
			}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			for _, cookie := range w.Result().Cookies() {
				r.AddCookie(cookie)
			}
			if got := c.Handle(r, env); got != handle {
				t.Errorf("Handle = %q, want %q", got, handle)
			}
			if got := c.Handle(r, &environments.Environment{Slug: "other"}); got != "" {
				t.Errorf("another environment reads the handle %q", got)
			}
		})
	}
	for _, value := range []string{"", "short", strings.Repeat("a", 44), strings.Repeat("ä", 43), strings.Repeat("a", 42) + "="} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", "portico-default="+value)
		if got := (&Cookies{}).Handle(r, env); got != "" {
			t.Errorf("a cookie %q is taken for the handle %q", value, got)
		}
	}
}
