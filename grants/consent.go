package grants

import (
	"context"
	"fmt"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
)

// Allow notes that the user allows the application the scopes, besides those that she allowed before.
func (l *Ledger) Allow(ctx context.Context, app *clients.Application, user identity.ID, scopes []string) error {
	return l.consent(ctx, "consent.given", app.Environment, user, app.ID, map[string]any{"scopes": scopes}, func(ctx context.Context, now time.Time) error {
		return l.Store.SaveConsent(ctx, &Consent{
			Environment: app.Environment, User: user, Application: app.ID, Scopes: scopes, CreatedAt: now, UpdatedAt: now,
		})
	})
}

// Withdraw takes back what the user allowed the application, and revokes its grants by her.
func (l *Ledger) Withdraw(ctx context.Context, env environments.ID, user identity.ID, app clients.ID) error {
	return l.consent(ctx, "consent.withdrawn", env, user, app, nil, func(ctx context.Context, now time.Time) error {
		return l.Store.WithdrawConsent(ctx, env, user, app, now)
	})
}

func (l *Ledger) consent(ctx context.Context, event string, env environments.ID, user identity.ID, app clients.ID, data any, change func(context.Context, time.Time) error) error {
	err := l.InTx(ctx, func(ctx context.Context) error {
		if err := change(ctx, l.Now().UTC()); err != nil {
			return err
		}
		return l.Audit.Record(ctx, audit.Event{Name: event, Environment: string(env), Application: string(app), Target: string(user), Data: data})
	})
	if err != nil {
		return fmt.Errorf("%s by %s to %s: %w", event, user, app, err)
	}
	return nil
}
