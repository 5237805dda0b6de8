package templates

import (
	"flag"
	"html/template"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	now = time.Date(2026, 12, 4, 14, 32, 5, 0, time.UTC)

	acme = Chrome{
		Environment: "Acme",
		Application: "Acme Web",
		ClientID:    "acme-web",
		HelpURI:     "https://acme.example/help",
		PolicyURI:   "https://acme.example/privacy",
		TOSURI:      "https://acme.example/terms",
		Interaction: "int_01h2xcejqtf2nbrexx3vqjhp41",
		Query:       "interaction=int_01h2xcejqtf2nbrexx3vqjhp41&client_id=acme-web",
		Now:         now,
	}
	account = Chrome{Environment: "Acme", HelpURI: acme.HelpURI, PolicyURI: acme.PolicyURI, TOSURI: acme.TOSURI, Now: now}
	portico = Chrome{Now: now}

	nina = Person{Name: "Nina Okafor", Email: "nina@example.com"}
	// Longer than any card and without a place to break.
	longName = Person{Name: "Wolfeschlegelsteinhausenbergerdorffenson", Email: "wolfeschlegelsteinhausenbergerdorffenson@donaudampfschifffahrtsgesellschaft.example"}
)

// with changes a copy of the chrome.
func with(c Chrome, change func(*Chrome)) Chrome {
	change(&c)
	return c
}

// long is an application whose name has a word of 40 characters, in an environment with a path of its own.
func long(c *Chrome) {
	c.Application = "Donaudampfschifffahrtselektrizitätenhaupt Betriebswerk"
	c.Prefix = "/env/staging"
}

func german(c *Chrome) { c.Language = "de" }

// samples are the pages in their main states, by the name of their golden file.
var samples = map[string]Page{
	"sign_in":                    SignIn{Chrome: acme, SignUpOpen: true},
	"sign_in_error":              SignIn{Chrome: acme, Username: "nina@example", SignUpOpen: true, Errors: []FieldError{{"username", TextEmailMissing}}},
	"sign_in_ended":              SignIn{Chrome: with(acme, func(c *Chrome) { c.Notice = TextSessionEnded("Acme Web", "inactivity", 72*time.Hour) }), Username: "nina@example.com"},
	"sign_in_german":             SignIn{Chrome: with(acme, german), SignUpOpen: true},
	"sign_in_long":               SignIn{Chrome: with(acme, long), Username: longName.Email, SignUpOpen: true},
	"sign_in_alone":              SignIn{Chrome: account},
	"sign_in_logo":               SignIn{Chrome: with(acme, func(c *Chrome) { c.LogoURI = "https://cdn.acme.example/logo.svg" })},
	"password":                   SignInPassword{Chrome: acme, Username: nina.Email, RememberOffered: true, Remember: true},
	"password_error":             SignInPassword{Chrome: acme, Username: nina.Email, RememberOffered: true, Errors: []FieldError{{"password", TextWrongPassword}}},
	"password_wait":              SignInPassword{Chrome: acme, Username: nina.Email, Errors: []FieldError{{"password", TextTooManyTries(110 * time.Second)}}},
	"password_long":              SignInPassword{Chrome: with(acme, long), Username: longName.Email, RememberOffered: true},
	"choose_account":             ChooseAccount{Chrome: acme, Accounts: accounts},
	"choose_remove":              ChooseAccount{Chrome: acme, Accounts: accounts, Removing: true},
	"choose_organization":        ChooseOrganization{Chrome: acme, Account: nina, Organizations: organizations},
	"choose_organization_german": ChooseOrganization{Chrome: with(acme, german), Account: nina, Organizations: organizations},
	"choose_organization_error":  ChooseOrganization{Chrome: acme, Account: nina, Organizations: organizations, Errors: []FieldError{{"organization_id", TextOrganizationMissing}}},
	"choose_organization_search": ChooseOrganization{Chrome: with(acme, long), Account: longName, Searchable: true, Search: "river", Organizations: organizations[2:]},
	"choose_organization_none":   ChooseOrganization{Chrome: with(acme, func(c *Chrome) { c.Query += "&ui_locales=de"; c.Language = "de" }), Account: nina, Searchable: true, Search: "<b>"},
	"no_access":                  NoAccess{Chrome: acme, Account: nina},
	"no_access_german":           NoAccess{Chrome: with(with(acme, long), german), Account: longName},
	"sign_up":                    SignUp{Chrome: acme, MinLength: 15},
	"sign_up_errors":             SignUp{Chrome: acme, DisplayName: "Nina", MinLength: 15, Username: "nina", Errors: []FieldError{{"username", TextEmailMissing}, {"password", TextPasswordTooShort(15)}}},
	"verify_email":               VerifyEmail{Chrome: acme, Username: nina.Email, ResendSeconds: 30},
	"verify_filled":              VerifyEmail{Chrome: with(acme, func(c *Chrome) { c.Notice = TextCodeSent }), Username: nina.Email, Code: "482 913", Mailbox: "/dev/mailbox"},
	"verify_error":               VerifyEmail{Chrome: acme, Username: nina.Email, Code: "482 000", Errors: []FieldError{{"code", TextWrongCode}}},
	"reset":                      PasswordReset{Chrome: acme, Username: nina.Email},
	"reset_sent":                 PasswordReset{Chrome: acme, Username: nina.Email, Sent: true},
	"reset_new":                  PasswordResetNew{Chrome: acme, Username: nina.Email, Code: "482913", MinLength: 15},
	"reset_new_error":            PasswordResetNew{Chrome: acme, Username: nina.Email, Code: "482913", MinLength: 15, Errors: []FieldError{{"password", TextPasswordStolen}}},
	"finished_reset":             Finished{Chrome: acme, What: PasswordIsChanged, Continue: Button{TextContinueTo("Acme Web"), "https://acme.example/start"}},
	"finished_email":             Finished{Chrome: account, What: EmailIsVerified},
	"finished_signed":            Finished{Chrome: acme, What: IsSignedIn},
	"consent": Consent{Chrome: with(acme, func(c *Chrome) { c.Application, c.ClientID = "Notes", "notes" }), Account: nina, RedirectHost: "notes.example",
		Scopes: []Scope{{Name: "profile"}, {Name: "email"}, {Name: "offline_access"}}, ClientPolicyURI: "https://notes.example/privacy", ClientTOSURI: "https://notes.example/terms"},
	"consent_long": Consent{Chrome: with(acme, long), Account: longName, RedirectHost: "com.example.donaudampfschifffahrtsgesellschaft.app", Unverified: true,
		Scopes: []Scope{{Name: "openid"}, {Name: "phone"}, {Name: "address"}, {Name: "invoices", Description: "read and write your invoices"}, {Name: "urn:example:inventory:warehouse:donaudampfschifffahrt:read"}}},
	"sign_out":         SignOut{Chrome: acme, Account: nina, Hidden: []FormField{{"state", "af0ifjsldkj"}}},
	"sign_out_one":     SignOut{Chrome: with(acme, func(c *Chrome) { c.OneApplication = true }), Scope: "everywhere"},
	"signed_out":       SignedOut{Chrome: acme, Scope: "application", Continue: Button{TextContinueTo("Acme Web"), "com.example.acme:/signed-out"}},
	"signed_out_list":  SignedOut{Chrome: account, Scope: "everywhere", Applications: []SignedOutApplication{{Name: "Acme Web"}, {Name: "Acme Phone"}, {Name: "Notes", Failed: true}}},
	"signed_out_frame": SignedOut{Chrome: account, Scope: "browser", Frontchannel: []string{"https://app.acme.example/logout?iss=https%3A%2F%2Fid.acme.example&sid=ses_1", "https://notes.example/bye"}},
	"error_mistake": ErrorPage{Chrome: acme, Text: TextApplicationMistake("Acme Web"), Reference: "7f3c-91ab",
		Details: []ErrorDetail{{"redirect_uri", "https://evil.example/callback?next=<script>alert(1)</script>", "is not registered for this application", "RFC 6749 §3.1.2.4, RFC 9700 §4.1.3"}}},
	"error_expired": ErrorPage{Chrome: acme, Text: TextExpired, Button: Button{TextContinueTo("Acme Web"), "https://acme.example/"}},
	"error_ours":    ErrorPage{Chrome: account, Text: TextOurFault, Button: Button{TextTryAgain, "/account"}, Reference: "7f3c-91ab"},
	"not_found":     NotFound(account),
	"api_reference": APIReference{
		Chrome: account, BaseURL: "https://id.acme.example/api/v1", DocumentURL: "/api/v1/openapi.json", About: "JSON over HTTP.", Scopes: []string{"users:read", "*"},
		Groups: []APIGroup{{ID: "group-users", Name: "Users", Text: "The people.", Operations: []APIOperation{
			{ID: "list-users", Name: "List users", Method: "GET", Path: "/users", Scope: "users:read", Status: "200", Answer: []APIType{{Text: "UserList", Object: "object-UserList"}},
				Parameters: []APIField{{Name: "status", Where: "query", Type: APIType{Text: "text", Values: []string{"active", "disabled"}}, Text: "Only users who are so."}}},
			{ID: "update-user", Name: "Change a user", Text: "A merge patch.", Method: "PATCH", Path: "/users/{user_id}", Scope: "users:write", Status: "200",
				Body: APIType{Text: "UserList", Object: "object-UserList"}, Bodyless: true, Parameters: []APIField{{Name: "user_id", Where: "path", Required: true, Type: APIType{Text: "text"}}}},
		}}},
		Objects:  []APIObject{{ID: "object-UserList", Name: "UserList", Patch: APIType{Text: "UserList", Object: "object-UserList"}, Fields: []APIField{{Name: "data", Type: APIType{Text: "list of text"}, Required: true}}}},
		Problems: []APIProblem{{"urn:portico:problem:invalid", 400, "The request breaks a rule"}},
	},
	"form_post": FormPost{Chrome: with(acme, func(c *Chrome) { c.Interaction = "" }), Action: template.URL("com.example.acme:/callback"),
		Fields: []FormField{{"code", "pc_Zk3"}, {"state", `af0"><b>`}, {"iss", "https://id.acme.example"}}},

	"account_profile":        AccountProfile{Chrome: account, Account: nina, EmailVerified: true, DisplayName: "Nina Okafor", GivenName: "Nina", FamilyName: "Okafor", Birthday: "1990-04-12"},
	"account_profile_errors": AccountProfile{Chrome: account, Account: longName, DisplayName: longName.Name, Phone: "12", Birthday: "2190-04-12", Errors: []FieldError{{"tel", TextPhone}, {"bday", TextBirthday}}},
	"account_profile_saved":  AccountProfile{Chrome: with(account, func(c *Chrome) { c.Notice = TextSaved; c.OneApplication = true }), Account: nina, EmailVerified: true, DisplayName: "Nina Okafor"},
	"account_sign_in":        AccountSignIn{Chrome: account, Account: nina, PasswordChangedAt: now.Add(-26 * time.Hour), MinLength: 15},
	"account_sign_in_error": AccountSignIn{Chrome: account, Account: nina, PasswordChangedAt: now.AddDate(-1, 0, 0), MinLength: 15, KeepOthers: true,
		Errors: []FieldError{{"current-password", TextWrongCurrentPassword}, {"password", TextPasswordGuessable}}},
	"account_sign_in_none": AccountSignIn{Chrome: account, Account: nina, MinLength: 15},
	"account_sessions": AccountSessions{Chrome: account, Account: nina, Others: true, Older: "/account/sessions?older=ses_4", Applications: []ApplicationSessions{
		{"acme-web", "Acme Web", []Session{
			{ID: "ses_1", Device: TextDevice("Firefox", "Windows"), Place: "Berlin", LastActive: now.Add(-time.Minute), Current: true, Until: now.AddDate(0, 0, 3)},
			{ID: "ses_2", Device: TextDevice("Chrome", "Android"), Phone: true, Place: "Berlin", LastActive: now.Add(-2 * time.Hour), Until: now.AddDate(0, 0, 1)},
		}},
		{"acme-phone", "Acme Phone", []Session{{ID: "ses_3", Device: TextDevice("Pixel 9", ""), Phone: true, Place: "Berlin", LastActive: now.Add(-24 * time.Hour), IdleTimeout: 60 * 24 * time.Hour}}},
		{"donau", "Donaudampfschifffahrtselektrizitätenhaupt Betriebswerk", []Session{{ID: "ses_4", LastActive: now.AddDate(-1, 0, 0), Until: now.AddDate(0, 6, 0), IdleTimeout: 90 * time.Minute}}},
	}, Ended: []EndedSession{{"Acme Tools", now.Add(-26 * time.Hour), "inactivity", 72 * time.Hour}, {"Acme Web", now.AddDate(0, 0, -9), "signed_out", 0}}},
	"account_sessions_one": AccountSessions{Chrome: with(account, func(c *Chrome) { c.OneApplication = true }), Account: nina, Applications: []ApplicationSessions{
		{"acme", "Acme", []Session{{ID: "ses_1", Device: TextDevice("Firefox", "Windows"), LastActive: now, Current: true, Until: now.AddDate(0, 0, 3), IdleTimeout: 72 * time.Hour}}}},
		Ended: []EndedSession{{"Acme", now.Add(-26 * time.Hour), "password_reset", 0}}},
	"account_sessions_none": AccountSessions{Chrome: account, Account: nina},
	"account_applications": AccountApplications{Chrome: account, Account: nina, Consents: []GivenConsent{
		{ClientID: "notes", Name: "Notes", HomepageURI: "https://notes.example", Scopes: []Scope{{Name: "profile"}, {Name: "email"}}, Since: now.AddDate(0, -3, 0), LastUsed: now.Add(-3 * time.Hour)},
		{ClientID: "tasks", Name: "Tasks", Since: now.AddDate(-2, 0, 0)}}},
	"account_data":              AccountData{Chrome: account, Account: nina},
	"account_applications_none": AccountApplications{Chrome: account, Account: nina},

	"setup":        Setup{Chrome: portico, Token: "st_4rT9wq", MinLength: 15},
	"setup_errors": Setup{Chrome: portico, Token: "st_4rT9wq", MinLength: 15, Errors: []FieldError{{"name", TextNameMissing}, {"username", TextEmailMissing}, {"password", TextNewPasswordMissing}}},
	"mailbox": Mailbox{Chrome: portico, Messages: []MailboxEntry{
		{"msg_2", nina.Email, "Verify your email, Acme Web", "482913", now.Add(-20 * time.Second)},
		{"msg_1", longName.Email, "Your password was changed, Donaudampfschifffahrtselektrizitätenhaupt", "", now.Add(-49 * time.Hour)}}},
	"mailbox_none": Mailbox{Chrome: portico},
	"mailbox_message": MailboxMessage{Chrome: portico, From: "Acme <no-reply@acme.example>", Text: "Your code is 482913\n\nIt works for 10 minutes.\n",
		MailboxEntry: MailboxEntry{"msg_2", nina.Email, "Verify your email, Acme Web", "482913", now.Add(-20 * time.Second)}},
}

var accounts = []AccountChoice{{nina, "usr_1", true}, {Person{Email: "nina.okafor@work.example"}, "usr_2", false}, {longName, "usr_3", false}}

var organizations = []OrganizationChoice{
	{"org_1", "Acme GmbH", "admin, billing", true}, {"org_2", "Blue Harbor", "member", false}, {"org_3", "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk", "", false},
}

func render(t *testing.T, page Page) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	if err := Render(w, http.StatusOK, page); err != nil {
		t.Fatal(err)
	}
	return w
}

// hash is that of a file of package static, which no golden file of a page should depend on.
var hash = regexp.MustCompile(`(/static/[a-z-]+)\.[0-9a-f]{12}\.`)

func TestPages(t *testing.T) {
	for name, page := range samples {
		t.Run(name, func(t *testing.T) {
			golden(t, name+".html", hash.ReplaceAllString(render(t, page).Body.String(), "$1.HASH."))
		})
	}
}

// golden compares with a file of testdata, which -update rewrites.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
