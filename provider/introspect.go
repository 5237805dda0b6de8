package provider

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/grants"
)

// introspection is the answer about a token (RFC 7662 §2.2). The zero value is the whole answer about one that is no
// good, or none of the caller's business.
type introspection struct {
	Active    bool     `json:"active"`
	Issuer    string   `json:"iss,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	Session   string   `json:"sid,omitempty"`
	Scope     string   `json:"scope,omitempty"`
	Audience  []string `json:"aud,omitempty"`
	TokenType string   `json:"token_type,omitempty"`
	TokenUse  string   `json:"token_use,omitempty"` // access_token or refresh_token
	ID        string   `json:"jti,omitempty"`
	IssuedAt  int64    `json:"iat,omitempty"`
	Expires   int64    `json:"exp,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	ACR       string   `json:"acr,omitempty"`
	AMR       []string `json:"amr,omitempty"`
	organizationClaims
}

// introspect serves POST /oauth2/introspect (RFC 7662): a confidential application asks about its own tokens, a resource
// server about those that are for it.
func (p *Provider) introspect(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(r)
	if err != nil {
		p.writeError(w, r, err)
		return
	}
	app, err := p.clientOf(r.Context(), r, form)
	if err == nil && app.Public() {
		err = fosite.ErrInvalidClient.WithHint("A public client can't introspect tokens: it has no credentials to prove itself by.")
	}
	token := form.Get("token")
	if err == nil && token == "" {
		err = fosite.ErrInvalidRequest.WithHint("The parameter token is missing.")
	}
	if err != nil {
		p.writeError(w, r, err)
		return
	}
	var answer any
	if strings.HasPrefix(token, grants.RefreshTokenPrefix) {
		answer, err = p.introspectRefresh(r, app, token)
	} else {
		answer, err = p.introspectAccess(r, app, token)
	}
	if err != nil {
		p.writeError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (p *Provider) introspectAccess(r *http.Request, by *clients.Application, text string) (any, error) {
	ctx := r.Context()
	find := p.Ledger.Store.Standing
	described, err := p.Applications.DescribesAccessTokens(ctx, environments.FromContext(ctx).ID)
	if err != nil {
		return nil, err
	}
	if described { // whose token it is, is only known when it has been read
		find = p.Ledger.Store.State
	}
	t, err := p.open(ctx, text, find)
	if errors.Is(err, errDead) || err == nil && !mayIntrospect(by, t) {
		return introspection{}, nil
	}
	if err != nil {
		return nil, err
	}
	p.used(t)
	return p.introspection(ctx, t)
}

// introspection is what the endpoint answers about the token.
func (p *Provider) introspection(ctx context.Context, t *liveToken) (any, error) {
	more, err := moreClaims(t.application, t.state, clients.AccessTokenClaims)
	if err != nil {
		return nil, err
	}
	a := introspection{
		Active: true, Issuer: p.issuer(ctx), Subject: string(t.subject()), ClientID: t.application.ClientID, Scope: strings.Join(t.scopes, " "),
		Audience: t.audience, TokenType: "Bearer", TokenUse: "access_token", ID: t.Serial.String(), IssuedAt: t.Issued.Unix(), Expires: t.Expires.Unix(),
	}
	if t.state == nil {
		a.Subject = t.application.ClientID
		return withMore(a, more), nil
	}
	session := &t.state.Session
	if end, _ := session.Deadline(&t.application.SessionPolicy); end.Before(t.Expires) {
		a.Expires = end.Unix() // the policy was shortened after the token was issued
	}
	a.Session, a.AuthTime, a.ACR, a.AMR = string(session.ID), session.AuthTime.Unix(), session.ACR, session.AMR
	a.organizationClaims = organizationOf(t.state)
	return withMore(a, more), nil
}

func (p *Provider) introspectRefresh(r *http.Request, by *clients.Application, text string) (introspection, error) {
	ctx := r.Context()
	chain, state, err := p.Ledger.RefreshState(ctx, by, text)
	var refused *grants.Refusal
	if errors.As(err, &refused) {
		return introspection{}, nil
	}
	if err != nil {
		return introspection{}, err
	}
	if !p.Ledger.LiveRefreshToken(chain, text) || !state.Alive(by, p.Now()) {
		return introspection{}, nil
	}
	session := &state.Session
	end, _ := session.Deadline(&by.SessionPolicy)
	return introspection{
		Active: true, Issuer: p.issuer(ctx), Subject: string(state.Grant.User), ClientID: by.ClientID, Session: string(session.ID),
		Scope: strings.Join(state.Grant.Scopes, " "), Audience: state.Grant.Audience, TokenUse: "refresh_token",
		IssuedAt: chain.RotatedAt.Unix(), Expires: end.Unix(), AuthTime: session.AuthTime.Unix(), ACR: session.ACR, AMR: session.AMR,
		organizationClaims: organizationOf(state),
	}, nil
}

// mayIntrospect reports whether the token is the application's own, or addressed to it, or addressed to no API while the
// application is one that reads those.
func mayIntrospect(by *clients.Application, t *liveToken) bool {
	if by.ID == t.application.ID {
		return true
	}
	if by.Kind != clients.API {
		return false
	}
	if len(t.audience) == 0 {
		return by.IntrospectsUnaddressed
	}
	return slices.ContainsFunc(t.audience, func(a string) bool { return slices.Contains(by.Identifiers, a) })
}
