package sessions

import (
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/organizations"
)

// InteractionID is the handle of an interaction, in the addresses of hosted pages. Alone it opens nothing: the browser
// that made the request must come with it.
type InteractionID string

// InteractionLifetime is how long a request waits for the End-User.
const InteractionLifetime = time.Hour

// Interaction is an authorization request that waits for the End-User. /oauth2/authorize decides what is missing and
// sends the browser to the page for it; the page does its step, saves what came of it here and sends the browser back. A
// hosted page keeps a way of its own as an interaction too, such as a password reset that no request waits for.
type Interaction struct {
	ID          InteractionID
	Environment environments.ID
	Application clients.ID
	Browser     [32]byte // hash of the handle in the cookie of the browser that made the request
	Request     []byte   // JSON of the request's parameters
	// OwnRedirectURI is the address of Portico's own at which the answer of a test sign-in is awaited. No other request may name
	// it. "" for every request of an application.
	OwnRedirectURI string
	CreatedAt      time.Time
	ExpiresAt      time.Time
	DoneAt         time.Time // when its answer was given; zero while it waits

	// What the End-User has done so far.
	Account      BrowserID        // the account chosen; "" until then
	Organization organizations.ID // the organization chosen; "" until then
	Consented    []string         // the scopes that she allowed in this interaction
	Denied       bool             // she cancelled
	// AuthenticatedAfter is the earliest auth_time that satisfies the request: set when prompt=login, max_age or the
	// application's policy asks for a fresh authentication, and kept so that a reload doesn't ask again.
	AuthenticatedAfter time.Time
	Challenge          string // chg_… that this interaction waits for; "" if none
	Username           string // the address typed last
}
