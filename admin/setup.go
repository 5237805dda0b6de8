// Package admin is what the people who run the installation may do: operators are users of the built-in environment
// "operators".
package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/keys"
)

// ErrSetupToken says that a set-up link is unknown, used or expired.
var ErrSetupToken = fault.NotFoundf("This set-up link was used before, or it has expired.")

// How long set-up links work.
const (
	SetupLinkLifetime  = 30 * time.Minute   // of the first operator's
	InviteLinkLifetime = 7 * 24 * time.Hour // of another's
)

// SetupStore keeps the one-time links of the installation itself. A link is known here by its keyed hash alone.
type SetupStore interface {
	// AddSetupToken adds a link for the operator; "" is the one that makes the first.
	AddSetupToken(ctx context.Context, hash [32]byte, operator identity.ID, created, expires time.Time) error
	// CheckSetupToken returns the operator whom the link is for. It returns ErrSetupToken if the link is unknown, used or
	// expired at now.
	CheckSetupToken(ctx context.Context, hash [32]byte, now time.Time) (identity.ID, error)
	// UseSetupToken marks the link as used, in one conditional statement. It returns ErrSetupToken if it is unknown, used or
	// expired at now.
	UseSetupToken(ctx context.Context, hash [32]byte, now time.Time) error
	// EndSetupTokens marks every link for the operator as used.
	EndSetupTokens(ctx context.Context, operator identity.ID, now time.Time) error
}

// Setup makes operators by one-time links: the first for whoever can read what the server prints, others for whom an owner
// hands a link to. It is safe for concurrent use.
type Setup struct {
	Store     SetupStore
	Operators *Operators
	Pepper    *keys.Pepper
}

func (s *Setup) hash(token string) [32]byte { return s.Pepper.Sum("set-up link", []byte(token)) }

func (s *Setup) now() time.Time { return s.Operators.Now().UTC() }

// Needed reports whether there is no operator yet.
func (s *Setup) Needed(ctx context.Context) (bool, error) {
	all, err := s.Operators.List(ctx)
	return len(all) == 0, err
}

// NewToken makes the token of a set-up link for the first operator, which works once, for SetupLinkLifetime.
func (s *Setup) NewToken(ctx context.Context) (string, error) {
	return s.newToken(ctx, "", SetupLinkLifetime)
}

func (s *Setup) newToken(ctx context.Context, operator identity.ID, lifetime time.Duration) (string, error) {
	token, now := keys.NewSecret("st_").Reveal(), s.now()
	if err := s.Store.AddSetupToken(ctx, s.hash(token), operator, now, now.Add(lifetime)); err != nil {
		return "", fmt.Errorf("make a set-up link: %w", err)
	}
	return token, nil
}

// Check returns the operator whom the link is for, nil for the link that makes the first one. It returns ErrSetupToken if the
// token is not good now.
func (s *Setup) Check(ctx context.Context, token string) (*Operator, error) {
	id, err := s.Store.CheckSetupToken(ctx, s.hash(token), s.now())
	if err != nil || id == "" {
		return nil, err
	}
	operator, err := s.Operators.Get(ctx, id)
	if errors.Is(err, ErrNotOperator) {
		return nil, ErrSetupToken
	}
	return operator, err
}

// CreateOperator uses the token up, with all others for the first operator, and makes that one, an owner. Errors:
// ErrSetupToken; *fault.Error naming the field.
func (s *Setup) CreateOperator(ctx context.Context, token, name, email, password string) (*identity.User, error) {
	invited, err := s.Check(ctx, token)
	if err == nil && invited != nil {
		err = ErrSetupToken
	}
	if err != nil {
		return nil, err
	}
	o := s.Operators
	env, err := o.Environment(ctx)
	if err != nil {
		return nil, err
	}
	if err := o.Users.Passwords.Check(password, email, name, env.Name); err != nil {
		return nil, err
	}
	hash, err := o.Users.Hasher.Hash(ctx, password)
	if err != nil {
		return nil, fmt.Errorf("create the first operator: %w", err)
	}
	var user *identity.User
	err = o.InTx(ctx, func(ctx context.Context) error {
		if err := s.Store.UseSetupToken(ctx, s.hash(token), s.now()); err != nil {
			return err
		}
		if err := s.Store.EndSetupTokens(ctx, "", s.now()); err != nil {
			return err
		}
		user, err = o.add(ctx, env.ID, identity.NewUser{
			Email: email, EmailVerified: true, Profile: identity.Profile{Name: name}, PasswordHash: hash,
		}, Owner)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("create the first operator: %w", err)
	}
	return user, nil
}

// Invitation is what an owner says of an operator to be.
type Invitation struct {
	Name  string
	Email string
	Role  Role
}

// Invite makes an operator, and the token of the link by which she chooses her password: once, within InviteLinkLifetime.
// Errors: ErrIsOperator; *fault.Error naming the field.
func (s *Setup) Invite(ctx context.Context, in Invitation) (user *identity.User, token string, err error) {
	if !in.Role.Valid() {
		return nil, "", fault.Invalidf("role", "Choose one of the roles.")
	}
	o := s.Operators
	env, err := o.Environment(ctx)
	if err != nil {
		return nil, "", err
	}
	err = o.InTx(ctx, func(ctx context.Context) error {
		user, err = o.add(ctx, env.ID, identity.NewUser{Email: in.Email, EmailVerified: true, Profile: identity.Profile{Name: in.Name}}, in.Role)
		if err != nil {
			return err
		}
		token, err = s.replaceLinks(ctx, user.ID, InviteLinkLifetime)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("invite an operator: %w", err)
	}
	return user, token, nil
}

// replaceLinks makes a link for the operator in place of those that she got before, in the transaction of ctx.
func (s *Setup) replaceLinks(ctx context.Context, user identity.ID, lifetime time.Duration) (string, error) {
	if err := s.Store.EndSetupTokens(ctx, user, s.now()); err != nil {
		return "", err
	}
	return s.newToken(ctx, user, lifetime)
}

// NewLink makes another link for an operator who has not chosen her password, in place of those she got. Errors:
// ErrNotOperator; fault.Conflict if she has chosen one.
func (s *Setup) NewLink(ctx context.Context, user identity.ID) (token string, err error) {
	err = s.Operators.change(ctx, user, "make a link for", func(ctx context.Context, env environments.ID, operator *Operator) error {
		if !operator.Invited {
			return fault.Conflictf("", "%s has chosen a password. If it is lost, the sign-in page offers a reset.", operator.Email)
		}
		if token, err = s.replaceLinks(ctx, user, InviteLinkLifetime); err != nil {
			return err
		}
		return s.Operators.record(ctx, env, user, "operator.link_created", nil)
	})
	return token, err
}

// Accept uses the token up and sets the password of the operator whom it is for. Errors: ErrSetupToken; those of
// identity.PasswordPolicy.Check.
func (s *Setup) Accept(ctx context.Context, token, password string) (*identity.User, error) {
	operator, err := s.Check(ctx, token)
	if err == nil && operator == nil {
		err = ErrSetupToken
	}
	if err != nil {
		return nil, err
	}
	o := s.Operators
	env, err := o.Environment(ctx)
	if err != nil {
		return nil, err
	}
	user, err := o.Users.SetPassword(ctx, env.ID, operator.User, password, func(ctx context.Context) error {
		return s.Store.UseSetupToken(ctx, s.hash(token), s.now())
	})
	if err != nil {
		return nil, fmt.Errorf("accept the link of operator %s: %w", operator.User, err)
	}
	return user, nil
}
