package provider

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ory/fosite"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
)

// authorizationRequest is an authorization request that has been read and checked as far as that goes without the
// End-User (RFC 6749 §4.1.1, OIDC Core §3.1.2.1).
type authorizationRequest struct {
	form          url.Values
	application   *clients.Application
	redirectURI   string
	responseMode  fosite.ResponseModeType
	scopes        []string // those asked for that the application may have
	toAllow       []string // those that the End-User must have allowed: scopes, and others whose claims are asked for by name
	audience      []string
	maxAge        int64 // seconds; -1 if the request has none
	loginHint     string
	organization  organizations.ID // that she is to use the application in the name of; "" leaves it to her
	hintedSubject identity.ID      // of id_token_hint or the claims request: the only one whom it may be about; "" for anyone
	claims        []byte           // the claims request, as far as the client may have it; nil if none
}

// The largest request that is taken.
const (
	maxParameter = 4 << 10
	maxRequest   = 16 << 10
)

// pageError is a mistake that can't be told to the client, as its name or its address is not known to be right. The
// browser is shown a page and sent nowhere (RFC 6749 §4.1.2.1).
type pageError struct {
	field, text, specification string
}

func (e *pageError) Error() string { return e.field + ": " + e.text }

// parse reads the request. own is a redirect URI that it may name beside those of its application; "" for none. A *pageError must be shown here; every other error belongs to the client, and the request it comes with says where.
func (p *Provider) parse(ctx context.Context, form url.Values, own string) (*authorizationRequest, error) {
	req := &authorizationRequest{form: form, maxAge: -1}
	if err := checkSize(form); err != nil {
		return nil, err
	}
	for _, key := range []string{"client_id", "redirect_uri", "response_mode"} { // the answer's way depends on these
		if len(form[key]) > 1 {
			return nil, &pageError{key, "is included more than once.", "RFC 6749, section 3.1"}
		}
	}
	if err := p.parseClient(ctx, req, own); err != nil {
		return nil, err
	}
	return req, p.parseRest(ctx, req)
}

// checkSize returns a *pageError for a request that is too large.
func checkSize(form url.Values) error {
	size := 0
	for key, values := range form {
		for _, v := range values {
			size += len(key) + len(v)
			if len(v) > maxParameter {
				return &pageError{key, "is longer than " + strconv.Itoa(maxParameter) + " characters.", ""}
			}
		}
	}
	if size > maxRequest {
		return &pageError{"request", "is larger than " + strconv.Itoa(maxRequest) + " bytes. Use fewer or shorter parameters.", ""}
	}
	return nil
}

func (p *Provider) parseClient(ctx context.Context, req *authorizationRequest, own string) error {
	id := req.form.Get("client_id")
	if id == "" {
		return &pageError{"client_id", "is missing.", "RFC 6749, section 4.1.1"}
	}
	app, err := p.application(ctx, id)
	if errors.Is(err, clients.ErrNotFound) {
		return &pageError{"client_id", "is not that of an application here, or the application is disabled.", "RFC 6749, section 4.1.2.1"}
	}
	if err != nil {
		return err
	}
	req.application = app
	uri := req.form.Get("redirect_uri")
	switch {
	case uri == "":
		return &pageError{"redirect_uri", "is missing.", "OpenID Connect Core, section 3.1.2.1"}
	case uri != own && !app.AllowsRedirect(uri):
		return &pageError{"redirect_uri", "is not registered for this application. Register exactly this address, or send one that is registered.", "RFC 6749, section 3.1.2.4"}
	}
	req.redirectURI = uri
	switch mode := fosite.ResponseModeType(req.form.Get("response_mode")); mode {
	case fosite.ResponseModeDefault:
		req.responseMode = fosite.ResponseModeQuery
	case fosite.ResponseModeQuery, fosite.ResponseModeFragment, fosite.ResponseModeFormPost:
		req.responseMode = mode
	default:
		return &pageError{"response_mode", "must be query, fragment or form_post.", "OAuth 2.0 Multiple Response Types, section 2.1"}
	}
	return nil
}

func (p *Provider) parseRest(ctx context.Context, req *authorizationRequest) error {
	form, app := req.form, req.application
	if err := once(form); err != nil {
		return err
	}
	switch {
	case form.Get("request") != "":
		return fosite.ErrRequestNotSupported.WithHint("The parameter request is not supported.")
	case form.Get("request_uri") != "":
		return fosite.ErrRequestURINotSupported.WithHint("The parameter request_uri is not supported.")
	case form.Get("registration") != "":
		return fosite.ErrRegistrationNotSupported.WithHint("The parameter registration is not supported.")
	case form.Get("response_type") == "":
		return fosite.ErrInvalidRequest.WithHint("response_type is missing.")
	case form.Get("response_type") != "code" || !slices.Contains(app.ResponseTypes, "code") || !app.Allows("authorization_code"):
		return fosite.ErrUnsupportedResponseType.WithHintf("response_type %q is not one that this client is registered for.", form.Get("response_type"))
	}
	if err := req.parseProof(); err != nil {
		return err
	}
	var err error
	if req.scopes, err = allowedScopes(app, form.Get("scope")); err != nil {
		return err
	}
	req.toAllow = slices.Clone(req.scopes)
	req.audience = audiences(form)
	if err := allowedAudience(app.Audiences, req.audience); err != nil {
		return err
	}
	return p.parseOpenID(ctx, req)
}

// allowedScopes are those that the client asks for and may have.
func allowedScopes(app *clients.Application, asked string) (allowed []string, err error) {
	for _, scope := range strings.Fields(asked) {
		if slices.Contains(app.Scopes, scope) && !slices.Contains(allowed, scope) {
			allowed = append(allowed, scope) // what is unknown is left out (OIDC Core §3.1.2.1)
		}
	}
	if strings.TrimSpace(asked) != "" && len(allowed) == 0 {
		return nil, fosite.ErrInvalidScope.WithHintf("This client may not have any of the scopes %q.", asked)
	}
	if !app.Allows("refresh_token") {
		allowed = slices.DeleteFunc(allowed, func(s string) bool { return s == "offline_access" })
	}
	return allowed, nil
}

// parseProof judges PKCE before the End-User is asked for anything (RFC 7636 §4.4.1).
func (req *authorizationRequest) parseProof() error {
	challenge, method := req.form.Get("code_challenge"), req.form.Get("code_challenge_method")
	switch {
	case challenge == "" && method == "":
		if req.application.PKCE != clients.PKCEOptional || req.application.Public() {
			return fosite.ErrInvalidRequest.WithHint("code_challenge is missing: this client must use PKCE with code_challenge_method S256.")
		}
	case method != "S256":
		return fosite.ErrInvalidRequest.WithHint("code_challenge_method must be S256.")
	case !challengeForm(challenge):
		return fosite.ErrInvalidRequest.WithHint("code_challenge must be the base64url of a SHA-256 hash: 43 characters.")
	}
	return nil
}

func challengeForm(challenge string) bool {
	if len(challenge) != 43 {
		return false
	}
	for i := range len(challenge) {
		c := challenge[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

var prompts = []string{"none", "login", "consent", "select_account", "create"}

func (p *Provider) parseOpenID(ctx context.Context, req *authorizationRequest) error {
	form := req.form
	asked := strings.Fields(form.Get("prompt"))
	for _, prompt := range asked {
		if !slices.Contains(prompts, prompt) {
			return fosite.ErrInvalidRequest.WithHintf("prompt %q is not one of %s.", prompt, strings.Join(prompts, ", "))
		}
		if prompt == "none" && len(asked) > 1 {
			return fosite.ErrInvalidRequest.WithHint("prompt none can't stand beside another value.")
		}
	}
	if text := form.Get("max_age"); text != "" {
		age, err := strconv.ParseInt(text, 10, 32)
		if err != nil || age < 0 {
			return fosite.ErrInvalidRequest.WithHintf("max_age %q must be a number of seconds, 0 or more.", text)
		}
		req.maxAge = age
	}
	if len(form.Get("nonce")) > 512 {
		return fosite.ErrInvalidRequest.WithHint("nonce is longer than 512 characters.")
	}
	if text := form.Get("claims"); text != "" {
		if err := req.parseClaims([]byte(text)); err != nil {
			return err
		}
	}
	req.loginHint = form.Get("login_hint")
	req.organization = organizations.ID(form.Get("organization_id"))
	if hint := form.Get("id_token_hint"); hint != "" {
		claims, err := p.hint(ctx, hint)
		if err != nil {
			return fosite.ErrInvalidRequest.WithHint("id_token_hint is not an ID token that was issued here.")
		}
		if claims.Audience != req.application.ClientID {
			return fosite.ErrInvalidRequest.WithHint("id_token_hint was issued to another client.")
		}
		if req.hintedSubject != "" && req.hintedSubject != identity.ID(claims.Subject) {
			return fosite.ErrInvalidRequest.WithHint("id_token_hint and claims name different End-Users.")
		}
		req.hintedSubject = identity.ID(claims.Subject)
	}
	return nil
}

// parseClaims reads the claims request (OIDC Core §5.5) and keeps of it the claims of scopes that the client was given. Who
// allows the scopes allows the claims.
func (req *authorizationRequest) parseClaims(text []byte) error {
	asked, err := identity.ParseClaimsRequest(text)
	if err != nil {
		return fosite.ErrInvalidRequest.WithHintf("%s: %s", fault.Of(err).Field, fault.Of(err).Message)
	}
	if subject, ok := asked.IDToken["sub"].Value.(string); ok {
		req.hintedSubject = identity.ID(subject) // OIDC Core §3.1.2.2: nobody else may be the answer
	}
	if acr := asked.IDToken["acr"]; acr.Essential && !attainable(acr) {
		return errUnmet
	}
	asked = asked.Within(req.application.Scopes)
	for _, scope := range asked.Scopes() {
		if !slices.Contains(req.toAllow, scope) {
			req.toAllow = append(req.toAllow, scope)
		}
	}
	if len(asked.UserInfo)+len(asked.IDToken) > 0 {
		req.claims, err = json.Marshal(asked)
	}
	return err
}

// acrValues are the classes of authentication that there are (OIDC Core §2).
var acrValues = []string{sessions.ACRPassword}

// attainable reports whether any class of authentication is what is asked for.
func attainable(acr identity.RequestedClaim) bool {
	return acr.Value == nil && acr.Values == nil ||
		slices.ContainsFunc(acrValues, func(value string) bool { return acr.Value == value || slices.Contains(acr.Values, any(value)) })
}

// errUnmet refuses an essential acr that no authentication here has (OpenID Connect Core Error Code
// unmet_authentication_requirements 1.0). One that is asked for by acr_values is voluntary: the ID token says which it became.
var errUnmet = &fosite.RFC6749Error{
	ErrorField: "unmet_authentication_requirements", CodeField: 400,
	DescriptionField: "None of the values that the claims parameter demands for acr can be met. Discovery has those that can, in acr_values_supported.",
}

// hintClaims are the claims of an id_token_hint that we look at.
type hintClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Session  string `json:"sid"`
}

var errHint = errors.New("not an ID token of this issuer")

// hint reads an ID token that was issued here, also one that has expired or whose key was retired (OIDC Core §3.1.2.1).
func (p *Provider) hint(ctx context.Context, token string) (*hintClaims, error) {
	payload, header, err := p.Keys.VerifyHint(ctx, environments.FromContext(ctx).ID, token)
	if err != nil {
		return nil, err
	}
	var c hintClaims
	if err := json.Unmarshal(payload, &c); err != nil || header.Type == accessTokenType || c.Subject == "" || c.Audience == "" || c.Issuer != p.issuer(ctx) {
		return nil, errHint
	}
	return &c, nil
}

// forFosite is the request as fosite is to see it: what has been decided already is left out, as its own rules for it are
// other ones.
func (req *authorizationRequest) forFosite() url.Values {
	form := url.Values{
		"client_id": {req.application.ClientID}, "redirect_uri": {req.redirectURI}, "response_type": {"code"},
		"scope": {strings.Join(req.scopes, " ")}, "state": {"-"}, "audience": req.audience,
	}
	set(form, "code_challenge", req.form.Get("code_challenge"))
	set(form, "code_challenge_method", req.form.Get("code_challenge_method"))
	set(form, "nonce", req.form.Get("nonce"))
	return form
}
