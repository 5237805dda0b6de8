package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

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
	all := []*cobra.Command{c.listUsers(), create, show, disable, enable, c.setPassword(), c.deleteUser(), c.importUsers(), c.exportUsers()}
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
	f, p := cmd.Flags(), &n.Profile
	f.StringVar(&n.Email, "email", "", "the `ADDRESS` to sign in with")
	f.BoolVar(&n.EmailVerified, "email-verified", false, "the address is known to be the user's")
	f.BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input, one line")
	f.BoolVar(&none, "no-password", false, "make the user without a password, which is what happens without --password-stdin too")
	f.StringVar(&p.Name, "name", "", "full `NAME`")
	f.StringVar(&p.GivenName, "given-name", "", "`NAME`")
	f.StringVar(&p.FamilyName, "family-name", "", "`NAME`")
	f.StringVar(&p.MiddleName, "middle-name", "", "`NAME`")
	f.StringVar(&p.Nickname, "nickname", "", "`NAME`")
	f.StringVar(&p.PreferredUsername, "preferred-username", "", "`NAME`")
	f.StringVar(&p.Profile, "profile", "", "`URL` of a page about the user")
	f.StringVar(&p.Picture, "picture", "", "`URL`")
	f.StringVar(&p.Website, "website", "", "`URL`")
	f.StringVar(&p.Gender, "gender", "", "`TEXT`")
	f.StringVar(&p.Birthdate, "birthdate", "", "`DATE`: YYYY-MM-DD, 0000-MM-DD or YYYY")
	f.StringVar(&p.Zoneinfo, "zoneinfo", "", "`ZONE` such as Europe/Berlin")
	f.StringVar(&p.Locale, "locale", "", "`LANGUAGE` such as de-AT")
	f.StringVar(&p.PhoneNumber, "phone-number", "", "`NUMBER` with its country code")
	f.BoolVar(&p.PhoneNumberVerified, "phone-number-verified", false, "the number is known to be the user's")
	cmd.MarkFlagsMutuallyExclusive("password-stdin", "no-password")
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
