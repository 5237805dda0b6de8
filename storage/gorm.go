package storage

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	gormpostgres "gorm.io/driver/postgres"
	gormsqlite "gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

func openGorm(db *DB) (*gorm.DB, error) {
	var dialector gorm.Dialector
	if db.dialect == SQLite {
		dialector = &gormsqlite.Dialector{Conn: gormPool{db}}
	} else {
		dialector = gormpostgres.New(gormpostgres.Config{Conn: gormPool{db}})
	}
	return gorm.Open(dialector, &gorm.Config{
		SkipDefaultTransaction: true, // transactions are InTx's
		DisableAutomaticPing:   true,
		Logger:                 logger.Discard,
	})
}

// gormPool sends each statement of gorm to the transaction of its context, or to the pool. It has
// no BeginTx, so that gorm begins no transaction that InTx doesn't know.
type gormPool struct{ db *DB }

var errWriteReturns = errors.New("on SQLite a statement that writes and returns rows must be in a transaction")

func (p gormPool) ExecContext(ctx context.Context, q string, args ...any) (sql.Result, error) {
	t, err := p.db.enter(ctx, q)
	if err != nil {
		return nil, err
	}
	switch w := p.db.writer; {
	case w == nil && t == nil:
		return p.db.pool.ExecContext(ctx, q, args...)
	case w == nil:
		return t.sql.ExecContext(ctx, q, args...)
	case t != nil:
		return w.conn.ExecContext(context.Background(), q, args...)
	default:
		var result sql.Result
		err := w.do(ctx, func() (err error) {
			result, err = w.conn.ExecContext(context.Background(), q, args...)
			return err
		})
		return result, err
	}
}

func (p gormPool) QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	t, err := p.db.enter(ctx, q)
	if err != nil {
		return nil, err
	}
	switch w := p.db.writer; {
	case w == nil && t == nil:
		return p.db.pool.QueryContext(ctx, q, args...)
	case w == nil:
		return t.sql.QueryContext(ctx, q, args...)
	case t != nil:
		return w.conn.QueryContext(context.Background(), q, args...)
	case writes(q):
		return nil, errWriteReturns
	default:
		return p.db.pool.QueryContext(ctx, q, args...)
	}
}

func (p gormPool) QueryRowContext(ctx context.Context, q string, args ...any) *sql.Row {
	t, err := p.db.enter(ctx, q)
	if err != nil {
		ended, cancel := context.WithCancelCause(ctx) // an *sql.Row can't be made of an error
		cancel(err)
		return p.db.pool.QueryRowContext(ended, q, args...)
	}
	switch w := p.db.writer; {
	case t == nil:
		return p.db.pool.QueryRowContext(ctx, q, args...)
	case w == nil:
		return t.sql.QueryRowContext(ctx, q, args...)
	default:
		return w.conn.QueryRowContext(context.Background(), q, args...)
	}
}

func (p gormPool) PrepareContext(context.Context, string) (*sql.Stmt, error) {
	return nil, errors.New("gorm doesn't prepare statements here")
}

// writes tells the statements that gorm makes apart by their first word.
func writes(q string) bool {
	return strings.HasPrefix(q, "INSERT ") || strings.HasPrefix(q, "UPDATE ") || strings.HasPrefix(q, "DELETE ")
}
