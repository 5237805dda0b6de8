package clients

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"testing/quick"

	oldrand "math/rand"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/portico-id/portico/fault"
)

// What a document says of an application is what the application is told to be.
func TestDocumentHasEverything(t *testing.T) {
	random := oldrand.New(oldrand.NewSource(rand.Int64()))
	for range 20 {
		value, ok := quick.Value(reflect.TypeFor[Document](), random)
		if !ok {
			t.Fatal("quick can't make a Document")
		}
		want := value.Interface().(Document)
		policy := reflect.ValueOf(&want.SessionPolicy).Elem()
		for i := range policy.NumField() {
			if f := policy.Field(i); f.CanInt() {
				f.SetInt(f.Int() % 1_000_000_000)
			}
		}
		object := json.RawMessage(`{"a":"b"}`)
		want.ClaimsTemplates = ClaimsTemplatesDocument{object, object, object}
		var app Application
		if err := want.apply(&app); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, app.Document(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func patchOf(t *testing.T, text string) Patch {
	t.Helper()
	var p Patch
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

// RFC 7396: what a patch doesn't name stays, null takes away, objects are merged and lists replaced.
func TestPatch(t *testing.T) {
	for _, test := range []struct {
		name, patch string
		want        func(*Application)
	}{
		{"nothing", `{}`, func(*Application) {}},
		{"a text", `{"name":"Acme Web"}`, func(a *Application) { a.Name = "Acme Web" }},
		{"null is the zero value", `{"description":null,"redirect_uris":null,"pkce":null}`, func(a *Application) {
			a.Description, a.RedirectURIs, a.PKCE = "", nil, ""
		}},
		{"a list is replaced", `{"redirect_uris":["https://b.example/cb"]}`, func(a *Application) { a.RedirectURIs = []string{"https://b.example/cb"} }},
		{"one clock", `{"session_policy":{"inactivity_timeout":600}}`, func(a *Application) { a.SessionPolicy.InactivityTimeout = 600e9 }},
		{"one key of metadata", `{"metadata":{"team":null,"cost":"7"}}`, func(a *Application) { a.Metadata = map[string]string{"cost": "7", "tier": "1"} }},
		{"a template", `{"claims_templates":{"id_token":{"a":{"b":1.50}}}}`, func(a *Application) { a.ClaimsTemplates.IDToken = template(t, `{"a":{"b":1.50}}`) }},
		{"no template", `{"claims_templates":{"userinfo":null}}`, func(a *Application) { a.ClaimsTemplates.UserInfo = nil }},
	} {
		start := func() *Application {
			a := Web.Preset()
			a.Name, a.Description, a.RedirectURIs = "Web", "old", []string{"https://a.example/cb"}
			a.Metadata = map[string]string{"team": "blue", "tier": "1"}
			return &a
		}
		got, want := start(), start()
		if err := patchOf(t, test.patch).Apply(got); err != nil {
			t.Errorf("%s: Apply = %v", test.name, err)
		}
		test.want(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestPatchRefuses(t *testing.T) {
	for _, test := range []struct {
		patch string
		want  error
	}{
		{`{"redirect_uris":"https://a.example/cb"}`, fault.Invalidf("redirect_uris", "redirect_uris must be a list, not string")},
		{`{"enabled":"yes"}`, fault.Invalidf("enabled", "enabled must be true or false, not string")},
		{`{"name":5}`, fault.Invalidf("name", "name must be a text, not number")},
		{`{"session_policy":{"inactivity_timeout":1.5}}`, fault.Invalidf("session_policy/inactivity_timeout", "inactivity_timeout must be a whole number, not number 1.5")},
		{`{"session_policy":{"inactivity_timeout":"3 d"}}`, fault.Invalidf("session_policy/inactivity_timeout", "inactivity_timeout must be a whole number, not string")},
		{`{"session_policy":[]}`, fault.Invalidf("session_policy", "session_policy must be an object, not array")},
		{`{"session_policy":{"inactivity_timeout":9223372037}}`, fault.Invalidf("session_policy/inactivity_timeout", "inactivity_timeout has 9223372037 seconds, which is out of range")},
		{`{"session_policy":{"inactivity_timeout":-9223372037}}`, fault.Invalidf("session_policy/inactivity_timeout", "inactivity_timeout has -9223372037 seconds, which is out of range")},
		{`{"colour":"red"}`, fault.Invalidf("colour", `an application has no field "colour"`)},
		{`{"Name":"x"}`, fault.Invalidf("Name", `an application has no field "Name"`)},
		{`{"session_policy":{"idle":5}}`, fault.Invalidf("session_policy/idle", `an application has no field "session_policy/idle"`)},
		{`{"created_at":"2026-01-01T00:00:00Z"}`, fault.Invalidf("created_at", "created_at is given by Portico: leave it out")},
	} {
		a := Web.Preset()
		before := *a.Clone()
		if err := patchOf(t, test.patch).Apply(&a); !errors.Is(err, test.want) {
			t.Errorf("%s: Apply = %v, want %v", test.patch, err, test.want)
		}
		if diff := cmp.Diff(before, a); diff != "" {
			t.Errorf("%s changed the application:\n%s", test.patch, diff)
		}
	}
	for _, text := range []string{`[]`, `null`, `"a"`, `{} {}`, `{`} {
		var p Patch
		if err := json.Unmarshal([]byte(text), &p); err == nil {
			t.Errorf("%s is read as %v, want an error", text, p)
		}
	}
}

// A patch that makes a new application has the preset of its kind below it.
func TestPatchNew(t *testing.T) {
	in, err := patchOf(t, `{"kind":"native","name":"Phone","client_id":"phone","session_policy":{"access_token_lifetime":600}}`).
		New(patchOf(t, `{"name":"Acme Phone"}`))
	if err != nil {
		t.Fatal(err)
	}
	r, _, _ := newRegistry(t)
	got, _, err := r.Create(t.Context(), production, in)
	if err != nil {
		t.Fatal(err)
	}
	want := Native.Preset()
	want.ID, want.Environment, want.CreatedAt, want.UpdatedAt = got.ID, got.Environment, got.CreatedAt, got.UpdatedAt
	want.Name, want.ClientID, want.SessionPolicy.AccessTokenLifetime = "Acme Phone", "phone", 600e9
	if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
