package api

import (
	"context"
	"slices"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/fault"
)

func (a *API) registerSecrets() {
	read, write := clients.ScopeReadApplications, clients.ScopeWriteApplications
	register(a, operation{
		id: "list-secrets", at: "GET /applications/{application_id}/secrets", tag: tagCredentials, needs: read,
		summary: "List client secrets", description: "All of them, the oldest first, with those that expired lately.",
	}, a.listSecrets)
	register(a, operation{
		id: "create-secret", at: "POST /applications/{application_id}/secrets", tag: tagCredentials, needs: write, creates: true, bodyless: true,
		summary: "Give an application one more client secret", description: "The answer shows it this once. The others stay valid.",
	}, a.createSecret)
	register(a, operation{
		id: "rotate-secret", at: "POST /applications/{application_id}/secrets:rotate", tag: tagCredentials, needs: write, creates: true, bodyless: true,
		summary: "Give an application a new client secret in place of the others", description: "The answer shows it this once. The others stay valid for the overlap.",
	}, a.rotateSecret)
	register(a, operation{
		id: "expire-secret", at: "POST /applications/{application_id}/secrets/{secret_id}/expire", tag: tagCredentials, needs: write, bodyless: true,
		summary: "End a client secret", description: "Now, or at a time. A secret that has expired stays so.",
	}, a.expireSecret)
}

// Secret is a client secret without its text.
type Secret struct {
	ID           string    `json:"id" doc:"sec_…"`
	Name         string    `json:"name"`
	Hint         string    `json:"hint" doc:"Its last four characters."`
	Status       string    `json:"status" enum:"active,expired"`
	CreatedAt    time.Time `json:"created_at"`
	ExpiresAt    time.Time `json:"expires_at,omitzero" doc:"Absent if it never does."`
	LastUsedAt   time.Time `json:"last_used_at,omitzero" doc:"Absent if it was never used."`
	LastUsedFrom string    `json:"last_used_from,omitempty" doc:"The address it was last used from."`
}

func secretOf(s *clients.Secret, now time.Time) Secret {
	d := Secret{
		ID: s.ID, Name: s.Name, Hint: s.Hint, Status: "active", CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt,
		LastUsedAt: s.LastUsed.At, LastUsedFrom: s.LastUsed.Address,
	}
	if !s.Alive(now) {
		d.Status = "expired"
	}
	return d
}

// CreatedSecret is a client secret, the only time that anyone sees it.
type CreatedSecret struct {
	Secret
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret" doc:"The secret. It is shown this once."`
}

// NewSecret is a client secret to be.
type NewSecret struct {
	Name      string    `json:"name,omitempty" maxLength:"100" doc:"To tell it from others, in up to 100 characters."`
	ExpiresAt time.Time `json:"expires_at,omitzero" doc:"When it expires; never if not given."`
}

// SecretRotation says what becomes of the other secrets.
type SecretRotation struct {
	OverlapSeconds int64 `json:"overlap_seconds,omitempty" minimum:"0" maximum:"7776000" doc:"How long the other secrets stay valid, up to 7776000 (90 days); not at all if not given."`
}

// Expiry is when something ends.
type Expiry struct {
	ExpiresAt time.Time `json:"expires_at,omitzero" doc:"When it ends; now if not given or past."`
}

// at is the time, or now.
func (e Expiry) at(now time.Time) time.Time {
	if e.ExpiresAt.IsZero() {
		return now
	}
	return e.ExpiresAt
}

// listSecrets serves GET /applications/{application_id}/secrets.
func (a *API) listSecrets(ctx context.Context, in *struct{ InApplication }) (*reply[list[Secret]], error) {
	env, app, err := a.application(ctx, in.InApplication)
	if err != nil {
		return nil, err
	}
	all, err := a.Applications.Secrets(ctx, env.ID, app.ID)
	if err != nil {
		return nil, err
	}
	return whole(all, func(s clients.Secret) Secret { return secretOf(&s, a.Now()) }), nil
}

// createSecret serves POST /applications/{application_id}/secrets. The reply shows the secret once.
func (a *API) createSecret(ctx context.Context, in *struct {
	InApplication
	body[NewSecret]
}) (*reply[CreatedSecret], error) {
	env, app, err := a.application(ctx, in.InApplication)
	if err != nil {
		return nil, err
	}
	record, secret, err := a.Applications.CreateSecret(ctx, env.ID, app.ID, in.sent.Name, in.sent.ExpiresAt)
	if err != nil {
		return nil, err
	}
	return &reply[CreatedSecret]{CreatedSecret{secretOf(&record, a.Now()), app.ClientID, secret.Reveal()}}, nil
}

// rotateSecret serves POST /applications/{application_id}/secrets:rotate. The reply shows the secret once.
func (a *API) rotateSecret(ctx context.Context, in *struct {
	InApplication
	body[SecretRotation]
}) (*reply[CreatedSecret], error) {
	env, app, err := a.application(ctx, in.InApplication)
	if err != nil {
		return nil, err
	}
	overlap := time.Duration(in.sent.OverlapSeconds) * time.Second
	if overlap/time.Second != time.Duration(in.sent.OverlapSeconds) {
		overlap = clients.MaxOverlap + 1 // more than any
	}
	record, secret, err := a.Applications.RotateSecret(ctx, env.ID, app.ID, overlap)
	if err != nil {
		return nil, err
	}
	return &reply[CreatedSecret]{CreatedSecret{secretOf(&record, a.Now()), app.ClientID, secret.Reveal()}}, nil
}

// expireSecret serves POST /applications/{application_id}/secrets/{secret_id}/expire.
func (a *API) expireSecret(ctx context.Context, in *struct {
	InApplication
	SecretID string `path:"secret_id" doc:"sec_…"`
	body[Expiry]
}) (*reply[Secret], error) {
	env, app, err := a.application(ctx, in.InApplication)
	if err != nil {
		return nil, err
	}
	if err := a.Applications.ExpireSecret(ctx, env.ID, app.ID, in.SecretID, in.sent.at(a.Now())); err != nil {
		return nil, err
	}
	all, err := a.Applications.Secrets(ctx, env.ID, app.ID)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(s clients.Secret) bool { return s.ID == in.SecretID })
	if i < 0 {
		return nil, fault.Conflictf("", "the secret was removed by somebody else at the same time")
	}
	return &reply[Secret]{secretOf(&all[i], a.Now())}, nil
}
