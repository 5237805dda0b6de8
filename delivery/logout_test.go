package delivery_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/delivery"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/sessions"
)

// receiver is an application that takes logout tokens, after it has refused the first few.
type receiver struct {
	*httptest.Server
	refuse atomic.Int32
	tokens chan string
}

func newReceiver(t *testing.T, refuse int32) *receiver {
	r := &receiver{tokens: make(chan string, 16)}
	r.refuse.Store(refuse)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if r.refuse.Add(-1) >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		r.tokens <- request.PostFormValue("logout_token")
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) next(t *testing.T) string {
	t.Helper()
	select {
	case token := <-r.tokens:
		return token
	case <-time.After(15 * time.Second):
		t.Fatal("no logout token came")
		return ""
	}
}

// TestBackchannelLogout follows OpenID Connect Back-Channel Logout 1.0 §2.4-2.5: the application that a session was in gets
// a logout token when it ends, and one that doesn't answer gets it again.
func TestBackchannelLogout(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		wiki, shop := newReceiver(t, 0), newReceiver(t, 2)
		add := func(name string, r *receiver) servertest.Client {
			return i.AddClient(t, name, clients.Web, func(a *clients.Application) {
				a.BackchannelLogoutURI, a.BackchannelLogoutSessionRequired = r.URL, true
			})
		}
		a, b := add("Wiki", wiki), add("Shop", shop)
		quiet := i.AddClient(t, "Quiet", clients.Web, nil)
		user := i.AddUser(t, "ada@example.com")
		browser := i.NewBrowser(t)
		for _, c := range []servertest.Client{a, b, quiet} {
			if r := i.Redeem(t, c, browser.Code(i, c, "ada@example.com", "openid", nil)); r.Status != http.StatusOK {
				t.Fatal(r.Body)
			}
		}
		if _, err := i.Sessions.EndUser(t.Context(), i.Environment.ID, user.ID, sessions.EndedSignedOutEverywhere); err != nil {
			t.Fatal(err)
		}
		checkLogoutToken(t, i, a, wiki.next(t), string(user.ID))

		// The other answers 503 twice. Its waits are passed by moving the clock.
		for step := 1; ; step++ {
			report, _, err := i.Logouts.Store.Logouts(t.Context(), i.Environment.ID, b.ID, "", 10)
			if err != nil || len(report) != 1 {
				t.Fatalf("the report has %d logouts: %v", len(report), err)
			}
			if !report[0].DeliveredAt.IsZero() {
				if report[0].Attempts < 3 || report[0].Error != "" {
					t.Errorf("delivered after %d attempts with error %q, want 3 at least and none", report[0].Attempts, report[0].Error)
				}
				break
			}
			if step > 100 {
				t.Fatalf("not delivered: %+v", report[0])
			}
			i.Clock.Set(time.Duration(step) * time.Minute)
			if _, err := i.Logouts.Deliver(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		checkLogoutToken(t, i, b, shop.next(t), string(user.ID))
	})
}

func checkLogoutToken(t *testing.T, i *servertest.Installation, c servertest.Client, token, subject string) {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), i.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	verified, err := provider.Verifier(&oidc.Config{ClientID: c.ClientID, Now: i.Clock.Now}).Verify(t.Context(), token)
	if err != nil {
		t.Fatalf("the logout token of %s: %v", c.Name, err)
	}
	var claims struct {
		Subject string                    `json:"sub"`
		Session string                    `json:"sid"`
		ID      string                    `json:"jti"`
		Nonce   *string                   `json:"nonce"`
		Events  map[string]map[string]any `json:"events"`
	}
	if err := verified.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	event, ok := claims.Events["http://schemas.openid.net/event/backchannel-logout"]
	if claims.Subject != subject || !strings.HasPrefix(claims.Session, "ses_") || claims.ID == "" || claims.Nonce != nil || len(claims.Events) != 1 || !ok || len(event) != 0 {
		t.Errorf("the logout token of %s says %+v", c.Name, claims)
	}
}

// TestNewClient: no application makes us call into our own network (server-side request forgery).
func TestNewClient(t *testing.T) {
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer inside.Close()
	address, err := url.Parse(inside.URL)
	if err != nil {
		t.Fatal(err)
	}
	byName := "http://localhost:" + address.Port()
	for _, target := range []string{inside.URL, byName} {
		if response, err := delivery.NewClient(false).Get(target); err == nil {
			response.Body.Close()
			t.Errorf("GET %s reached this machine", target)
		} else if !strings.Contains(err.Error(), "outgoing.private_networks") {
			t.Errorf("GET %s: %v, want the name of the setting that allows it", target, err)
		}
	}
	response, err := delivery.NewClient(true).Get(inside.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusFound {
		t.Errorf("a redirect was followed: %s", response.Status)
	}
}
