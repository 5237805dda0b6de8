package storage_test

import (
	"testing"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

var _ admin.SetupStore = storage.Setup{}

func TestSetupTokens(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, store := t.Context(), storage.Setup{DB: db}
		hash, end := randomHash(), morning.Add(time.Hour)
		must(t, store.AddSetupToken(ctx, hash, morning, end))
		wantErr(t, "UseSetupToken at the expiry", store.UseSetupToken(ctx, hash, end), admin.ErrSetupToken)
		wantErr(t, "UseSetupToken of an unknown one", store.UseSetupToken(ctx, randomHash(), morning), admin.ErrSetupToken)
		returned := together(10, func(int) error { return store.UseSetupToken(ctx, hash, morning) })
		if returned[nil] != 1 || returned[admin.ErrSetupToken] != 9 {
			t.Errorf("10 calls of UseSetupToken returned %v, want nil once and ErrSetupToken 9 times", returned)
		}
	})
}
