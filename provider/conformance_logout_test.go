package provider_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/net/html"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

// TestLogoutConformance has a test for each module of the conformance suite's plans for RP-initiated, back-channel and front-channel logout and for
// session management, as TestConformance has for the others. What oidcc-session-management-rp-initiated-logout asks of the frame
// is in the journey session-management.
func TestLogoutConformance(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		i.AddUser(t, ada)
		told := make(chan logoutCall, 16)
		application := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told <- readLogoutCall(r) }))
		defer application.Close()
		register := func(name string, configure func(*clients.Application)) servertest.Client {
			return i.AddClient(t, name, clients.Web, func(a *clients.Application) {
				a.PKCE, a.Consent, a.ExplicitPostLogoutRedirect = clients.PKCEOptional, clients.ConsentThirdParty, true
				a.RedirectURIs, a.PostLogoutRedirectURIs = []string{"https://client.example/callback"}, []string{"https://client.example/post_logout_redirect"}
				if configure != nil {
					configure(a)
				}
			})
		}
		provider, err := oidc.NewProvider(t.Context(), i.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		clientOf := map[string]servertest.Client{
			"rp-initiated-logout": register("client", nil),
			"session-management":  register("client-session", nil),
			"backchannel-rp-initiated-logout": register("client-back", func(a *clients.Application) {
				a.BackchannelLogoutURI, a.BackchannelLogoutSessionRequired = application.URL+"/backchannel_logout", true
			}),
			"frontchannel-rp-initiated-logout": register("client-front", func(a *clients.Application) {
				a.FrontchannelLogoutURI, a.FrontchannelLogoutSessionRequired = "https://client.example/frontchannel_logout", true
			}),
		}
		for _, m := range logoutModules {
			t.Run(m.plan+"/"+m.name, func(t *testing.T) {
				p := &plan{Installation: i, client: clientOf[m.plan], provider: provider}
				m.run(&logoutModule{module: &module{T: t, plan: p, Browser: i.NewBrowser(t)}, told: told})
			})
		}
	})
}

// logoutModule is a module of these plans, with what the application is told by the back channel.
type logoutModule struct {
	*module
	told <-chan logoutCall
}

var logoutModules = []struct {
	plan, name string
	run        func(*logoutModule)
}{
	{"rp-initiated-logout", "oidcc-rp-initiated-logout-discovery-endpoint-verification", advertised("end_session_endpoint")},
	{"rp-initiated-logout", "oidcc-rp-initiated-logout", func(m *logoutModule) { m.signsOut(longState) }},
	{"rp-initiated-logout", "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri", func(m *logoutModule) {
		m.refuses("post_logout_redirect_uri", url.Values{"post_logout_redirect_uri": {"https://client.example/somewhere_else"}})
	}},
	{"rp-initiated-logout", "oidcc-rp-initiated-logout-modified-id-token-hint", modifiedHint},
	{"rp-initiated-logout", "oidcc-rp-initiated-logout-no-id-token-hint", func(m *logoutModule) {
		m.refuses("post_logout_redirect_uri", url.Values{"id_token_hint": nil})
	}},
	{"rp-initiated-logout", "oidcc-rp-initiated-logout-no-params", func(m *logoutModule) { m.confirms(nil) }},
	{"rp-initiated-logout", "oidcc-rp-initiated-logout-no-post-logout-redirect-uri", noTarget},
	{"rp-initiated-logout", "oidcc-rp-initiated-logout-no-state", func(m *logoutModule) { m.signsOut("") }},
	{"rp-initiated-logout", "oidcc-rp-initiated-logout-only-state", func(m *logoutModule) { m.confirms(url.Values{"state": {longState}}) }},
	{"rp-initiated-logout", "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri", func(m *logoutModule) {
		m.refuses("post_logout_redirect_uri", url.Values{"post_logout_redirect_uri": {m.client.PostLogoutRedirectURIs[0] + "?foo=bar"}})
	}},
	{"rp-initiated-logout", "oidcc-rp-initiated-logout-bad-id-token-hint", foreignHint},
	{"backchannel-rp-initiated-logout", "oidcc-backchannel-logout-discovery-endpoint-verification",
		advertised("end_session_endpoint", "backchannel_logout_supported", "backchannel_logout_session_supported")},
	{"backchannel-rp-initiated-logout", "oidcc-backchannel-rp-initiated-logout", backchannelLogout},
	{"frontchannel-rp-initiated-logout", "oidcc-frontchannel-logout-discovery-endpoint-verification",
		advertised("end_session_endpoint", "frontchannel_logout_supported", "frontchannel_logout_session_supported")},
	{"frontchannel-rp-initiated-logout", "oidcc-frontchannel-rp-initiated-logout", frontchannelLogout},
	{"session-management", "oidcc-session-management-discovery-endpoint-verification", advertised("end_session_endpoint", "check_session_iframe")},
	{"session-management", "oidcc-session-management-rp-initiated-logout", sessionState},
}

// longState is a state of 128 characters, as the suite sends it.
var longState = strings.Repeat("8Bits-!~", 16)

// advertised holds the metadata to members that are true, or addresses of this server. The suite demands https besides, which only a
// deployment has.
func advertised(names ...string) func(*logoutModule) {
	return func(m *logoutModule) {
		for _, name := range names {
			switch value := m.metadata()[name].(type) {
			case bool:
				if !value {
					m.Errorf("%s is false", name)
				}
			case string:
				if !strings.HasPrefix(value, m.Issuer+"/") {
					m.Errorf("%s = %q", name, value)
				}
			default:
				m.Errorf("%s = %v", name, value)
			}
		}
	}
}

func (m *logoutModule) metadata() map[string]any {
	m.Helper()
	var metadata map[string]any
	if err := m.provider.Claims(&metadata); err != nil {
		m.Fatal(err)
	}
	return metadata
}

// leave opens the end session endpoint.
func (m *logoutModule) leave(query url.Values) *servertest.Page {
	m.Helper()
	endpoint, _ := m.metadata()["end_session_endpoint"].(string)
	return m.Open(endpoint + "?" + query.Encode())
}

// goesTo holds the page to one that has left for the registered address, with the state and nothing else.
func (m *logoutModule) goesTo(to *url.URL, state string) {
	m.Helper()
	want := m.client.PostLogoutRedirectURIs[0]
	if state != "" {
		want += "?" + url.Values{"state": {state}}.Encode()
	}
	if to == nil || to.String() != want {
		m.Errorf("the browser goes to %v, want %s", to, want)
	}
}

// signedOut holds the browser to be signed out of the client: prompt=none finds nobody.
func (m *logoutModule) signedOut() {
	m.Helper()
	m.authorize(m.client, "openid", url.Values{"prompt": {"none"}}).failed(m.T, "login_required")
}

// signedIn is the opposite of signedOut.
func (m *logoutModule) signedIn() {
	m.Helper()
	m.authorize(m.client, "openid", url.Values{"prompt": {"none"}}).code(m.T)
}

func (m *logoutModule) signsOut(state string) {
	r := m.flow(m.client, "openid", nil)
	query := url.Values{"id_token_hint": {r.text}, "post_logout_redirect_uri": m.client.PostLogoutRedirectURIs}
	if state != "" {
		query.Set("state", state)
	}
	m.goesTo(m.leave(query).Left, state)
	m.signedOut()
}

// refuses changes a request that would be right and holds the answer to an error page about the field. Nobody is signed out.
func (m *logoutModule) refuses(field string, changed url.Values) {
	m.Helper()
	r := m.flow(m.client, "openid", nil)
	query := url.Values{"id_token_hint": {r.text}, "post_logout_redirect_uri": m.client.PostLogoutRedirectURIs, "state": {longState}}
	maps.Copy(query, changed)
	(&visit{page: m.leave(query)}).shown(m.T, field)
	m.signedIn()
}

// confirms holds a request without a hint to the page that asks, and then to the one that says that she is signed out.
func (m *logoutModule) confirms(query url.Values) {
	m.Helper()
	m.flow(m.client, "openid", nil)
	p := m.leave(query)
	m.signedIn()
	m.saysSignedOut(m.Submit(p, "logout-confirm"))
	m.signedOut()
}

func (m *logoutModule) saysSignedOut(p *servertest.Page) {
	m.Helper()
	if p.Left != nil || p.Status != http.StatusOK || !strings.Contains(p.Title, "You are signed out") {
		m.Errorf("the browser shows %d %q and leaves for %v", p.Status, p.Title, p.Left)
	}
}

func noTarget(m *logoutModule) {
	r := m.flow(m.client, "openid", nil)
	m.saysSignedOut(m.leave(url.Values{"id_token_hint": {r.text}, "state": {longState}}))
	m.signedOut()
}

// modifiedHint sends the claims of the ID token with alg none.
func modifiedHint(m *logoutModule) {
	claims := strings.Split(m.flow(m.client, "openid", nil).text, ".")[1]
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	m.refuses("id_token_hint", url.Values{"id_token_hint": {header + "." + claims + "."}})
}

// foreignHint sends a token that the client signed itself, with its own secret and with a key of its own.
func foreignHint(m *logoutModule) {
	claims, err := json.Marshal(map[string]any{
		"iss": m.client.ClientID, "aud": m.Issuer, "sub": "foreign", "iat": m.Clock.Now().Unix(), "exp": m.Clock.Now().Add(time.Hour).Unix(),
	})
	if err != nil {
		m.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(m.client.Secret)}, nil)
	if err != nil {
		m.Fatal(err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		m.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		m.Fatal(err)
	}
	m.refuses("id_token_hint", url.Values{"id_token_hint": {text}})
}

// logoutCall is a call of the back channel.
type logoutCall struct {
	method, path, media, query string
	form                       url.Values
}

func readLogoutCall(r *http.Request) logoutCall {
	c := logoutCall{method: r.Method, path: r.URL.Path, media: r.Header.Get("Content-Type"), query: r.URL.RawQuery}
	if r.ParseForm() == nil {
		c.form = r.PostForm
	}
	return c
}

func backchannelLogout(m *logoutModule) {
	r := m.flow(m.client, "openid", nil)
	m.goesTo(m.leave(url.Values{"id_token_hint": {r.text}, "post_logout_redirect_uri": m.client.PostLogoutRedirectURIs, "state": {longState}}).Left, longState)
	var call logoutCall
	select {
	case call = <-m.told:
	case <-time.After(15 * time.Second):
		m.Fatal("the application was not told")
	}
	if call.method != http.MethodPost || call.path != "/backchannel_logout" || call.media != "application/x-www-form-urlencoded" || call.query != "" || len(call.form) != 1 {
		m.Errorf("the application was called by %+v", call)
	}
	text := call.form.Get("logout_token")
	if id, logout := decodeSegment(m.T, r.text, 0), decodeSegment(m.T, text, 0); logout["alg"] != id["alg"] || logout["kid"] != id["kid"] || logout["typ"] != "logout+jwt" {
		m.Errorf("the header of the logout token is %v, of the ID token %v", logout, id)
	}
	if _, err := m.provider.Verifier(&oidc.Config{ClientID: m.client.ClientID, Now: m.Clock.Now}).Verify(m.Context(), text); err != nil {
		m.Errorf("the logout token does not verify: %v", err)
	}
	claims := decodeSegment(m.T, text, 1)
	for _, name := range []string{"iss", "aud", "sub", "sid"} {
		if claims[name] != r.claims[name] {
			m.Errorf("%s = %v, in the ID token %v", name, claims[name], r.claims[name])
		}
	}
	if got := slices.Sorted(maps.Keys(claims)); !slices.Equal(got, []string{"aud", "events", "exp", "iat", "iss", "jti", "sid", "sub"}) || claims["jti"] == "" {
		m.Errorf("the logout token has the claims %v: %v", got, claims)
	}
	events, err := json.Marshal(claims["events"])
	if err != nil || string(events) != `{"http://schemas.openid.net/event/backchannel-logout":{}}` {
		m.Errorf("events = %s", events)
	}
	m.signedOut()
}

func frontchannelLogout(m *logoutModule) {
	r := m.flow(m.client, "openid", nil)
	p := m.leave(url.Values{"id_token_hint": {r.text}, "post_logout_redirect_uri": m.client.PostLogoutRedirectURIs, "state": {longState}})
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		m.Fatal(err)
	}
	var frames []string
	var next *url.URL
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			switch {
			case n.Data == "iframe" && a.Key == "src":
				frames = append(frames, a.Val)
			case n.Data == "a" && a.Key == "href" && slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "data-leave" }):
				if next, err = url.Parse(a.Val); err != nil {
					m.Fatal(err)
				}
			}
		}
	}
	sid, _ := r.claims["sid"].(string)
	want := "https://client.example/frontchannel_logout?" + url.Values{"iss": {m.Issuer}, "sid": {sid}}.Encode()
	if len(frames) != 1 || frames[0] != want {
		m.Errorf("the frames are %q, want %s", frames, want)
	}
	if policy := p.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-src https://client.example") {
		m.Errorf("the policy keeps the frame out: %s", policy)
	}
	m.goesTo(next, longState)
	m.signedOut()
}

var sessionStateForm = regexp.MustCompile(`^[0-9a-f]{64}\.[A-Za-z0-9]+$`)

func sessionState(m *logoutModule) {
	r := m.flow(m.client, "openid", nil)
	again := m.authorize(m.client, "openid", url.Values{"prompt": {"none"}})
	for _, v := range []*visit{r.visit, again} {
		if got := v.answer.Get("session_state"); !sessionStateForm.MatchString(got) {
			m.Errorf("session_state = %q", got)
		}
	}
	address, _ := m.metadata()["check_session_iframe"].(string)
	frame := m.Open(address)
	policy := frame.Header.Get("Content-Security-Policy")
	if frame.Status != http.StatusOK || !strings.Contains(policy, "frame-ancestors *") || frame.Header.Get("X-Frame-Options") != "" {
		m.Errorf("the page for the frame is %d %v", frame.Status, frame.Header)
	}
	m.goesTo(m.leave(url.Values{"id_token_hint": {r.text}, "post_logout_redirect_uri": m.client.PostLogoutRedirectURIs, "state": {longState}}).Left, longState)
	m.signedOut()
}
