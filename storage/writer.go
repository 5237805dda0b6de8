package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// maxBatch bounds the transactions that share a commit, and so how long the first of them waits.
const maxBatch = 256

var errClosed = errors.New("the database is closed")

// writer is the one connection that writes to a SQLite database. Callers queue for it, and each
// runs its own job, in its own goroutine, while it has the connection. What makes it fast under
// load is group commit: a job that succeeded doesn't commit but hands the open transaction to the
// next in the queue; whoever finds the queue empty commits for all of them, with one fsync, and
// only then do they return. Every job after the first of such a batch has a savepoint, so that its
// failure undoes nothing but itself; if the first fails, the transaction is rolled back and
// forgotten.
type writer struct {
	db         *sql.DB
	conn       *sql.Conn
	statements *cache[*sql.Stmt]

	begin, commit, rollback, savepoint, release, undo *sql.Stmt

	batch *batch // the open transaction; belongs to who has the connection

	mu      sync.Mutex
	taken   bool
	closed  bool
	waiting []*turn

	transactions, commits int64 // under mu
}

// batch is a transaction that jobs share.
type batch struct {
	jobs, failed int
	err          error         // of the commit; to be read once done is closed
	done         chan struct{} // nil if only one job has had a part in it
}

// turn is a place in the queue.
type turn struct {
	alone bool // wants the connection outside a transaction
	given bool // under writer.mu
	ready chan struct{}
}

func openWriter(ctx context.Context, path string) (*writer, error) {
	db, err := sql.Open("sqlite", dsn(path, writePragmas))
	if err != nil {
		return nil, err
	}
	w := &writer{db: db}
	if err := w.connect(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return w, nil
}

func (w *writer) connect(ctx context.Context) (err error) {
	if w.conn, err = w.db.Conn(ctx); err != nil {
		return err
	}
	for text, stmt := range map[string]**sql.Stmt{
		"BEGIN IMMEDIATE":           &w.begin,
		"COMMIT":                    &w.commit,
		"ROLLBACK":                  &w.rollback,
		"SAVEPOINT job":             &w.savepoint,
		"RELEASE SAVEPOINT job":     &w.release,
		"ROLLBACK TO SAVEPOINT job": &w.undo,
	} {
		if *stmt, err = w.conn.PrepareContext(ctx, text); err != nil {
			return err
		}
	}
	w.statements = newCache(func(q string) (*sql.Stmt, error) {
		return w.conn.PrepareContext(context.Background(), q)
	})
	return nil
}

// do runs job in a transaction and returns when it is on disk, or with the reason why nothing of
// it is. If ctx ends while job waits for its turn, job doesn't run; once it runs, ctx plays no part.
func (w *writer) do(ctx context.Context, job func() error) (err error) {
	if err := w.take(ctx, false); err != nil {
		return err
	}
	b, err := w.join()
	if err != nil {
		w.pass()
		return err
	}
	returned := false
	defer func() {
		if !returned { // job panicked, or ended its goroutine
			w.undoJob(b, errors.New("a transaction panicked"))
			w.pass()
		}
	}()
	err = job()
	returned = true

	if err == nil && b.jobs > 1 {
		err = step(w.release)
	}
	if err != nil && !w.undoJob(b, err) {
		w.pass()
		return err
	}
	w.pass()
	if b.done != nil {
		<-b.done
	}
	if b.err != nil {
		return b.err
	}
	return err
}

// alone runs fn while no transaction is open.
func (w *writer) alone(ctx context.Context, fn func() error) error {
	if err := w.take(ctx, true); err != nil {
		return err
	}
	defer w.pass()
	return fn()
}

// take waits for the connection.
func (w *writer) take(ctx context.Context, alone bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return errClosed
	}
	if !w.taken {
		w.taken = true
		w.mu.Unlock()
		return nil
	}
	t := &turn{alone: alone, ready: make(chan struct{}, 1)}
	w.waiting = append(w.waiting, t)
	w.mu.Unlock()

	select {
	case <-t.ready:
	case <-ctx.Done():
		if w.leave(t) {
			return ctx.Err()
		}
		<-t.ready
	}
	if err := ctx.Err(); err != nil {
		w.pass()
		return err
	}
	return nil
}

// leave gives up a place in the queue, unless its turn has come.
func (w *writer) leave(t *turn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.given {
		return false
	}
	for i, other := range w.waiting {
		if other == t {
			w.waiting = append(w.waiting[:i], w.waiting[i+1:]...)
			break
		}
	}
	return true
}

// pass gives the connection to the next in the queue, together with the open transaction if it may
// join that. Otherwise it commits first.
func (w *writer) pass() {
	for {
		w.mu.Lock()
		b := w.batch
		if b == nil || len(w.waiting) > 0 && !w.waiting[0].alone && b.jobs < maxBatch {
			if len(w.waiting) == 0 {
				w.taken = false
			} else {
				if b != nil && b.done == nil {
					b.done = make(chan struct{})
				}
				next := w.waiting[0]
				w.waiting = w.waiting[1:]
				next.given = true
				next.ready <- struct{}{}
			}
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
		w.end(b, step(w.commit))
	}
}

// join begins a transaction, or a savepoint in the open one.
func (w *writer) join() (*batch, error) {
	if b := w.batch; b != nil {
		if err := step(w.savepoint); err != nil {
			return nil, fmt.Errorf("begin: %w", err)
		}
		b.jobs++
		return b, nil
	}
	if err := step(w.begin); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	w.batch = &batch{jobs: 1}
	return w.batch, nil
}

// undoJob undoes what the job that runs has done, as it failed with cause. It reports whether the
// job must still wait for the batch: what it read there, and so why it failed, isn't certain
// before the commit.
func (w *writer) undoJob(b *batch, cause error) (wait bool) {
	b.failed++
	if b.jobs == 1 {
		w.batch = nil
		step(w.rollback)
		return false
	}
	err := step(w.undo)
	if err == nil {
		err = step(w.release)
	}
	if err != nil { // SQLite has rolled back all of it, as it does when the disk is full
		w.end(b, cause)
	}
	return true
}

// end tells the jobs of the batch how their commit went.
func (w *writer) end(b *batch, err error) {
	w.batch = nil
	if err != nil {
		step(w.rollback)
		b.err = fmt.Errorf("commit: %w", err)
	} else {
		w.mu.Lock()
		w.transactions += int64(b.jobs - b.failed)
		w.commits++
		w.mu.Unlock()
	}
	if b.done != nil {
		close(b.done)
	}
}

func step(stmt *sql.Stmt) error {
	_, err := stmt.ExecContext(context.Background())
	return err
}

func (w *writer) stats() (transactions, commits int64, queued int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.transactions, w.commits, len(w.waiting)
}

// close lets the queue run dry and closes the connection.
func (w *writer) close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	if w.taken {
		last := &turn{alone: true, ready: make(chan struct{}, 1)}
		w.waiting = append(w.waiting, last)
		w.mu.Unlock()
		<-last.ready
	} else {
		w.taken = true
		w.mu.Unlock()
	}
	return errors.Join(w.conn.Close(), w.db.Close())
}
