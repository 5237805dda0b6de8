package environments

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBrandValidate(t *testing.T) {
	for _, test := range []struct {
		name  string
		kind  Kind
		brand Brand
		want  []string
	}{
		{"nothing", Production, Brand{}, nil},
		{"all", Production, Brand{
			LogoURI: "https://cdn.example/logo.svg?v=1", DarkLogoURI: "https://cdn.example:8443/dark.svg", Accent: "#FFd400",
			HelpURI: "https://help.example/#top", PolicyURI: "https://[::1]/privacy", TOSURI: "https://acme.example",
		}, nil},
		{"http in development", Development, Brand{LogoURI: "http://localhost:3000/logo.svg"}, nil},
		{"http in production", Production, Brand{LogoURI: "http://localhost:3000/logo.svg"}, []string{
			"brand/logo_uri: \"http://localhost:3000/logo.svg\" uses http, which only an environment for development takes: use https",
		}},
		{"what runs or leads elsewhere", Production, Brand{LogoURI: "data:image/png;base64,AA", HelpURI: "javascript:alert(1)", PolicyURI: "/privacy", TOSURI: "//acme.example"}, []string{
			`brand/logo_uri: "data:image/png;base64,AA" must begin with https://`,
			`brand/help_uri: "javascript:alert(1)" must begin with https://`,
			`brand/policy_uri: "/privacy" must begin with https://`,
			`brand/tos_uri: "//acme.example" must begin with https://`,
		}},
		{"hosts", Production, Brand{LogoURI: "https:///logo.svg", HelpURI: "https://ada@acme.example/", PolicyURI: "https://*/", TOSURI: "https://acme.example;x/"}, []string{
			`brand/logo_uri: "https:///logo.svg" must have a host, and no user name, after https://`,
			`brand/help_uri: "https://ada@acme.example/" must have a host, and no user name, after https://`,
			`brand/policy_uri: "https://*/" must have a host, and no user name, after https://`,
			`brand/tos_uri: "https://acme.example;x/" must have a host, and no user name, after https://`,
		}},
		{"characters", Production, Brand{HelpURI: "https://acme.example/a b", PolicyURI: "https://acme.example/\x00", TOSURI: "https://acme.example/ü"}, []string{
			`brand/help_uri: "https://acme.example/a b" can't be read as a URI (RFC 3986)`,
			`brand/policy_uri: "https://acme.example/\x00" can't be read as a URI (RFC 3986)`,
			`brand/tos_uri: "https://acme.example/ü" can't be read as a URI (RFC 3986)`,
		}},
		{"too long", Production, Brand{HelpURI: "https://acme.example/" + strings.Repeat("a", 1980)}, []string{
			`brand/help_uri: "https://acme.example/` + strings.Repeat("a", 79) + `" has 2001 bytes: 2000 is the most`,
		}},
		{"no colour", Production, Brand{Accent: "yellow"}, []string{`brand/accent: accent "yellow" must be a colour such as #3f4fd1`}},
		{"dark alone", Production, Brand{DarkLogoURI: "https://cdn.example/dark.svg"}, []string{
			"brand/dark_logo_uri: a logo for dark pages needs one for light pages",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			if err := errors.Join(test.brand.validate(test.kind)...); err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("validate (-want +got):\n%s", diff)
			}
		})
	}
}
