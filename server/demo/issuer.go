package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

var scopes = []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess}

// issuer is the provider as seen from here. It is discovered once, by the first who needs it.
type issuer struct {
	URL  string
	HTTP *http.Client
	Now  func() time.Time

	mu    sync.Mutex
	found *provider
}

// provider is what the discovery document says.
type provider struct {
	*oidc.Provider
	now        func() time.Time
	JWKS       string
	EndSession string // empty: the provider has no RP-Initiated Logout
	Introspect string // empty: the provider has no introspection
	SendsIss   bool   // every authorization response names its issuer (RFC 9207 §3)
}

// context makes go-oidc and x/oauth2 use the client of the issuer.
func (i *issuer) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, i.HTTP)
}

// discover returns the provider, or an *unreachable. A failure is not remembered.
func (i *issuer) discover(ctx context.Context) (*provider, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.found != nil {
		return i.found, nil
	}
	p, err := oidc.NewProvider(i.context(ctx), i.URL)
	if err != nil {
		return nil, &unreachable{issuer: i.URL, cause: err}
	}
	var doc struct {
		JWKS       string `json:"jwks_uri"`
		EndSession string `json:"end_session_endpoint"`
		Introspect string `json:"introspection_endpoint"`
		SendsIss   bool   `json:"authorization_response_iss_parameter_supported"`
	}
	if err := p.Claims(&doc); err != nil {
		return nil, &unreachable{issuer: i.URL, cause: err}
	}
	i.found = &provider{Provider: p, now: i.Now, JWKS: doc.JWKS, EndSession: doc.EndSession, Introspect: doc.Introspect, SendsIss: doc.SendsIss}
	return i.found, nil
}

// unreachable says that the provider gave no usable discovery document.
type unreachable struct {
	issuer string
	cause  error
}

func (e *unreachable) Error() string { return fmt.Sprintf("discover %s: %v", e.issuer, e.cause) }
func (e *unreachable) Unwrap() error { return e.cause }

// oauth returns the client as x/oauth2 wants it.
func (p *provider) oauth(c Client, redirectURI string) *oauth2.Config {
	endpoint := p.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader // client_secret_basic
	return &oauth2.Config{
		ClientID: c.ID, ClientSecret: c.Secret, Endpoint: endpoint, RedirectURL: redirectURI, Scopes: scopes,
	}
}

// idClaims are the claims of an ID token that the demo itself acts on.
type idClaims struct {
	AuthTime int64    `json:"auth_time"` // seconds since the epoch; 0 if the provider left it out
	SID      string   `json:"sid"`
	AZP      string   `json:"azp"`
	ACR      string   `json:"acr"`
	AMR      []string `json:"amr"`
}

// verify checks an ID token as OIDC Core §3.1.3.7 says: signature, issuer, audience and expiry by
// go-oidc; the authorized party and the access token's hash here. The nonce is the caller's.
func (p *provider) verify(ctx context.Context, clientID, raw, accessToken string) (*oidc.IDToken, idClaims, error) {
	var claims idClaims
	token, err := p.Verifier(&oidc.Config{ClientID: clientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return nil, claims, err
	}
	if err := token.Claims(&claims); err != nil {
		return nil, claims, err
	}
	if claims.AZP != "" && claims.AZP != clientID || claims.AZP == "" && len(token.Audience) > 1 {
		return nil, claims, fmt.Errorf("azp is %q, want %q", claims.AZP, clientID)
	}
	if token.AccessTokenHash != "" {
		if err := token.VerifyAccessToken(accessToken); err != nil {
			return nil, claims, err
		}
	}
	return token, claims, nil
}

// logoutClaims are those of a logout token (OIDC Back-Channel Logout §2.4).
type logoutClaims struct {
	Subject string                     `json:"sub"`
	SID     string                     `json:"sid"`
	Nonce   *string                    `json:"nonce"`
	Events  map[string]*map[string]any `json:"events"`
}

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// verifyLogout checks a logout token as OIDC Back-Channel Logout §2.6 says.
func (p *provider) verifyLogout(ctx context.Context, clientID, raw string) (logoutClaims, error) {
	var claims logoutClaims
	token, err := p.Verifier(&oidc.Config{ClientID: clientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return claims, err
	}
	if err := token.Claims(&claims); err != nil {
		return claims, err
	}
	switch {
	case claims.Events[logoutEvent] == nil:
		return claims, errors.New("the logout token has no back-channel logout event")
	case claims.Nonce != nil:
		return claims, errors.New("a logout token must not have a nonce")
	case claims.SID == "" && claims.Subject == "":
		return claims, errors.New("the logout token has neither sid nor sub")
	}
	return claims, nil
}
