package storage_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

var (
	_ keys.Store        = storage.Keys{}
	_ keys.SealingStore = storage.Keys{}
)

func signingKey(env environments.ID, id string, state keys.State) keys.SigningKey {
	return keys.SigningKey{
		ID: id, Environment: env, Algorithm: keys.ES256, State: state, PublicKey: []byte("public"), PrivateKey: []byte("private"), CreatedAt: morning,
	}
}

func TestSigningKeys(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Keys{DB: db}
		told := subscribe(t, db)
		changed := storage.Change{Topic: "keys", Payload: string(h.env)}
		all := func() []keys.SigningKey {
			t.Helper()
			read, err := store.SigningKeys(ctx, h.env)
			must(t, err)
			return read
		}
		wantEqual(t, "SigningKeys", len(all()), 0)

		old := filled[keys.SigningKey](t)
		old.Environment, old.Algorithm, old.State, old.CreatedAt = h.env, keys.EdDSA, keys.Retired, morning.Add(-time.Hour)
		must(t, store.AddSigningKey(ctx, h.env, old))
		await(t, told, changed)
		active, next := signingKey(h.env, "a", keys.Active), signingKey(h.env, "b", keys.Next)
		must(t, store.AddSigningKey(ctx, h.env, active))
		await(t, told, changed)
		must(t, store.AddSigningKey(ctx, h.env, next))
		await(t, told, changed)
		wantEqual(t, "SigningKeys", all(), []keys.SigningKey{old, active, next})

		for _, test := range []struct {
			what string
			err  error
		}{
			{"AddSigningKey of a second active key", store.AddSigningKey(ctx, h.env, signingKey(h.env, "c", keys.Active))},
			{"AddSigningKey of a second next key", store.AddSigningKey(ctx, h.env, signingKey(h.env, "c", keys.Next))},
			{"AddSigningKey of an ID that is there", store.AddSigningKey(ctx, h.env, signingKey(h.env, "a", keys.Published))},
			{"MoveSigningKey to a state that another key is in", store.MoveSigningKey(ctx, h.env, "b", keys.Next, keys.Active, morning)},
			{"MoveSigningKey from another state", store.MoveSigningKey(ctx, h.env, "a", keys.Published, keys.Retired, morning)},
			{"MoveSigningKey of an unknown key", store.MoveSigningKey(ctx, h.env, "c", keys.Next, keys.Active, morning)},
			{"DeleteSigningKey of one that signs", store.DeleteSigningKey(ctx, h.env, "a")},
			{"DeleteSigningKey of an unknown key", store.DeleteSigningKey(ctx, h.env, "c")},
		} {
			wantErr(t, test.what, test.err, keys.ErrConflict)
		}
		wantEqual(t, "SigningKeys", all(), []keys.SigningKey{old, active, next})

		// A rotation is one transaction.
		noon := morning.Add(4 * time.Hour)
		must(t, store.InTx(ctx, func(ctx context.Context) error {
			must(t, store.MoveSigningKey(ctx, h.env, "a", keys.Active, keys.Published, noon))
			return store.MoveSigningKey(ctx, h.env, "b", keys.Next, keys.Active, noon)
		}))
		active.State, active.PublishedAt = keys.Published, noon
		next.State, next.ActivatedAt = keys.Active, noon
		wantEqual(t, "SigningKeys", all(), []keys.SigningKey{old, active, next})

		must(t, store.RewrapSigningKey(ctx, h.env, "a", []byte("other"), []byte("lost")))
		must(t, store.RewrapSigningKey(ctx, h.env, "a", []byte("private"), []byte("wrapped")))
		active.PrivateKey = []byte("wrapped")
		wantEqual(t, "SigningKeys", all(), []keys.SigningKey{old, active, next})

		must(t, store.MoveSigningKey(ctx, h.env, "a", keys.Published, keys.Retired, noon.Add(time.Hour)))
		active.State, active.RetiredAt, active.PrivateKey = keys.Retired, noon.Add(time.Hour), nil
		wantEqual(t, "SigningKeys", all(), []keys.SigningKey{old, active, next})
		must(t, store.DeleteSigningKey(ctx, h.env, "a"))
		wantEqual(t, "SigningKeys", all(), []keys.SigningKey{old, next})
	})
}

func TestAddSigningKeyTogether(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Keys{DB: db}
		returned := together(10, func(i int) error {
			return store.InTx(ctx, func(ctx context.Context) error {
				return store.AddSigningKey(ctx, h.env, signingKey(h.env, fmt.Sprint(i), keys.Active))
			})
		})
		if returned[nil] != 1 || returned[keys.ErrConflict] != 9 {
			t.Errorf("10 calls of AddSigningKey returned %v, want nil once and ErrConflict 9 times", returned)
		}
	})
}

func TestSealingKeys(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Keys{DB: db}
		told := subscribe(t, db)
		all := func() []keys.SealingKey {
			t.Helper()
			read, err := store.SealingKeys(ctx, h.env)
			must(t, err)
			return read
		}
		second, first := filled[keys.SealingKey](t), filled[keys.SealingKey](t)
		second.ID, second.Environment = 2, h.env
		first.ID, first.Environment = 1, h.env
		must(t, store.AddSealingKey(ctx, h.env, second))
		await(t, told, storage.Change{Topic: "keys", Payload: string(h.env)})
		must(t, store.AddSealingKey(ctx, h.env, first))
		wantErr(t, "AddSealingKey of an ID that is there", store.AddSealingKey(ctx, h.env, first), keys.ErrConflict)
		wantEqual(t, "SealingKeys", all(), []keys.SealingKey{first, second})

		must(t, store.RewrapSealingKey(ctx, h.env, 1, []byte("other"), []byte("lost")))
		must(t, store.RewrapSealingKey(ctx, h.env, 1, first.Secret, []byte("wrapped")))
		first.Secret = []byte("wrapped")
		wantEqual(t, "SealingKeys", all(), []keys.SealingKey{first, second})
		must(t, store.DeleteSealingKeys(ctx, h.env, 2))
		wantEqual(t, "SealingKeys", all(), []keys.SealingKey{second})
	})
}

// Nothing of one environment is visible or accepted in another.
func TestKeysOfAnotherEnvironment(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Keys{DB: db}
		other := build(t, db)
		active, retired := signingKey(h.env, "a", keys.Active), signingKey(h.env, "r", keys.Retired)
		sealing := keys.SealingKey{ID: 1, Environment: h.env, Secret: []byte("secret"), CreatedAt: morning, SealsFrom: morning}
		must(t, store.AddSigningKey(ctx, h.env, active))
		must(t, store.AddSigningKey(ctx, h.env, retired))
		must(t, store.AddSealingKey(ctx, h.env, sealing))

		signing, err := store.SigningKeys(ctx, other.env)
		must(t, err)
		wantEqual(t, "SigningKeys", len(signing), 0)
		wantErr(t, "MoveSigningKey", store.MoveSigningKey(ctx, other.env, "a", keys.Active, keys.Published, morning), keys.ErrConflict)
		must(t, store.RewrapSigningKey(ctx, other.env, "a", active.PrivateKey, []byte("lost")))
		wantErr(t, "DeleteSigningKey", store.DeleteSigningKey(ctx, other.env, "r"), keys.ErrConflict)
		sealed, err := store.SealingKeys(ctx, other.env)
		must(t, err)
		wantEqual(t, "SealingKeys", len(sealed), 0)
		must(t, store.RewrapSealingKey(ctx, other.env, 1, sealing.Secret, []byte("lost")))
		must(t, store.DeleteSealingKeys(ctx, other.env, 9))
		must(t, store.AddSigningKey(ctx, other.env, signingKey(other.env, "a", keys.Active)))
		must(t, store.AddSealingKey(ctx, other.env, keys.SealingKey{ID: 1, Environment: other.env, Secret: []byte("other")}))

		signing, err = store.SigningKeys(ctx, h.env)
		must(t, err)
		wantEqual(t, "signing keys", signing, []keys.SigningKey{active, retired})
		sealed, err = store.SealingKeys(ctx, h.env)
		must(t, err)
		wantEqual(t, "sealing keys", sealed, []keys.SealingKey{sealing})
	})
}
