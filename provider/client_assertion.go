package provider

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/ory/fosite"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" // RFC 7523 §2.2

	// assertionLifetime is how far ahead exp may be.
	assertionLifetime = 10 * time.Minute
	// assertionLeeway is how far ahead of ours a client's clock may be.
	assertionLeeway = 10 * time.Second
	// assertionKept is how long a used jti is remembered after exp, for nodes whose clocks are behind.
	assertionKept = time.Minute
)

// assertionAlgorithms are those of private_key_jwt, and that of client_secret_jwt.
func assertionAlgorithms() []jose.SignatureAlgorithm {
	return append(clients.KeyAlgorithms(), jose.HS256)
}

// assertionTypes are values of typ that an assertion may have, in lower case. A JWT that was made for something else has
// another (RFC 8725 §3.11).
var assertionTypes = []string{"", "jwt", "client-authentication+jwt"}

// assertion is what a client signed to authenticate (RFC 7523 §3, OIDC Core §9). Until verified it may be anybody's.
type assertion struct {
	signed *jose.JSONWebSignature
	alg    jose.SignatureAlgorithm
	kid    string
	claims assertionClaims
}

type assertionClaims struct {
	Issuer    string          `json:"iss"`
	Subject   string          `json:"sub"`
	Audience  json.RawMessage `json:"aud"`
	ID        string          `json:"jti"`
	Expires   *float64        `json:"exp"` // seconds since the Unix epoch (RFC 7519 §2), as the next two
	NotBefore *float64        `json:"nbf"`
	IssuedAt  *float64        `json:"iat"`
}

func (a *assertion) method() clients.AuthMethod {
	if a.alg == jose.HS256 {
		return clients.AuthClientSecretJWT
	}
	return clients.AuthPrivateKeyJWT
}

// unknownAssertion is the answer for a client that doesn't exist as for one whose signature is wrong.
const unknownAssertion = "No client with this iss, registered for this way to authenticate, has a key or secret that verifies client_assertion. " +
	"Check token_endpoint_auth_method, the registered keys, kid and alg; for client_secret_jwt, that the secret was made after the method was chosen."

// clientByAssertion authenticates a client by what it signed: private_key_jwt and client_secret_jwt. What is wrong with the
// assertion itself is told first, whoever sent it; about clients nothing is told until a signature is verified.
func (p *Provider) clientByAssertion(ctx context.Context, r *http.Request, form url.Values) (*clients.Application, error) {
	if usedAuthorizationHeader(r) || form.Get("client_secret") != "" {
		return nil, fosite.ErrInvalidRequest.WithHint("The request authenticates the client twice: send either client_assertion or a secret.")
	}
	a, err := parseAssertion(form)
	if err != nil {
		return nil, err
	}
	issuer, now := p.issuer(ctx), p.Now()
	if problem := a.claims.problem(now, form.Get("client_id"), issuer, issuer+"/oauth2/token"); problem != "" {
		return nil, fosite.ErrInvalidClient.WithHint("client_assertion: " + problem)
	}
	app, err := p.Applications.ByClientID(ctx, environments.FromContext(ctx).ID, a.claims.Issuer)
	if errors.Is(err, clients.ErrNotFound) || err == nil && app.TokenEndpointAuthMethod != a.method() {
		p.verifyUnknown(a)
		return nil, fosite.ErrInvalidClient.WithHint(unknownAssertion)
	}
	if err == nil {
		err = p.verify(ctx, app, a, caller(r).Address)
	}
	if err != nil {
		return nil, err
	}
	jti := sha256.Sum256([]byte(string(app.ID) + " " + a.claims.ID))
	first, err := p.Assertions.UseAssertion(ctx, app.Environment, jti, timeOf(*a.claims.Expires).Add(assertionKept))
	if err != nil {
		return nil, err
	}
	if !first {
		return nil, fosite.ErrInvalidClient.WithHintf("client_assertion: jti %s was used before. Make a new assertion for each request.", shown(a.claims.ID))
	}
	return app, nil
}

// verify checks the signature by a key or secret of the application, which must be enabled.
func (p *Provider) verify(ctx context.Context, app *clients.Application, a *assertion, address string) error {
	refused := fosite.ErrInvalidClient.WithHint(unknownAssertion)
	if a.method() == clients.AuthClientSecretJWT {
		right, err := p.Applications.AuthenticateSigned(app, a.verifiedBySecret, address)
		if err == nil && !right {
			err = refused
		}
		return err
	}
	key, err := p.KeySets.Key(ctx, app, a.alg, a.kid)
	var unreachable *clients.FetchError
	switch {
	case errors.As(err, &unreachable):
		// Whoever asks has shown no more than a client ID, so the address is for the log.
		hint := fmt.Sprintf("The keys of this client could not be fetched from its jwks_uri: %s.", unreachable.Reason)
		return fmt.Errorf("%w: %w", fosite.ErrInvalidClient.WithHint(hint), err)
	case errors.Is(err, clients.ErrNoKey):
		p.verifyUnknown(a)
		return fmt.Errorf("%w: %w: kid %s, alg %s", refused, err, shown(a.kid), a.alg)
	case err != nil:
		return err
	}
	if !a.verifiedBy(key) || !app.Enabled {
		return refused
	}
	return nil
}

// verifyUnknown spends the time that a known client would cost.
func (p *Provider) verifyUnknown(a *assertion) {
	if a.method() == clients.AuthPrivateKeyJWT {
		a.verifiedBy(p.KeySets.Decoy(a.alg))
		return
	}
	_, _ = p.Applications.AuthenticateSigned(&clients.Application{}, a.verifiedBySecret, "")
}

func (a *assertion) verifiedBy(key any) bool {
	_, err := a.signed.Verify(key)
	return err == nil
}

func (a *assertion) verifiedBySecret(secret []byte) bool { return a.verifiedBy(secret) }

func parseAssertion(form url.Values) (*assertion, error) {
	refuse := func(format string, args ...any) (*assertion, error) {
		return nil, fosite.ErrInvalidClient.WithHintf(format, args...)
	}
	if got := form.Get("client_assertion_type"); got != assertionType {
		return refuse("client_assertion_type %s must be %s.", shown(got), assertionType)
	}
	text := form.Get("client_assertion")
	if text == "" {
		return refuse("The parameter client_assertion is missing.")
	}
	signed, err := jose.ParseSignedCompact(text, assertionAlgorithms())
	if wrong := (*jose.ErrUnexpectedSignatureAlgorithm)(nil); errors.As(err, &wrong) {
		return refuse("client_assertion: alg %s must be one of %v.", shown(string(wrong.Got)), assertionAlgorithms())
	}
	if err != nil || len(signed.Signatures) != 1 {
		return refuse("client_assertion is no signed JWT in the compact form (RFC 7515, section 7.1).")
	}
	header := signed.Signatures[0].Protected
	typ, _ := header.ExtraHeaders[jose.HeaderType].(string)
	if !slices.Contains(assertionTypes, strings.ToLower(typ)) {
		return refuse("client_assertion: typ %s must be client-authentication+jwt or JWT, or be left out.", shown(typ))
	}
	a := &assertion{signed: signed, alg: jose.SignatureAlgorithm(header.Algorithm), kid: header.KeyID}
	if err := json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &a.claims); err != nil {
		if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) && wrong.Field != "" {
			return refuse("client_assertion: %s can't be a JSON %s (RFC 7519, section 4.1).", wrong.Field, wrong.Value)
		}
		return refuse("The payload of client_assertion is no JSON object.")
	}
	return a, nil
}

// problem says which claim is wrong, with its value; "" if none is. A clientID that isn't "" must be that of the assertion.
func (c *assertionClaims) problem(now time.Time, clientID string, audiences ...string) string {
	switch {
	case c.Issuer == "" || c.Issuer != c.Subject:
		return fmt.Sprintf("iss %s and sub %s must both be the client_id.", shown(c.Issuer), shown(c.Subject))
	case clientID != "" && clientID != c.Issuer:
		return fmt.Sprintf("iss %s isn't the parameter client_id, which is %s.", shown(c.Issuer), shown(clientID))
	}
	var audience string
	if c.Audience == nil || json.Unmarshal(c.Audience, &audience) != nil {
		return fmt.Sprintf("aud %s must be one string: the issuer, %s.", cut(string(c.Audience)), audiences[0])
	}
	if !slices.Contains(audiences, audience) {
		return fmt.Sprintf("aud %s must be the issuer, %s, to the letter.", shown(audience), audiences[0])
	}
	for _, claim := range []struct {
		name  string
		value *float64
	}{{"exp", c.Expires}, {"nbf", c.NotBefore}, {"iat", c.IssuedAt}} {
		if claim.value != nil && (*claim.value < 0 || *claim.value > 1<<40) {
			return fmt.Sprintf("%s %v is no number of seconds since 1970 (RFC 7519, section 2).", claim.name, *claim.value)
		}
	}
	clock := func(value float64) string {
		return fmt.Sprintf("%.0f (%s); it is %s here", math.Floor(value), timeOf(value).Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	switch ahead := now.Add(assertionLeeway); {
	case c.Expires == nil:
		return "exp is missing."
	case !now.Before(timeOf(*c.Expires)):
		return "exp has passed: " + clock(*c.Expires) + "."
	case timeOf(*c.Expires).After(ahead.Add(assertionLifetime)):
		return fmt.Sprintf("exp is more than %.0f minutes ahead: %s.", assertionLifetime.Minutes(), clock(*c.Expires))
	case c.NotBefore != nil && timeOf(*c.NotBefore).After(ahead):
		return "nbf is in the future: " + clock(*c.NotBefore) + "."
	case c.IssuedAt != nil && timeOf(*c.IssuedAt).After(ahead):
		return "iat is in the future: " + clock(*c.IssuedAt) + "."
	case c.ID == "":
		return "jti is missing: give each assertion one of its own."
	}
	return ""
}

func timeOf(seconds float64) time.Time {
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9)).UTC()
}

// shown quotes what a client sent.
func shown(value string) string { return "'" + cut(value) + "'" }

func cut(value string) string {
	const longest = 200
	if len(value) > longest {
		return value[:longest] + "..."
	}
	return value
}
