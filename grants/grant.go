// Package grants keeps what a subject allowed a client, and the codes and tokens issued under it.
package grants

import (
	"context"
	"errors"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
)

// ID identifies a grant: grt_…
type ID string

// Grant is one authorization of a client by a subject. The code and the tokens issued under it refer to it and copy
// nothing of it.
type Grant struct {
	ID          ID
	Environment environments.ID
	Session     sessions.ID
	User        identity.ID
	Application clients.ID
	Scopes      []string
	Audience    []string // resource servers that the tokens are for; nil if for none
	Claims      []byte   // the claims request (OIDC Core §5.5) as JSON; nil if none
	Nonce       string
	CreatedAt   time.Time
	// ExpiresAt is when nothing issued under the grant can be alive any more; zero for one with a refresh token, which lives
	// as long as its session.
	ExpiresAt     time.Time
	RevokedAt     time.Time // zero while it stands
	RevokedReason string
}

// Code is an authorization code, known by its hash alone.
type Code struct {
	Hash          [32]byte
	Environment   environments.ID
	Grant         ID
	RedirectURI   string // as the authorization request gave it; "" if it gave none
	CodeChallenge string // S256; "" if the request had none
	CreatedAt     time.Time
	ExpiresAt     time.Time
	UsedAt        time.Time // zero while it is good
}

// Chain is the line of refresh tokens under a grant. Only the newest is good; each older one is recognized by its generation.
type Chain struct {
	ID          ChainID
	Environment environments.ID
	Grant       ID
	Session     sessions.ID
	Generation  uint32   // of the newest token, from 1
	Hash        [32]byte // of the newest token
	// Recent has the tokens that were replaced within the reuse window, the oldest first, each with its sealed successor.
	Recent    []Replaced
	RotatedAt time.Time // when the newest was issued
	RotatedBy Caller    // who asked for it
	CreatedAt time.Time
}

// ChainID is the 16 random bytes by which a refresh token finds its chain.
type ChainID [16]byte

// Replaced is a refresh token that was used. A repeat within the window opens Successor with the token that it presents.
type Replaced struct {
	Generation uint32
	Hash       [32]byte
	At         time.Time
	Successor  []byte // sealed under a key derived from the token itself
}

// Caller is where a request came from, for the events that name it.
type Caller struct {
	Address   string
	UserAgent string
}

// State is a grant with its session, the user whom its claims are about and her position in the organization of the session:
// one row, read in one statement. It has what decides whether tokens of the grant are alive, and what they say. The rest is not
// read: dates of the grant, where the session was started and who ended it, dates and password of the user.
type State struct {
	Grant   Grant
	Session sessions.Session
	User    identity.User
	// Position is nil if the session is in no organization, or the user no longer an active member of it.
	Position *organizations.Position
}

// Alive reports whether tokens of the grant are good at now, under the application's current policy.
func (s *State) Alive(app *clients.Application, now time.Time) bool {
	return s.Grant.RevokedAt.IsZero() && s.User.Status == identity.Active && app.Enabled && s.Session.Alive(&app.SessionPolicy, now) &&
		!s.left() && s.permitted(app)
}

// left reports whether the user is no longer an active member of the session's organization. Her sessions there end with her
// membership; one that was just being started is caught here.
func (s *State) left() bool { return s.Session.Organization != "" && s.Position == nil }

// permitted reports whether the application is for her, in the organization and with the roles that she has there.
func (s *State) permitted(app *clients.Application) bool {
	var roles []string
	if s.Position != nil {
		roles = s.Position.Roles
	}
	return app.Allowed.Permits(string(s.Grant.User), string(s.Session.Organization), roles)
}

// Consent is what a user allowed a third-party application, for this and later sign-ins.
type Consent struct {
	Environment environments.ID
	User        identity.ID
	Application clients.ID
	Scopes      []string
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Errors of the Store and the Ledger.
var (
	ErrNotFound = errors.New("no such grant, code or token")
	ErrUsed     = errors.New("already used")
	// ErrOrganization says that a session can't be switched to an organization. It stays as it was.
	ErrOrganization = errors.New("the user is no active member of the organization, or may not use the application there")
)

// Store keeps grants, codes and refresh tokens. It returns ErrNotFound if the environment has no such row.
type Store interface {
	// CreateGrant adds the grant and its code.
	CreateGrant(ctx context.Context, g *Grant, c *Code) error
	// Code returns the code, used or not, with the state of its grant. One statement.
	Code(ctx context.Context, env environments.ID, hash [32]byte) (*Code, *State, error)
	// Redeem marks the code as used and adds the chain, if there is one, in one transaction whose first statement claims the code. It returns ErrUsed
	// if the code was used before, whatever runs at once: then it has changed nothing.
	Redeem(ctx context.Context, env environments.ID, hash [32]byte, now time.Time, chain *Chain) error
	// State returns the grant's state, without its nonce and why it or its session ended, which access tokens don't tell, and whether
	// the access token with the serial was revoked. One statement.
	State(ctx context.Context, env environments.ID, id ID, serial Serial) (*State, bool, error)
	// Standing is State without the grant's claims request and without the user's profile. Introspection needs none
	// of them, and has it for half the price. One statement.
	Standing(ctx context.Context, env environments.ID, id ID, serial Serial) (*State, bool, error)
	// Chain returns the chain with the state of its grant. One statement.
	Chain(ctx context.Context, env environments.ID, id ChainID) (*Chain, *State, error)
	// Rotate saves the chain, whose Generation is one more than from, and marks its session as active at RotatedAt, in one statement. It
	// returns ErrUsed, having changed nothing, if the generation is no longer from, the grant was revoked or the session was ended.
	Rotate(ctx context.Context, chain *Chain, from uint32) error
	// RevokeGrant revokes the grant if it stands, and reports whether it did.
	RevokeGrant(ctx context.Context, env environments.ID, id ID, reason string, now time.Time) (bool, error)
	// RevokeSerial makes an access token no good; the row may be forgotten after until.
	RevokeSerial(ctx context.Context, env environments.ID, serial Serial, until time.Time) error
	// SerialRevoked reports whether RevokeSerial was called. One statement.
	SerialRevoked(ctx context.Context, env environments.ID, serial Serial) (bool, error)

	// Consent returns what the user allowed the application. It returns ErrNotFound.
	Consent(ctx context.Context, env environments.ID, user identity.ID, app clients.ID) (*Consent, error)
	// Consents returns all that the user allowed, the latest first.
	Consents(ctx context.Context, env environments.ID, user identity.ID) ([]Consent, error)
	// SaveConsent adds the consent, or its scopes to what the user allowed before.
	SaveConsent(ctx context.Context, c *Consent) error
	// WithdrawConsent removes the consent and revokes the application's grants by the user.
	WithdrawConsent(ctx context.Context, env environments.ID, user identity.ID, app clients.ID, now time.Time) error
}
