package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/server"
)

// keyDocument is what is told of a signing key.
type keyDocument struct {
	ID          string         `json:"id"` // kid
	Algorithm   keys.Algorithm `json:"algorithm"`
	State       keys.State     `json:"state"`
	CreatedAt   time.Time      `json:"created_at"`
	ActivatedAt time.Time      `json:"activated_at,omitzero"`
	PublishedAt time.Time      `json:"published_at,omitzero"`
	RetiredAt   time.Time      `json:"retired_at,omitzero"`
}

// dashedKey is what to do about the ID of a key that looks like a flag: one of 64 does (RFC 7638 §3.1).
const dashedKey = "An ID that begins with a dash is given behind two: portico key retire -- -kid."

func (c *cli) keyCommand() *cobra.Command {
	keyList := c.task("list", "Print the signing keys of an environment", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		all, err := s.Keys.Keys(ctx, env.ID)
		if err != nil {
			return err
		}
		return c.tellKeys(all)
	})
	retire := c.task("retire KEY", "Refuse what a key has signed that no longer signs", one("the ID of a key"), func(ctx context.Context, s *server.Server, args []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		if err := s.Keys.Retire(ctx, env.ID, args[0]); err != nil {
			return err
		}
		all, err := s.Keys.Keys(ctx, env.ID)
		if err != nil {
			return err
		}
		return c.tellKeys(all)
	})
	retire.Long = `Take a key out of the key set before its time. ID tokens and access tokens that it has signed are refused from then on;
opaque tokens and sessions go on.

` + dashedKey
	remove := c.task("delete KEY", "Forget a retired key", one("the ID of a key"), func(ctx context.Context, s *server.Server, args []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		if err := s.Keys.Delete(ctx, env.ID, args[0]); err != nil {
			return err
		}
		return c.reply(map[string]any{"id": args[0], "deleted": true}, func(w io.Writer) { fmt.Fprintf(w, "Deleted %s.\n", args[0]) })
	})
	remove.Long = `Forget a retired key for ever. ID tokens that it has signed are then refused as a hint too.

` + dashedKey
	rotate := c.rotateKeys()
	c.inEnvironment(keyList, rotate, retire, remove)
	return group("key", "Look at signing keys and replace them", keyList, rotate, retire, remove, c.rewrapKeys())
}

// rewrapDocument counts what was encrypted anew.
type rewrapDocument struct {
	SigningKeys   int `json:"signing_keys"`
	SealingKeys   int `json:"sealing_keys"`
	ClientSecrets int `json:"client_secrets"`
}

func (c *cli) rewrapKeys() *cobra.Command {
	cmd := c.task("rewrap", "Encrypt anew what is encrypted under a previous secret", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		var done rewrapDocument
		var err error
		if done.SigningKeys, err = s.Keys.Rewrap(ctx); err != nil {
			return err
		}
		if done.SealingKeys, err = s.Sealer.Rewrap(ctx); err != nil {
			return err
		}
		all, err := s.Environments.All(ctx)
		if err != nil {
			return err
		}
		for _, env := range all {
			moved, err := s.Applications.RewrapSecrets(ctx, env.ID)
			if done.ClientSecrets += moved; err != nil {
				return err
			}
		}
		return c.reply(done, func(w io.Writer) {
			fmt.Fprintf(w, "Encrypted anew: %d signing keys, %d sealing keys, %d client secrets.\n", done.SigningKeys, done.SealingKeys, done.ClientSecrets)
		})
	})
	cmd.Long = `Encrypt anew, under the present secret, what the database has under one of previous_secrets: signing keys, sealing keys, and client
secrets that can be read. It is for all environments, and may be run again.

Afterwards nothing in the database can be decrypted with a previous secret. What was hashed under one (client secrets, API keys, refresh
tokens, the cookies of signed-in browsers) is good only while it stays in previous_secrets.`
	return cmd
}

func (c *cli) rotateKeys() *cobra.Command {
	var algorithms []string
	var now bool
	cmd := c.task("rotate", "Begin to replace the signing keys of an environment", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		chosen := algorithms
		if len(chosen) == 0 {
			all, err := s.Keys.Keys(ctx, env.ID)
			if err != nil {
				return err
			}
			for _, key := range all {
				if key.State == keys.Active {
					chosen = append(chosen, string(key.Algorithm))
				}
			}
		}
		rotate := s.Keys.Rotate
		if now {
			rotate = s.Keys.RotateNow
		}
		var made []keys.SigningKey
		for _, algorithm := range chosen {
			key, err := rotate(ctx, env.ID, keys.Algorithm(algorithm))
			if err != nil {
				return err
			}
			made = append(made, key)
		}
		return c.tellKeys(made)
	})
	cmd.Long = `Begin to replace the signing keys of an environment: the next key of each algorithm is published now, and signs when relying
parties have had a day to learn of it. What the old key has signed stays valid.

With --now it signs at once. That is for a key that may be in wrong hands: relying parties that have not fetched the new one refuse
tokens until they do.`
	cmd.Flags().StringArrayVar(&algorithms, "algorithm", nil, "the `ALGORITHM`: RS256, PS256, ES256 or EdDSA; repeat it for more; not given: all that are in use")
	cmd.Flags().BoolVar(&now, "now", false, "sign with the new keys at once")
	return cmd
}

func (c *cli) tellKeys(all []keys.SigningKey) error {
	documents, rows := []keyDocument{}, [][]string(nil)
	for _, k := range all {
		documents = append(documents, keyDocument{
			ID: k.ID, Algorithm: k.Algorithm, State: k.State, CreatedAt: k.CreatedAt, ActivatedAt: k.ActivatedAt, PublishedAt: k.PublishedAt, RetiredAt: k.RetiredAt,
		})
		rows = append(rows, []string{k.ID, string(k.Algorithm), string(k.State), moment(k.CreatedAt), moment(k.ActivatedAt)})
	}
	return c.reply(documents, func(w io.Writer) {
		printTable(w, "No keys.", []string{"KEY ID", "ALGORITHM", "STATE", "CREATED", "ACTIVE SINCE"}, rows)
	})
}
