// Package clients keeps applications: what an operator or a developer registers, and what acts as an OAuth 2.0 client.
package clients

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/portico-id/portico/environments"
)

// ID identifies an application: app_…
type ID string

// Kind is a safe preset of an application's fields, not a cage.
type Kind string

// The kinds of applications.
const (
	Web     Kind = "web"     // runs on a server, keeps a secret
	SPA     Kind = "spa"     // runs in a browser
	Native  Kind = "native"  // phone or desktop
	Machine Kind = "machine" // no user
	Device  Kind = "device"  // TV, command line
	API     Kind = "api"     // a resource server: owns identifiers and scopes, and introspects
)

// AccessTokenFormat is what an access token looks like to its resource server.
type AccessTokenFormat string

// The formats of access tokens.
const (
	Opaque AccessTokenFormat = "opaque" // a sealed handle, to be introspected
	JWT    AccessTokenFormat = "jwt"    // RFC 9068
)

// AuthMethod is a value of token_endpoint_auth_method (RFC 7591 §2).
type AuthMethod string

// The ways in which a client authenticates.
const (
	AuthNone              AuthMethod = "none" // a public client
	AuthClientSecretBasic AuthMethod = "client_secret_basic"
	AuthClientSecretPost  AuthMethod = "client_secret_post"
	AuthClientSecretJWT   AuthMethod = "client_secret_jwt"
	AuthPrivateKeyJWT     AuthMethod = "private_key_jwt"
)

// AuthMethods lists every AuthMethod.
func AuthMethods() []AuthMethod {
	return []AuthMethod{AuthClientSecretBasic, AuthClientSecretPost, AuthClientSecretJWT, AuthPrivateKeyJWT, AuthNone}
}

// PKCE says whether an authorization request needs a code_challenge (RFC 7636). Only S256 is taken.
type PKCE string

// The rules for PKCE.
const (
	PKCERequired PKCE = "required"
	PKCEOptional PKCE = "optional" // confidential clients only
)

// Consent says whether the End-User is asked before an application gets what it asks for.
type Consent string

// The rules for consent.
const (
	ConsentFirstParty Consent = "first_party" // never asked
	ConsentThirdParty Consent = "third_party" // asked once for each scope
)

// The grant types that an application can be given (RFC 7591 §2, RFC 8628 §3.4).
const (
	GrantAuthorizationCode = "authorization_code"
	GrantImplicit          = "implicit"
	GrantRefreshToken      = "refresh_token"
	GrantClientCredentials = "client_credentials"
	GrantDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
)

// Application is one surface of a product. A value read from the Registry is shared: don't change it.
type Application struct {
	ID          ID
	Environment environments.ID
	ClientID    string
	Name        string
	Kind        Kind
	Enabled     bool
	Description string

	LogoURI     string
	HomepageURI string
	PolicyURI   string
	TOSURI      string

	RedirectURIs                      []string // the first is the default
	PostLogoutRedirectURIs            []string // the first is the default
	ExplicitPostLogoutRedirect        bool     // a sign-out that names no address goes nowhere, rather than to the default
	WildcardRedirects                 bool     // one star in the leftmost label is allowed
	InitiateLoginURI                  string   // OIDC Core §4
	InvitationURI                     string
	PasswordResetURI                  string
	BackchannelLogoutURI              string
	BackchannelLogoutSessionRequired  bool
	FrontchannelLogoutURI             string
	FrontchannelLogoutSessionRequired bool
	CORSOrigins                       []string

	GrantTypes    []string
	ResponseTypes []string
	Scopes        []string // what it may ask for
	Audiences     []string // identifiers of resource servers that it may ask for
	Identifiers   []string // of an api application: the aud of tokens for it

	AccessTokenFormat        AccessTokenFormat
	IDTokenSignedResponseAlg string
	TokenEndpointAuthMethod  AuthMethod
	JWKS                     json.RawMessage // nil if none
	JWKSURI                  string
	RequirePAR               bool
	RequireDPoP              bool
	PKCE                     PKCE
	Consent                  Consent
	IntrospectsUnaddressed   bool // of an api application: it may introspect tokens that are addressed to no API

	SessionPolicy   SessionPolicy
	SignInMethods   []string
	ACR             string
	Allowed         Allowed
	Branding        Branding
	ClaimsTemplates ClaimsTemplates
	Metadata        map[string]string

	ManagedBy environments.Manager
	Secrets   []Secret
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Allowed says who may use an application: whom any of the lists has. The zero value is everyone.
type Allowed struct {
	Organizations []string `json:"organizations,omitempty"` // org_…: who uses it as a member of one
	Roles         []string `json:"roles,omitempty"`         // names: who has one in the organization as whose member she uses it
	Users         []string `json:"users,omitempty"`         // usr_…
}

// Permits reports whether the user may use the application as a member of the organization, "" for none, with the roles that
// she has there.
func (a *Allowed) Permits(user, organization string, roles []string) bool {
	if len(a.Organizations)+len(a.Roles)+len(a.Users) == 0 {
		return true
	}
	return slices.Contains(a.Users, user) || organization != "" && slices.Contains(a.Organizations, organization) ||
		slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(a.Roles, role) })
}

// Branding is how an application's hosted pages look. The zero value inherits from the environment.
type Branding struct {
	LogoURI     string `json:"logo_uri,omitempty"`
	DarkLogoURI string `json:"dark_logo_uri,omitempty"`
	Accent      string `json:"accent,omitempty"` // #rrggbb
	HelpURI     string `json:"help_uri,omitempty"`
}

// Brand is the look of the application's hosted pages in its environment: its own, and where that is empty the environment's.
// A third party is not shown with the environment's logo and policies, which don't speak for it.
func (a *Application) Brand(env *environments.Environment) environments.Brand {
	b := environments.Brand{
		LogoURI: a.Branding.LogoURI, DarkLogoURI: a.Branding.DarkLogoURI, Accent: a.Branding.Accent, HelpURI: a.Branding.HelpURI,
		PolicyURI: a.PolicyURI, TOSURI: a.TOSURI,
	}
	if b.LogoURI == "" {
		b.LogoURI = a.LogoURI
	}
	b.Accent, b.HelpURI = cmp.Or(b.Accent, env.Brand.Accent), cmp.Or(b.HelpURI, env.Brand.HelpURI)
	if a.Consent == ConsentThirdParty {
		return b
	}
	if b.LogoURI == "" {
		b.LogoURI, b.DarkLogoURI = env.Brand.LogoURI, cmp.Or(b.DarkLogoURI, env.Brand.DarkLogoURI)
	}
	b.PolicyURI, b.TOSURI = cmp.Or(b.PolicyURI, env.Brand.PolicyURI), cmp.Or(b.TOSURI, env.Brand.TOSURI)
	return b
}

// Public reports whether the client has no credentials (RFC 6749 §2.1).
func (a *Application) Public() bool { return a.TokenEndpointAuthMethod == AuthNone }

// FrontchannelLogout is the address that a frame opens to tell the application that a session ended: with the issuer and the
// session's ID where the application wants them (OpenID Connect Front-Channel Logout 1.0 §2).
func (a *Application) FrontchannelLogout(issuer, session string) string {
	u, err := url.Parse(a.FrontchannelLogoutURI)
	if err != nil || !a.FrontchannelLogoutSessionRequired {
		return a.FrontchannelLogoutURI
	}
	query := u.Query()
	query.Set("iss", issuer)
	query.Set("sid", session)
	u.RawQuery = query.Encode()
	return u.String()
}

// Allows reports whether the grant type was given to the application.
func (a *Application) Allows(grantType string) bool { return slices.Contains(a.GrantTypes, grantType) }

// HasUsers reports whether users can sign in through the application, so that it has sessions.
func (a *Application) HasUsers() bool {
	return a.Allows(GrantAuthorizationCode) || a.Allows(GrantImplicit) || a.Allows(GrantDeviceCode)
}

// Clone returns a copy that shares no memory with a.
func (a *Application) Clone() *Application {
	c := *a
	for _, list := range []*[]string{
		&c.RedirectURIs, &c.PostLogoutRedirectURIs, &c.CORSOrigins, &c.GrantTypes, &c.ResponseTypes, &c.Scopes, &c.Audiences,
		&c.Identifiers, &c.SignInMethods, &c.Allowed.Organizations, &c.Allowed.Roles, &c.Allowed.Users,
	} {
		*list = slices.Clone(*list)
	}
	c.JWKS = slices.Clone(c.JWKS)
	c.Metadata = maps.Clone(c.Metadata)
	c.SessionPolicy.Retired = slices.Clone(c.SessionPolicy.Retired)
	c.Secrets = slices.Clone(c.Secrets)
	return &c
}
