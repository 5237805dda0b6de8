package demo

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// app is one of the two applications.
type app struct {
	issuer   *issuer
	client   Client
	key      string // notes or tasks: its path, templates and colours
	path     string // /notes or /tasks
	baseURL  string
	mailbox  string
	other    link // the other application
	sessions *sessions
	items    *items
	now      func() time.Time
	log      *slog.Logger
}

func newApp(c Config, issuer *issuer, client Client, key string) *app {
	a := &app{
		issuer: issuer, client: client, key: key, path: "/" + key, baseURL: c.BaseURL, mailbox: c.MailboxURL,
		now: c.Now, log: c.Log.With("application", client.Name),
	}
	a.sessions = &sessions{
		Cookie: key + "_session", Secure: strings.HasPrefix(c.BaseURL, "https:"), Now: c.Now,
		byID: map[string]*entry{},
	}
	a.items = &items{First: firstItems[key], bySub: map[string][]item{}}
	return a
}

var firstItems = map[string][]item{
	"notes": {
		{Text: "Welcome. These notes belong to your sub, the one name for you that never changes."},
		{Text: "Try Open Tasks. It is another application, and it will not ask who you are."},
	},
	"tasks": {
		{Text: "Sign in to the second application", Done: true},
		{Text: "Press Refresh and see what changes"},
		{Text: "Sign out, here or everywhere"},
	},
}

func (a *app) link() link { return link{Key: a.key, Name: a.client.Name, URL: a.path + "/"} }

func (a *app) mount(mux *http.ServeMux) {
	handle := func(method, name string, f func(http.ResponseWriter, *http.Request) error) {
		mux.Handle(method+" "+a.path+name, a.handle(f))
	}
	handle("GET", "/{$}", a.home)
	handle("GET", "/login", a.login)
	handle("GET", "/initiate-login", a.initiateLogin)
	handle("POST", "/initiate-login", a.initiateLogin)
	handle("GET", "/callback", a.callback)
	handle("POST", "/refresh", a.signedIn(a.refresh))
	handle("POST", "/sign-out", a.signedIn(a.signOut))
	handle("GET", "/signed-out", a.signedOut)
	handle("POST", "/backchannel-logout", a.backchannelLogout)
	handle("POST", "/items", a.signedIn(a.addItem))
	handle("POST", "/items/{id}/remove", a.signedIn(a.removeItem))
	if a.key == "tasks" {
		handle("POST", "/items/{id}/toggle", a.signedIn(a.toggleItem))
	}
	mux.Handle("GET "+a.path, http.RedirectHandler(a.path+"/", http.StatusSeeOther))
}

// handle is where an error becomes a page, once.
func (a *app) handle(f func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := f(w, r)
		if err == nil {
			return
		}
		p := a.page("")
		shown := a.problem(err)
		p.Title = shown.Title
		if shown.Status >= 500 {
			a.log.WarnContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "err", err)
		}
		if shown.Status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "2")
		}
		render(w, shown.Status, "problem", problemPage{page: p, Problem: shown})
	})
}

// problem is an error that a page can show.
type problem struct {
	Status        int
	Title, Text   string
	Details       string // for developers
	Next, NextURL string // the button that moves on
}

func (p *problem) Error() string { return p.Title + ": " + p.Details }

func (a *app) problem(err error) problem {
	if known, ok := errors.AsType[*problem](err); ok {
		return *known
	}
	if far, ok := errors.AsType[*unreachable](err); ok {
		return problem{
			Status: http.StatusServiceUnavailable, Title: "Portico does not answer yet",
			Text:    "It may still be starting. Try again in a moment.",
			Details: far.Error(), Next: "Try again", NextURL: a.path + "/login",
		}
	}
	return problem{
		Status: http.StatusInternalServerError, Title: "Something went wrong in " + a.client.Name,
		Text: "Try again. The log of the demo says what it was.", Next: "Back to " + a.client.Name, NextURL: a.path + "/",
	}
}

// signedIn is for what only makes sense with an account; without one it goes to the home page.
func (a *app) signedIn(f func(http.ResponseWriter, *http.Request, *session) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		s, ok := a.sessions.of(r)
		if ok {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.account != nil {
				return f(w, r, s)
			}
		}
		return a.goHome(w, r)
	}
}

func (a *app) goHome(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, a.path+"/", http.StatusSeeOther)
	return nil
}

// home serves GET /notes/ and /tasks/.
func (a *app) home(w http.ResponseWriter, r *http.Request) error {
	s, ok := a.sessions.of(r)
	if !ok {
		s = &session{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.account == nil {
		title := a.client.Name + ": sign in with Portico"
		if s.notice.Bad {
			title = "Error: " + title
		}
		render(w, http.StatusOK, "signed-out", signedOutPage{page: a.page(title), Notice: s.notice, Steps: s.steps})
		return nil
	}
	a.askDeadline(r.Context(), s.account)
	w.Header().Set("Content-Security-Policy", policy)
	render(w, http.StatusOK, "signed-in", a.describe(s))
	return nil
}

// login serves GET /notes/login: it sends the browser to the provider.
func (a *app) login(w http.ResponseWriter, r *http.Request) error {
	return a.begin(w, r, a.path+"/", "")
}

// initiateLogin serves a sign-in that somebody else starts, usually the provider (OIDC Core §4).
func (a *app) initiateLogin(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodPost {
		// A form of another site comes without our cookie; the same question asked by GET has it.
		if err := r.ParseForm(); err != nil {
			return a.badInitiation("The form cannot be read: " + err.Error())
		}
		http.Redirect(w, r, a.path+"/initiate-login?"+r.Form.Encode(), http.StatusSeeOther)
		return nil
	}
	q := r.URL.Query()
	if q.Get("iss") != a.issuer.URL {
		return a.badInitiation(fmt.Sprintf("iss is %q, want %q", q.Get("iss"), a.issuer.URL))
	}
	target, ok := a.target(q.Get("target_link_uri"))
	if !ok {
		return a.badInitiation(fmt.Sprintf("target_link_uri is %q, want an address below %s%s/", q.Get("target_link_uri"), a.baseURL, a.path))
	}
	return a.begin(w, r, target, q.Get("login_hint"))
}

func (a *app) badInitiation(details string) error {
	return &problem{
		Status: http.StatusBadRequest, Title: "This link cannot start a sign-in",
		Text: "It was not made for " + a.client.Name + ". Start from its own page.", Details: details,
		Next: "Go to " + a.client.Name, NextURL: a.path + "/",
	}
}

// target returns the path and query of a target_link_uri that lies in this application. Anything
// else would make of us an open redirector (OIDC Core §4).
func (a *app) target(uri string) (string, bool) {
	if uri == "" {
		return a.path + "/", true
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme+"://"+u.Host != a.baseURL || u.User != nil || u.Opaque != "" {
		return "", false
	}
	clean := path.Clean(u.Path)
	if clean != a.path && !strings.HasPrefix(clean, a.path+"/") || strings.Contains(u.Path, `\`) {
		return "", false
	}
	return u.RequestURI(), true
}

func (a *app) begin(w http.ResponseWriter, r *http.Request, target, loginHint string) error {
	p, err := a.issuer.discover(r.Context())
	if err != nil {
		return err
	}
	in := signIn{
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Target: target, Started: a.now(),
	}
	options := []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("nonce", in.Nonce), oauth2.S256ChallengeOption(in.Verifier)}
	if loginHint != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", loginHint))
	}
	to := p.oauth(a.client, a.redirectURI()).AuthCodeURL(in.State, options...)
	in.Request = authorizationStep(a.client.Name, to)

	s, ok := a.sessions.of(r)
	if !ok {
		s = &session{}
		a.sessions.give(w, r, s)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin(in)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func (a *app) redirectURI() string { return a.baseURL + a.path + "/callback" }

// callback serves the authorization response (RFC 6749 §4.1.2, RFC 9207). Whatever it says ends on a
// page that can be reloaded.
func (a *app) callback(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	stranger := &problem{
		Status: http.StatusBadRequest, Title: "This sign-in was not started here",
		Text:    "It may be from another browser, or already finished. Start again, it takes a moment.",
		Details: "No sign-in of this browser waits for the state of the answer.",
		Next:    "Sign in with Portico", NextURL: a.path + "/login",
	}
	s, ok := a.sessions.of(r)
	if !ok {
		return stranger
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	in, ok := s.take(q.Get("state"))
	if !ok {
		return stranger
	}
	p, err := a.issuer.discover(r.Context())
	if err != nil {
		return err
	}
	steps := []step{in.Request, answerStep(a.client.Name, a.redirectURI(), q)}
	// Before anything else is believed, an error included (RFC 9207 §2.4).
	if iss := q.Get("iss"); iss != "" && iss != a.issuer.URL || iss == "" && p.SendsIss {
		s.report(notice{
			Bad: true, Title: "That answer did not come from Portico",
			Text: "So " + a.client.Name + " did not use it. Sign in again.",
			Code: fmt.Sprintf("iss is %q, want %q", iss, a.issuer.URL),
		}, steps...)
		return a.goHome(w, r)
	}
	if code := q.Get("error"); code != "" {
		s.report(refusal(a.client.Name, code, q.Get("error_description")), steps...)
		return a.goHome(w, r)
	}
	account, more, err := a.redeem(r.Context(), p, in, q.Get("code"))
	steps = append(steps, more...)
	if err != nil {
		a.log.WarnContext(r.Context(), "sign-in failed", "err", err)
		s.report(failure(a.client.Name, "The sign-in did not work", err), steps...)
		return a.goHome(w, r)
	}
	s.account = account
	s.report(a.greeting(account, in.Started), steps...)
	a.sessions.give(w, r, s)
	http.Redirect(w, r, in.Target, http.StatusSeeOther)
	return nil
}

// greeting says who is signed in, and whether the provider had to ask.
func (a *app) greeting(acc *account, started time.Time) notice {
	n := notice{Title: "You are signed in to " + a.client.Name, Text: "Portico told it who you are. Your password stayed at Portico."}
	if t := acc.Claims.AuthTime; t != 0 && t < started.Unix() {
		n.Text = "Portico did not have to ask, because you signed in " + ago(a.now().Sub(time.Unix(t, 0))) + "."
	}
	return n
}

func (a *app) addItem(w http.ResponseWriter, r *http.Request, s *session) error {
	s.notice = notice{}
	if refusal := a.items.add(s.account.Subject, r.FormValue("text")); refusal != "" {
		s.notice = notice{Bad: true, Title: refusal}
	}
	return a.goHome(w, r)
}

func (a *app) removeItem(w http.ResponseWriter, r *http.Request, s *session) error {
	return a.changeItem(w, r, s, a.items.remove)
}

func (a *app) toggleItem(w http.ResponseWriter, r *http.Request, s *session) error {
	return a.changeItem(w, r, s, a.items.toggle)
}

func (a *app) changeItem(w http.ResponseWriter, r *http.Request, s *session, change func(string, int)) error {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		return a.goHome(w, r)
	}
	s.notice = notice{}
	change(s.account.Subject, id)
	return a.goHome(w, r)
}
