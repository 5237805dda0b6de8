package storage_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

// told collects the sessions of whose end the applications are told.
type told map[sessions.ID]sessions.EndedReason

func (l told) SessionsEnded(_ context.Context, _ environments.ID, ended []sessions.Session) error {
	for i := range ended {
		l[ended[i].ID] = ended[i].EndedReason
	}
	return nil
}

// deaf hears of no session of one application.
type deaf struct {
	told
	application clients.ID
}

func (l deaf) SessionsEnded(ctx context.Context, env environments.ID, ended []sessions.Session) error {
	if ended[0].Application == l.application {
		return errDeaf
	}
	return l.told.SessionsEnded(ctx, env, ended)
}

var errDeaf = errors.New("nobody listens")

// An application whose sessions can't be noted keeps no other's from it.
func TestSweepGoesOnAfterAnError(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Sessions{DB: db}
		now := func() time.Time { return morning.Add(day) }
		applications := &clients.Registry{Store: storage.Clients{DB: db}, Audit: &audit.Log{Store: storage.Events{DB: db}, Now: now}, InTx: db.InTx, Now: now}
		var made []sessions.ID
		var apps []clients.ID
		for range 3 {
			app := h.newApplication(t, h.app.SessionPolicy)
			s := h.newSession(t, h.browser, app, morning)
			must(t, storage.Clients{DB: db}.UpdateApplication(ctx, h.env, app.ID, func(_ context.Context, a *clients.Application) error {
				a.SessionPolicy.Cut = clients.Cut{Before: string(s.ID) + "z", At: morning.Add(time.Hour), Reason: string(sessions.EndedByOperator)}
				return nil
			}))
			made, apps = append(made, s.ID), append(apps, app.ID)
		}
		sweep := &sessions.Sweep{
			Store: storage.Sweep{DB: db}, Sessions: &sessions.Registry{Store: store, Audit: applications.Audit, Listener: deaf{told{}, apps[1]}},
			Applications: applications, InTx: db.InTx, Now: now,
		}
		noted, err := sweep.Run(ctx)
		wantErr(t, "Run", err, errDeaf)
		wantEqual(t, "how many it noted", noted, 2)
		for i, id := range made {
			s, err := store.Session(ctx, h.env, id)
			must(t, err)
			wantEqual(t, "whether a session says that it is over", !s.EndedAt.IsZero(), i != 1)
		}
	})
}

// The sweep notes each session as Session.Settled has it, once it has been over for a little while, and no other.
func TestSweep(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Sessions{DB: db}
		now := morning.Add(20 * day)
		random := rand.New(rand.NewPCG(3, 4))
		heard := told{}
		applications := &clients.Registry{Store: storage.Clients{DB: db}, Audit: &audit.Log{Store: storage.Events{DB: db}, Now: func() time.Time { return now }}, InTx: db.InTx, Now: func() time.Time { return now }}
		sweep := &sessions.Sweep{
			Store: storage.Sweep{DB: db}, Sessions: &sessions.Registry{Store: store, Audit: applications.Audit, Listener: heard}, Applications: applications, InTx: db.InTx,
			Now: func() time.Time { return now }, Batch: 7,
		}
		all := []sessions.Session{*h.session}
		apps := map[clients.ID]*clients.Application{h.app.ID: h.app}
		for n, policy := range policies(now) {
			if policy.MaxSessionLength == 0 {
				continue
			}
			policy.InactivityTimeout = policy.InactivityTimeout.Truncate(time.Second)
			if n%2 == 1 {
				policy.Cut = clients.Cut{At: now.Add(-time.Second), Reason: string(sessions.EndedByOperator), Actor: audit.Actor{Kind: audit.ActorOperator, ID: "usr_op", Name: "Maria"}}
			}
			app := h.newApplication(t, policy)
			for k := range 40 {
				s := *h.session
				s.ID, s.Application = sessions.ID(newID("ses")), app.ID
				s.LastActiveAt = now.Add(-time.Duration(random.Int64N(int64(4 * day)))).Truncate(time.Microsecond)
				s.AuthTime = s.LastActiveAt.Add(-time.Duration(random.Int64N(int64(15 * day)))).Truncate(time.Microsecond)
				if k == 20 {
					s.LastActiveAt = now.Add(-policy.InactivityTimeout - time.Second) // activity may be on its way
				}
				must(t, store.CreateSession(ctx, &s))
				all = append(all, s)
				if k == 25 && n%2 == 1 {
					policy.Cut.Before = string(s.ID)
				}
			}
			must(t, storage.Clients{DB: db}.UpdateApplication(ctx, h.env, app.ID, func(_ context.Context, a *clients.Application) error {
				a.SessionPolicy = policy
				return nil
			}))
			app.SessionPolicy = policy
			apps[app.ID] = app
		}
		want := 0
		for i := range all {
			if s := all[i].Settled(&apps[all[i].Application].SessionPolicy, now.Add(-10*time.Second)); !s.EndedAt.IsZero() {
				want++
			}
		}
		noted, err := sweep.Run(ctx)
		must(t, err)
		wantEqual(t, "how many it noted", noted, want)
		for i := range all {
			s := &all[i]
			policy := &apps[s.Application].SessionPolicy
			got, err := store.Session(ctx, h.env, s.ID)
			must(t, err)
			settled := s.Settled(policy, now.Add(-10*time.Second))
			wantEqual(t, "a session", *got, settled)
			events, _, err := storage.Events{DB: db}.Events(ctx, string(h.env), audit.Query{Target: string(s.ID), Limit: 10})
			must(t, err)
			if over := !settled.EndedAt.IsZero(); over != (len(events) == 1) {
				t.Errorf("%s, ended by %q, has %d events", s.ID, settled.EndedReason, len(events))
			} else if over && (events[0].Reason != string(settled.EndedReason) || events[0].Actor.ID != settled.EndedBy) {
				t.Errorf("the event is %+v, want %s by %q", events[0], settled.EndedReason, settled.EndedBy)
			}
			if reason, ok := heard[s.ID]; ok != (settled.EndedReason == sessions.EndedByOperator) {
				t.Errorf("the application was told that %s ended by %q: %v", s.ID, reason, ok)
			}
		}
		noted, err = sweep.Run(ctx)
		must(t, err)
		wantEqual(t, "how many it notes again", noted, 0)
		for id := range apps {
			app, err := storage.Clients{DB: db}.Application(ctx, h.env, id)
			must(t, err)
			if len(app.SessionPolicy.Retired) > 0 {
				t.Errorf("%v are still kept", app.SessionPolicy.Retired)
			}
		}
	})
}

// What somebody ends together with sessions that are over already says why those are over, and tells of them once.
func TestEndOfWhatIsOver(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Sessions{DB: db}
		now := morning.Add(4 * day)
		h.app.SessionPolicy.InactivityTimeout, h.app.SessionPolicy.MaxSessionLength = 3*day, 14*day
		must(t, storage.Clients{DB: db}.UpdateApplication(ctx, h.env, h.app.ID, func(_ context.Context, a *clients.Application) error {
			a.SessionPolicy = h.app.SessionPolicy
			return nil
		}))
		living := *h.session
		living.ID, living.LastActiveAt = sessions.ID(newID("ses")), now
		must(t, store.CreateSession(ctx, &living))
		record := &audit.Log{Store: storage.Events{DB: db}, Now: func() time.Time { return now }}
		heard := told{}
		registry := &sessions.Registry{
			Store: store, Audit: record, Listener: heard, InTx: db.InTx, Now: func() time.Time { return now },
			Applications: &clients.Registry{Store: storage.Clients{DB: db}, Now: func() time.Time { return now }},
		}
		n, err := registry.End(ctx, h.env, sessions.Selection{User: h.user.ID}, sessions.EndedByUser)
		must(t, err)
		wantEqual(t, "how many it ended", n, 1)
		for id, want := range map[sessions.ID]sessions.EndedReason{h.session.ID: sessions.EndedInactivity, living.ID: sessions.EndedByUser} {
			s, err := store.Session(ctx, h.env, id)
			must(t, err)
			wantEqual(t, "why", s.EndedReason, want)
			events, _, err := storage.Events{DB: db}.Events(ctx, string(h.env), audit.Query{Target: string(id), Limit: 10})
			must(t, err)
			if len(events) != 1 || events[0].Reason != string(want) {
				t.Errorf("the events of %s are %+v", id, events)
			}
		}
		if _, ok := heard[living.ID]; !ok || len(heard) != 1 {
			t.Errorf("the applications were told of %v", heard)
		}
	})
}
