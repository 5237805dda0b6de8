package organizations_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

// house is a Registry on a database. Its clock stands still until it is moved.
type house struct {
	organizations.Registry
	t      *testing.T
	db     *storage.DB
	env    environments.ID
	now    time.Time
	events []audit.Event
	ended  []string // organization and user of EndMembership
	fails  error    // what EndMembership returns
}

// AppendEvent implements audit.Store.
func (h *house) AppendEvent(ctx context.Context, e audit.Event) error {
	h.events = append(h.events, e)
	return storage.Events{DB: h.db}.AppendEvent(ctx, e)
}

// EndMembership implements organizations.SessionEnder.
func (h *house) EndMembership(_ context.Context, _ environments.ID, organization organizations.ID, user identity.ID) error {
	h.ended = append(h.ended, strings.TrimSpace(fmt.Sprintf("%s %s", organization, user)))
	return h.fails
}

func build(t *testing.T, db *storage.DB) *house {
	h := &house{t: t, db: db, now: time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC)}
	now := func() time.Time { return h.now }
	h.Registry = organizations.Registry{Store: storage.Organizations{DB: db}, Audit: &audit.Log{Store: h, Now: now}, Sessions: h, InTx: db.InTx, Now: now}
	tenants := &environments.Registry{Store: storage.Environments{DB: db}, Audit: h.Audit, InTx: db.InTx, Now: now}
	env, err := tenants.Create(t.Context(), environments.New{Slug: "house", Name: "House", Root: true}, func(context.Context, *environments.Environment) error { return nil })
	h.check(err)
	h.env, h.events = env.ID, nil
	return h
}

func (h *house) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) user(email string) identity.ID {
	h.t.Helper()
	id := identity.ID("usr_" + email)
	h.check(storage.Users{DB: h.db}.CreateUser(h.t.Context(), &identity.User{ID: id, Environment: h.env, Email: email, Status: identity.Active, CreatedAt: h.now, UpdatedAt: h.now}))
	return id
}

// happened holds the house to the events since the last call: each its name and what it says of the change.
func (h *house) happened(want ...string) {
	h.t.Helper()
	var got []string
	for _, e := range h.events {
		data, err := json.Marshal(e.Data)
		h.check(err)
		if e.Environment != string(h.env) || e.Target == "" {
			h.t.Errorf("%s is about %q in %q", e.Name, e.Target, e.Environment)
		}
		got = append(got, e.Name+" "+string(data))
	}
	h.events = nil
	if diff := cmp.Diff(want, got); diff != "" {
		h.t.Errorf("events (-want +got):\n%s", diff)
	}
}

// Acceptance 79: every change to an organization is an event, with what was before and after.
func TestChangesAreEvents(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		h, ctx := build(t, db), t.Context()
		admin, err := h.CreateRole(ctx, h.env, organizations.RoleSettings{Name: "admin", Permissions: []string{"b", "a", "b"}})
		h.check(err)
		h.happened(`role.created {"after":{"description":"","name":"admin","permissions":["a","b"]}}`)
		acme, err := h.Create(ctx, h.env, organizations.Settings{Name: "Acme", Metadata: map[string]string{"plan": "small"}})
		h.check(err)
		h.happened(`organization.created {"after":{"metadata":{"plan":"small"},"name":"Acme","slug":""}}`)
		ada := h.user("ada@example.com")
		m, err := h.AddMember(ctx, h.env, acme.ID, ada, "admin", "admin")
		h.check(err)
		h.happened(fmt.Sprintf(`membership.created {"after":{"organization_id":%q,"roles":["admin"],"state":"active","user_id":%q}}`, acme.ID, ada))

		h.now = h.now.Add(time.Hour)
		acme, err = h.Update(ctx, h.env, acme.ID, func(o *organizations.Organization) error { o.Slug = "acme"; return nil })
		h.check(err)
		if acme.UpdatedAt != h.now || acme.CreatedAt == h.now {
			t.Errorf("created %s, updated %s", acme.CreatedAt, acme.UpdatedAt)
		}
		h.happened(`organization.updated {"before":{"slug":""},"after":{"slug":"acme"}}`)
		_, err = h.Update(ctx, h.env, acme.ID, func(*organizations.Organization) error { return nil })
		h.check(err)
		h.happened()
		_, err = h.UpdateRole(ctx, h.env, admin.ID, func(r *organizations.Role) error { r.Permissions = []string{"c"}; return nil })
		h.check(err)
		h.happened(`role.updated {"before":{"permissions":["a","b"]},"after":{"permissions":["c"]}}`)

		// Acceptance 45.
		m, err = h.SetState(ctx, h.env, acme.ID, m.ID, organizations.Deactivated)
		h.check(err)
		h.happened(`membership.deactivated {"before":{"state":"active"},"after":{"state":"deactivated"}}`)
		_, err = h.UpdateMember(ctx, h.env, acme.ID, m.ID, func(m *organizations.Membership) error { m.Roles = nil; return nil })
		h.check(err)
		h.happened(`membership.updated {"before":{"roles":["admin"]},"after":{"roles":[]}}`)
		_, err = h.SetState(ctx, h.env, acme.ID, m.ID, organizations.Active)
		h.check(err)
		h.happened(`membership.reactivated {"before":{"state":"deactivated"},"after":{"state":"active"}}`)
		h.check(h.RemoveMember(ctx, h.env, acme.ID, m.ID))
		h.happened(fmt.Sprintf(`membership.deleted {"before":{"organization_id":%q,"roles":[],"state":"active","user_id":%q}}`, acme.ID, ada))
		h.check(h.DeleteRole(ctx, h.env, admin.ID))
		h.happened(`role.deleted {"before":{"description":"","name":"admin","permissions":["c"]}}`)
		h.check(h.Delete(ctx, h.env, acme.ID))
		h.happened(`organization.deleted {"before":{"metadata":{"plan":"small"},"name":"Acme","slug":"acme"}}`)
		want := []string{string(acme.ID) + " " + string(ada), string(acme.ID) + " " + string(ada), string(acme.ID)}
		if diff := cmp.Diff(want, h.ended); diff != "" {
			t.Errorf("ended (-want +got):\n%s", diff)
		}
	})
}

// A membership stays as it is if the sessions can't be ended.
func TestEndingIsPartOfTheChange(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		h, ctx := build(t, db), t.Context()
		acme, err := h.Create(ctx, h.env, organizations.Settings{Name: "Acme"})
		h.check(err)
		ada := h.user("ada@example.com")
		m, err := h.AddMember(ctx, h.env, acme.ID, ada)
		h.check(err)
		h.fails = errors.New("no")
		if _, err := h.SetState(ctx, h.env, acme.ID, m.ID, organizations.Deactivated); !errors.Is(err, h.fails) {
			t.Errorf("SetState = %v, want %v", err, h.fails)
		}
		if err := h.RemoveMember(ctx, h.env, acme.ID, m.ID); !errors.Is(err, h.fails) {
			t.Errorf("RemoveMember = %v, want %v", err, h.fails)
		}
		if err := h.Delete(ctx, h.env, acme.ID); !errors.Is(err, h.fails) {
			t.Errorf("Delete = %v, want %v", err, h.fails)
		}
		got, err := h.MembershipsOf(ctx, h.env, ada)
		h.check(err)
		want := []organizations.Listed{{Membership: *m, OrganizationName: "Acme", Email: "ada@example.com"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("MembershipsOf (-want +got):\n%s", diff)
		}
	})
}

func repeated(n int) map[string]string {
	all := map[string]string{}
	for i := range n {
		all[fmt.Sprint("key", i)] = ""
	}
	return all
}

// TestLimits crosses each limit of what people can set.
func TestLimits(t *testing.T) {
	h, ctx := build(t, storagetest.Open(t, storagetest.SQLiteURL(t))), t.Context()
	long := strings.Repeat("é", 100)
	for _, test := range []struct {
		in     organizations.Settings
		fields string // of the mistakes; "" for none
	}{
		{organizations.Settings{Name: long, Slug: "a1"}, ""},
		{organizations.Settings{Name: "A", Metadata: repeated(50)}, ""},
		{organizations.Settings{Name: "A", Metadata: map[string]string{strings.Repeat("k", 64): strings.Repeat("v", 500)}}, ""},
		{organizations.Settings{}, "name"},
		{organizations.Settings{Name: long + "é"}, "name"},
		{organizations.Settings{Name: " Acme"}, "name"},
		{organizations.Settings{Name: "Ac\u202eme"}, "name"},
		{organizations.Settings{Name: "Ac\xffme"}, "name"},
		{organizations.Settings{Name: "A", Slug: "a"}, "slug"},
		{organizations.Settings{Name: "A", Slug: "Acme"}, "slug"},
		{organizations.Settings{Name: "A", Slug: "acme-"}, "slug"},
		{organizations.Settings{Name: "A", Slug: strings.Repeat("a", 41)}, "slug"},
		{organizations.Settings{Name: "A", Metadata: repeated(51)}, "metadata"},
		{organizations.Settings{Name: "A", Metadata: map[string]string{"": "", "long": strings.Repeat("v", 501)}}, "metadata metadata/long"},
		{organizations.Settings{Slug: "-"}, "name slug"},
	} {
		_, err := h.Create(ctx, h.env, test.in)
		if got := fieldsOf(err); got != test.fields {
			t.Errorf("Create(%.60v) blames %q, want %q: %v", test.in, got, test.fields, err)
		}
	}
	many := func(n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf("p%03d", i))
		}
		return all
	}
	for i, test := range []struct {
		in     organizations.RoleSettings
		fields string
	}{
		{organizations.RoleSettings{Name: strings.Repeat("a", 64), Permissions: []string{"A-z_0.9:/*", strings.Repeat("p", 128)}}, ""},
		{organizations.RoleSettings{Name: "org:Admin", Permissions: many(200), Description: strings.Repeat("é", 500)}, ""},
		{organizations.RoleSettings{}, "name"},
		{organizations.RoleSettings{Name: strings.Repeat("a", 65)}, "name"},
		{organizations.RoleSettings{Name: "two words"}, "name"},
		{organizations.RoleSettings{Name: ":admin"}, "name"},
		{organizations.RoleSettings{Name: "admin\n"}, "name"},
		{organizations.RoleSettings{Name: "r", Permissions: []string{"", "a b", "a\nb", strings.Repeat("p", 129), "ok"}}, "permissions/0 permissions/1 permissions/2 permissions/3"},
		{organizations.RoleSettings{Name: "r", Permissions: many(201)}, "permissions"},
		{organizations.RoleSettings{Name: "r", Description: strings.Repeat("é", 501)}, "description"},
	} {
		_, err := h.CreateRole(ctx, h.env, test.in)
		if got := fieldsOf(err); got != test.fields {
			t.Errorf("CreateRole of case %d blames %q, want %q: %v", i, got, test.fields, err)
		}
	}
	_, err := h.CreateRole(ctx, h.env, organizations.RoleSettings{Name: "org:Admin"})
	if !errors.Is(err, organizations.ErrRoleTaken) {
		t.Errorf("CreateRole with a name that is taken: %v", err)
	}
	all, err := h.Roles(ctx, h.env, "", 100)
	h.check(err)
	_, err = h.UpdateRole(ctx, h.env, all[0].ID, func(r *organizations.Role) error { r.Name = "renamed"; return nil })
	if got := fieldsOf(err); got != "name" {
		t.Errorf("UpdateRole to another name blames %q: %v", got, err)
	}

	acme, err := h.Create(ctx, h.env, organizations.Settings{Name: "Acme"})
	h.check(err)
	ada := h.user("ada@example.com")
	if _, err := h.AddMember(ctx, h.env, acme.ID, ada, "unknown"); fieldsOf(err) != "roles" {
		t.Errorf("AddMember with an unknown role: %v", err)
	}
	if _, err := h.AddMember(ctx, h.env, acme.ID, ada, many(21)...); fieldsOf(err) != "roles" {
		t.Errorf("AddMember with 21 roles: %v", err)
	}
	m, err := h.AddMember(ctx, h.env, acme.ID, ada)
	h.check(err)
	if _, err := h.SetState(ctx, h.env, acme.ID, m.ID, "away"); fieldsOf(err) != "state" {
		t.Errorf("SetState to an unknown state: %v", err)
	}
	for _, limit := range []int{0, 101} { // acceptance 82
		_, organizationsErr := h.List(ctx, h.env, "", limit)
		_, membersErr := h.Members(ctx, h.env, acme.ID, "", limit)
		_, rolesErr := h.Roles(ctx, h.env, "", limit)
		for _, err := range []error{organizationsErr, membersErr, rolesErr} {
			if fieldsOf(err) != "limit" {
				t.Errorf("a list of %d: %v", limit, err)
			}
		}
	}
	if _, err := h.Members(ctx, h.env, "org_unknown", "", 10); !errors.Is(err, organizations.ErrNotFound) {
		t.Errorf("members of an unknown organization: %v", err)
	}
}

// fieldsOf are the fields that the mistakes blame.
func fieldsOf(err error) string {
	var fields []string
	for _, f := range fault.All(err) {
		fields = append(fields, f.Field)
	}
	return strings.Join(fields, " ")
}
