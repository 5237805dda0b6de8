package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	_ "modernc.org/sqlite"
)

// Pragmas of every connection. The page caches are small, as the operating system caches the file.
var (
	commonPragmas  = []string{"busy_timeout(10000)", "temp_store(memory)", "trusted_schema(0)"}
	writePragmas   = []string{"foreign_keys(1)", "journal_mode(wal)", "synchronous(full)", "cache_size(-2048)", "journal_size_limit(16777216)"}
	readPragmas    = []string{"query_only(1)", "cache_size(-1024)"}
	migratePragmas = []string{"foreign_keys(0)", "journal_mode(wal)", "synchronous(full)"}
)

func openSQLite(ctx context.Context, path string, opts Options) (_ *DB, err error) {
	db := &DB{dialect: SQLite}
	if path == ":memory:" {
		dir, err := os.MkdirTemp("", "portico-")
		if err != nil {
			return nil, err
		}
		path = filepath.Join(dir, "memory.db")
		db.cleanUp = func() error { return os.RemoveAll(dir) }
	}
	defer func() {
		if err == nil {
			return
		}
		if db.writer != nil {
			db.writer.close()
		}
		if db.pool != nil {
			db.pool.Close()
		}
		if db.cleanUp != nil {
			db.cleanUp()
		}
	}()
	if path == "" || strings.ContainsRune(path, '?') {
		return nil, fmt.Errorf("%q is not the path of a SQLite database", path)
	}
	if db.path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(db.path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w (create the directory first)", err)
	}
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}

	// The writer comes first, as it is what changes the file to WAL.
	if db.writer, err = openWriter(ctx, db.path); err != nil {
		return nil, err
	}
	if db.pool, err = sql.Open("sqlite", dsn(db.path, readPragmas)); err != nil {
		return nil, err
	}
	readers := opts.MaxConnections
	if readers <= 0 {
		readers = min(max(runtime.GOMAXPROCS(0), 2), 8)
	}
	db.pool.SetMaxOpenConns(readers)
	db.pool.SetMaxIdleConns(readers)
	db.reads = newCache(func(q string) (*sql.Stmt, error) { return db.pool.Prepare(q) })
	return db, db.start()
}

// dsn names the file as the driver wants it. A transaction that the driver begins takes the write
// lock at once: one that reads first and writes later would fail if another had written meanwhile,
// however long it waits.
func dsn(path string, pragmas []string) string {
	q := url.Values{"_txlock": {"immediate"}, "_dqs": {"0"}}
	q["_pragma"] = append(append([]string{}, commonPragmas...), pragmas...)
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}
