// Package admin is what the people who run the installation may do: operators are users of the built-in environment
// "operators".
package admin

import (
	"context"
	"fmt"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/keys"
)

// ErrSetupToken says that a set-up link is unknown, used or expired.
var ErrSetupToken = fault.NotFoundf("This set-up link was used before, or it has expired.")

// SetupLinkLifetime is how long a set-up link works.
const SetupLinkLifetime = 30 * time.Minute

// SetupStore keeps the one-time links of the installation itself, such as the one that makes the first operator. A link is
// known here by its keyed hash alone.
type SetupStore interface {
	// AddSetupToken adds a link.
	AddSetupToken(ctx context.Context, hash [32]byte, created, expires time.Time) error
	// CheckSetupToken returns ErrSetupToken if the link is unknown, used or expired at now.
	CheckSetupToken(ctx context.Context, hash [32]byte, now time.Time) error
	// UseSetupToken marks the link as used, in one conditional statement. It returns ErrSetupToken if it is unknown, used or
	// expired at now.
	UseSetupToken(ctx context.Context, hash [32]byte, now time.Time) error
}

// Setup makes the first operator of an installation, for whoever can read what the server prints.
type Setup struct {
	Store        SetupStore
	Environments *environments.Registry
	Users        *identity.Registry
	Pepper       *keys.Pepper
	Audit        audit.Recorder
	InTx         func(ctx context.Context, fn func(context.Context) error) error
	Now          func() time.Time
}

func (s *Setup) hash(token string) [32]byte { return s.Pepper.Sum("set-up link", []byte(token)) }

// Needed reports whether there is no operator yet.
func (s *Setup) Needed(ctx context.Context) (bool, error) {
	env, err := s.Environments.BySlug(ctx, environments.OperatorsSlug)
	if err != nil {
		return false, err
	}
	n, err := s.Users.Store.CountUsers(ctx, env.ID)
	if err != nil {
		return false, fmt.Errorf("count the operators: %w", err)
	}
	return n == 0, nil
}

// NewToken makes the token of a set-up link, which works once, for SetupLinkLifetime.
func (s *Setup) NewToken(ctx context.Context) (string, error) {
	token := keys.NewSecret("st_").Reveal()
	now := s.Now().UTC()
	if err := s.Store.AddSetupToken(ctx, s.hash(token), now, now.Add(SetupLinkLifetime)); err != nil {
		return "", fmt.Errorf("make a set-up link: %w", err)
	}
	return token, nil
}

// Check returns ErrSetupToken if the token is not good now.
func (s *Setup) Check(ctx context.Context, token string) error {
	return s.Store.CheckSetupToken(ctx, s.hash(token), s.Now().UTC())
}

// CreateOperator uses the token up and makes an operator. Errors: ErrSetupToken; *fault.Error naming the field.
func (s *Setup) CreateOperator(ctx context.Context, token, name, email, password string) (*identity.User, error) {
	if err := s.Check(ctx, token); err != nil {
		return nil, err
	}
	env, err := s.Environments.BySlug(ctx, environments.OperatorsSlug)
	if err != nil {
		return nil, err
	}
	if err := s.Users.Passwords.Check(password, email, name, env.Name); err != nil {
		return nil, err
	}
	hash, err := s.Users.Hasher.Hash(ctx, password)
	if err != nil {
		return nil, fmt.Errorf("create the first operator: %w", err)
	}
	var user *identity.User
	err = s.InTx(ctx, func(ctx context.Context) error {
		if err := s.Store.UseSetupToken(ctx, s.hash(token), s.Now().UTC()); err != nil {
			return err
		}
		user, err = s.Users.Create(ctx, env.ID, identity.NewUser{
			Email: email, EmailVerified: true, Profile: identity.Profile{Name: name}, PasswordHash: hash,
		})
		if err != nil {
			return err
		}
		return s.Audit.Record(ctx, audit.Event{Name: "operator.created", Environment: string(env.ID), Target: string(user.ID)})
	})
	if err != nil {
		return nil, fmt.Errorf("create the first operator: %w", err)
	}
	return user, nil
}
