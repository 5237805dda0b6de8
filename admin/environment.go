package admin

import (
	"context"
	"errors"
	"fmt"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/keys"
)

// Founder makes environments whole: with their default application and their keys.
type Founder struct {
	Environments *environments.Registry
	Applications *clients.Registry
	Keys         *keys.Ring
	PublicURL    string // of the installation
}

// Create makes an environment. Errors: those of environments.Registry.Create.
func (f *Founder) Create(ctx context.Context, in environments.New) (*environments.Environment, error) {
	app := clients.New{Kind: clients.Web, Name: in.Name}
	if in.Slug == environments.OperatorsSlug {
		app.Name = "Portico dashboard"
		app.Configure = func(a *clients.Application) error {
			a.HomepageURI = f.PublicURL + "/admin"
			return nil
		}
	}
	env, _, _, err := f.Found(ctx, in, app)
	if err != nil {
		return nil, err
	}
	return env, f.Keys.Provision(ctx, env.ID)
}

// Found makes an environment with the default application and, unlike Create, without keys: it can be a part of a transaction,
// after whose commit Keys.Provision is to be called. It returns the application with its secret. Errors: those of
// environments.Registry.Create and of clients.Registry.Create.
func (f *Founder) Found(ctx context.Context, in environments.New, first clients.New) (*environments.Environment, *clients.Application, keys.Secret, error) {
	var app *clients.Application
	var secret keys.Secret
	env, err := f.Environments.Create(ctx, in, func(ctx context.Context, env *environments.Environment) (err error) {
		env.SignUp = in.Slug != environments.OperatorsSlug // operators are invited
		if app, secret, err = f.Applications.Create(ctx, env, first); err != nil {
			return fmt.Errorf("make the default application: %w", err)
		}
		env.DefaultApplication = string(app.ID)
		return nil
	})
	return env, app, secret, err
}

// MakeDefault makes the application the default of its environment. Errors: fault.Invalid for one that does not exist, fault.Conflict for one that
// is disabled or that nobody signs in to.
func (f *Founder) MakeDefault(ctx context.Context, env environments.ID, id clients.ID) error {
	return f.Environments.Update(ctx, env, func(ctx context.Context, e *environments.Environment) error {
		return f.setDefault(ctx, e, id)
	})
}

// Change sets everything of the environment that the settings speak of. Errors: fault.Invalid, one for each mistake; *Unready
// for one that is to become an environment for production; those of MakeDefault.
func (f *Founder) Change(ctx context.Context, env environments.ID, change func(*environments.Settings) error) error {
	return f.ChangeSeen(ctx, env, func(*environments.Environment) error { return nil }, change)
}

// ChangeSeen does as Change if the environment is in a state that seen takes. Else it changes nothing and returns the error of seen.
func (f *Founder) ChangeSeen(ctx context.Context, env environments.ID, seen func(*environments.Environment) error, change func(*environments.Settings) error) error {
	return f.Environments.Update(ctx, env, func(ctx context.Context, e *environments.Environment) error {
		if err := seen(e); err != nil {
			return err
		}
		settings := e.Settings()
		if err := change(&settings); err != nil {
			return err
		}
		if settings.Kind == environments.Production && e.Kind != environments.Production {
			if err := f.ready(ctx, e.ID); err != nil {
				return err
			}
		}
		settings.Apply(e)
		return f.setDefault(ctx, e, clients.ID(settings.DefaultApplication))
	})
}

// setDefault takes part in the transaction of ctx, which holds the environment: the application can't go meanwhile.
func (f *Founder) setDefault(ctx context.Context, e *environments.Environment, id clients.ID) error {
	if e.DefaultApplication == string(id) {
		return nil
	}
	app, err := f.Applications.Store.Application(ctx, e.ID, id)
	switch {
	case errors.Is(err, clients.ErrNotFound):
		return fault.Invalidf("default_application_id", "there is no application %q", id)
	case err != nil:
		return err
	case !app.Enabled:
		return fault.Conflictf("default_application_id", "%s is disabled: enable it first", app.Name)
	case !app.HasUsers():
		return fault.Conflictf("default_application_id", "nobody signs in to %s, as its kind is %s", app.Name, app.Kind)
	}
	e.DefaultApplication = string(id)
	return nil
}

// Unready says which applications keep an environment from becoming one for production. It is a fault.Conflict of the field
// kind for each of their mistakes.
type Unready struct {
	Applications []UnreadyApplication
}

// UnreadyApplication is an application that production would refuse.
type UnreadyApplication struct {
	ID       clients.ID
	Name     string
	Mistakes []*fault.Error // as of clients.Application.Validate
}

func (u *Unready) Error() string { return errors.Join(u.Unwrap()...).Error() }

// Unwrap returns the conflicts.
func (u *Unready) Unwrap() []error {
	var all []error
	for _, app := range u.Applications {
		for _, mistake := range app.Mistakes {
			all = append(all, fault.Conflictf("kind", "%s, %s: %s", app.Name, mistake.Field, mistake.Message))
		}
	}
	return all
}

// ready returns *Unready unless every application of the environment suits production.
func (f *Founder) ready(ctx context.Context, env environments.ID) error {
	var unready Unready
	const page = 100
	for after := clients.ID(""); ; {
		apps, err := f.Applications.Store.Applications(ctx, env, after, page)
		if err != nil {
			return err
		}
		for _, app := range apps {
			if err := app.Validate(environments.Production); err != nil {
				unready.Applications = append(unready.Applications, UnreadyApplication{ID: app.ID, Name: app.Name, Mistakes: fault.All(err)})
			}
			after = app.ID
		}
		if len(apps) < page {
			break
		}
	}
	if len(unready.Applications) > 0 {
		return &unready
	}
	return nil
}
