package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/grants"
)

// tokenReply is the answer of the token endpoint (RFC 6749 §5.1, OIDC Core §3.1.3.3).
type tokenReply struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	Scope        string `json:"scope,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
}

// grantTypes are those that the token endpoint serves.
var grantTypes = []string{"authorization_code", "client_credentials", "refresh_token"}

// token serves POST /oauth2/token (RFC 6749 §3.2).
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	reply, err := p.exchange(r)
	p.shareWithClient(w, r)
	if err != nil {
		p.writeError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, reply)
}

func (p *Provider) exchange(r *http.Request) (*tokenReply, error) {
	form, err := readForm(r)
	if err == nil {
		err = checkGrantType(form)
	}
	if err != nil {
		return nil, err
	}
	return p.redeem(r, form, &flow{environment: environments.FromContext(r.Context()), caller: caller(r)})
}

func (p *Provider) redeem(r *http.Request, form url.Values, f *flow) (*tokenReply, error) {
	ctx := withFlow(r.Context(), f)
	request, response, err := p.issueTokens(ctx, r, form)
	if f.code != nil && (!f.code.UsedAt.IsZero() || errors.Is(err, grants.ErrUsed)) {
		// The code was used before, or another request with it was faster: what it got is revoked (RFC 6749 §4.1.2).
		if err := p.Ledger.CodeReused(ctx, f.code, f.state, f.caller); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	if f.state != nil {
		p.Sessions.Activity.Session(f.environment.ID, f.state.Session.ID, p.Now().UTC())
	}
	reply := &tokenReply{
		AccessToken: response.GetAccessToken(), TokenType: "Bearer",
		ExpiresIn: int64(f.access.Expires.Sub(f.access.Issued) / time.Second),
		Scope:     strings.Join(request.GetGrantedScopes(), " "),
	}
	reply.RefreshToken, _ = response.GetExtra("refresh_token").(string)
	reply.IDToken, _ = response.GetExtra("id_token").(string)
	return reply, nil
}

func (p *Provider) issueTokens(ctx context.Context, r *http.Request, form url.Values) (fosite.AccessRequester, fosite.AccessResponder, error) {
	form["audience"] = audiences(form) // what fosite reads
	request, err := p.fosite.NewAccessRequest(ctx, r, newTokenSession(""))
	if err != nil {
		return nil, nil, err
	}
	f := flowOf(ctx)
	switch form.Get("grant_type") {
	case "authorization_code":
		if err = allowedAudience(f.state.Grant.Audience, form["audience"]); err == nil {
			err = describable(f.application, f.state)
		}
	case "client_credentials":
		grantRequested(request, f)
	}
	if err != nil {
		return nil, nil, err
	}
	response, err := p.fosite.NewAccessResponse(ctx, request)
	return request, response, err
}

func checkGrantType(form url.Values) error {
	grantType := form.Get("grant_type")
	switch {
	case grantType == "":
		return fosite.ErrInvalidRequest.WithHint("The parameter grant_type is missing.")
	case !slices.Contains(grantTypes, grantType):
		return fosite.ErrUnsupportedGrantType.WithHintf("grant_type %q is not supported. Use one of %s.", grantType, strings.Join(grantTypes, ", "))
	case grantType == "authorization_code" && form.Get("code") == "":
		return fosite.ErrInvalidRequest.WithHint("The parameter code is missing.")
	}
	return nil
}

// grantRequested gives a client by its own credentials the scopes and audiences that it asked for and was registered
// with; fosite has refused others. Who names no scope gets all that the application has (RFC 6749 §3.3).
func grantRequested(request fosite.AccessRequester, f *flow) {
	scopes := request.GetRequestedScopes()
	if len(scopes) == 0 {
		scopes = f.application.Scopes
	}
	for _, scope := range scopes {
		request.GrantScope(scope)
	}
	for _, audience := range request.GetRequestedAudience() {
		request.GrantAudience(audience)
	}
}
