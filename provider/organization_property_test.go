package provider_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/server/servertest"
)

// belonging drives memberships and sessions of one user beside a model of them.
type belonging struct {
	t      *rapid.T
	tb     testing.TB
	i      *servertest.Installation
	client servertest.Client
	user   *identity.User

	organizations []organizations.ID
	roles         map[string]*organizations.Role
	memberships   map[organizations.ID]*organizations.Membership
	sessions      []*modelMember
}

// modelMember is a session: in which organization, and its tokens.
type modelMember struct {
	organization    organizations.ID
	ended           bool
	access, refresh string
}

func (b *belonging) must(err error) {
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *belonging) organization() organizations.ID {
	return rapid.SampledFrom(b.organizations).Draw(b.t, "organization")
}

func (b *belonging) someRoles() []string {
	return rapid.SampledFrom([][]string{nil, {"admin"}, {"viewer"}, {"admin", "viewer"}}).Draw(b.t, "roles")
}

func (b *belonging) session() *modelMember {
	if len(b.sessions) == 0 {
		b.t.Skip("no session yet")
	}
	return rapid.SampledFrom(b.sessions).Draw(b.t, "session")
}

func (b *belonging) active(id organizations.ID) bool {
	m := b.memberships[id]
	return m != nil && m.State == organizations.Active
}

func (b *belonging) signIn(*rapid.T) {
	if len(b.sessions) == 4 {
		b.t.Skip("enough sessions")
	}
	var parameters url.Values
	var in organizations.ID
	for _, id := range b.organizations {
		if b.active(id) && (in == "" || rapid.Bool().Draw(b.t, "the other")) {
			in = id
			parameters = url.Values{"organization_id": {string(id)}}
		}
	}
	r := b.i.Redeem(b.tb, b.client, b.i.NewBrowser(b.tb).Code(b.i, b.client, b.user.Email, "openid offline_access", parameters))
	b.sessions = append(b.sessions, &modelMember{organization: in, access: r.String("access_token"), refresh: r.String("refresh_token")})
}

func (b *belonging) join(*rapid.T) {
	id := b.organization()
	if b.memberships[id] != nil {
		b.t.Skip("a member already")
	}
	m, err := b.i.Organizations.AddMember(b.tb.Context(), b.i.Environment.ID, id, b.user.ID, b.someRoles()...)
	b.must(err)
	b.memberships[id] = m
}

func (b *belonging) change(*rapid.T) {
	id := b.organization()
	if b.memberships[id] == nil {
		b.t.Skip("no member")
	}
	roles, state := b.someRoles(), rapid.SampledFrom([]organizations.State{organizations.Active, organizations.Active, organizations.Deactivated}).Draw(b.t, "state")
	m, err := b.i.Organizations.UpdateMember(b.tb.Context(), b.i.Environment.ID, id, b.memberships[id].ID, func(m *organizations.Membership) error {
		m.Roles, m.State = roles, state
		return nil
	})
	b.must(err)
	b.memberships[id] = m
	if state == organizations.Deactivated {
		b.leave(id)
	}
}

func (b *belonging) remove(*rapid.T) {
	id := b.organization()
	if b.memberships[id] == nil {
		b.t.Skip("no member")
	}
	b.must(b.i.Organizations.RemoveMember(b.tb.Context(), b.i.Environment.ID, id, b.memberships[id].ID))
	delete(b.memberships, id)
	b.leave(id)
}

// leave ends the sessions in the organization (acceptance 45).
func (b *belonging) leave(id organizations.ID) {
	for _, s := range b.sessions {
		s.ended = s.ended || s.organization == id
	}
}

func (b *belonging) permit(*rapid.T) {
	name := rapid.SampledFrom([]string{"admin", "viewer"}).Draw(b.t, "role")
	permissions := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a:read", "a:write", "b:*"}), 0, 3, rapid.ID).Draw(b.t, "permissions")
	role, err := b.i.Organizations.UpdateRole(b.tb.Context(), b.i.Environment.ID, b.roles[name].ID, func(r *organizations.Role) error {
		r.Permissions = permissions
		return nil
	})
	b.must(err)
	b.roles[name] = role
}

// refreshed is acceptance 15: to switch is refused unless she is an active member, and then changes nothing.
func (b *belonging) refreshed(*rapid.T) {
	s := b.session()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.refresh}}
	to := s.organization
	if rapid.Bool().Draw(b.t, "switch") {
		to = b.organization()
		form.Set("organization_id", string(to))
	}
	r := b.i.Call(b.tb, b.client, "/oauth2/token", form)
	switch {
	case s.ended:
		if r.Status != http.StatusBadRequest || r.String("error") != "invalid_grant" {
			b.t.Errorf("a refresh of a session that is over: %d %s", r.Status, r.Body)
		}
	case to != s.organization && !b.active(to):
		if r.Status != http.StatusBadRequest || r.String("error") != "access_denied" {
			b.t.Errorf("a switch to an organization that she is not in: %d %s", r.Status, r.Body)
		}
	case r.Status != http.StatusOK:
		b.t.Errorf("a refresh: %d %s", r.Status, r.Body)
	default:
		s.organization, s.access, s.refresh = to, r.String("access_token"), r.String("refresh_token")
		b.compare("the ID token", s, decodeSegment(b.tb, r.String("id_token"), 1))
	}
}

// compare holds claims to what the membership is now.
func (b *belonging) compare(what string, s *modelMember, got map[string]any) {
	want := map[string]any{}
	if s.organization != "" {
		var permissions []string
		roles := b.memberships[s.organization].Roles
		for _, name := range roles {
			permissions = append(permissions, b.roles[name].Permissions...)
		}
		slices.Sort(permissions)
		want = map[string]any{"org_id": string(s.organization), "roles": values(roles), "permissions": values(slices.Compact(permissions))}
	}
	claims := map[string]any{}
	for _, name := range []string{"org_id", "roles", "permissions"} {
		if value, ok := got[name]; ok {
			claims[name] = value
		}
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		b.t.Errorf("%s (-membership +claims):\n%s", what, diff)
	}
}

// values is a list as JSON has it.
func values(list []string) []any {
	all := []any{}
	for _, value := range list {
		all = append(all, value)
	}
	return all
}

// check is what holds at every instant.
func (b *belonging) check(*rapid.T) {
	for n, s := range b.sessions {
		for what, token := range map[string]string{"access": s.access, "refresh": s.refresh} {
			answer := b.i.Introspect(b.tb, b.client, token)
			if got := answer.JSON["active"]; got != !s.ended {
				b.t.Errorf("session %d: introspection of the %s token says %v, want %v", n, what, got, !s.ended)
			}
			if !s.ended {
				b.compare("introspection of the "+what+" token", s, answer.JSON)
			}
		}
		answer := b.i.UserInfo(b.tb, s.access)
		if got := answer.Status == http.StatusOK; got != !s.ended {
			b.t.Errorf("session %d: userinfo answers %d", n, answer.Status)
		} else if got {
			b.compare("userinfo", s, answer.JSON)
		}
	}
}

// TestClaimsAreTheMembership drives random histories of memberships, roles, sign-ins and switches: the claims are at every
// instant those of the membership, and a session lives no longer than it (acceptance 12, 15, 45, 55).
func TestClaimsAreTheMembership(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set("25"); err != nil { // as TestSessionClocks
			t.Fatal(err)
		}
	}
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := i.AddClient(t, "web", clients.Web, func(a *clients.Application) {
			a.IDTokenSignedResponseAlg = "ES256"
			a.SessionPolicy.RefreshReuseWindow = 0
		})
		roles := map[string]*organizations.Role{}
		for _, name := range []string{"admin", "viewer"} {
			role, err := i.Organizations.CreateRole(t.Context(), i.Environment.ID, organizations.RoleSettings{Name: name})
			if err != nil {
				t.Fatal(err)
			}
			roles[name] = role
		}
		runs := 0
		rapid.Check(t, func(rt *rapid.T) {
			runs++
			b := &belonging{
				t: rt, tb: t, i: i, client: c, user: i.AddUser(t, fmt.Sprintf("ada%d@example.com", runs)), roles: roles,
				memberships: map[organizations.ID]*organizations.Membership{},
			}
			for n := range 2 {
				o, err := i.Organizations.Create(t.Context(), i.Environment.ID, organizations.Settings{Name: fmt.Sprint("Organization ", n)})
				b.must(err)
				b.organizations = append(b.organizations, o.ID)
			}
			rt.Repeat(map[string]func(*rapid.T){
				"": b.check, "sign in": b.signIn, "join": b.join, "change": b.change, "remove": b.remove, "permit": b.permit,
				"refresh": b.refreshed, "refresh again": b.refreshed,
			})
		})
	})
}
