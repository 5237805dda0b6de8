package apply_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/admin/apply"
	"github.com/portico-id/portico/fault"
)

// fields are those of the faults that an error joins.
func fields(err error) (all []string) {
	for _, f := range fault.All(err) {
		all = append(all, f.Field)
	}
	return all
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string // the fields at fault
	}{
		{"nothing", "", []string{""}},
		{"null", "null", []string{"line 1"}},
		{"a list", "- environments", []string{"line 1"}},
		{"an empty object", "{}", nil},
		{"no environments", "environments:", nil},
		{"a text for a list", "environments: all", []string{"line 1, environments"}},
		{"two documents", "environments: []\n---\nenvironments: []", []string{""}},
		{"a merge key", "environments:\n  - slug: a\n    <<: {name: b}", []string{"line 3, environments/0/<<"}},
		{"the ID of the default", "environments:\n  - {slug: a, default_application_id: app_1}", []string{"line 2, environments/0/default_application_id"}},
		{"a key twice", "environments:\n  - slug: a\n    slug: b", []string{"line 3, environments/0/slug"}},
		{"an alias", "environments:\n  - &a {slug: one}\n  - *a", []string{"line 2, environments/1/slug"}},
		{"JSON with tabs", "{\n\t\"environments\": [\n\t\t{\"slug\": \"a\", \"sign_up\": \"no\"}\n\t]\n}", []string{"line 3, environments/0/sign_up"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := apply.Parse([]byte(test.text))
			if diff := cmp.Diff(test.want, fields(err)); diff != "" {
				t.Errorf("Parse(%q) = %v: %s", test.text, err, diff)
			}
		})
	}
}

// An alias of aliases makes of a few lines more than any memory has.
func TestParseBounds(t *testing.T) {
	var text strings.Builder
	text.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		n := string(rune('a' + i))
		before := "a0"
		if i > 1 {
			before = string(rune('a' + i - 1))
		}
		text.WriteString(n + ": &" + n + " [" + strings.TrimSuffix(strings.Repeat("*"+before+", ", 10), ", ") + "]\n")
	}
	if _, err := apply.Parse([]byte(text.String())); err == nil || !strings.Contains(err.Error(), "values") {
		t.Errorf("Parse of a billion laughs: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(acme))
	f.Add([]byte("environments: [{slug: a, applications: [{client_id: ~}], roles: [1, {}]}]"))
	f.Add([]byte("? [a]\n: b"))
	f.Add([]byte("&a a: *a"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if file, err := apply.Parse(text); err == nil && file == nil {
			t.Error("neither a file nor a mistake")
		}
	})
}
