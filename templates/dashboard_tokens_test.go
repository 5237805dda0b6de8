package templates

import (
	"testing"
	"time"
)

var said = TokensSaid{
	Person: nina, Organization: "Acme GmbH", Scopes: []string{"openid", "email", "offline_access"}, Opaque: true,
	Claims: []Claims{
		{"id_token", "{\n  \"aud\": \"acme-web\",\n  \"sub\": \"usr_01h2xcejqtf2nbrexx3vqjhp41\"\n}"},
		{"userinfo", "{\n  \"email\": \"nina@example.com\"\n}"}, {"introspection", "{\n  \"active\": true\n}"},
	},
	AccessToken: 2 * time.Minute, ClippedBy: "max_length", IDToken: time.Hour, Refreshable: true,
	SessionEnds: now.Add(2 * time.Minute), SessionMax: now.Add(2 * time.Minute),
}

// tokenSamples are the pages that show what tokens say.
var tokenSamples = map[string]Page{
	"dashboard_test_sign_in":         DashboardTestSignIn{ApplicationPage: acmeWeb(TabOverview), Scopes: "openid profile email", Minutes: 10},
	"dashboard_test_sign_in_refused": DashboardTestSignIn{ApplicationPage: withErrors(acmeWeb(TabOverview), FieldError{"scopes", Literal("This client may not have any of the scopes.")}), Scopes: "none", Again: true, Minutes: 10},
	"dashboard_tested":               DashboardTested{ApplicationPage: acmeWeb(TabOverview), Said: &said},
	"dashboard_tested_refused":       DashboardTested{ApplicationPage: acmeWeb(TabOverview), Error: "access_denied", Description: "The End-User cancelled the request."},
	"dashboard_tested_over":          DashboardTested{ApplicationPage: acmeWeb(TabOverview), Problem: TextTestOver},
	"dashboard_preview": DashboardPreview{ApplicationPage: longPhone(TabOverview), User: longName.Email, Organization: "org_1", Organizations: []Choice{{"org_1", "Acme GmbH"}, {"org_2", "Blue Harbor"}},
		Scopes: "openid", Ago: DurationOf(48 * time.Hour), Said: &said},
	"dashboard_preview_errors": DashboardPreview{ApplicationPage: withErrors(acmeWeb(TabOverview), FieldError{"user-id", TextNoUser("nobody@example.com")}), User: "nobody@example.com", Ago: DurationOf(0)},
	"dashboard_claims": DashboardClaims{ApplicationPage: acmeWeb(TabOverview), IDToken: "{\n  \"plan\": \"small\"\n}", Placeholders: []string{"user.email", "organization.metadata"}, User: nina.Email,
		Organizations: []Choice{{"org_1", "Acme GmbH"}}, Scopes: "openid", Said: &said},
	"dashboard_claims_errors": DashboardClaims{ApplicationPage: withErrors(acmeWeb(TabOverview), FieldError{"id-token", Literal("The claim sub is reserved: choose another name.")}), IDToken: "{}"},
	"dashboard_claims_denied": DashboardClaims{ApplicationPage: longPhone(TabOverview)},
	"dashboard_preview_machine": DashboardPreview{ApplicationPage: machine(TabOverview), Said: &TokensSaid{
		Scopes: nil, AccessToken: time.Hour, Claims: []Claims{{"access_token", "{}"}, {"introspection", "{}"}}}},
}

func TestTokenPages(t *testing.T) {
	for name, page := range tokenSamples {
		t.Run(name, func(t *testing.T) {
			golden(t, name+".html", hash.ReplaceAllString(render(t, page).Body.String(), "$1.HASH."))
			checkStructure(t, page)
		})
	}
}
