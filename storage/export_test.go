package storage

import (
	"context"
	"database/sql"
	"io/fs"

	"gorm.io/gorm"
)

// What the Stores of this package use, for the tests in storage_test, which need storagetest.

var (
	Numbered           = numbered
	IsDuplicate        = isDuplicate
	IsMissingReference = isMissingReference
)

func (db *DB) Conn(ctx context.Context) *gorm.DB { return db.conn(ctx) }

func (db *DB) Exec(ctx context.Context, q string, args ...any) (int64, error) {
	return db.exec(ctx, q, args...)
}

func (db *DB) Query(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	return db.query(ctx, q, args...)
}

func (db *DB) QueryRow(ctx context.Context, q string, args ...any) row {
	return db.queryRow(ctx, q, args...)
}

func (db *DB) Claim(ctx context.Context, dest []any, q string, args ...any) (bool, error) {
	return db.claim(ctx, dest, q, args...)
}

func (db *DB) AfterCommit(ctx context.Context, fn func()) { db.afterCommit(ctx, fn) }

func (db *DB) Either(sqlite, postgres string) string { return db.either(sqlite, postgres) }

func (db *DB) MigrateFrom(ctx context.Context, source fs.FS) (int, error) {
	return db.migrate(ctx, source)
}

func (db *DB) PlanFrom(ctx context.Context, source fs.FS) ([]string, error) {
	return db.plan(ctx, source)
}

// Alone runs fn while no transaction of db is open and none can begin.
func (db *DB) Alone(ctx context.Context, fn func() error) error { return db.writer.alone(ctx, fn) }
