package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/server"
)

const whichOperator = "an operator: the ID or the e-mail address"

// operatorDocument is what is told of an operator.
type operatorDocument struct {
	ID        identity.ID `json:"id"`
	Email     string      `json:"email"`
	Name      string      `json:"name"`
	Role      admin.Role  `json:"role"`
	Invited   bool        `json:"invited"` // no password was chosen yet
	CreatedAt time.Time   `json:"created_at"`
	// Of one who was just given a link, by which a password is chosen once.
	SetupURL  string    `json:"setup_url,omitempty"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

func documentOfOperator(o *admin.Operator) operatorDocument {
	return operatorDocument{ID: o.User, Email: o.Email, Name: o.Name, Role: o.Role, Invited: o.Invited, CreatedAt: o.CreatedAt}
}

func (c *cli) operatorCommand() *cobra.Command {
	operatorList := c.task("list", "Print who runs the installation", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		all, err := s.Operators.List(ctx)
		if err != nil {
			return err
		}
		documents, rows := []operatorDocument{}, [][]string(nil)
		for i := range all {
			d := documentOfOperator(&all[i])
			documents = append(documents, d)
			state := "active"
			if d.Invited {
				state = "invited"
			}
			rows = append(rows, []string{string(d.ID), d.Email, d.Name, string(d.Role), state})
		}
		return c.reply(documents, func(w io.Writer) {
			printTable(w, "No operators; portico init prints the link that makes the first.", []string{"ID", "EMAIL", "NAME", "ROLE", "STATE"}, rows)
		})
	})
	role := c.task("role OPERATOR ROLE", "Give an operator another role: viewer, support, admin or owner", two("an operator, the ID or the e-mail address, and a role"), func(ctx context.Context, s *server.Server, args []string) error {
		o, err := operator(ctx, s, args[0])
		if err != nil {
			return err
		}
		if err := s.Operators.SetRole(ctx, o.User, admin.Role(args[1])); err != nil {
			return err
		}
		if o, err = s.Operators.Get(ctx, o.User); err != nil {
			return err
		}
		return c.tellOperator(documentOfOperator(o))
	})
	link := c.task("link OPERATOR", "Print another link for one who has not chosen a password", one(whichOperator), func(ctx context.Context, s *server.Server, args []string) error {
		o, err := operator(ctx, s, args[0])
		if err != nil {
			return err
		}
		token, err := s.Setup.NewLink(ctx, o.User)
		if err != nil {
			return err
		}
		return c.tellLink(ctx, s, o.User, token, admin.InviteLinkLifetime)
	})
	remove := c.task("remove OPERATOR", "Take an operator's role, and keep the person from signing in", one(whichOperator), func(ctx context.Context, s *server.Server, args []string) error {
		o, err := operator(ctx, s, args[0])
		if err != nil {
			return err
		}
		if err := s.Operators.Remove(ctx, o.User); err != nil {
			return err
		}
		return c.deleted(o.Email, string(o.User))
	})
	return group("operator", "Say who runs the installation", operatorList, c.addOperator(), link, role, remove, c.recoverOperator())
}

// operator finds an operator by ID or e-mail address.
func operator(ctx context.Context, s *server.Server, reference string) (*admin.Operator, error) {
	all, err := s.Operators.List(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if o := &all[i]; string(o.User) == reference || strings.EqualFold(o.Email, reference) {
			return o, nil
		}
	}
	return nil, fault.NotFoundf("there is no operator %q; portico operator list shows all", reference)
}

func (c *cli) addOperator() *cobra.Command {
	var in admin.Invitation
	cmd := c.task("add", "Make an operator, and print the link by which a password is chosen", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		u, token, err := s.Setup.Invite(ctx, in)
		if err != nil {
			return err
		}
		return c.tellLink(ctx, s, u.ID, token, admin.InviteLinkLifetime)
	})
	cmd.Example = `  portico operator add --email grace@example.com --name 'Grace Hopper' --role support`
	cmd.Flags().StringVar(&in.Email, "email", "", "the `ADDRESS` to sign in with")
	cmd.Flags().StringVar(&in.Name, "name", "", "full `NAME`")
	cmd.Flags().StringVar((*string)(&in.Role), "role", string(admin.Viewer), "the `ROLE`: viewer, support, admin or owner")
	return cmd
}

func (c *cli) recoverOperator() *cobra.Command {
	var name string
	cmd := c.task("recover EMAIL", "Print a link by which an owner who is locked out gets in", one("the e-mail address of the owner"), func(ctx context.Context, s *server.Server, args []string) error {
		u, token, err := s.Setup.Recover(ctx, args[0], name)
		if err != nil {
			return err
		}
		return c.tellLink(ctx, s, u, token, admin.SetupLinkLifetime)
	})
	cmd.Long = `Print a link by which an owner who is locked out gets in: it works once, for 30 minutes, and asks for a new password. Whoever has the
address becomes an owner who may sign in, also one who is no operator or was removed. It is for those who have the machine; every use
is an event.`
	cmd.Flags().StringVar(&name, "name", "", "full `NAME` of somebody new")
	return cmd
}

func (c *cli) tellLink(ctx context.Context, s *server.Server, user identity.ID, token string, lifetime time.Duration) error {
	o, err := s.Operators.Get(ctx, user)
	if err != nil {
		return err
	}
	d := documentOfOperator(o)
	d.SetupURL, d.ExpiresAt = s.Config.PublicURL+"/setup?token="+token, s.Clock.Now().UTC().Add(lifetime).Truncate(time.Second)
	return c.tellOperator(d)
}

func (c *cli) tellOperator(d operatorDocument) error {
	return c.reply(d, func(w io.Writer) {
		link := ""
		if d.SetupURL != "" {
			link = fmt.Sprintf("%s      works once, until %s", d.SetupURL, moment(d.ExpiresAt))
		}
		printFields(w,
			field{"Operator", d.Name}, field{"Email", d.Email}, field{"ID", string(d.ID)}, field{"Role", string(d.Role)},
			field{"Set up", link}, field{"Created", moment(d.CreatedAt)},
		)
	})
}
