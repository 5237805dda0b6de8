package login

import (
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// resetAlone serves the pages of the password reset without an interaction that waits in this browser: the reset then leads to
// the application. The link in a mail may be opened on another device, as who knows the code may choose the password.
func (h *Handler) resetAlone(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	env := environments.FromContext(ctx)
	query := r.URL.Query()
	app, err := h.application(r)
	if err != nil {
		return err
	}
	if query.Has("begun") && h.Cookies.Handle(r, env) == "" {
		return h.askForCookies(w, r, app)
	}
	mailed, err := h.Sessions.Store.Interaction(ctx, env.ID, sessions.InteractionID(query.Get("interaction")), h.Now().UTC())
	if err != nil && !errors.Is(err, sessions.ErrNotFound) {
		return err
	}
	f, err := h.begin(w, r, app, "", time.Time{})
	if err != nil {
		return err
	}
	if mailed != nil && mailed.Challenge != "" {
		if err := h.advance(ctx, r, f, func(i *sessions.Interaction) { i.Challenge = mailed.Challenge }); err != nil {
			return err
		}
		if code := query.Get("code"); code != "" {
			return to(w, r, h.chrome(r, f).Href(r.URL.Path, "begun", "1", "code", code))
		}
	}
	notice := ""
	if query.Get("code") != "" {
		notice = "code_expired"
	}
	return to(w, r, h.chrome(r, f).Href("/password-reset", "begun", "1", "notice", notice))
}

// resetPage is the page of a password reset, with the challenge whose code was mailed; nil if none was.
func (h *Handler) resetPage(r *http.Request, f *flow) (*identity.Challenge, templates.PasswordReset, error) {
	page := templates.PasswordReset{Chrome: h.chrome(r, f), Username: f.Username, Mailbox: h.mailbox()}
	c, err := h.challenge(r.Context(), f, identity.PurposePasswordReset)
	if errors.Is(err, identity.ErrNotFound) {
		return nil, page, nil
	}
	if err != nil {
		return nil, page, err
	}
	page.ResendSeconds = resendSeconds(c, f.now)
	if page.Username == "" {
		page.Username = c.Email
	}
	return c, page, nil
}

// showPasswordReset serves GET /password-reset: it asks for the address and, once a code was mailed, for the code.
func (h *Handler) showPasswordReset(w http.ResponseWriter, r *http.Request, f *flow) error {
	c, page, err := h.resetPage(r, f)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	page.Code = query.Get("code")
	page.Sent = c != nil && (query.Has("sent") || page.Code != "")
	return templates.Render(w, http.StatusOK, page)
}

// passwordReset serves POST /password-reset: an address, a code, or the wish for a new one.
func (h *Handler) passwordReset(w http.ResponseWriter, r *http.Request, f *flow) error {
	ctx := r.Context()
	c, page, err := h.resetPage(r, f)
	if err != nil {
		return err
	}
	field := "code"
	switch {
	case r.PostForm.Has("username"):
		field = "username"
		page.Username = strings.TrimSpace(r.PostForm.Get("username"))
		var challenge string
		challenge, err = h.Users.StartPasswordReset(ctx, f.env.ID, identity.PasswordReset{Subject: string(f.ID), Email: page.Username, About: about(f, page.Chrome)})
		if err == nil {
			return h.awaitCode(w, r, f, challenge, page.Username, page.Href("/password-reset", "sent", "1"))
		}
	case c == nil:
		return to(w, r, page.Href("/password-reset"))
	case r.PostForm.Get("action") == "resend":
		page.Sent = true
		if err = h.Users.ResendCode(ctx, f.env.ID, c.ID); err == nil {
			return to(w, r, page.Href("/password-reset", "sent", "1", "notice", "code_sent"))
		}
	default:
		page.Sent, page.Code = true, r.PostForm.Get("code")
		if page.Code == "" {
			page.Errors = []templates.FieldError{{Field: "code", Text: templates.TextCodeMissing}}
			return templates.Render(w, http.StatusUnprocessableEntity, page)
		}
		if err = h.Users.VerifyResetCode(ctx, f.env.ID, c.ID, page.Code); err == nil {
			return to(w, r, page.Href("/password-reset/new", "code", page.Code))
		}
	}
	problems, status, err := h.refused(w, err, field)
	if err != nil {
		return err
	}
	page.Errors = problems
	return templates.Render(w, status, page)
}

// showNewPassword serves GET /password-reset/new, with the code in its address.
func (h *Handler) showNewPassword(w http.ResponseWriter, r *http.Request, f *flow) error {
	c, page, err := h.resetPage(r, f)
	if err != nil {
		return err
	}
	code := r.URL.Query().Get("code")
	switch {
	case c == nil || code == "":
		return to(w, r, page.Href("/password-reset"))
	case !c.UsedAt.IsZero() || !f.now.Before(c.ExpiresAt):
		return to(w, r, page.Href("/password-reset", "notice", "code_expired"))
	}
	return templates.Render(w, http.StatusOK, h.newPasswordPage(page, code))
}

func (h *Handler) newPasswordPage(page templates.PasswordReset, code string) templates.PasswordResetNew {
	return templates.PasswordResetNew{Chrome: page.Chrome, Username: page.Username, Code: code, MinLength: h.Users.Passwords.Min()}
}

// newPassword serves POST /password-reset/new. All her sessions end, and she is signed in here.
func (h *Handler) newPassword(w http.ResponseWriter, r *http.Request, f *flow) error {
	c, before, err := h.resetPage(r, f)
	if err != nil {
		return err
	}
	if c == nil {
		return to(w, r, before.Href("/password-reset"))
	}
	code, password := r.PostForm.Get("code"), r.PostForm.Get("password")
	page := h.newPasswordPage(before, code)
	if password == "" {
		page.Errors = []templates.FieldError{{Field: "password", Text: templates.TextNewPasswordMissing}}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	user, err := h.Users.CompletePasswordReset(r.Context(), f.env.ID, c.ID, code, password)
	if err == nil {
		return h.signedIn(w, r, f, user, false)
	}
	problems, status, err := h.refused(w, err, "password")
	if err != nil {
		return err
	}
	if problems[0].Field == "code" { // there is no such field here
		before.Sent, before.Errors = true, problems
		return templates.Render(w, status, before)
	}
	page.Errors = problems
	return templates.Render(w, status, page)
}

// showPasswordChanged serves GET /password-reset/done, for an application that has told us no address to go on to.
func (h *Handler) showPasswordChanged(w http.ResponseWriter, r *http.Request) error {
	app, err := h.application(r)
	if err != nil {
		return err
	}
	page := templates.Finished{Chrome: h.Chrome(r, app), What: templates.PasswordIsChanged}
	if address := h.signInAddress(environments.FromContext(r.Context()), app, ""); address != "" {
		page.Continue = templates.Button{Label: templates.TextContinueTo(app.Name), URI: template.URL(address)}
	}
	return templates.Render(w, http.StatusOK, page)
}
