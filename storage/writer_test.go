package storage

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func openWithItems(t testing.TB) *DB {
	t.Helper()
	db, err := Open(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "test.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	for _, q := range []string{
		`CREATE TABLE items (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES items DEFERRABLE INITIALLY DEFERRED)`,
		`INSERT INTO items (id) VALUES (0)`,
	} {
		if _, err := db.exec(context.Background(), q); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

func items(t testing.TB, db *DB) (ids string) {
	t.Helper()
	const q = `SELECT COALESCE(group_concat(id, ' '), '') FROM (SELECT id FROM items WHERE id > 0 ORDER BY id)`
	if err := db.queryRow(context.Background(), q).Scan(&ids); err != nil {
		t.Fatal(err)
	}
	return ids
}

func insert(id, parent int) func(context.Context, *DB) error {
	return func(ctx context.Context, db *DB) error {
		_, err := db.exec(ctx, `INSERT INTO items (id, parent) VALUES (?, ?)`, id, parent)
		return err
	}
}

// together queues the jobs in order while the writer is kept busy, lets them run, and returns what
// InTx returned to each, or what it panicked with.
func together(t testing.TB, db *DB, jobs ...func(context.Context, *DB) error) []error {
	t.Helper()
	errs := make([]error, len(jobs))
	var wg sync.WaitGroup
	err := db.writer.alone(context.Background(), func() error {
		for i, job := range jobs {
			wg.Go(func() {
				defer func() {
					if r := recover(); r != nil {
						errs[i] = fmt.Errorf("panic: %v", r)
					}
				}()
				errs[i] = db.InTx(context.Background(), func(ctx context.Context) error { return job(ctx, db) })
			})
			awaitQueue(db, i+1)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	return errs
}

func awaitQueue(db *DB, n int) {
	for {
		if _, _, queued := db.writer.stats(); queued == n {
			return
		}
		runtime.Gosched()
	}
}

func TestGroupCommit(t *testing.T) {
	refuse := func(id int) func(context.Context, *DB) error {
		return func(ctx context.Context, db *DB) error {
			if err := insert(id, 0)(ctx, db); err != nil {
				return err
			}
			return errors.New("refused")
		}
	}
	boom := func(ctx context.Context, db *DB) error {
		if err := insert(99, 0)(ctx, db); err != nil {
			return err
		}
		panic("boom")
	}
	rollback := func(ctx context.Context, db *DB) error { // as SQLite itself does when the disk is full
		_, err := db.exec(ctx, `INSERT OR ROLLBACK INTO items (id) VALUES (0)`)
		return err
	}
	type jobs = []func(context.Context, *DB) error
	tests := []struct {
		name    string
		jobs    jobs
		errs    []string // a part of each, "" for none
		items   string
		commits int64
	}{
		{"one", jobs{insert(1, 0)}, []string{""}, "1", 1},
		{"three", jobs{insert(1, 0), insert(2, 1), insert(3, 2)}, []string{"", "", ""}, "1 2 3", 1},
		{"the first fails", jobs{refuse(1), insert(2, 0), insert(3, 0)}, []string{"refused", "", ""}, "2 3", 1},
		{"one between fails", jobs{insert(1, 0), refuse(2), insert(3, 0)}, []string{"", "refused", ""}, "1 3", 1},
		{"the last fails", jobs{insert(1, 0), insert(2, 0), refuse(3)}, []string{"", "", "refused"}, "1 2", 1},
		{"a statement fails", jobs{insert(1, 0), insert(1, 0), insert(2, 0)}, []string{"", "UNIQUE", ""}, "1 2", 1},
		{"all fail", jobs{refuse(1), refuse(1)}, []string{"refused", "refused"}, "", 0},
		{"the first panics", jobs{boom, insert(1, 0)}, []string{"boom", ""}, "1", 1},
		{"the last panics", jobs{insert(1, 0), boom}, []string{"", "boom"}, "1", 1},
		{"the commit fails", jobs{insert(1, 0), insert(2, 77), refuse(3)}, []string{"commit", "commit", "commit"}, "", 0},
		{"the only commit fails", jobs{insert(1, 77)}, []string{"commit"}, "", 0},
		{"SQLite rolls back the first", jobs{rollback, insert(1, 0)}, []string{"UNIQUE", ""}, "1", 1},
		{"SQLite rolls back all", jobs{insert(1, 0), rollback, insert(2, 0)}, []string{"commit", "UNIQUE", ""}, "2", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db := openWithItems(t)
			_, before, _ := db.writer.stats()
			errs := together(t, db, test.jobs...)
			for i, err := range errs {
				if want := test.errs[i]; want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
					t.Errorf("job %d returned %v, want %q", i, err, want)
				}
			}
			if got := items(t, db); got != test.items {
				t.Errorf("items are %q, want %q", got, test.items)
			}
			if _, after, _ := db.writer.stats(); after-before != test.commits {
				t.Errorf("%d commits, want %d", after-before, test.commits)
			}
			if err := db.InTx(t.Context(), func(ctx context.Context) error { return insert(1000, 0)(ctx, db) }); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// More jobs than a batch holds are committed in several.
func TestGroupCommitBound(t *testing.T) {
	db := openWithItems(t)
	_, before, _ := db.writer.stats()
	var jobs []func(context.Context, *DB) error
	for i := range maxBatch + 10 {
		jobs = append(jobs, insert(i+1, 0))
	}
	for i, err := range together(t, db, jobs...) {
		if err != nil {
			t.Errorf("job %d: %v", i, err)
		}
	}
	if _, after, _ := db.writer.stats(); after-before != 2 {
		t.Errorf("%d commits, want 2", after-before)
	}
}

// A caller that gives up while it waits leaves the queue; one that has begun goes on to the end.
func TestGroupCommitCancel(t *testing.T) {
	db := openWithItems(t)
	waiting, giveUp := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	err := db.writer.alone(t.Context(), func() error {
		go func() {
			gaveUp <- db.InTx(waiting, func(context.Context) error {
				t.Error("a job ran though its caller had given up")
				return nil
			})
		}()
		awaitQueue(db, 1)
		giveUp()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Errorf("InTx returned %v, want context.Canceled", err)
		}
		awaitQueue(db, 0)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	running, cancel := context.WithCancel(t.Context())
	err = db.InTx(running, func(ctx context.Context) error {
		if err := insert(1, 0)(ctx, db); err != nil {
			return err
		}
		cancel()
		return nil
	})
	if err != nil || items(t, db) != "1" {
		t.Errorf("InTx returned %v, with items %q", err, items(t, db))
	}

	errs := together(t, db, insert(2, 0), func(ctx context.Context, db *DB) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return insert(99, 0)(ctx, db)
	}, insert(3, 0))
	if errs[0] != nil || !errors.Is(errs[1], context.Canceled) || errs[2] != nil {
		t.Errorf("the batch returned %v", errs)
	}
	if got := items(t, db); got != "1 2 3" {
		t.Errorf("items are %q, want 1 2 3", got)
	}
}

// Callers that give up at every moment neither stop the others nor keep the connection.
func TestGroupCommitCancelStorm(t *testing.T) {
	db := openWithItems(t)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for j := range 20 {
				ctx, cancel := context.WithCancel(context.Background())
				if i%2 == 0 {
					go cancel()
				}
				err := db.InTx(ctx, func(ctx context.Context) error { return insert(1+i*20+j, 0)(ctx, db) })
				if i%2 == 1 && err != nil || err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	var odd int
	if err := db.queryRow(t.Context(), `SELECT count(*) FROM items WHERE id > 0 AND (id - 1) / 20 % 2 = 1`).Scan(&odd); err != nil {
		t.Fatal(err)
	}
	if odd != 500 {
		t.Errorf("%d items of those who didn't give up, want 500", odd)
	}
	if db.writer.taken {
		t.Error("someone kept the connection")
	}
}
