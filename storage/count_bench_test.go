package storage_test

import (
	"context"
	"testing"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

// million adds a million sessions of the application, begun and used over its last 14 days; every tenth was used until 3 days ago.
const million = `
	INSERT INTO sessions (environment_id, id, user_id, application_id, browser_session_id, auth_time, amr, acr, address, user_agent, created_at, last_active_at, purge_at`

var millionOn = map[string][]string{
	storage.SQLite: {million + `, active_hour)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
		SELECT environment_id, id || printf('%07d', i), user_id, application_id, browser_session_id, auth_time - i, amr, acr, address, user_agent, created_at,
			last_active_at - (i % 300000 + i % 10 / 9 * 260000) * 1000000, purge_at, (last_active_at - (i % 300000 + i % 10 / 9 * 260000) * 1000000) / 3600000000
		FROM (SELECT * FROM sessions LIMIT 1), n`},
	storage.Postgres: {million + `)
		SELECT environment_id, id || lpad(i::text, 7, '0'), user_id, application_id, browser_session_id, auth_time - i, amr, acr, address, user_agent, created_at,
			last_active_at - (i % 300000 + i % 10 / 9 * 260000) * 1000000, purge_at
		FROM (SELECT * FROM sessions LIMIT 1) AS one, generate_series(1::bigint, 1000000) AS i`, `VACUUM ANALYZE sessions`},
}

// What the dry run of a policy asks, of a million living sessions, and what the sweep asks when there is nothing to note.
func BenchmarkMillionSessions(b *testing.B) {
	for dialect, url := range map[string]func(testing.TB) string{storage.SQLite: storagetest.SQLiteURL, storage.Postgres: storagetest.PostgresURL} {
		b.Run(dialect, func(b *testing.B) {
			db := storagetest.Open(b, url(b))
			h := build(b, db)
			ctx, store := b.Context(), storage.Sessions{DB: db}
			for _, q := range millionOn[dialect] {
				if _, err := db.Exec(ctx, q); err != nil {
					b.Fatal(err)
				}
			}
			app := *h.app
			app.SessionPolicy.InactivityTimeout, app.SessionPolicy.MaxSessionLength = 14*day, 30*day
			must(b, storage.Clients{DB: db}.UpdateApplication(ctx, h.env, app.ID, func(_ context.Context, a *clients.Application) error {
				a.SessionPolicy = app.SessionPolicy
				return nil
			}))
			next := clients.SessionPolicy{InactivityTimeout: 3 * day, MaxSessionLength: 7 * day}
			b.Run("count", func(b *testing.B) {
				var e sessions.Ending
				for b.Loop() {
					var err error
					if e, err = store.CountEnding(ctx, &app, &next, morning); err != nil {
						b.Fatal(err)
					}
				}
				if e.Living != 1_000_001 || e.Total() == 0 {
					b.Errorf("counted %+v", e)
				}
			})
			b.Run("due", func(b *testing.B) {
				for b.Loop() {
					if due, err := (storage.Sweep{DB: db}).Due(ctx, morning); err != nil || len(due) > 0 {
						b.Fatal(due, err)
					}
				}
			})
			b.Run("end", func(b *testing.B) {
				registry := &clients.Registry{
					Store: storage.Clients{DB: db}, Audit: &audit.Log{Store: storage.Events{DB: db}, Now: time.Now}, Now: time.Now, InTx: db.InTx,
					Sessions: &sessions.Registry{Store: store, Now: time.Now},
				}
				for b.Loop() {
					must(b, registry.EndSessions(ctx, h.env, app.ID, "revoked_by_operator"))
				}
			})
		})
	}
}
