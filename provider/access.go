package provider

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
)

// liveToken is an access token that is good now, with all that is known of it.
type liveToken struct {
	*grants.AccessToken
	application *clients.Application
	state       *grants.State // nil for a token by client credentials
	scopes      []string
	audience    []string
}

// errDead says that a token is no good, whatever the reason.
var errDead = errors.New("the access token is unknown, expired, revoked, or its session has ended")

// lookup reads the state of a user's token: State or Standing of grants.Store.
type lookup func(ctx context.Context, env environments.ID, id grants.ID, serial grants.Serial) (*grants.State, bool, error)

// open finds out whether an access token is good now, in one statement (design: an access token is no row). It returns errDead if it isn't.
func (p *Provider) open(ctx context.Context, text string, find lookup) (*liveToken, error) {
	env := environments.FromContext(ctx)
	token, err := p.read(ctx, env, text)
	if err != nil {
		return nil, err
	}
	now := p.Now()
	if !now.Before(token.Expires) {
		return nil, errDead
	}
	if token.Grant == "" {
		return p.openClientToken(ctx, env, token)
	}
	state, revoked, err := find(ctx, env.ID, token.Grant, token.Serial)
	if errors.Is(err, grants.ErrNotFound) || revoked {
		return nil, errDead
	}
	if err != nil {
		return nil, err
	}
	app, err := p.Applications.ByID(ctx, env.ID, state.Grant.Application)
	if errors.Is(err, clients.ErrNotFound) {
		return nil, errDead
	}
	if err != nil {
		return nil, err
	}
	if !state.Alive(app, now) {
		return nil, errDead
	}
	live := &liveToken{AccessToken: token, application: app, state: state, scopes: state.Grant.Scopes, audience: state.Grant.Audience}
	if token.Scopes != nil {
		live.scopes = token.Scopes
	}
	return live, nil
}

func (p *Provider) openClientToken(ctx context.Context, env *environments.Environment, token *grants.AccessToken) (*liveToken, error) {
	app, err := p.Applications.ByID(ctx, env.ID, token.Application)
	if errors.Is(err, clients.ErrNotFound) || err == nil && !app.Enabled {
		return nil, errDead
	}
	if err != nil {
		return nil, err
	}
	revoked, err := p.Ledger.Store.SerialRevoked(ctx, env.ID, token.Serial)
	if err != nil {
		return nil, err
	}
	if revoked {
		return nil, errDead
	}
	return &liveToken{AccessToken: token, application: app, scopes: token.Scopes, audience: token.Audience}, nil
}

// read takes an access token of either format apart. A forged one fails here, before any query.
func (p *Provider) read(ctx context.Context, env *environments.Environment, text string) (*grants.AccessToken, error) {
	if strings.Count(text, ".") == 2 {
		return p.readJWT(ctx, env, text)
	}
	token, err := p.AccessTokens.Open(ctx, env.ID, text)
	if errors.Is(err, grants.ErrMalformed) {
		return nil, errDead
	}
	return token, err
}

func (p *Provider) readJWT(ctx context.Context, env *environments.Environment, text string) (*grants.AccessToken, error) {
	payload, header, err := p.Keys.Verify(ctx, env.ID, text)
	if err != nil || header.Type != accessTokenType { // an ID token is signed by the same keys
		return nil, errDead
	}
	var c accessTokenClaims
	if err := json.Unmarshal(payload, &c); err != nil || c.Issuer != p.issuer(ctx) {
		return nil, errDead
	}
	serial, err := grants.ParseSerial(c.ID)
	if err != nil {
		return nil, errDead
	}
	t := &grants.AccessToken{
		Serial: serial, Issued: time.Unix(c.IssuedAt, 0).UTC(), Expires: time.Unix(c.Expires, 0).UTC(),
		Scopes: strings.Fields(c.Scope), Grant: grants.ID(c.Grant),
	}
	if c.Grant != "" {
		return t, nil
	}
	app, err := p.Applications.ByClientID(ctx, env.ID, c.ClientID)
	if errors.Is(err, clients.ErrNotFound) {
		return nil, errDead
	}
	if err != nil {
		return nil, err
	}
	t.Application = app.ID
	if len(c.Audience) != 1 || c.Audience[0] != c.Issuer {
		t.Audience = c.Audience
	}
	return t, nil
}

// used notes that the session of the token was used, where the application counts that as activity.
func (p *Provider) used(t *liveToken) {
	if t.state == nil || t.application.SessionPolicy.Activity != clients.ActivityUse {
		return
	}
	now := p.Now().UTC()
	if now.Sub(t.state.Session.LastActiveAt) >= time.Minute {
		p.Sessions.Activity.Session(t.state.Session.Environment, t.state.Session.ID, now)
	}
}

// subject is the user of the token; "" for one by client credentials.
func (t *liveToken) subject() identity.ID {
	if t.state == nil {
		return ""
	}
	return t.state.Grant.User
}
