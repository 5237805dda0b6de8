package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/portico-id/portico/server/servertest"
)

// What no text column takes is refused before anything looks at it, and never an error of ours.
func TestUnreadableRequests(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		for _, test := range []struct {
			method, target, form string
			want                 int
		}{
			{"GET", "/sign-in?interaction=%FF&client_id=%00", "", 400},
			{"GET", "/sign-in?interaction=%00", "", 400},
			{"GET", "/sign-in?%FF=1", "", 400},
			{"GET", "/oauth2/authorize?client_id=%00&response_type=code", "", 400},
			{"GET", "/oauth2/logout?id_token_hint=%ED%A0%80", "", 400},
			{"GET", "/account/%FF", "", 400},
			{"GET", "/admin/?environment=%00", "", 400},
			{"POST", "/sign-in", "email=a%00@example.com", 400},
			{"POST", "/sign-in", "email=\xff", 400},
			{"POST", "/oauth2/token", "grant_type=authorization_code&client_id=web&code=%00", 400},
			{"POST", "/oauth2/introspect", "token=%C0%80&client_id=web", 400},
			{"POST", "/oauth2/token?x=%00", "grant_type=authorization_code", 400},
			{"POST", "/oauth2/token", "grant_type=%zz", 400},
			{"POST", "/oauth2/token", "grant_type=client_credentials&client_id=Gr%C3%BC%C3%9Fe", 401},
			{"GET", "/sign-in?login_hint=Gr%C3%BC%C3%9Fe", "", 303},
		} {
			request, err := http.NewRequest(test.method, i.Issuer+test.target, strings.NewReader(test.form))
			if err != nil {
				t.Fatal(err)
			}
			if test.form != "" {
				request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			if got := servertest.Do(t, request); got.Status != test.want {
				t.Errorf("%s %s %q: %d, want %d\n%s", test.method, test.target, test.form, got.Status, test.want, got.Body)
			}
		}
	})
}

// The attack: a form whose media type is spelled otherwise is parsed all the same (RFC 9110 §8.3.1), but wasn't looked at.
func TestUnreadableForm_regression(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	for _, kind := range []string{"Application/X-WWW-Form-Urlencoded", "application/x-www-form-urlencoded;charset=utf-8", "application/x-www-form-urlencoded; charset"} {
		for _, target := range []string{"/sign-in", "/oauth2/token"} {
			request, err := http.NewRequest(http.MethodPost, i.Issuer+target, strings.NewReader("email=a%00@example.com"))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", kind)
			if got := servertest.Do(t, request); got.Status != http.StatusBadRequest || !strings.Contains(got.Body, "NUL") && target == "/oauth2/token" {
				t.Errorf("%s as %s: %d\n%s", target, kind, got.Status, got.Body)
			}
		}
	}
}
