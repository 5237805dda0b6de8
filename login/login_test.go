package login_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/login"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

const (
	issuer     = "http://id.example"
	goodSecret = "otter lantern mosaic gravel" // a password that nothing is wrong with
	newSecret  = "walnut harbour pencil thunder"
)

// house is the pages of one environment over a database of their own. Its clock goes when a test moves it. Where the
// pages send the browser to /oauth2/authorize, a test sees what they saved.
type house struct {
	*login.Handler
	tenants *environments.Registry
	env     *environments.Environment
	app     *clients.Application // Wiki: third-party
	events  *events
	mails   []identity.Mail
	serve   http.Handler

	mu  sync.Mutex
	now time.Time
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// SendMail implements identity.Mailer.
func (h *house) SendMail(_ context.Context, m identity.Mail) error {
	h.mails = append(h.mails, m)
	return nil
}

// SessionsEnded implements sessions.Listener.
func (h *house) SessionsEnded(context.Context, environments.ID, []sessions.Session) error { return nil }

func build(t *testing.T) *house {
	t.Helper()
	db := storagetest.Open(t, storagetest.SQLiteURL(t))
	h := &house{now: time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC)}
	pepper, err := keys.NewPepper([]byte("a pepper of thirty-two bytes for"))
	check(t, err)
	hasher, err := identity.NewHasher(identity.Argon2{MemoryKiB: 64, Iterations: 1, Parallelism: 1}, 2)
	check(t, err)
	throttle, err := identity.NewMemoryThrottle(h.clock)
	check(t, err)
	h.events = &events{Events: storage.Events{DB: db}}
	record := &audit.Log{Store: h.events, Now: h.clock}
	store := storage.Sessions{DB: db}
	registry := &sessions.Registry{Store: store, Pepper: pepper, Audit: record, Activity: &sessions.Activity{Store: store}, Listener: h, InTx: db.InTx, Now: h.clock}
	tenants := &environments.Registry{Store: storage.Environments{DB: db}, Audit: record, InTx: db.InTx, Now: h.clock}
	apps := &clients.Registry{Store: storage.Clients{DB: db}, Audit: record, Pepper: pepper, Sessions: registry, InTx: db.InTx, Now: h.clock}
	registry.Applications = apps
	h.Handler = &login.Handler{
		PublicURL: &url.URL{Scheme: "http", Host: "id.example"}, Applications: apps, Sessions: registry, Cookies: &sessions.Cookies{},
		Users: &identity.Registry{
			Store: storage.Users{DB: db}, Environments: tenants, Hasher: hasher, Passwords: identity.PasswordPolicy{MinLength: 15}, Throttle: throttle,
			Pepper: pepper, Audit: record, Mailer: h, Sessions: registry, InTx: db.InTx, Now: h.clock,
		},
		Organizations: &organizations.Registry{Store: storage.Organizations{DB: db}, Audit: record, Sessions: registry, InTx: db.InTx, Now: h.clock},
		Ledger:        &grants.Ledger{Store: storage.Grants{DB: db}, Sessions: registry, Pepper: pepper, Audit: record, InTx: db.InTx, Now: h.clock},
		Events:        storage.Events{DB: db},
		InTx:          db.InTx, Now: h.clock, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Local: true,
	}
	h.tenants = tenants
	h.env, err = tenants.Create(t.Context(), environments.New{Slug: "house", Name: "House", Root: true}, h.withDefault)
	check(t, err)
	h.app = h.register(t, "Wiki", func(a *clients.Application) { a.Consent = clients.ConsentThirdParty })

	mux := http.NewServeMux()
	h.Mount(mux)
	mux.HandleFunc("GET /oauth2/authorize", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	h.serve = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env, err := tenants.ByID(r.Context(), h.env.ID)
		check(t, err)
		mux.ServeHTTP(w, r.WithContext(audit.WithRequestID(environments.NewContext(r.Context(), env), "7f3c-91ab")))
	})
	return h
}

// withDefault makes the default application of a new environment.
func (h *house) withDefault(ctx context.Context, e *environments.Environment) error {
	app, _, err := h.Applications.Create(ctx, e, clients.New{Kind: clients.Web, Name: "Default", ClientID: "default"})
	if err == nil {
		e.DefaultApplication = string(app.ID)
	}
	return err
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// register adds an application with https://<client ID>.example/cb as its redirect URI.
func (h *house) register(t *testing.T, name string, configure func(*clients.Application)) *clients.Application {
	t.Helper()
	id := strings.ToLower(name)
	app, _, err := h.Applications.Create(t.Context(), h.env, clients.New{Kind: clients.Web, Name: name, ClientID: id, Configure: func(a *clients.Application) error {
		a.RedirectURIs = []string{"https://" + id + ".example/cb"}
		if configure != nil {
			configure(a)
		}
		return nil
	}})
	check(t, err)
	return app
}

func (h *house) change(t *testing.T, id clients.ID, change func(*clients.Application)) {
	t.Helper()
	check(t, h.Applications.Update(t.Context(), h.env, id, func(a *clients.Application) error {
		change(a)
		return nil
	}))
}

// add makes a user whose password is goodSecret.
func (h *house) add(t *testing.T, email string) *identity.User {
	t.Helper()
	u, err := h.Users.Create(t.Context(), h.env.ID, identity.NewUser{Email: email, EmailVerified: true, Password: goodSecret, Profile: identity.Profile{Name: "Nina " + email}})
	check(t, err)
	return u
}

// mail is the newest mail.
func (h *house) mail(t *testing.T) identity.Mail {
	t.Helper()
	if len(h.mails) == 0 {
		t.Fatal("no mail was sent")
	}
	return h.mails[len(h.mails)-1]
}

// events remembers those that were recorded.
type events struct {
	storage.Events
	all []audit.Event
}

// AppendEvent implements audit.Store.
func (e *events) AppendEvent(ctx context.Context, one audit.Event) error {
	e.all = append(e.all, one)
	return e.Events.AppendEvent(ctx, one)
}

// last is the newest event of the name.
func (e *events) last(t *testing.T, name string) audit.Event {
	t.Helper()
	for _, one := range slices.Backward(e.all) {
		if one.Name == name {
			return one
		}
	}
	t.Fatalf("no event %s was recorded", name)
	return audit.Event{}
}

// browser keeps cookies and follows no redirects.
type browser struct {
	t   *testing.T
	h   *house
	jar *cookiejar.Jar
	// Address is its IP address.
	Address string
}

func (h *house) browser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	check(t, err)
	return &browser{t: t, h: h, jar: jar, Address: "192.0.2.1"}
}

// reply is an answer; to is where it sends the browser, without the issuer.
type reply struct {
	status int
	header http.Header
	body   string
	to     string
}

func (b *browser) do(method, address string, form url.Values) *reply {
	b.t.Helper()
	r := httptest.NewRequest(method, issuer+strings.TrimPrefix(address, issuer), strings.NewReader(form.Encode()))
	r.RemoteAddr = b.Address + ":4711"
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range b.jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	b.h.serve.ServeHTTP(w, r)
	b.jar.SetCookies(r.URL, w.Result().Cookies())
	return &reply{status: w.Code, header: w.Header(), body: w.Body.String(), to: w.Header().Get("Location")}
}

func (b *browser) get(address string) *reply { b.t.Helper(); return b.do(http.MethodGet, address, nil) }

// post submits a form of pairs of name and value.
func (b *browser) post(address string, fields ...string) *reply {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, address, form)
}

// open opens the address and follows redirects as long as they lead to pages.
func (b *browser) open(address string) *reply {
	b.t.Helper()
	for range 10 {
		r := b.get(address)
		if !strings.HasPrefix(r.to, "/") || strings.HasPrefix(r.to, "/oauth2/") {
			r.header.Set("At", address)
			return r
		}
		address = r.to
	}
	b.t.Fatalf("%s redirects without end", address)
	return nil
}

// goes fails the test unless the answer is a 303 to an address that begins so.
func (r *reply) goes(t *testing.T, prefix string) *reply {
	t.Helper()
	if r.status != http.StatusSeeOther || !strings.HasPrefix(r.to, prefix) {
		t.Fatalf("answer is %d to %q, want 303 to %s\n%s", r.status, r.to, prefix, r.text())
	}
	return r
}

// shows fails the test unless the answer has the status and its text has all the words.
func (r *reply) shows(t *testing.T, status int, words ...string) *reply {
	t.Helper()
	if r.status != status {
		t.Fatalf("status is %d to %q, want %d\n%s", r.status, r.to, status, r.text())
	}
	for _, w := range words {
		if !strings.Contains(r.text(), w) {
			t.Errorf("the page lacks %q:\n%s", w, r.text())
		}
	}
	return r
}

// text is what people read, with the values of fields.
func (r *reply) text() string {
	root, err := html.Parse(strings.NewReader(r.body))
	if err != nil {
		return r.body
	}
	var words []string
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode:
			words = append(words, strings.Fields(n.Data)...)
		case n.Type == html.ElementNode && n.Data == "input":
			words = append(words, "["+attribute(n, "name")+"="+attribute(n, "value")+"]")
		}
	}
	return strings.Join(words, " ")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// request is an authorization request of the application, as /oauth2/authorize keeps it for the browser. It returns the query of
// the pages' addresses. The extra parameters are pairs.
func (b *browser) request(app *clients.Application, extra ...string) string {
	b.t.Helper()
	return b.requestAfter(app, time.Time{}, extra...)
}

func (b *browser) requestAfter(app *clients.Application, after time.Time, extra ...string) string {
	b.t.Helper()
	form := url.Values{"client_id": {app.ClientID}, "redirect_uri": {"https://wiki.example/cb"}, "scope": {"openid profile email"}, "state": {"st"}}
	for i := 0; i+1 < len(extra); i += 2 {
		form.Set(extra[i], extra[i+1])
	}
	text, err := json.Marshal(form)
	check(b.t, err)
	handle := b.handle()
	if handle == "" {
		handle = sessions.NewHandle()
		b.jar.SetCookies(&url.URL{Scheme: "http", Host: "id.example"}, []*http.Cookie{{Name: "portico-" + b.h.env.Slug, Value: string(handle), Path: "/"}})
	}
	i, err := b.h.Sessions.Begin(b.t.Context(), app, handle, text, after)
	check(b.t, err)
	return "?" + url.Values{"interaction": {string(i.ID)}, "client_id": {app.ClientID}}.Encode()
}

func (b *browser) handle() sessions.Handle {
	for _, c := range b.jar.Cookies(&url.URL{Scheme: "http", Host: "id.example"}) {
		if c.Name == "portico-"+b.h.env.Slug {
			return sessions.Handle(c.Value)
		}
	}
	return ""
}

// saved is the interaction of the pages with the query, as this browser finds it.
func (b *browser) saved(query string) *sessions.Interaction {
	b.t.Helper()
	values, err := url.ParseQuery(strings.TrimPrefix(query, "?"))
	check(b.t, err)
	i, err := b.h.Sessions.Interaction(b.t.Context(), b.h.env.ID, b.handle(), sessions.InteractionID(values.Get("interaction")))
	check(b.t, err)
	return i
}

// signIn signs the user in by the pages of a request of the application, and opens a session there as /oauth2/authorize does.
func (b *browser) signIn(app *clients.Application, email string) *sessions.Session {
	b.t.Helper()
	query := b.request(app)
	b.post("/sign-in"+query, "username", email).goes(b.t, "/sign-in/password")
	b.post("/sign-in/password"+query, "username", email, "password", goodSecret).goes(b.t, "/oauth2/authorize")
	a := b.account(app, email)
	s, err := b.h.Sessions.Open(b.t.Context(), app, a, "", sessions.Origin{Address: b.Address, UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"})
	check(b.t, err)
	return s
}

// account is the account of the browser with the address, and its session in the application.
func (b *browser) account(app *clients.Application, email string) *sessions.Account {
	b.t.Helper()
	accounts, err := b.h.Sessions.Accounts(b.t.Context(), b.h.env.ID, b.handle(), app.ID)
	check(b.t, err)
	i := slices.IndexFunc(accounts, func(a sessions.Account) bool { return strings.EqualFold(a.Email, email) })
	if i < 0 {
		b.t.Fatalf("this browser knows no %s", email)
	}
	return &accounts[i]
}

// formAction is the address that the form with the element of the ID posts to.
func formAction(t *testing.T, r *reply, id string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(r.body))
	check(t, err)
	for n := range root.Descendants() {
		if attribute(n, "id") != id {
			continue
		}
		for up := range n.Ancestors() {
			if up.Data == "form" {
				return attribute(up, "action")
			}
		}
	}
	t.Fatalf("the page has no form with #%s:\n%s", id, r.text())
	return ""
}
