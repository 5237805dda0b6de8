package clients

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/keys"
)

// memory is a database of applications and events whose transactions run one after the other. It counts its reads.
type memory struct {
	writing sync.Mutex // held by a transaction

	mu      sync.Mutex
	apps    map[ID]*Application
	events  []audit.Event
	failing error // what every read and mark returns
	reads   int
	onRead  func()

	registry *Registry // told of each commit
}

type inTx struct{}

func (m *memory) InTx(ctx context.Context, fn func(context.Context) error) error {
	if ctx.Value(inTx{}) != nil {
		return fn(ctx)
	}
	m.writing.Lock()
	defer m.writing.Unlock()
	m.mu.Lock()
	apps, events := maps.Clone(m.apps), slices.Clone(m.events)
	m.mu.Unlock()
	tx := &transaction{apps: maps.Clone(apps)}
	if err := fn(context.WithValue(ctx, inTx{}, tx)); err != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.events = events
		return err
	}
	m.mu.Lock()
	m.apps = tx.apps
	m.mu.Unlock()
	for _, app := range tx.changed {
		m.registry.Invalidate(app.Environment, app.ID)
	}
	return nil
}

// transaction has the state that only its context sees.
type transaction struct {
	apps    map[ID]*Application
	changed []*Application
}

// read returns the applications that ctx sees.
func (m *memory) read(ctx context.Context) (map[ID]*Application, error) {
	m.mu.Lock()
	m.reads++
	apps, failing, onRead := m.apps, m.failing, m.onRead
	m.mu.Unlock()
	if onRead != nil {
		onRead()
	}
	if tx, ok := ctx.Value(inTx{}).(*transaction); ok {
		apps = tx.apps
	}
	return apps, failing
}

func (m *memory) find(ctx context.Context, fits func(*Application) bool) (*Application, error) {
	apps, err := m.read(ctx)
	if err != nil {
		return nil, err
	}
	for _, app := range apps {
		if fits(app) {
			return app.Clone(), nil
		}
	}
	return nil, ErrNotFound
}

func (m *memory) ApplicationByClientID(ctx context.Context, env environments.ID, clientID string) (*Application, error) {
	return m.find(ctx, func(a *Application) bool { return a.Environment == env && a.ClientID == clientID })
}

func (m *memory) Application(ctx context.Context, env environments.ID, id ID) (*Application, error) {
	return m.find(ctx, func(a *Application) bool { return a.Environment == env && a.ID == id })
}

func (m *memory) Applications(ctx context.Context, env environments.ID, after ID, limit int) ([]*Application, error) {
	apps, err := m.read(ctx)
	if err != nil {
		return nil, err
	}
	var page []*Application
	for _, app := range slices.SortedFunc(maps.Values(apps), func(a, b *Application) int { return cmp.Compare(a.ID, b.ID) }) {
		if app.Environment == env && app.ID > after && len(page) < limit {
			page = append(page, app.Clone())
		}
	}
	return page, nil
}

func (m *memory) write(ctx context.Context, app *Application, do func(map[ID]*Application) error) error {
	return m.InTx(ctx, func(ctx context.Context) error {
		tx := ctx.Value(inTx{}).(*transaction)
		tx.changed = append(tx.changed, app)
		return do(tx.apps)
	})
}

func (m *memory) CreateApplication(ctx context.Context, app *Application) error {
	return m.write(ctx, app, func(apps map[ID]*Application) error {
		for _, other := range apps {
			if other.Environment == app.Environment && other.ClientID == app.ClientID {
				return ErrClientIDTaken
			}
		}
		apps[app.ID] = app.Clone()
		return nil
	})
}

func (m *memory) UpdateApplication(ctx context.Context, env environments.ID, id ID, change func(context.Context, *Application) error) error {
	return m.InTx(ctx, func(ctx context.Context) error {
		app, err := m.Application(ctx, env, id)
		if err != nil {
			return err
		}
		if err := change(ctx, app); err != nil {
			return err
		}
		return m.write(ctx, app, func(apps map[ID]*Application) error {
			apps[id] = app.Clone()
			return nil
		})
	})
}

func (m *memory) DeleteApplication(ctx context.Context, env environments.ID, id ID, _ time.Time) error {
	return m.write(ctx, &Application{ID: id, Environment: env}, func(apps map[ID]*Application) error {
		delete(apps, id)
		return nil
	})
}

func (m *memory) MarkSecretsUsed(_ context.Context, marks map[string]SecretUse) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failing != nil {
		return m.failing
	}
	apps := map[ID]*Application{}
	for id, app := range m.apps {
		apps[id] = app.Clone()
		for i := range app.Secrets {
			if use, ok := marks[app.Secrets[i].ID]; ok {
				apps[id].Secrets[i].LastUsed = use
			}
		}
	}
	m.apps = apps
	return nil
}

func (m *memory) AppendEvent(_ context.Context, e audit.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, e)
	return nil
}

// Cut implements SessionEnder: an event stands for the sessions that end.
func (m *memory) Cut(ctx context.Context, env environments.ID, id ID, reason string) (Cut, error) {
	if ctx.Value(inTx{}) == nil {
		return Cut{}, fmt.Errorf("sessions of %s end outside of a transaction", id)
	}
	return Cut{Before: "ses_1", Reason: reason}, m.AppendEvent(ctx, audit.Event{Name: "sessions ended", Environment: string(env), Target: string(id), Reason: reason})
}

// told returns what was recorded since the last call, a line for each event.
func (m *memory) told(t testing.TB) []string {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	var lines []string
	for _, e := range m.events {
		line := e.Name
		if e.Reason != "" {
			line += " " + e.Reason
		}
		if e.Data != nil {
			data, err := json.Marshal(e.Data)
			if err != nil {
				t.Fatal(err)
			}
			line += " " + string(data)
		}
		lines = append(lines, line)
	}
	m.events = nil
	return lines
}

func (m *memory) readsOf(do func()) int {
	m.mu.Lock()
	before := m.reads
	m.mu.Unlock()
	do()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads - before
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failing = err
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var (
	production  = &environments.Environment{ID: "env_acme", Kind: environments.Production}
	development = &environments.Environment{ID: "env_play", Kind: environments.Development}
)

func newRegistry(t testing.TB) (*Registry, *memory, *clock) {
	t.Helper()
	pepper, err := keys.NewPepper([]byte(strings.Repeat("p", keys.MinPepper)), []byte(strings.Repeat("q", keys.MinPepper)))
	if err != nil {
		t.Fatal(err)
	}
	vault, err := keys.NewVault([]byte(strings.Repeat("v", keys.MinKeyEncryptionKey)))
	if err != nil {
		t.Fatal(err)
	}
	m := &memory{apps: map[ID]*Application{}}
	c := &clock{now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	r := &Registry{Store: m, Audit: &audit.Log{Store: m, Now: c.Now}, Pepper: pepper, Vault: vault, Sessions: m, InTx: m.InTx, Now: c.Now}
	m.registry = r
	return r, m, c
}

func mustCreate(t testing.TB, r *Registry, env *environments.Environment, kind Kind, configure func(*Application)) (*Application, keys.Secret) {
	t.Helper()
	app, secret, err := r.Create(context.Background(), env, New{Kind: kind, Name: "Acme " + string(kind), Configure: func(a *Application) error {
		if configure != nil {
			configure(a)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return app, secret
}
