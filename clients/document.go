package clients

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

// Document is what people set of an application, as JSON: that of the management API, of the command line and of the
// record of events. Absent means the zero value. The doc tags are for the reference of the API.
type Document struct {
	ClientID    string `json:"client_id" maxLength:"128" doc:"The client ID of the protocol. Made up if not given; it can't be changed later."`
	Name        string `json:"name" minLength:"1" maxLength:"100" doc:"What people call it, in 1 to 100 characters."`
	Kind        Kind   `json:"kind" enum:"web,spa,native,machine,device,api" doc:"A safe preset of every other field: web keeps a secret on a server, spa runs in a browser, native on a phone or desktop, machine has no user, device is a TV or a command line, api is a resource server."`
	Enabled     bool   `json:"enabled" doc:"Whether it can be used. To disable an application ends its sessions and refuses its credentials."`
	Description string `json:"description" maxLength:"1000" doc:"For other operators, in up to 1000 characters."`

	LogoURI     string `json:"logo_uri" maxLength:"2000" doc:"An image."`
	HomepageURI string `json:"homepage_uri" maxLength:"2000" doc:"Where people find it."`
	PolicyURI   string `json:"policy_uri" maxLength:"2000" doc:"Its privacy policy."`
	TOSURI      string `json:"tos_uri" maxLength:"2000" doc:"Its terms of service."`

	RedirectURIs                      []string `json:"redirect_uris" maxItems:"100" doc:"Where a sign-in may end, compared as strings; any port of http://127.0.0.1 and http://[::1] matches for native and device. The first is the default."`
	PostLogoutRedirectURIs            []string `json:"post_logout_redirect_uris" maxItems:"100" doc:"Where a sign-out may end. The first is the default."`
	ExplicitPostLogoutRedirect        bool     `json:"explicit_post_logout_redirect" doc:"Let a sign-out that names no address end on our page, rather than at the first (OpenID Connect RP-Initiated Logout 1.0, section 3)."`
	WildcardRedirects                 bool     `json:"wildcard_redirects" doc:"Allow one star in the leftmost label of an https redirect URI."`
	InitiateLoginURI                  string   `json:"initiate_login_uri" maxLength:"2000" doc:"Where a sign-in begins that no request of the application caused (OpenID Connect Core 1.0, section 4)."`
	InvitationURI                     string   `json:"invitation_uri" maxLength:"2000" doc:"Where the links of its invitations lead."`
	PasswordResetURI                  string   `json:"password_reset_uri" maxLength:"2000" doc:"Where the links of its password resets lead."`
	BackchannelLogoutURI              string   `json:"backchannel_logout_uri" maxLength:"2000" doc:"What is told of a sign-out by Portico."`
	BackchannelLogoutSessionRequired  bool     `json:"backchannel_logout_session_required" doc:"Whether it needs the sid."`
	FrontchannelLogoutURI             string   `json:"frontchannel_logout_uri" maxLength:"2000" doc:"What is told of a sign-out in the browser."`
	FrontchannelLogoutSessionRequired bool     `json:"frontchannel_logout_session_required" doc:"Whether it needs the sid."`
	CORSOrigins                       []string `json:"cors_origins" maxItems:"100" doc:"Origins whose scripts may call the token, userinfo and revocation endpoints."`

	GrantTypes    []string `json:"grant_types" maxItems:"5" doc:"authorization_code, refresh_token, client_credentials, implicit and urn:ietf:params:oauth:grant-type:device_code."`
	ResponseTypes []string `json:"response_types" maxItems:"6" doc:"The response types that it may ask for, such as code."`
	Scopes        []string `json:"scopes" maxItems:"200" doc:"The scopes that it may ask for; of an api those that it defines."`
	Audiences     []string `json:"audiences" maxItems:"100" doc:"Identifiers of the resource servers that it may ask for."`
	Identifiers   []string `json:"identifiers" maxItems:"20" doc:"Of an api: the aud of tokens for it."`

	AccessTokenFormat        AccessTokenFormat `json:"access_token_format" enum:"opaque,jwt" doc:"opaque is to be introspected, jwt is RFC 9068."`
	IDTokenSignedResponseAlg string            `json:"id_token_signed_response_alg" enum:"RS256,PS256,ES256,EdDSA" doc:"The algorithm of its ID tokens."`
	TokenEndpointAuthMethod  AuthMethod        `json:"token_endpoint_auth_method" enum:"client_secret_basic,client_secret_post,client_secret_jwt,private_key_jwt,none" doc:"How it authenticates; none is a public client. client_secret_jwt takes only secrets that were made after it was chosen; private_key_jwt needs jwks or jwks_uri."`
	JWKS                     json.RawMessage   `json:"jwks,omitempty" doc:"Its public keys as a JWK Set (RFC 7517, section 5), up to 20 in 64 KB. Not with jwks_uri."`
	JWKSURI                  string            `json:"jwks_uri" maxLength:"2000" doc:"Where its public keys are."`
	RequirePAR               bool              `json:"require_par" doc:"Take pushed authorization requests alone (RFC 9126), which are not there yet: false alone is taken."`
	RequireDPoP              bool              `json:"require_dpop" doc:"Bind tokens to a key of the client (RFC 9449), which is not there yet: false alone is taken."`
	PKCE                     PKCE              `json:"pkce" enum:"required,optional" doc:"Whether a sign-in needs a code challenge. It is required of public clients."`
	Consent                  Consent           `json:"consent" enum:"first_party,third_party" doc:"first_party asks nobody, third_party asks for each scope once."`
	IntrospectsUnaddressed   bool              `json:"introspects_unaddressed" doc:"Of an api: whether it may introspect tokens that are addressed to no api."`

	SessionPolicy   PolicyDocument          `json:"session_policy" doc:"The clocks of its sessions and tokens."`
	SignInMethods   []string                `json:"sign_in_methods" maxItems:"20" doc:"The ways to sign in that it offers; none is all of the environment."`
	ACR             string                  `json:"acr" maxLength:"128" doc:"The class of authentication that it asks for."`
	Allowed         AllowedDocument         `json:"allowed" doc:"Who may use it; everyone if nothing is listed."`
	Branding        BrandingDocument        `json:"branding" doc:"How its hosted pages look; what is empty is inherited from the environment."`
	ClaimsTemplates ClaimsTemplatesDocument `json:"claims_templates" doc:"More claims for what is said of its users: each an object of up to 3 KB with placeholders such as {{ user.email }}. One that stands alone keeps its type, and what a user doesn't have is left out."`
	Metadata        map[string]string       `json:"metadata" doc:"For your own use: up to 50 keys of 64 characters with values of 500."`
}

// PolicyDocument is a SessionPolicy with durations in seconds, and without what is retired.
type PolicyDocument struct {
	AccessTokenLifetime       int64    `json:"access_token_lifetime" minimum:"60" maximum:"86400" doc:"Seconds from each issue, from 60 to 86400."`
	InactivityTimeout         int64    `json:"inactivity_timeout" minimum:"0" maximum:"34560000" doc:"Seconds from the last activity, 0 where there are no users, else from 300 (5 minutes) to 34560000 (400 days). Longer than the access token lives, not longer than the session."`
	MaxSessionLength          int64    `json:"max_session_length" minimum:"0" maximum:"315360000" doc:"Seconds from the sign-in, 0 where there are no users, else from 300 (5 minutes) to 315360000 (10 years). Nothing extends it."`
	IDTokenLifetime           int64    `json:"id_token_lifetime" minimum:"60" maximum:"86400" doc:"Seconds, from 60 to 86400."`
	AuthorizationCodeLifetime int64    `json:"authorization_code_lifetime" minimum:"10" maximum:"600" doc:"Seconds, from 10 to 600."`
	RefreshReuseWindow        int64    `json:"refresh_reuse_window" minimum:"0" maximum:"600" doc:"Seconds in which a used refresh token gives the same answer again, from 0 to 600."`
	Activity                  Activity `json:"activity" enum:"refresh,use" doc:"What keeps a session alive: refresh is a refresh alone, use also introspection and userinfo."`
}

// AllowedDocument is an Allowed whose lists are never null.
type AllowedDocument struct {
	Organizations []string `json:"organizations" maxItems:"200" doc:"IDs of organizations whose members may."`
	Roles         []string `json:"roles" maxItems:"200" doc:"Roles whose holders may."`
	Users         []string `json:"users" maxItems:"200" doc:"IDs of users who may."`
}

// BrandingDocument is a Branding with all its fields.
type BrandingDocument struct {
	LogoURI     string `json:"logo_uri" maxLength:"2000" doc:"An image for light pages."`
	DarkLogoURI string `json:"dark_logo_uri" maxLength:"2000" doc:"An image for dark pages."`
	Accent      string `json:"accent" pattern:"^(#[0-9A-Fa-f]{6})?$" doc:"The colour of buttons and links, such as #3f4fd1."`
	HelpURI     string `json:"help_uri" maxLength:"2000" doc:"Where people find help."`
}

// Reply is what is told of an application.
type Reply struct {
	ID           ID     `json:"id" doc:"app_…"`
	ClientID     string `json:"client_id" doc:"The client ID of the protocol."` // in the place of the one below, so that it is found at the top
	ClientSecret string `json:"client_secret,omitempty" doc:"The secret of an application that was just made, if it authenticates by one. It is shown this once."`
	Default      bool   `json:"default" doc:"Whether it is the default application of its environment."`
	Document
	ManagedBy environments.Manager `json:"managed_by" doc:"apply if a file of portico apply declares it, which then undoes what is changed here; else empty."`
	CreatedAt time.Time            `json:"created_at"`
	UpdatedAt time.Time            `json:"updated_at"`
}

// Reply returns what is told of the application; isDefault says whether it is that of its environment.
func (a *Application) Reply(isDefault bool) Reply {
	return Reply{ID: a.ID, ClientID: a.ClientID, Default: isDefault, Document: a.Document(), ManagedBy: a.ManagedBy, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt}
}

// Document returns what people set of the application. It may share memory with a.
func (a *Application) Document() Document {
	metadata := a.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	return Document{
		ClientID: a.ClientID, Name: a.Name, Kind: a.Kind, Enabled: a.Enabled, Description: a.Description,
		LogoURI: a.LogoURI, HomepageURI: a.HomepageURI, PolicyURI: a.PolicyURI, TOSURI: a.TOSURI,
		RedirectURIs: notNull(a.RedirectURIs), PostLogoutRedirectURIs: notNull(a.PostLogoutRedirectURIs), WildcardRedirects: a.WildcardRedirects,
		ExplicitPostLogoutRedirect: a.ExplicitPostLogoutRedirect,
		InitiateLoginURI:           a.InitiateLoginURI, InvitationURI: a.InvitationURI, PasswordResetURI: a.PasswordResetURI,
		BackchannelLogoutURI: a.BackchannelLogoutURI, BackchannelLogoutSessionRequired: a.BackchannelLogoutSessionRequired,
		FrontchannelLogoutURI: a.FrontchannelLogoutURI, FrontchannelLogoutSessionRequired: a.FrontchannelLogoutSessionRequired,
		CORSOrigins: notNull(a.CORSOrigins),
		GrantTypes:  notNull(a.GrantTypes), ResponseTypes: notNull(a.ResponseTypes), Scopes: notNull(a.Scopes),
		Audiences: notNull(a.Audiences), Identifiers: notNull(a.Identifiers),
		AccessTokenFormat: a.AccessTokenFormat, IDTokenSignedResponseAlg: a.IDTokenSignedResponseAlg, TokenEndpointAuthMethod: a.TokenEndpointAuthMethod,
		JWKS: a.JWKS, JWKSURI: a.JWKSURI, RequirePAR: a.RequirePAR, RequireDPoP: a.RequireDPoP, PKCE: a.PKCE, Consent: a.Consent,
		IntrospectsUnaddressed: a.IntrospectsUnaddressed,
		SessionPolicy:          a.SessionPolicy.document(), SignInMethods: notNull(a.SignInMethods), ACR: a.ACR,
		Allowed:         AllowedDocument{notNull(a.Allowed.Organizations), notNull(a.Allowed.Roles), notNull(a.Allowed.Users)},
		Branding:        BrandingDocument(a.Branding),
		ClaimsTemplates: a.ClaimsTemplates.document(), Metadata: metadata,
	}
}

func notNull(values []string) []string {
	if values == nil {
		return []string{}
	}
	return values
}

// orNil makes of an empty list none, as an application has it.
func orNil(values []string) []string {
	if len(values) == 0 {
		return nil
	}
	return values
}

func (p *SessionPolicy) document() PolicyDocument {
	return PolicyDocument{
		AccessTokenLifetime: int64(p.AccessTokenLifetime / time.Second), InactivityTimeout: int64(p.InactivityTimeout / time.Second),
		MaxSessionLength: int64(p.MaxSessionLength / time.Second), IDTokenLifetime: int64(p.IDTokenLifetime / time.Second),
		AuthorizationCodeLifetime: int64(p.AuthorizationCodeLifetime / time.Second), RefreshReuseWindow: int64(p.RefreshReuseWindow / time.Second),
		Activity: p.Activity,
	}
}

// apply sets everything of the application that the document speaks of. It returns a fault.Invalid for each clock that no
// duration can hold, and each mistake in a template.
func (d *Document) apply(a *Application) error {
	var m mistakes
	p := &d.SessionPolicy
	policy := SessionPolicy{Activity: p.Activity, Retired: a.SessionPolicy.Retired}
	for _, clock := range []struct {
		name    string
		seconds int64
		to      *time.Duration
	}{
		{"access_token_lifetime", p.AccessTokenLifetime, &policy.AccessTokenLifetime},
		{"inactivity_timeout", p.InactivityTimeout, &policy.InactivityTimeout},
		{"max_session_length", p.MaxSessionLength, &policy.MaxSessionLength},
		{"id_token_lifetime", p.IDTokenLifetime, &policy.IDTokenLifetime},
		{"authorization_code_lifetime", p.AuthorizationCodeLifetime, &policy.AuthorizationCodeLifetime},
		{"refresh_reuse_window", p.RefreshReuseWindow, &policy.RefreshReuseWindow},
	} {
		*clock.to = time.Duration(clock.seconds) * time.Second
		if int64(*clock.to/time.Second) != clock.seconds {
			m.add("session_policy/"+clock.name, "%s has %d seconds, which is out of range", clock.name, clock.seconds)
		}
	}
	templates, err := d.ClaimsTemplates.Parse()
	if err := errors.Join(m.err(), err); err != nil {
		return err
	}
	a.ClientID, a.Name, a.Kind, a.Enabled, a.Description = d.ClientID, d.Name, d.Kind, d.Enabled, d.Description
	a.LogoURI, a.HomepageURI, a.PolicyURI, a.TOSURI = d.LogoURI, d.HomepageURI, d.PolicyURI, d.TOSURI
	a.RedirectURIs, a.PostLogoutRedirectURIs, a.WildcardRedirects = orNil(d.RedirectURIs), orNil(d.PostLogoutRedirectURIs), d.WildcardRedirects
	a.ExplicitPostLogoutRedirect = d.ExplicitPostLogoutRedirect
	a.InitiateLoginURI, a.InvitationURI, a.PasswordResetURI = d.InitiateLoginURI, d.InvitationURI, d.PasswordResetURI
	a.BackchannelLogoutURI, a.BackchannelLogoutSessionRequired = d.BackchannelLogoutURI, d.BackchannelLogoutSessionRequired
	a.FrontchannelLogoutURI, a.FrontchannelLogoutSessionRequired = d.FrontchannelLogoutURI, d.FrontchannelLogoutSessionRequired
	a.CORSOrigins = orNil(d.CORSOrigins)
	a.GrantTypes, a.ResponseTypes, a.Scopes, a.Audiences, a.Identifiers = orNil(d.GrantTypes), orNil(d.ResponseTypes), orNil(d.Scopes), orNil(d.Audiences), orNil(d.Identifiers)
	a.AccessTokenFormat, a.IDTokenSignedResponseAlg, a.TokenEndpointAuthMethod = d.AccessTokenFormat, d.IDTokenSignedResponseAlg, d.TokenEndpointAuthMethod
	a.JWKS, a.JWKSURI, a.RequirePAR, a.RequireDPoP, a.PKCE, a.Consent = d.JWKS, d.JWKSURI, d.RequirePAR, d.RequireDPoP, d.PKCE, d.Consent
	a.IntrospectsUnaddressed = d.IntrospectsUnaddressed
	a.SessionPolicy, a.SignInMethods, a.ACR = policy, orNil(d.SignInMethods), d.ACR
	a.Allowed = Allowed{orNil(d.Allowed.Organizations), orNil(d.Allowed.Roles), orNil(d.Allowed.Users)}
	a.Branding = Branding(d.Branding)
	a.ClaimsTemplates, a.Metadata = templates, d.Metadata
	if len(a.Metadata) == 0 {
		a.Metadata = nil
	}
	return nil
}

// Patch is a JSON merge patch (RFC 7396) of a Document, with its numbers as json.Number.
type Patch map[string]any

// UnmarshalJSON reads one JSON object and keeps its numbers as they are.
func (p *Patch) UnmarshalJSON(text []byte) error {
	var object map[string]any
	if err := decode(text, &object); err != nil {
		return err
	}
	if object == nil {
		return errors.New("it must be a JSON object")
	}
	*p = object
	return nil
}

// New returns what Registry.Create needs to make of the patches, one over the other, a new application: what they don't
// speak of is as the preset of the kind has it. Errors: fault.Invalid that names the field.
func (p Patch) New(more ...Patch) (New, error) {
	all := append([]Patch{p}, more...)
	wanted, err := Document{}.patched(all...)
	if err != nil {
		return New{}, err
	}
	return New{
		Kind: wanted.Kind, Name: wanted.Name, ClientID: wanted.ClientID,
		Configure: func(a *Application) error { return p.Apply(a, more...) },
	}, nil
}

// Apply changes the application by the patches, one over the other. Errors: fault.Invalid, one for each mistake.
func (p Patch) Apply(a *Application, more ...Patch) error {
	next, err := a.Document().patched(append([]Patch{p}, more...)...)
	if err != nil {
		return err
	}
	return next.apply(a)
}

// Merge changes what document points to, which is an object in JSON, by the patch.
func (p Patch) Merge(document any) error {
	text, err := json.Marshal(document)
	if err != nil {
		return err
	}
	var object map[string]any
	if err := decode(text, &object); err != nil {
		return err
	}
	if text, err = json.Marshal(merge(object, p)); err != nil {
		return err
	}
	fresh := reflect.New(reflect.TypeOf(document).Elem()) // what the patch takes away is not left from before
	if err := json.Unmarshal(text, fresh.Interface()); err != nil {
		return fault.Invalidf("", "the patch doesn't fit: %v", err)
	}
	reflect.ValueOf(document).Elem().Set(fresh.Elem())
	return nil
}

func (d Document) patched(changes ...Patch) (*Document, error) {
	merged, err := d.object()
	if err != nil {
		return nil, err
	}
	for _, change := range changes {
		merged = merge(merged, change)
	}
	object := json.RawMessage(`{}`)
	known, err := Document{JWKS: object, ClaimsTemplates: ClaimsTemplatesDocument{object, object, object}, Metadata: map[string]string{}}.object()
	if err != nil {
		return nil, err
	}
	var m mistakes
	m.strangers("", merged, known)
	if err := m.err(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(merged)
	if err != nil {
		return nil, err
	}
	next := &Document{}
	if err := decode(text, next); err != nil {
		return nil, misfit(err)
	}
	return next, nil
}

func (d Document) object() (object map[string]any, err error) {
	text, err := json.Marshal(d)
	if err == nil {
		err = decode(text, &object)
	}
	return object, err
}

// given are the fields of a Reply that nobody sets.
var given = []string{"id", "client_secret", "default", "managed_by", "created_at", "updated_at"}

// strangers finds the names that an object has and a known one hasn't, to the letter. An object of which nothing is known
// may have any.
func (m *mistakes) strangers(at string, object, known map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		field := at + name
		of, ok := known[name]
		switch {
		case !ok && slices.Contains(given, field):
			m.add(field, "%s is given by Portico: leave it out", name)
		case !ok:
			m.add(field, "an application has no field %s", quote(field))
		default:
			below, _ := object[name].(map[string]any)
			if of, _ := of.(map[string]any); len(of) > 0 {
				m.strangers(field+"/", below, of)
			}
		}
	}
}

// merge is MergePatch of RFC 7396 §2.
func merge(target any, change map[string]any) map[string]any {
	merged, ok := target.(map[string]any)
	if !ok {
		merged = map[string]any{}
	}
	for name, value := range change {
		switch v := value.(type) {
		case nil:
			delete(merged, name)
		case map[string]any:
			merged[name] = merge(merged[name], v)
		default:
			merged[name] = v
		}
	}
	return merged
}

// decode reads one JSON value and keeps its numbers as they are.
func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows it")
	}
	return nil
}

// misfit makes a fault of an error of encoding/json.
func misfit(err error) error {
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		field := strings.ReplaceAll(wrong.Field, ".", "/")
		return fault.Invalidf(field, "%s must be %s, not %s", lastOf(field), kindOfJSON(wrong.Type), wrong.Value)
	}
	return fault.Invalidf("", "this is no application: %v", err)
}

// kindOfJSON names what JSON a Go type is read from.
func kindOfJSON(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	}
	return "a text"
}
