package login_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
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

// Pages look as the environment does where the application says nothing of its own. A third party isn't shown with the
// environment's logo and policies.
func TestBrandOfEnvironment(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	err := i.Founder.Change(t.Context(), i.Environment.ID, func(s *environments.Settings) error {
		s.Brand = environments.Brand{
			LogoURI: "https://cdn.example/light.svg", DarkLogoURI: "https://dark.example/dark.svg", Accent: "#ffd400",
			HelpURI: "https://help.example/", PolicyURI: "https://acme.example/privacy", TOSURI: "https://acme.example/terms",
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sheet := "/brand/" + string(i.Environment.ID) + "-"
	inherits := []string{
		sheet, `srcset="https://dark.example/dark.svg" media="(prefers-color-scheme: dark)"`, "https://cdn.example/light.svg", "https://help.example/",
		"https://acme.example/privacy", "https://acme.example/terms",
	}
	for _, test := range []struct {
		name string
		app  func(*clients.Application)
		want []string
		not  []string
	}{
		{"Plain", nil, inherits, nil},
		{"Own", func(a *clients.Application) {
			a.Branding = clients.Branding{LogoURI: "https://own.example/logo.svg", Accent: "#004400", HelpURI: "https://own.example/help"}
			a.PolicyURI, a.TOSURI = "https://own.example/privacy", "https://own.example/terms"
		}, []string{"https://own.example/logo.svg", "https://own.example/help", "https://own.example/privacy", "https://own.example/terms"}, inherits},
		{"Stranger", func(a *clients.Application) { a.Consent = clients.ConsentThirdParty }, []string{sheet, "https://help.example/"},
			[]string{"light.svg", "dark.svg", "acme.example"}},
	} {
		app := i.AddClient(t, test.name, clients.Web, test.app)
		p := i.NewBrowser(t).Open(i.AuthorizeURL(app, "openid", nil))
		for _, text := range test.want {
			if !strings.Contains(p.Body, text) {
				t.Errorf("%s: the page has no %s", test.name, text)
			}
		}
		for _, text := range test.not {
			if strings.Contains(p.Body, text) {
				t.Errorf("%s: the page has %s", test.name, text)
			}
		}
	}
	b := i.NewBrowser(t)
	alone := b.Open("/sign-out")
	for _, text := range inherits {
		if !strings.Contains(alone.Body, text) {
			t.Errorf("a page without an application has no %s", text)
		}
	}
	if policy := alone.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "https://cdn.example https://dark.example") {
		t.Errorf("its policy is %s", policy)
	}
	found := regexp.MustCompile(sheet + `[0-9a-f]+\.css`).FindString(alone.Body)
	if p := b.Open(found); p.Status != http.StatusOK || !strings.Contains(p.Body, "--accent:#ffd400") || p.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
		t.Errorf("%s answers %d %v\n%s", found, p.Status, p.Header, p.Body)
	}
}
