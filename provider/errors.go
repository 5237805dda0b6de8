package provider

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/grants"
)

// oauthError makes of any error one of the codes that RFC 6749 §5.2, RFC 6750 §3.1 and OIDC Core §3.1.2.6 register.
// fosite has others of its own, and answers some mistakes with the wrong one.
func oauthError(err error) *fosite.RFC6749Error {
	var refused *grants.Refusal
	var e, why *fosite.RFC6749Error
	var oversized *clients.OversizedClaims
	switch {
	case errors.As(err, &refused):
		return fosite.ErrInvalidGrant.WithHint(refused.Text)
	case errors.As(err, &oversized):
		return fosite.ErrInvalidRequest.WithHint(oversized.Error())
	case errors.Is(err, grants.ErrOrganization):
		return errOrganization
	case errors.Is(err, grants.ErrUsed), errors.Is(err, fosite.ErrInvalidatedAuthorizeCode):
		return fosite.ErrInvalidGrant.WithHint("The authorization code has already been used.")
	case !errors.As(err, &e):
		return fosite.ErrServerError
	case e.CodeField < http.StatusInternalServerError && errors.As(e.Unwrap(), &why):
		e = why // fosite wraps why a code is no good into an error that doesn't say it
	}
	switch {
	case slices.Contains(registered, e.ErrorField):
		return e
	case e.CodeField >= http.StatusInternalServerError:
		return fosite.ErrServerError
	case slices.Contains(aboutGrants, e.ErrorField):
		return fosite.ErrInvalidGrant.WithHint(e.HintField)
	}
	return fosite.ErrInvalidRequest.WithHint(e.HintField)
}

// errOrganization refuses to switch a session to an organization. It isn't invalid_grant, by which clients take it that
// the refresh token is no good any more: the session stays as it was.
var errOrganization = &fosite.RFC6749Error{
	ErrorField: "access_denied", CodeField: http.StatusBadRequest,
	DescriptionField: "The End-User is no active member of the organization, or may not use the application there. The session stays as it was.",
}

// registered are the codes that go out as they are.
var registered = []string{
	"invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope", "server_error",
	"temporarily_unavailable", "invalid_client", "invalid_grant", "unsupported_grant_type", "invalid_target", "interaction_required",
	"login_required", "account_selection_required", "consent_required", "invalid_request_uri", "invalid_request_object",
	"request_not_supported", "request_uri_not_supported", "registration_not_supported",
	"unmet_authentication_requirements",
}

// aboutGrants are fosite's codes for a code or token that is no good.
var aboutGrants = []string{"invalid_token", "token_inactive", "token_signature_mismatch", "token_claim", "not_found"}

// describe is the error_description for the client's developer, in the characters that RFC 6749 §5.2 allows.
func describe(e *fosite.RFC6749Error) string {
	text := e.HintField
	if text == "" {
		text = e.DescriptionField
	}
	if e.CodeField >= http.StatusInternalServerError {
		text = "Something went wrong on our side. Try again."
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < 0x20 || r > 0x7e || r == '\\':
			return ' '
		}
		return r
	}, text)
}

type errorReply struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// writeError answers a request of an application with an OAuth error (RFC 6749 §5.2) and logs the refusal.
func (p *Provider) writeError(w http.ResponseWriter, r *http.Request, err error) {
	e := oauthError(err)
	p.logRefusal(r, e, err)
	status := e.CodeField
	if e.ErrorField == fosite.ErrInvalidClient.ErrorField {
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Basic realm="`+p.issuer(r.Context())+`", charset="UTF-8"`) // RFC 9110 §15.5.2: never without
	} else if status == http.StatusUnauthorized || status == http.StatusForbidden {
		status = http.StatusBadRequest
	}
	writeJSON(w, status, errorReply{Error: e.ErrorField, Description: describe(e)})
}

func (p *Provider) logRefusal(r *http.Request, e *fosite.RFC6749Error, err error) {
	level := slog.LevelInfo
	if e.CodeField >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	attrs := []slog.Attr{slog.String("oauth_error", e.ErrorField), slog.String("err", err.Error())}
	var refused *grants.Refusal
	if errors.As(err, &refused) {
		attrs = append(attrs, slog.String("reason", refused.Reason))
	}
	if level == slog.LevelError && errors.Unwrap(err) != nil {
		attrs = append(attrs, slog.String("cause", errors.Unwrap(err).Error()))
	}
	p.Log.LogAttrs(r.Context(), level, "refused", attrs...)
}

// writeJSON writes an answer that nobody may keep (RFC 6749 §5.1).
func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that went away is told nothing
}
