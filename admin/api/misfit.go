package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portico-id/portico/fault"
)

// misfits says everything in which a value, at the field, is not what its schema says. Names are compared to the letter.
// What a value means is for the domain to judge.
func misfits(r huma.Registry, s *huma.Schema, field string, v any) []error {
	for s.Ref != "" {
		s = r.SchemaFromRef(s.Ref)
	}
	wrong := func(format string, args ...any) []error {
		name := "the body"
		if field != "" {
			name = field[strings.LastIndexByte(field, '/')+1:]
		}
		return []error{fault.Invalidf(field, name+" "+format, args...)}
	}
	if v == nil {
		if s.Nullable || s.Type == "" {
			return nil
		}
		return wrong("can't be null")
	}
	switch s.Type {
	case huma.TypeObject:
		object, ok := v.(map[string]any)
		if !ok {
			return wrong("must be an object, not %s", kindOf(v))
		}
		return misfitsOfObject(r, s, field, object)
	case huma.TypeArray:
		values, ok := v.([]any)
		if !ok {
			return wrong("must be a list, not %s", kindOf(v))
		}
		var all []error
		for i, value := range values {
			all = append(all, misfits(r, s.Items, fmt.Sprintf("%s/%d", field, i), value)...)
		}
		return all
	case huma.TypeString:
		text, ok := v.(string)
		if !ok {
			return wrong("must be a text, not %s", kindOf(v))
		}
		if strings.ContainsRune(text, 0) {
			return wrong("has the character NUL: remove it")
		}
		if s.Enum != nil && !slices.Contains(s.Enum, any(text)) {
			return wrong("%s must be one of %s", quote(text), listed(s.Enum))
		}
		if s.Format == "date-time" {
			if _, err := time.Parse(time.RFC3339, text); err != nil {
				return wrong("%s must be a time such as 2026-11-24T09:00:00Z (RFC 3339)", quote(text))
			}
		}
	case huma.TypeInteger:
		number, ok := v.(json.Number)
		if !ok {
			return wrong("must be a whole number, not %s", kindOf(v))
		}
		if _, err := number.Int64(); err != nil {
			return wrong("must be a whole number of up to 18 digits")
		}
	case huma.TypeBoolean:
		if _, ok := v.(bool); !ok {
			return wrong("must be true or false, not %s", kindOf(v))
		}
	}
	return nil
}

func misfitsOfObject(r huma.Registry, s *huma.Schema, field string, object map[string]any) (all []error) {
	below := func(name string) string {
		if field == "" {
			return name
		}
		return field + "/" + name
	}
	for _, name := range s.Required {
		if _, ok := object[name]; !ok {
			all = append(all, fault.Invalidf(below(name), "%s is missing", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		of := s.Properties[name]
		if of == nil {
			of, _ = s.AdditionalProperties.(*huma.Schema)
		}
		switch open, _ := s.AdditionalProperties.(bool); {
		case of != nil:
			all = append(all, misfits(r, of, below(name), object[name])...)
		case !open:
			all = append(all, fault.Invalidf(below(name), "there is no field %s here", quote(name)))
		}
	}
	return all
}

// listed are values for people to choose from.
func listed(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}

// kindOf names what a JSON value is.
func kindOf(v any) string {
	switch v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "a text"
	case bool:
		return "true or false"
	}
	return "a number"
}

// quote shows what was sent so that all of it is seen.
func quote(value string) string {
	const most = 100
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "…"
	}
	return fmt.Sprintf("%+q", value)
}
