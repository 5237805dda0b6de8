package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/config"
)

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
		{"token_endpoint_auth_method", "`METHOD`: client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt or none"},
		{"jwks_uri", "`URI` of its public keys"},
		{"pkce", "`RULE`: required or optional"},
		{"consent", "`RULE`: first_party or third_party"},
		{"acr", "`CLASS` of authentication that it asks for"},
	}
	switchFlags = [][2]string{
		{"enabled", "whether it can be used"},
		{"explicit_post_logout_redirect", "let a sign-out that names no address end on our page"},
		{"wildcard_redirects", "allow a star as the leftmost label of a redirect URI"},
		{"backchannel_logout_session_required", "tell it the session that ended"},
		{"frontchannel_logout_session_required", "tell it the session that ended"},
		{"require_par", "take pushed authorization requests alone (RFC 9126); not there yet"},
		{"require_dpop", "bind tokens to a key (RFC 9449); not there yet"},
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
		{"claims_templates", "more claims, as a `JSON` object of id_token, access_token and userinfo, each a template"},
	}
)

func (p *patches) flags(f *pflag.FlagSet) {
	p.set = clients.Patch{}
	for _, t := range textFlags {
		f.Func(dashed(t[0]), t[1], p.text(t[0]))
	}
	for _, t := range switchFlags {
		p.toggle(f, t[0], t[1])
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
		p.clock(f, "session_policy", t[0], t[1])
	}
	f.Func("activity", "`KIND` of activity that keeps a session alive: refresh or use", func(value string) error {
		p.within("session_policy")["activity"] = value
		return nil
	})
	for _, t := range objectFlags {
		p.object(f, t[0], t[1])
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

// toggle adds a flag for a field that is true or false.
func (p *patches) toggle(f *pflag.FlagSet, name, usage string) {
	f.BoolFunc(dashed(name), usage, func(value string) error {
		on, err := strconv.ParseBool(value)
		p.set[name] = on
		return err
	})
}

// clock adds a flag for a duration in the object of that name.
func (p *patches) clock(f *pflag.FlagSet, object, name, usage string) {
	f.Func(dashed(name), usage, func(value string) error {
		n, err := parseSeconds(value)
		p.within(object)[name] = n
		return err
	})
}

// object adds a flag for a field that is an object, into which it is merged.
func (p *patches) object(f *pflag.FlagSet, name, usage string) {
	f.Func(dashed(name), usage, func(value string) error {
		var object clients.Patch
		if err := json.Unmarshal([]byte(value), &object); err != nil {
			return errors.New("it must be a JSON object")
		}
		maps.Copy(p.within(name), object)
		return nil
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
