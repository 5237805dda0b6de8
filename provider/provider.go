// Package provider is the edge that speaks OAuth 2.0 and OpenID Connect. It is the only package that imports fosite.
package provider

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/ory/fosite"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// Provider serves the protocol endpoints of every environment. Create it with New.
type Provider struct {
	Deps
	fosite    *fosite.Fosite
	documents sync.Map // discovery documents by issuer
}

// Deps is what a Provider works with.
type Deps struct {
	PublicURL     *url.URL
	Applications  *clients.Registry
	KeySets       *clients.KeySets
	Assertions    clients.AssertionStore
	Users         *identity.Registry
	Organizations *organizations.Registry
	Sessions      *sessions.Registry
	Cookies       *sessions.Cookies
	Ledger        *grants.Ledger
	AccessTokens  *grants.AccessTokens
	Keys          *keys.Ring
	// Chrome is what surrounds a page in the name of the application; app is nil where none is known.
	Chrome func(r *http.Request, app *clients.Application) templates.Chrome
	// Languages of the hosted pages, for ui_locales_supported.
	Languages []string
	InTx      func(ctx context.Context, fn func(context.Context) error) error
	Now       func() time.Time
	Log       *slog.Logger
}

// New makes a Provider.
func New(d Deps) *Provider {
	p := &Provider{Deps: d}
	p.fosite = p.compose()
	return p
}

// Mount adds the routes of an issuer to two muxes: those that applications call, and those that people's browsers open
// with their cookies.
func (p *Provider) Mount(protocol, pages *http.ServeMux) {
	protocol.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	protocol.HandleFunc("GET /.well-known/oauth-authorization-server", p.discovery)
	protocol.HandleFunc("GET /.well-known/jwks.json", p.jwks)
	protocol.HandleFunc("POST /oauth2/token", p.token)
	protocol.HandleFunc("POST /oauth2/introspect", p.introspect)
	protocol.HandleFunc("POST /oauth2/revoke", p.revoke)
	protocol.HandleFunc("GET /userinfo", p.userinfo)
	protocol.HandleFunc("POST /userinfo", p.userinfo)
	pages.HandleFunc("GET /oauth2/authorize", p.authorize)
	pages.HandleFunc("POST /oauth2/authorize", p.authorizeByPost)
	pages.HandleFunc("GET /oauth2/check_session", p.checkSession)
	pages.HandleFunc("GET /oauth2/logout", p.logout)
	pages.HandleFunc("POST /oauth2/logout", p.logout)
}

// issuer is the issuer identifier of the environment of the context.
func (p *Provider) issuer(ctx context.Context) string {
	return environments.FromContext(ctx).Issuer(p.PublicURL)
}

// caller is where the request came from. The server has put the client's address into RemoteAddr.
func caller(r *http.Request) grants.Caller {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	agent := r.UserAgent()
	if len(agent) > 256 {
		agent = agent[:256]
	}
	return grants.Caller{Address: host, UserAgent: agent}
}
