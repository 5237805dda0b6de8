package storage_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

func TestOrganizations(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, elsewhere, store := t.Context(), build(t, db), build(t, db), storage.Organizations{DB: db}
		o := filled[organizations.Organization](t)
		o.ID, o.Environment = organizations.ID(newID("org")), h.env
		must(t, store.CreateOrganization(ctx, &o))
		got, err := store.Organization(ctx, h.env, o.ID)
		must(t, err)
		wantEqual(t, "Organization", got, &o)
		_, err = store.Organization(ctx, elsewhere.env, o.ID)
		wantErr(t, "Organization of another environment", err, organizations.ErrNotFound) // acceptance 8

		same := o
		same.ID = organizations.ID(newID("org"))
		wantErr(t, "CreateOrganization with a slug that is taken", store.CreateOrganization(ctx, &same), organizations.ErrSlugTaken)
		same.Environment = elsewhere.env
		must(t, store.CreateOrganization(ctx, &same))

		want := []organizations.Organization{o}
		for i := range 4 {
			want = append(want, *h.newOrganization(t, fmt.Sprint("Organization ", i))) // none has a slug
		}
		wantErr(t, "UpdateOrganization to a slug that is taken", store.UpdateOrganization(ctx, h.env, want[1].ID, func(_ context.Context, o *organizations.Organization) error {
			o.Slug = want[0].Slug
			return nil
		}), organizations.ErrSlugTaken)
		must(t, store.UpdateOrganization(ctx, h.env, want[1].ID, func(_ context.Context, o *organizations.Organization) error {
			o.Name, o.Slug, o.Metadata, o.UpdatedAt = "Renamed", "renamed", map[string]string{"plan": "small"}, morning.Add(time.Hour)
			want[1] = *o
			return nil
		}))
		wantErr(t, "UpdateOrganization of another environment", store.UpdateOrganization(ctx, elsewhere.env, o.ID, nil), organizations.ErrNotFound)

		var pages []organizations.Organization
		for after := organizations.ID(""); ; {
			page, err := store.Organizations(ctx, h.env, after, 2)
			must(t, err)
			if len(page) == 0 {
				break
			}
			pages, after = append(pages, page...), page[len(page)-1].ID
		}
		wantEqual(t, "Organizations by pages", pages, want)

		got, err = store.OrganizationBySlug(ctx, h.env, o.Slug)
		must(t, err)
		wantEqual(t, "OrganizationBySlug", got.ID, o.ID)
		got, err = store.OrganizationBySlug(ctx, elsewhere.env, o.Slug)
		must(t, err)
		wantEqual(t, "OrganizationBySlug of another environment", got.ID, same.ID)

		m := h.newMember(t, &o, h.user)
		wantErr(t, "DeleteOrganization of another environment", store.DeleteOrganization(ctx, elsewhere.env, o.ID), organizations.ErrNotFound)
		must(t, store.DeleteOrganization(ctx, h.env, o.ID))
		wantErr(t, "DeleteOrganization again", store.DeleteOrganization(ctx, h.env, o.ID), organizations.ErrNotFound)
		_, err = store.DeleteMembership(ctx, h.env, o.ID, m.ID)
		wantErr(t, "DeleteMembership after its organization", err, organizations.ErrNoMembership)
	})
}

func TestMemberships(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, elsewhere, store := t.Context(), build(t, db), build(t, db), storage.Organizations{DB: db}
		for _, name := range []string{"admin", "member", "viewer"} {
			h.newRole(t, name)
		}
		acme, blue := h.newOrganization(t, "Acme"), h.newOrganization(t, "Blue Harbor")
		theirs := elsewhere.newOrganization(t, "Acme")
		elsewhere.newRole(t, "owner")
		grace := h.newUser(t, "grace@example.com")

		m := filled[organizations.Membership](t)
		m.ID, m.Environment, m.Organization, m.User = organizations.MembershipID(newID("mem")), h.env, blue.ID, h.user.ID
		m.Roles, m.State = []string{"admin", "viewer"}, organizations.Deactivated
		must(t, store.CreateMembership(ctx, &m))
		got, err := store.MembershipOf(ctx, h.env, blue.ID, h.user.ID)
		must(t, err)
		wantEqual(t, "MembershipOf", got, &m)

		for _, test := range []struct {
			name   string
			change func(*organizations.Membership)
			want   error
		}{
			{"a member", func(*organizations.Membership) {}, organizations.ErrIsMember},
			{"an unknown organization", func(m *organizations.Membership) { m.Organization = organizations.ID(newID("org")) }, organizations.ErrNotFound},
			{"another environment's organization", func(m *organizations.Membership) { m.Organization = theirs.ID }, organizations.ErrNotFound}, // acceptance 8
			{"another environment's user", func(m *organizations.Membership) { m.Organization, m.User = acme.ID, elsewhere.user.ID }, identity.ErrNotFound},
			{"another environment's role", func(m *organizations.Membership) { m.Organization, m.Roles = acme.ID, []string{"owner"} }, organizations.UnknownRole("owner")},
		} {
			n := m
			n.ID = organizations.MembershipID(newID("mem"))
			test.change(&n)
			wantErr(t, "CreateMembership of "+test.name, store.CreateMembership(ctx, &n), test.want)
		}

		adas := h.newMember(t, acme, h.user)
		graces := h.newMember(t, acme, grace, "member")
		must(t, store.UpdateMembership(ctx, h.env, acme.ID, graces.ID, func(_ context.Context, m *organizations.Membership) error {
			m.Roles, m.State, m.UpdatedAt = []string{"admin", "viewer"}, organizations.Deactivated, morning.Add(time.Hour)
			*graces = *m
			return nil
		}))
		failed := errors.New("no")
		wantErr(t, "UpdateMembership", store.UpdateMembership(ctx, h.env, acme.ID, graces.ID, func(_ context.Context, m *organizations.Membership) error {
			m.Roles = nil
			return failed
		}), failed)
		wantErr(t, "UpdateMembership of another organization", store.UpdateMembership(ctx, h.env, blue.ID, graces.ID, nil), organizations.ErrNoMembership)
		wantErr(t, "UpdateMembership of another environment", store.UpdateMembership(ctx, elsewhere.env, acme.ID, graces.ID, nil), organizations.ErrNoMembership)

		named := func(o *organizations.Organization, m *organizations.Membership, u *identity.User) organizations.Listed {
			return organizations.Listed{Membership: *m, OrganizationName: o.Name, Email: u.Email, UserName: u.Profile.Name}
		}
		all, err := store.MembershipsOfUser(ctx, h.env, h.user.ID)
		must(t, err)
		wantEqual(t, "MembershipsOfUser", all, []organizations.Listed{named(acme, adas, h.user), named(blue, &m, h.user)})
		all, err = store.MembershipsOfUser(ctx, elsewhere.env, h.user.ID)
		must(t, err)
		wantEqual(t, "MembershipsOfUser of another environment", all, nil)
		one, err := store.Membership(ctx, h.env, blue.ID, m.ID)
		must(t, err)
		wantEqual(t, "Membership", *one, named(blue, &m, h.user))
		_, err = store.Membership(ctx, h.env, acme.ID, m.ID)
		wantErr(t, "Membership of another organization", err, organizations.ErrNoMembership)
		_, err = store.Membership(ctx, elsewhere.env, blue.ID, m.ID)
		wantErr(t, "Membership of another environment", err, organizations.ErrNoMembership)
		all, err = store.Memberships(ctx, h.env, acme.ID, "", 1)
		must(t, err)
		wantEqual(t, "Memberships", all, []organizations.Listed{named(acme, adas, h.user)})
		all, err = store.Memberships(ctx, h.env, acme.ID, adas.ID, 10)
		must(t, err)
		wantEqual(t, "Memberships after the first", all, []organizations.Listed{named(acme, graces, grace)})

		removed, err := store.DeleteMembership(ctx, h.env, acme.ID, graces.ID)
		must(t, err)
		wantEqual(t, "DeleteMembership", removed, graces)
		_, err = store.MembershipOf(ctx, h.env, acme.ID, grace.ID)
		wantErr(t, "MembershipOf after the removal", err, organizations.ErrNoMembership)
	})
}

func TestRoles(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, elsewhere, store := t.Context(), build(t, db), build(t, db), storage.Organizations{DB: db}
		admin := h.newRole(t, "admin", "invoices:read", "invoices:write")
		viewer := h.newRole(t, "viewer")
		again := *admin
		again.ID = organizations.RoleID(newID("rol"))
		wantErr(t, "CreateRole with a name that is taken", store.CreateRole(ctx, &again), organizations.ErrRoleTaken)
		again.Environment = elsewhere.env
		must(t, store.CreateRole(ctx, &again))

		must(t, store.UpdateRole(ctx, h.env, viewer.ID, func(_ context.Context, r *organizations.Role) error {
			r.Description, r.Permissions, r.UpdatedAt = "Looks", []string{"invoices:read"}, morning.Add(time.Hour)
			*viewer = *r
			return nil
		}))
		wantErr(t, "UpdateRole of another environment", store.UpdateRole(ctx, elsewhere.env, viewer.ID, nil), organizations.ErrNoRole)
		all, err := store.Roles(ctx, h.env, "", 10)
		must(t, err)
		wantEqual(t, "Roles", all, []organizations.Role{*admin, *viewer})
		all, err = store.Roles(ctx, h.env, admin.ID, 10)
		must(t, err)
		wantEqual(t, "Roles after the first", all, []organizations.Role{*viewer})

		acme := h.newOrganization(t, "Acme")
		h.newMember(t, acme, h.user, "admin", "viewer")
		removed, err := store.DeleteRole(ctx, h.env, admin.ID)
		must(t, err)
		wantEqual(t, "DeleteRole", removed, admin)
		_, err = store.Role(ctx, h.env, admin.ID)
		wantErr(t, "Role after its removal", err, organizations.ErrNoRole)
		_, err = store.Role(ctx, elsewhere.env, again.ID)
		must(t, err)
		m, err := store.MembershipOf(ctx, h.env, acme.ID, h.user.ID)
		must(t, err)
		wantEqual(t, "roles of the member", m.Roles, []string{"viewer"})
	})
}

// TestPosition: what tokens say of an organization is what the membership says in the same statement (acceptance 12, 55).
func TestPosition(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Organizations{DB: db}
		admin := h.newRole(t, "admin", "invoices:read", "invoices:write")
		h.newRole(t, "viewer", "invoices:read", "reports:*")
		h.newRole(t, "guest")
		acme := h.newOrganization(t, "Acme")
		m := h.newMember(t, acme, h.user, "admin", "guest", "viewer")
		h.newMember(t, h.newOrganization(t, "Blue Harbor"), h.user, "admin")
		s := *h.session
		s.ID, s.Organization = sessions.ID(newID("ses")), acme.ID
		must(t, storage.Sessions{DB: db}.CreateSession(ctx, &s))
		grant, code := h.newGrant(t, &s, morning)
		alone, _ := h.newGrant(t, h.session, morning)
		chain := newChain(grant, morning)
		g := storage.Grants{DB: db}
		must(t, g.Redeem(ctx, h.env, code.Hash, morning, chain))

		check := func(name string, want *organizations.Position) {
			t.Helper()
			for path, read := range map[string]func(context.Context) (*grants.State, error){
				"Code": func(ctx context.Context) (*grants.State, error) {
					_, s, err := g.Code(ctx, h.env, code.Hash)
					return s, err
				},
				"Chain": func(ctx context.Context) (*grants.State, error) {
					_, s, err := g.Chain(ctx, h.env, chain.ID)
					return s, err
				},
				"State": func(ctx context.Context) (*grants.State, error) {
					s, _, err := g.State(ctx, h.env, grant.ID, grants.Serial{})
					return s, err
				},
				"Standing": func(ctx context.Context) (*grants.State, error) {
					s, _, err := g.Standing(ctx, h.env, grant.ID, grants.Serial{})
					return s, err
				},
			} {
				ctx, counter := storage.WithCounter(ctx)
				state, err := read(ctx)
				must(t, err)
				wantEqual(t, path+" "+name, state.Position, want)
				wantEqual(t, path+": organization", state.Session.Organization, acme.ID)
				wantEqual(t, path+": statements", len(counter.Statements()), 1)
			}
			positions, err := store.Positions(ctx, h.env, h.user.ID)
			must(t, err)
			i := slices.IndexFunc(positions, func(p organizations.Position) bool { return p.Organization == acme.ID })
			switch {
			case i >= 0:
				wantEqual(t, "Positions "+name, &positions[i], want)
			case want != nil:
				t.Errorf("Positions %s: none in %s", name, acme.ID)
			}
		}
		change := func(change func(*organizations.Membership)) {
			must(t, store.UpdateMembership(ctx, h.env, acme.ID, m.ID, func(_ context.Context, m *organizations.Membership) error {
				change(m)
				return nil
			}))
		}
		check("with three roles", positionIn(acme, organizations.Position{Roles: []string{"admin", "guest", "viewer"}, Permissions: []string{"invoices:read", "invoices:write", "reports:*"}}))
		must(t, store.UpdateRole(ctx, h.env, admin.ID, func(_ context.Context, r *organizations.Role) error {
			r.Permissions = slices.Concat(r.Permissions, []string{"members:*"})
			return nil
		}))
		change(func(m *organizations.Membership) { m.Roles = []string{"admin"} })
		check("after a role changed", positionIn(acme, organizations.Position{Roles: []string{"admin"}, Permissions: []string{"invoices:read", "invoices:write", "members:*"}}))
		change(func(m *organizations.Membership) { m.Roles = []string{"guest"} })
		check("with a role without permissions", positionIn(acme, organizations.Position{Roles: []string{"guest"}}))
		change(func(m *organizations.Membership) { m.Roles = nil })
		check("without roles", positionIn(acme, organizations.Position{}))
		change(func(m *organizations.Membership) { m.State = organizations.Deactivated })
		check("deactivated", nil)
		must(t, store.DeleteOrganization(ctx, h.env, acme.ID))
		check("after the organization", nil)

		state, _, err := g.State(ctx, h.env, alone.ID, grants.Serial{})
		must(t, err)
		wantEqual(t, "position of a session in no organization", state.Position, nil)
	})
}

// positionIn completes a position with what it tells of the organization.
func positionIn(o *organizations.Organization, p organizations.Position) *organizations.Position {
	p.Organization, p.Name, p.Slug = o.ID, o.Name, o.Slug
	p.Metadata, _ = json.Marshal(o.Metadata)
	return &p
}
