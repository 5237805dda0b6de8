package admin

import (
	"context"
	"fmt"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
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
	env, err := f.Environments.Create(ctx, in, func(ctx context.Context, env *environments.Environment) error {
		app := clients.New{Kind: clients.Web, Name: in.Name}
		if in.Slug == environments.OperatorsSlug {
			env.SignUp = false // operators are invited
			app.Name = "Portico dashboard"
			app.Configure = func(a *clients.Application) error {
				a.HomepageURI = f.PublicURL + "/admin"
				return nil
			}
		}
		made, _, err := f.Applications.Create(ctx, env, app)
		if err != nil {
			return fmt.Errorf("make the default application: %w", err)
		}
		env.DefaultApplication = string(made.ID)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return env, f.Keys.Provision(ctx, env.ID)
}
