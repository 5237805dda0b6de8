package login

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// showSignUp serves GET /sign-up.
func (h *Handler) showSignUp(w http.ResponseWriter, r *http.Request, f *flow) error {
	if !f.env.SignUp {
		return h.signUpClosed(w, r, f)
	}
	page := templates.SignUp{Chrome: h.chrome(r, f), Username: f.Username, MinLength: h.Users.Passwords.Min()}
	if page.Username == "" {
		page.Username = f.request.Get("login_hint")
	}
	return templates.Render(w, http.StatusOK, page)
}

// signUpClosed tells a stranger that she needs an invitation.
func (h *Handler) signUpClosed(w http.ResponseWriter, r *http.Request, f *flow) error {
	page := templates.ErrorPage{Chrome: h.chrome(r, f), Text: templates.TextSignUpClosed, Reference: audit.RequestID(r.Context())}
	page.Button = templates.Button{Label: templates.TextGoToSignIn, URI: template.URL(page.Href("/sign-in"))}
	return templates.Render(w, http.StatusForbidden, page)
}

// signUp serves POST /sign-up. It mails a code, or the news that there is an account; the answer is the same.
func (h *Handler) signUp(w http.ResponseWriter, r *http.Request, f *flow) error {
	page := templates.SignUp{
		Chrome: h.chrome(r, f), DisplayName: strings.TrimSpace(r.PostForm.Get("name")), Username: strings.TrimSpace(r.PostForm.Get("username")),
		MinLength: h.Users.Passwords.Min(),
	}
	password := r.PostForm.Get("password")
	challenge, err := h.Users.StartSignUp(r.Context(), f.env.ID, identity.SignUp{
		Subject: string(f.ID), Name: page.DisplayName, Email: page.Username, Password: password, About: about(f, page.Chrome),
	})
	if errors.Is(err, identity.ErrSignUpClosed) {
		return h.signUpClosed(w, r, f)
	}
	if err != nil {
		problems, status, err := h.refused(w, err, "username")
		if err != nil {
			return err
		}
		for i, p := range problems {
			switch {
			case p.Field == "name" && page.DisplayName == "":
				problems[i].Text = templates.TextNameMissing
			case p.Field == "password" && password == "":
				problems[i].Text = templates.TextNewPasswordMissing
			}
		}
		page.Errors = problems
		return templates.Render(w, status, page)
	}
	return h.awaitCode(w, r, f, challenge, page.Username, page.Href("/verify-email"))
}

// awaitCode leads to the page that asks for the code of the challenge.
func (h *Handler) awaitCode(w http.ResponseWriter, r *http.Request, f *flow, challenge, username, address string) error {
	err := h.advance(r.Context(), r, f, func(i *sessions.Interaction) { i.Challenge, i.Username = challenge, username })
	if err != nil {
		return err
	}
	return to(w, r, address)
}

// challenge is the code for the purpose that the flow waits for, in whatever state. It returns identity.ErrNotFound if none was mailed.
func (h *Handler) challenge(ctx context.Context, f *flow, purpose identity.Purpose) (*identity.Challenge, error) {
	if f.Challenge == "" {
		return nil, identity.ErrNotFound
	}
	c, err := h.Users.Challenge(ctx, f.env.ID, f.Challenge)
	if err == nil && c.Purpose != purpose {
		return nil, identity.ErrNotFound
	}
	return c, err
}

// resendSeconds is how long a new code can't be sent yet.
func resendSeconds(c *identity.Challenge, now time.Time) int {
	wait := c.ResendAt().Sub(now)
	return int(max(wait+time.Second-1, 0) / time.Second)
}

func (h *Handler) verifyPage(f *flow, chrome templates.Chrome, c *identity.Challenge) templates.VerifyEmail {
	page := templates.VerifyEmail{Chrome: chrome, Username: f.Username, ResendSeconds: resendSeconds(c, f.now), Mailbox: h.mailbox()}
	if page.Username == "" {
		page.Username = c.Email
	}
	return page
}

// mailbox is where mail stops in local mode; "" if it is sent.
func (h *Handler) mailbox() string {
	if h.Local {
		return "/dev/mailbox"
	}
	return ""
}

// showVerifyEmail serves GET /verify-email. The link in the mail opens it with the code; to open it changes nothing, as those who
// scan mails do so too.
func (h *Handler) showVerifyEmail(w http.ResponseWriter, r *http.Request, f *flow) error {
	chrome := h.chrome(r, f)
	c, err := h.challenge(r.Context(), f, identity.PurposeSignUp)
	if errors.Is(err, identity.ErrNotFound) || err == nil && !c.UsedAt.IsZero() {
		return to(w, r, chrome.Href("/sign-in"))
	}
	if err != nil {
		return err
	}
	page := h.verifyPage(f, chrome, c)
	page.Code = r.URL.Query().Get("code")
	return templates.Render(w, http.StatusOK, page)
}

// verifyEmail serves POST /verify-email: the right code makes the account.
func (h *Handler) verifyEmail(w http.ResponseWriter, r *http.Request, f *flow) error {
	ctx, chrome := r.Context(), h.chrome(r, f)
	c, err := h.challenge(ctx, f, identity.PurposeSignUp)
	if errors.Is(err, identity.ErrNotFound) {
		return to(w, r, chrome.Href("/sign-up"))
	}
	if err != nil {
		return err
	}
	page := h.verifyPage(f, chrome, c)
	page.Code = r.PostForm.Get("code")
	switch {
	case r.PostForm.Get("action") == "resend":
		page.Code = ""
		if err = h.Users.ResendCode(ctx, f.env.ID, c.ID); err == nil {
			return to(w, r, chrome.Href("/verify-email", "notice", "code_sent"))
		}
	case page.Code == "":
		page.Errors = []templates.FieldError{{Field: "code", Text: templates.TextCodeMissing}}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	default:
		user, refusal := h.Users.CompleteSignUp(ctx, f.env.ID, c.ID, page.Code)
		if refusal == nil {
			return h.signedIn(w, r, f, user, false)
		}
		err = refusal
	}
	switch {
	case errors.Is(err, identity.ErrSignUpClosed):
		return h.signUpClosed(w, r, f)
	case errors.Is(err, identity.ErrAlreadyRegistered):
		return to(w, r, chrome.Href("/sign-in/password"))
	}
	problems, status, err := h.refused(w, err, "code")
	if err != nil {
		return err
	}
	page.Errors = problems
	return templates.Render(w, status, page)
}
