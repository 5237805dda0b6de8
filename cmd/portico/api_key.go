package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server"
)

// apiKeyDocument is an API key without its text.
type apiKeyDocument struct {
	ID           string             `json:"id"`
	Application  clients.ID         `json:"application_id"`
	Name         string             `json:"name"`
	Hint         string             `json:"hint"` // its last four characters
	Scopes       []clients.APIScope `json:"scopes"`
	Status       string             `json:"status"` // "active", "expired" or "revoked"
	CreatedAt    time.Time          `json:"created_at"`
	ExpiresAt    time.Time          `json:"expires_at,omitzero"`
	RevokedAt    time.Time          `json:"revoked_at,omitzero"`
	LastUsedAt   time.Time          `json:"last_used_at,omitzero"`
	LastUsedFrom string             `json:"last_used_from,omitempty"`
}

// newAPIKeyDocument is an API key, the only time that anyone sees it.
type newAPIKeyDocument struct {
	apiKeyDocument
	Key string `json:"key"`
}

func documentOfAPIKey(k *clients.APIKey, now time.Time) apiKeyDocument {
	d := apiKeyDocument{
		ID: k.ID, Application: k.Application, Name: k.Name, Hint: k.Hint, Scopes: k.Scopes, Status: "active", CreatedAt: k.CreatedAt,
		ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt, LastUsedAt: k.LastUsed.At, LastUsedFrom: k.LastUsed.Address,
	}
	switch {
	case !k.RevokedAt.IsZero():
		d.Status = "revoked"
	case !k.Alive(now):
		d.Status = "expired"
	}
	return d
}

func (c *cli) apiKeyCommand() *cobra.Command {
	var reference, name string
	var scopes []string
	var lifetime, in time.Duration

	create := c.task("create", "Give an application a key for the management API", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, app, err := c.find(ctx, s, reference)
		if err != nil {
			return err
		}
		in := clients.NewAPIKey{Name: name}
		for _, scope := range scopes {
			in.Scopes = append(in.Scopes, clients.APIScope(scope))
		}
		if lifetime > 0 {
			in.ExpiresAt = s.Clock.Now().Add(lifetime)
		}
		k, secret, err := s.APIKeys.Create(ctx, env, app.ID, in)
		if err != nil {
			return err
		}
		d := newAPIKeyDocument{apiKeyDocument: documentOfAPIKey(&k, s.Clock.Now()), Key: secret.Reveal()}
		return c.reply(d, func(w io.Writer) { fmt.Fprintln(w, d.Key) })
	})
	create.Long = `Give an application a key for the management API of its environment. It prints the key and nothing else; nobody sees it again.

Scopes: ` + strings.Join(scopeNames(), ", ") + `. To write includes to read; * is all of them.`
	create.Example = `  KEY=$(portico api-key create --environment default --application default --scope '*')
  portico api-key create --name nightly --scope users:read --scope events:read --expires-in 90d`
	create.Flags().StringArrayVar(&scopes, "scope", nil, "the `SCOPE` of the key; repeat it for more")
	create.Flags().StringVar(&name, "name", "", "`TEXT` to tell it from others")
	durationFlag(create.Flags(), &lifetime, "expires-in", "`DURATION` such as 90d; not given: it doesn't expire")
	_ = create.MarkFlagRequired("scope") // it is a flag of the command

	keyList := c.task("list", "Print the API keys of an application", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, app, err := c.find(ctx, s, reference)
		if err != nil {
			return err
		}
		all, err := s.APIKeys.List(ctx, env.ID, app.ID)
		if err != nil {
			return err
		}
		documents, rows := []apiKeyDocument{}, [][]string(nil)
		for i := range all {
			d := documentOfAPIKey(&all[i], s.Clock.Now())
			documents = append(documents, d)
			rows = append(rows, []string{
				d.ID, "…" + d.Hint, d.Name, joinScopes(d.Scopes), d.Status, moment(d.ExpiresAt), moment(d.LastUsedAt),
			})
		}
		return c.reply(documents, func(w io.Writer) {
			printTable(w, "No API keys.", []string{"ID", "KEY", "NAME", "SCOPES", "STATUS", "EXPIRES", "LAST USED"}, rows)
		})
	})

	revoke := c.task("revoke KEY", "End an API key", one("an API key: its ID, which api-key list prints"), func(ctx context.Context, s *server.Server, args []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		k, err := s.APIKeys.Revoke(ctx, env.ID, "", args[0])
		if err != nil {
			return err
		}
		return c.reply(documentOfAPIKey(&k, s.Clock.Now()), func(w io.Writer) { fmt.Fprintf(w, "Revoked %s (…%s).\n", k.ID, k.Hint) })
	})

	expire := c.task("expire KEY", "Let an API key expire", one("an API key: its ID, which api-key list prints"), func(ctx context.Context, s *server.Server, args []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		k, err := s.APIKeys.Expire(ctx, env.ID, "", args[0], s.Clock.Now().Add(in))
		if err != nil {
			return err
		}
		return c.reply(documentOfAPIKey(&k, s.Clock.Now()), func(w io.Writer) { fmt.Fprintf(w, "%s (…%s) expires %s.\n", k.ID, k.Hint, moment(k.ExpiresAt)) })
	})
	durationFlag(expire.Flags(), &in, "in", "`DURATION` such as 1h after which it ends; not given: now")

	c.inEnvironment(create, keyList, expire, revoke)
	for _, cmd := range []*cobra.Command{create, keyList} {
		cmd.Flags().StringVar(&reference, "application", "default", "the `APPLICATION`: its ID, its client ID, or default")
	}
	return group("api-key", "Make and end keys for the management API", create, keyList, expire, revoke)
}

func scopeNames() []string {
	var names []string
	for _, scope := range clients.APIScopes() {
		names = append(names, string(scope))
	}
	return names
}

func joinScopes(scopes []clients.APIScope) string {
	var b strings.Builder
	for i, scope := range scopes {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(scope))
	}
	return b.String()
}
