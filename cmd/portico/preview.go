package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/server"
)

// previewDocument is what the tokens of a sign-in would have in them. What there is none of is absent.
type previewDocument struct {
	Scopes        []string        `json:"scopes"`
	IDToken       json.RawMessage `json:"id_token,omitempty"`
	AccessToken   json.RawMessage `json:"access_token,omitempty"` // of a JWT
	UserInfo      json.RawMessage `json:"userinfo,omitempty"`
	Introspection json.RawMessage `json:"introspection"`
	AccessSeconds int64           `json:"access_token_seconds"`
	ClippedBy     string          `json:"clipped_by,omitempty"` // the clock that ends before the access token would
}

func (c *cli) previewTokens() *cobra.Command {
	var user, inOrganization, templates string
	var scopes []string
	var ago time.Duration
	cmd := c.task("preview APPLICATION", "Print what the tokens of an application would say, without issuing any", one(whichApplication), func(ctx context.Context, s *server.Server, args []string) error {
		env, app, err := c.find(ctx, s, args[0])
		if err != nil {
			return err
		}
		if templates != "" {
			var d clients.ClaimsTemplatesDocument
			if err := json.Unmarshal([]byte(templates), &d); err != nil {
				return fault.Invalidf("claims_templates", "--claims-templates must be a JSON object of id_token, access_token and userinfo")
			}
			draft := *app
			if draft.ClaimsTemplates, err = d.Parse(); err != nil {
				return err
			}
			app = &draft
		}
		asked := grants.PreviewRequest{Scopes: scopes, Ago: ago}
		if user != "" {
			u, err := person(ctx, s, env, user)
			if err != nil {
				return err
			}
			asked.User = u.ID
			if asked.Scopes == nil {
				asked.Scopes = []string{"openid"}
			}
		}
		if inOrganization != "" {
			o, err := organization(ctx, s, env, inOrganization)
			if err != nil {
				return err
			}
			asked.Organization = o.ID
		}
		contents, err := s.PreviewTokens(ctx, env, app, asked)
		if err != nil {
			return err
		}
		d := previewDocument{
			Scopes: list(contents.Scopes), IDToken: contents.IDToken, AccessToken: contents.AccessToken, UserInfo: contents.UserInfo, Introspection: contents.Introspection,
			AccessSeconds: seconds(contents.Lifetimes.AccessToken), ClippedBy: string(contents.Lifetimes.ClippedBy),
		}
		return c.reply(d, func(w io.Writer) {
			for _, part := range []struct {
				name   string
				claims json.RawMessage
			}{{"ID token", d.IDToken}, {"Access token", d.AccessToken}, {"Userinfo", d.UserInfo}, {"Introspection", d.Introspection}} {
				if part.claims != nil {
					fmt.Fprintf(w, "%s\n%s\n", part.name, part.claims)
				}
			}
		})
	})
	cmd.Example = `  portico application preview acme-web --user ada@example.com --scope openid --scope email --json
  portico application preview acme-web --user ada@example.com --claims-templates '{"id_token":{"team":"{{ organization.name }}"}}'`
	f := cmd.Flags()
	f.StringVar(&user, "user", "", "who would sign in: the `ID` or the e-mail address; nobody for client credentials")
	f.StringVar(&inOrganization, "organization", "", "in which `ORGANIZATION`, its ID or slug; needed if the user has several")
	f.StringArrayVar(&scopes, "scope", nil, "a `SCOPE` that would be asked for; repeat it for more")
	durationFlag(f, &ago, "ago", "`DURATION` since the user authenticated, to see how the clocks clip a token")
	f.StringVar(&templates, "claims-templates", "", "a draft of the claims templates, as a `JSON` object, in place of the saved ones")
	return cmd
}
