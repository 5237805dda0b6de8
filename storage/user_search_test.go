package storage_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

func TestUsersSearch(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Users{DB: db}
		other := build(t, db)
		ids := map[string]identity.ID{"ada": h.user.ID}
		for _, person := range []struct{ key, email, name string }{
			{"grace", "Grace.Hopper@navy.example", "Grace Brewster Hopper"},
			{"zoe", "zoe@example.com", "Zoë von Ada"},
			{"greta", "greta@example.com", "GRETA  Hermann"},
			{"mean", "mean@example.org", "100% _mean_ \\"},
		} {
			u := &identity.User{
				ID: identity.ID(newID("usr")), Environment: h.env, Email: person.email, Status: identity.Active,
				Profile: identity.Profile{Name: person.name}, CreatedAt: morning, UpdatedAt: morning,
			}
			must(t, store.CreateUser(ctx, u))
			ids[person.key] = u.ID
		}
		must(t, store.UpdateUser(ctx, h.env, ids["greta"], func(_ context.Context, u *identity.User) error {
			u.Status = identity.Disabled
			u.Profile.FamilyName = "Henry"
			return nil
		}))
		search := func(q identity.Query) string {
			t.Helper()
			if q.Limit == 0 {
				q.Limit = 100
			}
			page, more, err := store.Users(ctx, h.env, q)
			must(t, err)
			var found []string
			for _, u := range page {
				for key, id := range ids {
					if id == u.ID {
						found = append(found, key)
					}
				}
			}
			return strings.Join(found, " ") + map[bool]string{true: " …"}[more]
		}
		for _, test := range []struct {
			text string
			want string // the latest made first
		}{
			{"", "mean greta zoe grace ada"},
			{"ada", "zoe ada"},
			{"ADA LOVE", "ada"},
			{"love a", "ada"},
			{"ZO", "zoe"},
			{"Zoe\u0308", "zoe"}, // NFC
			{"gr", "greta grace"},
			{"grace.h", "grace"},
			{"Navy.example", "grace"},
			{"example.com", "greta zoe ada"},
			{"henr", "greta"},
			{"her", "greta"},
			{"ce", ""},
			{"%", ""},
			{"_", "mean"},
			{"100%", "mean"},
			{"'; DROP TABLE users --", ""},
			{string(h.user.ID), "ada"},
			{string(other.user.ID), ""},
		} {
			if got := search(identity.Query{Text: test.text}); got != test.want {
				t.Errorf("search for %q found %q, want %q", test.text, got, test.want)
			}
		}
		for _, test := range []struct {
			q    identity.Query
			want string
		}{
			{identity.Query{Status: identity.Disabled}, "greta"},
			{identity.Query{Status: identity.Active, Text: "gr"}, "grace"},
			{identity.Query{Limit: 2}, "mean greta …"},
			{identity.Query{Limit: 2, Older: ids["greta"]}, "zoe grace …"},
			{identity.Query{Limit: 2, Older: ids["grace"]}, "ada"},
			{identity.Query{Limit: 2, Newer: ids["ada"]}, "zoe grace …"},
			{identity.Query{Limit: 2, Newer: ids["greta"]}, "mean"},
			{identity.Query{Text: "example.com", Limit: 1, Older: ids["greta"]}, "zoe …"},
		} {
			if got := search(test.q); got != test.want {
				t.Errorf("search for %+v found %q, want %q", test.q, got, test.want)
			}
		}
		must(t, store.UpdateUser(ctx, h.env, ids["greta"], func(_ context.Context, u *identity.User) error {
			u.Profile.FamilyName = ""
			return nil
		}))
		if got := search(identity.Query{Text: "henr"}); got != "" {
			t.Errorf("a name that she has no more finds %q", got)
		}
	})
}

// No search reads all users of an environment.
func TestUsersSearchPlan(t *testing.T) {
	explain := map[string]func(t *testing.T, url string, q string) string{storage.SQLite: explainSQLite, storage.Postgres: explainPostgres}
	storagetest.EachURL(t, func(t *testing.T, url string) {
		db := storagetest.Open(t, url)
		h := build(t, db)
		for n := range 100 {
			h.newUser(t, fmt.Sprintf("user%d@example.com", n))
		}
		ctx, counter := storage.WithCounter(t.Context())
		for _, q := range []identity.Query{{}, {Older: "usr_1"}, {Newer: "usr_1", Status: identity.Active}, {Text: "ada"}, {Text: "ada love", Older: "usr_1"}} {
			q.Limit = 20
			_, _, err := storage.Users{DB: db}.Users(ctx, h.env, q)
			must(t, err)
		}
		for _, q := range counter.Statements() {
			plan := explain[db.Dialect()](t, url, q)
			if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN users") || strings.Contains(plan, "SCAN user_words") {
				t.Errorf("%s\nis done by\n%s", q, plan)
			}
		}
	})
}
