package clients

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHitsReadNothing(t *testing.T) {
	ctx := context.Background()
	r, m, _ := newRegistry(t)
	app, _ := mustCreate(t, r, production, Web, func(a *Application) { a.CORSOrigins = []string{"https://app.example"} })
	if _, err := r.ByClientID(ctx, production.ID, app.ClientID); err != nil {
		t.Fatal(err)
	}
	if reads := m.readsOf(func() {
		for range 100 {
			a, errA := r.ByClientID(ctx, production.ID, app.ClientID)
			b, errB := r.ByID(ctx, production.ID, app.ID)
			ok, errC := r.AllowsOrigin(ctx, production.ID, "https://app.example")
			no, errD := r.AllowsOrigin(ctx, production.ID, "https://evil.example")
			if err := errors.Join(errA, errB, errC, errD); err != nil || a != b || !ok || no {
				t.Fatal(a, b, ok, no, err)
			}
		}
	}); reads != 0 {
		t.Errorf("hits read %d times, want none", reads)
	}
}

// acceptance 2
func TestOne(t *testing.T) {
	ctx := context.Background()
	r, _, _ := newRegistry(t)
	for _, step := range []struct {
		kind Kind
		want bool
	}{{Machine, false}, {Web, true}, {API, true}, {Native, false}} {
		mustCreate(t, r, production, step.kind, nil)
		if got, err := r.One(ctx, production.ID); got != step.want || err != nil {
			t.Errorf("with one more %s One = %v, %v, want %v", step.kind, got, err, step.want)
		}
	}
}

// acceptance 47
func TestAllowsOrigin(t *testing.T) {
	app := &Application{CORSOrigins: []string{"https://app.example"}}
	for origin, want := range map[string]bool{
		"https://app.example": true, "https://app.example:443": false, "http://app.example": false, "https://a.app.example": false, "null": false, "": false,
	} {
		if got := app.AllowsOrigin(origin); got != want {
			t.Errorf("AllowsOrigin(%q) = %v, want %v", origin, got, want)
		}
	}
}

// acceptance 8
func TestEnvironmentsAreApart(t *testing.T) {
	ctx := context.Background()
	r, _, _ := newRegistry(t)
	app, _ := mustCreate(t, r, production, Web, func(a *Application) { a.CORSOrigins = []string{"https://app.example"} })
	if _, err := r.ByClientID(ctx, development.ID, app.ClientID); !errors.Is(err, ErrNotFound) {
		t.Errorf("ByClientID in another environment = %v, want %v", err, ErrNotFound)
	}
	if _, err := r.ByID(ctx, development.ID, app.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("ByID in another environment = %v, want %v", err, ErrNotFound)
	}
	if ok, err := r.AllowsOrigin(ctx, development.ID, "https://app.example"); ok || err != nil {
		t.Errorf("AllowsOrigin in another environment = %v, %v", ok, err)
	}
}

// other is another process: it changes the database, and nobody tells this one.
func (m *memory) other(do func(apps map[ID]*Application)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	do(m.apps)
}

func TestChangesOfOtherProcesses(t *testing.T) {
	ctx := context.Background()
	r, m, _ := newRegistry(t)
	app, _ := mustCreate(t, r, production, Web, nil)
	if _, err := r.ByClientID(ctx, production.ID, app.ClientID); err != nil {
		t.Fatal(err)
	}

	// A new one is found at once, by either name.
	for i, find := range []func(*Application) (*Application, error){
		func(a *Application) (*Application, error) { return r.ByClientID(ctx, production.ID, a.ClientID) },
		func(a *Application) (*Application, error) { return r.ByID(ctx, production.ID, a.ID) },
	} {
		made := app.Clone()
		made.ID, made.ClientID = ID(fmt.Sprintf("app_made_%d", i)), fmt.Sprintf("made-%d", i)
		m.other(func(apps map[ID]*Application) { apps[made.ID] = made.Clone() })
		got, err := find(made)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(made, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if reads := m.readsOf(func() { find(made) }); reads != 0 {
			t.Errorf("it is read again")
		}
	}

	// A changed or deleted one when we are told, of it or of nothing in particular.
	m.other(func(apps map[ID]*Application) { apps[app.ID].Name = "Two" })
	r.Invalidate(production.ID, app.ID)
	if got, err := r.ByID(ctx, production.ID, app.ID); err != nil || got.Name != "Two" {
		t.Errorf("after Invalidate ByID = %+v, %v", got, err)
	}
	m.other(func(apps map[ID]*Application) { apps[app.ID].Name = "Three" })
	r.InvalidateAll()
	if got, err := r.ByID(ctx, production.ID, app.ID); err != nil || got.Name != "Three" {
		t.Errorf("after InvalidateAll ByID = %+v, %v", got, err)
	}
	m.other(func(apps map[ID]*Application) { delete(apps, app.ID) })
	r.Invalidate(production.ID, app.ID)
	if _, err := r.ByClientID(ctx, production.ID, app.ClientID); !errors.Is(err, ErrNotFound) {
		t.Errorf("after its deletion ByClientID = %v, want %v", err, ErrNotFound)
	}
}

func TestManyApplications(t *testing.T) {
	ctx := context.Background()
	r, m, _ := newRegistry(t)
	for i := range 2*loadPage + 1 {
		id := ID(fmt.Sprintf("app_%05d", i))
		m.apps[id] = &Application{ID: id, Environment: production.ID, ClientID: fmt.Sprint(i)}
	}
	if reads := m.readsOf(func() {
		for id, app := range m.apps {
			if got, err := r.ByClientID(ctx, production.ID, app.ClientID); err != nil || got.ID != id {
				t.Fatalf("ByClientID(%q) = %+v, %v", app.ClientID, got, err)
			}
		}
	}); reads != 3 {
		t.Errorf("%d applications take %d reads, want 3", len(m.apps), reads)
	}
}

func TestUnknownClientIDsAreBounded(t *testing.T) {
	ctx := context.Background()
	r, m, c := newRegistry(t)
	app, _ := mustCreate(t, r, production, Web, nil)
	r.ByID(ctx, production.ID, app.ID)
	flood := func() int {
		return m.readsOf(func() {
			for i := range 10 * missesPerSecond {
				if _, err := r.ByClientID(ctx, production.ID, fmt.Sprintf("unknown-%d", i)); !errors.Is(err, ErrNotFound) {
					t.Fatalf("ByClientID = %v, want %v", err, ErrNotFound)
				}
			}
		})
	}
	if reads := flood(); reads != missesPerSecond {
		t.Errorf("a flood of unknown client IDs reads %d times, want %d", reads, missesPerSecond)
	}
	if reads := flood(); reads != 0 {
		t.Errorf("within the same second it reads %d times more, want 0", reads)
	}
	// Neither what is known nor what was changed suffers from it.
	if err := r.Update(ctx, production, app.ID, func(a *Application) error { a.Name = "Two"; return nil }); err != nil {
		t.Fatal(err)
	}
	if got, err := r.ByClientID(ctx, production.ID, app.ClientID); err != nil || got.Name != "Two" {
		t.Errorf("in a flood ByClientID = %+v, %v", got, err)
	}
	made, _ := mustCreate(t, r, production, Web, nil)
	if got, err := r.ByClientID(ctx, production.ID, made.ClientID); err != nil || got.ID != made.ID {
		t.Errorf("in a flood ByClientID of a new one = %+v, %v", got, err)
	}
	c.forward(time.Second)
	if reads := flood(); reads != missesPerSecond {
		t.Errorf("a second later it reads %d times, want %d", reads, missesPerSecond)
	}
	for _, clientID := range []string{"", "a b", string(make([]byte, 1<<20))} {
		c.forward(time.Second)
		if reads := m.readsOf(func() { r.ByClientID(ctx, production.ID, clientID) }); reads != 0 {
			t.Errorf("a client ID that can't be is looked for")
		}
	}
}

// What a transaction hasn't committed is seen by nobody, not even after a question from within it.
func TestSnapshotsAreCommitted(t *testing.T) {
	ctx := context.Background()
	r, m, _ := newRegistry(t)
	app, _ := mustCreate(t, r, production, Web, nil)
	boom := errors.New("boom")
	err := m.InTx(ctx, func(ctx context.Context) error {
		if err := r.Update(ctx, production, app.ID, func(a *Application) error { a.Name = "Two"; return nil }); err != nil {
			return err
		}
		if got, err := r.ByID(ctx, production.ID, app.ID); err != nil || got.Name != app.Name {
			t.Errorf("within the transaction ByID = %+v, %v, want what is committed", got, err)
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if got, err := r.ByID(ctx, production.ID, app.ID); err != nil || got.Name != app.Name {
		t.Errorf("after a rollback ByID = %+v, %v", got, err)
	}

	err = m.InTx(ctx, func(ctx context.Context) error {
		err := r.Update(ctx, production, app.ID, func(a *Application) error { a.Name = "Two"; return nil })
		r.ByID(ctx, production.ID, app.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.ByID(ctx, production.ID, app.ID); err != nil || got.Name != "Two" {
		t.Errorf("after the commit ByID = %+v, %v", got, err)
	}
}

// A change that commits while a snapshot is read is in the answer to the next question.
func TestInvalidateDuringALoad(t *testing.T) {
	ctx := context.Background()
	r, m, _ := newRegistry(t)
	app, _ := mustCreate(t, r, production, Web, nil)
	r.ByID(ctx, production.ID, app.ID)
	m.onRead = func() {
		m.onRead = nil
		// The reader has seen the application as it was.
		m.other(func(apps map[ID]*Application) {
			changed := apps[app.ID].Clone()
			changed.Name = "Two"
			m.apps = map[ID]*Application{app.ID: changed}
		})
		r.Invalidate(production.ID, app.ID)
	}
	r.Invalidate(production.ID, app.ID)
	if got, err := r.ByID(ctx, production.ID, app.ID); err != nil || got.Name != app.Name {
		t.Fatalf("ByID = %+v, %v", got, err)
	}
	if got, err := r.ByID(ctx, production.ID, app.ID); err != nil || got.Name != "Two" {
		t.Errorf("after the change ByID = %+v, %v", got, err)
	}
}

// Without its database the registry answers for what it knows to be true, and for nothing else.
func TestStoreFails(t *testing.T) {
	ctx := context.Background()
	r, m, _ := newRegistry(t)
	app, _ := mustCreate(t, r, production, Web, nil)
	r.ByID(ctx, production.ID, app.ID)
	boom := errors.New("no database")
	m.fail(boom)
	if _, err := r.ByID(ctx, production.ID, app.ID); err != nil {
		t.Errorf("ByID of a known one = %v", err)
	}
	if _, err := r.ByClientID(ctx, production.ID, "unknown"); !errors.Is(err, boom) {
		t.Errorf("ByClientID of an unknown one = %v, want %v", err, boom)
	}
	for name, invalidate := range map[string]func(){
		"Invalidate": func() { r.Invalidate(production.ID, app.ID) }, "InvalidateAll": r.InvalidateAll,
	} {
		m.fail(boom)
		invalidate()
		for range 2 {
			if _, err := r.ByID(ctx, production.ID, app.ID); !errors.Is(err, boom) {
				t.Errorf("after %s ByID = %v, want %v", name, err, boom)
			}
		}
		m.fail(nil)
		m.other(func(apps map[ID]*Application) { apps[app.ID].Name = name })
		if got, err := r.ByID(ctx, production.ID, app.ID); err != nil || got.Name != name {
			t.Errorf("after the failure ByID = %+v, %v", got, err)
		}
	}
}

func TestOneLoadServesAll(t *testing.T) {
	r, m, _ := newRegistry(t)
	app, _ := mustCreate(t, r, production, Web, nil)
	r.InvalidateAll()
	entered, proceed := make(chan struct{}), make(chan struct{})
	m.onRead = sync.OnceFunc(func() {
		close(entered)
		<-proceed
	})
	var group sync.WaitGroup
	reads := m.readsOf(func() {
		for range 50 {
			group.Go(func() {
				if _, err := r.ByID(context.Background(), production.ID, app.ID); err != nil {
					t.Error(err)
				}
			})
		}
		<-entered
		// Who can't wait goes.
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := r.ByID(ctx, production.ID, app.ID); !errors.Is(err, context.Canceled) {
			t.Errorf("ByID with a context that is done = %v", err)
		}
		close(proceed)
		group.Wait()
	})
	if reads != 1 {
		t.Errorf("50 questions at once read %d times, want once", reads)
	}
}

func TestConcurrentUse(t *testing.T) {
	ctx := context.Background()
	r, _, _ := newRegistry(t)
	app, secret := mustCreate(t, r, production, Web, nil)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 50 {
				switch i {
				case 0:
					name := fmt.Sprint("Name ", j)
					if err := r.Update(ctx, production, app.ID, func(a *Application) error { a.Name = name; return nil }); err != nil {
						t.Error(err)
					}
					// Who changed it sees the change.
					if got, err := r.ByID(ctx, production.ID, app.ID); err != nil || got.Name != name {
						t.Errorf("ByID = %+v, %v, want the name %s", got, err, name)
					}
				case 1:
					r.InvalidateAll()
				case 2:
					if err := r.Flush(ctx); err != nil {
						t.Error(err)
					}
				default:
					got, err := r.ByClientID(ctx, production.ID, app.ClientID)
					if err != nil || !r.Authenticate(ctx, got, secret.Reveal(), "192.0.2.1") {
						t.Error("the secret fails", err)
					}
				}
			}
		})
	}
	group.Wait()
}
