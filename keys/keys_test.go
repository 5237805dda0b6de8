package keys

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
)

const acme, globex environments.ID = "env_acme", "env_globex"

// clock is the fake clock of a test.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.nanos.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

type tenants []environments.ID

func (t tenants) All(context.Context) ([]*environments.Environment, error) {
	var all []*environments.Environment
	for _, id := range t {
		all = append(all, &environments.Environment{ID: id})
	}
	return all, nil
}

// memory is a Store, SealingStore and audit.Store whose transactions run one after the other.
type memory struct {
	mu      sync.Mutex
	signing map[environments.ID][]SigningKey
	sealing map[environments.ID][]SealingKey
	events  []audit.Event
	reads   atomic.Int64
}

func newMemory() *memory {
	return &memory{signing: map[environments.ID][]SigningKey{}, sealing: map[environments.ID][]SealingKey{}}
}

type inTx struct{}

func (m *memory) lock(ctx context.Context) func() {
	if ctx.Value(inTx{}) != nil {
		return func() {}
	}
	m.mu.Lock()
	return m.mu.Unlock
}

func (m *memory) InTx(ctx context.Context, do func(context.Context) error) error {
	defer m.lock(ctx)()
	signing, events := map[environments.ID][]SigningKey{}, slices.Clone(m.events)
	for env, keys := range m.signing {
		signing[env] = slices.Clone(keys)
	}
	err := do(context.WithValue(ctx, inTx{}, true))
	if err != nil {
		m.signing, m.events = signing, events
	}
	return err
}

func (m *memory) AppendEvent(ctx context.Context, e audit.Event) error {
	defer m.lock(ctx)()
	m.events = append(m.events, e)
	return nil
}

func (m *memory) SigningKeys(ctx context.Context, env environments.ID) ([]SigningKey, error) {
	defer m.lock(ctx)()
	m.reads.Add(1)
	keys := slices.Clone(m.signing[env])
	slices.SortStableFunc(keys, func(a, b SigningKey) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return keys, nil
}

// taken reports whether another key of the algorithm is in the state, and only one may be.
func (m *memory) taken(env environments.ID, algorithm Algorithm, state State) bool {
	return (state == Next || state == Active) && find(m.signing[env], algorithm, state) != nil
}

func (m *memory) AddSigningKey(ctx context.Context, env environments.ID, key SigningKey) error {
	defer m.lock(ctx)()
	if m.signingKey(env, key.ID) != nil || m.taken(env, key.Algorithm, key.State) {
		return ErrConflict
	}
	m.signing[env] = append(m.signing[env], key)
	return nil
}

func (m *memory) signingKey(env environments.ID, id string) *SigningKey {
	for i := range m.signing[env] {
		if key := &m.signing[env][i]; key.ID == id {
			return key
		}
	}
	return nil
}

func (m *memory) MoveSigningKey(ctx context.Context, env environments.ID, id string, from, to State, at time.Time) error {
	defer m.lock(ctx)()
	key := m.signingKey(env, id)
	if key == nil || key.State != from || m.taken(env, key.Algorithm, to) {
		return ErrConflict
	}
	move(key, to, at)
	return nil
}

func move(key *SigningKey, to State, at time.Time) {
	key.State = to
	switch to {
	case Active:
		key.ActivatedAt = at
	case Published:
		key.PublishedAt = at
	case Retired:
		key.RetiredAt, key.PrivateKey = at, nil
	}
}

func (m *memory) RewrapSigningKey(ctx context.Context, env environments.ID, id string, old, wrapped []byte) error {
	defer m.lock(ctx)()
	if key := m.signingKey(env, id); key != nil && bytes.Equal(key.PrivateKey, old) {
		key.PrivateKey = wrapped
	}
	return nil
}

func (m *memory) DeleteSigningKey(ctx context.Context, env environments.ID, id string) error {
	defer m.lock(ctx)()
	if key := m.signingKey(env, id); key == nil || key.State != Retired {
		return ErrConflict
	}
	m.signing[env] = slices.DeleteFunc(m.signing[env], func(k SigningKey) bool { return k.ID == id })
	return nil
}

func (m *memory) SealingKeys(ctx context.Context, env environments.ID) ([]SealingKey, error) {
	defer m.lock(ctx)()
	m.reads.Add(1)
	return slices.Clone(m.sealing[env]), nil
}

func (m *memory) AddSealingKey(ctx context.Context, env environments.ID, key SealingKey) error {
	defer m.lock(ctx)()
	if slices.ContainsFunc(m.sealing[env], func(k SealingKey) bool { return k.ID == key.ID }) {
		return ErrConflict
	}
	m.sealing[env] = append(m.sealing[env], key)
	slices.SortFunc(m.sealing[env], func(a, b SealingKey) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

func (m *memory) RewrapSealingKey(ctx context.Context, env environments.ID, id uint32, old, wrapped []byte) error {
	defer m.lock(ctx)()
	for i := range m.sealing[env] {
		if key := &m.sealing[env][i]; key.ID == id && bytes.Equal(key.Secret, old) {
			key.Secret = wrapped
		}
	}
	return nil
}

func (m *memory) DeleteSealingKeys(ctx context.Context, env environments.ID, below uint32) error {
	defer m.lock(ctx)()
	m.sealing[env] = slices.DeleteFunc(slices.Clone(m.sealing[env]), func(k SealingKey) bool { return k.ID < below })
	return nil
}

// states returns the states of the environment's keys for the algorithm, the oldest first.
func (m *memory) states(env environments.ID, algorithm Algorithm) []State {
	m.mu.Lock()
	defer m.mu.Unlock()
	var states []State
	for _, key := range m.signing[env] {
		if key.Algorithm == algorithm {
			states = append(states, key.State)
		}
	}
	return states
}

// eventNames returns the names of all events since the last call.
func (m *memory) eventNames() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for _, e := range m.events {
		names = append(names, e.Name)
	}
	m.events = nil
	return names
}

var (
	oldKEK = bytes.Repeat([]byte("o"), MinKeyEncryptionKey)
	newKEK = bytes.Repeat([]byte("n"), MinKeyEncryptionKey)
)

func newTestVault(t testing.TB, current []byte, previous ...[]byte) *Vault {
	t.Helper()
	vault, err := NewVault(current, previous...)
	if err != nil {
		t.Fatal(err)
	}
	return vault
}

// newRing returns a node.
func newRing(t testing.TB, store *memory, clock *clock) *Ring {
	return &Ring{
		Store: store, Vault: newTestVault(t, oldKEK), Audit: &audit.Log{Store: store, Now: clock.Now},
		Environments: tenants{acme}, Now: clock.Now,
	}
}

func newSealer(t testing.TB, store *memory, clock *clock) *Sealer {
	return &Sealer{Store: store, Vault: newTestVault(t, oldKEK), Environments: tenants{acme}, Now: clock.Now}
}

func TestAlgorithms(t *testing.T) {
	hashes := map[Algorithm]crypto.Hash{}
	for _, a := range Algorithms() {
		if !a.Valid() {
			t.Errorf("%s.Valid() = false", a)
		}
		hashes[a] = a.Hash()
	}
	want := map[Algorithm]crypto.Hash{RS256: crypto.SHA256, PS256: crypto.SHA256, ES256: crypto.SHA256, EdDSA: crypto.SHA512}
	if !maps.Equal(hashes, want) {
		t.Errorf("Hash() = %v, want %v", hashes, want)
	}
	for _, a := range []Algorithm{"", "none", "HS256", "RS512", "rs256"} {
		if a.Valid() {
			t.Errorf("%q.Valid() = true", a)
		}
	}
}
