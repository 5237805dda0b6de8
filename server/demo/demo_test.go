package demo

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// world is the demo, its provider and one browser.
type world struct {
	*testing.T
	Provider *fakeProvider
	URL      string
	Browser  *http.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	p := newFakeProvider(t)
	p.Secrets = map[string]string{"notes": "notes secret/1", "tasks": "tasks secret/2"}
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	handler, err := New(Config{
		Issuer: p.URL, BaseURL: base, MailboxURL: p.URL + "/dev/mailbox", ClockURL: p.URL + "/dev/clock", Now: p.now,
		Notes: Client{ID: "notes", Secret: p.Secrets["notes"]}, Tasks: Client{ID: "tasks", Secret: p.Secrets["tasks"]},
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = handler
	server.Start()
	t.Cleanup(server.Close)
	w := &world{T: t, Provider: p, URL: base}
	w.Browser = w.newBrowser()
	return w
}

func (w *world) newBrowser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

// answer is a page as the browser shows it.
type answer struct {
	Status int
	URL    *url.URL
	Header http.Header
	Body   string
}

func (w *world) get(path string) answer {
	w.Helper()
	res, err := w.Browser.Get(w.URL + path)
	return w.read(res, err)
}

func (w *world) post(path string, form url.Values) answer {
	w.Helper()
	res, err := w.Browser.PostForm(w.URL+path, form)
	return w.read(res, err)
}

func (w *world) read(res *http.Response, err error) answer {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer{Status: res.StatusCode, URL: res.Request.URL, Header: res.Header, Body: html.UnescapeString(string(body))}
}

// shows fails the test unless the page has the status, the path and all the texts.
func (w *world) shows(a answer, status int, path string, texts ...string) {
	w.Helper()
	if a.Status != status || a.URL.Path != path {
		w.Errorf("got %d at %s, want %d at %s", a.Status, a.URL.Path, status, path)
	}
	for _, text := range texts {
		if !strings.Contains(a.Body, text) {
			w.Errorf("%s does not show %q:\n%s", path, text, a.Body)
		}
	}
}

func (w *world) lacks(a answer, texts ...string) {
	w.Helper()
	for _, text := range texts {
		if strings.Contains(a.Body, text) {
			w.Errorf("%s shows %q", a.URL.Path, text)
		}
	}
}

func TestSignInToBoth(t *testing.T) {
	w := newWorld(t)
	w.shows(w.get("/"), 200, "/", "Two applications, one sign-in", "Open Notes", "Open Tasks", "/dev/mailbox")
	w.shows(w.get("/notes"), 200, "/notes/", "Sign in to Notes", "Sign in with Portico")

	page := w.get("/notes/login")
	w.shows(page, 200, "/notes/", "Notes for Ada", "ada@example.com", "ses_notes", "usr_ada",
		"code_challenge_method", "nonce is the one that was sent", "at_hash fits the access token", "Open Tasks")
	request := w.Provider.LastQuery["/authorize"]
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "notes", "redirect_uri": w.URL + "/notes/callback",
		"scope": "openid profile email offline_access", "code_challenge_method": "S256",
	} {
		if got := request.Get(name); got != want {
			t.Errorf("authorization request: %s = %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(request.Get(name)) < 26 {
			t.Errorf("authorization request: %s = %q, want at least 128 bits", name, request.Get(name))
		}
	}
	w.lacks(page, request.Get("nonce")[:20]+"…")

	// The browser session is older than this sign-in, so nobody was asked.
	w.shows(w.get("/tasks/login"), 200, "/tasks/", "Tasks for Ada", "Portico did not have to ask, because you signed in 3 minutes ago", "ses_tasks")
	w.shows(w.get("/notes/"), 200, "/notes/", "Notes for Ada")
}

func TestFreshAuthenticationIsNotCalledSingleSignOn(t *testing.T) {
	w := newWorld(t)
	w.Provider.AuthTime = time.Now().Add(time.Second)
	page := w.get("/notes/login")
	w.shows(page, 200, "/notes/", "You are signed in to Notes", "Your password stayed at Portico")
	w.lacks(page, "did not have to ask")
}

func TestHeaders(t *testing.T) {
	w := newWorld(t)
	out := w.get("/notes/")
	in := w.get("/notes/login")
	for name, want := range map[string]string{
		"Content-Security-Policy": policy + "; form-action 'self'", "Cache-Control": "no-store",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
	} {
		if got := out.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	// Signing out posts here and goes on to the provider.
	if got := in.Header.Get("Content-Security-Policy"); got != policy {
		t.Errorf("signed in: Content-Security-Policy = %q, want %q", got, policy)
	}
	for _, page := range []answer{out, in} {
		w.lacks(page, "<script>", " style=", " onclick=")
	}
	w.shows(w.get("/assets/demo.css"), 200, "/assets/demo.css", "prefers-color-scheme")
	w.shows(w.get("/assets/..%2fdemo.go"), 404, "/assets/../demo.go")
	w.shows(w.get("/nowhere"), 404, "/nowhere", "There is no page at this address")
}

func TestCookies(t *testing.T) {
	w := newWorld(t)
	w.Browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	begun := w.get("/notes/login")
	want := []string{"notes_session=…; Path=/; HttpOnly; SameSite=Lax"}
	cookie := begun.Header.Get("Set-Cookie")
	value, _, _ := strings.Cut(strings.TrimPrefix(cookie, "notes_session="), ";")
	if diff := cmp.Diff(want, []string{strings.Replace(cookie, value, "…", 1)}); diff != "" {
		t.Error(diff)
	}

	// Whoever planted the cookie from before the sign-in must not have what is behind it afterwards.
	planted := &http.Cookie{Name: "notes_session", Value: value, Path: "/notes"}
	w.Browser.CheckRedirect = nil
	w.read(w.Browser.Get(begun.Header.Get("Location")))
	w.shows(w.get("/notes/"), 200, "/notes/", "Notes for Ada")
	request, err := http.NewRequest("GET", w.URL+"/notes/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.AddCookie(planted)
	w.shows(w.read(http.DefaultClient.Do(request)), 200, "/notes/", "Sign in to Notes")
}

func TestAnswers(t *testing.T) {
	// What the authorization response says, and what Notes makes of it.
	for _, c := range []struct {
		name   string
		answer func(url.Values)
		status int
		path   string
		shows  []string
	}{
		{"denied", func(v url.Values) { // RFC 6749 §4.1.2.1
			v.Del("code")
			v.Set("error", "access_denied")
			v.Set("error_description", "You pressed Cancel.")
		}, 200, "/notes/", []string{"You are not signed in to Notes", "You pressed Cancel.", "access_denied"}},
		{"server error", func(v url.Values) {
			v.Del("code")
			v.Set("error", "server_error")
		}, 200, "/notes/", []string{"Portico did not sign you in to Notes", "server_error"}},
		{"wrong state", func(v url.Values) { v.Set("state", "another") }, // RFC 6749 §10.12
			400, "/notes/callback", []string{"This sign-in was not started here", "/notes/login"}},
		{"no state", func(v url.Values) { v.Del("state") }, 400, "/notes/callback", []string{"This sign-in was not started here"}},
		{"error with wrong state", func(v url.Values) {
			v.Set("state", "another")
			v.Set("error", "access_denied")
		}, 400, "/notes/callback", []string{"This sign-in was not started here"}},
		{"wrong iss", func(v url.Values) { v.Set("iss", "https://evil.example") }, // RFC 9207 §2.4
			200, "/notes/", []string{"That answer did not come from Portico", "https://evil.example"}},
		{"missing iss", func(v url.Values) { v.Del("iss") }, // RFC 9207 §2.4, as the metadata promises it
			200, "/notes/", []string{"That answer did not come from Portico"}},
		{"wrong code", func(v url.Values) { v.Set("code", "another") },
			200, "/notes/", []string{"The sign-in did not work", "The code does not fit.", "invalid_grant"}},
		{"no code", func(v url.Values) { v.Del("code") }, 200, "/notes/", []string{"The sign-in did not work"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.Provider.Answer = c.answer
			page := w.get("/notes/login")
			w.shows(page, c.status, c.path, c.shows...)
			w.lacks(page, "Notes for Ada")
			w.lacks(w.get("/notes/"), "Notes for Ada")
			w.Provider.Answer = nil
			w.shows(w.get("/notes/login"), 200, "/notes/", "Notes for Ada")
		})
	}
}

func TestIDTokens(t *testing.T) {
	// OIDC Core §3.1.3.7: what makes an ID token useless.
	for name, spoil := range map[string]func(map[string]any){
		"nonce":    func(c map[string]any) { c["nonce"] = "another" },
		"no nonce": func(c map[string]any) { delete(c, "nonce") },
		"aud":      func(c map[string]any) { c["aud"] = "tasks" },
		"azp":      func(c map[string]any) { c["azp"] = "tasks" },
		"no azp":   func(c map[string]any) { c["aud"] = []string{"notes", "tasks"} },
		"iss":      func(c map[string]any) { c["iss"] = "https://evil.example" },
		"exp":      func(c map[string]any) { c["exp"] = time.Now().Add(-time.Second).Unix() },
		"at_hash":  func(c map[string]any) { c["at_hash"] = "another" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Provider.Claims = spoil
			page := w.get("/notes/login")
			w.shows(page, 200, "/notes/", "The sign-in did not work", "Sign in with Portico")
			w.lacks(page, "Notes for Ada")
		})
	}
}

func TestUserInfo(t *testing.T) {
	for name, info := range map[string]map[string]any{
		"refused":     nil,
		"another sub": {"sub": "usr_eve", "name": "Eve"}, // OIDC Core §5.3.2
		"without sub": {"name": "Eve"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Provider.UserInfo = info
			page := w.get("/notes/login")
			w.shows(page, 200, "/notes/", "Notes for you", "Portico gave no answer that Notes could use")
			w.lacks(page, "Eve")
		})
	}
}

func TestRefresh(t *testing.T) {
	w := newWorld(t)
	w.get("/notes/login")
	page := w.post("/notes/refresh", nil)
	w.shows(page, 200, "/notes/", "New tokens, same session", "What the refresh changed", "grant_type", "sub is the same as before")
	w.lacks(page, "<td><code>–</code></td>")
	table := page.Body[strings.Index(page.Body, `id="refreshed"`):]
	var got []string
	for _, row := range strings.Split(table[:strings.Index(table, "</table>")], "<tr>")[2:] {
		name := row[strings.Index(row, ">")+1 : strings.Index(row, "</th>")]
		got = append(got, fmt.Sprintf("%s: %v", name, strings.Contains(row, ">New<")))
	}
	// The ID token is issued in the same second.
	want := []string{"Access token: true", "Refresh token: true", "ID token issued: false", "Session (sid): false", "Signed in (auth_time): false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	w.shows(w.post("/notes/refresh", nil), 200, "/notes/", "New tokens, same session")

	// design.md §2: the developer reads in error_description why the session has ended.
	w.Provider.Ended = "You were signed out of Notes because you were away for 3 days."
	page = w.post("/notes/refresh", nil)
	w.shows(page, 200, "/notes/", "Your session at Portico has ended", w.Provider.Ended, "invalid_grant", "Sign in with Portico")
	w.shows(w.post("/notes/refresh", nil), 200, "/notes/", "Sign in to Notes")
}

func TestRefreshForSomebodyElse(t *testing.T) {
	w := newWorld(t)
	w.get("/notes/login")
	w.Provider.Claims = func(c map[string]any) { c["sub"] = "usr_eve" } // OIDC Core §12.2
	page := w.post("/notes/refresh", nil)
	w.shows(page, 200, "/notes/", "The refresh did not work", "Notes for Ada")
	w.lacks(page, "usr_eve")
}

func TestSignOutHere(t *testing.T) {
	w := newWorld(t)
	w.get("/notes/login")
	w.get("/tasks/login")
	page := w.post("/notes/sign-out", nil)
	w.shows(page, 200, "/notes/", "You are signed out of Notes", "Portico ended the session and sent you back.", "id_token_hint", "Sign in with Portico")
	// OIDC RP-Initiated Logout §2.
	q := w.Provider.LastQuery["/logout"]
	for name, want := range map[string]string{"client_id": "notes", "post_logout_redirect_uri": w.URL + "/notes/signed-out"} {
		if got := q.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if q.Get("id_token_hint") == "" || q.Get("state") == "" {
		t.Errorf("id_token_hint = %q, state = %q, want both", q.Get("id_token_hint"), q.Get("state"))
	}
	w.shows(w.get("/tasks/"), 200, "/tasks/", "Tasks for Ada")
	// Nothing is believed of a return that nobody waits for.
	w.get("/notes/login")
	w.shows(w.get("/notes/signed-out?state=another"), 200, "/notes/", "Notes for Ada")
}

func TestSignOutEverywhereLetsTheProviderAsk(t *testing.T) {
	w := newWorld(t)
	w.get("/notes/login")
	w.shows(w.post("/notes/sign-out", url.Values{"scope": {"everywhere"}}), 200, "/notes/", "You are signed out of Notes")
	if q := w.Provider.LastQuery["/logout"]; q.Has("id_token_hint") || q.Get("client_id") != "notes" {
		t.Errorf("logout request = %v, want client_id and no id_token_hint", q)
	}
}

func TestInitiateLogin(t *testing.T) {
	// OIDC Core §4.
	w := newWorld(t)
	iss := url.QueryEscape(w.Provider.URL)
	for _, c := range []struct {
		name, query string
		status      int
		path        string
	}{
		{"plain", "iss=" + iss, 200, "/notes/"},
		{"target", "iss=" + iss + "&target_link_uri=" + url.QueryEscape(w.URL+"/notes/?from=mail"), 200, "/notes/"},
		{"no iss", "", 400, "/notes/initiate-login"},
		{"another issuer", "iss=https://evil.example", 400, "/notes/initiate-login"},
		{"another host", "iss=" + iss + "&target_link_uri=https://evil.example/notes/", 400, "/notes/initiate-login"},
		{"host as user", "iss=" + iss + "&target_link_uri=" + url.QueryEscape(w.URL+"@evil.example/notes/"), 400, "/notes/initiate-login"},
		{"user info", "iss=" + iss + "&target_link_uri=" + url.QueryEscape(strings.Replace(w.URL, "//", "//eve@", 1)+"/notes/"), 400, "/notes/initiate-login"},
		{"the other application", "iss=" + iss + "&target_link_uri=" + url.QueryEscape(w.URL+"/tasks/"), 400, "/notes/initiate-login"},
		{"dots", "iss=" + iss + "&target_link_uri=" + url.QueryEscape(w.URL+"/notes/%2e%2e/tasks/"), 400, "/notes/initiate-login"},
		{"prefix", "iss=" + iss + "&target_link_uri=" + url.QueryEscape(w.URL+"/notesque"), 400, "/notes/initiate-login"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{T: t, Provider: w.Provider, URL: w.URL, Browser: w.newBrowser()}
			page := w.get("/notes/initiate-login?login_hint=ada@example.com&" + c.query)
			w.shows(page, c.status, c.path)
			if c.status == 200 {
				w.shows(page, 200, "/notes/", "Notes for Ada")
			}
			if want := (c.name == "target"); want != (page.URL.RawQuery == "from=mail") {
				t.Errorf("ended at %s", page.URL)
			}
		})
	}
	if got := w.Provider.LastQuery["/authorize"].Get("login_hint"); got != "ada@example.com" {
		t.Errorf("login_hint = %q, want the one that was given", got)
	}

	// A form on a page of the provider: cross-site, so without the cookie.
	request, err := http.NewRequest("POST", w.URL+"/notes/initiate-login", strings.NewReader("iss="+iss+"&login_hint=ada"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	w.shows(w.read(w.Browser.Do(request)), 200, "/notes/", "Notes for Ada")
}

func TestCrossSitePostIsRefused(t *testing.T) {
	w := newWorld(t)
	w.get("/notes/login")
	for _, path := range []string{"/notes/sign-out", "/notes/refresh", "/notes/items"} {
		request, err := http.NewRequest("POST", w.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Sec-Fetch-Site", "cross-site")
		w.shows(w.read(w.Browser.Do(request)), 403, path)
	}
	w.shows(w.get("/notes/"), 200, "/notes/", "Notes for Ada")
}

func TestBackchannelLogout(t *testing.T) {
	event := map[string]any{logoutEvent: map[string]any{}}
	// OIDC Back-Channel Logout §2.6.
	for _, c := range []struct {
		name     string
		audience string
		claims   map[string]any
		status   int
	}{
		{"by session", "notes", map[string]any{"events": event, "sid": "ses_notes"}, 200},
		{"by subject", "notes", map[string]any{"events": event}, 200},
		{"an ID token", "notes", map[string]any{"sid": "ses_notes"}, 400},
		{"with nonce", "notes", map[string]any{"events": event, "sid": "ses_notes", "nonce": "n"}, 400},
		{"for Tasks", "tasks", map[string]any{"events": event, "sid": "ses_notes"}, 400},
		{"expired", "notes", map[string]any{"events": event, "sid": "ses_notes", "exp": 1}, 400},
		{"nobody named", "notes", map[string]any{"events": event, "sub": ""}, 400},
		{"event of another kind", "notes", map[string]any{"events": map[string]any{"https://example.com/e": map[string]any{}}, "sid": "ses_notes"}, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.get("/notes/login")
			token := w.Provider.sign(c.audience, c.claims)
			res, err := http.PostForm(w.URL+"/notes/backchannel-logout", url.Values{"logout_token": {token}})
			w.shows(w.read(res, err), c.status, "/notes/backchannel-logout")
			want := "Notes for Ada"
			if c.status == 200 {
				want = "Portico signed you out of Notes"
			}
			w.shows(w.get("/notes/"), 200, "/notes/", want)
		})
	}
	t.Run("another session", func(t *testing.T) {
		w := newWorld(t)
		w.get("/notes/login")
		token := w.Provider.sign("notes", map[string]any{"events": event, "sid": "ses_other"})
		w.post("/notes/backchannel-logout", url.Values{"logout_token": {token}})
		w.shows(w.get("/notes/"), 200, "/notes/", "Notes for Ada")
	})
}

func TestItems(t *testing.T) {
	w := newWorld(t)
	w.get("/notes/login")
	w.get("/tasks/login")
	w.shows(w.post("/notes/items", url.Values{"text": {"Buy <b>oranges</b>"}}), 200, "/notes/", "Buy <b>oranges</b>")
	w.shows(w.post("/notes/items", url.Values{"text": {"  "}}), 200, "/notes/", "Write something first.", "Error: Notes")
	w.shows(w.post("/notes/items", url.Values{"text": {strings.Repeat("ä", 281)}}), 200, "/notes/", "longer than 280 characters")
	for range maxItems {
		w.post("/tasks/items", url.Values{"text": {"One more"}})
	}
	w.shows(w.post("/tasks/items", url.Values{"text": {"Too much"}}), 200, "/tasks/", "That makes more than 50.", "1 of 50 done")
	w.shows(w.post("/tasks/items/5/toggle", nil), 200, "/tasks/", "of 50 done")
	w.shows(w.post("/tasks/items/x/toggle", nil), 200, "/tasks/")

	page := w.get("/notes/")
	_, rest, _ := strings.Cut(page.Body, "Remove note: Buy")
	if rest == "" {
		t.Fatal("the note has no button to remove it")
	}
	form := page.Body[:strings.Index(page.Body, "Remove note: Buy")]
	_, id, _ := strings.Cut(form[strings.LastIndex(form, `action="`):], `"`)
	id, _, _ = strings.Cut(id, `"`)
	w.lacks(w.post(id, nil), "oranges")

	w.Browser = w.newBrowser()
	w.shows(w.post("/notes/items", url.Values{"text": {"Not mine"}}), 200, "/notes/", "Sign in to Notes")
}

func TestProviderStartsLater(t *testing.T) {
	up := false
	p := newFakeProvider(t)
	p.Secrets["notes"] = "secret"
	handler, err := New(Config{
		Issuer: p.URL, BaseURL: "http://127.0.0.1:8081", Notes: Client{ID: "notes", Secret: "secret"}, Tasks: Client{ID: "tasks", Secret: "secret"},
		HTTPClient: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			if !up {
				return nil, fmt.Errorf("connection refused")
			}
			return http.DefaultTransport.RoundTrip(r)
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	var begun *httptest.ResponseRecorder
	for _, c := range []struct {
		up     bool
		status int
	}{{false, 503}, {true, 303}, {false, 303}} {
		up = c.up
		rec := httptest.NewRecorder()
		begun = rec
		handler.ServeHTTP(rec, httptest.NewRequest("GET", "/notes/login", nil))
		if rec.Code != c.status {
			t.Errorf("provider up = %v: login answers %d, want %d", c.up, rec.Code, c.status)
		}
		if c.status == 503 && (rec.Header().Get("Retry-After") == "" || !strings.Contains(rec.Body.String(), "Try again")) {
			t.Errorf("no way on: %v\n%s", rec.Header(), rec.Body)
		}
	}

	// It went away while the person was there.
	sent, err := begun.Result().Location()
	if err != nil {
		t.Fatal(err)
	}
	cookie := begun.Result().Cookies()[0]
	for _, c := range []struct{ path, want string }{
		{"/notes/callback?code=c&iss=" + url.QueryEscape(p.URL) + "&state=" + sent.Query().Get("state"), ""},
		{"/notes/", "Portico does not answer. Try again in a moment."},
	} {
		request := httptest.NewRequest("GET", c.path, nil)
		request.AddCookie(cookie)
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, request)
		if !strings.Contains(rec.Body.String(), c.want) {
			t.Errorf("%s does not show %q:\n%s", c.path, c.want, rec.Body)
		}
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSessionsAreBounded(t *testing.T) {
	now := time.Unix(0, 0)
	table := &sessions{Cookie: "c", Now: func() time.Time { now = now.Add(time.Second); return now }, byID: map[string]*entry{}}
	var first *http.Cookie
	for i := range maxSessions + 1 {
		rec := httptest.NewRecorder()
		table.give(rec, httptest.NewRequest("GET", "/", nil), &session{})
		if i == 0 {
			first = rec.Result().Cookies()[0]
		}
	}
	request := httptest.NewRequest("GET", "/", nil)
	request.AddCookie(first)
	if _, ok := table.of(request); ok || len(table.byID) != maxSessions {
		t.Errorf("%d sessions, the oldest among them: %v; want %d without it", len(table.byID), ok, maxSessions)
	}

	var s session
	for i := range maxPending + 1 {
		s.begin(signIn{State: fmt.Sprint(i)})
	}
	if _, ok := s.take("0"); ok {
		t.Error("the oldest of too many sign-ins is still awaited")
	}
	if _, ok := s.take("1"); !ok {
		t.Error("a sign-in that was begun is not awaited")
	}
	if _, ok := s.take("1"); ok {
		t.Error("a sign-in can be completed twice")
	}
}

func TestRegistration(t *testing.T) {
	want := Registration{
		RedirectURIs:           []string{"http://127.0.0.1:8081/tasks/callback"},
		PostLogoutRedirectURIs: []string{"http://127.0.0.1:8081/tasks/signed-out"},
		InitiateLoginURI:       "http://127.0.0.1:8081/tasks/initiate-login",
		HomepageURI:            "http://127.0.0.1:8081/tasks/",
		BackchannelLogoutURI:   "http://127.0.0.1:8081/tasks/backchannel-logout",
		Scopes:                 []string{"openid", "profile", "email", "offline_access"},
	}
	if diff := cmp.Diff(want, TasksRegistration("http://127.0.0.1:8081/")); diff != "" {
		t.Error(diff)
	}
}

func TestNewRefuses(t *testing.T) {
	good := Config{
		Issuer: "http://localhost:8080", BaseURL: "http://127.0.0.1:8081",
		Notes: Client{ID: "notes", Secret: "s"}, Tasks: Client{ID: "tasks", Secret: "s"},
	}
	for name, spoil := range map[string]func(*Config){
		"no issuer":           func(c *Config) { c.Issuer = "" },
		"base not http":       func(c *Config) { c.BaseURL = "127.0.0.1:8081" },
		"no notes":            func(c *Config) { c.Notes = Client{} },
		"tasks has no secret": func(c *Config) { c.Tasks.Secret = "" },
	} {
		c := good
		spoil(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: New succeeds", name)
		}
	}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
}

func FuzzTarget(f *testing.F) {
	a := &app{path: "/notes", baseURL: "http://127.0.0.1:8081"}
	for _, uri := range []string{
		"", "http://127.0.0.1:8081/notes/", "http://127.0.0.1:8081/notes/../tasks", "http://127.0.0.1:8081//evil.example/notes/",
		"//evil.example/notes/", "http://127.0.0.1:8081@evil.example/notes/", `http://127.0.0.1:8081/notes/\evil`, "javascript:alert(1)",
	} {
		f.Add(uri)
	}
	base, err := url.Parse(a.baseURL)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		target, ok := a.target(uri)
		if !ok {
			return
		}
		u, err := base.Parse(target)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || u.Path != "/notes" && !strings.HasPrefix(u.Path, "/notes/") {
			t.Errorf("target(%q) leads to %v (%v)", uri, u, err)
		}
	})
}
