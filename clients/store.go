package clients

import (
	"context"
	"time"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

// Errors of the Store and the Registry.
var (
	ErrNotFound      error = fault.NotFoundf("no such application")
	ErrClientIDTaken error = fault.Conflictf("client_id", "another application has this client ID")
	ErrPublicClient  error = fault.Conflictf("", "a public client has no secret")
	ErrIsDefault     error = fault.Conflictf("", "this is the default application of its environment, which can't be deleted: make another one the default first")
)

// Store keeps applications and their secrets. It returns ErrNotFound if the environment has no application with the ID.
// Whoever wires it has Registry.Invalidate called after the commit of each change.
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
	// UpdateApplication loads the application, calls change and saves the result with its secrets, but for their LastUsed.
	// All of it, and what change does with the context it is given, is one transaction: an error undoes it and is
	// returned.
	UpdateApplication(ctx context.Context, env environments.ID, id ID, change func(context.Context, *Application) error) error
	// DeleteApplication hides the application from everybody; what belongs to it is removed later, as there may be very much. It
	// returns ErrIsDefault for the default application of an environment, whatever a caller's snapshot of the environment says.
	DeleteApplication(ctx context.Context, env environments.ID, id ID, now time.Time) error
	// MarkSecretsUsed notes when secrets were last used, by secret ID, and from which address. A secret that is gone is no
	// error.
	MarkSecretsUsed(ctx context.Context, marks map[string]SecretUse) error
}

// AssertionStore remembers the assertions that clients authenticated by.
type AssertionStore interface {
	// UseAssertion notes the hash until a time, and reports whether it is new in the environment. Of any number of callers at once, on
	// however many nodes, one is first.
	UseAssertion(ctx context.Context, env environments.ID, hash [32]byte, until time.Time) (first bool, err error)
}
