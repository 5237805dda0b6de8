package identity

import (
	"context"
	"time"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

// Errors of the Store.
var (
	ErrNotFound   = fault.NotFoundf("There is no such user.")
	ErrEmailTaken = fault.Conflictf("email", "Another user has this email address.")
	ErrIsOperator = fault.Conflictf("", "This user runs the installation. Remove the operator first.")
)

// Store keeps users. It returns ErrNotFound if the environment has no user with the ID or address.
type Store interface {
	User(ctx context.Context, env environments.ID, id ID) (*User, error)
	// UserByEmail finds the user whose address has the same key (NormalizeEmail), none for what is no address.
	UserByEmail(ctx context.Context, env environments.ID, email string) (*User, error)
	// CreateUser adds one. It returns ErrEmailTaken.
	CreateUser(ctx context.Context, u *User) error
	// UpdateUser loads the user, calls change and saves the result, in one transaction that change's context carries. It
	// returns ErrEmailTaken if change took the address of another.
	UpdateUser(ctx context.Context, env environments.ID, id ID, change func(context.Context, *User) error) error
	// IsOperator reports whether the user runs the installation.
	IsOperator(ctx context.Context, env environments.ID, id ID) (bool, error)
	// DeleteUser removes the user and all that belongs to her. It returns ErrIsOperator for one who is an operator.
	DeleteUser(ctx context.Context, env environments.ID, id ID) error
	// Users returns a page of the users that the query asks for, and whether there are more in the direction of the page.
	Users(ctx context.Context, env environments.ID, q Query) (page []*User, more bool, err error)
	// CountUsers tells how many users the environment has.
	CountUsers(ctx context.Context, env environments.ID) (int, error)

	// SaveChallenge keeps a challenge and replaces that of the same environment, purpose and subject.
	SaveChallenge(ctx context.Context, c *Challenge) error
	// TryChallenge counts a try of the challenge by ID in a statement of its own that no later error undoes, and returns it.
	// It returns ErrNotFound for an unknown, used or expired one, and for one with no tries left.
	TryChallenge(ctx context.Context, env environments.ID, id string, now time.Time) (*Challenge, error)
	// UseChallenge marks the challenge as used, in one conditional statement. It returns ErrNotFound if it was used before.
	UseChallenge(ctx context.Context, env environments.ID, id string, now time.Time) error
	// Challenge returns the challenge by ID in whatever state, and counts nothing. It returns ErrNotFound.
	Challenge(ctx context.Context, env environments.ID, id string) (*Challenge, error)
}

// Purpose says what a challenge proves.
type Purpose string

// The purposes of challenges.
const (
	PurposeSignUp        Purpose = "sign_up"
	PurposePasswordReset Purpose = "password_reset"
)

// Challenge is a code of six digits that was mailed to an address: whoever knows it reads the mail there. It is good for
// a short time, a few tries and one use.
type Challenge struct {
	ID          string // chg_…
	Environment environments.ID
	Purpose     Purpose
	Subject     string   // what it is about: the interaction that waits
	CodeHash    [32]byte // keyed, with the ID
	Email       string
	Data        []byte // JSON of what completing it needs, such as the name and the password's hash of a new account
	TriesLeft   int
	CreatedAt   time.Time // when the code was mailed
	ExpiresAt   time.Time
	UsedAt      time.Time // zero while it wasn't used
}
