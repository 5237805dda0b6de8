// Copyright © 2023 Ory Corp. Changed for Portico, see README.md.
// SPDX-License-Identifier: Apache-2.0

// Package errorsx is the part of ory/x's package of that name that fosite calls.
package errorsx

// WithStack returns err as it is. The original adds a stack trace, which costs a sixth of a token
// request, as fosite declines every handler that a request is not for by such an error.
func WithStack(err error) error { return err }

// Cause returns the innermost error that err's Cause methods lead to, or err itself.
func Cause(err error) error {
	for err != nil {
		causer, ok := err.(interface{ Cause() error })
		if !ok || causer.Cause() == nil {
			break
		}
		err = causer.Cause()
	}
	return err
}

// StatusCodeCarrier is an error with an HTTP status code.
type StatusCodeCarrier interface{ StatusCode() int }

// RequestIDCarrier is an error that names the request it came from.
type RequestIDCarrier interface{ RequestID() string }

// ReasonCarrier is an error with a reason for its reader.
type ReasonCarrier interface{ Reason() string }

// DebugCarrier is an error with details for its developer.
type DebugCarrier interface{ Debug() string }

// StatusCarrier is an error with a status text.
type StatusCarrier interface{ Status() string }

// DetailsCarrier is an error with named details.
type DetailsCarrier interface{ Details() map[string]interface{} }
