package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/config"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server"
)

const whichApplication = "an application: its ID, its client ID, or default"

func (c *cli) applicationCommand() *cobra.Command {
	create, update := c.createApplication(), c.updateApplication()
	show := c.task("show APPLICATION", "Print an application", one(whichApplication), func(ctx context.Context, s *server.Server, args []string) error {
		env, app, err := c.find(ctx, s, args[0])
		if err != nil {
			return err
		}
		return c.tell(s, env, app, "")
	})
	remove := c.task("delete APPLICATION", "Remove an application, its credentials and its sessions", one(whichApplication), func(ctx context.Context, s *server.Server, args []string) error {
		env, app, err := c.find(ctx, s, args[0])
		if err != nil {
			return err
		}
		if err := s.Applications.Delete(ctx, env, app.ID); err != nil {
			return err
		}
		return c.reply(map[string]any{"id": app.ID, "deleted": true}, func(w io.Writer) { fmt.Fprintf(w, "Deleted %s (%s).\n", app.Name, app.ID) })
	})
	list := c.task("list", "Print the applications of an environment", cobra.NoArgs, c.listApplications)
	makeDefault := c.task("make-default APPLICATION", "Make an application the default of its environment", one(whichApplication), func(ctx context.Context, s *server.Server, args []string) error {
		env, app, err := c.find(ctx, s, args[0])
		if err != nil {
			return err
		}
		if err := s.Founder.MakeDefault(ctx, env.ID, app.ID); err != nil {
			return err
		}
		if env, err = c.chosen(ctx, s); err != nil {
			return err
		}
		return c.tell(s, env, app, "")
	})
	check, preview := c.checkRedirect(), c.previewTokens()
	enable, disable := c.switchApplication("enable", "Let an application be used again", true), c.switchApplication("disable", "End an application's sessions and refuse its credentials", false)
	c.inEnvironment(create, update, show, enable, disable, remove, list, check, preview, makeDefault)
	g := group("application", "Register and change applications", create, list, show, update, enable, disable, remove, check, preview, makeDefault)
	g.Aliases = []string{"app"}
	return g
}

func (c *cli) switchApplication(verb, short string, enabled bool) *cobra.Command {
	return c.task(verb+" APPLICATION", short, one(whichApplication), func(ctx context.Context, s *server.Server, args []string) error {
		env, app, err := c.find(ctx, s, args[0])
		if err != nil {
			return err
		}
		if err := s.Applications.SetEnabled(ctx, env, app.ID, enabled); err != nil {
			return err
		}
		if app, err = s.Applications.ByID(ctx, env.ID, app.ID); err != nil {
			return err
		}
		return c.tell(s, env, app, "")
	})
}

func (c *cli) createApplication() *cobra.Command {
	var changes patches
	cmd := c.task("create", "Register an application", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		all, err := changes.read(c)
		if err != nil {
			return err
		}
		in, err := all[0].New(all[1:]...)
		if err != nil {
			return err
		}
		app, secret, err := s.Applications.Create(ctx, env, in)
		if err != nil {
			return err
		}
		return c.tell(s, env, app, secret.Reveal())
	})
	cmd.Long = `Register an application. Its kind (web, spa, native, machine, device, api) is a safe preset of every field; a flag changes
one, --from-file any of them. A secret, where the application needs one, is printed this once.`
	cmd.Example = `  portico application create --environment default --name Web --kind web --redirect-uri https://app.example/cb --json
  portico application create --name Billing --kind machine --audience https://api.example
  portico application create --from-file - < application.json`
	changes.flags(cmd.Flags())
	cmd.Flags().Func("client-id", "the client `ID`; made up if not given", changes.text("client_id"))
	return cmd
}

func (c *cli) updateApplication() *cobra.Command {
	var changes patches
	var dryRun bool
	cmd := c.task("update APPLICATION", "Change an application", one(whichApplication), func(ctx context.Context, s *server.Server, args []string) error {
		env, app, err := c.find(ctx, s, args[0])
		if err != nil {
			return err
		}
		all, err := changes.read(c)
		if err != nil {
			return err
		}
		if dryRun {
			return c.tryOut(ctx, s, env, app, all)
		}
		if err := s.Applications.Update(ctx, env, app.ID, func(a *clients.Application) error { return all[0].Apply(a, all[1:]...) }); err != nil {
			return err
		}
		if app, err = s.Applications.ByID(ctx, env.ID, app.ID); err != nil {
			return err
		}
		return c.tell(s, env, app, "")
	})
	cmd.Long = `Change an application. What no flag and no line of the file names stays as it is; a list is replaced by the one given, and "" empties
it. The first redirect URI is the default.`
	cmd.Example = `  portico application update web-k3v9 --inactivity-timeout 3d --max-session-length 14d
  portico application update web-k3v9 --enabled=false
  echo '{"branding": {"accent": "#3f4fd1"}}' | portico application update web-k3v9 --from-file -`
	changes.flags(cmd.Flags())
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "change nothing, and tell how many living sessions the change would end now")
	return cmd
}

// endingDocument is what a change would do to the living sessions of an application.
type endingDocument struct {
	Living int `json:"living_sessions"`
	Ends   int `json:"ends_sessions"`
}

func (c *cli) tryOut(ctx context.Context, s *server.Server, env *environments.Environment, app *clients.Application, changes []clients.Patch) error {
	next := app.Clone()
	if err := changes[0].Apply(next, changes[1:]...); err != nil {
		return err
	}
	if err := next.Validate(env.Kind); err != nil {
		return err
	}
	ending, err := s.Sessions.Store.CountEnding(ctx, app, &next.SessionPolicy, s.Clock.Now().UTC())
	if err != nil {
		return err
	}
	d := endingDocument{Living: ending.Living, Ends: ending.Total()}
	if !next.Enabled {
		d.Ends = d.Living
	}
	return c.reply(d, func(w io.Writer) {
		fmt.Fprintf(w, "The change would end %d of %s now.\n", d.Ends, count(d.Living, "living session"))
	})
}

func (c *cli) find(ctx context.Context, s *server.Server, reference string) (*environments.Environment, *clients.Application, error) {
	env, err := c.chosen(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	app, err := application(ctx, s, env, reference)
	return env, app, err
}

// tell prints an application; secret is the one that was just made, "" if none was.
func (c *cli) tell(s *server.Server, env *environments.Environment, app *clients.Application, secret string) error {
	r := replyOf(app, env.DefaultApplication == string(app.ID))
	r.ClientSecret = secret
	return c.reply(r, func(w io.Writer) {
		p := &app.SessionPolicy
		fields := []field{
			{"Application", app.Name}, {"Kind", string(app.Kind)}, {"ID", string(app.ID)}, {"Client ID", app.ClientID},
		}
		if secret != "" {
			fields = append(fields, field{"Client secret", secret + "   shown this once"})
		}
		fields = append(fields,
			field{"Environment", env.Slug}, field{"Default", yes(r.Default)}, field{"Enabled", yes(app.Enabled)},
			field{"Managed by", managedBy(app.ManagedBy)},
			field{"Redirect URIs", strings.Join(app.RedirectURIs, ", ")}, field{"After sign-out", strings.Join(app.PostLogoutRedirectURIs, ", ")},
			field{"Grant types", strings.Join(app.GrantTypes, ", ")}, field{"Scopes", strings.Join(app.Scopes, " ")},
			field{"Authenticates by", string(app.TokenEndpointAuthMethod)}, field{"Access tokens", clock(p.AccessTokenLifetime) + ", " + string(app.AccessTokenFormat)},
			field{"Inactivity", clock(p.InactivityTimeout)}, field{"Longest session", clock(p.MaxSessionLength)},
		)
		for i := range app.Secrets {
			fields = append(fields, field{"Secret", strings.Join(secretColumns(&app.Secrets[i], s.Clock.Now()), "   ")})
		}
		printFields(w, append(fields, field{"Created", moment(app.CreatedAt)})...)
	})
}

// managedBy is a manager for people; "" for none.
func managedBy(m environments.Manager) string {
	if m == environments.ManagedByApply {
		return "portico apply, which undoes what is changed here"
	}
	return string(m)
}

// clock is a duration for people; "" for one that doesn't apply.
func clock(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return config.FormatDuration(d)
}

func (c *cli) listApplications(ctx context.Context, s *server.Server, _ []string) error {
	env, err := c.chosen(ctx, s)
	if err != nil {
		return err
	}
	const page = 100
	replies, rows := []*applicationReply{}, [][]string(nil)
	for after := clients.ID(""); ; {
		apps, err := s.Applications.List(ctx, env.ID, after, page)
		if err != nil {
			return err
		}
		for _, app := range apps {
			r := replyOf(app, env.DefaultApplication == string(app.ID))
			replies, after = append(replies, r), app.ID
			rows = append(rows, []string{string(app.ID), app.ClientID, app.Name, string(app.Kind), yes(app.Enabled), yes(r.Default)})
		}
		if len(apps) < page {
			break
		}
	}
	return c.reply(replies, func(w io.Writer) {
		printTable(w, "No applications.", []string{"ID", "CLIENT ID", "NAME", "KIND", "ENABLED", "DEFAULT"}, rows)
	})
}
