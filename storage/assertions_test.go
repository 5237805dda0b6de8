package storage_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

func TestAssertions(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		h, other := build(t, db), build(t, db)
		store := storage.Assertions{DB: db}
		jti, end := randomHash(), morning.Add(time.Minute)
		use := func(env environments.ID) bool {
			t.Helper()
			first, err := store.UseAssertion(t.Context(), env, jti, end)
			must(t, err)
			return first
		}
		var firsts atomic.Int32
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				if use(h.env) {
					firsts.Add(1)
				}
			})
		}
		group.Wait()
		wantEqual(t, "callers that were first", firsts.Load(), 1)
		wantEqual(t, "the first in another environment", use(other.env), true)

		p := storage.Purge{DB: db}
		wantEqual(t, "rows purged too early", purge(t, p, end.Add(-time.Microsecond)), 0)
		wantEqual(t, "rows purged", purge(t, p, end), 2)
		wantEqual(t, "the first after the purge", use(h.env), true)
	})
}

// TestSealedSecrets: the copy of a secret comes, stays and goes with the secret.
func TestSealedSecrets(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		h, store := build(t, db), storage.Clients{DB: db}
		for _, sealed := range []string{"\x00\xffsealed", "sealed anew", ""} {
			must(t, store.UpdateApplication(t.Context(), h.env, h.app.ID, func(_ context.Context, a *clients.Application) error {
				a.Secrets = []clients.Secret{{ID: "sec_1", Sealed: sealed, CreatedAt: morning}}
				return nil
			}))
			app, err := store.Application(t.Context(), h.env, h.app.ID)
			must(t, err)
			wantEqual(t, "the copy", app.Secrets[0].Sealed, sealed)
		}
	})
}
