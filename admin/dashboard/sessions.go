package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mileusna/useragent"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) sessionRoutes() []route {
	const tab = "/admin/env/{env}/applications/{app}/sessions"
	return []route{
		{"GET " + tab, admin.ReadSessions, h.about(h.showSessions)},
		{"POST " + tab, admin.WriteApplications, h.about(h.savePolicy)},
		{"POST " + tab + "/end", admin.EndSessions, h.about(h.endSession)},
		{"GET " + tab + "/end-all", admin.EndSessions, h.about(h.showEndAll)},
		{"POST " + tab + "/end-all", admin.EndSessions, h.about(h.endAll)},
	}
}

// showSessions serves GET …/sessions: the clocks and the sessions of an application.
func (h *Handler) showSessions(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	page, err := h.sessionsPage(r, v, app)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

func (h *Handler) sessionsPage(r *http.Request, v *visit, app *clients.Application) (templates.DashboardSessions, error) {
	p := &app.SessionPolicy
	page := templates.DashboardSessions{
		ApplicationPage: h.tab(v, app, templates.TabSessions), EndDenied: v.denied(admin.EndSessions), Status: string(sessions.Living),
		AccessToken: templates.DurationOf(p.AccessTokenLifetime), Inactivity: templates.DurationOf(p.InactivityTimeout), Maximum: templates.DurationOf(p.MaxSessionLength),
		IDToken: templates.DurationOf(p.IDTokenLifetime), Code: templates.DurationOf(p.AuthorizationCodeLifetime), Reuse: templates.DurationOf(p.RefreshReuseWindow),
		Activity: string(p.Activity),
	}
	if !page.App.HasUsers {
		return page, nil
	}
	ctx, c, form := r.Context(), cursorOf(r), r.URL.Query()
	page.Person, page.Since = strings.TrimSpace(form.Get("person")), form.Get("since")
	q := sessions.Query{Application: app, State: sessions.Living, Now: v.now, Older: sessions.ID(c.older), Newer: sessions.ID(c.newer), Limit: pageSize}
	switch form.Get("status") {
	case string(sessions.Over):
		page.Status, q.State = string(sessions.Over), sessions.Over
	case "ending":
		page.Status, q.EndedBy = "ending", confirmedPolicy(form.Get("policy"))
	}
	if since, err := time.Parse(time.DateOnly, page.Since); err == nil {
		q.Since = since
	}
	if page.Person != "" {
		user, err := h.findUser(ctx, v, page.Person)
		if errors.Is(err, identity.ErrNotFound) {
			return page, nil
		}
		if err != nil {
			return page, err
		}
		q.User = user.ID
	}
	found, more, err := h.Sessions.Store.Sessions(ctx, v.env.ID, q)
	if err != nil {
		return page, err
	}
	tell := h.teller(v)
	for i := range found {
		row, err := tell.session(ctx, &found[i], app)
		if err != nil {
			return page, err
		}
		page.Rows, page.Organizations = append(page.Rows, row), page.Organizations || row.Organization.Text != ""
	}
	if len(found) > 0 {
		page.Pager = c.pager(r, string(found[0].ID), string(found[len(found)-1].ID), more)
	}
	return page, nil
}

// findUser finds a user by what somebody types: an ID or an address.
func (h *Handler) findUser(ctx context.Context, v *visit, text string) (*identity.User, error) {
	if strings.HasPrefix(text, "usr_") {
		return h.Users.Get(ctx, v.env.ID, identity.ID(text))
	}
	return h.Users.ByEmail(ctx, v.env.ID, text)
}

func sessionRow(v *visit, s *sessions.Listed, app *clients.Application) templates.SessionRow {
	agent := useragent.Parse(s.UserAgent)
	row := templates.SessionRow{
		Person: templates.Person{Name: s.Name, Email: s.Email}, ID: string(s.ID), Phone: agent.Mobile || agent.Tablet, Address: s.Address,
		Device: device(s.UserAgent), Method: templates.TextMethod(s.AMR), Started: s.CreatedAt, LastActive: s.LastActiveAt,
	}
	at, why := s.Deadline(&app.SessionPolicy)
	switch {
	case !v.now.Before(at):
		row.Ended, row.Reason = at, string(why)
		if why == sessions.EndedInactivity {
			row.After = at.Sub(s.LastActiveAt)
		} else if why == sessions.EndedMaxLength {
			row.After = at.Sub(s.AuthTime)
		}
	case why == sessions.EndedMaxLength:
		row.Until = at
	default:
		row.IdleTimeout = app.SessionPolicy.InactivityTimeout
	}
	return row
}

// confirmation names the clocks that decide about living sessions, so that what is saved is what was shown.
func confirmation(p *clients.SessionPolicy) string {
	return fmt.Sprintf("%d/%d", int64(p.InactivityTimeout/time.Second), int64(p.MaxSessionLength/time.Second))
}

// confirmedPolicy is the policy that confirmation names; the zero policy for anything else, which ends everything.
func confirmedPolicy(text string) *clients.SessionPolicy {
	inactivity, maximum, _ := strings.Cut(text, "/")
	seconds := func(text string) time.Duration {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return 0
		}
		return time.Duration(n) * time.Second
	}
	return &clients.SessionPolicy{InactivityTimeout: seconds(inactivity), MaxSessionLength: seconds(maximum)}
}

// savePolicy serves POST …/sessions. What ends sessions is shown before it is saved.
func (h *Handler) savePolicy(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	ctx := r.Context()
	page, err := h.sessionsPage(r, v, app)
	if err != nil {
		return err
	}
	form := r.PostForm
	next := app.SessionPolicy
	for _, clock := range []struct {
		field string
		typed *templates.Duration
		value *time.Duration
		has   bool
	}{
		{"access-token-lifetime", &page.AccessToken, &next.AccessTokenLifetime, true},
		{"inactivity-timeout", &page.Inactivity, &next.InactivityTimeout, app.HasUsers()},
		{"max-session-length", &page.Maximum, &next.MaxSessionLength, app.HasUsers()},
		{"id-token-lifetime", &page.IDToken, &next.IDTokenLifetime, app.HasUsers()},
		{"authorization-code-lifetime", &page.Code, &next.AuthorizationCodeLifetime, app.HasUsers()},
		{"refresh-reuse-window", &page.Reuse, &next.RefreshReuseWindow, app.HasUsers()},
	} {
		if !clock.has {
			continue
		}
		*clock.typed = templates.Duration{Number: form.Get(clock.field), Unit: form.Get(clock.field + "-unit")}
		value, ok := clock.typed.Value()
		if !ok {
			page.Errors = append(page.Errors, templates.FieldError{Field: clock.field, Text: templates.TextNumber})
		}
		*clock.value = value
	}
	if app.HasUsers() {
		page.Activity = form.Get("activity")
		next.Activity = clients.Activity(page.Activity)
	}
	if len(page.Errors) == 0 {
		asked := app.Clone()
		asked.SessionPolicy = next
		if page.Errors, err = problems(asked.Validate(v.env.Kind), "access-token-lifetime"); err != nil {
			return err
		}
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	if app.HasUsers() && form.Get("confirmed") != confirmation(&next) {
		ending, err := h.Sessions.Store.CountEnding(ctx, app, &next, v.now)
		if err != nil {
			return err
		}
		if ending.Total() > 0 {
			confirm := confirmation(&next)
			page.Effect = &templates.PolicyEffect{
				Living: ending.Living, Inactive: ending.Inactive, TooOld: ending.TooOld, Confirm: confirm,
				ShowThem: v.atApplication(app, "/sessions", "status", "ending", "policy", confirm),
			}
			return templates.Render(w, http.StatusOK, page)
		}
	}
	page.Errors, err = h.change(r, v, app, "access-token-lifetime", func(a *clients.Application) error {
		a.SessionPolicy = next
		return nil
	})
	if err != nil {
		return err
	}
	if len(page.Errors) > 0 {
		if err := h.renew(r, v, &page.ApplicationPage); err != nil {
			return err
		}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	return to(w, r, v.atApplication(app, "/sessions", "notice", "saved"))
}

// renew names in the form the state that the application is in by now, for another try.
func (h *Handler) renew(r *http.Request, v *visit, page *templates.ApplicationPage) error {
	now, err := h.Applications.ByID(r.Context(), v.env.ID, clients.ID(page.App.ID))
	if err != nil {
		return err
	}
	page.Token = stateOf(now.UpdatedAt)
	return nil
}

// endSession serves POST …/sessions/end.
func (h *Handler) endSession(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	which := sessions.Selection{Session: sessions.ID(r.PostForm.Get("session")), Application: app.ID}
	if which.Session == "" {
		return to(w, r, v.atApplication(app, "/sessions"))
	}
	if _, err := h.Sessions.End(r.Context(), v.env.ID, which, sessions.EndedByOperator); err != nil {
		return err
	}
	return to(w, r, v.atApplication(app, "/sessions", "notice", "session_ended"))
}

func (h *Handler) endAllPage(r *http.Request, v *visit, app *clients.Application) (templates.DashboardConfirm, error) {
	page := h.confirmApplication(v, app, templates.ConfirmEndSessions, "/sessions/end-all")
	page.Typed, page.Back = true, v.atApplication(app, "/sessions")
	living, err := h.livingSessions(r.Context(), app, v)
	page.Effects = []templates.Message{templates.EffectSessions(living), templates.EffectForGood}
	return page, err
}

// showEndAll serves GET …/sessions/end-all.
func (h *Handler) showEndAll(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	page, err := h.endAllPage(r, v, app)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

// endAll serves POST …/sessions/end-all.
func (h *Handler) endAll(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	if strings.TrimSpace(r.PostForm.Get("confirm-name")) != app.Name {
		page, err := h.endAllPage(r, v, app)
		if err != nil {
			return err
		}
		page.Errors = []templates.FieldError{{Field: "confirm-name", Text: templates.TextNotTheName(app.Name)}}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	if _, err := h.Sessions.EndApplication(r.Context(), app, sessions.EndedByOperator); err != nil {
		return err
	}
	return to(w, r, v.atApplication(app, "/sessions", "notice", "sessions_ended"))
}
