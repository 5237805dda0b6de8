package api

import (
	"context"
	"slices"
	"time"

	"github.com/portico-id/portico/clients"
)

const tagCredentials = "Credentials"

func (a *API) registerAPIKeys() {
	read, write := clients.ScopeReadApplications, clients.ScopeWriteApplications
	register(a, operation{
		id: "list-api-keys", at: "GET /applications/{application_id}/api_keys", tag: tagCredentials, needs: read,
		summary: "List API keys", description: "All of them, the oldest first, with those that ended lately.",
	}, a.listAPIKeys)
	register(a, operation{
		id: "create-api-key", at: "POST /applications/{application_id}/api_keys", tag: tagCredentials, needs: write, creates: true,
		summary: "Give an application an API key", description: "The answer shows it this once. No key can make one with scopes that it lacks itself.",
	}, a.createAPIKey)
	register(a, operation{
		id: "revoke-api-key", at: "POST /applications/{application_id}/api_keys/{key_id}/revoke", tag: tagCredentials, needs: write,
		summary: "End an API key", description: "It is refused from the next request on, on every node.",
	}, a.revokeAPIKey)
	register(a, operation{
		id: "expire-api-key", at: "POST /applications/{application_id}/api_keys/{key_id}/expire", tag: tagCredentials, needs: write, bodyless: true,
		summary: "Let an API key expire", description: "Now, or at a time. A key that has expired stays so.",
	}, a.expireAPIKey)
}

// APIKey is an API key without its text.
type APIKey struct {
	ID            string             `json:"id" doc:"key_…"`
	ApplicationID clients.ID         `json:"application_id"`
	Name          string             `json:"name"`
	Hint          string             `json:"hint" doc:"Its last four characters."`
	Scopes        []clients.APIScope `json:"scopes"`
	Status        string             `json:"status" enum:"active,expired,revoked"`
	CreatedAt     time.Time          `json:"created_at"`
	ExpiresAt     time.Time          `json:"expires_at,omitzero" doc:"Absent if it never does."`
	RevokedAt     time.Time          `json:"revoked_at,omitzero" doc:"Absent if it was not revoked."`
	LastUsedAt    time.Time          `json:"last_used_at,omitzero" doc:"Absent if it was never used."`
	LastUsedFrom  string             `json:"last_used_from,omitempty" doc:"The address it was last used from."`
}

func (a *API) apiKeyOf(k *clients.APIKey) APIKey {
	d := APIKey{
		ID: k.ID, ApplicationID: k.Application, Name: k.Name, Hint: k.Hint, Scopes: k.Scopes, Status: "active", CreatedAt: k.CreatedAt,
		ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt, LastUsedAt: k.LastUsed.At, LastUsedFrom: k.LastUsed.Address,
	}
	switch {
	case !k.RevokedAt.IsZero():
		d.Status = "revoked"
	case !k.Alive(a.Now()):
		d.Status = "expired"
	}
	return d
}

// CreatedAPIKey is an API key, the only time that anyone sees it.
type CreatedAPIKey struct {
	APIKey
	Key string `json:"key" doc:"The key: sk_…. It is shown this once."`
}

// NewAPIKey is an API key to be.
type NewAPIKey struct {
	Name      string             `json:"name,omitempty" maxLength:"100" doc:"To tell it from others, in up to 100 characters."`
	Scopes    []clients.APIScope `json:"scopes" maxItems:"18" doc:"What it may do: applications, users, organizations, sessions, events (:read alone), keys or settings with :read or :write, or * for all; of the environment operators also environments and operators."`
	ExpiresAt time.Time          `json:"expires_at,omitzero" doc:"When it expires; never if not given."`
}

// OneAPIKey is the path of an API key.
type OneAPIKey struct {
	InApplication
	KeyID string `path:"key_id" doc:"key_…"`
}

// listAPIKeys serves GET /applications/{application_id}/api_keys.
func (a *API) listAPIKeys(ctx context.Context, in *struct{ InApplication }) (*reply[list[APIKey]], error) {
	env, app, err := a.application(ctx, in.InApplication)
	if err != nil {
		return nil, err
	}
	all, err := a.APIKeys.List(ctx, env.ID, app.ID)
	if err != nil {
		return nil, err
	}
	return whole(all, func(k clients.APIKey) APIKey { return a.apiKeyOf(&k) }), nil
}

// createAPIKey serves POST /applications/{application_id}/api_keys. The reply shows the key once.
func (a *API) createAPIKey(ctx context.Context, in *struct {
	InApplication
	body[NewAPIKey]
}) (*reply[CreatedAPIKey], error) {
	env, app, err := a.application(ctx, in.InApplication)
	if err != nil {
		return nil, err
	}
	for _, scope := range in.sent.Scopes {
		if slices.Contains(clients.APIScopes(), scope) && !caller(ctx).Allows(scope) {
			return nil, lacking(scope)
		}
	}
	k, secret, err := a.APIKeys.Create(ctx, env, app.ID, clients.NewAPIKey{Name: in.sent.Name, Scopes: in.sent.Scopes, ExpiresAt: in.sent.ExpiresAt})
	if err != nil {
		return nil, err
	}
	return &reply[CreatedAPIKey]{CreatedAPIKey{a.apiKeyOf(&k), secret.Reveal()}}, nil
}

// revokeAPIKey serves POST /applications/{application_id}/api_keys/{key_id}/revoke.
func (a *API) revokeAPIKey(ctx context.Context, in *struct{ OneAPIKey }) (*reply[APIKey], error) {
	env, app, err := a.application(ctx, in.InApplication)
	if err != nil {
		return nil, err
	}
	k, err := a.APIKeys.Revoke(ctx, env.ID, app.ID, in.KeyID)
	if err != nil {
		return nil, err
	}
	return &reply[APIKey]{a.apiKeyOf(&k)}, nil
}

// expireAPIKey serves POST /applications/{application_id}/api_keys/{key_id}/expire.
func (a *API) expireAPIKey(ctx context.Context, in *struct {
	OneAPIKey
	body[Expiry]
}) (*reply[APIKey], error) {
	env, app, err := a.application(ctx, in.InApplication)
	if err != nil {
		return nil, err
	}
	k, err := a.APIKeys.Expire(ctx, env.ID, app.ID, in.KeyID, in.sent.at(a.Now()))
	if err != nil {
		return nil, err
	}
	return &reply[APIKey]{a.apiKeyOf(&k)}, nil
}
