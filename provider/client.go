package provider

import (
	"context"
	"errors"
	"time"

	"github.com/ory/fosite"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
)

// client is an application as fosite sees it. It doesn't implement fosite.OpenIDConnectClient, so that none of fosite's
// own client authentication and request objects run.
type client struct {
	*clients.Application
	// redirectURI is the one that the request names, after the application's rules have allowed it: fosite compares strings.
	redirectURI string
}

var (
	_ fosite.Client                         = client{}
	_ fosite.ResponseModeClient             = client{}
	_ fosite.ClientWithCustomTokenLifespans = client{}
)

func (c client) GetID() string                      { return c.ClientID }
func (c client) GetHashedSecret() []byte            { return nil }
func (c client) GetGrantTypes() fosite.Arguments    { return c.GrantTypes }
func (c client) GetResponseTypes() fosite.Arguments { return c.ResponseTypes }
func (c client) GetScopes() fosite.Arguments        { return c.Scopes }
func (c client) IsPublic() bool                     { return c.Public() }
func (c client) GetAudience() fosite.Arguments      { return c.Audiences }
func (c client) GetRedirectURIs() []string {
	if c.redirectURI == "" {
		return c.RedirectURIs
	}
	return []string{c.redirectURI}
}

func (c client) GetResponseModes() []fosite.ResponseModeType {
	return []fosite.ResponseModeType{fosite.ResponseModeQuery, fosite.ResponseModeFragment, fosite.ResponseModeFormPost}
}

// GetEffectiveLifespan gives every token the lifetime of its application. A refresh token lives as long as its session.
func (c client) GetEffectiveLifespan(_ fosite.GrantType, tokenType fosite.TokenType, fallback time.Duration) time.Duration {
	switch tokenType {
	case fosite.AccessToken:
		return c.SessionPolicy.AccessTokenLifetime
	case fosite.IDToken:
		return c.SessionPolicy.IDTokenLifetime
	case fosite.RefreshToken:
		return -1
	}
	return fallback
}

// application finds the enabled application with the client ID in the environment of the context.
func (p *Provider) application(ctx context.Context, clientID string) (*clients.Application, error) {
	app, err := p.Applications.ByClientID(ctx, environments.FromContext(ctx).ID, clientID)
	if err != nil {
		return nil, err
	}
	if !app.Enabled {
		return nil, clients.ErrNotFound
	}
	return app, nil
}

// GetClient implements fosite.ClientManager.
func (s store) GetClient(ctx context.Context, id string) (fosite.Client, error) {
	app, err := s.p.application(ctx, id)
	if errors.Is(err, clients.ErrNotFound) {
		return nil, fosite.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return client{Application: app, redirectURI: flowOf(ctx).redirectURI}, nil
}

// ClientAssertionJWTValid implements fosite.ClientManager. Clients are authenticated by authenticateClient.
func (s store) ClientAssertionJWTValid(context.Context, string) error { return fosite.ErrNotFound }

// SetClientAssertionJWT implements fosite.ClientManager.
func (s store) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return fosite.ErrServerError
}
