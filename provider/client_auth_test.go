package provider

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/portico-id/portico/clients"
)

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

func TestPresented(t *testing.T) {
	for _, test := range []struct {
		name, header, body string
		id, secret         string
		method             clients.AuthMethod
		error              string
	}{
		{"nothing", "", "", "", "", clients.AuthNone, ""},
		{"public", "", "client_id=phone", "phone", "", clients.AuthNone, ""},
		{"public, with an empty secret", "", "client_id=phone&client_secret=", "phone", "", clients.AuthNone, ""}, // RFC 6749 §3.2: omitted
		{"in the body", "", "client_id=web&client_secret=s", "web", "s", clients.AuthClientSecretPost, ""},
		{"in the header", basic("web", "s"), "", "web", "s", clients.AuthClientSecretBasic, ""},
		{"in the header, form-encoded", basic("a%3Ab", "p%2Bq+r"), "", "a:b", "p+q r", clients.AuthClientSecretBasic, ""}, // RFC 6749 §2.3.1
		{"a colon in the secret", basic("web", "a:b"), "", "web", "a:b", clients.AuthClientSecretBasic, ""},
		{"an empty secret in the header", basic("web", ""), "", "web", "", clients.AuthClientSecretBasic, ""},
		{"client_id besides", basic("web", "s"), "client_id=web", "web", "s", clients.AuthClientSecretBasic, ""},
		{"another client_id besides", basic("web", "s"), "client_id=tasks", "", "", "", "invalid_request"},
		{"twice", basic("web", "s"), "client_id=web&client_secret=s", "", "", "", "invalid_request"}, // RFC 6749 §2.3
		{"another scheme", "Bearer abc", "client_id=web", "", "", "", "invalid_client"},
		{"no base64", "Basic %%%", "", "", "", "", "invalid_client"},
		{"no colon", "Basic " + base64.StdEncoding.EncodeToString([]byte("web")), "", "", "", "", "invalid_client"},
		{"not form-encoded", basic("web", "100%"), "", "", "", "", "invalid_client"},
	} {
		t.Run(test.name, func(t *testing.T) {
			form, err := url.ParseQuery(test.body)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodPost, "/oauth2/token", nil)
			if test.header != "" {
				r.Header.Set("Authorization", test.header)
			}
			id, secret, method, err := presented(r, form)
			if got := codeOf(err); got != test.error {
				t.Fatalf("the error is %q, want %q", got, test.error)
			}
			if id != test.id || secret != test.secret || method != test.method {
				t.Errorf("presented() = %q, %q, %q, want %q, %q, %q", id, secret, method, test.id, test.secret, test.method)
			}
		})
	}
}

// codeOf is the code that goes out for the error; "" for none.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return oauthError(err).ErrorField
}

// FuzzPresented reads any header: no panic, and never an ID with an error or a method without an ID in the header.
func FuzzPresented(f *testing.F) {
	for _, header := range []string{"", "Basic", "Basic ", basic("web", "s"), basic("%41", "%zz"), basic(":", ":"), "basic " + strings.Repeat("A", 100), "Bearer x"} {
		f.Add(header, "client_id=web&client_secret=s")
		f.Add(header, "")
	}
	f.Fuzz(func(t *testing.T, header, body string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return // refused before
		}
		r := httptest.NewRequest(http.MethodPost, "/oauth2/token", nil)
		r.Header["Authorization"] = []string{header}
		id, secret, method, err := presented(r, form)
		if err != nil {
			if e := oauthError(err); id != "" || secret != "" || method != "" || e.CodeField != 400 && e.CodeField != 401 {
				t.Errorf("presented(%q, %q) = %q, %q, %q, %v", header, body, id, secret, method, err)
			}
			return
		}
		if secret != "" && method == clients.AuthNone {
			t.Errorf("presented(%q, %q) has a secret by no method", header, body)
		}
		if header != "" && method != clients.AuthClientSecretBasic {
			t.Errorf("presented(%q, %q) looked past the header", header, body)
		}
	})
}
