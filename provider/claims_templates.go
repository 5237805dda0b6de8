package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"strings"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
)

// moreClaims returns what the application's template adds to the claims, nil for nothing; state is nil for a token by client
// credentials. The error is *clients.OversizedClaims.
func moreClaims(app *clients.Application, state *grants.State, of clients.TokenClaims) (map[string]any, error) {
	if app.ClaimsTemplates.Template(of) == nil {
		return nil, nil
	}
	return app.Describe(of, (&facts{application: app, state: state}).value)
}

// everyTokenClaims is what templates make claims for.
var everyTokenClaims = []clients.TokenClaims{clients.IDTokenClaims, clients.AccessTokenClaims, clients.UserInfoClaims}

// describable refuses a sign-in whose templates make too much for this user, before anything was used up for it.
func describable(app *clients.Application, state *grants.State) error {
	for _, of := range everyTokenClaims {
		if _, err := moreClaims(app, state, of); err != nil {
			return err
		}
	}
	return nil
}

// facts are what placeholders of a template stand for.
type facts struct {
	application *clients.Application
	state       *grants.State  // nil without a user
	user        map[string]any // standard claims, once one was asked for
}

// value returns what the placeholder stands for; nil if that isn't known.
func (f *facts) value(placeholder string) any {
	about, name, _ := strings.Cut(placeholder, ".")
	switch {
	case about == "application":
		return f.ofApplication(name)
	case f.state == nil:
		return nil
	case about == "user":
		return f.ofUser(name)
	case f.state.Position != nil:
		return f.ofPosition(placeholder)
	}
	return nil
}

func (f *facts) ofApplication(name string) any {
	app := f.application
	switch name {
	case "id":
		return app.ID
	case "client_id":
		return app.ClientID
	case "name":
		return app.Name
	case "kind":
		return app.Kind
	}
	return ofMetadata(name, func() map[string]string { return app.Metadata })
}

func (f *facts) ofUser(name string) any {
	if name == "id" {
		return f.state.Grant.User
	}
	if f.user == nil {
		f.user = identity.Claims(&f.state.User, identity.SupportedScopes(), identity.ClaimsRequest{}, identity.UserInfo)
	}
	return f.user[name]
}

func (f *facts) ofPosition(placeholder string) any {
	p, claims := f.state.Position, organizationOf(f.state)
	switch placeholder {
	case "organization.id":
		return claims.Organization
	case "organization.name":
		return p.Name
	case "organization.slug":
		if p.Slug == "" {
			return nil
		}
		return p.Slug
	case "membership.roles":
		return claims.Roles
	case "membership.permissions":
		return claims.Permissions
	}
	return ofMetadata(strings.TrimPrefix(placeholder, "organization."), func() (metadata map[string]string) {
		_ = json.Unmarshal(p.Metadata, &metadata) // what storage wrote; nothing is known if it is damaged
		return metadata
	})
}

// ofMetadata returns all metadata, or what it has under a key.
func ofMetadata(name string, metadata func() map[string]string) any {
	switch key, keyed := strings.CutPrefix(name, "metadata."); {
	case keyed:
		if value, ok := metadata()[key]; ok {
			return value
		}
	case name == "metadata":
		if all := metadata(); all != nil {
			return all
		}
		return map[string]string{}
	}
	return nil
}

// withMore returns claims that have more as well, as JSON. They have no name in common, as a template may have no reserved one.
func withMore(claims any, more map[string]any) any {
	if len(more) == 0 {
		return claims
	}
	return joined{claims, more}
}

type joined struct {
	claims any
	more   map[string]any
}

// MarshalJSON writes one object.
func (j joined) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(j.claims)
	if err != nil {
		return nil, err
	}
	more, err := json.Marshal(j.more)
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{text[:len(text)-1], more[1:]}, []byte(",")), nil
}

// addMore adds to claims what the application's template says.
func addMore(claims map[string]any, app *clients.Application, state *grants.State, of clients.TokenClaims) error {
	more, err := moreClaims(app, state, of)
	maps.Copy(claims, more)
	return err
}

// Describe returns what the application's templates would add to what is said of the user that is asked for, in an object for
// each template that there is. Errors: as Preview; *clients.OversizedClaims.
func (p *Provider) Describe(ctx context.Context, env *environments.Environment, app *clients.Application, asked grants.PreviewRequest) (map[clients.TokenClaims]map[string]any, error) {
	now := p.Now().UTC()
	var state *grants.State
	switch {
	case asked.User != "" && !app.HasUsers():
		return nil, fault.Invalidf("user_id", "nobody signs in to this application: leave user_id out")
	case asked.User != "":
		enabled := *app // a template may be tried before the application is let loose
		enabled.Enabled = true
		var err error
		if state, err = p.signedIn(ctx, env, &enabled, asked, now); err != nil {
			return nil, err
		}
	case app.HasUsers() && !app.Allows(clients.GrantClientCredentials):
		return nil, fault.Invalidf("user_id", "the application gets tokens for users alone: choose one")
	}
	all := map[clients.TokenClaims]map[string]any{}
	for _, of := range everyTokenClaims {
		claims, err := moreClaims(app, state, of)
		if err != nil {
			return nil, err
		}
		if claims != nil {
			all[of] = claims
		}
	}
	return all, nil
}
