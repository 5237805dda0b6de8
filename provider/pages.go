package provider

import (
	"errors"
	"html/template"
	"net/http"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/templates"
)

// showError shows the error page for a request that can't be answered to its client: fosite would answer with JSON. What
// is ours to mend says so, with the reference under which the log has it.
func (p *Provider) showError(w http.ResponseWriter, r *http.Request, err error) {
	ctx := r.Context()
	page := templates.ErrorPage{Reference: audit.RequestID(ctx)}
	status := http.StatusInternalServerError
	var app *clients.Application
	var mistake *pageError
	if errors.As(err, &mistake) {
		status = http.StatusBadRequest
		value := ""
		if r.Form != nil {
			value = r.Form.Get(mistake.field)
		} else {
			value = r.URL.Query().Get(mistake.field)
		}
		if len(value) > 200 {
			value = value[:200] + "…"
		}
		page.Details = []templates.ErrorDetail{{Field: mistake.field, Value: value, Problem: mistake.text, Specification: mistake.specification}}
		page.Text = templates.TextRequestUnusable
		if known, err := p.application(ctx, r.URL.Query().Get("client_id")); err == nil {
			app, page.Text = known, templates.TextApplicationMistake(known.Name)
		}
		p.Log.InfoContext(ctx, "refused", "err", err)
	} else {
		page.Text = templates.TextOurFault
		p.Log.ErrorContext(ctx, "request failed", "err", err)
	}
	page.Chrome = p.Chrome(r, app)
	if app != nil && app.HomepageURI != "" {
		page.Button = templates.Button{Label: templates.TextContinueTo(app.Name), URI: template.URL(app.HomepageURI)}
	} else {
		page.Button = templates.Button{Label: templates.TextGoToAccount, URI: template.URL(environments.FromContext(ctx).PathPrefix() + "/account")}
	}
	if err := templates.Render(w, status, page); err != nil {
		p.Log.ErrorContext(ctx, "page not rendered", "err", err)
	}
}
