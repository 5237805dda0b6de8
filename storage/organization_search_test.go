package storage_test

import (
	"testing"

	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

func TestSearchOrganizations(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, h, elsewhere, store := t.Context(), build(t, db), build(t, db), storage.Organizations{DB: db}
		acme, blue, odd := h.newOrganization(t, "Acme GmbH"), h.newOrganization(t, "Blue Harbor"), h.newOrganization(t, `Ähre 100% \_`)
		elsewhere.newOrganization(t, "Acme elsewhere")
		for _, test := range []struct {
			name string
			q    organizations.Query
			want []organizations.ID
			more bool
		}{
			{"all", organizations.Query{}, []organizations.ID{odd.ID, blue.ID, acme.ID}, false},
			{"part of a name", organizations.Query{Text: "gmbh"}, []organizations.ID{acme.ID}, false},
			{"an ID", organizations.Query{Text: string(blue.ID)}, []organizations.ID{blue.ID}, false},
			{"a letter that isn't ASCII", organizations.Query{Text: "Ähre"}, []organizations.ID{odd.ID}, false},
			{"marks of LIKE", organizations.Query{Text: `0% \_`}, []organizations.ID{odd.ID}, false},
			{"none", organizations.Query{Text: "%_%"}, nil, false},
			{"the first page", organizations.Query{Limit: 2}, []organizations.ID{odd.ID, blue.ID}, true},
			{"the second page", organizations.Query{Limit: 2, Older: blue.ID}, []organizations.ID{acme.ID}, false},
			{"the page before", organizations.Query{Limit: 2, Newer: acme.ID}, []organizations.ID{odd.ID, blue.ID}, false},
		} {
			if test.q.Limit == 0 {
				test.q.Limit = 10
			}
			page, more, err := store.SearchOrganizations(ctx, h.env, test.q)
			must(t, err)
			var got []organizations.ID
			for _, o := range page {
				got = append(got, o.ID)
			}
			wantEqual(t, test.name, got, test.want)
			wantEqual(t, test.name+": more", more, test.more)
		}

		grace := h.newUser(t, "grace@example.com")
		first, second := h.newMember(t, acme, h.user), h.newMember(t, acme, grace)
		h.newMember(t, blue, grace)
		page, more, err := store.SearchMembers(ctx, h.env, organizations.MemberQuery{Organization: acme.ID, Limit: 1})
		must(t, err)
		if len(page) != 1 || !more || page[0].ID != second.ID || page[0].Email != "grace@example.com" {
			t.Errorf("the first page of members is %+v, more = %v", page, more)
		}
		page, more, err = store.SearchMembers(ctx, h.env, organizations.MemberQuery{Organization: acme.ID, Limit: 1, Older: second.ID})
		must(t, err)
		if len(page) != 1 || more || page[0].ID != first.ID {
			t.Errorf("the second page of members is %+v, more = %v", page, more)
		}
	})
}
