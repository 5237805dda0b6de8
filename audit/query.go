package audit

import (
	"context"
	"time"

	"github.com/portico-id/portico/fault"
)

// ErrNotFound says that there is no such event.
var ErrNotFound = fault.NotFoundf("There is no such event.")

// Query asks for events of an environment, the latest first. A field that is zero fits all.
type Query struct {
	Name        string
	Actor       string
	Application string
	Target      string
	Since       time.Time // at this time or later
	Until       time.Time // before this time

	// A page begins after the event at Older, or ends before the event at Newer; with neither it is the first.
	Older, Newer Position
	Limit        int
}

// Position is the place of an event in the order of time.
type Position struct {
	Time time.Time
	ID   string
}

// Position returns the place of the event.
func (e *Event) Position() Position { return Position{e.Time, e.ID} }

// Reader reads events.
type Reader interface {
	// Events returns a page of the events that the query asks for, and whether there are more in the direction of the page.
	// The Data of each is a json.RawMessage, or nil.
	Events(ctx context.Context, environment string, q Query) (page []Event, more bool, err error)
	// Event returns the event with the ID, as Events does. It returns ErrNotFound.
	Event(ctx context.Context, environment, id string) (*Event, error)
}
