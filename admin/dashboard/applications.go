package dashboard

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/templates"
)

// enter serves GET /admin/env/{env}: it leads to the first page of the environment.
func (h *Handler) enter(w http.ResponseWriter, r *http.Request, v *visit) error {
	return to(w, r, v.at("/applications"))
}

// listApplications serves GET /admin/env/{env}/applications.
func (h *Handler) listApplications(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, q, c := r.Context(), r.URL.Query(), cursorOf(r)
	page := templates.DashboardApplications{Dashboard: v.in(templates.SectionApplications), Query: q.Get("q"), Denied: v.denied(admin.WriteApplications)}
	if kind := clients.Kind(q.Get("kind")); slices.Contains(clients.Kinds(), kind) {
		page.Kind = string(kind)
	}
	found, more, err := h.Applications.Search(ctx, v.env, clients.Search{
		Text: page.Query, Kind: clients.Kind(page.Kind), Older: clients.ID(c.older), Newer: clients.ID(c.newer), Limit: pageSize,
	})
	if err != nil {
		return err
	}
	for _, app := range found {
		row, err := h.applicationRow(ctx, v, app)
		if err != nil {
			return err
		}
		page.Rows = append(page.Rows, row)
	}
	if len(found) > 0 {
		page.Pager = c.pager(r, string(found[0].ID), string(found[len(found)-1].ID), more)
	}
	return templates.Render(w, http.StatusOK, page)
}

func (h *Handler) applicationRow(ctx context.Context, v *visit, app *clients.Application) (templates.ApplicationRow, error) {
	row := templates.ApplicationRow{
		ID: string(app.ID), Name: app.Name, LogoURI: logo(app), Kind: string(app.Kind), ClientID: app.ClientID,
		Default: isDefault(v, app), Disabled: !app.Enabled, Managed: app.ManagedBy == environments.ManagedByApply, HasUsers: app.HasUsers(),
	}
	var err error
	if app, row.LastSignIn, err = h.lately(ctx, app); err != nil {
		return row, err
	}
	for _, finding := range app.CheckUp(row.LastSignIn, v.now) {
		if finding.Warning {
			row.Warnings++
		} else {
			row.Hints++
		}
	}
	if !app.HasUsers() {
		for _, s := range app.Secrets {
			if s.LastUsed.At.After(row.LastSignIn) {
				row.LastSignIn = s.LastUsed.At
			}
		}
		return row, nil
	}
	count, err := h.Sessions.Store.CountEnding(ctx, app, &app.SessionPolicy, v.now)
	row.Living = count.Living
	return row, err
}

// lately returns the application with the latest uses of its secrets, and when its latest session was started.
func (h *Handler) lately(ctx context.Context, app *clients.Application) (*clients.Application, time.Time, error) {
	secrets, err := h.Applications.Secrets(ctx, app.Environment, app.ID)
	if err != nil {
		return nil, time.Time{}, err
	}
	fresh := *app
	fresh.Secrets = secrets
	started, err := h.Sessions.Store.LastStarted(ctx, app.Environment, app.ID)
	return &fresh, started, err
}

func isDefault(v *visit, app *clients.Application) bool {
	return v.env.DefaultApplication == string(app.ID)
}

func logo(app *clients.Application) string {
	if app.Branding.LogoURI != "" {
		return app.Branding.LogoURI
	}
	return app.LogoURI
}
