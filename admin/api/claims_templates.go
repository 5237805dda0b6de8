package api

import (
	"context"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
)

func (a *API) registerClaimsTemplates() {
	register(a, operation{
		id: "render-claims-templates", at: "POST /applications/{application_id}/claims_templates:render", tag: tagApplications, needs: clients.ScopeReadUsers, bodyless: true,
		summary: "Test claims templates",
		description: "Fills templates in for a user, as a sign-in would, before they are saved. A template that would be refused is refused here with the same error. " +
			"The key needs applications:read too.",
	}, a.renderClaimsTemplates)
}

// RenderRequest is what templates are filled in for.
type RenderRequest struct {
	UserID          identity.ID                      `json:"user_id,omitempty" doc:"Who would sign in; not given for a token by client credentials."`
	Organization    organizations.ID                 `json:"organization_id,omitempty" doc:"In the name of which of the user's organizations; needed if there are several."`
	ClaimsTemplates *clients.ClaimsTemplatesDocument `json:"claims_templates,omitempty" doc:"What to try; those of the application if not given."`
}

// Rendered is what the templates would add to what is said of the user.
type Rendered struct {
	IDToken     map[string]any `json:"id_token,omitempty" doc:"Absent without a template."`
	AccessToken map[string]any `json:"access_token,omitempty" doc:"Absent without a template."`
	UserInfo    map[string]any `json:"userinfo,omitempty" doc:"Absent without a template."`
}

// renderClaimsTemplates serves POST /applications/{application_id}/claims_templates:render.
func (a *API) renderClaimsTemplates(ctx context.Context, in *struct {
	InApplication
	body[RenderRequest]
}) (*reply[Rendered], error) {
	if !caller(ctx).Allows(clients.ScopeReadApplications) {
		return nil, lacking(clients.ScopeReadApplications)
	}
	env, app, err := a.application(ctx, in.InApplication)
	if err != nil {
		return nil, err
	}
	if d := in.sent.ClaimsTemplates; d != nil {
		app = app.Clone()
		if app.ClaimsTemplates, err = d.Parse(); err != nil {
			return nil, err
		}
	}
	claims, err := a.Tokens.Describe(ctx, env, app, grants.PreviewRequest{User: in.sent.UserID, Organization: in.sent.Organization})
	if err != nil {
		return nil, err
	}
	return &reply[Rendered]{Body: Rendered{claims[clients.IDTokenClaims], claims[clients.AccessTokenClaims], claims[clients.UserInfoClaims]}}, nil
}
