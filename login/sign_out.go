package login

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// The scopes of a sign-out.
const (
	fromApplication = "application"
	fromBrowser     = "browser"
	everywhere      = "everywhere"
)

// departure is what a sign-out is about.
type departure struct {
	env     *environments.Environment
	app     *clients.Application // that asked for it; nil if none did
	account *sessions.Account    // nil if nobody is signed in
	several bool                 // whether the browser has several accounts that are signed in
	target  string               // where the application has the browser sent then, with state; "" for nowhere
}

// departure reads the request. The account is the one that the address names, else the one with the latest session in the
// application, else the latest to sign in.
func (h *Handler) departure(r *http.Request) (*departure, error) {
	ctx := r.Context()
	d := &departure{env: environments.FromContext(ctx)}
	var id clients.ID
	app, err := h.named(r)
	if err == nil {
		d.app, id = app, app.ID
		d.target = target(app, r.Form.Get("post_logout_redirect_uri"), r.Form.Get("state"))
	} else if !errors.Is(err, clients.ErrNotFound) {
		return nil, err
	}
	accounts, err := h.Sessions.Accounts(ctx, d.env.ID, h.Cookies.Handle(r, d.env), id)
	if err != nil {
		return nil, err
	}
	now, named, best := h.Now(), sessions.BrowserID(r.URL.Query().Get("account")), -1
	for i := range accounts {
		a := &accounts[i]
		if !a.Alive(d.env, now) {
			continue
		}
		d.several = d.several || d.account != nil
		rank := 0
		switch {
		case a.BrowserSession.ID == named:
			rank = 2
		case d.app != nil && a.AliveSession(d.app, now) != nil:
			rank = 1
		}
		if rank > best {
			d.account, best = a, rank
		}
	}
	return d, nil
}

// target is the address that the browser may be sent to after a sign-out: the given one if it is registered, the default one
// if none was given (OIDC RP-Initiated Logout 1.0 §3); "" if there is none.
func target(app *clients.Application, uri, state string) string {
	switch {
	case uri == "" && len(app.PostLogoutRedirectURIs) > 0:
		uri = app.PostLogoutRedirectURIs[0]
	case !app.AllowsPostLogoutRedirect(uri):
		return ""
	}
	u, err := url.Parse(uri)
	if err != nil || state == "" {
		return uri
	}
	separator := "?"
	if u.RawQuery != "" {
		separator = "&"
	}
	return uri + separator + url.Values{"state": {state}}.Encode()
}

// showSignOut serves GET /sign-out: it asks where to sign out.
func (h *Handler) showSignOut(w http.ResponseWriter, r *http.Request) error {
	d, err := h.departure(r)
	if err != nil {
		return err
	}
	if d.account == nil {
		return h.depart(w, r, d, fromBrowser)
	}
	page := templates.SignOut{Chrome: h.departureChrome(r, d), Account: person(d.account), Scope: r.URL.Query().Get("scope")}
	for _, name := range []string{"post_logout_redirect_uri", "state"} {
		if value := r.URL.Query().Get(name); value != "" && d.target != "" {
			page.Hidden = append(page.Hidden, templates.FormField{Name: name, Value: value})
		}
	}
	return templates.Render(w, http.StatusOK, page)
}

func (h *Handler) departureChrome(r *http.Request, d *departure) templates.Chrome {
	c := h.Chrome(r, d.app)
	if d.several {
		c.Account = string(d.account.BrowserSession.ID)
	}
	return c
}

// signOut serves POST /sign-out.
func (h *Handler) signOut(w http.ResponseWriter, r *http.Request) error {
	d, err := h.departure(r)
	if err != nil {
		return err
	}
	scope := r.PostForm.Get("scope")
	if d.account == nil {
		return h.depart(w, r, d, fromBrowser)
	}
	if r.PostForm.Get("action") == "cancel" {
		if d.app != nil && d.app.HomepageURI != "" {
			return to(w, r, d.app.HomepageURI)
		}
		c := h.departureChrome(r, d)
		c.ClientID = ""
		return to(w, r, c.Href("/account"))
	}
	b := &d.account.BrowserSession
	ctx := as(r.Context(), b.User, d.account.Email)
	switch {
	case scope != fromBrowser && scope != everywhere && d.app != nil:
		scope = fromApplication
		_, err = h.Sessions.End(ctx, d.env.ID, sessions.Selection{BrowserSession: b.ID, Application: d.app.ID}, sessions.EndedSignedOut)
	case scope == everywhere:
		_, err = h.Sessions.EndUser(ctx, d.env.ID, b.User, sessions.EndedSignedOutEverywhere)
	default:
		scope = fromBrowser
		_, err = h.Sessions.EndBrowser(ctx, d.env.ID, b.ID, sessions.EndedSignedOut)
	}
	if err != nil {
		return err
	}
	h.Cookies.ChangeState(w, d.env)
	return h.depart(w, r, d, scope)
}

// depart sends the browser to where the application wants it, else to the page that says what was done.
func (h *Handler) depart(w http.ResponseWriter, r *http.Request, d *departure, scope string) error {
	if d.target != "" {
		return to(w, r, d.target)
	}
	return to(w, r, h.Chrome(r, d.app).Href("/sign-out/done", "scope", scope))
}

// showSignedOut serves GET /sign-out/done.
func (h *Handler) showSignedOut(w http.ResponseWriter, r *http.Request) error {
	page := templates.SignedOut{Scope: r.URL.Query().Get("scope")}
	app, err := h.named(r)
	if err != nil && !errors.Is(err, clients.ErrNotFound) {
		return err
	}
	page.Chrome = h.Chrome(r, app)
	page.Continue = templates.Button{Label: templates.TextGoToSignIn, URI: template.URL(page.Href("/account"))}
	if app != nil {
		page.Continue = templates.Button{}
		if address := h.signInAddress(environments.FromContext(r.Context()), app, ""); address != "" {
			page.Continue = templates.Button{Label: templates.TextContinueTo(app.Name), URI: template.URL(address)}
		}
	}
	return templates.Render(w, http.StatusOK, page)
}
