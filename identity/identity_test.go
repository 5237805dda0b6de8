package identity

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/keys"
)

const (
	env      = environments.ID("env_a")
	otherEnv = environments.ID("env_b")
	closed   = environments.ID("env_closed") // strangers may not sign up

	goodPassword  = "turnip ladder violin 7"
	otherPassword = "gravel notebook plum 3"
)

// house is a Registry with what it depends on. Its clock stands still until it is moved.
type house struct {
	Registry
	t      *testing.T
	store  *memory
	mails  []Mail
	ended  []string // reason user keep
	events []audit.Event

	now  time.Time
	tell error // what EndSessionsOf returns
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, now: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)}
	h.store = &memory{house: h, users: map[ID]User{}, challenges: map[string]Challenge{}}
	hasher, err := NewHasher(Argon2{MemoryKiB: 64, Iterations: 1, Parallelism: 1}, 2)
	if err != nil {
		t.Fatal(err)
	}
	pepper, err := keys.NewPepper([]byte("a pepper of no less than 32 bytes"))
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return h.now }
	throttle, err := NewMemoryThrottle(now)
	if err != nil {
		t.Fatal(err)
	}
	h.Registry = Registry{
		Store: h.store, Hasher: hasher, Passwords: PasswordPolicy{MinLength: 15}, Throttle: throttle, Pepper: pepper,
		Audit: &audit.Log{Store: h.store, Now: now}, Mailer: h.store, Sessions: h.store, InTx: h.store.InTx, Now: now,
		Environments: &environments.Registry{Store: h.store},
	}
	return h
}

func (h *house) create(email string) *User {
	h.t.Helper()
	u, err := h.Create(h.t.Context(), env, NewUser{Email: email, Profile: Profile{Name: "Ada Lovelace"}, Password: goodPassword})
	if err != nil {
		h.t.Fatal(err)
	}
	return u
}

// events returns the names of the events since the last call.
func (h *house) newEvents() []string {
	var names []string
	for _, e := range h.events {
		names = append(names, e.Name)
	}
	h.events = nil
	return names
}

// mail returns the only mail since the last call.
func (h *house) mail() Mail {
	h.t.Helper()
	if len(h.mails) != 1 {
		h.t.Fatalf("%d mails were sent, want 1: %+v", len(h.mails), h.mails)
	}
	m := h.mails[0]
	h.mails = nil
	return m
}

// from is a context of a person at the IP address.
func from(t *testing.T, address string) context.Context {
	return audit.WithActor(t.Context(), audit.Actor{Kind: audit.ActorUser, Address: address, UserAgent: "Firefox"})
}

// wrongCode is a code that is not the given one.
func wrongCode(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

var sixDigits = regexp.MustCompile(`^\d{6}$`)

func wantError(t *testing.T, what string, got error, want *fault.Error) {
	t.Helper()
	if want == nil && got != nil || want != nil && !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

// memory is what the house keeps, with transactions that run one after the other.
type memory struct {
	house      *house
	mu         sync.Mutex
	users      map[ID]User
	challenges map[string]Challenge
}

type txKey struct{}

func (m *memory) InTx(ctx context.Context, do func(context.Context) error) error {
	if ctx.Value(txKey{}) != nil {
		return do(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	users, challenges, events, mails, ended := maps.Clone(m.users), maps.Clone(m.challenges), m.house.events, m.house.mails, m.house.ended
	err := do(context.WithValue(ctx, txKey{}, true))
	if err != nil {
		m.users, m.challenges, m.house.events, m.house.mails, m.house.ended = users, challenges, events, mails, ended
	}
	return err
}

func (m *memory) inTx(ctx context.Context) {
	if ctx.Value(txKey{}) == nil {
		m.house.t.Error("a change outside of a transaction")
	}
}

func (m *memory) Environments(context.Context) ([]environments.Environment, error) {
	return []environments.Environment{
		{ID: env, Name: "Example Works", SignUp: true, Root: true}, {ID: otherEnv, SignUp: true}, {ID: closed},
	}, nil
}

func (m *memory) CreateEnvironment(context.Context, environments.Environment) error {
	return errors.ErrUnsupported
}

func (m *memory) UpdateEnvironment(context.Context, environments.ID, func(context.Context, *environments.Environment) error) error {
	return errors.ErrUnsupported
}

func (m *memory) AppendEvent(ctx context.Context, e audit.Event) error {
	m.inTx(ctx)
	m.house.events = append(m.house.events, e)
	return nil
}

func (m *memory) SendMail(ctx context.Context, mail Mail) error {
	m.inTx(ctx)
	m.house.mails = append(m.house.mails, mail)
	return nil
}

func (m *memory) EndSessionsOf(ctx context.Context, env environments.ID, user ID, reason, keep string) error {
	m.inTx(ctx)
	m.house.ended = append(m.house.ended, reason+" "+string(user)+" "+keep)
	return m.house.tell
}

func (m *memory) User(_ context.Context, env environments.ID, id ID) (*User, error) {
	u, ok := m.users[id]
	if !ok || u.Environment != env {
		return nil, ErrNotFound
	}
	return &u, nil
}

func (m *memory) UserByEmail(_ context.Context, env environments.ID, email string) (*User, error) {
	key, err := NormalizeEmail(email)
	if err != nil {
		return nil, ErrNotFound
	}
	for _, u := range m.users {
		if k, _ := NormalizeEmail(u.Email); u.Environment == env && k == key {
			return &u, nil
		}
	}
	return nil, ErrNotFound
}

func (m *memory) CreateUser(ctx context.Context, u *User) error {
	m.inTx(ctx)
	if _, err := m.UserByEmail(ctx, u.Environment, u.Email); err == nil {
		return ErrEmailTaken
	}
	m.users[u.ID] = *u
	return nil
}

func (m *memory) UpdateUser(ctx context.Context, env environments.ID, id ID, change func(context.Context, *User) error) error {
	return m.InTx(ctx, func(ctx context.Context) error {
		u, err := m.User(ctx, env, id)
		if err != nil {
			return err
		}
		if err := change(ctx, u); err != nil {
			return err
		}
		m.users[id] = *u
		return nil
	})
}

func (m *memory) IsOperator(context.Context, environments.ID, ID) (bool, error) { return false, nil }

func (m *memory) DeleteUser(ctx context.Context, _ environments.ID, id ID) error {
	m.inTx(ctx)
	delete(m.users, id)
	return nil
}

// Users is tested with the Stores that people use.
func (m *memory) Users(context.Context, environments.ID, Query) ([]*User, bool, error) {
	panic("not asked")
}

func (m *memory) CountUsers(context.Context, environments.ID) (int, error) { return len(m.users), nil }

func (m *memory) SaveChallenge(ctx context.Context, c *Challenge) error {
	m.inTx(ctx)
	maps.DeleteFunc(m.challenges, func(_ string, old Challenge) bool {
		return old.Environment == c.Environment && old.Purpose == c.Purpose && old.Subject == c.Subject
	})
	m.challenges[c.ID] = *c
	return nil
}

func (m *memory) Challenge(_ context.Context, env environments.ID, id string) (*Challenge, error) {
	c, ok := m.challenges[id]
	if !ok || c.Environment != env {
		return nil, ErrNotFound
	}
	return &c, nil
}

func (m *memory) TryChallenge(ctx context.Context, env environments.ID, id string, now time.Time) (*Challenge, error) {
	if ctx.Value(txKey{}) != nil {
		m.house.t.Error("a try that an error undoes")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c, err := m.Challenge(ctx, env, id)
	if err != nil || !c.UsedAt.IsZero() || !now.Before(c.ExpiresAt) || c.TriesLeft == 0 {
		return nil, ErrNotFound
	}
	c.TriesLeft--
	m.challenges[id] = *c
	return c, nil
}

func (m *memory) UseChallenge(ctx context.Context, env environments.ID, id string, now time.Time) error {
	m.inTx(ctx)
	c, err := m.Challenge(ctx, env, id)
	if err != nil || !c.UsedAt.IsZero() {
		return ErrNotFound
	}
	c.UsedAt = now
	m.challenges[id] = *c
	return nil
}
