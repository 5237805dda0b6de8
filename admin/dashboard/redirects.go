package dashboard

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/delivery"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) redirectRoutes() []route {
	const tab = "/admin/env/{env}/applications/{app}/redirects"
	return []route{
		{"GET " + tab, admin.ReadApplications, h.about(h.showRedirects)},
		{"POST " + tab + "/list", admin.WriteApplications, h.about(h.changeList)},
		{"POST " + tab + "/addresses", admin.WriteApplications, h.about(h.saveAddresses)},
		{"POST " + tab + "/logout", admin.WriteApplications, h.about(h.saveLogout)},
	}
}

// uriList is a list of addresses of an application.
type uriList struct {
	field string // for one more
	first bool   // the first is the default
	of    func(*clients.Application) *[]string
}

var lists = []uriList{
	{"redirect-uri", true, func(a *clients.Application) *[]string { return &a.RedirectURIs }},
	{"post-logout-redirect-uri", true, func(a *clients.Application) *[]string { return &a.PostLogoutRedirectURIs }},
	{"cors-origin", false, func(a *clients.Application) *[]string { return &a.CORSOrigins }},
}

func (h *Handler) redirectsPage(ctx context.Context, v *visit, app *clients.Application) (page templates.DashboardRedirects, err error) {
	page = templates.DashboardRedirects{
		ApplicationPage: h.tab(v, app, templates.TabRedirects), Wildcards: app.WildcardRedirects, Explicit: app.ExplicitPostLogoutRedirect,
		InitiateLoginURI: app.InitiateLoginURI, HomepageURI: app.HomepageURI, InvitationURI: app.InvitationURI, PasswordResetURI: app.PasswordResetURI,
		BackchannelURI: app.BackchannelLogoutURI, BackchannelSession: app.BackchannelLogoutSessionRequired,
		FrontchannelURI: app.FrontchannelLogoutURI, FrontchannelSession: app.FrontchannelLogoutSessionRequired,
	}
	for _, list := range lists {
		page.Lists = append(page.Lists, templates.URIList{Name: list.field, First: list.first, URIs: *list.of(app)})
	}
	page.Deliveries, err = h.deliveries(ctx, v, app)
	return page, err
}

// shownDeliveries is how many of the last deliveries the tab tells of.
const shownDeliveries = 10

func (h *Handler) deliveries(ctx context.Context, v *visit, app *clients.Application) (rows []templates.LogoutDelivery, err error) {
	last, _, err := h.Logouts.Store.Logouts(ctx, v.env.ID, app.ID, "", shownDeliveries)
	if err != nil {
		return nil, err
	}
	tell := h.teller(v)
	for i := range last {
		l := &last[i]
		row := templates.LogoutDelivery{
			Session: string(l.Session), Ended: l.CreatedAt, State: string(l.State()), Attempts: l.Attempts, Error: l.Error,
		}
		switch l.State() {
		case delivery.Delivered:
			row.Settled = l.DeliveredAt
		case delivery.Failed:
			row.Settled = l.FailedAt
		default:
			row.Next = max(0, l.NextAt.Sub(v.now)).Truncate(time.Second)
		}
		if row.User, err = tell.reference(ctx, string(l.User)); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// showRedirects serves GET …/redirects, also with the verdict of the tester (acceptance 23).
func (h *Handler) showRedirects(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	page, err := h.redirectsPage(r.Context(), v, app)
	if err != nil {
		return err
	}
	if page.Tried = strings.TrimSpace(r.URL.Query().Get("try")); page.Tried != "" {
		e := app.ExplainRedirect(page.Tried)
		page.Verdict = &templates.Verdict{Matches: e.Matches, Registered: e.Registered, Rule: string(e.Rule)}
		for _, d := range e.Differences {
			page.Verdict.Differences = append(page.Verdict.Differences, templates.Difference{Part: string(d.Part), Got: d.Got, Registered: d.Registered, Reason: d.Reason})
		}
	}
	return templates.Render(w, http.StatusOK, page)
}

// changeList serves POST …/redirects/list: it adds an address, removes one or makes it the default.
func (h *Handler) changeList(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	form := r.PostForm
	i := slices.IndexFunc(lists, func(l uriList) bool { return l.field == form.Get("list") })
	if i < 0 {
		return fault.Invalidf("list", "there is no such list")
	}
	list := lists[i]
	uri, typed := form.Get("uri"), strings.TrimSpace(form.Get(list.field))
	wrong, err := h.change(r, v, app, list.field, func(a *clients.Application) error {
		uris := list.of(a)
		switch form.Get("action") {
		case "add":
			*uris = append(*uris, typed)
		case "remove":
			*uris = slices.DeleteFunc(*uris, func(one string) bool { return one == uri })
		case "default":
			if at := slices.Index(*uris, uri); at > 0 {
				*uris = slices.Insert(slices.Delete(*uris, at, at+1), 0, uri)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return h.refuseRedirects(w, r, v, app, wrong, func(page *templates.DashboardRedirects) { page.Lists[i].Typed = typed })
	}
	return to(w, r, v.atApplication(app, "/redirects", "notice", "saved"))
}

// refuseRedirects shows the tab again, with what was typed and what is wrong with it.
func (h *Handler) refuseRedirects(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application, wrong []templates.FieldError, typed func(*templates.DashboardRedirects)) error {
	now, err := h.Applications.ByID(r.Context(), v.env.ID, app.ID)
	if err != nil {
		return err
	}
	page, err := h.redirectsPage(r.Context(), v, now)
	if err != nil {
		return err
	}
	page.Errors = wrong
	typed(&page)
	return templates.Render(w, http.StatusUnprocessableEntity, page)
}

// saveAddresses serves POST …/redirects/addresses.
func (h *Handler) saveAddresses(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	typed := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	wildcards, explicit := r.PostForm.Get("wildcards") != "", r.PostForm.Get("explicit-sign-out") != ""
	wrong, err := h.change(r, v, app, "initiate-login-uri", func(a *clients.Application) error {
		a.InitiateLoginURI, a.HomepageURI = typed("initiate-login-uri"), typed("homepage-uri")
		a.InvitationURI, a.PasswordResetURI = typed("invitation-uri"), typed("password-reset-uri")
		a.WildcardRedirects, a.ExplicitPostLogoutRedirect = wildcards, explicit
		return nil
	})
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return h.refuseRedirects(w, r, v, app, wrong, func(page *templates.DashboardRedirects) {
			page.InitiateLoginURI, page.HomepageURI = typed("initiate-login-uri"), typed("homepage-uri")
			page.InvitationURI, page.PasswordResetURI = typed("invitation-uri"), typed("password-reset-uri")
			page.Wildcards, page.Explicit = wildcards, explicit
		})
	}
	return to(w, r, v.atApplication(app, "/redirects", "notice", "saved"))
}

// saveLogout serves POST …/redirects/logout.
func (h *Handler) saveLogout(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	typed := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	ticked := func(name string) bool { return r.PostForm.Get(name) != "" }
	wrong, err := h.change(r, v, app, "backchannel-logout-uri", func(a *clients.Application) error {
		a.BackchannelLogoutURI, a.BackchannelLogoutSessionRequired = typed("backchannel-logout-uri"), ticked("backchannel-session")
		a.FrontchannelLogoutURI, a.FrontchannelLogoutSessionRequired = typed("frontchannel-logout-uri"), ticked("frontchannel-session")
		return nil
	})
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return h.refuseRedirects(w, r, v, app, wrong, func(page *templates.DashboardRedirects) {
			page.BackchannelURI, page.BackchannelSession = typed("backchannel-logout-uri"), ticked("backchannel-session")
			page.FrontchannelURI, page.FrontchannelSession = typed("frontchannel-logout-uri"), ticked("frontchannel-session")
		})
	}
	return to(w, r, v.atApplication(app, "/redirects", "notice", "saved"))
}
