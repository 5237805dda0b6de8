package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"gorm.io/gorm"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
)

// APIKeys implements clients.APIKeyStore.
type APIKeys struct{ DB *DB }

type apiKeyRow struct {
	EnvironmentID string `gorm:"primaryKey"`
	ID            string `gorm:"primaryKey"`
	ApplicationID string
	Name, Hint    string
	Hash          []byte
	Scopes        words
	CreatedAt     int64 `gorm:"autoCreateTime:false"`
	ExpiresAt     *int64
	RevokedAt     *int64
	LastUsedAt    *int64
	LastUsedFrom  string
}

func (apiKeyRow) TableName() string { return "api_keys" }

func rowOfAPIKey(k *clients.APIKey) apiKeyRow {
	row := apiKeyRow{
		EnvironmentID: string(k.Environment), ID: k.ID, ApplicationID: string(k.Application), Name: k.Name, Hint: k.Hint, Hash: k.Hash[:],
		CreatedAt: micros(k.CreatedAt), ExpiresAt: microsOrNull(k.ExpiresAt), RevokedAt: microsOrNull(k.RevokedAt),
		LastUsedAt: microsOrNull(k.LastUsed.At), LastUsedFrom: k.LastUsed.Address,
	}
	for _, scope := range k.Scopes {
		row.Scopes = append(row.Scopes, string(scope))
	}
	return row
}

func (r *apiKeyRow) apiKey() (k clients.APIKey, err error) {
	if len(r.Hash) != len(k.Hash) {
		return k, fmt.Errorf("the hash of %s has %d bytes", r.ID, len(r.Hash))
	}
	k = clients.APIKey{
		ID: r.ID, Environment: environments.ID(r.EnvironmentID), Application: clients.ID(r.ApplicationID), Name: r.Name, Hint: r.Hint,
		Hash: [32]byte(r.Hash), CreatedAt: timeOf(r.CreatedAt), ExpiresAt: timeOrZero(r.ExpiresAt), RevokedAt: timeOrZero(r.RevokedAt),
		LastUsed: clients.SecretUse{At: timeOrZero(r.LastUsedAt), Address: r.LastUsedFrom},
	}
	for _, scope := range r.Scopes {
		k.Scopes = append(k.Scopes, clients.APIScope(scope))
	}
	return k, nil
}

func (s APIKeys) CreateAPIKey(ctx context.Context, k *clients.APIKey) error {
	row := rowOfAPIKey(k)
	err := s.DB.conn(ctx).Create(&row).Error
	if isMissingReference(err) {
		return clients.ErrNotFound
	}
	return err
}

func (s APIKeys) APIKeys(ctx context.Context, env environments.ID, app clients.ID) ([]clients.APIKey, error) {
	var rows []apiKeyRow
	err := s.DB.conn(ctx).Where("environment_id = ? AND application_id = ?", string(env), string(app)).Order("created_at, id").Find(&rows).Error
	if err != nil {
		return nil, err
	}
	all := make([]clients.APIKey, len(rows))
	for i := range rows {
		if all[i], err = rows[i].apiKey(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

const apiKeyByHash = `
	SELECT k.environment_id, k.id, k.application_id, k.name, k.hint, k.hash, k.scopes, k.created_at, k.expires_at, k.revoked_at,
		k.last_used_at, k.last_used_from, a.enabled
	FROM api_keys k JOIN applications a ON a.environment_id = k.environment_id AND a.id = k.application_id
	WHERE k.hash = ? AND a.deleted_at IS NULL`

func (s APIKeys) APIKeyByHash(ctx context.Context, hash [32]byte) (*clients.APIKey, bool, error) {
	var r apiKeyRow
	var enabled bool
	err := s.DB.queryRow(ctx, apiKeyByHash, hash[:]).Scan(&r.EnvironmentID, &r.ID, &r.ApplicationID, &r.Name, &r.Hint, &r.Hash, &r.Scopes,
		&r.CreatedAt, &r.ExpiresAt, &r.RevokedAt, &r.LastUsedAt, &r.LastUsedFrom, &enabled)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, clients.ErrNoAPIKey
	}
	if err != nil {
		return nil, false, err
	}
	k, err := r.apiKey()
	return &k, enabled, err
}

func (s APIKeys) UpdateAPIKey(ctx context.Context, env environments.ID, app clients.ID, id string, change func(context.Context, *clients.APIKey) error) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		var row apiKeyRow
		which := s.DB.conn(ctx).Clauses(forUpdate).Where("environment_id = ? AND id = ?", string(env), id)
		if app != "" {
			which = which.Where("application_id = ?", string(app))
		}
		err := which.Take(&row).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return clients.ErrNoAPIKey
		}
		if err != nil {
			return err
		}
		k, err := row.apiKey()
		if err != nil {
			return err
		}
		if err := change(ctx, &k); err != nil {
			return err
		}
		changed := rowOfAPIKey(&k)
		return s.DB.conn(ctx).Model(&row).Select("expires_at", "revoked_at").Updates(&changed).Error
	})
}

func (s APIKeys) DeleteAPIKeys(ctx context.Context, env environments.ID, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	return s.DB.conn(ctx).Where("environment_id = ? AND id IN ?", string(env), ids).Delete(&apiKeyRow{}).Error
}

const markAPIKeyUsed = `
	UPDATE api_keys SET last_used_at = ?, last_used_from = ?
	WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)`

// MarkAPIKeysUsed takes them in one order on every node, so that none waits for another that waits for it.
func (s APIKeys) MarkAPIKeysUsed(ctx context.Context, marks map[string]clients.SecretUse) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		for _, id := range slices.Sorted(maps.Keys(marks)) {
			at := micros(marks[id].At)
			if _, err := s.DB.exec(ctx, markAPIKeyUsed, at, marks[id].Address, id, at); err != nil {
				return err
			}
		}
		return nil
	})
}
