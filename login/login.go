// Package login is the edge where people meet Portico: the pages of sign-in, sign-up, password reset, consent and sign-out,
// and those of their account.
//
// A page serves one step of a [sessions.Interaction], saves what came of it there and sends the browser back to
// /oauth2/authorize, which decides what comes next.
package login

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// Handler serves the hosted pages of every environment. The server has put the environment into the context of its
// requests, and their path is the one below the issuer.
type Handler struct {
	PublicURL     *url.URL
	Applications  *clients.Registry
	Users         *identity.Registry
	Organizations *organizations.Registry
	Sessions      *sessions.Registry
	Cookies       *sessions.Cookies
	Ledger        *grants.Ledger
	Events        audit.Reader
	InTx          func(ctx context.Context, fn func(context.Context) error) error
	Now           func() time.Time
	Log           *slog.Logger
	Local         bool // mail stops in the mailbox, to which pages that wait for one lead
}

// Mount adds the routes.
func (h *Handler) Mount(mux *http.ServeMux) {
	mux.Handle("GET /sign-in", h.step(h.showSignIn, h.signInAlone))
	mux.Handle("POST /sign-in", h.step(h.signIn, h.startAgain))
	mux.Handle("GET /sign-in/password", h.step(h.showPassword, h.startAgain))
	mux.Handle("POST /sign-in/password", h.step(h.password, h.startAgain))
	mux.Handle("GET /sign-in/choose-account", h.step(h.showAccounts, h.startAgain))
	mux.Handle("POST /sign-in/choose-account", h.step(h.chooseAccount, h.startAgain))
	mux.Handle("GET /sign-up", h.step(h.showSignUp, h.startAgain))
	mux.Handle("POST /sign-up", h.step(h.signUp, h.startAgain))
	mux.Handle("GET /verify-email", h.step(h.showVerifyEmail, h.startAgain))
	mux.Handle("POST /verify-email", h.step(h.verifyEmail, h.startAgain))
	mux.Handle("GET /password-reset", h.step(h.showPasswordReset, h.resetAlone))
	mux.Handle("POST /password-reset", h.step(h.passwordReset, h.resetAlone))
	mux.Handle("GET /password-reset/new", h.step(h.showNewPassword, h.resetAlone))
	mux.Handle("POST /password-reset/new", h.step(h.newPassword, h.resetAlone))
	mux.Handle("GET /password-reset/done", h.handle(h.showPasswordChanged))
	mux.Handle("GET /sign-in/choose-organization", h.identified((*flow).organized, h.showOrganizations))
	mux.Handle("POST /sign-in/choose-organization", h.identified((*flow).organized, h.chooseOrganization))
	mux.Handle("GET /sign-in/no-access", h.identified((*flow).mayUse, h.showNoAccess))
	mux.Handle("POST /sign-in/no-access", h.identified((*flow).mayUse, h.noAccess))
	mux.Handle("GET /consent", h.identified((*flow).consented, h.showConsent))
	mux.Handle("POST /consent", h.identified((*flow).consented, h.consent))
	mux.Handle("GET /sign-out", h.handle(h.showSignOut))
	mux.Handle("POST /sign-out", h.handle(h.signOut))
	mux.Handle("GET /sign-out/done", h.handle(h.showSignedOut))

	mux.Handle("GET /account", h.personal(h.showProfile))
	mux.Handle("POST /account", h.personal(h.profile))
	mux.Handle("GET /account/sign-in", h.personal(h.showAccountSignIn))
	mux.Handle("POST /account/sign-in", h.personal(h.accountSignIn))
	mux.Handle("GET /account/sessions", h.personal(h.showSessions))
	mux.Handle("POST /account/sessions", h.personal(h.endSession))
	mux.Handle("GET /account/applications", h.personal(h.showApplications))
	mux.Handle("POST /account/applications", h.personal(h.withdraw))
	mux.Handle("GET /account/data", h.personal(h.showData))
	mux.Handle("POST /account/data", h.personal(h.exportData))
	mux.Handle("GET /brand/{file}", h.handle(h.showBrand))
	mux.Handle("GET /.well-known/change-password", h.handle(h.changePassword))
}

// Chrome is what surrounds a page in the name of the application; app is nil where none is known.
func (h *Handler) Chrome(r *http.Request, app *clients.Application) templates.Chrome {
	ctx := r.Context()
	env := environments.FromContext(ctx)
	query := r.URL.Query()
	one, err := h.Applications.One(ctx, env.ID)
	if err != nil {
		h.Log.WarnContext(ctx, "applications not counted", "err", err)
	}
	c := templates.Chrome{
		Environment: env.Name, OneApplication: one,
		Language: templates.MatchLanguage(query.Get("ui_locales"), r.Header.Get("Accept-Language")),
		Query:    r.URL.RawQuery, Prefix: env.PathPrefix(), Now: h.Now().UTC(), Notice: notice(query),
	}
	if app != nil {
		c.Application, c.ClientID = app.Name, app.ClientID
	}
	b := brandOf(env, app)
	c.LogoURI, c.DarkLogoURI, c.AccentURL = b.LogoURI, b.DarkLogoURI, accentURL(env, app)
	c.HelpURI, c.PolicyURI, c.TOSURI = b.HelpURI, b.PolicyURI, b.TOSURI
	return c
}

// notices are what an address can ask a page to say, so that it says it again after a reload.
var notices = map[string]templates.Message{
	"code_expired":      templates.TextExpiredCode,
	"code_sent":         templates.TextCodeSent,
	"password_changed":  templates.TextPasswordChanged,
	"saved":             templates.TextSaved,
	"session_ended":     templates.TextSessionEndedNow,
	"others_ended":      templates.TextSignedOutElsewhere,
	"others_signed_out": templates.TextOthersEnded,
}

func notice(query url.Values) templates.Message { return notices[query.Get("notice")] }

// to sends the browser to an address.
func to(w http.ResponseWriter, r *http.Request, address string) error {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, address, http.StatusSeeOther)
	return nil
}

// actor is who acts with the request as far as the request itself tells. The server has put the client's address into RemoteAddr.
func actor(r *http.Request) audit.Actor {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	agent := r.UserAgent()
	if len(agent) > 256 {
		agent = agent[:256]
	}
	return audit.Actor{Kind: audit.ActorUser, Address: host, UserAgent: agent}
}

// as returns a context whose actor is the person who is known by now.
func as(ctx context.Context, user identity.ID, email string) context.Context {
	a := audit.ActorOf(ctx)
	a.ID, a.Name = string(user), email
	return audit.WithActor(ctx, a)
}
