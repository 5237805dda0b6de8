package grants

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.jetify.com/typeid/v2"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
)

// CodePrefix begins every authorization code.
const CodePrefix = "pt_ac_"

// Ledger issues and redeems what stands on grants. It is safe for concurrent use, on any number of nodes.
type Ledger struct {
	Store    Store
	Sessions Sessions
	Pepper   *keys.Pepper
	Audit    audit.Recorder
	InTx     func(ctx context.Context, fn func(context.Context) error) error
	Now      func() time.Time
}

// Sessions ends sessions and switches them to other organizations: *sessions.Registry.
type Sessions interface {
	End(ctx context.Context, env environments.ID, which sessions.Selection, reason sessions.EndedReason) (int, error)
	Switch(ctx context.Context, env environments.ID, id sessions.ID, organization organizations.ID) (*organizations.Position, error)
}

// Refusal is why a code or a refresh token is not taken. Its text may be shown to the client's developer.
type Refusal struct {
	Reason string // for the log: "unknown", "foreign", "revoked", a session's ended reason, "reused", …
	Text   string
}

func (r *Refusal) Error() string { return r.Text }

// unknown doesn't tell a token of another client from one that never was.
func unknown(reason string) *Refusal {
	return &Refusal{Reason: reason, Text: "The token was not issued to this client, or is no longer kept."}
}

// NewID makes the ID of a grant.
func NewID() ID { return ID(typeid.MustGenerate("grt").String()) }

// NewCode makes an authorization code of 256 random bits.
func NewCode() string {
	secret := randomSecret()
	return CodePrefix + base64.RawURLEncoding.EncodeToString(secret[:])
}

// CodeHash is what a code is kept and found by.
func (l *Ledger) CodeHash(code string) [32]byte {
	return l.Pepper.Sum("authorization code", []byte(code))
}

// Code returns the code with the state of its grant, whether used or not. It returns ErrNotFound.
func (l *Ledger) Code(ctx context.Context, env environments.ID, code string) (*Code, *State, error) {
	for hash := range l.Pepper.Sums("authorization code", []byte(code)) {
		c, state, err := l.Store.Code(ctx, env, hash)
		if !errors.Is(err, ErrNotFound) {
			return c, state, err
		}
	}
	return nil, nil, ErrNotFound
}

// StartChain makes the first refresh token of a code's grant, and the chain that Redeem saves.
func (l *Ledger) StartChain(c *Code, session sessions.ID, by Caller) (string, *Chain) {
	var id ChainID
	rand.Read(id[:])
	now := l.Now().UTC()
	token := newRefreshToken(l.Pepper, c.Environment, id, 1, randomSecret())
	return token.text(), &Chain{
		ID: id, Environment: c.Environment, Grant: c.Grant, Session: session, Generation: 1,
		Hash: l.refreshHash(&token), RotatedAt: now, RotatedBy: by, CreatedAt: now,
	}
}

// Redeem uses the code up and saves the chain of refresh tokens under its grant, unless chain is nil. It returns ErrUsed if
// the code was used before; exactly one of any number of callers gets through.
func (l *Ledger) Redeem(ctx context.Context, c *Code, chain *Chain) error {
	return l.Store.Redeem(ctx, c.Environment, c.Hash, l.Now().UTC(), chain)
}

// CodeReused revokes what the first use of a code got (RFC 6749 §4.1.2).
func (l *Ledger) CodeReused(ctx context.Context, c *Code, state *State, by Caller) error {
	return l.InTx(ctx, func(ctx context.Context) error {
		revoked, err := l.Store.RevokeGrant(ctx, c.Environment, c.Grant, "code_reuse", l.Now().UTC())
		if err != nil || !revoked {
			return err
		}
		return l.Audit.Record(ctx, audit.Event{
			Name: "grant.code_reused", Environment: string(c.Environment), Application: string(state.Grant.Application), Target: string(c.Grant),
			Reason: "code_reuse", Data: map[string]any{"address": by.Address, "user_agent": by.UserAgent},
		})
	})
}

func (l *Ledger) refreshHash(t *refreshToken) [32]byte {
	return l.Pepper.Sum("refresh token", t.raw[:])
}

// RefreshState returns the grant that the refresh token stands on, if the token is the application's and was issued
// here. It judges neither life nor death of it.
func (l *Ledger) RefreshState(ctx context.Context, app *clients.Application, presented string) (*Chain, *State, error) {
	token, err := parseRefreshToken(l.Pepper, app.Environment, presented)
	if err != nil {
		return nil, nil, unknown("malformed")
	}
	return l.refreshState(ctx, app, &token)
}

func (l *Ledger) refreshState(ctx context.Context, app *clients.Application, token *refreshToken) (*Chain, *State, error) {
	chain, state, err := l.Store.Chain(ctx, app.Environment, token.chain())
	if errors.Is(err, ErrNotFound) {
		return nil, nil, unknown("unknown")
	}
	if err != nil {
		return nil, nil, err
	}
	if state.Grant.Application != app.ID {
		return nil, nil, unknown("foreign")
	}
	return chain, state, nil
}

// LiveRefreshToken reports whether the token is the newest of the chain, so that it would be taken now.
func (l *Ledger) LiveRefreshToken(chain *Chain, presented string) bool {
	token, err := parseRefreshToken(l.Pepper, chain.Environment, presented)
	return err == nil && token.generation() == chain.Generation && l.Pepper.Matches("refresh token", token.raw[:], chain.Hash)
}

// Refresh is what a client asks for by a refresh token.
type Refresh struct {
	Token        string
	Organization organizations.ID // to switch the session to; "" leaves it where it is
	By           Caller
	// Check judges the request against the grant before anything is changed; its error is returned as it is.
	Check func(*State) error
}

// Refresh takes a refresh token and returns its successor with the state of the grant. Within the application's reuse
// window a repeat of the same token, on any node and at the same instant, gets the same successor; after the window it
// ends the session (RFC 9700 §4.14.2). A *Refusal is why the token is not taken. With ErrOrganization it stays good.
func (l *Ledger) Refresh(ctx context.Context, app *clients.Application, asked Refresh) (*State, string, error) {
	token, err := parseRefreshToken(l.Pepper, app.Environment, asked.Token)
	if err != nil {
		return nil, "", unknown("malformed")
	}
	// A caller who loses the race for the newest token finds it replaced when she looks again, and gets what the winner got. If it
	// isn't replaced, the application has ended its sessions, which this node is still to learn.
	for lost := uint32(0); ; {
		chain, state, err := l.refreshState(ctx, app, &token)
		if err != nil {
			return nil, "", err
		}
		now := l.Now().UTC()
		if err := refusal(state, app, now); err != nil {
			return nil, "", err
		}
		var successor string
		newest := token.generation() == chain.Generation
		if newest && !l.Pepper.Matches("refresh token", token.raw[:], chain.Hash) {
			return nil, "", unknown("never handed out")
		}
		if !newest {
			if successor, err = l.successor(chain, &token, now.Add(-app.SessionPolicy.RefreshReuseWindow)); err != nil {
				return nil, "", l.reused(ctx, app, chain, state, asked.By)
			}
		}
		if err := asked.Check(state); err != nil {
			return nil, "", err
		}
		take := func(ctx context.Context) (err error) {
			if newest {
				successor, err = l.rotate(ctx, app, chain, &token, asked.By, now)
			}
			return err
		}
		if asked.Organization == "" || asked.Organization == state.Session.Organization {
			err = take(ctx)
		} else {
			err = l.InTx(ctx, func(ctx context.Context) error {
				if err := take(ctx); err != nil {
					return err
				}
				return l.switchTo(ctx, app, state, asked.Organization)
			})
		}
		if errors.Is(err, ErrUsed) {
			if err := ctx.Err(); err != nil {
				return nil, "", err
			}
			if chain.Generation == lost {
				return nil, "", &Refusal{Reason: "application", Text: "The application has ended its sessions."}
			}
			lost = chain.Generation
			continue
		}
		if err != nil {
			return nil, "", err
		}
		if newest {
			state.Session.LastActiveAt = now
		}
		return state, successor, nil
	}
}

// switchTo moves the session to another organization, in the transaction of ctx, and the state with it. It returns
// ErrOrganization.
func (l *Ledger) switchTo(ctx context.Context, app *clients.Application, s *State, organization organizations.ID) error {
	position, err := l.Sessions.Switch(ctx, app.Environment, s.Session.ID, organization)
	if errors.Is(err, organizations.ErrNoMembership) {
		return ErrOrganization
	}
	if err != nil {
		return fmt.Errorf("switch session %s to %s: %w", s.Session.ID, organization, err)
	}
	s.Session.Organization, s.Position = organization, position
	if !s.permitted(app) {
		return ErrOrganization
	}
	return nil
}

// refusal says why tokens of the grant are no good now; nil if they are.
func refusal(s *State, app *clients.Application, now time.Time) error {
	if !s.Grant.RevokedAt.IsZero() {
		return &Refusal{Reason: s.Grant.RevokedReason, Text: "The grant was revoked."}
	}
	if !s.Session.Alive(&app.SessionPolicy, now) {
		at, why := s.Session.Deadline(&app.SessionPolicy)
		return &Refusal{Reason: string(why), Text: fmt.Sprintf("The session ended at %s: %s.", at.UTC().Format(time.RFC3339), why)}
	}
	if s.left() {
		return &Refusal{Reason: string(sessions.EndedMembership), Text: fmt.Sprintf("The session has ended: %s.", sessions.EndedMembership)}
	}
	if !s.permitted(app) {
		return &Refusal{Reason: "access_denied", Text: "The account may not use this application any more."}
	}
	if !s.Alive(app, now) {
		return &Refusal{Reason: "disabled", Text: "The account or the application is disabled."}
	}
	return nil
}

// successor finds what a replaced token was answered with, if that was later than since.
func (l *Ledger) successor(chain *Chain, token *refreshToken, since time.Time) (string, error) {
	for i := range chain.Recent {
		r := &chain.Recent[i]
		if r.Generation != token.generation() || !r.At.After(since) || !l.Pepper.Matches("refresh token", token.raw[:], r.Hash) {
			continue
		}
		secret, err := token.open(r.Successor)
		if err != nil {
			return "", err
		}
		next := newRefreshToken(l.Pepper, chain.Environment, chain.ID, r.Generation+1, secret)
		return next.text(), nil
	}
	return "", ErrUsed
}

// maxRecent bounds what a client that refreshes without pause can pile up within the window.
const maxRecent = 16

func (l *Ledger) rotate(ctx context.Context, app *clients.Application, chain *Chain, token *refreshToken, by Caller, now time.Time) (string, error) {
	secret := randomSecret()
	next := newRefreshToken(l.Pepper, chain.Environment, chain.ID, chain.Generation+1, secret)
	rotated := *chain
	since := now.Add(-app.SessionPolicy.RefreshReuseWindow)
	rotated.Recent = slices.DeleteFunc(slices.Clone(chain.Recent), func(r Replaced) bool { return !r.At.After(since) })
	rotated.Recent = append(rotated.Recent, Replaced{Generation: chain.Generation, Hash: chain.Hash, At: now, Successor: token.seal(secret)})
	if over := len(rotated.Recent) - maxRecent; over > 0 {
		rotated.Recent = rotated.Recent[over:]
	}
	rotated.Generation, rotated.Hash = chain.Generation+1, l.refreshHash(&next)
	rotated.RotatedAt, rotated.RotatedBy = now, by
	if err := l.Store.Rotate(ctx, &rotated, chain.Generation); err != nil {
		return "", err
	}
	return next.text(), nil
}

// reused ends the session of a refresh token that came back after the window: either its client or a thief holds an old one.
func (l *Ledger) reused(ctx context.Context, app *clients.Application, chain *Chain, state *State, by Caller) error {
	err := l.InTx(ctx, func(ctx context.Context) error {
		ended, err := l.Sessions.End(ctx, app.Environment, sessions.Selection{Session: chain.Session}, sessions.EndedRefreshReuse)
		if err != nil || ended == 0 {
			return err
		}
		return l.Audit.Record(ctx, audit.Event{
			Name: "session.refresh_reused", Environment: string(app.Environment), Application: string(app.ID), Target: string(chain.Session),
			Reason: string(sessions.EndedRefreshReuse),
			Data: map[string]any{
				"user": state.Grant.User, "rotated_at": chain.RotatedAt,
				"rotated_by": map[string]string{"address": chain.RotatedBy.Address, "user_agent": chain.RotatedBy.UserAgent},
				"reused_by":  map[string]string{"address": by.Address, "user_agent": by.UserAgent},
			},
		})
	})
	if err != nil {
		return fmt.Errorf("end the session of a reused refresh token: %w", err)
	}
	return &Refusal{Reason: "refresh_reuse", Text: "The refresh token was used before. Its session has ended: refresh_reuse."}
}

// RevokeRefresh revokes the grant of a refresh token of the application, also of a replaced one; every token under it dies. What is no token of the
// application is no error (RFC 7009 §2.2).
func (l *Ledger) RevokeRefresh(ctx context.Context, app *clients.Application, presented string) error {
	_, state, err := l.RefreshState(ctx, app, presented)
	var refused *Refusal
	if errors.As(err, &refused) {
		return nil
	}
	if err != nil {
		return err
	}
	return l.Revoke(ctx, app.Environment, &state.Grant, "revoked_by_client")
}

// Revoke revokes the grant, if it stands, and records the event.
func (l *Ledger) Revoke(ctx context.Context, env environments.ID, g *Grant, reason string) error {
	err := l.InTx(ctx, func(ctx context.Context) error {
		revoked, err := l.Store.RevokeGrant(ctx, env, g.ID, reason, l.Now().UTC())
		if err != nil || !revoked {
			return err
		}
		return l.Audit.Record(ctx, audit.Event{
			Name: "grant.revoked", Environment: string(env), Application: string(g.Application), Target: string(g.ID), Reason: reason,
		})
	})
	if err != nil {
		return fmt.Errorf("revoke grant %s: %w", g.ID, err)
	}
	return nil
}
