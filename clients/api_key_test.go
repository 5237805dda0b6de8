package clients_test

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

// house is an installation with an environment and an application, and what makes API keys for it.
type house struct {
	apiKeys *clients.APIKeys
	apps    *clients.Registry
	env     *environments.Environment
	app     clients.ID
	now     time.Time
	events  []audit.Event
}

// AppendEvent implements audit.Store.
func (h *house) AppendEvent(_ context.Context, e audit.Event) error {
	h.events = append(h.events, e)
	return nil
}

// Cut implements clients.SessionEnder for applications that have no sessions.
func (h *house) Cut(context.Context, environments.ID, clients.ID, string) (clients.Cut, error) {
	return clients.Cut{}, nil
}

// open is a node of the house on a database.
func (h *house) open(t *testing.T, db *storage.DB) {
	t.Helper()
	pepper, err := keys.NewPepper([]byte(strings.Repeat("p", keys.MinPepper)))
	check(t, err)
	now := func() time.Time { return h.now }
	log := &audit.Log{Store: h, Now: now}
	h.apiKeys = &clients.APIKeys{Store: storage.APIKeys{DB: db}, Audit: log, Pepper: pepper, InTx: db.InTx, Now: now}
	h.apps = &clients.Registry{Store: storage.Clients{DB: db}, Audit: log, Pepper: pepper, Sessions: h, InTx: db.InTx, Now: now}
}

func newHouse(t *testing.T, db *storage.DB) *house {
	t.Helper()
	h := &house{now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	h.open(t, db)
	h.env = &environments.Environment{ID: "env_1", Slug: "acme-prod", Name: "Acme", Kind: environments.Production, CreatedAt: h.now, UpdatedAt: h.now}
	check(t, storage.Environments{DB: db}.CreateEnvironment(t.Context(), *h.env))
	app, _, err := h.apps.Create(t.Context(), h.env, clients.New{Kind: clients.Machine, Name: "Import"})
	check(t, err)
	h.app, h.events = app.ID, nil
	return h
}

func (h *house) create(t *testing.T, in clients.NewAPIKey) (clients.APIKey, string) {
	t.Helper()
	if in.Scopes == nil {
		in.Scopes = []clients.APIScope{clients.ScopeAll}
	}
	k, secret, err := h.apiKeys.Create(t.Context(), h.env, h.app, in)
	check(t, err)
	return k, secret.Reveal()
}

// told returns the events since the last call, a line for each.
func (h *house) told(t *testing.T) []string {
	t.Helper()
	var lines []string
	for _, e := range h.events {
		data, err := json.Marshal(e.Data)
		check(t, err)
		lines = append(lines, e.Name+" "+e.Application+" "+string(data))
	}
	h.events = nil
	return lines
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// acceptance 48: a key is shown once; later name, hint, created, expires, last used.
func TestAPIKeyIsShownOnce(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		h := newHouse(t, db)
		expires := h.now.Add(24 * time.Hour)
		k, clear := h.create(t, clients.NewAPIKey{
			Name: " nightly ", Scopes: []clients.APIScope{clients.ScopeReadUsers, clients.ScopeReadEvents}, ExpiresAt: expires,
		})
		if !regexp.MustCompile(`^sk_acme-prod_[0-9A-Za-z]{49}$`).MatchString(clear) {
			t.Errorf("the key is %q", clear)
		}
		want := clients.APIKey{
			ID: k.ID, Environment: h.env.ID, Application: h.app, Name: "nightly", Hint: clear[len(clear)-4:], Hash: k.Hash,
			Scopes: []clients.APIScope{clients.ScopeReadUsers, clients.ScopeReadEvents}, CreatedAt: h.now, ExpiresAt: expires,
		}
		if diff := cmp.Diff(want, k); diff != "" {
			t.Errorf("Create (-want +got):\n%s", diff)
		}
		wantEvents := []string{`api_key.created ` + string(h.app) + ` {"name":"nightly","hint":"` + k.Hint + `","scopes":["users:read","events:read"],"expires_at":"2026-11-25T09:00:00Z"}`}
		if diff := cmp.Diff(wantEvents, h.told(t)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}

		h.now = h.now.Add(time.Hour)
		got, err := h.apiKeys.Authenticate(t.Context(), h.env.ID, clear, "192.0.2.7")
		check(t, err)
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("Authenticate (-want +got):\n%s", diff)
		}
		want.LastUsed = clients.SecretUse{At: h.now, Address: "192.0.2.7"}
		for _, when := range []string{"before", "after"} {
			list, err := h.apiKeys.List(t.Context(), h.env.ID, h.app)
			check(t, err)
			if diff := cmp.Diff([]clients.APIKey{want}, list); diff != "" {
				t.Errorf("List %s Flush (-want +got):\n%s", when, diff)
			}
			check(t, h.apiKeys.Flush(t.Context()))
		}
	})
}

// acceptance 52: a revoked or expired key is refused from the next request on, on every node.
func TestAPIKeyEnds(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		h := newHouse(t, storagetest.Open(t, url))
		other := *h
		other.open(t, storagetest.Open(t, url))
		for _, test := range []struct {
			name string
			end  func(clients.APIKey)
			want error
		}{
			{"nothing", func(clients.APIKey) {}, nil},
			{"revoked", func(k clients.APIKey) {
				_, err := h.apiKeys.Revoke(t.Context(), h.env.ID, "", k.ID)
				check(t, err)
			}, clients.ErrAPIKeyRevoked},
			{"expired now", func(k clients.APIKey) {
				_, err := h.apiKeys.Expire(t.Context(), h.env.ID, h.app, k.ID, h.now.Add(-time.Hour))
				check(t, err)
			}, clients.ErrAPIKeyExpired},
			{"expires later", func(k clients.APIKey) {
				_, err := h.apiKeys.Expire(t.Context(), h.env.ID, h.app, k.ID, h.now.Add(time.Hour))
				check(t, err)
			}, nil},
			{"application disabled", func(clients.APIKey) {
				check(t, h.apps.SetEnabled(t.Context(), h.env, h.app, false))
			}, clients.ErrAPIKeyDisabled},
			{"application deleted", func(clients.APIKey) {
				check(t, h.apps.Delete(t.Context(), h.env, h.app))
			}, clients.ErrAPIKeyUnknown},
		} {
			k, clear := h.create(t, clients.NewAPIKey{})
			check(t, h.apps.SetEnabled(t.Context(), h.env, h.app, true))
			for _, node := range []*house{h, &other} {
				if _, err := node.apiKeys.Authenticate(t.Context(), h.env.ID, clear, ""); err != nil {
					t.Errorf("%s: Authenticate before = %v", test.name, err)
				}
			}
			test.end(k)
			for _, node := range []*house{h, &other} {
				if _, err := node.apiKeys.Authenticate(t.Context(), h.env.ID, clear, ""); !errors.Is(err, test.want) {
					t.Errorf("%s: Authenticate after = %v, want %v", test.name, err, test.want)
				}
			}
		}
	})
}

func TestAPIKeyEndsOnce(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		h := newHouse(t, db)
		k, clear := h.create(t, clients.NewAPIKey{ExpiresAt: h.now.Add(time.Hour)})
		h.now = h.now.Add(time.Hour) // a moment exactly at the expiry counts as expired
		if _, err := h.apiKeys.Authenticate(t.Context(), h.env.ID, clear, ""); !errors.Is(err, clients.ErrAPIKeyExpired) {
			t.Errorf("Authenticate = %v, want %v", err, clients.ErrAPIKeyExpired)
		}
		expired := fault.Conflictf("", "the API key expired at 2026-11-24T10:00:00Z")
		if _, err := h.apiKeys.Expire(t.Context(), h.env.ID, h.app, k.ID, h.now.Add(time.Hour)); !errors.Is(err, expired) {
			t.Errorf("Expire = %v, want %v", err, expired)
		}
		k, _ = h.create(t, clients.NewAPIKey{})
		h.told(t)
		revoked, err := h.apiKeys.Revoke(t.Context(), h.env.ID, h.app, k.ID)
		check(t, err)
		if !revoked.RevokedAt.Equal(h.now) {
			t.Errorf("Revoke = %+v", revoked)
		}
		again := fault.Conflictf("", "the API key was revoked at 2026-11-24T10:00:00Z")
		if _, err := h.apiKeys.Revoke(t.Context(), h.env.ID, h.app, k.ID); !errors.Is(err, again) {
			t.Errorf("Revoke again = %v, want %v", err, again)
		}
		if told := h.told(t); len(told) != 1 || !strings.HasPrefix(told[0], "api_key.revoked ") {
			t.Errorf("the events are %q", told)
		}
		for _, of := range []struct {
			env environments.ID
			app clients.ID
			id  string
		}{{"env_2", h.app, k.ID}, {"env_2", "", k.ID}, {h.env.ID, "app_2", k.ID}, {h.env.ID, h.app, "key_2"}} {
			if _, err := h.apiKeys.Revoke(t.Context(), of.env, of.app, of.id); !errors.Is(err, clients.ErrNoAPIKey) {
				t.Errorf("Revoke(%s, %s, %s) = %v, want %v", of.env, of.app, of.id, err, clients.ErrNoAPIKey)
			}
		}
	})
}

func TestAPIKeyMalformed(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		h := newHouse(t, db)
		_, clear := h.create(t, clients.NewAPIKey{})
		for name, text := range map[string]string{
			"empty": "", "prefix": "sk_", "typing error": strings.Replace(clear, clear[20:21], "_", 1), "cut": clear[:len(clear)-1],
			"longer": clear + "0", "another kind": "ps_" + clear[3:], "another environment": strings.Replace(clear, "acme-prod", "acme-test", 1),
			"huge": "sk_" + strings.Repeat("x", 1<<20),
		} {
			ctx, counter := storage.WithCounter(t.Context())
			if _, err := h.apiKeys.Authenticate(ctx, h.env.ID, text, ""); !errors.Is(err, clients.ErrAPIKeyMalformed) {
				t.Errorf("%s: Authenticate = %v, want %v", name, err, clients.ErrAPIKeyMalformed)
			}
			if n := len(counter.Statements()); n != 0 {
				t.Errorf("%s: Authenticate asks the database %d times", name, n)
			}
		}
		ctx, counter := storage.WithCounter(t.Context())
		if _, err := h.apiKeys.Authenticate(ctx, h.env.ID, clear, ""); err != nil || len(counter.Statements()) != 1 {
			t.Errorf("Authenticate = %v with %d statements, want 1", err, len(counter.Statements()))
		}
	})
}

func TestAPIKeyRefused(t *testing.T) {
	db := storagetest.Open(t, storagetest.SQLiteURL(t))
	h := newHouse(t, db)
	for _, test := range []struct {
		name   string
		in     clients.NewAPIKey
		fields []string
	}{
		{"no scope", clients.NewAPIKey{}, []string{"scopes"}},
		{"all at once", clients.NewAPIKey{
			Name: "a\tb", Scopes: []clients.APIScope{"users:read", "users:delete", "users:read"}, ExpiresAt: h.now,
		}, []string{"name", "scopes/1", "scopes/2", "expires_at"}},
		{"of the operators", clients.NewAPIKey{Scopes: []clients.APIScope{"environments:read"}}, []string{"scopes/0"}},
		{"long name", clients.NewAPIKey{Name: strings.Repeat("é", 101), Scopes: []clients.APIScope{"*"}}, []string{"name"}},
	} {
		_, secret, err := h.apiKeys.Create(t.Context(), h.env, h.app, test.in)
		var fields []string
		for _, f := range fault.All(err) {
			fields = append(fields, f.Field)
		}
		if diff := cmp.Diff(test.fields, fields); diff != "" || !secret.Empty() {
			t.Errorf("%s: Create = %v; fields (-want +got):\n%s", test.name, err, diff)
		}
	}
	if _, _, err := h.apiKeys.Create(t.Context(), h.env, "app_2", clients.NewAPIKey{Scopes: []clients.APIScope{"*"}}); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("Create for no application = %v, want %v", err, clients.ErrNotFound)
	}
	operators := &environments.Environment{ID: h.env.ID, Slug: environments.OperatorsSlug}
	if _, _, err := h.apiKeys.Create(t.Context(), operators, h.app, clients.NewAPIKey{Scopes: []clients.APIScope{"environments:write"}}); err != nil {
		t.Errorf("Create for operators = %v", err)
	}
}

func TestAPIKeysAreFew(t *testing.T) {
	db := storagetest.Open(t, storagetest.SQLiteURL(t))
	h := newHouse(t, db)
	var first clients.APIKey
	for i := range 120 {
		h.now = h.now.Add(time.Minute)
		k, _ := h.create(t, clients.NewAPIKey{ExpiresAt: h.now.Add(time.Second)})
		if i == 0 {
			first = k
		}
	}
	for range clients.MaxLivingAPIKeys {
		h.now = h.now.Add(time.Minute)
		h.create(t, clients.NewAPIKey{})
	}
	list, err := h.apiKeys.List(t.Context(), h.env.ID, h.app)
	check(t, err)
	byID := cmpopts.IgnoreFields(clients.APIKey{}, "LastUsed")
	if len(list) != 100 || cmp.Equal(list[0], first, byID) {
		t.Errorf("%d keys are kept, want 100, the newest", len(list))
	}
	if _, _, err := h.apiKeys.Create(t.Context(), h.env, h.app, clients.NewAPIKey{Scopes: []clients.APIScope{"*"}}); fault.Of(err).Kind != fault.Conflict {
		t.Errorf("Create = %v, want a conflict", err)
	}
}

func TestAPIKeyAllows(t *testing.T) {
	for _, test := range []struct {
		has  string
		want clients.APIScope
		ok   bool
	}{
		{"users:read", "users:read", true},
		{"users:read", "users:write", false},
		{"users:write", "users:read", true},
		{"users:write", "sessions:read", false},
		{"sessions:read users:read", "users:read", true},
		{"*", "environments:write", true},
		{"users:write", "*", false},
		{"", "users:read", false},
	} {
		var k clients.APIKey
		for has := range strings.FieldsSeq(test.has) {
			k.Scopes = append(k.Scopes, clients.APIScope(has))
		}
		if got := k.Allows(test.want); got != test.ok {
			t.Errorf("a key with %q: Allows(%q) = %v, want %v", test.has, test.want, got, test.ok)
		}
	}
}
