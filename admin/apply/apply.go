package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
)

// Applier makes an installation what files declare. Its own changes are told from those of others by the actor of their
// events. It is safe for concurrent use.
type Applier struct {
	Founder       *admin.Founder
	Organizations *organizations.Registry
	Sessions      sessions.Store
	Events        audit.Reader
	InTx          func(ctx context.Context, fn func(context.Context) error) error
	Now           func() time.Time
}

// Options say how a file is applied.
type Options struct {
	Prune bool // delete what an earlier file declared in an environment of this one, and this one doesn't
}

// Action is what happens to an object.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
	Leave  Action = "leave" // it isn't declared any more, and would be deleted by Options.Prune
)

// Change is what happens to one object.
type Change struct {
	Action      Action  `json:"action"`
	Type        string  `json:"type"`        // environment, application or role
	Environment string  `json:"environment"` // a slug
	Name        string  `json:"name"`        // the slug, the client ID, the name of the role
	TakenOver   bool    `json:"taken_over"`  // it was there and managed by nobody
	Fields      []Field `json:"fields"`
	Living      int     `json:"living_sessions"` // of an application
	Ends        int     `json:"ends_sessions"`   // how many of them the change ends
}

// Field is what happens to one field.
type Field struct {
	Name   string          `json:"name"` // such as session_policy/inactivity_timeout
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	Drift  *Drift          `json:"drift,omitempty"` // what was declared before was changed
}

// Drift is who changed a field since the last apply, and when.
type Drift struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// Result is what applying a file does.
type Result struct {
	Changes []Change `json:"changes"`
	// Secrets are those of the applications that were made, by the environment's slug and the client ID. A plan has none.
	Secrets map[string]map[string]keys.Secret `json:"-"`

	founded []environments.ID
}

// Empty reports whether there is nothing to do.
func (r *Result) Empty() bool { return r.Count(Create)+r.Count(Update)+r.Count(Delete) == 0 }

// Count tells how many changes are of the action.
func (r *Result) Count(a Action) (n int) {
	for i := range r.Changes {
		if r.Changes[i].Action == a {
			n++
		}
	}
	return n
}

// actorID marks the events of what is applied.
const actorID = "apply"

var errPlanned = errors.New("this was a plan")

// ErrChanged says that a plan isn't what would happen any more.
var ErrChanged error = fault.Conflictf("", "the installation was changed meanwhile, and nothing was applied: look at a new plan")

// Plan tells what Apply would do. It does all of it and takes it back, so that it finds every mistake: the error joins them,
// each a fault whose field has the line and the path in the file.
func (a *Applier) Plan(ctx context.Context, f *File, o Options) (*Result, error) {
	var planned *Result
	err := a.InTx(ctx, func(ctx context.Context) (err error) {
		if planned, err = a.all(ctx, f, o); err != nil {
			return err
		}
		return errPlanned
	})
	if reloaded := a.Founder.Environments.Reload(ctx); reloaded != nil { // what was taken back is in memory
		return nil, reloaded
	}
	if !errors.Is(err, errPlanned) {
		return nil, err
	}
	planned.Secrets = nil
	return planned, nil
}

// Apply does what was planned, all of it in one transaction. Errors: those of Plan; ErrChanged.
func (a *Applier) Apply(ctx context.Context, f *File, o Options, planned *Result) (*Result, error) {
	actor := audit.ActorOf(ctx)
	actor.ID = actorID
	ctx = audit.WithActor(ctx, actor)
	var done *Result
	err := a.InTx(ctx, func(ctx context.Context) (err error) {
		if done, err = a.all(ctx, f, o); err == nil && !reflect.DeepEqual(done.Changes, planned.Changes) {
			err = ErrChanged
		}
		return err
	})
	if err = errors.Join(err, a.Founder.Environments.Reload(ctx)); err != nil {
		return nil, err
	}
	for _, env := range done.founded {
		if err := a.Founder.Keys.Provision(ctx, env); err != nil {
			return nil, err
		}
	}
	return done, nil
}

// run is one way through a file, in one transaction.
type run struct {
	*Applier
	Options
	lines  map[string]int
	result *Result
	first  int       // where the changes of the environment begin
	faults []mistake // mistakes in the file, after which only more of them are looked for
}

func (a *Applier) all(ctx context.Context, f *File, o Options) (*Result, error) {
	r := &run{Applier: a, Options: o, lines: f.lines, result: &Result{Changes: []Change{}, Secrets: map[string]map[string]keys.Secret{}}}
	for i := range f.environments {
		if err := r.environment(ctx, &f.environments[i]); err != nil {
			return nil, err
		}
	}
	return r.result, byLine(r.faults)
}

// blame notes what is the file's fault, at the place where it is, and returns any other error.
func (r *run) blame(at string, err error) error {
	if err == nil {
		return nil
	}
	if several, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok {
		var rest []error
		for _, one := range several.Unwrap() {
			rest = append(rest, r.blame(at, one))
		}
		return errors.Join(rest...)
	}
	f := fault.Of(err)
	if f.Kind != fault.Invalid && f.Kind != fault.Conflict {
		return err
	}
	field := at
	if f.Field != "" {
		field = join(at, f.Field)
	}
	line := lineOf(r.lines, field)
	r.faults = append(r.faults, mistake{line, &fault.Error{Kind: f.Kind, Field: place(line, field), Message: f.Message, Cause: err}})
	return nil
}

func (r *run) environment(ctx context.Context, want *environment) error {
	r.first = len(r.result.Changes)
	before, err := r.found(ctx, want)
	if err != nil || before == nil {
		return err
	}
	env, err := r.loosened(ctx, before, want)
	if err != nil {
		return err
	}
	mistakes := len(r.faults)
	if err := r.roles(ctx, env, want); err != nil {
		return err
	}
	declared, err := r.applications(ctx, env, want)
	if err != nil {
		return err
	}
	if len(r.faults) > mistakes {
		return nil
	}
	if env, err = r.settings(ctx, before, want, declared); err != nil || env == nil {
		return err
	}
	return r.rest(ctx, env, want)
}

// found returns the environment, which it makes if there is none; nil if that is refused.
func (r *run) found(ctx context.Context, want *environment) (*environments.Environment, error) {
	env, err := r.read(ctx, want.slug)
	if !errors.Is(err, environments.ErrNotFound) {
		return env, err
	}
	in := environments.New{Slug: want.slug, Kind: want.kind(), Name: want.slug}
	if name, ok := want.settings["name"].(string); ok {
		in.Name = name
	}
	first := clients.New{Kind: clients.Web, Name: in.Name}
	at := want.at
	if i := slices.IndexFunc(want.applications, func(a application) bool { return a.clientID == want.defaultApplication }); i >= 0 {
		a := want.applications[i]
		if first, err = managed(a.patch); err != nil {
			return nil, r.blame(a.at, err)
		}
		configure := first.Configure
		first.Configure = func(app *clients.Application) error {
			at = a.at // nothing was wrong with the environment
			return configure(app)
		}
	}
	env, app, secret, err := r.Founder.Found(ctx, in, first)
	if err != nil {
		return nil, r.blame(at, err)
	}
	r.result.founded = append(r.result.founded, env.ID)
	r.add(Change{Action: Create, Type: "environment", Environment: env.Slug, Name: env.Slug, Fields: created(map[string]any{"kind": env.Kind, "name": env.Name})})
	if want.defaultApplication == app.ClientID {
		r.made(env, app, secret, want)
	}
	return env, nil
}

// loosened returns the environment, for development already if it is to become so, as its applications may need that.
func (r *run) loosened(ctx context.Context, env *environments.Environment, want *environment) (*environments.Environment, error) {
	if env.Kind == want.kind() || want.kind() != environments.Development {
		return env, nil
	}
	err := r.Founder.Change(ctx, env.ID, func(s *environments.Settings) error {
		s.Kind = environments.Development
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r.read(ctx, env.Slug)
}

// read returns the environment as it is in the transaction of ctx.
func (r *run) read(ctx context.Context, slug string) (*environments.Environment, error) {
	all, err := r.Founder.Environments.Store.Environments(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Slug == slug {
			return &all[i], nil
		}
	}
	return nil, environments.ErrNotFound
}

func managed(p clients.Patch) (clients.New, error) {
	in, err := p.New()
	configure := in.Configure
	in.Configure = func(a *clients.Application) error {
		a.ManagedBy = environments.ManagedByApply
		return configure(a)
	}
	return in, err
}

// made notes an application that was made.
func (r *run) made(env *environments.Environment, app *clients.Application, secret keys.Secret, want *environment) {
	c := Change{Action: Create, Type: "application", Environment: env.Slug, Name: app.ClientID}
	for _, a := range want.applications {
		if a.clientID == app.ClientID {
			c.Fields = created(a.patch)
		}
	}
	r.add(c)
	if secret.Reveal() == "" {
		return
	}
	if r.result.Secrets[env.Slug] == nil {
		r.result.Secrets[env.Slug] = map[string]keys.Secret{}
	}
	r.result.Secrets[env.Slug][app.ClientID] = secret
}

func (r *run) add(c Change) {
	if c.Fields == nil {
		c.Fields = []Field{}
	}
	r.result.Changes = append(r.result.Changes, c)
}

// applications makes all that are declared, and returns them by client ID.
func (r *run) applications(ctx context.Context, env *environments.Environment, want *environment) (map[string]*clients.Application, error) {
	registry, declared := r.Founder.Applications, map[string]*clients.Application{}
	owners := map[string]string{}
	for _, a := range want.applications {
		app, err := registry.Store.ApplicationByClientID(ctx, env.ID, a.clientID)
		switch {
		case errors.Is(err, clients.ErrNotFound):
			var secret keys.Secret
			in, err := managed(a.patch)
			if err == nil {
				app, secret, err = registry.Create(ctx, env, in)
			}
			if err != nil {
				if err := r.blame(a.at, err); err != nil {
					return nil, err
				}
				continue
			}
			r.made(env, app, secret, want)
		case err != nil:
			return nil, err
		case slices.ContainsFunc(r.result.Changes, func(c Change) bool {
			return c.Action == Create && c.Type == "application" && c.Environment == env.Slug && c.Name == a.clientID
		}): // with its environment
		default:
			if app, err = r.update(ctx, env, app, a.patch); err != nil {
				if err := r.blame(a.at, err); err != nil {
					return nil, err
				}
				continue
			}
		}
		declared[a.clientID] = app
		for i, identifier := range app.Identifiers { // the registry knows those that were committed
			if other := owners[identifier]; other != "" {
				err := fault.Conflictf(fmt.Sprintf("identifiers/%d", i), "%s declares this identifier too: an audience belongs to one application", other)
				if err := r.blame(a.at, err); err != nil {
					return nil, err
				}
			}
			owners[identifier] = a.clientID
		}
	}
	return declared, nil
}

func (r *run) update(ctx context.Context, env *environments.Environment, before *clients.Application, p clients.Patch) (*clients.Application, error) {
	registry := r.Founder.Applications
	after := before.Clone()
	if err := p.Declare(after); err != nil {
		return nil, err
	}
	c := Change{Action: Update, Type: "application", Environment: env.Slug, Name: before.ClientID, TakenOver: before.ManagedBy != environments.ManagedByApply}
	var err error
	if c.Fields, err = r.differences(ctx, env, string(before.ID), before.ManagedBy, before.Document(), after.Document()); err != nil {
		return nil, err
	}
	if len(c.Fields) == 0 && !c.TakenOver {
		return before, nil
	}
	ending, err := r.Sessions.CountEnding(ctx, before, &after.SessionPolicy, r.Now().UTC())
	if err != nil {
		return nil, err
	}
	if c.Ends = ending.Total(); before.Enabled && !after.Enabled {
		c.Ends = ending.Living
	}
	c.Living = ending.Living
	if err := registry.Declare(ctx, env, before.ID, p, environments.ManagedByApply); err != nil {
		return nil, err
	}
	r.add(c)
	return registry.Store.Application(ctx, env.ID, before.ID)
}

func (r *run) roles(ctx context.Context, env *environments.Environment, want *environment) error {
	all, err := pages(func(after organizations.RoleID) ([]organizations.Role, error) {
		return r.Organizations.Roles(ctx, env.ID, after, pageSize)
	}, func(o organizations.Role) organizations.RoleID { return o.ID })
	if err != nil {
		return err
	}
	for _, declared := range want.roles {
		i := slices.IndexFunc(all, func(o organizations.Role) bool { return o.Name == declared.settings.Name })
		if i < 0 {
			made, err := r.Organizations.DeclareRole(ctx, env.ID, declared.settings, environments.ManagedByApply)
			if err != nil {
				if err := r.blame(declared.at, err); err != nil {
					return err
				}
				continue
			}
			r.add(Change{Action: Create, Type: "role", Environment: env.Slug, Name: made.Name, Fields: created(made.Settings())})
			continue
		}
		before := all[i]
		after, err := r.Organizations.UpdateRole(ctx, env.ID, before.ID, func(o *organizations.Role) error {
			declared.settings.Apply(o)
			o.ManagedBy = environments.ManagedByApply
			return nil
		})
		if err != nil {
			if err := r.blame(declared.at, err); err != nil {
				return err
			}
			continue
		}
		c := Change{Action: Update, Type: "role", Environment: env.Slug, Name: before.Name, TakenOver: before.ManagedBy != environments.ManagedByApply}
		if c.Fields, err = r.differences(ctx, env, string(before.ID), before.ManagedBy, before.Settings(), after.Settings()); err != nil {
			return err
		}
		if len(c.Fields) > 0 || c.TakenOver {
			r.add(c)
		}
	}
	return nil
}

// settings makes the settings what is declared of them, and returns the environment as it is then; nil if that is refused.
func (r *run) settings(ctx context.Context, env *environments.Environment, want *environment, declared map[string]*clients.Application) (*environments.Environment, error) {
	was := env.Settings()
	defaultID := was.DefaultApplication
	if want.defaultApplication != "" {
		app := declared[want.defaultApplication]
		if app == nil {
			return nil, r.blame(join(want.at, "default_application"), fault.Invalidf("", "the file declares no application %q here", want.defaultApplication))
		}
		defaultID = string(app.ID)
	}
	err := r.Founder.Change(ctx, env.ID, func(s *environments.Settings) error {
		err := clients.Patch(want.settings).Merge(s)
		s.DefaultApplication = defaultID
		return err
	})
	if err == nil {
		err = r.Founder.Environments.Update(ctx, env.ID, func(_ context.Context, e *environments.Environment) error {
			e.ManagedBy = environments.ManagedByApply
			return nil
		})
	}
	if err != nil {
		return nil, r.blame(want.at, err)
	}
	after, err := r.read(ctx, env.Slug)
	if err != nil {
		return nil, err
	}
	is := after.Settings()
	for _, s := range []*environments.Settings{&was, &is} {
		app, err := r.Founder.Applications.Store.Application(ctx, env.ID, clients.ID(s.DefaultApplication))
		if err != nil {
			return nil, err
		}
		s.DefaultApplication = app.ClientID
	}
	fields, err := r.differences(ctx, env, string(env.ID), env.ManagedBy, was, is)
	if err != nil {
		return nil, err
	}
	for i := range fields {
		if fields[i].Name == "default_application_id" {
			fields[i].Name = "default_application"
		}
	}
	takenOver := env.ManagedBy != environments.ManagedByApply
	switch i := slices.IndexFunc(r.result.Changes, func(c Change) bool { return c.Action == Create && c.Type == "environment" && c.Name == env.Slug }); {
	case i >= 0:
		for _, f := range fields {
			r.result.Changes[i].Fields = append(r.result.Changes[i].Fields, Field{Name: f.Name, After: f.After})
		}
	case len(fields) > 0 || takenOver:
		c := Change{Action: Update, Type: "environment", Environment: env.Slug, Name: env.Slug, TakenOver: takenOver, Fields: fields}
		r.result.Changes = slices.Insert(r.result.Changes, r.first, c)
	}
	return after, nil
}

// rest is about what apply manages in the environment and the file doesn't declare.
func (r *run) rest(ctx context.Context, env *environments.Environment, want *environment) error {
	action := Leave
	if r.Prune {
		action = Delete
	}
	registry := r.Founder.Applications
	apps, err := pages(func(after clients.ID) ([]*clients.Application, error) {
		return registry.List(ctx, env.ID, after, pageSize)
	}, func(a *clients.Application) clients.ID { return a.ID })
	if err != nil {
		return err
	}
	for _, app := range apps {
		if app.ManagedBy != environments.ManagedByApply || slices.ContainsFunc(want.applications, func(a application) bool { return a.clientID == app.ClientID }) {
			continue
		}
		ending, err := r.Sessions.CountEnding(ctx, app, &app.SessionPolicy, r.Now().UTC())
		if err != nil {
			return err
		}
		r.add(Change{Action: action, Type: "application", Environment: env.Slug, Name: app.ClientID, Living: ending.Living, Ends: ending.Living})
		if r.Prune {
			if err := registry.Delete(ctx, env, app.ID); err != nil {
				if errors.Is(err, clients.ErrIsDefault) {
					err = fault.Conflictf("", "%s is the default application of the environment, which can't be deleted: declare default_application", app.ClientID)
				}
				return r.blame(want.at, err)
			}
		}
	}
	roles, err := pages(func(after organizations.RoleID) ([]organizations.Role, error) {
		return r.Organizations.Roles(ctx, env.ID, after, pageSize)
	}, func(o organizations.Role) organizations.RoleID { return o.ID })
	if err != nil {
		return err
	}
	for _, o := range roles {
		if o.ManagedBy != environments.ManagedByApply || slices.ContainsFunc(want.roles, func(d role) bool { return d.settings.Name == o.Name }) {
			continue
		}
		r.add(Change{Action: action, Type: "role", Environment: env.Slug, Name: o.Name})
		if r.Prune {
			if err := r.Organizations.DeleteRole(ctx, env.ID, o.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// differences are the fields in which two states of an object differ. Those of one that is managed by apply have their drift.
func (r *run) differences(ctx context.Context, env *environments.Environment, id string, by environments.Manager, before, after any) ([]Field, error) {
	changed, err := audit.Changed(before, after)
	if err != nil || changed.Empty() {
		return []Field{}, err
	}
	drifts := map[string]*Drift{}
	if by == environments.ManagedByApply {
		if drifts, err = r.drifts(ctx, env, id); err != nil {
			return nil, err
		}
	}
	all := []Field{}
	for _, name := range names(changed.Before, changed.After) {
		for _, f := range split(name, changed.Before[name], changed.After[name]) {
			f.Drift = drifts[name]
			all = append(all, f)
		}
	}
	return all, nil
}

// drifts tells by whom each field of an object was changed since the last apply, as far as its latest 100 events have it.
func (r *run) drifts(ctx context.Context, env *environments.Environment, id string) (map[string]*Drift, error) {
	events, _, err := r.Events.Events(ctx, string(env.ID), audit.Query{Target: id, Limit: pageSize})
	if err != nil {
		return nil, err
	}
	drifts := map[string]*Drift{}
	for i := range events {
		e := &events[i]
		if e.Actor.Kind == audit.ActorSystem && e.Actor.ID == actorID {
			break
		}
		var change audit.Change
		if data, ok := e.Data.(json.RawMessage); !ok || json.Unmarshal(data, &change) != nil {
			continue // it is about something else
		}
		for _, name := range names(change.Before, change.After) {
			if drifts[name] == nil {
				drifts[name] = &Drift{By: actorName(e.Actor), At: e.Time}
			}
		}
	}
	return drifts, nil
}

func actorName(a audit.Actor) string {
	if a.Name != "" {
		return a.Name
	}
	return strings.TrimSpace(string(a.Kind) + " " + a.ID)
}
