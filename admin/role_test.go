package admin_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/admin"
)

// What each role may do beyond the one before it (acceptance 81).
func TestCan(t *testing.T) {
	want := map[admin.Role][]admin.Permission{
		admin.Viewer: {
			admin.ReadApplications, admin.ReadEnvironments, admin.ReadEvents, admin.ReadKeys, admin.ReadOrganizations, admin.ReadSessions, admin.ReadSettings, admin.ReadUsers,
		},
		admin.Support: {admin.EndSessions, admin.WriteUsers},
		admin.Admin:   {admin.WriteApplications, admin.CreateEnvironments, admin.WriteKeys, admin.ReadOperators, admin.WriteEmails, admin.WriteOrganizations, admin.WriteSettings},
		admin.Owner:   {admin.WriteOperators},
	}
	got := map[admin.Role][]admin.Permission{}
	for i, role := range admin.Roles() {
		for _, p := range admin.Permissions() {
			can := admin.Can(role, p)
			if i > 0 && admin.Can(admin.Roles()[i-1], p) {
				if !can {
					t.Errorf("%s may not %s, which %s may", role, p, admin.Roles()[i-1])
				}
				continue
			}
			if can {
				got[role] = append(got[role], p)
				if admin.Needs(p) != role {
					t.Errorf("Needs(%s) = %s, want %s", p, admin.Needs(p), role)
				}
			}
		}
		slices.Sort(got[role])
		slices.Sort(want[role])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what each role adds (-want +got):\n%s", diff)
	}
}

func TestCanOfTheUnknown(t *testing.T) {
	for _, test := range []struct {
		role admin.Role
		p    admin.Permission
	}{{"", admin.ReadUsers}, {"root", admin.ReadUsers}, {"Owner", admin.ReadUsers}, {admin.Owner, ""}, {admin.Owner, "users:delete"}, {"", ""}} {
		if admin.Can(test.role, test.p) {
			t.Errorf("Can(%q, %q) = true", test.role, test.p)
		}
	}
}
