package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
)

const tagOrganizations = "Organizations"

func (a *API) registerOrganizations() {
	read, write := clients.ScopeReadOrganizations, clients.ScopeWriteOrganizations
	register(a, operation{
		id: "list-organizations", at: "GET /organizations", tag: tagOrganizations, needs: read,
		summary: "List organizations", description: "In the order of their creation.",
	}, a.listOrganizations)
	register(a, operation{
		id: "create-organization", at: "POST /organizations", tag: tagOrganizations, needs: write, creates: true, summary: "Make an organization",
	}, a.createOrganization)
	register(a, operation{
		id: "get-organization", at: "GET /organizations/{organization_id}", tag: tagOrganizations, needs: read, summary: "Read an organization",
	}, a.getOrganization)
	register(a, operation{
		id: "update-organization", at: "PATCH /organizations/{organization_id}", tag: tagOrganizations, needs: write,
		summary: "Change an organization", description: "A JSON merge patch (RFC 7396).",
	}, a.updateOrganization)
	register(a, operation{
		id: "delete-organization", at: "DELETE /organizations/{organization_id}", tag: tagOrganizations, needs: write,
		summary: "Remove an organization", description: "With its memberships. It ends every session in it.",
	}, a.deleteOrganization)
	register(a, operation{
		id: "list-memberships", at: "GET /organizations/{organization_id}/memberships", tag: tagOrganizations, needs: read,
		summary: "List the members of an organization", description: "In the order in which they joined.",
	}, a.listMemberships)
	register(a, operation{
		id: "create-membership", at: "POST /organizations/{organization_id}/memberships", tag: tagOrganizations, needs: write, creates: true,
		summary: "Make a user a member of an organization",
	}, a.createMembership)
	register(a, operation{
		id: "get-membership", at: "GET /organizations/{organization_id}/memberships/{membership_id}", tag: tagOrganizations, needs: read,
		summary: "Read a membership",
	}, a.getMembership)
	register(a, operation{
		id: "update-membership", at: "PATCH /organizations/{organization_id}/memberships/{membership_id}", tag: tagOrganizations, needs: write,
		summary: "Change roles or state of a membership",
		description: "A JSON merge patch (RFC 7396). What the roles give changes with the next answer about a token. To deactivate a membership ends the user's " +
			"sessions in the organization, and no others.",
	}, a.updateMembership)
	register(a, operation{
		id: "delete-membership", at: "DELETE /organizations/{organization_id}/memberships/{membership_id}", tag: tagOrganizations, needs: write,
		summary: "Remove a member from an organization", description: "It ends the user's sessions in the organization, and no others.",
	}, a.deleteMembership)
	register(a, operation{
		id: "list-memberships-of-user", at: "GET /users/{user_id}/memberships", tag: tagOrganizations, needs: read,
		summary: "List the memberships of a user", description: "All of them, by the names of the organizations.",
	}, a.listMembershipsOfUser)
}

// Organization is an organization as it is told.
type Organization struct {
	ID organizations.ID `json:"id" doc:"org_…"`
	organizations.Settings
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func organizationOf(o *organizations.Organization) *versioned[Organization] {
	return &versioned[Organization]{etag(o.UpdatedAt), Organization{ID: o.ID, Settings: o.Settings(), CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt}}
}

type newOrganization struct{ clients.Patch }

// Schema implements huma.SchemaProvider.
func (newOrganization) Schema(r huma.Registry) *huma.Schema {
	return settingsSchema[organizations.Settings](r, "NewOrganization", "An organization to be.", "name")
}

type organizationPatch struct{ clients.Patch }

// Schema implements huma.SchemaProvider.
func (organizationPatch) Schema(r huma.Registry) *huma.Schema {
	return settingsSchema[organizations.Settings](r, "OrganizationPatch", patchDescription)
}

// InOrganization is the path of everything of one organization.
type InOrganization struct {
	OrganizationID organizations.ID `path:"organization_id" doc:"org_…"`
}

// listOrganizations serves GET /organizations.
func (a *API) listOrganizations(ctx context.Context, in *struct{ Page }) (*reply[list[Organization]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	all, err := a.Organizations.Store.Organizations(ctx, environments.FromContext(ctx).ID, organizations.ID(after), in.Limit+1)
	if err != nil {
		return nil, err
	}
	return listOf(all, in.Limit,
		func(o organizations.Organization) string { return string(o.ID) },
		func(o organizations.Organization) Organization { return organizationOf(&o).Body }), nil
}

// createOrganization serves POST /organizations.
func (a *API) createOrganization(ctx context.Context, in *struct{ body[newOrganization] }) (*created[Organization], error) {
	env := environments.FromContext(ctx)
	var wanted organizations.Settings
	if err := in.sent.Merge(&wanted); err != nil {
		return nil, err
	}
	o, err := a.Organizations.Create(ctx, env.ID, wanted)
	if err != nil {
		return nil, err
	}
	return &created[Organization]{a.at(env, "organizations", string(o.ID)), etag(o.UpdatedAt), organizationOf(o).Body}, nil
}

// getOrganization serves GET /organizations/{organization_id}.
func (a *API) getOrganization(ctx context.Context, in *struct{ InOrganization }) (*versioned[Organization], error) {
	o, err := a.Organizations.Store.Organization(ctx, environments.FromContext(ctx).ID, in.OrganizationID)
	if err != nil {
		return nil, err
	}
	return organizationOf(o), nil
}

// updateOrganization serves PATCH /organizations/{organization_id}.
func (a *API) updateOrganization(ctx context.Context, in *struct {
	InOrganization
	Precondition
	body[organizationPatch]
}) (*versioned[Organization], error) {
	o, err := a.Organizations.Update(ctx, environments.FromContext(ctx).ID, in.OrganizationID, func(o *organizations.Organization) error {
		if err := in.holds(o.UpdatedAt); err != nil {
			return err
		}
		next := o.Settings()
		if err := in.sent.Merge(&next); err != nil {
			return err
		}
		next.Apply(o)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return organizationOf(o), nil
}

// deleteOrganization serves DELETE /organizations/{organization_id}.
func (a *API) deleteOrganization(ctx context.Context, in *struct {
	InOrganization
	Precondition
}) (*struct{}, error) {
	env := environments.FromContext(ctx).ID
	return nil, a.holding(ctx, in.Precondition,
		func(ctx context.Context) error {
			_, err := a.Organizations.Update(ctx, env, in.OrganizationID, func(o *organizations.Organization) error { return in.holds(o.UpdatedAt) })
			return err
		},
		func(ctx context.Context) error { return a.Organizations.Delete(ctx, env, in.OrganizationID) })
}

// Membership is a membership as it is told.
type Membership struct {
	ID               organizations.MembershipID `json:"id" doc:"mem_…"`
	OrganizationID   organizations.ID           `json:"organization_id" doc:"org_…"`
	OrganizationName string                     `json:"organization_name"`
	UserID           identity.ID                `json:"user_id" doc:"usr_…"`
	Email            string                     `json:"email" doc:"The user's address."`
	Name             string                     `json:"name" doc:"The user's name; empty if there is none."`
	organizations.MembershipSettings
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func membershipOf(l *organizations.Listed) Membership {
	return Membership{
		ID: l.ID, OrganizationID: l.Organization, OrganizationName: l.OrganizationName, UserID: l.User, Email: l.Email, Name: l.UserName,
		MembershipSettings: l.Settings(), CreatedAt: l.CreatedAt, UpdatedAt: l.UpdatedAt,
	}
}

// NewMembership is a membership to be.
type NewMembership struct {
	UserID identity.ID `json:"user_id" doc:"usr_…"`
	Roles  []string    `json:"roles,omitempty" doc:"Names of roles, each once."`
}

type membershipPatch struct{ clients.Patch }

// Schema implements huma.SchemaProvider.
func (membershipPatch) Schema(r huma.Registry) *huma.Schema {
	return settingsSchema[organizations.MembershipSettings](r, "MembershipPatch", patchDescription)
}

// InMembership is the path of everything of one membership.
type InMembership struct {
	InOrganization
	MembershipID organizations.MembershipID `path:"membership_id" doc:"mem_…"`
}

// listMemberships serves GET /organizations/{organization_id}/memberships.
func (a *API) listMemberships(ctx context.Context, in *struct {
	InOrganization
	Page
}) (*reply[list[Membership]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	env := environments.FromContext(ctx)
	if _, err := a.Organizations.Store.Organization(ctx, env.ID, in.OrganizationID); err != nil {
		return nil, err
	}
	all, err := a.Organizations.Store.Memberships(ctx, env.ID, in.OrganizationID, organizations.MembershipID(after), in.Limit+1)
	if err != nil {
		return nil, err
	}
	return listOf(all, in.Limit,
		func(l organizations.Listed) string { return string(l.ID) },
		func(l organizations.Listed) Membership { return membershipOf(&l) }), nil
}

// createMembership serves POST /organizations/{organization_id}/memberships.
func (a *API) createMembership(ctx context.Context, in *struct {
	InOrganization
	body[NewMembership]
}) (*created[Membership], error) {
	env := environments.FromContext(ctx)
	m, err := a.Organizations.AddMember(ctx, env.ID, in.OrganizationID, in.sent.UserID, in.sent.Roles...)
	if err != nil {
		return nil, err
	}
	told, err := a.membership(ctx, InMembership{in.InOrganization, m.ID})
	if err != nil {
		return nil, err
	}
	return &created[Membership]{a.at(env, "organizations", string(m.Organization), "memberships", string(m.ID)), told.ETag, told.Body}, nil
}

// getMembership serves GET /organizations/{organization_id}/memberships/{membership_id}.
func (a *API) getMembership(ctx context.Context, in *struct{ InMembership }) (*versioned[Membership], error) {
	return a.membership(ctx, in.InMembership)
}

func (a *API) membership(ctx context.Context, in InMembership) (*versioned[Membership], error) {
	l, err := a.Organizations.Store.Membership(ctx, environments.FromContext(ctx).ID, in.OrganizationID, in.MembershipID)
	if err != nil {
		return nil, err
	}
	return &versioned[Membership]{etag(l.UpdatedAt), membershipOf(l)}, nil
}

// updateMembership serves PATCH /organizations/{organization_id}/memberships/{membership_id}.
func (a *API) updateMembership(ctx context.Context, in *struct {
	InMembership
	Precondition
	body[membershipPatch]
}) (*versioned[Membership], error) {
	_, err := a.Organizations.UpdateMember(ctx, environments.FromContext(ctx).ID, in.OrganizationID, in.MembershipID, func(m *organizations.Membership) error {
		if err := in.holds(m.UpdatedAt); err != nil {
			return err
		}
		next := m.Settings()
		if err := in.sent.Merge(&next); err != nil {
			return err
		}
		next.Apply(m)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a.membership(ctx, in.InMembership)
}

// deleteMembership serves DELETE /organizations/{organization_id}/memberships/{membership_id}.
func (a *API) deleteMembership(ctx context.Context, in *struct {
	InMembership
	Precondition
}) (*struct{}, error) {
	env := environments.FromContext(ctx).ID
	return nil, a.holding(ctx, in.Precondition,
		func(ctx context.Context) error {
			_, err := a.Organizations.UpdateMember(ctx, env, in.OrganizationID, in.MembershipID, func(m *organizations.Membership) error { return in.holds(m.UpdatedAt) })
			return err
		},
		func(ctx context.Context) error {
			return a.Organizations.RemoveMember(ctx, env, in.OrganizationID, in.MembershipID)
		})
}

// listMembershipsOfUser serves GET /users/{user_id}/memberships.
func (a *API) listMembershipsOfUser(ctx context.Context, in *struct{ OneUser }) (*reply[list[Membership]], error) {
	env := environments.FromContext(ctx)
	if _, err := a.Users.Store.User(ctx, env.ID, in.UserID); err != nil {
		return nil, err
	}
	all, err := a.Organizations.MembershipsOf(ctx, env.ID, in.UserID)
	if err != nil {
		return nil, err
	}
	return whole(all, func(l organizations.Listed) Membership { return membershipOf(&l) }), nil
}
