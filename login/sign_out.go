package login

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"time"

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
		d.target = app.PostLogoutTarget(r.Form.Get("post_logout_redirect_uri"), r.Form.Get("state"))
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
	var ended []sessions.Session
	ctx := as(r.Context(), b.User, d.account.Email)
	switch {
	case scope != fromBrowser && scope != everywhere && d.app != nil:
		scope = fromApplication
		ended, err = h.Sessions.EndEach(ctx, d.env.ID, sessions.Selection{BrowserSession: b.ID, Application: d.app.ID}, sessions.EndedSignedOut)
	case scope == everywhere:
		ended, err = h.Sessions.EndUser(ctx, d.env.ID, b.User, sessions.EndedSignedOutEverywhere)
	default:
		scope = fromBrowser
		ended, err = h.Sessions.EndBrowser(ctx, d.env.ID, b.ID, sessions.EndedSignedOut)
	}
	if err != nil {
		return err
	}
	h.Cookies.ChangeState(w, d.env)
	frames, err := h.frontchannel(r.Context(), d, ended)
	if err != nil {
		return err
	}
	if len(frames) == 0 {
		return h.depart(w, r, d, scope)
	}
	query := url.Values{"scope": {scope}, "session": frames}
	if d.app != nil {
		query.Set("client_id", d.app.ClientID)
		for _, name := range []string{"post_logout_redirect_uri", "state"} {
			if value := r.Form.Get(name); value != "" {
				query.Set(name, value)
			}
		}
	}
	return to(w, r, d.env.PathPrefix()+"/sign-out/done?"+query.Encode())
}

// maxFrames bounds the front-channel logouts of one page.
const maxFrames = 20

// frontchannel are the IDs of the sessions of this browser whose applications are told by it that they ended (OpenID Connect
// Front-Channel Logout 1.0).
func (h *Handler) frontchannel(ctx context.Context, d *departure, ended []sessions.Session) (ids []string, err error) {
	for i := range ended {
		if ended[i].BrowserSession != d.account.BrowserSession.ID || len(ids) == maxFrames {
			continue
		}
		app, err := h.Applications.ByID(ctx, d.env.ID, ended[i].Application)
		if err != nil {
			return nil, err
		}
		if app.FrontchannelLogoutURI != "" {
			ids = append(ids, string(ended[i].ID))
		}
	}
	return ids, nil
}

// depart sends the browser to where the application wants it, else to the page that says what was done.
func (h *Handler) depart(w http.ResponseWriter, r *http.Request, d *departure, scope string) error {
	if d.target != "" {
		return to(w, r, d.target)
	}
	return to(w, r, h.Chrome(r, d.app).Href("/sign-out/done", "scope", scope))
}

// showSignedOut serves GET /sign-out/done: what was signed out, and in frames the addresses by which applications hear of it.
// If one of them asked for the sign-out, the browser goes on to where it wants it.
func (h *Handler) showSignedOut(w http.ResponseWriter, r *http.Request) error {
	query, env := r.URL.Query(), environments.FromContext(r.Context())
	page := templates.SignedOut{Scope: query.Get("scope")}
	app, err := h.named(r)
	if err != nil && !errors.Is(err, clients.ErrNotFound) {
		return err
	}
	if page.Frontchannel, err = h.frames(r.Context(), env, query["session"]); err != nil {
		return err
	}
	page.Chrome = h.Chrome(r, app)
	page.Continue = templates.Button{Label: templates.TextGoToSignIn, URI: template.URL(page.Href("/account"))}
	if app != nil {
		page.Continue = templates.Button{}
		address := ""
		if len(page.Frontchannel) > 0 {
			address = app.PostLogoutTarget(query.Get("post_logout_redirect_uri"), query.Get("state"))
			page.Leaves = address != ""
		}
		if address == "" {
			address = h.signInAddress(env, app, "")
		}
		if address != "" {
			page.Continue = templates.Button{Label: templates.TextContinueTo(app.Name), URI: template.URL(address)}
		}
	}
	return templates.Render(w, http.StatusOK, page)
}

// justEnded is how long after a session's end its application is told by a frame.
const justEnded = 10 * time.Minute

// frames are the front-channel logout addresses for sessions that were signed out just now.
func (h *Handler) frames(ctx context.Context, env *environments.Environment, ids []string) (addresses []string, err error) {
	for _, id := range ids[:min(len(ids), maxFrames)] {
		s, err := h.Sessions.Store.Session(ctx, env.ID, sessions.ID(id))
		if errors.Is(err, sessions.ErrNotFound) || err == nil && (s.EndedAt.IsZero() || h.Now().Sub(s.EndedAt) > justEnded) {
			continue
		}
		if err != nil {
			return nil, err
		}
		app, err := h.Applications.ByID(ctx, env.ID, s.Application)
		if err != nil && !errors.Is(err, clients.ErrNotFound) {
			return nil, err
		}
		if err == nil && app.FrontchannelLogoutURI != "" {
			addresses = append(addresses, app.FrontchannelLogout(env.Issuer(h.PublicURL), id))
		}
	}
	return addresses, nil
}
