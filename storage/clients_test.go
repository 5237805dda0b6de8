package storage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

// everySetting is an application of which no field is zero, as an environment can have it.
func everySetting(t testing.TB, h *house) *clients.Application {
	t.Helper()
	app := filled[clients.Application](t)
	app.ID, app.Environment = clients.ID(newID("app")), h.env
	app.ClientID = "client-" + string(app.ID)
	for i := range app.Secrets {
		app.Secrets[i].ID = newID("sec")
	}
	return &app
}

func TestApplicationKeepsEverything(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Clients{DB: db}
		app := everySetting(t, h)
		must(t, store.CreateApplication(ctx, app))
		got, err := store.Application(ctx, h.env, app.ID)
		must(t, err)
		wantEqual(t, "Application", got, app)
		got, err = store.ApplicationByClientID(ctx, h.env, app.ClientID)
		must(t, err)
		wantEqual(t, "ApplicationByClientID", got, app)

		changed := everySetting(t, h)
		changed.ID = app.ID
		for i := range changed.Secrets {
			changed.Secrets[i].LastUsed = clients.SecretUse{}
		}
		must(t, store.UpdateApplication(ctx, h.env, app.ID, func(_ context.Context, a *clients.Application) error {
			wantEqual(t, "loaded", a, app)
			*a = *changed
			return nil
		}))
		got, err = store.Application(ctx, h.env, app.ID)
		must(t, err)
		wantEqual(t, "updated application", got, changed)

		none := &clients.Application{ID: app.ID, Environment: h.env, ClientID: changed.ClientID, CreatedAt: morning, UpdatedAt: morning}
		must(t, store.UpdateApplication(ctx, h.env, app.ID, func(_ context.Context, a *clients.Application) error {
			*a = *none
			return nil
		}))
		got, err = store.Application(ctx, h.env, app.ID)
		must(t, err)
		wantEqual(t, "application with nothing", got, none)
	})
}

func TestApplications(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Clients{DB: db}
		told := subscribe(t, db)
		want := []clients.ID{h.app.ID}
		for range 4 {
			app := everySetting(t, h)
			must(t, store.CreateApplication(ctx, app))
			await(t, told, storage.Change{Topic: "application", Payload: string(h.env) + "/" + string(app.ID)})
			want = append(want, app.ID)
		}
		var got []clients.ID
		for after := clients.ID(""); ; {
			page, err := store.Applications(ctx, h.env, after, 2)
			must(t, err)
			if len(page) == 0 {
				break
			}
			for _, app := range page {
				got = append(got, app.ID)
				if app.ID != h.app.ID {
					wantEqual(t, "secrets", len(app.Secrets), 2)
				}
			}
			after = got[len(got)-1]
		}
		wantEqual(t, "Applications", got, want)

		taken := everySetting(t, h)
		taken.ClientID = h.app.ClientID
		wantErr(t, "CreateApplication with the client ID of another", store.CreateApplication(ctx, taken), clients.ErrClientIDTaken)
		rename := func(_ context.Context, a *clients.Application) error {
			a.ClientID = h.app.ClientID
			return nil
		}
		wantErr(t, "UpdateApplication to the client ID of another", store.UpdateApplication(ctx, h.env, want[1], rename), clients.ErrClientIDTaken)
		wantErr(t, "UpdateApplication of an unknown one", store.UpdateApplication(ctx, h.env, taken.ID, rename), clients.ErrNotFound)
		err := store.UpdateApplication(ctx, h.env, want[1], func(_ context.Context, a *clients.Application) error {
			a.Name, a.Secrets = "lost", nil
			return errRefused
		})
		wantErr(t, "UpdateApplication", err, errRefused)
		app, err := store.Application(ctx, h.env, want[1])
		must(t, err)
		if app.Name == "lost" || len(app.Secrets) != 2 {
			t.Error("UpdateApplication saved what its function refused")
		}
		must(t, store.UpdateApplication(ctx, h.env, want[1], func(context.Context, *clients.Application) error { return nil }))
		await(t, told, storage.Change{Topic: "application", Payload: string(h.env) + "/" + string(want[1])})
	})
}

func TestDeleteApplication(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Clients{DB: db}
		told := subscribe(t, db)
		h.newGrant(t, h.session, morning)
		h.newInteraction(t, h.handle)
		setDefault := func(id clients.ID) {
			must(t, storage.Environments{DB: db}.UpdateEnvironment(ctx, h.env, func(_ context.Context, e *environments.Environment) error {
				e.DefaultApplication = string(id)
				return nil
			}))
			await(t, told, storage.Change{Topic: "environments", Payload: string(h.env)})
		}
		setDefault(h.app.ID)
		wantErr(t, "DeleteApplication of the default one", store.DeleteApplication(ctx, h.env, h.app.ID, morning), clients.ErrIsDefault)
		_, err := store.Application(ctx, h.env, h.app.ID)
		must(t, err)
		setDefault("")
		must(t, store.DeleteApplication(ctx, h.env, h.app.ID, morning))
		await(t, told, storage.Change{Topic: "application", Payload: string(h.env) + "/" + string(h.app.ID)})
		wantErr(t, "DeleteApplication again", store.DeleteApplication(ctx, h.env, h.app.ID, morning), clients.ErrNotFound)
		if _, err := store.Application(ctx, h.env, h.app.ID); !errors.Is(err, clients.ErrNotFound) {
			t.Errorf("Application of a deleted one: %v", err)
		}
		again := everySetting(t, h)
		again.ClientID, again.Secrets = h.app.ClientID, nil
		must(t, store.CreateApplication(ctx, again))
		must(t, store.DeleteApplication(ctx, h.env, again.ID, morning))
		sweep := storage.Sweep{DB: db}
		due, err := sweep.Due(ctx, morning)
		must(t, err)
		for _, d := range due {
			for done := false; !done; {
				must(t, db.InTx(ctx, func(ctx context.Context) error {
					_, done, err = sweep.Remove(ctx, d.Application, 1)
					return err
				}))
			}
		}
		for _, table := range []string{"applications", "client_secrets", "sessions", "grants", "codes", "interactions"} {
			wantEqual(t, table, count(t, db, table), 0)
		}
	})
}

func TestSecrets(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Clients{DB: db}
		app := everySetting(t, h)
		for i := range app.Secrets {
			app.Secrets[i].LastUsed = clients.SecretUse{}
		}
		must(t, store.CreateApplication(ctx, app))
		secrets := func() []clients.Secret {
			t.Helper()
			got, err := store.Application(ctx, h.env, app.ID)
			must(t, err)
			return got.Secrets
		}
		noon := clients.SecretUse{At: morning.Add(4 * time.Hour), Address: "192.0.2.1"}
		must(t, store.UpdateApplication(ctx, h.env, app.ID, func(outer context.Context, a *clients.Application) error {
			// A mark that is written between load and save.
			must(t, store.MarkSecretsUsed(outer, map[string]clients.SecretUse{app.Secrets[0].ID: noon, "sec_gone": noon}))
			a.Secrets[0].ExpiresAt = morning.Add(day)
			a.Secrets[1] = clients.Secret{ID: newID("sec"), Name: "third", Hint: "abcd", Hash: randomHash(), CreatedAt: morning.Add(time.Minute)}
			app.Secrets = slices.Clone(a.Secrets)
			return nil
		}))
		app.Secrets[0].LastUsed = noon
		wantEqual(t, "secrets", secrets(), app.Secrets)

		must(t, store.MarkSecretsUsed(ctx, map[string]clients.SecretUse{
			app.Secrets[0].ID: {At: morning, Address: "192.0.2.2"}, app.Secrets[1].ID: {At: morning, Address: "192.0.2.3"},
		}))
		app.Secrets[1].LastUsed = clients.SecretUse{At: morning, Address: "192.0.2.3"}
		wantEqual(t, "secrets after a later and an earlier use", secrets(), app.Secrets)
	})
}

func TestUpdateApplicationTogether(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Clients{DB: db}
		returned := together(8, func(i int) error {
			return store.UpdateApplication(ctx, h.env, h.app.ID, func(_ context.Context, a *clients.Application) error {
				a.Scopes = append(a.Scopes, fmt.Sprint(i))
				return nil
			})
		})
		wantEqual(t, "returned", returned[nil], 8)
		app, err := store.Application(ctx, h.env, h.app.ID)
		must(t, err)
		wantEqual(t, "changes saved", len(app.Scopes), 8)
	})
}

// Nothing of one environment is visible or accepted in another.
func TestApplicationsOfAnotherEnvironment(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Clients{DB: db}
		other := build(t, db)
		_, err := store.Application(ctx, other.env, h.app.ID)
		wantErr(t, "Application", err, clients.ErrNotFound)
		_, err = store.ApplicationByClientID(ctx, other.env, h.app.ClientID)
		wantErr(t, "ApplicationByClientID", err, clients.ErrNotFound)
		wantErr(t, "UpdateApplication", store.UpdateApplication(ctx, other.env, h.app.ID, nil), clients.ErrNotFound)
		wantErr(t, "DeleteApplication", store.DeleteApplication(ctx, other.env, h.app.ID, morning), clients.ErrNotFound)
		all, err := store.Applications(ctx, other.env, "", 10)
		must(t, err)
		wantEqual(t, "Applications", len(all), 1)
		wantEqual(t, "application", all[0].ID, other.app.ID)

		// Two environments can have the same client ID.
		same := everySetting(t, other)
		same.ClientID = h.app.ClientID
		must(t, store.CreateApplication(ctx, same))
		got, err := store.ApplicationByClientID(ctx, h.env, h.app.ClientID)
		must(t, err)
		wantEqual(t, "ApplicationByClientID", got, h.app)
	})
}
