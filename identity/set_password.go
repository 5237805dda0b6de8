package identity

import (
	"context"
	"fmt"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
)

// SetPassword sets the password of a user who has shown in another way than by a password who she is, such as by a one-time
// link: allow uses that up, in the same transaction. Her sessions end. Errors: that of allow; ErrNotFound; those of
// PasswordPolicy.Check.
func (r *Registry) SetPassword(ctx context.Context, env environments.ID, id ID, password string, allow func(context.Context) error) (*User, error) {
	fail := func(err error) (*User, error) { return nil, fmt.Errorf("set password of %s: %w", id, err) }
	u, err := r.Store.User(ctx, env, id)
	if err != nil {
		return fail(err)
	}
	if err := r.checkNewPassword(ctx, u, password); err != nil {
		return fail(err)
	}
	hash, err := r.Hasher.Hash(ctx, password)
	if err != nil {
		return fail(err)
	}
	var changed *User
	err = r.Store.UpdateUser(ctx, env, id, func(ctx context.Context, u *User) error {
		changed = u
		if err := allow(ctx); err != nil {
			return err
		}
		u.PasswordHash, u.UpdatedAt = hash, r.later(u.UpdatedAt)
		u.PasswordChangedAt = r.Now().UTC()
		if err := r.Sessions.EndSessionsOf(ctx, env, id, endedPasswordReset, ""); err != nil {
			return err
		}
		return r.record(herself(ctx, u), audit.Event{Name: "user.password_set"}, u)
	})
	if err != nil {
		return fail(err)
	}
	return changed, nil
}
