package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"

	"github.com/portico-id/portico/fault"
)

// Limits of a claims request.
const (
	maxClaimsRequest = 8 << 10 // bytes
	maxClaimsDepth   = 6       // of objects and arrays
)

// ClaimsRequest is the value of the parameter claims (OIDC Core §5.5): claims by name, for each target. It marshals to what
// ParseClaimsRequest reads. The zero value asks for nothing.
type ClaimsRequest struct {
	UserInfo map[string]RequestedClaim `json:"userinfo,omitempty"`
	IDToken  map[string]RequestedClaim `json:"id_token,omitempty"`
}

// RequestedClaim says how a claim is requested (OIDC Core §5.5.1). The zero value asks for it as a voluntary claim.
type RequestedClaim struct {
	Essential bool  `json:"essential,omitempty"`
	Value     any   `json:"value,omitempty"`  // the one wanted, as encoding/json decodes it; nil for any
	Values    []any `json:"values,omitempty"` // those wanted, in order of preference; nil for any
}

// ParseClaimsRequest reads the parameter claims. Members and claims that nobody here knows are read and mean nothing. The error
// is a *fault.Error that blames the field, such as "claims/userinfo/name/essential".
func ParseClaimsRequest(data []byte) (ClaimsRequest, error) {
	var request ClaimsRequest
	if len(data) > maxClaimsRequest {
		return request, fault.Invalidf("claims", "Use at most %d bytes.", maxClaimsRequest)
	}
	if err := checkDepth(data); err != nil {
		return request, fault.Invalidf("claims", "Use a JSON object that is nested at most %d deep.", maxClaimsDepth).WithCause(err)
	}
	members, err := object("claims", data)
	if err != nil {
		return request, err
	}
	if request.UserInfo, err = requestedClaims("claims/userinfo", members["userinfo"]); err != nil {
		return ClaimsRequest{}, err
	}
	if request.IDToken, err = requestedClaims("claims/id_token", members["id_token"]); err != nil {
		return ClaimsRequest{}, err
	}
	return request, nil
}

func requestedClaims(field string, data []byte) (map[string]RequestedClaim, error) {
	if absent(data) {
		return nil, nil
	}
	members, err := object(field, data)
	if err != nil {
		return nil, err
	}
	requested := make(map[string]RequestedClaim, len(members))
	for name, data := range members {
		claim, err := requestedClaim(fieldOf(field, name), data)
		if err != nil {
			return nil, err
		}
		requested[name] = claim
	}
	return requested, nil
}

// fieldOf names the claim at fault, unless its name is nothing to print.
func fieldOf(field, name string) string {
	if !claimName.MatchString(name) {
		return field
	}
	return field + "/" + name
}

var claimName = regexp.MustCompile(`^[a-z_]{1,40}$`)

func requestedClaim(field string, data []byte) (RequestedClaim, error) {
	var claim RequestedClaim
	if absent(data) {
		return claim, nil // "requested in the default manner"
	}
	members, err := object(field, data)
	if err != nil {
		return claim, err
	}
	if m := members["essential"]; !absent(m) && json.Unmarshal(m, &claim.Essential) != nil {
		return claim, fault.Invalidf(field+"/essential", "Use true or false.")
	}
	if m := members["values"]; !absent(m) && json.Unmarshal(m, &claim.Values) != nil {
		return claim, fault.Invalidf(field+"/values", "Use an array.")
	}
	if m := members["value"]; !absent(m) {
		err = json.Unmarshal(m, &claim.Value)
	}
	return claim, err
}

func object(field string, data []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return nil, fault.Invalidf(field, "Use a JSON object.").WithCause(err)
	}
	return members, nil
}

func absent(data []byte) bool { return len(data) == 0 || string(data) == "null" }

func checkDepth(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	for depth := 0; ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > maxClaimsDepth {
				return errors.New("nested too deep")
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
}

// Scopes returns the scopes whose claims are requested, in the order of SupportedScopes: who consents to them consents to
// the request.
func (r ClaimsRequest) Scopes() []string {
	wanted := map[string]bool{}
	for i := range standardClaims {
		_, fromUserInfo := r.UserInfo[standardClaims[i].name]
		_, inIDToken := r.IDToken[standardClaims[i].name]
		if fromUserInfo || inIDToken {
			wanted[standardClaims[i].scope] = true
		}
	}
	return slices.DeleteFunc(SupportedScopes(), func(scope string) bool { return !wanted[scope] })
}

// Within returns the request without the claims of other scopes.
func (r ClaimsRequest) Within(scopes []string) ClaimsRequest {
	r.UserInfo, r.IDToken = maps.Clone(r.UserInfo), maps.Clone(r.IDToken)
	for i := range standardClaims {
		if c := &standardClaims[i]; !slices.Contains(scopes, c.scope) {
			delete(r.UserInfo, c.name)
			delete(r.IDToken, c.name)
		}
	}
	return r
}

// allows reports whether a value of ours is one that was asked for.
func (c RequestedClaim) allows(value any) bool {
	if c.Value == nil && c.Values == nil {
		return true
	}
	if n, ok := value.(int64); ok {
		value = float64(n)
	}
	if a, ok := value.(Address); ok {
		value = a.object()
	}
	return (c.Value != nil && reflect.DeepEqual(c.Value, value)) ||
		slices.ContainsFunc(c.Values, func(v any) bool { return reflect.DeepEqual(v, value) })
}

// object is the address as encoding/json decodes it.
func (a Address) object() map[string]any {
	o := map[string]any{
		"formatted": a.Formatted, "street_address": a.StreetAddress, "locality": a.Locality,
		"region": a.Region, "postal_code": a.PostalCode, "country": a.Country,
	}
	maps.DeleteFunc(o, func(_ string, v any) bool { return v == "" })
	return o
}
