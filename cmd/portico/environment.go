package main

import (
	"context"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server"
)

// environmentDocument is what is told of an environment.
type environmentDocument struct {
	ID     environments.ID `json:"id"`
	Slug   string          `json:"slug"`
	Issuer string          `json:"issuer"`
	environments.Settings
	ManagedBy environments.Manager `json:"managed_by"`
	CreatedAt time.Time            `json:"created_at"`
	UpdatedAt time.Time            `json:"updated_at"`
}

func documentOfEnvironment(s *server.Server, e *environments.Environment) (environmentDocument, error) {
	publicURL, err := url.Parse(s.Config.PublicURL)
	if err != nil {
		return environmentDocument{}, err
	}
	return environmentDocument{
		ID: e.ID, Slug: e.Slug, Issuer: e.Issuer(publicURL), Settings: e.Settings(), ManagedBy: e.ManagedBy, CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
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

	show := c.task("show SLUG", "Print an environment", one(whichEnvironment), func(ctx context.Context, s *server.Server, args []string) error {
		e, err := environment(ctx, s, args[0])
		if err != nil {
			return err
		}
		return c.tellEnvironment(s, e)
	})
	return group("environment", "Make environments and change them", environmentList, c.createEnvironment(), show, c.updateEnvironment())
}

const whichEnvironment = "the slug of an environment"

// tellEnvironment prints an environment.
func (c *cli) tellEnvironment(s *server.Server, e *environments.Environment) error {
	d, err := documentOfEnvironment(s, e)
	if err != nil {
		return err
	}
	return c.reply(d, func(w io.Writer) {
		b := &e.BrowserSessions
		printFields(w,
			field{"Environment", d.Name}, field{"Slug", d.Slug}, field{"Kind", string(d.Kind)}, field{"ID", string(d.ID)},
			field{"Issuer", d.Issuer}, field{"Application", d.DefaultApplication + " (default)"}, field{"Sign-up", openOrClosed(d.SignUp)},
			field{"Browser session", "at most " + clock(b.MaxLength) + ", " + clock(b.InactivityTimeout) + " without use, " + clock(b.UnrememberedMax) + " where nobody asked to stay signed in"},
			field{"Managed by", managedBy(d.ManagedBy)},
		)
	})
}

func openOrClosed(open bool) string {
	if open {
		return "open to everybody"
	}
	return "closed"
}

func (c *cli) createEnvironment() *cobra.Command {
	var in environments.New
	cmd := c.task("create", "Make an environment, with its default application and keys", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		if in.Name == "" {
			in.Name = in.Slug
		}
		e, err := s.CreateEnvironment(ctx, in)
		if err != nil {
			return err
		}
		return c.tellEnvironment(s, e)
	})
	cmd.Example = `  portico environment create --slug staging --name Staging --kind development`
	f := cmd.Flags()
	f.StringVar(&in.Slug, "slug", "", "the `SLUG` in its issuer: lower case letters, digits and dashes")
	f.StringVar(&in.Name, "name", "", "the `NAME` that people see; the slug if not given")
	f.StringVar((*string)(&in.Kind), "kind", "", "the `KIND`: production (the default), or development, which takes http redirect URIs")
	return cmd
}

func (c *cli) updateEnvironment() *cobra.Command {
	changes := patches{set: clients.Patch{}}
	var first string
	cmd := c.task("update SLUG", "Change an environment", one(whichEnvironment), func(ctx context.Context, s *server.Server, args []string) error {
		e, err := environment(ctx, s, args[0])
		if err != nil {
			return err
		}
		all, err := changes.read(c)
		if err != nil {
			return err
		}
		if first != "" {
			app, err := application(ctx, s, e, first)
			if err != nil {
				return err
			}
			all = append(all, clients.Patch{"default_application_id": string(app.ID)})
		}
		err = s.Founder.Change(ctx, e.ID, func(settings *environments.Settings) error {
			for _, patch := range all {
				if err := patch.Merge(settings); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if e, err = s.Environments.ByID(ctx, e.ID); err != nil {
			return err
		}
		return c.tellEnvironment(s, e)
	})
	cmd.Example = `  portico environment update staging --sign-up=false --unremembered-max 8h
  portico environment update default --default-application acme-web --brand '{"accent":"#0f766e"}'`
	f := cmd.Flags()
	f.Func("name", "the `NAME` that people see", changes.text("name"))
	f.Func("kind", "the `KIND`: production, if no application has an address that production refuses, or development", changes.text("kind"))
	f.StringVar(&first, "default-application", "", "the `APPLICATION`, its ID or client ID, that people come to who come to none")
	changes.toggle(f, "sign_up", "whether strangers may create an account")
	for _, t := range browserClockFlags {
		changes.clock(f, "browser_sessions", t[0], t[1])
	}
	changes.object(f, "brand", "how its pages look, as a `JSON` object of logo_uri, dark_logo_uri, accent, help_uri, policy_uri and tos_uri")
	f.StringVar(&changes.file, "from-file", "", "`FILE` with settings as JSON; - is standard input")
	return cmd
}

// browserClockFlags are the clocks of the sign-in of a browser.
var browserClockFlags = [][2]string{
	{"max_length", "`DURATION` such as 30d that the sign-in of a browser lasts at most"},
	{"inactivity_timeout", "`DURATION` such as 14d without use after which it ends"},
	{"unremembered_max", "`DURATION` such as 12h that it lasts where nobody asked to stay signed in"},
}
