package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi/datamodel"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

// contract is what the OpenAPI document promises, read by tools that know nothing of how it was made.
type contract struct {
	document   map[string]any
	operations map[string]map[string]any // by method and path
	compiler   *jsonschema.Compiler
	compiled   map[string]*jsonschema.Schema
	mu         sync.Mutex
	succeeded  map[string]bool // operations that did
}

const documentURL = "openapi.json"

func readContract(t testing.TB, base string) *contract {
	t.Helper()
	response, err := http.Get(base + "/openapi.json")
	check(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	check(t, err)
	if response.StatusCode != 200 || !strings.HasPrefix(response.Header.Get("Content-Type"), "application/openapi+json") {
		t.Fatalf("the document is %d %v:\n%s", response.StatusCode, response.Header, text)
	}
	c := &contract{operations: map[string]map[string]any{}, compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}, succeeded: map[string]bool{}}
	c.compiler.AssertFormat()
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	check(t, err)
	check(t, c.compiler.AddResource(documentURL, raw))
	c.document = raw.(map[string]any)
	for path, item := range c.document["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			c.operations[strings.ToUpper(method)+" "+path] = operation.(map[string]any)
		}
	}
	return c
}

// operation is the one that a request is for; "" if there is none.
func (c *contract) operation(method, path string) string {
	path, _, _ = strings.Cut(path, "?")
	segments := strings.Split(path, "/")
	for at := range c.operations {
		of, template, _ := strings.Cut(at, " ")
		parts := strings.Split(template, "/")
		if of == method && slices.EqualFunc(parts, segments, func(part, segment string) bool {
			return part == segment || strings.HasPrefix(part, "{") && segment != ""
		}) {
			return at
		}
	}
	return ""
}

// check says in what the answer to an operation, "" if it was for none, differs from what is promised.
func (c *contract) check(at string, a answer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil && a.text != "" {
		return fmt.Errorf("Content-Type %q: %w", a.header.Get("Content-Type"), err)
	}
	if a.status >= 400 && kind != "application/problem+json" {
		return fmt.Errorf("%d is answered with %q", a.status, kind)
	}
	if a.status >= 400 && a.field("status") != float64(a.status) {
		return fmt.Errorf("%d is answered with the status %v", a.status, a.field("status"))
	}
	if at == "" {
		at = "GET /applications"
	}
	responses := c.operations[at]["responses"].(map[string]any)
	status := fmt.Sprint(a.status)
	if a.status >= 400 {
		status = "default"
	}
	response, ok := responses[status].(map[string]any)
	if !ok {
		return fmt.Errorf("%d is not documented", a.status)
	}
	if a.status < 400 {
		c.succeeded[at] = true
		headers, _ := response["headers"].(map[string]any)
		for name := range headers {
			if a.header.Get(name) == "" && a.json["dry_run"] == nil {
				return fmt.Errorf("the header %s is missing", name)
			}
		}
	}
	content, _ := response["content"].(map[string]any)
	if len(content) == 0 {
		if a.text != "" {
			return fmt.Errorf("there is a body, but none is documented: %s", a.text)
		}
		return nil
	}
	if content[kind] == nil {
		return fmt.Errorf("%q is not documented", kind)
	}
	schema, err := c.schema("paths", strings.SplitN(at, " ", 2)[1], strings.ToLower(strings.SplitN(at, " ", 2)[0]), "responses", status, "content", kind, "schema")
	if err != nil {
		return err
	}
	body, err := jsonschema.UnmarshalJSON(strings.NewReader(a.text))
	if err != nil {
		return err
	}
	return schema.Validate(body)
}

// schema compiles the schema at the place in the document.
func (c *contract) schema(place ...string) (*jsonschema.Schema, error) {
	at := documentURL + "#"
	for _, name := range place {
		at += "/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(name)
	}
	if s := c.compiled[at]; s != nil {
		return s, nil
	}
	s, err := c.compiler.Compile(at)
	c.compiled[at] = s
	return s, err
}

// The document is one by the specification of OpenAPI 3.1, and says all that a reader needs.
func TestDocument(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	c := readContract(t, i.Issuer+"/api/v1")

	specification := jsonschema.NewCompiler()
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(datamodel.OpenAPI31SchemaData))
	check(t, err)
	check(t, specification.AddResource("openapi-3.1.json", schema))
	compiled, err := specification.Compile("openapi-3.1.json")
	check(t, err)
	if err := compiled.Validate(c.document); err != nil {
		t.Errorf("by the specification: %v", err)
	}
	if c.document["openapi"] != "3.1.0" {
		t.Errorf("openapi = %v", c.document["openapi"])
	}
	server := c.document["servers"].([]any)[0].(map[string]any)["url"]
	if server != i.Issuer+"/api/v1" {
		t.Errorf("the server is %v", server)
	}

	tags := map[string]bool{}
	for _, tag := range c.document["tags"].([]any) {
		tags[tag.(map[string]any)["name"].(string)] = false
	}
	ids := map[string]bool{}
	for at, operation := range c.operations {
		id := operation["operationId"].(string)
		if ids[id] || !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(id) {
			t.Errorf("%s has the operationId %q", at, id)
		}
		ids[id] = true
		tag := operation["tags"].([]any)[0].(string)
		if _, ok := tags[tag]; !ok || operation["summary"] == nil {
			t.Errorf("%s has the tag %q and the summary %v", at, tag, operation["summary"])
		}
		tags[tag] = true
		scope := operation["security"].([]any)[0].(map[string]any)["api_key"].([]any)[0].(string)
		if !slices.Contains(clients.APIScopes(), clients.APIScope(scope)) {
			t.Errorf("%s needs %q, which is no scope", at, scope)
		}
		parameters, _ := operation["parameters"].([]any)
		for _, parameter := range parameters {
			if p := parameter.(map[string]any); p["description"] == nil || p["description"] == "" {
				t.Errorf("%s doesn't say what %s is", at, p["name"])
			}
		}
		if slices.ContainsFunc(parameters, func(p any) bool { return p.(map[string]any)["name"] == "Idempotency-Key" }) != strings.HasPrefix(at, "POST ") {
			t.Errorf("%s: an Idempotency-Key is for POST alone", at)
		}
	}
	for tag, used := range tags {
		if !used {
			t.Errorf("the tag %q has no operation", tag)
		}
	}

	text, err := json.Marshal(c.document)
	check(t, err)
	components := c.document["components"].(map[string]any)["schemas"].(map[string]any)
	for name := range components {
		if !strings.Contains(string(text), `"#/components/schemas/`+name+`"`) {
			t.Errorf("the schema %s is not used", name)
		}
	}
	for _, match := range regexp.MustCompile(`"#/components/schemas/([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
		if components[match[1]] == nil {
			t.Errorf("the schema %s is missing", match[1])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(components)) {
		if _, err := c.schema("components", "schemas", name); err != nil {
			t.Errorf("the schema %s: %v", name, err)
		}
	}
}
