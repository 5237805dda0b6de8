package storage

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// readOnlyTransaction is the SQLSTATE read_only_sql_transaction.
const readOnlyTransaction = "25006"

func openPostgres(ctx context.Context, url string, opts Options) (_ *DB, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the URL isn't one of a PostgreSQL database") // err would show the password
	}
	if _, ok := config.RuntimeParams["application_name"]; !ok {
		config.RuntimeParams["application_name"] = "portico"
	}
	// A connection to a server that has become a standby would refuse every write from now on.
	onError := config.OnPgError
	config.OnPgError = func(c *pgconn.PgConn, e *pgconn.PgError) bool {
		return onError(c, e) && e.Code != readOnlyTransaction
	}
	db := &DB{dialect: Postgres, pgx: config, texts: newCache(numbered)}
	db.pool = stdlib.OpenDB(*config)
	db.connections = opts.MaxConnections
	if db.connections <= 0 {
		db.connections = 20
	}
	db.pool.SetMaxOpenConns(db.connections)
	db.pool.SetMaxIdleConns(db.connections)
	db.pool.SetConnMaxIdleTime(5 * time.Minute)
	db.pool.SetConnMaxLifetime(time.Hour)
	err = db.pool.PingContext(ctx)
	if err == nil {
		err = db.start()
	}
	if err != nil {
		db.pool.Close()
		return nil, err
	}
	return db, nil
}
