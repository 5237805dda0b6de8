package clients

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"go.jetify.com/typeid/v2"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/keys"
)

// APIKey is a credential of one application for the management API of its environment, of which the clear text is not
// kept. It reaches what its scopes say, of every application.
type APIKey struct {
	ID          string // key_…
	Environment environments.ID
	Application ID
	Name        string
	Hint        string // its last four characters
	Hash        [32]byte
	Scopes      []APIScope
	CreatedAt   time.Time
	ExpiresAt   time.Time // the zero value is never
	RevokedAt   time.Time // zero while it was not revoked
	// LastUsed is the zero value if it was never used. The Store reads it, and changes it by MarkAPIKeysUsed alone.
	LastUsed SecretUse
}

// APIScope is what an API key may do. To write includes to read.
type APIScope string

// The scopes of the management API.
const (
	ScopeAll                APIScope = "*"
	ScopeReadApplications   APIScope = "applications:read"
	ScopeWriteApplications  APIScope = "applications:write" // with their secrets, and API keys of no more scopes than its own
	ScopeReadUsers          APIScope = "users:read"
	ScopeWriteUsers         APIScope = "users:write"
	ScopeReadOrganizations  APIScope = "organizations:read" // with memberships and roles
	ScopeWriteOrganizations APIScope = "organizations:write"
	ScopeReadSessions       APIScope = "sessions:read"
	ScopeWriteSessions      APIScope = "sessions:write"
	ScopeReadEvents         APIScope = "events:read"
	ScopeReadKeys           APIScope = "keys:read" // signing keys
	ScopeWriteKeys          APIScope = "keys:write"
	ScopeReadSettings       APIScope = "settings:read"
	ScopeWriteSettings      APIScope = "settings:write"
	ScopeReadEnvironments   APIScope = "environments:read" // for keys of the operators environment
	ScopeWriteEnvironments  APIScope = "environments:write"
	ScopeReadOperators      APIScope = "operators:read" // for keys of the operators environment
	ScopeWriteOperators     APIScope = "operators:write"
)

// APIScopes lists every APIScope.
func APIScopes() []APIScope {
	return []APIScope{
		ScopeReadApplications, ScopeWriteApplications, ScopeReadUsers, ScopeWriteUsers, ScopeReadOrganizations, ScopeWriteOrganizations,
		ScopeReadSessions, ScopeWriteSessions,
		ScopeReadEvents, ScopeReadKeys, ScopeWriteKeys, ScopeReadSettings, ScopeWriteSettings,
		ScopeReadEnvironments, ScopeWriteEnvironments, ScopeReadOperators, ScopeWriteOperators, ScopeAll,
	}
}

// Installation reports whether the scope is about the whole installation, and so for keys of the operators environment alone.
func (s APIScope) Installation() bool {
	subject, _, _ := strings.Cut(string(s), ":")
	return subject == "environments" || subject == "operators"
}

// Alive reports whether the key is good at now, if its application is. A moment exactly at its expiry counts as expired.
func (k *APIKey) Alive(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// Allows reports whether the key has the scope.
func (k *APIKey) Allows(scope APIScope) bool {
	return slices.ContainsFunc(k.Scopes, func(has APIScope) bool {
		subject, ok := strings.CutSuffix(string(scope), ":read")
		return has == scope || has == ScopeAll || ok && has == APIScope(subject+":write")
	})
}

// APIKeyStore keeps API keys. An application that is deleted takes its keys with it.
type APIKeyStore interface {
	// CreateAPIKey adds a key. It returns ErrNotFound if the environment has no such application.
	CreateAPIKey(ctx context.Context, k *APIKey) error
	// APIKeys returns the keys of the application, the oldest first; none if there is no such application.
	APIKeys(ctx context.Context, env environments.ID, app ID) ([]APIKey, error)
	// APIKeyByHash returns the key, whatever its environment, and whether its application is enabled. It returns
	// ErrNoAPIKey.
	APIKeyByHash(ctx context.Context, hash [32]byte) (k *APIKey, enabled bool, err error)
	// UpdateAPIKey loads the key of the application, or of any for "", calls change and saves when it expires or was revoked,
	// in one transaction that change's context carries. It returns ErrNoAPIKey.
	UpdateAPIKey(ctx context.Context, env environments.ID, app ID, id string, change func(context.Context, *APIKey) error) error
	// DeleteAPIKeys removes keys of the environment. One that is gone is no error.
	DeleteAPIKeys(ctx context.Context, env environments.ID, ids []string) error
	// MarkAPIKeysUsed notes when keys were last used, by ID, and from which address. A key that is gone is no error.
	MarkAPIKeysUsed(ctx context.Context, marks map[string]SecretUse) error
}

// Errors of API keys. Whoever presents a key has 256 bits of it, so she may know why it isn't good.
var (
	ErrNoAPIKey        error = fault.NotFoundf("there is no such API key")
	ErrAPIKeyMalformed error = fault.Unauthenticatedf("this is no API key: it has a typing error or isn't complete")
	ErrAPIKeyUnknown   error = fault.Unauthenticatedf("there is no such API key here")
	ErrAPIKeyRevoked   error = fault.Unauthenticatedf("the API key was revoked")
	ErrAPIKeyExpired   error = fault.Unauthenticatedf("the API key has expired")
	ErrAPIKeyDisabled  error = fault.Unauthenticatedf("the application of the API key is disabled")
)

// Limits of API keys of an application.
const (
	MaxLivingAPIKeys = 50

	maxAPIKeys   = 100 // with those that are over, of which the oldest give way
	apiKeyLabel  = "api key"
	checksumSize = 6
)

// APIKeys makes, ends and checks API keys. It keeps none in memory: what one node has ended is over on every node. It is
// safe for concurrent use.
type APIKeys struct {
	Store  APIKeyStore
	Audit  audit.Recorder
	Pepper *keys.Pepper
	InTx   func(ctx context.Context, fn func(context.Context) error) error
	Now    func() time.Time

	uses uses
}

// NewAPIKey is what Create needs to know of a key.
type NewAPIKey struct {
	Name      string     // "" for none
	Scopes    []APIScope // one at least
	ExpiresAt time.Time  // the zero value is never
}

// Create gives the application an API key and returns it in clear, the only time that anyone sees it:
// sk_<slug of the environment>_ and 43 characters with six of a checksum. Errors: ErrNotFound; fault.Invalid, one for each
// mistake; fault.Conflict if MaxLivingAPIKeys are alive.
func (r *APIKeys) Create(ctx context.Context, env *environments.Environment, app ID, in NewAPIKey) (APIKey, keys.Secret, error) {
	now := r.now()
	in.Name = strings.TrimSpace(in.Name)
	in.ExpiresAt = in.ExpiresAt.Truncate(time.Microsecond)
	if err := in.validate(env, now); err != nil {
		return APIKey{}, keys.Secret{}, err
	}
	secret := newAPIKeySecret(env.Slug)
	k := APIKey{
		ID: typeid.MustGenerate("key").String(), Environment: env.ID, Application: app, Name: in.Name, Hint: secret.Hint(),
		Hash: r.Pepper.Sum(apiKeyLabel, []byte(secret.Reveal())), Scopes: slices.Clone(in.Scopes), CreatedAt: now,
	}
	if !in.ExpiresAt.IsZero() {
		k.ExpiresAt = in.ExpiresAt.UTC()
	}
	err := r.InTx(ctx, func(ctx context.Context) error {
		others, err := r.Store.APIKeys(ctx, env.ID, app)
		if err != nil {
			return err
		}
		forgotten, err := makeRoom(others, now)
		if err != nil {
			return err
		}
		if err := r.Store.DeleteAPIKeys(ctx, env.ID, forgotten); err != nil {
			return err
		}
		if err := r.Store.CreateAPIKey(ctx, &k); err != nil {
			return err
		}
		return r.record(ctx, "api_key.created", &k)
	})
	if err != nil {
		return APIKey{}, keys.Secret{}, fmt.Errorf("create API key of %s: %w", app, err)
	}
	return k, secret, nil
}

func (in *NewAPIKey) validate(env *environments.Environment, now time.Time) error {
	var m mistakes
	m.text("name", in.Name, 0, 100)
	if len(in.Scopes) == 0 {
		m.add("scopes", "scopes is empty: give one of %s", list(APIScopes()))
	}
	scopes := make([]string, len(in.Scopes))
	for i, scope := range in.Scopes {
		scopes[i] = string(scope)
	}
	m.each("scopes", scopes, len(APIScopes()), func(scope string) string {
		switch {
		case !slices.Contains(APIScopes(), APIScope(scope)):
			return "must be one of " + list(APIScopes())
		case APIScope(scope).Installation() && env.Slug != environments.OperatorsSlug:
			return "is only for keys of the environment " + environments.OperatorsSlug
		}
		return ""
	})
	if !in.ExpiresAt.IsZero() && !in.ExpiresAt.After(now) {
		m.add("expires_at", "expires_at %s must be in the future", in.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return m.err()
}

// makeRoom returns the IDs of the longest ended keys that give way to a new one.
func makeRoom(all []APIKey, now time.Time) ([]string, error) {
	var over []APIKey
	for _, k := range all {
		if !k.Alive(now) {
			over = append(over, k)
		}
	}
	if living := len(all) - len(over); living >= MaxLivingAPIKeys {
		return nil, fault.Conflictf("", "the application has %d living API keys, which is the most: revoke one first", living)
	}
	slices.SortFunc(over, func(a, b APIKey) int { return a.endedAt().Compare(b.endedAt()) })
	var ids []string
	for _, k := range over[:max(0, min(len(over), len(all)+1-maxAPIKeys))] {
		ids = append(ids, k.ID)
	}
	return ids, nil
}

// endedAt is when a key that is over ended.
func (k *APIKey) endedAt() time.Time {
	if k.RevokedAt.IsZero() || !k.ExpiresAt.IsZero() && k.ExpiresAt.Before(k.RevokedAt) {
		return k.ExpiresAt
	}
	return k.RevokedAt
}

// List returns the application's keys, the oldest first, with those that are over and with their latest uses, also those
// of the last second. An application that doesn't exist has none.
func (r *APIKeys) List(ctx context.Context, env environments.ID, app ID) ([]APIKey, error) {
	all, err := r.Store.APIKeys(ctx, env, app)
	if err != nil {
		return nil, fmt.Errorf("list API keys of %s: %w", app, err)
	}
	for i := range all {
		all[i].LastUsed = r.uses.latest(all[i].ID, all[i].LastUsed)
	}
	return all, nil
}

// Revoke ends the key of the application, or of any for "", at once. Errors: ErrNoAPIKey; fault.Conflict if it is over
// already.
func (r *APIKeys) Revoke(ctx context.Context, env environments.ID, app ID, id string) (APIKey, error) {
	return r.end(ctx, env, app, id, "api_key.revoked", func(k *APIKey, now time.Time) { k.RevokedAt = now })
}

// Expire lets the key expire at a time; one that isn't ahead ends it at once. Otherwise it is as Revoke.
func (r *APIKeys) Expire(ctx context.Context, env environments.ID, app ID, id string, at time.Time) (APIKey, error) {
	return r.end(ctx, env, app, id, "api_key.expired", func(k *APIKey, now time.Time) {
		if k.ExpiresAt = at.UTC().Truncate(time.Microsecond); k.ExpiresAt.Before(now) {
			k.ExpiresAt = now
		}
	})
}

func (r *APIKeys) end(ctx context.Context, env environments.ID, app ID, id, event string, set func(*APIKey, time.Time)) (APIKey, error) {
	var ended APIKey
	err := r.Store.UpdateAPIKey(ctx, env, app, id, func(ctx context.Context, k *APIKey) error {
		now := r.now()
		if !k.RevokedAt.IsZero() {
			return fault.Conflictf("", "the API key was revoked at %s", k.RevokedAt.Format(time.RFC3339))
		}
		if !k.Alive(now) {
			return fault.Conflictf("", "the API key expired at %s", k.ExpiresAt.Format(time.RFC3339))
		}
		set(k, now)
		ended = *k
		return r.record(ctx, event, k)
	})
	if err != nil {
		return APIKey{}, fmt.Errorf("end API key %s: %w", id, err)
	}
	ended.LastUsed = r.uses.latest(id, ended.LastUsed)
	return ended, nil
}

// Authenticate returns the key of the environment that was presented from the address, and notes its use. Errors:
// ErrAPIKeyMalformed, which costs no query; ErrAPIKeyUnknown, also for a key of another environment; ErrAPIKeyRevoked;
// ErrAPIKeyExpired; ErrAPIKeyDisabled.
func (r *APIKeys) Authenticate(ctx context.Context, env environments.ID, presented, address string) (*APIKey, error) {
	if !wellFormedAPIKey(presented) {
		return nil, ErrAPIKeyMalformed
	}
	now := r.now()
	for hash := range r.Pepper.Sums(apiKeyLabel, []byte(presented)) {
		k, enabled, err := r.Store.APIKeyByHash(ctx, hash)
		switch {
		case errors.Is(err, ErrNoAPIKey):
			continue
		case err != nil:
			return nil, fmt.Errorf("find an API key: %w", err)
		case k.Environment != env:
			return nil, ErrAPIKeyUnknown
		case !k.RevokedAt.IsZero():
			return nil, ErrAPIKeyRevoked
		case !k.Alive(now):
			return nil, ErrAPIKeyExpired
		case !enabled:
			return nil, ErrAPIKeyDisabled
		}
		r.uses.mark(k.ID, SecretUse{At: now, Address: address})
		return k, nil
	}
	return nil, ErrAPIKeyUnknown
}

// Flush writes which keys were used since the last call, as Registry.Flush does for secrets.
func (r *APIKeys) Flush(ctx context.Context) error {
	marks := r.uses.take()
	if len(marks) == 0 {
		return nil
	}
	if err := r.Store.MarkAPIKeysUsed(ctx, marks); err != nil {
		r.uses.giveBack(marks)
		return fmt.Errorf("note the use of %d API keys: %w", len(marks), err)
	}
	return nil
}

// now is the time in UTC and in microseconds, as it is stored.
func (r *APIKeys) now() time.Time { return r.Now().UTC().Truncate(time.Microsecond) }

// apiKeyFacts is what an event tells of a key.
type apiKeyFacts struct {
	Name      string     `json:"name,omitempty"`
	Hint      string     `json:"hint"`
	Scopes    []APIScope `json:"scopes"`
	ExpiresAt time.Time  `json:"expires_at,omitzero"`
}

func (r *APIKeys) record(ctx context.Context, event string, k *APIKey) error {
	return r.Audit.Record(ctx, audit.Event{
		Name: event, Environment: string(k.Environment), Application: string(k.Application), Target: k.ID,
		Data: apiKeyFacts{Name: k.Name, Hint: k.Hint, Scopes: k.Scopes, ExpiresAt: k.ExpiresAt},
	})
}

func newAPIKeySecret(slug string) keys.Secret {
	key := keys.NewSecret("sk_" + slug + "_").Reveal()
	return keys.SecretOf(key + checksum(key))
}

// wellFormedAPIKey reports whether the text has the form of a key and its checksum is right.
func wellFormedAPIKey(text string) bool {
	split := len(text) - checksumSize
	return len(text) <= maxPresented && strings.HasPrefix(text, "sk_") && split > 0 && checksum(text[:split]) == text[split:]
}

// checksum is the CRC-32 (IEEE 802.3) of the text, in six digits to the base of 62, so that whoever scans for lost keys and
// whoever mistypes one learn it without asking us.
func checksum(text string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var b [checksumSize]byte
	sum := crc32.ChecksumIEEE([]byte(text))
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = digits[sum%uint32(len(digits))]
		sum /= uint32(len(digits))
	}
	return string(b[:])
}
