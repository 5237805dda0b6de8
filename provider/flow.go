package provider

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/handler/pkce"
	"github.com/ory/fosite/storage"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/grants"
)

// flow is one request on its way through fosite: what fosite's handlers read and write by their storage interfaces is
// collected here, and reaches the database as one grant and one code, or as one redemption.
type flow struct {
	environment *environments.Environment
	caller      grants.Caller
	redirectURI string // allowed by the application's rules; "" at the token endpoint

	// At the authorization endpoint.
	grant    *grants.Grant
	newCode  *grants.Code
	codeText string

	// At the token endpoint.
	application *clients.Application
	tested      *clients.Application // for which the dashboard redeems the code of a test sign-in; else nil
	code        *grants.Code
	state       *grants.State
	chain       *grants.Chain
	refreshText string
	access      *grants.AccessToken
	accessText  string
}

type flowKey struct{}

func withFlow(ctx context.Context, f *flow) context.Context {
	return context.WithValue(ctx, flowKey{}, f)
}

func flowOf(ctx context.Context) *flow { return ctx.Value(flowKey{}).(*flow) }

// store gives fosite's handlers the storage that they ask for, out of the flow of the request.
type store struct{ p *Provider }

var (
	_ fosite.Storage                     = store{}
	_ oauth2.CoreStorage                 = store{}
	_ oauth2.TokenRevocationStorage      = store{}
	_ openid.OpenIDConnectRequestStorage = store{}
	_ pkce.PKCERequestStorage            = store{}
	_ storage.Transactional              = store{}
)

// CreateAuthorizeCodeSession implements oauth2.AuthorizeCodeStorage. The code's text is in the flow already.
func (s store) CreateAuthorizeCodeSession(ctx context.Context, _ string, r fosite.Requester) error {
	f := flowOf(ctx)
	now := s.p.Now().UTC()
	f.newCode = &grants.Code{
		Hash: s.p.Ledger.CodeHash(f.codeText), Environment: f.environment.ID, Grant: f.grant.ID,
		RedirectURI: r.GetRequestForm().Get("redirect_uri"), CreatedAt: now, ExpiresAt: now.Add(f.application.SessionPolicy.AuthorizationCodeLifetime),
	}
	return nil
}

// GetAuthorizeCodeSession implements oauth2.AuthorizeCodeStorage. It reads once for a request, however often it is called.
func (s store) GetAuthorizeCodeSession(ctx context.Context, _ string, session fosite.Session) (fosite.Requester, error) {
	f := flowOf(ctx)
	if f.code == nil {
		code, state, err := s.p.Ledger.Code(ctx, f.environment.ID, f.codeText)
		// A stranger who holds a code learns nothing about it, and revokes nothing by it.
		if errors.Is(err, grants.ErrNotFound) || err == nil && state.Grant.Application != f.application.ID {
			return nil, fosite.ErrNotFound.WithHint("The authorization code was not issued to this client, or is no longer kept.")
		}
		if err != nil {
			return nil, err
		}
		f.code, f.state = code, state
	}
	r := s.requester(ctx, session)
	if !f.code.UsedAt.IsZero() {
		return r, fosite.ErrInvalidatedAuthorizeCode
	}
	return r, nil
}

// requester is the authorization request as far as fosite's token handlers look at it.
func (s store) requester(ctx context.Context, session fosite.Session) fosite.Requester {
	f := flowOf(ctx)
	form := url.Values{}
	set(form, "redirect_uri", f.code.RedirectURI)
	if f.code.CodeChallenge != "" {
		form.Set("code_challenge", f.code.CodeChallenge)
		form.Set("code_challenge_method", "S256")
	}
	if t, ok := session.(*tokenSession); ok {
		t.subject = string(f.state.Grant.User)
		t.claims.Subject = t.subject
	}
	return &fosite.Request{
		ID: string(f.state.Grant.ID), RequestedAt: f.code.CreatedAt, Client: client{Application: f.application}, Form: form, Session: session,
		RequestedScope: f.state.Grant.Scopes, GrantedScope: f.state.Grant.Scopes,
		RequestedAudience: f.state.Grant.Audience, GrantedAudience: f.state.Grant.Audience,
	}
}

func set(form url.Values, key, value string) {
	if value != "" {
		form.Set(key, value)
	}
}

// InvalidateAuthorizeCodeSession implements oauth2.AuthorizeCodeStorage. Commit does it.
func (s store) InvalidateAuthorizeCodeSession(context.Context, string) error { return nil }

// BeginTX implements storage.Transactional. The transaction is one call at Commit, so that none is open meanwhile.
func (s store) BeginTX(ctx context.Context) (context.Context, error) { return ctx, nil }

// Commit implements storage.Transactional: it redeems the code.
func (s store) Commit(ctx context.Context) error {
	f := flowOf(ctx)
	return s.p.Ledger.Redeem(ctx, f.code, f.chain)
}

// Rollback implements storage.Transactional.
func (s store) Rollback(context.Context) error { return nil }

// CreateAccessTokenSession implements oauth2.AccessTokenStorage. An access token is no row.
func (s store) CreateAccessTokenSession(context.Context, string, fosite.Requester) error { return nil }

// GetAccessTokenSession implements oauth2.AccessTokenStorage. No handler that is mounted reads access tokens.
func (s store) GetAccessTokenSession(context.Context, string, fosite.Session) (fosite.Requester, error) {
	return nil, fosite.ErrNotFound
}

// DeleteAccessTokenSession implements oauth2.AccessTokenStorage.
func (s store) DeleteAccessTokenSession(context.Context, string) error { return nil }

// CreateRefreshTokenSession implements oauth2.RefreshTokenStorage. Commit saves the chain that the strategy started.
func (s store) CreateRefreshTokenSession(context.Context, string, string, fosite.Requester) error {
	return nil
}

// GetRefreshTokenSession implements oauth2.RefreshTokenStorage. Refreshing is refreshHandler's.
func (s store) GetRefreshTokenSession(context.Context, string, fosite.Session) (fosite.Requester, error) {
	return nil, fosite.ErrNotFound
}

// DeleteRefreshTokenSession implements oauth2.RefreshTokenStorage.
func (s store) DeleteRefreshTokenSession(context.Context, string) error { return nil }

// RotateRefreshToken implements oauth2.RefreshTokenStorage.
func (s store) RotateRefreshToken(context.Context, string, string) error { return nil }

// RevokeAccessToken implements oauth2.TokenRevocationStorage. fosite calls it when a code comes back after its use, and
// hides its error from the client; exchange revokes the grant, and with it every token under it.
func (s store) RevokeAccessToken(context.Context, string) error { return nil }

// RevokeRefreshToken implements oauth2.TokenRevocationStorage.
func (s store) RevokeRefreshToken(context.Context, string) error { return nil }

// CreateOpenIDConnectSession implements openid.OpenIDConnectRequestStorage. The grant has it all.
func (s store) CreateOpenIDConnectSession(context.Context, string, fosite.Requester) error {
	return nil
}

// GetOpenIDConnectSession implements openid.OpenIDConnectRequestStorage.
func (s store) GetOpenIDConnectSession(ctx context.Context, _ string, r fosite.Requester) (fosite.Requester, error) {
	if !r.GetGrantedScopes().Has("openid") {
		return nil, openid.ErrNoSessionFound
	}
	return r, nil
}

// DeleteOpenIDConnectSession implements openid.OpenIDConnectRequestStorage.
func (s store) DeleteOpenIDConnectSession(context.Context, string) error { return nil }

// CreatePKCERequestSession implements pkce.PKCERequestStorage: the challenge is a column of the code.
func (s store) CreatePKCERequestSession(ctx context.Context, _ string, r fosite.Requester) error {
	flowOf(ctx).newCode.CodeChallenge = r.GetRequestForm().Get("code_challenge")
	return nil
}

// GetPKCERequestSession implements pkce.PKCERequestStorage.
func (s store) GetPKCERequestSession(ctx context.Context, _ string, session fosite.Session) (fosite.Requester, error) {
	f := flowOf(ctx)
	if f.code.CodeChallenge == "" {
		return nil, fosite.ErrNotFound
	}
	return s.requester(ctx, session), nil
}

// DeletePKCERequestSession implements pkce.PKCERequestStorage. The challenge stays, so that a wrong verifier doesn't free
// the code of its proof.
func (s store) DeletePKCERequestSession(context.Context, string) error { return nil }

// expiry is when an access token of the session that is issued now ends: never after the session (design: exp is clipped).
func expiry(app *clients.Application, state *grants.State, now time.Time) time.Time {
	at := now.Add(app.SessionPolicy.AccessTokenLifetime)
	if state != nil {
		if end, _ := state.Session.Deadline(&app.SessionPolicy); end.Before(at) {
			at = end
		}
	}
	return at.UTC().Truncate(time.Second)
}
