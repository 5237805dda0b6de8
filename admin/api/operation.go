package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/delivery"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
)

const schemas = "#/components/schemas/"

func newHuma(mux *http.ServeMux) huma.API {
	format := huma.Format{Marshal: func(w io.Writer, v any) error { return writeJSON(w, v) }, Unmarshal: json.Unmarshal}
	return huma.NewAPI(huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry(schemas, schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{securityScheme: {
					Type: "http", Scheme: "bearer", BearerFormat: "sk_<environment>_…",
					Description: "An API key of the environment. Each operation names the scope that the key needs; * is all of them, and to write includes to read.",
				}},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": format, "json": format}, // the second is for …+json
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{ofHuma},
	}, humago.NewAdapter(mux, prefix))
}

const securityScheme = "api_key"

// schemaName is the name of a type in the document.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[clients.Reply]():
		return "Application"
	case reflect.TypeFor[clients.PolicyDocument]():
		return "SessionPolicy"
	case reflect.TypeFor[clients.AllowedDocument]():
		return "Allowed"
	case reflect.TypeFor[clients.BrandingDocument]():
		return "Branding"
	case reflect.TypeFor[clients.ClaimsTemplatesDocument]():
		return "ClaimsTemplates"
	case reflect.TypeFor[environments.BrowserSessionsDocument]():
		return "BrowserSessions"
	case reflect.TypeFor[identity.Reply]():
		return "User"
	case reflect.TypeFor[identity.AddressDocument]():
		return "Address"
	case reflect.TypeFor[audit.Document]():
		return "Event"
	case reflect.TypeFor[audit.ActorDocument]():
		return "Actor"
	case reflect.TypeFor[delivery.LogoutDocument]():
		return "LogoutDelivery"
	}
	if strings.HasPrefix(t.Name(), "list[") {
		return schemaName(t.Field(0).Type.Elem(), "") + "List"
	}
	return huma.DefaultSchemaNamer(t, hint)
}

// operation is what the document says of an operation beyond its input and output.
type operation struct {
	id          string
	at          string // method and path
	tag         string
	needs       clients.APIScope
	summary     string
	description string
	creates     bool // it answers 201
	operators   bool // it is for keys of the environment of the operators
	bodyless    bool // the body may be left out
}

// register adds an operation. An error of do becomes a Problem here.
func register[I, O any](a *API, o operation, do func(context.Context, *I) (*O, error)) {
	method, path, _ := strings.Cut(o.at, " ")
	op := huma.Operation{
		OperationID: o.id, Method: method, Path: path, Tags: []string{o.tag}, Summary: o.summary, Description: o.description,
		Security: []map[string][]string{{securityScheme: {string(o.needs)}}}, SkipValidateBody: true, MaxBodyBytes: maxBody + 1,
		Middlewares: huma.Middlewares{a.guard(o)},
		Responses:   map[string]*huma.Response{"default": a.problemResponse()},
	}
	if o.creates {
		op.DefaultStatus = http.StatusCreated
	}
	if method == http.MethodPost {
		op.Parameters = append(op.Parameters, idempotencyParameter())
	}
	registry := a.huma.OpenAPI().Components.Schemas
	var schema *huma.Schema
	if b, ok := any(new(I)).(bodied); ok {
		schema = b.schema(registry)
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		if b, ok := any(in).(bodied); ok {
			if err := b.read(registry, schema, o.bodyless); err != nil {
				return nil, a.problem(ctx, err)
			}
		}
		out, err := do(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
	if schema != nil {
		request := operationOf(a.huma.OpenAPI().Paths[path], method).RequestBody
		request.Required = !o.bodyless
		request.Content = map[string]*huma.MediaType{"application/json": {Schema: schema}}
		if method == http.MethodPatch {
			request.Content[mergePatch] = &huma.MediaType{Schema: schema}
		}
	}
}

func operationOf(item *huma.PathItem, method string) *huma.Operation {
	return map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
	}[method]
}

// guard lets the keys through that may use the operation.
func (a *API) guard(o operation) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		var err error
		switch {
		case o.operators && environments.FromContext(ctx.Context()).Slug != environments.OperatorsSlug:
			err = errOperatorsOnly
		case !caller(ctx.Context()).Allows(o.needs):
			err = lacking(o.needs)
		default:
			if err = emptyParameters(ctx); err == nil {
				next(invalidIs400{ctx})
				return
			}
		}
		r, w := humago.Unwrap(ctx)
		a.refuse(w, r, err)
	}
}

// emptyParameters says which parameters of the query are given without the value that they need, as huma takes them for absent.
func emptyParameters(ctx huma.Context) error {
	var mistakes []error
	u := ctx.URL()
	query := u.Query()
	for _, p := range ctx.Operation().Parameters {
		if p.In == "query" && p.Schema.Type != huma.TypeString && query.Has(p.Name) && query.Get(p.Name) == "" {
			mistakes = append(mistakes, fault.Invalidf(p.Name, "%s is empty: give it a value, or leave it out", p.Name))
		}
	}
	return errors.Join(mistakes...)
}

func (a *API) problemResponse() *huma.Response {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "")
	return &huma.Response{Description: "The request failed.", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schema}}}
}

// body is the JSON that a request brings, read to the letter.
type body[T any] struct {
	RawBody []byte `contentType:"application/json"`
	sent    T
}

// bodied is what body is for register.
type bodied interface {
	schema(r huma.Registry) *huma.Schema
	read(r huma.Registry, s *huma.Schema, optional bool) error
}

func (b *body[T]) schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

func (b *body[T]) read(r huma.Registry, s *huma.Schema, optional bool) error {
	if len(bytes.TrimSpace(b.RawBody)) == 0 && optional {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b.RawBody))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return fault.Invalidf("", "The body must be a JSON object: %s.", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.Invalidf("", "The body must be one JSON object, but something follows it.")
	}
	if err := errors.Join(misfits(r, s, "", v)...); err != nil {
		return err
	}
	if err := json.Unmarshal(b.RawBody, &b.sent); err != nil {
		return fmt.Errorf("read a body that fits its schema: %w", err)
	}
	return nil
}

// list is a page of a list.
type list[T any] struct {
	Data []T     `json:"data"`
	Next *string `json:"next_cursor" nullable:"true" doc:"The cursor of the next page; null on the last."`
}

// Page is which part of a list is asked for. It and its like are exported because huma looks into no other embedded types.
type Page struct {
	Limit  int    `query:"limit" default:"20" minimum:"1" maximum:"100" doc:"How many there are on a page."`
	Cursor string `query:"cursor" maxLength:"500" doc:"Where the page begins: next_cursor of the one before."`
}

// after is what the cursor was made of; "" for the first page.
func (p Page) after() (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil || !utf8.Valid(text) || strings.ContainsRune(string(text), 0) {
		return "", fault.Invalidf("cursor", "cursor is none that a list has given")
	}
	return string(text), nil
}

// reply is an answer with a body.
type reply[T any] struct{ Body T }

// listOf makes a page of the first limit of values, of which there is one more if another page follows.
func listOf[V, T any](values []V, limit int, cursor func(V) string, document func(V) T) *reply[list[T]] {
	return pageOf(values[:min(len(values), limit)], len(values) > limit, cursor, document)
}

// pageOf makes a page of values, after which there may be more.
func pageOf[V, T any](values []V, more bool, cursor func(V) string, document func(V) T) *reply[list[T]] {
	out := &reply[list[T]]{}
	out.Body.Data = make([]T, 0, len(values))
	for _, v := range values {
		out.Body.Data = append(out.Body.Data, document(v))
	}
	if more {
		next := base64.RawURLEncoding.EncodeToString([]byte(cursor(values[len(values)-1])))
		out.Body.Next = &next
	}
	return out
}

// whole makes the only page of a list that is short by its nature.
func whole[V, T any](values []V, document func(V) T) *reply[list[T]] {
	return pageOf(values, false, func(V) string { return "" }, document)
}
