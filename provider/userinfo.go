package provider

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
)

// userinfo serves GET and POST /userinfo (OIDC Core §5.3). The access token comes in the Authorization header, or in the
// body of a POST (RFC 6750 §2.1, §2.2); never in the address, where logs would keep it.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	token, refused := bearer(r)
	if refused != nil {
		p.shareRefusal(w, r)
		p.writeBearerError(w, r, *refused)
		return
	}
	t, err := p.open(r.Context(), token, p.Ledger.Store.State)
	if errors.Is(err, errDead) {
		p.shareRefusal(w, r)
		p.writeBearerError(w, r, bearerError{http.StatusUnauthorized, "invalid_token", "The access token is unknown, expired, revoked, or its session has ended."})
		return
	}
	if err != nil {
		p.writeError(w, r, err)
		return
	}
	share(w, r, t.application)
	if t.state == nil || !slices.Contains(t.scopes, "openid") {
		p.writeBearerError(w, r, bearerError{http.StatusForbidden, "insufficient_scope", "The access token was not granted the scope openid."})
		return
	}
	p.used(t)
	claims, err := userInfoClaims(t.application, t.state, t.scopes)
	if err != nil {
		p.writeError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, claims)
}

// userInfoClaims are what the endpoint answers to a token of the state with the scopes.
func userInfoClaims(app *clients.Application, state *grants.State, scopes []string) (map[string]any, error) {
	request, err := requestedClaims(&state.Grant)
	if err != nil {
		return nil, err
	}
	claims := identity.Claims(&state.User, scopes, request, identity.UserInfo)
	claims["sub"] = string(state.Grant.User)
	organizationOf(state).addTo(claims)
	return claims, addMore(claims, app, state, clients.UserInfoClaims)
}

// bearerError is a refusal by RFC 6750 §3.
type bearerError struct {
	status int
	code   string // "" if the request brought no token at all
	text   string
}

func bearer(r *http.Request) (string, *bearerError) {
	var inHeader, inBody string
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		inHeader = strings.TrimSpace(token)
		if !strings.EqualFold(scheme, "Bearer") {
			return "", &bearerError{status: http.StatusUnauthorized} // RFC 6750 §3.1: no word to who doesn't know of bearer tokens
		}
		if inHeader == "" {
			return "", &bearerError{http.StatusBadRequest, "invalid_request", "The Authorization header has no access token."}
		}
	}
	if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), formEncoded) {
		form, err := readForm(r)
		if err != nil {
			return "", &bearerError{http.StatusBadRequest, "invalid_request", "The body is not properly form-encoded."}
		}
		inBody = form.Get("access_token")
	}
	switch {
	case inHeader != "" && inBody != "":
		return "", &bearerError{http.StatusBadRequest, "invalid_request", "The request brings two access tokens. Send one."}
	case inHeader == "" && inBody == "":
		return "", &bearerError{status: http.StatusUnauthorized}
	}
	return inHeader + inBody, nil
}

func (p *Provider) writeBearerError(w http.ResponseWriter, r *http.Request, e bearerError) {
	challenge := `Bearer realm="` + p.issuer(r.Context()) + `"`
	if e.code != "" {
		challenge += `, error="` + e.code + `", error_description="` + e.text + `"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	p.Log.InfoContext(r.Context(), "refused", "oauth_error", e.code)
	if e.code == "" {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(e.status)
		return
	}
	writeJSON(w, e.status, errorReply{Error: e.code, Description: e.text})
}
