package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// identified serves a step about the account that the flow is about. Where there is nothing to ask of it, it leads on.
func (h *Handler) identified(done func(*flow, *sessions.Account) bool, do func(http.ResponseWriter, *http.Request, *flow, *sessions.Account) error) http.Handler {
	return h.handle(func(w http.ResponseWriter, r *http.Request) error {
		f, err := h.flow(r)
		switch {
		case errors.Is(err, errOver):
			return h.startAgain(w, r)
		case err != nil:
			return err
		case f.own() || f.Denied:
			return h.proceed(w, r, f)
		}
		a := f.account()
		switch {
		case a == nil:
			return to(w, r, h.chrome(r, f).Href("/sign-in/choose-account"))
		case !f.good(a) || done(f, a):
			return h.proceed(w, r, f)
		}
		return do(w, r, f, a)
	})
}

// seen notes which account a page has shown: what the person answers counts for that one.
func (h *Handler) seen(r *http.Request, f *flow, a *sessions.Account) error {
	if f.Account != "" {
		return nil
	}
	return h.advance(r.Context(), r, f, func(i *sessions.Interaction) { i.Account = a.BrowserSession.ID })
}

// another has the person choose another account.
func (h *Handler) another(w http.ResponseWriter, r *http.Request, f *flow) error {
	err := h.advance(r.Context(), r, f, func(i *sessions.Interaction) {
		i.Account, i.Organization, i.Username, i.Consented = "", "", "", nil
	})
	if err != nil {
		return err
	}
	return to(w, r, h.chrome(r, f).Href("/sign-in/choose-account"))
}

// consented reports whether there is nothing left to allow.
func (f *flow) consented(*sessions.Account) bool { return subset(f.scopes(), f.Consented) }

func subset(some, of []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(of, s) })
}

// scopes are those of the request that the application may have, with those whose claims it asks for by name (OIDC Core §5.5).
func (f *flow) scopes() []string {
	claims, _ := identity.ParseClaimsRequest([]byte(f.request.Get("claims"))) // the authorization endpoint has refused others
	var scopes []string
	for _, scope := range append(strings.Fields(f.request.Get("scope")), claims.Scopes()...) {
		if slices.Contains(f.app.Scopes, scope) && !slices.Contains(scopes, scope) && (scope != "offline_access" || f.app.Allows(clients.GrantRefreshToken)) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// showConsent serves GET /consent.
func (h *Handler) showConsent(w http.ResponseWriter, r *http.Request, f *flow, a *sessions.Account) error {
	if err := h.seen(r, f, a); err != nil {
		return err
	}
	page := templates.Consent{
		Chrome: h.chrome(r, f), Account: person(a), RedirectHost: redirectHost(f.request.Get("redirect_uri")),
		ClientPolicyURI: f.app.PolicyURI, ClientTOSURI: f.app.TOSURI,
	}
	for _, scope := range f.scopes() {
		if scope != "openid" {
			page.Scopes = append(page.Scopes, templates.Scope{Name: scope})
		}
	}
	return templates.Render(w, http.StatusOK, page)
}

// redirectHost is what people know an address by: its host, or the private-use scheme of an app.
func redirectHost(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	if u.Scheme == "https" || u.Scheme == "http" {
		return u.Host
	}
	return u.Scheme
}

// consent serves POST /consent.
func (h *Handler) consent(w http.ResponseWriter, r *http.Request, f *flow, a *sessions.Account) error {
	ctx := as(r.Context(), a.BrowserSession.User, a.Email)
	switch r.PostForm.Get("action") {
	case "deny":
		return h.cancel(w, r, f)
	case "switch":
		return h.another(w, r, f)
	case "allow":
		if f.Account == "" {
			break // she has seen no account
		}
		err := h.InTx(ctx, func(ctx context.Context) error {
			if err := h.Ledger.Allow(ctx, f.app, a.BrowserSession.User, f.scopes()); err != nil {
				return err
			}
			return h.advance(ctx, r, f, func(i *sessions.Interaction) { i.Consented = f.scopes() })
		})
		if err != nil {
			return err
		}
		return h.proceed(w, r, f)
	}
	return to(w, r, h.chrome(r, f).Href("/consent"))
}
