package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
)

// Operator is a person who runs the installation: a user of the environment of the operators, with a role.
type Operator struct {
	User      identity.ID
	Role      Role
	Name      string
	Email     string
	Invited   bool // she has not chosen a password yet
	CreatedAt time.Time
}

// Errors of the OperatorStore and of Operators.
var (
	ErrNotOperator = fault.NotFoundf("There is no such operator.")
	ErrIsOperator  = fault.Conflictf("email", "This person is an operator already.")
	ErrLastOwner   = fault.Conflictf("role", "This is the last owner. Make somebody else an owner first.")
)

// OperatorStore keeps which users of an environment are operators. It returns ErrNotOperator for a user who is none.
type OperatorStore interface {
	// Operators returns all of them, the oldest first.
	Operators(ctx context.Context, env environments.ID) ([]Operator, error)
	// Operator returns one of them.
	Operator(ctx context.Context, env environments.ID, user identity.ID) (*Operator, error)
	// AddOperator gives a user a role. It returns ErrIsOperator if she has one.
	AddOperator(ctx context.Context, env environments.ID, user identity.ID, role Role, now time.Time) error
	// SetOperatorRole gives an operator another role. It returns ErrLastOwner rather than leave no owner, whatever
	// happens at once.
	SetOperatorRole(ctx context.Context, env environments.ID, user identity.ID, role Role) error
	// RemoveOperator takes the role of an operator. It returns ErrLastOwner, as SetOperatorRole does.
	RemoveOperator(ctx context.Context, env environments.ID, user identity.ID) error
}

// Operators keeps who runs the installation. It is safe for concurrent use, on any number of nodes.
type Operators struct {
	Store        OperatorStore
	Environments *environments.Registry
	Users        *identity.Registry
	Audit        audit.Recorder
	InTx         func(ctx context.Context, fn func(context.Context) error) error
	Now          func() time.Time
}

// Environment is the one whose users the operators are.
func (o *Operators) Environment(ctx context.Context) (*environments.Environment, error) {
	return o.Environments.BySlug(ctx, environments.OperatorsSlug)
}

// List returns all operators, the oldest first.
func (o *Operators) List(ctx context.Context) ([]Operator, error) {
	env, err := o.Environment(ctx)
	if err != nil {
		return nil, err
	}
	all, err := o.Store.Operators(ctx, env.ID)
	if err != nil {
		return nil, fmt.Errorf("list the operators: %w", err)
	}
	return all, nil
}

// Get returns the operator, or ErrNotOperator.
func (o *Operators) Get(ctx context.Context, user identity.ID) (*Operator, error) {
	env, err := o.Environment(ctx)
	if err != nil {
		return nil, err
	}
	operator, err := o.Store.Operator(ctx, env.ID, user)
	if err != nil {
		return nil, fmt.Errorf("operator %s: %w", user, err)
	}
	return operator, nil
}

// SetRole gives an operator another role, which counts from her next request on. Errors: ErrNotOperator; ErrLastOwner;
// fault.Invalid for an unknown role.
func (o *Operators) SetRole(ctx context.Context, user identity.ID, role Role) error {
	if !role.Valid() {
		return fault.Invalidf("role", "Choose one of the roles.")
	}
	return o.change(ctx, user, "change the role of", func(ctx context.Context, env environments.ID, before *Operator) error {
		if before.Role == role {
			return nil
		}
		if err := o.Store.SetOperatorRole(ctx, env, user, role); err != nil {
			return err
		}
		return o.record(ctx, env, user, "operator.role_changed", roleChange{Before: before.Role, After: role})
	})
}

// Remove takes an operator's role, ends her sessions and keeps her from signing in. Her links are worth nothing any more.
// Errors: ErrNotOperator; ErrLastOwner.
func (o *Operators) Remove(ctx context.Context, user identity.ID) error {
	return o.change(ctx, user, "remove", func(ctx context.Context, env environments.ID, before *Operator) error {
		if err := o.Store.RemoveOperator(ctx, env, user); err != nil {
			return err
		}
		if _, err := o.Users.SetStatus(ctx, env, user, identity.Disabled, "operator_removed"); err != nil {
			return err
		}
		return o.record(ctx, env, user, "operator.removed", roleChange{Before: before.Role})
	})
}

// change runs do, with the operator as she is, in one transaction.
func (o *Operators) change(ctx context.Context, user identity.ID, what string, do func(context.Context, environments.ID, *Operator) error) error {
	env, err := o.Environment(ctx)
	if err == nil {
		err = o.InTx(ctx, func(ctx context.Context) error {
			operator, err := o.Store.Operator(ctx, env.ID, user)
			if err != nil {
				return err
			}
			return do(ctx, env.ID, operator)
		})
	}
	if err != nil {
		return fmt.Errorf("%s operator %s: %w", what, user, err)
	}
	return nil
}

// roleChange is what an event tells of a change.
type roleChange struct {
	Before Role `json:"before,omitempty"`
	After  Role `json:"after,omitempty"`
}

func (o *Operators) record(ctx context.Context, env environments.ID, user identity.ID, name string, data any) error {
	return o.Audit.Record(ctx, audit.Event{Name: name, Environment: string(env), Target: string(user), Data: data})
}

// add makes an operator in the transaction of ctx: of a new user, or of one who was an operator before.
func (o *Operators) add(ctx context.Context, env environments.ID, n identity.NewUser, role Role) (*identity.User, error) {
	user, err := o.Users.ByEmail(ctx, env, n.Email)
	switch {
	case errors.Is(err, identity.ErrNotFound):
		user, err = o.Users.Create(ctx, env, n)
	case err == nil:
		user, err = o.Users.SetStatus(ctx, env, user.ID, identity.Active, "operator_invited")
	}
	if err != nil {
		return nil, err
	}
	if err := o.Store.AddOperator(ctx, env, user.ID, role, o.Now().UTC()); err != nil {
		return nil, err
	}
	return user, o.record(ctx, env, user.ID, "operator.created", roleChange{After: role})
}
