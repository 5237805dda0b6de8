package storage_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

// eachEmpty runs test with the URL of a database without tables on both servers.
func eachEmpty(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run(storage.SQLite, func(t *testing.T) { test(t, "sqlite:"+t.TempDir()+"/empty.db") })
	t.Run(storage.Postgres, func(t *testing.T) { test(t, storagetest.EmptyPostgresURL(t)) })
}

func migrationFiles(names ...string) fstest.MapFS {
	all := map[string]string{
		"0001_first.sql":   "-- +goose Up\nCREATE TABLE parents (id TEXT PRIMARY KEY);\nCREATE TABLE children (id TEXT PRIMARY KEY, parent_id TEXT NOT NULL REFERENCES parents ON DELETE CASCADE);\nINSERT INTO parents VALUES ('p');\nINSERT INTO children VALUES ('c', 'p');\n",
		"0002_second.sql":  "-- +goose Up\nINSERT INTO parents VALUES ('q');\n",
		"0003_third.sql":   "-- +goose Up\nALTER TABLE parents ADD COLUMN name TEXT;\n",
		"0004_broken.sql":  "-- +goose Up\nINSERT INTO parents (id) VALUES ('r');\nINSERT INTO nowhere VALUES (1);\n",
		"0005_rebuild.sql": "-- +goose Up\nCREATE TABLE new (id TEXT PRIMARY KEY);\nINSERT INTO new SELECT id FROM parents;\nDROP TABLE parents;\nALTER TABLE new RENAME TO parents;\n",
		"0006_orphan.sql":  "-- +goose Up\nDELETE FROM parents;\n",
	}
	files := fstest.MapFS{}
	for _, name := range names {
		files[name] = &fstest.MapFile{Data: []byte(all[name])}
	}
	return files
}

func TestMigrate(t *testing.T) {
	eachEmpty(t, func(t *testing.T, url string) {
		db := storagetest.Open(t, url)
		ctx := t.Context()
		if n, err := db.MigrateFrom(ctx, fstest.MapFS{}); n != 0 || err != nil {
			t.Errorf("migrating from nothing applied %d, %v", n, err)
		}
		one := migrationFiles("0001_first.sql")
		if n, err := db.MigrateFrom(ctx, one); n != 1 || err != nil {
			t.Fatalf("the first migration: applied %d, %v", n, err)
		}
		if n, err := db.MigrateFrom(ctx, one); n != 0 || err != nil {
			t.Errorf("nothing to do: applied %d, %v", n, err)
		}
		three := migrationFiles("0001_first.sql", "0002_second.sql", "0003_third.sql")
		plan, err := db.PlanFrom(ctx, three)
		if diff := cmp.Diff([]string{"0002_second.sql", "0003_third.sql"}, plan); err != nil || diff != "" {
			t.Errorf("plan: %v (-want +got):\n%s", err, diff)
		}
		broken := migrationFiles("0001_first.sql", "0002_second.sql", "0003_third.sql", "0004_broken.sql")
		n, err := db.MigrateFrom(ctx, broken)
		if n != 2 || err == nil || !strings.Contains(err.Error(), "0004_broken.sql") {
			t.Errorf("a broken migration: applied %d, %v", n, err)
		}
		var parents int
		if err := db.QueryRow(ctx, "SELECT count(*) FROM parents").Scan(&parents); err != nil || parents != 2 {
			t.Errorf("a broken migration left %d parents, want 2; %v", parents, err)
		}
	})
}

// Two nodes, and processes, that start at the same time migrate once.
func TestMigrateTogether(t *testing.T) {
	eachEmpty(t, func(t *testing.T, url string) {
		files := migrationFiles("0001_first.sql", "0002_second.sql", "0003_third.sql")
		var wg sync.WaitGroup
		applied := make([]int, 4)
		for i := range applied {
			db := storagetest.Open(t, url)
			wg.Go(func() {
				var err error
				if applied[i], err = db.MigrateFrom(context.Background(), files); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		sum := 0
		for _, n := range applied {
			sum += n
		}
		var parents int
		err := storagetest.Open(t, url).QueryRow(t.Context(), "SELECT count(*) FROM parents").Scan(&parents)
		if sum != 3 || parents != 2 || err != nil {
			t.Errorf("applied %v, and there are %d parents, want 2; %v", applied, parents, err)
		}
	})
}

// A table of SQLite is rebuilt to change it, which must not delete what refers to it; and what
// a migration breaks is found.
func TestMigrateRebuild(t *testing.T) {
	db := storagetest.Open(t, "sqlite:"+t.TempDir()+"/test.db")
	if _, err := db.MigrateFrom(t.Context(), migrationFiles("0001_first.sql", "0005_rebuild.sql")); err != nil {
		t.Fatal(err)
	}
	var children int
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM children").Scan(&children); err != nil || children != 1 {
		t.Errorf("%d children are left, want 1; %v", children, err)
	}
	_, err := db.MigrateFrom(t.Context(), migrationFiles("0001_first.sql", "0005_rebuild.sql", "0006_orphan.sql"))
	if err == nil || !strings.Contains(err.Error(), "children") {
		t.Errorf("a migration that left children without parents returned %v", err)
	}
}

// The two dialects have the same migrations, and this program's are all applied by Migrate.
func TestMigrations(t *testing.T) {
	var plans [][]string
	eachEmpty(t, func(t *testing.T, url string) {
		db := storagetest.Open(t, url)
		plan, err := db.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		plans = append(plans, plan)
		n, err := db.Migrate(t.Context())
		if err != nil || n != len(plan) {
			t.Errorf("applied %d of %d, %v", n, len(plan), err)
		}
		current, newest, err := db.Version(t.Context())
		if err != nil || current != newest || newest < int64(len(plan)) {
			t.Errorf("version %d of %d, %v", current, newest, err)
		}
	})
	if len(plans) == 2 {
		if diff := cmp.Diff(plans[0], plans[1]); diff != "" {
			t.Errorf("migrations (-sqlite +postgres):\n%s", diff)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct{ url, want string }{
		{"", `must begin with "sqlite:" or "postgres://"`},
		{"mysql://localhost/portico", `must begin with "sqlite:" or "postgres://"`},
		{"sqlite:", "not the path"},
		{"sqlite:x.db?mode=ro", "not the path"},
		{"sqlite:" + t.TempDir() + "/missing/x.db", "create the directory first"},
		{"postgres://user:hunter2@[broken", "isn't one of a PostgreSQL database"},
		{"postgres://user:hunter2@127.0.0.1:1/portico", "connect"},
	}
	for _, test := range tests {
		db, err := storage.Open(t.Context(), test.url, storage.Options{})
		if err == nil {
			db.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q) returned %v, want %q", test.url, err, test.want)
		}
	}
}

func TestOpenMemory(t *testing.T) {
	one, other := storagetest.Open(t, "sqlite::memory:"), storagetest.Open(t, "sqlite::memory:")
	makeTable(t, one)
	mustExec(t, t.Context(), one, insertThing, "a")
	wantThings(t, one, "a")
	if _, err := other.Query(t.Context(), `SELECT id FROM things`); err == nil {
		t.Error("two databases in memory are one")
	}
}
