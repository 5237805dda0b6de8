package provider_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"testing"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/server"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/sessions"
)

// BenchmarkRequest counts what a request costs between the parsed request and the written answer, through the whole
// handler of the server on SQLite. The request and the writer are used again and again, so that nothing but the server allocates.
// make bench prints the allocations.
func BenchmarkRequest(b *testing.B) {
	i, handler := open(b)
	var (
		machine    = i.AddClient(b, "Machine", clients.Machine, nil)
		machineJWT = i.AddClient(b, "MachineJWT", clients.Machine, func(a *clients.Application) {
			a.AccessTokenFormat, a.IDTokenSignedResponseAlg = clients.JWT, string(keys.ES256)
		})
		noWindow = func(a *clients.Application) { a.SessionPolicy.RefreshReuseWindow = 0 }
		web      = i.AddClient(b, "Web", clients.Web, func(a *clients.Application) {
			noWindow(a)
			a.IDTokenSignedResponseAlg = string(keys.ES256)
		})
		webRS256 = i.AddClient(b, "WebRS256", clients.Web, noWindow)
		api      = i.AddClient(b, "API", clients.API, nil)
	)
	user := i.AddUser(b, "ada@example.com")
	_, handle, err := i.Sessions.SignIn(b.Context(), i.Environment, "", user, sessions.Authentication{
		AuthTime: i.Clock.Now(), AMR: []string{"pwd"}, ACR: sessions.ACRPassword,
	}, true)
	if err != nil {
		b.Fatal(err)
	}
	signIn := func(b *testing.B, c servertest.Client) *caller {
		return &caller{b: b, handler: handler, cookie: "portico-default=" + string(handle), client: c, authorize: i.AuthorizeURL(c, "openid profile email offline_access", nil)}
	}

	for _, get := range []struct{ name, path string }{
		{"discovery", "/.well-known/openid-configuration"},
		{"jwks", "/.well-known/jwks.json"},
	} {
		b.Run(get.name, func(b *testing.B) {
			call := newCall(http.MethodGet, i.Issuer+get.path, nil)
			loop(b, func() { call.do(b, handler, nil, http.StatusOK) })
		})
	}
	for name, client := range map[string]servertest.Client{"client_credentials": machine, "client_credentials_jwt": machineJWT} {
		b.Run(name, func(b *testing.B) {
			call := newCall(http.MethodPost, i.Issuer+"/oauth2/token", &client)
			loop(b, func() { call.do(b, handler, []byte("grant_type=client_credentials"), http.StatusOK) })
		})
	}
	b.Run("introspection", func(b *testing.B) {
		access, _ := signIn(b, web).tokens(i.Issuer)
		call, body := newCall(http.MethodPost, i.Issuer+"/oauth2/introspect", &api), []byte("token="+access)
		loop(b, func() { call.do(b, handler, body, http.StatusOK) })
	})
	b.Run("userinfo", func(b *testing.B) {
		access, _ := signIn(b, web).tokens(i.Issuer)
		call := newCall(http.MethodGet, i.Issuer+"/userinfo", nil)
		call.base.Header.Set("Authorization", "Bearer "+access)
		loop(b, func() { call.do(b, handler, nil, http.StatusOK) })
	})
	for name, client := range map[string]servertest.Client{"refresh": web, "refresh_rs256": webRS256} {
		b.Run(name, func(b *testing.B) {
			_, refresh := signIn(b, client).tokens(i.Issuer)
			call, body := newCall(http.MethodPost, i.Issuer+"/oauth2/token", &client), []byte("grant_type=refresh_token&refresh_token=")
			prefix := len(body)
			body = append(body, refresh...)
			loop(b, func() {
				answer := call.do(b, handler, body, http.StatusOK)
				body = append(body[:prefix], member(b, answer, "refresh_token")...)
			})
		})
	}
	b.Run("sign_in", func(b *testing.B) {
		browser := signIn(b, web)
		loop(b, func() { browser.tokens(i.Issuer) })
	})
}

// open makes a server that listens nowhere.
func open(b *testing.B) (*servertest.Installation, http.Handler) {
	b.Helper()
	c := servertest.Config(b, servertest.Options{})
	s, err := server.Open(b.Context(), c, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	if err := s.Bootstrap(b.Context()); err != nil {
		b.Fatal(err)
	}
	env, err := s.Environments.BySlug(b.Context(), server.DefaultSlug)
	if err != nil {
		b.Fatal(err)
	}
	return &servertest.Installation{Server: s, Environment: env, Issuer: c.PublicURL}, s.Handler()
}

func loop(b *testing.B, do func()) {
	b.ReportAllocs()
	for b.Loop() {
		do()
	}
}

// call is a request and its answer, for any number of times.
type call struct {
	base    http.Request
	request http.Request
	reader  bytes.Reader
	header  http.Header
	status  int
	body    []byte
}

func newCall(method, address string, by *servertest.Client) *call {
	at, err := url.Parse(address)
	if err != nil {
		panic(err) // it is one of ours
	}
	c := &call{header: http.Header{}, base: http.Request{
		Method: method, URL: at, RequestURI: at.RequestURI(), Host: at.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"User-Agent": {"bench/1.0"}}, RemoteAddr: "127.0.0.1:50000",
	}}
	if method == http.MethodPost {
		c.base.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if by != nil {
		c.base.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(by.ClientID)+":"+url.QueryEscape(by.Secret))))
	}
	c.base = *c.base.WithContext(context.Background())
	return c
}

// do sends the request and returns the body of the answer, which the next one overwrites.
func (c *call) do(b *testing.B, handler http.Handler, body []byte, want int) []byte {
	c.request = c.base
	c.request.Body, c.request.ContentLength = http.NoBody, 0
	if body != nil {
		c.reader.Reset(body)
		c.request.Body, c.request.ContentLength = c, int64(len(body))
	}
	clear(c.header)
	c.status, c.body = http.StatusOK, c.body[:0]
	handler.ServeHTTP(c, &c.request)
	if c.status != want {
		b.Fatalf("%s %s answers %d, not %d: %s", c.base.Method, c.base.URL, c.status, want, c.body)
	}
	return c.body
}

func (c *call) Header() http.Header    { return c.header }
func (c *call) WriteHeader(status int) { c.status = status }
func (c *call) Write(text []byte) (int, error) {
	c.body = append(c.body, text...)
	return len(text), nil
}
func (c *call) Read(into []byte) (int, error) { return c.reader.Read(into) }
func (c *call) Close() error                  { return nil }

var (
	_ http.ResponseWriter = (*call)(nil)
	_ io.ReadCloser       = (*call)(nil)
)

// caller is an application whose user is signed in to her browser.
type caller struct {
	b         *testing.B
	handler   http.Handler
	cookie    string
	client    servertest.Client
	authorize string
}

// tokens takes the browser to the application and back, and redeems the code.
func (c *caller) tokens(issuer string) (access, refresh string) {
	ask := newCall(http.MethodGet, c.authorize, nil)
	ask.base.Header.Set("Cookie", c.cookie)
	ask.do(c.b, c.handler, nil, http.StatusSeeOther)
	back, err := url.Parse(ask.header.Get("Location"))
	if err != nil {
		c.b.Fatal(err)
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {c.client.RedirectURIs[0]},
		"code_verifier": {servertest.Verifier},
	}
	answer := newCall(http.MethodPost, issuer+"/oauth2/token", &c.client).do(c.b, c.handler, []byte(form.Encode()), http.StatusOK)
	return string(member(c.b, answer, "access_token")), string(member(c.b, answer, "refresh_token"))
}

// member is a string of the JSON object, one without escapes.
func member(b *testing.B, object []byte, name string) []byte {
	_, rest, found := bytes.Cut(object, []byte(`"`+name+`":"`))
	end := bytes.IndexByte(rest, '"')
	if !found || end < 0 {
		b.Fatalf("no %s in %s", name, object)
	}
	return rest[:end]
}
