package provider_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server/servertest"
)

// FuzzAuthorize sends any query to the authorization endpoint. The browser is shown a page, is led on to a page of ours, or goes back to the
// address that is registered, with state and without a code, as nobody is signed in. Nothing else, and no trouble of ours.
func FuzzAuthorize(f *testing.F) {
	i := servertest.Start(f, servertest.Options{})
	web := i.AddClient(f, "web", clients.Web, nil)
	phone := i.AddClient(f, "phone", clients.Native, func(a *clients.Application) {
		a.RedirectURIs = []string{"com.example.phone:/cb", "http://127.0.0.1/cb"}
	})
	handler := i.Handler()
	registered := slices.Concat(web.RedirectURIs, phone.RedirectURIs)
	for _, extra := range []string{
		"", "prompt=none", "prompt=login+consent", "max_age=0", "max_age=99999999999", "response_mode=form_post", "response_mode=fragment&prompt=none",
		"claims={\"id_token\":{\"sub\":{\"value\":\"x\"}}}", "claims=[]", "id_token_hint=a.b.c", "login_hint=%00", "ui_locales=de+en", "scope=", "state=",
		"resource=https://api.example", "redirect_uri=https://web.example/cb#x", "redirect_uri=//evil.example", "redirect_uri=javascript:alert(1)",
		"client_id=phone&redirect_uri=http://127.0.0.1:53210/cb", "client_id=phone&redirect_uri=http://127.0.0.1:1@evil.example/cb",
		"code_challenge_method=plain", "interaction=int_01h455vb4pex5vsknk084sn02q", "request=x", "nonce=%ff", "display=%0d%0aX:+y",
	} {
		q, err := url.ParseQuery(extra)
		if err != nil {
			f.Fatal(err)
		}
		at, err := url.Parse(i.AuthorizeURL(web, "openid", q))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(at.RawQuery)
	}
	f.Add("client_id=web&client_id=phone")
	f.Add("%zz")
	f.Add("a;b")
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, i.Issuer+"/oauth2/authorize", nil)
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusOK:
			if !strings.Contains(w.Body.String(), `id="form-post"`) {
				t.Errorf("%q shows %s", query, w.Body)
			}
		case http.StatusBadRequest:
			if w.Header().Get("Location") != "" || !strings.Contains(w.Body.String(), `id="reference"`) {
				t.Errorf("%q: %v %s", query, w.Header(), w.Body)
			}
		case http.StatusSeeOther:
			checkLocation(t, query, w.Header().Get("Location"), registered)
		default:
			t.Errorf("%q: %d %s", query, w.Code, w.Body)
		}
	})
}

// ourPages are those that a request of somebody who isn't signed in may lead to.
var ourPages = []string{"/sign-in", "/sign-up"}

func checkLocation(t *testing.T, query, location string, registered []string) {
	t.Helper()
	at, err := url.Parse(location)
	if err != nil {
		t.Fatalf("%q leads to %q: %v", query, location, err)
	}
	if at.Host == "" && at.Scheme == "" {
		if !slices.Contains(ourPages, at.Path) {
			t.Errorf("%q leads to %q", query, location)
		}
		return
	}
	answer := at.Query()
	if at.Fragment != "" {
		if answer, err = url.ParseQuery(at.EscapedFragment()); err != nil {
			t.Fatal(err)
		}
	}
	at.RawQuery, at.Fragment, at.RawFragment = "", "", ""
	if at.Scheme == "http" && at.Hostname() == "127.0.0.1" {
		at.Host = at.Hostname() // any port of a native application (RFC 8252 §7.3)
	}
	if !slices.Contains(registered, at.String()) {
		t.Errorf("%q leads to %q", query, location)
	}
	sent, err := url.ParseQuery(query)
	if err != nil || answer.Get("error") == "" || answer.Has("code") || answer.Get("state") != sent.Get("state") {
		t.Errorf("%q is answered with %q", query, location)
	}
	describable(t, answer.Get("error_description"))
}

// FuzzWellKnown asks for metadata at any path: whatever is answered is the document of the issuer that the path names (RFC 8414 §3).
func FuzzWellKnown(f *testing.F) {
	i := servertest.Start(f, servertest.Options{})
	if _, err := i.CreateEnvironment(f.Context(), environments.New{Slug: "acme", Name: "Acme"}); err != nil {
		f.Fatal(err)
	}
	handler := i.Handler()
	for _, path := range []string{
		"/.well-known/openid-configuration", "/env/acme/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/env/acme",
		"/.well-known/openid-configuration/env/acme/", "/.well-known/openid-configuration/env/", "/env/acme/.well-known/oauth-authorization-server/env/acme",
		"/.well-known/oauth-authorization-server/env/nobody", "/env//.well-known/openid-configuration", "/.well-known/openid-configuration/", "//",
	} {
		f.Add(path)
	}
	issuers := map[string]string{
		"/.well-known/openid-configuration": i.Issuer, "/.well-known/oauth-authorization-server": i.Issuer,
		"/env/acme/.well-known/openid-configuration": i.Issuer + "/env/acme", "/env/acme/.well-known/oauth-authorization-server": i.Issuer + "/env/acme",
		"/.well-known/openid-configuration/env/acme": i.Issuer + "/env/acme", "/.well-known/oauth-authorization-server/env/acme": i.Issuer + "/env/acme",
	}
	f.Fuzz(func(t *testing.T, path string) {
		r := httptest.NewRequest(http.MethodGet, i.Issuer+"/", nil)
		r.URL.Path = path
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("%q: %d %s", path, w.Code, w.Body)
		}
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
			return
		}
		reply := &servertest.Reply{Body: w.Body.String()}
		want, known := issuers[strings.TrimSuffix(path, "/")]
		if known && !strings.Contains(reply.Body, `"issuer":"`+want+`"`) {
			t.Errorf("%q is answered with %s, want the issuer %s", path, reply.Body, want)
		}
		for other := range issuers {
			if issuers[other] != want && known && strings.Contains(reply.Body, `"issuer":"`+issuers[other]+`"`) {
				t.Errorf("%q names the issuer %s", path, issuers[other])
			}
		}
	})
}
