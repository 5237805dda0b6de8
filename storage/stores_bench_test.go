package storage_test

import (
	"testing"
	"time"

	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

// benchmarkEach runs the function of a hot path on both databases. prepare makes it, once for each run.
func benchmarkEach(b *testing.B, prepare func(b *testing.B, h *house) func(i int) error) {
	urls := []struct {
		name string
		make func(testing.TB) string
	}{{storage.SQLite, storagetest.SQLiteURL}, {storage.Postgres, storagetest.PostgresURL}}
	for _, url := range urls {
		b.Run(url.name, func(b *testing.B) {
			do := prepare(b, build(b, storagetest.Open(b, url.make(b))))
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if err := do(i); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What introspection asks.
func BenchmarkStanding(b *testing.B) {
	benchmarkEach(b, func(b *testing.B, h *house) func(int) error {
		grant, _ := h.newGrant(b, h.session, morning)
		ctx, store := b.Context(), storage.Grants{DB: h.db}
		return func(int) error {
			_, _, err := store.Standing(ctx, h.env, grant.ID, grants.Serial{})
			return err
		}
	})
}

// What userinfo asks.
func BenchmarkState(b *testing.B) {
	benchmarkEach(b, func(b *testing.B, h *house) func(int) error {
		grant, _ := h.newGrant(b, h.session, morning)
		ctx, store := b.Context(), storage.Grants{DB: h.db}
		return func(int) error {
			_, _, err := store.State(ctx, h.env, grant.ID, grants.Serial{})
			return err
		}
	})
}

// A refresh.
func BenchmarkChainAndRotate(b *testing.B) {
	benchmarkEach(b, func(b *testing.B, h *house) func(int) error {
		ctx, store := b.Context(), storage.Grants{DB: h.db}
		grant, code := h.newGrant(b, h.session, morning)
		chain := newChain(grant, morning)
		must(b, store.Redeem(ctx, h.env, code.Hash, morning, chain))
		return func(i int) error {
			read, _, err := store.Chain(ctx, h.env, chain.ID)
			if err != nil {
				return err
			}
			return store.Rotate(ctx, next(read, morning.Add(time.Duration(i)*time.Second)), read.Generation)
		}
	})
}

// A code exchange.
func BenchmarkCodeAndRedeem(b *testing.B) {
	benchmarkEach(b, func(b *testing.B, h *house) func(int) error {
		ctx, store := b.Context(), storage.Grants{DB: h.db}
		codes := make([]*grants.Code, b.N)
		for i := range codes {
			_, codes[i] = h.newGrant(b, h.session, morning)
		}
		return func(i int) error {
			code, state, err := store.Code(ctx, h.env, codes[i].Hash)
			if err != nil {
				return err
			}
			return store.Redeem(ctx, h.env, code.Hash, morning, newChain(&state.Grant, morning))
		}
	})
}

// What an authorization asks of a browser with one account.
func BenchmarkAccounts(b *testing.B) {
	benchmarkEach(b, func(b *testing.B, h *house) func(int) error {
		ctx, store := b.Context(), storage.Sessions{DB: h.db}
		return func(int) error {
			_, err := store.Accounts(ctx, h.env, h.handle, h.app.ID)
			return err
		}
	})
}
