package storage_test

import (
	"context"
	"testing"
	"time"

	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

func TestGrantKeepsEverything(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Grants{DB: db}

		user := filled[identity.User](t)
		user.ID, user.Environment, user.Email, user.Status = identity.ID(newID("usr")), h.env, "Grace@Example.com", identity.Disabled
		must(t, storage.Users{DB: db}.CreateUser(ctx, &user))
		session := filled[sessions.Session](t)
		session.ID, session.Environment, session.User, session.Application = sessions.ID(newID("ses")), h.env, user.ID, h.app.ID
		must(t, storage.Sessions{DB: db}.CreateSession(ctx, &session))
		grant := filled[grants.Grant](t)
		grant.ID, grant.Environment, grant.Session, grant.User, grant.Application = grants.NewID(), h.env, session.ID, user.ID, h.app.ID
		code := filled[grants.Code](t)
		code.Environment, code.Grant, code.UsedAt = h.env, grant.ID, time.Time{}
		must(t, store.CreateGrant(ctx, &grant, &code))
		chain := filled[grants.Chain](t)
		chain.Environment, chain.Grant, chain.Session = h.env, grant.ID, session.ID

		want := &grants.State{
			Grant: grants.Grant{
				ID: grant.ID, Environment: h.env, Session: session.ID, User: user.ID, Application: h.app.ID, Scopes: grant.Scopes, Audience: grant.Audience,
				RevokedAt: grant.RevokedAt,
			},
			Session: sessions.Session{
				ID: session.ID, Environment: h.env, User: user.ID, Application: h.app.ID, Organization: session.Organization, Authentication: session.Authentication,
				LastActiveAt: session.LastActiveAt, EndedAt: session.EndedAt,
			},
			User: identity.User{ID: user.ID, Environment: h.env, Status: user.Status},
		}
		state, revoked, err := store.Standing(ctx, h.env, grant.ID, grants.Serial{})
		must(t, err)
		wantEqual(t, "Standing", state, want)
		wantEqual(t, "revoked", revoked, false)

		want.Grant.Claims = grant.Claims
		want.User.Email, want.User.EmailVerified, want.User.Profile, want.User.UpdatedAt = user.Email, user.EmailVerified, user.Profile, user.UpdatedAt
		state, revoked, err = store.State(ctx, h.env, grant.ID, grants.Serial{})
		must(t, err)
		wantEqual(t, "State", state, want)
		wantEqual(t, "revoked", revoked, false)

		want.Grant.Nonce, want.Grant.RevokedReason, want.Session.EndedReason = grant.Nonce, grant.RevokedReason, session.EndedReason
		readCode, state, err := store.Code(ctx, h.env, code.Hash)
		must(t, err)
		wantEqual(t, "Code", readCode, &code)
		wantEqual(t, "state of the code", state, want)

		must(t, store.Redeem(ctx, h.env, code.Hash, morning, &chain))
		readChain, state, err := store.Chain(ctx, h.env, chain.ID)
		must(t, err)
		wantEqual(t, "Chain", readChain, &chain)
		wantEqual(t, "state of the chain", state, want)

		code.UsedAt = morning
		readCode, _, err = store.Code(ctx, h.env, code.Hash)
		must(t, err)
		wantEqual(t, "used code", readCode, &code)
	})
}

func TestGrantKeepsNothing(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Grants{DB: db}
		grant := grants.Grant{ID: grants.NewID(), Environment: h.env, Session: h.session.ID, User: h.user.ID, Application: h.app.ID, CreatedAt: morning}
		code := grants.Code{Hash: randomHash(), Environment: h.env, Grant: grant.ID, CreatedAt: morning, ExpiresAt: morning.Add(time.Minute)}
		must(t, store.CreateGrant(ctx, &grant, &code))
		readCode, state, err := store.Code(ctx, h.env, code.Hash)
		must(t, err)
		wantEqual(t, "Code", readCode, &code)
		grant.CreatedAt = time.Time{} // no token needs it
		wantEqual(t, "grant", state.Grant, grant)
	})
}

func TestRedeem(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Grants{DB: db}

		_, code := h.newGrant(t, h.session, morning)
		wantErr(t, "Redeem at the expiry", store.Redeem(ctx, h.env, code.Hash, code.ExpiresAt, nil), grants.ErrNotFound)
		must(t, store.Redeem(ctx, h.env, code.Hash, morning, nil))
		wantErr(t, "Redeem again", store.Redeem(ctx, h.env, code.Hash, morning, nil), grants.ErrUsed)
		wantErr(t, "Redeem of an unknown code", store.Redeem(ctx, h.env, randomHash(), morning, nil), grants.ErrNotFound)

		// What fails after the code was claimed leaves it good.
		grant, code := h.newGrant(t, h.session, morning)
		foreign := newChain(grant, morning)
		foreign.Grant = grants.NewID()
		if err := store.Redeem(ctx, h.env, code.Hash, morning, foreign); err == nil {
			t.Error("Redeem with a chain of an unknown grant succeeded")
		}
		must(t, store.Redeem(ctx, h.env, code.Hash, morning, newChain(grant, morning)))
	})
}

// RFC 6749 §4.1.2: a code is redeemed once.
func TestRedeemTogether(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Grants{DB: db}
		grant, code := h.newGrant(t, h.session, morning)
		chains := make([]*grants.Chain, 50)
		for i := range chains {
			chains[i] = newChain(grant, morning)
		}
		returned := together(50, func(i int) error { return store.Redeem(ctx, h.env, code.Hash, morning, chains[i]) })
		if returned[nil] != 1 || returned[grants.ErrUsed] != 49 {
			t.Errorf("50 calls of Redeem returned %v, want nil once and ErrUsed 49 times", returned)
		}
		wantEqual(t, "chains", count(t, db, "refresh_tokens"), 1)
	})
}

func TestRotate(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Grants{DB: db}
		start := func() (*grants.Grant, *sessions.Session, *grants.Chain) {
			session := h.newSession(t, h.browser, h.app, morning)
			grant, code := h.newGrant(t, session, morning)
			chain := newChain(grant, morning)
			must(t, store.Redeem(ctx, h.env, code.Hash, morning, chain))
			return grant, session, chain
		}
		noon := morning.Add(4 * time.Hour)

		_, session, first := start()
		second := next(first, noon)
		must(t, store.Rotate(ctx, second, 1))
		read, state, err := store.Chain(ctx, h.env, first.ID)
		must(t, err)
		wantEqual(t, "rotated chain", read, second)
		wantEqual(t, "last_active_at", state.Session.LastActiveAt, noon)
		wantErr(t, "Rotate of a generation that is gone", store.Rotate(ctx, next(first, noon), 1), grants.ErrUsed)

		// A clock that is behind moves no session back.
		must(t, store.Rotate(ctx, next(second, morning), 2))
		got, err := storage.Sessions{DB: db}.Session(ctx, h.env, session.ID)
		must(t, err)
		wantEqual(t, "last_active_at", got.LastActiveAt, noon)

		grant, _, chain := start()
		_, err = store.RevokeGrant(ctx, h.env, grant.ID, "revoked_by_client", morning)
		must(t, err)
		wantErr(t, "Rotate under a revoked grant", store.Rotate(ctx, next(chain, noon), 1), grants.ErrUsed)

		_, session, chain = start()
		_, err = storage.Sessions{DB: db}.End(ctx, h.env, sessions.Selection{Session: session.ID}, sessions.EndedSignedOut, "", morning)
		must(t, err)
		wantErr(t, "Rotate in a session that was ended", store.Rotate(ctx, next(chain, noon), 1), grants.ErrUsed)
		got, err = storage.Sessions{DB: db}.Session(ctx, h.env, session.ID)
		must(t, err)
		wantEqual(t, "last_active_at", got.LastActiveAt, morning)
	})
}

func TestRotateTogether(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Grants{DB: db}
		grant, code := h.newGrant(t, h.session, morning)
		chain := newChain(grant, morning)
		must(t, store.Redeem(ctx, h.env, code.Hash, morning, chain))
		successors := make([]*grants.Chain, 50)
		for i := range successors {
			successors[i] = next(chain, morning.Add(time.Duration(i)*time.Second))
		}
		returned := together(50, func(i int) error { return store.Rotate(ctx, successors[i], 1) })
		if returned[nil] != 1 || returned[grants.ErrUsed] != 49 {
			t.Errorf("50 calls of Rotate returned %v, want nil once and ErrUsed 49 times", returned)
		}
		read, _, err := store.Chain(ctx, h.env, chain.ID)
		must(t, err)
		wantEqual(t, "generation", read.Generation, uint32(2))
	})
}

func TestRevoke(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Grants{DB: db}
		grant, code := h.newGrant(t, h.session, morning)
		for _, want := range []bool{true, false} {
			revoked, err := store.RevokeGrant(ctx, h.env, grant.ID, "code_reuse", morning)
			must(t, err)
			wantEqual(t, "RevokeGrant", revoked, want)
		}
		serial := grants.NewSerial()
		for _, want := range []bool{false, true, true} {
			_, revoked, err := store.Standing(ctx, h.env, grant.ID, serial)
			must(t, err)
			wantEqual(t, "revoked by Standing", revoked, want)
			state, revoked, err := store.State(ctx, h.env, grant.ID, serial)
			must(t, err)
			wantEqual(t, "revoked by State", revoked, want)
			wantEqual(t, "time", state.Grant.RevokedAt, morning)
			revoked, err = store.SerialRevoked(ctx, h.env, serial)
			must(t, err)
			wantEqual(t, "SerialRevoked", revoked, want)
			must(t, store.RevokeSerial(ctx, h.env, serial, morning.Add(time.Hour)))
		}
		_, state, err := store.Code(ctx, h.env, code.Hash)
		must(t, err)
		wantEqual(t, "reason", state.Grant.RevokedReason, "code_reuse")
	})
}

func TestConsent(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Grants{DB: db}
		other := h.newApplication(t, h.app.SessionPolicy)
		_, err := store.Consent(ctx, h.env, h.user.ID, h.app.ID)
		wantErr(t, "Consent before there is one", err, grants.ErrNotFound)

		first := grants.Consent{
			Environment: h.env, User: h.user.ID, Application: h.app.ID, Scopes: []string{"openid", "email"}, CreatedAt: morning, UpdatedAt: morning,
		}
		must(t, store.SaveConsent(ctx, &first))
		read, err := store.Consent(ctx, h.env, h.user.ID, h.app.ID)
		must(t, err)
		wantEqual(t, "Consent", read, &first)

		more := first
		more.Scopes, more.CreatedAt, more.UpdatedAt = []string{"email", "phone"}, morning.Add(time.Hour), morning.Add(time.Hour)
		must(t, store.SaveConsent(ctx, &more))
		elsewhere := first
		elsewhere.Application = other.ID
		must(t, store.SaveConsent(ctx, &elsewhere))
		more.Scopes, more.CreatedAt = []string{"openid", "email", "phone"}, morning
		all, err := store.Consents(ctx, h.env, h.user.ID)
		must(t, err)
		wantEqual(t, "Consents", all, []grants.Consent{more, elsewhere})

		grant, _ := h.newGrant(t, h.session, morning)
		kept, _ := h.newGrant(t, h.newSession(t, h.browser, other, morning), morning)
		must(t, store.WithdrawConsent(ctx, h.env, h.user.ID, h.app.ID, morning))
		all, err = store.Consents(ctx, h.env, h.user.ID)
		must(t, err)
		wantEqual(t, "Consents after one was withdrawn", all, []grants.Consent{elsewhere})
		for id, want := range map[grants.ID]time.Time{grant.ID: morning, kept.ID: {}} {
			state, _, err := store.State(ctx, h.env, id, grants.Serial{})
			must(t, err)
			wantEqual(t, "RevokedAt", state.Grant.RevokedAt, want)
		}
	})
}

func TestSaveConsentTogether(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Grants{DB: db}
		scopes := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
		returned := together(len(scopes), func(i int) error {
			return store.SaveConsent(ctx, &grants.Consent{
				Environment: h.env, User: h.user.ID, Application: h.app.ID, Scopes: scopes[i : i+1], CreatedAt: morning, UpdatedAt: morning,
			})
		})
		wantEqual(t, "returned", returned[nil], len(scopes))
		read, err := store.Consent(ctx, h.env, h.user.ID, h.app.ID)
		must(t, err)
		wantEqual(t, "scopes saved", len(read.Scopes), len(scopes))
	})
}

// Nothing of one environment is visible or accepted in another.
func TestGrantsOfAnotherEnvironment(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Grants{DB: db}
		other := build(t, db)
		grant, code := h.newGrant(t, h.session, morning)
		chain := newChain(grant, morning)
		must(t, store.Redeem(ctx, h.env, code.Hash, morning, chain))
		_, unused := h.newGrant(t, h.session, morning)
		serial := grants.NewSerial()
		must(t, store.RevokeSerial(ctx, h.env, serial, morning))
		must(t, store.SaveConsent(ctx, &grants.Consent{Environment: h.env, User: h.user.ID, Application: h.app.ID, Scopes: []string{"openid"}}))
		foreign := next(chain, morning)
		foreign.Environment = other.env

		_, _, err := store.Code(ctx, other.env, code.Hash)
		wantErr(t, "Code", err, grants.ErrNotFound)
		wantErr(t, "Redeem", store.Redeem(ctx, other.env, unused.Hash, morning, nil), grants.ErrNotFound)
		_, _, err = store.State(ctx, other.env, grant.ID, serial)
		wantErr(t, "State", err, grants.ErrNotFound)
		_, _, err = store.Chain(ctx, other.env, chain.ID)
		wantErr(t, "Chain", err, grants.ErrNotFound)
		wantErr(t, "Rotate", store.Rotate(ctx, foreign, 1), grants.ErrUsed)
		_, err = store.Consent(ctx, other.env, h.user.ID, h.app.ID)
		wantErr(t, "Consent", err, grants.ErrNotFound)
		consents, err := store.Consents(ctx, other.env, h.user.ID)
		must(t, err)
		wantEqual(t, "Consents", len(consents), 0)
		revoked, err := store.RevokeGrant(ctx, other.env, grant.ID, "", morning)
		must(t, err)
		wantEqual(t, "RevokeGrant", revoked, false)
		revoked, err = store.SerialRevoked(ctx, other.env, serial)
		must(t, err)
		wantEqual(t, "SerialRevoked", revoked, false)
		must(t, store.WithdrawConsent(ctx, other.env, h.user.ID, h.app.ID, morning))

		// The house is as it was.
		state, revoked, err := store.State(ctx, h.env, grant.ID, serial)
		must(t, err)
		wantEqual(t, "revoked", revoked, true)
		wantEqual(t, "RevokedAt", state.Grant.RevokedAt, time.Time{})
		_, err = store.Consent(ctx, h.env, h.user.ID, h.app.ID)
		must(t, err)
		must(t, store.Redeem(ctx, h.env, unused.Hash, morning, nil))
		must(t, store.Rotate(ctx, next(chain, morning), 1))

		if err := store.CreateGrant(ctx, &grants.Grant{ID: grants.NewID(), Environment: other.env, Session: h.session.ID}, &grants.Code{Environment: other.env}); err == nil {
			t.Error("a grant took a session of another environment")
		}
	})
}

func TestGrantsStatements(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		h, store := build(t, db), storage.Grants{DB: db}
		ctx, counter := storage.WithCounter(t.Context())
		grant, code := h.newGrant(t, h.session, morning)
		chain := newChain(grant, morning)
		serial := grants.NewSerial()
		_, another := h.newGrant(t, h.session, morning)
		for _, test := range []struct {
			name                     string
			statements, transactions int
			do                       func() error
		}{
			{"CreateGrant", 2, 1, func() error {
				g := *grant
				g.ID = grants.NewID()
				return store.CreateGrant(ctx, &g, &grants.Code{Hash: randomHash(), Environment: h.env, Grant: g.ID, CreatedAt: morning, ExpiresAt: morning})
			}},
			{"Code", 1, 0, func() error { _, _, err := store.Code(ctx, h.env, code.Hash); return err }},
			{"Redeem", 2, 1, func() error { return store.Redeem(ctx, h.env, code.Hash, morning, chain) }},
			{"Redeem without a chain", 1, 1, func() error { return store.Redeem(ctx, h.env, another.Hash, morning, nil) }},
			{"State", 1, 0, func() error { _, _, err := store.State(ctx, h.env, grant.ID, serial); return err }},
			{"Standing", 1, 0, func() error { _, _, err := store.Standing(ctx, h.env, grant.ID, serial); return err }},
			{"Chain", 1, 0, func() error { _, _, err := store.Chain(ctx, h.env, chain.ID); return err }},
			{"Rotate", 1, 0, func() error { return store.Rotate(ctx, next(chain, morning), 1) }},
			{"RevokeSerial", 1, 0, func() error { return store.RevokeSerial(ctx, h.env, serial, morning) }},
			{"SerialRevoked", 1, 0, func() error { _, err := store.SerialRevoked(ctx, h.env, serial); return err }},
			{"RevokeGrant", 1, 0, func() error { _, err := store.RevokeGrant(ctx, h.env, grant.ID, "", morning); return err }},
		} {
			counter.Reset()
			must(t, test.do())
			if n := len(counter.Statements()); n != test.statements || counter.Transactions() != test.transactions {
				t.Errorf("%s takes %d statements in %d transactions, want %d in %d:\n%q",
					test.name, n, counter.Transactions(), test.statements, test.transactions, counter.Statements())
			}
		}
	})
}

func TestGrantsInTx(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Grants{DB: db}
		grant, code := h.newGrant(t, h.session, morning)
		err := db.InTx(ctx, func(ctx context.Context) error {
			must(t, store.Redeem(ctx, h.env, code.Hash, morning, newChain(grant, morning)))
			return errRefused
		})
		wantErr(t, "InTx", err, errRefused)
		must(t, store.Redeem(ctx, h.env, code.Hash, morning, newChain(grant, morning)))
	})
}
