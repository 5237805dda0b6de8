package clients

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.jetify.com/typeid/v2"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/keys"
)

// Registry keeps the applications of all environments, and answers for them from memory. It is safe for concurrent use,
// on any number of nodes.
type Registry struct {
	Store    Store
	Audit    audit.Recorder
	Pepper   *keys.Pepper
	Vault    *keys.Vault // for the secrets of client_secret_jwt
	Sessions SessionEnder
	InTx     func(ctx context.Context, fn func(context.Context) error) error
	Now      func() time.Time

	cache cache
	uses  uses
}

// SessionEnder ends the sessions of an application.
type SessionEnder interface {
	// Cut returns the cut that ends every session of the application which has been started, once the application has it.
	Cut(ctx context.Context, env environments.ID, id ID, reason string) (Cut, error)
}

// The reasons for which the Registry ends sessions.
const (
	endedDisabled = "application_disabled"
	endedDeleted  = "application_deleted"
)

// New is what Create needs to know of an application.
type New struct {
	Kind     Kind
	Name     string
	ClientID string // "" makes one
	// Configure changes what the preset of the kind doesn't suit, before the whole is validated; nil changes nothing.
	Configure func(*Application) error
}

// Create registers an application, with a secret if it authenticates by one: the only time that anyone sees it. Errors:
// fault.Invalid, one for each mistake; ErrClientIDTaken.
func (r *Registry) Create(ctx context.Context, env *environments.Environment, in New) (*Application, keys.Secret, error) {
	app := in.Kind.Preset()
	if app.Kind == "" {
		return nil, keys.Secret{}, unknownKind(in.Kind)
	}
	app.Name = in.Name
	if in.Configure != nil {
		if err := in.Configure(&app); err != nil {
			return nil, keys.Secret{}, err
		}
	}
	app.ID, app.Environment = ID(typeid.MustGenerate("app").String()), env.ID
	if app.ClientID = in.ClientID; app.ClientID == "" {
		app.ClientID = newClientID(app.Name, app.Kind)
	}
	app.CreatedAt = r.now()
	app.UpdatedAt = app.CreatedAt
	app.SessionPolicy.Retired, app.SessionPolicy.Cut = nil, Cut{}
	app.Secrets = nil
	var secret keys.Secret
	if app.usesSecret() {
		var record Secret
		record, secret = r.newSecret("", app.CreatedAt, time.Time{})
		r.keep(&app, record, secret)
	}
	others, err := r.snapshot(ctx, env.ID)
	if err != nil {
		return nil, keys.Secret{}, err
	}
	if err := others.validate(&app, env.Kind); err != nil {
		return nil, keys.Secret{}, err
	}
	err = r.InTx(ctx, func(ctx context.Context) error {
		if err := r.Store.CreateApplication(ctx, &app); err != nil {
			return err
		}
		d, err := compare(nil, &app)
		if err != nil {
			return err
		}
		if err := r.record(ctx, &app, "application.created", d); err != nil {
			return err
		}
		for i := range app.Secrets {
			if err := r.record(ctx, &app, "application.secret_created", factsOf(&app.Secrets[i])); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, keys.Secret{}, fmt.Errorf("create application %s: %w", app.ClientID, err)
	}
	r.Invalidate(env.ID, app.ID)
	return &app, secret, nil
}

func unknownKind(kind Kind) error {
	return fault.Invalidf("kind", "kind %s must be one of %s", quote(string(kind)), list(Kinds()))
}

// Update changes the application and records the event, in one transaction. What change does to ID, Environment,
// CreatedAt, UpdatedAt, Secrets, SessionPolicy.Retired and SessionPolicy.Cut has no effect. A change that leaves everything as it was is no
// event. An application that becomes public loses its secrets, and one that is disabled its sessions.
//
// Errors: ErrNotFound; that of change; fault.Invalid, one for each mistake; fault.Conflict if change removes the default
// redirect URI and puts no new one in its place.
func (r *Registry) Update(ctx context.Context, env *environments.Environment, id ID, change func(*Application) error) error {
	return r.update(ctx, env, id, change, validChange)
}

// Declare makes the application what p.Declare makes of it, managed by whoever declares it, as Update does. As all of the
// redirect URIs are declared, the default can be missing among them.
func (r *Registry) Declare(ctx context.Context, env *environments.Environment, id ID, p Patch, by environments.Manager) error {
	return r.update(ctx, env, id, func(a *Application) error {
		a.ManagedBy = by
		return p.Declare(a)
	}, sameClientID)
}

func (r *Registry) update(ctx context.Context, env *environments.Environment, id ID, change func(*Application) error, allowed func(before, after *Application) error) error {
	others, err := r.snapshot(ctx, env.ID)
	if err != nil {
		return err
	}
	err = r.Store.UpdateApplication(ctx, env.ID, id, func(ctx context.Context, app *Application) error {
		before := app.Clone()
		if err := change(app); err != nil {
			return err
		}
		// UpdatedAt tells states apart, and one policy from the next, also within a microsecond.
		now := r.now()
		if !now.After(before.UpdatedAt) {
			now = before.UpdatedAt.Add(time.Microsecond)
		}
		if err := others.settle(before, app, env.Kind, now, allowed); err != nil {
			return err
		}
		d, err := compare(before, app)
		if err != nil || d.Empty() {
			return err
		}
		app.UpdatedAt = now
		name := "application.updated"
		switch {
		case before.Enabled && !app.Enabled:
			name = "application.disabled"
			if app.SessionPolicy.Cut, err = r.Sessions.Cut(ctx, env.ID, id, endedDisabled); err != nil {
				return err
			}
		case !before.Enabled && app.Enabled:
			name = "application.enabled"
		}
		if err := r.record(ctx, app, name, d); err != nil {
			return err
		}
		if app.TokenEndpointAuthMethod != AuthClientSecretJWT {
			app.forgetSealed()
		}
		if app.Public() {
			return r.endSecrets(ctx, app, now, now)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("update application %s: %w", id, err)
	}
	r.Invalidate(env.ID, id)
	return nil
}

// Preview returns the application as it is and as Update would leave it, and changes nothing. Its errors are those of Update.
func (r *Registry) Preview(ctx context.Context, env *environments.Environment, id ID, change func(*Application) error) (before, after *Application, err error) {
	others, err := r.snapshot(ctx, env.ID)
	if err != nil {
		return nil, nil, err
	}
	if before, err = r.ByID(ctx, env.ID, id); err != nil {
		return nil, nil, err
	}
	after = before.Clone()
	if err = change(after); err == nil {
		err = others.settle(before, after, env.Kind, r.now(), validChange)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("preview a change of application %s: %w", id, err)
	}
	return before, after, nil
}

// settle takes back what no change can change, retires the policy that a change at now replaced, and validates the result.
func (s *snapshot) settle(before, app *Application, kind environments.Kind, now time.Time, allowed func(before, after *Application) error) error {
	app.ID, app.Environment, app.Secrets = before.ID, before.Environment, before.Secrets
	app.CreatedAt, app.UpdatedAt = before.CreatedAt, before.UpdatedAt
	if app.SessionPolicy.sameClocks(before.SessionPolicy) {
		app.SessionPolicy.Retired, app.SessionPolicy.Cut = before.SessionPolicy.Retired, before.SessionPolicy.Cut
	} else {
		app.SessionPolicy = before.SessionPolicy.replacedBy(app.SessionPolicy, now)
	}
	// Disabling is an emergency, which no rule that came later may stand in the way of.
	switched := *before
	if switched.Enabled = app.Enabled; reflect.DeepEqual(&switched, app) {
		return nil
	}
	return errors.Join(allowed(before, app), s.validate(app, kind))
}

// validChange refuses what can't be told from the application after the change alone.
func validChange(before, after *Application) error {
	if err := sameClientID(before, after); err != nil {
		return err
	}
	if len(before.RedirectURIs) == 0 || slices.Contains(after.RedirectURIs, before.RedirectURIs[0]) {
		return nil
	}
	if len(after.RedirectURIs) == 0 || slices.Contains(before.RedirectURIs, after.RedirectURIs[0]) {
		return fault.Conflictf("redirect_uris", "%s is the default redirect URI, which can't be deleted: make another one the default first", quote(before.RedirectURIs[0]))
	}
	return nil
}

func sameClientID(before, after *Application) error {
	if after.ClientID != before.ClientID {
		return fault.Invalidf("client_id", "client_id can't be changed: register another application")
	}
	return nil
}

// SetEnabled switches the application on or off. Switching it off ends its sessions and refuses its credentials from the
// next request on.
func (r *Registry) SetEnabled(ctx context.Context, env *environments.Environment, id ID, enabled bool) error {
	return r.Update(ctx, env, id, func(app *Application) error {
		app.Enabled = enabled
		return nil
	})
}

// EndSessions ends every session of the application, however many there are. Errors: ErrNotFound.
func (r *Registry) EndSessions(ctx context.Context, env environments.ID, id ID, reason string) error {
	err := r.cut(ctx, env, id, reason, func(ctx context.Context, app *Application) error {
		return r.Audit.Record(ctx, audit.Event{
			Name: "application.sessions_ended", Environment: string(env), Application: string(id), Target: string(id), Reason: reason,
		})
	})
	if err != nil {
		return fmt.Errorf("end the sessions of application %s: %w", id, err)
	}
	r.Invalidate(env, id)
	return nil
}

// cut ends every session of the application, and calls then, in one transaction.
func (r *Registry) cut(ctx context.Context, env environments.ID, id ID, reason string, then func(context.Context, *Application) error) error {
	return r.Store.UpdateApplication(ctx, env, id, func(ctx context.Context, app *Application) (err error) {
		if app.SessionPolicy.Cut, err = r.Sessions.Cut(ctx, env, id, reason); err != nil {
			return err
		}
		return then(ctx, app)
	})
}

// ForgetRetired drops the policy that was retired at the time, once the row of every session that ended under it says so.
func (r *Registry) ForgetRetired(ctx context.Context, env environments.ID, id ID, until time.Time) error {
	err := r.Store.UpdateApplication(ctx, env, id, func(_ context.Context, app *Application) error {
		p := &app.SessionPolicy
		p.Retired = slices.DeleteFunc(p.Retired, func(old RetiredPolicy) bool { return old.Until.Equal(until) })
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget a retired policy of %s: %w", id, err)
	}
	r.Invalidate(env, id)
	return nil
}

// Delete ends the application's sessions and removes it, with everything that belongs to it. Errors: ErrNotFound, ErrIsDefault.
func (r *Registry) Delete(ctx context.Context, env *environments.Environment, id ID) error {
	err := r.InTx(ctx, func(ctx context.Context) error {
		err := r.cut(ctx, env.ID, id, endedDeleted, func(ctx context.Context, app *Application) error {
			if env.DefaultApplication == string(id) {
				return ErrIsDefault
			}
			d, err := compare(app, nil)
			if err != nil {
				return err
			}
			return r.record(ctx, app, "application.deleted", d)
		})
		if err != nil {
			return err
		}
		return r.Store.DeleteApplication(ctx, env.ID, id, r.now())
	})
	if err != nil {
		return fmt.Errorf("delete application %s: %w", id, err)
	}
	r.Invalidate(env.ID, id)
	return nil
}

// List returns at most limit applications, 1 to 100, in the order of their creation, after the given ID ("" from the
// start), with the latest uses of their secrets.
func (r *Registry) List(ctx context.Context, env environments.ID, after ID, limit int) ([]*Application, error) {
	if limit < 1 || limit > 100 {
		return nil, fault.Invalidf("limit", "limit %d must be 1 to 100", limit)
	}
	apps, err := r.Store.Applications(ctx, env, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list applications of %s: %w", env, err)
	}
	for _, app := range apps {
		r.uses.fill(app.Secrets)
	}
	return apps, nil
}

// now is the time in UTC and in microseconds, as it is stored.
func (r *Registry) now() time.Time { return r.Now().UTC().Truncate(time.Microsecond) }

func (r *Registry) record(ctx context.Context, app *Application, name string, data any) error {
	return r.Audit.Record(ctx, audit.Event{
		Name: name, Environment: string(app.Environment), Application: string(app.ID), Target: string(app.ID), Data: data,
	})
}

// clientIDForm has what needs no care in a URL, a header or a log (RFC 6749 appendix A.1 allows more).
var clientIDForm = regexp.MustCompile(`^[A-Za-z0-9._~:@/-]{1,128}$`)

var clientIDEncoding = base32.NewEncoding("abcdefghjkmnpqrstuvwxyz023456789").WithPadding(base32.NoPadding)

// newClientID makes a client ID that people recognize by the application's name, with 80 random bits.
func newClientID(name string, kind Kind) string {
	const longest = 24
	words := strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') })
	readable := strings.Join(words, "-")
	if len(readable) > longest {
		readable = strings.TrimRight(readable[:longest], "-")
	}
	if readable == "" {
		readable = string(kind)
	}
	var random [10]byte
	rand.Read(random[:])
	return readable + "-" + clientIDEncoding.EncodeToString(random[:])
}
