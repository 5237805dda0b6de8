package provider

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/openid"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/keys"
)

// strategy makes codes and tokens. Each kind is another application's choice of format, and each has the lifetime of
// its application.
type strategy struct{ p *Provider }

var (
	_ oauth2.CoreStrategy               = strategy{}
	_ openid.OpenIDConnectTokenStrategy = strategy{}
)

// AuthorizeCodeSignature implements oauth2.AuthorizeCodeStrategy. The flow keeps the code; fosite's signature isn't used.
func (s strategy) AuthorizeCodeSignature(ctx context.Context, code string) string {
	flowOf(ctx).codeText = code
	return code
}

// GenerateAuthorizeCode implements oauth2.AuthorizeCodeStrategy.
func (s strategy) GenerateAuthorizeCode(ctx context.Context, _ fosite.Requester) (string, string, error) {
	code := grants.NewCode()
	flowOf(ctx).codeText = code
	return code, code, nil
}

// ValidateAuthorizeCode implements oauth2.AuthorizeCodeStrategy: it judges the code that the store has read.
func (s strategy) ValidateAuthorizeCode(ctx context.Context, _ fosite.Requester, _ string) error {
	f := flowOf(ctx)
	if now := s.p.Now(); !now.Before(f.code.ExpiresAt) {
		return fosite.ErrTokenExpired.WithHintf("The authorization code expired at %s.", f.code.ExpiresAt.Format(time.RFC3339))
	} else if !f.state.Alive(f.application, now) {
		return fosite.ErrInactiveToken.WithHint("The session or the grant that the authorization code stands on has ended.")
	}
	return nil
}

// AccessTokenSignature implements oauth2.AccessTokenStrategy. No row needs one.
func (s strategy) AccessTokenSignature(context.Context, string) string { return "" }

// GenerateAccessToken implements oauth2.AccessTokenStrategy: a sealed handle, or a JWT (RFC 9068), as the application says.
func (s strategy) GenerateAccessToken(ctx context.Context, r fosite.Requester) (string, string, error) {
	f := flowOf(ctx)
	now := s.p.Now().UTC()
	t := &grants.AccessToken{Serial: grants.NewSerial(), Issued: now.Truncate(time.Second), Expires: expiry(f.application, f.state, now)}
	scopes := []string(r.GetGrantedScopes())
	audience := []string(r.GetGrantedAudience())
	if f.state != nil {
		t.Grant, t.Session = f.state.Grant.ID, f.state.Session.ID
		if len(scopes) < len(f.state.Grant.Scopes) {
			t.Scopes = scopes
		}
	} else {
		t.Application, t.Scopes, t.Audience = f.application.ID, scopes, audience
	}
	var text string
	var err error
	if f.application.AccessTokenFormat == clients.JWT {
		text, err = s.signAccessToken(ctx, f, t, scopes, audience)
	} else {
		text, err = s.p.AccessTokens.Seal(ctx, f.environment.ID, t)
	}
	if err != nil {
		return "", "", err
	}
	f.access, f.accessText = t, text
	return text, "", nil
}

// accessTokenType is the typ of a JWT access token (RFC 9068 §2.1).
const accessTokenType = "at+jwt"

// accessTokenClaims are the claims of a JWT access token (RFC 9068 §2.2). Grant is ours: it leads introspection to the
// same row that an opaque token's does.
type accessTokenClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience []string `json:"aud"`
	ClientID string   `json:"client_id"`
	ID       string   `json:"jti"`
	IssuedAt int64    `json:"iat"`
	Expires  int64    `json:"exp"`
	Scope    string   `json:"scope,omitempty"`
	AuthTime int64    `json:"auth_time,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	Session  string   `json:"sid,omitempty"`
	Grant    string   `json:"grant_id,omitempty"`
	organizationClaims
}

func (s strategy) signAccessToken(ctx context.Context, f *flow, t *grants.AccessToken, scopes, audience []string) (string, error) {
	claims, err := s.p.accessTokenClaims(ctx, f.application, f.state, t, scopes, audience)
	if err != nil {
		return "", err
	}
	return s.p.Keys.Sign(ctx, f.environment.ID, algorithm(f.application), accessTokenType, claims)
}

// accessTokenClaims are those of the token as a JWT; state is nil for one by client credentials.
func (p *Provider) accessTokenClaims(ctx context.Context, app *clients.Application, state *grants.State, t *grants.AccessToken, scopes, audience []string) (any, error) {
	issuer := p.issuer(ctx)
	if len(audience) == 0 {
		audience = []string{issuer}
	}
	c := accessTokenClaims{
		Issuer: issuer, Subject: app.ClientID, Audience: audience, ClientID: app.ClientID, ID: t.Serial.String(),
		IssuedAt: t.Issued.Unix(), Expires: t.Expires.Unix(), Scope: strings.Join(scopes, " "),
	}
	if state != nil {
		session := &state.Session
		c.Subject, c.Session, c.Grant = string(state.Grant.User), string(session.ID), string(state.Grant.ID)
		c.AuthTime, c.ACR, c.AMR = session.AuthTime.Unix(), session.ACR, session.AMR
		c.organizationClaims = organizationOf(state)
	}
	more, err := moreClaims(app, state, clients.AccessTokenClaims)
	return withMore(c, more), err
}

// ValidateAccessToken implements oauth2.AccessTokenStrategy. Access tokens are judged by Provider.open.
func (s strategy) ValidateAccessToken(context.Context, fosite.Requester, string) error {
	return fosite.ErrInactiveToken
}

// RefreshTokenSignature implements oauth2.RefreshTokenStrategy. No row needs one.
func (s strategy) RefreshTokenSignature(context.Context, string) string { return "" }

// GenerateRefreshToken implements oauth2.RefreshTokenStrategy: the first of a code's grant. Later ones are the Ledger's.
func (s strategy) GenerateRefreshToken(ctx context.Context, _ fosite.Requester) (string, string, error) {
	f := flowOf(ctx)
	f.refreshText, f.chain = s.p.Ledger.StartChain(f.code, f.state.Session.ID, f.caller)
	return f.refreshText, f.refreshText, nil
}

// ValidateRefreshToken implements oauth2.RefreshTokenStrategy. Refresh tokens are judged by the Ledger.
func (s strategy) ValidateRefreshToken(context.Context, fosite.Requester, string) error {
	return fosite.ErrInactiveToken
}

// GenerateIDToken implements openid.OpenIDConnectTokenStrategy (OIDC Core §2, §3.1.3.6). Claims about the user are at
// the UserInfo endpoint, unless the claims parameter asks for them here.
func (s strategy) GenerateIDToken(ctx context.Context, _ time.Duration, _ fosite.Requester) (string, error) {
	f := flowOf(ctx)
	claims, err := s.p.idTokenClaims(ctx, f.application, f.state, s.p.Now().UTC())
	if err != nil {
		return "", err
	}
	if nonce := f.state.Grant.Nonce; nonce != "" && f.code != nil { // not after a refresh (OIDC Core §12.2)
		claims["nonce"] = nonce
	}
	alg := algorithm(f.application)
	if f.accessText != "" {
		claims["at_hash"] = leftHash(alg, f.accessText)
	}
	return s.p.Keys.Sign(ctx, f.environment.ID, alg, "JWT", claims)
}

// idTokenClaims are the claims of every ID token of the state that is issued at now, but for what binds it to a request.
func (p *Provider) idTokenClaims(ctx context.Context, app *clients.Application, state *grants.State, now time.Time) (map[string]any, error) {
	grant, session := &state.Grant, &state.Session
	request, err := requestedClaims(grant)
	if err != nil {
		return nil, err
	}
	claims := identity.Claims(&state.User, nil, request, identity.IDToken)
	claims["iss"] = p.issuer(ctx)
	claims["sub"] = string(grant.User)
	claims["aud"] = app.ClientID
	claims["iat"] = now.Unix()
	claims["exp"] = now.Add(app.SessionPolicy.IDTokenLifetime).Unix()
	claims["auth_time"] = session.AuthTime.Unix()
	claims["sid"] = string(session.ID)
	claims["acr"] = session.ACR
	claims["amr"] = session.AMR
	organizationOf(state).addTo(claims)
	return claims, addMore(claims, app, state, clients.IDTokenClaims)
}

// requestedClaims is the claims parameter of the grant's request; the zero value if it had none.
func requestedClaims(g *grants.Grant) (identity.ClaimsRequest, error) {
	if len(g.Claims) == 0 {
		return identity.ClaimsRequest{}, nil
	}
	return identity.ParseClaimsRequest(g.Claims)
}

// leftHash is the value of at_hash and c_hash (OIDC Core §3.1.3.6, §3.3.2.11).
func leftHash(alg keys.Algorithm, value string) string {
	h := alg.Hash().New()
	h.Write([]byte(value))
	sum := h.Sum(nil)
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

func algorithm(app *clients.Application) keys.Algorithm {
	if app.IDTokenSignedResponseAlg == "" {
		return keys.RS256
	}
	return keys.Algorithm(app.IDTokenSignedResponseAlg)
}

// subset reports whether every one of a is in b.
func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}
