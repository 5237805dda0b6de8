package dashboard

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
		{"POST " + tab + "/grants", admin.WriteApplications, h.about(h.saveGrants)},
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
		Grants: grantSettings(app.GrantTypes, app.ResponseTypes, app.PKCE),
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

// What the tab offers.
var (
	grantTypes    = []string{clients.GrantAuthorizationCode, clients.GrantRefreshToken, clients.GrantClientCredentials, clients.GrantDeviceCode, clients.GrantImplicit}
	responseTypes = []string{"code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"}
)

func ticks(offered, chosen []string) (all []templates.Tick) {
	for _, value := range offered {
		all = append(all, templates.Tick{Value: value, Ticked: slices.Contains(chosen, value)})
	}
	return all
}

// ticked are the offered values of which a form has a tick.
func ticked(form url.Values, field string, offered []string) (all []string) {
	for i, value := range offered {
		if form.Get(fmt.Sprintf("%s-%d", field, i)) == value {
			all = append(all, value)
		}
	}
	return all
}

func grantSettings(grants, responses []string, pkce clients.PKCE) templates.GrantSettings {
	return templates.GrantSettings{GrantTypes: ticks(grantTypes, grants), ResponseTypes: ticks(responseTypes, responses), PKCE: string(pkce)}
}

// saveGrants serves POST …/access/grants: in which ways the application gets tokens.
func (h *Handler) saveGrants(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	form := r.PostForm
	grants, responses, pkce := ticked(form, "grant-types", grantTypes), ticked(form, "response-types", responseTypes), clients.PKCE(form.Get("pkce"))
	wrong, err := h.change(r, v, app, "grant-types", func(a *clients.Application) error {
		a.GrantTypes, a.ResponseTypes, a.PKCE = grants, responses, pkce
		if p := &a.SessionPolicy; a.HasUsers() && p.InactivityTimeout == 0 && p.MaxSessionLength == 0 {
			// The first way to sign in needs clocks, which the tab of an application without users doesn't show.
			preset := clients.Web.Preset().SessionPolicy
			p.AccessTokenLifetime, p.InactivityTimeout, p.MaxSessionLength = preset.AccessTokenLifetime, preset.InactivityTimeout, preset.MaxSessionLength
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(wrong) == 0 {
		return to(w, r, v.atApplication(app, "/access", "notice", "saved"))
	}
	page, err := h.accessPage(r, v, app)
	if err != nil {
		return err
	}
	if err := h.renew(r, v, &page.ApplicationPage); err != nil {
		return err
	}
	for i := range wrong {
		if field := &wrong[i].Field; *field != "response-types" && *field != "pkce" {
			*field = "grant-types"
		}
	}
	page.Grants, page.Errors = grantSettings(grants, responses, pkce), wrong
	return templates.Render(w, http.StatusUnprocessableEntity, page)
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
