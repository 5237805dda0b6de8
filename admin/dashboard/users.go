package dashboard

import (
	"context"
	"net/http"
	"strings"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) userRoutes() []route {
	const all = "/admin/env/{env}/users"
	const one = all + "/{user}"
	return []route{
		{"GET " + all, admin.ReadUsers, h.listUsers},
		{"GET " + one, admin.ReadUsers, h.aboutUser(h.showUser)},
		{"POST " + one, admin.WriteUsers, h.aboutUser(h.saveUser)},
		{"GET " + one + "/sessions", admin.ReadSessions, h.aboutUser(h.showUserSessions)},
		{"POST " + one + "/sessions/end", admin.EndSessions, h.aboutUser(h.endUserSession)},
		{"GET " + one + "/organizations", admin.ReadOrganizations, h.aboutUser(h.showUserOrganizations)},
		{"GET " + one + "/activity", admin.ReadEvents, h.aboutUser(h.showUserActivity)},
		{"POST " + one + "/enable", admin.WriteUsers, h.aboutUser(h.enableUser)},
		{"GET " + one + "/disable", admin.WriteUsers, h.aboutUser(h.showDisableUser)},
		{"POST " + one + "/disable", admin.WriteUsers, h.aboutUser(h.disableUser)},
		{"GET " + one + "/delete", admin.WriteUsers, h.aboutUser(h.showDeleteUser)},
		{"POST " + one + "/delete", admin.WriteUsers, h.aboutUser(h.deleteUser)},
	}
}

// listUsers serves GET /admin/env/{env}/users.
func (h *Handler) listUsers(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, form, c := r.Context(), r.URL.Query(), cursorOf(r)
	page := templates.DashboardUsers{Dashboard: v.in(templates.SectionUsers), Query: strings.TrimSpace(form.Get("q"))}
	if status := identity.Status(form.Get("status")); status == identity.Active || status == identity.Disabled {
		page.Status = string(status)
	}
	found, more, err := h.Users.Search(ctx, v.env.ID, identity.Query{
		Text: page.Query, Status: identity.Status(page.Status), Older: identity.ID(c.older), Newer: identity.ID(c.newer), Limit: pageSize,
	})
	if page.Errors, err = problems(err, "q"); err != nil {
		return err
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	if page.Rows, err = h.userRows(ctx, v, found); err != nil {
		return err
	}
	if len(found) > 0 {
		page.Pager = c.pager(r, string(found[0].ID), string(found[len(found)-1].ID), more)
	}
	return templates.Render(w, http.StatusOK, page)
}

// userRows describes users by two statements, however many they are.
func (h *Handler) userRows(ctx context.Context, v *visit, users []*identity.User) ([]templates.UserRow, error) {
	ids := make([]identity.ID, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	memberships, err := h.Organizations.Store.MembershipsOfUsers(ctx, v.env.ID, ids)
	if err != nil {
		return nil, err
	}
	belong := map[identity.ID][]templates.Reference{}
	for i := range memberships {
		m := &memberships[i]
		belong[m.User] = append(belong[m.User], templates.Reference{Text: m.OrganizationName, URI: v.at("/organizations/" + string(m.Organization))})
	}
	apps, err := h.Applications.All(ctx, v.env.ID)
	if err != nil {
		return nil, err
	}
	presence, err := h.Sessions.Store.Presence(ctx, v.env.ID, ids, apps, v.now)
	if err != nil {
		return nil, err
	}
	rows := make([]templates.UserRow, len(users))
	for i, u := range users {
		p := presence[u.ID]
		rows[i] = templates.UserRow{
			Person: personOf(u), ID: string(u.ID), Disabled: u.Status == identity.Disabled, Organizations: belong[u.ID], LastSignIn: p.LastSignIn, Living: p.Living,
		}
	}
	return rows, nil
}

func personOf(u *identity.User) templates.Person {
	return templates.Person{Name: u.Profile.Name, Email: u.Email}
}

// userHandler serves a page of a user.
type userHandler func(http.ResponseWriter, *http.Request, *visit, *identity.User) error

// aboutUser serves a page of the user that the address names.
func (h *Handler) aboutUser(do userHandler) func(http.ResponseWriter, *http.Request, *visit) error {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		u, err := h.Users.Get(r.Context(), v.env.ID, identity.ID(r.PathValue("user")))
		if err != nil {
			return err
		}
		return do(w, r, v, u)
	}
}

// userTab is what every page of the user shows.
func userTab(v *visit, u *identity.User, tab templates.Tab) templates.UserPage {
	return templates.UserPage{
		Dashboard: v.in(templates.SectionUsers), Tab: tab, Denied: v.denied(admin.WriteUsers), EndDenied: v.denied(admin.EndSessions),
		User: templates.UserHead{Person: personOf(u), ID: string(u.ID), Disabled: u.Status == identity.Disabled, Events: v.can(admin.ReadEvents)},
	}
}

func (v *visit) atUser(u *identity.User, path string, more ...string) string {
	return v.at("/users/"+string(u.ID)+path, more...)
}

// profileFields are the texts of a user's document, by the names of their fields. The first main ones are always in sight.
func profileFields(d *identity.Document) (fields []profileField, main int) {
	a := &d.Address
	return []profileField{
		{"name", &d.Name}, {"given-name", &d.GivenName}, {"family-name", &d.FamilyName}, {"phone-number", &d.PhoneNumber},
		{"middle-name", &d.MiddleName}, {"nickname", &d.Nickname}, {"preferred-username", &d.PreferredUsername}, {"birthdate", &d.Birthdate},
		{"gender", &d.Gender}, {"locale", &d.Locale}, {"zoneinfo", &d.Zoneinfo}, {"profile", &d.Profile}, {"picture", &d.Picture}, {"website", &d.Website},
		{"formatted", &a.Formatted}, {"street-address", &a.StreetAddress}, {"locality", &a.Locality}, {"region", &a.Region},
		{"postal-code", &a.PostalCode}, {"country", &a.Country},
	}, 4
}

type profileField struct {
	name string
	text *string
}

// profilePage is the tab Profile with what d says.
func profilePage(v *visit, u *identity.User, d *identity.Document) templates.DashboardUser {
	page := templates.DashboardUser{
		UserPage: userTab(v, u, templates.TabProfile), EmailDenied: v.denied(admin.WriteEmails),
		EmailVerified: d.EmailVerified, PhoneVerified: d.PhoneNumberVerified,
		HasPassword: u.PasswordHash != "", Created: u.CreatedAt, Changed: u.UpdatedAt,
	}
	page.User.Email = d.Email
	fields, main := profileFields(d)
	for i, f := range fields {
		field := templates.ProfileField{ID: f.name, Value: *f.text}
		if i < main {
			page.Main = append(page.Main, field)
		} else {
			page.More = append(page.More, field)
		}
	}
	return page
}

// showUser serves GET …/users/{user}: the profile.
func (h *Handler) showUser(w http.ResponseWriter, _ *http.Request, v *visit, u *identity.User) error {
	d := u.Document()
	return templates.Render(w, http.StatusOK, profilePage(v, u, &d))
}

// saveUser serves POST …/users/{user}. Who may not change the address gets no fields for it, and is refused if she sends them.
func (h *Handler) saveUser(w http.ResponseWriter, r *http.Request, v *visit, u *identity.User) error {
	form, emails := r.PostForm, v.can(admin.WriteEmails)
	if !emails && (form.Has("username") || form.Has("email-verified")) {
		return v.refuse(admin.WriteEmails)
	}
	typed := func(d *identity.Document) error {
		if emails {
			d.Email, d.EmailVerified = strings.TrimSpace(form.Get("username")), form.Get("email-verified") != ""
		}
		d.PhoneNumberVerified = form.Get("phone-number-verified") != ""
		fields, _ := profileFields(d)
		for _, f := range fields {
			*f.text = form.Get(f.name)
		}
		return nil
	}
	_, err := h.Users.Update(r.Context(), v.env.ID, u.ID, typed)
	wrong, err := problems(err, "username")
	if err != nil {
		return err
	}
	if len(wrong) == 0 {
		return to(w, r, v.atUser(u, "", "notice", "user_saved"))
	}
	d := u.Document()
	if err := typed(&d); err != nil {
		return err
	}
	page := profilePage(v, u, &d)
	page.Errors = wrong
	return templates.Render(w, http.StatusUnprocessableEntity, page)
}

// mostShown is the number of a user's sessions that her page shows; the list of all has pages.
const mostShown = 100

// showUserSessions serves GET …/users/{user}/sessions.
func (h *Handler) showUserSessions(w http.ResponseWriter, r *http.Request, v *visit, u *identity.User) error {
	ctx := r.Context()
	page := templates.DashboardUserSessions{UserPage: userTab(v, u, templates.TabSessions), Status: string(sessions.Living)}
	over := r.URL.Query().Get("status") == string(sessions.Over)
	if over {
		page.Status = string(sessions.Over)
	}
	q, err := h.selectionQuery(ctx, v, sessions.Selection{User: u.ID}, sessions.State(page.Status))
	if err != nil {
		return err
	}
	q.Limit = mostShown
	found, more, err := h.Sessions.Store.SelectedSessions(ctx, v.env.ID, q)
	if err != nil {
		return err
	}
	if more {
		page.Most, page.All = mostShown, v.at("/sessions", "person", string(u.ID), "status", page.Status)
	}
	tell := h.teller(v)
	places := map[clients.ID]int{}
	for i := range found {
		app, err := tell.application(ctx, found[i].Application)
		if err != nil {
			return err
		}
		row, err := tell.session(ctx, &found[i], app)
		if err != nil {
			return err
		}
		place, known := places[app.ID]
		if !known {
			place = len(page.Applications)
			places[app.ID] = place
			page.Applications = append(page.Applications, h.userTable(v, u, app, over))
		}
		t := &page.Applications[place]
		t.Rows = append(t.Rows, row)
		t.Columns.Organization = t.Columns.Organization || row.Organization.Text != ""
	}
	if len(found) > 0 && !over {
		page.EndAll = v.at("/sessions/end", "person", string(u.ID))
	}
	return templates.Render(w, http.StatusOK, page)
}

func (h *Handler) userTable(v *visit, u *identity.User, app *clients.Application, over bool) templates.SessionTable {
	t := templates.SessionTable{Name: app.Name, Now: v.shell.Now, EndAddress: v.atUser(u, "/sessions/end"), EndDenied: v.denied(admin.EndSessions)}
	if app.Name == "" {
		t.Name = string(app.ID)
		return t
	}
	t.URI = v.atApplication(app, "/sessions", "person", string(u.ID))
	if !over {
		t.EndAll = v.at("/sessions/end", "person", string(u.ID), "application", string(app.ID))
	}
	return t
}

// endUserSession serves POST …/users/{user}/sessions/end.
func (h *Handler) endUserSession(w http.ResponseWriter, r *http.Request, v *visit, u *identity.User) error {
	which := sessions.Selection{Session: sessions.ID(r.PostForm.Get("session")), User: u.ID}
	if which.Session == "" {
		return to(w, r, v.atUser(u, "/sessions"))
	}
	if _, err := h.Sessions.End(r.Context(), v.env.ID, which, sessions.EndedByOperator); err != nil {
		return err
	}
	return to(w, r, v.atUser(u, "/sessions", "notice", "session_ended"))
}

// showUserOrganizations serves GET …/users/{user}/organizations.
func (h *Handler) showUserOrganizations(w http.ResponseWriter, r *http.Request, v *visit, u *identity.User) error {
	page := templates.DashboardUserOrganizations{UserPage: userTab(v, u, templates.TabOrganizations)}
	memberships, err := h.Organizations.MembershipsOf(r.Context(), v.env.ID, u.ID)
	if err != nil {
		return err
	}
	for i := range memberships {
		page.Rows = append(page.Rows, memberRow(v, &memberships[i]))
	}
	return templates.Render(w, http.StatusOK, page)
}

// showUserActivity serves GET …/users/{user}/activity.
func (h *Handler) showUserActivity(w http.ResponseWriter, r *http.Request, v *visit, u *identity.User) error {
	page := templates.DashboardUserActivity{UserPage: userTab(v, u, templates.TabActivity), Of: "done_by"}
	c := cursorOf(r)
	q := eventsOn(c)
	if q.Actor = string(u.ID); r.URL.Query().Get("of") == "done_to" {
		page.Of, q.Actor, q.Target = "done_to", "", string(u.ID)
	}
	rows, first, last, more, err := h.eventRows(r.Context(), v, q)
	if err != nil {
		return err
	}
	page.Rows, page.Pager = rows, c.pager(r, first, last, more)
	return templates.Render(w, http.StatusOK, page)
}

// enableUser serves POST …/users/{user}/enable.
func (h *Handler) enableUser(w http.ResponseWriter, r *http.Request, v *visit, u *identity.User) error {
	if _, err := h.Users.SetStatus(r.Context(), v.env.ID, u.ID, identity.Active, ""); err != nil {
		return err
	}
	return to(w, r, v.atUser(u, "", "notice", "user_enabled"))
}

// confirmUser is the page that asks before something is done to the user, with what it ends.
func (h *Handler) confirmUser(r *http.Request, v *visit, u *identity.User, what templates.Confirmation, path string) (templates.DashboardConfirm, error) {
	page := templates.DashboardConfirm{
		Dashboard: v.in(templates.SectionUsers), What: what, Subject: u.Email, Path: "/admin/env/" + v.env.Slug + "/users/" + string(u.ID) + path, Back: v.atUser(u, ""),
	}
	living, err := h.countLiving(r.Context(), v, sessions.Selection{User: u.ID})
	page.Effects = []templates.Message{templates.EffectSessions(living), templates.EffectBrowsers}
	return page, err
}

// showDisableUser serves GET …/users/{user}/disable.
func (h *Handler) showDisableUser(w http.ResponseWriter, r *http.Request, v *visit, u *identity.User) error {
	page, err := h.confirmUser(r, v, u, templates.ConfirmDisableUser, "/disable")
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

// disableUser serves POST …/users/{user}/disable.
func (h *Handler) disableUser(w http.ResponseWriter, r *http.Request, v *visit, u *identity.User) error {
	_, err := h.Users.SetStatus(r.Context(), v.env.ID, u.ID, identity.Disabled, "")
	wrong, err := problems(err, "")
	if err != nil {
		return err
	}
	if len(wrong) == 0 {
		return to(w, r, v.atUser(u, "", "notice", "user_disabled"))
	}
	page, err := h.confirmUser(r, v, u, templates.ConfirmDisableUser, "/disable")
	if err != nil {
		return err
	}
	page.Errors = wrong
	return templates.Render(w, http.StatusUnprocessableEntity, page)
}

// deleteUserPage asks before the user is removed.
func (h *Handler) deleteUserPage(r *http.Request, v *visit, u *identity.User) (templates.DashboardConfirm, error) {
	page, err := h.confirmUser(r, v, u, templates.ConfirmDeleteUser, "/delete")
	page.Typed, page.Effects = true, append(page.Effects, templates.EffectForGood)
	return page, err
}

// showDeleteUser serves GET …/users/{user}/delete.
func (h *Handler) showDeleteUser(w http.ResponseWriter, r *http.Request, v *visit, u *identity.User) error {
	page, err := h.deleteUserPage(r, v, u)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

// deleteUser serves POST …/users/{user}/delete.
func (h *Handler) deleteUser(w http.ResponseWriter, r *http.Request, v *visit, u *identity.User) error {
	page, err := h.deleteUserPage(r, v, u)
	if err != nil {
		return err
	}
	if !strings.EqualFold(strings.TrimSpace(r.PostForm.Get("confirm-name")), u.Email) {
		page.Errors = []templates.FieldError{{Field: "confirm-name", Text: templates.TextNotTheName(u.Email)}}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	page.Errors, err = problems(h.Users.Delete(r.Context(), v.env.ID, u.ID, ""), "confirm-name")
	if err != nil {
		return err
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	return to(w, r, v.at("/users", "notice", "user_deleted"))
}
