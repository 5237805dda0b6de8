package admin

import (
	"context"
	"errors"
	"fmt"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
)

// Recover makes whoever has the address an owner who may sign in, and the token of the link by which she chooses a new password:
// once, within SetupLinkLifetime, in place of the links that she got before. It is for those who have the machine, when no owner gets
// in. The name is for somebody new. Errors: *fault.Error naming the field.
func (s *Setup) Recover(ctx context.Context, email, name string) (user identity.ID, token string, err error) {
	o := s.Operators
	env, err := o.Environment(ctx)
	if err != nil {
		return "", "", err
	}
	err = o.InTx(ctx, func(ctx context.Context) error {
		if user, err = s.owner(ctx, env.ID, email, name); err != nil {
			return err
		}
		if token, err = s.replaceLinks(ctx, user, SetupLinkLifetime); err != nil {
			return err
		}
		return o.record(ctx, env.ID, user, "operator.recovered", nil)
	})
	if err != nil {
		return "", "", fmt.Errorf("recover an operator: %w", err)
	}
	return user, token, nil
}

// owner makes whoever has the address an owner who may sign in, in the transaction of ctx.
func (s *Setup) owner(ctx context.Context, env environments.ID, email, name string) (identity.ID, error) {
	o := s.Operators
	u, err := o.Users.ByEmail(ctx, env, email)
	if errors.Is(err, identity.ErrNotFound) {
		u, err = o.add(ctx, env, identity.NewUser{Email: email, EmailVerified: true, Profile: identity.Profile{Name: name}}, Owner)
		if err != nil {
			return "", err
		}
		return u.ID, nil
	}
	if err != nil {
		return "", err
	}
	before, err := o.Store.Operator(ctx, env, u.ID)
	if errors.Is(err, ErrNotOperator) {
		_, err = o.add(ctx, env, identity.NewUser{Email: email}, Owner)
		return u.ID, err
	}
	if err != nil {
		return "", err
	}
	if _, err := o.Users.SetStatus(ctx, env, u.ID, identity.Active, "operator_recovered"); err != nil {
		return "", err
	}
	if before.Role == Owner {
		return u.ID, nil
	}
	return u.ID, o.SetRole(ctx, u.ID, Owner)
}
