package sessions

import (
	"crypto/rand"
	"net/http"
	"regexp"

	"github.com/gorilla/sessions"

	"github.com/portico-id/portico/environments"
)

// Cookies keeps the handle of a browser in a cookie, which holds nothing else. There is one for each environment. It
// implements the Store of gorilla/sessions, whose session ID is the handle.
type Cookies struct {
	// Secure is true if the public URL is https: the cookie is then bound to its host and never sent in clear (RFC 6265bis, __Host-).
	Secure bool
}

var handleForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

func (c *Cookies) name(env *environments.Environment) string {
	if c.Secure {
		return "__Host-portico-" + env.Slug
	}
	return "portico-" + env.Slug
}

// Handle returns the handle that the request brings for the environment; "" if none.
func (c *Cookies) Handle(r *http.Request, env *environments.Environment) Handle {
	s, err := c.Get(r, c.name(env))
	if err != nil {
		return ""
	}
	return Handle(s.ID)
}

// Set gives the browser the handle. A browser session that is not remembered ends with the browser.
func (c *Cookies) Set(w http.ResponseWriter, r *http.Request, env *environments.Environment, h Handle, remember bool) error {
	s := sessions.NewSession(c, c.name(env))
	s.ID, s.Options = string(h), c.options()
	if remember {
		s.Options.MaxAge = int(env.BrowserSessions.MaxLength.Seconds())
	}
	c.ChangeState(w, env)
	return s.Save(r, w)
}

// StateName is the name of the cookie with the browser state of OpenID Connect Session Management 1.0 §4.2: a random value
// that changes whenever somebody signs in or out, which scripts of the check_session_iframe read. It opens nothing.
func (c *Cookies) StateName(env *environments.Environment) string { return "portico-state-" + env.Slug }

// State returns the browser state; "" before the first sign-in.
func (c *Cookies) State(r *http.Request, env *environments.Environment) string {
	cookie, err := r.Cookie(c.StateName(env))
	if err != nil || len(cookie.Value) > 64 {
		return ""
	}
	return cookie.Value
}

// ChangeState gives the browser another browser state: its sign-in has changed.
func (c *Cookies) ChangeState(w http.ResponseWriter, env *environments.Environment) {
	state := &http.Cookie{Name: c.StateName(env), Value: rand.Text(), Path: "/", Secure: c.Secure, SameSite: http.SameSiteLaxMode}
	if c.Secure {
		state.SameSite = http.SameSiteNoneMode // it is read in frames of other sites
	}
	http.SetCookie(w, state)
}

func (c *Cookies) options() *sessions.Options {
	return &sessions.Options{Path: "/", Secure: c.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// Get implements sessions.Store.
func (c *Cookies) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(c, name)
}

// New implements sessions.Store. A cookie that is not of our form is as good as none.
func (c *Cookies) New(r *http.Request, name string) (*sessions.Session, error) {
	s := sessions.NewSession(c, name)
	s.Options, s.IsNew = c.options(), true
	if cookie, err := r.Cookie(name); err == nil && handleForm.MatchString(cookie.Value) {
		s.ID, s.IsNew = cookie.Value, false
	}
	return s, nil
}

// Save implements sessions.Store.
func (c *Cookies) Save(_ *http.Request, w http.ResponseWriter, s *sessions.Session) error {
	http.SetCookie(w, sessions.NewCookie(s.Name(), s.ID, s.Options))
	return nil
}
