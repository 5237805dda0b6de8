package provider

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ory/fosite"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
)

// TestDecide has a line for each rule of what an authorization request needs next.
func TestDecide(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	// account is somebody who signed in some time ago and was here a minute ago. Her browser session is brs_<name>.
	account := func(name string, age time.Duration, change ...func(*sessions.Account)) sessions.Account {
		a := sessions.Account{
			BrowserSession: sessions.BrowserSession{
				ID: sessions.BrowserID("brs_" + name), User: identity.ID("usr_" + name), Remember: true,
				Authentication: sessions.Authentication{AuthTime: now.Add(-age)}, LastActiveAt: now.Add(-time.Minute),
			},
			Email: name + "@example.com",
		}
		for _, c := range change {
			c(&a)
		}
		return a
	}
	disabled := func(a *sessions.Account) { a.Disabled = true }
	signedOutHere := func(a *sessions.Account) { a.BrowserSession.EndedAt = now.Add(-time.Minute) }
	signedOutOfApplication := func(a *sessions.Account) {
		a.Session = &sessions.Session{EndedAt: now.Add(-time.Minute), EndedReason: sessions.EndedSignedOut}
	}
	sessionEndedBy := func(reason sessions.EndedReason) func(*sessions.Account) {
		return func(a *sessions.Account) {
			a.Session = &sessions.Session{EndedAt: now.Add(-time.Minute), EndedReason: reason}
		}
	}
	signedInSince := func(a *sessions.Account) {
		signedOutOfApplication(a)
		a.Session.EndedAt = a.BrowserSession.AuthTime.Add(-time.Minute)
	}
	unremembered := func(a *sessions.Account) { a.BrowserSession.Remember = false }
	type accounts = []sessions.Account

	waiting := &sessions.Interaction{}
	chose := func(name string) *sessions.Interaction {
		return &sessions.Interaction{Account: sessions.BrowserID("brs_" + name)}
	}
	allowed := func(name string, scopes ...string) *sessions.Interaction {
		i := chose(name)
		i.Consented = scopes
		return i
	}
	since := func(name string, age time.Duration) *sessions.Interaction {
		i := chose(name)
		i.AuthenticatedAfter = now.Add(-age)
		return i
	}

	first, third := clients.ConsentFirstParty, clients.ConsentThirdParty
	for _, test := range []struct {
		name        string
		request     string // beside scope=openid
		accounts    accounts
		interaction *sessions.Interaction
		consent     clients.Consent
		consented   []string

		next  step
		who   string // "" for nobody yet
		error string
	}{
		// Who is it?
		{"nobody is known", "", nil, nil, first, nil, stepSignIn, "", ""},
		{"single sign-on", "", accounts{account("ada", day)}, nil, first, nil, stepAnswer, "ada", ""}, // acceptance 13
		{"a browser session without keep me signed in ends after 12 h", "", accounts{account("ada", 12*time.Hour, unremembered)}, nil, first, nil, stepSignIn, "", ""},
		{"a disabled account is nobody", "", accounts{account("ada", day, disabled)}, nil, first, nil, stepSignIn, "", ""}, // acceptance 45
		{"an account that signed out is nobody", "", accounts{account("ada", day, signedOutHere)}, nil, first, nil, stepSignIn, "", ""},
		{"of two accounts one is to be chosen", "", accounts{account("ada", day), account("bob", day)}, nil, first, nil, stepChooseAccount, "", ""}, // acceptance 16
		{"of two accounts one is signed in", "", accounts{account("ada", day), account("bob", day, signedOutHere)}, nil, first, nil, stepAnswer, "ada", ""},
		{"of two known accounts none is signed in", "", accounts{account("ada", day, signedOutHere), account("bob", day, signedOutHere)}, nil, first, nil, stepChooseAccount, "", ""},
		{"who signed out of the application is asked", "", accounts{account("ada", day, signedOutOfApplication)}, nil, first, nil, stepChooseAccount, "", ""},
		{"who signed in again since is not", "", accounts{account("ada", day, signedInSince)}, nil, first, nil, stepAnswer, "ada", ""},
		{"nor whose session ran out", "", accounts{account("ada", day, sessionEndedBy(sessions.EndedInactivity))}, nil, first, nil, stepAnswer, "ada", ""},

		// Whom does the request name? OIDC Core §3.1.2.1
		{"login_hint names the account", "login_hint=BOB@example.com", accounts{account("ada", day), account("bob", day)}, nil, first, nil, stepAnswer, "bob", ""},
		{"login_hint names a stranger", "login_hint=eve@example.com", accounts{account("ada", day), account("bob", day)}, nil, first, nil, stepSignIn, "", ""},
		{"login_hint names somebody who signed out", "login_hint=bob@example.com", accounts{account("ada", day), account("bob", day, signedOutHere)}, nil, first, nil, stepSignIn, "", ""},
		{"login_hint is no address", "login_hint=%00", accounts{account("ada", day)}, nil, first, nil, stepSignIn, "", ""},
		{"login_hint binds nobody who has chosen", "login_hint=ada@example.com", accounts{account("ada", day), account("bob", day)}, chose("bob"), first, nil, stepAnswer, "bob", ""},
		{"id_token_hint names the account", "hint=usr_bob", accounts{account("ada", day), account("bob", day)}, nil, first, nil, stepAnswer, "bob", ""},
		{"id_token_hint outdoes login_hint", "hint=usr_bob&login_hint=ada@example.com", accounts{account("ada", day), account("bob", day)}, nil, first, nil, stepAnswer, "bob", ""},
		{"id_token_hint names somebody else", "hint=usr_eve", accounts{account("ada", day)}, nil, first, nil, stepSignIn, "", ""},
		{"id_token_hint binds who has chosen", "hint=usr_ada", accounts{account("ada", day), account("bob", day)}, chose("bob"), first, nil, stepAnswer, "", "login_required"},
		{"she whom id_token_hint names has signed in", "hint=usr_bob", accounts{account("ada", day), account("bob", 0)}, chose("bob"), first, nil, stepAnswer, "bob", ""},

		// prompt, OIDC Core §3.1.2.1 and Initiating User Registration §4
		{"prompt=login", "prompt=login", accounts{account("ada", day)}, nil, first, nil, stepSignIn, "ada", ""}, // acceptance 59
		{"prompt=login asks again for a sign-in of this instant minus one", "prompt=login", accounts{account("ada", time.Microsecond)}, nil, first, nil, stepSignIn, "ada", ""},
		{"prompt=login is done", "prompt=login", accounts{account("ada", time.Second)}, since("ada", time.Minute), first, nil, stepAnswer, "ada", ""},
		{"prompt=login is not done by an account chosen", "prompt=login", accounts{account("ada", day)}, since("ada", time.Minute), first, nil, stepSignIn, "ada", ""},
		{"prompt=select_account", "prompt=select_account", accounts{account("ada", day)}, nil, first, nil, stepChooseAccount, "", ""}, // acceptance 16
		{"prompt=select_account with nothing to choose from", "prompt=select_account", nil, nil, first, nil, stepSignIn, "", ""},
		{"prompt=select_account among those who signed out", "prompt=select_account", accounts{account("ada", day, signedOutHere)}, nil, first, nil, stepChooseAccount, "", ""},
		{"prompt=select_account is done", "prompt=select_account", accounts{account("ada", day), account("bob", day)}, chose("ada"), first, nil, stepAnswer, "ada", ""},
		{"prompt=select_account login", "prompt=select_account+login", accounts{account("ada", day)}, nil, first, nil, stepChooseAccount, "", ""},
		{"prompt=create", "prompt=create", accounts{account("ada", day)}, nil, first, nil, stepSignUp, "", ""},
		{"prompt=create is done", "prompt=create", accounts{account("eve", 0)}, chose("eve"), first, nil, stepAnswer, "eve", ""},
		{"prompt=consent", "prompt=consent", accounts{account("ada", day)}, nil, first, nil, stepConsent, "ada", ""},
		{"prompt=consent asks though she allowed it before", "prompt=consent", accounts{account("ada", day)}, nil, third, []string{"openid"}, stepConsent, "ada", ""},
		{"prompt=consent is done", "prompt=consent", accounts{account("ada", day)}, allowed("ada", "openid"), third, nil, stepAnswer, "ada", ""},
		{"prompt=login consent", "prompt=login+consent", accounts{account("ada", day)}, nil, first, nil, stepSignIn, "ada", ""},

		// prompt=none, OIDC Core §3.1.2.6
		{"none: nobody", "prompt=none", nil, nil, first, nil, stepSignIn, "", "login_required"},
		{"none: somebody", "prompt=none", accounts{account("ada", day)}, nil, first, nil, stepAnswer, "ada", ""},
		{"none: two", "prompt=none", accounts{account("ada", day), account("bob", day)}, nil, first, nil, stepChooseAccount, "", "account_selection_required"},
		{"none: two, one named", "prompt=none&hint=usr_bob", accounts{account("ada", day), account("bob", day)}, nil, first, nil, stepAnswer, "bob", ""},
		{"none: two, another named", "prompt=none&hint=usr_eve", accounts{account("ada", day), account("bob", day)}, nil, first, nil, stepChooseAccount, "", "login_required"},
		{"none: two who signed out", "prompt=none", accounts{account("ada", day, signedOutHere), account("bob", day, signedOutHere)}, nil, first, nil, stepChooseAccount, "", "login_required"},
		{"none: signed out of the application", "prompt=none", accounts{account("ada", day, signedOutOfApplication)}, nil, first, nil, stepChooseAccount, "", "login_required"},
		{"none: max_age passed", "prompt=none&max_age=3600", accounts{account("ada", day)}, nil, first, nil, stepSignIn, "ada", "login_required"},
		{"none: consent missing", "prompt=none", accounts{account("ada", day)}, nil, third, nil, stepConsent, "ada", "consent_required"},
		{"none: consent given before", "prompt=none", accounts{account("ada", day)}, nil, third, []string{"openid"}, stepAnswer, "ada", ""},

		// The age of the authentication
		{"max_age kept", "max_age=86400", accounts{account("ada", day)}, nil, first, nil, stepAnswer, "ada", ""},
		{"max_age passed", "max_age=86399", accounts{account("ada", day)}, nil, first, nil, stepSignIn, "ada", ""},
		{"max_age=0", "max_age=0", accounts{account("ada", time.Second)}, nil, first, nil, stepSignIn, "ada", ""}, // acceptance 59
		{"max_age=0 is done", "max_age=0", accounts{account("ada", time.Second)}, since("ada", time.Minute), first, nil, stepAnswer, "ada", ""},
		{"prompt=login with max_age", "prompt=login&max_age=86400", accounts{account("ada", time.Hour)}, nil, first, nil, stepSignIn, "ada", ""},
		{"younger than the maximum of the application", "", accounts{account("ada", 14*day-1)}, nil, first, nil, stepAnswer, "ada", ""},
		{"as old as the maximum of the application", "", accounts{account("ada", 14*day)}, nil, first, nil, stepSignIn, "ada", ""}, // acceptance 46
		{"chosen, but as old as the maximum", "", accounts{account("ada", 14*day)}, chose("ada"), first, nil, stepSignIn, "ada", ""},

		// Consent
		{"third party, first time", "", accounts{account("ada", day)}, nil, third, nil, stepConsent, "ada", ""},
		{"third party, known", "", accounts{account("ada", day)}, nil, third, []string{"openid", "email"}, stepAnswer, "ada", ""},
		{"third party wants more", "scope=openid+email", accounts{account("ada", day)}, nil, third, []string{"openid"}, stepConsent, "ada", ""},
		{"third party, allowed just now", "scope=openid+email", accounts{account("ada", day)}, allowed("ada", "email", "openid"), third, nil, stepAnswer, "ada", ""},
		{"third party, allowed in part before", "scope=openid+email", accounts{account("ada", day)}, allowed("ada", "email"), third, []string{"openid"}, stepAnswer, "ada", ""},
		{"offline_access is a scope like others", "scope=openid+offline_access", accounts{account("ada", day)}, nil, third, []string{"openid"}, stepConsent, "ada", ""},
		{"first party is never asked", "scope=openid+email+offline_access", accounts{account("ada", day)}, nil, first, nil, stepAnswer, "ada", ""},
		{"she authenticates before she is asked", "max_age=60", accounts{account("ada", day)}, nil, third, nil, stepSignIn, "ada", ""},

		// The interaction
		{"it waits", "", nil, waiting, first, nil, stepSignIn, "", ""},
		{"it waits while she is signed in", "", accounts{account("ada", day)}, waiting, first, nil, stepAnswer, "ada", ""},
		{"she cancelled", "", accounts{account("ada", day)}, &sessions.Interaction{Denied: true}, first, nil, stepAnswer, "", "access_denied"},
		{"who was chosen has signed out", "", accounts{account("ada", day), account("bob", day, signedOutHere)}, chose("bob"), first, nil, stepSignIn, "", ""},
		{"who was chosen is forgotten", "", accounts{account("ada", day)}, chose("bob"), first, nil, stepSignIn, "", ""},
		{"who chose after signing out of the application gets back", "", accounts{account("ada", day, signedOutOfApplication)}, chose("ada"), first, nil, stepAnswer, "ada", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			form, err := url.ParseQuery("scope=openid&" + test.request)
			if err != nil {
				t.Fatal(err)
			}
			request := parsed(t, form)
			s := &situation{
				now: now, environment: &environments.Environment{BrowserSessions: environments.DefaultBrowserSessions},
				application: &clients.Application{Consent: test.consent, SessionPolicy: clients.SessionPolicy{MaxSessionLength: 14 * day}},
				request:     request, accounts: test.accounts, interaction: test.interaction, consented: test.consented,
			}
			next, who, err := s.decide()
			if next != test.next {
				t.Errorf("the next step is %q, want %q", next, test.next)
			}
			name := ""
			if who != nil {
				name = string(who.BrowserSession.User[len("usr_"):])
			}
			if name != test.who {
				t.Errorf("the account is %q, want %q", name, test.who)
			}
			code := ""
			var refused *fosite.RFC6749Error
			if errors.As(err, &refused) {
				code = refused.ErrorField
			}
			if code != test.error {
				t.Errorf("the error is %q, want %q", code, test.error)
			}
		})
	}
}

// parsed is a request as parse makes it of the parameters that decide looks at. hint is the subject of an id_token_hint.
func parsed(t *testing.T, form url.Values) *authorizationRequest {
	t.Helper()
	app := &clients.Application{Scopes: []string{"openid", "email", "offline_access"}, GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"}, PKCE: clients.PKCEOptional, TokenEndpointAuthMethod: clients.AuthClientSecretBasic}
	form.Set("response_type", "code")
	if len(form["scope"]) > 1 {
		form["scope"] = form["scope"][1:]
	}
	req := &authorizationRequest{form: form, application: app, maxAge: -1}
	if err := (&Provider{}).parseRest(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	req.hintedSubject = identity.ID(form.Get("hint"))
	return req
}

// TestDecideOrganization has a line for each rule of the organization in whose name an application is used (acceptance 12).
func TestDecideOrganization(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	type allowed = clients.Allowed
	chose := func(organization organizations.ID) *sessions.Interaction {
		return &sessions.Interaction{Account: "brs_ada", Organization: organization}
	}
	for _, test := range []struct {
		name        string
		memberOf    string // with the role admin in those that end in *
		session     string // the organization of her living session in the application; "-" if there is none
		allowed     clients.Allowed
		request     string
		interaction *sessions.Interaction

		next         step
		organization organizations.ID
		error        string
	}{
		{"in none", "", "-", allowed{}, "", nil, stepAnswer, "", ""},
		{"in one", "acme", "-", allowed{}, "", nil, stepAnswer, "acme", ""},
		{"in two", "acme blue", "-", allowed{}, "", nil, stepChooseOrganization, "", ""},
		{"in two, chosen", "acme blue", "-", allowed{}, "", chose("blue"), stepAnswer, "blue", ""},
		{"in two, what was chosen is over", "acme blue", "-", allowed{}, "", chose("river"), stepChooseOrganization, "", ""},
		{"in two, none: nothing can be asked", "acme blue", "-", allowed{}, "prompt=none", nil, stepChooseOrganization, "", "interaction_required"},

		{"her session goes on", "acme blue", "blue", allowed{}, "", nil, stepAnswer, "blue", ""},
		{"her session goes on without asking", "acme blue", "blue", allowed{}, "prompt=none", nil, stepAnswer, "blue", ""},
		{"but for another choice", "acme blue", "blue", allowed{}, "", chose("acme"), stepAnswer, "acme", ""},
		{"and where another account is asked for", "acme blue", "blue", allowed{}, "prompt=select_account", chose(""), stepChooseOrganization, "", ""},
		{"and in an organization that she has left", "acme blue", "river", allowed{}, "", nil, stepChooseOrganization, "", ""},
		{"nor one from before she was in any", "acme blue", "", allowed{}, "", nil, stepChooseOrganization, "", ""},
		{"from before she was in one", "acme", "", allowed{}, "", nil, stepAnswer, "acme", ""},

		{"organization_id names it", "acme blue", "blue", allowed{}, "organization_id=acme", nil, stepAnswer, "acme", ""},
		{"organization_id names it, none", "acme blue", "-", allowed{}, "organization_id=acme&prompt=none", nil, stepAnswer, "acme", ""},
		{"organization_id outdoes a choice", "acme blue", "-", allowed{}, "organization_id=acme", chose("blue"), stepAnswer, "acme", ""},
		{"organization_id names another", "acme", "-", allowed{}, "organization_id=river", nil, stepNoAccess, "", "access_denied"},
		{"organization_id names one, she is in none", "", "-", allowed{}, "organization_id=river", nil, stepNoAccess, "", "access_denied"},
		{"organization_id names one in which she may not", "acme blue", "-", allowed{Organizations: []string{"blue"}}, "organization_id=acme", nil, stepNoAccess, "", "access_denied"},

		{"for the members of one", "acme blue", "-", allowed{Organizations: []string{"blue"}}, "", nil, stepAnswer, "blue", ""},
		{"for the members of another", "acme", "-", allowed{Organizations: []string{"blue"}}, "", nil, stepNoAccess, "", ""},
		{"for the members of another, none", "acme", "-", allowed{Organizations: []string{"blue"}}, "prompt=none", nil, stepNoAccess, "", "access_denied"},
		{"for members, she is none", "", "-", allowed{Organizations: []string{"blue"}}, "", nil, stepNoAccess, "", ""},
		{"for a role", "acme blue* river*", "-", allowed{Roles: []string{"admin"}}, "", nil, stepChooseOrganization, "", ""},
		{"for a role that she has in one", "acme blue*", "-", allowed{Roles: []string{"admin"}}, "", nil, stepAnswer, "blue", ""},
		{"for a role that she has in none", "acme", "-", allowed{Roles: []string{"admin"}}, "", nil, stepNoAccess, "", ""},
		{"for her", "", "-", allowed{Users: []string{"usr_ada"}}, "", nil, stepAnswer, "", ""},
		{"for her, whatever the organization", "acme blue", "-", allowed{Users: []string{"usr_ada"}}, "", nil, stepChooseOrganization, "", ""},
		{"for somebody else", "", "-", allowed{Users: []string{"usr_bob"}}, "", nil, stepNoAccess, "", ""},
		{"for her or a role", "acme", "-", allowed{Users: []string{"usr_bob"}, Organizations: []string{"acme"}}, "", nil, stepAnswer, "acme", ""},
		{"her session in one in which she may no longer", "acme blue", "acme", allowed{Organizations: []string{"blue"}}, "", nil, stepAnswer, "blue", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			form, err := url.ParseQuery(test.request)
			if err != nil {
				t.Fatal(err)
			}
			app := &clients.Application{ID: "app_1", Allowed: test.allowed, SessionPolicy: clients.SessionPolicy{MaxSessionLength: time.Hour, InactivityTimeout: time.Hour}}
			ada := sessions.Account{BrowserSession: sessions.BrowserSession{
				ID: "brs_ada", User: "usr_ada", Remember: true, Authentication: sessions.Authentication{AuthTime: now.Add(-time.Minute)}, LastActiveAt: now,
			}}
			for organization := range strings.FieldsSeq(test.memberOf) {
				p := organizations.Position{Organization: organizations.ID(strings.TrimSuffix(organization, "*"))}
				if strings.HasSuffix(organization, "*") {
					p.Roles = []string{"admin"}
				}
				ada.Positions = append(ada.Positions, p)
			}
			if test.session != "-" {
				ada.Session = &sessions.Session{
					Application: app.ID, BrowserSession: "brs_ada", Organization: organizations.ID(test.session),
					Authentication: ada.BrowserSession.Authentication, LastActiveAt: now,
				}
			}
			s := &situation{
				now: now, environment: &environments.Environment{BrowserSessions: environments.DefaultBrowserSessions}, application: app,
				request: parsed(t, form), accounts: []sessions.Account{ada}, interaction: test.interaction,
			}
			next, _, err := s.decide()
			if next != test.next {
				t.Errorf("the next step is %q, want %q", next, test.next)
			}
			code := ""
			var refused *fosite.RFC6749Error
			if errors.As(err, &refused) {
				code = refused.ErrorField
			}
			if code != test.error {
				t.Errorf("the error is %q, want %q", code, test.error)
			}
			if got, _ := s.organization(&ada); got != test.organization {
				t.Errorf("the organization is %q, want %q", got, test.organization)
			}
		})
	}
}
