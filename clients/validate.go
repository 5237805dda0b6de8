package clients

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/keys"
)

// Limits of what an application can have.
const (
	maxRedirects   = 100
	maxOrigins     = 100
	maxScopes      = 200
	maxAudiences   = 100
	maxAllowed     = 200
	maxMetadata    = 50
	maxRetired     = 32
	maxIdentifiers = 20
)

// mistakes collects what is wrong with an input, so that all is told at once.
type mistakes []error

func (m *mistakes) add(field, format string, args ...any) {
	*m = append(*m, fault.Invalidf(field, format, args...))
}

// err joins the mistakes; nil if there are none.
func (m mistakes) err() error { return errors.Join(m...) }

// text checks what people read.
func (m *mistakes) text(field, value string, least, most int) {
	name, n := lastOf(field), utf8.RuneCountInString(value)
	switch {
	case !utf8.ValidString(value):
		m.add(field, "%s isn't UTF-8", name)
	case n == 0 && least > 0:
		m.add(field, "%s is empty: enter %d to %d characters", name, least, most)
	case n < least || n > most:
		m.add(field, "%s has %d characters: %d to %d are allowed", name, n, least, most)
	case strings.TrimSpace(value) != value:
		m.add(field, "%s %s begins or ends with a space: remove it", name, quote(value))
	case strings.ContainsFunc(value, unreadable):
		m.add(field, "%s %s has a control character: remove it", name, quote(value))
	}
}

// lastOf is the name at the end of the path of a field.
func lastOf(field string) string { return field[strings.LastIndexByte(field, '/')+1:] }

// unreadable reports whether c hides or turns the text around it.
func unreadable(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) }

// each checks a list: its length, that nothing is in it twice, and each value by problem, which says what is wrong with
// it, or "".
func (m *mistakes) each(field string, values []string, most int, problem func(string) string) {
	if len(values) > most {
		m.add(field, "%s has %d values: %d is the most", lastOf(field), len(values), most)
		return
	}
	for i, value := range values {
		at := fmt.Sprintf("%s/%d", field, i)
		if text := problem(value); text != "" {
			m.add(at, "%s %s", quote(value), text)
		} else if first := slices.Index(values, value); first < i {
			m.add(at, "%s is also %s/%d: remove one", quote(value), field, first)
		}
	}
}

func (m *mistakes) uri(field, value string, kind environments.Kind, problem func(string, environments.Kind) string) {
	if value == "" {
		return
	}
	if text := problem(value, kind); text != "" {
		m.add(field, "%s %s", quote(value), text)
	}
}

func oneOf[T ~string](m *mistakes, field string, value T, known ...T) {
	if !slices.Contains(known, value) {
		m.add(field, "%s %s must be one of %s", lastOf(field), quote(string(value)), list(known))
	}
}

// list joins values for people to choose from.
func list[T ~string](values []T) string {
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(v))
	}
	return b.String()
}

// validate checks the application, also against the others of its environment.
func (s *snapshot) validate(a *Application, kind environments.Kind) error {
	var m mistakes
	for i, identifier := range a.Identifiers {
		if other := s.byIdentifier[identifier]; other != nil && other.ID != a.ID {
			m = append(m, fault.Conflictf(fmt.Sprintf("identifiers/%d", i), "%s is an identifier of %s: an audience belongs to one application", quote(identifier), quote(other.Name)))
		}
	}
	return errors.Join(a.Validate(kind), m.err())
}

// Validate returns every mistake in the application for an environment of the kind, joined, each a *fault.Error that
// names its field; nil if there are none.
func (a *Application) Validate(kind environments.Kind) error {
	var m mistakes
	a.validateText(&m)
	a.validateAddresses(&m, kind)
	a.validateProtocol(&m)
	a.validateKeys(&m, kind)
	a.validateAccess(&m)
	a.SessionPolicy.validate(&m, a.HasUsers())
	return m.err()
}

func (a *Application) validateText(m *mistakes) {
	oneOf(m, "kind", a.Kind, Kinds()...)
	if !clientIDForm.MatchString(a.ClientID) {
		m.add("client_id", "client_id %s must have 1 to 128 letters, digits or ._~:@/-", quote(a.ClientID))
	}
	m.text("name", a.Name, 1, 100)
	m.text("description", strings.ReplaceAll(a.Description, "\n", " "), 0, 1000)
	if len(a.Metadata) > maxMetadata {
		m.add("metadata", "metadata has %d keys: %d is the most", len(a.Metadata), maxMetadata)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(a.Metadata)) {
		if n := utf8.RuneCountInString(key); n == 0 || n > 64 || !utf8.ValidString(key) || strings.ContainsFunc(key, unreadable) {
			m.add("metadata", "metadata has the key %s: a key has 1 to 64 readable characters", quote(key))
			continue
		}
		m.text("metadata/"+key, a.Metadata[key], 0, 500)
	}
}

func (a *Application) validateAddresses(m *mistakes, kind environments.Kind) {
	m.redirects("redirect_uris", a.RedirectURIs, kind, a.WildcardRedirects)
	m.redirects("post_logout_redirect_uris", a.PostLogoutRedirectURIs, kind, a.WildcardRedirects)
	m.uri("logo_uri", a.LogoURI, kind, webProblem)
	m.uri("homepage_uri", a.HomepageURI, kind, webProblem)
	m.uri("policy_uri", a.PolicyURI, kind, webProblem)
	m.uri("tos_uri", a.TOSURI, kind, webProblem)
	m.uri("initiate_login_uri", a.InitiateLoginURI, kind, endpointProblem)
	m.uri("invitation_uri", a.InvitationURI, kind, endpointProblem)
	m.uri("password_reset_uri", a.PasswordResetURI, kind, endpointProblem)
	m.uri("backchannel_logout_uri", a.BackchannelLogoutURI, kind, endpointProblem)
	m.uri("frontchannel_logout_uri", a.FrontchannelLogoutURI, kind, func(uri string, kind environments.Kind) string {
		if problem := endpointProblem(uri, kind); problem != "" {
			return problem
		}
		if !a.sharesOrigin(uri) {
			return "has a scheme, host or port that no redirect URI has (OpenID Connect Front-Channel Logout, section 2): use those of one"
		}
		return ""
	})
	m.each("cors_origins", a.CORSOrigins, maxOrigins, func(origin string) string { return originProblem(origin, kind) })
	m.uri("branding/logo_uri", a.Branding.LogoURI, kind, webProblem)
	m.uri("branding/dark_logo_uri", a.Branding.DarkLogoURI, kind, webProblem)
	m.uri("branding/help_uri", a.Branding.HelpURI, kind, webProblem)
}

// redirects checks URIs to redirect to, of which the first is the default.
func (m *mistakes) redirects(field string, uris []string, kind environments.Kind, wildcards bool) {
	m.each(field, uris, maxRedirects, func(uri string) string { return redirectProblem(uri, kind, wildcards) })
	if wildcards && len(uris) > 0 && strings.Contains(split(uris[0]).host, "*") {
		m.add(field+"/0", "%s has a star and is the first, which is the default: put one without a star before it", quote(uris[0]))
	}
}

// sharesOrigin reports whether the URI is at the scheme, host and port of a redirect URI.
func (a *Application) sharesOrigin(uri string) bool {
	got := split(uri)
	return slices.ContainsFunc(a.RedirectURIs, func(r string) bool {
		want := split(r)
		want.userinfo, want.path, want.query, want.fragment = got.userinfo, got.path, got.query, got.fragment
		return len(a.differences(want, got)) == 0
	})
}

// responseTypes has the response types with the grant types that they need (OIDC Registration §2).
var responseTypes = map[string][]string{
	"code":                {GrantAuthorizationCode},
	"id_token":            {GrantImplicit},
	"id_token token":      {GrantImplicit},
	"code id_token":       {GrantAuthorizationCode, GrantImplicit},
	"code token":          {GrantAuthorizationCode, GrantImplicit},
	"code id_token token": {GrantAuthorizationCode, GrantImplicit},
}

var grantTypes = []string{GrantAuthorizationCode, GrantRefreshToken, GrantClientCredentials, GrantDeviceCode, GrantImplicit}

func known(values ...string) func(string) string {
	return func(value string) string {
		if slices.Contains(values, value) {
			return ""
		}
		return "must be one of " + list(values)
	}
}

func (a *Application) validateProtocol(m *mistakes) {
	m.each("grant_types", a.GrantTypes, len(grantTypes), known(grantTypes...))
	m.each("response_types", a.ResponseTypes, len(responseTypes), known(slices.Sorted(maps.Keys(responseTypes))...))
	used := map[string]bool{}
	for i, responseType := range a.ResponseTypes {
		for _, grantType := range responseTypes[responseType] {
			if used[grantType] = true; !a.Allows(grantType) {
				m.add(fmt.Sprintf("response_types/%d", i), "%s needs the grant type %s: add it to grant_types", quote(responseType), grantType)
			}
		}
	}
	for _, grantType := range []string{GrantAuthorizationCode, GrantImplicit} {
		if a.Allows(grantType) && !used[grantType] {
			m.add("grant_types", "the grant type %s needs a response type: add one to response_types", grantType)
		}
	}
	if a.Allows(GrantRefreshToken) && !a.Allows(GrantAuthorizationCode) && !a.Allows(GrantDeviceCode) {
		m.add("grant_types", "the grant type refresh_token needs authorization_code or %s, which hand out the first refresh token", GrantDeviceCode)
	}

	oneOf(m, "token_endpoint_auth_method", a.TokenEndpointAuthMethod, AuthMethods()...)
	oneOf(m, "pkce", a.PKCE, PKCERequired, PKCEOptional)
	if a.Public() {
		if a.PKCE == PKCEOptional {
			m.add("pkce", "pkce must be required, as token_endpoint_auth_method is none: nothing else proves who redeems a code (RFC 9700, section 2.1.1)")
		}
		if a.Allows(GrantClientCredentials) {
			m.add("grant_types", "the grant type client_credentials needs credentials, but token_endpoint_auth_method is none (RFC 6749, section 4.4)")
		}
		if a.Kind == API {
			m.add("token_endpoint_auth_method", "an application of the kind api authenticates to introspect: token_endpoint_auth_method can't be none (RFC 7662, section 2.1)")
		}
	}
	// A promise that nobody keeps is not taken.
	if a.RequirePAR {
		m.add("require_par", "require_par can't be true: there are no pushed authorization requests (RFC 9126) here yet")
	}
	if a.RequireDPoP {
		m.add("require_dpop", "require_dpop can't be true: tokens can't be bound to a key (RFC 9449) here yet")
	}
	oneOf(m, "access_token_format", a.AccessTokenFormat, Opaque, JWT)
	oneOf(m, "id_token_signed_response_alg", keys.Algorithm(a.IDTokenSignedResponseAlg), keys.Algorithms()...)
	oneOf(m, "consent", a.Consent, ConsentFirstParty, ConsentThirdParty)

	m.each("scopes", a.Scopes, maxScopes, scopeProblem)
	m.each("audiences", a.Audiences, maxAudiences, identifierProblem)
	m.each("identifiers", a.Identifiers, maxIdentifiers, identifierProblem)
	if len(a.Identifiers) > 0 && a.Kind != API {
		m.add("identifiers", "only an application of the kind api has identifiers, but its kind is %s", a.Kind)
	}
	if a.ACR != "" && scopeProblem(a.ACR) != "" {
		m.add("acr", "acr %s must have up to 128 printable ASCII characters, none of them a space, a quote or a backslash", quote(a.ACR))
	}
}

// scopeProblem says what is wrong with a scope-token (RFC 6749 §3.3).
func scopeProblem(scope string) string {
	const longest = 128
	switch {
	case scope == "":
		return "is empty: remove it"
	case len(scope) > longest:
		return fmt.Sprintf("has %d characters: %d is the most", len(scope), longest)
	case strings.ContainsFunc(scope, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '\\' }):
		return "must have printable ASCII characters, none of them a space, a quote or a backslash (RFC 6749, section 3.3)"
	}
	return ""
}

var (
	methodForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	accentForm = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
)

func (a *Application) validateAccess(m *mistakes) {
	m.each("sign_in_methods", a.SignInMethods, 20, func(method string) string {
		if !methodForm.MatchString(method) {
			return "must have up to 40 lower case letters, digits or underscores"
		}
		return ""
	})
	reference := func(id string) string {
		if scopeProblem(id) != "" {
			return "is no ID or name"
		}
		return ""
	}
	m.each("allowed/organizations", a.Allowed.Organizations, maxAllowed, reference)
	m.each("allowed/roles", a.Allowed.Roles, maxAllowed, reference)
	m.each("allowed/users", a.Allowed.Users, maxAllowed, reference)
	if a.Branding.Accent != "" && !accentForm.MatchString(a.Branding.Accent) {
		m.add("branding/accent", "accent %s must be a colour such as #3f4fd1", quote(a.Branding.Accent))
	}
}

func (p *SessionPolicy) validate(m *mistakes, users bool) {
	const day = 24 * time.Hour
	clock := func(name string, value, least, most time.Duration) {
		field := "session_policy/" + name
		switch {
		case value%time.Second != 0:
			m.add(field, "%s %s must be whole seconds", name, value)
		case value < least || value > most:
			m.add(field, "%s is %s: it must be %s to %s", name, inWords(value), inWords(least), inWords(most))
		}
	}
	clock("access_token_lifetime", p.AccessTokenLifetime, time.Minute, day)
	clock("id_token_lifetime", p.IDTokenLifetime, time.Minute, day)
	clock("authorization_code_lifetime", p.AuthorizationCodeLifetime, 10*time.Second, 10*time.Minute)
	clock("refresh_reuse_window", p.RefreshReuseWindow, 0, 10*time.Minute)
	oneOf(m, "session_policy/activity", p.Activity, ActivityRefresh, ActivityUse)
	if len(p.Retired) > maxRetired {
		*m = append(*m, fault.Conflictf("session_policy", "the clocks were lengthened %d times while sessions from before may be alive, which is the most: wait, or end the sessions", maxRetired))
	}
	if !users && p.InactivityTimeout == 0 && p.MaxSessionLength == 0 {
		return
	}
	clock("inactivity_timeout", p.InactivityTimeout, 5*time.Minute, 400*day)
	clock("max_session_length", p.MaxSessionLength, 5*time.Minute, 3650*day)
	if p.InactivityTimeout <= p.AccessTokenLifetime {
		m.add("session_policy/inactivity_timeout", "inactivity_timeout (%s) must be longer than access_token_lifetime (%s)", inWords(p.InactivityTimeout), inWords(p.AccessTokenLifetime))
	}
	if p.InactivityTimeout > p.MaxSessionLength {
		m.add("session_policy/inactivity_timeout", "inactivity_timeout (%s) must not be longer than max_session_length (%s)", inWords(p.InactivityTimeout), inWords(p.MaxSessionLength))
	}
}

// inWords tells a duration in the largest unit that it is a whole number of, such as "90 seconds" or "14 days".
func inWords(d time.Duration) string {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		name  string
		size  time.Duration
		least time.Duration // "24 hours" and "365 days" read better than "1 day" and "1 year"
	}{
		{"year", 365 * day, 2}, {"day", day, 2}, {"hour", time.Hour, 1}, {"minute", time.Minute, 1},
	} {
		if n := d / unit.size; d%unit.size == 0 && n >= unit.least {
			return count(int64(n), unit.name)
		}
	}
	return count(int64(d/time.Second), "second")
}

func count(n int64, unit string) string {
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}
