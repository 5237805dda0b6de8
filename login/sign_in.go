package login

import (
	"net/http"
	"strings"
	"time"

	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// showSignIn serves GET /sign-in: the first step, which asks for the address. Somebody who is known and must authenticate again
// goes on to the second.
func (h *Handler) showSignIn(w http.ResponseWriter, r *http.Request, f *flow) error {
	c := h.chrome(r, f)
	other := r.URL.Query().Has("other")
	if a := f.account(); a != nil && f.Username == "" && !other && a.Alive(f.env, f.now) && !f.good(a) {
		if err := h.advance(r.Context(), r, f, func(i *sessions.Interaction) { i.Username = a.Email }); err != nil {
			return err
		}
		return to(w, r, c.Href("/sign-in/password"))
	}
	if h.restarted(w, r, f.env) {
		c.Notice = templates.TextRestarted
	} else if c.Notice.IsZero() {
		c.Notice = f.sessionEnded()
	}
	page := h.signInPage(f, c)
	if page.Username == "" && !other {
		page.Username = f.request.Get("login_hint")
	}
	return templates.Render(w, http.StatusOK, page)
}

func (h *Handler) signInPage(f *flow, c templates.Chrome) templates.SignIn {
	return templates.SignIn{Chrome: c, Username: f.Username, SignUpOpen: f.env.SignUp}
}

// signIn serves POST /sign-in. It leads to the second step whether or not there is an account.
func (h *Handler) signIn(w http.ResponseWriter, r *http.Request, f *flow) error {
	c := h.chrome(r, f)
	username := strings.TrimSpace(r.PostForm.Get("username"))
	if _, err := identity.NormalizeEmail(username); err != nil {
		page := h.signInPage(f, c)
		page.Username, page.Errors = username, []templates.FieldError{{Field: "username", Text: templates.TextEmailMissing}}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	if err := h.advance(r.Context(), r, f, func(i *sessions.Interaction) { i.Username = username }); err != nil {
		return err
	}
	return to(w, r, c.Href("/sign-in/password"))
}

// showPassword serves GET /sign-in/password: the second step.
func (h *Handler) showPassword(w http.ResponseWriter, r *http.Request, f *flow) error {
	c := h.chrome(r, f)
	if f.Username == "" {
		return to(w, r, c.Href("/sign-in"))
	}
	page := h.passwordPage(f, c)
	if a := f.account(); a != nil && identity.SameEmail(a.Email, f.Username) && a.Alive(f.env, f.now) {
		page.Notice, page.Remember = f.sessionEnded(), a.BrowserSession.Remember // she authenticates again
	}
	return templates.Render(w, http.StatusOK, page)
}

func (h *Handler) passwordPage(f *flow, c templates.Chrome) templates.SignInPassword {
	clocks := &f.env.BrowserSessions
	return templates.SignInPassword{Chrome: c, Username: f.Username, RememberOffered: clocks.MaxLength > clocks.UnrememberedMax}
}

// password serves POST /sign-in/password.
func (h *Handler) password(w http.ResponseWriter, r *http.Request, f *flow) error {
	username, password := strings.TrimSpace(r.PostForm.Get("username")), r.PostForm.Get("password")
	if username == "" {
		username = f.Username
	}
	c := h.chrome(r, f)
	if username == "" {
		return to(w, r, c.Href("/sign-in"))
	}
	page := h.passwordPage(f, c)
	page.Username = username
	page.Remember = page.RememberOffered && r.PostForm.Get("remember") != ""
	if password == "" {
		page.Errors = []templates.FieldError{{Field: "password", Text: templates.TextPasswordMissing}}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	user, err := h.Users.CheckPassword(r.Context(), f.env.ID, username, password)
	if err == nil {
		return h.signedIn(w, r, f, user, page.Remember)
	}
	problems, status, err := h.refused(w, err, "password")
	if err != nil {
		return err
	}
	for i := range problems {
		problems[i].Field = "password" // the address is no field that she can change here
	}
	page.Errors = problems
	return templates.Render(w, status, page)
}

// sessionEnded says why the person has to sign in again, if her latest session in the application ended by itself or by somebody
// else; else it is zero.
func (f *flow) sessionEnded() templates.Message {
	if f.own() {
		return templates.Message{}
	}
	for i := range f.accounts {
		s := f.accounts[i].Session
		if s == nil {
			continue
		}
		at, why := s.Deadline(&f.app.SessionPolicy)
		if f.now.Before(at) || why == sessions.EndedSignedOut || why == sessions.EndedReplaced {
			break
		}
		return templates.TextSessionEnded(f.app.Name, string(why), ranOut(s, at, why))
	}
	return templates.Message{}
}

// ranOut is the length of the clock that ended the session at the time; 0 if none did.
func ranOut(s *sessions.Session, at time.Time, why sessions.EndedReason) time.Duration {
	switch why {
	case sessions.EndedInactivity:
		return at.Sub(s.LastActiveAt)
	case sessions.EndedMaxLength:
		return at.Sub(s.AuthTime)
	}
	return 0
}
