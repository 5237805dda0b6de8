package login

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// owner is the person whose account a page is about.
type owner struct {
	env     *environments.Environment
	account *sessions.Account
	user    *identity.User
	chrome  templates.Chrome
	now     time.Time
}

// personal serves a page about the account of who is signed in at the browser. Anybody else signs in first.
func (h *Handler) personal(do func(http.ResponseWriter, *http.Request, *owner) error) http.Handler {
	return h.handle(func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		env := environments.FromContext(ctx)
		o := &owner{env: env, now: h.Now().UTC(), chrome: h.Chrome(r, nil)}
		accounts, err := h.Sessions.Accounts(ctx, env.ID, h.Cookies.Handle(r, env), "")
		if err != nil {
			return err
		}
		named := sessions.BrowserID(r.URL.Query().Get("account"))
		living := 0
		for i := range accounts {
			a := &accounts[i]
			if !a.Alive(env, o.now) {
				continue
			}
			living++
			if o.account == nil && named == "" || a.BrowserSession.ID == named {
				o.account = a
			}
		}
		if o.account == nil {
			return h.signInFor(w, r, r.URL.Path)
		}
		if living > 1 {
			o.chrome.Account = string(o.account.BrowserSession.ID)
		}
		b := &o.account.BrowserSession
		ctx = as(ctx, b.User, o.account.Email)
		if o.user, err = h.Users.Get(ctx, env.ID, b.User); err != nil {
			return err
		}
		h.Sessions.Activity.Browser(env.ID, b.ID, o.now)
		return do(w, r.WithContext(ctx), o)
	})
}

func (o *owner) person() templates.Person {
	return templates.Person{Name: o.user.Profile.Name, Email: o.user.Email}
}

// recentEnough is how old an authentication may be for a change that a stranger at the browser could do harm with.
const recentEnough = 10 * time.Minute

// recent reports whether the person has just authenticated.
func (o *owner) recent() bool {
	return o.now.Sub(o.account.BrowserSession.AuthTime) <= recentEnough
}

// authenticateAgain asks for the password once more, and leads back to the page.
func (h *Handler) authenticateAgain(w http.ResponseWriter, r *http.Request, o *owner) error {
	app, err := h.defaultApplication(r.Context())
	if err != nil {
		return err
	}
	f, err := h.begin(w, r, app, r.URL.Path, o.now)
	if err != nil {
		return err
	}
	if err := h.advance(r.Context(), r, f, func(i *sessions.Interaction) { i.Username = o.user.Email }); err != nil {
		return err
	}
	return to(w, r, h.chrome(r, f).Href("/sign-in/password"))
}

// showProfile serves GET /account.
func (h *Handler) showProfile(w http.ResponseWriter, r *http.Request, o *owner) error {
	p := &o.user.Profile
	page := h.profilePage(o)
	page.DisplayName, page.GivenName, page.FamilyName, page.Phone, page.Birthday = p.Name, p.GivenName, p.FamilyName, p.PhoneNumber, p.Birthdate
	return templates.Render(w, http.StatusOK, page)
}

func (h *Handler) profilePage(o *owner) templates.AccountProfile {
	return templates.AccountProfile{Chrome: o.chrome, Account: o.person(), EmailVerified: o.user.EmailVerified}
}

// profile serves POST /account.
func (h *Handler) profile(w http.ResponseWriter, r *http.Request, o *owner) error {
	page := h.profilePage(o)
	form := r.PostForm
	page.DisplayName, page.GivenName, page.FamilyName = form.Get("name"), form.Get("given-name"), form.Get("family-name")
	page.Phone, page.Birthday = form.Get("tel"), form.Get("bday")
	_, err := h.Users.UpdateProfile(r.Context(), o.env.ID, o.user.ID, func(p *identity.Profile) error {
		p.Name, p.GivenName, p.FamilyName = page.DisplayName, page.GivenName, page.FamilyName
		p.PhoneNumber, p.Birthdate = page.Phone, page.Birthday
		return nil
	})
	if err != nil {
		problems, status, err := h.refused(w, err, "name")
		if err != nil {
			return err
		}
		page.Errors = problems
		return templates.Render(w, status, page)
	}
	return to(w, r, o.chrome.Href("/account", "notice", "saved"))
}

// showAccountSignIn serves GET /account/sign-in: how the person signs in.
func (h *Handler) showAccountSignIn(w http.ResponseWriter, r *http.Request, o *owner) error {
	if !o.recent() {
		return h.authenticateAgain(w, r, o)
	}
	return templates.Render(w, http.StatusOK, h.accountSignInPage(o))
}

func (h *Handler) accountSignInPage(o *owner) templates.AccountSignIn {
	return templates.AccountSignIn{Chrome: o.chrome, Account: o.person(), PasswordChangedAt: o.user.PasswordChangedAt, MinLength: h.Users.Passwords.Min()}
}

// accountSignIn serves POST /account/sign-in: it changes the password.
func (h *Handler) accountSignIn(w http.ResponseWriter, r *http.Request, o *owner) error {
	if !o.recent() {
		return h.authenticateAgain(w, r, o)
	}
	page := h.accountSignInPage(o)
	form := r.PostForm
	page.KeepOthers = form.Get("sign-out-others") == ""
	if !page.PasswordChangedAt.IsZero() && form.Get("current-password") == "" {
		page.Errors = append(page.Errors, templates.FieldError{Field: "current-password", Text: templates.TextPasswordMissing})
	}
	if form.Get("password") == "" {
		page.Errors = append(page.Errors, templates.FieldError{Field: "password", Text: templates.TextNewPasswordMissing})
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	err := h.Users.ChangePassword(r.Context(), o.env.ID, o.user.ID, identity.PasswordChange{
		Current: form.Get("current-password"), New: form.Get("password"), EndOthers: !page.KeepOthers, Keep: string(o.account.BrowserSession.ID),
		About: identity.MailContext{Language: page.Language},
	})
	if err != nil {
		problems, status, err := h.refused(w, err, "current-password")
		if err != nil {
			return err
		}
		page.Errors = problems
		return templates.Render(w, status, page)
	}
	done := "others_ended"
	if page.KeepOthers {
		done = "password_changed"
	}
	return to(w, r, o.chrome.Href("/account/sign-in", "notice", done))
}

// changePassword serves GET /.well-known/change-password, which password managers know (W3C change-password-url).
func (h *Handler) changePassword(w http.ResponseWriter, r *http.Request) error {
	return to(w, r, environments.FromContext(r.Context()).PathPrefix()+"/account/sign-in")
}

// showApplications serves GET /account/applications: what the person allowed.
func (h *Handler) showApplications(w http.ResponseWriter, r *http.Request, o *owner) error {
	ctx := r.Context()
	page := templates.AccountApplications{Chrome: o.chrome, Account: o.person()}
	if err := h.noticeOf(r, o, "withdrawn", templates.TextWithdrawn, &page.Notice); err != nil {
		return err
	}
	consents, err := h.Ledger.Store.Consents(ctx, o.env.ID, o.user.ID)
	if err != nil || len(consents) == 0 {
		if err != nil {
			return err
		}
		return templates.Render(w, http.StatusOK, page)
	}
	used, err := h.Sessions.Store.LastUse(ctx, o.env.ID, o.user.ID)
	if err != nil {
		return err
	}
	for i := range consents {
		app, err := h.Applications.ByID(ctx, o.env.ID, consents[i].Application)
		if errors.Is(err, clients.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		given := templates.GivenConsent{
			ClientID: app.ClientID, Name: app.Name, HomepageURI: webAddress(app.HomepageURI), Since: consents[i].CreatedAt, LastUsed: used[app.ID],
		}
		for _, scope := range consents[i].Scopes {
			if scope != "openid" {
				given.Scopes = append(given.Scopes, templates.Scope{Name: scope})
			}
		}
		page.Consents = append(page.Consents, given)
	}
	return templates.Render(w, http.StatusOK, page)
}

// noticeOf sets the notice about the application whose client ID the query has under the name, if any.
func (h *Handler) noticeOf(r *http.Request, o *owner, name string, about func(application string) templates.Message, notice *templates.Message) error {
	id := r.URL.Query().Get(name)
	if id == "" {
		return nil
	}
	app, err := h.Applications.ByClientID(r.Context(), o.env.ID, id)
	if errors.Is(err, clients.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	*notice = about(app.Name)
	return nil
}

// webAddress is the address if a browser opens it, else "".
func webAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return address
}

// withdraw serves POST /account/applications.
func (h *Handler) withdraw(w http.ResponseWriter, r *http.Request, o *owner) error {
	app, err := h.Applications.ByClientID(r.Context(), o.env.ID, r.PostForm.Get("withdraw"))
	if errors.Is(err, clients.ErrNotFound) {
		return to(w, r, o.chrome.Href("/account/applications"))
	}
	if err != nil {
		return err
	}
	if err := h.Ledger.Withdraw(r.Context(), o.env.ID, o.user.ID, app.ID); err != nil {
		return err
	}
	return to(w, r, o.chrome.Href("/account/applications", "withdrawn", app.ClientID))
}
