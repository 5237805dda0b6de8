// Package api is the management API: JSON in, JSON or problem+json out, for callers with an API key. Its OpenAPI document is
// made of its handlers.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/delivery"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// prefix is where the API is, below the issuer of each environment.
const prefix = "/api/v1"

// maxBody is the most bytes of a request's body, unless the server allows fewer.
const maxBody = 512 << 10

// Deps is what the API stands on.
type Deps struct {
	PublicURL     *url.URL
	Environments  *environments.Registry
	Founder       *admin.Founder
	Operators     *admin.Operators
	Setup         *admin.Setup
	Applications  *clients.Registry
	APIKeys       *clients.APIKeys
	Users         *identity.Registry
	Organizations *organizations.Registry
	Sessions      *sessions.Registry
	Logouts       *delivery.Logouts
	Keys          *keys.Ring
	Events        audit.Reader
	Answers       *admin.Answers
	Tokens        Previewer
	Chrome        func(*http.Request, *clients.Application) templates.Chrome
	InTx          func(ctx context.Context, fn func(context.Context) error) error
	Now           func() time.Time
	Log           *slog.Logger
}

// API serves the management API of every environment. It is safe for concurrent use.
type API struct {
	Deps
	mux       *http.ServeMux // of the operations
	huma      huma.API
	reference templates.APIReference // but for what the request tells
}

// New makes the API, and its document with it.
func New(d Deps) *API {
	a := &API{Deps: d, mux: http.NewServeMux()}
	a.huma = newHuma(a.mux)
	a.registerApplications()
	a.registerTokenPreview()
	a.registerClaimsTemplates()
	a.registerSecrets()
	a.registerAPIKeys()
	a.registerUsers()
	a.registerOrganizations()
	a.registerRoles()
	a.registerSessions()
	a.registerLogoutDeliveries()
	a.registerKeys()
	a.registerEvents()
	a.registerEnvironments()
	a.registerOperators()
	a.describe()
	a.reference = referenceOf(a.huma.OpenAPI())
	return a
}

// Mount puts the API on the mux for what callers with a key reach, and its reference on that for pages.
func (a *API) Mount(api, pages *http.ServeMux) {
	api.HandleFunc("GET "+prefix+"/openapi.json", a.openAPI)
	api.HandleFunc(prefix+"/", a.serve)
	pages.HandleFunc("GET /api/docs", a.serveReference)
}

// openAPI serves GET /api/v1/openapi.json. It needs no key.
func (a *API) openAPI(w http.ResponseWriter, r *http.Request) {
	document, err := json.Marshal(a.document(r))
	if err != nil {
		a.refuse(w, r, fmt.Errorf("write the OpenAPI document: %w", err))
		return
	}
	w.Header().Set("Content-Type", "application/openapi+json;version=3.1")
	_, _ = w.Write(document) // the caller may have gone
}

// document is the OpenAPI document for the environment of the request.
func (a *API) document(r *http.Request) *huma.OpenAPI {
	d := *a.huma.OpenAPI()
	env := environments.FromContext(r.Context())
	d.Servers = []*huma.Server{{URL: env.Issuer(a.PublicURL) + prefix, Description: env.Name}}
	return &d
}

// serve serves everything else: it finds out who calls and reads what she sends.
func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	key, err := a.authenticate(r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	ctx := context.WithValue(r.Context(), callerKey{}, key)
	ctx = audit.WithActor(ctx, audit.Actor{
		Kind: audit.ActorAPIKey, ID: key.ID, Name: key.Name, Address: addressOf(r), UserAgent: r.UserAgent(),
	})
	r = r.WithContext(ctx)
	if err := a.find(r); err != nil {
		a.refuse(w, r, err)
		return
	}
	if err := readBody(w, r); err != nil {
		a.refuse(w, r, err)
		return
	}
	if r.Method == http.MethodPost && r.Header.Get("Idempotency-Key") != "" {
		a.once(w, r)
		return
	}
	a.mux.ServeHTTP(w, r)
}

type callerKey struct{}

// caller is the key with which the request was sent.
func caller(ctx context.Context) *clients.APIKey { return ctx.Value(callerKey{}).(*clients.APIKey) }

// authenticate returns the key of the request, which must be one of the environment.
func (a *API) authenticate(r *http.Request) (*clients.APIKey, error) {
	sent := presented(r)
	if sent == "" {
		return nil, errNoKey
	}
	return a.APIKeys.Authenticate(r.Context(), environments.FromContext(r.Context()).ID, sent, addressOf(r))
}

// presented is the text of the key; "" if there is none.
func presented(r *http.Request) string {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// find reports whether there is an operation at the path, and one with the method. No address has a character that the
// database can't hold.
func (a *API) find(r *http.Request) error {
	if path.Clean(r.URL.Path) != r.URL.Path || !storable(r.URL.Path) {
		return errNoOperation
	}
	for name, values := range r.URL.Query() {
		if !storable(name) || !storable(strings.Join(values, "")) {
			return fault.Invalidf(strings.ToValidUTF8(name, ""), "the query has a character that isn't UTF-8, or NUL")
		}
	}
	if _, pattern := a.mux.Handler(r); pattern != "" {
		return nil
	}
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		probe := *r
		probe.Method = method
		if _, pattern := a.mux.Handler(&probe); pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return errNoOperation
	}
	return methodNotAllowed(r.Method, allowed)
}

// readBody reads the body, so that it can be told how it failed and read again.
func readBody(w http.ResponseWriter, r *http.Request) error {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return bodyTooLarge(tooLarge.Limit)
	}
	if err != nil {
		return bodyUnreadable(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	if len(text) == 0 {
		return nil
	}
	sent := r.Header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(sent)
	if sent != "" && (err != nil || kind != "application/json" && (kind != mergePatch || r.Method != http.MethodPatch)) {
		return unsupportedMediaType(sent)
	}
	return nil
}

// mergePatch is the media type of RFC 7396.
const mergePatch = "application/merge-patch+json"

// addressOf is where the request came from. The server has put the client's address into RemoteAddr.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// storable reports whether a database can keep the text.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
