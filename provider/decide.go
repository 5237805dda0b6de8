package provider

import (
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
)

// step is what an authorization request needs next.
type step string

// The steps, each but the first and the last a page of ours.
const (
	stepAnswer             step = ""
	stepSignIn             step = "/sign-in"
	stepSignUp             step = "/sign-up"
	stepChooseAccount      step = "/sign-in/choose-account"
	stepChooseOrganization step = "/sign-in/choose-organization"
	stepNoAccess           step = "/sign-in/no-access"
	stepConsent            step = "/consent"
)

// situation is all that the next step is decided from. Nothing else is looked at: no clock, no database.
type situation struct {
	now         time.Time
	environment *environments.Environment
	application *clients.Application
	request     *authorizationRequest
	accounts    []sessions.Account
	interaction *sessions.Interaction // nil for a request that has not asked anything of the End-User
	consented   []string              // scopes that the account allowed the application before
}

// authenticatedAfter is the earliest authentication that the request accepts: prompt=login and max_age=0 ask for one that
// has yet to happen, max_age for one that is not too old (OIDC Core §3.1.2.1).
func (s *situation) authenticatedAfter() time.Time {
	if s.interaction != nil {
		return s.interaction.AuthenticatedAfter
	}
	after := time.Time{}
	if s.request.hasPrompt("login") {
		after = s.now
	}
	if s.request.maxAge >= 0 {
		if at := s.now.Add(-time.Duration(s.request.maxAge) * time.Second); at.After(after) {
			after = at
		}
	}
	return after
}

// decide says what the request needs next, and for which account it is answered. Its error is the answer that the client
// gets (OIDC Core §3.1.2.6); with prompt=none every step is such an error.
func (s *situation) decide() (step, *sessions.Account, error) {
	if s.interaction != nil && s.interaction.Denied {
		return stepAnswer, nil, fosite.ErrAccessDenied.WithHint("The End-User cancelled the request.")
	}
	if a := s.chosen(); a != nil && !s.hinted(a) {
		return stepAnswer, nil, fosite.ErrLoginRequired.WithHint("The End-User signed in with another account than the one that the request names.")
	}
	next, account := s.next()
	if next == stepNoAccess && s.request.organization != "" {
		return next, account, fosite.ErrAccessDenied.WithHint("The End-User is no active member of the organization that the request names, or may not use the application there.")
	}
	if next != stepAnswer && s.request.hasPrompt("none") {
		switch {
		case next == stepConsent:
			return next, account, fosite.ErrConsentRequired.WithHint("The End-User has not allowed all that the request asks for.")
		case next == stepNoAccess:
			return next, account, fosite.ErrAccessDenied.WithHint("The End-User may not use this application.")
		case next == stepChooseOrganization:
			return next, account, fosite.ErrInteractionRequired.WithHint("The End-User must choose one of several organizations, or the request name one by organization_id.")
		case next == stepChooseAccount && len(s.living()) > 1:
			return next, account, errAccountSelectionRequired
		}
		return next, account, fosite.ErrLoginRequired.WithHint("The End-User must sign in.")
	}
	return next, account, nil
}

var errAccountSelectionRequired = &fosite.RFC6749Error{
	ErrorField: "account_selection_required", DescriptionField: "The End-User must choose one of several accounts.", CodeField: 400,
}

func (s *situation) next() (step, *sessions.Account) {
	account, unclear := s.account()
	if account == nil {
		return unclear, nil
	}
	if !account.Fresh(s.application, s.authenticatedAfter(), s.now) {
		return stepSignIn, account
	}
	if _, unclear := s.organization(account); unclear != stepAnswer {
		return unclear, account
	}
	if !subset(s.request.toAllow, s.allowed()) {
		return stepConsent, account
	}
	return stepAnswer, account
}

// chosen is the account that the End-User has chosen or signed in to on our pages, if it is signed in; else nil.
func (s *situation) chosen() *sessions.Account {
	if s.interaction == nil || s.interaction.Account == "" {
		return nil
	}
	for i := range s.accounts {
		if a := &s.accounts[i]; a.BrowserSession.ID == s.interaction.Account && a.Alive(s.environment, s.now) {
			return a
		}
	}
	return nil
}

// hinted reports whether the request may be about the account, whomever it names.
func (s *situation) hinted(a *sessions.Account) bool {
	return s.request.hintedSubject == "" || s.request.hintedSubject == a.BrowserSession.User
}

// living are the accounts that are signed in and that the request may be about.
func (s *situation) living() []*sessions.Account {
	var living []*sessions.Account
	for i := range s.accounts {
		if a := &s.accounts[i]; a.Alive(s.environment, s.now) && s.hinted(a) {
			living = append(living, a)
		}
	}
	return living
}

// account finds whom the request is about among the accounts of the browser, or the page on which that becomes clear.
func (s *situation) account() (*sessions.Account, step) {
	if s.interaction != nil && s.interaction.Account != "" {
		return s.chosen(), stepSignIn
	}
	living := s.living()
	switch {
	case s.request.hasPrompt("create"):
		return nil, stepSignUp
	case s.request.hasPrompt("select_account") && len(s.accounts) > 0:
		return nil, stepChooseAccount
	case len(living) == 0 && len(s.accounts) > 1 && s.request.loginHint == "":
		return nil, stepChooseAccount
	case len(living) == 0:
		return nil, stepSignIn
	}
	if hint := s.request.loginHint; hint != "" && s.request.hintedSubject == "" {
		named := slices.IndexFunc(living, func(a *sessions.Account) bool { return identity.SameEmail(a.Email, hint) })
		if named < 0 {
			return nil, stepSignIn
		}
		living = living[named : named+1]
	}
	if len(living) > 1 || s.signedOut(living[0]) {
		return nil, stepChooseAccount
	}
	return living[0], stepAnswer
}

// signedOut reports whether the account has signed out of this application since it signed in at this browser. Such a person
// is asked before the application gets her back, though no credentials are.
func (s *situation) signedOut(a *sessions.Account) bool {
	last := a.Session
	return last != nil && last.EndedReason == sessions.EndedSignedOut && last.EndedAt.After(a.BrowserSession.AuthTime)
}

// organization finds in the name of which organization the account uses the application, "" for none, or the page on which that
// becomes clear. Those in which it may not use the application are nothing to choose. While its session goes on, it goes on
// in the same organization, unless another is asked for.
func (s *situation) organization(a *sessions.Account) (organizations.ID, step) {
	usable := a.Usable(s.application)
	chosen := s.request.organization
	if chosen == "" && s.interaction != nil {
		chosen = s.interaction.Organization
	}
	if session := a.AliveSession(s.application, s.now); chosen == "" && session != nil && !s.request.hasPrompt("select_account") {
		chosen = session.Organization
	}
	switch {
	case slices.ContainsFunc(usable, func(p organizations.Position) bool { return p.Organization == chosen }):
		return chosen, stepAnswer
	case s.request.organization != "" || !a.MayUse(s.application):
		return "", stepNoAccess
	case len(usable) == 1:
		return usable[0].Organization, stepAnswer
	case len(usable) > 1:
		return "", stepChooseOrganization
	}
	return "", stepAnswer
}

// allowed are the scopes that need no further word of the End-User.
func (s *situation) allowed() []string {
	var here []string
	if s.interaction != nil {
		here = s.interaction.Consented
	}
	switch {
	case s.request.hasPrompt("consent"):
		return here
	case s.application.Consent == clients.ConsentFirstParty:
		return s.request.toAllow
	}
	return append(slices.Clone(here), s.consented...)
}

// hasPrompt reports whether prompt has the value.
func (a *authorizationRequest) hasPrompt(value string) bool {
	return slices.Contains(strings.Fields(a.form.Get("prompt")), value)
}
