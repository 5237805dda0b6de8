package dashboard

import (
	"context"
	"net/http"
	"strings"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) roleRoutes() []route {
	const all = "/admin/env/{env}/roles"
	const one = all + "/{role}"
	return []route{
		{"GET " + all, admin.ReadOrganizations, h.listRoles},
		{"GET " + all + "/new", admin.WriteOrganizations, h.showNewRole},
		{"POST " + all + "/new", admin.WriteOrganizations, h.createRole},
		{"GET " + one, admin.ReadOrganizations, h.aboutRole(h.showRole)},
		{"POST " + one, admin.WriteOrganizations, h.aboutRole(h.saveRole)},
		{"GET " + one + "/delete", admin.WriteOrganizations, h.aboutRole(h.showDeleteRole)},
		{"POST " + one + "/delete", admin.WriteOrganizations, h.aboutRole(h.deleteRole)},
	}
}

// allRoles returns the roles of the visit's environment, of which there are few.
func (h *Handler) allRoles(ctx context.Context, v *visit) (all []organizations.Role, err error) {
	const limit = 100
	for after := organizations.RoleID(""); ; after = all[len(all)-1].ID {
		roles, err := h.Organizations.Roles(ctx, v.env.ID, after, limit)
		if err != nil {
			return nil, err
		}
		if all = append(all, roles...); len(roles) < limit {
			return all, nil
		}
	}
}

// listRoles serves GET /admin/env/{env}/roles.
func (h *Handler) listRoles(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := templates.DashboardRoles{Dashboard: v.in(templates.SectionOrganizations), Denied: v.denied(admin.WriteOrganizations)}
	roles, err := h.allRoles(r.Context(), v)
	if err != nil {
		return err
	}
	for i := range roles {
		role := &roles[i]
		page.Rows = append(page.Rows, templates.RoleRow{
			ID: string(role.ID), Name: role.Name, Description: role.Description, Permissions: role.Permissions, Managed: role.ManagedBy == environments.ManagedByApply,
		})
	}
	return templates.Render(w, http.StatusOK, page)
}

// showNewRole serves GET …/roles/new.
func (h *Handler) showNewRole(w http.ResponseWriter, _ *http.Request, v *visit) error {
	return templates.Render(w, http.StatusOK, templates.DashboardRole{Dashboard: v.in(templates.SectionOrganizations)})
}

// createRole serves POST …/roles/new.
func (h *Handler) createRole(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := templates.DashboardRole{
		Dashboard: v.in(templates.SectionOrganizations), RoleName: strings.TrimSpace(r.PostForm.Get("name")),
		Description: strings.TrimSpace(r.PostForm.Get("description")), Permissions: r.PostForm.Get("permissions"),
	}
	_, err := h.Organizations.CreateRole(r.Context(), v.env.ID, organizations.RoleSettings{
		Name: page.RoleName, Description: page.Description, Permissions: lines(page.Permissions),
	})
	if page.Errors, err = problems(err, "name"); err != nil {
		return err
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	return to(w, r, v.at("/roles", "notice", "saved"))
}

// aboutRole serves a page of the role that the address names.
func (h *Handler) aboutRole(do func(http.ResponseWriter, *http.Request, *visit, *organizations.Role) error) func(http.ResponseWriter, *http.Request, *visit) error {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		role, err := h.Organizations.Store.Role(r.Context(), v.env.ID, organizations.RoleID(r.PathValue("role")))
		if err != nil {
			return err
		}
		return do(w, r, v, role)
	}
}

func rolePage(v *visit, role *organizations.Role) templates.DashboardRole {
	return templates.DashboardRole{
		Dashboard: v.in(templates.SectionOrganizations), ID: string(role.ID), RoleName: role.Name, Description: role.Description,
		Permissions: strings.Join(role.Permissions, "\n"), Managed: role.ManagedBy == environments.ManagedByApply, Denied: v.denied(admin.WriteOrganizations), Token: stateOf(role.UpdatedAt),
	}
}

// showRole serves GET …/roles/{role}.
func (h *Handler) showRole(w http.ResponseWriter, _ *http.Request, v *visit, role *organizations.Role) error {
	return templates.Render(w, http.StatusOK, rolePage(v, role))
}

// saveRole serves POST …/roles/{role}.
func (h *Handler) saveRole(w http.ResponseWriter, r *http.Request, v *visit, role *organizations.Role) error {
	page := rolePage(v, role)
	page.Description, page.Permissions = strings.TrimSpace(r.PostForm.Get("description")), r.PostForm.Get("permissions")
	_, err := h.Organizations.UpdateRole(r.Context(), v.env.ID, role.ID, func(role *organizations.Role) error {
		if err := seen(r, role.UpdatedAt); err != nil {
			return err
		}
		role.Description, role.Permissions = page.Description, lines(page.Permissions)
		return nil
	})
	if page.Errors, err = problems(err, "permissions"); err != nil {
		return err
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	return to(w, r, v.at("/roles/"+string(role.ID), "notice", "saved"))
}

func deleteRolePage(v *visit, role *organizations.Role) templates.DashboardConfirm {
	return templates.DashboardConfirm{
		Dashboard: v.in(templates.SectionOrganizations), What: templates.ConfirmDeleteRole, Subject: role.Name, Typed: true,
		Effects: []templates.Message{templates.EffectForGood},
		Path:    "/admin/env/" + v.env.Slug + "/roles/" + string(role.ID) + "/delete", Back: v.at("/roles/" + string(role.ID)),
	}
}

// showDeleteRole serves GET …/roles/{role}/delete.
func (h *Handler) showDeleteRole(w http.ResponseWriter, _ *http.Request, v *visit, role *organizations.Role) error {
	return templates.Render(w, http.StatusOK, deleteRolePage(v, role))
}

// deleteRole serves POST …/roles/{role}/delete.
func (h *Handler) deleteRole(w http.ResponseWriter, r *http.Request, v *visit, role *organizations.Role) error {
	if strings.TrimSpace(r.PostForm.Get("confirm-name")) != role.Name {
		page := deleteRolePage(v, role)
		page.Errors = []templates.FieldError{{Field: "confirm-name", Text: templates.TextNotTheName(role.Name)}}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	if err := h.Organizations.DeleteRole(r.Context(), v.env.ID, role.ID); err != nil {
		return err
	}
	return to(w, r, v.at("/roles", "notice", "role_deleted"))
}
