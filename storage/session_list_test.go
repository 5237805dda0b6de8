package storage_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

// policies are clocks with edges in the middle, at the beginning and at the end of an hour, before and after changes.
func policies(now time.Time) []clients.SessionPolicy {
	clocks := func(inactivity, maximum time.Duration) clients.SessionPolicy {
		return clients.SessionPolicy{InactivityTimeout: inactivity, MaxSessionLength: maximum}
	}
	all := []clients.SessionPolicy{
		clocks(3*day, 14*day), clocks(time.Hour, day), clocks(5*time.Minute, 5*time.Minute), clocks(400*day, 3650*day), clocks(0, 0),
		clocks(90*time.Minute+time.Second, 7*day), clocks(day-time.Microsecond, 30*day), clocks(day+time.Microsecond, 30*day),
	}
	changed := all[0]
	for i, later := range []clients.SessionPolicy{clocks(time.Hour, 2*day), clocks(5*day, 20*day), clocks(2*day, 40*day)} {
		app := clients.Application{SessionPolicy: changed}
		app.ChangePolicy(later, now.Add(time.Duration(i-3)*7*time.Hour))
		changed = app.SessionPolicy
		all = append(all, changed)
	}
	return all
}

// What the database counts and lists is what sessions.Session.Alive says of each session.
func TestSessionsOfApplication(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, store, h := t.Context(), storage.Sessions{DB: db}, build(t, db)
		now := morning.Add(20 * day)
		random := rand.New(rand.NewPCG(1, 2))
		all := []sessions.Session{*h.session}
		reach := func(most time.Duration) time.Duration {
			d := time.Duration(random.Int64N(int64(most))).Truncate(time.Microsecond)
			switch random.IntN(4) {
			case 0:
				d = d.Truncate(time.Hour)
			case 1:
				d = d.Truncate(time.Hour) + time.Microsecond
			}
			return d
		}
		for range 300 {
			s := *h.session
			s.ID = sessions.ID(newID("ses"))
			s.LastActiveAt = now.Add(-reach(4 * day))
			s.AuthTime = s.LastActiveAt.Add(-reach(15 * day))
			s.CreatedAt = s.AuthTime
			must(t, store.CreateSession(ctx, &s))
			if random.IntN(10) == 0 {
				_, err := store.End(ctx, h.env, sessions.Selection{Session: s.ID}, sessions.EndedByUser, "", now.Add(-time.Hour))
				must(t, err)
				s.EndedAt = now.Add(-time.Hour)
			}
			if random.IntN(4) == 0 {
				if s.EndedAt.IsZero() {
					s.LastActiveAt = s.LastActiveAt.Add(reach(now.Sub(s.LastActiveAt) + 1))
				}
				must(t, store.MarkActive(ctx, sessions.Marks{Sessions: map[sessions.SessionKey]time.Time{{Environment: h.env, ID: s.ID}: s.LastActiveAt}}))
			}
			all = append(all, s)
		}
		slices.SortFunc(all, func(a, b sessions.Session) int { return strings.Compare(string(b.ID), string(a.ID)) })
		elsewhere := build(t, db)

		cut := policies(now)[len(policies(now))-1]
		cut.Cut = clients.Cut{Before: string(all[len(all)/3].ID), At: now.Add(-time.Minute), Reason: "application_disabled"}
		for i, current := range append(policies(now), cut) {
			app := *h.app
			app.SessionPolicy = current
			for j, next := range policies(now) {
				var want sessions.Ending
				var living, over, ending []sessions.ID
				for k := range all {
					s := &all[k]
					if !s.Alive(&current, now) {
						over = append(over, s.ID)
						continue
					}
					living = append(living, s.ID)
					want.Living++
					switch {
					case !now.Before(s.LastActiveAt.Add(next.InactivityTimeout)):
						want.Inactive++
					case !now.Before(s.AuthTime.Add(next.MaxSessionLength)):
						want.TooOld++
					default:
						continue
					}
					ending = append(ending, s.ID)
				}
				got, err := store.CountEnding(ctx, &app, &next, now)
				must(t, err)
				wantEqual(t, fmt.Sprintf("CountEnding of policy %d by %d", i, j), got, want)
				q := sessions.Query{Application: &app, Now: now, EndedBy: &next}
				wantEqual(t, fmt.Sprintf("the sessions of policy %d that %d ends", i, j), through(t, store, h, q), ending)
				if j == 0 {
					q.EndedBy, q.State = nil, sessions.Living
					wantEqual(t, fmt.Sprintf("the living sessions of policy %d", i), through(t, store, h, q), living)
					q.State = sessions.Over
					wantEqual(t, fmt.Sprintf("the sessions that policy %d has ended", i), through(t, store, h, q), over)
				}
			}
		}

		app := *elsewhere.app
		app.ID = h.app.ID
		got, err := store.CountEnding(ctx, &app, &app.SessionPolicy, morning)
		must(t, err)
		wantEqual(t, "CountEnding from another environment", got, sessions.Ending{})
		if found, _, err := store.Sessions(ctx, elsewhere.env, sessions.Query{Application: &app, Now: now, Limit: 10}); err != nil || len(found) > 0 {
			t.Errorf("Sessions from another environment = %v, %v", found, err)
		}
		at, err := store.LastStarted(ctx, h.env, h.app.ID)
		must(t, err)
		wantEqual(t, "LastStarted", at, all[0].CreatedAt)
		if at, err = store.LastStarted(ctx, elsewhere.env, h.app.ID); err != nil || !at.IsZero() {
			t.Errorf("LastStarted from another environment = %v, %v", at, err)
		}
	})
}

// through reads all pages, to the end and back again.
func through(t *testing.T, store storage.Sessions, h *house, q sessions.Query) (ids []sessions.ID) {
	t.Helper()
	q.Limit = 50
	var pages [][]sessions.ID
	for {
		page, more, err := store.Sessions(t.Context(), h.env, q)
		must(t, err)
		var of []sessions.ID
		for _, l := range page {
			of = append(of, l.ID)
		}
		pages, ids = append(pages, of), append(ids, of...)
		if !more {
			break
		}
		q.Older = of[len(of)-1]
	}
	for i := len(pages) - 1; i > 0 && len(pages[i]) > 0; i-- {
		q.Older, q.Newer = "", pages[i][0]
		page, more, err := store.Sessions(t.Context(), h.env, q)
		must(t, err)
		if len(page) != len(pages[i-1]) || page[0].ID != pages[i-1][0] || more != (i > 1) {
			t.Errorf("the page before page %d has %d sessions and more = %v", i, len(page), more)
		}
	}
	return ids
}

func TestSessionsFilter(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, store, h := t.Context(), storage.Sessions{DB: db}, build(t, db)
		bob := h.newUser(t, "bob@example.com")
		hers := h.newSession(t, h.newBrowser(t, [32]byte{2}, bob, morning.Add(time.Hour)), h.app, morning.Add(time.Hour))
		q := sessions.Query{Application: h.app, Now: morning.Add(2 * time.Hour), Limit: 10}
		for _, test := range []struct {
			name string
			ask  func(*sessions.Query)
			want []sessions.ID
		}{
			{"all", func(*sessions.Query) {}, []sessions.ID{hers.ID, h.session.ID}},
			{"a user's", func(q *sessions.Query) { q.User = bob.ID }, []sessions.ID{hers.ID}},
			{"since", func(q *sessions.Query) { q.Since = morning.Add(time.Hour) }, []sessions.ID{hers.ID}},
			{"nobody's", func(q *sessions.Query) { q.User = "usr_nobody" }, nil},
		} {
			q := q
			test.ask(&q)
			page, _, err := store.Sessions(ctx, h.env, q)
			must(t, err)
			var got []sessions.ID
			for _, l := range page {
				got = append(got, l.ID)
			}
			wantEqual(t, test.name, got, test.want)
		}
		page, _, err := store.Sessions(ctx, h.env, q)
		must(t, err)
		wantEqual(t, "the first", page[0], sessions.Listed{Session: *hers, Email: "bob@example.com", Name: "Ada Lovelace"})
	})
}

// A million sessions are counted in a moment: by an index, and on SQLite by nothing else.
func TestCountEndingIsByIndex(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		db := storagetest.Open(t, url)
		h := build(t, db)
		ctx, counter := storage.WithCounter(t.Context())
		_, err := storage.Sessions{DB: db}.CountEnding(ctx, h.app, &h.app.SessionPolicy, morning)
		must(t, err)
		q := counter.Statements()[0]
		if db.Dialect() == storage.SQLite {
			if plan := explainSQLite(t, url, q); !strings.Contains(plan, "USING COVERING INDEX sessions_activity") {
				t.Errorf("the plan is\n%s", plan)
			}
			return
		}
		_, err = db.Exec(t.Context(), `
			INSERT INTO sessions (environment_id, id, user_id, application_id, browser_session_id, auth_time, amr, acr, address, user_agent, created_at, last_active_at, purge_at)
			SELECT environment_id, id || n, user_id, application_id, browser_session_id, auth_time + n * 1000000, amr, acr, address, user_agent, created_at, last_active_at + n * 60000000, purge_at
			FROM sessions, generate_series(1::bigint, 10000) AS n`)
		must(t, err)
		_, err = db.Exec(t.Context(), "ANALYZE sessions")
		must(t, err)
		// Whether it looks at the rows depends on how much of the table the autovacuum has seen.
		if plan := explainPostgres(t, url, q); strings.Count(plan, "sessions_activity") != 2 {
			t.Errorf("the plan is\n%s", plan)
		}
	})
}

// A refresh within the hour leaves every index of the session alone: on PostgreSQL its row version is a heap-only one.
func TestRefreshTouchesNoIndex(t *testing.T) {
	db := storagetest.Open(t, storagetest.PostgresURL(t))
	ctx, h, store := t.Context(), build(t, db), storage.Grants{DB: db}
	grant, code := h.newGrant(t, h.session, morning)
	chain := newChain(grant, morning)
	must(t, store.Redeem(ctx, h.env, code.Hash, morning, chain))
	err := db.InTx(ctx, func(ctx context.Context) error {
		for range 5 {
			chain = next(chain, chain.RotatedAt.Add(time.Minute))
			if err := store.Rotate(ctx, chain, chain.Generation-1); err != nil {
				return err
			}
		}
		var updates, hot int
		err := db.QueryRow(ctx, `SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'sessions'`).Scan(&updates, &hot)
		if updates != 5 || hot != 5 {
			t.Errorf("%d of %d updates were heap-only, want 5 of 5", hot, updates)
		}
		return err
	})
	must(t, err)
}
