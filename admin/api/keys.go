package api

import (
	"context"
	"slices"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/keys"
)

const tagKeys = "Signing keys"

func (a *API) registerKeys() {
	read, write := clients.ScopeReadKeys, clients.ScopeWriteKeys
	register(a, operation{
		id: "list-keys", at: "GET /keys", tag: tagKeys, needs: read, summary: "List signing keys", description: "The oldest first, with those that are retired.",
	}, a.listKeys)
	register(a, operation{
		id: "rotate-keys", at: "POST /keys:rotate", tag: tagKeys, needs: write, bodyless: true, summary: "Replace signing keys",
		description: "The next key is published now, and signs when relying parties have had a day to learn of it. What the old key has signed stays valid. " +
			"With now it signs at once, which is for a key that may be in wrong hands: relying parties that have not fetched the new one refuse tokens until they do.",
	}, a.rotateKeys)
	register(a, operation{
		id: "retire-key", at: "POST /keys/{key_id}/retire", tag: tagKeys, needs: write, summary: "Take a signing key out of use before its time",
		description: "What it has signed is refused from now on. The active key must be rotated first.",
	}, a.retireKey)
	register(a, operation{
		id: "delete-key", at: "DELETE /keys/{key_id}", tag: tagKeys, needs: write, summary: "Remove a retired signing key",
		description: "ID tokens that it has signed are then refused as a hint too.",
	}, a.deleteKey)
}

// SigningKey is a signing key without its private half.
type SigningKey struct {
	ID          string         `json:"id" doc:"The kid."`
	Algorithm   keys.Algorithm `json:"algorithm" enum:"RS256,PS256,ES256,EdDSA"`
	State       keys.State     `json:"state" enum:"next,active,published,retired" doc:"next is published before it signs, active signs, published has signed tokens that may live, retired is no longer in the JWK Set."`
	CreatedAt   time.Time      `json:"created_at"`
	ActivatedAt time.Time      `json:"activated_at,omitzero"`
	PublishedAt time.Time      `json:"published_at,omitzero" doc:"When it stopped signing."`
	RetiredAt   time.Time      `json:"retired_at,omitzero"`
}

func signingKeyOf(k keys.SigningKey) SigningKey {
	return SigningKey{
		ID: k.ID, Algorithm: k.Algorithm, State: k.State, CreatedAt: k.CreatedAt, ActivatedAt: k.ActivatedAt, PublishedAt: k.PublishedAt, RetiredAt: k.RetiredAt,
	}
}

// listKeys serves GET /keys.
func (a *API) listKeys(ctx context.Context, _ *struct{}) (*reply[list[SigningKey]], error) {
	all, err := a.Keys.Keys(ctx, environments.FromContext(ctx).ID)
	if err != nil {
		return nil, err
	}
	return whole(all, signingKeyOf), nil
}

// KeyRotation says which keys are replaced, and when.
type KeyRotation struct {
	Algorithm keys.Algorithm `json:"algorithm,omitempty" enum:"RS256,PS256,ES256,EdDSA" doc:"The key of this algorithm alone; all that are in use if not given."`
	Now       bool           `json:"now,omitempty" doc:"Sign with the new key at once."`
}

// rotateKeys serves POST /keys:rotate.
func (a *API) rotateKeys(ctx context.Context, in *struct{ body[KeyRotation] }) (*reply[list[SigningKey]], error) {
	env := environments.FromContext(ctx).ID
	algorithms := []keys.Algorithm{in.sent.Algorithm}
	if in.sent.Algorithm == "" {
		all, err := a.Keys.Keys(ctx, env)
		if err != nil {
			return nil, err
		}
		algorithms = nil
		for _, k := range all {
			if k.State == keys.Active {
				algorithms = append(algorithms, k.Algorithm)
			}
		}
	}
	rotate := a.Keys.Rotate
	if in.sent.Now {
		rotate = a.Keys.RotateNow
	}
	var made []keys.SigningKey
	for _, algorithm := range algorithms {
		k, err := rotate(ctx, env, algorithm)
		if err != nil {
			return nil, err
		}
		made = append(made, k)
	}
	return whole(made, signingKeyOf), nil
}

// OneKey is the path of a signing key.
type OneKey struct {
	KeyID string `path:"key_id" doc:"The kid."`
}

// retireKey serves POST /keys/{key_id}/retire.
func (a *API) retireKey(ctx context.Context, in *struct{ OneKey }) (*reply[SigningKey], error) {
	env := environments.FromContext(ctx).ID
	if err := a.Keys.Retire(ctx, env, in.KeyID); err != nil {
		return nil, err
	}
	all, err := a.Keys.Keys(ctx, env)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(k keys.SigningKey) bool { return k.ID == in.KeyID })
	if i < 0 {
		return nil, keys.ErrNotFound // it was deleted meanwhile
	}
	return &reply[SigningKey]{signingKeyOf(all[i])}, nil
}

// deleteKey serves DELETE /keys/{key_id}.
func (a *API) deleteKey(ctx context.Context, in *struct{ OneKey }) (*struct{}, error) {
	return nil, a.Keys.Delete(ctx, environments.FromContext(ctx).ID, in.KeyID)
}
