package templates

import (
	"fmt"
	"testing"
	"time"
)

var (
	production  = Tenant{Slug: "production", Name: "Acme", Production: true}
	development = Tenant{Slug: "staging", Name: "Acme staging"}

	// What an owner sees in production.
	owner = Dashboard{
		Chrome: Chrome{Environment: "Acme", Now: now}, Operator: Person{"Olga Okafor", "olga@example.com"}, Role: "owner",
		Tenant: production, Tenants: []Tenant{production, development},
		Menu:      []Section{SectionApplications, SectionUsers, SectionOrganizations, SectionEvents, SectionKeys, SectionSettings},
		Installed: []Section{SectionEnvironments, SectionOperators}, SignOut: "/env/operators/sign-out",
	}
	// What a viewer sees in staging.
	viewer = Dashboard{
		Chrome: Chrome{Environment: "Acme staging", Now: now, Language: "de"}, Operator: Person{Email: longName.Email}, Role: "viewer",
		Tenant: development, Tenants: []Tenant{production, development},
		Menu:      []Section{SectionApplications, SectionUsers, SectionOrganizations, SectionEvents, SectionKeys, SectionSettings},
		Installed: []Section{SectionEnvironments}, SignOut: "/env/operators/sign-out",
	}
)

func at(d Dashboard, s Section) Dashboard {
	d.Section = s
	return d
}

// installation is what she sees on a page of the installation.
func installation(d Dashboard) Dashboard {
	d.Chrome.Environment = "Portico"
	return d
}

// acmeWeb is a page of an application that an owner sees.
func acmeWeb(tab Tab) ApplicationPage {
	page := ApplicationPage{Dashboard: at(owner, SectionApplications), Tab: tab, Token: "1780000000000000",
		App: ApplicationHead{ID: "app_1", Name: "Acme Web", Kind: "web", Default: true, HasUsers: true, Redirects: true}}
	page.Chrome.Application = page.App.Name
	return page
}

// longPhone is one that a viewer sees.
func longPhone(tab Tab) ApplicationPage {
	page := ApplicationPage{Dashboard: at(viewer, SectionApplications), Tab: tab, Token: "1780000000000000", Denied: NeedsRole("admin"),
		App: ApplicationHead{ID: "app_5", Name: longName.Name, Kind: "native", Disabled: true, HasUsers: true, Redirects: true}}
	page.Chrome.Application = page.App.Name
	return page
}

// invoices is a page of an API.
func invoices(tab Tab) ApplicationPage {
	page := ApplicationPage{Dashboard: at(owner, SectionApplications), Tab: tab, Token: "1780000000000000", App: ApplicationHead{ID: "app_6", Name: "Invoices", Kind: "api"}}
	page.Chrome.Application = page.App.Name
	return page
}

// machine is a page of an application that nobody signs in to.
func machine(tab Tab) ApplicationPage {
	page := ApplicationPage{Dashboard: at(owner, SectionApplications), Tab: tab, App: ApplicationHead{ID: "app_4", Name: "Nightly import", Kind: "machine"}}
	page.Chrome.Application = page.App.Name
	return page
}

func withErrors(p ApplicationPage, errors ...FieldError) ApplicationPage {
	p.Errors = errors
	return p
}

func settingsOf(d Dashboard, tab SettingsTab) SettingsPage {
	return SettingsPage{Dashboard: at(d, SectionSettings), Tab: tab, Token: "5f2b"}
}

func deniedSettings(p SettingsPage) SettingsPage {
	p.Denied = NeedsRole("admin")
	return p
}

func wrongSettings(p SettingsPage, errors ...FieldError) SettingsPage {
	p.Errors = errors
	return p
}

func accentOf(colour string) *Accent {
	a, _ := NewAccent(colour)
	return &a
}

func sampleSnippets(kind string) []Snippet {
	all, err := Snippets(SnippetFor{Kind: kind, Issuer: "https://id.acme.example", ClientID: "acme-web", RedirectURI: "https://acme.example/callback", Secret: kind == "web"})
	if err != nil {
		panic(err)
	}
	return all
}

var endpoints = []Endpoint{
	{"issuer", "https://id.acme.example"}, {"discovery", "https://id.acme.example/.well-known/openid-configuration"},
	{"authorization", "https://id.acme.example/oauth2/authorize"}, {"token", "https://id.acme.example/oauth2/token"},
}

// dashboardSamples are the pages of the dashboard in their main states, by the name of their golden file.
var dashboardSamples = map[string]Page{
	"welcome": Welcome{Dashboard: installation(owner), Steps: []WelcomeStep{
		{What: TrySignIn, URI: "http://127.0.0.1:8081/"},
		{What: AddApplication, URI: "/admin/env/production/applications/new"},
		{What: SetUpMail, Command: "mail.smtp.host"},
		{What: InviteTeammate, URI: "/admin/operators/new"}}},
	"welcome_done": Welcome{Dashboard: viewer, Steps: []WelcomeStep{
		{What: TrySignIn, Done: true, URI: "http://127.0.0.1:8081/"}, {What: AddApplication, Done: true}, {What: SetUpMail, Done: true}, {What: InviteTeammate, Done: true}}},

	"dashboard_new_application": DashboardApplicationNew{Dashboard: at(owner, SectionApplications), Kind: "web", FirstParty: true},
	"dashboard_new_application_errors": DashboardApplicationNew{Dashboard: at(owner, SectionApplications), Kind: "native", RedirectURI: "http://app.example/cb",
		Errors: []FieldError{{"name", TextNoName}, {"redirect-uri", Literal("\"http://app.example/cb\" must begin with https.")}}},
	"dashboard_application_created": DashboardApplicationCreated{ApplicationPage: acmeWeb(TabOverview), ClientID: "acme-web-k3m9x2p7q8r4s5t6", Secret: "ps_4rT9wqk2mXv8bNc7dFg5hJp3sLz6yQa1eRt0uWi2oPl",
		Issuer: "https://id.acme.example", Snippets: sampleSnippets("web")},
	"dashboard_application_created_public": DashboardApplicationCreated{ApplicationPage: longPhone(TabOverview), ClientID: "acme-phone", Public: true, Issuer: "https://id.acme.example"},
	"dashboard_overview": DashboardOverview{ApplicationPage: acmeWeb(TabOverview), ClientID: "acme-web", Endpoints: endpoints, Snippets: sampleSnippets("web"),
		Created: now.AddDate(-1, 0, 0), Changed: now.Add(-3 * time.Hour), Notes: ApplicationNotes{DisplayName: "Acme Web", Description: "The customers' portal.\nAsk team web before you change it.", Metadata: "team=web\ntier=1"}},
	"dashboard_overview_notes": DashboardOverview{ApplicationPage: withErrors(machine(TabOverview), FieldError{"name", TextNoName}, FieldError{"metadata", TextNoPair("team web")}), ClientID: "import", Created: now, Changed: now,
		Notes: ApplicationNotes{Metadata: "team web"}},
	"dashboard_overview_findings": DashboardOverview{ApplicationPage: longPhone(TabOverview), ClientID: "acme-phone", Endpoints: endpoints, Created: now, Changed: now,
		Findings: []Finding{{"clear_redirect_uri", true, "http://donaudampfschifffahrtsgesellschaft.example/anmeldung/zurueck", ""}, {"secret_expires", true, "…aB3x", ""}, {"long_jwts", false, "", TabSessions}, {"never_used", false, "", TabOverview}}},
	"dashboard_confirm_delete": DashboardConfirm{Dashboard: at(owner, SectionApplications), What: ConfirmDeleteApplication, Subject: "Acme Phone", Typed: true, Token: "1780000000000000",
		Effects: []Message{EffectSessions(873), EffectSecrets(1), EffectAPIKeys(2), EffectForGood}, Path: "/admin/env/production/applications/app_2/delete", Back: "/admin/env/production/applications/app_2",
		Errors: []FieldError{{"confirm-name", TextNotTheName("Acme Phone")}}},

	"dashboard_sessions": DashboardSessions{ApplicationPage: acmeWeb(TabSessions), Status: "living", AccessToken: DurationOf(5 * time.Minute), Inactivity: DurationOf(72 * time.Hour), Maximum: DurationOf(14 * 24 * time.Hour),
		IDToken: DurationOf(time.Hour), Code: DurationOf(time.Minute), Reuse: DurationOf(30 * time.Second), Activity: "refresh",
		Rows: []SessionRow{
			{Person: nina, ID: "ses_1", UserURI: "/admin/env/production/users/usr_1", Device: TextDevice("Firefox", "Windows"), Address: "198.51.100.7", Started: now.AddDate(0, 0, -2), LastActive: now.Add(-time.Minute), Until: now.AddDate(0, 0, 12)},
			{Person: longName, ID: "ses_2", Device: TextDevice("Chrome", "Android"), Phone: true, Address: "2001:db8:85a3::8a2e:370:7334", Started: now.Add(-4 * time.Hour), LastActive: now.Add(-3 * time.Hour), IdleTimeout: 72 * time.Hour},
			{Person: Person{Email: "omar@example.com"}, ID: "ses_3", Started: now, LastActive: now, IdleTimeout: 72 * time.Hour},
		}, Pager: Pager{Older: "/admin/env/production/applications/app_1/sessions?older=ses_3"}},
	"dashboard_sessions_effect": DashboardSessions{ApplicationPage: acmeWeb(TabSessions), Status: "living", AccessToken: DurationOf(5 * time.Minute), Inactivity: DurationOf(24 * time.Hour), Maximum: DurationOf(90 * time.Minute),
		IDToken: DurationOf(time.Hour), Code: DurationOf(time.Minute), Reuse: DurationOf(30 * time.Second), Activity: "refresh",
		Effect: &PolicyEffect{Living: 1204, Inactive: 31, TooOld: 6, Confirm: "300/86400/604800", ShowThem: "/admin/env/production/applications/app_1/sessions?status=ending"}},
	"dashboard_sessions_errors": DashboardSessions{ApplicationPage: withErrors(acmeWeb(TabSessions), FieldError{"inactivity-timeout", Literal("inactivity_timeout (1 minute) must be longer than access_token_lifetime (5 minutes).")}, FieldError{"max-session-length", TextNumber}, FieldError{"authorization-code-lifetime", Literal("authorization_code_lifetime is 11 minutes: it must be 10 seconds to 10 minutes.")}),
		Status: "living", AccessToken: DurationOf(5 * time.Minute), Inactivity: DurationOf(time.Minute), Maximum: Duration{"two", "days"},
		IDToken: DurationOf(time.Hour), Code: DurationOf(11 * time.Minute), Reuse: DurationOf(0), Activity: "use"},
	"dashboard_sessions_over": DashboardSessions{ApplicationPage: longPhone(TabSessions), Status: "over", Person: "nina@example.com", EndDenied: NeedsRole("support"), AccessToken: DurationOf(5 * time.Minute), Inactivity: DurationOf(60 * 24 * time.Hour), Maximum: DurationOf(365 * 24 * time.Hour),
		IDToken: DurationOf(time.Hour), Code: DurationOf(time.Minute), Reuse: DurationOf(30 * time.Second), Activity: "refresh",
		Rows: []SessionRow{
			{Person: nina, ID: "ses_1", Device: TextDevice("Pixel 9", ""), Phone: true, Started: now.AddDate(0, -2, 0), LastActive: now.AddDate(0, -1, 0), Ended: now.AddDate(0, 0, -1), Reason: "inactivity", After: 72 * time.Hour},
			{Person: nina, ID: "ses_2", Started: now.AddDate(0, -2, 0), LastActive: now.AddDate(0, -1, 0), Ended: now.AddDate(0, 0, -1), Reason: "signed_out"},
		}},
	"dashboard_sessions_machine": DashboardSessions{ApplicationPage: machine(TabSessions), Status: "living", AccessToken: DurationOf(time.Hour)},

	"dashboard_redirects": DashboardRedirects{ApplicationPage: acmeWeb(TabRedirects), Lists: []URIList{
		{Name: "redirect-uri", First: true, URIs: []string{"https://acme.example/callback", "https://donaudampfschifffahrtsgesellschaft.example/anmeldung/zurueck/von/der/anmeldung?mit=abfrage", "http://127.0.0.1/cb"}},
		{Name: "post-logout-redirect-uri", First: true, URIs: []string{"https://acme.example/"}}, {Name: "cors-origin"}},
		Tried: "http://acme.example/callback/", Verdict: &Verdict{Registered: "https://acme.example/callback", Differences: []Difference{
			{"scheme", "http:", "https:", "http and https are different places, even on the same host."}, {"path", "/callback/", "/callback", "Exactly one of them ends with a slash."}}},
		InitiateLoginURI: "https://acme.example/sign-in", HomepageURI: "https://acme.example/", BackchannelURI: "https://acme.example/logout", BackchannelSession: true,
		Deliveries: []LogoutDelivery{
			{Session: "ses_01k9", User: Reference{nina.Email, "/admin/env/production/users/usr_1"}, Ended: now.Add(-time.Minute), State: "pending", Attempts: 2, Error: "the application answered 503 Service Unavailable", Next: 2 * time.Minute},
			{Session: "ses_01k8", User: Reference{Text: longName.Email}, Ended: now, State: "pending"},
			{Session: "ses_01k7", User: Reference{nina.Email, "/admin/env/production/users/usr_1"}, Ended: now.Add(-2 * time.Hour), State: "delivered", Settled: now.Add(-2 * time.Hour), Attempts: 1},
			{Session: "ses_01k6", User: Reference{Text: "usr_2"}, Ended: now.AddDate(0, 0, -3), State: "failed", Settled: now.AddDate(0, 0, -2), Attempts: 9, Error: "no answer within 5s"}}},
	"dashboard_redirects_errors": DashboardRedirects{ApplicationPage: withErrors(acmeWeb(TabRedirects), FieldError{"redirect-uri", Literal("\"http://app.example/cb\" must begin with https.")}), Lists: []URIList{
		{Name: "redirect-uri", First: true, URIs: []string{"https://acme.example/callback"}, Typed: "http://app.example/cb"}, {Name: "post-logout-redirect-uri"}, {Name: "cors-origin"}},
		Tried: "https://acme.example/callback", Verdict: &Verdict{Matches: true, Registered: "https://acme.example/callback", Rule: "exact"}},
	"dashboard_redirects_denied": DashboardRedirects{ApplicationPage: longPhone(TabRedirects), Lists: []URIList{
		{Name: "redirect-uri", First: true, URIs: []string{"com.example.app:/cb"}}, {Name: "post-logout-redirect-uri"}, {Name: "cors-origin"}}, Tried: "com.example.app:/cb", Verdict: &Verdict{}, BackchannelURI: "https://app.example/logout"},

	"dashboard_credentials": DashboardCredentials{ApplicationPage: acmeWeb(TabCredentials), Proof: ClientProof{Method: "client_secret_jwt", NeedsSecret: true}, Tomorrow: "2026-12-05",
		Secrets: []Credential{
			{ID: "sec_1", Name: "Server", Hint: "aB3x", Created: now.AddDate(0, -5, 0), Used: now.Add(-time.Minute), UsedFrom: "198.51.100.7"},
			{ID: "sec_2", Hint: "9kQz", Created: now.AddDate(-1, 0, 0), Expires: now.AddDate(0, 1, 0)},
			{ID: "sec_3", Name: longName.Name, Hint: "77Lm", Created: now.AddDate(-1, 0, 0), Expires: now.AddDate(0, 0, -3), Over: true}},
		Keys:   []Credential{{ID: "key_1", Name: "Terraform", Hint: "Zz9a", Scopes: []string{"applications:write", "users:read"}, Created: now.AddDate(0, -1, 0), Expires: now.AddDate(0, 11, 0), Used: now.Add(-2 * time.Hour), UsedFrom: "2001:db8:85a3::8a2e:370:7334"}},
		Scopes: []ScopeChoice{{"applications:read", true}, {"applications:write", false}, {"users:read", false}, {"*", false}}},
	"dashboard_credentials_errors": DashboardCredentials{ApplicationPage: withErrors(acmeWeb(TabCredentials), FieldError{"secret-expires", TextDate}, FieldError{"scopes", TextNoScope}), SecretExpires: "2001-01-01",
		Proof:  ClientProof{Method: "private_key_jwt", JWKSURI: "https://app.example/jwks.json", JWKS: `{"keys": []}`},
		Scopes: []ScopeChoice{{"applications:read", false}}},
	"dashboard_credentials_public": DashboardCredentials{ApplicationPage: longPhone(TabCredentials), Proof: ClientProof{Method: "none"}, Public: true},
	"dashboard_credential": DashboardCredential{ApplicationPage: acmeWeb(TabCredentials), Kind: "secret", Date: "2027-01-04", Tomorrow: "2026-12-05",
		Credential: Credential{ID: "sec_2", Hint: "9kQz", Created: now.AddDate(-1, 0, 0), Expires: now.AddDate(0, 1, 0), Used: now.Add(-time.Hour), UsedFrom: "198.51.100.7"}},
	"dashboard_credential_over": DashboardCredential{ApplicationPage: longPhone(TabCredentials), Kind: "key",
		Credential: Credential{ID: "key_2", Name: "Terraform", Hint: "9kQz", Scopes: []string{"*"}, Created: now.AddDate(-1, 0, 0), Expires: now.AddDate(0, -1, 0), Over: true}},
	"dashboard_secret":       DashboardSecret{ApplicationPage: acmeWeb(TabCredentials), Kind: "key", Secret: "sk_production_4rT9wqk2mXv8bNc7dFg5hJp3sLz6yQa1eRt0uWi2oPl"},
	"dashboard_secret_shown": DashboardSecret{ApplicationPage: acmeWeb(TabCredentials), Kind: "secret"},

	"dashboard_access": DashboardAccess{ApplicationPage: acmeWeb(TabAccess), Consent: "first_party", Allowed: "everyone",
		Tokens: TokenSettings{Scopes: "openid\nprofile\noffline_access", Audiences: "https://api.acme.example", Format: "opaque", Algorithm: "RS256"},
		Grants: GrantSettings{GrantTypes: []Tick{{"authorization_code", true}, {"refresh_token", true}, {"urn:ietf:params:oauth:grant-type:device_code", false}}, ResponseTypes: []Tick{{"code", true}, {"code id_token", false}}, PKCE: "required"}},
	"dashboard_access_api": DashboardAccess{ApplicationPage: invoices(TabAccess), Consent: "first_party", Allowed: "everyone", Tokens: TokenSettings{Identifiers: "https://api.acme.example", Unaddressed: true},
		Grants: GrantSettings{GrantTypes: []Tick{{"client_credentials", false}}, ResponseTypes: []Tick{{"code", false}}, PKCE: "required"}},
	"dashboard_access_grants": DashboardAccess{ApplicationPage: withErrors(machine(TabAccess), FieldError{"grant-types", Literal("The grant type authorization_code needs a response type: add one to response_types.")}, FieldError{"pkce", Literal("Pkce must be one of required, optional.")}),
		Tokens: TokenSettings{Format: "opaque", Algorithm: "RS256"}, Grants: GrantSettings{GrantTypes: []Tick{{"authorization_code", true}, {"client_credentials", true}}, ResponseTypes: []Tick{{"code", false}}}},
	"dashboard_access_errors": DashboardAccess{ApplicationPage: withErrors(acmeWeb(TabAccess), FieldError{"users", TextNoUser("nobody@example.com")}), Consent: "third_party", Allowed: "some",
		Users: "nina@example.com\nnobody@example.com", Organizations: "org_01h2xcejqtf2nbrexx3vqjhp41", Roles: "billing"},
	"dashboard_access_denied": DashboardAccess{ApplicationPage: longPhone(TabAccess), Consent: "first_party", Allowed: "some", Users: longName.Email},

	"dashboard_branding": DashboardBranding{ApplicationPage: acmeWeb(TabBranding), DisplayName: "Acme Web", Accent: "#ffd400", Corrected: accentOf("#ffd400"), PolicyURI: "https://acme.example/privacy",
		LightPreview: "/admin/env/production/applications/app_1/branding/preview?theme=light", DarkPreview: "/admin/env/production/applications/app_1/branding/preview?theme=dark", Restorable: true},
	"dashboard_branding_errors": DashboardBranding{ApplicationPage: withErrors(acmeWeb(TabBranding), FieldError{"accent", TextColour}), DisplayName: "Acme Web", Accent: "yellow", Draft: true,
		LightPreview: "/admin/env/production/applications/app_1/branding/preview?theme=light", DarkPreview: "/admin/env/production/applications/app_1/branding/preview?theme=dark"},
	"dashboard_branding_denied": DashboardBranding{ApplicationPage: longPhone(TabBranding), DisplayName: longName.Name,
		LightPreview: "/admin/env/staging/applications/app_5/branding/preview?theme=light", DarkPreview: "/admin/env/staging/applications/app_5/branding/preview?theme=dark"},

	"dashboard_keys": DashboardKeys{Dashboard: at(owner, SectionKeys), JWKS: "https://id.acme.example/.well-known/jwks.json",
		Algorithms: []KeyAlgorithm{{Name: "RS256", Active: true, Next: true, Signs: now.Add(20 * time.Hour), Applications: 1204}, {Name: "PS256"}, {Name: "ES256", Active: true, Applications: 1}, {Name: "EdDSA", Next: true, Signs: now.Add(time.Hour)}},
		Rows: []KeyRow{
			{ID: "5yNn2Vq0ZBw3PZ1m3bN4c1dR8sTqLhXkUoEjGfYaWiI", Algorithm: "RS256", State: "next", Created: now.Add(-4 * time.Hour), Since: now.Add(-4 * time.Hour), Until: now.Add(20 * time.Hour)},
			{ID: "Qm9iQ2hhcmxpZURhdmVFdmVGcmFua0dyYWNlSGVpZGk", Algorithm: "RS256", State: "active", Created: now.AddDate(0, -3, 0), Since: now.AddDate(0, -3, 1), Until: now.AddDate(0, 0, 1)},
			{ID: "_-VwXyZ0123456789abcdefghijklmnopqrstuvwxyz", Algorithm: "ES256", State: "published", Created: now.AddDate(0, -3, 0), Since: now.Add(-time.Hour), Until: now.AddDate(0, 0, 1)},
			{ID: "AAAAwXyZ0123456789abcdefghijklmnopqrstuvwxy", Algorithm: "RS256", State: "retired", Created: now.AddDate(-1, 0, 0), Since: now.AddDate(0, -3, 0)}}},
	"dashboard_keys_denied": DashboardKeys{Dashboard: at(viewer, SectionKeys), JWKS: "https://id.acme.example/env/staging/.well-known/jwks.json", Denied: NeedsRole("admin"),
		Algorithms: []KeyAlgorithm{{Name: "RS256", Active: true, Applications: 3}, {Name: "PS256"}},
		Rows:       []KeyRow{{ID: "Qm9iQ2hhcmxpZURhdmVFdmVGcmFua0dyYWNlSGVpZGk", Algorithm: "RS256", State: "active", Created: now.AddDate(0, -3, 0), Since: now.AddDate(0, -3, 0), Until: now.AddDate(0, 0, 1)}}},
	"dashboard_key_rotate":        DashboardKeyRotate{Dashboard: at(owner, SectionKeys), Algorithm: "RS256", When: "soon"},
	"dashboard_key_rotate_errors": DashboardKeyRotate{Dashboard: at(owner, SectionKeys), Algorithm: "ES256", Errors: []FieldError{{"when", TextWhen}}},
	"dashboard_confirm_retire_key": DashboardConfirm{Dashboard: at(owner, SectionKeys), What: ConfirmRetireKey, Subject: "RS256 Qm9iQ2hhcmxpZURhdmVFdmVGcmFua0dyYWNlSGVpZGk",
		Effects: []Message{EffectSigned, EffectSigners("RS256", 3), EffectKeptTokens, EffectForGood}, Path: "/admin/env/production/keys/Qm9i/retire", Back: "/admin/env/production/keys"},

	"dashboard_environments": DashboardEnvironments{Dashboard: at(installation(owner), SectionEnvironments), Rows: []EnvironmentRow{
		{Tenant: production, Issuer: "https://id.acme.example", Applications: 4, Users: 12873, Default: NamedApplication{"app_1", "Acme Web"}},
		{Tenant: Tenant{Slug: "operators", Name: "Operators", Production: true}, Issuer: "https://id.acme.example/env/operators", Operators: true, Applications: 1, Users: 3, Default: NamedApplication{"app_8", "Portico dashboard"}},
		{Tenant: Tenant{Slug: "donaudampfschifffahrtsgesellschaft", Name: longName.Name}, Issuer: "https://id.acme.example/env/donaudampfschifffahrtsgesellschaft", Managed: true, Applications: 1, Default: NamedApplication{"app_9", longName.Name}}}},
	"dashboard_environments_denied": DashboardEnvironments{Dashboard: at(installation(viewer), SectionEnvironments), Denied: NeedsRole("admin"), Rows: []EnvironmentRow{
		{Tenant: development, Issuer: "https://id.acme.example/env/staging", Applications: 1, Default: NamedApplication{"app_9", "Acme staging"}}}},
	"dashboard_environment_new": DashboardEnvironmentNew{Dashboard: at(installation(owner), SectionEnvironments), Kind: "production"},
	"dashboard_environment_new_errors": DashboardEnvironmentNew{Dashboard: at(installation(owner), SectionEnvironments), Slug: "A b", Kind: "test",
		Errors: []FieldError{{"name", TextNoName}, {"slug", TextNoSlug}, {"environment-kind", Literal("Choose one of the kinds.")}}},
	"dashboard_environment_created": DashboardEnvironmentCreated{Dashboard: at(owner, SectionEnvironments), Of: EnvironmentRow{Tenant: production, Issuer: "https://id.acme.example", Default: NamedApplication{"app_1", "Acme"}}},
	"dashboard_environment": DashboardEnvironment{Dashboard: at(owner, SectionEnvironments), Of: EnvironmentRow{Tenant: production, Issuer: "https://id.acme.example", Applications: 4, Users: 12873, Managed: true}, ID: "env_01h2xcejqtf2nbrexx3vqjhp41",
		Created: now.AddDate(-1, 0, 0), Token: "5f2b", DisplayName: "Acme", Kind: "production", Default: "app_1", Applications: []NamedApplication{{"app_1", "Acme Web"}, {"app_2", "Acme Phone"}}, Changed: ChangeNote{"olga@example.com", now.AddDate(0, 0, -3)}},
	"dashboard_environment_unready": DashboardEnvironment{Dashboard: at(Dashboard{Chrome: owner.Chrome, Operator: owner.Operator, Role: "owner", Tenant: development, Tenants: owner.Tenants, Menu: owner.Menu, Installed: owner.Installed, SignOut: owner.SignOut}, SectionEnvironments),
		Of: EnvironmentRow{Tenant: development, Issuer: "https://id.acme.example/env/staging", Applications: 2}, ID: "env_1", Token: "5f2b", DisplayName: "Acme staging", Kind: "production", Default: "app_9", Applications: []NamedApplication{{"app_9", "Acme staging"}},
		Unready: []UnreadyApplication{{NamedApplication{"app_9", "Acme staging"}, []string{"\"http://staging.acme.example/cb\" uses http, which production takes only for http://127.0.0.1 and http://[::1]: use https."}}, {NamedApplication{"app_5", longName.Name}, []string{"One.", "Two."}}},
		Errors:  []FieldError{{"environment-kind", TextUnready(2)}}},
	"dashboard_environment_denied": DashboardEnvironment{Dashboard: at(viewer, SectionEnvironments), Of: EnvironmentRow{Tenant: development, Issuer: "https://id.acme.example/env/staging", Applications: 1}, ID: "env_1", Created: now, Token: "5f2b",
		DisplayName: "Acme staging", Kind: "development", Default: "app_9", Applications: []NamedApplication{{"app_9", "Acme staging"}}, Denied: NeedsRole("admin")},
	"dashboard_settings": DashboardSettings{SettingsPage: settingsOf(owner, SettingsGeneral), SignUp: true, SignUpChanged: ChangeNote{"olga@example.com", now.Add(-time.Hour)},
		MaxLength: DurationOf(30 * 24 * time.Hour), Inactivity: DurationOf(14 * 24 * time.Hour), Unremembered: DurationOf(12 * time.Hour), Mailbox: "/dev/mailbox"},
	"dashboard_settings_errors": DashboardSettings{SettingsPage: wrongSettings(settingsOf(owner, SettingsGeneral), FieldError{"sign-up", TextChangedMeanwhile}, FieldError{"max-length", TextNumber}, FieldError{"inactivity-timeout", Literal("inactivity_timeout must be 300 to 315360000 seconds.")}),
		MaxLength: Duration{"two", "days"}, Inactivity: DurationOf(time.Minute), Unremembered: DurationOf(12 * time.Hour), MailProblem: "send mail through smtp.example:587: dial tcp 192.0.2.1:587: connect: connection refused"},
	"dashboard_settings_denied": DashboardSettings{SettingsPage: deniedSettings(settingsOf(viewer, SettingsGeneral)), MaxLength: DurationOf(30 * 24 * time.Hour), Inactivity: DurationOf(14 * 24 * time.Hour), Unremembered: DurationOf(12 * time.Hour)},
	"dashboard_brand": DashboardBrand{SettingsPage: settingsOf(owner, SettingsBrand), LogoURI: "https://cdn.acme.example/logo.svg", DarkLogoURI: "https://cdn.acme.example/dark.svg", Accent: "#ffd400", Corrected: accentOf("#ffd400"), PolicyURI: "https://acme.example/privacy",
		LightPreview: "/admin/env/production/settings/brand/preview?theme=light", DarkPreview: "/admin/env/production/settings/brand/preview?theme=dark", Restorable: true, Changed: ChangeNote{"olga@example.com", now.AddDate(0, -2, 0)}},
	"dashboard_brand_errors": DashboardBrand{SettingsPage: wrongSettings(settingsOf(owner, SettingsBrand), FieldError{"accent", TextColour}), Accent: "yellow", Draft: true,
		LightPreview: "/admin/env/production/settings/brand/preview?theme=light", DarkPreview: "/admin/env/production/settings/brand/preview?theme=dark"},
	"dashboard_brand_denied": DashboardBrand{SettingsPage: deniedSettings(settingsOf(viewer, SettingsBrand)),
		LightPreview: "/admin/env/staging/settings/brand/preview?theme=light", DarkPreview: "/admin/env/staging/settings/brand/preview?theme=dark"},

	"dashboard_operators": DashboardOperators{Dashboard: at(installation(owner), SectionOperators), Rows: []OperatorRow{
		{Person: owner.Operator, ID: "usr_1", Role: "owner", Self: true, Since: now.AddDate(-1, 0, 0)},
		{Person: Person{"Sam Adeyemi", "sam@example.com"}, ID: "usr_2", Role: "support", Invited: true, Since: now.AddDate(0, 0, -2)},
		{Person: longName, ID: "usr_3", Role: "viewer", Since: now.AddDate(0, -3, 0)}}},
	"dashboard_operators_denied": DashboardOperators{Dashboard: at(installation(viewer), SectionOperators), Denied: NeedsRole("owner"), Rows: []OperatorRow{
		{Person: Person{Email: "olga@example.com"}, ID: "usr_1", Role: "owner", Since: now.AddDate(-1, 0, 0)}}},
	"dashboard_operator_new": DashboardOperatorNew{Dashboard: at(installation(owner), SectionOperators), NewRole: "viewer"},
	"dashboard_operator_new_errors": DashboardOperatorNew{Dashboard: at(installation(owner), SectionOperators), Username: "sam",
		Errors: []FieldError{{"name", TextNameMissing}, {"username", TextEmailMissing}, {"role", Literal("Choose one of the roles.")}}},
	"dashboard_operator": DashboardOperator{Dashboard: at(installation(owner), SectionOperators),
		Of: OperatorRow{Person: Person{"Sam Adeyemi", "sam@example.com"}, ID: "usr_2", Role: "support", Invited: true, Since: now.AddDate(0, 0, -2)}},
	"dashboard_operator_denied": DashboardOperator{Dashboard: at(installation(viewer), SectionOperators), Denied: NeedsRole("owner"),
		Of: OperatorRow{Person: longName, ID: "usr_3", Role: "admin", Since: now.AddDate(0, 0, -2)}},
	"dashboard_operator_link": DashboardOperatorLink{Dashboard: at(installation(owner), SectionOperators), Days: 7,
		Of: OperatorRow{Person: Person{"Sam Adeyemi", "sam@example.com"}, ID: "usr_2"}, Link: "https://id.acme.example/setup?token=st_4rT9wqk2mXv8bNc7dFg5hJp3sLz6yQa1eRt0uWi"},
	"dashboard_operator_link_shown": DashboardOperatorLink{Dashboard: at(installation(owner), SectionOperators), Days: 7,
		Of: OperatorRow{Person: Person{Email: "sam@example.com"}, ID: "usr_2"}},
	"dashboard_confirm_operator": DashboardConfirm{Dashboard: at(installation(owner), SectionOperators), What: ConfirmRemoveOperator,
		Subject: "sam@example.com", Path: "/admin/operators/usr_2/remove", Back: "/admin/operators/usr_2"},
	"setup_password": SetupPassword{Chrome: portico, Token: "st_4rT9wq", Account: Person{"Sam Adeyemi", "sam@example.com"}, MinLength: 15},

	"dashboard_applications": DashboardApplications{Dashboard: at(owner, SectionApplications), Rows: []ApplicationRow{
		{ID: "app_1", Name: "Acme Web", Kind: "web", ClientID: "acme-web", Default: true, HasUsers: true, Living: 1204, LastSignIn: now.Add(-time.Minute)},
		{ID: "app_2", Name: "Acme Phone", Kind: "native", ClientID: "acme-phone", HasUsers: true, Living: 873, LastSignIn: now.Add(-4 * time.Minute), Hints: 2},
		{ID: "app_3", Name: "Admin tool", Kind: "web", ClientID: "tools", HasUsers: true, Living: 6, LastSignIn: now.AddDate(0, 0, -3), Warnings: 1, Hints: 1},
		{ID: "app_4", Name: "Nightly import", Kind: "machine", ClientID: "import", LastSignIn: now.Add(-12 * time.Hour)},
		{ID: "app_5", Name: longName.Name, Kind: "spa", ClientID: "wolfeschlegelsteinhausenbergerdorffenson-a2bcdefghjkmn", HasUsers: true, Disabled: true, Warnings: 2},
	}, Pager: Pager{Older: "/admin/env/production/applications?older=app_5"}},
	"dashboard_applications_found": DashboardApplications{Dashboard: at(viewer, SectionApplications), Query: "phone", Kind: "native", Denied: NeedsRole("admin"),
		Rows: []ApplicationRow{{ID: "app_2", Name: "Acme Phone", Kind: "native", ClientID: "acme-phone", HasUsers: true, Living: 1204873, LastSignIn: now, Hints: 1}}},
	"dashboard_applications_none": DashboardApplications{Dashboard: at(owner, SectionApplications), Query: "desktop"},
}

func TestDashboardPages(t *testing.T) {
	for name, page := range dashboardSamples {
		t.Run(name, func(t *testing.T) {
			golden(t, name+".html", hash.ReplaceAllString(render(t, page).Body.String(), "$1.HASH."))
		})
	}
}

func TestDashboardStructure(t *testing.T) {
	for name, page := range dashboardSamples {
		t.Run(name, func(t *testing.T) { checkStructure(t, page) })
	}
}

func TestNumber(t *testing.T) {
	for _, test := range []struct {
		n               int
		english, german string
	}{
		{0, "0", "0"}, {999, "999", "999"}, {1000, "1,000", "1.000"}, {1204873, "1,204,873", "1.204.873"}, {-1204, "-1,204", "-1.204"}, {-999, "-999", "-999"},
	} {
		for language, want := range map[string]string{"en": test.english, "de": test.german} {
			if got, err := tongueOf(language).number(test.n); err != nil || got != want {
				t.Errorf("number(%d) in %s = %q, %v, want %q", test.n, language, fmt.Sprint(got), err, want)
			}
		}
	}
}

func TestDurationField(t *testing.T) {
	for _, test := range []struct {
		typed Duration
		want  time.Duration
		ok    bool
	}{
		{Duration{"5", "minutes"}, 5 * time.Minute, true},
		{Duration{" 3 ", "days"}, 72 * time.Hour, true},
		{Duration{"0", "seconds"}, 0, true},
		{Duration{"", "days"}, 0, false},
		{Duration{"-1", "days"}, 0, false},
		{Duration{"1.5", "hours"}, 0, false},
		{Duration{"1", "years"}, 0, false},
		{Duration{"99999999999999", "days"}, 0, false},
	} {
		if got, ok := test.typed.Value(); got != test.want || ok != test.ok {
			t.Errorf("Value of %v = %s, %v", test.typed, got, ok)
		}
		if test.ok {
			if again, ok := DurationOf(test.want).Value(); again != test.want || !ok {
				t.Errorf("DurationOf(%s) is %s", test.want, again)
			}
		}
	}
}
