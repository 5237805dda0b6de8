package login

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// named is the application that the address names. It returns clients.ErrNotFound also for one that is disabled.
func (h *Handler) named(r *http.Request) (*clients.Application, error) {
	ctx := r.Context()
	app, err := h.Applications.ByClientID(ctx, environments.FromContext(ctx).ID, r.URL.Query().Get("client_id"))
	if err == nil && !app.Enabled {
		return nil, clients.ErrNotFound
	}
	return app, err
}

// application is the application that the address names, else the environment's default one.
func (h *Handler) application(r *http.Request) (*clients.Application, error) {
	app, err := h.named(r)
	if errors.Is(err, clients.ErrNotFound) {
		return h.defaultApplication(r.Context())
	}
	return app, err
}

func (h *Handler) defaultApplication(ctx context.Context) (*clients.Application, error) {
	env := environments.FromContext(ctx)
	return h.Applications.ByID(ctx, env.ID, clients.ID(env.DefaultApplication))
}

// signInAddress is where a sign-in at the application begins: its sign-in endpoint, with what OIDC Core §4 has it know, else its
// homepage; "" if neither is configured.
func (h *Handler) signInAddress(env *environments.Environment, app *clients.Application, loginHint string) string {
	if !app.Enabled || app.InitiateLoginURI == "" {
		return app.HomepageURI
	}
	u, err := url.Parse(app.InitiateLoginURI)
	if err != nil {
		return app.HomepageURI
	}
	query := u.Query()
	query.Set("iss", env.Issuer(h.PublicURL))
	if loginHint != "" {
		query.Set("login_hint", loginHint)
	}
	if app.HomepageURI != "" {
		query.Set("target_link_uri", app.HomepageURI)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// startAgain serves a step without an interaction that waits in this browser: it took too long, was answered, or belongs to another
// browser. The browser goes to where a sign-in at the application begins (design.md §2).
func (h *Handler) startAgain(w http.ResponseWriter, r *http.Request) error {
	env := environments.FromContext(r.Context())
	app, err := h.application(r)
	if err != nil {
		return err
	}
	why, err := h.whyOver(r)
	if err != nil {
		return err
	}
	if why == refusesCookies {
		return h.askForCookies(w, r, app)
	}
	if address := h.signInAddress(env, app, ""); address != "" {
		if why == tookTooLong {
			h.markRestart(w, env, restartLifetime)
		}
		return to(w, r, address)
	}
	if query := r.URL.Query(); r.Method == http.MethodGet && query.Get("interaction") == "" && query.Get("client_id") == "" {
		return h.signInFor(w, r, "/account")
	}
	if why == answered {
		return templates.Render(w, http.StatusOK, templates.Finished{Chrome: h.Chrome(r, app), What: templates.IsSignedIn})
	}
	page := templates.ErrorPage{Chrome: h.Chrome(r, app), Text: templates.TextExpired, Reference: audit.RequestID(r.Context())}
	return templates.Render(w, http.StatusGone, page)
}

// askForCookies tells a person whose browser keeps no cookie. To start again would never end.
func (h *Handler) askForCookies(w http.ResponseWriter, r *http.Request, app *clients.Application) error {
	page := templates.ErrorPage{Chrome: h.Chrome(r, app), Text: templates.TextCookies, Reference: audit.RequestID(r.Context())}
	page.Button = templates.Button{Label: templates.TextTryAgain, URI: template.URL(page.Href("/sign-in"))}
	return templates.Render(w, http.StatusBadRequest, page)
}

// signInAlone serves GET /sign-in without an interaction: a sign-in for a page of ours, or an address from a bookmark.
func (h *Handler) signInAlone(w http.ResponseWriter, r *http.Request) error {
	returnTo := r.URL.Query().Get("return_to")
	if returnAddress(environments.FromContext(r.Context()), returnTo) == "" {
		return h.startAgain(w, r)
	}
	return h.signInFor(w, r, returnTo)
}

// ending says why the interaction of an address doesn't wait in this browser.
type ending int

const (
	unknown        ending = iota // it is another browser's, or none is named
	tookTooLong                  // it is gone
	answered                     // in this browser
	refusesCookies               // it has just begun, and its browser has no cookie
)

// justNow is the time from the authorization endpoint to a page of ours.
const justNow = 15 * time.Second

func (h *Handler) whyOver(r *http.Request) (ending, error) {
	ctx := r.Context()
	env := environments.FromContext(ctx)
	query := r.URL.Query()
	id := sessions.InteractionID(query.Get("interaction"))
	if id == "" {
		return unknown, nil
	}
	handle := h.Cookies.Handle(r, env)
	now := h.Now().UTC()
	i, err := h.Sessions.Store.Interaction(ctx, env.ID, id, now)
	if errors.Is(err, sessions.ErrNotFound) {
		return tookTooLong, nil
	}
	if err != nil {
		return unknown, err
	}
	// A link in a mail has a code, and may be opened on another device as soon.
	if handle == "" && now.Sub(i.CreatedAt) < justNow && !query.Has("code") {
		return refusesCookies, nil
	}
	i, err = h.Sessions.Interaction(ctx, env.ID, handle, id)
	if errors.Is(err, sessions.ErrNotFound) {
		return unknown, nil
	}
	if err == nil && !i.DoneAt.IsZero() {
		return answered, nil
	}
	return unknown, err
}

// toApplication ends a way of our own in the name of an application: there, or on a page that says what to do next.
func (h *Handler) toApplication(w http.ResponseWriter, r *http.Request, f *flow) error {
	hint := ""
	if a := f.account(); a != nil {
		hint = a.Email
	} else if f.Username != "" {
		hint = f.Username
	}
	if address := h.signInAddress(f.env, f.app, hint); address != "" {
		return to(w, r, address)
	}
	c := h.chrome(r, f)
	c.Interaction = ""
	return to(w, r, c.Href("/password-reset/done"))
}

const (
	restartCookie   = "portico-restarted"
	restartLifetime = 2 * time.Minute
)

// markRestart has the next sign-in page tell that the sign-in was started again.
func (h *Handler) markRestart(w http.ResponseWriter, env *environments.Environment, lifetime time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: restartCookie, Value: "1", Path: env.PathPrefix() + "/sign-in", MaxAge: int(lifetime.Seconds()),
		Secure: h.Cookies.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// restarted reports whether the sign-in was started again, and forgets it.
func (h *Handler) restarted(w http.ResponseWriter, r *http.Request, env *environments.Environment) bool {
	if _, err := r.Cookie(restartCookie); err != nil {
		return false
	}
	h.markRestart(w, env, -time.Second)
	return true
}
