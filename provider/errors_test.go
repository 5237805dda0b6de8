package provider

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"

	"github.com/ory/fosite"

	"github.com/portico-id/portico/grants"
)

// TestOAuthError has every error of fosite, and what may come from below, with the code that goes out.
func TestOAuthError(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{fosite.ErrInvalidRequest, "invalid_request"},
		{fosite.ErrUnauthorizedClient, "unauthorized_client"},
		{fosite.ErrAccessDenied, "access_denied"},
		{fosite.ErrUnsupportedResponseType, "unsupported_response_type"},
		{fosite.ErrUnsupportedResponseMode, "invalid_request"}, // registered nowhere
		{fosite.ErrInvalidScope, "invalid_scope"},
		{fosite.ErrServerError, "server_error"},
		{fosite.ErrTemporarilyUnavailable, "temporarily_unavailable"},
		{fosite.ErrUnsupportedGrantType, "unsupported_grant_type"},
		{fosite.ErrInvalidGrant, "invalid_grant"},
		{fosite.ErrInvalidClient, "invalid_client"},
		{fosite.ErrLoginRequired, "login_required"},
		{fosite.ErrInteractionRequired, "interaction_required"},
		{fosite.ErrConsentRequired, "consent_required"},
		{errAccountSelectionRequired, "account_selection_required"},
		{fosite.ErrRequestNotSupported, "request_not_supported"},
		{fosite.ErrRequestURINotSupported, "request_uri_not_supported"},
		{fosite.ErrRegistrationNotSupported, "registration_not_supported"},
		{fosite.ErrInvalidRequestURI, "invalid_request_uri"},
		{fosite.ErrInvalidRequestObject, "invalid_request_object"},
		{errInvalidTarget, "invalid_target"},

		// fosite's own codes
		{fosite.ErrInvalidState, "invalid_request"},
		{fosite.ErrInsufficientEntropy, "invalid_request"},
		{fosite.ErrRequestUnauthorized, "invalid_request"},
		{fosite.ErrRequestForbidden, "invalid_request"},
		{fosite.ErrScopeNotGranted, "invalid_request"},
		{fosite.ErrJTIKnown, "invalid_request"},
		{fosite.ErrUnknownRequest, "invalid_request"},
		{fosite.ErrSerializationFailure, "invalid_request"},
		{fosite.ErrTokenSignatureMismatch, "invalid_grant"},
		{fosite.ErrInvalidTokenFormat, "invalid_grant"},
		{fosite.ErrTokenExpired, "invalid_grant"},
		{fosite.ErrTokenClaim, "invalid_grant"},
		{fosite.ErrInactiveToken, "invalid_grant"},
		{fosite.ErrNotFound, "invalid_grant"},
		{fosite.ErrMisconfiguration, "server_error"},
		{fosite.ErrInvalidatedAuthorizeCode, "invalid_grant"},

		// From below, plain and as fosite's handlers wrap it
		{grants.ErrUsed, "invalid_grant"},
		{fosite.ErrServerError.WithWrap(fmt.Errorf("redeem: %w", grants.ErrUsed)), "invalid_grant"},
		{&grants.Refusal{Reason: "revoked", Text: "The grant was revoked."}, "invalid_grant"},
		{fosite.ErrInvalidRequest.WithWrap(fosite.ErrTokenExpired), "invalid_grant"}, // the code expired between two looks at it
		{fosite.ErrInvalidGrant.WithWrap(fosite.ErrNotFound), "invalid_grant"},
		{fosite.ErrServerError.WithWrap(fosite.ErrNotFound), "server_error"},
		{errors.New("connection refused"), "server_error"},
		{context.Canceled, "server_error"},
	} {
		if got := oauthError(test.err).ErrorField; got != test.want {
			t.Errorf("oauthError(%v) = %s, want %s", test.err, got, test.want)
		}
		if got := oauthError(fmt.Errorf("wrapped: %w", test.err)).ErrorField; got != test.want {
			t.Errorf("oauthError(wrapped %v) = %s, want %s", test.err, got, test.want)
		}
	}
}

func TestDescribe(t *testing.T) {
	const ours = "Something went wrong on our side. Try again."
	allowed := regexp.MustCompile(`^[\x20-\x21\x23-\x5b\x5d-\x7e]*$`) // RFC 6749 §5.2
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"a hint", fosite.ErrInvalidRequest.WithHint("The parameter token is missing."), "The parameter token is missing."},
		{"quotes", fosite.ErrInvalidRequest.WithHintf("prompt %q is unknown.", "x"), "prompt 'x' is unknown."},
		{"what a stranger sent", fosite.ErrInvalidRequest.WithHint("\\ \x00 \x7f é 😀 \r\n\t"), "             "},
		{"nothing of our own troubles", fosite.ErrServerError.WithHint("SQLSTATE 42P01").WithDebug("/var/lib"), ours},
		{"nor of an error from below", errors.New("open /var/lib/portico.db: permission denied"), ours},
		{"nor of one that fosite wrapped", fosite.ErrServerError.WithWrap(errors.New("dial tcp")).WithDebug("dial tcp"), ours},
		{"why a code is no good", fosite.ErrInvalidGrant.WithWrap(fosite.ErrTokenExpired.WithHint("The authorization code expired at noon.")), "The authorization code expired at noon."},
		{"why a refresh token is no good", fmt.Errorf("refresh: %w", &grants.Refusal{Text: "The grant was revoked."}), "The grant was revoked."},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := describe(oauthError(test.err))
			if got != test.want {
				t.Errorf("describe() = %q, want %q", got, test.want)
			}
			if !allowed.MatchString(got) {
				t.Errorf("describe() = %q has characters that RFC 6749 §5.2 excludes", got)
			}
		})
	}
}
