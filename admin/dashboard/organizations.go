package dashboard

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) organizationRoutes() []route {
	const all = "/admin/env/{env}/organizations"
	const one = all + "/{organization}"
	const member = one + "/members/{member}"
	return []route{
		{"GET " + all, admin.ReadOrganizations, h.listOrganizations},
		{"GET " + all + "/new", admin.WriteOrganizations, h.showNewOrganization},
		{"POST " + all + "/new", admin.WriteOrganizations, h.createOrganization},
		{"GET " + one, admin.ReadOrganizations, h.aboutOrganization(h.showOrganization)},
		{"POST " + one, admin.WriteOrganizations, h.aboutOrganization(h.saveOrganization)},
		{"GET " + one + "/delete", admin.WriteOrganizations, h.aboutOrganization(h.showDeleteOrganization)},
		{"POST " + one + "/delete", admin.WriteOrganizations, h.aboutOrganization(h.deleteOrganization)},
		{"POST " + one + "/members", admin.WriteOrganizations, h.aboutOrganization(h.addMember)},
		{"GET " + member, admin.ReadOrganizations, h.aboutMember(h.showMember)},
		{"POST " + member, admin.WriteOrganizations, h.aboutMember(h.saveMember)},
		{"GET " + member + "/remove", admin.WriteOrganizations, h.aboutMember(h.showRemoveMember)},
		{"POST " + member + "/remove", admin.WriteOrganizations, h.aboutMember(h.removeMember)},
	}
}

// listOrganizations serves GET /admin/env/{env}/organizations.
func (h *Handler) listOrganizations(w http.ResponseWriter, r *http.Request, v *visit) error {
	c := cursorOf(r)
	page := templates.DashboardOrganizations{
		Dashboard: v.in(templates.SectionOrganizations), Query: strings.TrimSpace(r.URL.Query().Get("q")), Denied: v.denied(admin.WriteOrganizations),
	}
	found, more, err := h.Organizations.Search(r.Context(), v.env.ID, organizations.Query{
		Text: page.Query, Older: organizations.ID(c.older), Newer: organizations.ID(c.newer), Limit: pageSize,
	})
	if page.Errors, err = problems(err, "q"); err != nil {
		return err
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	for i := range found {
		page.Rows = append(page.Rows, organizationRow(&found[i]))
	}
	if len(found) > 0 {
		page.Pager = c.pager(r, string(found[0].ID), string(found[len(found)-1].ID), more)
	}
	return templates.Render(w, http.StatusOK, page)
}

func organizationRow(o *organizations.Organization) templates.OrganizationRow {
	return templates.OrganizationRow{ID: string(o.ID), Name: o.Name, Slug: o.Slug, Created: o.CreatedAt}
}

// showNewOrganization serves GET …/organizations/new.
func (h *Handler) showNewOrganization(w http.ResponseWriter, _ *http.Request, v *visit) error {
	return templates.Render(w, http.StatusOK, templates.DashboardOrganizationNew{Dashboard: v.in(templates.SectionOrganizations)})
}

// createOrganization serves POST …/organizations/new.
func (h *Handler) createOrganization(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := templates.DashboardOrganizationNew{
		Dashboard: v.in(templates.SectionOrganizations), DisplayName: strings.TrimSpace(r.PostForm.Get("name")), Slug: strings.TrimSpace(r.PostForm.Get("slug")),
	}
	o, err := h.Organizations.Create(r.Context(), v.env.ID, organizations.Settings{Name: page.DisplayName, Slug: page.Slug})
	if page.Errors, err = problems(err, "name"); err != nil {
		return err
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	return to(w, r, v.atOrganization(o.ID, "", "notice", "organization_made"))
}

func (v *visit) atOrganization(id organizations.ID, path string, more ...string) string {
	return v.at("/organizations/"+string(id)+path, more...)
}

// organizationHandler serves a page of an organization.
type organizationHandler func(http.ResponseWriter, *http.Request, *visit, *organizations.Organization) error

// aboutOrganization serves a page of the organization that the address names.
func (h *Handler) aboutOrganization(do organizationHandler) func(http.ResponseWriter, *http.Request, *visit) error {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		o, err := h.Organizations.Store.Organization(r.Context(), v.env.ID, organizations.ID(r.PathValue("organization")))
		if err != nil {
			return err
		}
		return do(w, r, v, o)
	}
}

func (h *Handler) organizationPage(r *http.Request, v *visit, o *organizations.Organization) (templates.DashboardOrganization, error) {
	c := cursorOf(r)
	page := templates.DashboardOrganization{
		Dashboard: v.in(templates.SectionOrganizations), Organization: organizationRow(o), DisplayName: o.Name, Slug: o.Slug, Token: stateOf(o.UpdatedAt),
		Denied: v.denied(admin.WriteOrganizations), Sessions: v.at("/sessions", "organization", string(o.ID)),
	}
	members, more, err := h.Organizations.Store.SearchMembers(r.Context(), v.env.ID, organizations.MemberQuery{
		Organization: o.ID, Older: organizations.MembershipID(c.older), Newer: organizations.MembershipID(c.newer), Limit: pageSize,
	})
	if err != nil {
		return page, err
	}
	for i := range members {
		page.Members = append(page.Members, memberRow(v, &members[i]))
	}
	if len(members) > 0 {
		page.Pager = c.pager(r, string(members[0].ID), string(members[len(members)-1].ID), more)
	}
	page.Roles, err = h.roleTicks(r.Context(), v, nil)
	return page, err
}

func memberRow(v *visit, m *organizations.Listed) templates.MemberRow {
	return templates.MemberRow{
		Person: templates.Person{Name: m.UserName, Email: m.Email}, ID: string(m.ID), UserURI: v.at("/users/" + string(m.User)),
		Organization: templates.Reference{Text: m.OrganizationName, URI: v.atOrganization(m.Organization, "")},
		Roles:        m.Roles, Deactivated: m.State == organizations.Deactivated, Since: m.CreatedAt,
	}
}

// roleTicks are all roles of the environment, of which those with the names are ticked.
func (h *Handler) roleTicks(ctx context.Context, v *visit, ticked []string) (all []templates.RoleTick, err error) {
	has := map[string]bool{}
	for _, name := range ticked {
		has[name] = true
	}
	roles, err := h.allRoles(ctx, v)
	for i := range roles {
		all = append(all, templates.RoleTick{Name: roles[i].Name, Description: roles[i].Description, Ticked: has[roles[i].Name]})
	}
	return all, err
}

// tickedRoles are the names of the roles that the form ticks.
func tickedRoles(r *http.Request) (names []string) {
	for field := range r.PostForm {
		if name, ok := strings.CutPrefix(field, "role-"); ok {
			names = append(names, name)
		}
	}
	return names
}

// showOrganization serves GET …/organizations/{organization}.
func (h *Handler) showOrganization(w http.ResponseWriter, r *http.Request, v *visit, o *organizations.Organization) error {
	page, err := h.organizationPage(r, v, o)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

// saveOrganization serves POST …/organizations/{organization}.
func (h *Handler) saveOrganization(w http.ResponseWriter, r *http.Request, v *visit, o *organizations.Organization) error {
	name, slug := strings.TrimSpace(r.PostForm.Get("name")), strings.TrimSpace(r.PostForm.Get("slug"))
	_, err := h.Organizations.Update(r.Context(), v.env.ID, o.ID, func(o *organizations.Organization) error {
		if err := seen(r, o.UpdatedAt); err != nil {
			return err
		}
		o.Name, o.Slug = name, slug
		return nil
	})
	wrong, err := problems(err, "name")
	if err != nil {
		return err
	}
	if len(wrong) == 0 {
		return to(w, r, v.atOrganization(o.ID, "", "notice", "saved"))
	}
	page, err := h.organizationPage(r, v, o)
	if err != nil {
		return err
	}
	page.DisplayName, page.Slug, page.Errors = name, slug, wrong
	return templates.Render(w, http.StatusUnprocessableEntity, page)
}

// addMember serves POST …/organizations/{organization}/members.
func (h *Handler) addMember(w http.ResponseWriter, r *http.Request, v *visit, o *organizations.Organization) error {
	ctx := r.Context()
	person, roles := strings.TrimSpace(r.PostForm.Get("person")), tickedRoles(r)
	user, err := h.findUser(ctx, v, person)
	var wrong []templates.FieldError
	switch {
	case errors.Is(err, identity.ErrNotFound):
		wrong = []templates.FieldError{{Field: "person", Text: templates.TextNoUser(person)}}
	case err != nil:
		return err
	default:
		_, err = h.Organizations.AddMember(ctx, v.env.ID, o.ID, user.ID, roles...)
		if wrong, err = memberProblems(err); err != nil {
			return err
		}
	}
	if len(wrong) == 0 {
		return to(w, r, v.atOrganization(o.ID, "", "notice", "member_added"))
	}
	page, err := h.organizationPage(r, v, o)
	if err != nil {
		return err
	}
	if page.Roles, err = h.roleTicks(ctx, v, roles); err != nil {
		return err
	}
	page.Person, page.Errors = person, wrong
	return templates.Render(w, http.StatusUnprocessableEntity, page)
}

// memberProblems is problems for the form of a membership.
func memberProblems(err error) ([]templates.FieldError, error) {
	wrong, err := problems(err, "person")
	for i := range wrong {
		if wrong[i].Field == "user-id" {
			wrong[i].Field = "person"
		}
	}
	return wrong, err
}

// memberHandler serves a page of a member of an organization.
type memberHandler func(http.ResponseWriter, *http.Request, *visit, *organizations.Organization, *organizations.Listed) error

// aboutMember serves a page of the membership that the address names.
func (h *Handler) aboutMember(do memberHandler) func(http.ResponseWriter, *http.Request, *visit) error {
	return h.aboutOrganization(func(w http.ResponseWriter, r *http.Request, v *visit, o *organizations.Organization) error {
		m, err := h.Organizations.Store.Membership(r.Context(), v.env.ID, o.ID, organizations.MembershipID(r.PathValue("member")))
		if err != nil {
			return err
		}
		return do(w, r, v, o, m)
	})
}

func (h *Handler) memberPage(ctx context.Context, v *visit, o *organizations.Organization, m *organizations.Listed) (templates.DashboardMember, error) {
	page := templates.DashboardMember{
		Dashboard: v.in(templates.SectionOrganizations), Organization: organizationRow(o), Member: memberRow(v, m), State: string(m.State), Token: stateOf(m.UpdatedAt),
		Denied: v.denied(admin.WriteOrganizations),
	}
	var err error
	page.Roles, err = h.roleTicks(ctx, v, m.Roles)
	return page, err
}

// showMember serves GET …/members/{member}.
func (h *Handler) showMember(w http.ResponseWriter, r *http.Request, v *visit, o *organizations.Organization, m *organizations.Listed) error {
	page, err := h.memberPage(r.Context(), v, o, m)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

// saveMember serves POST …/members/{member}. To deactivate a membership ends its sessions.
func (h *Handler) saveMember(w http.ResponseWriter, r *http.Request, v *visit, o *organizations.Organization, m *organizations.Listed) error {
	roles, state := tickedRoles(r), organizations.State(r.PostForm.Get("state"))
	_, err := h.Organizations.UpdateMember(r.Context(), v.env.ID, o.ID, m.ID, func(m *organizations.Membership) error {
		if err := seen(r, m.UpdatedAt); err != nil {
			return err
		}
		m.Roles, m.State = roles, state
		return nil
	})
	wrong, err := problems(err, "state")
	if err != nil {
		return err
	}
	if len(wrong) == 0 {
		return to(w, r, v.atOrganization(o.ID, "/members/"+string(m.ID), "notice", "saved"))
	}
	m.Roles, m.State = roles, state
	page, err := h.memberPage(r.Context(), v, o, m)
	if err != nil {
		return err
	}
	page.Errors = wrong
	return templates.Render(w, http.StatusUnprocessableEntity, page)
}

// confirmIn is the page that asks before something is done that ends the sessions of the selection.
func (h *Handler) confirmIn(r *http.Request, v *visit, o *organizations.Organization, which sessions.Selection, path string) (templates.DashboardConfirm, error) {
	page := templates.DashboardConfirm{
		Dashboard: v.in(templates.SectionOrganizations), Path: "/admin/env/" + v.env.Slug + "/organizations/" + string(o.ID) + path, Back: v.atOrganization(o.ID, ""),
	}
	living, err := h.countLiving(r.Context(), v, which)
	page.Effects = []templates.Message{templates.EffectSessions(living)}
	return page, err
}

// showRemoveMember serves GET …/members/{member}/remove.
func (h *Handler) showRemoveMember(w http.ResponseWriter, r *http.Request, v *visit, o *organizations.Organization, m *organizations.Listed) error {
	page, err := h.confirmIn(r, v, o, sessions.Selection{Organization: o.ID, User: m.User}, "/members/"+string(m.ID)+"/remove")
	if err != nil {
		return err
	}
	page.What, page.Subject = templates.ConfirmRemoveMember, m.Email
	return templates.Render(w, http.StatusOK, page)
}

// removeMember serves POST …/members/{member}/remove.
func (h *Handler) removeMember(w http.ResponseWriter, r *http.Request, v *visit, o *organizations.Organization, m *organizations.Listed) error {
	if err := h.Organizations.RemoveMember(r.Context(), v.env.ID, o.ID, m.ID); err != nil {
		return err
	}
	return to(w, r, v.atOrganization(o.ID, "", "notice", "member_removed"))
}

func (h *Handler) deleteOrganizationPage(r *http.Request, v *visit, o *organizations.Organization) (templates.DashboardConfirm, error) {
	page, err := h.confirmIn(r, v, o, sessions.Selection{Organization: o.ID}, "/delete")
	page.What, page.Subject, page.Typed = templates.ConfirmDeleteOrganization, o.Name, true
	page.Effects = append(page.Effects, templates.EffectMemberships, templates.EffectForGood)
	return page, err
}

// showDeleteOrganization serves GET …/organizations/{organization}/delete.
func (h *Handler) showDeleteOrganization(w http.ResponseWriter, r *http.Request, v *visit, o *organizations.Organization) error {
	page, err := h.deleteOrganizationPage(r, v, o)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

// deleteOrganization serves POST …/organizations/{organization}/delete.
func (h *Handler) deleteOrganization(w http.ResponseWriter, r *http.Request, v *visit, o *organizations.Organization) error {
	if strings.TrimSpace(r.PostForm.Get("confirm-name")) != o.Name {
		page, err := h.deleteOrganizationPage(r, v, o)
		if err != nil {
			return err
		}
		page.Errors = []templates.FieldError{{Field: "confirm-name", Text: templates.TextNotTheName(o.Name)}}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	if err := h.Organizations.Delete(r.Context(), v.env.ID, o.ID); err != nil {
		return err
	}
	return to(w, r, v.at("/organizations", "notice", "organization_gone"))
}
