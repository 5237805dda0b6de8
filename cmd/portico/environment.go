package main

import (
	"context"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server"
)

// environmentDocument is what is told of an environment.
type environmentDocument struct {
	ID                 environments.ID   `json:"id"`
	Slug               string            `json:"slug"`
	Name               string            `json:"name"`
	Kind               environments.Kind `json:"kind"`
	Issuer             string            `json:"issuer"`
	DefaultApplication string            `json:"default_application_id"`
	SignUp             bool              `json:"sign_up"`
	CreatedAt          time.Time         `json:"created_at"`
	UpdatedAt          time.Time         `json:"updated_at"`
}

func documentOfEnvironment(s *server.Server, e *environments.Environment) (environmentDocument, error) {
	publicURL, err := url.Parse(s.Config.PublicURL)
	if err != nil {
		return environmentDocument{}, err
	}
	return environmentDocument{
		ID: e.ID, Slug: e.Slug, Name: e.Name, Kind: e.Kind, Issuer: e.Issuer(publicURL), DefaultApplication: e.DefaultApplication,
		SignUp: e.SignUp, CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
	}, nil
}

func (c *cli) environmentCommand() *cobra.Command {
	environmentList := c.task("list", "Print the environments", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		all, err := s.Environments.All(ctx)
		if err != nil {
			return err
		}
		documents, rows := []environmentDocument{}, [][]string(nil)
		for _, e := range all {
			d, err := documentOfEnvironment(s, e)
			if err != nil {
				return err
			}
			documents = append(documents, d)
			rows = append(rows, []string{d.Slug, d.Name, string(d.Kind), d.Issuer, string(d.ID)})
		}
		return c.reply(documents, func(w io.Writer) {
			printTable(w, "No environments.", []string{"SLUG", "NAME", "KIND", "ISSUER", "ID"}, rows)
		})
	})

	var in environments.New
	create := c.task("create", "Make an environment, with its default application and keys", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		if in.Name == "" {
			in.Name = in.Slug
		}
		e, err := s.CreateEnvironment(ctx, in)
		if err != nil {
			return err
		}
		d, err := documentOfEnvironment(s, e)
		if err != nil {
			return err
		}
		return c.reply(d, func(w io.Writer) {
			printFields(w,
				field{"Environment", d.Name}, field{"Slug", d.Slug}, field{"Kind", string(d.Kind)}, field{"ID", string(d.ID)},
				field{"Issuer", d.Issuer}, field{"Application", d.DefaultApplication + " (default)"},
			)
		})
	})
	create.Example = `  portico environment create --slug staging --name Staging --kind development`
	create.Flags().StringVar(&in.Slug, "slug", "", "the `SLUG` in its issuer: lower case letters, digits and dashes")
	create.Flags().StringVar(&in.Name, "name", "", "the `NAME` that people see; the slug if not given")
	create.Flags().StringVar((*string)(&in.Kind), "kind", "", "the `KIND`: production (the default), or development, which takes http redirect URIs")
	return group("environment", "Make environments and look at them", environmentList, create)
}
