package dashboard

import (
	"net/http"
	"strings"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) operatorRoutes() []route {
	const all, one = "/admin/operators", "/admin/operators/{user}"
	return []route{
		{"GET " + all, admin.ReadOperators, h.listOperators},
		{"GET " + all + "/new", admin.WriteOperators, h.showInvite},
		{"POST " + all + "/new", admin.WriteOperators, h.invite},
		{"GET " + one, admin.ReadOperators, h.showOperator},
		{"POST " + one, admin.WriteOperators, h.setRole},
		{"GET " + one + "/link", admin.WriteOperators, h.showLink},
		{"POST " + one + "/link", admin.WriteOperators, h.newLink},
		{"GET " + one + "/remove", admin.WriteOperators, h.showRemoveOperator},
		{"POST " + one + "/remove", admin.WriteOperators, h.removeOperator},
	}
}

// listOperators serves GET /admin/operators.
func (h *Handler) listOperators(w http.ResponseWriter, r *http.Request, v *visit) error {
	all, err := h.Operators.List(r.Context())
	if err != nil {
		return err
	}
	page := templates.DashboardOperators{Dashboard: v.in(templates.SectionOperators), Denied: v.denied(admin.WriteOperators)}
	for i := range all {
		page.Rows = append(page.Rows, operatorRow(v, &all[i]))
	}
	return templates.Render(w, http.StatusOK, page)
}

func operatorRow(v *visit, o *admin.Operator) templates.OperatorRow {
	return templates.OperatorRow{
		Person: templates.Person{Name: o.Name, Email: o.Email}, ID: string(o.User), Role: string(o.Role), Invited: o.Invited,
		Self: o.User == v.operator.User, Since: o.CreatedAt,
	}
}

// showInvite serves GET /admin/operators/new.
func (h *Handler) showInvite(w http.ResponseWriter, _ *http.Request, v *visit) error {
	return templates.Render(w, http.StatusOK, templates.DashboardOperatorNew{Dashboard: v.in(templates.SectionOperators), NewRole: string(admin.Viewer)})
}

// invite serves POST /admin/operators/new.
func (h *Handler) invite(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := templates.DashboardOperatorNew{
		Dashboard:   v.in(templates.SectionOperators),
		DisplayName: strings.TrimSpace(r.PostForm.Get("name")), Username: strings.TrimSpace(r.PostForm.Get("username")), NewRole: r.PostForm.Get("role"),
	}
	if page.DisplayName == "" {
		page.Errors = append(page.Errors, templates.FieldError{Field: "name", Text: templates.TextNameMissing})
	}
	if _, err := identity.NormalizeEmail(page.Username); err != nil {
		page.Errors = append(page.Errors, templates.FieldError{Field: "username", Text: templates.TextEmailMissing})
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	user, token, err := h.Setup.Invite(r.Context(), admin.Invitation{Name: page.DisplayName, Email: page.Username, Role: admin.Role(page.NewRole)})
	if page.Errors, err = problems(err, "username"); err != nil {
		return err
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	return h.showOnce(w, r, v, operatorPath(user.ID)+"/link", h.setupLink(token))
}

func operatorPath(id identity.ID) string { return "/admin/operators/" + string(id) }

func (h *Handler) setupLink(token string) string {
	return h.PublicURL.JoinPath("setup").String() + "?token=" + token
}

func (h *Handler) addressed(r *http.Request) (*admin.Operator, error) {
	return h.Operators.Get(r.Context(), identity.ID(r.PathValue("user")))
}

// showOperator serves GET /admin/operators/{user}.
func (h *Handler) showOperator(w http.ResponseWriter, r *http.Request, v *visit) error {
	operator, err := h.addressed(r)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, operatorPage(v, operator))
}

func operatorPage(v *visit, o *admin.Operator) templates.DashboardOperator {
	return templates.DashboardOperator{Dashboard: v.in(templates.SectionOperators), Of: operatorRow(v, o), Denied: v.denied(admin.WriteOperators)}
}

// setRole serves POST /admin/operators/{user}.
func (h *Handler) setRole(w http.ResponseWriter, r *http.Request, v *visit) error {
	operator, err := h.addressed(r)
	if err != nil {
		return err
	}
	page := operatorPage(v, operator)
	page.Of.Role = r.PostForm.Get("role")
	if page.Errors, err = problems(h.Operators.SetRole(r.Context(), operator.User, admin.Role(page.Of.Role)), "role"); err != nil {
		return err
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	return to(w, r, v.shell.Href(operatorPath(operator.User), "notice", "role_saved"))
}

// newLink serves POST /admin/operators/{user}/link.
func (h *Handler) newLink(w http.ResponseWriter, r *http.Request, v *visit) error {
	id := identity.ID(r.PathValue("user"))
	token, err := h.Setup.NewLink(r.Context(), id)
	if err != nil {
		return err
	}
	return h.showOnce(w, r, v, operatorPath(id)+"/link", h.setupLink(token))
}

// showLink serves GET /admin/operators/{user}/link: the link, once.
func (h *Handler) showLink(w http.ResponseWriter, r *http.Request, v *visit) error {
	operator, err := h.addressed(r)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, templates.DashboardOperatorLink{
		Dashboard: v.in(templates.SectionOperators), Of: operatorRow(v, operator), Link: h.once(w, r, v),
		Days: int(admin.InviteLinkLifetime / (24 * time.Hour)),
	})
}

// showRemoveOperator serves GET /admin/operators/{user}/remove.
func (h *Handler) showRemoveOperator(w http.ResponseWriter, r *http.Request, v *visit) error {
	operator, err := h.addressed(r)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, templates.DashboardConfirm{
		Dashboard: v.in(templates.SectionOperators), What: templates.ConfirmRemoveOperator, Subject: operator.Email,
		Path: operatorPath(operator.User) + "/remove", Back: v.shell.Href(operatorPath(operator.User)),
	})
}

// removeOperator serves POST /admin/operators/{user}/remove.
func (h *Handler) removeOperator(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := h.Operators.Remove(r.Context(), identity.ID(r.PathValue("user"))); err != nil {
		return err
	}
	return to(w, r, v.shell.Href("/admin/operators", "notice", "operator_removed"))
}
