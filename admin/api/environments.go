package api

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
)

const (
	tagSettings     = "Settings"
	tagEnvironments = "Environments"
)

func (a *API) registerEnvironments() {
	register(a, operation{
		id: "get-settings", at: "GET /settings", tag: tagSettings, needs: clients.ScopeReadSettings, summary: "Read the settings of the environment",
	}, a.getSettings)
	register(a, operation{
		id: "update-settings", at: "PATCH /settings", tag: tagSettings, needs: clients.ScopeWriteSettings,
		summary: "Change the settings of the environment", description: "A JSON merge patch (RFC 7396).",
	}, a.updateSettings)

	read, write := clients.ScopeReadEnvironments, clients.ScopeWriteEnvironments
	register(a, operation{
		id: "list-environments", at: "GET /environments", tag: tagEnvironments, needs: read, operators: true,
		summary: "List environments", description: "That of the installation's own address first.",
	}, a.listEnvironments)
	register(a, operation{
		id: "create-environment", at: "POST /environments", tag: tagEnvironments, needs: write, operators: true, creates: true,
		summary: "Make an environment", description: "With its default application and its keys.",
	}, a.createEnvironment)
	register(a, operation{
		id: "get-environment", at: "GET /environments/{environment_id}", tag: tagEnvironments, needs: read, operators: true, summary: "Read an environment",
	}, a.getEnvironment)
	register(a, operation{
		id: "update-environment", at: "PATCH /environments/{environment_id}", tag: tagEnvironments, needs: write, operators: true,
		summary: "Change an environment", description: "A JSON merge patch (RFC 7396) of its settings.",
	}, a.updateEnvironment)
}

// Environment is an isolated tenant with its settings.
type Environment struct {
	ID     environments.ID `json:"id" doc:"env_…"`
	Slug   string          `json:"slug" doc:"It is in the issuer and in the API keys."`
	Issuer string          `json:"issuer" doc:"The issuer identifier (OpenID Connect Core 1.0, section 2)."`
	environments.Settings
	ManagedBy environments.Manager `json:"managed_by" doc:"apply if a file of portico apply declares it, which then undoes what is changed here; else empty."`
	CreatedAt time.Time            `json:"created_at"`
	UpdatedAt time.Time            `json:"updated_at"`
}

func (a *API) environmentOf(e *environments.Environment) Environment {
	return Environment{
		ID: e.ID, Slug: e.Slug, Issuer: e.Issuer(a.PublicURL), Settings: e.Settings(), ManagedBy: e.ManagedBy, CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
	}
}

// settingsPatch is a JSON merge patch of settings, none of which can be taken away.
type settingsPatch struct{ clients.Patch }

// Schema implements huma.SchemaProvider.
func (settingsPatch) Schema(r huma.Registry) *huma.Schema {
	s := patchSchema(r, huma.SchemaFromType(r, reflect.TypeFor[environments.Settings]()), false)
	s.Description = "A JSON merge patch (RFC 7396): what is not given stays, objects are merged."
	return named(r, "SettingsPatch", s)
}

// getSettings serves GET /settings.
func (a *API) getSettings(ctx context.Context, _ *struct{}) (*versioned[Environment], error) {
	return a.environment(ctx, environments.FromContext(ctx).ID)
}

// updateSettings serves PATCH /settings.
func (a *API) updateSettings(ctx context.Context, in *struct {
	Precondition
	body[settingsPatch]
}) (*versioned[Environment], error) {
	return a.changeEnvironment(ctx, environments.FromContext(ctx).ID, in.Precondition, in.sent)
}

// listEnvironments serves GET /environments.
func (a *API) listEnvironments(ctx context.Context, in *struct{ Page }) (*reply[list[Environment]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	all, err := a.Environments.All(ctx)
	if err != nil {
		return nil, err
	}
	if after != "" {
		all = all[slices.IndexFunc(all, func(e *environments.Environment) bool { return string(e.ID) == after })+1:]
	}
	return listOf(all, in.Limit, func(e *environments.Environment) string { return string(e.ID) }, a.environmentOf), nil
}

// NewEnvironment is an environment to be.
type NewEnvironment struct {
	Slug string            `json:"slug" pattern:"^[a-z][a-z0-9-]{0,38}[a-z0-9]$" doc:"It becomes a part of the issuer: 2 to 40 lower case letters, digits and dashes, beginning with a letter."`
	Name string            `json:"name" minLength:"1" maxLength:"100" doc:"What people are shown where no application is known."`
	Kind environments.Kind `json:"kind,omitempty" enum:"production,development" doc:"production if not given; development takes http redirect URIs."`
}

// createEnvironment serves POST /environments.
func (a *API) createEnvironment(ctx context.Context, in *struct{ body[NewEnvironment] }) (*created[Environment], error) {
	e, err := a.Founder.Create(ctx, environments.New{Slug: in.sent.Slug, Name: in.sent.Name, Kind: in.sent.Kind})
	if err != nil {
		return nil, err
	}
	return &created[Environment]{a.at(environments.FromContext(ctx), "environments", string(e.ID)), etag(e.UpdatedAt), a.environmentOf(e)}, nil
}

// OneEnvironment is the path of an environment.
type OneEnvironment struct {
	EnvironmentID environments.ID `path:"environment_id" doc:"env_…"`
}

// getEnvironment serves GET /environments/{environment_id}.
func (a *API) getEnvironment(ctx context.Context, in *struct{ OneEnvironment }) (*versioned[Environment], error) {
	return a.environment(ctx, in.EnvironmentID)
}

func (a *API) environment(ctx context.Context, id environments.ID) (*versioned[Environment], error) {
	e, err := a.Environments.ByID(ctx, id)
	if err != nil {
		return nil, err
	}
	return &versioned[Environment]{etag(e.UpdatedAt), a.environmentOf(e)}, nil
}

// updateEnvironment serves PATCH /environments/{environment_id}.
func (a *API) updateEnvironment(ctx context.Context, in *struct {
	OneEnvironment
	Precondition
	body[settingsPatch]
}) (*versioned[Environment], error) {
	return a.changeEnvironment(ctx, in.EnvironmentID, in.Precondition, in.sent)
}

func (a *API) changeEnvironment(ctx context.Context, id environments.ID, p Precondition, patch settingsPatch) (*versioned[Environment], error) {
	err := a.Founder.ChangeSeen(ctx, id,
		func(e *environments.Environment) error { return p.holds(e.UpdatedAt) },
		func(s *environments.Settings) error { return patch.Merge(s) })
	if err != nil {
		return nil, err
	}
	return a.environment(ctx, id)
}
