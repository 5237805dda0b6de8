package storage_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

var _ audit.Store = storage.Events{}

func TestAppendEvent(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Events{DB: db}
		e := audit.Event{
			ID: newID("evt"), Environment: string(h.env), Name: "application.updated", Time: morning,
			Actor:       audit.Actor{Kind: audit.ActorOperator, ID: "usr_1", Name: "ada@example.com", Address: "192.0.2.1", UserAgent: "Firefox"},
			Application: "app_1", Target: "app_2", Reason: "because", Data: map[string]any{"after": 1},
		}
		must(t, store.AppendEvent(ctx, e))
		var got audit.Event
		var at int64
		var data string
		must(t, db.QueryRow(ctx, `
			SELECT id, environment_id, name, occurred_at, actor_kind, actor_id, actor_name, address, user_agent, application_id, target, reason, data FROM events`).
			Scan(&got.ID, &got.Environment, &got.Name, &at, &got.Actor.Kind, &got.Actor.ID, &got.Actor.Name, &got.Actor.Address, &got.Actor.UserAgent,
				&got.Application, &got.Target, &got.Reason, &data))
		wantEqual(t, "time", at, morning.UnixMicro())
		wantEqual(t, "data", data, `{"after":1}`)
		got.Time, got.Data = e.Time, e.Data
		wantEqual(t, "event", got, e)

		read, err := store.Event(ctx, string(h.env), e.ID)
		must(t, err)
		wantEqual(t, "the document of the event", read.Document(), audit.Document{
			ID: e.ID, Name: e.Name, OccurredAt: e.Time, Actor: audit.ActorDocument(e.Actor), ApplicationID: "app_1", Target: "app_2", Reason: "because",
			Data: json.RawMessage(`{"after":1}`),
		})
		_, err = store.Event(ctx, string(build(t, db).env), e.ID)
		wantErr(t, "Event of another environment", err, audit.ErrNotFound)

		undo(t, db, func(ctx context.Context) {
			must(t, store.AppendEvent(ctx, audit.Event{ID: newID("evt"), Environment: string(h.env), Time: morning}))
		})
		wantEqual(t, "events", count(t, db, "events WHERE data IS NULL"), 0)
		must(t, store.AppendEvent(ctx, audit.Event{ID: newID("evt"), Environment: string(h.env), Time: morning}))
		wantEqual(t, "events", count(t, db, "events WHERE data IS NULL"), 1)
		if err := store.AppendEvent(ctx, audit.Event{ID: newID("evt"), Environment: string(h.env), Data: func() {}}); err == nil {
			t.Error("AppendEvent took data that isn't JSON")
		}
	})
}
