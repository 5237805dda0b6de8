//go:build !race

// The race detector makes sync.Pool forget at random, so allocations are counted without it.

package keys

import (
	"context"
	"testing"
)

func TestSealAllocations(t *testing.T) {
	sealer := newSealer(t, newMemory(), newClock())
	sealed := mustSeal(t, sealer, acme)
	buffer, unknown := make([]byte, 0, 256), make([]byte, 100)
	ctx := context.Background()
	for _, test := range []struct {
		name string
		do   func()
		most float64
	}{
		{"SealTo", func() { sealer.SealTo(ctx, buffer, acme, handle, access) }, 1},
		{"OpenTo", func() { sealer.OpenTo(ctx, buffer, acme, sealed, access) }, 1},
		{"unknown key", func() { sealer.OpenTo(ctx, buffer, acme, unknown, access) }, 0},
	} {
		if got := testing.AllocsPerRun(100, test.do); got > test.most {
			t.Errorf("%s: %v allocations, want %v at most", test.name, got, test.most)
		}
	}
}

func TestPepperAllocations(t *testing.T) {
	pepper := newTestPepper(t, "a", "b")
	secret := []byte("pt_rt_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg")
	sum := pepper.Sum("refresh token", secret)
	matches := true
	got := testing.AllocsPerRun(100, func() {
		sum = pepper.Sum("refresh token", secret)
		matches = matches && pepper.Matches("refresh token", secret, sum)
	})
	if got != 0 || !matches {
		t.Errorf("%v allocations, want none; matches %v", got, matches)
	}
}
