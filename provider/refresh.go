package provider

import (
	"context"
	"strings"

	"github.com/ory/fosite"

	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/organizations"
)

// refreshHandler serves grant_type=refresh_token (RFC 6749 §6, RFC 9700 §4.14). fosite's own ignores scope, signs honest
// clients out when they refresh twice at once, and finds reuse before it has seen that the token is genuine.
type refreshHandler struct{ p *Provider }

var _ fosite.TokenEndpointHandler = refreshHandler{}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (refreshHandler) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (refreshHandler) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne("refresh_token")
}

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler: it replaces the refresh token by its successor. The
// parameter organization_id, which is ours, switches the session to another organization of the user.
func (h refreshHandler) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	f := flowOf(ctx)
	presented := r.GetRequestForm().Get("refresh_token")
	if presented == "" {
		return fosite.ErrInvalidRequest.WithHint("The parameter refresh_token is missing.")
	}
	asked := []string(r.GetRequestedScopes())
	state, successor, err := h.p.Ledger.Refresh(ctx, f.application, grants.Refresh{
		Token: presented, Organization: organizations.ID(r.GetRequestForm().Get("organization_id")), By: f.caller,
		Check: func(s *grants.State) error {
			if !subset(asked, s.Grant.Scopes) {
				return fosite.ErrInvalidScope.WithHintf("scope may only name what was granted before: %s.", strings.Join(s.Grant.Scopes, " "))
			}
			if err := allowedAudience(s.Grant.Audience, r.GetRequestedAudience()); err != nil {
				return err
			}
			return describable(f.application, s)
		},
	})
	if err != nil {
		return err
	}
	f.state, f.refreshText = state, successor
	if len(asked) == 0 {
		asked = state.Grant.Scopes
	}
	for _, scope := range asked {
		r.GrantScope(scope)
	}
	for _, audience := range state.Grant.Audience {
		r.GrantAudience(audience)
	}
	session := r.GetSession().(*tokenSession)
	session.subject = string(state.Grant.User)
	return nil
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (h refreshHandler) PopulateTokenEndpointResponse(ctx context.Context, r fosite.AccessRequester, response fosite.AccessResponder) error {
	if !h.CanHandleTokenEndpointRequest(ctx, r) {
		return fosite.ErrUnknownRequest
	}
	f := flowOf(ctx)
	access, _, err := strategy(h).GenerateAccessToken(ctx, r)
	if err != nil {
		return err
	}
	response.SetAccessToken(access)
	response.SetTokenType("bearer")
	response.SetExtra("refresh_token", f.refreshText)
	if r.GetGrantedScopes().Has("openid") {
		idToken, err := strategy(h).GenerateIDToken(ctx, f.application.SessionPolicy.IDTokenLifetime, r)
		if err != nil {
			return err
		}
		response.SetExtra("id_token", idToken)
	}
	return nil
}
