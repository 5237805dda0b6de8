package storage

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// migrationLock is the advisory lock of PostgreSQL under which one node migrates and others wait.
const migrationLock = 0x706f727469636f // "portico"

// Migrate brings the schema up to date, each migration in a transaction, and tells how many it
// applied. Nodes and processes that migrate the same database take turns.
func (db *DB) Migrate(ctx context.Context) (applied int, err error) {
	source, err := fs.Sub(migrations, "migrations/"+db.dialect)
	if err != nil {
		return 0, err
	}
	return db.migrate(ctx, source)
}

// Plan lists the migrations that Migrate would apply, in order.
func (db *DB) Plan(ctx context.Context) ([]string, error) {
	source, err := fs.Sub(migrations, "migrations/"+db.dialect)
	if err != nil {
		return nil, err
	}
	return db.plan(ctx, source)
}

// Version returns the version of the schema, 0 if it is empty, and the newest that this program
// knows. If the first is greater, a newer program has migrated the database.
func (db *DB) Version(ctx context.Context) (current, newest int64, err error) {
	source, err := fs.Sub(migrations, "migrations/"+db.dialect)
	if err != nil {
		return 0, 0, err
	}
	err = db.withGoose(ctx, source, func(p *goose.Provider, _ *sql.DB) error {
		current, newest, err = p.GetVersions(ctx)
		return err
	})
	return current, newest, err
}

func (db *DB) migrate(ctx context.Context, source fs.FS) (applied int, err error) {
	err = db.withGoose(ctx, source, func(p *goose.Provider, pool *sql.DB) error {
		if db.writer != nil {
			applied, err = upSQLite(ctx, p, pool)
		} else {
			applied, err = up(ctx, p)
		}
		return err
	})
	if err != nil {
		return applied, fmt.Errorf("migrate the database: %w", err)
	}
	return applied, nil
}

// up runs goose once, and names the migration that failed.
func up(ctx context.Context, p *goose.Provider) (applied int, err error) {
	results, err := p.Up(ctx)
	if partial := (*goose.PartialError)(nil); errors.As(err, &partial) {
		return len(partial.Applied), fmt.Errorf("%s: %w", partial.Failed.Source.Path, partial.Err)
	}
	return len(results), err
}

// upSQLite runs goose on SQLite, which has no lock that would outlast a transaction. That no two
// processes apply the same migration follows from a unique index on the versions applied: the
// second fails in the transaction of that migration, and goes on from where the first has come.
// Foreign keys are not enforced meanwhile, so that tables can be rebuilt; they are checked after.
func upSQLite(ctx context.Context, p *goose.Provider, pool *sql.DB) (applied int, err error) {
	version, _, err := p.GetVersions(ctx) // makes the table of versions
	if err != nil {
		return 0, err
	}
	const once = "CREATE UNIQUE INDEX IF NOT EXISTS " + goose.DefaultTablename + "_once ON " + goose.DefaultTablename + " (version_id)"
	if _, err := pool.ExecContext(ctx, once); err != nil {
		return 0, err
	}
	for {
		n, err := up(ctx, p)
		applied += n
		if err == nil {
			break
		}
		before := version
		if version, _, _ = p.GetVersions(ctx); version <= before {
			return applied, err
		}
	}
	var table string
	err = pool.QueryRowContext(ctx, `SELECT "table" FROM pragma_foreign_key_check LIMIT 1`).Scan(&table)
	if errors.Is(err, sql.ErrNoRows) {
		return applied, nil
	}
	if err == nil {
		err = fmt.Errorf("table %s refers to rows that don't exist", table)
	}
	return applied, err
}

func (db *DB) plan(ctx context.Context, source fs.FS) (names []string, err error) {
	err = db.withGoose(ctx, source, func(p *goose.Provider, _ *sql.DB) error {
		statuses, err := p.Status(ctx)
		for _, s := range statuses {
			if s.State == goose.StatePending {
				names = append(names, s.Source.Path)
			}
		}
		return err
	})
	return names, err
}

// withGoose calls fn with goose on a pool that may migrate. It doesn't call fn without migrations.
func (db *DB) withGoose(ctx context.Context, source fs.FS, fn func(*goose.Provider, *sql.DB) error) (err error) {
	pool := db.pool
	dialect := goose.DialectPostgres
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if db.writer != nil {
		dialect = goose.DialectSQLite3
		if pool, err = sql.Open("sqlite", dsn(db.path, migratePragmas)); err != nil {
			return err
		}
		defer pool.Close()
	} else {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(1, 600))
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(dialect, pool, source, options...)
	if errors.Is(err, goose.ErrNoMigrations) {
		return nil
	}
	if err != nil {
		return err
	}
	return fn(p, pool)
}

// Fingerprint identifies the migrations for a dialect that this program holds.
func Fingerprint(dialect string) string {
	sum := sha256.New()
	fs.WalkDir(migrations, "migrations/"+dialect, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			content, _ := migrations.ReadFile(path) // of memory
			fmt.Fprintf(sum, "%s %d\n%s", path, len(content), content)
		}
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
