package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/organizations"
)

const tagRoles = "Roles"

func (a *API) registerRoles() {
	read, write := clients.ScopeReadOrganizations, clients.ScopeWriteOrganizations
	register(a, operation{
		id: "list-roles", at: "GET /roles", tag: tagRoles, needs: read, summary: "List roles", description: "In the order of their creation.",
	}, a.listRoles)
	register(a, operation{
		id: "create-role", at: "POST /roles", tag: tagRoles, needs: write, creates: true, summary: "Make a role",
	}, a.createRole)
	register(a, operation{
		id: "get-role", at: "GET /roles/{role_id}", tag: tagRoles, needs: read, summary: "Read a role",
	}, a.getRole)
	register(a, operation{
		id: "update-role", at: "PATCH /roles/{role_id}", tag: tagRoles, needs: write, summary: "Change a role",
		description: "A JSON merge patch (RFC 7396), for everybody who has the role. Its name can't be changed, as applications know it by that.",
	}, a.updateRole)
	register(a, operation{
		id: "delete-role", at: "DELETE /roles/{role_id}", tag: tagRoles, needs: write, summary: "Remove a role", description: "Also from every member who has it.",
	}, a.deleteRole)
}

// Role is a role as it is told.
type Role struct {
	ID organizations.RoleID `json:"id" doc:"rol_…"`
	organizations.RoleSettings
	ManagedBy environments.Manager `json:"managed_by" doc:"apply if a file of portico apply declares it, which then undoes what is changed here; else empty."`
	CreatedAt time.Time            `json:"created_at"`
	UpdatedAt time.Time            `json:"updated_at"`
}

func roleOf(r *organizations.Role) *versioned[Role] {
	return &versioned[Role]{etag(r.UpdatedAt), Role{ID: r.ID, RoleSettings: r.Settings(), ManagedBy: r.ManagedBy, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}}
}

type newRole struct{ clients.Patch }

// Schema implements huma.SchemaProvider.
func (newRole) Schema(r huma.Registry) *huma.Schema {
	return settingsSchema[organizations.RoleSettings](r, "NewRole", "A role to be.", "name")
}

type rolePatch struct{ clients.Patch }

// Schema implements huma.SchemaProvider.
func (rolePatch) Schema(r huma.Registry) *huma.Schema {
	return settingsSchema[organizations.RoleSettings](r, "RolePatch", patchDescription)
}

// InRole is the path of one role.
type InRole struct {
	RoleID organizations.RoleID `path:"role_id" doc:"rol_…"`
}

// listRoles serves GET /roles.
func (a *API) listRoles(ctx context.Context, in *struct{ Page }) (*reply[list[Role]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	all, err := a.Organizations.Store.Roles(ctx, environments.FromContext(ctx).ID, organizations.RoleID(after), in.Limit+1)
	if err != nil {
		return nil, err
	}
	return listOf(all, in.Limit,
		func(r organizations.Role) string { return string(r.ID) },
		func(r organizations.Role) Role { return roleOf(&r).Body }), nil
}

// createRole serves POST /roles.
func (a *API) createRole(ctx context.Context, in *struct{ body[newRole] }) (*created[Role], error) {
	env := environments.FromContext(ctx)
	var wanted organizations.RoleSettings
	if err := in.sent.Merge(&wanted); err != nil {
		return nil, err
	}
	r, err := a.Organizations.CreateRole(ctx, env.ID, wanted)
	if err != nil {
		return nil, err
	}
	return &created[Role]{a.at(env, "roles", string(r.ID)), etag(r.UpdatedAt), roleOf(r).Body}, nil
}

// getRole serves GET /roles/{role_id}.
func (a *API) getRole(ctx context.Context, in *struct{ InRole }) (*versioned[Role], error) {
	r, err := a.Organizations.Store.Role(ctx, environments.FromContext(ctx).ID, in.RoleID)
	if err != nil {
		return nil, err
	}
	return roleOf(r), nil
}

// updateRole serves PATCH /roles/{role_id}.
func (a *API) updateRole(ctx context.Context, in *struct {
	InRole
	Precondition
	body[rolePatch]
}) (*versioned[Role], error) {
	r, err := a.Organizations.UpdateRole(ctx, environments.FromContext(ctx).ID, in.RoleID, func(r *organizations.Role) error {
		if err := in.holds(r.UpdatedAt); err != nil {
			return err
		}
		next := r.Settings()
		if err := in.sent.Merge(&next); err != nil {
			return err
		}
		next.Apply(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return roleOf(r), nil
}

// deleteRole serves DELETE /roles/{role_id}.
func (a *API) deleteRole(ctx context.Context, in *struct {
	InRole
	Precondition
}) (*struct{}, error) {
	env := environments.FromContext(ctx).ID
	return nil, a.holding(ctx, in.Precondition,
		func(ctx context.Context) error {
			_, err := a.Organizations.UpdateRole(ctx, env, in.RoleID, func(r *organizations.Role) error { return in.holds(r.UpdatedAt) })
			return err
		},
		func(ctx context.Context) error { return a.Organizations.DeleteRole(ctx, env, in.RoleID) })
}
