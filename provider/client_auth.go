package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/ory/fosite"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
)

// authenticateClient authenticates the client of a token request, which must be registered for the grant type.
func (p *Provider) authenticateClient(ctx context.Context, r *http.Request, form url.Values) (fosite.Client, error) {
	if app := flowOf(ctx).tested; app != nil {
		flowOf(ctx).application = app
		return client{Application: app}, nil
	}
	app, err := p.clientOf(ctx, r, form)
	if err != nil {
		return nil, err
	}
	if grantType := form.Get("grant_type"); !app.Allows(grantType) {
		return nil, fosite.ErrUnauthorizedClient.WithHintf("This client is not registered for grant_type %s.", grantType)
	}
	flowOf(ctx).application = app
	return client{Application: app}, nil
}

// clientOf authenticates the client of a request (RFC 6749 §2.3): by exactly one method, which must be the one that the
// application is registered for. An unknown client, a wrong secret and an expired one are alike, in text and time.
func (p *Provider) clientOf(ctx context.Context, r *http.Request, form url.Values) (*clients.Application, error) {
	if form.Get("client_assertion") != "" || form.Get("client_assertion_type") != "" {
		return p.clientByAssertion(ctx, r, form)
	}
	id, secret, method, err := presented(r, form)
	if err != nil {
		return nil, err
	}
	if id == "" {
		return nil, fosite.ErrInvalidClient.WithHint("The request names no client: send client_id, or client credentials.")
	}
	app, err := p.Applications.ByClientID(ctx, environments.FromContext(ctx).ID, id)
	if errors.Is(err, clients.ErrNotFound) {
		p.Applications.AuthenticateUnknown(secret)
		return nil, fosite.ErrInvalidClient.WithHint(unknownClient)
	}
	if err != nil {
		return nil, err
	}
	right := method == clients.AuthNone || p.Applications.Authenticate(ctx, app, secret, caller(r).Address)
	if !app.Enabled || !right {
		return nil, fosite.ErrInvalidClient.WithHint(unknownClient)
	}
	if method != app.TokenEndpointAuthMethod {
		return nil, fosite.ErrInvalidClient.WithHintf("This client is registered for token_endpoint_auth_method %s, but the request used %s.", app.TokenEndpointAuthMethod, method)
	}
	return app, nil
}

const unknownClient = "No client with this client_id and these credentials is registered here. Check client_id, the secret and its expiry."

// presented reads the client's ID and secret, and by which method they came.
func presented(r *http.Request, form url.Values) (id, secret string, method clients.AuthMethod, err error) {
	id, secret, method = form.Get("client_id"), form.Get("client_secret"), clients.AuthNone
	if secret != "" { // a parameter without a value counts as omitted (RFC 6749 §3.2)
		method = clients.AuthClientSecretPost
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return id, secret, method, nil
	}
	user, password, ok := r.BasicAuth()
	if !ok {
		return "", "", "", fosite.ErrInvalidClient.WithHint("The Authorization header must use the Basic scheme with client_id and client_secret.")
	}
	if method == clients.AuthClientSecretPost {
		return "", "", "", fosite.ErrInvalidRequest.WithHint("The request authenticates the client twice: send its secret either in the Authorization header or in the body.")
	}
	// RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
	basicID, idErr := url.QueryUnescape(user)
	basicSecret, secretErr := url.QueryUnescape(password)
	if idErr != nil || secretErr != nil {
		return "", "", "", fosite.ErrInvalidClient.WithHint("client_id and client_secret in the Authorization header must be form-encoded (RFC 6749, section 2.3.1).")
	}
	if id != "" && id != basicID {
		return "", "", "", fosite.ErrInvalidRequest.WithHint("client_id in the body differs from the one in the Authorization header.")
	}
	return basicID, basicSecret, clients.AuthClientSecretBasic, nil
}

// usedAuthorizationHeader reports whether the request has credentials in its Authorization header.
func usedAuthorizationHeader(r *http.Request) bool {
	return strings.TrimSpace(r.Header.Get("Authorization")) != ""
}
