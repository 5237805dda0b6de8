package provider

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadForm(t *testing.T) {
	for _, test := range []struct {
		name, contentType, query, body string
		want                           url.Values
		error                          string
	}{
		{"a form", formEncoded, "", "a=1&b=2", url.Values{"a": {"1"}, "b": {"2"}}, ""},
		{"with a charset", formEncoded + "; charset=UTF-8", "", "a=1", url.Values{"a": {"1"}}, ""},
		{"in other letters", "Application/X-WWW-Form-URLEncoded", "", "a=1", url.Values{"a": {"1"}}, ""},
		{"the query is not looked at", formEncoded, "client_secret=s&a=0", "a=1", url.Values{"a": {"1"}}, ""}, // RFC 6749 §2.3.1
		{"nothing", formEncoded, "a=1", "", url.Values{}, ""},
		{"resource may be repeated", formEncoded, "", "resource=a&resource=b", url.Values{"resource": {"a", "b"}}, ""}, // RFC 8707 §2
		{"nothing else may", formEncoded, "", "scope=a&scope=b", nil, "invalid_request"},                               // RFC 6749 §3.2
		{"not even without a value", formEncoded, "", "scope&scope", nil, "invalid_request"},
		{"no content type", "", "", "a=1", nil, "invalid_request"},
		{"JSON", "application/json", "", `{"a":1}`, nil, "invalid_request"},
		{"multipart", "multipart/form-data; boundary=x", "", "--x--", nil, "invalid_request"},
		{"a broken content type", formEncoded + ";=", "", "a=1", nil, "invalid_request"},
		{"broken escapes", formEncoded, "", "a=%zz", nil, "invalid_request"},
		{"a semicolon", formEncoded, "", "a=1;b=2", nil, "invalid_request"},
		{"too much", formEncoded, "", "a=" + strings.Repeat("x", 100), nil, "invalid_request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/oauth2/token?"+test.query, strings.NewReader(test.body))
			if test.contentType != "" {
				r.Header.Set("Content-Type", test.contentType)
			}
			r.Body = http.MaxBytesReader(httptest.NewRecorder(), r.Body, 100)
			form, err := readForm(r)
			if got := codeOf(err); got != test.error {
				t.Fatalf("the error is %q, want %q", got, test.error)
			}
			if diff := cmp.Diff(test.want, form); diff != "" {
				t.Errorf("readForm() (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAudiences(t *testing.T) {
	for _, test := range []struct {
		name, query string
		want        []string
	}{
		{"none", "", nil},
		{"without a value", "resource=&audience=", nil},
		{"one resource", "resource=https://api.example", []string{"https://api.example"}},
		{"two resources", "resource=b&resource=a", []string{"b", "a"}},
		{"audience, in one parameter or two", "audience=a+b&audience=c", []string{"a", "b", "c"}},
		{"each once", "resource=a&audience=a&audience=b", []string{"a", "b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			form, err := url.ParseQuery(test.query)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, audiences(form)); diff != "" {
				t.Errorf("audiences() (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzReadForm reads any body: no panic, and no parameter twice.
func FuzzReadForm(f *testing.F) {
	for _, body := range []string{"", "a=1", "a=1&a=2", "a;b", "%", "=&=", "resource=a&resource=b", strings.Repeat("a=1&", 50)} {
		f.Add("application/x-www-form-urlencoded", body)
	}
	f.Add("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(body))
		r.Header["Content-Type"] = []string{contentType}
		form, err := readForm(r)
		if err != nil {
			if codeOf(err) != "invalid_request" {
				t.Errorf("readForm(%q) = %v", body, err)
			}
			return
		}
		for name, values := range form {
			if len(values) > 1 && !repeatable[name] {
				t.Errorf("readForm(%q) has %s %d times", body, name, len(values))
			}
		}
		for _, a := range audiences(form) {
			if a == "" || strings.ContainsAny(a, " \t") {
				t.Errorf("audiences of %q has %q", body, a)
			}
		}
	})
}
