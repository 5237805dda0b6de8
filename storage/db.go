// Package storage keeps everything that outlives a request: rows, their migrations and the Stores
// that the domain declares, on SQLite and on PostgreSQL. It is the only package that imports gorm.
//
// A Store method reads and writes with conn (gorm) or with query, queryRow, exec and claim
// (prepared statements). Both use the transaction that InTx put into the context, and without one
// the pools.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
)

// Dialects, as DB.Dialect tells them.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// DB is an open database, made by Open.
type DB struct {
	dialect     string
	pool        *sql.DB // PostgreSQL: all connections; SQLite: those that only read
	gorm        *gorm.DB
	texts       *cache[string]    // PostgreSQL: statements with $1 in place of ?
	reads       *cache[*sql.Stmt] // SQLite: statements prepared on pool
	writer      *writer           // SQLite
	path        string            // SQLite
	pgx         *pgx.ConnConfig   // PostgreSQL
	connections int               // PostgreSQL: the size of pool
	version     string

	node     string // tells this DB's notifications from those of others
	changes  changes
	coherent atomic.Bool

	commits    atomic.Int64
	closing    context.Context
	closeNow   context.CancelFunc
	background sync.WaitGroup
	cleanUp    func() error
}

// Dialect is SQLite or Postgres.
func (db *DB) Dialect() string { return db.dialect }

// conn returns gorm on the transaction of ctx, and without one on the pools. On SQLite a statement
// of gorm that writes and returns rows must be in a transaction.
func (db *DB) conn(ctx context.Context) *gorm.DB {
	return db.gorm.WithContext(ctx)
}

// Ping fails if the database doesn't answer or, on SQLite, if no transaction could begin
// before ctx ends.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.pool.PingContext(ctx); err != nil {
		return err
	}
	if db.writer != nil {
		return db.writer.alone(ctx, func() error { return nil })
	}
	return nil
}

// Close closes the connections, on SQLite after the transactions that run or wait. Later use of db
// fails.
func (db *DB) Close() error {
	db.closeNow()
	db.background.Wait()
	var errs []error
	if db.writer != nil {
		errs = append(errs, db.writer.close())
	}
	if db.reads != nil {
		for _, stmt := range db.reads.all() {
			errs = append(errs, stmt.Close())
		}
	}
	errs = append(errs, db.pool.Close())
	if db.cleanUp != nil {
		errs = append(errs, db.cleanUp())
	}
	return errors.Join(errs...)
}

// Stats describes the state of a database for doctor and metrics.
type Stats struct {
	Dialect      string
	Version      string      // of the database server or library
	Pool         sql.DBStats // on SQLite, of the connections that read
	Transactions int64       // committed since Open
	Commits      int64       // on SQLite fewer than Transactions under load, as they share commits
	Queued       int         // on SQLite, transactions that wait for their turn now
	Coherent     bool        // see DB.Coherent
}

func (db *DB) Stats() Stats {
	s := Stats{
		Dialect:  db.dialect,
		Version:  db.version,
		Pool:     db.pool.Stats(),
		Coherent: db.Coherent(),
	}
	if db.writer != nil {
		s.Transactions, s.Commits, s.Queued = db.writer.stats()
	} else {
		s.Transactions = db.commits.Load()
		s.Commits = s.Transactions
	}
	return s
}

// either returns the text for the dialect of db, where one text won't do for both.
func (db *DB) either(sqlite, postgres string) string {
	if db.dialect == SQLite {
		return sqlite
	}
	return postgres
}

func (db *DB) start() error {
	db.closing, db.closeNow = context.WithCancel(context.Background())
	db.node = randomName()
	var err error
	if db.gorm, err = openGorm(db); err != nil {
		return err
	}
	q := db.either("SELECT sqlite_version()", "SHOW server_version")
	if err := db.pool.QueryRow(q).Scan(&db.version); err != nil {
		return fmt.Errorf("ask for the version: %w", err)
	}
	return nil
}
