package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

// Schedule says when a signing key moves to its next state. In each field zero is the default. RotateEvery must be longer
// than PublishBefore.
type Schedule struct {
	RotateEvery   time.Duration // how long a key is Active; 90 days
	PublishBefore time.Duration // how long it is Next: as long as anybody may keep a JWK Set without asking again; 24 hours
	PublishAfter  time.Duration // how long it is Published: longer than any token lives that it signed; 25 hours
}

func (s Schedule) orDefaults() Schedule {
	if s.RotateEvery == 0 {
		s.RotateEvery = 90 * 24 * time.Hour
	}
	if s.PublishBefore == 0 {
		s.PublishBefore = 24 * time.Hour
	}
	if s.PublishAfter == 0 {
		s.PublishAfter = 25 * time.Hour
	}
	return s
}

// change is one step of the life of a key.
type change struct {
	algorithm Algorithm
	to        State
	key       *SigningKey // the one that moves; nil if one is to be made
	replaced  *SigningKey // the Active one that becomes Published thereby; nil if none
}

// due returns what is to be done with the keys of an environment at a time. Done once, it is not due again.
func (s Schedule) due(keys []SigningKey, now time.Time) []change {
	var changes []change
	for _, algorithm := range Algorithms() {
		active, next := find(keys, algorithm, Active), find(keys, algorithm, Next)
		switch {
		case active == nil && next == nil:
			if slices.Contains(provisioned, algorithm) {
				changes = append(changes, change{algorithm: algorithm, to: Active})
			}
		case active == nil, next != nil && !now.Before(next.CreatedAt.Add(s.PublishBefore)):
			changes = append(changes, change{algorithm: algorithm, to: Active, key: next, replaced: active})
		case next == nil && !now.Before(active.ActivatedAt.Add(s.RotateEvery-s.PublishBefore)):
			changes = append(changes, change{algorithm: algorithm, to: Next})
		}
	}
	for i := range keys {
		if key := &keys[i]; key.State == Published && !now.Before(key.PublishedAt.Add(s.PublishAfter)) {
			changes = append(changes, change{algorithm: key.Algorithm, to: Retired, key: key})
		}
	}
	return changes
}

// Moves returns when Tick moves the key to its next state, if nothing else happens to it; zero for a Retired one.
func (r *Ring) Moves(key SigningKey) time.Time {
	s := r.Schedule.orDefaults()
	switch key.State {
	case Next:
		return key.CreatedAt.Add(s.PublishBefore)
	case Active:
		return key.ActivatedAt.Add(s.RotateEvery)
	case Published:
		return key.PublishedAt.Add(s.PublishAfter)
	}
	return time.Time{}
}

func find(keys []SigningKey, algorithm Algorithm, state State) *SigningKey {
	i := slices.IndexFunc(keys, func(k SigningKey) bool { return k.Algorithm == algorithm && k.State == state })
	if i < 0 {
		return nil
	}
	return &keys[i]
}

// Tick does with the keys of every environment what is due by the Schedule, and makes those that are missing. Call it
// about once a minute on every node: what one node does, no other does again. It also picks up changes that Invalidate
// was never called for. The errors of several environments are joined; none keeps the others from their turn.
func (r *Ring) Tick(ctx context.Context) error {
	return each(ctx, r.Environments, "rotate signing keys", func(env environments.ID) error { return r.tick(ctx, env) })
}

func (r *Ring) tick(ctx context.Context, env environments.ID) error {
	s, err := r.snapshots.reload(ctx, env, r.load)
	if err != nil {
		return err
	}
	for _, c := range r.Schedule.orDefaults().due(s.rows, r.now()) {
		switch {
		case c.key == nil:
			_, err = r.create(ctx, env, c.algorithm, c.to)
		case c.to == Active:
			_, err = r.activate(ctx, env, *c.key, c.replaced)
		default:
			err = r.retire(ctx, env, *c.key)
		}
		if err != nil && !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return nil
}

// Keys returns the environment's signing keys as they are now, the oldest first, without their private halves.
func (r *Ring) Keys(ctx context.Context, env environments.ID) ([]SigningKey, error) {
	s, err := r.snapshots.reload(ctx, env, r.load)
	if err != nil {
		return nil, err
	}
	keys := slices.Clone(s.rows)
	for i := range keys {
		keys[i].PrivateKey = nil
	}
	return keys, nil
}

// Rotate begins to replace the active key of the algorithm: it publishes the next key and returns it. Tick lets that one
// sign when relying parties have had PublishBefore to learn of it. A next key that is there already is returned as it is.
// Errors: fault.Invalid for an unknown algorithm; ErrConflict if somebody rotates at the same time.
func (r *Ring) Rotate(ctx context.Context, env environments.ID, algorithm Algorithm) (SigningKey, error) {
	_, next, err := r.prepare(ctx, env, algorithm)
	if err != nil {
		return SigningKey{}, fmt.Errorf("rotate %s key of %s: %w", algorithm, env, err)
	}
	return next, nil
}

// RotateNow replaces the active key of the algorithm at once, by the next key if there is one, and returns the new active
// key. Tokens that the old key signed stay valid. Relying parties that don't fetch the JWK Set when they meet an unknown kid
// refuse new tokens for a while, so this is for a key that may be in wrong hands; Retire then ends what it has signed.
// Its errors are those of Rotate.
func (r *Ring) RotateNow(ctx context.Context, env environments.ID, algorithm Algorithm) (SigningKey, error) {
	active, next, err := r.prepare(ctx, env, algorithm)
	if err == nil {
		next, err = r.activate(ctx, env, next, active)
	}
	if err != nil {
		return SigningKey{}, fmt.Errorf("rotate %s key of %s now: %w", algorithm, env, err)
	}
	return next, nil
}

// prepare returns the active key, nil if there is none, and the next key, which it makes if there is none.
func (r *Ring) prepare(ctx context.Context, env environments.ID, algorithm Algorithm) (active *SigningKey, next SigningKey, err error) {
	if !algorithm.Valid() {
		return nil, SigningKey{}, fault.Invalidf("algorithm", "algorithm %q must be one of %v", algorithm, Algorithms())
	}
	s, err := r.snapshots.reload(ctx, env, r.load)
	if err != nil {
		return nil, SigningKey{}, err
	}
	active = find(s.rows, algorithm, Active)
	if key := find(s.rows, algorithm, Next); key != nil {
		return active, *key, nil
	}
	next, err = r.create(ctx, env, algorithm, Next)
	return active, next, err
}

// Retire takes a key out of the JWK Set before its time: what it signed is refused from now on, but for ID tokens given as a
// hint. Its private half is destroyed. Errors: ErrNotFound; fault.Conflict for the active key, which RotateNow must
// replace first.
func (r *Ring) Retire(ctx context.Context, env environments.ID, id string) error {
	key, err := r.key(ctx, env, id)
	if err != nil {
		return err
	}
	switch key.State {
	case Retired:
		return nil
	case Active:
		return fault.Conflictf("", "this key signs tokens; rotate it first")
	}
	if err := r.retire(ctx, env, key); err != nil {
		return fmt.Errorf("retire key %s: %w", id, err)
	}
	return nil
}

// Delete removes a retired key for ever: not even ID tokens given as a hint can be verified with it. Errors: ErrNotFound;
// fault.Conflict for a key that is not retired.
func (r *Ring) Delete(ctx context.Context, env environments.ID, id string) error {
	key, err := r.key(ctx, env, id)
	if err != nil {
		return err
	}
	if key.State != Retired {
		return fault.Conflictf("", "this key is %s; retire it first", key.State)
	}
	err = r.change(ctx, env, "signing_key.deleted", key, "", func(ctx context.Context) error {
		return r.Store.DeleteSigningKey(ctx, env, id)
	})
	if err != nil {
		return fmt.Errorf("delete key %s: %w", id, err)
	}
	return nil
}

func (r *Ring) key(ctx context.Context, env environments.ID, id string) (SigningKey, error) {
	s, err := r.snapshots.reload(ctx, env, r.load)
	if err != nil {
		return SigningKey{}, err
	}
	i := slices.IndexFunc(s.rows, func(k SigningKey) bool { return k.ID == id })
	if i < 0 {
		return SigningKey{}, ErrNotFound
	}
	return s.rows[i], nil
}

func (r *Ring) create(ctx context.Context, env environments.ID, algorithm Algorithm, state State) (SigningKey, error) {
	key, err := r.generate(env, algorithm, state)
	if err != nil {
		return SigningKey{}, err
	}
	return key, r.change(ctx, env, "signing_key.created", key, "", func(ctx context.Context) error {
		return r.Store.AddSigningKey(ctx, env, key)
	})
}

// activate lets next sign instead of active, if there is such a one.
func (r *Ring) activate(ctx context.Context, env environments.ID, next SigningKey, active *SigningKey) (SigningKey, error) {
	next.State, next.ActivatedAt = Active, r.now()
	replaced := ""
	if active != nil {
		replaced = active.ID
	}
	return next, r.change(ctx, env, "signing_key.activated", next, replaced, func(ctx context.Context) error {
		if active != nil {
			if err := r.Store.MoveSigningKey(ctx, env, active.ID, Active, Published, next.ActivatedAt); err != nil {
				return err
			}
		}
		return r.Store.MoveSigningKey(ctx, env, next.ID, Next, Active, next.ActivatedAt)
	})
}

func (r *Ring) retire(ctx context.Context, env environments.ID, key SigningKey) error {
	return r.change(ctx, env, "signing_key.retired", key, "", func(ctx context.Context) error {
		return r.Store.MoveSigningKey(ctx, env, key.ID, key.State, Retired, r.now())
	})
}

// keyFacts is what an event tells of a key.
type keyFacts struct {
	Algorithm Algorithm `json:"algorithm"`
	Replaced  string    `json:"replaced,omitempty"` // kid
}

// change does one step and records it, in one transaction.
func (r *Ring) change(ctx context.Context, env environments.ID, event string, key SigningKey, replaced string, do func(context.Context) error) error {
	defer r.Invalidate(env)
	return r.Store.InTx(ctx, func(ctx context.Context) error {
		if err := do(ctx); err != nil {
			return err
		}
		return r.Audit.Record(ctx, audit.Event{
			Name: event, Environment: string(env), Target: key.ID, Data: keyFacts{Algorithm: key.Algorithm, Replaced: replaced},
		})
	})
}

// Rewrap encrypts every private key that is not under the Vault's current key-encryption key anew, and returns how many
// there were. When Ring and Sealer return 0 without an error, the previous key-encryption keys can go.
func (r *Ring) Rewrap(ctx context.Context) (moved int, err error) {
	err = each(ctx, r.Environments, "rewrap signing keys", func(env environments.ID) error {
		rows, err := r.Store.SigningKeys(ctx, env)
		if err != nil {
			return err
		}
		for _, key := range rows {
			if key.PrivateKey == nil || r.Vault.Current(key.PrivateKey) {
				continue
			}
			wrapped, err := r.Vault.Rewrap(key.label(), key.PrivateKey)
			if err != nil {
				return err
			}
			if err := r.Store.RewrapSigningKey(ctx, env, key.ID, key.PrivateKey, wrapped); err != nil {
				return fmt.Errorf("rewrap %s: %w", key.ID, err)
			}
			moved++
		}
		return nil
	})
	return moved, err
}
