package storage

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed all:migrations
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
	err = db.withGoose(ctx, source, func(p *goose.Provider) error {
		current, newest, err = p.GetVersions(ctx)
		return err
	})
	return current, newest, err
}

func (db *DB) migrate(ctx context.Context, source fs.FS) (applied int, err error) {
	err = db.withGoose(ctx, source, func(p *goose.Provider) error {
		results, err := p.Up(ctx)
		applied = len(results)
		if partial := (*goose.PartialError)(nil); errors.As(err, &partial) {
			applied = len(partial.Applied)
		}
		return err
	})
	if err != nil {
		return applied, fmt.Errorf("migrate the database: %w", err)
	}
	return applied, nil
}

func (db *DB) plan(ctx context.Context, source fs.FS) (names []string, err error) {
	err = db.withGoose(ctx, source, func(p *goose.Provider) error {
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
func (db *DB) withGoose(ctx context.Context, source fs.FS, fn func(*goose.Provider) error) (err error) {
	pool := db.pool
	dialect := goose.DialectPostgres
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if db.writer != nil {
		dialect = goose.DialectSQLite3
		if pool, err = sql.Open("sqlite", dsn(db.path, writePragmas)); err != nil {
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
	return fn(p)
}
