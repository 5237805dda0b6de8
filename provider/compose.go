package provider

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/handler/pkce"

	"github.com/portico-id/portico/clients"
)

// compose mounts the handlers of fosite that we use, in the order that fosite needs, and our own for what it lacks.
// Implicit, hybrid, password and JWT bearer grants are not mounted.
func (p *Provider) compose() *fosite.Fosite {
	s, tokens := store{p}, strategy{p}
	c := configurator{p: p, Config: &fosite.Config{
		ScopeStrategy:                  fosite.ExactScopeStrategy,
		AudienceMatchingStrategy:       allowedAudience,
		RedirectSecureChecker:          func(context.Context, *url.URL) bool { return true }, // the application's rules have allowed it
		RefreshTokenScopes:             []string{"offline_access"},
		OmitRedirectScopeParam:         true,
		MinParameterEntropy:            1,
		EnforcePKCEForPublicClients:    true,
		EnablePKCEPlainChallengeMethod: false,
		ClientAuthenticationStrategy:   p.authenticateClient,
		ClientSecretsHasher:            noHasher{},
	}}
	code := &oauth2.AuthorizeExplicitGrantHandler{
		AccessTokenStrategy: tokens, RefreshTokenStrategy: tokens, AuthorizeCodeStrategy: tokens,
		CoreStorage: s, TokenRevocationStorage: s, Config: c,
	}
	clientCredentials := &oauth2.ClientCredentialsGrantHandler{
		HandleHelper: &oauth2.HandleHelper{AccessTokenStrategy: tokens, AccessTokenStorage: s, Config: c},
		Config:       c,
	}
	idToken := &openid.OpenIDConnectExplicitHandler{
		OpenIDConnectRequestStorage:   s,
		OpenIDConnectRequestValidator: openid.NewOpenIDConnectRequestValidator(nil, c),
		Config:                        c,
		IDTokenHandleHelper:           &openid.IDTokenHandleHelper{IDTokenStrategy: tokens},
	}
	proof := &pkce.Handler{AuthorizeCodeStrategy: tokens, Storage: s, Config: c}
	c.AuthorizeEndpointHandlers = fosite.AuthorizeEndpointHandlers{code, idToken, proof}
	c.TokenEndpointHandlers = fosite.TokenEndpointHandlers{code, clientCredentials, refreshHandler{p}, idToken, proof}
	return fosite.NewOAuth2Provider(s, c)
}

// configurator answers what fosite asks of its configuration, for the application of the request where applications
// differ.
type configurator struct {
	*fosite.Config
	p *Provider
}

// GetEnforcePKCE implements fosite.EnforcePKCEProvider.
func (c configurator) GetEnforcePKCE(ctx context.Context) bool {
	f := flowOf(ctx)
	return f.application == nil || f.application.PKCE != clients.PKCEOptional || f.application.Public()
}

// GetAuthorizeCodeLifespan implements fosite.AuthorizeCodeLifespanProvider.
func (c configurator) GetAuthorizeCodeLifespan(ctx context.Context) time.Duration {
	return flowOf(ctx).application.SessionPolicy.AuthorizationCodeLifetime
}

// allowedAudience refuses audiences that are none of those allowed (RFC 8707 §2).
func allowedAudience(allowed, asked []string) error {
	for _, a := range asked {
		if !slices.Contains(allowed, a) {
			return errInvalidTarget.WithHintf("This client may not have tokens for %q.", a)
		}
	}
	return nil
}

var errInvalidTarget = &fosite.RFC6749Error{ErrorField: "invalid_target", DescriptionField: "The resource is unknown or not allowed.", CodeField: 400} // RFC 8707 §2

// noHasher refuses every secret: clients are authenticated by authenticateClient, never by fosite.
type noHasher struct{}

func (noHasher) Compare(context.Context, []byte, []byte) error { return fosite.ErrInvalidClient }
func (noHasher) Hash(context.Context, []byte) ([]byte, error)  { return nil, fosite.ErrServerError }
