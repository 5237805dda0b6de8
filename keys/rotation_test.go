package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/fault"
)

const day = 24 * time.Hour

// Acceptance 61: signing keys rotate on schedule; old tokens verify until they expire; no restart.
func TestRotationOnSchedule(t *testing.T) {
	clock, store := newClock(), newMemory()
	ring := newRing(t, store, clock)
	tick := func() {
		t.Helper()
		if err := ring.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	tick()
	if diff := cmp.Diff([]string{"signing_key.created", "signing_key.created", "signing_key.created"}, store.eventNames()); diff != "" {
		t.Fatalf("events of the first Tick (-want +got):\n%s", diff)
	}
	first := mustSign(t, ring, acme, EdDSA, "JWT")

	start := clock.Now()
	for _, step := range []struct {
		at     time.Duration
		states []State // of the EdDSA keys
		event  string
		shown  int // keys in the JWK Set
		first  bool
		hint   bool
	}{
		{89*day - 1, []State{Active}, "", 3, true, true},
		{89 * day, []State{Active, Next}, "signing_key.created", 6, true, true},
		{90*day - 1, []State{Active, Next}, "", 6, true, true},
		{90 * day, []State{Published, Active}, "signing_key.activated", 6, true, true},
		{91*day + time.Hour - 1, []State{Published, Active}, "", 6, true, true},
		{91*day + time.Hour, []State{Retired, Active}, "signing_key.retired", 3, false, true},
		{179 * day, []State{Retired, Active, Next}, "signing_key.created", 6, false, true},
		// Every node was off for a month: the next key still takes over, and the one after it gets its full time.
		{210 * day, []State{Retired, Published, Active}, "signing_key.activated", 6, false, true},
		{298 * day, []State{Retired, Retired, Active}, "signing_key.retired", 3, false, true},
		{299 * day, []State{Retired, Retired, Active, Next}, "signing_key.created", 6, false, true},
	} {
		clock.nanos.Store(start.Add(step.at).UnixNano())
		tick()
		tick() // twice does nothing more
		if got := store.states(acme, EdDSA); !slices.Equal(got, step.states) {
			t.Fatalf("day %v: states %v, want %v", step.at.Hours()/24, got, step.states)
		}
		var want []string
		if step.event != "" {
			want = []string{step.event, step.event, step.event}
		}
		if diff := cmp.Diff(want, store.eventNames()); diff != "" {
			t.Errorf("day %v: events (-want +got):\n%s", step.at.Hours()/24, diff)
		}
		if _, set := mustJWKS(t, ring, acme); len(set.Keys) != step.shown {
			t.Errorf("day %v: %d keys in the JWK Set, want %d", step.at.Hours()/24, len(set.Keys), step.shown)
		}
		if _, _, err := ring.Verify(t.Context(), acme, first); (err == nil) != step.first {
			t.Errorf("day %v: Verify of the first token: %v", step.at.Hours()/24, err)
		}
		if _, _, err := ring.VerifyHint(t.Context(), acme, first); (err == nil) != step.hint {
			t.Errorf("day %v: VerifyHint of the first token: %v", step.at.Hours()/24, err)
		}
		if _, _, err := ring.Verify(t.Context(), acme, mustSign(t, ring, acme, EdDSA, "JWT")); err != nil {
			t.Errorf("day %v: Verify of a new token: %v", step.at.Hours()/24, err)
		}
	}
	for _, key := range store.signing[acme] {
		if (key.PrivateKey == nil) != (key.State == Retired) {
			t.Errorf("%s key has a private half of %d bytes", key.State, len(key.PrivateKey))
		}
	}
}

// Acceptance 61: and by command.
func TestRotationByCommand(t *testing.T) {
	clock, store := newClock(), newMemory()
	ring := newRing(t, store, clock)
	ctx := t.Context()
	old := mustSign(t, ring, acme, ES256, "JWT")
	if err := ring.Provision(ctx, acme); err != nil {
		t.Fatal(err)
	}
	store.eventNames()
	expect := func(what string, states []State, events ...string) {
		t.Helper()
		if got := store.states(acme, ES256); !slices.Equal(got, states) {
			t.Fatalf("%s: states %v, want %v", what, got, states)
		}
		if diff := cmp.Diff(events, store.eventNames()); diff != "" {
			t.Errorf("%s: events (-want +got):\n%s", what, diff)
		}
	}
	signedBy := func() string {
		t.Helper()
		_, header, err := ring.Verify(ctx, acme, mustSign(t, ring, acme, ES256, "JWT"))
		if err != nil {
			t.Fatal(err)
		}
		return header.KeyID
	}
	first := signedBy()

	next, err := ring.Rotate(ctx, acme, ES256)
	if err != nil || next.State != Next {
		t.Fatalf("Rotate = %v, %v", next, err)
	}
	expect("Rotate", []State{Active, Next}, "signing_key.created")
	again, err := ring.Rotate(ctx, acme, ES256)
	if err != nil || again.ID != next.ID {
		t.Errorf("Rotate again = %v, %v, want %s", again, err, next.ID)
	}
	expect("Rotate again", []State{Active, Next})
	if got := signedBy(); got != first {
		t.Errorf("signs with %s before its time", got)
	}
	clock.advance(day)
	if err := ring.Tick(ctx); err != nil {
		t.Fatal(err)
	}
	expect("Tick a day later", []State{Published, Active}, "signing_key.activated")
	if got := signedBy(); got != next.ID {
		t.Errorf("signs with %s, want %s", got, next.ID)
	}

	second, err := ring.RotateNow(ctx, acme, ES256)
	if err != nil || second.State != Active {
		t.Fatalf("RotateNow = %v, %v", second, err)
	}
	expect("RotateNow", []State{Published, Published, Active}, "signing_key.created", "signing_key.activated")
	if got := signedBy(); got != second.ID {
		t.Errorf("signs with %s, want %s", got, second.ID)
	}
	prepared, err := ring.Rotate(ctx, acme, ES256)
	if err != nil {
		t.Fatal(err)
	}
	expect("Rotate", []State{Published, Published, Active, Next}, "signing_key.created")
	if third, err := ring.RotateNow(ctx, acme, ES256); err != nil || third.ID != prepared.ID {
		t.Errorf("RotateNow with a next key = %v, %v, want %s", third, err, prepared.ID)
	}
	expect("RotateNow with a next key", []State{Published, Published, Published, Active}, "signing_key.activated")

	for name, refused := range map[string]error{
		"Retire the active key":     ring.Retire(ctx, acme, prepared.ID),
		"Delete the active key":     ring.Delete(ctx, acme, prepared.ID),
		"Delete a published key":    ring.Delete(ctx, acme, first),
		"Retire an unknown key":     ring.Retire(ctx, acme, "nope"),
		"Delete an unknown key":     ring.Delete(ctx, acme, "nope"),
		"Delete one of another":     ring.Delete(ctx, globex, first),
		"Rotate what doesn't exist": func() error { _, err := ring.Rotate(ctx, acme, "HS256"); return err }(),
	} {
		if kind := fault.Of(refused).Kind; refused == nil || kind == fault.Internal {
			t.Errorf("%s: %v", name, refused)
		}
	}
	expect("refusals", []State{Published, Published, Published, Active})

	if _, _, err := ring.Verify(ctx, acme, old); err != nil {
		t.Errorf("Verify of the first token: %v", err)
	}
	if err := ring.Retire(ctx, acme, first); err != nil {
		t.Fatal(err)
	}
	if err := ring.Retire(ctx, acme, first); err != nil {
		t.Errorf("Retire again: %v", err)
	}
	expect("Retire", []State{Retired, Published, Published, Active}, "signing_key.retired")
	if _, _, err := ring.Verify(ctx, acme, old); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("Verify after Retire: %v, want ErrUnknownKey", err)
	}
	if _, _, err := ring.VerifyHint(ctx, acme, old); err != nil {
		t.Errorf("VerifyHint after Retire: %v", err)
	}
	if err := ring.Delete(ctx, acme, first); err != nil {
		t.Fatal(err)
	}
	expect("Delete", []State{Published, Published, Active}, "signing_key.deleted")
	if _, _, err := ring.VerifyHint(ctx, acme, old); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("VerifyHint after Delete: %v, want ErrUnknownKey", err)
	}

	withdrawn, err := ring.Rotate(ctx, acme, ES256)
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Retire(ctx, acme, withdrawn.ID); err != nil {
		t.Fatal(err)
	}
	expect("Retire the next key", []State{Published, Published, Active, Retired}, "signing_key.created", "signing_key.retired")
	if fresh, err := ring.Rotate(ctx, acme, ES256); err != nil || fresh.ID == withdrawn.ID {
		t.Errorf("Rotate after that = %v, %v", fresh.ID, err)
	}
}

// PS256 comes when it is asked for, with an RSA key of its own, and rotates like the others from then on.
func TestPS256OnDemand(t *testing.T) {
	clock, store := newClock(), newMemory()
	ring := newRing(t, store, clock)
	if err := ring.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := store.states(acme, PS256); got != nil {
		t.Fatalf("PS256 keys %v before anybody asked", got)
	}
	if err := ring.Provision(t.Context(), acme, PS256); err != nil {
		t.Fatal(err)
	}
	active := ring.snapshotOf(t, acme).active
	if active[PS256].jwk.KeyID == active[RS256].jwk.KeyID {
		t.Error("RS256 and PS256 share a key")
	}
	clock.advance(89 * day)
	if err := ring.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := store.states(acme, PS256); !slices.Equal(got, []State{Active, Next}) {
		t.Errorf("PS256 keys %v, want active and next", got)
	}
}

func TestEventsOfKeys(t *testing.T) {
	clock, store := newClock(), newMemory()
	ring := newRing(t, store, clock)
	mustSign(t, ring, acme, EdDSA, "JWT")
	ctx := audit.WithActor(t.Context(), audit.Actor{Kind: audit.ActorOperator, ID: "usr_olga"})
	if _, err := ring.RotateNow(ctx, acme, EdDSA); err != nil {
		t.Fatal(err)
	}
	keys := store.signing[acme]
	system, olga := audit.Actor{Kind: audit.ActorSystem}, audit.ActorOf(ctx)
	want := []audit.Event{
		{Name: "signing_key.created", Target: keys[0].ID, Actor: system, Data: keyFacts{Algorithm: EdDSA}},
		{Name: "signing_key.created", Target: keys[1].ID, Actor: olga, Data: keyFacts{Algorithm: EdDSA}},
		{Name: "signing_key.activated", Target: keys[1].ID, Actor: olga, Data: keyFacts{Algorithm: EdDSA, Replaced: keys[0].ID}},
	}
	for i := range store.events {
		store.events[i].ID = ""
		if i < len(want) {
			want[i].Environment, want[i].Time = string(acme), clock.Now()
		}
	}
	if diff := cmp.Diff(want, store.events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// A change whose event can't be recorded doesn't happen.
func TestChangeAndEventCommitTogether(t *testing.T) {
	store := newMemory()
	ring := newRing(t, store, newClock())
	mustSign(t, ring, acme, EdDSA, "JWT")
	ring.Audit = &audit.Log{Store: brokenStore{}, Now: ring.Now}
	if _, err := ring.RotateNow(t.Context(), acme, EdDSA); err == nil {
		t.Error("RotateNow without its event has no error")
	}
	if got := store.states(acme, EdDSA); !slices.Equal(got, []State{Active}) {
		t.Errorf("keys are %v", got)
	}
}

type brokenStore struct{}

func (brokenStore) AppendEvent(context.Context, audit.Event) error { return errors.New("disk full") }

// Two nodes that tick and are told to rotate, all at once: one active key and at most one next at every moment.
func TestRotationOnTwoNodes(t *testing.T) {
	clock, store := newClock(), newMemory()
	nodes := []*Ring{newRing(t, store, clock), newRing(t, store, clock)}
	if err := nodes[0].Provision(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 16 {
		node := nodes[i%2]
		wg.Go(func() {
			if _, err := node.RotateNow(t.Context(), acme, EdDSA); err != nil && !errors.Is(err, ErrConflict) {
				t.Errorf("RotateNow: %v", err)
			}
		})
		wg.Go(func() {
			if err := node.Tick(t.Context()); err != nil {
				t.Errorf("Tick: %v", err)
			}
		})
		wg.Go(func() {
			compact := mustSign(t, node, acme, EdDSA, "JWT")
			clock.advance(missInterval) // so that the other node may look for the key
			if _, _, err := nodes[(i+1)%2].Verify(t.Context(), acme, compact); err != nil {
				t.Errorf("Verify: %v", err)
			}
		})
	}
	wg.Wait()
	count := map[State]int{}
	for _, state := range store.states(acme, EdDSA) {
		count[state]++
	}
	if count[Active] != 1 || count[Next] > 1 {
		t.Errorf("keys are %v", count)
	}
	if active := find(store.signing[acme], EdDSA, Active); active.PrivateKey == nil {
		t.Error("the active key has no private half")
	}
}

// Whatever happens to a set of keys and however late the ticks come, the rules of the states hold.
func TestDueKeepsTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hours := func(name string, least, most int) time.Duration {
			return time.Duration(rapid.IntRange(least, most).Draw(t, name)) * time.Hour
		}
		schedule := Schedule{PublishBefore: hours("before", 1, 48), PublishAfter: hours("after", 1, 48)}
		schedule.RotateEvery = schedule.PublishBefore + hours("every", 1, 2000)
		now := newClock().Now()
		var keys []SigningKey
		hurried := map[string]bool{} // by RotateNow, or the first of their algorithm
		add := func(algorithm Algorithm, state State) {
			key := SigningKey{ID: fmt.Sprint(len(keys)), Algorithm: algorithm, CreatedAt: now}
			hurried[key.ID] = state == Active
			move(&key, state, now)
			keys = append(keys, key)
		}
		tick := func() {
			for _, c := range schedule.due(slices.Clone(keys), now) {
				switch {
				case c.key == nil:
					add(c.algorithm, c.to)
					continue
				case c.replaced != nil:
					move(find(keys, c.algorithm, Active), Published, now)
				}
				move(&keys[slices.IndexFunc(keys, func(k SigningKey) bool { return k.ID == c.key.ID })], c.to, now)
			}
			if again := schedule.due(keys, now); len(again) != 0 {
				t.Fatalf("due again at the same moment: %+v", again)
			}
		}
		if rapid.Bool().Draw(t, "with PS256") {
			add(PS256, Active)
		}
		tick()
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				now = now.Add(hours("hours", 1, 3000))
				tick()
			},
			"rotate": func(t *rapid.T) {
				if algorithm := rapid.SampledFrom(provisioned).Draw(t, "algorithm"); find(keys, algorithm, Next) == nil {
					add(algorithm, Next)
				}
			},
			"rotate now": func(t *rapid.T) {
				algorithm := rapid.SampledFrom(provisioned).Draw(t, "algorithm")
				if find(keys, algorithm, Next) == nil {
					add(algorithm, Next)
				}
				move(find(keys, algorithm, Active), Published, now)
				next := find(keys, algorithm, Next)
				hurried[next.ID] = true
				move(next, Active, now)
			},
			"": func(t *rapid.T) {
				for _, algorithm := range Algorithms() {
					count, latest := map[State]int{}, time.Time{}
					for _, k := range keys {
						if k.Algorithm == algorithm {
							count[k.State]++
							if k.ActivatedAt.After(latest) {
								latest = k.ActivatedAt
							}
						}
					}
					if total := count[Active] + count[Next] + count[Published] + count[Retired]; total > 0 && count[Active] != 1 || count[Next] > 1 {
						t.Fatalf("%s: %v", algorithm, count)
					}
					if active := find(keys, algorithm, Active); active != nil && active.ActivatedAt.Before(latest) {
						t.Fatalf("%s: an older key signs again", algorithm)
					}
				}
				for _, k := range keys {
					if !k.ActivatedAt.IsZero() && !hurried[k.ID] && k.ActivatedAt.Sub(k.CreatedAt) < schedule.PublishBefore {
						t.Fatalf("%s signed %v after it was first shown", k.ID, k.ActivatedAt.Sub(k.CreatedAt))
					}
					if k.State == Retired && k.RetiredAt.Sub(k.PublishedAt) < schedule.PublishAfter {
						t.Fatalf("%s was gone %v after it signed its last", k.ID, k.RetiredAt.Sub(k.PublishedAt))
					}
				}
			},
		})
	})
}
