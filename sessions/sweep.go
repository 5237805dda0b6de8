package sessions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
)

// Sweep notes what has ended sessions without touching their rows: a clock, a cut of their application, or its deletion. It
// decides nothing: Session.Deadline has said no since then. Each session that it notes is an event. The application is told by
// back-channel logout of a cut, which is somebody's doing; a session that has run out is no logout (OpenID Connect Back-Channel
// Logout 1.0 §2), and its next refresh says why. A deleted application is told nothing.
//
// Any number of nodes may sweep at once. A row that is locked is left for the next time.
type Sweep struct {
	Store        SweepStore
	Sessions     *Registry
	Applications *clients.Registry
	InTx         func(ctx context.Context, fn func(context.Context) error) error
	Now          func() time.Time
	Batch        int // sessions in a transaction; 100 if zero
}

// SweepStore finds what a Sweep is to note. What it returns sessions from locks them for the transaction of ctx, and passes by
// those that are locked.
type SweepStore interface {
	// Due returns the applications of all environments that have something to note, as they are in the database: sessions that
	// a clock had ended by the time, or a cut, and that don't say so; retired policies; their deletion.
	Due(ctx context.Context, by time.Time) ([]Due, error)
	// Over returns at most limit sessions that a clock of the application had ended by the time, or its cut, and that don't say so.
	Over(ctx context.Context, app *clients.Application, by time.Time, limit int) ([]Session, error)
	// AnyUnder reports whether a session that the retired policy had ended doesn't say so, locked or not.
	AnyUnder(ctx context.Context, app *clients.Application, old *clients.RetiredPolicy) (bool, error)
	// Remove removes at most limit sessions of a deleted application, with all that stands on them, and returns them. If there are
	// none it removes as many rows of other things that belong to it, and at last the application: then done is true.
	Remove(ctx context.Context, app *clients.Application, limit int) (removed []Session, done bool, err error)
}

// Due is an application with something to note.
type Due struct {
	*clients.Application
	Deleted bool
}

// sweepDelay is how long a clock must have said no before a row says it too: activity that was in time may still be on its way
// from another node's memory.
const sweepDelay = 10 * time.Second

// Run notes all that there is, and returns of how many sessions. An application whose sessions can't be noted keeps no other from
// it: its error is joined to those of others, and what was noted of it stays noted.
func (s *Sweep) Run(ctx context.Context) (noted int, err error) {
	by := s.Now().UTC().Add(-sweepDelay)
	due, err := s.Store.Due(ctx, by)
	if err != nil {
		return 0, fmt.Errorf("find the applications with sessions to note: %w", err)
	}
	var failed []error
	for i := range due {
		if ctx.Err() != nil {
			return noted, errors.Join(append(failed, ctx.Err())...)
		}
		n, err := s.settle(ctx, &due[i], by)
		noted += n
		if err != nil {
			failed = append(failed, err)
		}
	}
	return noted, errors.Join(failed...)
}

// settle notes all that there is of one application, and returns of how many sessions, also with an error.
func (s *Sweep) settle(ctx context.Context, due *Due, by time.Time) (noted int, err error) {
	note := s.note
	if due.Deleted {
		note = s.remove
	}
	limit := s.Batch
	if limit <= 0 {
		limit = 100
	}
	for more := true; more; {
		var n int
		err := s.InTx(ctx, func(ctx context.Context) (err error) {
			n, more, err = note(ctx, due.Application, by, limit)
			return err
		})
		if err != nil {
			return noted, fmt.Errorf("note the sessions of %s that are over: %w", due.ID, err)
		}
		noted += n
	}
	return noted, s.forget(ctx, due, by)
}

// note settles one batch, and reports whether there may be more.
func (s *Sweep) note(ctx context.Context, app *clients.Application, by time.Time, limit int) (int, bool, error) {
	over, err := s.Store.Over(ctx, app, by, limit)
	if err != nil || len(over) == 0 {
		return 0, false, err
	}
	for i := range over {
		if over[i] = over[i].Settled(&app.SessionPolicy, by); over[i].EndedAt.IsZero() {
			return 0, false, fmt.Errorf("the database has ended session %s, which is alive", over[i].ID)
		}
	}
	return len(over), true, s.Sessions.note(ctx, app, over)
}

// note saves what settled sessions of the application say of their end, records their events, and tells the application of those
// that were cut. The transaction of ctx has locked their rows.
func (r *Registry) note(ctx context.Context, app *clients.Application, settled []Session) error {
	if err := r.Store.Note(ctx, settled); err != nil {
		return err
	}
	var told []Session
	for i := range settled {
		if err := r.recordSettled(ctx, app, &settled[i]); err != nil {
			return err
		}
		if !settled[i].EndedReason.clock() {
			told = append(told, settled[i])
		}
	}
	if len(told) == 0 {
		return nil
	}
	return r.Listener.SessionsEnded(ctx, app.Environment, told)
}

// clock reports whether a clock is the reason.
func (r EndedReason) clock() bool { return r == EndedMaxLength || r == EndedInactivity }

// recordSettled records the event of a session that was settled, by whoever cut the sessions of its application unless a clock was first.
func (r *Registry) recordSettled(ctx context.Context, app *clients.Application, settled *Session) error {
	event := audit.Event{
		Name: "session.ended", Environment: string(app.Environment), Application: string(app.ID), Target: string(settled.ID),
		Reason: string(settled.EndedReason), Data: map[string]any{"user": settled.User, "ended_at": settled.EndedAt},
	}
	if !settled.EndedReason.clock() {
		event.Actor = app.SessionPolicy.Cut.Actor
	} else {
		event.Actor = audit.Actor{Kind: audit.ActorSystem}
	}
	return r.Audit.Record(ctx, event)
}

// remove removes one batch of what a deleted application has left behind, and reports whether there may be more.
func (s *Sweep) remove(ctx context.Context, app *clients.Application, by time.Time, limit int) (int, bool, error) {
	removed, done, err := s.Store.Remove(ctx, app, limit)
	if err != nil {
		return 0, false, err
	}
	for i := range removed {
		if !removed[i].EndedAt.IsZero() {
			continue
		}
		settled := removed[i].Settled(&app.SessionPolicy, by)
		if settled.EndedAt.IsZero() { // started while the application was being deleted
			settled.EndedAt, settled.EndedReason = app.SessionPolicy.Cut.At, EndedApplicationDeleted
		}
		if err := s.Sessions.recordSettled(ctx, app, &settled); err != nil {
			return 0, false, err
		}
	}
	return len(removed), !done, nil
}

// forget drops the retired policies whose sessions all say that they are over.
func (s *Sweep) forget(ctx context.Context, due *Due, by time.Time) error {
	if due.Deleted {
		return nil
	}
	for i := range due.SessionPolicy.Retired {
		old := &due.SessionPolicy.Retired[i]
		if old.Until.After(by) {
			continue
		}
		left, err := s.Store.AnyUnder(ctx, due.Application, old)
		if err != nil {
			return fmt.Errorf("look for sessions under a retired policy of %s: %w", due.ID, err)
		}
		if left {
			continue
		}
		if err := s.Applications.ForgetRetired(ctx, due.Environment, due.ID, old.Until); err != nil {
			return err
		}
	}
	return nil
}
