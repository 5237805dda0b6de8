// Package demo is two small applications, Notes and Tasks, that sign their people in with an
// OpenID Connect provider and show what that looks like from the application's side.
//
// They are ordinary relying parties: everything that they know of the provider comes from its
// discovery document, through coreos/go-oidc and x/oauth2. They import nothing of the provider, and
// run on another host name with cookies of their own.
package demo

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// Config is what the demo needs to know. Issuer, BaseURL, Notes and Tasks are required.
type Config struct {
	Issuer     string // as in its discovery document, without a slash at the end
	BaseURL    string // where the browser reaches the demo, such as http://127.0.0.1:8081
	Notes      Client
	Tasks      Client
	MailboxURL string           // where mail of the provider can be read; empty shows no link
	ClockURL   string           // where a post of {"advance_seconds": 3600} moves the provider's clock, and Now; empty lets no time pass
	HTTPClient *http.Client     // for calls to the provider; nil is one that gives up after 10 s
	Now        func() time.Time // nil is time.Now
	Log        *slog.Logger     // nil discards
}

// Client is the registration of one of the applications at the provider: a confidential client that
// authenticates by client_secret_basic.
type Client struct {
	ID     string
	Secret string
	Name   string // as people see it; empty is Notes or Tasks
}

// Registration is what one of the applications has to be registered with at the provider.
type Registration struct {
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	InitiateLoginURI       string
	HomepageURI            string
	BackchannelLogoutURI   string
	Scopes                 []string
}

// NotesRegistration returns the registration of Notes for a demo whose Config.BaseURL is baseURL.
func NotesRegistration(baseURL string) Registration { return registration(baseURL, "/notes") }

// TasksRegistration returns the registration of Tasks for a demo whose Config.BaseURL is baseURL.
func TasksRegistration(baseURL string) Registration { return registration(baseURL, "/tasks") }

func registration(baseURL, path string) Registration {
	at := strings.TrimSuffix(baseURL, "/") + path
	return Registration{
		RedirectURIs:           []string{at + "/callback"},
		PostLogoutRedirectURIs: []string{at + "/signed-out"},
		InitiateLoginURI:       at + "/initiate-login",
		HomepageURI:            at + "/",
		BackchannelLogoutURI:   at + "/backchannel-logout",
		Scopes:                 append([]string(nil), scopes...),
	}
}

// New returns the demo. The provider need not be running yet: it is discovered when somebody first
// signs in, and asked again until it answers.
func New(c Config) (http.Handler, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	c.BaseURL = strings.TrimSuffix(c.BaseURL, "/")
	if c.HTTPClient == nil {
		c.HTTPClient = &http.Client{Timeout: 10 * time.Second}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Notes.Name == "" {
		c.Notes.Name = "Notes"
	}
	if c.Tasks.Name == "" {
		c.Tasks.Name = "Tasks"
	}

	issuer := &issuer{URL: c.Issuer, HTTP: c.HTTPClient, Now: c.Now}
	notes := newApp(c, issuer, c.Notes, "notes")
	tasks := newApp(c, issuer, c.Tasks, "tasks")
	notes.other, tasks.other = tasks.link(), notes.link()

	mux := http.NewServeMux()
	sameSite := http.NewCrossOriginProtection()
	for _, a := range []*app{notes, tasks} {
		a.mount(mux)
		// These two are called from elsewhere by design: a form of the provider, and its server.
		sameSite.AddInsecureBypassPattern("POST " + a.path + "/initiate-login")
		sameSite.AddInsecureBypassPattern("POST " + a.path + "/backchannel-logout")
	}
	mux.HandleFunc("GET /assets/{name}", serveAsset)
	front := page{
		Title: notes.client.Name + " and " + tasks.client.Name + ": two applications, one sign-in",
		Theme: "overview", Issuer: c.Issuer, Mailbox: c.MailboxURL,
	}
	(&stage{issuer: issuer, front: front, notes: notes, tasks: tasks, clockURL: c.ClockURL, now: c.Now}).mount(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		lost := front
		lost.Title = "There is no page at this address"
		render(w, http.StatusNotFound, "problem", problemPage{page: lost, Problem: problem{
			Title: lost.Title, Text: "The address may be mistyped. Both applications start from the overview.",
			Next: "Go to the overview", NextURL: "/",
		}})
	})
	return guard(sameSite.Handler(mux)), nil
}

func (c Config) check() error {
	for name, value := range map[string]string{"Issuer": c.Issuer, "BaseURL": c.BaseURL} {
		u, err := url.Parse(value)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return fmt.Errorf("%s is %q, want an http or https URL", name, value)
		}
	}
	if c.Notes.ID == "" || c.Notes.Secret == "" || c.Tasks.ID == "" || c.Tasks.Secret == "" {
		return errors.New("Notes and Tasks each need a client ID and a secret")
	}
	return nil
}

const maxBody = 64 << 10

// guard bounds what comes in and sets the headers of every answer.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		h := w.Header()
		h.Set("Content-Security-Policy", policy+"; form-action 'self'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// policy lacks form-action: browsers hold every redirect after a post to it, and signing out posts
// here and is redirected to the provider.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; frame-ancestors 'none'"

//go:embed assets
var assets embed.FS

func serveAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	content, err := fs.ReadFile(assets, path.Join("assets", path.Base(name)))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	sum := sha256.Sum256(content)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}
