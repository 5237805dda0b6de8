package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/portico-id/portico/environments"
)

// PasswordReset is what somebody says who forgot her password.
type PasswordReset struct {
	Subject string // the interaction that waits: a later reset or the same takes the place of this one
	Email   string
	About   MailContext
}

// StartPasswordReset mails a code to the user with the address. For one that nobody has, no code is right; the answer and the work
// are the same. Errors: ErrEmailMalformed; fault.TooMany beyond 3 mails a minute to an address.
func (r *Registry) StartPasswordReset(ctx context.Context, env environments.ID, p PasswordReset) (challengeID string, err error) {
	fail := func(err error) (string, error) { return "", fmt.Errorf("start password reset: %w", err) }
	address, key, err := cleanEmail(p.Email)
	if err != nil {
		return fail(err)
	}
	if err := r.Throttle.mail(ctx, env, key); err != nil {
		return fail(err)
	}
	m := mailing{Kind: MailNoAccount, To: address, About: p.About}
	u, err := r.Store.UserByEmail(ctx, env, key)
	switch {
	case err == nil:
		m.Kind, m.To, m.User = MailPasswordReset, u.Email, u.ID
	case !errors.Is(err, ErrNotFound):
		return fail(err)
	}
	c, err := newChallenge(env, PurposePasswordReset, p.Subject, key, m)
	if err != nil {
		return fail(err)
	}
	if err := r.challenge(ctx, c); err != nil {
		return fail(err)
	}
	return c.ID, nil
}

// VerifyResetCode says whether the code is right, before a new password is asked for. It counts a try and leaves the code good for
// CompletePasswordReset. Errors: ErrCodeWrong, ErrCodeExpired, ErrCodeUsed, ErrDisabled, fault.TooMany.
func (r *Registry) VerifyResetCode(ctx context.Context, env environments.ID, challengeID, code string) error {
	if _, _, _, err := r.answerReset(ctx, env, challengeID, code); err != nil {
		return fmt.Errorf("verify reset code: %w", err)
	}
	return nil
}

// CompletePasswordReset gives the user whose code this is a new password, ends all her sessions with the reason password_reset,
// and mails her a notice. As she reads the mail at her address, it is verified. A password that is refused uses nothing up.
//
// Errors: those of VerifyResetCode, and of PasswordPolicy.Check. It is not called in a transaction.
func (r *Registry) CompletePasswordReset(ctx context.Context, env environments.ID, challengeID, code, newPassword string) (*User, error) {
	fail := func(err error) (*User, error) { return nil, fmt.Errorf("complete password reset: %w", err) }
	// What needs no knowledge of the user is told first, for no try.
	if err := r.Passwords.Check(newPassword); err != nil {
		return fail(err)
	}
	c, m, u, err := r.answerReset(ctx, env, challengeID, code)
	if err != nil {
		return fail(err)
	}
	if err := r.checkNewPassword(ctx, u, newPassword); err != nil {
		return fail(err)
	}
	hash, err := r.Hasher.Hash(ctx, newPassword)
	if err != nil {
		return fail(err)
	}
	var changed *User
	err = r.Store.UpdateUser(ctx, env, u.ID, func(ctx context.Context, u *User) error {
		changed = u
		if err := r.use(ctx, c); err != nil {
			return err
		}
		if key, err := NormalizeEmail(u.Email); err != nil || key != c.Email {
			return ErrCodeExpired // the address is not hers any more
		}
		u.PasswordHash, u.EmailVerified = hash, true
		if err := r.Sessions.EndSessionsOf(ctx, env, u.ID, endedPasswordReset, ""); err != nil {
			return err
		}
		return r.passwordChanged(herself(ctx, u), u, "user.password_reset", m.About)
	})
	if err != nil {
		return fail(err)
	}
	return changed, nil
}

// answerReset returns the user whose reset the code allows.
func (r *Registry) answerReset(ctx context.Context, env environments.ID, challengeID, code string) (*Challenge, *mailing, *User, error) {
	c, m, err := r.answer(ctx, env, PurposePasswordReset, challengeID, code)
	if err != nil {
		return nil, nil, nil, err
	}
	u, err := r.Store.User(ctx, env, m.User)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil, nil, ErrCodeExpired // she was deleted meanwhile
	case err != nil:
		return nil, nil, nil, err
	case u.Status != Active:
		return nil, nil, nil, ErrDisabled
	}
	return c, m, u, nil
}
