// Package clients keeps applications: what an operator or a developer registers, and what acts as an OAuth 2.0 client.
package clients

import (
	"encoding/json"
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

	SessionPolicy  SessionPolicy
	SignInMethods  []string
	ACR            string
	Allowed        Allowed
	Branding       Branding
	ClaimsTemplate json.RawMessage
	Metadata       map[string]string

	Secrets   []Secret
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Allowed says who may use an application. The zero value is everyone.
type Allowed struct {
	Organizations []string `json:"organizations,omitempty"`
	Roles         []string `json:"roles,omitempty"`
	Users         []string `json:"users,omitempty"`
}

// Branding is how an application's hosted pages look. The zero value inherits from the environment.
type Branding struct {
	LogoURI     string `json:"logo_uri,omitempty"`
	DarkLogoURI string `json:"dark_logo_uri,omitempty"`
	Accent      string `json:"accent,omitempty"` // #rrggbb
	HelpURI     string `json:"help_uri,omitempty"`
}

// Public reports whether the client has no credentials (RFC 6749 §2.1).
func (a *Application) Public() bool { return a.TokenEndpointAuthMethod == AuthNone }

// Allows reports whether the grant type was given to the application.
func (a *Application) Allows(grantType string) bool { return slices.Contains(a.GrantTypes, grantType) }

// Secret is one of an application's client secrets, of which the clear text is not kept.
type Secret struct {
	ID        string // sec_…
	Name      string
	Hint      string // its last four characters
	Hash      [32]byte
	CreatedAt time.Time
	ExpiresAt time.Time // the zero value is never
}

// Activity says what starts an inactivity timeout again.
type Activity string

// The kinds of activity. An authorization through the browser always counts, as the person is there.
const (
	ActivityRefresh Activity = "refresh" // a refresh
	ActivityUse     Activity = "use"     // a refresh, introspection and userinfo
)

// SessionPolicy has the clocks of an application's sessions and tokens, in whole seconds. It is read at every use;
// nothing of it is kept in a session or a token.
type SessionPolicy struct {
	AccessTokenLifetime       time.Duration
	InactivityTimeout         time.Duration // zero for an application without users
	MaxSessionLength          time.Duration // from auth_time; zero for an application without users
	IDTokenLifetime           time.Duration
	AuthorizationCodeLifetime time.Duration
	RefreshReuseWindow        time.Duration
	Activity                  Activity
	// Retired has the policies that a change replaced while sessions may have expired under them, the oldest first:
	// what has ended stays ended, noticed or not.
	Retired []RetiredPolicy
}

// RetiredPolicy is a policy that ruled until a time.
type RetiredPolicy struct {
	InactivityTimeout time.Duration
	MaxSessionLength  time.Duration
	Until             time.Time
}

// SecretUse is the latest use of a secret.
type SecretUse struct {
	At      time.Time
	Address string
}
