package storage_test

import (
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

// What a selection counts is what is then listed and ended, under the clocks of each application.
func TestSelectedSessions(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, store, h, elsewhere := t.Context(), storage.Sessions{DB: db}, build(t, db), build(t, db)
		policy := h.app.SessionPolicy
		policy.InactivityTimeout, policy.MaxSessionLength = 10*time.Minute, 10*time.Minute
		short := h.newApplication(t, policy)
		acme, blue := h.newOrganization(t, "Acme"), h.newOrganization(t, "Blue Harbor")
		bob := h.newUser(t, "bob@example.com")
		h.newMember(t, acme, h.user)
		h.newMember(t, blue, h.user)
		h.newMember(t, acme, bob)
		begin := func(app *clients.Application, of *sessions.BrowserSession) *sessions.Session {
			s := h.newSession(t, of, app, morning)
			_, err := store.SetOrganization(ctx, h.env, s.ID, acme.ID)
			must(t, err)
			return s
		}
		bobs := h.newBrowser(t, [32]byte{2}, bob, morning)
		inAcme, bobsInAcme, bobsShort := begin(h.app, h.browser), begin(h.app, bobs), begin(short, bobs)
		elsewhere.newSession(t, elsewhere.browser, elsewhere.app, morning)

		apps := []*clients.Application{h.app, short}
		early, late := morning.Add(time.Minute), morning.Add(11*time.Minute)
		for _, test := range []struct {
			name string
			q    sessions.SelectionQuery
			want []sessions.ID
		}{
			{"an organization's", sessions.SelectionQuery{Selection: sessions.Selection{Organization: acme.ID}, State: sessions.Living, Now: early}, []sessions.ID{bobsShort.ID, bobsInAcme.ID, inAcme.ID}},
			{"later", sessions.SelectionQuery{Selection: sessions.Selection{Organization: acme.ID}, State: sessions.Living, Now: late}, []sessions.ID{bobsInAcme.ID, inAcme.ID}},
			{"over", sessions.SelectionQuery{Selection: sessions.Selection{Organization: acme.ID}, State: sessions.Over, Now: late}, []sessions.ID{bobsShort.ID}},
			{"a member's", sessions.SelectionQuery{Selection: sessions.Selection{Organization: acme.ID, User: bob.ID}, Now: late}, []sessions.ID{bobsShort.ID, bobsInAcme.ID}},
			{"in an application", sessions.SelectionQuery{Selection: sessions.Selection{Organization: acme.ID, Application: short.ID}, Now: late}, []sessions.ID{bobsShort.ID}},
			{"of another organization", sessions.SelectionQuery{Selection: sessions.Selection{Organization: blue.ID}, Now: early}, nil},
			{"a user's", sessions.SelectionQuery{Selection: sessions.Selection{User: h.user.ID}, Now: early}, []sessions.ID{inAcme.ID, h.session.ID}},
		} {
			q := test.q
			q.Applications, q.Limit = apps, 10
			n, err := store.CountSelected(ctx, h.env, q)
			must(t, err)
			wantEqual(t, test.name+": count", n, len(test.want))
			page, more, err := store.SelectedSessions(ctx, h.env, q)
			must(t, err)
			wantEqual(t, test.name+": more", more, false)
			var got []sessions.ID
			for _, l := range page {
				got = append(got, l.ID)
			}
			wantEqual(t, test.name, got, test.want)
		}

		presence, err := store.Presence(ctx, h.env, []identity.ID{h.user.ID, bob.ID, elsewhere.user.ID}, apps, late)
		must(t, err)
		wantEqual(t, "Presence", presence, map[identity.ID]sessions.Presence{h.user.ID: {Living: 2, LastSignIn: morning}, bob.ID: {Living: 1, LastSignIn: morning}})
		memberships, err := storage.Organizations{DB: db}.MembershipsOfUsers(ctx, h.env, []identity.ID{h.user.ID, bob.ID, elsewhere.user.ID})
		must(t, err)
		if len(memberships) != 3 || memberships[2].User != h.user.ID || memberships[2].OrganizationName != "Blue Harbor" {
			t.Errorf("the memberships are %+v", memberships)
		}

		q := sessions.SelectionQuery{Selection: sessions.Selection{Organization: acme.ID}, Applications: apps, State: sessions.Living, Now: early, Limit: 2}
		page, more, err := store.SelectedSessions(ctx, h.env, q)
		must(t, err)
		if len(page) != 2 || !more || page[0].Email != "bob@example.com" {
			t.Errorf("the first page has %d sessions, more = %v: %+v", len(page), more, page)
		}
		q.Older = page[1].ID
		page, more, err = store.SelectedSessions(ctx, h.env, q)
		must(t, err)
		if len(page) != 1 || more || page[0].ID != inAcme.ID {
			t.Errorf("the second page has %d sessions, more = %v", len(page), more)
		}
		q.Applications = nil
		if n, err := store.CountSelected(ctx, h.env, q); n != 0 || err != nil {
			t.Errorf("without applications there are %d sessions, %v", n, err)
		}
	})
}
