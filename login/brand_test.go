package login_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

// An application's pages load its style sheet, and only its own.
func TestBrand(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	app := i.AddClient(t, "Wiki", clients.Web, func(a *clients.Application) { a.Branding.Accent = "#ffd400" })
	plain := i.AddClient(t, "Plain", clients.Web, nil)
	b := i.NewBrowser(t)
	link := regexp.MustCompile(`href="(/brand/[^"]+\.css)"`)
	found := link.FindStringSubmatch(b.Open(i.AuthorizeURL(app, "openid", nil)).Body)
	if found == nil || !strings.HasPrefix(found[1], "/brand/"+string(app.ID)+"-") {
		t.Fatalf("the page links %q", found)
	}
	if none := link.FindString(b.Open(i.AuthorizeURL(plain, "openid", nil)).Body); none != "" {
		t.Errorf("the page of an application without an accent links %s", none)
	}
	sheet := b.Open(found[1])
	if sheet.Status != http.StatusOK || sheet.Header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(sheet.Body, "--accent:#ffd400") ||
		sheet.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
		t.Errorf("the style sheet: %d %v\n%s", sheet.Status, sheet.Header, sheet.Body)
	}
	i.Change(t, app.ID, func(a *clients.Application) { a.Branding.Accent = "#004400" })
	if old := b.Open(found[1]); old.Header.Get("Cache-Control") != "no-cache" || !strings.Contains(old.Body, "--accent:#004400") {
		t.Errorf("at the old address: %v\n%s", old.Header, old.Body)
	}
	for _, path := range []string{"/brand/" + string(plain.ID) + "-000000000000.css", "/brand/app_none-000000000000.css", "/brand/x"} {
		if p := b.Open(path); p.Status != http.StatusNotFound {
			t.Errorf("%s answers %d", path, p.Status)
		}
	}
}
