package storage

import (
	"context"
	"time"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/keys"
)

// Keys implements keys.Store and keys.SealingStore. It notifies "keys" of every change, with the environment.
type Keys struct{ DB *DB }

type signingKeyRow struct {
	EnvironmentID string `gorm:"primaryKey"`
	ID            string `gorm:"primaryKey"`
	Algorithm     string
	State         string
	PublicKey     []byte
	PrivateKey    []byte
	CreatedAt     int64 `gorm:"autoCreateTime:false"`
	ActivatedAt   *int64
	PublishedAt   *int64
	RetiredAt     *int64
}

func (signingKeyRow) TableName() string { return "signing_keys" }

func rowOfSigningKey(env environments.ID, k *keys.SigningKey) signingKeyRow {
	return signingKeyRow{
		EnvironmentID: string(env), ID: k.ID, Algorithm: string(k.Algorithm), State: string(k.State),
		PublicKey: k.PublicKey, PrivateKey: k.PrivateKey, CreatedAt: micros(k.CreatedAt),
		ActivatedAt: microsOrNull(k.ActivatedAt), PublishedAt: microsOrNull(k.PublishedAt), RetiredAt: microsOrNull(k.RetiredAt),
	}
}

func (r *signingKeyRow) signingKey() keys.SigningKey {
	return keys.SigningKey{
		ID: r.ID, Environment: environments.ID(r.EnvironmentID), Algorithm: keys.Algorithm(r.Algorithm), State: keys.State(r.State),
		PublicKey: r.PublicKey, PrivateKey: r.PrivateKey, CreatedAt: timeOf(r.CreatedAt),
		ActivatedAt: timeOrZero(r.ActivatedAt), PublishedAt: timeOrZero(r.PublishedAt), RetiredAt: timeOrZero(r.RetiredAt),
	}
}

type sealingKeyRow struct {
	EnvironmentID string `gorm:"primaryKey"`
	ID            uint32 `gorm:"primaryKey;autoIncrement:false"`
	Secret        []byte
	CreatedAt     int64 `gorm:"autoCreateTime:false"`
	SealsFrom     int64
}

func (sealingKeyRow) TableName() string { return "sealing_keys" }

func rowOfSealingKey(env environments.ID, k *keys.SealingKey) sealingKeyRow {
	return sealingKeyRow{
		EnvironmentID: string(env), ID: k.ID, Secret: k.Secret, CreatedAt: micros(k.CreatedAt), SealsFrom: micros(k.SealsFrom),
	}
}

func (r *sealingKeyRow) sealingKey() keys.SealingKey {
	return keys.SealingKey{
		ID: r.ID, Environment: environments.ID(r.EnvironmentID), Secret: r.Secret,
		CreatedAt: timeOf(r.CreatedAt), SealsFrom: timeOf(r.SealsFrom),
	}
}

func (s Keys) InTx(ctx context.Context, do func(context.Context) error) error {
	return s.DB.InTx(ctx, do)
}

// change runs do and notifies of it, in one transaction.
func (s Keys) change(ctx context.Context, env environments.ID, do func(context.Context) error) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		if err := do(ctx); err != nil {
			return err
		}
		return s.DB.Notify(ctx, "keys", string(env))
	})
}

func (s Keys) SigningKeys(ctx context.Context, env environments.ID) ([]keys.SigningKey, error) {
	var rows []signingKeyRow
	if err := s.DB.conn(ctx).Where("environment_id = ?", string(env)).Order("created_at, id").Find(&rows).Error; err != nil {
		return nil, err
	}
	all := make([]keys.SigningKey, len(rows))
	for i := range rows {
		all[i] = rows[i].signingKey()
	}
	return all, nil
}

func (s Keys) AddSigningKey(ctx context.Context, env environments.ID, key keys.SigningKey) error {
	return s.change(ctx, env, func(ctx context.Context) error {
		row := rowOfSigningKey(env, &key)
		return duplicateConflicts(s.DB.conn(ctx).Create(&row).Error)
	})
}

func (s Keys) MoveSigningKey(ctx context.Context, env environments.ID, id string, from, to keys.State, at time.Time) error {
	moved := map[string]any{"state": string(to)}
	switch to {
	case keys.Active:
		moved["activated_at"] = micros(at)
	case keys.Published:
		moved["published_at"] = micros(at)
	case keys.Retired:
		moved["retired_at"], moved["private_key"] = micros(at), nil
	}
	return s.change(ctx, env, func(ctx context.Context) error {
		done := s.DB.conn(ctx).Model(&signingKeyRow{}).
			Where("environment_id = ? AND id = ? AND state = ?", string(env), id, string(from)).Updates(moved)
		if done.Error == nil && done.RowsAffected == 0 {
			return keys.ErrConflict
		}
		return duplicateConflicts(done.Error)
	})
}

func (s Keys) RewrapSigningKey(ctx context.Context, env environments.ID, id string, old, wrapped []byte) error {
	return s.change(ctx, env, func(ctx context.Context) error {
		return s.DB.conn(ctx).Model(&signingKeyRow{}).
			Where("environment_id = ? AND id = ? AND private_key = ?", string(env), id, old).Update("private_key", wrapped).Error
	})
}

func (s Keys) DeleteSigningKey(ctx context.Context, env environments.ID, id string) error {
	return s.change(ctx, env, func(ctx context.Context) error {
		done := s.DB.conn(ctx).Where("environment_id = ? AND id = ? AND state = ?", string(env), id, string(keys.Retired)).Delete(&signingKeyRow{})
		if done.Error == nil && done.RowsAffected == 0 {
			return keys.ErrConflict
		}
		return done.Error
	})
}

func (s Keys) SealingKeys(ctx context.Context, env environments.ID) ([]keys.SealingKey, error) {
	var rows []sealingKeyRow
	if err := s.DB.conn(ctx).Where("environment_id = ?", string(env)).Order("id").Find(&rows).Error; err != nil {
		return nil, err
	}
	all := make([]keys.SealingKey, len(rows))
	for i := range rows {
		all[i] = rows[i].sealingKey()
	}
	return all, nil
}

func (s Keys) AddSealingKey(ctx context.Context, env environments.ID, key keys.SealingKey) error {
	return s.change(ctx, env, func(ctx context.Context) error {
		row := rowOfSealingKey(env, &key)
		return duplicateConflicts(s.DB.conn(ctx).Create(&row).Error)
	})
}

func (s Keys) RewrapSealingKey(ctx context.Context, env environments.ID, id uint32, old, wrapped []byte) error {
	return s.change(ctx, env, func(ctx context.Context) error {
		return s.DB.conn(ctx).Model(&sealingKeyRow{}).
			Where("environment_id = ? AND id = ? AND secret = ?", string(env), id, old).Update("secret", wrapped).Error
	})
}

func (s Keys) DeleteSealingKeys(ctx context.Context, env environments.ID, below uint32) error {
	return s.change(ctx, env, func(ctx context.Context) error {
		return s.DB.conn(ctx).Where("environment_id = ? AND id < ?", string(env), below).Delete(&sealingKeyRow{}).Error
	})
}

// duplicateConflicts makes keys.ErrConflict of a key that is there already, or of a second one in a state of which there is one.
func duplicateConflicts(err error) error {
	if isDuplicate(err) {
		return keys.ErrConflict
	}
	return err
}
