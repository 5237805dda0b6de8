package clients

import (
	"context"
	"errors"

	"github.com/portico-id/portico/environments"
)

// Errors of the Store and the Registry.
var (
	ErrNotFound      = errors.New("no such application")
	ErrClientIDTaken = errors.New("another application has this client ID")
	ErrPublicClient  = errors.New("a public client has no secret")
)

// Store keeps applications and their secrets. It returns ErrNotFound if the environment has no application with the ID.
type Store interface {
	// ApplicationByClientID returns the application with its secrets.
	ApplicationByClientID(ctx context.Context, env environments.ID, clientID string) (*Application, error)
	// Application returns the application with its secrets.
	Application(ctx context.Context, env environments.ID, id ID) (*Application, error)
	// Applications returns the applications in the order of their creation, at most limit, after the given ID ("" from
	// the start).
	Applications(ctx context.Context, env environments.ID, after ID, limit int) ([]*Application, error)
	// CreateApplication adds one with its secrets. It returns ErrClientIDTaken.
	CreateApplication(ctx context.Context, app *Application) error
	// UpdateApplication loads the application, calls change and saves the result with its secrets. All of it, and what
	// change does with the context it is given, is one transaction: an error undoes it and is returned.
	UpdateApplication(ctx context.Context, env environments.ID, id ID, change func(context.Context, *Application) error) error
	// DeleteApplication removes the application and everything that belongs to it.
	DeleteApplication(ctx context.Context, env environments.ID, id ID) error
	// MarkSecretsUsed notes when secrets were last used, by secret ID, and from which address.
	MarkSecretsUsed(ctx context.Context, marks map[string]SecretUse) error
}
