package login_test

import (
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

// TestFrontchannelLogout follows OpenID Connect Front-Channel Logout 1.0 §2-3: the applications that were signed out in this
// browser are opened in frames, with issuer and session, before the browser goes on to the registered address.
func TestFrontchannelLogout(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	c := i.AddClient(t, "Wiki", clients.Web, func(a *clients.Application) {
		a.FrontchannelLogoutURI, a.FrontchannelLogoutSessionRequired = "https://wiki.example/frontchannel?a=b", true
		a.PostLogoutRedirectURIs = []string{"https://wiki.example/out"}
	})
	i.AddUser(t, "ada@example.com")

	t.Run("by id_token_hint", func(t *testing.T) {
		b := i.NewBrowser(t)
		tokens := i.Redeem(t, c, b.Code(i, c, "ada@example.com", "openid", nil))
		sid := i.Introspect(t, c, tokens.String("access_token")).String("sid")
		q := url.Values{"id_token_hint": {tokens.String("id_token")}, "post_logout_redirect_uri": {"https://wiki.example/out"}, "state": {"st"}}
		checkFrames(t, i, b.Open(i.Issuer+"/oauth2/logout?"+q.Encode()), sid)
	})
	t.Run("by the page", func(t *testing.T) {
		b := i.NewBrowser(t)
		tokens := i.Redeem(t, c, b.Code(i, c, "ada@example.com", "openid", nil))
		sid := i.Introspect(t, c, tokens.String("access_token")).String("sid")
		q := url.Values{"client_id": {c.ClientID}, "post_logout_redirect_uri": {"https://wiki.example/out"}, "state": {"st"}}
		checkFrames(t, i, b.Submit(b.Open(i.Issuer+"/oauth2/logout?"+q.Encode()), "logout-confirm", "scope", "browser"), sid)
	})
}

func checkFrames(t *testing.T, i *servertest.Installation, p *servertest.Page, sid string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		t.Fatal(err)
	}
	var frames []string
	leave := ""
	for n := range root.Descendants() {
		attributes := map[string]string{}
		for _, a := range n.Attr {
			attributes[a.Key] = a.Val
		}
		if n.Data == "iframe" {
			frames = append(frames, attributes["src"])
		}
		if _, leaves := attributes["data-leave"]; leaves {
			leave = attributes["href"]
		}
	}
	want := "https://wiki.example/frontchannel?" + url.Values{"a": {"b"}, "iss": {i.Issuer}, "sid": {sid}}.Encode()
	if len(frames) != 1 || frames[0] != want {
		t.Errorf("the page at %s has the frames %q, want %q", p.URL, frames, want)
	}
	if leave != "https://wiki.example/out?state=st" {
		t.Errorf("the page leads to %q, want the registered address with state", leave)
	}
	if policy := p.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-src https://wiki.example") {
		t.Errorf("the policy keeps the frame out: %s", policy)
	}
}
