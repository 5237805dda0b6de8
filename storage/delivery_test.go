package storage_test

import (
	"context"
	"errors"
	"testing"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/delivery"
	"github.com/portico-id/portico/environments"
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

// A page of the report begins after the last of the page before, and has no logout of another application or environment.
func TestLogoutPages(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		h := build(t, db)
		d := storage.Deliveries{DB: db}
		for _, id := range []string{"lgo_1", "lgo_2", "lgo_3"} {
			must(t, d.AddLogouts(t.Context(), []delivery.Logout{{Environment: h.env, ID: id, Application: h.app.ID, Session: h.session.ID, User: h.user.ID, NextAt: morning}}))
		}
		for _, test := range []struct {
			name  string
			env   environments.ID
			app   clients.ID
			older string
			want  []string
			more  bool
		}{
			{"the latest", h.env, h.app.ID, "", []string{"lgo_3", "lgo_2"}, true},
			{"the page after it", h.env, h.app.ID, "lgo_2", []string{"lgo_1"}, false},
			{"another application", h.env, "app_other", "", nil, false},
			{"another environment", "env_other", h.app.ID, "", nil, false},
		} {
			page, more, err := d.Logouts(t.Context(), test.env, test.app, test.older, 2)
			must(t, err)
			var got []string
			for _, l := range page {
				got = append(got, l.ID)
			}
			wantEqual(t, test.name, got, test.want)
			wantEqual(t, test.name+": more", more, test.more)
		}
	})
}
