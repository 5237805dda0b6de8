package clients

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/keys"
)

var errAudit = errors.New("the audit log is full")

type failingAudit struct{}

func (failingAudit) Record(context.Context, audit.Event) error { return errAudit }

// authenticates asks as the token endpoint does.
func authenticates(t *testing.T, r *Registry, app *Application, secret keys.Secret) bool {
	t.Helper()
	fresh, err := r.ByClientID(context.Background(), app.Environment, app.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	return r.Authenticate(context.Background(), fresh, secret.Reveal(), "192.0.2.1")
}

// acceptance 49, 52
func TestSecrets(t *testing.T) {
	ctx := context.Background()
	r, m, c := newRegistry(t)
	app, first := mustCreate(t, r, production, Web, nil)
	m.told(t)

	record, second, err := r.CreateSecret(ctx, production.ID, app.ID, "next", c.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if record.Name != "next" || record.Hint != second.Reveal()[len(second.Reveal())-4:] || !record.ExpiresAt.Equal(c.Now().Add(time.Hour)) {
		t.Errorf("CreateSecret = %+v", record)
	}
	if !authenticates(t, r, app, first) || !authenticates(t, r, app, second) {
		t.Errorf("of two secrets one fails")
	}
	c.forward(time.Hour - time.Microsecond)
	if !authenticates(t, r, app, second) {
		t.Errorf("a secret fails before it expires")
	}
	c.forward(time.Microsecond)
	if authenticates(t, r, app, second) {
		t.Errorf("a secret is good when it expires")
	}
	if !authenticates(t, r, app, first) {
		t.Errorf("a secret fails as another expires")
	}

	_, third, err := r.RotateSecret(ctx, production.ID, app.ID, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if !authenticates(t, r, app, first) || !authenticates(t, r, app, third) {
		t.Errorf("while it overlaps, one of two secrets fails")
	}
	c.forward(time.Minute)
	if authenticates(t, r, app, first) || !authenticates(t, r, app, third) {
		t.Errorf("after the overlap the old secret is good, or the new one isn't")
	}
	_, fourth, err := r.RotateSecret(ctx, production.ID, app.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	if authenticates(t, r, app, third) || !authenticates(t, r, app, fourth) {
		t.Errorf("without an overlap the old secret is good, or the new one isn't")
	}

	secrets, err := r.Secrets(ctx, production.ID, app.ID)
	if err != nil {
		t.Fatal(err)
	}
	last := secrets[len(secrets)-1]
	if err := r.ExpireSecret(ctx, production.ID, app.ID, last.ID, c.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if !authenticates(t, r, app, fourth) {
		t.Errorf("a secret fails that expires in a second")
	}
	if err := r.ExpireSecret(ctx, production.ID, app.ID, last.ID, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if authenticates(t, r, app, fourth) {
		t.Errorf("a secret is good that was ended")
	}
	if err := r.ExpireSecret(ctx, production.ID, app.ID, last.ID, c.Now().Add(time.Hour)); fault.Of(err).Kind != fault.Conflict {
		t.Errorf("ExpireSecret of an expired one = %v, want a conflict", err)
	}

	told := m.told(t)
	var names []string
	for _, line := range told {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
		for _, secret := range []keys.Secret{first, second, third, fourth} {
			if strings.Contains(line, secret.Reveal()) {
				t.Errorf("an event has a secret: %s", line)
			}
		}
	}
	if diff := cmp.Diff([]string{
		"application.secret_created", "application.secret_expired", "application.secret_rotated", "application.secret_expired",
		"application.secret_rotated", "application.secret_expired", "application.secret_expired",
	}, names); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if want := fmt.Sprintf(`application.secret_created {"secret":"%s","name":"next","hint":"%s","expires_at":"2026-11-24T10:00:00Z"}`, record.ID, record.Hint); told[0] != want {
		t.Errorf("event %s\nwant %s", told[0], want)
	}
}

func TestSecretsRefused(t *testing.T) {
	ctx := context.Background()
	r, m, c := newRegistry(t)
	web, _ := mustCreate(t, r, production, Web, nil)
	spa, _ := mustCreate(t, r, production, SPA, nil)
	m.told(t)
	create := func(id ID, name string, expires time.Time) func() error {
		return func() error { _, _, err := r.CreateSecret(ctx, production.ID, id, name, expires); return err }
	}
	rotate := func(id ID, overlap time.Duration) func() error {
		return func() error { _, _, err := r.RotateSecret(ctx, production.ID, id, overlap); return err }
	}
	for _, test := range []struct {
		name string
		do   func() error
		want error
	}{
		{"of a public client", create(spa.ID, "", time.Time{}), ErrPublicClient}, // RFC 6749 §2.1, acceptance 51
		{"rotation of a public client", rotate(spa.ID, 0), ErrPublicClient},
		{"of nobody", create("app_x", "", time.Time{}), ErrNotFound},
		{"rotation of nobody", rotate("app_x", 0), ErrNotFound},
		{"expired", create(web.ID, "", c.Now()), fault.Invalidf("expires_at", "expires_at 2026-11-24T09:00:00Z must be in the future")},
		{"name", create(web.ID, strings.Repeat("a", 101), time.Time{}), fault.Invalidf("name", "")},
		{"negative overlap", rotate(web.ID, -1), fault.Invalidf("overlap_seconds", "")},
		{"long overlap", rotate(web.ID, MaxOverlap+time.Second), fault.Invalidf("overlap_seconds", "overlap_seconds 7776001 must be 0 to 7776000, that is 90 days")},
		{"unknown secret", func() error { return r.ExpireSecret(ctx, production.ID, web.ID, "sec_x", time.Time{}) }, &fault.Error{Kind: fault.NotFound}},
		{"secret of another", func() error { return r.ExpireSecret(ctx, production.ID, spa.ID, web.Secrets[0].ID, time.Time{}) }, &fault.Error{Kind: fault.NotFound}},
		{"secrets of nobody", func() error { _, err := r.Secrets(ctx, development.ID, web.ID); return err }, ErrNotFound},
	} {
		if err := test.do(); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if told := m.told(t); len(told) > 0 {
		t.Errorf("refusals left the events %q", told)
	}
}

func TestSecretsAreBounded(t *testing.T) {
	ctx := context.Background()
	r, _, c := newRegistry(t)
	app, _ := mustCreate(t, r, production, Web, nil)
	for range MaxLivingSecrets - 1 {
		if _, _, err := r.CreateSecret(ctx, production.ID, app.ID, "", time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := r.CreateSecret(ctx, production.ID, app.ID, "", time.Time{}); fault.Of(err).Kind != fault.Conflict {
		t.Errorf("CreateSecret of one too many = %v, want a conflict", err)
	}
	var newest string
	for range 3 * maxSecrets {
		c.forward(time.Second)
		record, _, err := r.RotateSecret(ctx, production.ID, app.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		newest = record.ID
	}
	secrets, err := r.Secrets(ctx, production.ID, app.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(secrets) != maxSecrets || secrets[len(secrets)-1].ID != newest || !secrets[len(secrets)-1].Alive(c.Now()) {
		t.Errorf("%d secrets are kept, want %d with the newest", len(secrets), maxSecrets)
	}
	for _, s := range secrets[:len(secrets)-1] {
		if age := c.Now().Sub(s.ExpiresAt); age > maxSecrets*time.Second {
			t.Errorf("a secret is kept that expired %v ago", age)
		}
	}
}

func TestAuthenticate(t *testing.T) {
	ctx := context.Background()
	r, _, _ := newRegistry(t)
	a, right := mustCreate(t, r, production, Web, nil)
	b, other := mustCreate(t, r, production, Web, nil)
	spa, _ := mustCreate(t, r, production, SPA, nil)

	// A secret that was hashed under the pepper before this one.
	older := keys.NewSecret(SecretPrefix)
	old, err := keys.NewPepper([]byte(strings.Repeat("q", keys.MinPepper)))
	if err != nil {
		t.Fatal(err)
	}
	aged := a.Clone()
	aged.Secrets = append(aged.Secrets, Secret{ID: "sec_old", Hash: old.Sum(secretHashLabel, []byte(older.Reveal()))})

	empty := b.Clone()
	empty.Secrets = []Secret{{ID: "sec_zero"}}
	for _, test := range []struct {
		name      string
		app       *Application
		presented string
		want      bool
	}{
		{"right", a, right.Reveal(), true},
		{"of another", b, right.Reveal(), false}, // acceptance 50
		{"the other's", b, other.Reveal(), true},
		{"empty", a, "", false}, // fosite.md §3: a hasher that accepts ("","") opens introspection
		{"empty for a zero hash", empty, "", false},
		{"empty for a public client", spa, "", false},
		{"any for a public client", spa, right.Reveal(), false},
		{"longer", a, right.Reveal() + "x", false},
		{"shorter", a, right.Reveal()[:45], false},
		{"other case", a, strings.ToUpper(right.Reveal()), false},
		{"very long", a, right.Reveal() + strings.Repeat("x", 1<<20), false},
		{"zero bytes", a, right.Reveal() + "\x00", false},
		{"under the previous pepper", aged, older.Reveal(), true},
		{"under this pepper, beside an old one", aged, right.Reveal(), true},
	} {
		if got := r.Authenticate(ctx, test.app, test.presented, ""); got != test.want {
			t.Errorf("%s: Authenticate = %v, want %v", test.name, got, test.want)
		}
	}

	wasSecret := a.Clone()
	wasSecret.TokenEndpointAuthMethod = AuthNone
	if r.Authenticate(ctx, wasSecret, right.Reveal(), "") {
		t.Errorf("a public client authenticates by a secret from before")
	}
}

// acceptance 51: an application that becomes public has no secret any more, nor when it stops being so.
func TestBecomingPublicEndsSecrets(t *testing.T) {
	ctx := context.Background()
	r, m, c := newRegistry(t)
	app, secret := mustCreate(t, r, production, Web, nil)
	m.told(t)
	for _, method := range []AuthMethod{AuthNone, AuthClientSecretPost} {
		if err := r.Update(ctx, production, app.ID, func(a *Application) error { a.TokenEndpointAuthMethod = method; return nil }); err != nil {
			t.Fatal(err)
		}
		if authenticates(t, r, app, secret) {
			t.Errorf("the secret is good under %s", method)
		}
		c.forward(time.Second)
	}
	told := m.told(t)
	if !slices.ContainsFunc(told, func(s string) bool { return strings.HasPrefix(s, "application.secret_expired ") }) {
		t.Errorf("the events are %q", told)
	}
}

// acceptance 48
func TestFlushWritesLastUses(t *testing.T) {
	ctx := context.Background()
	r, m, c := newRegistry(t)
	app, secret := mustCreate(t, r, production, Web, nil)
	lastUsed := func() SecretUse {
		t.Helper()
		secrets, err := r.Secrets(ctx, production.ID, app.ID)
		if err != nil {
			t.Fatal(err)
		}
		return secrets[0].LastUsed
	}
	stored := func() SecretUse { return m.apps[app.ID].Secrets[0].LastUsed }
	use := func(address string) SecretUse {
		c.forward(time.Second)
		if !r.Authenticate(ctx, app, secret.Reveal(), address) {
			t.Fatal("the secret fails")
		}
		return SecretUse{At: c.Now(), Address: address}
	}

	r.Authenticate(ctx, app, "wrong", "192.0.2.9")
	if err := r.Flush(ctx); err != nil || stored() != (SecretUse{}) {
		t.Errorf("a wrong secret is noted: %+v, %v", stored(), err)
	}
	use("192.0.2.1")
	want := use("192.0.2.2")
	if got := lastUsed(); got != want || stored() != (SecretUse{}) {
		t.Errorf("LastUsed before Flush = %+v, want %+v; stored %+v", got, want, stored())
	}

	// What can't be written is kept, but for what was used again.
	boom := errors.New("no database")
	m.fail(boom)
	if err := r.Flush(ctx); !errors.Is(err, boom) {
		t.Errorf("Flush = %v, want %v", err, boom)
	}
	m.fail(nil)
	if got := lastUsed(); got != want {
		t.Errorf("LastUsed after a Flush that failed = %+v, want %+v", got, want)
	}
	marks := r.uses.take()
	want = use("192.0.2.3")
	r.uses.giveBack(marks)
	if err := r.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if stored() != want || lastUsed() != want {
		t.Errorf("LastUsed after Flush = %+v, stored %+v, want %+v", lastUsed(), stored(), want)
	}
}

// TestSignedSecrets is client_secret_jwt: only for it, and from then on, secrets can be read again.
func TestSignedSecrets(t *testing.T) {
	ctx := context.Background()
	r, _, c := newRegistry(t)
	app, old := mustCreate(t, r, production, Web, nil)
	signs := func(secret keys.Secret) bool {
		t.Helper()
		fresh, err := r.ByID(ctx, production.ID, app.ID)
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		ok, err := r.AuthenticateSigned(fresh, func(s []byte) bool {
			asked++
			return string(s) == secret.Reveal()
		}, "192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		if asked == 0 {
			t.Error("nothing was verified, which an attacker could measure")
		}
		return ok
	}
	change := func(method AuthMethod) {
		t.Helper()
		err := r.Update(ctx, production, app.ID, func(a *Application) error {
			a.TokenEndpointAuthMethod = method
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	sealed := func() (n int) {
		secrets, err := r.Secrets(ctx, production.ID, app.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range secrets {
			if s.Sealed != "" {
				n++
			}
			if strings.Contains(s.Sealed, "ps_") {
				t.Error("a copy of a secret is in clear")
			}
		}
		return n
	}
	create := func() (Secret, keys.Secret) {
		t.Helper()
		record, secret, err := r.CreateSecret(ctx, production.ID, app.ID, "", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return record, secret
	}

	if signs(old) || sealed() != 0 {
		t.Error("a secret of client_secret_basic can be read")
	}
	change(AuthClientSecretJWT)
	if signs(old) {
		t.Error("a secret from before signs")
	}
	record, secret := create()
	if !signs(secret) || signs(old) || signs(keys.Secret{}) || sealed() != 1 {
		t.Errorf("the new secret doesn't sign, or another does; %d are sealed", sealed())
	}
	if secrets, _ := r.Secrets(ctx, production.ID, app.ID); !secrets[1].LastUsed.At.Equal(c.Now()) || secrets[1].LastUsed.Address != "192.0.2.1" {
		t.Errorf("its last use is %+v", secrets[1].LastUsed)
	}
	if err := r.SetEnabled(ctx, production, app.ID, false); err != nil {
		t.Fatal(err)
	}
	if signs(secret) {
		t.Error("a disabled application authenticates")
	}
	if err := r.SetEnabled(ctx, production, app.ID, true); err != nil {
		t.Fatal(err)
	}
	if err := r.ExpireSecret(ctx, production.ID, app.ID, record.ID, c.Now()); err != nil {
		t.Fatal(err)
	}
	if signs(secret) {
		t.Error("an expired secret signs")
	}

	_, secret = create()
	change(AuthClientSecretPost)
	if sealed() != 0 || signs(secret) || !authenticates(t, r, app, secret) {
		t.Error("after client_secret_jwt a copy is left, or the secret is no good")
	}
	change(AuthClientSecretJWT)
	if signs(secret) {
		t.Error("a copy came back")
	}

	// Who creates an application with the method has a secret for it at once.
	app, secret = mustCreate(t, r, production, Machine, func(a *Application) { a.TokenEndpointAuthMethod = AuthClientSecretJWT })
	if !signs(secret) {
		t.Error("the first secret doesn't sign")
	}

	// Another key-encryption key: the copy is read under the previous one until it is wrapped anew.
	previous, next := []byte(strings.Repeat("v", keys.MinKeyEncryptionKey)), []byte(strings.Repeat("w", keys.MinKeyEncryptionKey))
	var err error
	if r.Vault, err = keys.NewVault(next, previous); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 0} {
		if moved, err := r.RewrapSecrets(ctx, production.ID); err != nil || moved != want {
			t.Fatalf("RewrapSecrets = %d, %v, want %d", moved, err, want)
		}
		r.InvalidateAll()
	}
	if r.Vault, err = keys.NewVault(next); err != nil {
		t.Fatal(err)
	}
	if !signs(secret) {
		t.Error("after RewrapSecrets the secret doesn't sign")
	}
	moved := app.Clone()
	moved.Environment = development.ID
	if _, err := r.AuthenticateSigned(moved, func([]byte) bool { return true }, ""); err == nil {
		t.Error("a copy can be read in another environment")
	}
}
