package identity

import (
	"context"

	"github.com/portico-id/portico/environments"
)

// Reasons for which this package ends sessions: values of sessions.EndedReason.
const (
	endedUserDisabled  = "user_disabled"
	endedUserDeleted   = "user_deleted"
	endedPasswordReset = "password_reset"
	endedByUser        = "signed_out_everywhere"
)

// SessionEnder ends sessions, which lie above this package.
type SessionEnder interface {
	// EndSessionsOf ends every browser session of the user, and every session in an application, except those of the browser
	// session keep ("" keeps none), in the transaction of ctx. The reason is a sessions.EndedReason.
	EndSessionsOf(ctx context.Context, env environments.ID, user ID, reason, keep string) error
}
