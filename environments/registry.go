package environments

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.jetify.com/typeid/v2"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/fault"
)

// Registry answers which environment a request belongs to, from an immutable snapshot of all of them. It is safe for
// concurrent use.
type Registry struct {
	Store Store
	Audit audit.Recorder
	InTx  func(ctx context.Context, fn func(context.Context) error) error
	Now   func() time.Time

	snapshot atomic.Pointer[snapshot]
	loading  sync.Mutex
}

type snapshot struct {
	all    []*Environment
	byID   map[ID]*Environment
	bySlug map[string]*Environment
	byHost map[string]*Environment
	root   *Environment
}

// Reload reads all environments anew. The server calls it when another node or process may have changed one.
func (r *Registry) Reload(ctx context.Context) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	rows, err := r.Store.Environments(ctx)
	if err != nil {
		return fmt.Errorf("load environments: %w", err)
	}
	s := &snapshot{byID: map[ID]*Environment{}, bySlug: map[string]*Environment{}, byHost: map[string]*Environment{}}
	for i := range rows {
		e := &rows[i]
		s.all = append(s.all, e)
		s.byID[e.ID], s.bySlug[e.Slug] = e, e
		if e.Host != "" {
			s.byHost[e.Host] = e
		}
		if e.Root {
			s.root = e
		}
	}
	r.snapshot.Store(s)
	return nil
}

func (r *Registry) current(ctx context.Context) (*snapshot, error) {
	if s := r.snapshot.Load(); s != nil {
		return s, nil
	}
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	return r.snapshot.Load(), nil
}

// All returns every environment, the root first.
func (r *Registry) All(ctx context.Context) ([]*Environment, error) {
	s, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	return s.all, nil
}

// ByID returns the environment, or ErrNotFound.
func (r *Registry) ByID(ctx context.Context, id ID) (*Environment, error) {
	s, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	if e := s.byID[id]; e != nil {
		return e, nil
	}
	return nil, ErrNotFound
}

// BySlug returns the environment, or ErrNotFound.
func (r *Registry) BySlug(ctx context.Context, slug string) (*Environment, error) {
	s, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	if e := s.bySlug[slug]; e != nil {
		return e, nil
	}
	return nil, ErrNotFound
}

// Resolve returns the environment that a request to the host and path belongs to, and the path below its issuer. An
// unknown slug is ErrNotFound; a path outside /env belongs to the host's environment, else to the root.
func (r *Registry) Resolve(ctx context.Context, host, path string) (*Environment, string, error) {
	s, err := r.current(ctx)
	if err != nil {
		return nil, "", err
	}
	if e := s.byHost[strings.ToLower(host)]; e != nil {
		return e, path, nil
	}
	if rest, ok := strings.CutPrefix(path, "/env/"); ok {
		slug, below, _ := strings.Cut(rest, "/")
		e := s.bySlug[slug]
		if e == nil || e.PathPrefix() == "" {
			return nil, "", ErrNotFound
		}
		return e, "/" + below, nil
	}
	if s.root == nil {
		return nil, "", ErrNotFound
	}
	return s.root, path, nil
}

var slugForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,38}[a-z0-9]$`)

// New is what Create needs to know of an environment.
type New struct {
	Slug string
	Name string
	Kind Kind // "" is production
	Root bool
}

// Create makes an environment. setUp is called in the same transaction, for what must exist with it: its default
// application and its keys. Errors: fault.Invalid naming the field, fault.Conflict for a taken slug.
func (r *Registry) Create(ctx context.Context, in New, setUp func(context.Context, *Environment) error) (*Environment, error) {
	var mistakes []error
	if !slugForm.MatchString(in.Slug) {
		mistakes = append(mistakes, fault.Invalidf("slug", "slug %q must be 2 to 40 lower case letters, digits or dashes, beginning with a letter", in.Slug))
	}
	in.Name = strings.TrimSpace(in.Name)
	if err := checkName(in.Name); err != nil {
		mistakes = append(mistakes, err)
	}
	if in.Kind == "" {
		in.Kind = Production
	}
	if err := checkKind(in.Kind); err != nil {
		mistakes = append(mistakes, err)
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	now := r.Now().UTC()
	e := Environment{
		ID: ID(typeid.MustGenerate("env").String()), Slug: in.Slug, Name: in.Name, Kind: in.Kind, Root: in.Root,
		SignUp: true, BrowserSessions: DefaultBrowserSessions, CreatedAt: now, UpdatedAt: now,
	}
	err := r.InTx(ctx, func(ctx context.Context) error {
		if err := r.Store.CreateEnvironment(ctx, e); err != nil {
			return err
		}
		if err := setUp(ctx, &e); err != nil {
			return err
		}
		err := r.Store.UpdateEnvironment(ctx, e.ID, func(_ context.Context, saved *Environment) error {
			*saved = e
			return nil
		})
		if err != nil {
			return err
		}
		return r.Audit.Record(ctx, audit.Event{Name: "environment.created", Environment: string(e.ID), Target: string(e.ID)})
	})
	if err != nil {
		return nil, fmt.Errorf("create environment %s: %w", in.Slug, err)
	}
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	return r.ByID(ctx, e.ID)
}

// Update changes the environment and records the event, in one transaction, which change's context carries. What change does
// to ID, Slug, Root, Host and CreatedAt has no effect, and whether the applications suit another Kind is for change to say. A
// change that leaves everything as it was is no event.
// Errors: ErrNotFound; that of change; fault.Invalid, one for each mistake.
func (r *Registry) Update(ctx context.Context, id ID, change func(context.Context, *Environment) error) error {
	err := r.Store.UpdateEnvironment(ctx, id, func(ctx context.Context, e *Environment) error {
		before := *e
		if err := change(ctx, e); err != nil {
			return err
		}
		e.ID, e.Slug, e.Root, e.Host, e.CreatedAt = before.ID, before.Slug, before.Root, before.Host, before.CreatedAt
		if err := e.validate(); err != nil {
			return err
		}
		changed, err := audit.Changed(before.state(), e.state())
		if err != nil || changed.Empty() {
			return err
		}
		// It tells states apart, also within a microsecond.
		if e.UpdatedAt = r.Now().UTC().Truncate(time.Microsecond); !e.UpdatedAt.After(before.UpdatedAt) {
			e.UpdatedAt = before.UpdatedAt.Add(time.Microsecond)
		}
		return r.Audit.Record(ctx, audit.Event{Name: "environment.updated", Environment: string(id), Target: string(id), Data: changed})
	})
	if err != nil {
		return fmt.Errorf("update environment %s: %w", id, err)
	}
	return r.Reload(ctx)
}

type contextKey struct{}

// NewContext returns a context that carries the environment of a request.
func NewContext(ctx context.Context, e *Environment) context.Context {
	return context.WithValue(ctx, contextKey{}, e)
}

// FromContext returns the environment that the server found for the request. It panics without one, as no edge is
// mounted outside an environment.
func FromContext(ctx context.Context) *Environment {
	return ctx.Value(contextKey{}).(*Environment)
}
