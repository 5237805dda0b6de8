package sessions

import (
	"context"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
)

// ErrNotFound says that there is no such session or interaction, or not for this browser.
var ErrNotFound error = fault.NotFoundf("no such session")

// Account is a user in a browser, with her session in one application.
type Account struct {
	BrowserSession BrowserSession
	Email          string
	Name           string
	Disabled       bool
	// Positions are those of her active memberships, by the IDs of the organizations, with their roles alone.
	Positions []organizations.Position
	// Session is the latest session of this user, from this browser session, in the application that was asked about, whether
	// alive or not; nil if she never had one.
	Session *Session
}

// Store keeps sessions. Handles are known here by their keyed hash alone.
type Store interface {
	// Accounts returns the accounts of the browser with the handle, in the order of their sign-in, the latest first, also
	// those that ended and were not forgotten; with the session of each in the application, unless app is "". One statement.
	Accounts(ctx context.Context, env environments.ID, handle [32]byte, app clients.ID) ([]Account, error)
	// CreateBrowserSession adds a browser session under the handle. An account of the same user that the browser has already
	// is forgotten first.
	CreateBrowserSession(ctx context.Context, handle [32]byte, b *BrowserSession) error
	// ReauthenticateBrowser moves the authentication of a browser session that has not ended, and its last_active_at to now.
	// It returns ErrNotFound if it has.
	ReauthenticateBrowser(ctx context.Context, env environments.ID, id BrowserID, a Authentication, remember bool, now time.Time) error
	// RotateHandle moves all that hangs on a browser's handle, sessions and waiting interactions, to a new one.
	RotateHandle(ctx context.Context, env environments.ID, old, new [32]byte) error
	// ForgetAccount takes an account off the list of the browser with the handle.
	ForgetAccount(ctx context.Context, env environments.ID, handle [32]byte, id BrowserID) error

	// Session returns the session. It returns ErrNotFound.
	Session(ctx context.Context, env environments.ID, id ID) (*Session, error)
	// LatestSession returns the latest session that was started from the browser session in the application and the organization,
	// "" for none. It returns ErrNotFound.
	LatestSession(ctx context.Context, env environments.ID, browser BrowserID, app clients.ID, organization organizations.ID) (*Session, error)
	// SetOrganization moves a session that has not ended to the organization, and returns the position of its user there. It
	// returns organizations.ErrNoMembership, having changed nothing, if she is no active member of it. One statement.
	SetOrganization(ctx context.Context, env environments.ID, id ID, organization organizations.ID) (*organizations.Position, error)
	// LastUse returns when the user was last active in each application that she has a session in, ended or not.
	LastUse(ctx context.Context, env environments.ID, user identity.ID) (map[clients.ID]time.Time, error)
	// Presence returns the presence at now of each of the users who has a session; in other applications than the given ones none
	// counts as living. One statement.
	Presence(ctx context.Context, env environments.ID, users []identity.ID, in []*clients.Application, now time.Time) (map[identity.ID]Presence, error)
	// Sessions returns a page of the sessions that the query asks for, and whether there are more in the direction of the
	// page. What it takes for alive, Session.Alive does.
	Sessions(ctx context.Context, env environments.ID, q Query) (page []Listed, more bool, err error)
	// SelectedSessions returns a page of the sessions that the query asks for, as Sessions does.
	SelectedSessions(ctx context.Context, env environments.ID, q SelectionQuery) (page []Listed, more bool, err error)
	// CountSelected counts all that the query asks for, on any page.
	CountSelected(ctx context.Context, env environments.ID, q SelectionQuery) (int, error)
	// CountEnding counts the living sessions of the application and of them those that next would end at now, from an index
	// alone but for those whose last hour of activity a clock's edge falls in.
	CountEnding(ctx context.Context, app *clients.Application, next *clients.SessionPolicy, now time.Time) (Ending, error)
	// LatestID returns the greatest ID of a session of the application; "" if there is none.
	LatestID(ctx context.Context, env environments.ID, app clients.ID) (ID, error)
	// LastStarted returns when the latest session of the application was started; zero if there is none.
	LastStarted(ctx context.Context, env environments.ID, app clients.ID) (time.Time, error)
	// CreateSession adds a session.
	CreateSession(ctx context.Context, s *Session) error
	// Reauthenticate moves the authentication of a session that has not ended. It returns ErrNotFound if it has.
	Reauthenticate(ctx context.Context, env environments.ID, id ID, a Authentication, now time.Time) error
	// End ends the sessions that the selection names and that have not ended, marks them with reason, actor and time, and
	// returns them as they were. It ends no browser session.
	End(ctx context.Context, env environments.ID, which Selection, reason EndedReason, by string, now time.Time) ([]Session, error)
	// Note saves EndedAt, EndedReason and EndedBy of sessions that the transaction of ctx has locked.
	Note(ctx context.Context, settled []Session) error
	// EndBrowserSessions ends the browser sessions that the selection names (Session, Application and Organization are not looked at).
	EndBrowserSessions(ctx context.Context, env environments.ID, which Selection, reason EndedReason, now time.Time) error
	// EndAllBrowserSessions ends every browser session of the environment.
	EndAllBrowserSessions(ctx context.Context, env environments.ID, reason EndedReason, now time.Time) error
	// MarkActive moves last_active_at of sessions and browser sessions forward, never back, and only of those that have not ended.
	MarkActive(ctx context.Context, marks Marks) error

	// CreateInteraction adds an interaction.
	CreateInteraction(ctx context.Context, i *Interaction) error
	// Interaction returns the interaction. It returns ErrNotFound for one that is unknown or expired.
	Interaction(ctx context.Context, env environments.ID, id InteractionID, now time.Time) (*Interaction, error)
	// UpdateInteraction loads the interaction, calls change and saves the result, in one transaction.
	UpdateInteraction(ctx context.Context, env environments.ID, id InteractionID, change func(context.Context, *Interaction) error) error
	// MoveInteraction moves an interaction that waits from one browser's handle to another's, in one conditional statement. It
	// returns ErrNotFound if it doesn't wait there.
	MoveInteraction(ctx context.Context, env environments.ID, id InteractionID, from, to [32]byte, now time.Time) error
	// FinishInteraction marks the interaction as done, in one conditional statement. It returns ErrNotFound if it was done before.
	FinishInteraction(ctx context.Context, env environments.ID, id InteractionID, now time.Time) error
}

// Selection names sessions. Fields that are set must all fit; the zero value fits nothing.
type Selection struct {
	Session        ID
	User           identity.ID
	Application    clients.ID
	BrowserSession BrowserID
	Organization   organizations.ID
	Except         ID        // not this one
	ExceptBrowser  BrowserID // not those of this browser session
}

// Presence is what is told of a user by her sessions.
type Presence struct {
	Living     int // sessions
	LastSignIn time.Time
}
