package server_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/storage/storagetest"
)

// pair is two nodes over one PostgreSQL, behind a proxy that gives each request to the other node. The Installation is what
// is reached through the proxy.
type pair struct {
	*servertest.Installation
	proxy *roundRobin
	nodes [2]*servertest.Installation // each at its own address
}

// newPair starts two nodes on the databases with the URLs, which lead to the same one.
func newPair(t *testing.T, databases ...string) *pair {
	t.Helper()
	p := &pair{proxy: newRoundRobin(t)}
	dir := t.TempDir()
	for n, database := range databases {
		node := servertest.Start(t, servertest.Options{DatabaseURL: database, DataDir: dir, Variables: map[string]string{"PORTICO_PUBLIC_URL": p.proxy.URL}})
		if n == 0 {
			p.Installation = node
		}
		alone := *node
		alone.Issuer = "http://" + node.Config.Listen
		p.nodes[n] = &alone
		p.proxy.send(t, n, node.Config.Listen)
	}
	return p
}

// roundRobin is a load balancer without a memory: it keeps no session at a node, and sends a request whose node is down nowhere else.
type roundRobin struct {
	*httptest.Server
	turn  atomic.Uint64
	nodes [2]atomic.Pointer[url.URL]
	taken [2]atomic.Int64
}

func newRoundRobin(t *testing.T) *roundRobin {
	p := &roundRobin{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			n := p.turn.Add(1) % 2
			p.taken[n].Add(1)
			r.SetURL(p.nodes[n].Load())
			r.Out.Host = r.In.Host
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	p.Server = httptest.NewServer(proxy)
	t.Cleanup(p.Close)
	return p
}

func (p *roundRobin) send(t *testing.T, n int, address string) {
	t.Helper()
	node, err := url.Parse("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	p.nodes[n].Store(node)
}

// soon waits until done, and returns how long that took. It fails after the limit.
func soon(t *testing.T, limit time.Duration, what string, done func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		if time.Since(began) > limit {
			t.Fatalf("%s: not within %s", what, limit)
		}
		<-tick.C
	}
	return time.Since(began)
}

// mailedCode is the code in the mail to the address, which either node may have sent.
func (p *pair) mailedCode(t *testing.T, to string) (code string) {
	t.Helper()
	soon(t, 10*time.Second, "a mail to "+to, func() bool {
		for _, node := range p.nodes {
			for _, m := range node.Mailbox.Messages() {
				if strings.Contains(m.To, to) && m.Code != "" {
					code = m.Code
				}
			}
		}
		return code != ""
	})
	return code
}

// active asks each node for the token.
func (p *pair) active(t *testing.T, c servertest.Client, token string) bool {
	t.Helper()
	var alive [2]bool
	for n, node := range p.nodes {
		alive[n] = node.Introspect(t, c, token).JSON["active"] == true
	}
	if alive[0] != alive[1] {
		t.Errorf("the nodes don't agree whether a token is active: %v", alive)
	}
	return alive[0]
}

// gone is the code that the client gets of a page where everything has been asked.
func gone(t *testing.T, p *servertest.Page) string {
	t.Helper()
	if p.Left == nil || p.Left.Query().Get("code") == "" {
		t.Fatalf("the browser is at %s (%q, status %d, left for %v), not at the client with a code\n%s", p.URL, p.Title, p.Status, p.Left, p.Body)
	}
	return p.Left.Query().Get("code")
}

const newPassword = "otter lantern mosaic gravel"

// TestTwoNodes is acceptance 86: each request of each flow is served by the other node.
func TestTwoNodes(t *testing.T) {
	database := storagetest.EmptyPostgresURL(t)
	p := newPair(t, database, database)
	wiki := p.AddClient(t, "Wiki", clients.Web, func(a *clients.Application) { a.PostLogoutRedirectURIs = []string{"https://wiki.example/bye"} })
	tasks := p.AddClient(t, "Tasks", clients.Web, nil)
	shop := p.AddClient(t, "Shop", clients.Web, func(a *clients.Application) { a.Consent = clients.ConsentThirdParty })
	const scope = "openid offline_access"
	ada := p.AddUser(t, "ada@example.com")

	t.Run("tokens", func(t *testing.T) {
		r := p.Tokens(t, wiki, ada.Email, scope)
		for range 3 {
			next := p.Refresh(t, wiki, r.String("refresh_token"))
			again := p.Refresh(t, wiki, r.String("refresh_token")) // acceptance 42
			if next.Status != http.StatusOK || again.String("refresh_token") != next.String("refresh_token") {
				t.Fatalf("refresh: %d %s, then %d %s", next.Status, next.Body, again.Status, again.Body)
			}
			r = next
		}
		if u := p.UserInfo(t, r.String("access_token")); u.String("sub") != string(ada.ID) || !p.active(t, wiki, r.String("access_token")) {
			t.Errorf("userinfo: %d %s", u.Status, u.Body)
		}
		if revoked := p.Call(t, wiki, "/oauth2/revoke", url.Values{"token": {r.String("refresh_token")}}); revoked.Status != http.StatusOK || p.active(t, wiki, r.String("access_token")) {
			t.Errorf("revocation: %d %s", revoked.Status, revoked.Body)
		}
	})
	t.Run("sign-up", func(t *testing.T) {
		b := p.NewBrowser(t)
		page := b.Open(p.AuthorizeURL(wiki, scope, url.Values{"prompt": {"create"}}))
		page = b.Submit(page, "login-submit", "name", "Grace Hopper", "username", "grace@example.com", "password", newPassword)
		page = b.Submit(page, "login-submit", "code", p.mailedCode(t, "grace@example.com"))
		if r := p.Redeem(t, wiki, gone(t, page)); r.Status != http.StatusOK {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
	t.Run("password reset", func(t *testing.T) {
		olga := p.AddUser(t, "olga@example.com")
		before := p.Tokens(t, wiki, olga.Email, scope)
		b := p.NewBrowser(t)
		page := b.Submit(b.Open(p.AuthorizeURL(wiki, scope, nil)), "username", "username", olga.Email)
		reset := strings.Replace(page.URL.String(), "/sign-in/password", "/password-reset", 1)
		page = b.Submit(b.Open(reset), "login-submit", "username", olga.Email)
		page = b.Submit(page, "login-submit", "code", p.mailedCode(t, olga.Email))
		gone(t, b.Submit(page, "login-submit", "password", newPassword))
		if p.active(t, wiki, before.String("access_token")) {
			t.Error("a session from before the reset is alive") // acceptance 45
		}
	})
	t.Run("consent", func(t *testing.T) {
		b := p.NewBrowser(t)
		b.Code(p.Installation, shop, ada.Email, scope, nil)
		gone(t, b.Open(p.AuthorizeURL(shop, scope, nil))) // remembered
	})
	t.Run("account chooser", func(t *testing.T) {
		bob := p.AddUser(t, "bob@example.com")
		b := p.NewBrowser(t)
		b.Code(p.Installation, wiki, ada.Email, scope, nil)
		page := b.Open(p.AuthorizeURL(wiki, scope, url.Values{"prompt": {"select_account"}}))
		page = b.Post(page.URL.String(), url.Values{"action": {"other"}})
		gone(t, b.SignIn(page, bob.Email))
		page = b.Open(p.AuthorizeURL(tasks, scope, url.Values{"prompt": {"select_account"}}))
		accounts := regexp.MustCompile(`name="account" value="([^"]+)"`).FindAllStringSubmatch(page.Body, -1)
		if len(accounts) != 2 {
			t.Fatalf("the chooser has %d accounts\n%s", len(accounts), page.Body)
		}
		got := map[string]bool{}
		for _, account := range accounts { // acceptance 16
			page = b.Open(p.AuthorizeURL(tasks, scope, url.Values{"prompt": {"select_account"}}))
			r := p.Redeem(t, tasks, gone(t, b.Post(page.URL.String(), url.Values{"account": {account[1]}})))
			got[p.UserInfo(t, r.String("access_token")).String("sub")] = true
		}
		if !got[string(ada.ID)] || !got[string(bob.ID)] {
			t.Errorf("the accounts chosen are %v", got)
		}
	})
	t.Run("organization", func(t *testing.T) {
		carol := p.AddUser(t, "carol@example.com")
		var ids []string
		for n, name := range []string{"North", "South"} { // made on one node, used on the other
			o, err := p.nodes[n].Organizations.Create(t.Context(), p.Environment.ID, organizations.Settings{Name: name})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.nodes[1-n].Organizations.AddMember(t.Context(), p.Environment.ID, o.ID, carol.ID); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, string(o.ID))
		}
		b := p.NewBrowser(t)
		page := b.SignIn(b.Open(p.AuthorizeURL(wiki, scope, nil)), carol.Email)
		r := p.Redeem(t, wiki, gone(t, b.Submit(page, "login-submit", "organization_id", ids[0])))
		if got := p.Introspect(t, wiki, r.String("access_token")).String("org_id"); got != ids[0] {
			t.Errorf("org_id = %q, want %q", got, ids[0])
		}
		switched := p.Call(t, wiki, "/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {r.String("refresh_token")}, "organization_id": {ids[1]}})
		if got := p.Introspect(t, wiki, switched.String("access_token")).String("org_id"); got != ids[1] { // acceptance 15
			t.Errorf("after the switch org_id = %q, want %q: %s", got, ids[1], switched.Body)
		}
	})
	for _, signOut := range []struct {
		scope string
		alive [3]bool // Wiki and Tasks in this browser, Wiki in another
	}{
		{"application", [3]bool{false, true, true}}, {"browser", [3]bool{false, false, true}}, {"everywhere", [3]bool{}},
	} {
		t.Run("sign-out of "+signOut.scope, func(t *testing.T) { // acceptance 64
			user := p.AddUser(t, signOut.scope+"@example.com")
			b := p.NewBrowser(t)
			here, there := p.Redeem(t, wiki, b.Code(p.Installation, wiki, user.Email, scope, nil)), p.Tokens(t, wiki, user.Email, scope)
			sibling := p.Redeem(t, tasks, b.Code(p.Installation, tasks, user.Email, scope, nil))
			page := b.Open(p.Issuer + "/oauth2/logout?" + url.Values{"client_id": {wiki.ClientID}, "state": {"st"}}.Encode())
			if page = b.Submit(page, "logout-confirm", "scope", signOut.scope); page.Left == nil || page.Left.String() != "https://wiki.example/bye?state=st" {
				t.Errorf("the browser shows %q and leaves for %v", page.Title, page.Left)
			}
			got := [3]bool{p.active(t, wiki, here.String("access_token")), p.active(t, tasks, sibling.String("access_token")), p.active(t, wiki, there.String("access_token"))}
			if got != signOut.alive {
				t.Errorf("alive are %v, want %v", got, signOut.alive)
			}
		})
	}
	t.Run("account page", func(t *testing.T) { // acceptance 44
		dora := p.AddUser(t, "dora@example.com")
		b := p.NewBrowser(t)
		here, there := p.Redeem(t, wiki, b.Code(p.Installation, wiki, dora.Email, scope, nil)), p.Tokens(t, wiki, dora.Email, scope)
		sid := p.Introspect(t, wiki, there.String("access_token")).String("sid")
		page := b.Open(p.Issuer + "/account/sessions")
		if !strings.Contains(page.Body, `value="`+sid+`"`) {
			t.Fatalf("the page has no session %s\n%s", sid, page.Body)
		}
		b.Post(page.URL.String(), url.Values{"session": {sid}})
		if p.active(t, wiki, there.String("access_token")) || !p.active(t, wiki, here.String("access_token")) {
			t.Error("the wrong session was ended")
		}
		if r := p.Refresh(t, wiki, there.String("refresh_token")); r.String("error") != "invalid_grant" || !strings.Contains(r.String("error_description"), "revoked_by_user") {
			t.Errorf("its refresh: %d %s", r.Status, r.Body)
		}
	})
	if a, b := p.proxy.taken[0].Load(), p.proxy.taken[1].Load(); max(a-b, b-a) > 1 {
		t.Errorf("one node served %d requests, the other %d", a, b)
	}
}

// api calls the management API of one node.
func (p *pair) api(t *testing.T, node int, key, method, path, body string) *servertest.Reply {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, p.nodes[node].Issuer+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		r.Header.Set("Content-Type", "application/merge-patch+json")
	}
	reply := servertest.Do(t, r)
	if reply.Status >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, reply.Status, reply.Body)
	}
	return reply
}

// known makes changes through one node and waits until the other goes by them. It returns the longest that one took.
func (p *pair) known(t *testing.T, limit time.Duration) (longest time.Duration) {
	t.Helper()
	c := p.AddClient(t, "Robot", clients.Machine, nil)
	web := p.AddClient(t, "Web", clients.Web, nil)
	eve := p.AddUser(t, "eve@example.com")
	tokens := p.Tokens(t, web, eve.Email, "openid offline_access")
	_, secret, err := p.APIKeys.Create(t.Context(), p.Environment, clients.ID(p.Environment.DefaultApplication), clients.NewAPIKey{Scopes: []clients.APIScope{clients.ScopeAll}})
	if err != nil {
		t.Fatal(err)
	}
	key := secret.Reveal()
	there := p.nodes[1]
	credentials := func(c servertest.Client) *servertest.Reply {
		return there.Call(t, c, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}})
	}
	credentials(c) // so that the other node has the application in memory
	application, webPath := "/applications/"+string(c.ID), "/applications/"+string(web.ID)
	wait := func(what string, done func() bool) { longest = max(longest, soon(t, limit, what, done)) }

	p.api(t, 0, key, http.MethodPatch, application, `{"session_policy":{"access_token_lifetime":61}}`)
	wait("a changed policy", func() bool { return credentials(c).JSON["expires_in"] == 61.0 })

	made := p.api(t, 0, key, http.MethodPost, application+"/secrets", `{"name":"second"}`)
	second := c
	second.Secret = made.String("client_secret")
	wait("a new secret", func() bool { return credentials(second).Status == http.StatusOK })
	p.api(t, 0, key, http.MethodPost, application+"/secrets/"+made.String("id")+"/expire", "")
	wait("the end of a secret", func() bool { return credentials(second).Status == http.StatusUnauthorized })
	if r := credentials(c); r.Status != http.StatusOK {
		t.Errorf("the secret that stays: %d %s", r.Status, r.Body)
	}

	kids := func(i *servertest.Installation) (all []string) {
		r, err := http.Get(i.Issuer + "/.well-known/jwks.json")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		var set struct{ Keys []struct{ Kid string } }
		if err := json.NewDecoder(r.Body).Decode(&set); err != nil {
			t.Fatal(err)
		}
		for _, k := range set.Keys {
			all = append(all, k.Kid)
		}
		slices.Sort(all)
		return all
	}
	before := kids(there)
	p.api(t, 0, key, http.MethodPost, "/keys:rotate", `{"algorithm":"RS256","now":true}`)
	now := kids(p.nodes[0])
	if slices.Equal(before, now) {
		t.Fatalf("the rotation changed nothing: %v", now)
	}
	wait("a rotated key", func() bool { return slices.Equal(kids(there), now) })

	p.api(t, 0, key, http.MethodPatch, webPath, `{"enabled":false}`)
	wait("a disabled application", func() bool {
		return there.Introspect(t, web, tokens.String("access_token")).Status == http.StatusUnauthorized
	})
	return longest
}

// TestChangesReachTheOtherNode: what is changed on a node goes for the other as soon as it is told, and within a second if
// it can't be (design.md §4 and §5, acceptance 52).
func TestChangesReachTheOtherNode(t *testing.T) {
	t.Run("told", func(t *testing.T) {
		database := storagetest.EmptyPostgresURL(t)
		t.Logf("known on the other node after at most %s", newPair(t, database, database).known(t, time.Second))
	})
	t.Run("not told", func(t *testing.T) {
		database := storagetest.EmptyPostgresURL(t)
		wire := newWire(t, database)
		p := newPair(t, database, wire.url)
		wire.cut()
		soon(t, 10*time.Second, "the node notices", func() bool { return !p.nodes[1].DB.Coherent() })
		limit := time.Second + 500*time.Millisecond // for the machine
		t.Logf("known on the other node after at most %s", p.known(t, limit))
		if p.nodes[1].DB.Coherent() {
			t.Error("the node was told")
		}
	})
}
