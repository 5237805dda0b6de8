package dashboard

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) accessRoutes() []route {
	const tab = "/admin/env/{env}/applications/{app}/access"
	return []route{
		{"GET " + tab, admin.ReadApplications, h.about(h.showAccess)},
		{"POST " + tab, admin.WriteApplications, h.about(h.saveAccess)},
		{"POST " + tab + "/tokens", admin.WriteApplications, h.about(h.saveTokens)},
	}
}

const (
	allowEveryone = "everyone"
	allowSome     = "some"
)

// showAccess serves GET …/access: who may use the application, whether they are asked for consent, and what tokens it gets.
func (h *Handler) showAccess(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	page, err := h.accessPage(r, v, app)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

func (h *Handler) accessPage(r *http.Request, v *visit, app *clients.Application) (templates.DashboardAccess, error) {
	a := &app.Allowed
	page := templates.DashboardAccess{
		ApplicationPage: h.tab(v, app, templates.TabAccess), Consent: string(app.Consent), Allowed: allowEveryone,
		Organizations: strings.Join(a.Organizations, "\n"), Roles: strings.Join(a.Roles, "\n"),
		Tokens: templates.TokenSettings{
			Scopes: strings.Join(app.Scopes, "\n"), Audiences: strings.Join(app.Audiences, "\n"), Format: string(app.AccessTokenFormat),
			Algorithm: app.IDTokenSignedResponseAlg, Identifiers: strings.Join(app.Identifiers, "\n"), Unaddressed: app.IntrospectsUnaddressed,
		},
	}
	if len(a.Organizations)+len(a.Roles)+len(a.Users) > 0 {
		page.Allowed = allowSome
	}
	var people []string
	for _, id := range a.Users {
		user, err := h.Users.Get(r.Context(), v.env.ID, identity.ID(id))
		switch {
		case errors.Is(err, identity.ErrNotFound):
			people = append(people, id)
		case err != nil:
			return page, err
		default:
			people = append(people, user.Email)
		}
	}
	page.Users = strings.Join(people, "\n")
	return page, nil
}

// saveAccess serves POST …/access.
func (h *Handler) saveAccess(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	page, err := h.accessPage(r, v, app)
	if err != nil {
		return err
	}
	form := r.PostForm
	page.Consent, page.Allowed = form.Get("consent"), form.Get("allowed")
	page.Users, page.Organizations, page.Roles = form.Get("users"), form.Get("organizations"), form.Get("roles")
	var allowed clients.Allowed
	if page.Allowed == allowSome {
		allowed.Organizations, allowed.Roles = lines(page.Organizations), lines(page.Roles)
		for _, text := range lines(page.Users) {
			user, err := h.findUser(r.Context(), v, text)
			if errors.Is(err, identity.ErrNotFound) {
				page.Errors = append(page.Errors, templates.FieldError{Field: "users", Text: templates.TextNoUser(text)})
				continue
			}
			if err != nil {
				return err
			}
			if id := string(user.ID); !slices.Contains(allowed.Users, id) {
				allowed.Users = append(allowed.Users, id)
			}
		}
		if len(page.Errors) == 0 && len(allowed.Organizations)+len(allowed.Roles)+len(allowed.Users) == 0 {
			page.Errors = []templates.FieldError{{Field: "users", Text: templates.TextNobody}}
		}
	}
	if len(page.Errors) == 0 {
		page.Errors, err = h.change(r, v, app, "users", func(a *clients.Application) error {
			a.Consent, a.Allowed = clients.Consent(page.Consent), allowed
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(page.Errors) > 0 {
		if err := h.renew(r, v, &page.ApplicationPage); err != nil {
			return err
		}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	return to(w, r, v.atApplication(app, "/access", "notice", "saved"))
}

// saveTokens serves POST …/access/tokens: what the application may ask for and gets, or which tokens are for it if it is an API.
func (h *Handler) saveTokens(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	page, err := h.accessPage(r, v, app)
	if err != nil {
		return err
	}
	form, in := r.PostForm, &page.Tokens
	field := "scopes"
	if app.Kind == clients.API {
		field = "identifier"
		in.Identifiers, in.Unaddressed = form.Get("identifier"), form.Get("introspects-unaddressed") != ""
	} else {
		in.Scopes, in.Audiences = form.Get("scopes"), form.Get("audiences")
		in.Format, in.Algorithm = form.Get("access-token-format"), form.Get("id-token-signed-response-alg")
	}
	page.Errors, err = h.change(r, v, app, field, func(a *clients.Application) error {
		a.Scopes, a.Audiences, a.Identifiers = lines(in.Scopes), lines(in.Audiences), lines(in.Identifiers)
		a.AccessTokenFormat, a.IDTokenSignedResponseAlg = clients.AccessTokenFormat(in.Format), in.Algorithm
		a.IntrospectsUnaddressed = in.Unaddressed
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
	return to(w, r, v.atApplication(app, "/access", "notice", "saved"))
}

// lines are the values of a field that has one a line.
func lines(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(all, line) {
			all = append(all, line)
		}
	}
	return all
}
