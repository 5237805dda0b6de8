package provider_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestAnswers holds each kind of answer of each endpoint to its bytes and headers, in testdata/answers.
func TestAnswers(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	web := i.AddClient(t, "web", clients.Web, func(a *clients.Application) { a.Scopes = append(a.Scopes, "read") })
	i.AddClient(t, "phone", clients.Native, func(a *clients.Application) { a.RedirectURIs = []string{"com.example.phone:/cb"} })
	i.AddClient(t, "query", clients.Web, func(a *clients.Application) { a.RedirectURIs = []string{"https://query.example/cb?tenant=1"} })
	i.AddUser(t, ada)
	readToken := i.Tokens(t, web, ada, "read").String("access_token")

	const form = "application/x-www-form-urlencoded"
	basic := func(r *http.Request) { r.SetBasicAuth("web", web.Secret) }
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	authorize := func(query string) string {
		q, err := url.ParseQuery("response_type=code&scope=openid&state=st&code_challenge_method=S256&code_challenge=" + servertest.Challenge(servertest.Verifier))
		if err != nil {
			t.Fatal(err)
		}
		for pair := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(pair, "=")
			if q.Del(name); value != "" {
				q.Set(name, value)
			}
		}
		return "/oauth2/authorize?" + q.Encode()
	}
	const toWeb = "client_id=web&redirect_uri=https://web.example/cb"

	handler := i.Handler()
	for _, test := range []struct {
		name string // of the file
		path string
		body string // "GET" for no body
		as   []func(*http.Request)
	}{
		{"discovery", "/.well-known/openid-configuration", "GET", nil},
		{"discovery_oauth", "/.well-known/oauth-authorization-server", "GET", nil},
		{"jwks", "/.well-known/jwks.json", "GET", nil},

		{"token_no_content_type", "/oauth2/token", "grant_type=client_credentials", []func(*http.Request){header("Content-Type", "")}},
		{"token_json", "/oauth2/token", `{"grant_type":"client_credentials"}`, []func(*http.Request){header("Content-Type", "application/json")}},
		{"token_empty", "/oauth2/token", "", nil},
		{"token_too_large", "/oauth2/token", "grant_type=" + strings.Repeat("x", 1<<20), nil},
		{"token_duplicate", "/oauth2/token", "grant_type=client_credentials&grant_type=client_credentials", []func(*http.Request){basic}},
		{"token_unsupported_grant_type", "/oauth2/token", "grant_type=password&username=ada&password=x", []func(*http.Request){basic}},
		{"token_no_grant_type", "/oauth2/token", "scope=openid", []func(*http.Request){basic}},
		{"token_no_client", "/oauth2/token", "grant_type=client_credentials", nil},
		{"token_unknown_client", "/oauth2/token", "grant_type=client_credentials&client_id=nobody&client_secret=x", nil},
		{"token_wrong_secret", "/oauth2/token", "grant_type=client_credentials", []func(*http.Request){func(r *http.Request) { r.SetBasicAuth("web", "wrong") }}},
		{"token_wrong_method", "/oauth2/token", "grant_type=client_credentials&client_id=web&client_secret=" + url.QueryEscape(web.Secret), nil},
		{"token_unauthorized_client", "/oauth2/token", "grant_type=client_credentials", []func(*http.Request){basic}},
		{"token_no_code", "/oauth2/token", "grant_type=authorization_code", []func(*http.Request){basic}},
		{"token_invalid_grant", "/oauth2/token", "grant_type=authorization_code&code=x", []func(*http.Request){basic}},
		{"token_no_refresh_token", "/oauth2/token", "grant_type=refresh_token", []func(*http.Request){basic}},
		{"token_invalid_refresh_token", "/oauth2/token", "grant_type=refresh_token&refresh_token=pt_rt_x", []func(*http.Request){basic}},
		{"token_get", "/oauth2/token?grant_type=client_credentials", "GET", []func(*http.Request){basic}},

		{"introspection_inactive", "/oauth2/introspect", "token=x", []func(*http.Request){basic}},
		{"introspection_no_token", "/oauth2/introspect", "", []func(*http.Request){basic}},
		{"introspection_no_client", "/oauth2/introspect", "token=x", nil},
		{"introspection_public_client", "/oauth2/introspect", "token=x&client_id=phone", nil},
		{"introspection_bearer", "/oauth2/introspect", "token=x", []func(*http.Request){bearer("x")}},
		{"revocation", "/oauth2/revoke", "token=x", []func(*http.Request){basic}},
		{"revocation_no_token", "/oauth2/revoke", "token_type_hint=access_token", []func(*http.Request){basic}},
		{"revocation_no_client", "/oauth2/revoke", "token=x", nil},

		{"userinfo_no_token", "/userinfo", "GET", nil},
		{"userinfo_invalid_token", "/userinfo", "GET", []func(*http.Request){bearer("x")}},
		{"userinfo_other_scheme", "/userinfo", "GET", []func(*http.Request){basic}},
		{"userinfo_insufficient_scope", "/userinfo", "GET", []func(*http.Request){bearer(readToken)}},
		{"userinfo_in_query", "/userinfo?access_token=" + readToken, "GET", nil},
		{"userinfo_twice", "/userinfo", "access_token=x", []func(*http.Request){bearer("x")}},
		{"userinfo_broken_body", "/userinfo", "access_token=%zz", nil},

		{"authorize_error", authorize(toWeb + "&prompt=none"), "GET", nil},
		{"authorize_error_fragment", authorize(toWeb + "&prompt=none&response_mode=fragment"), "GET", nil},
		{"authorize_error_form_post", authorize(toWeb + "&prompt=none&response_mode=form_post"), "GET", nil},
		{"authorize_error_private_scheme", authorize("client_id=phone&redirect_uri=com.example.phone:/cb&prompt=none"), "GET", nil},
		{"authorize_error_query", authorize("client_id=query&redirect_uri=https://query.example/cb?tenant=1&prompt=none"), "GET", nil},
		{"authorize_error_no_state", authorize(toWeb + "&prompt=none&state="), "GET", nil},
		{"authorize_no_pkce", authorize(toWeb + "&code_challenge=&code_challenge_method="), "GET", nil},
		{"authorize_unsupported_response_type", authorize(toWeb + "&response_type=id_token"), "GET", nil},
		{"authorize_unknown_scope", authorize(toWeb + "&scope=admin"), "GET", nil},
		{"authorize_unknown_prompt", authorize(toWeb + "&prompt=\\\"<ö>"), "GET", nil},
		{"authorize_negative_max_age", authorize(toWeb + "&max_age=-1"), "GET", nil},
		{"authorize_none_beside_login", authorize(toWeb + "&prompt=none login"), "GET", nil},
		{"authorize_duplicate", authorize(toWeb) + "&scope=openid", "GET", nil},
		{"authorize_request", authorize(toWeb + "&request=x"), "GET", nil},

		{"page_no_client", authorize("redirect_uri=https://web.example/cb"), "GET", nil},
		{"page_unknown_client", authorize("client_id=nobody&redirect_uri=https://web.example/cb"), "GET", nil},
		{"page_no_redirect_uri", authorize("client_id=web"), "GET", nil},
		{"page_wrong_redirect_uri", authorize("client_id=web&redirect_uri=https://evil.example/<script>"), "GET", nil},
		{"page_duplicate_redirect_uri", authorize(toWeb) + "&redirect_uri=https://web.example/cb", "GET", nil},
		{"page_unknown_response_mode", authorize(toWeb + "&response_mode=pigeon"), "GET", nil},
		{"page_long_parameter", authorize(toWeb + "&state=" + strings.Repeat("x", 5000)), "GET", nil},
		{"page_post_without_form", "/oauth2/authorize", "{}", []func(*http.Request){header("Content-Type", "application/json")}},
		{"page_invalid_hint_at_logout", "/oauth2/logout?id_token_hint=x", "GET", nil},
		{"page_wrong_target_at_logout", "/oauth2/logout?client_id=web&post_logout_redirect_uri=https://evil.example/", "GET", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var r *http.Request
			if test.body == "GET" {
				r = httptest.NewRequest(http.MethodGet, i.Issuer+test.path, nil)
			} else {
				r = httptest.NewRequest(http.MethodPost, i.Issuer+test.path, strings.NewReader(test.body))
				r.Header.Set("Content-Type", form)
			}
			for _, change := range test.as {
				change(r)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			golden(t, filepath.Join("testdata", "answers", test.name+".golden"), transcript(i, w))
		})
	}
}

// transcript is an answer as it is sent, without what is different each time.
func transcript(i *servertest.Installation, w *httptest.ResponseRecorder) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d %s\n", w.Code, http.StatusText(w.Code))
	var names []string
	for name := range w.Header() {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range w.Header()[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	b.WriteByte('\n')
	switch body := w.Body.Bytes(); {
	case strings.HasPrefix(w.Header().Get("Content-Type"), "application/"):
		if err := json.Indent(&b, body, "", "\t"); err != nil {
			b.Write(body)
		}
	case bytes.Contains(body, []byte("<main")):
		b.WriteString(words(body))
	default:
		b.Write(body)
	}
	text := bytes.ReplaceAll(b.Bytes(), []byte(i.Issuer), []byte("https://id.example.com"))
	text = bytes.ReplaceAll(text, []byte(url.QueryEscape(i.Issuer)), []byte(url.QueryEscape("https://id.example.com")))
	for _, v := range variable {
		text = v.form.ReplaceAll(text, []byte(v.as))
	}
	return text
}

// words are what a page says and would send, a line each. Package templates has its HTML in golden files.
func words(page []byte) string {
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for n := range root.Descendants() {
		inMain := false
		for above := range n.Ancestors() {
			inMain = inMain || above.Data == "main"
		}
		attribute := map[string]string{}
		for _, a := range n.Attr {
			attribute[a.Key] = a.Val
		}
		text := strings.TrimSpace(n.Data)
		switch {
		case !inMain || text == "":
		case n.Type == html.TextNode:
			fmt.Fprintln(&b, text)
		case n.Data == "form":
			fmt.Fprintf(&b, "<%s %s>\n", attribute["method"], attribute["action"])
		case n.Data == "input":
			fmt.Fprintf(&b, "<%s=%s>\n", attribute["name"], attribute["value"])
		case n.Data == "a":
			fmt.Fprintf(&b, "<to %s>\n", attribute["href"])
		}
	}
	return b.String()
}

// variable is what is different in each answer.
var variable = []struct {
	form *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}\b`), "7f3c91ab-04de"},
	{regexp.MustCompile(`"(kid|n|x|y)": "[A-Za-z0-9_-]+"`), `"$1": "…"`},
	{regexp.MustCompile(`(?i)(etag: )"[^"]+"`), `$1"…"`},
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
