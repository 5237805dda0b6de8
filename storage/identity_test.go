package storage_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

func TestUser(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Users{DB: db}
		u := filled[identity.User](t)
		u.ID, u.Environment, u.Email, u.Status = identity.ID(newID("usr")), h.env, "Grace@Example.com", identity.Disabled
		must(t, store.CreateUser(ctx, &u))
		got, err := store.User(ctx, h.env, u.ID)
		must(t, err)
		wantEqual(t, "User", got, &u)
		for _, email := range []string{"Grace@Example.com", "grace@example.com", "GRACE@EXAMPLE.COM"} {
			got, err = store.UserByEmail(ctx, h.env, email)
			must(t, err)
			wantEqual(t, "UserByEmail", got, &u)
		}
		for _, email := range []string{"nobody@example.com", "no address", ""} {
			_, err = store.UserByEmail(ctx, h.env, email)
			wantErr(t, "UserByEmail", err, identity.ErrNotFound)
		}
		_, err = store.User(ctx, h.env, identity.ID(newID("usr")))
		wantErr(t, "User", err, identity.ErrNotFound)
		n, err := store.CountUsers(ctx, h.env)
		must(t, err)
		wantEqual(t, "CountUsers", n, 2)

		none := &identity.User{ID: u.ID, Environment: h.env, Email: "hopper@example.com", Status: identity.Active, CreatedAt: morning, UpdatedAt: morning}
		must(t, store.UpdateUser(ctx, h.env, u.ID, func(_ context.Context, loaded *identity.User) error {
			wantEqual(t, "loaded", loaded, &u)
			*loaded = *none
			return nil
		}))
		got, err = store.UserByEmail(ctx, h.env, "hopper@example.com")
		must(t, err)
		wantEqual(t, "user with nothing", got, none)

		// One address, whatever the case of its letters, is one user.
		taken := *none
		taken.ID, taken.Email = identity.ID(newID("usr")), strings.ToUpper(h.user.Email)
		wantErr(t, "CreateUser with the address of another", store.CreateUser(ctx, &taken), identity.ErrEmailTaken)
		err = store.UpdateUser(ctx, h.env, u.ID, func(_ context.Context, u *identity.User) error {
			u.Email = taken.Email
			return nil
		})
		wantErr(t, "UpdateUser to the address of another", err, identity.ErrEmailTaken)
		err = store.UpdateUser(ctx, h.env, u.ID, func(_ context.Context, u *identity.User) error {
			u.Profile.Name = "lost"
			return errRefused
		})
		wantErr(t, "UpdateUser", err, errRefused)
		got, err = store.User(ctx, h.env, u.ID)
		must(t, err)
		wantEqual(t, "user", got, none)
		wantErr(t, "UpdateUser of an unknown one", store.UpdateUser(ctx, h.env, taken.ID, nil), identity.ErrNotFound)
	})
}

func TestCreateUserTogether(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Users{DB: db}
		returned := together(10, func(i int) error {
			return store.CreateUser(ctx, &identity.User{ID: identity.ID(newID("usr")), Environment: h.env, Email: "grace@example.com", Status: identity.Active})
		})
		if returned[nil] != 1 || returned[identity.ErrEmailTaken] != 9 {
			t.Errorf("10 calls of CreateUser returned %v, want nil once and ErrEmailTaken 9 times", returned)
		}
	})
}

func (h *house) newChallenge(t testing.TB, subject string, tries int) *identity.Challenge {
	t.Helper()
	c := h.challengeAt(t, subject, morning)
	c.TriesLeft = tries
	must(t, storage.Users{DB: h.db}.SaveChallenge(t.Context(), &c))
	return &c
}

func (h *house) challengeAt(t testing.TB, subject string, at time.Time) identity.Challenge {
	t.Helper()
	c := filled[identity.Challenge](t)
	c.ID, c.Environment, c.Subject, c.CreatedAt, c.ExpiresAt, c.UsedAt = newID("chg"), h.env, subject, at, at.Add(15*time.Minute), time.Time{}
	return c
}

func TestChallenge(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Users{DB: db}
		c := h.newChallenge(t, "a", 2)
		got, err := store.Challenge(ctx, h.env, c.ID)
		must(t, err)
		wantEqual(t, "Challenge", got, c)
		_, err = store.TryChallenge(ctx, h.env, c.ID, c.ExpiresAt)
		wantErr(t, "TryChallenge at the expiry", err, identity.ErrNotFound)
		for left := 1; left >= 0; left-- {
			got, err = store.TryChallenge(ctx, h.env, c.ID, morning)
			must(t, err)
			c.TriesLeft = left
			wantEqual(t, "TryChallenge", got, c)
		}
		_, err = store.TryChallenge(ctx, h.env, c.ID, morning)
		wantErr(t, "TryChallenge with no tries left", err, identity.ErrNotFound)

		// Another of the same purpose and subject takes its place, used or not.
		second := h.newChallenge(t, "a", 5)
		h.newChallenge(t, "b", 5)
		_, err = store.Challenge(ctx, h.env, c.ID)
		wantErr(t, "Challenge that was replaced", err, identity.ErrNotFound)
		must(t, store.UseChallenge(ctx, h.env, second.ID, morning))
		wantErr(t, "UseChallenge again", store.UseChallenge(ctx, h.env, second.ID, morning), identity.ErrNotFound)
		_, err = store.TryChallenge(ctx, h.env, second.ID, morning)
		wantErr(t, "TryChallenge of a used one", err, identity.ErrNotFound)
		second.UsedAt = morning
		got, err = store.Challenge(ctx, h.env, second.ID)
		must(t, err)
		wantEqual(t, "used challenge", got, second)
		third := h.newChallenge(t, "a", 5)
		_, err = store.TryChallenge(ctx, h.env, third.ID, morning)
		must(t, err)

		wantErr(t, "UseChallenge of an unknown one", store.UseChallenge(ctx, h.env, "chg_unknown", morning), identity.ErrNotFound)
	})
}

func TestChallengeTogether(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Users{DB: db}
		c := h.newChallenge(t, "a", 5)
		returned := together(20, func(int) error { _, err := store.TryChallenge(ctx, h.env, c.ID, morning); return err })
		if returned[nil] != 5 || returned[identity.ErrNotFound] != 15 {
			t.Errorf("20 calls of TryChallenge with 5 tries left returned %v", returned)
		}
		returned = together(20, func(int) error { return store.UseChallenge(ctx, h.env, c.ID, morning) })
		if returned[nil] != 1 || returned[identity.ErrNotFound] != 19 {
			t.Errorf("20 calls of UseChallenge returned %v, want nil once and ErrNotFound 19 times", returned)
		}
	})
}

// Nothing of one environment is visible or accepted in another.
func TestUsersOfAnotherEnvironment(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Users{DB: db}
		other := build(t, db) // with a user of the same address
		grace := h.newUser(t, "grace@example.com")
		c := h.newChallenge(t, "a", 5)

		_, err := store.User(ctx, other.env, grace.ID)
		wantErr(t, "User", err, identity.ErrNotFound)
		_, err = store.UserByEmail(ctx, other.env, grace.Email)
		wantErr(t, "UserByEmail", err, identity.ErrNotFound)
		wantErr(t, "UpdateUser", store.UpdateUser(ctx, other.env, grace.ID, nil), identity.ErrNotFound)
		n, err := store.CountUsers(ctx, other.env)
		must(t, err)
		wantEqual(t, "CountUsers", n, 1)
		_, err = store.Challenge(ctx, other.env, c.ID)
		wantErr(t, "Challenge", err, identity.ErrNotFound)
		_, err = store.TryChallenge(ctx, other.env, c.ID, morning)
		wantErr(t, "TryChallenge", err, identity.ErrNotFound)
		wantErr(t, "UseChallenge", store.UseChallenge(ctx, other.env, c.ID, morning), identity.ErrNotFound)
		other.newChallenge(t, "a", 5)

		got, err := store.Challenge(ctx, h.env, c.ID)
		must(t, err)
		wantEqual(t, "challenge", got, c)
		found, err := store.UserByEmail(ctx, h.env, h.user.Email)
		must(t, err)
		wantEqual(t, "user", found, h.user)
	})
}
