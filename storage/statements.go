package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// The statement layer is for the paths that carry the load. A statement is a constant text with ?
// for each argument; a text made at run time belongs to gorm. It is prepared once per connection.
// Arguments are what database/sql takes: int64, string, []byte, bool, nil.

// query runs a statement that returns rows, for any number of them. Without a transaction it only
// reads. The caller closes the rows.
func (db *DB) query(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	return db.rows(ctx, ctx, q, args)
}

// queryRow is query for at most one row: Scan of the result returns sql.ErrNoRows if there is none.
func (db *DB) queryRow(ctx context.Context, q string, args ...any) row {
	running := ctx
	if db.writer != nil {
		// Finding a row takes microseconds; a watch over the context would double that.
		running = context.Background()
	}
	rows, err := db.rows(ctx, running, q, args)
	return row{rows, err}
}

// rows runs q on the transaction of ctx or on the pool, to be stopped when running ends.
func (db *DB) rows(ctx, running context.Context, q string, args []any) (*sql.Rows, error) {
	t, err := db.enter(ctx, q)
	if err != nil {
		return nil, err
	}
	if db.writer == nil {
		q, err := db.texts.get(q)
		if err != nil {
			return nil, err
		}
		if t != nil {
			return t.sql.QueryContext(ctx, q, args...)
		}
		return db.pool.QueryContext(ctx, q, args...)
	}
	statements := db.reads
	if t != nil {
		// A statement of a transaction isn't interrupted: SQLite would roll back the whole batch.
		statements, running = db.writer.statements, context.Background()
	}
	stmt, err := statements.get(q)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(running, args...)
}

// exec runs a statement that returns no rows and tells how many rows it changed. A statement with a
// condition (UPDATE … WHERE used_at IS NULL) has won if that is 1. Without a transaction exec is one.
func (db *DB) exec(ctx context.Context, q string, args ...any) (changed int64, err error) {
	t, err := db.enter(ctx, q)
	if err != nil {
		return 0, err
	}
	var result sql.Result
	switch {
	case db.writer == nil:
		if q, err = db.texts.get(q); err != nil {
			return 0, err
		}
		if t != nil {
			result, err = t.sql.ExecContext(ctx, q, args...)
		} else {
			result, err = db.pool.ExecContext(ctx, q, args...)
		}
	case t != nil:
		result, err = db.writer.exec(q, args)
	default:
		err = db.writer.do(ctx, func() error {
			result, err = db.writer.exec(q, args)
			return err
		})
	}
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// claim runs a conditional statement with RETURNING and stores the columns of its row where dest
// points. It reports false if no row met the condition; more than one is an error. Without a
// transaction claim is one.
func (db *DB) claim(ctx context.Context, dest []any, q string, args ...any) (won bool, err error) {
	run := func(ctx context.Context) error {
		err := db.queryRow(ctx, q, args...).Scan(dest...)
		won = err == nil
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	}
	t, err := db.txOf(ctx)
	if err != nil {
		return false, err
	}
	if t != nil || db.writer == nil {
		err = run(ctx)
	} else {
		t := &tx{}
		err = db.writer.do(ctx, func() error { return db.run(ctx, t, run) })
	}
	return won && err == nil, err
}

// enter is where every statement begins.
func (db *DB) enter(ctx context.Context, q string) (*tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	count(ctx, q)
	return db.txOf(ctx)
}

func (w *writer) exec(q string, args []any) (sql.Result, error) {
	stmt, err := w.statements.get(q)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(context.Background(), args...)
}

// row is the result of a statement for at most one row.
type row struct {
	rows *sql.Rows
	err  error
}

// Scan stores the columns of the row where dest points, and ends the statement.
func (r row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	if r.rows.Next() {
		return errors.New("more than one row")
	}
	if err := r.rows.Err(); err != nil {
		return err
	}
	return r.rows.Close()
}

// cache keeps what is made of a statement's text. Its readers don't wait. It never forgets, hence
// the bound: who makes texts at run time gets an error, not a leak.
type cache[V any] struct {
	make func(q string) (V, error)
	mu   sync.Mutex
	made atomic.Pointer[map[string]V]
}

const maxStatements = 1000

func newCache[V any](make func(q string) (V, error)) *cache[V] {
	c := &cache[V]{make: make}
	c.made.Store(&map[string]V{})
	return c
}

func (c *cache[V]) get(q string) (V, error) {
	if v, ok := (*c.made.Load())[q]; ok {
		return v, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := *c.made.Load()
	v, ok := old[q]
	if ok {
		return v, nil
	}
	if len(old) >= maxStatements {
		return v, fmt.Errorf("more than %d different statements; is one made at run time?", maxStatements)
	}
	v, err := c.make(q)
	if err != nil {
		return v, fmt.Errorf("prepare a statement: %w", err)
	}
	next := make(map[string]V, len(old)+1)
	for q, v := range old {
		next[q] = v
	}
	next[q] = v
	c.made.Store(&next)
	return v, nil
}

func (c *cache[V]) all() map[string]V { return *c.made.Load() }

// numbered returns q with $1, $2, … in place of each ?, as PostgreSQL wants it. Quoted text and
// comments stay as they are.
func numbered(q string) (string, error) {
	var b strings.Builder
	n := 0
	for i := 0; i < len(q); i++ {
		end := i
		switch {
		case q[i] == '\'' || q[i] == '"':
			end = strings.IndexByte(q[i+1:], q[i])
			if end < 0 {
				return "", errors.New("a quote isn't closed")
			}
			end += i + 1
		case strings.HasPrefix(q[i:], "--"):
			end = strings.IndexByte(q[i:], '\n')
			if end < 0 {
				end = len(q) - 1
			} else {
				end += i
			}
		case q[i] == '?':
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			continue
		}
		b.WriteString(q[i : end+1])
		i = end
	}
	return b.String(), nil
}
