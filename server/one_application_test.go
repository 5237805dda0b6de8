package server_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

var tags = regexp.MustCompile(`<[^>]*>`)

// TestOneApplication is acceptance 2: with the default application alone a sign-in works end to end, and no page speaks of applications.
func TestOneApplication(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		id := clients.ID(i.Environment.DefaultApplication)
		i.Change(t, id, func(a *clients.Application) { a.RedirectURIs = []string{"https://acme.example/cb"} })
		_, secret, err := i.Applications.CreateSecret(t.Context(), i.Environment.ID, id, "", i.Clock.Now().Add(day))
		if err != nil {
			t.Fatal(err)
		}
		app, err := i.Applications.ByID(t.Context(), i.Environment.ID, id)
		if err != nil {
			t.Fatal(err)
		}
		acme := servertest.Client{Application: app, Secret: secret.Reveal()}
		ada := i.AddUser(t, "ada@example.com")
		b := i.NewBrowser(t)
		silent := func(p *servertest.Page) *servertest.Page {
			t.Helper()
			if p.Status != http.StatusOK {
				t.Fatalf("%s is %d %q", p.URL, p.Status, p.Title)
			}
			if text := tags.ReplaceAllString(p.Body, " "); strings.Contains(strings.ToLower(text), "application") {
				t.Errorf("%s speaks of applications:\n%s", p.URL.Path, text)
			}
			return p
		}

		p := silent(b.Open(i.AuthorizeURL(acme, "openid email offline_access", nil)))
		p = silent(b.Submit(p, "username", "username", ada.Email))
		if p = b.Submit(p, "password", "password", servertest.Password); p.Left == nil {
			t.Fatalf("the browser is at %s", p.URL)
		}
		tokens := i.Redeem(t, acme, p.Left.Query().Get("code"))
		if got := i.UserInfo(t, tokens.String("access_token")).String("email"); got != ada.Email {
			t.Errorf("userinfo has the e-mail address %q", got)
		}
		if again := i.Refresh(t, acme, tokens.String("refresh_token")); again.Status != http.StatusOK {
			t.Errorf("refresh: %d %s", again.Status, again.Body)
		}
		for _, path := range []string{"/account", "/account/sessions", "/account/sign-in", "/account/data", "/sign-out"} {
			silent(b.Open(i.Issuer + path))
		}
		silent(b.Submit(b.Open(i.Issuer+"/sign-out?client_id="+acme.ClientID), "logout-confirm", "scope", "application"))
		if again := i.Introspect(t, acme, tokens.String("access_token")); again.JSON["active"] != false {
			t.Errorf("after the sign-out introspection says %s", again.Body)
		}
	})
}
