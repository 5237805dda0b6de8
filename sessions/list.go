package sessions

import (
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
)

// Query asks for the sessions of an application, the latest started first.
type Query struct {
	Application *clients.Application
	User        identity.ID // "" for everybody's
	Since       time.Time   // only those that were started at this time or later; zero for all
	State       State
	// EndedBy leaves of the living sessions those that would end if the application had this policy; nil leaves all.
	EndedBy *clients.SessionPolicy
	Now     time.Time

	// A page begins after the session Older, or ends before the session Newer; with neither it is the first.
	Older, Newer ID
	Limit        int
}

// State is whether sessions are alive.
type State string

// The states.
const (
	AnyState State = ""
	Living   State = "living"
	Over     State = "over" // ended, or run out by a clock
)

// Listed is a session with the user whose it is.
type Listed struct {
	Session
	Email string
	Name  string
}

// Ending is what another policy does to the living sessions of an application.
type Ending struct {
	Living   int // under the policy that holds
	Inactive int // of them, those that the other inactivity timeout ends
	TooOld   int // of them, those that the other maximum ends, and not the inactivity timeout
}

// Total is how many sessions it ends.
func (e Ending) Total() int { return e.Inactive + e.TooOld }
