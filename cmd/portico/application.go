package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
	c.inEnvironment(create, update, show, remove, list)
	g := group("application", "Register and change applications", create, list, show, update, remove)
	g.Aliases = []string{"app"}
	return g
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
	cmd := c.task("update APPLICATION", "Change an application", one(whichApplication), func(ctx context.Context, s *server.Server, args []string) error {
		env, app, err := c.find(ctx, s, args[0])
		if err != nil {
			return err
		}
		all, err := changes.read(c)
		if err != nil {
			return err
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
	return cmd
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

// patches are what the flags of a command and the file that they name change of an application.
type patches struct {
	file string
	set  clients.Patch
}

// read returns the changes in the order in which they apply: a flag wins over the file.
func (p *patches) read(c *cli) ([]clients.Patch, error) {
	if p.file == "" {
		return []clients.Patch{p.set}, nil
	}
	file, err := c.readPatch(p.file)
	if err != nil {
		return nil, err
	}
	return []clients.Patch{file, p.set}, nil
}

// The fields with a flag each, with what the flag takes and what it is for.
var (
	textFlags = [][2]string{
		{"name", "what people call it, in `TEXT`"},
		{"kind", "a preset, the `KIND`: web, spa, native, machine, device or api"},
		{"description", "`TEXT` for other operators"},
		{"logo_uri", "`URI` of an image"},
		{"homepage_uri", "`URI` where people find it"},
		{"policy_uri", "`URI` of its privacy policy"},
		{"tos_uri", "`URI` of its terms of service"},
		{"initiate_login_uri", "`URI` that starts a sign-in (OpenID Connect Core, section 4)"},
		{"invitation_uri", "`URI` for the links of its invitations"},
		{"password_reset_uri", "`URI` for the links of its password resets"},
		{"backchannel_logout_uri", "`URI` that is told of a sign-out by Portico"},
		{"frontchannel_logout_uri", "`URI` that is told of a sign-out in the browser"},
		{"access_token_format", "`FORMAT`: opaque or jwt"},
		{"id_token_signed_response_alg", "`ALGORITHM`: RS256, PS256, ES256 or EdDSA"},
		{"token_endpoint_auth_method", "`METHOD`: client_secret_basic, client_secret_post, private_key_jwt or none"},
		{"jwks_uri", "`URI` of its public keys"},
		{"pkce", "`RULE`: required or optional"},
		{"consent", "`RULE`: first_party or third_party"},
		{"acr", "`CLASS` of authentication that it asks for"},
	}
	switchFlags = [][2]string{
		{"enabled", "whether it can be used"},
		{"wildcard_redirects", "allow a star as the leftmost label of a redirect URI"},
		{"backchannel_logout_session_required", "tell it the session that ended"},
		{"frontchannel_logout_session_required", "tell it the session that ended"},
		{"require_par", "take pushed authorization requests alone (RFC 9126)"},
		{"require_dpop", "bind tokens to a key (RFC 9449)"},
		{"introspects_unaddressed", "an api may introspect tokens that are addressed to none"},
	}
	// A list may be given under the singular of its name too.
	listFlags = [][3]string{
		{"redirect_uris", "redirect_uri", "`URI` that a sign-in ends at; repeat it for more, the default first"},
		{"post_logout_redirect_uris", "post_logout_redirect_uri", "`URI` that a sign-out ends at; repeat it for more, the default first"},
		{"cors_origins", "cors_origin", "`ORIGIN` whose scripts may call; repeat it for more"},
		{"grant_types", "grant_type", "`TYPE` of grant that it may use; repeat it for more"},
		{"response_types", "response_type", "`TYPE` of response that it may ask for; repeat it for more"},
		{"scopes", "scope", "`SCOPE` that it may ask for; repeat it for more"},
		{"audiences", "audience", "`URI` of an api that it may ask for; repeat it for more"},
		{"identifiers", "identifier", "`URI` of this api, the aud of tokens for it; repeat it for more"},
		{"sign_in_methods", "sign_in_method", "`METHOD` of signing in that it offers; repeat it for more"},
	}
	clockFlags = [][2]string{
		{"access_token_lifetime", "`DURATION` such as 5m, from each issue"},
		{"inactivity_timeout", "`DURATION` such as 3d, from the last activity"},
		{"max_session_length", "`DURATION` such as 14d, from the sign-in"},
		{"id_token_lifetime", "`DURATION` such as 1h"},
		{"authorization_code_lifetime", "`DURATION` such as 60s"},
		{"refresh_reuse_window", "`DURATION` such as 30s in which a used refresh token gives the same answer"},
	}
	objectFlags = [][2]string{
		{"session_policy", "all clocks and activity as a `JSON` object, with seconds"},
		{"allowed", "who may use it, as a `JSON` object of organizations, roles and users"},
		{"branding", "how its pages look, as a `JSON` object of logo_uri, dark_logo_uri, accent and help_uri"},
		{"jwks", "its public keys, as a `JSON` Web Key Set"},
		{"claims_template", "more claims, as a `JSON` object"},
	}
)

func (p *patches) flags(f *pflag.FlagSet) {
	p.set = clients.Patch{}
	for _, t := range textFlags {
		f.Func(dashed(t[0]), t[1], p.text(t[0]))
	}
	for _, t := range switchFlags {
		f.BoolFunc(dashed(t[0]), t[1], func(value string) error {
			on, err := strconv.ParseBool(value)
			p.set[t[0]] = on
			return err
		})
	}
	plurals := map[string]string{}
	for _, t := range listFlags {
		plurals[dashed(t[0])] = dashed(t[1])
		f.Func(dashed(t[1]), t[2], func(value string) error {
			all, _ := p.set[t[0]].([]any)
			if value != "" {
				all = append(all, value)
			}
			p.set[t[0]] = append([]any{}, all...)
			return nil
		})
	}
	for _, t := range clockFlags {
		f.Func(dashed(t[0]), t[1], func(value string) error {
			n, err := parseSeconds(value)
			p.within("session_policy")[t[0]] = n
			return err
		})
	}
	f.Func("activity", "`KIND` of activity that keeps a session alive: refresh or use", func(value string) error {
		p.within("session_policy")["activity"] = value
		return nil
	})
	for _, t := range objectFlags {
		f.Func(dashed(t[0]), t[1], func(value string) error {
			var object clients.Patch
			if err := json.Unmarshal([]byte(value), &object); err != nil {
				return errors.New("it must be a JSON object")
			}
			maps.Copy(p.within(t[0]), object)
			return nil
		})
	}
	f.Func("metadata", "`KEY=VALUE` for your own use; repeat it for more, KEY= removes one", func(value string) error {
		key, text, ok := strings.Cut(value, "=")
		if !ok || key == "" {
			return errors.New("it must be KEY=VALUE")
		}
		var of any = text
		if text == "" {
			of = nil
		}
		p.within("metadata")[key] = of
		return nil
	})
	f.StringVar(&p.file, "from-file", "", "`FILE` with fields as JSON, as show --json prints them; - is standard input")
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		name = dashed(name)
		if singular, ok := plurals[name]; ok {
			name = singular
		}
		return pflag.NormalizedName(name)
	})
}

func (p *patches) text(name string) func(string) error {
	return func(value string) error {
		p.set[name] = value
		return nil
	}
}

// within returns the part of the patch for the fields of an object.
func (p *patches) within(name string) map[string]any {
	object, ok := p.set[name].(map[string]any)
	if !ok {
		object = map[string]any{}
		p.set[name] = object
	}
	return object
}

// parseSeconds reads a duration, or a number of seconds.
func parseSeconds(value string) (json.Number, error) {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return json.Number(strconv.FormatInt(n, 10)), nil
	}
	d, err := config.ParseDuration(value)
	if err == nil && d%time.Second != 0 {
		err = fmt.Errorf("%q must be whole seconds", value)
	}
	return json.Number(strconv.FormatInt(seconds(d), 10)), err
}

func dashed(name string) string { return strings.ReplaceAll(name, "_", "-") }
