package clients

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portico-id/portico/environments"
)

// snapshot has all applications of an environment. It is immutable.
type snapshot struct {
	byID         map[ID]*Application
	byClientID   map[string]*Application
	byIdentifier map[string]*Application
	origins      map[string]struct{}
	described    bool // an application has a template for claims of access tokens
}

func newSnapshot(byID map[ID]*Application) *snapshot {
	s := &snapshot{
		byID: byID, byClientID: make(map[string]*Application, len(byID)),
		byIdentifier: map[string]*Application{}, origins: map[string]struct{}{},
	}
	for _, app := range byID {
		s.byClientID[app.ClientID] = app
		for _, identifier := range app.Identifiers {
			s.byIdentifier[identifier] = app
		}
		for _, origin := range app.CORSOrigins {
			s.origins[origin] = struct{}{}
		}
		s.described = s.described || app.ClaimsTemplates.AccessToken != nil
	}
	return s
}

// cache holds the snapshot of each environment. A read takes no lock and allocates nothing.
type cache struct {
	tenants atomic.Pointer[map[environments.ID]*tenant]
	growing sync.Mutex
}

// tenant is the part of the cache for one environment.
type tenant struct {
	current atomic.Pointer[snapshot] // nil if last isn't the truth any more

	loading chan struct{} // holds one element while a load is under way, and guards last
	last    *snapshot     // nil before the first load

	mu     sync.Mutex
	stale  map[ID]struct{} // what must be read anew
	reset  bool            // everything must be
	misses [2]allowance    // by client ID, by ID
}

const (
	loadTimeout = 10 * time.Second
	loadPage    = 500

	// missesPerSecond bounds the queries that strangers cause with client IDs that nobody has.
	missesPerSecond = 50
)

// allowance counts what happened since the beginning of a second.
type allowance struct {
	since time.Time
	count int
}

func (a *allowance) take(now time.Time) bool {
	if passed := now.Sub(a.since); passed >= time.Second || passed < 0 {
		*a = allowance{since: now}
	}
	a.count++
	return a.count <= missesPerSecond
}

func (c *cache) tenant(env environments.ID) *tenant {
	if tenants := c.tenants.Load(); tenants != nil {
		if t := (*tenants)[env]; t != nil {
			return t
		}
	}
	c.growing.Lock()
	defer c.growing.Unlock()
	grown := map[environments.ID]*tenant{}
	if tenants := c.tenants.Load(); tenants != nil {
		if t := (*tenants)[env]; t != nil {
			return t
		}
		maps.Copy(grown, *tenants)
	}
	t := &tenant{loading: make(chan struct{}, 1), stale: map[ID]struct{}{}}
	grown[env] = t
	c.tenants.Store(&grown)
	return t
}

func (t *tenant) invalidate(id ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stale[id] = struct{}{}
	t.current.Store(nil)
}

func (t *tenant) invalidateAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reset = true
	t.current.Store(nil)
}

func (t *tenant) lock(ctx context.Context) error {
	select {
	case t.loading <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *tenant) unlock() { <-t.loading }

// Invalidate makes the next question read the application anew. It doesn't wait for it.
func (r *Registry) Invalidate(env environments.ID, id ID) { r.cache.tenant(env).invalidate(id) }

// InvalidateAll makes the next questions read all applications anew, for when nobody knows what another process changed.
func (r *Registry) InvalidateAll() {
	if tenants := r.cache.tenants.Load(); tenants != nil {
		for _, t := range *tenants {
			t.invalidateAll()
		}
	}
}

// snapshot returns the applications of the environment as they are committed, also within a transaction.
func (r *Registry) snapshot(ctx context.Context, env environments.ID) (*snapshot, error) {
	t := r.cache.tenant(env)
	if s := t.current.Load(); s != nil {
		return s, nil
	}
	if err := t.lock(ctx); err != nil {
		return nil, err
	}
	defer t.unlock()
	if s := t.current.Load(); s != nil {
		return s, nil
	}
	return r.load(env, t)
}

// load brings the snapshot up to date. It has a context of its own: what everybody will read must not come from within the
// caller's transaction, nor stop half-way because the caller went.
func (r *Registry) load(env environments.ID, t *tenant) (*snapshot, error) {
	ctx, cancel := context.WithTimeout(context.Background(), loadTimeout)
	defer cancel()

	t.mu.Lock()
	stale, reset := t.stale, t.reset || t.last == nil
	t.stale, t.reset = map[ID]struct{}{}, false
	t.mu.Unlock()

	var s *snapshot
	var err error
	if reset {
		s, err = r.readAll(ctx, env)
	} else {
		s, err = r.reread(ctx, env, t.last, stale)
	}

	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		maps.Copy(t.stale, stale)
		t.reset = t.reset || reset
		return nil, fmt.Errorf("load applications of %s: %w", env, err)
	}
	t.last = s
	if len(t.stale) == 0 && !t.reset {
		t.current.Store(s)
	}
	return s, nil
}

func (r *Registry) readAll(ctx context.Context, env environments.ID) (*snapshot, error) {
	byID := map[ID]*Application{}
	for after := ID(""); ; {
		page, err := r.Store.Applications(ctx, env, after, loadPage)
		if err != nil {
			return nil, err
		}
		for _, app := range page {
			byID[app.ID], after = app, app.ID
		}
		if len(page) < loadPage {
			return newSnapshot(byID), nil
		}
	}
}

func (r *Registry) reread(ctx context.Context, env environments.ID, last *snapshot, stale map[ID]struct{}) (*snapshot, error) {
	byID := maps.Clone(last.byID)
	for id := range stale {
		app, err := r.Store.Application(ctx, env, id)
		switch {
		case errors.Is(err, ErrNotFound):
			delete(byID, id)
		case err != nil:
			return nil, err
		default:
			byID[id] = app
		}
	}
	return newSnapshot(byID), nil
}

// ByClientID returns the application with the client ID, also a disabled one, or ErrNotFound. A known one costs neither a statement nor an
// allocation. An unknown one is asked for at the Store, as another process may just have made it; while strangers ask for
// more of them than missesPerSecond, it is ErrNotFound without a question.
func (r *Registry) ByClientID(ctx context.Context, env environments.ID, clientID string) (*Application, error) {
	s, err := r.snapshot(ctx, env)
	if err != nil {
		return nil, err
	}
	if app := s.byClientID[clientID]; app != nil {
		return app, nil
	}
	if !clientIDForm.MatchString(clientID) {
		return nil, ErrNotFound
	}
	return r.missed(ctx, env, 0, s,
		func(s *snapshot) *Application { return s.byClientID[clientID] },
		func(ctx context.Context) (*Application, error) {
			return r.Store.ApplicationByClientID(ctx, env, clientID)
		})
}

// ByID returns the application with the ID, or ErrNotFound, as ByClientID does.
func (r *Registry) ByID(ctx context.Context, env environments.ID, id ID) (*Application, error) {
	s, err := r.snapshot(ctx, env)
	if err != nil {
		return nil, err
	}
	if app := s.byID[id]; app != nil {
		return app, nil
	}
	return r.missed(ctx, env, 1, s,
		func(s *snapshot) *Application { return s.byID[id] },
		func(ctx context.Context) (*Application, error) { return r.Store.Application(ctx, env, id) })
}

// missed looks for an application that the snapshot seen doesn't have.
func (r *Registry) missed(
	ctx context.Context, env environments.ID, by int, seen *snapshot,
	find func(*snapshot) *Application, read func(context.Context) (*Application, error),
) (*Application, error) {
	t := r.cache.tenant(env)
	t.mu.Lock()
	allowed := t.misses[by].take(r.Now())
	t.mu.Unlock()
	if !allowed {
		return nil, ErrNotFound
	}
	if err := t.lock(ctx); err != nil {
		return nil, err
	}
	defer t.unlock()
	if t.current.Load() == seen {
		loading, cancel := context.WithTimeout(context.Background(), loadTimeout)
		defer cancel()
		app, err := read(loading)
		if err != nil {
			return nil, err
		}
		t.invalidate(app.ID)
	}
	s := t.current.Load()
	if s == nil {
		var err error
		if s, err = r.load(env, t); err != nil {
			return nil, err
		}
	}
	if app := find(s); app != nil {
		return app, nil
	}
	return nil, ErrNotFound
}

// One reports whether the environment has a single application that users sign in to, so that no page needs to speak of
// applications.
func (r *Registry) One(ctx context.Context, env environments.ID) (bool, error) {
	s, err := r.snapshot(ctx, env)
	if err != nil {
		return false, err
	}
	n := 0
	for _, app := range s.byID {
		if app.HasUsers() {
			n++
		}
	}
	return n == 1, nil
}

// All returns every application of the environment, in the order of their names.
func (r *Registry) All(ctx context.Context, env environments.ID) ([]*Application, error) {
	s, err := r.snapshot(ctx, env)
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(s.byID), func(a, b *Application) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(string(a.ID), string(b.ID)))
	}), nil
}

// DescribesAccessTokens reports whether any application of the environment has a template for claims of access tokens, for
// which more must be read of a user.
func (r *Registry) DescribesAccessTokens(ctx context.Context, env environments.ID) (bool, error) {
	s, err := r.snapshot(ctx, env)
	if err != nil {
		return false, err
	}
	return s.described, nil
}

// AllowsOrigin reports whether any application of the environment has the origin, which is all that can be known of a
// preflight request (Fetch §3.3.6), as it names no client.
func (r *Registry) AllowsOrigin(ctx context.Context, env environments.ID, origin string) (bool, error) {
	s, err := r.snapshot(ctx, env)
	if err != nil {
		return false, err
	}
	_, ok := s.origins[origin]
	return ok, nil
}

// AllowsOrigin reports whether scripts of the origin, such as "https://app.example", may call for the application.
func (a *Application) AllowsOrigin(origin string) bool { return slices.Contains(a.CORSOrigins, origin) }
