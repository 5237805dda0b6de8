package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portico-id/portico/clients"
)

// newApplication is what POST takes: what differs from the preset of the kind.
type newApplication struct{ clients.Patch }

// Schema implements huma.SchemaProvider.
func (newApplication) Schema(r huma.Registry) *huma.Schema {
	return settingsSchema[clients.Document](r, "NewApplication", "An application to be: what is not given is as the preset of its kind has it.", "kind", "name")
}

// applicationPatch is a JSON merge patch of an application.
type applicationPatch struct{ clients.Patch }

// Schema implements huma.SchemaProvider.
func (applicationPatch) Schema(r huma.Registry) *huma.Schema {
	return settingsSchema[clients.Document](r, "ApplicationPatch", patchDescription)
}

// settingsSchema is that of a new thing or of a merge patch of one, whose settings are T. What is required can't be null.
func settingsSchema[T any](r huma.Registry, name, description string, required ...string) *huma.Schema {
	s := patchSchema(r, huma.SchemaFromType(r, reflect.TypeFor[T]()), true)
	s.Description, s.Required = description, required
	for _, field := range required {
		s.Properties[field].Nullable = false
	}
	return named(r, name, s)
}

const patchDescription = "A JSON merge patch (RFC 7396): what is not given stays, null empties a field, objects are merged, lists replaced."

// markPatch is in the schemas of merge patches, in which also a list can be null.
const markPatch = "x-merge-patch"

// named puts a schema of merge patches among the components.
func named(r huma.Registry, name string, s *huma.Schema) *huma.Schema {
	s.Nullable = false
	s.PrecomputeMessages()
	s.Extensions = map[string]any{markPatch: true}
	r.Map()[name] = s
	return &huma.Schema{Ref: schemas + name}
}

// patchSchema is the schema of merge patches of what has the schema: nothing is required, and everything can be null if
// nulls says so.
func patchSchema(r huma.Registry, s *huma.Schema, nulls bool) *huma.Schema {
	description := s.Description
	for s.Ref != "" {
		s = r.SchemaFromRef(s.Ref)
	}
	c := *s
	c.Required, c.Nullable = nil, nulls && c.Type != ""
	if description != "" {
		c.Description = description
	}
	if c.Properties != nil {
		c.Properties = make(map[string]*huma.Schema, len(s.Properties))
		for name, property := range s.Properties {
			c.Properties[name] = patchSchema(r, property, nulls)
		}
	}
	if of, ok := c.AdditionalProperties.(*huma.Schema); ok {
		c.AdditionalProperties = patchSchema(r, of, nulls)
	}
	return &c
}
