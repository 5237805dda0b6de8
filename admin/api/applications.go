package api

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

const tagApplications = "Applications"

func (a *API) registerApplications() {
	read, write := clients.ScopeReadApplications, clients.ScopeWriteApplications
	register(a, operation{
		id: "list-applications", at: "GET /applications", tag: tagApplications, needs: read,
		summary: "List applications", description: "In the order of their creation.",
	}, a.listApplications)
	register(a, operation{
		id: "create-application", at: "POST /applications", tag: tagApplications, needs: write, creates: true,
		summary: "Register an application", description: "Its kind is a safe preset of every field. The answer shows the client secret, if it has one, this once.",
	}, a.createApplication)
	register(a, operation{
		id: "get-application", at: "GET /applications/{application_id}", tag: tagApplications, needs: read, summary: "Read an application",
	}, a.getApplication)
	register(a, operation{
		id: "update-application", at: "PATCH /applications/{application_id}", tag: tagApplications, needs: write,
		summary: "Change an application",
		description: "A JSON merge patch (RFC 7396). It acts on living sessions at once, in both directions: with dry_run=true nothing is changed, and the " +
			"answer says how many it would end now. The default redirect URI can't be removed without a new one in its place.",
	}, a.updateApplication)
	register(a, operation{
		id: "delete-application", at: "DELETE /applications/{application_id}", tag: tagApplications, needs: write,
		summary: "Remove an application", description: "With its credentials and its sessions. The default application of an environment can't be removed.",
	}, a.deleteApplication)
	register(a, operation{
		id: "enable-application", at: "POST /applications/{application_id}/enable", tag: tagApplications, needs: write, summary: "Enable an application",
	}, a.enableApplication)
	register(a, operation{
		id: "disable-application", at: "POST /applications/{application_id}/disable", tag: tagApplications, needs: write,
		summary: "Disable an application", description: "It ends its sessions, and refuses its secrets, API keys and tokens from the next request on.",
	}, a.disableApplication)
	register(a, operation{
		id: "make-application-default", at: "POST /applications/{application_id}/make_default", tag: tagApplications, needs: write,
		summary: "Make an application the default of its environment",
	}, a.makeDefault)
	register(a, operation{
		id: "check-redirect-uri", at: "POST /applications/{application_id}/redirect_uris:check", tag: tagApplications, needs: read,
		summary: "Test a redirect URI", description: "Says whether a URI matches one that is registered, with which and how, and if not, in what it differs.",
	}, a.checkRedirect)
}

// InApplication is the path of everything of one application.
type InApplication struct {
	ApplicationID clients.ID `path:"application_id" doc:"app_…"`
}

// application returns the application of the path, in the environment of the request.
func (a *API) application(ctx context.Context, in InApplication) (*environments.Environment, *clients.Application, error) {
	env := environments.FromContext(ctx)
	app, err := a.Applications.ByID(ctx, env.ID, in.ApplicationID)
	return env, app, err
}

func (a *API) replyOf(ctx context.Context, env *environments.Environment, app *clients.Application) (clients.Reply, error) {
	env, err := a.Environments.ByID(ctx, env.ID) // its default may have moved since the request began
	if err != nil {
		return clients.Reply{}, err
	}
	return app.Reply(env.DefaultApplication == string(app.ID)), nil
}

func (a *API) applicationReply(ctx context.Context, env *environments.Environment, app *clients.Application) (*versioned[clients.Reply], error) {
	r, err := a.replyOf(ctx, env, app)
	if err != nil {
		return nil, err
	}
	return &versioned[clients.Reply]{etag(app.UpdatedAt), r}, nil
}

// listApplications serves GET /applications.
func (a *API) listApplications(ctx context.Context, in *struct{ Page }) (*reply[list[clients.Reply]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	env := environments.FromContext(ctx)
	all, err := a.Applications.Store.Applications(ctx, env.ID, clients.ID(after), in.Limit+1)
	if err != nil {
		return nil, fmt.Errorf("list applications of %s: %w", env.ID, err)
	}
	if env, err = a.Environments.ByID(ctx, env.ID); err != nil {
		return nil, err
	}
	return listOf(all, in.Limit,
		func(app *clients.Application) string { return string(app.ID) },
		func(app *clients.Application) clients.Reply {
			return app.Reply(env.DefaultApplication == string(app.ID))
		}), nil
}

// createApplication serves POST /applications. The reply shows the secret once.
func (a *API) createApplication(ctx context.Context, in *struct{ body[newApplication] }) (*created[clients.Reply], error) {
	env := environments.FromContext(ctx)
	wanted, err := in.sent.New()
	if err != nil {
		return nil, err
	}
	app, secret, err := a.Applications.Create(ctx, env, wanted)
	if err != nil {
		return nil, err
	}
	r, err := a.replyOf(ctx, env, app)
	if err != nil {
		return nil, err
	}
	r.ClientSecret = secret.Reveal()
	return &created[clients.Reply]{a.at(env, "applications", string(app.ID)), etag(app.UpdatedAt), r}, nil
}

// at is the address of something in the environment.
func (a *API) at(env *environments.Environment, path ...string) string {
	return env.Issuer(a.PublicURL) + prefix + "/" + strings.Join(path, "/")
}

// getApplication serves GET /applications/{application_id}.
func (a *API) getApplication(ctx context.Context, in *struct{ InApplication }) (*versioned[clients.Reply], error) {
	env, app, err := a.application(ctx, in.InApplication)
	if err != nil {
		return nil, err
	}
	return a.applicationReply(ctx, env, app)
}

// patched is the answer to PATCH: the application, or what would become of it.
type patched struct {
	ETag string `header:"ETag" doc:"For If-Match of a change. A dry run has none."`
	Body patchReply
}

// patchReply is one of the two.
type patchReply struct {
	application *clients.Reply
	preview     *Preview
}

// Preview is what a change would do.
type Preview struct {
	DryRun         bool          `json:"dry_run" enum:"true" doc:"Nothing was changed."`
	LivingSessions int           `json:"living_sessions" doc:"How many sessions of the application are alive."`
	EndsSessions   int           `json:"ends_sessions" doc:"How many of them the change would end now."`
	Application    clients.Reply `json:"application" doc:"As it would be."`
}

// Schema implements huma.SchemaProvider.
func (patchReply) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		r.Schema(reflect.TypeFor[clients.Reply](), true, ""), r.Schema(reflect.TypeFor[Preview](), true, ""),
	}}
}

// MarshalJSON writes whichever there is.
func (p patchReply) MarshalJSON() ([]byte, error) {
	if p.preview != nil {
		return json.Marshal(p.preview)
	}
	return json.Marshal(p.application)
}

// updateApplication serves PATCH /applications/{application_id}.
func (a *API) updateApplication(ctx context.Context, in *struct {
	InApplication
	Precondition
	DryRun bool `query:"dry_run" doc:"Change nothing, and tell what the change would do."`
	body[applicationPatch]
}) (*patched, error) {
	env := environments.FromContext(ctx)
	change := func(app *clients.Application) error {
		if err := in.holds(app.UpdatedAt); err != nil {
			return err
		}
		return in.sent.Apply(app)
	}
	if in.DryRun {
		return a.preview(ctx, env, in.ApplicationID, change)
	}
	if err := a.Applications.Update(ctx, env, in.ApplicationID, change); err != nil {
		return nil, err
	}
	app, err := a.Applications.ByID(ctx, env.ID, in.ApplicationID)
	if err != nil {
		return nil, err
	}
	v, err := a.applicationReply(ctx, env, app)
	if err != nil {
		return nil, err
	}
	return &patched{ETag: v.ETag, Body: patchReply{application: &v.Body}}, nil
}

func (a *API) preview(ctx context.Context, env *environments.Environment, id clients.ID, change func(*clients.Application) error) (*patched, error) {
	before, after, err := a.Applications.Preview(ctx, env, id, change)
	if err != nil {
		return nil, err
	}
	ending, err := a.Sessions.Store.CountEnding(ctx, before, &after.SessionPolicy, a.Now().UTC())
	if err != nil {
		return nil, fmt.Errorf("count the sessions that a change of %s would end: %w", id, err)
	}
	r, err := a.replyOf(ctx, env, after)
	if err != nil {
		return nil, err
	}
	p := &Preview{DryRun: true, LivingSessions: ending.Living, EndsSessions: ending.Total(), Application: r}
	if before.Enabled && !after.Enabled {
		p.EndsSessions = p.LivingSessions
	}
	return &patched{Body: patchReply{preview: p}}, nil
}

// deleteApplication serves DELETE /applications/{application_id}.
func (a *API) deleteApplication(ctx context.Context, in *struct {
	InApplication
	Precondition
}) (*struct{}, error) {
	env := environments.FromContext(ctx)
	return nil, a.holding(ctx, in.Precondition,
		func(ctx context.Context) error {
			return a.Applications.Update(ctx, env, in.ApplicationID, func(app *clients.Application) error { return in.holds(app.UpdatedAt) })
		},
		func(ctx context.Context) error { return a.Applications.Delete(ctx, env, in.ApplicationID) })
}

// enableApplication serves POST /applications/{application_id}/enable.
func (a *API) enableApplication(ctx context.Context, in *struct{ InApplication }) (*versioned[clients.Reply], error) {
	return a.setEnabled(ctx, in.InApplication, true)
}

// disableApplication serves POST /applications/{application_id}/disable.
func (a *API) disableApplication(ctx context.Context, in *struct{ InApplication }) (*versioned[clients.Reply], error) {
	return a.setEnabled(ctx, in.InApplication, false)
}

func (a *API) setEnabled(ctx context.Context, in InApplication, enabled bool) (*versioned[clients.Reply], error) {
	env := environments.FromContext(ctx)
	if err := a.Applications.SetEnabled(ctx, env, in.ApplicationID, enabled); err != nil {
		return nil, err
	}
	return a.getApplication(ctx, &struct{ InApplication }{in})
}

// makeDefault serves POST /applications/{application_id}/make_default.
func (a *API) makeDefault(ctx context.Context, in *struct{ InApplication }) (*versioned[clients.Reply], error) {
	env, app, err := a.application(ctx, in.InApplication)
	if err != nil {
		return nil, err
	}
	if err := a.Founder.MakeDefault(ctx, env.ID, app.ID); err != nil {
		return nil, err
	}
	return a.applicationReply(ctx, env, app)
}

// maxRedirectURI is the most characters of a URI that is tested: no longer one can be registered.
const maxRedirectURI = 2000

// RedirectCheck is a URI to be tested.
type RedirectCheck struct {
	URI string `json:"uri" maxLength:"2000" doc:"What an application would send."`
	For string `json:"for,omitempty" enum:"redirect_uri,post_logout_redirect_uri" doc:"What it would send it as; redirect_uri if not given."`
}

// RedirectExplanation says whether a URI matches.
type RedirectExplanation struct {
	Matches     bool                 `json:"matches"`
	Registered  string               `json:"registered,omitempty" doc:"The registered URI that matches, else the one that comes closest; absent if none is registered."`
	Rule        clients.MatchRule    `json:"rule,omitempty" enum:"exact,loopback_port,wildcard" doc:"How it matches."`
	Differences []RedirectDifference `json:"differences" doc:"In what it differs from the closest."`
}

// RedirectDifference is a part in which a URI differs.
type RedirectDifference struct {
	Part       clients.Part `json:"part" enum:"scheme,userinfo,host,port,path,query,fragment"`
	Got        string       `json:"got"`
	Registered string       `json:"registered"`
	Reason     string       `json:"reason" doc:"Why that matters."`
}

// checkRedirect serves POST /applications/{application_id}/redirect_uris:check.
func (a *API) checkRedirect(ctx context.Context, in *struct {
	InApplication
	body[RedirectCheck]
}) (*reply[RedirectExplanation], error) {
	_, app, err := a.application(ctx, in.InApplication)
	if err != nil {
		return nil, err
	}
	if n := utf8.RuneCountInString(in.sent.URI); n > maxRedirectURI {
		return nil, fault.Invalidf("uri", "uri has %d characters: %d is the most", n, maxRedirectURI)
	}
	explain := app.ExplainRedirect
	if in.sent.For == "post_logout_redirect_uri" {
		explain = app.ExplainPostLogoutRedirect
	}
	e := explain(in.sent.URI)
	out := &reply[RedirectExplanation]{Body: RedirectExplanation{
		Matches: e.Matches, Registered: e.Registered, Rule: e.Rule, Differences: make([]RedirectDifference, 0, len(e.Differences)),
	}}
	for _, d := range e.Differences {
		out.Body.Differences = append(out.Body.Differences, RedirectDifference(d))
	}
	return out, nil
}
