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

// TestBrowserState: the cookie of OpenID Connect Session Management 1.0 §4.2 is read by scripts in frames of other sites, changes with
// every sign-in and sign-out, and is no handle.
func TestBrowserState(t *testing.T) {
	env := &environments.Environment{Slug: "default", BrowserSessions: environments.DefaultBrowserSessions}
	for _, test := range []struct {
		secure bool
		want   http.Cookie
	}{
		{false, http.Cookie{Name: "portico-state-default", Path: "/", SameSite: http.SameSiteLaxMode}},
		{true, http.Cookie{Name: "portico-state-default", Path: "/", Secure: true, SameSite: http.SameSiteNoneMode}},
	} {
		c, handle := &Cookies{Secure: test.secure}, NewHandle()
		w := httptest.NewRecorder()
		if err := c.Set(w, httptest.NewRequest(http.MethodGet, "/", nil), env, handle, true); err != nil {
			t.Fatal(err)
		}
		c.ChangeState(w, env)
		var states []string
		for _, got := range w.Result().Cookies() {
			if got.Name != c.StateName(env) {
				continue
			}
			states = append(states, got.Value)
			if got.Name != test.want.Name || got.Path != test.want.Path || got.HttpOnly || got.Secure != test.want.Secure || got.SameSite != test.want.SameSite || got.MaxAge != 0 || got.Domain != "" {
				t.Errorf("the cookie is %q, want it like %q", got, &test.want)
			}
		}
		if len(states) != 2 || states[0] == states[1] || states[0] == string(handle) || len(states[0]) < 26 {
			t.Errorf("the states after a sign-in and a sign-out are %q", states)
		}
	}
}
