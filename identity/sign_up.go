package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

var (
	// ErrSignUpClosed says that strangers may not create an account.
	ErrSignUpClosed = fault.Forbiddenf("You need an invitation to create an account. Ask the person who told you about it.")
	// ErrAlreadyRegistered tells the owner of an address, who has proved to be that, that she signed up twice.
	ErrAlreadyRegistered = fault.Conflictf("email", "You already have an account with this email. Sign in with it.")
)

// SignUp is what a stranger says to get an account.
type SignUp struct {
	Subject  string // the interaction that waits: a later sign-up or the same takes the place of this one
	Name     string
	Email    string
	Password string
	About    MailContext
}

// StartSignUp mails a code to the address, and keeps what CompleteSignUp needs until the code comes back. Where there is an
// account with the address, the mail says so instead, no code is right, and nobody else can tell the difference: not by the
// answer, nor by the work that is done for it.
//
// Errors: ErrSignUpClosed; *fault.Errors that blame name, email and password; fault.TooMany beyond 3 mails a minute to an
// address.
func (r *Registry) StartSignUp(ctx context.Context, env environments.ID, s SignUp) (challengeID string, err error) {
	fail := func(err error) (string, error) { return "", fmt.Errorf("start sign-up: %w", err) }
	e, err := r.Environments.ByID(ctx, env)
	if err != nil {
		return fail(err)
	}
	if !e.SignUp {
		return fail(ErrSignUpClosed)
	}
	name, errName := cleanText("name", s.Name, maxName, false)
	if name == "" {
		errName = fault.Invalidf("name", "Enter your name.")
	}
	address, key, errEmail := cleanEmail(s.Email)
	errPassword := r.Passwords.Check(s.Password, address, name, e.Name)
	if err := errors.Join(errName, errEmail, errPassword); err != nil {
		return fail(err)
	}
	if err := r.Throttle.mail(ctx, env, key); err != nil {
		return fail(err)
	}

	m := mailing{Kind: MailVerifyEmail, To: address, About: s.About, Name: name}
	if m.PasswordHash, err = r.Hasher.Hash(ctx, s.Password); err != nil {
		return fail(err)
	}
	owner, err := r.Store.UserByEmail(ctx, env, key)
	switch {
	case err == nil:
		m = mailing{Kind: MailAlreadyRegistered, To: owner.Email, About: s.About}
	case !errors.Is(err, ErrNotFound):
		return fail(err)
	}
	c, err := newChallenge(env, PurposeSignUp, s.Subject, key, m)
	if err != nil {
		return fail(err)
	}
	if err := r.challenge(ctx, c); err != nil {
		return fail(err)
	}
	return c.ID, nil
}

// CompleteSignUp makes the user whose code this is. She reads the mail at her address, so it is verified. Errors: ErrCodeWrong,
// ErrCodeExpired, ErrCodeUsed; ErrSignUpClosed; fault.TooMany; ErrAlreadyRegistered. It is not called in a transaction.
func (r *Registry) CompleteSignUp(ctx context.Context, env environments.ID, challengeID, code string) (*User, error) {
	fail := func(err error) (*User, error) { return nil, fmt.Errorf("complete sign-up: %w", err) }
	e, err := r.Environments.ByID(ctx, env)
	if err != nil {
		return fail(err)
	}
	if !e.SignUp {
		return fail(ErrSignUpClosed)
	}
	c, m, err := r.answer(ctx, env, PurposeSignUp, challengeID, code)
	if err != nil {
		return fail(err)
	}
	u := newUser(env, r.Now().UTC())
	u.Email, u.EmailVerified, u.Profile.Name = m.To, true, m.Name
	u.PasswordHash, u.PasswordChangedAt = m.PasswordHash, u.CreatedAt
	err = r.InTx(ctx, func(ctx context.Context) error {
		if err := r.use(ctx, c); err != nil {
			return err
		}
		if err := r.Store.CreateUser(ctx, u); err != nil {
			return err
		}
		return r.record(herself(ctx, u), audit.Event{Name: "user.signed_up", Application: string(m.About.Application)}, u)
	})
	if errors.Is(err, ErrEmailTaken) {
		return fail(ErrAlreadyRegistered.WithCause(err))
	} else if err != nil {
		return fail(err)
	}
	return u, nil
}
