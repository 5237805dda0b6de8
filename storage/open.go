package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Options tunes a database. The zero value suits a server of ordinary size.
type Options struct {
	// MaxConnections bounds the connections to PostgreSQL (default 20), or the connections that
	// read from SQLite (default: one per CPU, from 2 to 8).
	MaxConnections int
}

// Open opens the database that url names and doesn't migrate it:
//
//	sqlite:PATH         a file, created with mode 0600 if there is none; its directory must exist
//	sqlite::memory:     a database of this DB alone that is gone after Close
//	postgres://…        anything that libpq would take, several hosts with target_session_attrs too
//
// A DB is safe for concurrent use.
func Open(ctx context.Context, url string, opts Options) (*DB, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	var db *DB
	var err error
	switch scheme {
	case "sqlite":
		db, err = openSQLite(ctx, strings.TrimPrefix(rest, "//"), opts)
	case "postgres", "postgresql":
		db, err = openPostgres(ctx, url, opts)
	default:
		return nil, errors.New(`the database URL must begin with "sqlite:" or "postgres://"`)
	}
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return db, nil
}
