package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

// each runs test on both databases with a table of three kinds of columns in it.
func each(t *testing.T, test func(t *testing.T, db *storage.DB)) {
	t.Helper()
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		makeTable(t, db)
		test(t, db)
	})
}

func makeTable(t testing.TB, db *storage.DB) {
	t.Helper()
	mustExec(t, t.Context(), db, db.Either(
		`CREATE TABLE things (id TEXT PRIMARY KEY, hash BLOB, used_at BIGINT, count BIGINT NOT NULL DEFAULT 0)`,
		`CREATE TABLE things (id TEXT PRIMARY KEY, hash BYTEA, used_at BIGINT, count BIGINT NOT NULL DEFAULT 0)`))
}

const insertThing = `INSERT INTO things (id) VALUES (?)`

func mustExec(t testing.TB, ctx context.Context, db *storage.DB, q string, args ...any) int64 {
	t.Helper()
	n, err := db.Exec(ctx, q, args...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func things(t testing.TB, ctx context.Context, db *storage.DB) []string {
	t.Helper()
	rows, err := db.Query(ctx, `SELECT id FROM things ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}

func wantThings(t testing.TB, db *storage.DB, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, things(t, context.Background(), db)); diff != "" {
		t.Errorf("things (-want +got):\n%s", diff)
	}
}

var errRefused = errors.New("refused")

func TestInTx(t *testing.T) {
	each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		err := db.InTx(ctx, func(ctx context.Context) error {
			mustExec(t, ctx, db, insertThing, "statement")
			if err := db.Conn(ctx).Exec(insertThing, "gorm").Error; err != nil {
				return err
			}
			if got := things(t, ctx, db); len(got) != 2 {
				t.Errorf("in the transaction there is %v", got)
			}
			wantThings(t, db) // on another connection
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		wantThings(t, db, "gorm", "statement")
	})
}

func TestInTxUndoes(t *testing.T) {
	tests := []struct {
		name string
		job  func(ctx context.Context, db *storage.DB) error
		want error
	}{
		{"an error", func(ctx context.Context, db *storage.DB) error { return errRefused }, errRefused},
		{"an error of a part", func(ctx context.Context, db *storage.DB) error {
			return db.InTx(ctx, func(context.Context) error { return errRefused })
		}, errRefused},
		{"an error of a part that the whole ignores", func(ctx context.Context, db *storage.DB) error {
			db.InTx(ctx, func(context.Context) error { return errRefused })
			return nil
		}, errRefused},
		{"a context that ends", func(ctx context.Context, db *storage.DB) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			_, err := db.Exec(ctx, insertThing, "late")
			return err
		}, context.Canceled},
	}
	each(t, func(t *testing.T, db *storage.DB) {
		for _, test := range tests {
			hooks := 0
			err := db.InTx(t.Context(), func(ctx context.Context) error {
				mustExec(t, ctx, db, insertThing, test.name)
				db.AfterCommit(ctx, func() { hooks++ })
				return test.job(ctx, db)
			})
			if !errors.Is(err, test.want) {
				t.Errorf("%s: InTx returned %v, want %v", test.name, err, test.want)
			}
			if hooks != 0 {
				t.Errorf("%s: ran what waited for the commit", test.name)
			}
			wantThings(t, db)
		}
	})
}

func TestInTxPanic(t *testing.T) {
	each(t, func(t *testing.T, db *storage.DB) {
		inTx := func(end func()) (recovered any) {
			var wg sync.WaitGroup
			wg.Add(1)
			go func() {
				defer wg.Done()
				defer func() { recovered = recover() }()
				db.InTx(context.Background(), func(ctx context.Context) error {
					db.Exec(ctx, insertThing, "a")
					end()
					return nil
				})
			}()
			wg.Wait()
			return recovered
		}
		if got := inTx(func() { panic("boo") }); got != "boo" {
			t.Errorf("recovered %v from InTx, want boo", got)
		}
		inTx(runtime.Goexit) // as t.FailNow does
		wantThings(t, db)
		inTx(func() {})
		wantThings(t, db, "a")
	})
}

func TestInTxOver(t *testing.T) {
	each(t, func(t *testing.T, db *storage.DB) {
		var kept context.Context
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			kept = ctx
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(kept, insertThing, "a"); err == nil {
			t.Error("Exec in a transaction that is over succeeded")
		}
		if err := db.Conn(kept).Exec(insertThing, "b").Error; err == nil {
			t.Error("gorm in a transaction that is over succeeded")
		}
		if err := db.Conn(kept).Raw("SELECT 1").Row().Scan(new(int)); err == nil {
			t.Error("gorm's Row in a transaction that is over succeeded")
		}
		if err := db.InTx(kept, func(context.Context) error { return nil }); err == nil {
			t.Error("InTx in a transaction that is over succeeded")
		}
		wantThings(t, db)
	})
}

// Two databases in one context don't meet.
func TestInTxOfTwo(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		one, other := storagetest.Open(t, url), storagetest.Open(t, url)
		makeTable(t, one)
		err := one.InTx(t.Context(), func(ctx context.Context) error {
			mustExec(t, ctx, one, insertThing, "a")
			if got := things(t, ctx, other); len(got) != 0 {
				t.Errorf("the other sees %v", got)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		wantThings(t, other, "a")
	})
}

func TestAfterCommit(t *testing.T) {
	each(t, func(t *testing.T, db *storage.DB) {
		var got []string
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			db.AfterCommit(ctx, func() {
				wantThings(t, db, "a")
				got = append(got, "first")
			})
			mustExec(t, ctx, db, insertThing, "a")
			return db.InTx(ctx, func(ctx context.Context) error {
				db.AfterCommit(ctx, func() { got = append(got, "second") })
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		db.AfterCommit(t.Context(), func() { got = append(got, "outside") })
		if diff := cmp.Diff([]string{"first", "second", "outside"}, got); diff != "" {
			t.Errorf("hooks (-want +got):\n%s", diff)
		}
	})
}

// Of 50 at once one wins, every time.
func TestClaimOnce(t *testing.T) {
	each(t, func(t *testing.T, db *storage.DB) {
		for round := range 10 {
			id := fmt.Sprint("code ", round)
			mustExec(t, t.Context(), db, insertThing, id)
			var wg sync.WaitGroup
			results := make([]bool, 50)
			for i := range results {
				wg.Go(func() {
					claim := func(ctx context.Context) (err error) {
						var got string
						results[i], err = db.Claim(ctx, []any{&got},
							`UPDATE things SET used_at = ? WHERE id = ? AND used_at IS NULL RETURNING id`, i, id)
						if results[i] && got != id {
							t.Errorf("claimed %q, want %q", got, id)
						}
						return err
					}
					var err error
					if i%2 == 0 {
						err = claim(t.Context())
					} else {
						err = db.InTx(t.Context(), claim)
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			winners := 0
			var usedAt int
			if err := db.QueryRow(t.Context(), `SELECT used_at FROM things WHERE id = ?`, id).Scan(&usedAt); err != nil {
				t.Fatal(err)
			}
			for i, won := range results {
				if won {
					winners++
					if usedAt != i {
						t.Errorf("%d claimed the row and %d is in it", i, usedAt)
					}
				}
			}
			if winners != 1 {
				t.Errorf("%d of 50 claimed the row", winners)
			}
		}
	})
}

// 50 goroutines add to one row, some fail, and the sum is that of those that didn't.
func TestContention(t *testing.T) {
	each(t, func(t *testing.T, db *storage.DB) {
		mustExec(t, t.Context(), db, insertThing, "sum")
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				for j := range 10 {
					err := db.InTx(t.Context(), func(ctx context.Context) error {
						if _, err := db.Exec(ctx, `UPDATE things SET count = count + 1 WHERE id = ?`, "sum"); err != nil {
							return err
						}
						if _, err := db.Exec(ctx, insertThing, fmt.Sprint(i, " ", j)); err != nil {
							return err
						}
						if (i+j)%3 == 0 {
							return errRefused
						}
						return nil
					})
					if want := (i+j)%3 == 0; want != errors.Is(err, errRefused) || !want && err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		var sum, rows int
		row := db.QueryRow(t.Context(), `SELECT (SELECT count FROM things WHERE id = 'sum'), (SELECT count(*) - 1 FROM things)`)
		if err := row.Scan(&sum, &rows); err != nil {
			t.Fatal(err)
		}
		if sum != 333 || rows != 333 {
			t.Errorf("the sum is %d with %d rows, want 333", sum, rows)
		}
		if err := db.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Two processes that write to one SQLite file wait for each other (portico's commands run beside
// the server).
func TestTwoWriters(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		dbs := []*storage.DB{storagetest.Open(t, url), storagetest.Open(t, url)}
		makeTable(t, dbs[0])
		mustExec(t, t.Context(), dbs[0], insertThing, "sum")
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				db := dbs[i%2]
				for range 25 {
					err := db.InTx(t.Context(), func(ctx context.Context) error {
						_, err := db.Exec(ctx, `UPDATE things SET count = count + 1 WHERE id = ?`, "sum")
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for _, db := range dbs {
			var sum int
			if err := db.QueryRow(t.Context(), `SELECT count FROM things`).Scan(&sum); err != nil || sum != 400 {
				t.Errorf("the sum is %d, want 400; %v", sum, err)
			}
		}
	})
}

func TestQueryRow(t *testing.T) {
	each(t, func(t *testing.T, db *storage.DB) {
		var id string
		err := db.QueryRow(t.Context(), `SELECT id FROM things WHERE id = ?`, "a").Scan(&id)
		if !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("QueryRow without a row: %v, want sql.ErrNoRows", err)
		}
		mustExec(t, t.Context(), db, `INSERT INTO things (id, hash) VALUES (?, ?), (?, NULL)`, "a", []byte{0, 255}, "b")
		var hash, null []byte
		err = db.QueryRow(t.Context(), `SELECT hash, (SELECT hash FROM things WHERE id = 'b') FROM things WHERE hash = ?`, []byte{0, 255}).Scan(&hash, &null)
		if err != nil || string(hash) != "\x00\xff" || null != nil {
			t.Errorf("QueryRow: %v, %x, %x", err, hash, null)
		}
		if err := db.QueryRow(t.Context(), `SELECT id FROM things`).Scan(&id); err == nil {
			t.Error("QueryRow took one of two rows")
		}
		if _, err := db.Query(t.Context(), `SELECT nothing FROM nowhere`); err == nil {
			t.Error("Query of nowhere succeeded")
		}
	})
}

// On SQLite the connections of the pool can't write, whatever they are told.
func TestReadersOnlyRead(t *testing.T) {
	db := storagetest.Open(t, storagetest.SQLiteURL(t))
	makeTable(t, db)
	var id string
	if err := db.QueryRow(t.Context(), insertThing+` RETURNING id`, "a").Scan(&id); err == nil {
		t.Error("QueryRow wrote outside a transaction")
	}
	if err := db.Conn(t.Context()).Raw(insertThing+` RETURNING id`, "a").Scan(&id).Error; err == nil {
		t.Error("gorm wrote and read outside a transaction")
	}
	wantThings(t, db)
}

func TestCounter(t *testing.T) {
	each(t, func(t *testing.T, db *storage.DB) {
		ctx, counter := storage.WithCounter(t.Context())
		err := db.InTx(ctx, func(ctx context.Context) error {
			mustExec(t, ctx, db, insertThing, "a")
			return db.Conn(ctx).Exec(`DELETE FROM things`).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		things(t, ctx, db)
		mustExec(t, t.Context(), db, insertThing, "not counted")
		want := []string{insertThing, `DELETE FROM things`, `SELECT id FROM things ORDER BY id`}
		if diff := cmp.Diff(want, counter.Statements()); diff != "" {
			t.Errorf("statements (-want +got):\n%s", diff)
		}
		if got := counter.Transactions(); got != 1 {
			t.Errorf("%d transactions, want 1", got)
		}
		counter.Reset()
		if n := len(counter.Statements()); n != 0 {
			t.Errorf("%d statements after Reset", n)
		}
	})
}

func TestClose(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		db, err := storage.Open(t.Context(), url, storage.Options{})
		if err != nil {
			t.Fatal(err)
		}
		makeTable(t, db)
		db.Changes(func(storage.Change) {})
		started, closed := make(chan struct{}), make(chan error, 1)
		go func() {
			<-started
			closed <- db.Close()
		}()
		if url[0] == 's' { // a transaction that runs ends first
			err = db.InTx(t.Context(), func(ctx context.Context) error {
				close(started)
				for range 100 {
					runtime.Gosched()
				}
				_, err := db.Exec(ctx, insertThing, "a")
				return err
			})
		} else {
			close(started)
		}
		if err := errors.Join(err, <-closed); err != nil {
			t.Fatal(err)
		}
		if err := db.InTx(t.Context(), func(context.Context) error { return nil }); err == nil {
			t.Error("InTx after Close succeeded")
		}
		if err := db.Ping(t.Context()); err == nil {
			t.Error("Ping after Close succeeded")
		}
		if err := db.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
}
