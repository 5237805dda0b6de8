package server_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

// TestLogoutDeliveryReport is the delivery report of acceptance 64: an application that cannot be reached when a person signs
// out is told later, and until then its operator reads that it wasn't, and why.
func TestLogoutDeliveryReport(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		address := servertest.FreeAddress(t)
		wiki := i.AddClient(t, "Wiki", clients.Web, func(a *clients.Application) { a.BackchannelLogoutURI = "http://" + address + "/logout" })
		ada := i.AddUser(t, "ada@example.com")
		b := i.NewBrowser(t)
		tokens := i.Redeem(t, wiki, b.Code(i, wiki, ada.Email, "openid", nil))
		sid := i.Introspect(t, wiki, tokens.String("access_token")).String("sid")
		_, key, err := i.APIKeys.Create(t.Context(), i.Environment, clients.ID(i.Environment.DefaultApplication), clients.NewAPIKey{Scopes: []clients.APIScope{clients.ScopeReadSessions}})
		if err != nil {
			t.Fatal(err)
		}
		report := func() *servertest.Reply {
			r, err := http.NewRequest(http.MethodGet, i.Issuer+"/api/v1/applications/"+string(wiki.ID)+"/logout_deliveries", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+key.Reveal())
			return servertest.Do(t, r)
		}
		if r := report(); r.Status != http.StatusOK || !strings.Contains(r.Body, `"data":[]`) {
			t.Fatalf("before anybody signs out: %d %s", r.Status, r.Body)
		}
		page := b.Open(i.Issuer + "/oauth2/logout?" + url.Values{"client_id": {wiki.ClientID}}.Encode())
		b.Submit(page, "logout-confirm", "scope", "application")

		// tried moves the clock past the waits between attempts until the report's only delivery is as it should be.
		tried := func(ok func(delivery map[string]any) bool) map[string]any {
			t.Helper()
			var body string
			for range 50 {
				i.Clock.Set(i.Clock.Offset() + time.Minute)
				if _, err := i.Logouts.Deliver(t.Context()); err != nil {
					t.Fatal(err)
				}
				r := report()
				if body = r.Body; r.Status != http.StatusOK {
					t.Fatalf("%d %s", r.Status, body)
				}
				if all, _ := r.JSON["data"].([]any); len(all) == 1 && ok(all[0].(map[string]any)) {
					return all[0].(map[string]any)
				}
			}
			t.Fatalf("the report stays %s", body)
			return nil
		}
		d := tried(func(d map[string]any) bool { return d["last_error"] != nil })
		if d["status"] != "pending" || d["session_id"] != sid || d["user_id"] != string(ada.ID) || d["next_attempt_at"] == nil || !strings.Contains(d["last_error"].(string), "refused") {
			t.Errorf("of an application that cannot be reached: %v", d)
		}

		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		took := make(chan string, 10)
		receiver := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { took <- r.PostFormValue("logout_token") }))
		receiver.Listener.Close()
		receiver.Listener = listener
		receiver.Start()
		defer receiver.Close()
		before := d["attempts"].(float64)
		d = tried(func(d map[string]any) bool { return d["status"] == "delivered" })
		if d["attempts"].(float64) <= before || d["delivered_at"] == nil || d["next_attempt_at"] != nil || d["last_error"] != nil {
			t.Errorf("once it can be reached: %v", d)
		}
		if token := <-took; token == "" || strings.Contains(report().Body, token) {
			t.Errorf("the application got %q", token)
		}
	})
}
