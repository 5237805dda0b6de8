// Package storagetest gives tests real databases: SQLite files as in production, and databases in
// a PostgreSQL server that it starts, or that PORTICO_TEST_POSTGRES_URL names. A test that can't
// have both fails.
package storagetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/portico-id/portico/storage"
)

// urlVariable names the environment variable with the URL of a PostgreSQL database whose user may
// create others.
const urlVariable = "PORTICO_TEST_POSTGRES_URL"

// Each runs test as a subtest on SQLite and on PostgreSQL, each time with a migrated database
// of its own.
func Each(t *testing.T, test func(t *testing.T, db *storage.DB)) {
	t.Helper()
	EachURL(t, func(t *testing.T, url string) { test(t, Open(t, url)) })
}

// EachURL is Each for a test that opens its migrated database itself, perhaps more than once.
func EachURL(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run(storage.SQLite, func(t *testing.T) { test(t, SQLiteURL(t)) })
	t.Run(storage.Postgres, func(t *testing.T) { test(t, PostgresURL(t)) })
}

// Open opens a database until the end of the test.
func Open(t testing.TB, url string) *storage.DB {
	t.Helper()
	db, err := storage.Open(t.Context(), url, storage.Options{MaxConnections: 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	return db
}

// SQLiteURL makes a migrated database in a file.
func SQLiteURL(t testing.TB) string {
	t.Helper()
	template, err := sqliteTemplate()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "portico.db")
	if err := os.WriteFile(path, template, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// PostgresURL makes a migrated database in the PostgreSQL server that the tests share.
func PostgresURL(t testing.TB) string {
	t.Helper()
	server, err := sharedServer()
	if err != nil {
		t.Fatal(err)
	}
	return newDatabase(t, server)
}

// EmptyPostgresURL makes a database without tables in that server.
func EmptyPostgresURL(t testing.TB) string {
	t.Helper()
	server, err := sharedServer()
	if err != nil {
		t.Fatal(err)
	}
	return cloneDatabase(t, server, "template0")
}

// Database makes a migrated database in the cluster.
func (c *Cluster) Database(t testing.TB) string {
	t.Helper()
	return newDatabase(t, c.URL("postgres"))
}

var sqliteTemplate = sync.OnceValues(func() (content []byte, err error) {
	dir, err := os.MkdirTemp("", "portico-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "template.db")
	if err := migrated("sqlite:" + path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// sharedServer returns the URL of a database in the server that all tests share, and starts that
// server if none is given. It ends with this process.
var sharedServer = sync.OnceValues(func() (string, error) {
	if url := os.Getenv(urlVariable); url != "" {
		return url, nil
	}
	c, err := NewCluster(false)
	if err != nil {
		return "", err
	}
	return c.URL("postgres"), nil
})

func migrated(url string) error {
	ctx := context.Background()
	db, err := storage.Open(ctx, url, storage.Options{})
	if err != nil {
		return err
	}
	_, err = db.Migrate(ctx)
	return errors.Join(err, db.Close())
}

// newDatabase clones the migrated template of the server, and drops the clone after the test.
func newDatabase(t testing.TB, server string) string {
	t.Helper()
	template, err := postgresTemplate(server)
	if err != nil {
		t.Fatalf("prepare PostgreSQL: %v", err)
	}
	return cloneDatabase(t, server, template)
}

func cloneDatabase(t testing.TB, server, template string) string {
	t.Helper()
	name := "portico_test_" + strings.ToLower(rand.Text()[:16])
	if err := administer(server, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, template)); err != nil {
		t.Fatalf("create a database: %v", err)
	}
	t.Cleanup(func() {
		if err := administer(server, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)); err != nil {
			t.Errorf("drop a database: %v", err)
		}
	})
	return inDatabase(server, name)
}

// templates holds a func() (string, error) per server.
var templates sync.Map

func postgresTemplate(server string) (string, error) {
	make, _ := templates.LoadOrStore(server, sync.OnceValues(func() (string, error) { return makeTemplate(server) }))
	return make.(func() (string, error))()
}

// makeTemplate makes the template, unless another process has made it. It is named by what the
// migrations say, and is marked as a template only when they have all run.
func makeTemplate(server string) (string, error) {
	name := "portico_template_" + storage.Fingerprint(storage.Postgres)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx) // ends the lock too
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", name); err != nil {
		return "", err
	}
	var ready bool
	err = conn.QueryRow(ctx, "SELECT datistemplate FROM pg_database WHERE datname = $1", name).Scan(&ready)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", err
	}
	if ready {
		return name, nil
	}
	for _, q := range []string{"DROP DATABASE IF EXISTS " + name, "CREATE DATABASE " + name} {
		if _, err := conn.Exec(ctx, q); err != nil {
			return "", err
		}
	}
	if err := migrated(inDatabase(server, name)); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+name+" IS_TEMPLATE true")
	return name, err
}

func administer(server, q string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, q)
	return err
}

func inDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err) // it has been connected to
	}
	u.Path = "/" + name
	return u.String()
}
