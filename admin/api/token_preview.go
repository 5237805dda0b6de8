package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
)

// Previewer says what tokens would have in them: *provider.Provider, by the code that issues them.
type Previewer interface {
	Preview(context.Context, *environments.Environment, *clients.Application, grants.PreviewRequest) (*grants.Contents, error)
	// Describe returns what the claims templates of the application, which need not be saved, would add.
	Describe(context.Context, *environments.Environment, *clients.Application, grants.PreviewRequest) (map[clients.TokenClaims]map[string]any, error)
}

func (a *API) registerTokenPreview() {
	register(a, operation{
		id: "preview-tokens", at: "POST /applications/{application_id}/tokens:preview", tag: tagApplications, needs: clients.ScopeReadUsers, bodyless: true,
		summary: "Preview tokens",
		description: "Says what the tokens of the application would have in them if a user signed in, and how long each would be good, without issuing any. " +
			"What is new at every sign-in (sid, jti, grant_id) has an example, and nonce and at_hash are left out. The key needs applications:read too.",
	}, a.previewTokens)
}

// TokenPreviewRequest is a sign-in that didn't happen.
type TokenPreviewRequest struct {
	UserID       identity.ID      `json:"user_id,omitempty" doc:"Who signs in; not given for a token by client credentials."`
	Organization organizations.ID `json:"organization_id,omitempty" doc:"In the name of which of the user's organizations; needed if there are several."`
	Scopes       []string         `json:"scopes,omitempty" doc:"What the application asks for; openid if not given, of client credentials all that it has."`
	Ago          int64            `json:"authenticated_seconds_ago,omitempty" minimum:"0" maximum:"315360000" doc:"How long ago the user authenticated, to see how the clocks of the session clip a token."`
}

// TokenPreview is what the tokens would have in them.
type TokenPreview struct {
	Scopes        []string         `json:"scopes" doc:"Those that would be granted."`
	UserID        identity.ID      `json:"user_id,omitempty"`
	Organization  organizations.ID `json:"organization_id,omitempty" doc:"The one that the session would be in."`
	IDToken       claims           `json:"id_token,omitempty" doc:"Claims of the ID token; absent without the scope openid."`
	AccessToken   claims           `json:"access_token,omitempty" doc:"Claims of the access token if it is a JWT; an opaque one has none to read."`
	UserInfo      claims           `json:"userinfo,omitempty" doc:"What the userinfo endpoint would answer; absent without the scope openid."`
	Introspection claims           `json:"introspection" doc:"What the introspection endpoint would answer about the access token."`
	Lifetimes     TokenLifetimes   `json:"lifetimes"`
}

// TokenLifetimes are how long what is issued would be good for.
type TokenLifetimes struct {
	AccessToken int64      `json:"access_token" doc:"Seconds."`
	ClippedBy   string     `json:"clipped_by,omitempty" enum:"inactivity,max_length" doc:"The clock of the session that ends before the access token would."`
	IDToken     int64      `json:"id_token,omitempty" doc:"Seconds."`
	Refreshable bool       `json:"refreshable" doc:"Whether a refresh token would be issued."`
	SessionEnds *time.Time `json:"session_ends_at,omitempty" doc:"When the session would end without use."`
	EndedBy     string     `json:"session_ended_by,omitempty" enum:"inactivity,max_length" doc:"The clock that would end it."`
	SessionMax  *time.Time `json:"session_max_at,omitempty" doc:"When the session would end however it is used."`
}

// claims is a JSON object as it would be sent.
type claims json.RawMessage

// Schema implements huma.SchemaProvider.
func (claims) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// MarshalJSON writes the object as it is.
func (c claims) MarshalJSON() ([]byte, error) { return c, nil }

// previewTokens serves POST /applications/{application_id}/tokens:preview.
func (a *API) previewTokens(ctx context.Context, in *struct {
	InApplication
	body[TokenPreviewRequest]
}) (*reply[TokenPreview], error) {
	if !caller(ctx).Allows(clients.ScopeReadApplications) {
		return nil, lacking(clients.ScopeReadApplications)
	}
	env, app, err := a.application(ctx, in.InApplication)
	if err != nil {
		return nil, err
	}
	asked := grants.PreviewRequest{
		User: in.sent.UserID, Organization: in.sent.Organization, Scopes: in.sent.Scopes, Ago: time.Duration(in.sent.Ago) * time.Second,
	}
	if asked.User == "" && (asked.Organization != "" || asked.Ago != 0) {
		return nil, fault.Invalidf("user_id", "only a user has an organization and an authentication: give user_id")
	}
	if asked.User != "" && asked.Scopes == nil {
		asked.Scopes = []string{"openid"}
	}
	c, err := a.Tokens.Preview(ctx, env, app, asked)
	if err != nil {
		return nil, err
	}
	out := &reply[TokenPreview]{Body: TokenPreview{
		Scopes: c.Scopes, UserID: c.User, Organization: c.Organization,
		IDToken: claims(c.IDToken), AccessToken: claims(c.AccessToken), UserInfo: claims(c.UserInfo), Introspection: claims(c.Introspection),
		Lifetimes: TokenLifetimes{
			AccessToken: int64(c.Lifetimes.AccessToken / time.Second), ClippedBy: string(c.Lifetimes.ClippedBy), IDToken: int64(c.Lifetimes.IDToken / time.Second),
			Refreshable: c.Lifetimes.Refreshable, EndedBy: string(c.Lifetimes.EndedBy),
		},
	}}
	if out.Body.Scopes == nil {
		out.Body.Scopes = []string{}
	}
	if c.User != "" {
		out.Body.Lifetimes.SessionEnds, out.Body.Lifetimes.SessionMax = &c.Lifetimes.SessionEnds, &c.Lifetimes.SessionMax
	}
	return out, nil
}
