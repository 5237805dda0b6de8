package api

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// versioned is an answer about one thing, with the ETag by which a change says what it is a change of.
type versioned[T any] struct {
	ETag string `header:"ETag" doc:"For If-Match of a change."`
	Body T
}

// created is an answer to what was made.
type created[T any] struct {
	Location string `header:"Location" doc:"Where it is read."`
	ETag     string `header:"ETag" doc:"For If-Match of a change."`
	Body     T
}

// etag tells the states of a thing apart, as the time of its last change does.
func etag(updatedAt time.Time) string { return fmt.Sprintf(`"%x"`, updatedAt.UnixMicro()) }

// Precondition is the state that a change is a change of.
type Precondition struct {
	IfMatch string `header:"If-Match" doc:"The ETag of what is to be changed: if it was changed since, nothing happens (412)."`
}

// holds reports whether what was last changed at the time is in the state that the caller has seen (RFC 9110 §13.1.1).
func (p Precondition) holds(updatedAt time.Time) error {
	if p.IfMatch == "" || strings.TrimSpace(p.IfMatch) == "*" {
		return nil
	}
	for tag := range strings.SplitSeq(p.IfMatch, ",") {
		if strings.TrimSpace(tag) == etag(updatedAt) {
			return nil
		}
	}
	return errChanged
}

// holding does something to a thing in the state that the caller has seen. lock loads the thing as an update does, which holds it
// until the transaction ends, and calls holds.
func (a *API) holding(ctx context.Context, p Precondition, lock, do func(context.Context) error) error {
	if p.IfMatch == "" {
		return do(ctx)
	}
	return a.InTx(ctx, func(ctx context.Context) error {
		if err := lock(ctx); err != nil {
			return err
		}
		return do(ctx)
	})
}
