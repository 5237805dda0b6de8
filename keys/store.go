package keys

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portico-id/portico/environments"
)

// Store keeps signing keys. It promises that an environment has at most one key in state Active, and at most one in
// state Next, for each algorithm, whatever runs at once on however many nodes: the call that would make a second one
// returns ErrConflict. Times are kept to the microsecond. Every committed change is made known to the other nodes, where
// the server calls Ring.Invalidate.
type Store interface {
	// InTx runs do in one transaction that do's context carries: an error undoes everything and is returned. Inside a
	// transaction it joins that one.
	InTx(ctx context.Context, do func(context.Context) error) error

	// SigningKeys returns all signing keys of the environment, the oldest first; none is no error.
	SigningKeys(ctx context.Context, env environments.ID) ([]SigningKey, error)
	// AddSigningKey inserts the key. It returns ErrConflict if its ID is taken, or if another key of its algorithm is in
	// its state and that state is Next or Active.
	AddSigningKey(ctx context.Context, env environments.ID, key SigningKey) error
	// MoveSigningKey gives a key in state from the state to and sets the time at which that began; a key that becomes
	// Retired loses its private half. It is one conditional statement. It returns ErrConflict if there is no such key in
	// state from, or if to is Next or Active and another key of its algorithm is in that state.
	MoveSigningKey(ctx context.Context, env environments.ID, id string, from, to State, at time.Time) error
	// RewrapSigningKey replaces the encrypted private key if it is still old, and does nothing otherwise.
	RewrapSigningKey(ctx context.Context, env environments.ID, id string, old, wrapped []byte) error
	// DeleteSigningKey removes a key in state Retired. It returns ErrConflict if there is none with the ID.
	DeleteSigningKey(ctx context.Context, env environments.ID, id string) error
}

// SealingStore keeps sealing keys. Every committed change is made known to the other nodes, where the server calls
// Sealer.Invalidate.
type SealingStore interface {
	// SealingKeys returns all sealing keys of the environment by ascending ID; none is no error.
	SealingKeys(ctx context.Context, env environments.ID) ([]SealingKey, error)
	// AddSealingKey inserts the key. It returns ErrConflict if its ID is taken.
	AddSealingKey(ctx context.Context, env environments.ID, key SealingKey) error
	// RewrapSealingKey replaces the encrypted secret if it is still old, and does nothing otherwise.
	RewrapSealingKey(ctx context.Context, env environments.ID, id uint32, old, wrapped []byte) error
	// DeleteSealingKeys removes the keys with an ID below the one given.
	DeleteSealingKeys(ctx context.Context, env environments.ID, below uint32) error
}

// Environments lists the environments whose keys Tick and Rewrap look after. *environments.Registry is one.
type Environments interface {
	All(ctx context.Context) ([]*environments.Environment, error)
}

// each calls do for every environment and joins the errors: none keeps the other environments from their turn.
func each(ctx context.Context, envs Environments, what string, do func(env environments.ID) error) error {
	all, err := envs.All(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	var errs []error
	for _, env := range all {
		if err := do(env.ID); err != nil {
			errs = append(errs, fmt.Errorf("%s of %s: %w", what, env.ID, err))
		}
	}
	return errors.Join(errs...)
}
