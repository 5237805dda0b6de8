package provider_test

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

// TestConformance has a test for each module of the plans Basic, Form Post Basic and Config of the OpenID Foundation's
// conformance suite (version 5.2), in the variant for static clients, and under the module's name. What the suite gives a warning for fails here.
func TestConformance(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	i.AddUser(t, ada)
	register := func(name string, method clients.AuthMethod) servertest.Client {
		return i.AddClient(t, name, clients.Web, func(a *clients.Application) {
			a.PKCE, a.Consent, a.TokenEndpointAuthMethod = clients.PKCEOptional, clients.ConsentThirdParty, method
		})
	}
	plan := &plan{
		Installation: i,
		client:       register("client", clients.AuthClientSecretBasic), client2: register("client2", clients.AuthClientSecretBasic),
		post: register("post", clients.AuthClientSecretPost),
	}
	provider, err := oidc.NewProvider(t.Context(), i.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	plan.provider = provider
	for name, mode := range map[string]string{"basic": "", "formpost-basic": "form_post"} {
		t.Run(name, func(t *testing.T) {
			for _, m := range basicModules {
				t.Run(m.name, func(t *testing.T) {
					m.run(&module{T: t, plan: plan, mode: mode, Browser: i.NewBrowser(t)})
				})
			}
		})
	}
	t.Run("config/oidcc-discovery-endpoint-verification", func(t *testing.T) { discoveryEndpointVerification(t, i) })
}

const ada = "ada@example.com"

// plan is what the modules share.
type plan struct {
	*servertest.Installation
	client, client2, post servertest.Client
	provider              *oidc.Provider
	passed                time.Duration
}

// module is one module of the suite: it starts with a browser that is not signed in.
type module struct {
	*testing.T
	*plan
	*servertest.Browser
	mode string // response_mode; "" for the default
}

var basicModules = []struct {
	name string
	run  func(*module)
}{
	{"oidcc-server", func(m *module) { m.flow(m.client, "openid", nil) }},
	{"oidcc-response-type-missing", responseTypeMissing},
	{"oidcc-idtoken-signature", idTokenSignature},
	{"oidcc-idtoken-unsigned", notAdvertised("id_token_signing_alg_values_supported")},
	{"oidcc-userinfo-get", func(m *module) { m.userinfo(m.flow(m.client, "openid", nil), http.MethodGet, true) }},
	{"oidcc-userinfo-post-header", func(m *module) { m.userinfo(m.flow(m.client, "openid", nil), http.MethodPost, true) }},
	{"oidcc-userinfo-post-body", func(m *module) { m.userinfo(m.flow(m.client, "openid", nil), http.MethodPost, false) }},
	{"oidcc-ensure-request-without-nonce-succeeds-for-code-flow", func(m *module) { m.flow(m.client, "openid", url.Values{"nonce": {""}}) }},
	{"oidcc-scope-profile", func(m *module) { m.scopes("openid profile", nil) }},
	{"oidcc-scope-email", func(m *module) { m.scopes("openid email", nil) }},
	{"oidcc-scope-address", func(m *module) { m.scopes("openid address", nil) }},
	{"oidcc-scope-phone", func(m *module) { m.scopes("openid phone", nil) }},
	{"oidcc-scope-all", func(m *module) { m.scopes("openid profile email address phone", nil) }},
	{"oidcc-alternate-happy-flow", func(m *module) { m.scopes("email openid", nil) }},
	{"oidcc-display-page", accepts("display", "page")},
	{"oidcc-display-popup", accepts("display", "popup")},
	{"oidcc-prompt-login", promptLogin},
	{"oidcc-prompt-none-not-logged-in", promptNoneNotLoggedIn},
	{"oidcc-prompt-none-logged-in", promptNoneLoggedIn},
	{"oidcc-max-age-1", maxAge1},
	{"oidcc-max-age-10000", maxAge10000},
	{"oidcc-ensure-request-with-unknown-parameter-succeeds", accepts("extra", "foobar")},
	{"oidcc-id-token-hint", idTokenHint},
	{"oidcc-login-hint", loginHint},
	{"oidcc-ui-locales", accepts("ui_locales", "se")},
	{"oidcc-claims-locales", accepts("claims_locales", "se")},
	{"oidcc-ensure-request-with-acr-values-succeeds", acrValues},
	{"oidcc-codereuse", func(m *module) { codeReuse(m, 0) }},
	{"oidcc-codereuse-30seconds", func(m *module) { codeReuse(m, 30*time.Second) }},
	{"oidcc-ensure-registered-redirect-uri", registeredRedirectURI},
	{"oidcc-ensure-post-request-succeeds", postRequest},
	{"oidcc-server-client-secret-post", func(m *module) { m.flow(m.post, "openid", nil) }},
	{"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported", unsupported("request_uri", "https://client.example/request#1", "request_uri_not_supported")},
	{"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", unsupported("request", unsignedRequest, "request_not_supported")},
	{"oidcc-claims-essential", claimsEssential},
	{"oidcc-ensure-request-object-with-redirect-uri", requestObjectWithRedirectURI},
	{"oidcc-refresh-token", refreshToken},
	{"oidcc-ensure-request-with-valid-pkce-succeeds", func(m *module) { m.flow(m.client, "openid", url.Values{"pkce": {"yes"}}) }},
}

// unsignedRequest is a request object with alg none: {"alg":"none"} and {"max_age":10000}.
const unsignedRequest = "eyJhbGciOiJub25lIn0.eyJtYXhfYWdlIjoxMDAwMH0."

// result is a complete flow of a client.
type result struct {
	*visit
	tokens *servertest.Reply
	claims map[string]any // of the ID token
	text   string         // the ID token
}

func (m *module) pass(d time.Duration) {
	m.passed += d
	m.Clock.Set(m.passed)
}

// request is the address of an authorization request as the suite makes it: without PKCE, unless extra has pkce.
func (m *module) request(c servertest.Client, scope string, extra url.Values) string {
	q := url.Values{"response_mode": {m.mode}, "code_challenge": {""}, "code_challenge_method": {""}}
	if extra.Has("pkce") {
		q = url.Values{"response_mode": {m.mode}, "pkce": {""}}
	}
	for key, values := range extra {
		if key != "pkce" {
			q[key] = values
		}
	}
	return m.AuthorizeURL(c, scope, q)
}

func (m *module) authorize(c servertest.Client, scope string, extra url.Values) *visit {
	m.Helper()
	v := walk(m.T, m.Browser, m.request(c, scope, extra), ada)
	if v.answer != nil {
		m.checkAnswer(v)
	}
	return v
}

// checkAnswer is what the suite looks at in every answer.
func (m *module) checkAnswer(v *visit) {
	m.Helper()
	if iss := v.answer.Get("iss"); iss != m.Issuer {
		m.Errorf("iss = %q, want %q (RFC 9207)", iss, m.Issuer)
	}
	if !strings.HasPrefix(v.to, "https://client") && !strings.HasPrefix(v.to, "https://post") {
		m.Errorf("the answer went to %q", v.to)
	}
	for name, values := range v.answer {
		if len(values) != 1 || values[0] == "" || !slices.Contains([]string{"code", "state", "iss", "session_state", "error", "error_description"}, name) {
			m.Errorf("the answer has %s=%q", name, values)
		}
	}
	describable(m.T, v.answer.Get("error_description"))
}

var descriptionForm = regexp.MustCompile(`^[\x09\x0a\x0d\x20-\x21\x23-\x5b\x5d-\x7e]*$`)

func describable(t testing.TB, description string) {
	t.Helper()
	if !descriptionForm.MatchString(description) {
		t.Errorf("error_description %q has characters that RFC 6749, section 5.2 excludes", description)
	}
}

func (m *module) redeem(c servertest.Client, code string, verifier bool) *servertest.Reply {
	m.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {c.RedirectURIs[0]}}
	if verifier {
		form.Set("code_verifier", servertest.Verifier)
	}
	return callAs(m.T, c, m.Issuer+"/oauth2/token", form)
}

// flow is a complete flow of the client, and all that oidcc-server checks of one.
func (m *module) flow(c servertest.Client, scope string, extra url.Values) *result {
	m.Helper()
	r := &result{visit: m.authorize(c, scope, extra)}
	code := r.code(m.T)
	if got := r.answer.Get("state"); got != "st" {
		m.Errorf("state = %q", got)
	}
	if bits := entropy(code); len(code)*8 < 128 || bits < 96 {
		m.Errorf("the code has %d bits and %.0f bits of entropy", len(code)*8, bits)
	}
	r.tokens = m.redeem(c, code, extra.Has("pkce"))
	m.checkTokens(r.tokens)
	r.text = r.tokens.String("id_token")
	r.claims = m.verify(c, r.text)
	nonce, sent := r.claims["nonce"]
	switch wish, asked := extra["nonce"]; {
	case !asked && nonce != "no":
		m.Errorf("nonce = %v, want no", nonce)
	case asked && wish[0] == "" && sent:
		m.Errorf("the ID token has the nonce %v, which no one sent", nonce)
	}
	if u := m.UserInfo(m.T, r.tokens.String("access_token")); u.Status != http.StatusOK || u.String("sub") != r.claims["sub"] {
		m.Errorf("userinfo: %d %s", u.Status, u.Body)
	}
	return r
}

func (m *module) checkTokens(r *servertest.Reply) {
	m.Helper()
	if r.Status != http.StatusOK {
		m.Fatalf("token endpoint: %d %s", r.Status, r.Body)
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		m.Errorf("Content-Type = %q", r.Header.Get("Content-Type"))
	}
	if !strings.Contains(r.Header.Get("Cache-Control"), "no-store") || r.Header.Get("Pragma") != "no-cache" {
		m.Errorf("Cache-Control = %q, Pragma = %q", r.Header.Get("Cache-Control"), r.Header.Get("Pragma"))
	}
	expires, ok := r.JSON["expires_in"].(float64)
	if !ok || expires <= 0 || expires > 365*24*3600 {
		m.Errorf("expires_in = %v", r.JSON["expires_in"])
	}
	if !strings.EqualFold(r.String("token_type"), "bearer") || r.String("access_token") == "" || r.String("id_token") == "" {
		m.Errorf("the answer of the token endpoint lacks something: %s", r.Body)
	}
	if bits := entropy(r.String("access_token")); bits < 96 {
		m.Errorf("the access token has %.0f bits of entropy", bits)
	}
}

// entropy is the Shannon entropy of the text in bits, as the suite measures it.
func entropy(text string) float64 {
	counts := map[rune]int{}
	for _, c := range text {
		counts[c]++
	}
	bits := 0.0
	for _, n := range counts {
		bits -= float64(n) * math.Log2(float64(n)/float64(len(text)))
	}
	return bits
}

// knownClaims are those that an ID token of the code flow may have.
var knownClaims = []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash", "s_hash", "jti", "sid"}

// verify checks the ID token as a relying party does, and returns its claims.
func (m *module) verify(c servertest.Client, text string) map[string]any {
	m.Helper()
	token, err := m.provider.Verifier(&oidc.Config{ClientID: c.ClientID, Now: m.Clock.Now}).Verify(context.Background(), text)
	if err != nil {
		m.Fatalf("the ID token does not verify: %v", err)
	}
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		m.Fatal(err)
	}
	for name := range claims {
		if !slices.Contains(knownClaims, name) {
			m.Errorf("the ID token has the claim %s, which no one knows or which belongs to userinfo", name)
		}
	}
	for _, name := range []string{"iss", "sub", "aud", "acr", "sid"} {
		if s, ok := claims[name].(string); !ok || s == "" {
			m.Errorf("the claim %s = %v, want text", name, claims[name])
		}
	}
	if claims["iss"] != m.Issuer {
		m.Errorf("iss = %v, want %s", claims["iss"], m.Issuer)
	}
	if age := m.Clock.Now().Sub(token.IssuedAt); age > 5*time.Minute || age < -time.Second {
		m.Errorf("iat is %s ago", age)
	}
	return claims
}

func responseTypeMissing(m *module) {
	v := m.authorize(m.client, "openid", url.Values{"response_type": {""}})
	v.failed(m.T, "invalid_request")
	if v.answer.Get("state") != "st" {
		m.Errorf("state = %q", v.answer.Get("state"))
	}
}

func idTokenSignature(m *module) {
	r := m.flow(m.client, "openid", nil)
	header := decodeSegment(m.T, r.text, 0)
	if header["alg"] != "RS256" || header["kid"] == "" || header["kid"] == nil {
		m.Errorf("the header of the ID token is %v, want RS256 and a kid", header)
	}
}

// notAdvertised is for modules that are skipped where the list doesn't have none.
func notAdvertised(list string) func(*module) {
	return func(m *module) {
		var metadata map[string]any
		if err := m.provider.Claims(&metadata); err != nil {
			m.Fatal(err)
		}
		values, _ := metadata[list].([]any)
		if len(values) == 0 || slices.Contains(values, any("none")) {
			m.Errorf("%s = %v", list, values)
		}
	}
}

// userinfo checks the answer of the UserInfo endpoint to one of the three kinds of requests.
func (m *module) userinfo(r *result, method string, inHeader bool) {
	m.Helper()
	token := r.tokens.String("access_token")
	body := ""
	if !inHeader {
		body = url.Values{"access_token": {token}}.Encode()
	}
	request, err := http.NewRequest(method, m.Issuer+"/userinfo", strings.NewReader(body))
	if err != nil {
		m.Fatal(err)
	}
	if inHeader {
		request.Header.Set("Authorization", "Bearer "+token)
	} else {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	u := servertest.Do(m.T, request)
	if u.Status != http.StatusOK || u.String("sub") == "" || u.String("sub") != r.claims["sub"] {
		m.Fatalf("userinfo: %d %s", u.Status, u.Body)
	}
	if media, _, err := mime.ParseMediaType(u.Header.Get("Content-Type")); err != nil || media != "application/json" {
		m.Errorf("Content-Type = %q", u.Header.Get("Content-Type"))
	}
	wellTyped(m.T, u.JSON)
}

var birthdateForm = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2}|\d{4})$`)

// wellTyped holds claims to the types of OIDC Core §5.1.
func wellTyped(t testing.TB, claims map[string]any) {
	t.Helper()
	for name, value := range claims {
		ok := false
		switch name {
		case "email_verified", "phone_number_verified":
			_, ok = value.(bool)
		case "updated_at":
			_, ok = value.(float64)
		case "address":
			var address map[string]any
			if address, ok = value.(map[string]any); ok {
				for _, part := range address {
					s, isText := part.(string)
					ok = ok && isText && s != ""
				}
			}
		default:
			var s string
			s, ok = value.(string)
			ok = ok && strings.TrimSpace(s) != "" && s != "null" && (name != "birthdate" || birthdateForm.MatchString(s))
		}
		if !ok {
			t.Errorf("the claim %s = %#v", name, value)
		}
	}
}

// claimsOf are the claims that each scope asks for (OIDC Core §5.4).
var claimsOf = map[string][]string{
	"openid": {"sub"},
	"profile": {
		"name", "given_name", "family_name", "middle_name", "nickname", "profile", "picture", "website", "gender", "birthdate", "zoneinfo",
		"locale", "updated_at", "preferred_username",
	},
	"email":   {"email", "email_verified"},
	"address": {"address"},
	"phone":   {"phone_number", "phone_number_verified"},
}

// scopes holds the UserInfo endpoint to the claims of the scopes, all of them and no other.
func (m *module) scopes(scope string, extra url.Values) {
	m.Helper()
	r := m.flow(m.client, scope, extra)
	u := m.UserInfo(m.T, r.tokens.String("access_token"))
	wellTyped(m.T, u.JSON)
	var want []string
	for _, s := range strings.Fields(scope) {
		want = append(want, claimsOf[s]...)
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(u.JSON)); !slices.Equal(got, want) {
		m.Errorf("userinfo has %v, want %v", got, want)
	}
}

func accepts(parameter, value string) func(*module) {
	return func(m *module) { m.flow(m.client, "openid", url.Values{parameter: {value}}) }
}

func promptLogin(m *module) {
	first := m.flow(m.client, "openid", nil)
	m.pass(time.Second)
	second := m.flow(m.client, "openid", url.Values{"prompt": {"login"}})
	if !second.askedCredentials() {
		m.Errorf("prompt=login asked for %v", second.asked)
	}
	m.later(first, second)
}

// later holds the second result to a later authentication of the same person.
func (m *module) later(first, second *result) {
	m.Helper()
	if second.claims["auth_time"].(float64) <= first.claims["auth_time"].(float64) || second.claims["sub"] != first.claims["sub"] {
		m.Errorf("auth_time was %v and is %v", first.claims["auth_time"], second.claims["auth_time"])
	}
}

// same holds the second result to the same authentication, without a word to the person.
func (m *module) same(first, second *result) {
	m.Helper()
	second.askedNothing(m.T)
	if second.claims["auth_time"] != first.claims["auth_time"] || second.claims["sub"] != first.claims["sub"] {
		m.Errorf("%v was authenticated at %v, and is %v at %v", first.claims["sub"], first.claims["auth_time"], second.claims["sub"], second.claims["auth_time"])
	}
}

func promptNoneNotLoggedIn(m *module) {
	state := strings.Repeat("8Bits-!~", 16) // 128 characters
	v := m.authorize(m.client, "openid", url.Values{"prompt": {"none"}, "state": {state}})
	v.failed(m.T, "login_required")
	if got := v.answer.Get("state"); got != state {
		m.Errorf("state = %q, want %q", got, state)
	}
}

func promptNoneLoggedIn(m *module) {
	first := m.flow(m.client, "openid", nil)
	m.pass(2 * time.Second)
	m.same(first, m.flow(m.client, "openid", url.Values{"prompt": {"none"}}))
}

func maxAge1(m *module) {
	first := m.flow(m.client, "openid", nil)
	m.pass(2 * time.Second)
	second := m.flow(m.client, "openid", url.Values{"max_age": {"1"}})
	if !second.askedCredentials() {
		m.Errorf("max_age=1 asked for %v", second.asked)
	}
	m.later(first, second)
	if age := m.Clock.Now().Unix() - int64(second.claims["auth_time"].(float64)); age > 2 {
		m.Errorf("auth_time is %d seconds ago", age)
	}
}

func maxAge10000(m *module) {
	first := m.flow(m.client, "openid", url.Values{"max_age": {"15000"}})
	m.pass(time.Second)
	m.same(first, m.flow(m.client, "openid", url.Values{"max_age": {"10000"}}))
}

func idTokenHint(m *module) {
	first := m.flow(m.client, "openid", nil)
	m.pass(time.Second)
	m.same(first, m.flow(m.client, "openid", url.Values{"prompt": {"none"}, "id_token_hint": {first.text}}))
}

func loginHint(m *module) {
	const hint = "buffy@example.com"
	if p := m.Open(m.request(m.client, "openid", url.Values{"login_hint": {hint}})); p.Form(m.T, "username").Values.Get("username") != hint {
		m.Errorf("the field is not filled in with the login_hint: %v", p.Forms)
	}
	m.flow(m.client, "openid", url.Values{"login_hint": {hint}})
}

func acrValues(m *module) {
	var metadata struct {
		ACRValues []string `json:"acr_values_supported"`
	}
	if err := m.provider.Claims(&metadata); err != nil {
		m.Fatal(err)
	}
	r := m.flow(m.client, "openid", url.Values{"acr_values": {strings.Join(metadata.ACRValues, " ")}})
	if !slices.Contains(metadata.ACRValues, r.claims["acr"].(string)) {
		m.Errorf("acr = %v, which is none of %v", r.claims["acr"], metadata.ACRValues)
	}
}

func codeReuse(m *module, after time.Duration) {
	first := m.flow(m.client, "openid", nil)
	m.pass(after)
	second := m.redeem(m.client, first.code(m.T), false)
	refused(m.T, second, http.StatusBadRequest, "invalid_grant")
	if u := m.UserInfo(m.T, first.tokens.String("access_token")); u.Status != http.StatusUnauthorized {
		m.Errorf("the access token of a reused code answers %d %s", u.Status, u.Body)
	}
}

// refused holds an answer to an OAuth error (RFC 6749 §5.2).
func refused(t testing.TB, r *servertest.Reply, status int, code string) {
	t.Helper()
	if r.Status != status || r.String("error") != code || r.String("error_description") == "" {
		t.Fatalf("the answer is %d %s, want %d %s", r.Status, r.Body, status, code)
	}
	if r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the headers are %v", r.Header)
	}
	describable(t, r.String("error_description"))
}

func registeredRedirectURI(m *module) {
	m.authorize(m.client, "openid", url.Values{"redirect_uri": {m.client.RedirectURIs[0] + "?foo=bar"}}).shown(m.T, "redirect_uri")
}

func postRequest(m *module) {
	address, err := url.Parse(m.request(m.client, "openid", nil))
	if err != nil {
		m.Fatal(err)
	}
	v := follow(m.T, m.Browser, m.Post("/oauth2/authorize", address.Query()), ada)
	v.code(m.T)
	m.checkAnswer(v)
	// The suite's browser posts from another site, without an Origin.
	for _, site := range []string{"", "cross-site"} {
		r, err := http.NewRequest(http.MethodPost, m.Issuer+"/oauth2/authorize", strings.NewReader(address.RawQuery))
		if err != nil {
			m.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		if reply := servertest.Do(m.T, r); reply.Status != http.StatusSeeOther {
			m.Errorf("a post with Sec-Fetch-Site %q gets %d", site, reply.Status)
		}
	}
}

func unsupported(parameter, value, code string) func(*module) {
	return func(m *module) { m.authorize(m.client, "openid", url.Values{parameter: {value}}).failed(m.T, code) }
}

func claimsEssential(m *module) {
	r := m.flow(m.client, "openid", url.Values{"claims": {`{"userinfo":{"name":{"essential":true}}}`}})
	if u := m.UserInfo(m.T, r.tokens.String("access_token")); u.String("name") != "Ada Lovelace" {
		m.Errorf("userinfo has no name: %s", u.Body)
	}
}

func requestObjectWithRedirectURI(m *module) {
	v := m.authorize(m.client, "openid", url.Values{"request": {unsignedRequest}, "redirect_uri": {"https://client.example/elsewhere"}})
	v.shown(m.T, "redirect_uri")
}

var vschar = regexp.MustCompile(`^[\x20-\x7e]+$`)

func refreshToken(m *module) {
	offline := url.Values{"prompt": {"consent"}}
	first := m.flow(m.client, "openid offline_access", offline)
	if !slices.Contains(first.asked, "consent") {
		m.Errorf("prompt=consent asked for %v", first.asked)
	}
	token := first.tokens.String("refresh_token")
	if !vschar.MatchString(token) || len(token)*8 < 128 || entropy(token) < 96 {
		m.Errorf("the refresh token is %q", token)
	}
	m.pass(time.Second)
	second := m.Refresh(m.T, m.client, token)
	m.checkTokens(second)
	claims := m.verify(m.client, second.String("id_token"))
	for _, name := range []string{"iss", "sub", "aud", "auth_time", "azp", "sid"} {
		if claims[name] != first.claims[name] {
			m.Errorf("the refresh changed %s from %v to %v", name, first.claims[name], claims[name])
		}
	}
	if claims["iat"] == first.claims["iat"] {
		m.Errorf("iat is still %v", claims["iat"])
	}
	if nonce, ok := claims["nonce"]; ok {
		m.Errorf("a refreshed ID token has the nonce %v (OIDC Core §12.2)", nonce)
	}
	other := m.flow(m.client2, "openid offline_access", offline).tokens.String("refresh_token")
	refused(m.T, m.Refresh(m.T, m.client, other), http.StatusBadRequest, "invalid_grant")
	if r := m.Refresh(m.T, m.client2, other); r.Status != http.StatusOK {
		m.Errorf("the refresh token of client 2 was harmed by client 1: %d %s", r.Status, r.Body)
	}
}

// discoveryEndpointVerification is the only module of the plan Config. The suite demands https besides, which only a deployment has.
func discoveryEndpointVerification(t *testing.T, i *servertest.Installation) {
	get := func(path string) *servertest.Reply {
		r, err := http.NewRequest(http.MethodGet, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		reply := servertest.Do(t, r)
		if reply.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, reply.Status, reply.Body)
		}
		return reply
	}
	document := get(i.Issuer + "/.well-known/openid-configuration")
	if got := document.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type = %q", got)
	}
	if document.String("issuer") != i.Issuer {
		t.Errorf("issuer = %q, want %q", document.String("issuer"), i.Issuer)
	}
	for name, value := range document.JSON {
		if strings.HasSuffix(name, "_endpoint") || name == "jwks_uri" {
			if s, ok := value.(string); !ok || !strings.HasPrefix(s, i.Issuer+"/") {
				t.Errorf("%s = %v", name, value)
			}
		}
	}
	contains := func(name string, wanted ...string) {
		t.Helper()
		list, _ := document.JSON[name].([]any)
		for _, w := range wanted {
			if !slices.Contains(list, any(w)) {
				t.Errorf("%s = %v lacks %s", name, list, w)
			}
		}
	}
	contains("response_types_supported", "code")
	contains("subject_types_supported", "public")
	contains("id_token_signing_alg_values_supported", "RS256")
	contains("scopes_supported", "openid", "profile", "email", "address", "phone", "offline_access")
	contains("claims_supported", slices.Concat(slices.Collect(maps.Values(claimsOf))...)...)
	contains("grant_types_supported", "authorization_code", "refresh_token")
	contains("response_modes_supported", "query", "form_post")
	contains("code_challenge_methods_supported", "S256")
	contains("token_endpoint_auth_methods_supported", "client_secret_basic", "client_secret_post")
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"} {
		if document.String(name) == "" {
			t.Errorf("%s is missing", name)
		}
	}
	checkKeySet(t, get(document.String("jwks_uri")))
}

// checkKeySet holds a JWK Set to keys that differ and show nothing private.
func checkKeySet(t testing.TB, r *servertest.Reply) {
	t.Helper()
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal([]byte(r.Body), &set); err != nil || len(set.Keys) == 0 {
		t.Fatalf("the JWK Set is %s: %v", r.Body, err)
	}
	seen := map[string]bool{}
	for _, key := range set.Keys {
		kid, _ := key["kid"].(string)
		if kid == "" || seen[kid] {
			t.Errorf("kid = %q", kid)
		}
		seen[kid] = true
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			if _, shown := key[private]; shown {
				t.Errorf("the key %s shows %s", kid, private)
			}
		}
		if key["kty"] == "oct" || key["use"] != "sig" || key["alg"] == nil {
			t.Errorf("the key %s is %v", kid, key)
		}
	}
}
