package provider

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/keys"
)

// metadata describes the provider (OIDC Discovery §3, RFC 8414 §2).
type metadata struct {
	Issuer                                     string   `json:"issuer"`
	AuthorizationEndpoint                      string   `json:"authorization_endpoint"`
	TokenEndpoint                              string   `json:"token_endpoint"`
	UserInfoEndpoint                           string   `json:"userinfo_endpoint"`
	JWKSURI                                    string   `json:"jwks_uri"`
	IntrospectionEndpoint                      string   `json:"introspection_endpoint"`
	RevocationEndpoint                         string   `json:"revocation_endpoint"`
	EndSessionEndpoint                         string   `json:"end_session_endpoint"`
	CheckSessionIframe                         string   `json:"check_session_iframe"`
	BackchannelLogoutSupported                 bool     `json:"backchannel_logout_supported"`
	BackchannelLogoutSessionSupported          bool     `json:"backchannel_logout_session_supported"`
	FrontchannelLogoutSupported                bool     `json:"frontchannel_logout_supported"`
	FrontchannelLogoutSessionSupported         bool     `json:"frontchannel_logout_session_supported"`
	ScopesSupported                            []string `json:"scopes_supported"`
	ResponseTypesSupported                     []string `json:"response_types_supported"`
	ResponseModesSupported                     []string `json:"response_modes_supported"`
	GrantTypesSupported                        []string `json:"grant_types_supported"`
	ACRValuesSupported                         []string `json:"acr_values_supported"`
	SubjectTypesSupported                      []string `json:"subject_types_supported"`
	IDTokenSigningAlgValuesSupported           []string `json:"id_token_signing_alg_values_supported"`
	TokenEndpointAuthMethodsSupported          []string `json:"token_endpoint_auth_methods_supported"`
	TokenEndpointAuthSigningAlgs               []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionEndpointAuthMethodsSupported  []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionEndpointAuthSigningAlgs       []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationEndpointAuthMethodsSupported     []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationEndpointAuthSigningAlgs          []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	CodeChallengeMethodsSupported              []string `json:"code_challenge_methods_supported"`
	PromptValuesSupported                      []string `json:"prompt_values_supported"`
	ClaimTypesSupported                        []string `json:"claim_types_supported"`
	ClaimsSupported                            []string `json:"claims_supported"`
	UILocalesSupported                         []string `json:"ui_locales_supported"`
	ClaimsParameterSupported                   bool     `json:"claims_parameter_supported"`
	RequestParameterSupported                  bool     `json:"request_parameter_supported"`
	RequestURIParameterSupported               bool     `json:"request_uri_parameter_supported"`
	AuthorizationResponseIssParameterSupported bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
}

func (p *Provider) metadata(issuer string) metadata {
	var confidential, all, signatures []string // as clients authenticate
	for _, m := range clients.AuthMethods() {
		if all = append(all, string(m)); m != clients.AuthNone {
			confidential = append(confidential, string(m))
		}
	}
	for _, a := range assertionAlgorithms() {
		signatures = append(signatures, string(a))
	}
	algorithms := make([]string, 0, len(keys.Algorithms()))
	for _, a := range keys.Algorithms() {
		algorithms = append(algorithms, string(a))
	}
	return metadata{
		Issuer:                                     issuer,
		AuthorizationEndpoint:                      issuer + "/oauth2/authorize",
		TokenEndpoint:                              issuer + "/oauth2/token",
		UserInfoEndpoint:                           issuer + "/userinfo",
		JWKSURI:                                    issuer + "/.well-known/jwks.json",
		IntrospectionEndpoint:                      issuer + "/oauth2/introspect",
		RevocationEndpoint:                         issuer + "/oauth2/revoke",
		EndSessionEndpoint:                         issuer + "/oauth2/logout",
		CheckSessionIframe:                         issuer + "/oauth2/check_session",
		BackchannelLogoutSupported:                 true,
		BackchannelLogoutSessionSupported:          true,
		FrontchannelLogoutSupported:                true,
		FrontchannelLogoutSessionSupported:         true,
		ScopesSupported:                            slices.Concat([]string{"openid"}, identity.SupportedScopes(), []string{"offline_access"}),
		ResponseTypesSupported:                     []string{"code"},
		ResponseModesSupported:                     []string{"query", "fragment", "form_post"},
		GrantTypesSupported:                        grantTypes,
		ACRValuesSupported:                         acrValues,
		SubjectTypesSupported:                      []string{"public"},
		IDTokenSigningAlgValuesSupported:           algorithms,
		TokenEndpointAuthMethodsSupported:          all,
		TokenEndpointAuthSigningAlgs:               signatures,
		IntrospectionEndpointAuthMethodsSupported:  confidential,
		IntrospectionEndpointAuthSigningAlgs:       signatures,
		RevocationEndpointAuthMethodsSupported:     all,
		RevocationEndpointAuthSigningAlgs:          signatures,
		CodeChallengeMethodsSupported:              []string{"S256"},
		PromptValuesSupported:                      prompts,
		ClaimTypesSupported:                        []string{"normal"},
		ClaimsSupported:                            slices.Concat(identity.SupportedClaims(), organizationClaimNames),
		UILocalesSupported:                         p.Languages,
		ClaimsParameterSupported:                   true,
		AuthorizationResponseIssParameterSupported: true,
	}
}

// discovery serves GET /.well-known/openid-configuration and /.well-known/oauth-authorization-server.
func (p *Provider) discovery(w http.ResponseWriter, r *http.Request) {
	issuer := p.issuer(r.Context())
	body, known := p.documents.Load(issuer)
	if !known {
		made, err := json.Marshal(p.metadata(issuer))
		if err != nil {
			p.writeError(w, r, err)
			return
		}
		body, _ = p.documents.LoadOrStore(issuer, made)
	}
	writeDocument(w, "application/json", body.([]byte))
}

// jwks serves GET /.well-known/jwks.json. It may be kept for a while, but is asked for again in time for a new key: those
// are published a day before they sign.
func (p *Provider) jwks(w http.ResponseWriter, r *http.Request) {
	set, err := p.Keys.JWKS(r.Context(), environments.FromContext(r.Context()).ID)
	if err != nil {
		p.writeError(w, r, err)
		return
	}
	w.Header().Set("ETag", set.ETag)
	if match := r.Header.Get("If-None-Match"); match != "" && strings.Contains(match, set.ETag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	writeDocument(w, "application/jwk-set+json", set.Body)
}

func writeDocument(w http.ResponseWriter, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(body) // a client that went away is told nothing
}
