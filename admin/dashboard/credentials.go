package dashboard

import (
	"net/http"
	"slices"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) credentialRoutes() []route {
	const tab = "/admin/env/{env}/applications/{app}/credentials"
	routes := []route{
		{"GET " + tab, admin.ReadApplications, h.about(h.showCredentials)},
		{"POST " + tab + "/secrets", admin.WriteApplications, h.about(h.createSecret)},
		{"POST " + tab + "/keys", admin.WriteApplications, h.about(h.createKey)},
	}
	for _, kind := range []credentialKind{secretKind, keyKind} {
		one := tab + "/" + string(kind) + "s/{id}"
		routes = append(routes,
			route{"GET " + tab + "/new-" + string(kind), admin.WriteApplications, h.about(h.showSecret(kind))},
			route{"GET " + one, admin.ReadApplications, h.about(h.showCredential(kind))},
			route{"POST " + one, admin.WriteApplications, h.about(h.setExpiry(kind))},
			route{"GET " + one + "/end", admin.WriteApplications, h.about(h.showEndCredential(kind))},
			route{"POST " + one + "/end", admin.WriteApplications, h.about(h.endCredential(kind))},
		)
	}
	return routes
}

// credentialKind is what a credential is.
type credentialKind string

const (
	secretKind credentialKind = "secret"
	keyKind    credentialKind = "key"
)

// credentials are those of the kind, the oldest first.
func (h *Handler) credentials(r *http.Request, v *visit, app *clients.Application, kind credentialKind) (all []templates.Credential, err error) {
	ctx := r.Context()
	if kind == secretKind {
		secrets, err := h.Applications.Secrets(ctx, v.env.ID, app.ID)
		for _, s := range secrets {
			all = append(all, templates.Credential{
				ID: s.ID, Name: s.Name, Hint: s.Hint, Created: s.CreatedAt, Expires: s.ExpiresAt, Used: s.LastUsed.At, UsedFrom: s.LastUsed.Address, Over: !s.Alive(v.now),
			})
		}
		return all, err
	}
	keys, err := h.APIKeys.List(ctx, v.env.ID, app.ID)
	for _, k := range keys {
		one := templates.Credential{
			ID: k.ID, Name: k.Name, Hint: k.Hint, Created: k.CreatedAt, Expires: k.ExpiresAt, Used: k.LastUsed.At, UsedFrom: k.LastUsed.Address, Over: !k.Alive(v.now),
		}
		if !k.RevokedAt.IsZero() {
			one.Expires = k.RevokedAt
		}
		for _, scope := range k.Scopes {
			one.Scopes = append(one.Scopes, string(scope))
		}
		all = append(all, one)
	}
	return all, err
}

// scopesFor are those that a key of the environment can have.
func scopesFor(env *environments.Environment) []clients.APIScope {
	return slices.DeleteFunc(clients.APIScopes(), func(s clients.APIScope) bool {
		return s.Installation() && env.Slug != environments.OperatorsSlug
	})
}

func (h *Handler) credentialsPage(r *http.Request, v *visit, app *clients.Application) (templates.DashboardCredentials, error) {
	page := templates.DashboardCredentials{ApplicationPage: h.tab(v, app, templates.TabCredentials), Proof: proofOf(v, app), Public: app.Public(), Tomorrow: tomorrow(v)}
	for _, scope := range scopesFor(v.env) {
		page.Scopes = append(page.Scopes, templates.ScopeChoice{Name: string(scope), Ticked: r.PostForm.Get("scope-"+string(scope)) != ""})
	}
	var err error
	if page.Secrets, err = h.credentials(r, v, app, secretKind); err != nil {
		return page, err
	}
	page.Keys, err = h.credentials(r, v, app, keyKind)
	return page, err
}

func tomorrow(v *visit) string { return v.now.AddDate(0, 0, 1).Format(time.DateOnly) }

// showCredentials serves GET …/credentials.
func (h *Handler) showCredentials(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	page, err := h.credentialsPage(r, v, app)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, page)
}

// date reads the date of a form: the beginning of that day in UTC, the zero time for none.
func date(r *http.Request, field string) (time.Time, []templates.FieldError) {
	text := r.PostForm.Get(field)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, []templates.FieldError{{Field: field, Text: templates.TextDate}}
	}
	return at, nil
}

// of gives the problems of a credential the names of the fields of its form.
func of(kind credentialKind, wrong []templates.FieldError) []templates.FieldError {
	for i := range wrong {
		switch wrong[i].Field {
		case "name":
			wrong[i].Field = string(kind) + "-name"
		case "expires-at":
			wrong[i] = templates.FieldError{Field: string(kind) + "-expires", Text: templates.TextDate}
		}
	}
	return wrong
}

// createSecret serves POST …/credentials/secrets. The next page shows the secret once.
func (h *Handler) createSecret(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	expires, wrong := date(r, "secret-expires")
	if wrong == nil {
		_, secret, err := h.Applications.CreateSecret(r.Context(), v.env.ID, app.ID, r.PostForm.Get("secret-name"), expires)
		if err == nil {
			return h.showOnce(w, r, v, applicationPath(v, app)+"/credentials/new-secret", secret.Reveal())
		}
		if wrong, err = problems(err, "name"); err != nil {
			return err
		}
	}
	return h.refuseCredential(w, r, v, app, of(secretKind, wrong))
}

// createKey serves POST …/credentials/keys. The next page shows the key once.
func (h *Handler) createKey(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	expires, wrong := date(r, "key-expires")
	in := clients.NewAPIKey{Name: r.PostForm.Get("key-name"), ExpiresAt: expires}
	for _, scope := range scopesFor(v.env) {
		if r.PostForm.Get("scope-"+string(scope)) != "" {
			in.Scopes = append(in.Scopes, scope)
		}
	}
	if len(in.Scopes) == 0 {
		wrong = append(wrong, templates.FieldError{Field: "scopes", Text: templates.TextNoScope})
	}
	if len(wrong) == 0 {
		_, secret, err := h.APIKeys.Create(r.Context(), v.env, app.ID, in)
		if err == nil {
			return h.showOnce(w, r, v, applicationPath(v, app)+"/credentials/new-key", secret.Reveal())
		}
		if wrong, err = problems(err, "name"); err != nil {
			return err
		}
	}
	return h.refuseCredential(w, r, v, app, of(keyKind, wrong))
}

func (h *Handler) refuseCredential(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application, wrong []templates.FieldError) error {
	page, err := h.credentialsPage(r, v, app)
	if err != nil {
		return err
	}
	page.Errors = wrong
	page.SecretName, page.SecretExpires = r.PostForm.Get("secret-name"), r.PostForm.Get("secret-expires")
	page.KeyName, page.KeyExpires = r.PostForm.Get("key-name"), r.PostForm.Get("key-expires")
	return templates.Render(w, http.StatusUnprocessableEntity, page)
}

// showSecret serves GET …/credentials/new-secret and new-key: it shows the credential that was just created, once (acceptance 48).
func (h *Handler) showSecret(kind credentialKind) applicationHandler {
	return func(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
		return templates.Render(w, http.StatusOK, templates.DashboardSecret{
			ApplicationPage: h.tab(v, app, templates.TabCredentials), Kind: string(kind), Secret: h.once(w, r, v),
		})
	}
}

func (h *Handler) credentialPage(r *http.Request, v *visit, app *clients.Application, kind credentialKind) (templates.DashboardCredential, error) {
	page := templates.DashboardCredential{ApplicationPage: h.tab(v, app, templates.TabCredentials), Kind: string(kind), Tomorrow: tomorrow(v)}
	all, err := h.credentials(r, v, app, kind)
	if err != nil {
		return page, err
	}
	i := slices.IndexFunc(all, func(c templates.Credential) bool { return c.ID == r.PathValue("id") })
	if i < 0 {
		return page, fault.NotFoundf("There is no such %s.", kind)
	}
	page.Credential = all[i]
	if !all[i].Expires.IsZero() {
		page.Date = all[i].Expires.Format(time.DateOnly)
	}
	return page, nil
}

// showCredential serves GET …/credentials/secrets/{id} and …/credentials/keys/{id}.
func (h *Handler) showCredential(kind credentialKind) applicationHandler {
	return func(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
		page, err := h.credentialPage(r, v, app, kind)
		if err != nil {
			return err
		}
		return templates.Render(w, http.StatusOK, page)
	}
}

// setExpiry serves POST …/credentials/secrets/{id} and …/credentials/keys/{id}.
func (h *Handler) setExpiry(kind credentialKind) applicationHandler {
	return func(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
		at, wrong := date(r, "expires")
		if wrong == nil && !at.After(v.now) {
			wrong = []templates.FieldError{{Field: "expires", Text: templates.TextDate}}
		}
		if wrong == nil {
			err := h.expire(r, v, app, kind, at)
			if err == nil {
				return to(w, r, v.atApplication(app, "/credentials", "notice", "saved"))
			}
			if wrong, err = problems(err, "expires"); err != nil {
				return err
			}
		}
		page, err := h.credentialPage(r, v, app, kind)
		if err != nil {
			return err
		}
		page.Errors, page.Date = wrong, r.PostForm.Get("expires")
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
}

// expire lets the credential of the address expire at a time; one that isn't ahead ends it at once.
func (h *Handler) expire(r *http.Request, v *visit, app *clients.Application, kind credentialKind, at time.Time) error {
	if kind == secretKind {
		return h.Applications.ExpireSecret(r.Context(), v.env.ID, app.ID, r.PathValue("id"), at)
	}
	_, err := h.APIKeys.Expire(r.Context(), v.env.ID, app.ID, r.PathValue("id"), at)
	return err
}

// showEndCredential serves GET …/credentials/secrets/{id}/end and …/credentials/keys/{id}/end.
func (h *Handler) showEndCredential(kind credentialKind) applicationHandler {
	return func(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
		credential, err := h.credentialPage(r, v, app, kind)
		if err != nil {
			return err
		}
		path := "/credentials/" + string(kind) + "s/" + credential.ID
		page := h.confirmApplication(v, app, templates.ConfirmEndCredential, path+"/end")
		page.Subject, page.Back = credential.Label()+", "+app.Name, v.atApplication(app, path)
		page.Effects = []templates.Message{templates.EffectCredential, templates.EffectForGood}
		return templates.Render(w, http.StatusOK, page)
	}
}

// endCredential serves POST …/credentials/secrets/{id}/end and …/credentials/keys/{id}/end.
func (h *Handler) endCredential(kind credentialKind) applicationHandler {
	return func(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
		var err error
		if kind == keyKind {
			_, err = h.APIKeys.Revoke(r.Context(), v.env.ID, app.ID, r.PathValue("id"))
		} else {
			err = h.expire(r, v, app, kind, v.now)
		}
		if err != nil {
			return err
		}
		return to(w, r, v.atApplication(app, "/credentials", "notice", "credential_ended"))
	}
}
