// Package apply makes of an installation what a file declares: environments with their settings, applications and roles.
package apply

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/organizations"
)

// File is what a file declares.
type File struct {
	environments []environment
	lines        map[string]int // by the path of a value, such as "environments/0/applications/1/name"
}

// environment is what is declared of one. Settings that the file doesn't name stay as they are.
type environment struct {
	at                 string // its path
	slug               string
	settings           map[string]any
	defaultApplication string // a client ID; "" if the file doesn't say
	applications       []application
	roles              []role
}

// kind is what the file says of it; "" if it doesn't.
func (e *environment) kind() environments.Kind {
	kind, _ := e.settings["kind"].(string)
	return environments.Kind(kind)
}

// application is one with all its fields: those that the file doesn't name are as the preset of the kind has them.
type application struct {
	at       string
	clientID string
	patch    clients.Patch
}

// role is one with all its fields.
type role struct {
	at       string
	settings organizations.RoleSettings
}

// What aliases of YAML can make of a small file is bounded.
const (
	maxValues = 200_000
	maxDepth  = 20
)

// Parse reads a file: one document of YAML, or of JSON. Its error joins all mistakes, each a fault.Invalid whose field has the
// line and the path.
func Parse(text []byte) (*File, error) {
	d := yaml.NewDecoder(strings.NewReader(string(text)))
	var document yaml.Node
	switch err := d.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, fault.Invalidf("", "the file is empty")
	case err != nil:
		return nil, fault.Invalidf("", "this is neither YAML nor JSON: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fault.Invalidf("", "the file has more than one document")
	}
	r := &reader{lines: map[string]int{}, values: maxValues}
	f := &File{lines: r.lines}
	whole, ok := r.value("", document.Content[0]).(map[string]any)
	switch {
	case r.values < 0:
		return nil, fault.Invalidf("", "the file has more than %d values, or some more than %d deep in others", maxValues, maxDepth)
	case !ok && len(r.mistakes) == 0:
		r.mistake("", "the file must be an object with environments")
	case ok:
		r.names("", whole, "environments")
		for i, object := range r.objects("", whole, "environments") {
			f.environments = append(f.environments, r.environment(fmt.Sprintf("environments/%d", i), object))
		}
	}
	unique(r, "environments", "slug", f.environments, func(e environment) string { return e.slug })
	return f, byLine(r.mistakes)
}

// reader turns a document into declarations and notes all mistakes.
type reader struct {
	lines    map[string]int
	values   int
	mistakes []mistake
}

// mistake is one of a file.
type mistake struct {
	line int
	err  error
}

// byLine joins mistakes in the order of the file.
func byLine(all []mistake) error {
	slices.SortStableFunc(all, func(a, b mistake) int { return a.line - b.line })
	var errs []error
	for _, m := range all {
		errs = append(errs, m.err)
	}
	return errors.Join(errs...)
}

func (r *reader) mistake(at, format string, args ...any) {
	r.mistakeIn(lineOf(r.lines, at), at, format, args...)
}

func (r *reader) mistakeIn(line int, at, format string, args ...any) {
	r.mistakes = append(r.mistakes, mistake{line, fault.Invalidf(place(line, at), format, args...)})
}

// lineOf is where a value is, or the one that it would be in.
func lineOf(lines map[string]int, at string) int {
	line, known := lines[at]
	for !known && at != "" {
		at = at[:max(strings.LastIndexByte(at, '/'), 0)]
		line, known = lines[at]
	}
	return line
}

func place(line int, at string) string {
	if at == "" {
		return fmt.Sprintf("line %d", line)
	}
	return fmt.Sprintf("line %d, %s", line, at)
}

// join is the path of what is called name in the value at a path.
func join(at, name string) string { return strings.TrimPrefix(at+"/"+name, "/") }

// value is a node as encoding/json would have it, with numbers as json.Number.
func (r *reader) value(at string, n *yaml.Node) any {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if r.values--; r.values < 0 || strings.Count(at, "/") > maxDepth {
		r.values = -1
		return nil
	}
	if _, known := r.lines[at]; !known {
		r.lines[at] = n.Line
	}
	switch n.Kind {
	case yaml.MappingNode:
		return r.object(at, n)
	case yaml.SequenceNode:
		list := []any{}
		for i, item := range n.Content {
			list = append(list, r.value(join(at, strconv.Itoa(i)), item))
		}
		return list
	}
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err == nil {
			return b
		}
	case "!!int":
		var i int64
		if err := n.Decode(&i); err == nil {
			return json.Number(strconv.FormatInt(i, 10))
		}
	case "!!float":
		var f float64
		if err := n.Decode(&f); err == nil {
			if text, err := json.Marshal(f); err == nil {
				return json.Number(text)
			}
		}
	}
	return n.Value
}

func (r *reader) object(at string, n *yaml.Node) map[string]any {
	object := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		path := join(at, key.Value)
		if _, twice := object[key.Value]; twice {
			r.mistakeIn(key.Line, path, "%q is given twice", key.Value)
			continue
		}
		r.lines[path] = key.Line
		object[key.Value] = r.value(path, n.Content[i+1])
	}
	return object
}

// names refuses what an object has besides the names.
func (r *reader) names(at string, object map[string]any, names ...string) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(names, name) {
			r.mistake(join(at, name), "there is no such field: %s can be given", strings.Join(names, ", "))
		}
	}
}

// objects returns the objects of a list, which may be missing.
func (r *reader) objects(at string, object map[string]any, name string) []map[string]any {
	given, ok := object[name]
	if !ok || given == nil {
		return nil
	}
	list, ok := given.([]any)
	if !ok {
		r.mistake(join(at, name), "it must be a list, not %s", kind(given))
	}
	all := make([]map[string]any, len(list))
	for i, item := range list {
		if all[i], ok = item.(map[string]any); !ok {
			r.mistake(join(at, fmt.Sprintf("%s/%d", name, i)), "it must be an object, not %s", kind(item))
		}
	}
	return all
}

// text takes a text out of an object.
func (r *reader) text(at string, object map[string]any, name string, required bool) string {
	given, ok := object[name]
	delete(object, name)
	text, isText := given.(string)
	switch {
	case !ok && required && object != nil:
		r.mistake(at, "%s is missing", name)
	case ok && !isText:
		r.mistake(join(at, name), "it must be a text, not %s", kind(given))
	case ok && text == "":
		r.mistake(join(at, name), "it is empty")
	}
	return text
}

// unique refuses the second of two declarations with one name.
func unique[T any](r *reader, at, field string, all []T, name func(T) string) {
	seen := map[string]bool{}
	for i, one := range all {
		if n := name(one); n != "" && seen[n] {
			r.mistake(fmt.Sprintf("%s/%d/%s", at, i, field), "%q is declared twice", n)
		}
		seen[name(one)] = true
	}
}

func (r *reader) environment(at string, object map[string]any) environment {
	e := environment{
		at: at, slug: r.text(at, object, "slug", true),
		defaultApplication: r.text(at, object, "default_application", false),
	}
	for i, o := range r.objects(at, object, "applications") {
		path := join(at, fmt.Sprintf("applications/%d", i))
		a := application{at: path, patch: clients.Patch(o)}
		a.clientID = r.text(path, maps.Clone(o), "client_id", true)
		e.applications = append(e.applications, a)
	}
	for i, o := range r.objects(at, object, "roles") {
		path := join(at, fmt.Sprintf("roles/%d", i))
		one := role{at: path, settings: (&organizations.Role{}).Settings()}
		if o != nil && o["name"] == nil {
			r.mistake(path, "name is missing")
		}
		r.fit(path, o, &one.settings)
		e.roles = append(e.roles, one)
	}
	unique(r, join(at, "applications"), "client_id", e.applications, func(a application) string { return a.clientID })
	unique(r, join(at, "roles"), "name", e.roles, func(o role) string { return o.settings.Name })
	delete(object, "applications")
	delete(object, "roles")
	e.settings = object
	settings := (&environments.Environment{}).Settings()
	r.fit(at, object, &settings, "slug", "default_application", "roles", "applications")
	return e
}

// fit reads an object over what into points to, whose JSON has all names that there are, besides those that were taken out.
func (r *reader) fit(at string, object map[string]any, into any, taken ...string) {
	text, err := json.Marshal(into)
	if err != nil {
		r.mistake(at, "%v", err)
		return
	}
	known := map[string]any{}
	if err := json.Unmarshal(text, &known); err != nil {
		r.mistake(at, "%v", err)
		return
	}
	delete(known, "default_application_id")
	for _, name := range taken {
		known[name] = ""
	}
	before := len(r.mistakes)
	r.compare(at, object, known)
	if len(r.mistakes) > before {
		return
	}
	if err := clients.Patch(object).Merge(into); err != nil {
		r.mistake(at, "%s", strings.TrimPrefix(fault.Of(err).Message, "the patch doesn't fit: json: "))
	}
}

// compare refuses what known has not, and what is of another kind there.
func (r *reader) compare(at string, object, known map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		path, given := join(at, name), object[name]
		want, ok := known[name]
		switch {
		case !ok:
			r.mistake(path, "there is no such field: %s can be given", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		case kind(given) != kind(want):
			r.mistake(path, "it must be %s, not %s", kind(want), kind(given))
		default:
			below, _ := given.(map[string]any)
			if of, _ := want.(map[string]any); len(of) > 0 {
				r.compare(path, below, of)
			}
		}
	}
}

// kind names a value of JSON for people.
func kind(value any) string {
	switch value.(type) {
	case nil:
		return "nothing"
	case string:
		return "a text"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "a number"
}
