package provider_test

import (
	"errors"
	"strings"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/organizations"
)

// The commands of TestFlows about organizations.

func (c *cast) organization(args []string) {
	o, err := c.Organizations.Create(c.t.Context(), c.Environment.ID, organizations.Settings{Name: args[0]})
	c.ts.Check(err)
	c.ts.Setenv(strings.ToUpper(args[0]), string(o.ID))
}

func (c *cast) role(args []string) {
	ctx := c.t.Context()
	in := organizations.RoleSettings{Name: args[0], Permissions: args[1:]}
	_, err := c.Organizations.CreateRole(ctx, c.Environment.ID, in)
	if !errors.Is(err, organizations.ErrRoleTaken) {
		c.ts.Check(err)
		return
	}
	all, err := c.Organizations.Roles(ctx, c.Environment.ID, "", 100)
	c.ts.Check(err)
	for _, r := range all {
		if r.Name == in.Name {
			_, err := c.Organizations.UpdateRole(ctx, c.Environment.ID, r.ID, func(r *organizations.Role) error {
				in.Apply(r)
				return nil
			})
			c.ts.Check(err)
		}
	}
}

func (c *cast) member(args []string) {
	ctx, organization, user := c.t.Context(), organizations.ID(args[0]), c.users[args[1]].ID
	_, err := c.Organizations.AddMember(ctx, c.Environment.ID, organization, user, args[2:]...)
	if errors.Is(err, organizations.ErrIsMember) {
		_, err = c.Organizations.UpdateMember(ctx, c.Environment.ID, organization, c.membership(args).ID, func(m *organizations.Membership) error {
			m.Roles, m.State = args[2:], organizations.Active
			return nil
		})
	}
	c.ts.Check(err)
}

func (c *cast) membership(args []string) *organizations.Membership {
	m, err := c.Organizations.Store.MembershipOf(c.t.Context(), c.Environment.ID, organizations.ID(args[0]), c.users[args[1]].ID)
	c.ts.Check(err)
	return m
}

func (c *cast) deactivate(args []string) {
	m := c.membership(args)
	_, err := c.Organizations.SetState(c.t.Context(), c.Environment.ID, m.Organization, m.ID, organizations.Deactivated)
	c.ts.Check(err)
}

func (c *cast) remove(args []string) {
	m := c.membership(args)
	c.ts.Check(c.Organizations.RemoveMember(c.t.Context(), c.Environment.ID, m.Organization, m.ID))
}

func (c *cast) dissolve(args []string) {
	c.ts.Check(c.Organizations.Delete(c.t.Context(), c.Environment.ID, organizations.ID(args[0])))
}

func (c *cast) allow(args []string) {
	_, who := c.options(args[1:], nil)
	users := who["users"]
	for i, name := range users {
		users[i] = string(c.users[name].ID)
	}
	c.Change(c.t, c.use(args[0]).ID, func(a *clients.Application) {
		a.Allowed = clients.Allowed{Organizations: who["organizations"], Roles: who["roles"], Users: users}
	})
}
