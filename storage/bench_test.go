package storage

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync/atomic"
	"testing"
)

const (
	makeTokens  = `CREATE TABLE tokens (hash BLOB PRIMARY KEY, grant_id TEXT NOT NULL, scopes TEXT NOT NULL, expires_at BIGINT NOT NULL, used_at BIGINT) WITHOUT ROWID`
	insertToken = `INSERT INTO tokens (hash, grant_id, scopes, expires_at) VALUES (?, ?, ?, ?)`
	findToken   = `SELECT grant_id, scopes, expires_at, used_at FROM tokens WHERE hash = ?`
	useToken    = `UPDATE tokens SET used_at = ? WHERE hash = ? AND used_at IS NULL`
)

func tokenHash(i int64) []byte {
	hash := make([]byte, 32)
	for j := range 4 {
		x := uint64(i+int64(j)) * 0x9e3779b97f4a7c15
		for k := range 8 {
			hash[j*8+k] = byte(x >> (8 * k))
		}
	}
	return hash
}

func openWithTokens(b *testing.B, tokens int64) *DB {
	b.Helper()
	db, err := Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "bench.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if _, err := db.exec(b.Context(), makeTokens); err != nil {
		b.Fatal(err)
	}
	err = db.InTx(b.Context(), func(ctx context.Context) error {
		for i := range tokens {
			if _, err := db.exec(ctx, insertToken, tokenHash(i), "gra_1", "openid email", i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return db
}

type tokenRow struct {
	Hash      []byte `gorm:"primaryKey"`
	GrantID   string
	Scopes    string
	ExpiresAt int64
	UsedAt    sql.NullInt64
}

func (tokenRow) TableName() string { return "tokens" }

// BenchmarkFind is the statement of an introspection, through the statement layer, database/sql
// with a prepared statement, and gorm.
func BenchmarkFind(b *testing.B) {
	const tokens = 10_000
	db := openWithTokens(b, tokens)
	b.Run("statement", func(b *testing.B) {
		b.ReportAllocs()
		ctx, cancel := context.WithCancel(b.Context()) // a request's context can end
		defer cancel()
		hash := tokenHash(77)
		for b.Loop() {
			var t tokenRow
			if err := db.queryRow(ctx, findToken, hash).Scan(&t.GrantID, &t.Scopes, &t.ExpiresAt, &t.UsedAt); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("database_sql", func(b *testing.B) {
		b.ReportAllocs()
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		stmt, err := db.pool.Prepare(findToken)
		if err != nil {
			b.Fatal(err)
		}
		defer stmt.Close()
		hash := tokenHash(77)
		for b.Loop() {
			var t tokenRow
			if err := stmt.QueryRowContext(ctx, hash).Scan(&t.GrantID, &t.Scopes, &t.ExpiresAt, &t.UsedAt); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("gorm", func(b *testing.B) {
		b.ReportAllocs()
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		hash := tokenHash(77)
		for b.Loop() {
			var t tokenRow
			if err := db.conn(ctx).Where("hash = ?", hash).Take(&t).Error; err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("statement/16", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			hash := tokenHash(77)
			for pb.Next() {
				var t tokenRow
				if err := db.queryRow(context.Background(), findToken, hash).Scan(&t.GrantID, &t.Scopes, &t.ExpiresAt, &t.UsedAt); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// BenchmarkRotate is a refresh: one conditional UPDATE and one INSERT, durably, by one writer and by
// 16, beside the same with one transaction each on one connection of database/sql.
func BenchmarkRotate(b *testing.B) {
	run := func(b *testing.B, writers int, rotate func(old, next int64) error) {
		b.ReportAllocs()
		var last atomic.Int64
		if writers == 1 {
			for b.Loop() {
				i := last.Add(1)
				if err := rotate(i-1, i); err != nil {
					b.Fatal(err)
				}
			}
			return
		}
		var chain atomic.Int64
		b.SetParallelism(writers / 2)
		b.RunParallel(func(pb *testing.PB) {
			i := chain.Add(1) << 32
			for ; pb.Next(); i++ {
				if err := rotate(i-1, i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	layer := func(b *testing.B, writers int) {
		db := openWithTokens(b, 1)
		before := db.Stats()
		run(b, writers, func(old, next int64) error {
			return db.InTx(context.Background(), func(ctx context.Context) error {
				if _, err := db.exec(ctx, useToken, next, tokenHash(old)); err != nil {
					return err
				}
				_, err := db.exec(ctx, insertToken, tokenHash(next), "gra_1", "openid email", next)
				return err
			})
		})
		after := db.Stats()
		b.ReportMetric(float64(after.Transactions-before.Transactions)/float64(after.Commits-before.Commits), "tx/commit")
	}
	plain := func(b *testing.B, writers int) {
		path := openWithTokens(b, 1).path
		db, err := sql.Open("sqlite", dsn(path, writePragmas))
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		db.SetMaxOpenConns(1)
		use, err := db.Prepare(useToken)
		if err != nil {
			b.Fatal(err)
		}
		insert, err := db.Prepare(insertToken)
		if err != nil {
			b.Fatal(err)
		}
		run(b, writers, func(old, next int64) error {
			tx, err := db.Begin()
			if err != nil {
				return err
			}
			defer tx.Rollback()
			if _, err := tx.Stmt(use).Exec(next, tokenHash(old)); err != nil {
				return err
			}
			if _, err := tx.Stmt(insert).Exec(tokenHash(next), "gra_1", "openid email", next); err != nil {
				return err
			}
			return tx.Commit()
		})
	}
	b.Run("group/1", func(b *testing.B) { layer(b, 1) })
	b.Run("plain/1", func(b *testing.B) { plain(b, 1) })
	b.Run("group/16", func(b *testing.B) { layer(b, 16) })
	b.Run("plain/16", func(b *testing.B) { plain(b, 16) })
}
