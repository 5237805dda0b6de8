package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

// Problem is what a request that failed is answered with (RFC 9457).
type Problem struct {
	Type      string    `json:"type" doc:"The kind of problem; it doesn't change between versions."`
	Title     string    `json:"title" doc:"The kind of problem in words."`
	Status    int       `json:"status" doc:"The HTTP status."`
	Detail    string    `json:"detail,omitempty" doc:"What happened this time, and what to do."`
	Errors    []Mistake `json:"errors,omitempty" doc:"Everything that is wrong with what was sent."`
	Scope     string    `json:"scope,omitempty" doc:"The scope that the API key lacks."`
	RequestID string    `json:"request_id" doc:"By which the request is found in the log."`

	headers http.Header
}

// Mistake is one thing that is wrong with what was sent.
type Mistake struct {
	Field   string `json:"field,omitempty" doc:"The field of the body, such as redirect_uris/0, or the parameter."`
	Message string `json:"message" doc:"What is wrong with it."`
}

// kind is a kind of problem.
type kind struct {
	name   string // the last part of its type
	status int
	title  string
}

const typePrefix = "urn:portico:problem:"

// The problems: those of faults, and those of this edge.
var (
	kinds = map[fault.Kind]kind{
		fault.Invalid:         {"invalid", http.StatusBadRequest, "The request breaks a rule"},
		fault.Unauthenticated: {"unauthenticated", http.StatusUnauthorized, "The request has no valid API key"},
		fault.Forbidden:       {"forbidden", http.StatusForbidden, "The API key may not do this"},
		fault.NotFound:        {"not_found", http.StatusNotFound, "There is no such thing in this environment"},
		fault.Conflict:        {"conflict", http.StatusConflict, "The present state speaks against it"},
		fault.TooMany:         {"too_many", http.StatusTooManyRequests, "A limit is reached"},
		fault.Unavailable:     {"unavailable", http.StatusServiceUnavailable, "Something that this depends on doesn't answer"},
		fault.Internal:        {"internal", http.StatusInternalServerError, "Something went wrong on our side"},
	}
	kindMethod      = kind{"method_not_allowed", http.StatusMethodNotAllowed, "There is no such method here"}
	kindUnread      = kind{"unreadable", http.StatusRequestTimeout, "The body could not be read"}
	kindChanged     = kind{"changed", http.StatusPreconditionFailed, "It was changed meanwhile"}
	kindTooLarge    = kind{"too_large", http.StatusRequestEntityTooLarge, "The body is too large"}
	kindMediaType   = kind{"unsupported_media_type", http.StatusUnsupportedMediaType, "The body is no JSON"}
	kindOtherAnswer = kind{"idempotency_mismatch", http.StatusUnprocessableEntity, "The idempotency key belongs to another request"}
)

// allKinds are the kinds of problems by status.
func allKinds() []kind {
	all := append(slices.Collect(maps.Values(kinds)), kindMethod, kindUnread, kindChanged, kindTooLarge, kindMediaType, kindOtherAnswer)
	slices.SortFunc(all, func(a, b kind) int { return cmp.Or(cmp.Compare(a.status, b.status), strings.Compare(a.name, b.name)) })
	return all
}

// failure is an error of this edge that is no fault.
type failure struct {
	kind    kind
	detail  string
	headers http.Header
}

func (f *failure) Error() string { return f.detail }

func methodNotAllowed(method string, allowed []string) error {
	return &failure{kindMethod, fmt.Sprintf("%s is not possible here, but %s.", method, strings.Join(allowed, ", ")), http.Header{"Allow": {strings.Join(allowed, ", ")}}}
}

func bodyTooLarge(limit int64) error {
	return &failure{kind: kindTooLarge, detail: fmt.Sprintf("The body has more than %d bytes.", limit)}
}

func bodyUnreadable(cause error) error {
	return fmt.Errorf("%w: %w", &failure{kind: kindUnread, detail: "The body did not arrive. Send the request again."}, cause)
}

func unsupportedMediaType(sent string) error {
	return &failure{kind: kindMediaType, detail: fmt.Sprintf("The Content-Type is %s: send application/json.", quote(sent))}
}

var (
	errNoKey         = fault.Unauthenticatedf("Send an API key: Authorization: Bearer sk_…")
	errNoOperation   = fault.NotFoundf("There is nothing at this path.")
	errOperatorsOnly = fault.Forbiddenf("Only an API key of the environment %s reaches this.", environments.OperatorsSlug)
	errIsOperator    = fault.Forbiddenf("This user runs the installation, and is changed by an owner alone.")
	errChanged       = &failure{kind: kindChanged, detail: "It has another ETag by now: read it again, and send If-Match with that."}
)

// lacking says which scope the key of the request lacks.
type lacking clients.APIScope

func (l lacking) Error() string { return fmt.Sprintf("The API key lacks the scope %s.", string(l)) }

// problem tells the caller of an error what she may know of it, and the log the rest.
func (a *API) problem(ctx context.Context, err error) *Problem {
	p := &Problem{RequestID: audit.RequestID(ctx), headers: http.Header{}}
	set := func(k kind, detail string) {
		p.Type, p.Title, p.Status, p.Detail = typePrefix+k.name, k.title, k.status, detail
	}
	if own := (*failure)(nil); errors.As(err, &own) {
		set(own.kind, own.detail)
		if own.headers != nil {
			p.headers = own.headers
		}
		return p
	}
	if l := lacking(""); errors.As(err, &l) {
		set(kinds[fault.Forbidden], l.Error())
		p.Scope = string(l)
		p.headers.Set("WWW-Authenticate", fmt.Sprintf(`Bearer error="insufficient_scope", scope="%s"`, p.Scope)) // RFC 6750 §3.1
		return p
	}
	all := fault.All(err)
	worst := all[0]
	for _, f := range all {
		if f.Kind == fault.Internal {
			worst = f
		}
	}
	set(kinds[worst.Kind], sentence(worst.Message, worst.Field))
	switch worst.Kind {
	case fault.Internal:
		a.Log.ErrorContext(ctx, "request failed", "request_id", p.RequestID, "err", err)
		p.Detail = "Try again. If it stays, look for the request_id in the log."
		return p
	case fault.Unauthenticated:
		challenge := "Bearer"
		if worst != errNoKey {
			challenge = `Bearer error="invalid_token"`
		}
		p.headers.Set("WWW-Authenticate", challenge)
	}
	if seconds := worst.RetryAfterSeconds(); seconds > 0 {
		p.headers.Set("Retry-After", strconv.Itoa(seconds))
	}
	if len(all) > 1 {
		p.Detail = fmt.Sprintf("There are %d mistakes.", len(all))
	}
	if len(all) > 1 || worst.Field != "" {
		for _, f := range all {
			p.Errors = append(p.Errors, Mistake{Field: f.Field, Message: f.Message})
		}
	}
	return p
}

// sentence makes one of a message, which may begin with the name of the field.
func sentence(message, field string) string {
	first, size := utf8.DecodeRuneInString(message)
	if name := field[strings.LastIndexByte(field, '/')+1:]; name == "" || !strings.HasPrefix(message, name) {
		message = string(unicode.ToUpper(first)) + message[size:]
	}
	if last, _ := utf8.DecodeLastRuneInString(message); !unicode.IsPunct(last) || last == '"' || last == ')' {
		message += "."
	}
	return message
}

// refuse answers a request that no operation has taken.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := a.problem(r.Context(), err)
	h := w.Header()
	for name, values := range p.headers {
		h[name] = values
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = writeJSON(w, p) // the caller may have gone
}

// Error implements error, for huma.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// ofHuma makes a problem of an error that huma has found by itself, all of which are in the parameters.
func ofHuma(ctx huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	k := kinds[fault.Invalid]
	if model.Status >= http.StatusInternalServerError {
		k = kinds[fault.Internal]
	}
	p := &Problem{Type: typePrefix + k.name, Title: k.title, Status: k.status, RequestID: audit.RequestID(ctx.Context())}
	for _, e := range model.Errors {
		_, field, _ := strings.Cut(e.Location, ".")
		p.Errors = append(p.Errors, Mistake{Field: field, Message: field + ": " + e.Message})
	}
	slices.SortStableFunc(p.Errors, func(a, b Mistake) int { return strings.Compare(a.Field, b.Field) })
	switch len(p.Errors) {
	case 0:
		p.Detail = sentence(model.Detail, "")
	case 1:
		p.Detail = sentence(p.Errors[0].Message, p.Errors[0].Field)
	default:
		p.Detail = fmt.Sprintf("There are %d mistakes.", len(p.Errors))
	}
	return p, nil
}

// invalidIs400 makes of the 422 that huma answers the 400 of every other mistake.
type invalidIs400 struct{ humaContext }

type humaContext = huma.Context

func (c invalidIs400) SetStatus(status int) {
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	c.humaContext.SetStatus(status)
}

func writeJSON(w interface{ Write([]byte) (int, error) }, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
