package clients

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

// messages are the field and the message of each fault in the tree of err.
func messages(err error) (lines []string) {
	switch e := err.(type) {
	case nil:
	case *fault.Error:
		lines = append(lines, e.Field+": "+e.Message)
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			lines = append(lines, messages(one)...)
		}
	case interface{ Unwrap() error }:
		lines = messages(e.Unwrap())
	default:
		lines = append(lines, "no fault: "+err.Error())
	}
	return lines
}

// acceptance 4: each kind has a preset that is right as it is, and no address of its own.
func TestPresets(t *testing.T) {
	type preset struct {
		Grants    string
		Responses string
		Auth      AuthMethod
		Clocks    string
		Scopes    string
	}
	const user = "openid profile email address phone offline_access"
	want := map[Kind]preset{
		Web:     {"authorization_code refresh_token", "code", AuthClientSecretBasic, "5 minutes, 3 days, 14 days", user},
		SPA:     {"authorization_code refresh_token", "code", AuthNone, "5 minutes, 24 hours, 7 days", user},
		Native:  {"authorization_code refresh_token", "code", AuthNone, "5 minutes, 60 days, 365 days", user},
		Machine: {"client_credentials", "", AuthClientSecretBasic, "1 hour, 0 seconds, 0 seconds", ""},
		Device:  {GrantDeviceCode + " refresh_token", "", AuthNone, "5 minutes, 60 days, 365 days", user},
		API:     {"", "", AuthClientSecretBasic, "5 minutes, 0 seconds, 0 seconds", ""},
	}
	for _, kind := range Kinds() {
		a := kind.Preset()
		p := &a.SessionPolicy
		got := preset{
			strings.Join(a.GrantTypes, " "), strings.Join(a.ResponseTypes, " "), a.TokenEndpointAuthMethod,
			strings.Join([]string{inWords(p.AccessTokenLifetime), inWords(p.InactivityTimeout), inWords(p.MaxSessionLength)}, ", "),
			strings.Join(a.Scopes, " "),
		}
		if diff := cmp.Diff(want[kind], got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
		if a.PKCE != PKCERequired || a.Consent != ConsentFirstParty || a.AccessTokenFormat != Opaque || !a.Enabled || len(a.RedirectURIs) > 0 {
			t.Errorf("%s.Preset() = %+v", kind, a)
		}
		a.ClientID, a.Name = "app", "App"
		if err := a.Validate(environments.Production); err != nil {
			t.Errorf("%s.Preset() doesn't validate: %v", kind, err)
		}
		a.Scopes = append(a.Scopes, "more")
		if b := kind.Preset(); slices.Contains(b.Scopes, "more") {
			t.Errorf("two presets of %s share memory", kind)
		}
	}
	if got := Kind("toaster").Preset(); got.Kind != "" {
		t.Errorf("a kind that doesn't exist has the preset %+v", got)
	}
}

func TestValidate(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	set := func(keys ...any) json.RawMessage {
		var s jose.JSONWebKeySet
		for i, key := range keys {
			s.Keys = append(s.Keys, jose.JSONWebKey{Key: key, KeyID: fmt.Sprint(i)})
		}
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	many := func(n int, form string) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf(form, i))
		}
		return all
	}
	for _, test := range []struct {
		name   string
		kind   Kind
		change func(*Application)
		want   []string
	}{
		{"name missing", Web, func(a *Application) { a.Name = "" }, []string{"name: name is empty: enter 1 to 100 characters"}},
		{"name of 100 characters", Web, func(a *Application) { a.Name = strings.Repeat("ü", 100) }, nil},
		{"name of 101", Web, func(a *Application) { a.Name = strings.Repeat("ü", 101) }, []string{"name: name has 101 characters: 1 to 100 are allowed"}},
		{"name with a space", Web, func(a *Application) { a.Name = "Acme " }, []string{`name: name "Acme " begins or ends with a space: remove it`}},
		{"name that turns", Web, func(a *Application) { a.Name = "Acme\u202egpj" }, []string{`name: name "Acme\u202egpj" has a control character: remove it`}},
		{"name in no encoding", Web, func(a *Application) { a.Name = "\xff" }, []string{"name: name isn't UTF-8"}},
		{"description", Web, func(a *Application) { a.Description = "Two\nlines" }, nil},
		{"long description", Web, func(a *Application) { a.Description = strings.Repeat("a", 1001) }, []string{"description: description has 1001 characters: 0 to 1000 are allowed"}},
		{"client ID", Web, func(a *Application) { a.ClientID = "a b" }, []string{`client_id: client_id "a b" must have 1 to 128 letters, digits or ._~:@/-`}},
		{"kind", Web, func(a *Application) { a.Kind = "toaster" }, []string{`kind: kind "toaster" must be one of web, spa, native, machine, device, api`}},

		{"what is not there yet", Web, func(a *Application) { a.RequirePAR, a.RequireDPoP = true, true }, []string{
			"require_par: require_par can't be true: there are no pushed authorization requests (RFC 9126) here yet",
			"require_dpop: require_dpop can't be true: tokens can't be bound to a key (RFC 9449) here yet",
		}},

		{"twice the same redirect", Web, func(a *Application) {
			a.RedirectURIs = []string{"https://a.example/", "https://b.example/", "https://a.example/"}
		}, []string{`redirect_uris/2: "https://a.example/" is also redirect_uris/0: remove one`}},
		{"100 redirects", Web, func(a *Application) { a.RedirectURIs = many(100, "https://app.example/%d") }, nil},
		{"101 redirects", Web, func(a *Application) { a.RedirectURIs = many(101, "https://app.example/%d") }, []string{
			"redirect_uris: redirect_uris has 101 values: 100 is the most",
		}},
		{"after sign-out", Web, func(a *Application) {
			a.PostLogoutRedirectURIs = []string{"https://app.example/", "http://app.example/"}
		}, []string{
			`post_logout_redirect_uris/1: "http://app.example/" uses http, which production takes only for http://127.0.0.1 and http://[::1]: use https`,
		}},
		{"pages", Web, func(a *Application) {
			a.LogoURI, a.HomepageURI, a.PolicyURI, a.TOSURI = "https://a.example/l.svg", "https://a.example/#/home", "javascript:x", "http://a.example/"
		}, []string{
			`policy_uri: "javascript:x" must begin with https://`,
			`tos_uri: "http://a.example/" uses http, which only an environment for development takes: use https`,
		}},
		{"endpoints", Web, func(a *Application) {
			a.InitiateLoginURI, a.InvitationURI, a.PasswordResetURI = "http://127.0.0.1/login", "https://a.example/i#x", "com.example.app:/reset"
			a.BackchannelLogoutURI = "https://ada@a.example/logout"
		}, []string{
			`initiate_login_uri: "http://127.0.0.1/login" uses http, which only an environment for development takes: use https`,
			`invitation_uri: "https://a.example/i#x" has a fragment, which no server receives: remove the # and what follows`,
			`password_reset_uri: "com.example.app:/reset" must begin with https://`,
			`backchannel_logout_uri: "https://ada@a.example/logout" has a user name before its host: remove everything up to the @`,
		}},
		{"front channel", Web, func(a *Application) {
			a.RedirectURIs, a.FrontchannelLogoutURI = []string{"https://a.example/cb"}, "https://a.example/out?x=y"
		}, nil},
		{"front channel elsewhere", Web, func(a *Application) {
			a.RedirectURIs, a.FrontchannelLogoutURI = []string{"https://a.example/cb"}, "https://b.example/out"
		}, []string{
			`frontchannel_logout_uri: "https://b.example/out" has a scheme, host or port that no redirect URI has (OpenID Connect Front-Channel Logout, section 2): use those of one`,
		}},
		{"origins", SPA, func(a *Application) {
			a.CORSOrigins = []string{
				"https://a.example", "http://127.0.0.1:3000", "*", "https://a.example/", "https://a.example:443", "http://a.example", "null", "https://ada@a.example", "ftp://a.example",
			}
		}, []string{
			`cors_origins/2: "*" would let every site in: name each origin`,
			`cors_origins/3: "https://a.example/" has more than scheme, host and port: write https://a.example`,
			`cors_origins/4: "https://a.example:443" names the port that is left out of an origin: write https://a.example`,
			`cors_origins/5: "http://a.example" uses http, which production takes only for http://127.0.0.1 and http://[::1]: use https`,
			`cors_origins/6: "null" has no scheme: begin with https://`,
			`cors_origins/7: "https://ada@a.example" has a user name before its host: remove everything up to the @`,
			`cors_origins/8: "ftp://a.example" must begin with https://`,
		}},

		{"grant type", Web, func(a *Application) { a.GrantTypes = append(a.GrantTypes, "password") }, []string{
			`grant_types/2: "password" must be one of authorization_code, refresh_token, client_credentials, urn:ietf:params:oauth:grant-type:device_code, implicit`,
		}},
		{"response type without its grant", Web, func(a *Application) { a.ResponseTypes = []string{"code", "code id_token"} }, []string{
			`response_types/1: "code id_token" needs the grant type implicit: add it to grant_types`, // RFC 7591 §2.1
		}},
		{"grant without its response type", Web, func(a *Application) { a.ResponseTypes = nil }, []string{
			"grant_types: the grant type authorization_code needs a response type: add one to response_types",
		}},
		{"hybrid", Web, func(a *Application) {
			a.GrantTypes, a.ResponseTypes = append(a.GrantTypes, GrantImplicit), []string{"code id_token", "id_token"}
		}, nil},
		{"refresh alone", Machine, func(a *Application) { a.GrantTypes = []string{GrantRefreshToken} }, []string{
			"grant_types: the grant type refresh_token needs authorization_code or urn:ietf:params:oauth:grant-type:device_code, which hand out the first refresh token",
		}},
		{"public machine", Machine, func(a *Application) { a.TokenEndpointAuthMethod = AuthNone }, []string{
			"grant_types: the grant type client_credentials needs credentials, but token_endpoint_auth_method is none (RFC 6749, section 4.4)",
		}},
		{"public API", API, func(a *Application) { a.TokenEndpointAuthMethod = AuthNone }, []string{
			"token_endpoint_auth_method: an application of the kind api authenticates to introspect: token_endpoint_auth_method can't be none (RFC 7662, section 2.1)",
		}},
		{"web without PKCE", Web, func(a *Application) { a.PKCE = PKCEOptional }, nil},
		{"public without PKCE", SPA, func(a *Application) { a.PKCE = PKCEOptional }, []string{
			"pkce: pkce must be required, as token_endpoint_auth_method is none: nothing else proves who redeems a code (RFC 9700, section 2.1.1)",
		}},
		{"protocol", Web, func(a *Application) {
			a.AccessTokenFormat, a.IDTokenSignedResponseAlg, a.Consent, a.PKCE, a.TokenEndpointAuthMethod = "paseto", "none", "second_party", "plain", "mtls"
		}, []string{
			`token_endpoint_auth_method: token_endpoint_auth_method "mtls" must be one of client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt, none`,
			`pkce: pkce "plain" must be one of required, optional`,
			`access_token_format: access_token_format "paseto" must be one of opaque, jwt`,
			`id_token_signed_response_alg: id_token_signed_response_alg "none" must be one of RS256, PS256, ES256, EdDSA`,
			`consent: consent "second_party" must be one of first_party, third_party`,
		}},
		{"secret JWT", Web, func(a *Application) { a.TokenEndpointAuthMethod = AuthClientSecretJWT }, nil},
		{"scopes", Web, func(a *Application) { a.Scopes = []string{"a:b", "", "a b", `a"`, "é", strings.Repeat("a", 129)} }, []string{
			`scopes/1: "" is empty: remove it`,
			`scopes/2: "a b" must have printable ASCII characters, none of them a space, a quote or a backslash (RFC 6749, section 3.3)`,
			`scopes/3: "a\"" must have printable ASCII characters, none of them a space, a quote or a backslash (RFC 6749, section 3.3)`,
			`scopes/4: "é" must have printable ASCII characters, none of them a space, a quote or a backslash (RFC 6749, section 3.3)`,
			`scopes/5: "` + strings.Repeat("a", 100) + `"… has 129 characters: 128 is the most`,
		}},
		{"identifiers", API, func(a *Application) {
			a.Identifiers = []string{"https://api.example", "urn:acme:api", "api", "https://api.example#x"}
		}, []string{
			`identifiers/2: "api" has no scheme: begin with https://`,
			`identifiers/3: "https://api.example#x" has a fragment, which no server receives: remove the # and what follows`, // RFC 8707 §2
		}},
		{"identifiers of no API", Web, func(a *Application) { a.Identifiers = []string{"https://api.example"} }, []string{
			"identifiers: only an application of the kind api has identifiers, but its kind is web",
		}},

		{"keys", Web, func(a *Application) { a.TokenEndpointAuthMethod, a.JWKS = AuthPrivateKeyJWT, set(&private.PublicKey) }, nil},
		{"keys elsewhere", Web, func(a *Application) {
			a.TokenEndpointAuthMethod, a.JWKSURI = AuthPrivateKeyJWT, "https://a.example/jwks"
		}, nil},
		{"no keys", Web, func(a *Application) { a.TokenEndpointAuthMethod = AuthPrivateKeyJWT }, []string{
			"jwks_uri: token_endpoint_auth_method private_key_jwt needs the application's public keys: set jwks_uri or jwks",
		}},
		{"keys over http", Web, func(a *Application) { a.JWKSURI = "http://127.0.0.1/jwks" }, []string{
			`jwks_uri: "http://127.0.0.1/jwks" uses http, which only an environment for development takes: use https`,
		}},
		{"keys in two places", Web, func(a *Application) { a.JWKS, a.JWKSURI = set(&private.PublicKey), "https://a.example/jwks" }, []string{
			"jwks_uri: jwks and jwks_uri can't both be set (RFC 7591, section 2): remove one",
		}},
		{"bad keys", Web, func(a *Application) { a.JWKS = set(private, []byte("0123456789"), &short.PublicKey) }, []string{
			`jwks/keys/0/d: key "0" is private: replace the pair, as it was sent, and register only the public part`,
			`jwks/keys/1/k: key "1" is symmetric: register the public part of a key pair`,
			`jwks/keys/2/n: key "2" has 1024 bits: an RSA key needs 2048, and 8192 are the most`,
		}},
		{"no key", Web, func(a *Application) { a.JWKS = json.RawMessage(`{"keys":[]}`) }, []string{"jwks: jwks has 0 keys: 1 to 20 are allowed"}},
		{"no key set", Web, func(a *Application) { a.JWKS = json.RawMessage(`[`) }, []string{"jwks: jwks is no JWK Set (RFC 7517, section 5)"}},
		{"many keys", Web, func(a *Application) { a.JWKS = json.RawMessage(strings.Repeat(" ", maxJWKS+1)) }, []string{"jwks: jwks has 65537 bytes: 65536 is the most"}},

		{"access", Web, func(a *Application) {
			a.SignInMethods, a.ACR = []string{"password", "Pass Key"}, "a b"
			a.Allowed = Allowed{Organizations: []string{"org_1"}, Roles: []string{"a b"}, Users: many(201, "usr_%d")}
			a.Branding = Branding{LogoURI: "data:x", Accent: "red"}
		}, []string{
			`branding/logo_uri: "data:x" must begin with https://`,
			`acr: acr "a b" must have up to 128 printable ASCII characters, none of them a space, a quote or a backslash`,
			`sign_in_methods/1: "Pass Key" must have up to 40 lower case letters, digits or underscores`,
			`allowed/roles/0: "a b" is no ID or name`,
			"allowed/users: users has 201 values: 200 is the most",
			`branding/accent: accent "red" must be a colour such as #3f4fd1`,
		}},
		{"metadata", Web, func(a *Application) {
			a.Metadata = map[string]string{"": "x", "team": strings.Repeat("a", 501), strings.Repeat("k", 65): "", "ok": ""}
		}, []string{
			`metadata: metadata has the key "": a key has 1 to 64 readable characters`,
			`metadata: metadata has the key "` + strings.Repeat("k", 65) + `": a key has 1 to 64 readable characters`,
			"metadata/team: team has 501 characters: 0 to 500 are allowed",
		}},
		{"much metadata", Web, func(a *Application) {
			a.Metadata = map[string]string{}
			for _, key := range many(51, "%d") {
				a.Metadata[key] = ""
			}
		}, []string{"metadata: metadata has 51 keys: 50 is the most"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			app := test.kind.Preset()
			app.ClientID, app.Name = "app", "App"
			test.change(&app)
			if diff := cmp.Diff(test.want, messages(app.Validate(environments.Production))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDevelopmentTakesHTTP(t *testing.T) {
	app := Web.Preset()
	app.ClientID, app.Name = "app", "App"
	app.RedirectURIs = []string{"http://app.test:3000/cb"}
	app.InitiateLoginURI, app.HomepageURI, app.BackchannelLogoutURI = "http://localhost:3000/login", "http://app.test/", "http://app:3000/logout"
	app.CORSOrigins = []string{"http://localhost:3000"}
	if err := app.Validate(environments.Development); err != nil {
		t.Errorf("Validate for development = %v", err)
	}
	if got := len(messages(app.Validate(environments.Production))); got != 5 {
		t.Errorf("Validate for production has %d mistakes, want one for each address", got)
	}
}

func TestInWords(t *testing.T) {
	for seconds, want := range map[int64]string{
		0: "0 seconds", 1: "1 second", 90: "90 seconds", 60: "1 minute", 3600: "1 hour", 86400: "24 hours", 2 * 86400: "2 days",
		36 * 3600: "36 hours", 365 * 86400: "365 days", 3650 * 86400: "10 years",
	} {
		if got := inWords(time.Duration(seconds) * time.Second); got != want {
			t.Errorf("inWords(%d s) = %q, want %q", seconds, got, want)
		}
	}
}

// A field that is added to Application must be cloned, compared and told in events.
func TestCloneSharesNothing(t *testing.T) {
	var app Application
	fill(reflect.ValueOf(&app).Elem())
	app.JWKS, app.ClaimsTemplates.IDToken = json.RawMessage(`{"a":1}`), template(t, `{"a":1}`)
	clone := app.Clone()
	if diff := cmp.Diff(&app, clone); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	shared(t, "Application", reflect.ValueOf(app), reflect.ValueOf(*clone))

	d, err := compare(nil, &app)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range d.After {
		if slices.Contains([]string{`""`, "null", "[]", "{}", "false"}, string(value)) {
			t.Errorf("the event tells nothing of %s: %s", name, value)
		}
	}
	const notTold = 5 // ID, Environment, Secrets, CreatedAt, UpdatedAt
	if got, want := len(d.After), reflect.TypeFor[Application]().NumField()-notTold; got != want {
		t.Errorf("the event tells %d fields, want %d", got, want)
	}
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64, reflect.Uint8:
		if v.CanInt() {
			v.SetInt(int64(7 * time.Second))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	}
}

func shared(t *testing.T, path string, a, b reflect.Value) {
	switch a.Kind() {
	case reflect.Slice, reflect.Map:
		if a.UnsafePointer() == b.UnsafePointer() {
			t.Errorf("%s is shared", path)
		}
	case reflect.Struct:
		for i := range a.NumField() {
			if field := a.Type().Field(i); field.IsExported() {
				shared(t, path+"."+field.Name, a.Field(i), b.Field(i))
			}
		}
	}
}
