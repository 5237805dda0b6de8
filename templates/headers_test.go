package templates

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	start = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:"
	end   = "; font-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
	plain = start + end // as on every page whose post may end at an application
	stays = "; form-action 'self'"
)

// The headers of ui.md §10.
func TestHeaders(t *testing.T) {
	for _, test := range []struct {
		name     string
		page     Page
		policy   string
		isolated bool
	}{
		{"sign-in", SignIn{Chrome: acme}, plain, false},
		{"password", SignInPassword{Chrome: acme}, plain, false},
		{"choose account", ChooseAccount{Chrome: acme}, plain, false},
		{"sign-up", SignUp{Chrome: acme}, plain, false},
		{"verify email", VerifyEmail{Chrome: acme}, plain, false},
		{"password reset", PasswordReset{Chrome: acme}, plain, false},
		{"new password", PasswordResetNew{Chrome: acme}, plain, false},
		{"consent", Consent{Chrome: acme}, plain, false},
		{"sign-out", SignOut{Chrome: acme}, plain, false},
		{"form post", FormPost{Chrome: acme}, plain, false},
		{"error", ErrorPage{Chrome: acme}, plain + stays, false},
		{"finished", Finished{Chrome: acme, What: EmailIsVerified}, plain + stays, false},
		{"account", AccountProfile{Chrome: account}, plain + stays, true},
		{"account sign-in", AccountSignIn{Chrome: account}, plain + stays, true},
		{"account sessions", AccountSessions{Chrome: account}, plain + stays, true},
		{"account applications", AccountApplications{Chrome: account}, plain + stays, true},
		{"set-up", Setup{}, plain + stays, true},
		{"welcome", Welcome{Dashboard: owner}, plain + stays, true},
		{"mailbox", Mailbox{}, plain + stays, false},
		{"message", MailboxMessage{}, plain + "; frame-src 'self'" + stays, false},
		{"front-channel logout", SignedOut{Frontchannel: []string{"https://app.example/out?sid=1", "https://notes.example:8443/bye", "javascript:alert(1)"}},
			plain + "; frame-src https://app.example https://notes.example:8443" + stays, false},
		{"logo elsewhere", SignIn{Chrome: Chrome{LogoURI: "https://cdn.example/a/logo.svg"}}, start + " https://cdn.example" + end, false},
		{"logo at a port", SignIn{Chrome: Chrome{LogoURI: "http://[::1]:8080/logo.svg"}}, start + " http://[::1]:8080" + end, false},
		{"dark logo elsewhere", SignIn{Chrome: Chrome{LogoURI: "https://cdn.example/logo.svg", DarkLogoURI: "https://dark.example/logo.svg"}}, start + " https://cdn.example https://dark.example" + end, false},
		{"logo from here", SignIn{Chrome: Chrome{LogoURI: "/brand/logo.svg"}}, plain, false},
		{"logo that ends the directive", SignIn{Chrome: Chrome{LogoURI: "https://cdn.example;script-src *"}}, plain, false},
		{"logo that adds a source", SignIn{Chrome: Chrome{LogoURI: "https://a.example,b.example/logo.svg"}}, plain, false},
		{"logo from everywhere", SignIn{Chrome: Chrome{LogoURI: "https://*/logo.svg"}}, plain, false},
		{"logo that runs", SignIn{Chrome: Chrome{LogoURI: "javascript:alert(1)"}}, plain, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := http.Header{
				"Content-Type":            {"text/html; charset=utf-8"},
				"Content-Security-Policy": {test.policy},
				"Cache-Control":           {"no-store"},
				"Referrer-Policy":         {"same-origin"},
				"X-Content-Type-Options":  {"nosniff"},
				"Permissions-Policy":      {"publickey-credentials-get=(self), publickey-credentials-create=(self)"},
			}
			if test.isolated {
				want.Set("Cross-Origin-Opener-Policy", "same-origin")
			}
			if diff := cmp.Diff(want, render(t, test.page).Header()); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRenderStatus(t *testing.T) {
	w := httptest.NewRecorder()
	if err := Render(w, http.StatusNotFound, NotFound(account)); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusNotFound {
		t.Errorf("status = %d, want 404", w.Code)
	}
}

// A page that cannot be made leaves the response to the handler.
func TestRenderFailure(t *testing.T) {
	w := httptest.NewRecorder()
	if err := Render(w, http.StatusOK, Finished{Chrome: acme, What: "nothing"}); err == nil {
		t.Fatal("Render = nil, want an error")
	}
	if w.Body.Len() > 0 || len(w.Header()) > 0 {
		t.Errorf("Render wrote %v and %q before it failed", w.Header(), w.Body)
	}
}

func TestRenderMailBody(t *testing.T) {
	w := httptest.NewRecorder()
	if err := RenderMailBody(w, "<p>Hello</p>"); err != nil {
		t.Fatal(err)
	}
	want := "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; " +
		"sandbox allow-popups allow-popups-to-escape-sandbox"
	if got := w.Header().Get("Content-Security-Policy"); got != want {
		t.Errorf("policy = %q, want %q", got, want)
	}
	if w.Body.String() != "<p>Hello</p>" {
		t.Errorf("body = %q", w.Body)
	}
}
