package storage_test

import (
	"context"
	"errors"
	"testing"

	"github.com/portico-id/portico/delivery"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

// TestLogoutsAdded: whoever delivers hears of logouts once they can be taken, and not of those that came to nothing.
func TestLogoutsAdded(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		h := build(t, db)
		heard, undone := 0, errors.New("undone")
		d := storage.Deliveries{DB: db, Added: func() { heard++ }}
		add := func(id string, result error) error {
			return db.InTx(t.Context(), func(ctx context.Context) error {
				must(t, d.AddLogouts(ctx, []delivery.Logout{{Environment: h.env, ID: id, Application: h.app.ID, Session: h.session.ID, User: h.user.ID, NextAt: morning}}))
				wantEqual(t, "heard before the commit", heard, 0)
				return result
			})
		}
		if err := add("lgo_1", undone); !errors.Is(err, undone) {
			t.Fatal(err)
		}
		wantEqual(t, "heard of what was undone", heard, 0)
		must(t, add("lgo_2", nil))
		wantEqual(t, "heard", heard, 1)
		taken, err := d.TakeLogouts(t.Context(), morning, morning, 10)
		must(t, err)
		wantEqual(t, "taken", len(taken), 1)
	})
}
