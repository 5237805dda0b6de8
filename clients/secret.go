package clients

import (
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.jetify.com/typeid/v2"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/keys"
)

// Secret is one of an application's client secrets, of which the clear text is not kept.
type Secret struct {
	ID   string // sec_…
	Name string
	Hint string // its last four characters
	Hash [32]byte
	// Sealed is the secret as the Vault encrypted it, while the application authenticates by client_secret_jwt; "" if the secret
	// is older than that.
	Sealed    string
	CreatedAt time.Time
	ExpiresAt time.Time // the zero value is never
	// LastUsed is the zero value if it was never used. The Store reads it, and changes it by MarkSecretsUsed alone.
	LastUsed SecretUse
}

// SecretUse is the latest use of a secret.
type SecretUse struct {
	At      time.Time
	Address string
}

// SecretPrefix begins every client secret, so that scanners recognize it.
const SecretPrefix = "ps_"

// Limits of secrets.
const (
	MaxLivingSecrets = 10
	// MaxOverlap is the longest time that RotateSecret keeps older secrets.
	MaxOverlap = 90 * 24 * time.Hour

	maxSecrets      = 20 // with expired ones, of which the oldest give way
	secretHashLabel = "client secret"
	// maxPresented is more than any secret has; longer ones aren't hashed.
	maxPresented = 128
)

// Alive reports whether the secret is good at now. A moment exactly at its expiry counts as expired.
func (s *Secret) Alive(now time.Time) bool { return s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt) }

// usesSecret reports whether the application authenticates by a client secret.
func (a *Application) usesSecret() bool {
	switch a.TokenEndpointAuthMethod {
	case AuthClientSecretBasic, AuthClientSecretPost, AuthClientSecretJWT:
		return true
	}
	return false
}

func (r *Registry) newSecret(name string, now, expires time.Time) (Secret, keys.Secret) {
	secret := keys.NewSecret(SecretPrefix)
	return Secret{
		ID: typeid.MustGenerate("sec").String(), Name: name, Hint: secret.Hint(),
		Hash: r.Pepper.Sum(secretHashLabel, []byte(secret.Reveal())), CreatedAt: now, ExpiresAt: expires,
	}, secret
}

// keep gives the application the new secret, with a copy to be read again if its method needs one.
func (r *Registry) keep(app *Application, record Secret, secret keys.Secret) {
	if app.TokenEndpointAuthMethod == AuthClientSecretJWT {
		record.Sealed = string(r.Vault.Encrypt(record.label(app), []byte(secret.Reveal())))
	}
	app.Secrets = append(app.Secrets, record)
}

func (s *Secret) label(app *Application) keys.Label {
	return keys.Label{Environment: app.Environment, ID: s.ID, Purpose: secretHashLabel}
}

// forgetSealed drops the copies of secrets that nothing reads again.
func (a *Application) forgetSealed() {
	for i := range a.Secrets {
		a.Secrets[i].Sealed = ""
	}
}

// RewrapSecrets encrypts every copy of a secret of the environment that isn't under the Vault's current key-encryption key anew, and
// returns how many there were.
func (r *Registry) RewrapSecrets(ctx context.Context, env environments.ID) (moved int, err error) {
	all, err := r.All(ctx, env)
	if err != nil {
		return 0, err
	}
	old := func(s Secret) bool { return s.Sealed != "" && !r.Vault.Current([]byte(s.Sealed)) }
	for _, app := range all {
		if !slices.ContainsFunc(app.Secrets, old) {
			continue
		}
		n := 0
		err := r.Store.UpdateApplication(ctx, env, app.ID, func(_ context.Context, app *Application) error {
			for i := range app.Secrets {
				s := &app.Secrets[i]
				if !old(*s) {
					continue
				}
				sealed, err := r.Vault.Rewrap(s.label(app), []byte(s.Sealed))
				if err != nil {
					return err
				}
				s.Sealed = string(sealed)
				n++
			}
			return nil
		})
		if err != nil {
			return moved, fmt.Errorf("rewrap secrets of %s: %w", app.ID, err)
		}
		moved += n
	}
	return moved, nil
}

// CreateSecret gives the application one more client secret and returns it in clear, the only time that anyone sees it.
// The zero expires is never. Errors: ErrNotFound; ErrPublicClient (RFC 6749 §2.1); fault.Invalid for the name or an expiry
// that isn't ahead; fault.Conflict if MaxLivingSecrets are alive.
func (r *Registry) CreateSecret(ctx context.Context, env environments.ID, id ID, name string, expires time.Time) (Secret, keys.Secret, error) {
	record, secret, err := r.addSecret(ctx, env, id, name, expires, nil)
	if err != nil {
		return Secret{}, keys.Secret{}, fmt.Errorf("create secret of %s: %w", id, err)
	}
	return record, secret, nil
}

// RotateSecret gives the application a new client secret and returns it in clear, as CreateSecret does. Older secrets stay
// valid for overlap, at most MaxOverlap; zero ends them at once.
func (r *Registry) RotateSecret(ctx context.Context, env environments.ID, id ID, overlap time.Duration) (Secret, keys.Secret, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return Secret{}, keys.Secret{}, fault.Invalidf("overlap_seconds", "overlap_seconds %d must be 0 to %d, that is %s", int64(overlap/time.Second), int64(MaxOverlap/time.Second), inWords(MaxOverlap))
	}
	record, secret, err := r.addSecret(ctx, env, id, "", time.Time{}, &overlap)
	if err != nil {
		return Secret{}, keys.Secret{}, fmt.Errorf("rotate secret of %s: %w", id, err)
	}
	return record, secret, nil
}

// addSecret ends the older secrets after overlap; nil leaves them alone.
func (r *Registry) addSecret(ctx context.Context, env environments.ID, id ID, name string, expires time.Time, overlap *time.Duration) (Secret, keys.Secret, error) {
	now := r.now()
	if !expires.IsZero() {
		if expires = expires.UTC().Truncate(time.Microsecond); !expires.After(now) {
			return Secret{}, keys.Secret{}, fault.Invalidf("expires_at", "expires_at %s must be in the future", expires.Format(time.RFC3339))
		}
	}
	var m mistakes
	name = strings.TrimSpace(name)
	m.text("name", name, 0, 100)
	if err := m.err(); err != nil {
		return Secret{}, keys.Secret{}, err
	}
	record, secret := r.newSecret(name, now, expires)
	err := r.Store.UpdateApplication(ctx, env, id, func(ctx context.Context, app *Application) error {
		if app.Public() {
			return ErrPublicClient
		}
		event := "application.secret_created"
		if overlap != nil {
			event = "application.secret_rotated"
			if err := r.endSecrets(ctx, app, now, now.Add(*overlap)); err != nil {
				return err
			}
		}
		living := 0
		for i := range app.Secrets {
			if app.Secrets[i].Alive(now) {
				living++
			}
		}
		if living >= MaxLivingSecrets {
			return fault.Conflictf("", "the application has %d secrets that haven't expired, which is the most: end one first", living)
		}
		r.keep(app, record, secret)
		app.forgetSecrets(now)
		return r.record(ctx, app, event, factsOf(&record))
	})
	if err != nil {
		return Secret{}, keys.Secret{}, err
	}
	r.Invalidate(env, id)
	return record, secret, nil
}

// ExpireSecret lets the secret expire at a time; one that isn't ahead ends it at once. An expired secret stays expired.
// Errors: ErrNotFound; fault.NotFound for the secret; fault.Conflict if it has expired.
func (r *Registry) ExpireSecret(ctx context.Context, env environments.ID, id ID, secret string, at time.Time) error {
	err := r.Store.UpdateApplication(ctx, env, id, func(ctx context.Context, app *Application) error {
		now := r.now()
		i := slices.IndexFunc(app.Secrets, func(s Secret) bool { return s.ID == secret })
		if i < 0 {
			return fault.NotFoundf("the application has no secret %s", quote(secret))
		}
		s := &app.Secrets[i]
		if !s.Alive(now) {
			return fault.Conflictf("", "the secret expired at %s", s.ExpiresAt.Format(time.RFC3339))
		}
		if s.ExpiresAt = at.UTC().Truncate(time.Microsecond); s.ExpiresAt.Before(now) {
			s.ExpiresAt = now
		}
		return r.record(ctx, app, "application.secret_expired", factsOf(s))
	})
	if err != nil {
		return fmt.Errorf("expire secret of %s: %w", id, err)
	}
	r.Invalidate(env, id)
	return nil
}

// Secrets returns the application's secrets, the oldest first, with their latest uses, also those of the last second.
func (r *Registry) Secrets(ctx context.Context, env environments.ID, id ID) ([]Secret, error) {
	app, err := r.Store.Application(ctx, env, id)
	if err != nil {
		return nil, fmt.Errorf("read secrets of %s: %w", id, err)
	}
	r.uses.fill(app.Secrets)
	return app.Secrets, nil
}

// endSecrets lets every secret expire at a time, unless it does so earlier.
func (r *Registry) endSecrets(ctx context.Context, app *Application, now, at time.Time) error {
	for i := range app.Secrets {
		s := &app.Secrets[i]
		if !s.Alive(now) || !s.ExpiresAt.IsZero() && s.ExpiresAt.Before(at) {
			continue
		}
		s.ExpiresAt = at
		if err := r.record(ctx, app, "application.secret_expired", factsOf(s)); err != nil {
			return err
		}
	}
	return nil
}

// forgetSecrets drops the longest expired where there are more than maxSecrets.
func (a *Application) forgetSecrets(now time.Time) {
	for len(a.Secrets) > maxSecrets {
		oldest := -1
		for i := range a.Secrets {
			if !a.Secrets[i].Alive(now) && (oldest < 0 || a.Secrets[i].ExpiresAt.Before(a.Secrets[oldest].ExpiresAt)) {
				oldest = i
			}
		}
		a.Secrets = slices.Delete(a.Secrets, oldest, oldest+1)
	}
}

// secretFacts is what an event tells of a secret.
type secretFacts struct {
	Secret    string    `json:"secret"`
	Name      string    `json:"name,omitempty"`
	Hint      string    `json:"hint"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

func factsOf(s *Secret) secretFacts {
	return secretFacts{Secret: s.ID, Name: s.Name, Hint: s.Hint, ExpiresAt: s.ExpiresAt}
}

// Authenticate reports whether presented is a living secret of the enabled application, and notes its use. It takes the
// same time for a right and a wrong secret, and for an application with none.
func (r *Registry) Authenticate(_ context.Context, app *Application, presented string, address string) bool {
	now := r.Now().UTC()
	var buffer [maxPresented]byte
	n := copy(buffer[:], presented)
	used := -1
	for sum := range r.Pepper.Sums(secretHashLabel, buffer[:n]) {
		for i := range app.Secrets {
			if s := &app.Secrets[i]; subtle.ConstantTimeCompare(s.Hash[:], sum[:]) == 1 && s.Alive(now) {
				used = i
			}
		}
	}
	if used < 0 || n < len(presented) || !app.Enabled || app.Public() {
		return false
	}
	r.uses.mark(app.Secrets[used].ID, SecretUse{At: now, Address: address})
	return true
}

// AuthenticateSigned reports whether verify holds for a living secret of the enabled application that can be read
// (client_secret_jwt, OIDC Core §9), and notes its use. For an application with none, and one that doesn't exist, verify is asked
// about a secret that nobody has. An error is our fault.
func (r *Registry) AuthenticateSigned(app *Application, verify func(secret []byte) bool, address string) (bool, error) {
	now := r.Now().UTC()
	used, asked := -1, false
	for i := range app.Secrets {
		s := &app.Secrets[i]
		if s.Sealed == "" || !s.Alive(now) {
			continue
		}
		secret, err := r.Vault.Decrypt(s.label(app), []byte(s.Sealed))
		if err != nil {
			return false, fmt.Errorf("read a secret of %s: %w", app.ID, err)
		}
		if asked = true; verify(secret) {
			used = i
		}
		clear(secret)
	}
	if !asked {
		verify([]byte(keys.NewSecret(SecretPrefix).Reveal()))
	}
	if used < 0 || !app.Enabled || app.TokenEndpointAuthMethod != AuthClientSecretJWT {
		return false, nil
	}
	r.uses.mark(app.Secrets[used].ID, SecretUse{At: now, Address: address})
	return true, nil
}

// AuthenticateUnknown spends the time of Authenticate on behalf of a client that doesn't exist.
func (r *Registry) AuthenticateUnknown(presented string) {
	r.Authenticate(context.Background(), &Application{}, presented, "")
}

// Flush writes which secrets were used since the last call. What it couldn't write is written by the next. The server
// calls it every second.
func (r *Registry) Flush(ctx context.Context) error {
	marks := r.uses.take()
	if len(marks) == 0 {
		return nil
	}
	if err := r.Store.MarkSecretsUsed(ctx, marks); err != nil {
		r.uses.giveBack(marks)
		return fmt.Errorf("note the use of %d secrets: %w", len(marks), err)
	}
	return nil
}

// uses collects the latest uses of secrets that were not yet written.
type uses struct {
	mu    sync.Mutex
	marks map[string]SecretUse
}

func (u *uses) mark(secret string, use SecretUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.marks == nil {
		u.marks = map[string]SecretUse{}
	}
	if !use.At.Before(u.marks[secret].At) {
		u.marks[secret] = use
	}
}

func (u *uses) take() map[string]SecretUse {
	u.mu.Lock()
	defer u.mu.Unlock()
	marks := u.marks
	u.marks = nil
	return marks
}

func (u *uses) giveBack(marks map[string]SecretUse) {
	for secret, use := range marks {
		u.mark(secret, use)
	}
}

// fill adds uses that were not yet written.
func (u *uses) fill(secrets []Secret) {
	for i := range secrets {
		secrets[i].LastUsed = u.latest(secrets[i].ID, secrets[i].LastUsed)
	}
}

// latest is the latest use of a secret whose last use was written.
func (u *uses) latest(secret string, written SecretUse) SecretUse {
	u.mu.Lock()
	defer u.mu.Unlock()
	if use := u.marks[secret]; use.At.After(written.At) {
		return use
	}
	return written
}
