package keys

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/portico-id/portico/environments"
)

var (
	handle = []byte("a handle of forty bytes or a few more...")
	access = []byte("access token")
)

func mustSeal(t testing.TB, s *Sealer, env environments.ID) []byte {
	t.Helper()
	sealed, err := s.Seal(t.Context(), env, handle, access)
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	return sealed
}

func TestSealAndOpen(t *testing.T) {
	store := newMemory()
	sealer := newSealer(t, store, newClock())
	for _, plaintext := range [][]byte{nil, {0}, handle, bytes.Repeat([]byte("x"), 5000)} {
		sealed, err := sealer.Seal(t.Context(), acme, plaintext, access)
		if err != nil {
			t.Fatal(err)
		}
		if len(sealed) != len(plaintext)+SealOverhead {
			t.Errorf("%d bytes sealed are %d, want %d more", len(plaintext), len(sealed), SealOverhead)
		}
		opened, err := sealer.Open(t.Context(), acme, sealed, access)
		if err != nil || !bytes.Equal(opened, plaintext) {
			t.Errorf("Open = %q, %v, want %q", opened, err, plaintext)
		}
	}
	if bytes.Equal(mustSeal(t, sealer, acme), mustSeal(t, sealer, acme)) {
		t.Error("the same plaintext sealed twice is the same")
	}
	if got := store.reads.Load(); got != 2 {
		t.Errorf("%d reads of the store, want 2: before and after the first key", got)
	}

	t.Run("append", func(t *testing.T) {
		sealed, err := sealer.SealTo(t.Context(), []byte("pt_"), acme, handle, access)
		if err != nil || !bytes.HasPrefix(sealed, []byte("pt_")) {
			t.Fatalf("SealTo = %q, %v", sealed, err)
		}
		opened, err := sealer.OpenTo(t.Context(), []byte("got "), acme, sealed[3:], access)
		if err != nil || string(opened) != "got "+string(handle) {
			t.Errorf("OpenTo = %q, %v", opened, err)
		}
	})
}

// It is the construction that golang.org/x/crypto documents, under the stored key.
func TestSealFormat(t *testing.T) {
	store := newMemory()
	sealer := newSealer(t, store, newClock())
	sealed := mustSeal(t, sealer, acme)
	row := store.sealing[acme][0]
	secret, err := sealer.Vault.Decrypt(row.label(), row.Secret)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := chacha20poly1305.NewX(secret)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := aead.Open(nil, sealed[4:28], sealed[28:], access)
	if err != nil || !bytes.Equal(opened, handle) || binary.BigEndian.Uint32(sealed) != 1 {
		t.Errorf("Open = %q, %v, key %d", opened, err, binary.BigEndian.Uint32(sealed))
	}
	if bytes.Contains(row.Secret, secret) {
		t.Error("the key lies in clear")
	}
}

func TestOpenRefuses(t *testing.T) {
	sealer := newSealer(t, newMemory(), newClock())
	sealed := mustSeal(t, sealer, acme)
	mustSeal(t, sealer, globex)
	for i := range len(sealed) {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if got, err := sealer.Open(t.Context(), acme, changed, access); !errors.Is(err, ErrUnverified) || got != nil {
			t.Fatalf("byte %d changed: %q, %v, want ErrUnverified", i, got, err)
		}
		if got, err := sealer.Open(t.Context(), acme, sealed[:i], access); !errors.Is(err, ErrUnverified) || got != nil {
			t.Fatalf("cut to %d bytes: %q, %v, want ErrUnverified", i, got, err)
		}
	}
	if _, err := sealer.Open(t.Context(), acme, sealed, []byte("refresh token")); !errors.Is(err, ErrUnverified) {
		t.Errorf("with other additional data: %v", err)
	}
	if _, err := sealer.Open(t.Context(), globex, sealed, access); !errors.Is(err, ErrUnverified) {
		t.Errorf("in another environment: %v", err) // acceptance 8
	}
	if _, err := sealer.Open(t.Context(), acme, append(bytes.Clone(sealed), 0), access); !errors.Is(err, ErrUnverified) {
		t.Errorf("a byte longer: %v", err)
	}
}

func TestSealingKeysRotate(t *testing.T) {
	clock, store := newClock(), newMemory()
	sealer := newSealer(t, store, clock)
	type token struct {
		sealed []byte
		at     time.Time
	}
	var tokens []token
	keyOf := map[time.Duration]uint32{}
	start := clock.Now()
	for ; clock.Now().Sub(start) < 10*day; clock.advance(time.Minute) {
		if err := sealer.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		if clock.Now().Sub(start)%(20*time.Minute) != 0 {
			continue
		}
		sealed := mustSeal(t, sealer, acme)
		keyOf[clock.Now().Sub(start)] = binary.BigEndian.Uint32(sealed)
		tokens = append(tokens, token{sealed, clock.Now()})
		for _, token := range tokens {
			_, err := sealer.Open(t.Context(), acme, token.sealed, access)
			age := clock.Now().Sub(token.at)
			if age <= day && err != nil {
				t.Fatalf("a token %v old: %v", age, err)
			}
			if age > 2*day+time.Hour && !errors.Is(err, ErrUnknownKey) {
				t.Fatalf("a token %v old: %v, want ErrUnknownKey", age, err)
			}
		}
		tokens = slices.DeleteFunc(tokens, func(tk token) bool { return clock.Now().Sub(tk.at) > 3*day })
		if len(store.sealing[acme]) > 4 {
			t.Fatalf("%d keys are kept", len(store.sealing[acme]))
		}
	}
	want := map[time.Duration]uint32{0: 1, day - 20*time.Minute: 1, day: 2, 2*day - 20*time.Minute: 2, 2 * day: 3, 9 * day: 10}
	for at, id := range want {
		if keyOf[at] != id {
			t.Errorf("key %d seals after %v, want %d", keyOf[at], at, id)
		}
	}
}

// All nodes were off for a week: what is there keeps working, and old keys go.
func TestSealingKeysAfterAPause(t *testing.T) {
	clock, store := newClock(), newMemory()
	sealer := newSealer(t, store, clock)
	mustSeal(t, sealer, acme)
	clock.advance(7 * day)
	for range 2 {
		if err := sealer.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	sealed := mustSeal(t, sealer, acme)
	clock.advance(day)
	if err := sealer.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := sealer.Open(t.Context(), acme, sealed, access); err != nil {
		t.Errorf("Open: %v", err)
	}
	var ids []uint32
	for _, key := range store.sealing[acme] {
		ids = append(ids, key.ID)
	}
	if diff := cmp.Diff([]uint32{1, 2, 3}, ids); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

// Nodes that seal and tick at once make one key at a time and open each other's tokens.
func TestSealOnTwoNodes(t *testing.T) {
	clock, store := newClock(), newMemory()
	nodes := []*Sealer{newSealer(t, store, clock), newSealer(t, store, clock)}
	for round := range 5 {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if i%4 == 0 {
					if err := nodes[i/4%2].Tick(t.Context()); err != nil {
						t.Errorf("Tick: %v", err)
					}
				}
				sealed, err := nodes[i%2].Seal(t.Context(), acme, handle, access)
				if err != nil {
					t.Errorf("Seal: %v", err)
				}
				if _, err := nodes[(i+1)%2].Open(t.Context(), acme, sealed, access); err != nil {
					t.Errorf("Open: %v", err)
				}
			})
		}
		wg.Wait()
		newest := store.sealing[acme][len(store.sealing[acme])-1]
		if newest.ID != uint32(round+1) {
			t.Errorf("after round %d the newest key is %d", round, newest.ID)
		}
		clock.advance(day)
	}
}

// A node that was not told of a new key finds it; forged key IDs don't make it ask more than once a second.
func TestOpenUnknownKeyReloads(t *testing.T) {
	clock, store := newClock(), newMemory()
	here, there := newSealer(t, store, clock), newSealer(t, store, clock)
	mustSeal(t, here, acme)
	clock.advance(day)
	if err := there.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock.advance(5 * time.Minute)
	sealed := mustSeal(t, there, acme)
	if id := binary.BigEndian.Uint32(sealed); id != 2 {
		t.Fatalf("sealed with key %d", id)
	}
	if _, err := here.Open(t.Context(), acme, sealed, access); err != nil {
		t.Errorf("Open under a key that is new elsewhere: %v", err)
	}
	clock.advance(missInterval)

	forged := bytes.Clone(sealed)
	for second := range 3 {
		reads := store.reads.Load()
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				forged := bytes.Clone(forged)
				binary.BigEndian.PutUint32(forged, uint32(3+i))
				if _, err := here.Open(t.Context(), acme, forged, access); !errors.Is(err, ErrUnknownKey) {
					t.Errorf("Open of a forged token: %v, want ErrUnknownKey", err)
				}
			})
		}
		wg.Wait()
		if got := store.reads.Load() - reads; got != 1 {
			t.Errorf("second %d: 100 forged tokens made %d reads, want 1", second, got)
		}
		clock.advance(missInterval)
	}
	binary.BigEndian.PutUint32(forged, 0)
	reads := store.reads.Load()
	if _, err := here.Open(t.Context(), acme, forged, access); !errors.Is(err, ErrUnknownKey) || store.reads.Load() != reads {
		t.Errorf("Open under a key below the newest: %v, %d reads", err, store.reads.Load()-reads)
	}
}

func TestSealerRewrap(t *testing.T) {
	clock, store := newClock(), newMemory()
	sealed := mustSeal(t, newSealer(t, store, clock), acme)
	both := newSealer(t, store, clock)
	both.Vault = newTestVault(t, newKEK, oldKEK)
	for _, want := range []int{1, 0} {
		if moved, err := both.Rewrap(t.Context()); err != nil || moved != want {
			t.Fatalf("Rewrap = %d, %v, want %d", moved, err, want)
		}
	}
	for kek, want := range map[string]error{string(newKEK): nil, string(oldKEK): ErrNoEncryptionKey} {
		after := newSealer(t, store, clock)
		after.Vault = newTestVault(t, []byte(kek))
		if _, err := after.Open(t.Context(), acme, sealed, access); !errors.Is(err, want) {
			t.Errorf("Open under KEK %.1s…: %v, want %v", kek, err, want)
		}
	}
}

func TestTickGoesOnAfterAnError(t *testing.T) {
	clock, store := newClock(), newMemory()
	sealer := newSealer(t, store, clock)
	sealer.Environments = tenants{globex, acme}
	store.sealing[globex] = []SealingKey{{ID: 1, Environment: globex, Secret: []byte("garbage"), SealsFrom: clock.Now()}}
	if err := sealer.Tick(t.Context()); !errors.Is(err, ErrUnverified) {
		t.Errorf("Tick = %v", err)
	}
	if len(store.sealing[acme]) != 1 {
		t.Errorf("the other environment got %d keys", len(store.sealing[acme]))
	}
}

func FuzzOpen(f *testing.F) {
	sealer := newSealer(f, newMemory(), newClock())
	sealed := mustSeal(f, sealer, acme)
	f.Add(sealed, access)
	f.Add(sealed[:SealOverhead], []byte(nil))
	f.Add([]byte(nil), []byte(nil))
	f.Add(bytes.Repeat([]byte{0xff}, SealOverhead), access)
	f.Fuzz(func(t *testing.T, text, additional []byte) {
		opened, err := sealer.Open(t.Context(), acme, text, additional)
		if err == nil && !(bytes.Equal(text, sealed) && bytes.Equal(additional, access)) {
			t.Errorf("Open(%x, %q) = %q", text, additional, opened)
		}
		if err != nil && !errors.Is(err, ErrUnverified) {
			t.Errorf("Open(%x): %v, want ErrUnverified", text, err)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	sealer := newSealer(b, newMemory(), newClock())
	sealer.Now = time.Now
	buffer := make([]byte, 0, 256)
	for _, size := range []int{40, 160} {
		plaintext := make([]byte, size)
		sealed, err := sealer.Seal(b.Context(), acme, plaintext, access)
		if err != nil {
			b.Fatal(err)
		}
		ctx := context.Background()
		b.Run(fmt.Sprintf("SealTo/%d", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sealer.SealTo(ctx, buffer, acme, plaintext, access); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("OpenTo/%d", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sealer.OpenTo(ctx, buffer, acme, sealed, access); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
