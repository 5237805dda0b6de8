package sessions

import (
	"context"
	"fmt"
	"time"

	"go.jetify.com/typeid/v2"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
)

// TestLifetime is how long a test sign-in waits for the End-User.
const TestLifetime = 10 * time.Minute

// BeginTest keeps the authorization request of a test sign-in, which is answered at an address of Portico's own. It waits for
// the browser that brings the ticket to Adopt, once. It takes part in the transaction of ctx.
func (r *Registry) BeginTest(ctx context.Context, app *clients.Application, request []byte, authenticatedAfter time.Time, ownRedirectURI string) (*Interaction, Handle, error) {
	ticket, now := NewHandle(), r.Now().UTC()
	i := &Interaction{
		ID: InteractionID(typeid.MustGenerate("int").String()), Environment: app.Environment, Application: app.ID,
		Browser: r.hash(ticket), Request: request, OwnRedirectURI: ownRedirectURI, CreatedAt: now, ExpiresAt: now.Add(TestLifetime),
		AuthenticatedAfter: authenticatedAfter,
	}
	if err := r.Store.CreateInteraction(ctx, i); err != nil {
		return nil, "", fmt.Errorf("keep a test sign-in: %w", err)
	}
	return i, ticket, nil
}

// Adopt binds the interaction to the browser with the handle. It returns ErrNotFound if the ticket isn't that of the interaction,
// was used before or is too old.
func (r *Registry) Adopt(ctx context.Context, env environments.ID, id InteractionID, ticket, h Handle) error {
	return r.Store.MoveInteraction(ctx, env, id, r.hash(ticket), r.hash(h), r.Now().UTC())
}
