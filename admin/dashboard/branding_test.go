package dashboard_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

func TestBranding(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	app := o.AddClient(t, "Wiki", clients.Web, nil)
	b := o.browsers[admin.Admin]
	tab := "/admin/env/default/applications/" + string(app.ID) + "/branding"
	frame := regexp.MustCompile(`<iframe src="([^"]+)"`)
	framed := func(p *servertest.Page) *servertest.Page {
		return b.Open(strings.ReplaceAll(frame.FindStringSubmatch(p.Body)[1], "&amp;", "&"))
	}

	draft := b.Open(tab + "?name=Handbook&accent=%23ffd400&help-uri=https://help.example/")
	wantText(t, draft, "Nothing is saved yet.", `value="Handbook"`, "#736414", "buttons get an edge")
	preview := framed(draft)
	wantText(t, preview, "Sign in to Handbook", `data-theme="light"`, "inert", "https://help.example/", "accent.css")
	if policy := preview.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'self'") {
		t.Errorf("the policy of the preview is %s", policy)
	}
	if policy := draft.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-src 'self'") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("the policy of the tab is %s", policy)
	}
	sheet := b.Open(tab + "/accent.css?accent=%23ffd400")
	if sheet.Header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(sheet.Body, "--on-accent:#000000") {
		t.Errorf("the style sheet: %v\n%s", sheet.Header, sheet.Body)
	}
	wantStatus(t, b.Open(tab+"/accent.css?accent=red"), http.StatusNotFound)

	p := b.Submit(b.Open(tab), "accent", "name", "", "accent", "yellow", "logo-uri", "ftp://x")
	wantStatus(t, p, http.StatusUnprocessableEntity)
	wantText(t, p, "Enter a name.", "Enter a colour like #3f4fd1.", `value="yellow"`)
	p = b.Submit(b.Open(tab), "accent", "logo-uri", "javascript:alert(1)")
	wantStatus(t, p, http.StatusUnprocessableEntity)
	wantText(t, p, `id="logo-uri-problem"`)
	p = b.Submit(b.Open(tab), "accent", "name", "Handbook", "accent", "#FFD400", "logo-uri", "https://cdn.example/logo.png", "policy-uri", "https://wiki.example/privacy")
	wantText(t, p, "Saved", "Handbook", "Restore", "as it is")
	sign := o.NewBrowser(t).Open(o.AuthorizeURL(app, "openid", nil))
	wantText(t, sign, "Sign in to Handbook", "/brand/"+string(app.ID), "https://cdn.example/logo.png", "https://wiki.example/privacy")

	p = b.Post(tab+"/restore", nil)
	wantText(t, p, "Logo, accent and help link are gone.", `value="Handbook"`, "!cdn.example", "!>Restore<")
	wantText(t, o.browsers[admin.Viewer].Open(tab), "Needs the admin role", "Preview of the sign-in page, dark")
}
