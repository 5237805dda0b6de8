package identity

import (
	"context"
	"fmt"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
)

// Delete ends the user's sessions, of which applications are told, and removes her with all that belongs to her: sessions, grants,
// consents and memberships. Her address is free for another user, her ID never is. The reason, for the record, may be "". Errors:
// ErrNotFound; ErrIsOperator.
func (r *Registry) Delete(ctx context.Context, env environments.ID, id ID, reason string) error {
	err := r.InTx(ctx, func(ctx context.Context) error {
		u, err := r.Store.User(ctx, env, id)
		if err != nil {
			return err
		}
		if err := r.Sessions.EndSessionsOf(ctx, env, id, endedUserDeleted, ""); err != nil {
			return err
		}
		if err := r.Store.DeleteUser(ctx, env, id); err != nil {
			return err
		}
		return r.record(ctx, audit.Event{Name: "user.deleted", Reason: reason}, u)
	})
	if err != nil {
		return fmt.Errorf("delete user %s: %w", id, err)
	}
	return nil
}
