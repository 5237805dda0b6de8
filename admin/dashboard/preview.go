package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/templates"
)

// Tokens issues tokens and says what they would have in them, by the same code: *provider.Provider.
type Tokens interface {
	// Preview returns what the tokens of a sign-in would say. What a sign-in would refuse is a fault that names the input.
	Preview(context.Context, *environments.Environment, *clients.Application, grants.PreviewRequest) (*grants.Contents, error)
	// BeginTest chooses the secrets of the test and returns the address at which a browser does it. What the application may not
	// ask for is a fault.
	BeginTest(context.Context, *environments.Environment, *clients.Application, *grants.Test) (string, error)
	// FinishTest redeems the code that the test got, and leaves nothing behind that is good. Why there are no tokens is a fault.
	FinishTest(ctx context.Context, env *environments.Environment, app *clients.Application, test *grants.Test, code string, by grants.Caller) (*grants.Contents, error)
}

func (h *Handler) previewRoutes() []route {
	const page = "/admin/env/{env}/applications/{app}/preview"
	return []route{{"GET " + page, admin.ReadUsers, h.about(h.showPreview)}}
}

// showPreview serves GET …/preview: what tokens for a user would say. Its form keeps everything in the address.
func (h *Handler) showPreview(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	q := r.URL.Query()
	page := templates.DashboardPreview{
		ApplicationPage: h.tab(v, app, templates.TabOverview), User: strings.TrimSpace(q.Get("user-id")), Organization: q.Get("organization-id"),
		Scopes: q.Get("scopes"), Ago: templates.Duration{Number: q.Get("authenticated-seconds-ago"), Unit: q.Get("authenticated-seconds-ago-unit")},
	}
	if !q.Has("asked") {
		page.Scopes, page.Ago = usualScopes(app), templates.Duration{Number: "0", Unit: "minutes"}
		return templates.Render(w, http.StatusOK, page)
	}
	asked := grants.PreviewRequest{Organization: organizations.ID(page.Organization), Scopes: strings.Fields(page.Scopes)}
	if app.HasUsers() {
		var ok bool
		if asked.Ago, ok = page.Ago.Value(); !ok {
			page.Errors = append(page.Errors, templates.FieldError{Field: "authenticated-seconds-ago", Text: templates.TextNumber})
		}
		user, in, problem, err := h.previewUser(r.Context(), v, page.User)
		if err != nil {
			return err
		}
		asked.User, page.Organizations, page.Errors = user, in, append(page.Errors, problem...)
	}
	if len(page.Errors) == 0 {
		said, err := h.Tokens.Preview(r.Context(), v.env, app, asked)
		if err == nil {
			page.Said, err = h.said(r.Context(), v, app, said)
		}
		if page.Errors, err = problems(err, "scopes"); err != nil {
			return err
		}
	}
	status := http.StatusOK
	if len(page.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return templates.Render(w, status, page)
}

// previewUser finds whom a preview is about, by her address or ID, and her organizations, or says what is wrong with the field.
func (h *Handler) previewUser(ctx context.Context, v *visit, text string) (id identity.ID, in []templates.Choice, problem []templates.FieldError, err error) {
	if text == "" {
		return "", nil, []templates.FieldError{{Field: "user-id", Text: templates.TextNoUserGiven}}, nil
	}
	user, err := h.findUser(ctx, v, text)
	if errors.Is(err, identity.ErrNotFound) {
		return "", nil, []templates.FieldError{{Field: "user-id", Text: templates.TextNoUser(text)}}, nil
	}
	if err != nil {
		return "", nil, nil, err
	}
	of, err := h.Organizations.MembershipsOf(ctx, v.env.ID, user.ID)
	for _, m := range of {
		if m.State == organizations.Active {
			in = append(in, templates.Choice{Value: string(m.Organization), Name: m.OrganizationName})
		}
	}
	return user.ID, in, nil, err
}

// usualScopes are those that an application is likely to ask for.
func usualScopes(app *clients.Application) string {
	if !app.HasUsers() {
		return strings.Join(app.Scopes, " ")
	}
	var usual []string
	for _, scope := range app.Scopes {
		switch scope {
		case "openid", "profile", "email":
			usual = append(usual, scope)
		}
	}
	return strings.Join(usual, " ")
}

// said is what a page shows of tokens.
func (h *Handler) said(ctx context.Context, v *visit, app *clients.Application, c *grants.Contents) (*templates.TokensSaid, error) {
	l := &c.Lifetimes
	s := &templates.TokensSaid{
		Scopes: c.Scopes, Opaque: app.AccessTokenFormat == clients.Opaque, AccessToken: l.AccessToken, ClippedBy: string(l.ClippedBy), IDToken: l.IDToken,
		Refreshable: l.Refreshable, SessionEnds: l.SessionEnds, SessionMax: l.SessionMax,
	}
	for _, part := range []struct {
		of   string
		text json.RawMessage
	}{{"id_token", c.IDToken}, {"access_token", c.AccessToken}, {"userinfo", c.UserInfo}, {"introspection", c.Introspection}} {
		if part.text == nil {
			continue
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, part.text, "", "  "); err != nil {
			return nil, err
		}
		s.Claims = append(s.Claims, templates.Claims{Of: part.of, JSON: indented.String()})
	}
	if c.User == "" {
		return s, nil
	}
	user, err := h.Users.Get(ctx, v.env.ID, c.User)
	if err != nil {
		return nil, err
	}
	s.Person = templates.Person{Name: user.Profile.Name, Email: user.Email}
	if c.Organization != "" {
		o, err := h.Organizations.Store.Organization(ctx, v.env.ID, c.Organization)
		if err != nil {
			return nil, err
		}
		s.Organization = o.Name
	}
	s.AccessToken = s.AccessToken.Round(time.Second)
	return s, nil
}
