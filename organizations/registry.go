package organizations

import (
	"context"
	"fmt"
	"time"

	"go.jetify.com/typeid/v2"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
)

// Registry is what the edges ask about organizations, memberships and roles. A change and its event are one transaction; a
// change that leaves everything as it was is no event. It is safe for concurrent use, on any number of nodes.
type Registry struct {
	Store    Store
	Audit    audit.Recorder
	Sessions SessionEnder
	InTx     func(ctx context.Context, fn func(context.Context) error) error
	Now      func() time.Time
}

// SessionEnder ends sessions, which lie above this package.
type SessionEnder interface {
	// EndMembership ends every session in the organization, of the user alone unless user is "", in the transaction of ctx.
	EndMembership(ctx context.Context, env environments.ID, organization ID, user identity.ID) error
}

// now is the time in UTC and in microseconds, as it is stored.
func (r *Registry) now() time.Time { return r.Now().UTC().Truncate(time.Microsecond) }

// later is the time of a change, which tells states apart, also within a microsecond.
func (r *Registry) later(than time.Time) time.Time {
	if now := r.now(); now.After(than) {
		return now
	}
	return than.Add(time.Microsecond)
}

// record records what a change did, in the transaction of ctx. Either state is nil where there was nothing.
func (r *Registry) record(ctx context.Context, env environments.ID, name, target string, before, after any) error {
	changed, err := audit.Changed(before, after)
	if err != nil {
		return err
	}
	return r.Audit.Record(ctx, audit.Event{Name: name, Environment: string(env), Target: target, Data: changed})
}

func checkLimit(limit int) error {
	if limit < 1 || limit > 100 {
		return fault.Invalidf("limit", "limit %d must be 1 to 100", limit)
	}
	return nil
}

// Create makes an organization. Errors: fault.Invalid, one for each mistake; ErrSlugTaken.
func (r *Registry) Create(ctx context.Context, env environments.ID, in Settings) (*Organization, error) {
	now := r.now()
	o := &Organization{ID: ID(typeid.MustGenerate("org").String()), Environment: env, CreatedAt: now, UpdatedAt: now}
	in.Apply(o)
	if err := o.validate(); err != nil {
		return nil, err
	}
	err := r.InTx(ctx, func(ctx context.Context) error {
		if err := r.Store.CreateOrganization(ctx, o); err != nil {
			return err
		}
		return r.record(ctx, env, "organization.created", string(o.ID), nil, o.Settings())
	})
	if err != nil {
		return nil, fmt.Errorf("create organization %q: %w", o.Name, err)
	}
	return o, nil
}

// Update changes what people set of the organization. Errors: ErrNotFound; that of change; fault.Invalid, one for each
// mistake; ErrSlugTaken.
func (r *Registry) Update(ctx context.Context, env environments.ID, id ID, change func(*Organization) error) (*Organization, error) {
	var updated *Organization
	err := r.Store.UpdateOrganization(ctx, env, id, func(ctx context.Context, o *Organization) error {
		updated = o
		before, updatedAt := o.Settings(), o.UpdatedAt
		if err := change(o); err != nil {
			return err
		}
		if err := o.validate(); err != nil {
			return err
		}
		changed, err := audit.Changed(before, o.Settings())
		if err != nil || changed.Empty() {
			return err
		}
		o.UpdatedAt = r.later(updatedAt)
		return r.record(ctx, env, "organization.updated", string(id), before, o.Settings())
	})
	if err != nil {
		return nil, fmt.Errorf("update organization %s: %w", id, err)
	}
	return updated, nil
}

// Delete ends the sessions in the organization and removes it with its memberships. It returns ErrNotFound.
func (r *Registry) Delete(ctx context.Context, env environments.ID, id ID) error {
	err := r.InTx(ctx, func(ctx context.Context) error {
		o, err := r.Store.Organization(ctx, env, id)
		if err != nil {
			return err
		}
		if err := r.Sessions.EndMembership(ctx, env, id, ""); err != nil {
			return err
		}
		if err := r.Store.DeleteOrganization(ctx, env, id); err != nil {
			return err
		}
		return r.record(ctx, env, "organization.deleted", string(id), o.Settings(), nil)
	})
	if err != nil {
		return fmt.Errorf("delete organization %s: %w", id, err)
	}
	return nil
}

// List returns at most limit organizations, 1 to 100, in the order of their creation, after the given ID ("" from the start).
func (r *Registry) List(ctx context.Context, env environments.ID, after ID, limit int) ([]Organization, error) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	return r.Store.Organizations(ctx, env, after, limit)
}

// membershipState is what the record of events has of a membership.
type membershipState struct {
	Organization ID          `json:"organization_id"`
	User         identity.ID `json:"user_id"`
	MembershipSettings
}

func (m *Membership) state() membershipState {
	return membershipState{m.Organization, m.User, m.Settings()}
}

// AddMember makes the user an active member of the organization, with the roles. Errors: ErrNotFound, ErrIsMember,
// identity.ErrNotFound, UnknownRole.
func (r *Registry) AddMember(ctx context.Context, env environments.ID, organization ID, user identity.ID, roles ...string) (*Membership, error) {
	now := r.now()
	m := &Membership{
		ID: MembershipID(typeid.MustGenerate("mem").String()), Environment: env, Organization: organization, User: user,
		Roles: roles, State: Active, CreatedAt: now, UpdatedAt: now,
	}
	if err := m.validate(); err != nil {
		return nil, err
	}
	err := r.InTx(ctx, func(ctx context.Context) error {
		if err := r.Store.CreateMembership(ctx, m); err != nil {
			return err
		}
		return r.record(ctx, env, "membership.created", string(m.ID), nil, m.state())
	})
	if err != nil {
		return nil, fmt.Errorf("add %s to %s: %w", user, organization, err)
	}
	return m, nil
}

// UpdateMember changes roles and state of a membership. To deactivate it ends the user's sessions in the organization;
// what its roles give changes with the next use of every token that isn't read without asking here. Errors: ErrNoMembership;
// that of change; fault.Invalid; UnknownRole.
func (r *Registry) UpdateMember(ctx context.Context, env environments.ID, organization ID, id MembershipID, change func(*Membership) error) (*Membership, error) {
	var updated *Membership
	err := r.Store.UpdateMembership(ctx, env, organization, id, func(ctx context.Context, m *Membership) error {
		updated = m
		before := *m
		if err := change(m); err != nil {
			return err
		}
		if err := m.validate(); err != nil {
			return err
		}
		changed, err := audit.Changed(before.Settings(), m.Settings())
		if err != nil || changed.Empty() {
			return err
		}
		m.UpdatedAt = r.later(before.UpdatedAt)
		name := "membership.updated"
		switch {
		case before.State == Active && m.State == Deactivated:
			name = "membership.deactivated"
			if err := r.Sessions.EndMembership(ctx, env, m.Organization, m.User); err != nil {
				return err
			}
		case before.State == Deactivated && m.State == Active:
			name = "membership.reactivated"
		}
		return r.record(ctx, env, name, string(id), before.state(), m.state())
	})
	if err != nil {
		return nil, fmt.Errorf("update membership %s: %w", id, err)
	}
	return updated, nil
}

// SetState deactivates a membership or makes it active again, as UpdateMember does.
func (r *Registry) SetState(ctx context.Context, env environments.ID, organization ID, id MembershipID, state State) (*Membership, error) {
	return r.UpdateMember(ctx, env, organization, id, func(m *Membership) error {
		m.State = state
		return nil
	})
}

// RemoveMember ends the user's sessions in the organization and removes her membership. It returns ErrNoMembership.
func (r *Registry) RemoveMember(ctx context.Context, env environments.ID, organization ID, id MembershipID) error {
	err := r.InTx(ctx, func(ctx context.Context) error {
		m, err := r.Store.DeleteMembership(ctx, env, organization, id)
		if err != nil {
			return err
		}
		if err := r.Sessions.EndMembership(ctx, env, m.Organization, m.User); err != nil {
			return err
		}
		return r.record(ctx, env, "membership.deleted", string(id), m.state(), nil)
	})
	if err != nil {
		return fmt.Errorf("remove membership %s: %w", id, err)
	}
	return nil
}

// Members returns at most limit memberships of the organization, 1 to 100, in the order of their creation, after the given ID ("" from
// the start). It returns ErrNotFound for an unknown organization.
func (r *Registry) Members(ctx context.Context, env environments.ID, organization ID, after MembershipID, limit int) ([]Listed, error) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	page, err := r.Store.Memberships(ctx, env, organization, after, limit)
	if err == nil && len(page) == 0 {
		_, err = r.Store.Organization(ctx, env, organization)
	}
	return page, err
}

// MembershipsOf returns the memberships of the user, active or not, by the names of the organizations.
func (r *Registry) MembershipsOf(ctx context.Context, env environments.ID, user identity.ID) ([]Listed, error) {
	return r.Store.MembershipsOfUser(ctx, env, user)
}

// CreateRole makes a role. Errors: fault.Invalid, one for each mistake; ErrRoleTaken.
func (r *Registry) CreateRole(ctx context.Context, env environments.ID, in RoleSettings) (*Role, error) {
	return r.DeclareRole(ctx, env, in, "")
}

// DeclareRole makes a role as CreateRole does, managed by whoever declares it.
func (r *Registry) DeclareRole(ctx context.Context, env environments.ID, in RoleSettings, by environments.Manager) (*Role, error) {
	now := r.now()
	role := &Role{ID: RoleID(typeid.MustGenerate("rol").String()), Environment: env, ManagedBy: by, CreatedAt: now, UpdatedAt: now}
	in.Apply(role)
	if err := role.validate(); err != nil {
		return nil, err
	}
	err := r.InTx(ctx, func(ctx context.Context) error {
		if err := r.Store.CreateRole(ctx, role); err != nil {
			return err
		}
		return r.record(ctx, env, "role.created", string(role.ID), nil, role.state())
	})
	if err != nil {
		return nil, fmt.Errorf("create role %s: %w", role.Name, err)
	}
	return role, nil
}

// UpdateRole changes the role for everybody who has it. Errors: ErrNoRole; that of change; fault.Invalid, one for each
// mistake, among them another name.
func (r *Registry) UpdateRole(ctx context.Context, env environments.ID, id RoleID, change func(*Role) error) (*Role, error) {
	var updated *Role
	err := r.Store.UpdateRole(ctx, env, id, func(ctx context.Context, role *Role) error {
		updated = role
		before, updatedAt := role.state(), role.UpdatedAt
		if err := change(role); err != nil {
			return err
		}
		if role.Name != before.Name {
			return fault.Invalidf("name", "name can't be changed, as applications know the role by it: create another role")
		}
		if err := role.validate(); err != nil {
			return err
		}
		changed, err := audit.Changed(before, role.state())
		if err != nil || changed.Empty() {
			return err
		}
		role.UpdatedAt = r.later(updatedAt)
		return r.record(ctx, env, "role.updated", string(id), before, role.state())
	})
	if err != nil {
		return nil, fmt.Errorf("update role %s: %w", id, err)
	}
	return updated, nil
}

// DeleteRole takes the role away from everybody who has it, and removes it. It returns ErrNoRole.
func (r *Registry) DeleteRole(ctx context.Context, env environments.ID, id RoleID) error {
	err := r.InTx(ctx, func(ctx context.Context) error {
		role, err := r.Store.DeleteRole(ctx, env, id)
		if err != nil {
			return err
		}
		return r.record(ctx, env, "role.deleted", string(id), role.state(), nil)
	})
	if err != nil {
		return fmt.Errorf("delete role %s: %w", id, err)
	}
	return nil
}

// Roles returns at most limit roles, 1 to 100, in the order of their creation, after the given ID ("" from the start).
func (r *Registry) Roles(ctx context.Context, env environments.ID, after RoleID, limit int) ([]Role, error) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	return r.Store.Roles(ctx, env, after, limit)
}
