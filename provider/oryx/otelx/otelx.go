// Copyright © 2023 Ory Corp. Changed for Portico, see README.md.
// SPDX-License-Identifier: Apache-2.0

// Package otelx is the part of ory/x's package of that name that fosite calls.
package otelx

import "go.opentelemetry.io/otel/trace"

// End ends the span.
func End(span trace.Span, _ *error) { span.End() }
