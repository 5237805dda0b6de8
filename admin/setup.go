// Package admin is what the people who run the installation may do: operators are users of the `operators` environment.
package admin

import (
	"context"
	"time"

	"github.com/portico-id/portico/fault"
)

// ErrSetupToken says that a set-up link is unknown, used or expired.
var ErrSetupToken = fault.NotFoundf("This set-up link was used before, or it has expired.")

// SetupStore keeps the one-time links of the installation itself, such as the one that makes the first operator. A link is
// known here by its keyed hash alone.
type SetupStore interface {
	// AddSetupToken adds a link.
	AddSetupToken(ctx context.Context, hash [32]byte, created, expires time.Time) error
	// UseSetupToken marks the link as used, in one conditional statement. It returns ErrSetupToken if it is unknown, used or
	// expired at now.
	UseSetupToken(ctx context.Context, hash [32]byte, now time.Time) error
}
