// Package dashboard is the edge where operators run the installation in the browser.
package dashboard

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/mail"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// Handler serves the dashboard and, in local mode, the mailbox. Its requests carry the environment of the operators.
type Handler struct {
	PublicURL    *url.URL
	Environments *environments.Registry
	Applications *clients.Registry
	Users        *identity.Registry
	Sessions     *sessions.Registry
	Cookies      *sessions.Cookies
	Setup        *admin.Setup
	Mailbox      *mail.Mailbox // nil if mail is sent
	DemoURL      string        // "" if the demo doesn't run
	Now          func() time.Time
	Log          *slog.Logger
}

// Mount adds the dashboard's routes.
func (h *Handler) Mount(mux *http.ServeMux) {
	mux.Handle("GET /setup", h.handle(h.showSetup))
	mux.Handle("POST /setup", h.handle(h.setup))
	mux.Handle("GET /admin", h.handle(h.welcome))
	if h.Mailbox != nil {
		mux.Handle("GET /dev/mailbox", h.handle(h.showMailbox))
		mux.Handle("GET /dev/mailbox/{id}", h.handle(h.showMessage))
		mux.Handle("GET /dev/mailbox/{id}/html", h.handle(h.showMessageBody))
	}
	mux.Handle("/", h.handle(func(http.ResponseWriter, *http.Request) error { return fault.NotFoundf("there is no such page") }))
}

// handle makes a response of an error, once.
func (h *Handler) handle(do func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := do(w, r)
		if err == nil {
			return
		}
		f := fault.Of(err)
		page := templates.ErrorPage{Chrome: h.chrome(r), Text: templates.TextOurFault, Reference: audit.RequestID(r.Context())}
		page.Button = templates.Button{Label: templates.TextStartAgain, URI: "/admin"}
		switch f.Kind {
		case fault.NotFound:
			page = templates.NotFound(h.chrome(r))
			page.Button = templates.Button{Label: templates.TextStartAgain, URI: "/admin"}
		case fault.Internal:
			h.Log.ErrorContext(r.Context(), "request failed", "err", err)
		default:
			page.Text = templates.Literal(f.Message)
		}
		if err := templates.Render(w, f.Kind.Status(), page); err != nil {
			h.Log.ErrorContext(r.Context(), "page not rendered", "err", err)
		}
	})
}

func (h *Handler) chrome(r *http.Request) templates.Chrome {
	return templates.Chrome{
		Environment: "Portico", Now: h.Now().UTC(), Query: r.URL.RawQuery,
		Language: templates.MatchLanguage(r.URL.Query().Get("ui_locales"), r.Header.Get("Accept-Language")),
	}
}

// operator returns who is signed in as an operator at this browser; nil if nobody is.
func (h *Handler) operator(r *http.Request) (*sessions.Account, error) {
	env := environments.FromContext(r.Context())
	accounts, err := h.Sessions.Accounts(r.Context(), env.ID, h.Cookies.Handle(r, env), "")
	if err != nil {
		return nil, err
	}
	for i := range accounts {
		if accounts[i].Alive(env, h.Now()) {
			return &accounts[i], nil
		}
	}
	return nil, nil
}

// signIn sends the browser to the operators' sign-in, from where it comes back to the dashboard.
func (h *Handler) signIn(w http.ResponseWriter, r *http.Request) error {
	env := environments.FromContext(r.Context())
	http.Redirect(w, r, env.PathPrefix()+"/sign-in?"+url.Values{"return_to": {"/admin"}}.Encode(), http.StatusSeeOther)
	return nil
}

// actor is the person at the browser, for the events that she causes.
func actor(r *http.Request, a audit.Actor) *http.Request {
	a.Address, _, _ = net.SplitHostPort(r.RemoteAddr)
	a.UserAgent = r.UserAgent()
	return r.WithContext(audit.WithActor(r.Context(), a))
}

// isSetupError reports whether a set-up link was no good.
func isSetupError(err error) bool { return errors.Is(err, admin.ErrSetupToken) }
