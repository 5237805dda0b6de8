// Package environments keeps the isolated tenants of an installation: each with an issuer, keys, users, organizations,
// applications, policies and brand of its own.
package environments

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/portico-id/portico/fault"
)

// ID identifies an environment: env_…
type ID string

// Kind decides how strict redirect URIs are.
type Kind string

// The kinds of environments.
const (
	Production  Kind = "production"
	Development Kind = "development" // takes http://localhost and http redirect URIs
)

// OperatorsSlug is the slug of the built-in environment whose users run the installation.
const OperatorsSlug = "operators"

// Manager says what declares an object, so that what is changed elsewhere lasts until it next looks; "" if nothing does.
type Manager string

// ManagedByApply is the manager of what a file of portico apply declares.
const ManagedByApply Manager = "apply"

// Environment is an isolated tenant. A value read from the Registry is shared: don't change it.
type Environment struct {
	ID                 ID
	Slug               string // in the issuer's path, lower case letters, digits and dashes
	Name               string // shown to people where no application is known
	Kind               Kind
	Root               bool   // its issuer is the public URL itself; exactly one has it
	Host               string // a host of its own, such as "id.acme.example"; "" if it is reached by path
	DefaultApplication string // app_…, set when the environment is made
	SignUp             bool   // strangers may create an account
	BrowserSessions    BrowserSessions
	Brand              Brand
	ManagedBy          Manager
	CreatedAt          time.Time
	UpdatedAt          time.Time
}

// BrowserSessions has the clocks of the sign-in of a browser, which no application's policy changes.
type BrowserSessions struct {
	MaxLength         time.Duration // from auth_time
	InactivityTimeout time.Duration // from the last use
	UnrememberedMax   time.Duration // from auth_time, without "keep me signed in"; the cookie ends with the browser
}

// DefaultBrowserSessions are the clocks of a new environment.
var DefaultBrowserSessions = BrowserSessions{
	MaxLength:         30 * 24 * time.Hour,
	InactivityTimeout: 14 * 24 * time.Hour,
	UnrememberedMax:   12 * time.Hour,
}

// PathPrefix is what every path of the environment starts with: "" for the root and for one with a host of its own,
// else "/env/<slug>".
func (e *Environment) PathPrefix() string {
	if e.Root || e.Host != "" {
		return ""
	}
	return "/env/" + e.Slug
}

// Issuer is the environment's issuer identifier (OIDC Core §2), without a slash at the end. publicURL is that of the
// installation.
func (e *Environment) Issuer(publicURL *url.URL) string {
	if e.Host != "" {
		return publicURL.Scheme + "://" + e.Host
	}
	return strings.TrimSuffix(publicURL.String(), "/") + e.PathPrefix()
}

// Errors of the Store and the Registry.
var (
	ErrNotFound  error = fault.NotFoundf("no such environment")
	ErrSlugTaken error = fault.Conflictf("slug", "another environment has this slug")
)

// Store keeps environments.
type Store interface {
	// Environments returns all of them, the root first, then by slug.
	Environments(ctx context.Context) ([]Environment, error)
	// CreateEnvironment adds one. It returns ErrSlugTaken.
	CreateEnvironment(ctx context.Context, e Environment) error
	// UpdateEnvironment loads the environment, calls change and saves the result, in one transaction that change's
	// context carries. It returns ErrNotFound.
	UpdateEnvironment(ctx context.Context, id ID, change func(context.Context, *Environment) error) error
}
