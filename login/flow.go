package login

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// flow is an interaction with all that its pages look at. It is an authorization request, or a way of our own: a sign-in that
// leads to a page of ours, named by return_to, or a password reset that no request waits for.
type flow struct {
	*sessions.Interaction
	env      *environments.Environment
	app      *clients.Application
	request  url.Values // of an authorization request; return_to and ui_locales of a way of our own
	accounts []sessions.Account
	now      time.Time
}

// errOver says that the address names no interaction that waits in this browser.
var errOver = errors.New("the interaction is over")

// flow finds the interaction of the address. It returns errOver.
func (h *Handler) flow(r *http.Request) (*flow, error) {
	ctx := r.Context()
	env := environments.FromContext(ctx)
	handle := h.Cookies.Handle(r, env)
	f := &flow{env: env, now: h.Now().UTC()}
	var err error
	f.Interaction, err = h.Sessions.Interaction(ctx, env.ID, handle, sessions.InteractionID(r.URL.Query().Get("interaction")))
	if errors.Is(err, sessions.ErrNotFound) || err == nil && !f.DoneAt.IsZero() {
		return nil, errOver
	}
	if err != nil {
		return nil, err
	}
	f.app, err = h.Applications.ByID(ctx, env.ID, f.Application)
	if errors.Is(err, clients.ErrNotFound) || err == nil && !f.app.Enabled {
		return nil, errOver
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(f.Request, &f.request); err != nil {
		return nil, err
	}
	f.accounts, err = h.Sessions.Accounts(ctx, env.ID, handle, f.app.ID)
	return f, err
}

// step serves a step in which the person shows who she is. One that she has done already leads on, and so does Cancel.
// Without an interaction that waits here, alone serves the request.
func (h *Handler) step(do func(http.ResponseWriter, *http.Request, *flow) error, alone func(http.ResponseWriter, *http.Request) error) http.Handler {
	return h.handle(func(w http.ResponseWriter, r *http.Request) error {
		f, err := h.flow(r)
		switch {
		case errors.Is(err, errOver):
			return alone(w, r)
		case err != nil:
			return err
		case f.Denied || f.authenticated() != nil:
			return h.proceed(w, r, f)
		case r.PostForm.Get("action") == "cancel":
			return h.cancel(w, r, f)
		}
		return do(w, r, f)
	})
}

// own reports whether no application's request waits.
func (f *flow) own() bool { return f.request.Get("client_id") == "" }

// chrome surrounds the pages of the flow: the application's, but where a page of ours is all that she goes to.
func (h *Handler) chrome(r *http.Request, f *flow) templates.Chrome {
	app := f.app
	if f.request.Has("return_to") {
		app = nil
	}
	c := h.Chrome(r, app)
	c.Interaction = string(f.ID)
	c.Language = templates.MatchLanguage(r.URL.Query().Get("ui_locales"), f.request.Get("ui_locales"), r.Header.Get("Accept-Language"))
	return c
}

// about is what a mail says of the flow that caused it.
func about(f *flow, c templates.Chrome) identity.MailContext {
	m := identity.MailContext{Language: c.Language}
	if c.Application != "" {
		m.Application = f.app.ID
	}
	return m
}

// account is the account that the flow is about: the one that was chosen, else the only one that is signed in and that the
// request may mean; nil if that isn't clear. It may have ended.
func (f *flow) account() *sessions.Account {
	var found *sessions.Account
	hint := f.request.Get("login_hint")
	for i := range f.accounts {
		a := &f.accounts[i]
		if a.BrowserSession.ID == f.Account {
			return a
		}
		if f.Account != "" || !a.Alive(f.env, f.now) || hint != "" && !identity.SameEmail(a.Email, hint) {
			continue
		}
		if found != nil {
			return nil
		}
		found = a
	}
	return found
}

// good reports whether the account needs no credentials for the flow.
func (f *flow) good(a *sessions.Account) bool {
	if !a.Alive(f.env, f.now) {
		return false
	}
	if f.own() {
		return !a.BrowserSession.AuthTime.Before(f.AuthenticatedAfter)
	}
	return a.Fresh(f.app, f.AuthenticatedAfter, f.now)
}

// authenticated is the account that was chosen, if it needs no credentials; else nil.
func (f *flow) authenticated() *sessions.Account {
	if f.Account == "" {
		return nil
	}
	if a := f.account(); a != nil && f.good(a) {
		return a
	}
	return nil
}

// advance saves what came of a step, and the language that the person has chosen.
func (h *Handler) advance(ctx context.Context, r *http.Request, f *flow, step func(*sessions.Interaction)) error {
	if chosen := r.URL.Query().Get("ui_locales"); chosen != "" && chosen != f.request.Get("ui_locales") {
		f.request.Set("ui_locales", chosen)
	}
	request, err := json.Marshal(f.request)
	if err != nil {
		return err
	}
	return h.Sessions.Advance(ctx, f.Interaction, func(i *sessions.Interaction) {
		i.Request = request
		step(i)
	})
}

// signedIn notes that the user has authenticated, and leads on.
func (h *Handler) signedIn(w http.ResponseWriter, r *http.Request, f *flow, user *identity.User, remember bool) error {
	ctx := as(r.Context(), user.ID, user.Email)
	how := sessions.Authentication{AuthTime: h.Now().UTC(), AMR: []string{"pwd"}, ACR: sessions.ACRPassword}
	var handle sessions.Handle
	err := h.InTx(ctx, func(ctx context.Context) error {
		b, fresh, err := h.Sessions.SignIn(ctx, f.env, h.Cookies.Handle(r, f.env), user, how, remember)
		if err != nil {
			return err
		}
		handle = fresh
		return h.advance(ctx, r, f, func(i *sessions.Interaction) {
			i.Account, i.Organization, i.Username = b.ID, "", user.Email
		})
	})
	if err != nil {
		return err
	}
	// The browser keeps one cookie for all its accounts, for as long as the one that is remembered needs it.
	for i := range f.accounts {
		a := &f.accounts[i]
		remember = remember || a.BrowserSession.Remember && a.BrowserSession.User != user.ID && a.Alive(f.env, f.now)
	}
	if err := h.Cookies.Set(w, r, f.env, handle, remember); err != nil {
		return err
	}
	return h.proceed(w, r, f)
}

// proceed sends the browser on after a step: to the authorization endpoint, which decides what the request needs next, or
// to where a way of our own leads.
func (h *Handler) proceed(w http.ResponseWriter, r *http.Request, f *flow) error {
	if f.own() {
		if address := returnAddress(f.env, f.request.Get("return_to")); address != "" {
			return to(w, r, address)
		}
		return h.toApplication(w, r, f)
	}
	query := url.Values{"interaction": {string(f.ID)}, "client_id": {f.app.ClientID}}
	return to(w, r, f.env.PathPrefix()+"/oauth2/authorize?"+query.Encode())
}

// cancel gives up: the application is told so.
func (h *Handler) cancel(w http.ResponseWriter, r *http.Request, f *flow) error {
	if !f.own() {
		if err := h.advance(r.Context(), r, f, func(i *sessions.Interaction) { i.Denied = true }); err != nil {
			return err
		}
		return h.proceed(w, r, f)
	}
	c := h.chrome(r, f)
	c.Interaction = ""
	for i := range f.accounts {
		if f.accounts[i].Alive(f.env, f.now) {
			return to(w, r, c.Href("/account"))
		}
	}
	return to(w, r, c.Href("/sign-out/done"))
}

// begin starts a way of our own in the browser. returnTo is the page of ours that it leads to, "" for one that leads to the
// application; an authentication before after doesn't count.
func (h *Handler) begin(w http.ResponseWriter, r *http.Request, app *clients.Application, returnTo string, after time.Time) (*flow, error) {
	ctx := r.Context()
	f := &flow{env: environments.FromContext(ctx), app: app, request: url.Values{}, now: h.Now().UTC()}
	if returnTo != "" {
		f.request.Set("return_to", returnTo)
	}
	if chosen := r.URL.Query().Get("ui_locales"); chosen != "" {
		f.request.Set("ui_locales", chosen)
	}
	request, err := json.Marshal(f.request)
	if err != nil {
		return nil, err
	}
	handle := h.Cookies.Handle(r, f.env)
	if handle == "" {
		handle = sessions.NewHandle()
		if err := h.Cookies.Set(w, r, f.env, handle, false); err != nil {
			return nil, err
		}
	}
	f.Interaction, err = h.Sessions.Begin(ctx, app, handle, request, after)
	return f, err
}

// accountPages are the pages of ours that ask for a sign-in.
var accountPages = []string{"/account", "/account/sign-in", "/account/sessions", "/account/applications", "/account/data"}

// returnAddress is the address of a page of ours that a sign-in may lead to; "" if it may not. The dashboard is the
// operators', at the root of the installation.
func returnAddress(env *environments.Environment, returnTo string) string {
	if slices.Contains(accountPages, returnTo) {
		return env.PathPrefix() + returnTo
	}
	u, err := url.Parse(returnTo)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || path.Clean(u.Path) != u.Path {
		return ""
	}
	if env.Slug == environments.OperatorsSlug && (u.Path == "/admin" || strings.HasPrefix(u.Path, "/admin/")) {
		return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
	}
	return ""
}

// signInFor begins a sign-in that leads to a page of ours, or leads there at once if somebody is signed in.
func (h *Handler) signInFor(w http.ResponseWriter, r *http.Request, returnTo string) error {
	ctx := r.Context()
	env := environments.FromContext(ctx)
	accounts, err := h.Sessions.Accounts(ctx, env.ID, h.Cookies.Handle(r, env), "")
	if err != nil {
		return err
	}
	for i := range accounts {
		if accounts[i].Alive(env, h.Now()) {
			return to(w, r, returnAddress(env, returnTo))
		}
	}
	app, err := h.defaultApplication(ctx)
	if err != nil {
		return err
	}
	f, err := h.begin(w, r, app, returnTo, time.Time{})
	if err != nil {
		return err
	}
	page := "/sign-in"
	if len(accounts) > 1 {
		page = "/sign-in/choose-account"
	}
	return to(w, r, h.chrome(r, f).Href(page))
}
