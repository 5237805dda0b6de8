package keys

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portico-id/portico/environments"
)

// missInterval is the least time between two loads of an environment's keys that unknown key IDs cause, so that forged
// tokens don't become queries.
const missInterval = time.Second

// loader reads the keys of an environment into a snapshot. It may take over from last, which is nil the first time, what
// is costly to make.
type loader[T any] func(ctx context.Context, env environments.ID, last *T) (*T, error)

// cache holds an immutable snapshot of the keys of each environment. A read takes no lock and allocates nothing.
type cache[T any] struct {
	entries atomic.Pointer[map[environments.ID]*cached[T]]
	growing sync.Mutex
}

type cached[T any] struct {
	current atomic.Pointer[T] // nil if it must be loaded
	version atomic.Uint64     // counts invalidations

	loading  chan struct{} // holds one element while a load is under way, and guards what follows
	last     *T
	missedAt time.Time
}

func (c *cache[T]) entry(env environments.ID) *cached[T] {
	if entries := c.entries.Load(); entries != nil {
		if e := (*entries)[env]; e != nil {
			return e
		}
	}
	c.growing.Lock()
	defer c.growing.Unlock()
	grown := map[environments.ID]*cached[T]{}
	if entries := c.entries.Load(); entries != nil {
		if e := (*entries)[env]; e != nil {
			return e
		}
		maps.Copy(grown, *entries)
	}
	e := &cached[T]{loading: make(chan struct{}, 1)}
	grown[env] = e
	c.entries.Store(&grown)
	return e
}

// get returns the current snapshot, which it loads if there is none.
func (c *cache[T]) get(ctx context.Context, env environments.ID, load loader[T]) (*T, error) {
	e := c.entry(env)
	if s := e.current.Load(); s != nil {
		return s, nil
	}
	if err := e.lock(ctx); err != nil {
		return nil, err
	}
	defer e.unlock()
	if s := e.current.Load(); s != nil {
		return s, nil
	}
	return e.load(ctx, env, load)
}

// reload loads the snapshot whether or not there is one, which serves other callers meanwhile.
func (c *cache[T]) reload(ctx context.Context, env environments.ID, load loader[T]) (*T, error) {
	e := c.entry(env)
	if err := e.lock(ctx); err != nil {
		return nil, err
	}
	defer e.unlock()
	return e.load(ctx, env, load)
}

// newer returns a later snapshot than the one in which a key was missed, loading it unless a miss did so less than
// missInterval ago. It returns seen if there is none.
func (c *cache[T]) newer(ctx context.Context, env environments.ID, seen *T, now time.Time, load loader[T]) (*T, error) {
	e := c.entry(env)
	if err := e.lock(ctx); err != nil {
		return nil, err
	}
	defer e.unlock()
	if s := e.current.Load(); s != nil && s != seen {
		return s, nil
	}
	if since := now.Sub(e.missedAt); since >= 0 && since < missInterval {
		return seen, nil
	}
	e.missedAt = now
	return e.load(ctx, env, load)
}

// invalidate makes the next get load.
func (c *cache[T]) invalidate(env environments.ID) { c.entry(env).invalidate() }

func (c *cache[T]) invalidateAll() {
	if entries := c.entries.Load(); entries != nil {
		for _, e := range *entries {
			e.invalidate()
		}
	}
}

func (e *cached[T]) invalidate() {
	e.version.Add(1)
	e.current.Store(nil)
}

func (e *cached[T]) lock(ctx context.Context) error {
	select {
	case e.loading <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *cached[T]) unlock() { <-e.loading }

func (e *cached[T]) load(ctx context.Context, env environments.ID, load loader[T]) (*T, error) {
	version := e.version.Load()
	s, err := load(ctx, env, e.last)
	if err != nil {
		return nil, err
	}
	e.last = s
	e.current.Store(s)
	if e.version.Load() != version { // invalidated after load had read
		e.current.CompareAndSwap(s, nil)
	}
	return s, nil
}
