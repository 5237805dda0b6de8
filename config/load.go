package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/v2"
)

const (
	prefix       = "PORTICO_"
	pathVariable = prefix + "CONFIG" // names the file where Load is given no path
	testPrefix   = prefix + "TEST_"  // of variables that our own tests set around the programs they start
	fileSuffix   = "_file"           // of the keys that name a file with a secret
)

// Load reads the YAML file at path and the PORTICO_* variables of environ, which has the form of
// os.Environ; a variable wins over the file. Without a path PORTICO_CONFIG names the file, and
// without that there is none. In local mode, where no secret is given, Load keeps one in the file
// "secret" of the data directory and makes both on the first start.
//
// The error, where there is one, is of type Mistakes.
func Load(path string, environ []string) (*Config, error) {
	c, err := load(path, environ, os.ReadFile)
	if err != nil {
		return nil, err
	}
	if c.Secret == "" {
		if c.Secret, err = keptSecret(c.DataDir); err != nil {
			remedy := fmt.Sprintf("can't keep the secret: %v; give a directory that Portico may write to, or set secret", reason(err))
			if errors.Is(err, errDamaged) {
				remedy = err.Error()
			}
			return nil, Mistakes{{Key: "data_dir", Value: quote(c.DataDir), Remedy: remedy}}
		}
	}
	return c, nil
}

// load is Load without what it writes. Secret is empty if it has to be generated.
func load(path string, environ []string, readFile func(string) ([]byte, error)) (*Config, error) {
	r := newReader(readFile)
	variables := ours(environ)
	pathFrom := "the configuration file"
	if path == "" {
		path, pathFrom = variables[pathVariable], pathVariable
	}
	delete(variables, pathVariable)
	r.addVariables(variables)

	complete := true
	if path != "" {
		complete = r.addFile(path, pathFrom)
	}
	r.readValues()
	if complete {
		r.derive()
		r.check()
	}
	if len(r.mistakes) > 0 {
		return nil, r.sorted()
	}
	return r.config, nil
}

// reader fills a Config and collects what is wrong.
type reader struct {
	config    *Config
	settings  []setting
	readFile  func(string) ([]byte, error)
	file      layer
	variables layer
	sources   map[string]source // by key of the setting; none where the default stands
	refused   map[string]bool   // keys of settings with a mistake, of which the first is enough
	mistakes  Mistakes
}

// layer holds what one source gives, by key.
type layer map[string]any

// Read and ReadBytes make a layer a provider for koanf.
func (l layer) Read() (map[string]any, error) { return l, nil }

func (l layer) ReadBytes() ([]byte, error) { return nil, errors.ErrUnsupported }

// source tells where the value of a setting comes from.
type source struct {
	key      string // of the setting, or that with fileSuffix
	value    any
	variable bool
}

func newReader(readFile func(string) ([]byte, error)) *reader {
	c := new(Config)
	return &reader{
		config:    c,
		settings:  c.settings(),
		readFile:  readFile,
		file:      layer{},
		variables: layer{},
		sources:   map[string]source{},
		refused:   map[string]bool{},
	}
}

// ours returns the variables that begin with PORTICO_. One that is empty counts as not set, as
// there is no other way to pass none through a compose file.
func ours(environ []string) map[string]string {
	variables := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) || strings.HasPrefix(name, testPrefix) || value == "" || serviceLink.MatchString(entry) {
			continue
		}
		variables[name] = value
	}
	return variables
}

// serviceLink matches the variables by which Kubernetes announces a service to every pod beside it;
// of a service called portico they begin with our prefix.
var serviceLink = regexp.MustCompile(`^\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)=|^\w+_PORT=(tcp|udp|sctp)://`)

// variable returns the name of the variable that gives key.
func variable(key string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func (r *reader) addVariables(variables map[string]string) {
	keys := map[string]string{}
	for _, key := range r.keys() {
		keys[variable(key)] = key
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if key, ok := keys[name]; ok {
			r.variables[key] = variables[name]
			continue
		}
		r.tell(name, unknown("variable", name, slices.Collect(maps.Keys(keys))))
	}
	r.refuseTwins(r.variables, variable)
}

// addFile reports whether the file could be read, so that what it says is known.
func (r *reader) addFile(path, pathFrom string) bool {
	broken := func(remedy string) bool {
		r.mistakes = append(r.mistakes, Mistake{Key: pathFrom, Value: quote(path), Remedy: remedy})
		return false
	}
	content, err := r.readFile(path)
	if err != nil {
		return broken(fmt.Sprintf("can't be read: %v", reason(err)))
	}
	tree, err := yaml.Parser().Unmarshal(content)
	if err != nil {
		return broken("isn't YAML with keys as in config.example.yaml: " + withoutValues(err))
	}
	const delimiter = "\x00" // in place of the dot, so that a key "a.b" isn't taken for b below a
	file := koanf.New(delimiter)
	if err := file.Load(layer(tree), nil); err != nil {
		return broken(err.Error())
	}

	keys := r.keys()
	for _, position := range file.Keys() {
		value := file.Get(position)
		parts := strings.Split(position, delimiter)
		key := strings.Join(parts, ".")
		remedy := ""
		switch {
		case slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(part, ".") }):
			remedy = "has a dot; write what follows it as a key below, as in config.example.yaml"
		case slices.Contains(keys, key):
			if value != nil && value != "" {
				r.file[key] = value
			}
		case !slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, key+".") }):
			remedy = unknown("key", key, keys)
		case value != nil && !isEmptyMap(value):
			remedy = "must have keys below it, as in config.example.yaml"
		}
		if remedy != "" {
			r.tell(key, remedy)
		}
	}
	r.refuseTwins(r.file, func(key string) string { return key })
	return true
}

func isEmptyMap(value any) bool {
	group, ok := value.(map[string]any)
	return ok && len(group) == 0
}

// quoted matches what the YAML parser repeats of the file.
var quoted = regexp.MustCompile("(?s)`.*`|(anchor )'.*'")

// withoutValues returns the text of an error of the YAML parser on one line and without pieces of
// the file, as one of them may be a password.
func withoutValues(err error) string {
	text := quoted.ReplaceAllString(err.Error(), "$1…")
	text = strings.NewReplacer("yaml: ", "", "unmarshal errors:", "", "map[string]interface {}", "keys and values").Replace(text)
	return strings.Join(strings.Fields(text), " ")
}

// refuseTwins refuses a secret and a file with it, given in the same place.
func (r *reader) refuseTwins(l layer, name func(key string) string) {
	for _, s := range r.settings {
		if s.secret && l[s.key] != nil && l[s.key+fileSuffix] != nil {
			r.refused[s.key] = true
			r.tell(name(s.key), "is given besides "+name(s.key+fileSuffix)+"; take one away")
		}
	}
}

// keys returns all keys that a file may have.
func (r *reader) keys() []string {
	var keys []string
	for _, s := range r.settings {
		keys = append(keys, s.key)
		if s.secret {
			keys = append(keys, s.key+fileSuffix)
		}
	}
	return keys
}

// readValues merges defaults, file and variables, later ones first, into the Config.
func (r *reader) readValues() {
	defaults := layer{}
	for _, s := range r.settings {
		if s.fallback != nil {
			defaults[s.key] = s.fallback
		}
		// A secret in one form wins over the other form below it.
		if s.secret && (r.variables[s.key] != nil || r.variables[s.key+fileSuffix] != nil) {
			delete(r.file, s.key)
			delete(r.file, s.key+fileSuffix)
		}
	}
	merged := koanf.New(".")
	for _, l := range []layer{defaults, r.file, r.variables} {
		if err := merged.Load(l, nil); err != nil {
			r.tell("the configuration", err.Error())
			return
		}
	}

	for _, s := range r.settings {
		for _, key := range []string{s.key, s.key + fileSuffix} {
			_, inVariables := r.variables[key]
			if _, inFile := r.file[key]; inFile || inVariables {
				r.sources[s.key] = source{key, merged.Get(key), inVariables}
			}
		}
		value := merged.Get(s.key)
		if given, ok := r.sources[s.key]; ok && given.key != s.key {
			var err error
			if value, err = r.secretFile(given.value); err != nil {
				r.refuse(s.key, "can't be used: %v", reason(err))
				continue
			}
		}
		if value != nil && !s.read(value) {
			r.refuse(s.key, "must be %s", s.expects)
		}
	}
}

// secretFile returns the content of the file at path, without the line break at its end.
func (r *reader) secretFile(path any) (any, error) {
	name, ok := path.(string)
	if !ok {
		return nil, errors.New("it is no path")
	}
	content, err := r.readFile(name)
	if err != nil {
		return nil, err
	}
	text := strings.TrimRight(string(content), "\r\n")
	if text == "" {
		return nil, errors.New("the file is empty")
	}
	return text, nil
}

// tell records a mistake that has no value to show.
func (r *reader) tell(key, remedy string) {
	r.mistakes = append(r.mistakes, Mistake{Key: key, Remedy: remedy})
}

// refuse records a mistake about the setting with key, unless there is one already. The remedy is
// told with the key that gave the value.
func (r *reader) refuse(key, remedy string, args ...any) {
	if r.refused[key] {
		return
	}
	r.refused[key] = true
	m := Mistake{Key: key, Remedy: fmt.Sprintf(remedy, args...)}
	s := r.settings[slices.IndexFunc(r.settings, func(s setting) bool { return s.key == key })]
	if given, ok := r.sources[key]; ok {
		m.Key = given.key
		if given.variable {
			m.Variable = variable(given.key)
		}
		if _, isPath := given.value.(string); !s.secret || given.key != key && isPath {
			m.Value = quote(given.value)
		}
	} else if shown := s.show(); shown != "" {
		m.Value = quote(shown)
	}
	r.mistakes = append(r.mistakes, m)
}

// sorted returns the mistakes in the order that Mistakes promises.
func (r *reader) sorted() Mistakes {
	keys := r.keys()
	slices.SortStableFunc(r.mistakes, func(a, b Mistake) int {
		return slices.Index(keys, a.Key) - slices.Index(keys, b.Key)
	})
	return r.mistakes
}

// reason returns what went wrong with a file, without repeating its name.
func reason(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
