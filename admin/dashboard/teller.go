package dashboard

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// teller tells what rows name by an ID. It remembers what it has found, for one page.
type teller struct {
	h     *Handler
	v     *visit
	known map[string]templates.Reference
}

func (h *Handler) teller(v *visit) *teller { return &teller{h, v, map[string]templates.Reference{}} }

// reference names what has the ID, and links its page. What is gone, or has no page, stays an ID.
func (t *teller) reference(ctx context.Context, id string) (templates.Reference, error) {
	if ref, ok := t.known[id]; ok {
		return ref, nil
	}
	ref, err := templates.Reference{Text: id}, error(nil)
	switch kind, _, _ := strings.Cut(id, "_"); kind {
	case "usr":
		var u *identity.User
		if u, err = t.h.Users.Get(ctx, t.v.env.ID, identity.ID(id)); err == nil {
			ref = templates.Reference{Text: u.Email, URI: t.v.atUser(u, "")}
		}
	case "app":
		var app *clients.Application
		if app, err = t.h.Applications.ByID(ctx, t.v.env.ID, clients.ID(id)); err == nil {
			ref = templates.Reference{Text: app.Name, URI: t.v.atApplication(app, "")}
		}
	case "org":
		var o *organizations.Organization
		if o, err = t.h.Organizations.Store.Organization(ctx, t.v.env.ID, organizations.ID(id)); err == nil {
			ref = templates.Reference{Text: o.Name, URI: t.v.atOrganization(o.ID, "")}
		}
	}
	if err != nil && fault.Of(err).Kind != fault.NotFound {
		return ref, err
	}
	t.known[id] = ref
	return ref, nil
}

// operator names an operator, and links her page for those who may see it. Who is none any longer stays an ID.
func (t *teller) operator(ctx context.Context, id string) (templates.Reference, error) {
	key := "operator " + id
	if ref, ok := t.known[key]; ok {
		return ref, nil
	}
	ref := templates.Reference{Text: id}
	switch o, err := t.h.Operators.Get(ctx, identity.ID(id)); {
	case err == nil:
		ref.Text = cmp.Or(o.Name, o.Email)
		if admin.Can(t.v.operator.Role, admin.ReadOperators) {
			ref.URI = t.v.shell.Href(operatorPath(o.User))
		}
	case fault.Of(err).Kind != fault.NotFound:
		return ref, err
	}
	t.known[key] = ref
	return ref, nil
}

// application returns an application; one that is gone has no name, and no session of it lives.
func (t *teller) application(ctx context.Context, id clients.ID) (*clients.Application, error) {
	app, err := t.h.Applications.ByID(ctx, t.v.env.ID, id)
	if errors.Is(err, clients.ErrNotFound) {
		return &clients.Application{ID: id, Environment: t.v.env.ID}, nil
	}
	return app, err
}

// session is a row about a session in the application.
func (t *teller) session(ctx context.Context, s *sessions.Listed, app *clients.Application) (templates.SessionRow, error) {
	row := sessionRow(t.v, s, app)
	row.UserURI = t.v.at("/users/" + string(s.User))
	if row.Application.Text = cmp.Or(app.Name, string(app.ID)); app.Name != "" {
		row.Application.URI = t.v.atApplication(app, "/sessions")
	}
	var err error
	if row.Organization, err = t.reference(ctx, string(s.Organization)); err != nil {
		return row, err
	}
	settled := s.Settled(&app.SessionPolicy, t.v.now)
	if by := settled.EndedBy; by != "" && by != string(s.User) {
		var who templates.Reference
		who, err = t.operator(ctx, by)
		row.By = who.Text
	}
	return row, err
}
