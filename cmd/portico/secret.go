package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/config"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/server"
)

// newSecretDocument is a client secret, the only time that anyone sees it.
type newSecretDocument struct {
	secretDocument
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

func (c *cli) secretCommand() *cobra.Command {
	var reference, name string
	var lifetime, overlap, in time.Duration

	create := c.task("create", "Give an application one more client secret", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, app, err := c.find(ctx, s, reference)
		if err != nil {
			return err
		}
		var expires time.Time
		if lifetime > 0 {
			expires = s.Clock.Now().UTC().Add(lifetime)
		}
		record, secret, err := s.Applications.CreateSecret(ctx, env.ID, app.ID, name, expires)
		if err != nil {
			return err
		}
		return c.tellSecret(app, &record, secret)
	})
	create.Flags().StringVar(&name, "name", "", "`TEXT` to tell it from others")
	durationFlag(create.Flags(), &lifetime, "expires-in", "`DURATION` such as 90d; not given: it doesn't expire")

	rotate := c.task("rotate", "Give an application a new client secret in place of the others", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, app, err := c.find(ctx, s, reference)
		if err != nil {
			return err
		}
		record, secret, err := s.Applications.RotateSecret(ctx, env.ID, app.ID, overlap)
		if err != nil {
			return err
		}
		return c.tellSecret(app, &record, secret)
	})
	durationFlag(rotate.Flags(), &overlap, "overlap", "`DURATION` such as 24h for which the others keep working; not given: they end now")

	expire := c.task("expire SECRET", "End a client secret", one("a secret: its ID, which application show prints"), func(ctx context.Context, s *server.Server, args []string) error {
		env, app, err := c.find(ctx, s, reference)
		if err != nil {
			return err
		}
		if err := s.Applications.ExpireSecret(ctx, env.ID, app.ID, args[0], s.Clock.Now().Add(in)); err != nil {
			return err
		}
		all, err := s.Applications.Secrets(ctx, env.ID, app.ID)
		if err != nil {
			return err
		}
		for i := range all {
			if all[i].ID == args[0] {
				return c.reply(secretOf(&all[i]), func(w io.Writer) {
					fmt.Fprintf(w, "%s (…%s) expires %s.\n", all[i].ID, all[i].Hint, moment(all[i].ExpiresAt))
				})
			}
		}
		return clients.ErrNotFound
	})
	durationFlag(expire.Flags(), &in, "in", "`DURATION` such as 1h after which it ends; not given: now")

	c.inEnvironment(create, rotate, expire)
	for _, cmd := range []*cobra.Command{create, rotate, expire} {
		cmd.Flags().StringVar(&reference, "application", "default", "the `APPLICATION`: its ID, its client ID, or default")
	}
	return group("secret", "Make and end client secrets", create, rotate, expire)
}

func (c *cli) tellSecret(app *clients.Application, record *clients.Secret, secret keys.Secret) error {
	d := newSecretDocument{secretDocument: secretOf(record), ClientID: app.ClientID, ClientSecret: secret.Reveal()}
	return c.reply(d, func(w io.Writer) {
		printFields(w,
			field{"Application", app.Name}, field{"Client ID", app.ClientID}, field{"Client secret", d.ClientSecret + "   shown this once"},
			field{"ID", d.ID}, field{"Name", d.Name}, field{"Expires", moment(d.ExpiresAt)},
		)
	})
}

// secretColumns tell a secret in one line.
func secretColumns(s *clients.Secret, now time.Time) []string {
	columns := []string{s.ID, "…" + s.Hint}
	if s.Name != "" {
		columns = append(columns, s.Name)
	}
	switch {
	case !s.Alive(now):
		columns = append(columns, "expired "+moment(s.ExpiresAt))
	case !s.ExpiresAt.IsZero():
		columns = append(columns, "expires "+moment(s.ExpiresAt))
	}
	if s.LastUsed.At.IsZero() {
		return append(columns, "never used")
	}
	return append(columns, "used "+moment(s.LastUsed.At))
}

// durationFlag adds a flag for a duration that may be in days.
func durationFlag(f *pflag.FlagSet, to *time.Duration, name, usage string) {
	f.Func(name, usage, func(value string) (err error) {
		*to, err = config.ParseDuration(value)
		return err
	})
}
