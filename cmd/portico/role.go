package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/server"
)

const whichRole = "a role: its ID or its name"

// roleDocument is what is told of a role.
type roleDocument struct {
	ID organizations.RoleID `json:"id"`
	organizations.RoleSettings
	ManagedBy environments.Manager `json:"managed_by"`
	CreatedAt time.Time            `json:"created_at"`
	UpdatedAt time.Time            `json:"updated_at"`
}

func documentOfRole(r *organizations.Role) roleDocument {
	return roleDocument{ID: r.ID, RoleSettings: r.Settings(), ManagedBy: r.ManagedBy, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
}

func (c *cli) roleCommand() *cobra.Command {
	all := []*cobra.Command{
		c.task("list", "Print the roles of an environment", cobra.NoArgs, c.listRoles),
		c.createRole(),
		c.updateRole(),
		c.task("delete ROLE", "Remove a role, also from every member who has it", one(whichRole), c.deleteRole),
	}
	c.inEnvironment(all...)
	return group("role", "Name the permissions that members of organizations have", all...)
}

// eachRole calls do with every role of an environment until it returns an error.
func eachRole(ctx context.Context, s *server.Server, env *environments.Environment, do func(*organizations.Role) error) error {
	const page = 100
	for after := organizations.RoleID(""); ; {
		roles, err := s.Organizations.Roles(ctx, env.ID, after, page)
		if err != nil {
			return err
		}
		for i := range roles {
			if err := do(&roles[i]); err != nil {
				return err
			}
			after = roles[i].ID
		}
		if len(roles) < page {
			return nil
		}
	}
}

func (c *cli) findRole(ctx context.Context, s *server.Server, reference string) (*environments.Environment, *organizations.Role, error) {
	env, err := c.chosen(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	var found *organizations.Role
	err = eachRole(ctx, s, env, func(r *organizations.Role) error {
		if string(r.ID) == reference || r.Name == reference {
			found = r
		}
		return nil
	})
	if err == nil && found == nil {
		err = fault.NotFoundf("there is no role %q in the environment %s; portico role list shows all", reference, env.Slug)
	}
	return env, found, err
}

func (c *cli) listRoles(ctx context.Context, s *server.Server, _ []string) error {
	env, err := c.chosen(ctx, s)
	if err != nil {
		return err
	}
	documents, rows := []roleDocument{}, [][]string(nil)
	err = eachRole(ctx, s, env, func(r *organizations.Role) error {
		documents = append(documents, documentOfRole(r))
		rows = append(rows, []string{r.Name, strings.Join(r.Permissions, ", "), r.Description, string(r.ID)})
		return nil
	})
	if err != nil {
		return err
	}
	return c.reply(documents, func(w io.Writer) {
		printTable(w, "No roles.", []string{"NAME", "PERMISSIONS", "DESCRIPTION", "ID"}, rows)
	})
}

// roleFlags are the flags for what can be changed of a role; the function sets those that were given.
func roleFlags(f *pflag.FlagSet) func(*organizations.RoleSettings) {
	var in organizations.RoleSettings
	f.StringVar(&in.Description, "description", "", "`TEXT` for other operators")
	f.StringArrayVar(&in.Permissions, "permission", nil, "the name of a `PERMISSION` such as invoices:read; repeat it for more. They replace those that the role has")
	return func(s *organizations.RoleSettings) {
		if f.Changed("description") {
			s.Description = in.Description
		}
		if f.Changed("permission") {
			s.Permissions = in.Permissions
		}
	}
}

func (c *cli) createRole() *cobra.Command {
	var name string
	var set func(*organizations.RoleSettings)
	cmd := c.task("create", "Make a role", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		in := organizations.RoleSettings{Name: name}
		set(&in)
		r, err := s.Organizations.CreateRole(ctx, env.ID, in)
		if err != nil {
			return err
		}
		return c.tellRole(r)
	})
	cmd.Example = `  portico role create --name billing --permission invoices:read --permission invoices:write`
	cmd.Flags().StringVar(&name, "name", "", "the `NAME` that applications find in the claim roles; it can't be changed later")
	set = roleFlags(cmd.Flags())
	return cmd
}

func (c *cli) updateRole() *cobra.Command {
	var set func(*organizations.RoleSettings)
	cmd := c.task("update ROLE", "Change a role", one(whichRole), func(ctx context.Context, s *server.Server, args []string) error {
		env, r, err := c.findRole(ctx, s, args[0])
		if err != nil {
			return err
		}
		r, err = s.Organizations.UpdateRole(ctx, env.ID, r.ID, func(r *organizations.Role) error {
			next := r.Settings()
			set(&next)
			next.Apply(r)
			return nil
		})
		if err != nil {
			return err
		}
		return c.tellRole(r)
	})
	set = roleFlags(cmd.Flags())
	return cmd
}

func (c *cli) deleteRole(ctx context.Context, s *server.Server, args []string) error {
	env, r, err := c.findRole(ctx, s, args[0])
	if err != nil {
		return err
	}
	if err := s.Organizations.DeleteRole(ctx, env.ID, r.ID); err != nil {
		return err
	}
	return c.deleted(r.Name, string(r.ID))
}

func (c *cli) tellRole(r *organizations.Role) error {
	return c.reply(documentOfRole(r), func(w io.Writer) {
		printFields(w,
			field{"Role", r.Name}, field{"ID", string(r.ID)}, field{"Description", r.Description}, field{"Permissions", strings.Join(r.Permissions, ", ")},
			field{"Managed by", managedBy(r.ManagedBy)}, field{"Created", moment(r.CreatedAt)},
		)
	})
}
