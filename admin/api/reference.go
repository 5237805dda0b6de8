package api

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/templates"
)

// serveReference serves GET /api/docs: the OpenAPI document for people. It needs no key.
func (a *API) serveReference(w http.ResponseWriter, r *http.Request) {
	page := a.reference
	page.Chrome = a.Chrome(r, nil)
	env := environments.FromContext(r.Context())
	page.BaseURL = env.Issuer(a.PublicURL) + prefix
	page.DocumentURL = page.Prefix + prefix + "/openapi.json"
	if err := templates.Render(w, http.StatusOK, page); err != nil {
		a.Log.ErrorContext(r.Context(), "page not rendered", "request_id", audit.RequestID(r.Context()), "err", err)
		http.Error(w, "Something went wrong on our side.", http.StatusInternalServerError)
	}
}

// referenceOf makes the page of the document.
func referenceOf(d *huma.OpenAPI) templates.APIReference {
	page := templates.APIReference{About: d.Info.Description}
	for _, scope := range clients.APIScopes() {
		page.Scopes = append(page.Scopes, string(scope))
	}
	for _, tag := range d.Tags {
		g := templates.APIGroup{ID: "group-" + strings.ToLower(strings.ReplaceAll(tag.Name, " ", "-")), Name: tag.Name, Text: tag.Description}
		for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
			item := d.Paths[path]
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
				if op := operationOf(item, method); op != nil && op.Tags[0] == tag.Name {
					g.Operations = append(g.Operations, referenceOfOperation(op, method, path))
				}
			}
		}
		page.Groups = append(page.Groups, g)
	}
	registry := d.Components.Schemas
	for _, name := range slices.Sorted(maps.Keys(registry.Map())) {
		page.Objects = append(page.Objects, referenceOfObject(registry, name))
	}
	for _, k := range allKinds() {
		page.Problems = append(page.Problems, templates.APIProblem{Type: typePrefix + k.name, Status: k.status, Text: k.title})
	}
	return page
}

func referenceOfOperation(op *huma.Operation, method, path string) templates.APIOperation {
	o := templates.APIOperation{
		ID: op.OperationID, Name: op.Summary, Text: op.Description, Method: method, Path: path, Scope: op.Security[0][securityScheme][0],
	}
	for _, p := range op.Parameters {
		o.Parameters = append(o.Parameters, templates.APIField{Name: p.Name, Where: p.In, Type: typeOf(p.Schema), Text: p.Description, Required: p.Required})
	}
	if op.RequestBody != nil {
		o.Body, o.Bodyless = typeOf(op.RequestBody.Content["application/json"].Schema), !op.RequestBody.Required
	}
	for status, response := range op.Responses {
		if status == "default" {
			continue
		}
		o.Status = status
		if content := response.Content["application/json"]; content != nil {
			o.Answer = append(o.Answer, typesOf(content.Schema)...)
		}
	}
	return o
}

func referenceOfObject(r huma.Registry, name string) templates.APIObject {
	s := r.Map()[name]
	o := templates.APIObject{ID: "object-" + name, Name: name, Text: s.Description}
	of := r.Map()[strings.TrimPrefix(strings.TrimSuffix(name, "Patch"), "New")]
	if s.Extensions[markPatch] == nil || of == nil {
		of = &huma.Schema{}
	} else {
		o.Patch = typeOf(&huma.Schema{Ref: schemas + strings.TrimPrefix(strings.TrimSuffix(name, "Patch"), "New")})
	}
	for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
		required := slices.Contains(s.Required, field)
		if of.Properties[field] != nil && !required {
			continue
		}
		p := s.Properties[field]
		o.Fields = append(o.Fields, templates.APIField{Name: field, Type: typeOf(p), Text: p.Description, Required: required})
	}
	return o
}

// typesOf are those that a value can be of.
func typesOf(s *huma.Schema) (all []templates.APIType) {
	if s.OneOf == nil {
		return []templates.APIType{typeOf(s)}
	}
	for _, one := range s.OneOf {
		all = append(all, typeOf(one))
	}
	return all
}

func typeOf(s *huma.Schema) templates.APIType {
	if name, ok := strings.CutPrefix(s.Ref, schemas); ok {
		return templates.APIType{Text: name, Object: "object-" + name}
	}
	t := templates.APIType{}
	switch {
	case s.Type == huma.TypeArray:
		t = typeOf(s.Items)
		t.Text = "list of " + t.Text
	case s.Format == "date-time":
		t.Text = "time"
	case s.Type == huma.TypeString:
		t.Text = "text"
	case s.Type == huma.TypeInteger:
		t.Text = "whole number"
	case s.Type == huma.TypeBoolean:
		t.Text = "true or false"
	default:
		t.Text = "object"
		if of, ok := s.AdditionalProperties.(*huma.Schema); ok {
			t.Text = "object of " + typeOf(of).Text
		}
	}
	if s.Nullable {
		t.Text += " or null"
	}
	for _, value := range s.Enum {
		t.Values = append(t.Values, fmt.Sprint(value))
	}
	return t
}
