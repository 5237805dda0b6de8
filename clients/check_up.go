package clients

import (
	"slices"
	"strings"
	"time"
)

// Finding is something about an application that is unsafe, unfinished or unused.
type Finding struct {
	What    Trouble
	Warning bool   // it is unsafe or doesn't work; else it could be better
	Value   string // what it is about, such as a URI or the name of a secret; "" for the application as a whole
}

// Trouble is what a Finding speaks of.
type Trouble string

// What a check-up can find.
const (
	NoRedirectURI     Trouble = "no_redirect_uri"    // nobody can sign in yet
	ClearRedirectURI  Trouble = "clear_redirect_uri" // codes travel unencrypted to another machine
	WildcardRedirects Trouble = "wildcard_redirects" // whoever takes over one of many hosts gets codes
	NoPKCE            Trouble = "no_pkce"            // RFC 9700 §2.1.1
	ImplicitGrant     Trouble = "implicit_grant"     // RFC 9700 §2.1.2
	NoSecret          Trouble = "no_secret"          // none is good, so it can't authenticate
	NoSignedSecret    Trouble = "no_signed_secret"   // none was made since it authenticates by client_secret_jwt, so it can't
	SecretExpires     Trouble = "secret_expires"     // soon, and there is no other
	SecretUnused      Trouble = "secret_unused"      // for a long time
	UnusedWildcard    Trouble = "unused_wildcard"    // wildcards are allowed, and none is registered
	NoIdentifier      Trouble = "no_identifier"      // no token can be addressed to the API
	LongSessions      Trouble = "long_sessions"      // a browser that is left alone stays signed in for months
	LongJWTs          Trouble = "long_jwts"          // whoever has one can use it until it expires, whatever is revoked
	NoWayBack         Trouble = "no_way_back"        // a bookmarked sign-in page can't lead to the application
	NoSignOutURI      Trouble = "no_sign_out_uri"    // after a sign-out people stay here
	NoBackchannel     Trouble = "no_backchannel"     // it doesn't hear of a sign-out elsewhere
	NoPolicy          Trouble = "no_policy"          // people are asked for consent without a link to its privacy policy
	NeverUsed         Trouble = "never_used"         // since it was registered
)

const (
	soon     = 30 * 24 * time.Hour
	longAgo  = 90 * 24 * time.Hour
	shortJWT = 15 * time.Minute
	months   = 90 * 24 * time.Hour
)

// CheckUp returns what could be better about the application, warnings first. lastStarted is when its latest session was
// started, zero for never.
func (a *Application) CheckUp(lastStarted, now time.Time) []Finding {
	var all []Finding
	warn := func(what Trouble, value string) { all = append(all, Finding{what, true, value}) }
	hint := func(what Trouble, value string) { all = append(all, Finding{what, false, value}) }
	redirects := a.Allows(GrantAuthorizationCode) || a.Allows(GrantImplicit)
	if redirects && len(a.RedirectURIs) == 0 {
		warn(NoRedirectURI, "")
	}
	for _, uri := range a.RedirectURIs {
		if p := split(uri); p.scheme == "http:" && !p.loopback() && p.host != "localhost" {
			warn(ClearRedirectURI, uri)
		}
	}
	if a.WildcardRedirects && slices.ContainsFunc(a.RedirectURIs, func(uri string) bool { return strings.Contains(uri, "*") }) {
		warn(WildcardRedirects, "")
	} else if a.WildcardRedirects {
		hint(UnusedWildcard, "")
	}
	if a.Allows(GrantImplicit) {
		warn(ImplicitGrant, "")
	}
	if a.PKCE == PKCEOptional && a.Allows(GrantAuthorizationCode) {
		warn(NoPKCE, "")
	}
	all = append(all, a.checkSecrets(now)...)
	if a.AccessTokenFormat == JWT && a.SessionPolicy.AccessTokenLifetime > shortJWT && a.HasUsers() {
		hint(LongJWTs, "")
	}
	if (a.Kind == Web || a.Kind == SPA) && a.SessionPolicy.InactivityTimeout > months {
		hint(LongSessions, "")
	}
	if a.Kind == API && len(a.Identifiers) == 0 {
		hint(NoIdentifier, "")
	}
	if redirects {
		if a.InitiateLoginURI == "" && a.HomepageURI == "" {
			hint(NoWayBack, "")
		}
		if len(a.PostLogoutRedirectURIs) == 0 {
			hint(NoSignOutURI, "")
		}
		if a.Kind == Web && a.BackchannelLogoutURI == "" && a.FrontchannelLogoutURI == "" {
			hint(NoBackchannel, "")
		}
		if a.Consent == ConsentThirdParty && a.PolicyURI == "" {
			hint(NoPolicy, "")
		}
	}
	if a.HasUsers() && lastStarted.IsZero() && now.Sub(a.CreatedAt) > soon {
		hint(NeverUsed, "")
	}
	slices.SortStableFunc(all, func(x, y Finding) int { return btoi(y.Warning) - btoi(x.Warning) })
	return all
}

func (a *Application) checkSecrets(now time.Time) (all []Finding) {
	if !a.usesSecret() {
		return nil
	}
	var living []*Secret
	for i := range a.Secrets {
		if s := &a.Secrets[i]; s.Alive(now) {
			living = append(living, s)
		}
	}
	if len(living) == 0 {
		return []Finding{{NoSecret, true, ""}}
	}
	if a.TokenEndpointAuthMethod == AuthClientSecretJWT && !slices.ContainsFunc(living, func(s *Secret) bool { return s.Sealed != "" }) {
		return []Finding{{NoSignedSecret, true, ""}}
	}
	if last := slices.MaxFunc(living, func(x, y *Secret) int { return expiry(x).Compare(expiry(y)) }); expiry(last).Sub(now) < soon {
		all = append(all, Finding{SecretExpires, true, last.Label()})
	}
	for _, s := range living {
		if used := s.LastUsed.At; len(living) > 1 && now.Sub(s.CreatedAt) > longAgo && now.Sub(used) > longAgo {
			all = append(all, Finding{SecretUnused, false, s.Label()})
		}
	}
	return all
}

// expiry is when the secret expires, far ahead for never.
func expiry(s *Secret) time.Time {
	if s.ExpiresAt.IsZero() {
		return time.Unix(1<<40, 0)
	}
	return s.ExpiresAt
}

// Label is the name of the secret, or what is known of it where it has none: its last four characters.
func (s *Secret) Label() string {
	if s.Name != "" {
		return s.Name
	}
	return "…" + s.Hint
}
