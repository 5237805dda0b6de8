package dashboard

import (
	"errors"
	"net/http"
	"strings"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// showSetup serves GET /setup: the page behind a one-time link, that of the first operator or of one who was invited.
func (h *Handler) showSetup(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	invited, err := h.Setup.Check(r.Context(), token)
	if err != nil {
		return h.refuseLink(w, r, err)
	}
	if invited != nil {
		return templates.Render(w, http.StatusOK, h.setupPasswordPage(r, token, invited))
	}
	return templates.Render(w, http.StatusOK, templates.Setup{Chrome: h.chrome(r), Token: token, MinLength: h.Users.Passwords.Min()})
}

func (h *Handler) setupPasswordPage(r *http.Request, token string, invited *admin.Operator) templates.SetupPassword {
	return templates.SetupPassword{
		Chrome: h.chrome(r), Token: token, Account: templates.Person{Name: invited.Name, Email: invited.Email}, MinLength: h.Users.Passwords.Min(),
	}
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

// setup serves POST /setup: it makes the first operator, or sets the password of one who was invited, and signs her in.
func (h *Handler) setup(w http.ResponseWriter, r *http.Request) error {
	token, password := r.PostForm.Get("token"), r.PostForm.Get("password")
	invited, err := h.Setup.Check(r.Context(), token)
	if err != nil {
		return h.refuseLink(w, r, err)
	}
	if invited != nil {
		return h.acceptInvitation(w, r, token, password, invited)
	}
	name, email := strings.TrimSpace(r.PostForm.Get("name")), strings.TrimSpace(r.PostForm.Get("username"))
	r = actor(r, audit.Actor{Kind: audit.ActorOperator, Name: email})
	user, err := h.Setup.CreateOperator(r.Context(), token, name, email, password)
	if errors.Is(err, admin.ErrSetupToken) {
		return h.refuseLink(w, r, err)
	}
	wrong, err := problems(err, "password")
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		page := templates.Setup{Chrome: h.chrome(r), Token: token, DisplayName: name, Username: email, MinLength: h.Users.Passwords.Min(), Errors: wrong}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	return h.signedIn(w, r, user)
}

func (h *Handler) acceptInvitation(w http.ResponseWriter, r *http.Request, token, password string, invited *admin.Operator) error {
	r = actor(r, audit.Actor{Kind: audit.ActorOperator, ID: string(invited.User), Name: invited.Email})
	user, err := h.Setup.Accept(r.Context(), token, password)
	if errors.Is(err, admin.ErrSetupToken) {
		return h.refuseLink(w, r, err)
	}
	page := h.setupPasswordPage(r, token, invited)
	if page.Errors, err = problems(err, "password"); err != nil {
		return err
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	return h.signedIn(w, r, user)
}

// signedIn signs the operator in and leads to the dashboard.
func (h *Handler) signedIn(w http.ResponseWriter, r *http.Request, user *identity.User) error {
	env := environments.FromContext(r.Context())
	how := sessions.Authentication{AuthTime: h.Now(), AMR: []string{"pwd"}, ACR: sessions.ACRPassword}
	_, handle, err := h.Sessions.SignIn(r.Context(), env, h.Cookies.Handle(r, env), user, how, true)
	if err != nil {
		return err
	}
	if err := h.Cookies.Set(w, r, env, handle, true); err != nil {
		return err
	}
	return to(w, r, "/admin")
}

// welcome serves GET /admin: what can be done next.
func (h *Handler) welcome(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := templates.Welcome{Dashboard: v.shell}
	if h.DemoURL != "" {
		page.Steps = append(page.Steps, templates.WelcomeStep{What: templates.TrySignIn, URI: h.DemoURL})
	}
	if v.can(admin.WriteApplications) {
		page.Steps = append(page.Steps, templates.WelcomeStep{What: templates.AddApplication, URI: v.at("/applications/new")})
	}
	page.Steps = append(page.Steps, templates.WelcomeStep{What: templates.SetUpMail, Done: h.Mailbox == nil, Command: "mail.smtp.host"})
	if v.can(admin.WriteOperators) {
		all, err := h.Operators.List(r.Context())
		if err != nil {
			return err
		}
		page.Steps = append(page.Steps, templates.WelcomeStep{What: templates.InviteTeammate, Done: len(all) > 1, URI: v.shell.Href("/admin/operators/new")})
	}
	return templates.Render(w, http.StatusOK, page)
}
