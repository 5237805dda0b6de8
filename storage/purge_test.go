package storage_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/delivery"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

func purge(t testing.TB, p storage.Purge, now time.Time) int {
	t.Helper()
	removed, err := p.Run(t.Context(), now)
	must(t, err)
	return removed
}

func TestPurgeExpired(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Grants{DB: db}
		// Everything here expires an hour after morning, if it does.
		end := morning.Add(time.Hour)
		i := h.newInteraction(t, h.handle)
		c := h.newChallenge(t, "a", 5)
		must(t, storage.Setup{DB: db}.AddSetupToken(ctx, randomHash(), "", morning, end))
		must(t, store.RevokeSerial(ctx, h.env, grants.NewSerial(), end))
		add := func(expires time.Time, used bool, chain bool) (grants.ID, [32]byte) {
			g := &grants.Grant{
				ID: grants.NewID(), Environment: h.env, Session: h.session.ID, User: h.user.ID, Application: h.app.ID, CreatedAt: morning, ExpiresAt: expires,
			}
			code := &grants.Code{Hash: randomHash(), Environment: h.env, Grant: g.ID, CreatedAt: morning, ExpiresAt: end}
			must(t, store.CreateGrant(ctx, g, code))
			var line *grants.Chain
			if chain {
				line = newChain(g, morning)
			}
			if used {
				must(t, store.Redeem(ctx, h.env, code.Hash, morning, line))
			}
			return g.ID, code.Hash
		}
		lasting, used := add(time.Time{}, true, true)
		abandoned, unused := add(time.Time{}, false, false)
		short, _ := add(end, true, false)
		revoked, _ := add(time.Time{}, true, true)
		_, err := store.RevokeGrant(ctx, h.env, revoked, "revoked_by_client", morning)
		must(t, err)

		p := storage.Purge{DB: db, Retention: 2 * day}
		hasGrant := func(what string, id grants.ID, want bool) {
			t.Helper()
			_, _, err := store.State(ctx, h.env, id, grants.Serial{})
			wantEqual(t, what, err == nil, want)
		}
		hasCode := func(what string, hash [32]byte, want bool) {
			t.Helper()
			_, _, err := store.Code(ctx, h.env, hash)
			wantEqual(t, what, err == nil, want)
		}

		must(t, storage.Users{DB: db}.UseChallenge(ctx, h.env, c.ID, morning))
		wantEqual(t, "removed while nothing has expired", purge(t, p, morning.Add(14*time.Minute)), 0)
		wantEqual(t, "removed after the challenge", purge(t, p, morning.Add(15*time.Minute)), 1)
		wantEqual(t, "removed before the rest", purge(t, p, end.Add(-time.Microsecond)), 0)
		wantEqual(t, "removed at the end", purge(t, p, end), 4) // interaction, set-up link, serial, the short grant
		_, err = storage.Sessions{DB: db}.Interaction(ctx, h.env, i.ID, morning)
		wantErr(t, "Interaction", err, sessions.ErrNotFound)
		hasGrant("the grant that expired", short, false)

		// A code that is used again is seen for a day.
		must(t, storage.Sessions{DB: db}.MarkActive(ctx, sessions.Marks{
			Sessions: map[sessions.SessionKey]time.Time{{Environment: h.env, ID: h.session.ID}: morning.Add(day)},
		}))
		wantEqual(t, "removed before a day has gone", purge(t, p, end.Add(day-time.Microsecond)), 0)
		hasCode("the used code", used, true)
		hasGrant("the grant of a code that nobody redeemed", abandoned, true)
		wantEqual(t, "removed after a day", purge(t, p, end.Add(day)), 3)
		hasCode("the used code", used, false)
		hasGrant("its grant", lasting, true)
		hasCode("the code that nobody redeemed", unused, false)
		hasGrant("its grant", abandoned, false)

		hasGrant("the revoked grant", revoked, true)
		wantEqual(t, "removed after the retention", purge(t, p, morning.Add(2*day)), 1)
		hasGrant("the revoked grant", revoked, false)
		hasGrant("the grant that stands", lasting, true)
		wantEqual(t, "refresh tokens", count(t, db, "refresh_tokens"), 1)

		// A logout is tried for a day or so before it is settled.
		must(t, storage.Deliveries{DB: db}.AddLogouts(ctx, []delivery.Logout{
			{Environment: h.env, ID: "lgo_1", Application: h.app.ID, Session: h.session.ID, User: h.user.ID, CreatedAt: morning, NextAt: morning},
		}))
		wantEqual(t, "removed while a logout is kept", purge(t, p, morning.Add(4*day-time.Microsecond)), 0)
		wantEqual(t, "removed after it", purge(t, p, morning.Add(4*day)), 1)
	})
}

// The purge removes no session before it has been over for the retention, as Session.Deadline says it, and leaves none for
// longer than twice that.
func TestPurgeSessions(t *testing.T) {
	const retention = 10 * day
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Sessions{DB: db}
		random := rand.New(rand.NewPCG(1, 2))
		var policies []*clients.Application
		for _, policy := range []clients.SessionPolicy{
			{InactivityTimeout: 5 * time.Minute, MaxSessionLength: 5 * time.Minute},
			{InactivityTimeout: 3 * day, MaxSessionLength: 14 * day},
			{InactivityTimeout: 60 * day, MaxSessionLength: 365 * day},
		} {
			policies = append(policies, h.newApplication(t, policy))
		}
		deadlines := map[sessions.ID]time.Time{}
		browsers := map[sessions.BrowserID]time.Time{}
		at := func(days int) time.Time { return morning.Add(time.Duration(random.Int64N(int64(days) * int64(day)))) }
		for range 300 {
			s := filled[sessions.Session](t)
			app := policies[random.IntN(len(policies))]
			s.ID, s.Environment, s.User, s.Application = sessions.ID(newID("ses")), h.env, h.user.ID, app.ID
			s.CreatedAt, s.AuthTime, s.EndedAt = morning, at(20), time.Time{}
			if s.LastActiveAt = s.AuthTime.Add(time.Duration(random.Int64N(int64(10 * day)))); random.IntN(3) == 0 {
				s.EndedAt = s.LastActiveAt
			}
			must(t, store.CreateSession(ctx, &s))
			deadlines[s.ID], _ = s.Deadline(&app.SessionPolicy)

			b := filled[sessions.BrowserSession](t)
			b.ID, b.Environment, b.User, b.CreatedAt, b.Remember = sessions.BrowserID(newID("brs")), h.env, h.user.ID, morning, random.IntN(2) == 0
			b.AuthTime, b.LastActiveAt, b.EndedAt = s.AuthTime, s.LastActiveAt, s.EndedAt
			must(t, store.CreateBrowserSession(ctx, randomHash(), &b))
			browsers[b.ID], _ = b.Deadline(&environments.DefaultBrowserSessions)
		}
		exists := func(table, id string) bool { return count(t, db, table+" WHERE id = '"+id+"'") == 1 }
		for now := morning; now.Before(morning.Add(120 * day)); now = now.Add(6*day + 3*time.Hour) {
			purge(t, storage.Purge{DB: db, Retention: retention, Batch: 25}, now)
			check := func(table, id string, deadline time.Time) {
				t.Helper()
				switch kept := exists(table, id); {
				case !kept && now.Before(deadline.Add(retention)):
					t.Errorf("%s: a row of %s that ended on %s is gone", now, table, deadline)
				case kept && now.After(deadline.Add(2*retention+7*day)):
					t.Errorf("%s: a row of %s that ended on %s is still there", now, table, deadline)
				}
			}
			for id, deadline := range deadlines {
				check("sessions", string(id), deadline)
			}
			for id, deadline := range browsers {
				check("browser_sessions", string(id), deadline)
			}
		}
	})
}

func TestPurgeInBatches(t *testing.T) {
	const rows, batch = 600, 20
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		h := build(t, db)
		must(t, db.InTx(t.Context(), func(ctx context.Context) error {
			s := storage.Sessions{DB: db}
			for i := range rows {
				session := *h.session
				session.ID = sessions.ID(newID("ses"))
				must(t, s.CreateSession(ctx, &session))
				grants := 1
				if i == 0 {
					grants = 10 * batch // more than a transaction takes
				}
				for range grants {
					addGrant(t, ctx, db, &session, morning)
				}
			}
			return nil
		}))

		// Meanwhile somebody else writes, one transaction after the other.
		ctx, counter := storage.WithCounter(t.Context())
		var others atomic.Int64
		done, stopped := make(chan struct{}), make(chan error)
		go func() {
			for {
				select {
				case <-done:
					stopped <- nil
					return
				default:
				}
				if err := (storage.Sessions{DB: db}).RotateHandle(t.Context(), h.env, [32]byte{9}, [32]byte{9}); err != nil {
					stopped <- err
					return
				}
				others.Add(1)
			}
		}()
		p := storage.Purge{DB: db, Retention: day, Batch: batch}
		removed, err := p.Run(ctx, morning.Add(90*day))
		close(done)
		must(t, <-stopped)
		must(t, err)

		for _, table := range []string{"sessions", "grants", "codes", "refresh_tokens", "browser_sessions"} {
			wantEqual(t, table, count(t, db, table), 0)
		}
		// sessions with that of the house, their grants, the codes of these, and the browser
		wantEqual(t, "removed", removed, rows+1+2*(rows-1+10*batch)+1)
		for _, q := range counter.Statements() {
			if !strings.Contains(q, "LIMIT ?") {
				t.Errorf("%s\nhas no limit", q)
			}
		}
		if n, least := counter.Transactions(), rows/batch+10; n < least {
			t.Errorf("%d transactions, want at least %d", n, least)
		}
		if others.Load() == 0 {
			t.Error("nobody else got through")
		}
	})
}

// addGrant gives the session a grant with a used code and a chain, in the transaction of ctx.
func addGrant(t testing.TB, ctx context.Context, db *storage.DB, s *sessions.Session, at time.Time) *grants.Chain {
	t.Helper()
	store := storage.Grants{DB: db}
	g := &grants.Grant{ID: grants.NewID(), Environment: s.Environment, Session: s.ID, User: s.User, Application: s.Application, CreatedAt: at}
	code := &grants.Code{Hash: randomHash(), Environment: s.Environment, Grant: g.ID, CreatedAt: at, ExpiresAt: at.Add(time.Minute)}
	must(t, store.CreateGrant(ctx, g, code))
	chain := newChain(g, at)
	must(t, store.Redeem(ctx, s.Environment, code.Hash, at, chain))
	return chain
}

// Two nodes purge at once.
func TestPurgeTogether(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		h := build(t, db)
		must(t, db.InTx(t.Context(), func(ctx context.Context) error {
			for range 300 {
				session := *h.session
				session.ID = sessions.ID(newID("ses"))
				must(t, storage.Sessions{DB: db}.CreateSession(ctx, &session))
				addGrant(t, ctx, db, &session, morning)
			}
			return nil
		}))
		returned := together(4, func(int) error {
			_, err := (&storage.Purge{DB: db, Retention: day, Batch: 10}).Run(t.Context(), morning.Add(90*day))
			return err
		})
		if returned[nil] != 4 {
			t.Errorf("4 purges returned %v", returned)
		}
		purge(t, storage.Purge{DB: db, Retention: day}, morning.Add(90*day))
		for _, table := range []string{"sessions", "grants", "browser_sessions"} {
			wantEqual(t, table, count(t, db, table), 0)
		}
	})
}

// Acceptance 87: a month of traffic leaves the size of the living data.
func TestMonth(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		h := build(t, db)
		short := h.newApplication(t, clients.SessionPolicy{InactivityTimeout: day, MaxSessionLength: 3 * day})
		long := h.newApplication(t, clients.SessionPolicy{InactivityTimeout: 60 * day, MaxSessionLength: 365 * day})
		living := h.newSession(t, h.browser, long, morning)
		var phone *grants.Chain
		must(t, db.InTx(t.Context(), func(ctx context.Context) error {
			phone = addGrant(t, ctx, db, living, morning)
			return nil
		}))
		tables := []string{
			"browser_sessions", "sessions", "grants", "codes", "refresh_tokens", "interactions", "challenges", "revoked_access_tokens", "setup_tokens",
		}
		rows := func() string {
			var all []string
			for _, table := range tables {
				all = append(all, fmt.Sprintf("%s %d", table, count(t, db, table)))
			}
			return strings.Join(all, ", ")
		}

		p := storage.Purge{DB: db, Retention: 2 * day}
		g, s, u := storage.Grants{DB: db}, storage.Sessions{DB: db}, storage.Users{DB: db}
		sizes := map[int]string{}
		for n := range 30 {
			today := morning.Add(time.Duration(n) * day)
			must(t, db.InTx(t.Context(), func(ctx context.Context) error {
				for i := range 12 {
					at := today.Add(time.Duration(i) * time.Hour)
					b := &sessions.BrowserSession{
						ID: sessions.BrowserID(newID("brs")), Environment: h.env, User: h.user.ID, Authentication: authenticated(at), CreatedAt: at, LastActiveAt: at,
					}
					must(t, s.CreateBrowserSession(ctx, randomHash(), b))
					session := &sessions.Session{
						ID: sessions.ID(newID("ses")), Environment: h.env, User: h.user.ID, Application: short.ID, BrowserSession: b.ID,
						Authentication: authenticated(at), CreatedAt: at, LastActiveAt: at,
					}
					must(t, s.CreateSession(ctx, session))
					chain := addGrant(t, ctx, db, session, at)
					for k := range uint32(3) {
						chain = next(chain, at.Add(time.Duration(k)*time.Hour))
						must(t, g.Rotate(ctx, chain, k+1))
					}
					if i%3 == 0 {
						_, err := s.End(ctx, h.env, sessions.Selection{Session: session.ID}, sessions.EndedSignedOut, "", at.Add(4*time.Hour))
						must(t, err)
					}
					// Somebody turned away from the consent page, and an access token was revoked.
					abandoned := &grants.Grant{ID: grants.NewID(), Environment: h.env, Session: living.ID, CreatedAt: at}
					must(t, g.CreateGrant(ctx, abandoned, &grants.Code{Hash: randomHash(), Environment: h.env, Grant: abandoned.ID, ExpiresAt: at.Add(time.Minute)}))
					must(t, g.RevokeSerial(ctx, h.env, grants.NewSerial(), at.Add(time.Hour)))
					must(t, s.CreateInteraction(ctx, &sessions.Interaction{
						ID: sessions.InteractionID(newID("int")), Environment: h.env, Application: short.ID, Request: []byte("{}"), ExpiresAt: at.Add(time.Hour),
					}))
					c := h.challengeAt(t, newID("int"), at)
					must(t, u.SaveChallenge(ctx, &c))
				}
				phone = next(phone, today)
				must(t, g.Rotate(ctx, phone, phone.Generation-1))
				must(t, s.MarkActive(ctx, sessions.Marks{Browsers: map[sessions.BrowserKey]time.Time{{Environment: h.env, ID: h.browser.ID}: today}}))
				return nil
			}))
			for hour := range 4 {
				purge(t, p, today.Add(time.Duration(hour)*6*time.Hour))
			}
			sizes[n] = rows()
		}
		wantEqual(t, "rows after 30 days and after 20", sizes[29], sizes[19])

		// Silence: what lives is left.
		for n := range 12 {
			purge(t, p, morning.Add(time.Duration(30+n)*day))
		}
		wantEqual(t, "rows in the end", rows(), "browser_sessions 0, sessions 1, grants 1, codes 0, refresh_tokens 1, "+
			"interactions 0, challenges 0, revoked_access_tokens 0, setup_tokens 0")
		_, state, err := g.Chain(t.Context(), h.env, phone.ID)
		must(t, err)
		wantEqual(t, "the session left", state.Session.ID, living.ID)
	})
}
