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

// Select asks for the sessions that the selection names in all applications, or in the one that it names. It returns clients.ErrNotFound.
func (r *Registry) Select(ctx context.Context, env environments.ID, which Selection, state State) (q SelectionQuery, err error) {
	q = SelectionQuery{Selection: which, State: state, Now: r.Now().UTC()}
	if which.Application == "" {
		q.Applications, err = r.Applications.All(ctx, env)
		return q, err
	}
	app, err := r.Applications.ByID(ctx, env, which.Application)
	q.Applications = []*clients.Application{app}
	return q, err
}

// CountSelected counts the sessions that EndSelected would end now. It returns clients.ErrNotFound.
func (r *Registry) CountSelected(ctx context.Context, env environments.ID, which Selection) (int, error) {
	if which == (Selection{}) {
		return 0, nil
	}
	q, err := r.Select(ctx, env, which, Living)
	if err != nil {
		return 0, err
	}
	if which == (Selection{Application: which.Application}) {
		return r.countLiving(ctx, q.Applications[0])
	}
	n, err := r.Store.CountSelected(ctx, env, q)
	if err != nil {
		return 0, fmt.Errorf("count selected sessions: %w", err)
	}
	return n, nil
}

// EndSelected ends the sessions that the selection names, and returns how many were alive: those of a user alone as EndUser does, with
// her browser sessions, those of an application alone as EndApplication does, others as EndEach does. It returns clients.ErrNotFound.
func (r *Registry) EndSelected(ctx context.Context, env environments.ID, which Selection, reason EndedReason) (int, error) {
	var ended []Session
	var err error
	switch which {
	case Selection{}:
		return 0, nil
	case Selection{Application: which.Application}:
		app, err := r.Applications.ByID(ctx, env, which.Application)
		if err != nil {
			return 0, err
		}
		return r.EndApplication(ctx, app, reason)
	case Selection{User: which.User}:
		ended, err = r.EndUser(ctx, env, which.User, reason)
	default:
		ended, err = r.EndEach(ctx, env, which, reason)
	}
	if err != nil {
		return 0, fmt.Errorf("end selected sessions: %w", err)
	}
	return len(ended), nil
}

// CountAll counts the sessions that EndAll would end now.
func (r *Registry) CountAll(ctx context.Context, env environments.ID) (n int, err error) {
	apps, err := r.Applications.All(ctx, env)
	if err != nil {
		return 0, err
	}
	for _, app := range apps {
		living, err := r.countLiving(ctx, app)
		if err != nil {
			return 0, err
		}
		n += living
	}
	return n, nil
}

// EndAll ends every browser session of the environment, and then the sessions of one application after the other, as EndApplication
// does. It returns how many of these were alive. What was ended before an error stays so.
func (r *Registry) EndAll(ctx context.Context, env environments.ID, reason EndedReason) (n int, err error) {
	apps, err := r.Applications.All(ctx, env)
	if err != nil {
		return 0, err
	}
	if err := r.Store.EndAllBrowserSessions(ctx, env, reason, r.Now().UTC()); err != nil {
		return 0, fmt.Errorf("end the browser sessions of %s: %w", env, err)
	}
	for _, app := range apps {
		ended, err := r.EndApplication(ctx, app, reason)
		if err != nil {
			return n, err
		}
		n += ended
	}
	return n, nil
}

// countLiving counts the living sessions of the application.
func (r *Registry) countLiving(ctx context.Context, app *clients.Application) (int, error) {
	count, err := r.Store.CountEnding(ctx, app, &app.SessionPolicy, r.Now().UTC())
	if err != nil {
		return 0, fmt.Errorf("count the sessions of %s: %w", app.ID, err)
	}
	return count.Living, nil
}
