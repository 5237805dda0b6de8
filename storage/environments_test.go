package storage_test

import (
	"context"
	"testing"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

func TestEnvironments(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, store := t.Context(), storage.Environments{DB: db}
		told := subscribe(t, db)
		create := func(slug string, root bool) environments.Environment {
			t.Helper()
			e := filled[environments.Environment](t)
			e.ID, e.Slug, e.Kind, e.Root, e.Host = environments.ID(newID("env")), slug, environments.Development, root, slug+".example"
			must(t, store.CreateEnvironment(ctx, e))
			await(t, told, storage.Change{Topic: "environments", Payload: string(e.ID)})
			return e
		}
		b, root, a := create("b", false), create("z", true), create("a", false)
		all, err := store.Environments(ctx)
		must(t, err)
		wantEqual(t, "Environments", all, []environments.Environment{root, a, b})

		again := environments.Environment{ID: environments.ID(newID("env")), Slug: "a", Kind: environments.Production}
		wantErr(t, "CreateEnvironment with the slug of another", store.CreateEnvironment(ctx, again), environments.ErrSlugTaken)

		changed := filled[environments.Environment](t)
		changed.ID, changed.Slug, changed.Kind, changed.Root, changed.SignUp, changed.Host = a.ID, "c", environments.Production, false, false, ""
		must(t, store.UpdateEnvironment(ctx, a.ID, func(_ context.Context, e *environments.Environment) error {
			wantEqual(t, "loaded", *e, a)
			*e = changed
			return nil
		}))
		await(t, told, storage.Change{Topic: "environments", Payload: string(a.ID)})
		all, err = store.Environments(ctx)
		must(t, err)
		wantEqual(t, "Environments", all, []environments.Environment{root, b, changed})

		err = store.UpdateEnvironment(ctx, b.ID, func(_ context.Context, e *environments.Environment) error {
			e.Slug = "c"
			return nil
		})
		wantErr(t, "UpdateEnvironment to the slug of another", err, environments.ErrSlugTaken)
		err = store.UpdateEnvironment(ctx, b.ID, func(ctx context.Context, e *environments.Environment) error {
			e.Name = "lost"
			must(t, store.CreateEnvironment(ctx, environments.Environment{ID: "env_lost", Slug: "lost", Kind: environments.Production}))
			return errRefused
		})
		wantErr(t, "UpdateEnvironment", err, errRefused)
		wantErr(t, "UpdateEnvironment of an unknown one", store.UpdateEnvironment(ctx, "env_unknown", nil), environments.ErrNotFound)
		all, err = store.Environments(ctx)
		must(t, err)
		wantEqual(t, "Environments", all, []environments.Environment{root, b, changed})
	})
}
