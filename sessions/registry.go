package sessions

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.jetify.com/typeid/v2"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/organizations"
)

// Registry is what the edges ask about sessions. It is safe for concurrent use, on any number of nodes.
type Registry struct {
	Store    Store
	Pepper   *keys.Pepper
	Audit    audit.Recorder
	Activity *Activity
	Listener Listener
	// Applications is *clients.Registry.
	Applications interface {
		ByID(ctx context.Context, env environments.ID, id clients.ID) (*clients.Application, error)
		All(ctx context.Context, env environments.ID) ([]*clients.Application, error)
		EndSessions(ctx context.Context, env environments.ID, id clients.ID, reason string) error
	}
	InTx func(ctx context.Context, fn func(context.Context) error) error
	Now  func() time.Time
}

// Listener is told of sessions that were ended, for the applications that want to know. *delivery.Logouts is one.
type Listener interface {
	// SessionsEnded takes part in the transaction of ctx that ends the sessions; an error undoes it.
	SessionsEnded(ctx context.Context, env environments.ID, ended []Session) error
}

// Handle is the secret that a browser's cookie holds; "" for a browser without one.
type Handle string

// NewHandle makes a handle of 256 random bits.
func NewHandle() Handle {
	var b [32]byte
	rand.Read(b[:])
	return Handle(base64.RawURLEncoding.EncodeToString(b[:]))
}

const handleLabel = "browser session handle"

func (r *Registry) hash(h Handle) [32]byte { return r.Pepper.Sum(handleLabel, []byte(h)) }

// Accounts returns the accounts of the browser, the latest sign-in first, each with its session in the application unless
// app is "". Those that have ended are among them: the browser still knows their names.
func (r *Registry) Accounts(ctx context.Context, env environments.ID, h Handle, app clients.ID) ([]Account, error) {
	if h == "" {
		return nil, nil
	}
	for hash := range r.Pepper.Sums(handleLabel, []byte(h)) {
		accounts, err := r.Store.Accounts(ctx, env, hash, app)
		if err != nil {
			return nil, fmt.Errorf("read the accounts of a browser: %w", err)
		}
		if len(accounts) > 0 {
			return accounts, nil
		}
	}
	return nil, nil
}

// Alive reports whether the account is signed in at now.
func (a *Account) Alive(env *environments.Environment, now time.Time) bool {
	return !a.Disabled && a.BrowserSession.Alive(&env.BrowserSessions, now)
}

// Fresh reports whether the account has authenticated recently enough at now: not before after, and within the application's
// maximum session length, which judges the age of the authentication however alive the browser session is.
func (a *Account) Fresh(app *clients.Application, after, now time.Time) bool {
	at := a.BrowserSession.AuthTime
	return !at.Before(after) && now.Before(at.Add(app.SessionPolicy.MaxSessionLength))
}

// AliveSession returns the account's session in the application if it is alive at now and of this browser session, else nil.
func (a *Account) AliveSession(app *clients.Application, now time.Time) *Session {
	if s := a.Session; s != nil && s.Application == app.ID && s.BrowserSession == a.BrowserSession.ID && s.Alive(&app.SessionPolicy, now) {
		return s
	}
	return nil
}

// Usable are the positions with which the account may use the application.
func (a *Account) Usable(app *clients.Application) []organizations.Position {
	var usable []organizations.Position
	for i := range a.Positions {
		if p := &a.Positions[i]; app.Allowed.Permits(string(a.BrowserSession.User), string(p.Organization), p.Roles) {
			usable = append(usable, *p)
		}
	}
	return usable
}

// MayUse reports whether the application is for the account: as a member of an organization if it is one of any.
func (a *Account) MayUse(app *clients.Application) bool {
	if len(a.Positions) == 0 {
		return app.Allowed.Permits(string(a.BrowserSession.User), "", nil)
	}
	return len(a.Usable(app)) > 0
}

// SignIn notes that the user has authenticated in the browser. Her browser session there continues with the new
// authentication if it is alive, else she gets a new one. The browser gets a new handle, so that none from before the sign-in
// is worth anything after it.
func (r *Registry) SignIn(ctx context.Context, env *environments.Environment, h Handle, user *identity.User, a Authentication, remember bool) (*BrowserSession, Handle, error) {
	now := r.Now().UTC()
	a.AuthTime = a.AuthTime.UTC()
	fresh := NewHandle()
	b := &BrowserSession{
		ID: BrowserID(typeid.MustGenerate("brs").String()), Environment: env.ID, User: user.ID,
		Authentication: a, Remember: remember, CreatedAt: now, LastActiveAt: now,
	}
	err := r.InTx(ctx, func(ctx context.Context) error {
		accounts, err := r.Accounts(ctx, env.ID, h, "")
		if err != nil {
			return err
		}
		if h != "" {
			for old := range r.Pepper.Sums(handleLabel, []byte(h)) {
				if err := r.Store.RotateHandle(ctx, env.ID, old, r.hash(fresh)); err != nil {
					return err
				}
			}
		}
		known := slices.IndexFunc(accounts, func(a Account) bool { return a.BrowserSession.User == user.ID })
		if known >= 0 && accounts[known].Alive(env, now) {
			id, created := accounts[known].BrowserSession.ID, accounts[known].BrowserSession.CreatedAt
			if err := r.Store.ReauthenticateBrowser(ctx, env.ID, id, a, remember, now); err != nil {
				return err
			}
			b.ID, b.CreatedAt = id, created
		} else if err := r.Store.CreateBrowserSession(ctx, r.hash(fresh), b); err != nil {
			return err
		}
		return r.Audit.Record(ctx, audit.Event{
			Name: "user.signed_in", Environment: string(env.ID), Target: string(user.ID), Data: map[string]any{"amr": a.AMR, "browser_session": b.ID},
		})
	})
	if err != nil {
		return nil, "", fmt.Errorf("sign in %s: %w", user.ID, err)
	}
	return b, fresh, nil
}

// Origin is where a session was started.
type Origin struct {
	Address   string
	UserAgent string
}

// Open returns the session in the application and the organization, "" for none, that an authorization by the account belongs
// to: the latest from this browser session while that is alive, with the authentication moved if she has authenticated since;
// else a new one. It takes part in the transaction of ctx.
func (r *Registry) Open(ctx context.Context, app *clients.Application, a *Account, organization organizations.ID, from Origin) (*Session, error) {
	now := r.Now().UTC()
	s := a.AliveSession(app, now)
	if a.Session != nil && a.Session.Organization != organization {
		var err error
		if s, err = r.Store.LatestSession(ctx, app.Environment, a.BrowserSession.ID, app.ID, organization); err != nil && !errors.Is(err, ErrNotFound) {
			return nil, fmt.Errorf("find the session in %s: %w", organization, err)
		}
	}
	if s != nil && s.Alive(&app.SessionPolicy, now) {
		r.Activity.Session(app.Environment, s.ID, now)
		if !a.BrowserSession.AuthTime.After(s.AuthTime) {
			return s, nil
		}
		err := r.Store.Reauthenticate(ctx, app.Environment, s.ID, a.BrowserSession.Authentication, now)
		if err == nil {
			moved := *s
			moved.Authentication, moved.LastActiveAt = a.BrowserSession.Authentication, now
			return &moved, nil
		}
		if !errors.Is(err, ErrNotFound) {
			return nil, fmt.Errorf("authenticate session %s again: %w", s.ID, err)
		}
	}
	s = &Session{
		ID: newID(), Environment: app.Environment, User: a.BrowserSession.User, Application: app.ID,
		BrowserSession: a.BrowserSession.ID, Organization: organization, Authentication: a.BrowserSession.Authentication,
		Address: from.Address, UserAgent: from.UserAgent, CreatedAt: now, LastActiveAt: now,
	}
	if err := r.Store.CreateSession(ctx, s); err != nil {
		return nil, fmt.Errorf("start a session in %s: %w", app.ID, err)
	}
	data := map[string]any{"user": s.User, "amr": s.AMR}
	if organization != "" {
		data["organization"] = organization
	}
	err := r.Audit.Record(ctx, audit.Event{
		Name: "session.started", Environment: string(app.Environment), Application: string(app.ID), Target: string(s.ID), Data: data,
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Switch moves a living session to another organization of its user, and returns her position there. It returns
// organizations.ErrNoMembership, and leaves the session as it is, if she is no active member. It takes part in the transaction of ctx.
func (r *Registry) Switch(ctx context.Context, env environments.ID, id ID, organization organizations.ID) (*organizations.Position, error) {
	return r.Store.SetOrganization(ctx, env, id, organization)
}

// End ends the selected sessions and records an event for each. It returns how many it ended; a session that was over already is not among them.
func (r *Registry) End(ctx context.Context, env environments.ID, which Selection, reason EndedReason) (int, error) {
	ended, err := r.EndEach(ctx, env, which, reason)
	return len(ended), err
}

// EndEach ends the selected sessions as End does, and returns them as they were. What was over already, and didn't say so, says
// why from now on.
func (r *Registry) EndEach(ctx context.Context, env environments.ID, which Selection, reason EndedReason) (ended []Session, err error) {
	err = r.InTx(ctx, func(ctx context.Context) error {
		now := r.Now().UTC()
		found, err := r.Store.End(ctx, env, which, reason, audit.ActorOf(ctx).ID, now)
		if err != nil {
			return err
		}
		if ended, err = r.living(ctx, env, found, now); err != nil {
			return err
		}
		for i := range ended {
			err := r.Audit.Record(ctx, audit.Event{
				Name: "session.ended", Environment: string(env), Application: string(ended[i].Application), Target: string(ended[i].ID),
				Reason: string(reason), Data: map[string]any{"user": ended[i].User},
			})
			if err != nil {
				return err
			}
		}
		if len(ended) == 0 {
			return nil
		}
		return r.Listener.SessionsEnded(ctx, env, ended)
	})
	if err != nil {
		return nil, fmt.Errorf("end sessions: %w", err)
	}
	return ended, nil
}

// living returns those of the sessions that were alive at now, and notes why the others were not.
func (r *Registry) living(ctx context.Context, env environments.ID, found []Session, now time.Time) (alive []Session, err error) {
	over := map[*clients.Application][]Session{}
	for i := range found {
		app, err := r.Applications.ByID(ctx, env, found[i].Application)
		if err != nil && !errors.Is(err, clients.ErrNotFound) {
			return nil, err
		}
		if err == nil && !found[i].Alive(&app.SessionPolicy, now) {
			over[app] = append(over[app], found[i].Settled(&app.SessionPolicy, now))
		} else {
			alive = append(alive, found[i])
		}
	}
	for app, settled := range over {
		if err := r.note(ctx, app, settled); err != nil {
			return nil, err
		}
	}
	return alive, nil
}

// EndUser ends every session of the user, and her browser sessions.
func (r *Registry) EndUser(ctx context.Context, env environments.ID, user identity.ID, reason EndedReason) (ended []Session, err error) {
	err = r.InTx(ctx, func(ctx context.Context) error {
		if ended, err = r.EndEach(ctx, env, Selection{User: user}, reason); err != nil {
			return err
		}
		return r.Store.EndBrowserSessions(ctx, env, Selection{User: user}, reason, r.Now().UTC())
	})
	return ended, err
}

// EndBrowser ends a browser session and every session that was started from it. Sessions that belong to other accounts of
// the browser go on.
func (r *Registry) EndBrowser(ctx context.Context, env environments.ID, id BrowserID, reason EndedReason) (ended []Session, err error) {
	err = r.InTx(ctx, func(ctx context.Context) error {
		if ended, err = r.EndEach(ctx, env, Selection{BrowserSession: id}, reason); err != nil {
			return err
		}
		return r.Store.EndBrowserSessions(ctx, env, Selection{BrowserSession: id}, reason, r.Now().UTC())
	})
	return ended, err
}

// Forget takes an account that is signed out off the browser's list; one that is signed in is signed out first.
func (r *Registry) Forget(ctx context.Context, env environments.ID, h Handle, id BrowserID) error {
	return r.InTx(ctx, func(ctx context.Context) error {
		accounts, err := r.Accounts(ctx, env, h, "")
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(accounts, func(a Account) bool { return a.BrowserSession.ID == id }) {
			return ErrNotFound
		}
		if _, err := r.EndBrowser(ctx, env, id, EndedSignedOut); err != nil {
			return err
		}
		for hash := range r.Pepper.Sums(handleLabel, []byte(h)) {
			err = r.Store.ForgetAccount(ctx, env, hash, id)
			if !errors.Is(err, ErrNotFound) {
				break
			}
		}
		return err
	})
}

// Begin keeps an authorization request that waits for the End-User in the browser with the handle.
func (r *Registry) Begin(ctx context.Context, app *clients.Application, h Handle, request []byte, authenticatedAfter time.Time) (*Interaction, error) {
	now := r.Now().UTC()
	i := &Interaction{
		ID: InteractionID(typeid.MustGenerate("int").String()), Environment: app.Environment, Application: app.ID,
		Browser: r.hash(h), Request: request, CreatedAt: now, ExpiresAt: now.Add(InteractionLifetime), AuthenticatedAfter: authenticatedAfter,
	}
	if err := r.Store.CreateInteraction(ctx, i); err != nil {
		return nil, fmt.Errorf("keep an authorization request: %w", err)
	}
	return i, nil
}

// Interaction returns the interaction if it waits in the browser with the handle. It returns ErrNotFound for one that is
// unknown, expired or another browser's.
func (r *Registry) Interaction(ctx context.Context, env environments.ID, h Handle, id InteractionID) (*Interaction, error) {
	if h == "" || id == "" {
		return nil, ErrNotFound
	}
	i, err := r.Store.Interaction(ctx, env, id, r.Now().UTC())
	if err != nil {
		return nil, err
	}
	if !r.Pepper.Matches(handleLabel, []byte(h), i.Browser) {
		return nil, ErrNotFound
	}
	return i, nil
}

// Advance saves what the End-User did in a step of the interaction.
func (r *Registry) Advance(ctx context.Context, i *Interaction, step func(*Interaction)) error {
	err := r.Store.UpdateInteraction(ctx, i.Environment, i.ID, func(_ context.Context, saved *Interaction) error {
		step(saved)
		*i = *saved
		return nil
	})
	if err != nil {
		return fmt.Errorf("advance interaction %s: %w", i.ID, err)
	}
	return nil
}

// EndSessionsOf implements identity.SessionEnder.
func (r *Registry) EndSessionsOf(ctx context.Context, env environments.ID, user identity.ID, reason, keep string) error {
	which := Selection{User: user, ExceptBrowser: BrowserID(keep)}
	return r.InTx(ctx, func(ctx context.Context) error {
		if _, err := r.EndEach(ctx, env, which, EndedReason(reason)); err != nil {
			return err
		}
		return r.Store.EndBrowserSessions(ctx, env, which, EndedReason(reason), r.Now().UTC())
	})
}

// EndApplication ends every session of the application at once, however many there are, and returns how many were alive. The
// sweep records their events and tells the application of each.
func (r *Registry) EndApplication(ctx context.Context, app *clients.Application, reason EndedReason) (int, error) {
	living, err := r.countLiving(ctx, app)
	if err != nil {
		return 0, err
	}
	return living, r.Applications.EndSessions(ctx, app.Environment, app.ID, string(reason))
}

// Cut implements clients.SessionEnder. A session that somebody is just starting may be among those that it ends.
func (r *Registry) Cut(ctx context.Context, env environments.ID, app clients.ID, reason string) (clients.Cut, error) {
	latest, err := r.Store.LatestID(ctx, env, app)
	if err != nil {
		return clients.Cut{}, fmt.Errorf("find the latest session of %s: %w", app, err)
	}
	// The clocks of other nodes may be ahead, and IDs are in the order of time.
	before := max(newID(), latest+"0")
	return clients.Cut{Before: string(before), At: r.Now().UTC().Truncate(time.Microsecond), Reason: reason, Actor: audit.ActorOf(ctx)}, nil
}

func newID() ID { return ID(typeid.MustGenerate("ses").String()) }

// EndMembership implements organizations.SessionEnder.
func (r *Registry) EndMembership(ctx context.Context, env environments.ID, organization organizations.ID, user identity.ID) error {
	_, err := r.EndEach(ctx, env, Selection{Organization: organization, User: user}, EndedMembership)
	return err
}
