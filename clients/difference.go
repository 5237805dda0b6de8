package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/portico-id/portico/environments"
)

// difference is what a change did, by field, as the record of events has it. It holds no secret.
type difference struct {
	Before map[string]json.RawMessage `json:"before,omitempty"`
	After  map[string]json.RawMessage `json:"after,omitempty"`
}

// compare returns the fields in which two states of an application differ; nil is an application that doesn't exist.
func compare(before, after *Application) (difference, error) {
	var d difference
	var err error
	if d.Before, err = before.fields(); err != nil {
		return difference{}, err
	}
	if d.After, err = after.fields(); err != nil {
		return difference{}, err
	}
	for name, value := range d.Before {
		if other, ok := d.After[name]; ok && bytes.Equal(value, other) {
			delete(d.Before, name)
			delete(d.After, name)
		}
	}
	return d, nil
}

func (d difference) empty() bool { return len(d.Before) == 0 && len(d.After) == 0 }

// fields returns what people set, under the names of the management API.
func (a *Application) fields() (map[string]json.RawMessage, error) {
	if a == nil {
		return nil, nil
	}
	r := record(*a)
	r.SessionPolicy.Retired = nil
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write %s as JSON: %w", a.ID, err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, fmt.Errorf("write %s as JSON: %w", a.ID, err)
	}
	return fields, nil
}

// record is an Application with names.
type record struct {
	ID          ID              `json:"-"`
	Environment environments.ID `json:"-"`
	ClientID    string          `json:"client_id"`
	Name        string          `json:"name"`
	Kind        Kind            `json:"kind"`
	Enabled     bool            `json:"enabled"`
	Description string          `json:"description,omitempty"`

	LogoURI     string `json:"logo_uri,omitempty"`
	HomepageURI string `json:"homepage_uri,omitempty"`
	PolicyURI   string `json:"policy_uri,omitempty"`
	TOSURI      string `json:"tos_uri,omitempty"`

	RedirectURIs                      []string `json:"redirect_uris,omitempty"`
	PostLogoutRedirectURIs            []string `json:"post_logout_redirect_uris,omitempty"`
	WildcardRedirects                 bool     `json:"wildcard_redirects"`
	InitiateLoginURI                  string   `json:"initiate_login_uri,omitempty"`
	InvitationURI                     string   `json:"invitation_uri,omitempty"`
	PasswordResetURI                  string   `json:"password_reset_uri,omitempty"`
	BackchannelLogoutURI              string   `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSessionRequired  bool     `json:"backchannel_logout_session_required"`
	FrontchannelLogoutURI             string   `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelLogoutSessionRequired bool     `json:"frontchannel_logout_session_required"`
	CORSOrigins                       []string `json:"cors_origins,omitempty"`

	GrantTypes    []string `json:"grant_types,omitempty"`
	ResponseTypes []string `json:"response_types,omitempty"`
	Scopes        []string `json:"scopes,omitempty"`
	Audiences     []string `json:"audiences,omitempty"`
	Identifiers   []string `json:"identifiers,omitempty"`

	AccessTokenFormat        AccessTokenFormat `json:"access_token_format"`
	IDTokenSignedResponseAlg string            `json:"id_token_signed_response_alg"`
	TokenEndpointAuthMethod  AuthMethod        `json:"token_endpoint_auth_method"`
	JWKS                     json.RawMessage   `json:"jwks,omitempty"`
	JWKSURI                  string            `json:"jwks_uri,omitempty"`
	RequirePAR               bool              `json:"require_par"`
	RequireDPoP              bool              `json:"require_dpop"`
	PKCE                     PKCE              `json:"pkce"`
	Consent                  Consent           `json:"consent"`
	IntrospectsUnaddressed   bool              `json:"introspects_unaddressed"`

	SessionPolicy  SessionPolicy     `json:"session_policy"`
	SignInMethods  []string          `json:"sign_in_methods,omitempty"`
	ACR            string            `json:"acr,omitempty"`
	Allowed        Allowed           `json:"allowed,omitzero"`
	Branding       Branding          `json:"branding,omitzero"`
	ClaimsTemplate json.RawMessage   `json:"claims_template,omitempty"`
	Metadata       map[string]string `json:"metadata,omitempty"`

	Secrets   []Secret  `json:"-"`
	CreatedAt time.Time `json:"-"`
	UpdatedAt time.Time `json:"-"`
}
