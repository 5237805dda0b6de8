package storage_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

// newAPIKey is a key of the house's application of which no field is zero.
func (h *house) newAPIKey(t testing.TB) *clients.APIKey {
	t.Helper()
	k := filled[clients.APIKey](t)
	k.ID, k.Environment, k.Application, k.Hash = newID("key"), h.env, h.app.ID, randomHash()
	must(t, storage.APIKeys{DB: h.db}.CreateAPIKey(t.Context(), &k))
	return &k
}

func TestAPIKeyKeepsEverything(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.APIKeys{DB: db}
		one, two := h.newAPIKey(t), h.newAPIKey(t)
		list, err := store.APIKeys(ctx, h.env, h.app.ID)
		must(t, err)
		wantEqual(t, "APIKeys", list, []clients.APIKey{*one, *two})
		found, enabled, err := store.APIKeyByHash(ctx, one.Hash)
		must(t, err)
		wantEqual(t, "APIKeyByHash", found, one)
		wantEqual(t, "enabled", enabled, true)

		must(t, store.UpdateAPIKey(ctx, h.env, "", one.ID, func(_ context.Context, k *clients.APIKey) error {
			wantEqual(t, "loaded", k, one)
			k.ExpiresAt, k.RevokedAt, k.Name = time.Time{}, morning.Add(day), "not saved"
			return nil
		}))
		one.ExpiresAt, one.RevokedAt = time.Time{}, morning.Add(day)
		use := clients.SecretUse{At: morning.Add(2 * day), Address: "192.0.2.9"}
		must(t, store.MarkAPIKeysUsed(ctx, map[string]clients.SecretUse{one.ID: use, two.ID: {At: time.Unix(0, 0)}, "key_gone": use}))
		one.LastUsed = use
		list, err = store.APIKeys(ctx, h.env, h.app.ID)
		must(t, err)
		wantEqual(t, "after the changes", list, []clients.APIKey{*one, *two})

		must(t, store.DeleteAPIKeys(ctx, h.env, []string{one.ID, "key_gone"}))
		_, _, err = store.APIKeyByHash(ctx, one.Hash)
		wantErr(t, "APIKeyByHash of a key that is gone", err, clients.ErrNoAPIKey)
		wantErr(t, "UpdateAPIKey of a key that is gone", store.UpdateAPIKey(ctx, h.env, "", one.ID, nil), clients.ErrNoAPIKey)
		none := *two
		none.ID, none.Hash, none.Application = newID("key"), randomHash(), "app_none"
		wantErr(t, "CreateAPIKey of no application", store.CreateAPIKey(ctx, &none), clients.ErrNotFound)
	})
}

var errClaimed = errors.New("claimed")

func TestAnswers(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Answers{DB: db}
		id := admin.AnswerID{Environment: h.env, APIKey: h.newAPIKey(t).ID, Key: [32]byte{1}}
		won := together(10, func(i int) error {
			_, claimed, err := store.ClaimAnswer(ctx, id, [32]byte{byte(i)}, morning, morning.Add(day))
			if claimed {
				return errClaimed
			}
			return err
		})
		wantEqual(t, "claims", won[errClaimed], 1)
		must(t, store.SaveAnswer(ctx, id, []byte("sealed")))
		kept, claimed, err := store.ClaimAnswer(ctx, id, [32]byte{}, morning.Add(day-time.Microsecond), morning.Add(3*day))
		must(t, err)
		if claimed || string(kept.Sealed) != "sealed" || !kept.CreatedAt.Equal(morning) {
			t.Errorf("ClaimAnswer = %+v, %v before it expires", kept, claimed)
		}
		_, claimed, err = store.ClaimAnswer(ctx, id, [32]byte{9}, morning.Add(day), morning.Add(2*day))
		must(t, err)
		if !claimed {
			t.Error("an answer that has expired keeps others out")
		}
		must(t, store.ForgetAnswer(ctx, id))
		_, claimed, err = store.ClaimAnswer(ctx, id, [32]byte{9}, morning, morning.Add(day))
		must(t, err)
		if !claimed {
			t.Error("an answer that was forgotten keeps others out")
		}
		purge(t, storage.Purge{DB: db}, morning.Add(day))
		wantEqual(t, "rows after the purge", count(t, db, "idempotency_keys"), 0)
	})
}
