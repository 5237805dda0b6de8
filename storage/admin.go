package storage

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/portico-id/portico/admin"
)

// Setup implements admin.SetupStore.
type Setup struct{ DB *DB }

const (
	addSetupToken   = `INSERT INTO setup_tokens (hash, created_at, expires_at) VALUES (?, ?, ?)`
	checkSetupToken = `SELECT 1 FROM setup_tokens WHERE hash = ? AND used_at IS NULL AND expires_at > ?`
	useSetupToken   = `UPDATE setup_tokens SET used_at = ? WHERE hash = ? AND used_at IS NULL AND expires_at > ?`
)

func (s Setup) AddSetupToken(ctx context.Context, hash [32]byte, created, expires time.Time) error {
	_, err := s.DB.exec(ctx, addSetupToken, hash[:], micros(created), micros(expires))
	return err
}

func (s Setup) CheckSetupToken(ctx context.Context, hash [32]byte, now time.Time) error {
	var one int
	err := s.DB.queryRow(ctx, checkSetupToken, hash[:], micros(now)).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return admin.ErrSetupToken
	}
	return err
}

func (s Setup) UseSetupToken(ctx context.Context, hash [32]byte, now time.Time) error {
	used, err := s.DB.exec(ctx, useSetupToken, micros(now), hash[:], micros(now))
	if err == nil && used == 0 {
		return admin.ErrSetupToken
	}
	return err
}
