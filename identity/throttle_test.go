package identity

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portico-id/portico/fault"
)

// Tries at the same instant are counted one by one.
func TestThrottleUnderConcurrency(t *testing.T) {
	now := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	throttle, err := NewMemoryThrottle(func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	var admitted atomic.Int32
	var tries sync.WaitGroup
	for range 100 {
		tries.Go(func() {
			_, err := throttle.password(t.Context(), env, "ada@example.com")
			if err == nil {
				admitted.Add(1)
			} else if fault.Of(err).Kind != fault.TooMany {
				t.Error(err)
			}
		})
	}
	tries.Wait()
	if got := admitted.Load(); got != 10 {
		t.Errorf("%d tries were admitted, want 10", got)
	}
}

// What is given back can be used again, and no more than that, even if it is given back after it would have come back by itself.
func TestTryGivenBack(t *testing.T) {
	now := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	throttle, err := NewMemoryThrottle(func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	first, err := throttle.password(t.Context(), env, "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	if err := first.succeeded(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 11 {
		if _, err := throttle.password(t.Context(), env, "ada@example.com"); (err != nil) != (i == 10) {
			t.Errorf("try %d: %v", i+1, err)
		}
	}
}

func TestNetworkOf(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1":            "192.0.2.1",
		"::ffff:192.0.2.1":     "192.0.2.1",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"fe80::1%eth0":         "fe80::/64",
		"":                     "",
		"192.0.2.1:80":         "",
	} {
		if got := networkOf(address); got != want {
			t.Errorf("networkOf(%q) = %q, want %q", address, got, want)
		}
	}
}
