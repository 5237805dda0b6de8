package dashboard

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) applicationRoutes() []route {
	const all = "/admin/env/{env}/applications"
	const one = all + "/{app}"
	return []route{
		{"GET " + all, admin.ReadApplications, h.listApplications},
		{"GET " + all + "/new", admin.WriteApplications, h.showNewApplication},
		{"POST " + all + "/new", admin.WriteApplications, h.createApplication},
		{"GET " + one, admin.ReadApplications, h.about(h.showOverview)},
		{"POST " + one + "/notes", admin.WriteApplications, h.about(h.saveNotes)},
		{"GET " + one + "/created", admin.WriteApplications, h.about(h.showCreated)},
		{"POST " + one + "/default", admin.WriteApplications, h.about(h.makeDefault)},
		{"POST " + one + "/enable", admin.WriteApplications, h.about(h.enableApplication)},
		{"GET " + one + "/disable", admin.WriteApplications, h.about(h.showDisable)},
		{"POST " + one + "/disable", admin.WriteApplications, h.about(h.disableApplication)},
		{"GET " + one + "/delete", admin.WriteApplications, h.about(h.showDelete)},
		{"POST " + one + "/delete", admin.WriteApplications, h.about(h.deleteApplication)},
	}
}

// applicationHandler serves a page of an application.
type applicationHandler func(http.ResponseWriter, *http.Request, *visit, *clients.Application) error

// about serves a page of the application that the address names.
func (h *Handler) about(do applicationHandler) func(http.ResponseWriter, *http.Request, *visit) error {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		app, err := h.Applications.ByID(r.Context(), v.env.ID, clients.ID(r.PathValue("app")))
		if err != nil {
			return err
		}
		return do(w, r, v, app)
	}
}

// tab is what every page of the application shows.
func (h *Handler) tab(v *visit, app *clients.Application, tab templates.Tab) templates.ApplicationPage {
	page := templates.ApplicationPage{
		Dashboard: v.in(templates.SectionApplications), Tab: tab, Denied: v.denied(admin.WriteApplications), Token: stateOf(app.UpdatedAt),
		App: templates.ApplicationHead{
			ID: string(app.ID), Name: app.Name, LogoURI: logo(app), Kind: string(app.Kind), Default: isDefault(v, app), Disabled: !app.Enabled,
			Managed: app.ManagedBy == environments.ManagedByApply, HasUsers: app.HasUsers(), Redirects: redirects(app),
		},
	}
	page.Chrome.Application = app.Name
	return page
}

// redirects reports whether people are redirected to the application.
func redirects(app *clients.Application) bool {
	return app.Allows(clients.GrantAuthorizationCode) || app.Allows(clients.GrantImplicit)
}

func applicationPath(v *visit, app *clients.Application) string {
	return "/admin/env/" + v.env.Slug + "/applications/" + string(app.ID)
}

func (v *visit) atApplication(app *clients.Application, path string, more ...string) string {
	return v.at("/applications/"+string(app.ID)+path, more...)
}

// change changes the application for the form in r, unless somebody else did since the form was made. It returns what is
// wrong with the form, and the application as it is then.
func (h *Handler) change(r *http.Request, v *visit, app *clients.Application, field string, do func(*clients.Application) error) (wrong []templates.FieldError, err error) {
	err = h.Applications.Update(r.Context(), v.env, app.ID, func(a *clients.Application) error {
		if err := seen(r, a.UpdatedAt); err != nil {
			return err
		}
		return do(a)
	})
	return problems(err, field)
}

// showNewApplication serves GET /admin/env/{env}/applications/new.
func (h *Handler) showNewApplication(w http.ResponseWriter, _ *http.Request, v *visit) error {
	return templates.Render(w, http.StatusOK, templates.DashboardApplicationNew{
		Dashboard: v.in(templates.SectionApplications), Kind: string(clients.Web), FirstParty: true,
	})
}

// createApplication serves POST /admin/env/{env}/applications/new. The result shows the secret once.
func (h *Handler) createApplication(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := r.PostForm
	page := templates.DashboardApplicationNew{
		Dashboard: v.in(templates.SectionApplications), Kind: form.Get("kind"), DisplayName: strings.TrimSpace(form.Get("name")),
		RedirectURI: strings.TrimSpace(form.Get("redirect-uri")), Identifier: strings.TrimSpace(form.Get("identifier")), FirstParty: form.Get("first-party") != "",
	}
	preset := clients.Kind(page.Kind).Preset()
	if page.DisplayName == "" {
		page.Errors = append(page.Errors, templates.FieldError{Field: "name", Text: templates.TextNoName})
	}
	if redirects(&preset) && page.RedirectURI == "" {
		page.Errors = append(page.Errors, templates.FieldError{Field: "redirect-uri", Text: templates.TextNoRedirectURI})
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	app, secret, err := h.Applications.Create(r.Context(), v.env, clients.New{Kind: clients.Kind(page.Kind), Name: page.DisplayName, Configure: func(a *clients.Application) error {
		if a.Kind == clients.API && page.Identifier != "" {
			a.Identifiers = []string{page.Identifier}
		}
		if !redirects(a) {
			return nil
		}
		a.RedirectURIs = []string{page.RedirectURI}
		if a.Kind == clients.SPA {
			a.CORSOrigins = origin(page.RedirectURI)
		}
		if !page.FirstParty {
			a.Consent = clients.ConsentThirdParty
		}
		return nil
	}})
	if page.Errors, err = problems(err, "name"); err != nil {
		return err
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	created := applicationPath(v, app) + "/created"
	if secret.Empty() {
		return to(w, r, v.shell.Href(created))
	}
	return h.showOnce(w, r, v, created, secret.Reveal())
}

// origin is the origin of a URI, from which a browser application calls; none for what has none.
func origin(uri string) []string {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return nil
	}
	return []string{u.Scheme + "://" + u.Host}
}

// showCreated serves GET /admin/env/{env}/applications/{app}/created.
func (h *Handler) showCreated(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	page := templates.DashboardApplicationCreated{
		ApplicationPage: h.tab(v, app, templates.TabOverview), ClientID: app.ClientID, Secret: h.once(w, r, v), Public: len(app.Secrets) == 0,
		Issuer: v.env.Issuer(h.PublicURL),
	}
	var err error
	if page.Snippets, err = h.snippets(v, app); err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

func (h *Handler) snippets(v *visit, app *clients.Application) ([]templates.Snippet, error) {
	s := templates.SnippetFor{Kind: string(app.Kind), Issuer: v.env.Issuer(h.PublicURL), ClientID: app.ClientID}
	switch app.TokenEndpointAuthMethod {
	case clients.AuthClientSecretBasic:
		s.Secret = true
	case clients.AuthClientSecretPost:
		s.Secret, s.Post = true, true
	case clients.AuthClientSecretJWT, clients.AuthPrivateKeyJWT:
		return nil, nil // no program of ours signs
	}
	s.RedirectURI = tryable(app.RedirectURIs)
	return templates.Snippets(s)
}

// tryable is the first redirect URI on this machine, where a program can be tried, else the default one; "" if there is none.
func tryable(uris []string) string {
	for _, uri := range uris {
		if strings.HasPrefix(uri, "http://127.0.0.1") || strings.HasPrefix(uri, "http://localhost") || strings.HasPrefix(uri, "http://[::1]") {
			return uri
		}
	}
	if len(uris) == 0 {
		return ""
	}
	return uris[0]
}

// cures are the tabs on which what the check-up finds is mended.
var cures = map[clients.Trouble]templates.Tab{
	clients.NoRedirectURI: templates.TabRedirects, clients.ClearRedirectURI: templates.TabRedirects, clients.WildcardRedirects: templates.TabRedirects,
	clients.NoWayBack: templates.TabRedirects, clients.NoSignOutURI: templates.TabRedirects, clients.NoBackchannel: templates.TabRedirects,
	clients.NoSecret: templates.TabCredentials, clients.NoSignedSecret: templates.TabCredentials, clients.SecretExpires: templates.TabCredentials, clients.SecretUnused: templates.TabCredentials,
	clients.LongJWTs: templates.TabSessions, clients.NoPolicy: templates.TabBranding, clients.NeverUsed: templates.TabOverview,
	clients.UnusedWildcard: templates.TabRedirects, clients.LongSessions: templates.TabSessions,
}

// showOverview serves GET /admin/env/{env}/applications/{app}.
func (h *Handler) showOverview(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	page, err := h.overviewPage(r, v, app)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

func (h *Handler) overviewPage(r *http.Request, v *visit, app *clients.Application) (templates.DashboardOverview, error) {
	issuer := v.env.Issuer(h.PublicURL)
	page := templates.DashboardOverview{
		ApplicationPage: h.tab(v, app, templates.TabOverview), ClientID: app.ClientID, Created: app.CreatedAt, Changed: app.UpdatedAt,
		Notes: templates.ApplicationNotes{DisplayName: app.Name, Description: app.Description, Metadata: strings.Join(metadataLines(app.Metadata), "\n")},
		Endpoints: []templates.Endpoint{
			{Name: "issuer", URI: issuer}, {Name: "discovery", URI: issuer + "/.well-known/openid-configuration"},
			{Name: "token", URI: issuer + "/oauth2/token"}, {Name: "jwks", URI: issuer + "/.well-known/jwks.json"},
			{Name: "introspection", URI: issuer + "/oauth2/introspect"}, {Name: "revocation", URI: issuer + "/oauth2/revoke"},
		},
	}
	if page.App.HasUsers {
		page.Endpoints = slices.Insert(page.Endpoints, 2, templates.Endpoint{Name: "authorization", URI: issuer + "/oauth2/authorize"})
		page.Endpoints = append(page.Endpoints, templates.Endpoint{Name: "userinfo", URI: issuer + "/userinfo"}, templates.Endpoint{Name: "sign_out", URI: issuer + "/oauth2/logout"})
	}
	fresh, started, err := h.lately(r.Context(), app)
	if err != nil {
		return page, err
	}
	for _, f := range fresh.CheckUp(started, v.now) {
		page.Findings = append(page.Findings, templates.Finding{What: string(f.What), Warning: f.Warning, Value: f.Value, Cure: cures[f.What]})
	}
	page.Snippets, err = h.snippets(v, app)
	return page, err
}

// makeDefault serves POST /admin/env/{env}/applications/{app}/default.
func (h *Handler) makeDefault(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	if err := h.Founder.MakeDefault(r.Context(), v.env.ID, app.ID); err != nil {
		return err
	}
	return to(w, r, v.atApplication(app, "", "notice", "default_moved"))
}

// enableApplication serves POST /admin/env/{env}/applications/{app}/enable.
func (h *Handler) enableApplication(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	if err := h.Applications.SetEnabled(r.Context(), v.env, app.ID, true); err != nil {
		return err
	}
	return to(w, r, v.atApplication(app, "", "notice", "application_enabled"))
}

// confirmApplication is the page on which something destructive is confirmed.
func (h *Handler) confirmApplication(v *visit, app *clients.Application, what templates.Confirmation, path string) templates.DashboardConfirm {
	return templates.DashboardConfirm{
		Dashboard: v.in(templates.SectionApplications), What: what, Subject: app.Name, Token: stateOf(app.UpdatedAt),
		Path: applicationPath(v, app) + path, Back: v.atApplication(app, ""),
	}
}

// livingSessions counts them; an application without users has none.
func (h *Handler) livingSessions(ctx context.Context, app *clients.Application, v *visit) (int, error) {
	if !app.HasUsers() || !app.Enabled {
		return 0, nil
	}
	count, err := h.Sessions.Store.CountEnding(ctx, app, &app.SessionPolicy, v.now)
	return count.Living, err
}

func (h *Handler) disablePage(r *http.Request, v *visit, app *clients.Application) (templates.DashboardConfirm, error) {
	page := h.confirmApplication(v, app, templates.ConfirmDisableApplication, "/disable")
	living, err := h.livingSessions(r.Context(), app, v)
	page.Effects = []templates.Message{templates.EffectSessions(living)}
	return page, err
}

// showDisable serves GET /admin/env/{env}/applications/{app}/disable.
func (h *Handler) showDisable(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	page, err := h.disablePage(r, v, app)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

// disableApplication serves POST /admin/env/{env}/applications/{app}/disable.
func (h *Handler) disableApplication(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	if err := h.Applications.SetEnabled(r.Context(), v.env, app.ID, false); err != nil {
		return err
	}
	return to(w, r, v.atApplication(app, "", "notice", "application_disabled"))
}

func (h *Handler) deletePage(r *http.Request, v *visit, app *clients.Application) (templates.DashboardConfirm, error) {
	ctx := r.Context()
	page := h.confirmApplication(v, app, templates.ConfirmDeleteApplication, "/delete")
	page.Typed = true
	living, err := h.livingSessions(ctx, app, v)
	if err != nil {
		return page, err
	}
	if app.HasUsers() {
		page.Effects = append(page.Effects, templates.EffectSessions(living))
	}
	secrets := 0
	for i := range app.Secrets {
		if app.Secrets[i].Alive(v.now) {
			secrets++
		}
	}
	if secrets > 0 {
		page.Effects = append(page.Effects, templates.EffectSecrets(secrets))
	}
	keys, err := h.APIKeys.List(ctx, v.env.ID, app.ID)
	if err != nil {
		return page, err
	}
	keys = slices.DeleteFunc(keys, func(k clients.APIKey) bool { return !k.Alive(v.now) })
	if len(keys) > 0 {
		page.Effects = append(page.Effects, templates.EffectAPIKeys(len(keys)))
	}
	page.Effects = append(page.Effects, templates.EffectForGood)
	return page, nil
}

// showDelete serves GET /admin/env/{env}/applications/{app}/delete.
func (h *Handler) showDelete(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	if isDefault(v, app) {
		return clients.ErrIsDefault
	}
	page, err := h.deletePage(r, v, app)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

// deleteApplication serves POST /admin/env/{env}/applications/{app}/delete.
func (h *Handler) deleteApplication(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	if strings.TrimSpace(r.PostForm.Get("confirm-name")) != app.Name {
		page, err := h.deletePage(r, v, app)
		if err != nil {
			return err
		}
		page.Errors = []templates.FieldError{{Field: "confirm-name", Text: templates.TextNotTheName(app.Name)}}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	if err := h.Applications.Delete(r.Context(), v.env, app.ID); err != nil {
		return err
	}
	return to(w, r, v.at("/applications", "notice", "application_deleted"))
}
