// Package fault holds the errors that a caller may see: each has a kind, which decides the status
// of the answer, and a message that is safe to show.
//
// Below the edges an error is wrapped with what was tried and returned; an edge asks Of what its
// caller may know of it, and logs the whole.
package fault

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Kind says what went wrong in the terms of the caller. The zero Kind is Internal, so that an
// Error whose kind was forgotten blames us and not the caller.
type Kind int

const (
	Internal        Kind = iota // our fault
	Invalid                     // the input breaks a rule; the same again fails again
	Unauthenticated             // who calls is not known
	Forbidden                   // who calls is known and may not
	NotFound                    // there is no such thing, or none that the caller may know of
	Conflict                    // the input is right, the present state speaks against it
	TooMany                     // a limit is reached; RetryAfter says for how long
	Unavailable                 // something that we depend on does not answer at present
)

var kinds = [...]struct {
	name   string
	status int
}{
	Internal:        {"internal", http.StatusInternalServerError},
	Invalid:         {"invalid", http.StatusBadRequest},
	Unauthenticated: {"unauthenticated", http.StatusUnauthorized},
	Forbidden:       {"forbidden", http.StatusForbidden},
	NotFound:        {"not_found", http.StatusNotFound},
	Conflict:        {"conflict", http.StatusConflict},
	TooMany:         {"too_many", http.StatusTooManyRequests},
	Unavailable:     {"unavailable", http.StatusServiceUnavailable},
}

// String returns the kind in snake_case, stable enough for logs, metrics and documents.
func (k Kind) String() string { return kinds[k.known()].name }

// Status returns the HTTP status of an answer that reports an error of this kind.
func (k Kind) Status() int { return kinds[k.known()].status }

func (k Kind) known() Kind {
	if k < 0 || int(k) >= len(kinds) {
		return Internal
	}
	return k
}

// Error is an error whose Message may be shown to the caller. Cause is for the log alone.
type Error struct {
	Kind       Kind
	Field      string // the input at fault, such as "redirect_uris/0"; "" if none
	Message    string
	RetryAfter time.Duration // when to try again, for TooMany and Unavailable; 0 if not known
	Cause      error
}

// Error returns field, message and cause. It is for the log; a caller is shown Message and Field.
func (e *Error) Error() string {
	text := e.Message
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether e is an instance of target: an *Error of the same kind, whose Field and
// Message, where it has any, are those of e. So &Error{Kind: NotFound} stands for everything that
// was not found, and a package's ErrNotFound for itself with whatever field and cause.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && e.Kind == t.Kind &&
		(t.Field == "" || t.Field == e.Field) &&
		(t.Message == "" || t.Message == e.Message)
}

// WithCause returns a copy of e with another Cause.
func (e *Error) WithCause(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// WithField returns a copy of e that blames another Field, for a caller that knows under which
// name the input came.
func (e *Error) WithField(field string) *Error {
	c := *e
	c.Field = field
	return &c
}

// RetryAfterSeconds returns RetryAfter in whole seconds, rounded up, as the header Retry-After
// wants it (RFC 9110 §10.2.3); 0 if e has none.
func (e *Error) RetryAfterSeconds() int {
	if e.RetryAfter <= 0 {
		return 0
	}
	return int((e.RetryAfter-1)/time.Second) + 1
}

// Of returns the outermost *Error in the tree of err. For an error without one it returns an
// Internal one that says "internal error" and has err as its Cause; for nil it returns nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Message: "internal error", Cause: err}
}

// All returns every *Error of a tree whose errors were joined, such as the mistakes of one form, in their order: what Of returns
// for each of them. For nil it returns nil.
func All(err error) []*Error {
	switch e := err.(type) {
	case nil:
		return nil
	case *Error:
		return []*Error{e}
	case interface{ Unwrap() []error }:
		var all []*Error
		for _, one := range e.Unwrap() {
			all = append(all, All(one)...)
		}
		return all
	case interface{ Unwrap() error }:
		if below := e.Unwrap(); below != nil {
			return All(below)
		}
	}
	return []*Error{Of(err)}
}

// Invalidf blames the input field; "" blames the input as a whole.
func Invalidf(field, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Unauthenticatedf says that the caller must prove who it is.
func Unauthenticatedf(format string, args ...any) *Error {
	return &Error{Kind: Unauthenticated, Message: fmt.Sprintf(format, args...)}
}

// Forbiddenf says that the caller, though known, may not do this.
func Forbiddenf(format string, args ...any) *Error {
	return &Error{Kind: Forbidden, Message: fmt.Sprintf(format, args...)}
}

// NotFoundf says that there is no such thing.
func NotFoundf(format string, args ...any) *Error {
	return &Error{Kind: NotFound, Message: fmt.Sprintf(format, args...)}
}

// Conflictf says that the present state forbids it, for the sake of field, "" if of none.
func Conflictf(field, format string, args ...any) *Error {
	return &Error{Kind: Conflict, Field: field, Message: fmt.Sprintf(format, args...)}
}

// TooManyf says that a limit is reached until retryAfter has passed; 0 if that is not known.
func TooManyf(retryAfter time.Duration, format string, args ...any) *Error {
	return &Error{Kind: TooMany, RetryAfter: retryAfter, Message: fmt.Sprintf(format, args...)}
}

// Unavailablef says that something we depend on fails at present, and is worth another try after
// retryAfter; 0 if that is not known.
func Unavailablef(retryAfter time.Duration, format string, args ...any) *Error {
	return &Error{Kind: Unavailable, RetryAfter: retryAfter, Message: fmt.Sprintf(format, args...)}
}
