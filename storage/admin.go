package storage

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
)

// Setup implements admin.SetupStore.
type Setup struct{ DB *DB }

const (
	addSetupToken   = `INSERT INTO setup_tokens (hash, user_id, created_at, expires_at) VALUES (?, ?, ?, ?)`
	checkSetupToken = `SELECT user_id FROM setup_tokens WHERE hash = ? AND used_at IS NULL AND expires_at > ?`
	useSetupToken   = `UPDATE setup_tokens SET used_at = ? WHERE hash = ? AND used_at IS NULL AND expires_at > ?`
	endSetupTokens  = `UPDATE setup_tokens SET used_at = ? WHERE user_id = ? AND used_at IS NULL`
)

func (s Setup) AddSetupToken(ctx context.Context, hash [32]byte, operator identity.ID, created, expires time.Time) error {
	_, err := s.DB.exec(ctx, addSetupToken, hash[:], string(operator), micros(created), micros(expires))
	return err
}

func (s Setup) CheckSetupToken(ctx context.Context, hash [32]byte, now time.Time) (operator identity.ID, err error) {
	err = s.DB.queryRow(ctx, checkSetupToken, hash[:], micros(now)).Scan((*string)(&operator))
	if errors.Is(err, sql.ErrNoRows) {
		return "", admin.ErrSetupToken
	}
	return operator, err
}

func (s Setup) UseSetupToken(ctx context.Context, hash [32]byte, now time.Time) error {
	used, err := s.DB.exec(ctx, useSetupToken, micros(now), hash[:], micros(now))
	if err == nil && used == 0 {
		return admin.ErrSetupToken
	}
	return err
}

func (s Setup) EndSetupTokens(ctx context.Context, operator identity.ID, now time.Time) error {
	_, err := s.DB.exec(ctx, endSetupTokens, micros(now), string(operator))
	return err
}

// Operators implements admin.OperatorStore.
type Operators struct{ DB *DB }

const (
	selectOperators = `
		SELECT o.user_id, o.role, u.name, u.email, u.password_hash = '', o.created_at
		FROM operators o JOIN users u ON u.id = o.user_id AND u.environment_id IS NOT DISTINCT FROM o.environment_id
		WHERE o.environment_id = ?`
	listOperators = selectOperators + ` ORDER BY o.created_at, o.user_id`
	findOperator  = selectOperators + ` AND o.user_id = ?`

	addOperator = `INSERT INTO operators (environment_id, user_id, role, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
	setRole     = `UPDATE operators SET role = ? WHERE environment_id = ? AND user_id = ?`
	remove      = `DELETE FROM operators WHERE environment_id = ? AND user_id = ?`

	// Whoever wants to take an owner's role away waits here for whoever else does, and sees what came of it. SQLite has its
	// transactions wait for one another anyway.
	lockOwners = `SELECT user_id FROM operators WHERE environment_id = ? AND role = 'owner' ORDER BY user_id`
)

func operatorDest(o *admin.Operator) []any {
	return []any{(*string)(&o.User), (*string)(&o.Role), &o.Name, &o.Email, &o.Invited, (*instant)(&o.CreatedAt)}
}

func (s Operators) Operators(ctx context.Context, env environments.ID) ([]admin.Operator, error) {
	rows, err := s.DB.query(ctx, listOperators, string(env))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []admin.Operator
	for rows.Next() {
		var o admin.Operator
		if err := rows.Scan(operatorDest(&o)...); err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, rows.Err()
}

func (s Operators) Operator(ctx context.Context, env environments.ID, user identity.ID) (*admin.Operator, error) {
	o := &admin.Operator{}
	err := s.DB.queryRow(ctx, findOperator, string(env), string(user)).Scan(operatorDest(o)...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, admin.ErrNotOperator
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

func (s Operators) AddOperator(ctx context.Context, env environments.ID, user identity.ID, role admin.Role, now time.Time) error {
	added, err := s.DB.exec(ctx, addOperator, string(env), string(user), string(role), micros(now))
	if err == nil && added == 0 {
		return admin.ErrIsOperator
	}
	return err
}

func (s Operators) SetOperatorRole(ctx context.Context, env environments.ID, user identity.ID, role admin.Role) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		if role != admin.Owner {
			if err := s.leavesOwner(ctx, env, user); err != nil {
				return err
			}
		}
		return s.change(ctx, setRole, string(role), string(env), string(user))
	})
}

func (s Operators) RemoveOperator(ctx context.Context, env environments.ID, user identity.ID) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		if err := s.leavesOwner(ctx, env, user); err != nil {
			return err
		}
		return s.change(ctx, remove, string(env), string(user))
	})
}

// leavesOwner returns ErrLastOwner if the user is the only owner.
func (s Operators) leavesOwner(ctx context.Context, env environments.ID, user identity.ID) error {
	rows, err := s.DB.query(ctx, s.DB.either(lockOwners, lockOwners+` FOR UPDATE`), string(env))
	if err != nil {
		return err
	}
	defer rows.Close()
	others, owner := 0, false
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		if id == string(user) {
			owner = true
		} else {
			others++
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if owner && others == 0 {
		return admin.ErrLastOwner
	}
	return nil
}

func (s Operators) change(ctx context.Context, q string, args ...any) error {
	changed, err := s.DB.exec(ctx, q, args...)
	if err == nil && changed == 0 {
		return admin.ErrNotOperator
	}
	return err
}
