package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

// What CheckPassword answers.
var (
	ErrWrongPassword = fault.Unauthenticatedf("That email and password do not match. Try again, or reset your password.")
	ErrDisabled      = fault.Forbiddenf("This account is turned off. Ask your organization's admin.")
)

// CheckPassword returns the user whose address and password these are. It computes one hash for every address, known or not,
// counts the try, and records a failure.
//
// Errors: ErrWrongPassword; ErrDisabled, told to nobody who doesn't know the password; ErrEmailMalformed; fault.TooMany with
// the time to wait. It is not called in a transaction.
func (r *Registry) CheckPassword(ctx context.Context, env environments.ID, email, password string) (*User, error) {
	fail := func(err error) (*User, error) { return nil, fmt.Errorf("check password: %w", err) }
	address, key, err := cleanEmail(email)
	if err != nil {
		return fail(err)
	}
	try, err := r.Throttle.password(ctx, env, key)
	if err != nil {
		return fail(err)
	}
	u, err := r.Store.UserByEmail(ctx, env, key)
	if errors.Is(err, ErrNotFound) {
		u = &User{Environment: env, Email: address} // who has no password
	} else if err != nil {
		return fail(err)
	}
	ok, err := r.Hasher.Verify(ctx, password, u.PasswordHash)
	if err != nil {
		return fail(err)
	}
	if !ok {
		return fail(r.refuse(ctx, u, "wrong_password", ErrWrongPassword))
	}
	if err := try.succeeded(ctx); err != nil {
		return fail(err)
	}
	if u.Status != Active {
		return fail(r.refuse(ctx, u, "user_disabled", ErrDisabled))
	}
	if err := try.trusted(ctx); err != nil {
		return fail(err)
	}
	if r.Hasher.NeedsUpgrade(u.PasswordHash) {
		if err := r.upgrade(ctx, u, password); err != nil {
			return fail(err)
		}
	}
	return u, nil
}

// refuse records a sign-in that failed and returns refusal.
func (r *Registry) refuse(ctx context.Context, u *User, reason string, refusal error) error {
	err := r.InTx(ctx, func(ctx context.Context) error {
		return r.record(herself(ctx, u), audit.Event{Name: "user.sign_in_failed", Reason: reason}, u)
	})
	if err != nil {
		return err
	}
	return refusal
}

// upgrade replaces an old hash of the right password.
func (r *Registry) upgrade(ctx context.Context, u *User, password string) error {
	hash, err := r.Hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	return r.Store.UpdateUser(ctx, u.Environment, u.ID, func(_ context.Context, stored *User) error {
		if stored.PasswordHash == u.PasswordHash {
			stored.PasswordHash = hash
		}
		return nil
	})
}
