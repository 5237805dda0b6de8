package organizations

import (
	"context"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
)

// Errors of the Store and the Registry.
var (
	ErrNotFound     = fault.NotFoundf("There is no such organization.")
	ErrSlugTaken    = fault.Conflictf("slug", "Another organization has this slug.")
	ErrNoMembership = fault.NotFoundf("There is no such membership.")
	ErrIsMember     = fault.Conflictf("user_id", "The user is a member of the organization already.")
	ErrNoRole       = fault.NotFoundf("There is no such role.")
	ErrRoleTaken    = fault.Conflictf("name", "Another role has this name.")
)

// Store keeps organizations, memberships and roles.
//
// Each Update method loads what it is about, calls change and saves the result. All of it, and what change does with the
// context it is given, is one transaction. Each list begins after an ID, "" for the start, in the order of creation.
type Store interface {
	// Organization returns the organization. It returns ErrNotFound.
	Organization(ctx context.Context, env environments.ID, id ID) (*Organization, error)
	// OrganizationBySlug returns the organization with the slug. It returns ErrNotFound.
	OrganizationBySlug(ctx context.Context, env environments.ID, slug string) (*Organization, error)
	Organizations(ctx context.Context, env environments.ID, after ID, limit int) ([]Organization, error)
	// SearchOrganizations returns a page of those that the query asks for, and whether there are more in the direction of the page.
	SearchOrganizations(ctx context.Context, env environments.ID, q Query) (page []Organization, more bool, err error)
	// CreateOrganization adds one. It returns ErrSlugTaken.
	CreateOrganization(ctx context.Context, o *Organization) error
	// UpdateOrganization returns ErrNotFound and ErrSlugTaken.
	UpdateOrganization(ctx context.Context, env environments.ID, id ID, change func(context.Context, *Organization) error) error
	// DeleteOrganization removes the organization with its memberships. It returns ErrNotFound.
	DeleteOrganization(ctx context.Context, env environments.ID, id ID) error

	// Membership returns the membership. It returns ErrNoMembership.
	Membership(ctx context.Context, env environments.ID, organization ID, id MembershipID) (*Listed, error)
	// MembershipOf returns the membership of the user in the organization. It returns ErrNoMembership.
	MembershipOf(ctx context.Context, env environments.ID, organization ID, user identity.ID) (*Membership, error)
	// Memberships lists those of an organization.
	Memberships(ctx context.Context, env environments.ID, organization ID, after MembershipID, limit int) ([]Listed, error)
	// SearchMembers returns a page of those that the query asks for, and whether there are more in the direction of the page.
	SearchMembers(ctx context.Context, env environments.ID, q MemberQuery) (page []Listed, more bool, err error)
	// MembershipsOfUser returns all of the user's, by the names of the organizations.
	MembershipsOfUser(ctx context.Context, env environments.ID, user identity.ID) ([]Listed, error)
	// MembershipsOfUsers returns all of the users', by the names of the organizations. One statement.
	MembershipsOfUsers(ctx context.Context, env environments.ID, users []identity.ID) ([]Listed, error)
	// Positions returns what each active membership of the user makes of her, in the order of the organizations' IDs.
	Positions(ctx context.Context, env environments.ID, user identity.ID) ([]Position, error)
	// CreateMembership adds one. It returns ErrNotFound for an unknown organization, identity.ErrNotFound for an unknown user,
	// ErrIsMember, and UnknownRole.
	CreateMembership(ctx context.Context, m *Membership) error
	// UpdateMembership returns ErrNoMembership and UnknownRole.
	UpdateMembership(ctx context.Context, env environments.ID, organization ID, id MembershipID, change func(context.Context, *Membership) error) error
	// DeleteMembership removes the membership and returns it as it was. It returns ErrNoMembership.
	DeleteMembership(ctx context.Context, env environments.ID, organization ID, id MembershipID) (*Membership, error)

	// Role returns the role. It returns ErrNoRole.
	Role(ctx context.Context, env environments.ID, id RoleID) (*Role, error)
	Roles(ctx context.Context, env environments.ID, after RoleID, limit int) ([]Role, error)
	// CreateRole adds one. It returns ErrRoleTaken.
	CreateRole(ctx context.Context, r *Role) error
	// UpdateRole returns ErrNoRole. It doesn't save another name.
	UpdateRole(ctx context.Context, env environments.ID, id RoleID, change func(context.Context, *Role) error) error
	// DeleteRole removes the role, also from the memberships that have it, and returns it as it was. It returns ErrNoRole.
	DeleteRole(ctx context.Context, env environments.ID, id RoleID) (*Role, error)
}

// UnknownRole is the error for a membership that names a role that isn't there.
func UnknownRole(name string) *fault.Error {
	return fault.Invalidf("roles", "there is no role %+q: create it first", name)
}
