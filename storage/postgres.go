package storage

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

func openPostgres(ctx context.Context, url string, opts Options) (_ *DB, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the URL isn't one of a PostgreSQL database") // err would show the password
	}
	if _, ok := config.RuntimeParams["application_name"]; !ok {
		config.RuntimeParams["application_name"] = "portico"
	}
	db := &DB{dialect: Postgres, pgx: config, texts: newCache(numbered)}
	db.pool = stdlib.OpenDB(*config)
	connections := opts.MaxConnections
	if connections <= 0 {
		connections = 20
	}
	db.pool.SetMaxOpenConns(connections)
	db.pool.SetMaxIdleConns(connections)
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
