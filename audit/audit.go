// Package audit is the append-only record of who did what.
package audit

import (
	"context"
	"fmt"
	"time"

	"go.jetify.com/typeid/v2"
)

// Event is one thing that happened. It never holds a secret, a code or a token.
type Event struct {
	ID          string    // evt_…, given by Record
	Environment string    // env_…
	Name        string    // subject and past participle, such as "application.secret_rotated"
	Time        time.Time // given by Record
	Actor       Actor     // taken from the context by Record if it is zero
	Application string    // the application concerned; "" if none
	Target      string    // ID of what was changed; "" if it is the actor
	Reason      string    // why, in words of the protocol, such as "refresh_reuse"; "" if none
	Data        any       // facts that the name doesn't tell, kept as JSON; nil if none
}

// ActorKind says what kind of thing acted.
type ActorKind string

// The kinds of actors.
const (
	ActorUser     ActorKind = "user"     // an End-User, at a hosted page or through an application
	ActorOperator ActorKind = "operator" // a person who runs Portico
	ActorAPIKey   ActorKind = "api_key"
	ActorClient   ActorKind = "client" // an application by its own credentials
	ActorSystem   ActorKind = "system" // a clock, a job or the command line
)

// Actor is who acted, and from where.
type Actor struct {
	Kind      ActorKind
	ID        string
	Name      string // as it was then, for people: an e-mail address, the name of a key
	Address   string // IP address; "" for the system
	UserAgent string
}

// Store keeps events.
type Store interface {
	// AppendEvent adds the event in the transaction of ctx, so that a change and its event commit together.
	AppendEvent(ctx context.Context, e Event) error
}

// Recorder is what the domain calls to record an event.
type Recorder interface {
	// Record adds the event to the transaction of ctx. An error must undo the change.
	Record(ctx context.Context, e Event) error
}

// Log records events in a Store. It is safe for concurrent use.
type Log struct {
	Store Store
	Now   func() time.Time
}

// Record gives the event an ID, a time and the actor of the context, and appends it.
func (l *Log) Record(ctx context.Context, e Event) error {
	e.ID = typeid.MustGenerate("evt").String()
	e.Time = l.Now().UTC()
	if e.Actor == (Actor{}) {
		e.Actor = ActorOf(ctx)
	}
	if err := l.Store.AppendEvent(ctx, e); err != nil {
		return fmt.Errorf("record %s: %w", e.Name, err)
	}
	return nil
}

type actorKey struct{}

// WithActor returns a context whose events have the actor.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf returns the actor of the context: the system if none was set.
func ActorOf(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		return a
	}
	return Actor{Kind: ActorSystem}
}

type requestKey struct{}

// WithRequestID returns a context that carries the ID by which a request is found in the log.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestID returns the ID of the request that the context belongs to; "" if it belongs to none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}
