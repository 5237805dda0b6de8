package dashboard

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) claimsRoutes() []route {
	const page = "/admin/env/{env}/applications/{app}/claims"
	return []route{
		{"GET " + page, admin.ReadApplications, h.about(h.showClaims)},
		{"POST " + page, admin.WriteApplications, h.about(h.writeClaims)},
	}
}

func (h *Handler) claimsPage(v *visit, app *clients.Application) templates.DashboardClaims {
	page := templates.DashboardClaims{ApplicationPage: h.tab(v, app, templates.TabOverview), Scopes: usualScopes(app)}
	for _, name := range clients.Placeholders() {
		page.Placeholders = append(page.Placeholders, "{{ "+name+" }}")
	}
	return page
}

// showClaims serves GET …/claims.
func (h *Handler) showClaims(w http.ResponseWriter, _ *http.Request, v *visit, app *clients.Application) error {
	page := h.claimsPage(v, app)
	for _, one := range []struct {
		template *clients.ClaimsTemplate
		text     *string
	}{{app.ClaimsTemplates.IDToken, &page.IDToken}, {app.ClaimsTemplates.AccessToken, &page.AccessToken}, {app.ClaimsTemplates.UserInfo, &page.UserInfo}} {
		if one.template == nil {
			continue
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, one.template.Source(), "", "  "); err != nil {
			return err
		}
		*one.text = indented.String()
	}
	return templates.Render(w, http.StatusOK, page)
}

// writeClaims serves POST …/claims: it saves the templates, or shows what they would make of a user.
func (h *Handler) writeClaims(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	form, page := r.PostForm, h.claimsPage(v, app)
	page.IDToken, page.AccessToken, page.UserInfo = form.Get("id-token"), form.Get("access-token"), form.Get("userinfo")
	page.User, page.Organization, page.Scopes = strings.TrimSpace(form.Get("user-id")), form.Get("organization-id"), form.Get("scopes")
	var written clients.ClaimsTemplates
	for _, one := range []struct {
		field, text string
		template    **clients.ClaimsTemplate
	}{{"id-token", page.IDToken, &written.IDToken}, {"access-token", page.AccessToken, &written.AccessToken}, {"userinfo", page.UserInfo, &written.UserInfo}} {
		if strings.TrimSpace(one.text) == "" {
			continue
		}
		var err error
		if *one.template, err = clients.ParseClaimsTemplate(one.field, []byte(one.text)); err != nil {
			for _, f := range fault.All(err) {
				page.Errors = append(page.Errors, templates.FieldError{Field: one.field, Text: templates.Literal(sentence(f.Message))})
			}
		}
	}
	var err error
	if len(page.Errors) == 0 {
		if form.Get("action") == "test" {
			page.Errors, err = h.testClaims(r, v, app, written, &page)
		} else if page.Errors, err = h.change(r, v, app, "id-token", func(a *clients.Application) error {
			a.ClaimsTemplates = written
			return nil
		}); err == nil && len(page.Errors) == 0 {
			return to(w, r, v.atApplication(app, "/claims", "notice", "saved"))
		}
		if err != nil {
			return err
		}
	}
	if len(page.Errors) == 0 {
		return templates.Render(w, http.StatusOK, page)
	}
	if err := h.renew(r, v, &page.ApplicationPage); err != nil {
		return err
	}
	return templates.Render(w, http.StatusUnprocessableEntity, page)
}

// testClaims shows what the templates would make of a user, by the code that issues tokens.
func (h *Handler) testClaims(r *http.Request, v *visit, app *clients.Application, written clients.ClaimsTemplates, page *templates.DashboardClaims) ([]templates.FieldError, error) {
	ctx := r.Context()
	draft := app.Clone()
	draft.ClaimsTemplates = written
	asked := grants.PreviewRequest{Organization: organizations.ID(page.Organization), Scopes: strings.Fields(page.Scopes)}
	if app.HasUsers() {
		user, organizations, problem, err := h.previewUser(ctx, v, page.User)
		if err != nil || problem != nil {
			return problem, err
		}
		asked.User, page.Organizations = user, organizations
	}
	said, err := h.Tokens.Preview(ctx, v.env, draft, asked)
	if err == nil {
		page.Said, err = h.said(ctx, v, draft, said)
	}
	return problems(err, "scopes")
}
