package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.jetify.com/typeid/v2"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/keys"
)

// Registry is what edges ask about users. It is safe for concurrent use. What a caller may see of its errors is a *fault.Error;
// several mistakes of one form are joined.
//
// The events name the actor of the context. Where the person herself acts, the registry adds who she is.
type Registry struct {
	Store        Store
	Environments *environments.Registry
	Hasher       *Hasher
	Passwords    PasswordPolicy
	Throttle     *Throttle
	Pepper       *keys.Pepper
	Audit        audit.Recorder
	Mailer       Mailer
	Sessions     SessionEnder
	InTx         func(ctx context.Context, fn func(context.Context) error) error
	Now          func() time.Time
}

// NewUser is what an operator says of a user to be.
type NewUser struct {
	Email         string
	EmailVerified bool
	Profile       Profile
	Status        Status // "" is Active
	Password      string // at most one of Password and PasswordHash; neither makes a user who sets one by a reset
	PasswordHash  string // by another system: see CheckImportedHash
}

// Create makes a user in an operator's name. Errors: ErrEmailTaken, and *fault.Errors for each field at fault.
func (r *Registry) Create(ctx context.Context, env environments.ID, n NewUser) (*User, error) {
	e, err := r.Environments.ByID(ctx, env)
	if err != nil {
		return nil, fmt.Errorf("create user: %w", err)
	}
	now := r.Now().UTC().Truncate(time.Microsecond) // as it is stored
	u := newUser(env, now)
	u.EmailVerified, u.Profile, u.PasswordHash = n.EmailVerified, n.Profile, n.PasswordHash
	if n.Password != "" || n.PasswordHash != "" {
		u.PasswordChangedAt = now
	}
	var mistakes []error
	if u.Email, _, err = cleanEmail(n.Email); err != nil {
		mistakes = append(mistakes, err)
	}
	switch n.Status {
	case Active, Disabled:
		u.Status = n.Status
	case "":
	default:
		mistakes = append(mistakes, errStatus)
	}
	mistakes = append(mistakes, u.Profile.clean(now))
	switch {
	case n.Password != "" && n.PasswordHash != "":
		mistakes = append(mistakes, fault.Invalidf("password_hash", "Give a password or its hash, not both."))
	case n.Password != "":
		mistakes = append(mistakes, r.Passwords.Check(n.Password, u.Email, u.Profile.Name, e.Name))
	case n.PasswordHash != "":
		mistakes = append(mistakes, CheckImportedHash(n.PasswordHash))
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	if n.Password != "" {
		if u.PasswordHash, err = r.Hasher.Hash(ctx, n.Password); err != nil {
			return nil, fmt.Errorf("create user: %w", err)
		}
	}
	err = r.InTx(ctx, func(ctx context.Context) error {
		if err := r.Store.CreateUser(ctx, u); err != nil {
			return err
		}
		facts := map[string]any{"email": u.Email, "email_verified": u.EmailVerified}
		if u.Status == Disabled {
			facts["status"] = u.Status
		}
		return r.record(ctx, audit.Event{Name: "user.created", Data: facts}, u)
	})
	if err != nil {
		return nil, fmt.Errorf("create user: %w", err)
	}
	return u, nil
}

func newUser(env environments.ID, now time.Time) *User {
	return &User{
		ID: ID(typeid.MustGenerate("usr").String()), Environment: env, Status: Active,
		CreatedAt: now, UpdatedAt: now,
	}
}

// later returns the time of a change, which tells states apart also within a microsecond.
func (r *Registry) later(than time.Time) time.Time {
	if now := r.Now().UTC().Truncate(time.Microsecond); now.After(than) {
		return now
	}
	return than.Add(time.Microsecond)
}

// Get returns the user, or ErrNotFound.
func (r *Registry) Get(ctx context.Context, env environments.ID, id ID) (*User, error) {
	u, err := r.Store.User(ctx, env, id)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", id, err)
	}
	return u, nil
}

// ByEmail returns the user with the address, whatever the case of its letters, or ErrNotFound.
func (r *Registry) ByEmail(ctx context.Context, env environments.ID, email string) (*User, error) {
	key, err := NormalizeEmail(email)
	if err != nil {
		return nil, ErrNotFound.WithCause(err)
	}
	u, err := r.Store.UserByEmail(ctx, env, key)
	if err != nil {
		return nil, fmt.Errorf("user by email: %w", err)
	}
	return u, nil
}

// UpdateProfile lets change edit the profile, checks and tidies it, and saves it if anything changed. A new phone number is not
// verified, unless change says so of one that was not verified before. change may run more than once.
func (r *Registry) UpdateProfile(ctx context.Context, env environments.ID, id ID, change func(*Profile) error) (*User, error) {
	var updated *User
	err := r.Store.UpdateUser(ctx, env, id, func(ctx context.Context, u *User) error {
		before := u.Profile
		if err := change(&u.Profile); err != nil {
			return err
		}
		now := r.Now().UTC()
		if err := u.Profile.clean(now); err != nil {
			return err
		}
		updated = u
		if u.Profile == before {
			return nil
		}
		if u.Profile.PhoneNumber != before.PhoneNumber && u.Profile.PhoneNumberVerified == before.PhoneNumberVerified {
			u.Profile.PhoneNumberVerified = false
		}
		u.UpdatedAt = r.later(u.UpdatedAt)
		return r.record(ctx, audit.Event{Name: "user.updated", Data: differences(&before, &u.Profile)}, u)
	})
	if err != nil {
		return nil, fmt.Errorf("update profile of %s: %w", id, err)
	}
	return updated, nil
}

var errStatus = fault.Invalidf("status", "Use active or disabled.")

// SetStatus lets a user sign in or keeps her from it. Disabling ends her sessions at once. The reason, for the record, may be "".
// Errors: ErrNotFound; ErrIsOperator for an operator who is to be kept out; fault.Invalid.
func (r *Registry) SetStatus(ctx context.Context, env environments.ID, id ID, status Status, reason string) (*User, error) {
	name := map[Status]string{Active: "user.enabled", Disabled: "user.disabled"}[status]
	if name == "" {
		return nil, errStatus
	}
	reason, err := cleanText("reason", reason, maxReason, true)
	if err != nil {
		return nil, err
	}
	var updated *User
	err = r.Store.UpdateUser(ctx, env, id, func(ctx context.Context, u *User) error {
		updated = u
		if u.Status == status {
			return nil
		}
		u.Status = status
		u.UpdatedAt = r.later(u.UpdatedAt)
		if status == Disabled {
			if operator, err := r.Store.IsOperator(ctx, env, id); err != nil {
				return err
			} else if operator {
				return ErrIsOperator // whose removal looks that an owner is left
			}
			if err := r.Sessions.EndSessionsOf(ctx, env, id, endedUserDisabled, ""); err != nil {
				return err
			}
		}
		return r.record(ctx, audit.Event{Name: name, Reason: reason}, u)
	})
	if err != nil {
		return nil, fmt.Errorf("set status of %s: %w", id, err)
	}
	return updated, nil
}

// PasswordChange is what a person who is signed in says to change her password.
type PasswordChange struct {
	Current   string // not looked at if she has none
	New       string
	EndOthers bool   // ends all her sessions but those of Keep
	Keep      string // brs_…, the browser session that she is signed in with
	About     MailContext
}

// ErrWrongCurrentPassword is the answer to a person who is signed in.
var ErrWrongCurrentPassword = fault.Invalidf("current_password", "That is not your current password. Try again, or reset your password.")

// ChangePassword sets a new password for a person who is signed in and knows the current one, and mails her a notice. Errors:
// ErrWrongCurrentPassword, those of PasswordPolicy.Check, fault.TooMany.
func (r *Registry) ChangePassword(ctx context.Context, env environments.ID, id ID, c PasswordChange) error {
	fail := func(err error) error { return fmt.Errorf("change password of %s: %w", id, err) }
	u, err := r.Store.User(ctx, env, id)
	if err != nil {
		return fail(err)
	}
	if u.PasswordHash != "" {
		if err := r.checkCurrent(ctx, u, c.Current); err != nil {
			return fail(err)
		}
	}
	if err := r.checkNewPassword(ctx, u, c.New); err != nil {
		return fail(err)
	}
	hash, err := r.Hasher.Hash(ctx, c.New)
	if err != nil {
		return fail(err)
	}
	before := u.PasswordHash
	err = r.Store.UpdateUser(ctx, env, id, func(ctx context.Context, u *User) error {
		if u.PasswordHash != before {
			return ErrWrongCurrentPassword // it was changed meanwhile
		}
		u.PasswordHash = hash
		if c.EndOthers {
			if err := r.Sessions.EndSessionsOf(ctx, env, id, endedByUser, c.Keep); err != nil {
				return err
			}
		}
		return r.passwordChanged(ctx, u, "user.password_changed", c.About)
	})
	if err != nil {
		return fail(err)
	}
	return nil
}

func (r *Registry) checkCurrent(ctx context.Context, u *User, password string) error {
	key, err := NormalizeEmail(u.Email)
	if err != nil {
		return err
	}
	try, err := r.Throttle.password(ctx, u.Environment, key)
	if err != nil {
		return err
	}
	ok, err := r.Hasher.Verify(ctx, password, u.PasswordHash)
	if err != nil {
		return err
	}
	if !ok {
		return ErrWrongCurrentPassword
	}
	return try.succeeded(ctx)
}

func (r *Registry) checkNewPassword(ctx context.Context, u *User, password string) error {
	e, err := r.Environments.ByID(ctx, u.Environment)
	if err != nil {
		return err
	}
	p := &u.Profile
	return r.Passwords.Check(password, u.Email, p.Name, p.GivenName, p.FamilyName, p.Nickname, p.PreferredUsername, e.Name)
}

// passwordChanged records a new password in the transaction of ctx, and tells its owner.
func (r *Registry) passwordChanged(ctx context.Context, u *User, event string, about MailContext) error {
	u.UpdatedAt = r.later(u.UpdatedAt)
	u.PasswordChangedAt = r.Now().UTC()
	if err := r.record(ctx, audit.Event{Name: event, Application: string(about.Application)}, u); err != nil {
		return err
	}
	return r.send(ctx, Mail{Kind: MailPasswordChanged, Environment: u.Environment, To: u.Email, MailContext: about})
}

// send fills in when and where from the mail was caused.
func (r *Registry) send(ctx context.Context, m Mail) error {
	actor := audit.ActorOf(ctx)
	m.AskedAt, m.Address, m.UserAgent = r.Now().UTC(), actor.Address, actor.UserAgent
	if err := r.Mailer.SendMail(ctx, m); err != nil {
		return fmt.Errorf("mail %s: %w", m.Kind, err)
	}
	return nil
}

// record records an event about the user in the transaction of ctx.
func (r *Registry) record(ctx context.Context, e audit.Event, u *User) error {
	e.Environment, e.Target = string(u.Environment), string(u.ID)
	return r.Audit.Record(ctx, e)
}

// herself returns a context whose actor is the user, for what she does before an edge knows who she is.
func herself(ctx context.Context, u *User) context.Context {
	actor := audit.ActorOf(ctx)
	actor.Kind, actor.ID, actor.Name = audit.ActorUser, string(u.ID), u.Email
	return audit.WithActor(ctx, actor)
}
