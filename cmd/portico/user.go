package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/server"
)

const whichUser = "a user: the ID or the e-mail address"

func (c *cli) userCommand() *cobra.Command {
	create := c.createUser()
	show := c.task("show USER", "Print a user", one(whichUser), func(ctx context.Context, s *server.Server, args []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		u, err := person(ctx, s, env, args[0])
		if err != nil {
			return err
		}
		return c.tellUser(u)
	})
	disable := c.setStatus("disable USER", "Keep a user from signing in, and end all sessions", identity.Disabled)
	enable := c.setStatus("enable USER", "Let a user sign in again", identity.Active)
	all := []*cobra.Command{c.listUsers(), create, show, c.updateUser(), disable, enable, c.setPassword(), c.deleteUser(), c.importUsers(), c.exportUsers()}
	c.inEnvironment(all...)
	return group("user", "Make users and look after them", all...)
}

func (c *cli) createUser() *cobra.Command {
	var n identity.NewUser
	var fromStdin, none bool
	cmd := c.task("create", "Make a user", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		if fromStdin {
			if n.Password, err = c.readPassword(); err != nil {
				return err
			}
		}
		u, err := s.Users.Create(ctx, env.ID, n)
		if err != nil {
			return err
		}
		return c.tellUser(u)
	})
	cmd.Long = `Make a user. Without a password the user sets one by a reset.`
	cmd.Example = `  portico user create --environment default --email ada@example.com --password-stdin --email-verified --json < password`
	f := cmd.Flags()
	f.StringVar(&n.Email, "email", "", "the `ADDRESS` to sign in with")
	f.BoolVar(&n.EmailVerified, "email-verified", false, "the address is known to be the user's")
	f.BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input, one line")
	f.BoolVar(&none, "no-password", false, "make the user without a password, which is what happens without --password-stdin too")
	profileFlags(f, &n.Profile)
	cmd.MarkFlagsMutuallyExclusive("password-stdin", "no-password")
	return cmd
}

// profileText is a flag for a field of a profile.
type profileText struct {
	field       *string
	name, usage string
}

func profileTexts(p *identity.Profile) []profileText {
	return []profileText{
		{&p.Name, "name", "full `NAME`"},
		{&p.GivenName, "given-name", "`NAME`"},
		{&p.FamilyName, "family-name", "`NAME`"},
		{&p.MiddleName, "middle-name", "`NAME`"},
		{&p.Nickname, "nickname", "`NAME`"},
		{&p.PreferredUsername, "preferred-username", "`NAME`"},
		{&p.Profile, "profile", "`URL` of a page about the user"},
		{&p.Picture, "picture", "`URL`"},
		{&p.Website, "website", "`URL`"},
		{&p.Gender, "gender", "`TEXT`"},
		{&p.Birthdate, "birthdate", "`DATE`: YYYY-MM-DD, 0000-MM-DD or YYYY"},
		{&p.Zoneinfo, "zoneinfo", "`ZONE` such as Europe/Berlin"},
		{&p.Locale, "locale", "`LANGUAGE` such as de-AT"},
		{&p.PhoneNumber, "phone-number", "`NUMBER` with its country code"},
	}
}

// profileFlags adds the flags for the profile of a user to be.
func profileFlags(f *pflag.FlagSet, p *identity.Profile) {
	for _, t := range profileTexts(p) {
		f.StringVar(t.field, t.name, "", t.usage)
	}
	f.BoolVar(&p.PhoneNumberVerified, "phone-number-verified", false, "the number is known to be the user's")
}

func (c *cli) updateUser() *cobra.Command {
	changes := patches{set: clients.Patch{}}
	cmd := c.task("update USER", "Change a user", one(whichUser), func(ctx context.Context, s *server.Server, args []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		u, err := person(ctx, s, env, args[0])
		if err != nil {
			return err
		}
		all, err := changes.read(c)
		if err != nil {
			return err
		}
		u, err = s.Users.Update(ctx, env.ID, u.ID, func(d *identity.Document) error {
			for _, patch := range all {
				if err := patch.Merge(d); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		return c.tellUser(u)
	})
	cmd.Example = `  portico user update ada@example.com --family-name King --email-verified`
	f := cmd.Flags()
	f.Func("email", "the `ADDRESS` to sign in with", changes.text("email"))
	changes.toggle(f, "email_verified", "whether the address is known to be the user's")
	for _, t := range profileTexts(&identity.Profile{}) {
		f.Func(t.name, t.usage, changes.text(strings.ReplaceAll(t.name, "-", "_")))
	}
	changes.toggle(f, "phone_number_verified", "whether the number is known to be the user's")
	changes.object(f, "address", "the postal address as a `JSON` object of formatted, street_address, locality, region, postal_code and country")
	f.StringVar(&changes.file, "from-file", "", "`FILE` with fields as JSON, as show --json prints them; - is standard input")
	return cmd
}

func (c *cli) listUsers() *cobra.Command {
	var q identity.Query
	cmd := c.task("list", "Print the users of an environment", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		replies, rows := []identity.Reply{}, [][]string(nil)
		err = eachUser(ctx, s, env, q, func(u *identity.User) error {
			replies = append(replies, u.Reply())
			rows = append(rows, []string{string(u.ID), u.Email, u.Profile.Name, string(u.Status), moment(u.CreatedAt)})
			return nil
		})
		if err != nil {
			return err
		}
		return c.reply(replies, func(w io.Writer) {
			printTable(w, "No users.", []string{"ID", "EMAIL", "NAME", "STATUS", "CREATED"}, rows)
		})
	})
	cmd.Flags().StringVar(&q.Text, "search", "", "beginnings of `WORDS` of the name or the address, or an ID")
	cmd.Flags().StringVar((*string)(&q.Status), "status", "", "only users with the `STATUS`: active or disabled")
	return cmd
}

func (c *cli) setPassword() *cobra.Command {
	var fromStdin bool
	cmd := c.task("set-password USER", "Give a user a new password, and end all sessions", one(whichUser), func(ctx context.Context, s *server.Server, args []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		u, err := person(ctx, s, env, args[0])
		if err != nil {
			return err
		}
		password, err := c.readPassword()
		if err != nil {
			return err
		}
		if u, err = s.Users.SetPassword(ctx, env.ID, u.ID, password, func(context.Context) error { return nil }); err != nil {
			return err
		}
		return c.tellUser(u)
	})
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input, one line")
	_ = cmd.MarkFlagRequired("password-stdin") // there is such a flag
	return cmd
}

func (c *cli) deleteUser() *cobra.Command {
	var reason string
	cmd := c.task("delete USER", "Remove a user with all that belongs to the user, and end all sessions", one(whichUser), func(ctx context.Context, s *server.Server, args []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		u, err := person(ctx, s, env, args[0])
		if err != nil {
			return err
		}
		if err := s.Users.Delete(ctx, env.ID, u.ID, reason); err != nil {
			return err
		}
		return c.deleted(u.Email, string(u.ID))
	})
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` for the record")
	return cmd
}

// maxPasswordLine is more than any password has bytes.
const maxPasswordLine = 8 << 10

// readPassword reads a line from standard input.
func (c *cli) readPassword() (string, error) {
	line, err := bufio.NewReader(io.LimitReader(c.stdin, maxPasswordLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", fault.Invalidf("password", "standard input has no password in its first line")
	}
	return line, nil
}

func (c *cli) setStatus(use, short string, status identity.Status) *cobra.Command {
	var reason string
	cmd := c.task(use, short, one(whichUser), func(ctx context.Context, s *server.Server, args []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		u, err := person(ctx, s, env, args[0])
		if err != nil {
			return err
		}
		if u, err = s.Users.SetStatus(ctx, env.ID, u.ID, status, reason); err != nil {
			return err
		}
		return c.tellUser(u)
	})
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` for the record")
	return cmd
}

func (c *cli) tellUser(u *identity.User) error {
	return c.reply(u.Reply(), func(w io.Writer) {
		verified, password := "not verified", "none; a reset sets one"
		if u.EmailVerified {
			verified = "verified"
		}
		if u.PasswordHash != "" {
			password = "set " + moment(u.PasswordChangedAt)
		}
		printFields(w,
			field{"User", u.Profile.Name}, field{"ID", string(u.ID)}, field{"Email", u.Email + ", " + verified},
			field{"Status", string(u.Status)}, field{"Password", password}, field{"Created", moment(u.CreatedAt)},
		)
	})
}
