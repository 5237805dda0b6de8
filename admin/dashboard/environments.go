package dashboard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) environmentRoutes() []route {
	const all, one = "/admin/environments", "/admin/env/{env}/environment"
	return []route{
		{"GET " + all, admin.ReadEnvironments, h.listEnvironments},
		{"GET " + all + "/new", admin.CreateEnvironments, h.showNewEnvironment},
		{"POST " + all + "/new", admin.CreateEnvironments, h.createEnvironment},
		{"GET " + one, admin.ReadEnvironments, h.showEnvironment},
		{"GET " + one + "/created", admin.CreateEnvironments, h.showEnvironmentCreated},
		{"POST " + one, admin.WriteSettings, h.renameEnvironment},
		{"POST " + one + "/kind", admin.WriteSettings, h.setKind},
		{"POST " + one + "/default", admin.WriteSettings, h.setDefault},
	}
}

// listEnvironments serves GET /admin/environments. Those of the operators see only who may see operators.
func (h *Handler) listEnvironments(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := templates.DashboardEnvironments{Dashboard: v.in(templates.SectionEnvironments), Denied: v.denied(admin.CreateEnvironments)}
	for _, t := range v.shell.Tenants {
		env, err := h.Environments.BySlug(r.Context(), t.Slug)
		if err != nil {
			return err
		}
		row, err := h.environmentRow(r.Context(), env)
		if err != nil {
			return err
		}
		page.Rows = append(page.Rows, row)
	}
	return templates.Render(w, http.StatusOK, page)
}

func (h *Handler) environmentRow(ctx context.Context, env *environments.Environment) (templates.EnvironmentRow, error) {
	row := templates.EnvironmentRow{
		Tenant: tenant(env), Issuer: env.Issuer(h.PublicURL), Operators: env.Slug == environments.OperatorsSlug,
		Managed: env.ManagedBy == environments.ManagedByApply,
	}
	apps, err := h.Applications.All(ctx, env.ID)
	if err != nil {
		return row, err
	}
	row.Applications = len(apps)
	for _, app := range apps {
		if string(app.ID) == env.DefaultApplication {
			row.Default = templates.NamedApplication{ID: string(app.ID), Name: app.Name}
		}
	}
	row.Users, err = h.Users.Store.CountUsers(ctx, env.ID)
	return row, err
}

// showNewEnvironment serves GET /admin/environments/new.
func (h *Handler) showNewEnvironment(w http.ResponseWriter, _ *http.Request, v *visit) error {
	return templates.Render(w, http.StatusOK, templates.DashboardEnvironmentNew{
		Dashboard: v.in(templates.SectionEnvironments), Kind: string(environments.Production),
	})
}

// createEnvironment serves POST /admin/environments/new.
func (h *Handler) createEnvironment(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := r.PostForm
	page := templates.DashboardEnvironmentNew{
		Dashboard: v.in(templates.SectionEnvironments), DisplayName: strings.TrimSpace(form.Get("name")), Slug: strings.TrimSpace(form.Get("slug")),
		Kind: form.Get("environment-kind"),
	}
	if page.DisplayName == "" {
		page.Errors = append(page.Errors, templates.FieldError{Field: "name", Text: templates.TextNoName})
	}
	if page.Slug == "" {
		page.Errors = append(page.Errors, templates.FieldError{Field: "slug", Text: templates.TextNoSlug})
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	env, err := h.Founder.Create(r.Context(), environments.New{Slug: page.Slug, Name: page.DisplayName, Kind: environments.Kind(page.Kind)})
	if page.Errors, err = environmentProblems(err, "name"); err != nil {
		return err
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	return to(w, r, v.shell.Href("/admin/env/"+env.Slug+"/environment/created"))
}

// environmentProblems are problems of a form whose field for the kind isn't that of an application.
func environmentProblems(err error, field string) ([]templates.FieldError, error) {
	all, other := problems(err, field)
	for i := range all {
		if all[i].Field == "kind" {
			all[i].Field = "environment-kind"
		}
	}
	return all, other
}

// showEnvironmentCreated serves GET …/environment/created.
func (h *Handler) showEnvironmentCreated(w http.ResponseWriter, r *http.Request, v *visit) error {
	row, err := h.environmentRow(r.Context(), v.env)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, templates.DashboardEnvironmentCreated{Dashboard: v.in(templates.SectionEnvironments), Of: row})
}

func (h *Handler) environmentPage(r *http.Request, v *visit) (templates.DashboardEnvironment, error) {
	ctx, env := r.Context(), v.env
	page := templates.DashboardEnvironment{
		Dashboard: v.in(templates.SectionEnvironments), ID: string(env.ID), Created: env.CreatedAt, Token: settingsToken(env.Settings()),
		DisplayName: env.Name, Kind: string(env.Kind), Default: env.DefaultApplication, Denied: v.denied(admin.WriteSettings),
	}
	var err error
	if page.Of, err = h.environmentRow(ctx, env); err != nil {
		return page, err
	}
	apps, err := h.Applications.All(ctx, env.ID)
	if err != nil {
		return page, err
	}
	for _, app := range apps {
		if app.HasUsers() && app.Enabled || isDefault(v, app) {
			page.Applications = append(page.Applications, templates.NamedApplication{ID: string(app.ID), Name: app.Name})
		}
	}
	changes, err := h.settingsChanges(ctx, env)
	page.Changed = changes.last("name", "kind", "default_application_id")
	return page, err
}

// showEnvironment serves GET …/environment.
func (h *Handler) showEnvironment(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := h.environmentPage(r, v)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

// renameEnvironment serves POST …/environment.
func (h *Handler) renameEnvironment(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := h.environmentPage(r, v)
	if err != nil {
		return err
	}
	page.DisplayName = strings.TrimSpace(r.PostForm.Get("name"))
	if page.DisplayName == "" {
		page.Errors = []templates.FieldError{{Field: "name", Text: templates.TextNoName}}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	return h.saveEnvironment(w, r, v, page, "name", func(s *environments.Settings) { s.Name = page.DisplayName })
}

// setKind serves POST …/environment/kind. What production refuses is told by application.
func (h *Handler) setKind(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := h.environmentPage(r, v)
	if err != nil {
		return err
	}
	page.Kind = r.PostForm.Get("environment-kind")
	return h.saveEnvironment(w, r, v, page, "environment-kind", func(s *environments.Settings) { s.Kind = environments.Kind(page.Kind) })
}

// setDefault serves POST …/environment/default.
func (h *Handler) setDefault(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := h.environmentPage(r, v)
	if err != nil {
		return err
	}
	page.Default = r.PostForm.Get("application")
	return h.saveEnvironment(w, r, v, page, "application", func(s *environments.Settings) { s.DefaultApplication = page.Default })
}

// saveEnvironment saves what one form of the page says, or shows the page again with what is wrong.
func (h *Handler) saveEnvironment(w http.ResponseWriter, r *http.Request, v *visit, page templates.DashboardEnvironment, field string, set func(*environments.Settings)) error {
	var unready *admin.Unready
	err := h.changeSettings(r, v, set)
	switch {
	case errors.As(err, &unready):
		for _, app := range unready.Applications {
			one := templates.UnreadyApplication{NamedApplication: templates.NamedApplication{ID: string(app.ID), Name: app.Name}}
			for _, mistake := range app.Mistakes {
				one.Reasons = append(one.Reasons, sentence(mistake.Message))
			}
			page.Unready = append(page.Unready, one)
		}
		page.Errors = []templates.FieldError{{Field: "environment-kind", Text: templates.TextUnready(len(page.Unready))}}
	case errors.Is(err, errChanged):
		page.Errors = []templates.FieldError{{Field: field, Text: templates.TextChangedMeanwhile}}
	default:
		if page.Errors, err = environmentProblems(err, field); err != nil {
			return err
		}
	}
	if len(page.Errors) == 0 {
		return to(w, r, v.at("/environment", "notice", "saved"))
	}
	for i := range page.Errors {
		if strings.HasPrefix(page.Errors[i].Field, "default-application") {
			page.Errors[i].Field = "application"
		}
	}
	return templates.Render(w, http.StatusUnprocessableEntity, page)
}

// settingsToken names the state of the settings that a page shows.
func settingsToken(s environments.Settings) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings, numbers and truths alone
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// changeSettings changes the settings for the form in r. It returns errChanged if somebody else did since the form was made.
func (h *Handler) changeSettings(r *http.Request, v *visit, set func(*environments.Settings)) error {
	return h.Founder.Change(r.Context(), v.env.ID, func(s *environments.Settings) error {
		if r.PostForm.Get("updated-at") != settingsToken(*s) {
			return errChanged
		}
		set(s)
		return nil
	})
}

// settingsHistory are the latest changes of an environment's settings, the latest first.
type settingsHistory []settingsChange

type settingsChange struct {
	note  templates.ChangeNote
	after map[string]json.RawMessage
}

// historyLength is how many changes are looked through for the last one of a group of settings.
const historyLength = 100

func (h *Handler) settingsChanges(ctx context.Context, env *environments.Environment) (settingsHistory, error) {
	events, _, err := h.Events.Events(ctx, string(env.ID), audit.Query{Name: "environment.updated", Target: string(env.ID), Limit: historyLength})
	if err != nil {
		return nil, err
	}
	var all settingsHistory
	for i := range events {
		e := &events[i]
		var change audit.Change
		if data, ok := e.Data.(json.RawMessage); ok {
			if err := json.Unmarshal(data, &change); err != nil {
				return nil, fmt.Errorf("read event %s: %w", e.ID, err)
			}
		}
		all = append(all, settingsChange{templates.ChangeNote{By: e.Actor.Name, At: e.Time}, change.After})
	}
	return all, nil
}

// last is the latest change of any of the settings.
func (h settingsHistory) last(names ...string) templates.ChangeNote {
	for _, change := range h {
		for _, name := range names {
			if _, ok := change.after[name]; ok {
				return change.note
			}
		}
	}
	return templates.ChangeNote{}
}
