package keys

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/portico-id/portico/environments"
)

// held is a Store whose reads can be held up after they have seen the rows.
type held struct {
	*memory
	read, release chan struct{}
}

func (h *held) SigningKeys(ctx context.Context, env environments.ID) ([]SigningKey, error) {
	rows, err := h.memory.SigningKeys(ctx, env)
	if h.release != nil {
		close(h.read)
		release := h.release
		h.release = nil
		<-release
	}
	return rows, err
}

// A load that was under way when another node made a key stores a snapshot without it; who waited for that load to verify
// with the new key looks again.
func TestVerifyBesideAnOlderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock, store := newClock(), newMemory()
		other := newRing(t, store, clock)
		mustSign(t, other, acme, EdDSA, "JWT")
		slow := &held{memory: store}
		node := newRing(t, store, clock)
		node.Store = slow
		if _, err := node.JWKS(t.Context(), acme); err != nil {
			t.Fatal(err)
		}
		release := make(chan struct{})
		slow.read, slow.release = make(chan struct{}), release
		go func() { _, _ = node.keyByID(t.Context(), acme, strings.Repeat("x", thumbprintLength)) }() // nobody's key: it loads
		<-slow.read
		if _, err := other.RotateNow(t.Context(), acme, EdDSA); err != nil {
			t.Fatal(err)
		}
		compact := mustSign(t, other, acme, EdDSA, "JWT")
		clock.advance(missInterval)
		verified := make(chan error)
		go func() {
			_, _, err := node.Verify(t.Context(), acme, compact)
			verified <- err
		}()
		synctest.Wait()
		close(release)
		if err := <-verified; err != nil {
			t.Errorf("Verify: %v", err)
		}
	})
}
