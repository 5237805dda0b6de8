package provider

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
)

// What a preview has in the place of IDs that every sign-in gets anew.
const (
	exampleSession = "ses_00000000000000000000000000"
	exampleGrant   = "grt_00000000000000000000000000"
)

// Preview returns what the tokens of the application would say if the user signed in by a password, and for how long they would
// be good. It issues nothing and changes nothing. Errors: a fault that names the input for what a sign-in would refuse;
// identity.ErrNotFound.
func (p *Provider) Preview(ctx context.Context, env *environments.Environment, app *clients.Application, asked grants.PreviewRequest) (*grants.Contents, error) {
	ctx, now := environments.NewContext(ctx, env), p.Now().UTC()
	if !app.Enabled {
		return nil, fault.Conflictf("", "the application is disabled, so it gets no tokens")
	}
	if asked.User == "" {
		return p.previewClient(ctx, app, asked, now)
	}
	if !app.HasUsers() {
		return nil, fault.Invalidf("user_id", "nobody signs in to this application: leave user_id out")
	}
	scopes, err := allowedScopes(app, strings.Join(asked.Scopes, " "))
	if err != nil {
		return nil, fault.Invalidf("scopes", "the application may have none of these scopes")
	}
	state, err := p.signedIn(ctx, env, app, asked, now)
	if err != nil {
		return nil, err
	}
	state.Grant.Scopes = scopes
	t := &grants.AccessToken{Issued: now.Truncate(time.Second), Expires: expiry(app, state, now)}
	c, err := p.contents(ctx, &liveToken{AccessToken: t, application: app, state: state, scopes: scopes})
	if err != nil {
		return nil, err
	}
	if slices.Contains(scopes, "openid") {
		claims, err := p.idTokenClaims(ctx, app, state, now)
		if err == nil {
			c.IDToken, err = json.Marshal(claims)
		}
		if err != nil {
			return nil, err
		}
		c.Lifetimes.IDToken = app.SessionPolicy.IDTokenLifetime
	}
	c.Lifetimes.Refreshable = (&flow{application: app, grant: &state.Grant}).refreshable()
	return c, nil
}

// signedIn is the state that a sign-in would make: of the right user, in the organization that the request or the rules choose.
func (p *Provider) signedIn(ctx context.Context, env *environments.Environment, app *clients.Application, asked grants.PreviewRequest, now time.Time) (*grants.State, error) {
	user, err := p.Users.Get(ctx, env.ID, asked.User)
	if err != nil {
		return nil, err
	}
	if user.Status != identity.Active {
		return nil, fault.Invalidf("user_id", "the account is disabled, so it can't sign in")
	}
	positions, err := p.Organizations.Store.Positions(ctx, env.ID, user.ID)
	if err != nil {
		return nil, err
	}
	how := sessions.Authentication{AuthTime: now.Add(-asked.Ago), AMR: []string{"pwd"}, ACR: sessions.ACRPassword}
	s := &situation{now: now, environment: env, application: app, request: &authorizationRequest{form: url.Values{}, application: app, organization: asked.Organization}}
	organization, unclear := s.organization(&sessions.Account{
		BrowserSession: sessions.BrowserSession{User: user.ID, Authentication: how}, Email: user.Email, Positions: positions,
	})
	switch {
	case unclear == stepNoAccess && asked.Organization != "":
		return nil, fault.Invalidf("organization_id", "the user is no active member of the organization, or may not use the application there")
	case unclear == stepNoAccess:
		return nil, fault.Invalidf("user_id", "the user may not use this application")
	case unclear == stepChooseOrganization:
		return nil, fault.Invalidf("organization_id", "the user has several organizations, of which she would choose one")
	}
	state := &grants.State{
		Grant: grants.Grant{ID: exampleGrant, Environment: env.ID, Session: exampleSession, User: user.ID, Application: app.ID, CreatedAt: now},
		Session: sessions.Session{
			ID: exampleSession, Environment: env.ID, User: user.ID, Application: app.ID, Organization: organization, Authentication: how, CreatedAt: how.AuthTime, LastActiveAt: now,
		},
		User: *user,
	}
	if i := slices.IndexFunc(positions, func(p organizations.Position) bool { return p.Organization == organization }); i >= 0 {
		state.Position = &positions[i]
	}
	if !state.Alive(app, now) {
		return nil, fault.Invalidf("authenticated_seconds_ago", "the session would be over by then: its maximum is %s", app.SessionPolicy.MaxSessionLength)
	}
	return state, nil
}

// previewClient is the preview of client credentials (RFC 6749 §4.4).
func (p *Provider) previewClient(ctx context.Context, app *clients.Application, asked grants.PreviewRequest, now time.Time) (*grants.Contents, error) {
	if !app.Allows(clients.GrantClientCredentials) {
		return nil, fault.Invalidf("user_id", "the application gets tokens for users alone: choose one")
	}
	scopes := asked.Scopes
	if len(scopes) == 0 {
		scopes = app.Scopes
	}
	if !subset(scopes, app.Scopes) {
		return nil, fault.Invalidf("scopes", "the application may not have all of these scopes")
	}
	t := &grants.AccessToken{Issued: now.Truncate(time.Second), Expires: expiry(app, nil, now)}
	return p.contents(ctx, &liveToken{AccessToken: t, application: app, scopes: scopes})
}

// contents is what the endpoints say of the token, and what it says itself if it is a JWT.
func (p *Provider) contents(ctx context.Context, t *liveToken) (*grants.Contents, error) {
	c := &grants.Contents{Scopes: t.scopes, Lifetimes: lifetimes(t)}
	if t.application.AccessTokenFormat == clients.JWT {
		claims, err := p.accessTokenClaims(ctx, t.application, t.state, t.AccessToken, t.scopes, t.audience)
		if err == nil {
			c.AccessToken, err = json.Marshal(claims)
		}
		if err != nil {
			return nil, err
		}
	}
	answer, err := p.introspection(ctx, t)
	if err == nil {
		c.Introspection, err = json.Marshal(answer)
	}
	if err != nil || t.state == nil {
		return c, err
	}
	c.User, c.Organization = t.state.Grant.User, t.state.Session.Organization
	if slices.Contains(t.scopes, "openid") {
		claims, err := userInfoClaims(t.application, t.state, t.scopes)
		if err != nil {
			return nil, err
		}
		c.UserInfo, err = json.Marshal(claims)
		return c, err
	}
	return c, nil
}

func lifetimes(t *liveToken) grants.Lifetimes {
	l := grants.Lifetimes{AccessToken: t.Expires.Sub(t.Issued)}
	if t.state == nil {
		return l
	}
	policy := &t.application.SessionPolicy
	l.SessionEnds, l.EndedBy = t.state.Session.Deadline(policy)
	l.SessionMax = t.state.Session.AuthTime.Add(policy.MaxSessionLength)
	if l.AccessToken < policy.AccessTokenLifetime.Truncate(time.Second) {
		l.ClippedBy = l.EndedBy
	}
	return l
}
