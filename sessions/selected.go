package sessions

import (
	"context"
	"fmt"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
)

// SelectionQuery asks for the sessions that a selection names, in any of the applications, the latest started first.
type SelectionQuery struct {
	Selection
	Applications []*clients.Application
	State        State
	Now          time.Time

	// A page begins after the session Older, or ends before the session Newer; with neither it is the first.
	Older, Newer ID
	Limit        int
}

// EndSelected ends the sessions that the selection names, as EndEach does. Those of a user alone end with her browser sessions, as
// EndUser does.
func (r *Registry) EndSelected(ctx context.Context, env environments.ID, which Selection, reason EndedReason) (ended []Session, err error) {
	if which == (Selection{User: which.User}) {
		ended, err = r.EndUser(ctx, env, which.User, reason)
	} else {
		ended, err = r.EndEach(ctx, env, which, reason)
	}
	if err != nil {
		return nil, fmt.Errorf("end selected sessions: %w", err)
	}
	return ended, nil
}
