package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

const (
	sqlite   = "sqlite"
	postgres = "postgres"
)

// floorRows is how many rows the floors' table has.
const floorRows = 10_000

// floors are bare handlers on the driver, with the connections and settings that storage gives it.
type floors struct {
	read, write                  *sql.DB
	find, update, claim, succeed *sql.Stmt
}

// serveFloors is the process of the floors.
func serveFloors(args []string) error {
	flags := flag.NewFlagSet(roleFloor, flag.ContinueOnError)
	database := flags.String("database", "", "database URL")
	if err := flags.Parse(args); err != nil {
		return err
	}
	f, err := openFloors(*database)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: f.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	if err := json.NewEncoder(os.Stdout).Encode(listener.Addr().String()); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return errors.Join(f.read.Close(), f.write.Close())
}

func openFloors(database string) (*floors, error) {
	f := &floors{}
	mark := func(i int) string { return "$" + strconv.Itoa(i) }
	table := "CREATE TABLE floor (id BYTEA PRIMARY KEY, grant_id TEXT NOT NULL, scopes TEXT NOT NULL, created_at BIGINT NOT NULL, used_at BIGINT)"
	var err error
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		mark, table = func(int) string { return "?" }, strings.Replace(table, "BYTEA", "BLOB", 1)+" WITHOUT ROWID"
		if f.write, err = openSQLite(path, "foreign_keys(1)", "journal_mode(wal)", "synchronous(full)", "cache_size(-4096)", "journal_size_limit(16777216)"); err != nil {
			return nil, err
		}
		f.write.SetMaxOpenConns(1)
		if f.read, err = openSQLite(path, "query_only(1)", "cache_size(-1024)"); err != nil {
			return nil, err
		}
		readers := min(max(runtime.GOMAXPROCS(0), 2), 8)
		f.read.SetMaxOpenConns(readers)
		f.read.SetMaxIdleConns(readers)
	} else {
		if f.read, err = sql.Open("pgx", database); err != nil {
			return nil, err
		}
		f.read.SetMaxOpenConns(20)
		f.read.SetMaxIdleConns(20)
		f.write = f.read
	}
	if err := f.fill(mark, table); err != nil {
		return nil, err
	}
	for _, s := range []struct {
		into *(*sql.Stmt)
		db   *sql.DB
		text string
	}{
		{&f.find, f.read, "SELECT grant_id, scopes, created_at, used_at FROM floor WHERE id = " + mark(1)},
		{&f.update, f.write, fmt.Sprintf("UPDATE floor SET created_at = %s WHERE id = %s AND created_at < %s", mark(1), mark(2), mark(3))},
		{&f.claim, f.write, fmt.Sprintf("UPDATE floor SET used_at = %s WHERE id = %s AND used_at IS NULL", mark(1), mark(2))},
		{&f.succeed, f.write, fmt.Sprintf("INSERT INTO floor (id, grant_id, scopes, created_at) VALUES (%s, %s, %s, %s)", mark(1), mark(2), mark(3), mark(4))},
	} {
		if *s.into, err = s.db.Prepare(s.text); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func openSQLite(path string, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{"busy_timeout(10000)", "temp_store(memory)"}, pragmas...)}
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
}

func (f *floors) fill(mark func(int) string, table string) error {
	tx, err := f.write.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if _, err := tx.Exec(table); err != nil {
		return err
	}
	insert, err := tx.Prepare(fmt.Sprintf("INSERT INTO floor (id, grant_id, scopes, created_at) VALUES (%s, %s, %s, %s)", mark(1), mark(2), mark(3), mark(4)))
	if err != nil {
		return err
	}
	for i := range floorRows {
		if _, err := insert.Exec([]byte(floorToken(i)), "grt_01jd0000000000000000000000", "openid profile email", int64(i)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// floorToken is the key of a row. Those of one number of row differ from its first byte, as those of random tokens do.
func floorToken(i int) string { return fmt.Sprintf("%08x-0123456789abcdef-0", uint32(i)*2654435769) }

func (f *floors) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /bare", func(w http.ResponseWriter, _ *http.Request) { writeFloor(w, "x", nil) })
	mux.HandleFunc("POST /form", func(w http.ResponseWriter, r *http.Request) {
		err := r.ParseForm()
		writeFloor(w, r.PostForm.Get("grant_type"), err)
	})
	mux.HandleFunc("GET /select", func(w http.ResponseWriter, r *http.Request) {
		writeFloor(w, "x", f.selectOne(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))
	})
	mux.HandleFunc("POST /select", func(w http.ResponseWriter, r *http.Request) {
		err := r.ParseForm()
		if err == nil {
			err = f.selectOne(r.PostForm.Get("token"))
		}
		writeFloor(w, "x", err)
	})
	mux.HandleFunc("POST /update", func(w http.ResponseWriter, r *http.Request) {
		err := r.ParseForm()
		if err == nil {
			now := time.Now().UnixMicro()
			err = one(f.update.Exec(now, []byte(r.PostForm.Get("token")), now))
		}
		writeFloor(w, "x", err)
	})
	mux.HandleFunc("POST /rotate", func(w http.ResponseWriter, r *http.Request) {
		err := r.ParseForm()
		var next string
		if err == nil {
			next, err = f.rotate(r.PostForm.Get("refresh_token"))
		}
		writeFloor(w, next, err)
	})
	return mux
}

// selectOne is not stopped when the request ends: watching over it would cost more than finding the row.
func (f *floors) selectOne(token string) error {
	var grant, scopes string
	var created int64
	var used sql.NullInt64
	return f.find.QueryRowContext(context.Background(), []byte(token)).Scan(&grant, &scopes, &created, &used)
}

func (f *floors) rotate(token string) (string, error) {
	at := strings.LastIndexByte(token, '-') + 1
	generation, err := strconv.Atoi(token[at:])
	if err != nil {
		return "", err
	}
	next := token[:at] + strconv.Itoa(generation+1)
	tx, err := f.write.Begin()
	if err != nil {
		return "", err
	}
	defer tx.Rollback() // does nothing after Commit
	now := time.Now().UnixMicro()
	if err := one(tx.Stmt(f.claim).Exec(now, []byte(token))); err != nil {
		return "", err
	}
	if err := one(tx.Stmt(f.succeed).Exec([]byte(next), "grt_01jd0000000000000000000000", "openid profile email", now)); err != nil {
		return "", err
	}
	return next, tx.Commit()
}

func one(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("%d rows changed, not 1", n))
	}
	return nil
}

func writeFloor(w http.ResponseWriter, token string, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(`{"active":true,"refresh_token":"` + token + `"}`))
}
