package clients

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/fault"
)

func template(t *testing.T, source string) *ClaimsTemplate {
	t.Helper()
	parsed, err := ParseClaimsTemplate("template", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// sampleValue is what the tests know of a user.
func sampleValue(name string) any {
	return map[string]any{
		"user.email": "ada@example.com", "user.email_verified": true, "user.updated_at": int64(1700000000), "user.name": `Ada "the First" {{ user.email }}`,
		"user.address": map[string]string{"country": "UK"}, "membership.roles": []string{"admin", "owner"}, "membership.permissions": []string{},
		"organization.metadata.plan": "gold", "organization.metadata.a plan": "silver",
	}[name]
}

// Acceptance 57: what templates make of what is known.
func TestClaimsTemplate(t *testing.T) {
	for _, test := range []struct{ name, source, want string }{
		{"constants", `{"a":"b","n":1.50,"big":12345678901234567890,"t":true,"list":[1,"x",{"y":false}],"none":{},"empty":""}`,
			`{"a":"b","n":1.50,"big":12345678901234567890,"t":true,"list":[1,"x",{"y":false}],"none":{},"empty":""}`},
		{"a text", `{"mail":"{{ user.email }}"}`, `{"mail":"ada@example.com"}`},
		{"without blanks, or with many", `{"a":"{{user.email}}","b":"{{   user.email  }}"}`, `{"a":"ada@example.com","b":"ada@example.com"}`},
		{"true stays true", `{"v":"{{ user.email_verified }}"}`, `{"v":true}`},
		{"a number stays one", `{"at":"{{ user.updated_at }}"}`, `{"at":1700000000}`},
		{"a list stays one", `{"https://acme.example/roles":"{{ membership.roles }}","p":"{{ membership.permissions }}"}`, `{"https://acme.example/roles":["admin","owner"],"p":[]}`},
		{"an object stays one", `{"where":"{{ user.address }}"}`, `{"where":{"country":"UK"}}`},
		{"within a text", `{"a":"<{{ user.email }}> {{ user.email_verified }} since {{ user.updated_at }}"}`, `{"a":"<ada@example.com> true since 1700000000"}`},
		{"deep", `{"hasura":{"claims":[{"plan":"{{ organization.metadata.plan }}"}]}}`, `{"hasura":{"claims":[{"plan":"gold"}]}}`},
		{"a key with a blank", `{"plan":"{{ organization.metadata.a plan }}"}`, `{"plan":"silver"}`},
		{"what is missing is left out", `{"a":"{{ user.locale }}","b":"in {{ user.locale }}","c":{"d":"{{ organization.id }}"},"e":["{{ user.locale }}","f"]}`, `{"c":{},"e":["f"]}`},
		{"what a user is called is no template", `{"name":"{{ user.name }}","hello":"Hello {{ user.name }}"}`,
			`{"name":"Ada \"the First\" {{ user.email }}","hello":"Hello Ada \"the First\" {{ user.email }}"}`},
		{"lonely braces", `{"a":"}} {x} }{"}`, `{"a":"}} {x} }{"}`},
		{"nothing", `{}`, `{}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			app := Application{ClaimsTemplates: ClaimsTemplates{UserInfo: template(t, test.source)}}
			claims, err := app.Describe(UserInfoClaims, sampleValue)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(values(t, test.want), values(t, claims)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.source, diff)
			}
			if none, err := app.Describe(IDTokenClaims, sampleValue); none != nil || err != nil {
				t.Errorf("without a template: %v, %v", none, err)
			}
		})
	}
}

// values reads JSON, or what is to be written as JSON, with its numbers as they are.
func values(t *testing.T, v any) (read any) {
	t.Helper()
	source, ok := v.(string)
	if !ok {
		written, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		source = string(written)
	}
	if err := decode([]byte(source), &read); err != nil {
		t.Fatal(err)
	}
	return read
}

func TestClaimsTemplateRefuses(t *testing.T) {
	for _, test := range []struct{ name, source, field, message string }{
		{"no JSON", `{`, "id_token", "id_token must be a JSON object"},
		{"no object", `["a"]`, "id_token", "id_token must be a JSON object"},
		{"null", `null`, "id_token", "id_token must be a JSON object"},
		{"two", `{} {}`, "id_token", "id_token must be a JSON object"},
		{"reserved", `{"plan":1,"org_id":"x"}`, "id_token/org_id", "the claim org_id is reserved: choose another name"},
		{"unknown", `{"a":{"b":["{{ user.password_hash }}"]}}`, "id_token/a/b/0", `there is no placeholder "user.password_hash": use one of application.client_id, `},
		{"no name", `{"a":"{{ }}"}`, "id_token/a", `there is no placeholder "": use one of `},
		{"no key", `{"a":"{{ organization.metadata. }}"}`, "id_token/a", `there is no placeholder "organization.metadata."`},
		{"not closed", `{"a":"x {{ user.email"}`, "id_token/a", `"x {{ user.email" opens a placeholder by {{ and doesn't close it by }}`},
		{"braces in braces", `{"a":"{{ {{ user.email }} }}"}`, "id_token/a", `there is no placeholder "{{ user.email"`},
		{"a list in a text", `{"a":"roles: {{ membership.roles }}"}`, "id_token/a", "membership.roles is a list or an object, which no text can have in it: let the placeholder stand alone"},
		{"a name", `{"{{ user.email }}":1}`, "id_token/{{ user.email }}", `the name "{{ user.email }}" has a placeholder: only values may`},
		{"null in it", `{"a":null}`, "id_token/a", `"a" is null, which says nothing: leave it out`},
		{"large", `{"a":"` + strings.Repeat("a", maxTemplate) + `"}`, "id_token", "id_token has 3080 bytes: 3072 is the most"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := ParseClaimsTemplate("id_token", []byte(test.source))
			all := fault.All(err)
			if len(all) != 1 || all[0].Kind != fault.Invalid || all[0].Field != test.field || !strings.HasPrefix(all[0].Message, test.message) {
				t.Errorf("%s: %v, want %s: %s", test.source, err, test.field, test.message)
			}
		})
	}
	for _, name := range reservedClaims {
		if _, err := ParseClaimsTemplate("id_token", []byte(`{"`+name+`":1}`)); err == nil {
			t.Errorf("the claim %s is taken", name)
		}
	}
	d := ClaimsTemplatesDocument{IDToken: json.RawMessage(`{"sub":1}`), UserInfo: json.RawMessage(`{"a":"{{ x }}"}`)}
	if _, err := d.Parse(); len(fault.All(err)) != 2 || fault.Of(err).Field != "claims_templates/id_token/sub" {
		t.Errorf("two templates with mistakes: %v", err)
	}
}

// The attack: an access token of one's own with the claim Grant_ID, or Exp, was opened as the token of somebody else's grant, or for
// ever, as encoding/json doesn't tell Grant_ID from grant_id.
func TestClaimsTemplateCase_regression(t *testing.T) {
	folded := strings.NewReplacer("s", "\u017f", "k", "\u212a") // ſ and the Kelvin sign
	for _, name := range reservedClaims {
		for _, variant := range []string{strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], folded.Replace(name)} {
			if _, err := ParseClaimsTemplate("access_token", []byte(`{"`+variant+`":"x"}`)); err == nil {
				t.Errorf("the claim %s is taken", variant)
			}
		}
	}

	var kept ClaimsTemplate // as it was saved before
	if err := json.Unmarshal([]byte(`{"plan":1.50,"Grant_ID":"grt_1","sub":"x"}`), &kept); err != nil || string(kept.Source()) != `{"plan":1.50}` {
		t.Errorf("of a template with claims that were reserved since %s is read, %v", kept.Source(), err)
	}
}

// Acceptance 57: claims of more than 3 KB are an error with a name, and never cut.
func TestOversizedClaims(t *testing.T) {
	app := Application{Name: "Acme Web", ClaimsTemplates: ClaimsTemplates{AccessToken: template(t, `{"a":"{{ user.name }}"}`)}}
	for _, n := range []int{maxTemplate - len(`{"a":""}`), maxTemplate - len(`{"a":""}`) + 1} {
		_, err := app.Describe(AccessTokenClaims, func(string) any { return strings.Repeat("x", n) })
		var oversized *OversizedClaims
		if large := n+len(`{"a":""}`) > maxTemplate; errors.As(err, &oversized) != large {
			t.Errorf("%d bytes: %v", n, err)
		} else if large {
			const want = "The access_token claims template of Acme Web is over 3 KB: filled in for this user it has 3073 bytes, and 3072 is the most."
			if f := fault.Of(err); f.Message != want || f.Field != "claims_templates/access_token" || f.Kind != fault.Invalid {
				t.Errorf("the fault is %+v", f)
			}
		}
	}
}

func FuzzClaimsTemplate(f *testing.F) {
	for _, seed := range []string{`{"a":"{{ user.email }} {{membership.roles}}"}`, `{"a":[{"b":"{{organization.metadata.x}}"}]}`, `{"a":"{{"}`, `{"{{":null}`, `[]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		parsed, err := ParseClaimsTemplate("template", []byte(source))
		if err != nil {
			if fault.Of(err).Kind != fault.Invalid {
				t.Fatalf("%q: %v", source, err)
			}
			return
		}
		again := &ClaimsTemplate{}
		text, err := json.Marshal(parsed)
		if err == nil {
			err = json.Unmarshal(text, again)
		}
		if err != nil || !again.Equal(parsed) {
			t.Fatalf("%q comes back as %q, %v", source, again.Source(), err)
		}
		for _, value := range []func(string) any{sampleValue, func(string) any { return nil }} {
			app := Application{ClaimsTemplates: ClaimsTemplates{IDToken: parsed}}
			claims, err := app.Describe(IDTokenClaims, value)
			var oversized *OversizedClaims
			if err != nil && !errors.As(err, &oversized) || err == nil && claims == nil {
				t.Fatalf("%q: %v, %v", source, claims, err)
			}
		}
	})
}
