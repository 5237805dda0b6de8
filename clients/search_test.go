package clients

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSearch(t *testing.T) {
	r, _, _ := newRegistry(t)
	env := *production
	var ordered []ID
	named := map[string]ID{}
	var phones []ID
	for i := range 7 {
		kind := Web
		if i%2 == 1 {
			kind = Native
		}
		app, _, err := r.Create(t.Context(), &env, New{Kind: kind, Name: fmt.Sprintf("App %d", i), ClientID: fmt.Sprintf("Client-%d", i)})
		if err != nil {
			t.Fatal(err)
		}
		ordered, named[app.Name] = append(ordered, app.ID), app.ID
		if kind == Native {
			phones = append(phones, app.ID)
		}
	}
	first := named["App 1"]
	env.DefaultApplication = string(first)
	for _, ids := range [][]ID{ordered, phones} {
		slices.SortFunc(ids, func(a, b ID) int { // the IDs of a millisecond are in any order
			switch {
			case a == first:
				return -1
			case b == first:
				return 1
			}
			return strings.Compare(string(b), string(a))
		})
	}
	for _, test := range []struct {
		name string
		q    Search
		want []ID
		more bool
	}{
		{"the default first, then the newest", Search{Limit: 10}, ordered, false},
		{"a page", Search{Limit: 3}, ordered[:3], true},
		{"the next", Search{Limit: 3, Older: ordered[2]}, ordered[3:6], true},
		{"the last", Search{Limit: 3, Older: ordered[5]}, ordered[6:], false},
		{"after the default", Search{Limit: 1, Older: ordered[0]}, ordered[1:2], true},
		{"back", Search{Limit: 3, Newer: ordered[6]}, ordered[3:6], true},
		{"back to the first", Search{Limit: 3, Newer: ordered[3]}, ordered[:3], false},
		{"before the first", Search{Limit: 3, Newer: ordered[0]}, nil, false},
		{"by name", Search{Text: " app 3 ", Limit: 10}, []ID{named["App 3"]}, false},
		{"by client ID", Search{Text: "cLIENT-6", Limit: 10}, []ID{named["App 6"]}, false},
		{"by ID", Search{Text: string(ordered[6]), Limit: 10}, ordered[6:], false},
		{"by a part of an ID", Search{Text: "app_", Limit: 10}, nil, false},
		{"by kind", Search{Kind: Native, Limit: 10}, phones, false},
		{"by kind and name", Search{Kind: Native, Text: "app 0", Limit: 10}, nil, false},
	} {
		page, more, err := r.Search(t.Context(), &env, test.q)
		if err != nil {
			t.Fatal(err)
		}
		var got []ID
		for _, app := range page {
			got = append(got, app.ID)
		}
		if diff := cmp.Diff(test.want, got); diff != "" || more != test.more {
			t.Errorf("%s: more = %v, (-want +got):\n%s", test.name, more, diff)
		}
	}
	if page, _, err := r.Search(t.Context(), development, Search{Limit: 10}); err != nil || len(page) > 0 {
		t.Errorf("in another environment there are %v, %v", page, err)
	}
}
