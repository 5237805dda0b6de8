package storage_test

import (
	"testing"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

var (
	_ admin.SetupStore    = storage.Setup{}
	_ admin.OperatorStore = storage.Operators{}
)

func TestSetupTokens(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, store := t.Context(), storage.Setup{DB: db}
		hash, end := randomHash(), morning.Add(time.Hour)
		must(t, store.AddSetupToken(ctx, hash, "usr_1", morning, end))
		operator, err := store.CheckSetupToken(ctx, hash, morning)
		must(t, err)
		wantEqual(t, "the operator of the link", operator, identity.ID("usr_1"))
		_, err = store.CheckSetupToken(ctx, hash, end)
		wantErr(t, "CheckSetupToken at the expiry", err, admin.ErrSetupToken)
		wantErr(t, "UseSetupToken at the expiry", store.UseSetupToken(ctx, hash, end), admin.ErrSetupToken)
		wantErr(t, "UseSetupToken of an unknown one", store.UseSetupToken(ctx, randomHash(), morning), admin.ErrSetupToken)
		returned := together(10, func(int) error { return store.UseSetupToken(ctx, hash, morning) })
		if returned[nil] != 1 || returned[admin.ErrSetupToken] != 9 {
			t.Errorf("10 calls of UseSetupToken returned %v, want nil once and ErrSetupToken 9 times", returned)
		}
		_, err = store.CheckSetupToken(ctx, hash, morning)
		wantErr(t, "CheckSetupToken of a used one", err, admin.ErrSetupToken)
	})
}

func TestEndSetupTokens(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, store := t.Context(), storage.Setup{DB: db}
		hers, his := randomHash(), randomHash()
		must(t, store.AddSetupToken(ctx, hers, "usr_1", morning, morning.Add(time.Hour)))
		must(t, store.AddSetupToken(ctx, his, "usr_2", morning, morning.Add(time.Hour)))
		must(t, store.EndSetupTokens(ctx, "usr_1", morning))
		wantErr(t, "UseSetupToken of an ended one", store.UseSetupToken(ctx, hers, morning), admin.ErrSetupToken)
		must(t, store.UseSetupToken(ctx, his, morning))
	})
}

func TestOperators(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, store, h := t.Context(), storage.Operators{DB: db}, build(t, db)
		bob := h.newUser(t, "bob@example.com")
		must(t, store.AddOperator(ctx, h.env, h.user.ID, admin.Owner, morning))
		must(t, store.AddOperator(ctx, h.env, bob.ID, admin.Viewer, morning.Add(time.Second)))
		wantErr(t, "AddOperator of one", store.AddOperator(ctx, h.env, bob.ID, admin.Admin, morning), admin.ErrIsOperator)

		all, err := store.Operators(ctx, h.env)
		must(t, err)
		wantEqual(t, "the operators", all, []admin.Operator{
			{User: h.user.ID, Role: admin.Owner, Name: "Ada Lovelace", Email: "ada@example.com", CreatedAt: morning},
			{User: bob.ID, Role: admin.Viewer, Name: "Ada Lovelace", Email: "bob@example.com", CreatedAt: morning.Add(time.Second)},
		})

		elsewhere := build(t, db)
		_, err = store.Operator(ctx, elsewhere.env, bob.ID)
		wantErr(t, "Operator of another environment", err, admin.ErrNotOperator)
		wantErr(t, "SetOperatorRole there", store.SetOperatorRole(ctx, elsewhere.env, bob.ID, admin.Owner), admin.ErrNotOperator)
		wantErr(t, "RemoveOperator there", store.RemoveOperator(ctx, elsewhere.env, bob.ID), admin.ErrNotOperator)

		wantErr(t, "SetOperatorRole of the last owner", store.SetOperatorRole(ctx, h.env, h.user.ID, admin.Admin), admin.ErrLastOwner)
		wantErr(t, "RemoveOperator of the last owner", store.RemoveOperator(ctx, h.env, h.user.ID), admin.ErrLastOwner)
		must(t, store.SetOperatorRole(ctx, h.env, bob.ID, admin.Owner))
		must(t, store.RemoveOperator(ctx, h.env, h.user.ID))
		_, err = store.Operator(ctx, h.env, h.user.ID)
		wantErr(t, "Operator who was removed", err, admin.ErrNotOperator)
	})
}

// Owners who take each other's role at the same instant leave one.
func TestLastOwner(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, store, h := t.Context(), storage.Operators{DB: db}, build(t, db)
		owners := []identity.ID{h.user.ID}
		for _, email := range []string{"b@example.com", "c@example.com", "d@example.com"} {
			owners = append(owners, h.newUser(t, email).ID)
		}
		for _, owner := range owners {
			must(t, store.AddOperator(ctx, h.env, owner, admin.Owner, morning))
		}
		returned := together(len(owners), func(i int) error {
			if i%2 == 0 {
				return store.RemoveOperator(ctx, h.env, owners[i])
			}
			return store.SetOperatorRole(ctx, h.env, owners[i], admin.Viewer)
		})
		if returned[nil] != len(owners)-1 || returned[admin.ErrLastOwner] != 1 {
			t.Errorf("the calls returned %v, want one ErrLastOwner", returned)
		}
	})
}
