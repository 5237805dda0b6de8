package login

import (
	"net/http"
	"slices"
	"strings"

	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// searchable is how many organizations are shown without a field to search them by (ui.md §2).
const searchable = 8

// organized reports whether it is clear in the name of which organization the account goes on, as far as that is hers to say.
func (f *flow) organized(a *sessions.Account) bool {
	usable := a.Usable(f.app)
	return len(usable) < 2 || contains(usable, f.Organization)
}

func contains(positions []organizations.Position, id organizations.ID) bool {
	return slices.ContainsFunc(positions, func(p organizations.Position) bool { return p.Organization == id })
}

// showOrganizations serves GET /sign-in/choose-organization.
func (h *Handler) showOrganizations(w http.ResponseWriter, r *http.Request, f *flow, a *sessions.Account) error {
	if err := h.seen(r, f, a); err != nil {
		return err
	}
	return h.organizationsPage(w, r, f, a, http.StatusOK)
}

func (h *Handler) organizationsPage(w http.ResponseWriter, r *http.Request, f *flow, a *sessions.Account, status int, problems ...templates.FieldError) error {
	all, err := h.Organizations.MembershipsOf(r.Context(), f.env.ID, a.BrowserSession.User)
	if err != nil {
		return err
	}
	usable := a.Usable(f.app)
	all = slices.DeleteFunc(all, func(l organizations.Listed) bool { return !contains(usable, l.Organization) })
	page := templates.ChooseOrganization{Chrome: h.chrome(r, f), Account: person(a), Searchable: len(all) > searchable, Errors: problems}
	if page.Searchable {
		page.Search = strings.TrimSpace(r.URL.Query().Get("search"))
	}
	checked := organizations.ID("")
	if len(all) > 0 {
		checked = all[0].Organization
	}
	if a.Session != nil && contains(usable, a.Session.Organization) {
		checked = a.Session.Organization // where she was last
	}
	for i := range all {
		l := &all[i]
		if !strings.Contains(strings.ToLower(l.OrganizationName), strings.ToLower(page.Search)) {
			continue
		}
		page.Organizations = append(page.Organizations, templates.OrganizationChoice{
			ID: string(l.Organization), Name: l.OrganizationName, Roles: strings.Join(l.Roles, ", "), Checked: l.Organization == checked,
		})
	}
	return templates.Render(w, status, page)
}

// chooseOrganization serves POST /sign-in/choose-organization.
func (h *Handler) chooseOrganization(w http.ResponseWriter, r *http.Request, f *flow, a *sessions.Account) error {
	switch action := r.PostForm.Get("action"); {
	case action == "cancel":
		return h.cancel(w, r, f)
	case action == "switch":
		return h.another(w, r, f)
	case f.Account == "": // she has seen no account
		return to(w, r, h.chrome(r, f).Href("/sign-in/choose-organization"))
	}
	chosen := organizations.ID(r.PostForm.Get("organization_id"))
	if !contains(a.Usable(f.app), chosen) {
		return h.organizationsPage(w, r, f, a, http.StatusUnprocessableEntity, templates.FieldError{Field: "organization_id", Text: templates.TextOrganizationMissing})
	}
	if err := h.advance(r.Context(), r, f, func(i *sessions.Interaction) { i.Organization = chosen }); err != nil {
		return err
	}
	return h.proceed(w, r, f)
}

// mayUse reports whether the application is for the account.
func (f *flow) mayUse(a *sessions.Account) bool { return a.MayUse(f.app) }

// showNoAccess serves GET /sign-in/no-access: the application is not for the account.
func (h *Handler) showNoAccess(w http.ResponseWriter, r *http.Request, f *flow, a *sessions.Account) error {
	return templates.Render(w, http.StatusForbidden, templates.NoAccess{Chrome: h.chrome(r, f), Account: person(a)})
}

// noAccess serves POST /sign-in/no-access.
func (h *Handler) noAccess(w http.ResponseWriter, r *http.Request, f *flow, _ *sessions.Account) error {
	switch r.PostForm.Get("action") {
	case "cancel":
		return h.cancel(w, r, f)
	case "switch":
		return h.another(w, r, f)
	}
	return to(w, r, h.chrome(r, f).Href("/sign-in/no-access"))
}
