package dashboard

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) sessionListRoutes() []route {
	const all = "/admin/env/{env}/sessions"
	return []route{
		{"GET " + all, admin.ReadSessions, h.listSessions},
		{"POST " + all + "/end-one", admin.EndSessions, h.endListed},
		{"GET " + all + "/end", admin.EndSessions, h.showEndSelected},
		{"POST " + all + "/end", admin.EndSessions, h.endSelected},
	}
}

// choice is what the fields person, application and organization of an address choose sessions by.
type choice struct {
	sessions.Selection
	names []string // of what it is chosen by
	wrong []templates.FieldError
}

// chosen reads the choice of an address. One by nothing selects nothing.
func (h *Handler) chosen(r *http.Request, v *visit) (c choice, err error) {
	ctx, form := r.Context(), r.URL.Query()
	mistake := func(field string, text templates.Message) {
		c.wrong = append(c.wrong, templates.FieldError{Field: field, Text: text})
	}
	if text := strings.TrimSpace(form.Get("person")); text != "" {
		switch user, err := h.findUser(ctx, v, text); {
		case errors.Is(err, identity.ErrNotFound):
			mistake("person", templates.TextNoUser(text))
		case err != nil:
			return c, err
		default:
			c.User, c.names = user.ID, append(c.names, user.Email)
		}
	}
	if text := strings.TrimSpace(form.Get("application")); text != "" {
		app, err := h.Applications.ByID(ctx, v.env.ID, clients.ID(text))
		if errors.Is(err, clients.ErrNotFound) {
			app, err = h.Applications.ByClientID(ctx, v.env.ID, text)
		}
		switch {
		case errors.Is(err, clients.ErrNotFound):
			mistake("application", templates.TextNoApplication)
		case err != nil:
			return c, err
		default:
			c.Application, c.names = app.ID, append(c.names, app.Name)
		}
	}
	if text := strings.TrimSpace(form.Get("organization")); text != "" {
		switch o, err := h.findOrganization(ctx, v, text); {
		case errors.Is(err, organizations.ErrNotFound):
			mistake("organization", templates.TextNoOrganization)
		case err != nil:
			return c, err
		default:
			c.Organization, c.names = o.ID, append(c.names, o.Name)
		}
	}
	return c, nil
}

func (c *choice) empty() bool { return c.Selection == sessions.Selection{} }

// findOrganization finds an organization by what somebody types: an ID or a slug.
func (h *Handler) findOrganization(ctx context.Context, v *visit, text string) (*organizations.Organization, error) {
	if strings.HasPrefix(text, "org_") {
		return h.Organizations.Store.Organization(ctx, v.env.ID, organizations.ID(text))
	}
	return h.Organizations.Store.OrganizationBySlug(ctx, v.env.ID, text)
}

// selectionQuery asks for the sessions of a selection in all applications, or in the one that it names.
func (h *Handler) selectionQuery(ctx context.Context, v *visit, which sessions.Selection, state sessions.State) (q sessions.SelectionQuery, err error) {
	q = sessions.SelectionQuery{Selection: which, State: state, Now: v.now}
	if which.Application == "" {
		q.Applications, err = h.Applications.All(ctx, v.env.ID)
		return q, err
	}
	app, err := h.Applications.ByID(ctx, v.env.ID, which.Application)
	q.Applications = []*clients.Application{app}
	return q, err
}

// countLiving counts the living sessions that the selection names.
func (h *Handler) countLiving(ctx context.Context, v *visit, which sessions.Selection) (int, error) {
	q, err := h.selectionQuery(ctx, v, which, sessions.Living)
	if err != nil {
		return 0, err
	}
	return h.Sessions.Store.CountSelected(ctx, v.env.ID, q)
}

// listSessions serves GET /admin/env/{env}/sessions: those of a user, an application, an organization or what these have in common.
func (h *Handler) listSessions(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, form, c := r.Context(), r.URL.Query(), cursorOf(r)
	page := templates.DashboardSessionList{
		Dashboard: v.in(templates.SectionUsers), Person: form.Get("person"), Application: form.Get("application"), Organization: form.Get("organization"),
		Status: string(sessions.Living),
	}
	if form.Get("status") == string(sessions.Over) {
		page.Status = string(sessions.Over)
	}
	which, err := h.chosen(r, v)
	if err != nil {
		return err
	}
	if page.Errors = which.wrong; len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	if which.empty() {
		return templates.Render(w, http.StatusOK, page)
	}
	page.Asked = true
	q, err := h.selectionQuery(ctx, v, which.Selection, sessions.State(page.Status))
	if err != nil {
		return err
	}
	q.Older, q.Newer, q.Limit = sessions.ID(c.older), sessions.ID(c.newer), pageSize
	found, more, err := h.Sessions.Store.SelectedSessions(ctx, v.env.ID, q)
	if err != nil {
		return err
	}
	t, tell := &page.Table, h.teller(v)
	t.Now, t.EndDenied, t.Columns = page.Now, v.denied(admin.EndSessions), templates.SessionColumns{Person: true, Application: true, Organization: true}
	t.EndAddress = v.at("/sessions/end-one", "person", page.Person, "application", page.Application, "organization", page.Organization)
	if page.Status == string(sessions.Living) {
		t.EndAll = v.at("/sessions/end", "person", page.Person, "application", page.Application, "organization", page.Organization)
	}
	for i := range found {
		app, err := tell.application(ctx, found[i].Application)
		if err != nil {
			return err
		}
		row, err := tell.session(ctx, &found[i], app)
		if err != nil {
			return err
		}
		t.Rows = append(t.Rows, row)
	}
	if len(found) > 0 {
		page.Pager = c.pager(r, string(found[0].ID), string(found[len(found)-1].ID), more)
	}
	return templates.Render(w, http.StatusOK, page)
}

// back is the address of the list that the fields of r's address choose.
func (v *visit) back(r *http.Request, notice string) string {
	form := r.URL.Query()
	return v.at("/sessions", "person", form.Get("person"), "application", form.Get("application"), "organization", form.Get("organization"), "notice", notice)
}

// endListed serves POST …/sessions/end-one.
func (h *Handler) endListed(w http.ResponseWriter, r *http.Request, v *visit) error {
	which := sessions.Selection{Session: sessions.ID(r.PostForm.Get("session"))}
	if _, err := h.Sessions.End(r.Context(), v.env.ID, which, sessions.EndedByOperator); err != nil {
		return err
	}
	return to(w, r, v.back(r, "session_ended"))
}

// endSelectedPage asks before the chosen sessions end, with their number.
func (h *Handler) endSelectedPage(r *http.Request, v *visit, c choice) (templates.DashboardConfirm, error) {
	page := templates.DashboardConfirm{
		Dashboard: v.in(templates.SectionUsers), What: templates.ConfirmEndSelected, Subject: strings.Join(c.names, ", "),
		Path: "/admin/env/" + v.env.Slug + "/sessions/end", Back: v.back(r, ""),
	}
	form := r.URL.Query()
	page.Params = []string{"person", form.Get("person"), "application", form.Get("application"), "organization", form.Get("organization")}
	living, err := h.countLiving(r.Context(), v, c.Selection)
	page.Effects = []templates.Message{templates.EffectSessions(living)}
	if c.Selection == (sessions.Selection{User: c.User}) {
		page.Effects = append(page.Effects, templates.EffectBrowsers)
	}
	return page, err
}

// showEndSelected serves GET …/sessions/end.
func (h *Handler) showEndSelected(w http.ResponseWriter, r *http.Request, v *visit) error {
	c, err := h.chosen(r, v)
	if err != nil {
		return err
	}
	if c.empty() || len(c.wrong) > 0 {
		return to(w, r, v.back(r, ""))
	}
	page, err := h.endSelectedPage(r, v, c)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

// endSelected serves POST …/sessions/end.
func (h *Handler) endSelected(w http.ResponseWriter, r *http.Request, v *visit) error {
	c, err := h.chosen(r, v)
	if err != nil {
		return err
	}
	if c.empty() || len(c.wrong) > 0 {
		return to(w, r, v.back(r, ""))
	}
	if _, err := h.Sessions.EndSelected(r.Context(), v.env.ID, c.Selection, sessions.EndedByOperator); err != nil {
		return err
	}
	return to(w, r, v.back(r, "sessions_ended"))
}
