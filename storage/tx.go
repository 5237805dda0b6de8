package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
)

// tx is a transaction in a context. One goroutine at a time may use it.
type tx struct {
	sql    *sql.Tx // PostgreSQL
	hooks  []func()
	doomed error
	over   atomic.Bool
}

// txKey is a key per DB: a transaction of one means nothing to another.
type txKey struct{ db *DB }

var errOver = errors.New("the transaction of this context is over")

func (db *DB) txOf(ctx context.Context) (*tx, error) {
	t, _ := ctx.Value(txKey{db}).(*tx)
	if t != nil && t.over.Load() {
		return nil, errOver
	}
	return t, nil
}

// InTx runs fn in a transaction and returns once it is durable. An error of fn, or a panic, undoes
// everything that was done with the context given to fn, and is returned or goes on.
//
// If ctx has a transaction already, fn is a part of that. An error of fn then undoes the whole,
// even if the caller goes on, since a statement that failed ends the transaction in PostgreSQL.
//
// On SQLite transactions run one after the other, so fn does nothing slow, and doesn't wait for
// another transaction. Rows must be closed before the next statement.
func (db *DB) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	outer, err := db.txOf(ctx)
	if err != nil {
		return err
	}
	if outer != nil {
		err := fn(ctx)
		if err != nil && outer.doomed == nil {
			outer.doomed = err
		}
		return err
	}

	countTransaction(ctx)
	t := &tx{}
	if db.writer != nil {
		err = db.writer.do(ctx, func() error { return db.run(ctx, t, fn) })
	} else {
		err = db.runPostgres(ctx, t, fn)
	}
	if err != nil {
		return err
	}
	for _, hook := range t.hooks {
		hook()
	}
	return nil
}

func (db *DB) run(ctx context.Context, t *tx, fn func(ctx context.Context) error) error {
	defer t.over.Store(true)
	err := fn(context.WithValue(ctx, txKey{db}, t))
	if err == nil && t.doomed != nil {
		return fmt.Errorf("a part of the transaction failed: %w", t.doomed)
	}
	return err
}

func (db *DB) runPostgres(ctx context.Context, t *tx, fn func(ctx context.Context) error) (err error) {
	t.sql, err = db.pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer t.sql.Rollback() // does nothing after Commit
	if err := db.run(ctx, t, fn); err != nil {
		return err
	}
	if err := t.sql.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	db.commits.Add(1)
	return nil
}

// afterCommit calls fn once the transaction of ctx is committed, before InTx returns, and not at
// all if it fails. Without a transaction it calls fn now.
func (db *DB) afterCommit(ctx context.Context, fn func()) {
	if t, _ := db.txOf(ctx); t != nil {
		t.hooks = append(t.hooks, fn)
		return
	}
	fn()
}
