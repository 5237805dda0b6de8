package dashboard

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// A test sign-in runs the real flow and ends here instead of at the application (decision 7). What only the dashboard may know
// of it, above all the verifier of PKCE, waits in a cookie that is encrypted for this operator's sign-in and this application.

const testCookie = "portico-test"

func (h *Handler) testRoutes() []route {
	const page = "/admin/env/{env}/applications/{app}/test-sign-in"
	return []route{
		{"GET " + page, admin.WriteApplications, h.about(h.showTest)},
		{"POST " + page, admin.WriteApplications, h.about(h.beginTest)},
		{"GET " + page + "/answer", admin.WriteApplications, h.about(h.finishTest)},
	}
}

// showTest serves GET …/test-sign-in.
func (h *Handler) showTest(w http.ResponseWriter, _ *http.Request, v *visit, app *clients.Application) error {
	return templates.Render(w, http.StatusOK, h.testPage(v, app, usualScopes(app)))
}

func (h *Handler) testPage(v *visit, app *clients.Application, scopes string) templates.DashboardTestSignIn {
	return templates.DashboardTestSignIn{ApplicationPage: h.tab(v, app, templates.TabOverview), Scopes: scopes, Minutes: int(sessions.TestLifetime / time.Minute)}
}

// beginTest serves POST …/test-sign-in: it sends the browser to the sign-in.
func (h *Handler) beginTest(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	page := h.testPage(v, app, strings.TrimSpace(r.PostForm.Get("scopes")))
	page.Again = r.PostForm.Get("again") != ""
	test := &grants.Test{
		RedirectURI: h.PublicURL.JoinPath(applicationPath(v, app), "test-sign-in/answer").String(), Scopes: strings.Fields(page.Scopes), Again: page.Again,
	}
	address, err := h.Tokens.BeginTest(r.Context(), v.env, app, test)
	if page.Errors, err = problems(err, "scopes"); err != nil {
		return err
	}
	if len(page.Errors) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	plain, err := json.Marshal(test)
	if err != nil {
		return err
	}
	sealed := h.Vault.Encrypt(testLabel(r, v, app), plain)
	h.setTest(w, base64.RawURLEncoding.EncodeToString(sealed), int(sessions.TestLifetime/time.Second))
	return to(w, r, address)
}

// finishTest serves GET …/test-sign-in/answer, where the sign-in ends as it would at the application.
func (h *Handler) finishTest(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	ctx, q := r.Context(), r.URL.Query()
	page := templates.DashboardTested{ApplicationPage: h.tab(v, app, templates.TabOverview)}
	test := h.test(r, v, app)
	switch {
	case test == nil:
		page.Problem = templates.TextTestOver
		return templates.Render(w, http.StatusGone, page)
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(test.State)) == 0 || q.Get("iss") != v.env.Issuer(h.PublicURL):
		page.Problem = templates.TextTestForged
		return templates.Render(w, http.StatusBadRequest, page)
	}
	h.setTest(w, "", -1)
	if page.Error, page.Description = q.Get("error"), q.Get("error_description"); page.Error == "" {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		c, err := h.Tokens.FinishTest(ctx, v.env, app, test, q.Get("code"), grants.Caller{Address: host, UserAgent: r.UserAgent()})
		if f := fault.Of(err); err != nil && f.Kind == fault.Invalid {
			page.Error = f.Message
		} else if err != nil {
			return err
		} else if page.Said, err = h.said(ctx, v, app, c); err != nil {
			return err
		}
	}
	return templates.Render(w, http.StatusOK, page)
}

func testLabel(r *http.Request, v *visit, app *clients.Application) keys.Label {
	return keys.Label{Environment: environments.FromContext(r.Context()).ID, ID: string(v.browser) + " " + string(app.ID), Purpose: "test sign-in"}
}

// test is the one that was begun for the application in this sign-in of the operator; nil if none waits.
func (h *Handler) test(r *http.Request, v *visit, app *clients.Application) *grants.Test {
	cookie, err := r.Cookie(testCookie)
	if err != nil {
		return nil
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return nil
	}
	plain, err := h.Vault.Decrypt(testLabel(r, v, app), sealed)
	if err != nil {
		return nil
	}
	test := &grants.Test{}
	if err := json.Unmarshal(plain, test); err != nil || !v.now.Before(test.Begun.Add(sessions.TestLifetime)) {
		return nil
	}
	return test
}

// setTest keeps what is known of a test. The browser brings it along when the sign-in leads back, also from an issuer with a host
// of its own.
func (h *Handler) setTest(w http.ResponseWriter, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: testCookie, Value: value, Path: "/admin", MaxAge: seconds, Secure: h.Cookies.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
