package clients

import (
	"time"

	"github.com/portico-id/portico/keys"
)

// Kinds lists every Kind.
func Kinds() []Kind { return []Kind{Web, SPA, Native, Machine, Device, API} }

// Preset returns what a new application of the kind starts with: safe, and without an address or a name. The zero
// Application for a kind that doesn't exist.
func (k Kind) Preset() Application {
	const day = 24 * time.Hour
	a := Application{
		Kind:                     k,
		Enabled:                  true,
		AccessTokenFormat:        Opaque,
		IDTokenSignedResponseAlg: string(keys.RS256),
		TokenEndpointAuthMethod:  AuthClientSecretBasic,
		PKCE:                     PKCERequired,
		Consent:                  ConsentFirstParty,
		SessionPolicy: SessionPolicy{
			AccessTokenLifetime:       5 * time.Minute,
			IDTokenLifetime:           time.Hour,
			AuthorizationCodeLifetime: time.Minute,
			RefreshReuseWindow:        30 * time.Second,
			Activity:                  ActivityRefresh,
		},
	}
	clocks := func(inactivity, maximum time.Duration) {
		a.SessionPolicy.InactivityTimeout, a.SessionPolicy.MaxSessionLength = inactivity, maximum
	}
	switch k {
	case Web:
		clocks(3*day, 14*day)
	case SPA:
		clocks(day, 7*day)
		a.TokenEndpointAuthMethod = AuthNone
	case Native, Device:
		clocks(60*day, 365*day)
		a.TokenEndpointAuthMethod = AuthNone
	case Machine:
		a.SessionPolicy.AccessTokenLifetime = time.Hour
	case API:
		a.IntrospectsUnaddressed = true
	default:
		return Application{}
	}
	switch k {
	case Web, SPA, Native:
		a.GrantTypes = []string{GrantAuthorizationCode, GrantRefreshToken}
		a.ResponseTypes = []string{"code"}
	case Device:
		a.GrantTypes = []string{GrantDeviceCode, GrantRefreshToken}
	case Machine:
		a.GrantTypes = []string{GrantClientCredentials}
	}
	if a.HasUsers() {
		a.Scopes = []string{"openid", "profile", "email", "address", "phone", "offline_access"}
	}
	return a
}
