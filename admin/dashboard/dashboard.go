// Package dashboard is the edge where operators run the installation in the browser.
package dashboard

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/delivery"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/mail"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// Handler serves the dashboard and, in local mode, the mailbox. Its requests carry the environment of the operators.
type Handler struct {
	PublicURL     *url.URL
	Environments  *environments.Registry
	Applications  *clients.Registry
	APIKeys       *clients.APIKeys
	Users         *identity.Registry
	Organizations *organizations.Registry
	Sessions      *sessions.Registry
	Logouts       *delivery.Logouts
	Tokens        Tokens
	Cookies       *sessions.Cookies
	Founder       *admin.Founder
	Setup         *admin.Setup
	Operators     *admin.Operators
	Events        audit.Reader
	Keys          *keys.Ring
	Vault         *keys.Vault
	Mailbox       *mail.Mailbox // nil if mail is sent

	// SendTest sends a mail in the name of the environment and waits until the mail server took it. Why it didn't is
	// fault.Unavailable, with what the server answered.
	SendTest func(ctx context.Context, env *environments.Environment, to, language string) error

	DemoURL string // "" if the demo doesn't run
	Now     func() time.Time
	Log     *slog.Logger
}

// Mount adds the dashboard's routes.
func (h *Handler) Mount(mux *http.ServeMux) {
	mux.Handle("GET /setup", h.handle(h.showSetup))
	mux.Handle("POST /setup", h.handle(h.setup))
	if h.Mailbox != nil {
		mux.Handle("GET /dev/mailbox", h.handle(h.showMailbox))
		mux.Handle("GET /dev/mailbox/{id}", h.handle(h.showMessage))
		mux.Handle("GET /dev/mailbox/{id}/html", h.handle(h.showMessageBody))
	}
	for _, route := range h.routes() {
		mux.Handle(route.pattern, h.visited(route.needs, route.serve))
	}
	mux.Handle("/", h.handle(func(http.ResponseWriter, *http.Request) error { return fault.NotFoundf("there is no such page") }))
}

// route is a page, or what the form of one does. Nobody gets to it without the permission.
type route struct {
	pattern string
	needs   admin.Permission
	serve   func(http.ResponseWriter, *http.Request, *visit) error
}

func (h *Handler) routes() []route {
	const env = "/admin/env/{env}"
	return slices.Concat(
		[]route{
			{"GET /admin", admin.ReadEnvironments, h.welcome},
			{"GET " + env, admin.ReadEnvironments, h.enter},
		},
		h.applicationRoutes(),
		h.redirectRoutes(),
		h.sessionRoutes(),
		h.credentialRoutes(),
		h.clientKeyRoutes(),
		h.accessRoutes(),
		h.userRoutes(),
		h.sessionListRoutes(),
		h.organizationRoutes(),
		h.roleRoutes(),
		h.eventRoutes(),
		h.brandingRoutes(),
		h.keyRoutes(),
		h.previewRoutes(),
		h.claimsRoutes(),
		h.testRoutes(),
		h.settingsRoutes(),
		h.environmentRoutes(),
		h.operatorRoutes(),
	)
}

// handle reads the form and makes a response of an error, once.
func (h *Handler) handle(do func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := r.ParseForm()
		if err != nil {
			err = fault.Invalidf("", "The form cannot be read. Open the page again.").WithCause(err)
		} else {
			err = do(w, r)
		}
		if err != nil {
			h.showError(w, r, err)
		}
	})
}

func (h *Handler) showError(w http.ResponseWriter, r *http.Request, err error) {
	ctx := r.Context()
	f := fault.Of(err)
	page := templates.ErrorPage{Chrome: h.chrome(r), Text: templates.Literal(f.Message), Reference: audit.RequestID(ctx)}
	page.Button = templates.Button{Label: templates.TextGoToDashboard, URI: template.URL(page.Href("/admin"))}
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		page.Text = templates.NeedsRole(string(refused.role))
	case f.Kind == fault.NotFound:
		button := page.Button
		page = templates.NotFound(page.Chrome)
		page.Button = button
	case f.Kind == fault.Internal, f.Kind == fault.Unavailable:
		page.Text = templates.TextOurFault
		if errors.Is(err, context.Canceled) {
			h.Log.InfoContext(ctx, "the browser did not wait", "err", err)
		} else {
			h.Log.ErrorContext(ctx, "request failed", "err", err)
		}
	}
	if err := templates.Render(w, f.Kind.Status(), page); err != nil {
		h.Log.ErrorContext(ctx, "page not rendered", "err", err)
	}
}

func (h *Handler) chrome(r *http.Request) templates.Chrome {
	return templates.Chrome{
		Environment: "Portico", Now: h.Now().UTC(), Query: r.URL.RawQuery, Notice: notices[r.URL.Query().Get("notice")],
		Language: templates.MatchLanguage(r.URL.Query().Get("ui_locales"), r.Header.Get("Accept-Language")),
	}
}

// notices are what an address can ask a page to say, so that it says it again after a reload.
var notices = map[string]templates.Message{
	"application_deleted":  templates.TextApplicationDeleted,
	"application_disabled": templates.TextApplicationDisabled,
	"application_enabled":  templates.TextApplicationEnabled,
	"brand_restored":       templates.TextBrandRestored,
	"credential_ended":     templates.TextCredentialEnded,
	"default_moved":        templates.TextDefaultMoved,
	"key_deleted":          templates.TextKeyDeleted,
	"key_made":             templates.TextKeyMade,
	"key_next":             templates.TextKeyNext,
	"key_retired":          templates.TextKeyRetired,
	"key_rotated":          templates.TextKeyRotated,
	"member_added":         templates.TextMemberAdded,
	"member_removed":       templates.TextMemberRemoved,
	"operator_removed":     templates.TextOperatorRemoved,
	"organization_gone":    templates.TextOrganizationGone,
	"organization_made":    templates.TextOrganizationMade,
	"restored":             templates.TextRestored,
	"role_deleted":         templates.TextRoleDeleted,
	"role_saved":           templates.TextRoleSaved,
	"saved":                templates.TextSaved,
	"session_ended":        templates.TextSessionEndedByOperator,
	"sessions_ended":       templates.TextSessionsEnded,
	"test_mail":            templates.TextTestMail,
	"user_deleted":         templates.TextUserDeleted,
	"user_disabled":        templates.TextUserDisabled,
	"user_enabled":         templates.TextUserEnabled,
	"user_saved":           templates.TextUserSaved,
}

// to sends the browser to an address.
func to(w http.ResponseWriter, r *http.Request, address string) error {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, address, http.StatusSeeOther)
	return nil
}
