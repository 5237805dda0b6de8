package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/server"
)

const (
	whichOrganization = "an organization: its ID or its slug"
	whichMember       = "an organization, its ID or its slug, and a user, the ID or the e-mail address"
)

// organizationDocument is what is told of an organization.
type organizationDocument struct {
	ID organizations.ID `json:"id"`
	organizations.Settings
	CreatedAt time.Time        `json:"created_at"`
	UpdatedAt time.Time        `json:"updated_at"`
	Members   []memberDocument `json:"members,omitzero"` // of show
}

// memberDocument is what is told of a membership.
type memberDocument struct {
	ID           organizations.MembershipID `json:"id"`
	Organization organizations.ID           `json:"organization_id"`
	User         identity.ID                `json:"user_id"`
	organizations.MembershipSettings
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func documentOfOrganization(o *organizations.Organization) *organizationDocument {
	return &organizationDocument{ID: o.ID, Settings: o.Settings(), CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt}
}

func documentOfMember(m *organizations.Membership) memberDocument {
	return memberDocument{
		ID: m.ID, Organization: m.Organization, User: m.User, MembershipSettings: m.Settings(), CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt,
	}
}

func (c *cli) organizationCommand() *cobra.Command {
	all := []*cobra.Command{
		c.task("list", "Print the organizations of an environment", cobra.NoArgs, c.listOrganizations),
		c.createOrganization(),
		c.task("show ORGANIZATION", "Print an organization and its members", one(whichOrganization), c.showOrganization),
		c.updateOrganization(),
		c.task("delete ORGANIZATION", "Remove an organization with its memberships, and end the sessions in it", one(whichOrganization), c.deleteOrganization),
		c.addMember(),
		c.updateMember(),
		c.task("remove-member ORGANIZATION USER", "Take a user out of an organization, and end the user's sessions in it", two(whichMember), c.removeMember),
	}
	c.inEnvironment(all...)
	return group("organization", "Make organizations and say who belongs to them", all...)
}

// two takes exactly two arguments.
func two(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 2 {
			return fmt.Errorf("give %s", what)
		}
		return nil
	}
}

// organization finds an organization by its ID or its slug.
func organization(ctx context.Context, s *server.Server, env *environments.Environment, reference string) (*organizations.Organization, error) {
	o, err := s.Organizations.Store.Organization(ctx, env.ID, organizations.ID(reference))
	if errors.Is(err, organizations.ErrNotFound) {
		o, err = s.Organizations.Store.OrganizationBySlug(ctx, env.ID, reference)
	}
	if errors.Is(err, organizations.ErrNotFound) {
		return nil, fault.NotFoundf("there is no organization %q in the environment %s; portico organization list shows all", reference, env.Slug)
	}
	return o, err
}

func (c *cli) findOrganization(ctx context.Context, s *server.Server, reference string) (*environments.Environment, *organizations.Organization, error) {
	env, err := c.chosen(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	o, err := organization(ctx, s, env, reference)
	return env, o, err
}

func (c *cli) listOrganizations(ctx context.Context, s *server.Server, _ []string) error {
	env, err := c.chosen(ctx, s)
	if err != nil {
		return err
	}
	documents, rows := []*organizationDocument{}, [][]string(nil)
	for after := organizations.ID(""); ; {
		page, err := s.Organizations.List(ctx, env.ID, after, 100)
		if err != nil {
			return err
		}
		for i := range page {
			o := &page[i]
			documents, after = append(documents, documentOfOrganization(o)), o.ID
			rows = append(rows, []string{string(o.ID), o.Slug, o.Name, moment(o.CreatedAt)})
		}
		if len(page) < 100 {
			break
		}
	}
	return c.reply(documents, func(w io.Writer) {
		printTable(w, "No organizations.", []string{"ID", "SLUG", "NAME", "CREATED"}, rows)
	})
}

// organizationFlags are the flags for what people set; the function says what those that were given set.
func organizationFlags(cmd *cobra.Command) func(*organizations.Settings) error {
	var in organizations.Settings
	var metadata []string
	f := cmd.Flags()
	f.StringVar(&in.Name, "name", "", "what people call it, in `TEXT`")
	f.StringVar(&in.Slug, "slug", "", "a `NAME` for addresses: lower case letters, digits and dashes")
	f.StringArrayVar(&metadata, "metadata", nil, "`KEY=VALUE` for your own use; repeat it for more, KEY= removes one")
	return func(s *organizations.Settings) error {
		if f.Changed("name") {
			s.Name = in.Name
		}
		if f.Changed("slug") {
			s.Slug = in.Slug
		}
		if len(metadata) > 0 {
			if s.Metadata = maps.Clone(s.Metadata); s.Metadata == nil {
				s.Metadata = map[string]string{}
			}
		}
		for _, m := range metadata {
			key, value, ok := strings.Cut(m, "=")
			switch {
			case !ok || key == "":
				return fault.Invalidf("metadata", "%q must be KEY=VALUE", m)
			case value == "":
				delete(s.Metadata, key)
			default:
				s.Metadata[key] = value
			}
		}
		return nil
	}
}

func (c *cli) createOrganization() *cobra.Command {
	var set func(*organizations.Settings) error
	cmd := c.task("create", "Make an organization", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		var in organizations.Settings
		if err := set(&in); err != nil {
			return err
		}
		o, err := s.Organizations.Create(ctx, env.ID, in)
		if err != nil {
			return err
		}
		return c.tellOrganization(documentOfOrganization(o), nil)
	})
	cmd.Example = `  portico organization create --name 'Acme Inc.' --slug acme`
	set = organizationFlags(cmd)
	return cmd
}

func (c *cli) updateOrganization() *cobra.Command {
	var set func(*organizations.Settings) error
	cmd := c.task("update ORGANIZATION", "Change an organization", one(whichOrganization), func(ctx context.Context, s *server.Server, args []string) error {
		env, o, err := c.findOrganization(ctx, s, args[0])
		if err != nil {
			return err
		}
		o, err = s.Organizations.Update(ctx, env.ID, o.ID, func(o *organizations.Organization) error {
			next := o.Settings()
			if err := set(&next); err != nil {
				return err
			}
			next.Apply(o)
			return nil
		})
		if err != nil {
			return err
		}
		return c.tellOrganization(documentOfOrganization(o), nil)
	})
	set = organizationFlags(cmd)
	return cmd
}

func (c *cli) showOrganization(ctx context.Context, s *server.Server, args []string) error {
	env, o, err := c.findOrganization(ctx, s, args[0])
	if err != nil {
		return err
	}
	d := documentOfOrganization(o)
	d.Members = []memberDocument{}
	var rows [][]string
	for after := organizations.MembershipID(""); ; {
		page, err := s.Organizations.Members(ctx, env.ID, o.ID, after, 100)
		if err != nil {
			return err
		}
		for i := range page {
			m := &page[i]
			d.Members, after = append(d.Members, documentOfMember(&m.Membership)), m.ID
			rows = append(rows, []string{string(m.User), m.Email, m.UserName, strings.Join(m.Roles, ", "), string(m.State)})
		}
		if len(page) < 100 {
			break
		}
	}
	return c.tellOrganization(d, func(w io.Writer) {
		fmt.Fprintln(w)
		printTable(w, "No members.", []string{"USER", "EMAIL", "NAME", "ROLES", "STATE"}, rows)
	})
}

// tellOrganization prints an organization; more prints what follows, if it isn't nil.
func (c *cli) tellOrganization(d *organizationDocument, more func(io.Writer)) error {
	return c.reply(d, func(w io.Writer) {
		fields := []field{{"Organization", d.Name}, {"Slug", d.Slug}, {"ID", string(d.ID)}}
		for _, key := range slices.Sorted(maps.Keys(d.Metadata)) {
			fields = append(fields, field{"Metadata", key + "=" + d.Metadata[key]})
		}
		printFields(w, append(fields, field{"Created", moment(d.CreatedAt)})...)
		if more != nil {
			more(w)
		}
	})
}

func (c *cli) deleteOrganization(ctx context.Context, s *server.Server, args []string) error {
	env, o, err := c.findOrganization(ctx, s, args[0])
	if err != nil {
		return err
	}
	if err := s.Organizations.Delete(ctx, env.ID, o.ID); err != nil {
		return err
	}
	return c.deleted(o.Name, string(o.ID))
}

// deleted tells that something is gone.
func (c *cli) deleted(name, id string) error {
	return c.reply(map[string]any{"id": id, "deleted": true}, func(w io.Writer) { fmt.Fprintf(w, "Deleted %s (%s).\n", name, id) })
}

func (c *cli) addMember() *cobra.Command {
	var roles []string
	cmd := c.task("add-member ORGANIZATION USER", "Make a user a member of an organization", two(whichMember), func(ctx context.Context, s *server.Server, args []string) error {
		env, o, err := c.findOrganization(ctx, s, args[0])
		if err != nil {
			return err
		}
		u, err := person(ctx, s, env, args[1])
		if err != nil {
			return err
		}
		m, err := s.Organizations.AddMember(ctx, env.ID, o.ID, u.ID, roles...)
		if err != nil {
			return err
		}
		return c.tellMember(m, o, u)
	})
	cmd.Example = `  portico organization add-member acme ada@example.com --role admin --role billing`
	cmd.Flags().StringArrayVar(&roles, "role", nil, "the name of a `ROLE` to give; repeat it for more")
	return cmd
}

// member finds a membership by its organization and its user.
func (c *cli) member(ctx context.Context, s *server.Server, args []string) (*environments.Environment, *organizations.Organization, *identity.User, *organizations.Membership, error) {
	env, o, err := c.findOrganization(ctx, s, args[0])
	if err != nil {
		return nil, nil, nil, nil, err
	}
	u, err := person(ctx, s, env, args[1])
	if err != nil {
		return nil, nil, nil, nil, err
	}
	m, err := s.Organizations.Store.MembershipOf(ctx, env.ID, o.ID, u.ID)
	return env, o, u, m, err
}

func (c *cli) updateMember() *cobra.Command {
	var roles []string
	var state string
	var flags interface{ Changed(string) bool }
	cmd := c.task("update-member ORGANIZATION USER", "Change roles and state of a member", two(whichMember), func(ctx context.Context, s *server.Server, args []string) error {
		env, o, u, m, err := c.member(ctx, s, args)
		if err != nil {
			return err
		}
		m, err = s.Organizations.UpdateMember(ctx, env.ID, o.ID, m.ID, func(m *organizations.Membership) error {
			if flags.Changed("role") {
				m.Roles = slices.DeleteFunc(slices.Clone(roles), func(role string) bool { return role == "" })
			}
			if flags.Changed("state") {
				m.State = organizations.State(state)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return c.tellMember(m, o, u)
	})
	cmd.Flags().StringArrayVar(&roles, "role", nil, `the name of a `+"`ROLE`"+`; repeat it for more. They replace those that the member has; "" is none`)
	cmd.Flags().StringVar(&state, "state", "", "the `STATE`: active, or deactivated, which ends the user's sessions in the organization")
	flags = cmd.Flags()
	return cmd
}

func (c *cli) removeMember(ctx context.Context, s *server.Server, args []string) error {
	env, o, u, m, err := c.member(ctx, s, args)
	if err != nil {
		return err
	}
	if err := s.Organizations.RemoveMember(ctx, env.ID, o.ID, m.ID); err != nil {
		return err
	}
	return c.deleted(u.Email+" from "+o.Name, string(m.ID))
}

func (c *cli) tellMember(m *organizations.Membership, o *organizations.Organization, u *identity.User) error {
	return c.reply(documentOfMember(m), func(w io.Writer) {
		printFields(w,
			field{"Member", u.Email}, field{"Of", o.Name}, field{"Roles", strings.Join(m.Roles, ", ")}, field{"State", string(m.State)},
			field{"ID", string(m.ID)}, field{"Since", moment(m.CreatedAt)},
		)
	})
}
