package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server/servertest"
)

// crossing is a value beyond a limit of a field.
type crossing struct {
	field string // "allowed/users"
	limit string // which one: "maxLength 100"
	value any
}

// resolve follows a reference of the document.
func (c *contract) resolve(schema map[string]any) map[string]any {
	for schema["$ref"] != nil {
		name := schema["$ref"].(string)[len("#/components/schemas/"):]
		schema = c.document["components"].(map[string]any)["schemas"].(map[string]any)[name].(map[string]any)
	}
	return schema
}

// crossings are values beyond every limit that the document has for what a request brings; open are the fields without one.
func (c *contract) crossings(schema map[string]any, field string) (all []crossing, open []string) {
	schema = c.resolve(schema)
	number := func(name string) (int, bool) {
		n, ok := schema[name].(json.Number)
		if !ok {
			return 0, false
		}
		v, err := n.Int64()
		return int(v), err == nil
	}
	add := func(limit string, value any) { all = append(all, crossing{field, limit, value}) }
	switch kind := fmt.Sprint(schema["type"]); {
	case strings.Contains(kind, "object"):
		properties, _ := schema["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			below, without := c.crossings(properties[name].(map[string]any), strings.TrimPrefix(field+"/"+name, "/"))
			all, open = append(all, below...), append(open, without...)
		}
	case strings.Contains(kind, "string"):
		limited := schema["enum"] != nil || schema["format"] != nil
		if most, ok := number("maxLength"); ok {
			limited = true
			add(fmt.Sprintf("maxLength %d", most), strings.Repeat("a", most+1))
		}
		if least, ok := number("minLength"); ok {
			add(fmt.Sprintf("minLength %d", least), strings.Repeat("a", least-1))
		}
		if schema["pattern"] != nil {
			limited = true
			add("pattern", "\u202e no pattern has this")
			add("pattern", strings.Repeat("a", 100))
		}
		if schema["enum"] != nil {
			add("enum", "none_of_them")
		}
		if schema["format"] != nil {
			add("format", "of another form")
		}
		add("type", 1)
		if !limited {
			open = append(open, field)
		}
	case strings.Contains(kind, "integer"):
		least, below := number("minimum")
		most, above := number("maximum")
		if below && above {
			add(fmt.Sprintf("minimum %d", least), least-1)
			add(fmt.Sprintf("maximum %d", most), most+1)
		} else {
			open = append(open, field)
		}
		add("type", "1")
	case strings.Contains(kind, "array"):
		if most, ok := number("maxItems"); ok {
			list := make([]string, most+1)
			for i := range list {
				list[i] = fmt.Sprintf("https://%d.example", i)
			}
			add(fmt.Sprintf("maxItems %d", most), list)
		} else if schema["items"].(map[string]any)["enum"] == nil {
			open = append(open, field)
		}
		add("type", "a text")
	case strings.Contains(kind, "boolean"):
		add("type", "true")
	}
	return all, open
}

// at puts a value into an object at the path of a field.
func at(object map[string]any, field string, value any) map[string]any {
	name, rest, nested := strings.Cut(field, "/")
	object = maps.Clone(object)
	if object == nil {
		object = map[string]any{}
	}
	if nested {
		below, _ := object[name].(map[string]any)
		value = at(below, rest, value)
	}
	object[name] = value
	return object
}

// Every field of every request has a limit in the document, and what crosses it is refused, names the field and changes nothing.
func TestEveryLimit(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		env, err := i.Environments.BySlug(t.Context(), environments.OperatorsSlug)
		check(t, err)
		operators := connectTo(t, i, env)
		web := "/applications/" + string(i.AddClient(t, "Web", clients.Web, nil).ID)
		user := "/users/" + c.want(t, 201, "POST /users", `{"email":"ada@limits.example"}`).str("id")
		organization := "/organizations/" + c.want(t, 201, "POST /organizations", `{"name":"Acme"}`).str("id")
		role := "/roles/" + c.want(t, 201, "POST /roles", `{"name":"editor"}`).str("id")
		secret := web + "/secrets/" + c.want(t, 201, "POST "+web+"/secrets", `{}`).str("id")
		key := web + "/api_keys/" + c.want(t, 201, "POST "+web+"/api_keys", `{"scopes":["users:read"]}`).str("id")

		operator := "/operators/" + operators.want(t, 201, "POST /operators", `{"email":"vera@limits.example"}`).str("id")

		for _, o := range []struct {
			*client
			at       string
			body     string // that goes with it
			observed string // what must not change
		}{
			{c, "POST /applications", `{"kind":"web","name":"Another"}`, "/applications?limit=100"},
			{c, "PATCH " + web, `{}`, web},
			{c, "POST " + web + "/redirect_uris:check", `{"uri":"https://web.example"}`, web},
			{c, "POST " + web + "/secrets", `{}`, web + "/secrets"},
			{c, "POST " + web + "/secrets:rotate", `{}`, web + "/secrets"},
			{c, "POST " + secret + "/expire", `{}`, web + "/secrets"},
			{c, "POST " + web + "/api_keys", `{"scopes":["users:read"]}`, web + "/api_keys"},
			{c, "POST " + key + "/expire", `{}`, web + "/api_keys"},
			{c, "POST /users", `{"email":"bob@limits.example"}`, "/users?limit=100"},
			{c, "PATCH " + user, `{}`, user},
			{c, "POST " + user + "/disable", `{}`, user},
			{c, "POST " + user + "/enable", `{}`, user},
			{c, "POST /sessions:end", `{"application_id":"` + strings.TrimPrefix(web, "/applications/") + `"}`, web + "/sessions"},
			{c, "POST /organizations", `{"name":"Another"}`, "/organizations"},
			{c, "PATCH " + organization, `{}`, organization},
			{c, "POST /roles", `{"name":"another"}`, "/roles"},
			{c, "PATCH " + role, `{}`, role},
			{c, "PATCH /settings", `{}`, "/settings"},
			{c, "POST /keys:rotate", `{}`, "/keys"},
			{operators, "POST /environments", `{"slug":"another","name":"Another"}`, "/environments"},
			{operators, "POST /operators", `{"email":"bob@limits.example"}`, "/operators"},
			{operators, "PATCH " + operator, `{"role":"admin"}`, "/operators"},
		} {
			method, path, _ := strings.Cut(o.at, " ")
			operation := o.contract.operations[o.contract.operation(method, path)]
			schema := operation["requestBody"].(map[string]any)["content"].(map[string]any)["application/json"].(map[string]any)["schema"].(map[string]any)
			var fitting map[string]any
			check(t, json.Unmarshal([]byte(o.body), &fitting))
			before := o.want(t, 200, "GET "+o.observed, "").text
			crossings, open := o.contract.crossings(schema, "")
			if len(open) > 0 {
				t.Errorf("%s has fields without a limit: %s", o.at, strings.Join(open, ", "))
			}
			for _, crossing := range crossings {
				body, err := json.Marshal(at(fitting, crossing.field, crossing.value))
				check(t, err)
				a := o.call(t, o.at, string(body))
				named := slices.ContainsFunc(a.fields(), func(field string) bool {
					return field == crossing.field || strings.HasPrefix(field, crossing.field+"/")
				})
				if a.status != 400 || !named {
					t.Errorf("%s beyond %s of %s = %d %s, want 400 for that field", o.at, crossing.limit, crossing.field, a.status, a.text)
				}
			}
			if after := o.want(t, 200, "GET "+o.observed, "").text; after != before {
				t.Errorf("what %s refused changed %s:\n%s\nwas\n%s", o.at, o.observed, after, before)
			}
		}
	})
}
