package storage_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

func TestAccounts(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Sessions{DB: db}
		other := h.newApplication(t, h.app.SessionPolicy)
		grace := h.newUser(t, "grace@example.com")
		user := filled[identity.User](t)
		user.ID, user.Environment, user.Email, user.Status = identity.ID(newID("usr")), h.env, "edsger@example.com", identity.Disabled
		must(t, storage.Users{DB: db}.CreateUser(ctx, &user))

		handle := randomHash()
		adas := h.newBrowser(t, handle, h.user, morning.Add(2*time.Hour))
		graces := h.newBrowser(t, handle, grace, morning.Add(3*time.Hour))
		everything := filled[sessions.BrowserSession](t)
		everything.ID, everything.Environment, everything.User = sessions.BrowserID(newID("brs")), h.env, user.ID
		must(t, store.CreateBrowserSession(ctx, handle, &everything))
		h.newBrowser(t, randomHash(), h.user, morning.Add(4*time.Hour)) // another browser

		h.newSession(t, adas, h.app, morning.Add(2*time.Hour))
		latest := h.newSession(t, adas, h.app, morning.Add(3*time.Hour))
		h.newSession(t, adas, other, morning.Add(4*time.Hour))
		ended := h.newSession(t, graces, h.app, morning.Add(5*time.Hour))
		_, err := store.End(ctx, h.env, sessions.Selection{Session: ended.ID}, sessions.EndedByUser, string(grace.ID), morning.Add(6*time.Hour))
		must(t, err)
		ended.EndedAt, ended.EndedReason, ended.EndedBy = morning.Add(6*time.Hour), sessions.EndedByUser, string(grace.ID)

		h.newRole(t, "admin", "invoices:read")
		h.newRole(t, "member")
		acme, blue, river := h.newOrganization(t, "Acme"), h.newOrganization(t, "Blue Harbor"), h.newOrganization(t, "River Labs")
		h.newMember(t, blue, h.user)
		h.newMember(t, acme, h.user, "member", "admin")
		left := h.newMember(t, river, h.user, "admin")
		must(t, storage.Organizations{DB: db}.UpdateMembership(ctx, h.env, river.ID, left.ID, func(_ context.Context, m *organizations.Membership) error {
			m.State = organizations.Deactivated
			return nil
		}))
		positions := []organizations.Position{{Organization: acme.ID, Roles: []string{"admin", "member"}}, {Organization: blue.ID}}

		want := []sessions.Account{
			{BrowserSession: *graces, Email: grace.Email, Name: grace.Profile.Name, Session: ended},
			{BrowserSession: *adas, Email: h.user.Email, Name: h.user.Profile.Name, Positions: positions, Session: latest},
			{BrowserSession: everything, Email: user.Email, Name: user.Profile.Name, Disabled: true},
		}
		counted, counter := storage.WithCounter(ctx)
		got, err := store.Accounts(counted, h.env, handle, h.app.ID)
		must(t, err)
		wantEqual(t, "Accounts", got, want)
		wantEqual(t, "statements", len(counter.Statements()), 1)

		for i := range want {
			want[i].Session = nil
		}
		got, err = store.Accounts(ctx, h.env, handle, "")
		must(t, err)
		wantEqual(t, "Accounts without an application", got, want)
		got, err = store.Accounts(ctx, h.env, randomHash(), h.app.ID)
		must(t, err)
		wantEqual(t, "Accounts of an unknown browser", len(got), 0)
	})
}

func TestSignInAgain(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Sessions{DB: db}
		accounts := func(handle [32]byte) (ids []sessions.BrowserID) {
			all, err := store.Accounts(ctx, h.env, handle, "")
			must(t, err)
			for _, a := range all {
				ids = append(ids, a.BrowserSession.ID)
			}
			return ids
		}
		// A new sign-in of a user takes the place of her old one.
		again := h.newBrowser(t, h.handle, h.user, morning.Add(time.Hour))
		wantEqual(t, "accounts", accounts(h.handle), []sessions.BrowserID{again.ID})

		noon := morning.Add(4 * time.Hour)
		a := sessions.Authentication{AuthTime: noon, AMR: []string{"hwk"}, ACR: "urn:example:passkey"}
		must(t, store.ReauthenticateBrowser(ctx, h.env, again.ID, a, false, noon))
		again.Authentication, again.Remember, again.LastActiveAt = a, false, noon
		all, err := store.Accounts(ctx, h.env, h.handle, "")
		must(t, err)
		wantEqual(t, "browser session", all[0].BrowserSession, *again)

		i := h.newInteraction(t, h.handle)
		handle := randomHash()
		must(t, store.RotateHandle(ctx, h.env, h.handle, handle))
		wantEqual(t, "accounts of the old handle", accounts(h.handle), nil)
		wantEqual(t, "accounts of the new handle", accounts(handle), []sessions.BrowserID{again.ID})
		moved, err := store.Interaction(ctx, h.env, i.ID, morning)
		must(t, err)
		wantEqual(t, "browser of the interaction", moved.Browser, handle)

		wantErr(t, "ForgetAccount in another browser", store.ForgetAccount(ctx, h.env, h.handle, again.ID), sessions.ErrNotFound)
		must(t, store.ForgetAccount(ctx, h.env, handle, again.ID))
		wantEqual(t, "accounts", accounts(handle), nil)

		must(t, store.EndBrowserSessions(ctx, h.env, sessions.Selection{BrowserSession: again.ID}, sessions.EndedSignedOut, noon))
		wantErr(t, "ReauthenticateBrowser after the end", store.ReauthenticateBrowser(ctx, h.env, again.ID, a, true, noon), sessions.ErrNotFound)
	})
}

func TestSession(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Sessions{DB: db}
		s := filled[sessions.Session](t)
		s.ID, s.Environment, s.User, s.Application = sessions.ID(newID("ses")), h.env, h.user.ID, h.app.ID
		must(t, store.CreateSession(ctx, &s))
		got, err := store.Session(ctx, h.env, s.ID)
		must(t, err)
		wantEqual(t, "Session", got, &s)
		_, err = store.Session(ctx, h.env, sessions.ID(newID("ses")))
		wantErr(t, "Session of an unknown ID", err, sessions.ErrNotFound)

		noon := morning.Add(4 * time.Hour)
		a := sessions.Authentication{AuthTime: noon, AMR: []string{"hwk"}, ACR: "urn:example:passkey"}
		wantErr(t, "Reauthenticate after the end", store.Reauthenticate(ctx, h.env, s.ID, a, noon), sessions.ErrNotFound)
		must(t, store.Reauthenticate(ctx, h.env, h.session.ID, a, noon))
		got, err = store.Session(ctx, h.env, h.session.ID)
		must(t, err)
		want := *h.session
		want.Authentication, want.LastActiveAt = a, noon
		wantEqual(t, "session that was authenticated again", got, &want)

		used, err := store.LastUse(ctx, h.env, h.user.ID)
		must(t, err)
		wantEqual(t, "LastUse", used, map[clients.ID]time.Time{h.app.ID: noon})
	})
}

// TestSessionsInOrganizations: a session belongs to one organization (design.md §2).
func TestSessionsInOrganizations(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Sessions{DB: db}
		h.newRole(t, "admin", "invoices:read", "invoices:write")
		acme, blue := h.newOrganization(t, "Acme"), h.newOrganization(t, "Blue Harbor")
		h.newMember(t, acme, h.user, "admin")
		start := func(organization organizations.ID, at time.Time) *sessions.Session {
			s := *h.session
			s.ID, s.Organization, s.CreatedAt = sessions.ID(newID("ses")), organization, at
			must(t, store.CreateSession(ctx, &s))
			return &s
		}
		start(acme.ID, morning)
		second := start(acme.ID, morning.Add(time.Hour))
		none := start("", morning.Add(2*time.Hour))
		for _, test := range []struct {
			organization organizations.ID
			want         *sessions.Session
		}{{acme.ID, second}, {"", none}} {
			got, err := store.LatestSession(ctx, h.env, h.browser.ID, h.app.ID, test.organization)
			must(t, err)
			wantEqual(t, "LatestSession", got, test.want)
		}
		_, err := store.LatestSession(ctx, h.env, h.browser.ID, h.app.ID, blue.ID)
		wantErr(t, "LatestSession in an organization without one", err, sessions.ErrNotFound)

		counted, counter := storage.WithCounter(ctx)
		position, err := store.SetOrganization(counted, h.env, none.ID, acme.ID)
		must(t, err)
		wantEqual(t, "SetOrganization", position, positionIn(acme, organizations.Position{Roles: []string{"admin"}, Permissions: []string{"invoices:read", "invoices:write"}}))
		_, err = store.SetOrganization(counted, h.env, second.ID, blue.ID)
		wantErr(t, "SetOrganization without a membership", err, organizations.ErrNoMembership)
		wantEqual(t, "statements of two calls", len(counter.Statements()), 2)
		for _, test := range []struct {
			id   sessions.ID
			want organizations.ID
		}{{none.ID, acme.ID}, {second.ID, acme.ID}} {
			got, err := store.Session(ctx, h.env, test.id)
			must(t, err)
			wantEqual(t, "organization", got.Organization, test.want)
		}
		ended, err := store.End(ctx, h.env, sessions.Selection{Organization: acme.ID, User: h.user.ID}, sessions.EndedMembership, "", morning)
		must(t, err)
		wantEqual(t, "sessions in the organization", len(ended), 3)
		_, err = store.SetOrganization(ctx, h.env, second.ID, acme.ID)
		wantErr(t, "SetOrganization after the end", err, organizations.ErrNoMembership)
	})
}

func TestEnd(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		h := build(t, db)
		other := h.newApplication(t, h.app.SessionPolicy)
		grace := h.newUser(t, "grace@example.com")
		laptop, phone := h.newBrowser(t, randomHash(), h.user, morning), h.newBrowser(t, randomHash(), h.user, morning)
		graces := h.newBrowser(t, randomHash(), grace, morning)
		all := map[string]*sessions.Session{
			"laptop web":   h.newSession(t, laptop, h.app, morning),
			"laptop other": h.newSession(t, laptop, other, morning),
			"phone web":    h.newSession(t, phone, h.app, morning),
			"grace web":    h.newSession(t, graces, h.app, morning),
			"grace other":  h.newSession(t, graces, other, morning),
		}
		names := map[sessions.ID]string{h.session.ID: "house"}
		for name, s := range all {
			names[s.ID] = name
		}
		over := h.newSession(t, laptop, h.app, morning)
		store := storage.Sessions{DB: db}
		_, err := store.End(t.Context(), h.env, sessions.Selection{Session: over.ID}, sessions.EndedReplaced, "", morning)
		must(t, err)

		for _, test := range []struct {
			name  string
			which sessions.Selection
			want  []string
		}{
			{"nothing", sessions.Selection{}, nil},
			{"only exceptions", sessions.Selection{Except: over.ID, ExceptBrowser: laptop.ID}, nil},
			{"a session", sessions.Selection{Session: all["phone web"].ID}, []string{"phone web"}},
			{"a session that has ended", sessions.Selection{Session: over.ID}, nil},
			{"a session of another user", sessions.Selection{Session: all["phone web"].ID, User: grace.ID}, nil},
			{"a user", sessions.Selection{User: grace.ID}, []string{"grace other", "grace web"}},
			{"a browser", sessions.Selection{BrowserSession: laptop.ID}, []string{"laptop other", "laptop web"}},
			{"an application", sessions.Selection{Application: other.ID}, []string{"grace other", "laptop other"}},
			{"a user in an application", sessions.Selection{User: h.user.ID, Application: other.ID}, []string{"laptop other"}},
			{"a user's others", sessions.Selection{User: h.user.ID, Except: all["laptop web"].ID}, []string{"house", "laptop other", "phone web"}},
			{"a user's other browsers", sessions.Selection{User: h.user.ID, ExceptBrowser: laptop.ID}, []string{"house", "phone web"}},
			{"an application in a browser but one", sessions.Selection{Application: h.app.ID, BrowserSession: laptop.ID, Except: all["laptop web"].ID}, nil},
		} {
			undo(t, db, func(ctx context.Context) {
				ctx, counter := storage.WithCounter(ctx)
				ended, err := store.End(ctx, h.env, test.which, sessions.EndedByOperator, "usr_operator", morning.Add(time.Hour))
				must(t, err)
				if n := len(counter.Statements()); n > 1 {
					t.Errorf("%s: %d statements, want at most 1", test.name, n)
				}
				var got []string
				for i := range ended {
					got = append(got, names[ended[i].ID])
					if name := names[ended[i].ID]; name != "house" {
						wantEqual(t, test.name+": "+name, &ended[i], all[name])
					}
					now, err := store.Session(ctx, h.env, ended[i].ID)
					must(t, err)
					want := ended[i]
					want.EndedAt, want.EndedReason, want.EndedBy = morning.Add(time.Hour), sessions.EndedByOperator, "usr_operator"
					wantEqual(t, test.name+": afterwards", now, &want)
				}
				slices.Sort(got)
				if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s ended (-want +got):\n%s", test.name, diff)
				}
			})
		}
	})
}

// undo runs do in a transaction that is rolled back.
func undo(t testing.TB, db *storage.DB, do func(ctx context.Context)) {
	t.Helper()
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		do(ctx)
		return errRefused
	})
	wantErr(t, "InTx", err, errRefused)
}

func TestEndBrowserSessions(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		h, store := build(t, db), storage.Sessions{DB: db}
		handle := randomHash()
		phone, graces := h.newBrowser(t, handle, h.user, morning), h.newBrowser(t, handle, h.newUser(t, "grace@example.com"), morning)
		names := map[sessions.BrowserID]string{h.browser.ID: "house", phone.ID: "phone", graces.ID: "grace"}
		for _, test := range []struct {
			name  string
			which sessions.Selection
			want  []string
		}{
			{"nothing", sessions.Selection{}, nil},
			{"an application", sessions.Selection{Application: h.app.ID, Session: h.session.ID, ExceptBrowser: phone.ID}, nil},
			{"a user", sessions.Selection{User: h.user.ID}, []string{"house", "phone"}},
			{"a user's others", sessions.Selection{User: h.user.ID, ExceptBrowser: phone.ID}, []string{"house"}},
			{"a browser", sessions.Selection{BrowserSession: graces.ID}, []string{"grace"}},
			{"a browser of another user", sessions.Selection{BrowserSession: graces.ID, User: h.user.ID}, nil},
		} {
			undo(t, db, func(ctx context.Context) {
				must(t, store.EndBrowserSessions(ctx, h.env, test.which, sessions.EndedSignedOut, morning.Add(time.Hour)))
				var got []string
				for _, handle := range [][32]byte{h.handle, handle} {
					accounts, err := store.Accounts(ctx, h.env, handle, "")
					must(t, err)
					for _, a := range accounts {
						if b := a.BrowserSession; !b.EndedAt.IsZero() {
							got = append(got, names[b.ID])
							wantEqual(t, "reason", b.EndedReason, sessions.EndedSignedOut)
							wantEqual(t, "time", b.EndedAt, morning.Add(time.Hour))
						}
					}
				}
				slices.Sort(got)
				wantEqual(t, test.name, got, test.want)
			})
		}
		must(t, store.EndBrowserSessions(t.Context(), h.env, sessions.Selection{User: h.user.ID}, sessions.EndedSignedOut, morning.Add(time.Hour)))
		must(t, store.EndBrowserSessions(t.Context(), h.env, sessions.Selection{User: h.user.ID}, sessions.EndedPasswordReset, morning.Add(2*time.Hour)))
		accounts, err := store.Accounts(t.Context(), h.env, h.handle, "")
		must(t, err)
		wantEqual(t, "reason of what had ended before", accounts[0].BrowserSession.EndedReason, sessions.EndedSignedOut)
	})
}

func TestMarkActive(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Sessions{DB: db}
		ended := h.newSession(t, h.browser, h.app, morning)
		_, err := store.End(ctx, h.env, sessions.Selection{Session: ended.ID}, sessions.EndedByUser, "", morning)
		must(t, err)
		noon := morning.Add(4 * time.Hour)
		other := build(t, db)
		marks := sessions.Marks{
			Sessions: map[sessions.SessionKey]time.Time{{Environment: h.env, ID: ended.ID}: noon, {Environment: other.env, ID: h.session.ID}: noon},
			Browsers: map[sessions.BrowserKey]time.Time{{Environment: h.env, ID: h.browser.ID}: noon, {Environment: other.env, ID: other.browser.ID}: morning.Add(-time.Hour)},
		}
		active := map[sessions.ID]time.Time{ended.ID: morning, h.session.ID: morning, other.session.ID: morning}
		for i := range 600 { // more than one statement takes
			s := h.newSession(t, h.browser, h.app, morning)
			at := morning.Add(time.Duration(i-1) * time.Minute)
			marks.Sessions[sessions.SessionKey{Environment: h.env, ID: s.ID}] = at
			active[s.ID] = at
			if i == 0 {
				active[s.ID] = morning // never back
			}
		}
		must(t, store.MarkActive(ctx, marks))
		for _, of := range []*house{h, other} {
			q := sessions.SelectionQuery{Selection: sessions.Selection{User: of.user.ID}, Applications: []*clients.Application{of.app}, Limit: 1000}
			all, _, err := store.SelectedSessions(ctx, of.env, q)
			must(t, err)
			for _, s := range all {
				if !s.LastActiveAt.Equal(active[s.ID]) {
					t.Errorf("%s was last active at %v, want %v", s.ID, s.LastActiveAt, active[s.ID])
				}
			}
		}
		for of, want := range map[*house]time.Time{h: noon, other: morning} {
			accounts, err := store.Accounts(ctx, of.env, of.handle, "")
			must(t, err)
			wantEqual(t, "last use of the browser", accounts[0].BrowserSession.LastActiveAt, want)
		}
	})
}

// A mark waits for nobody, and nobody for a mark.
func TestMarkActiveOfLockedRow(t *testing.T) {
	db := storagetest.Open(t, storagetest.PostgresURL(t))
	h, store := build(t, db), storage.Sessions{DB: db}
	undo(t, db, func(inTx context.Context) {
		must(t, store.Reauthenticate(inTx, h.env, h.session.ID, authenticated(morning), morning))
		must(t, store.MarkActive(t.Context(), sessions.Marks{
			Sessions: map[sessions.SessionKey]time.Time{{Environment: h.env, ID: h.session.ID}: morning.Add(time.Hour)},
		}))
	})
}

func (h *house) newInteraction(t testing.TB, browser [32]byte) *sessions.Interaction {
	t.Helper()
	i := &sessions.Interaction{
		ID: sessions.InteractionID(newID("int")), Environment: h.env, Application: h.app.ID, Browser: browser, Request: []byte(`{}`),
		CreatedAt: morning, ExpiresAt: morning.Add(time.Hour),
	}
	must(t, storage.Sessions{DB: h.db}.CreateInteraction(t.Context(), i))
	return i
}

func TestInteraction(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Sessions{DB: db}
		i := h.newInteraction(t, h.handle)
		got, err := store.Interaction(ctx, h.env, i.ID, morning)
		must(t, err)
		wantEqual(t, "new interaction", got, i)
		_, err = store.Interaction(ctx, h.env, i.ID, i.ExpiresAt)
		wantErr(t, "Interaction at its expiry", err, sessions.ErrNotFound)

		all := filled[sessions.Interaction](t)
		all.ID, all.Environment, all.Application, all.CreatedAt, all.OwnRedirectURI = i.ID, h.env, h.app.ID, i.CreatedAt, ""
		must(t, store.UpdateInteraction(ctx, h.env, i.ID, func(_ context.Context, i *sessions.Interaction) error {
			*i = all
			return nil
		}))
		got, err = store.Interaction(ctx, h.env, i.ID, morning)
		must(t, err)
		wantEqual(t, "updated interaction", got, &all)
		all.ID, all.OwnRedirectURI = sessions.InteractionID(newID("int")), "https://id.example/admin"
		must(t, store.CreateInteraction(ctx, &all))
		got, err = store.Interaction(ctx, h.env, all.ID, morning)
		must(t, err)
		wantEqual(t, "interaction with everything", got, &all)

		err = store.UpdateInteraction(ctx, h.env, i.ID, func(_ context.Context, i *sessions.Interaction) error {
			i.Username = "lost"
			return errRefused
		})
		wantErr(t, "UpdateInteraction", err, errRefused)
		got, err = store.Interaction(ctx, h.env, i.ID, morning)
		must(t, err)
		wantEqual(t, "username", got.Username, all.Username)
		unknown := sessions.InteractionID(newID("int"))
		wantErr(t, "UpdateInteraction of an unknown one", store.UpdateInteraction(ctx, h.env, unknown, nil), sessions.ErrNotFound)

		i = h.newInteraction(t, h.handle)
		wantErr(t, "FinishInteraction at the expiry", store.FinishInteraction(ctx, h.env, i.ID, i.ExpiresAt), sessions.ErrNotFound)
		returned := together(10, func(int) error { return store.FinishInteraction(ctx, h.env, i.ID, morning) })
		if returned[nil] != 1 || returned[sessions.ErrNotFound] != 9 {
			t.Errorf("10 calls of FinishInteraction returned %v, want nil once and ErrNotFound 9 times", returned)
		}

		i = h.newInteraction(t, h.handle)
		other := [32]byte{9}
		wantErr(t, "MoveInteraction from elsewhere", store.MoveInteraction(ctx, h.env, i.ID, other, h.handle, morning), sessions.ErrNotFound)
		wantErr(t, "MoveInteraction at the expiry", store.MoveInteraction(ctx, h.env, i.ID, h.handle, other, i.ExpiresAt), sessions.ErrNotFound)
		returned = together(10, func(int) error { return store.MoveInteraction(ctx, h.env, i.ID, h.handle, other, morning) })
		if returned[nil] != 1 || returned[sessions.ErrNotFound] != 9 {
			t.Errorf("10 calls of MoveInteraction returned %v, want nil once and ErrNotFound 9 times", returned)
		}
	})
}

// No step of an interaction is lost to another that is taken at once.
func TestUpdateInteractionTogether(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Sessions{DB: db}
		i := h.newInteraction(t, h.handle)
		together(8, func(n int) error {
			return store.UpdateInteraction(ctx, h.env, i.ID, func(_ context.Context, i *sessions.Interaction) error {
				i.Consented = append(i.Consented, string(rune('a'+n)))
				return nil
			})
		})
		got, err := store.Interaction(ctx, h.env, i.ID, morning)
		must(t, err)
		wantEqual(t, "steps", len(got.Consented), 8)
	})
}

// Nothing of one environment is visible or accepted in another.
func TestSessionsOfAnotherEnvironment(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, store := t.Context(), build(t, db), storage.Sessions{DB: db}
		other := build(t, db)
		handle := randomHash()
		b := h.newBrowser(t, handle, h.user, morning)
		i := h.newInteraction(t, handle)
		a := authenticated(morning)

		accounts, err := store.Accounts(ctx, other.env, handle, h.app.ID)
		must(t, err)
		wantEqual(t, "Accounts", len(accounts), 0)
		wantErr(t, "ReauthenticateBrowser", store.ReauthenticateBrowser(ctx, other.env, b.ID, a, true, morning), sessions.ErrNotFound)
		must(t, store.RotateHandle(ctx, other.env, handle, randomHash()))
		wantErr(t, "ForgetAccount", store.ForgetAccount(ctx, other.env, handle, b.ID), sessions.ErrNotFound)
		_, err = store.Session(ctx, other.env, h.session.ID)
		wantErr(t, "Session", err, sessions.ErrNotFound)
		used, err := store.LastUse(ctx, other.env, h.user.ID)
		must(t, err)
		wantEqual(t, "LastUse", len(used), 0)
		presence, err := store.Presence(ctx, other.env, []identity.ID{h.user.ID}, []*clients.Application{h.app}, morning)
		must(t, err)
		wantEqual(t, "Presence", len(presence), 0)
		wantErr(t, "Reauthenticate", store.Reauthenticate(ctx, other.env, h.session.ID, a, morning), sessions.ErrNotFound)
		for _, which := range []sessions.Selection{{Session: h.session.ID}, {User: h.user.ID}, {Application: h.app.ID}, {BrowserSession: h.browser.ID}} {
			ended, err := store.End(ctx, other.env, which, sessions.EndedByUser, "", morning)
			must(t, err)
			wantEqual(t, "ended", len(ended), 0)
			must(t, store.EndBrowserSessions(ctx, other.env, which, sessions.EndedByUser, morning))
		}
		_, err = store.Interaction(ctx, other.env, i.ID, morning)
		wantErr(t, "Interaction", err, sessions.ErrNotFound)
		wantErr(t, "UpdateInteraction", store.UpdateInteraction(ctx, other.env, i.ID, nil), sessions.ErrNotFound)
		wantErr(t, "FinishInteraction", store.FinishInteraction(ctx, other.env, i.ID, morning), sessions.ErrNotFound)

		// The house is as it was.
		accounts, err = store.Accounts(ctx, h.env, handle, "")
		must(t, err)
		wantEqual(t, "accounts", accounts, []sessions.Account{{BrowserSession: *b, Email: h.user.Email, Name: h.user.Profile.Name}})
		got, err := store.Session(ctx, h.env, h.session.ID)
		must(t, err)
		wantEqual(t, "session", got, h.session)
		kept, err := store.Interaction(ctx, h.env, i.ID, morning)
		must(t, err)
		wantEqual(t, "interaction", kept, i)

		// The same handle in two environments is two browsers.
		other.newBrowser(t, handle, other.user, morning)
		accounts, err = store.Accounts(ctx, h.env, handle, "")
		must(t, err)
		wantEqual(t, "accounts", len(accounts), 1)
		foreign := *h.session
		foreign.ID, foreign.Environment = sessions.ID(newID("ses")), other.env
		if err := store.CreateSession(ctx, &foreign); err == nil {
			t.Error("a session took a user and an application of another environment")
		}
	})
}
