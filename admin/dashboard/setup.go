package dashboard

import (
	"errors"
	"net/http"
	"strings"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// showSetup serves GET /setup: the page behind the one-time link that the server prints.
func (h *Handler) showSetup(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	if _, err := h.Setup.Check(r.Context(), token); err != nil {
		return h.refuseLink(w, r, err)
	}
	return templates.Render(w, http.StatusOK, templates.Setup{Chrome: h.chrome(r), Token: token, MinLength: h.Users.Passwords.Min()})
}

// refuseLink tells somebody with a link that is no good how to get on.
func (h *Handler) refuseLink(w http.ResponseWriter, r *http.Request, err error) error {
	if !errors.Is(err, admin.ErrSetupToken) {
		return err
	}
	text := templates.TextSetupLinkExpired
	needed, err := h.Setup.Needed(r.Context())
	if err != nil {
		return err
	}
	if !needed {
		text = templates.TextSetupLinkUsed
	}
	page := templates.ErrorPage{Chrome: h.chrome(r), Text: text, Button: templates.Button{Label: templates.TextGoToSignIn, URI: "/admin"}}
	return templates.Render(w, http.StatusGone, page)
}

// setup serves POST /setup: it makes the first operator and signs her in.
func (h *Handler) setup(w http.ResponseWriter, r *http.Request) error {
	token, name := r.PostFormValue("token"), strings.TrimSpace(r.PostFormValue("name"))
	email := strings.TrimSpace(r.PostFormValue("username"))
	r = actor(r, audit.Actor{Kind: audit.ActorOperator, Name: email})
	user, err := h.Setup.CreateOperator(r.Context(), token, name, email, r.PostFormValue("password"))
	if errors.Is(err, admin.ErrSetupToken) {
		return h.refuseLink(w, r, err)
	}
	if wrong := fieldErrors(err); len(wrong) > 0 {
		page := templates.Setup{Chrome: h.chrome(r), Token: token, DisplayName: name, Username: email, MinLength: h.Users.Passwords.Min(), Errors: wrong}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	if err != nil {
		return err
	}
	env := environments.FromContext(r.Context())
	how := sessions.Authentication{AuthTime: h.Now(), AMR: []string{"pwd"}, ACR: sessions.ACRPassword}
	_, handle, err := h.Sessions.SignIn(r.Context(), env, h.Cookies.Handle(r, env), user, how, true)
	if err != nil {
		return err
	}
	if err := h.Cookies.Set(w, r, env, handle, true); err != nil {
		return err
	}
	http.Redirect(w, r, "/admin", http.StatusSeeOther)
	return nil
}

// fieldErrors are the mistakes of a form that the domain found; nil if err is none of them.
func fieldErrors(err error) []templates.FieldError {
	if err == nil {
		return nil
	}
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		var all []templates.FieldError
		for _, one := range several.Unwrap() {
			all = append(all, fieldErrors(one)...)
		}
		return all
	}
	var f *fault.Error
	if !errors.As(err, &f) || f.Field == "" {
		return nil
	}
	field := f.Field
	if field == "email" {
		field = "username"
	}
	return []templates.FieldError{{Field: field, Text: templates.Literal(f.Message)}}
}

// welcome serves GET /admin: what can be done next.
func (h *Handler) welcome(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := templates.Welcome{Dashboard: v.shell}
	if h.DemoURL != "" {
		page.Steps = append(page.Steps, templates.WelcomeStep{What: templates.TrySignIn, URI: h.DemoURL})
	}
	page.Steps = append(page.Steps,
		templates.WelcomeStep{What: templates.AddApplication, Command: "portico application create --environment default --name Web --kind web --redirect-uri https://app.example/cb"},
		templates.WelcomeStep{What: templates.SetUpMail, Done: h.Mailbox == nil, Command: "mail.smtp.host"},
	)
	return templates.Render(w, http.StatusOK, page)
}
