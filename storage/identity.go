package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
)

// Users implements identity.Store.
type Users struct{ DB *DB }

type userRow struct {
	EnvironmentID     string `gorm:"primaryKey"`
	ID                string `gorm:"primaryKey"`
	Email             string
	EmailKey          string
	EmailVerified     bool
	Status            string
	PasswordHash      string
	PasswordChangedAt *int64
	Name              string
	Profile           profile
	CreatedAt         int64 `gorm:"autoCreateTime:false"`
	UpdatedAt         int64 `gorm:"autoUpdateTime:false"`
}

func (userRow) TableName() string { return "users" }

func rowOfUser(u *identity.User) (userRow, error) {
	key, err := identity.NormalizeEmail(u.Email)
	if err != nil {
		return userRow{}, err
	}
	return userRow{
		EnvironmentID: string(u.Environment), ID: string(u.ID), Email: u.Email, EmailKey: key, EmailVerified: u.EmailVerified,
		Status: string(u.Status), PasswordHash: u.PasswordHash, PasswordChangedAt: microsOrNull(u.PasswordChangedAt),
		Name: u.Profile.Name, Profile: profile(u.Profile), CreatedAt: micros(u.CreatedAt), UpdatedAt: micros(u.UpdatedAt),
	}, nil
}

func (r *userRow) user() *identity.User {
	u := &identity.User{
		ID: identity.ID(r.ID), Environment: environments.ID(r.EnvironmentID), Email: r.Email, EmailVerified: r.EmailVerified,
		Status: identity.Status(r.Status), Profile: identity.Profile(r.Profile),
		PasswordHash: r.PasswordHash, PasswordChangedAt: timeOrZero(r.PasswordChangedAt),
		CreatedAt: timeOf(r.CreatedAt), UpdatedAt: timeOf(r.UpdatedAt),
	}
	u.Profile.Name = r.Name
	return u
}

// profileColumns are those of a user u that claims are made of. appendProfile appends where they go.
const profileColumns = `u.email, u.email_verified, u.name, u.profile, u.updated_at`

func appendProfile(dest []any, u *identity.User) []any {
	return append(dest, &u.Email, &u.EmailVerified, &u.Profile.Name, (*profile)(&u.Profile), (*instant)(&u.UpdatedAt))
}

// profile reads and writes a profile as JSON: one column, as nobody is looked up by a field of it and each column has its
// price. The name, which is listed beside the address, is a column of its own.
type profile struct {
	Name                string           `json:"-"`
	GivenName           string           `json:"given_name,omitempty"`
	FamilyName          string           `json:"family_name,omitempty"`
	MiddleName          string           `json:"middle_name,omitempty"`
	Nickname            string           `json:"nickname,omitempty"`
	PreferredUsername   string           `json:"preferred_username,omitempty"`
	Profile             string           `json:"profile,omitempty"`
	Picture             string           `json:"picture,omitempty"`
	Website             string           `json:"website,omitempty"`
	Gender              string           `json:"gender,omitempty"`
	Birthdate           string           `json:"birthdate,omitempty"`
	Zoneinfo            string           `json:"zoneinfo,omitempty"`
	Locale              string           `json:"locale,omitempty"`
	PhoneNumber         string           `json:"phone_number,omitempty"`
	PhoneNumberVerified bool             `json:"phone_number_verified,omitempty"`
	Address             identity.Address `json:"address,omitzero"`
}

func (p *profile) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("a profile is kept as %T", src)
	}
	return json.Unmarshal([]byte(text), p)
}

func (p profile) Value() (driver.Value, error) {
	encoded, err := json.Marshal(p)
	return string(encoded), err
}

func (s Users) User(ctx context.Context, env environments.ID, id identity.ID) (*identity.User, error) {
	return s.one(s.DB.conn(ctx).Where("environment_id = ? AND id = ?", string(env), string(id)))
}

func (s Users) UserByEmail(ctx context.Context, env environments.ID, email string) (*identity.User, error) {
	key, err := identity.NormalizeEmail(email)
	if err != nil {
		return nil, identity.ErrNotFound
	}
	return s.one(s.DB.conn(ctx).Where("environment_id = ? AND email_key = ?", string(env), key))
}

func (s Users) one(which *gorm.DB) (*identity.User, error) {
	var row userRow
	err := which.Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, identity.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return row.user(), nil
}

func (s Users) CreateUser(ctx context.Context, u *identity.User) error {
	row, err := rowOfUser(u)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		if err := s.DB.conn(ctx).Create(&row).Error; err != nil {
			return emailTaken(err)
		}
		return s.saveWords(ctx, u, nil)
	})
}

func (s Users) UpdateUser(ctx context.Context, env environments.ID, id identity.ID, change func(context.Context, *identity.User) error) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		u, err := s.one(s.DB.conn(ctx).Clauses(forUpdate).Where("environment_id = ? AND id = ?", string(env), string(id)))
		if err != nil {
			return err
		}
		words := u.Words()
		if err := change(ctx, u); err != nil {
			return err
		}
		u.Environment, u.ID = env, id
		row, err := rowOfUser(u)
		if err != nil {
			return err
		}
		if err := s.DB.conn(ctx).Select("*").Updates(&row).Error; err != nil {
			return emailTaken(err)
		}
		return s.saveWords(ctx, u, words)
	})
}

const operatorsOf = `SELECT count(*) FROM operators WHERE environment_id = ? AND user_id = ?`

func (s Users) IsOperator(ctx context.Context, env environments.ID, id identity.ID) (bool, error) {
	var operators int64
	err := s.DB.queryRow(ctx, operatorsOf, string(env), string(id)).Scan(&operators)
	return operators > 0, err
}

// DeleteUser relies on foreign keys for what belongs to the user.
func (s Users) DeleteUser(ctx context.Context, env environments.ID, id identity.ID) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		operator, err := s.IsOperator(ctx, env, id)
		if err != nil {
			return err
		}
		if operator {
			return identity.ErrIsOperator
		}
		done := s.DB.conn(ctx).Delete(&userRow{EnvironmentID: string(env), ID: string(id)})
		if done.Error == nil && done.RowsAffected == 0 {
			return identity.ErrNotFound
		}
		return done.Error
	})
}

func (s Users) CountUsers(ctx context.Context, env environments.ID) (int, error) {
	var n int64
	err := s.DB.conn(ctx).Model(&userRow{}).Where("environment_id = ?", string(env)).Count(&n).Error
	return int(n), err
}

func emailTaken(err error) error {
	if isDuplicate(err, "email_key") {
		return identity.ErrEmailTaken
	}
	return err
}

const (
	saveChallenge = `
		INSERT INTO challenges (environment_id, id, purpose, subject, code_hash, email, data, tries_left, created_at, expires_at, used_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (environment_id, purpose, subject) DO UPDATE SET id = excluded.id, code_hash = excluded.code_hash, email = excluded.email,
			data = excluded.data, tries_left = excluded.tries_left, created_at = excluded.created_at, expires_at = excluded.expires_at, used_at = excluded.used_at`

	challengeColumns = `id, purpose, subject, code_hash, email, data, tries_left, created_at, expires_at, used_at`
	findChallenge    = `SELECT ` + challengeColumns + ` FROM challenges WHERE environment_id = ? AND id = ?`
	tryChallenge     = `
		UPDATE challenges SET tries_left = tries_left - 1
		WHERE environment_id = ? AND id = ? AND used_at IS NULL AND tries_left > 0 AND expires_at > ?
		RETURNING ` + challengeColumns
	useChallenge = `UPDATE challenges SET used_at = ? WHERE environment_id = ? AND id = ? AND used_at IS NULL`
)

func challengeDest(c *identity.Challenge) []any {
	return []any{&c.ID, (*string)(&c.Purpose), &c.Subject, (*hash)(&c.CodeHash), &c.Email, &c.Data, &c.TriesLeft,
		(*instant)(&c.CreatedAt), (*instant)(&c.ExpiresAt), (*instant)(&c.UsedAt)}
}

func (s Users) SaveChallenge(ctx context.Context, c *identity.Challenge) error {
	_, err := s.DB.exec(ctx, saveChallenge, string(c.Environment), c.ID, string(c.Purpose), c.Subject, c.CodeHash[:], c.Email, c.Data,
		int64(c.TriesLeft), micros(c.CreatedAt), micros(c.ExpiresAt), microsOrNull(c.UsedAt))
	return err
}

// TryChallenge must not be called in a transaction, which would undo the try.
func (s Users) TryChallenge(ctx context.Context, env environments.ID, id string, now time.Time) (*identity.Challenge, error) {
	c := &identity.Challenge{Environment: env}
	won, err := s.DB.claim(ctx, challengeDest(c), tryChallenge, string(env), id, micros(now))
	if err != nil {
		return nil, err
	}
	if !won {
		return nil, identity.ErrNotFound
	}
	return c, nil
}

func (s Users) UseChallenge(ctx context.Context, env environments.ID, id string, now time.Time) error {
	used, err := s.DB.exec(ctx, useChallenge, micros(now), string(env), id)
	if err == nil && used == 0 {
		return identity.ErrNotFound
	}
	return err
}

func (s Users) Challenge(ctx context.Context, env environments.ID, id string) (*identity.Challenge, error) {
	c := &identity.Challenge{Environment: env}
	err := s.DB.queryRow(ctx, findChallenge, string(env), id).Scan(challengeDest(c)...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, identity.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}
