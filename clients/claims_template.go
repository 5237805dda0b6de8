package clients

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/portico-id/portico/fault"
)

// ClaimsTemplates are the claims that an application gets beyond those of the protocol. Each is nil for none.
type ClaimsTemplates struct {
	IDToken     *ClaimsTemplate `json:"id_token,omitempty"`
	AccessToken *ClaimsTemplate `json:"access_token,omitempty"` // in a JWT, and in the answer of introspection for either format
	UserInfo    *ClaimsTemplate `json:"userinfo,omitempty"`
}

// ClaimsTemplate is a JSON object in whose texts stand placeholders such as {{ user.email }}, ready to be filled in. It never
// changes. In JSON it is the object.
type ClaimsTemplate struct {
	text   json.RawMessage
	claims map[string]any // as encoding/json has it, with json.Number, but a phrase for each text with placeholders
}

// maxTemplate is the most bytes that a template, or the claims that it makes, may have as JSON.
const maxTemplate = 3 << 10

// phrase is a text with placeholders, in pieces.
type phrase []piece

// piece is a placeholder if it has a name, and else a text.
type piece struct{ text, name string }

// placeholders says of each whether it makes a list or an object. Metadata of an organization and of the application has texts
// under keys of their own.
var placeholders = map[string]bool{
	"user.id": false, "user.email": false, "user.email_verified": false, "user.name": false, "user.given_name": false, "user.family_name": false,
	"user.middle_name": false, "user.nickname": false, "user.preferred_username": false, "user.profile": false, "user.picture": false,
	"user.website": false, "user.gender": false, "user.birthdate": false, "user.zoneinfo": false, "user.locale": false,
	"user.phone_number": false, "user.phone_number_verified": false, "user.address": true, "user.updated_at": false,
	"organization.id": false, "organization.name": false, "organization.slug": false, "organization.metadata": true,
	"membership.roles": true, "membership.permissions": true,
	"application.id": false, "application.client_id": false, "application.name": false, "application.kind": false, "application.metadata": true,
}

// The placeholders that are followed by a key of metadata.
const (
	OrganizationMetadata = "organization.metadata."
	ApplicationMetadata  = "application.metadata."
)

// Placeholders lists what may stand between braces, in order; after OrganizationMetadata and ApplicationMetadata any key may.
func Placeholders() []string { return slices.Sorted(maps.Keys(placeholders)) }

// lookUp reports whether there is the placeholder, and whether it makes a list or an object.
func lookUp(name string) (known, structured bool) {
	for _, prefix := range []string{OrganizationMetadata, ApplicationMetadata} {
		if key, ok := strings.CutPrefix(name, prefix); ok {
			return key != "", false
		}
	}
	structured, known = placeholders[name]
	return known, structured
}

// reservedClaims mean something that a template may not speak for, in any case of their letters: encoding/json, of ours as of
// resource servers, takes Sub for sub, and the later of both.
var reservedClaims = []string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "auth_time", "nonce", "acr", "amr", "azp", "sid", "at_hash", "c_hash", "s_hash",
	"events", "act", "may_act", "cnf", "client_id", "scope", "active", "token_type", "token_use", "username", "grant_id", "org_id", "roles",
	"permissions", "_claim_names", "_claim_sources",
}

func reserved(claim string) bool {
	return slices.ContainsFunc(reservedClaims, func(name string) bool { return strings.EqualFold(name, claim) })
}

// ParseClaimsTemplate reads a template. Errors: fault.Invalid, one for each mistake, which begins its field with the given one.
func ParseClaimsTemplate(field string, source []byte) (*ClaimsTemplate, error) {
	var m mistakes
	t := &ClaimsTemplate{}
	if err := decode(source, &t.claims); err != nil || t.claims == nil {
		m.add(field, "%s must be a JSON object", lastOf(field))
		return nil, m.err()
	}
	var err error
	if t.text, err = json.Marshal(t.claims); err != nil {
		return nil, err
	}
	if len(t.text) > maxTemplate {
		m.add(field, "%s has %d bytes: %d is the most", lastOf(field), len(t.text), maxTemplate)
		return nil, m.err()
	}
	for _, name := range slices.Sorted(maps.Keys(t.claims)) {
		if reserved(name) {
			m.add(field+"/"+name, "the claim %s is reserved: choose another name", name)
		}
	}
	m.compile(field, t.claims)
	if err := m.err(); err != nil {
		return nil, err
	}
	return t, nil
}

// compile returns the value with phrases in the place of texts with placeholders. It changes objects and arrays in place.
func (m *mistakes) compile(field string, value any) any {
	switch v := value.(type) {
	case nil:
		m.add(field, "%s is null, which says nothing: leave it out", quote(lastOf(field)))
	case string:
		return m.phrase(field, v)
	case []any:
		for i := range v {
			v[i] = m.compile(fmt.Sprintf("%s/%d", field, i), v[i])
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if strings.Contains(name, "{{") {
				m.add(field+"/"+name, "the name %s has a placeholder: only values may", quote(name))
			}
			v[name] = m.compile(field+"/"+name, v[name])
		}
	}
	return value
}

// phrase takes a text apart; one without placeholders stays a string.
func (m *mistakes) phrase(field, source string) any {
	var p phrase
	for rest := source; ; {
		before, after, found := strings.Cut(rest, "{{")
		if before != "" {
			p = append(p, piece{text: before})
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(after, "}}")
		if !closed {
			m.add(field, "%s opens a placeholder by {{ and doesn't close it by }}", quote(source))
			return source
		}
		name = strings.TrimSpace(name)
		if known, _ := lookUp(name); !known {
			m.add(field, "there is no placeholder %s: use one of %s, or a key after %s or %s", quote(name), strings.Join(Placeholders(), ", "), OrganizationMetadata, ApplicationMetadata)
			return source
		}
		p = append(p, piece{name: name})
		rest = after
	}
	if !slices.ContainsFunc(p, func(one piece) bool { return one.name != "" }) {
		return source
	}
	for _, one := range p {
		if _, structured := lookUp(one.name); structured && len(p) > 1 {
			m.add(field, "%s is a list or an object, which no text can have in it: let the placeholder stand alone", one.name)
		}
	}
	return p
}

// fill returns the claims, with what value says of each placeholder; nil is nothing. A text that needs a placeholder of
// which nothing is known is left out of its object or array. The map is the caller's own.
func (t *ClaimsTemplate) fill(value func(name string) any) map[string]any {
	return filled(t.claims, value).(map[string]any)
}

func filled(node any, value func(name string) any) any {
	switch v := node.(type) {
	case phrase:
		return v.fill(value)
	case []any:
		all := make([]any, 0, len(v))
		for _, one := range v {
			if one = filled(one, value); one != nil {
				all = append(all, one)
			}
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(v))
		for name, one := range v {
			if one = filled(one, value); one != nil {
				all[name] = one
			}
		}
		return all
	}
	return node
}

func (p phrase) fill(value func(name string) any) any {
	if len(p) == 1 {
		return value(p[0].name)
	}
	var b strings.Builder
	for _, one := range p {
		if one.name == "" {
			b.WriteString(one.text)
			continue
		}
		v := value(one.name)
		if v == nil {
			return nil
		}
		fmt.Fprint(&b, v)
	}
	return b.String()
}

// MarshalJSON writes the template as it was read, with its names in order.
func (t *ClaimsTemplate) MarshalJSON() ([]byte, error) { return t.text, nil }

// UnmarshalJSON reads what MarshalJSON wrote, but for claims that were reserved since.
func (t *ClaimsTemplate) UnmarshalJSON(source []byte) error {
	var claims map[string]any
	if err := decode(source, &claims); err != nil {
		return err
	}
	maps.DeleteFunc(claims, func(name string, _ any) bool { return reserved(name) })
	source, err := json.Marshal(claims)
	if err != nil {
		return err
	}
	read, err := ParseClaimsTemplate("claims_template", source)
	if err == nil {
		*t = *read
	}
	return err
}

// Source is the template as JSON; nil for a nil template.
func (t *ClaimsTemplate) Source() json.RawMessage {
	if t == nil {
		return nil
	}
	return t.text
}

// Equal reports whether both templates are the same, or both nil.
func (t *ClaimsTemplate) Equal(other *ClaimsTemplate) bool {
	return (t == nil) == (other == nil) && bytes.Equal(t.Source(), other.Source())
}

// TokenClaims says to what claims of a template go.
type TokenClaims string

// What has claims by a template, by the name that its template has in a Document.
const (
	IDTokenClaims     TokenClaims = "id_token"
	AccessTokenClaims TokenClaims = "access_token"
	UserInfoClaims    TokenClaims = "userinfo"
)

// Template returns the one for these claims; nil for none.
func (t *ClaimsTemplates) Template(of TokenClaims) *ClaimsTemplate {
	switch of {
	case IDTokenClaims:
		return t.IDToken
	case AccessTokenClaims:
		return t.AccessToken
	}
	return t.UserInfo
}

// Describe returns the claims that the application's template makes, where value knows the placeholders: it returns what
// encoding/json can write, and nil for what there isn't. Without a template it returns nil and doesn't call value. The error is
// *OversizedClaims.
func (a *Application) Describe(of TokenClaims, value func(name string) any) (map[string]any, error) {
	template := a.ClaimsTemplates.Template(of)
	if template == nil {
		return nil, nil
	}
	claims := template.fill(value)
	text, err := json.Marshal(claims)
	if err != nil {
		return nil, fmt.Errorf("write the claims of %s as JSON: %w", a.ID, err)
	}
	if len(text) > maxTemplate {
		return nil, &OversizedClaims{a.Name, of, len(text)}
	}
	return claims, nil
}

// OversizedClaims is the error for a template that makes more than 3 KB of claims for a user. To the management API it is a
// fault.Invalid.
type OversizedClaims struct {
	Application string // its name
	Claims      TokenClaims
	Bytes       int
}

func (e *OversizedClaims) Error() string {
	return fmt.Sprintf("The %s claims template of %s is over 3 KB: filled in for this user it has %d bytes, and %d is the most.", e.Claims, e.Application, e.Bytes, maxTemplate)
}

// Unwrap returns the fault.
func (e *OversizedClaims) Unwrap() error {
	return fault.Invalidf("claims_templates/"+string(e.Claims), "%s", e.Error())
}

// ClaimsTemplatesDocument is the JSON of ClaimsTemplates.
type ClaimsTemplatesDocument struct {
	IDToken     json.RawMessage `json:"id_token,omitempty" doc:"Of the ID token."`
	AccessToken json.RawMessage `json:"access_token,omitempty" doc:"Of the access token as a JWT, and of what introspection says of it."`
	UserInfo    json.RawMessage `json:"userinfo,omitempty" doc:"Of the answer of the userinfo endpoint."`
}

func (t *ClaimsTemplates) document() ClaimsTemplatesDocument {
	return ClaimsTemplatesDocument{t.IDToken.Source(), t.AccessToken.Source(), t.UserInfo.Source()}
}

// Parse reads the templates. Errors: fault.Invalid, one for each mistake, with fields such as claims_templates/id_token/plan.
func (d *ClaimsTemplatesDocument) Parse() (ClaimsTemplates, error) {
	var t ClaimsTemplates
	var mistakes []error
	for _, one := range []struct {
		of     TokenClaims
		source json.RawMessage
		to     **ClaimsTemplate
	}{{IDTokenClaims, d.IDToken, &t.IDToken}, {AccessTokenClaims, d.AccessToken, &t.AccessToken}, {UserInfoClaims, d.UserInfo, &t.UserInfo}} {
		if one.source == nil {
			continue
		}
		var err error
		if *one.to, err = ParseClaimsTemplate("claims_templates/"+string(one.of), one.source); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	return t, errors.Join(mistakes...)
}
