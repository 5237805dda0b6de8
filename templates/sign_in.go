package templates

import "html/template"

// SignIn asks for the email address: the first step. It posts username to /sign-in.
//
// This page, and each below that says so, has a button #login-cancel, "Cancel and return to Acme Web", if the
// page belongs to an interaction: a form of its own that posts action=cancel to the page's path.
type SignIn struct {
	Chrome
	Username   string // typed before, or login_hint (OIDC Core §3.1.2.1)
	SignUpOpen bool   // whether people may register themselves: links to /sign-up
	Errors     []FieldError
}

func (p SignIn) view() view {
	return view{path: "/sign-in", file: "sign_in", errors: p.Errors, heading: p.named("sign_in.heading"), leaves: true}
}

// SignInPassword asks for the password: the second step, for known and unknown addresses alike. It posts
// username (hidden), password and remember ("on") to /sign-in/password, and has #login-cancel.
type SignInPassword struct {
	Chrome
	Username        string
	RememberOffered bool // whether the policy allows to keep somebody signed in
	Remember        bool // whether "Keep me signed in on this device" is ticked
	Errors          []FieldError
}

func (p SignInPassword) view() view {
	return view{path: "/sign-in/password", file: "sign_in_password", errors: p.Errors, heading: p.named("sign_in.heading"), leaves: true}
}

// ChooseAccount lists the accounts that this browser knows. It posts account=<ID>, or action=other for "Use another
// account", to /sign-in/choose-account; while Removing, remove=<ID>. It has #login-cancel.
type ChooseAccount struct {
	Chrome
	Accounts []AccountChoice // those that are signed in first
	Removing bool            // the address has mode=remove: the buttons take accounts off the list
}

func (p ChooseAccount) view() view {
	return view{path: "/sign-in/choose-account", file: "choose_account", heading: p.named("choose_account.heading"), leaves: true}
}

// AccountChoice is one account of ChooseAccount.
type AccountChoice struct {
	Person
	ID       string // what the button posts
	SignedIn bool
}

// ChooseOrganization asks in the name of which organization the person goes on. It posts organization_id, or action=switch ("Not
// you?"), to /sign-in/choose-organization, and has #login-cancel. Where it is Searchable it opens itself with search.
type ChooseOrganization struct {
	Chrome
	Account       Person
	Organizations []OrganizationChoice // by name
	Searchable    bool                 // there are many
	Search        string               // what the names that are shown contain; "" for all
	Errors        []FieldError
}

func (p ChooseOrganization) view() view {
	return view{path: "/sign-in/choose-organization", file: "choose_organization", errors: p.Errors, heading: p.named("choose_organization.heading"), leaves: true}
}

// OrganizationChoice is one organization of ChooseOrganization.
type OrganizationChoice struct {
	ID      string
	Name    string
	Roles   string // of the person there, in any language; "" for none
	Checked bool
}

// NoAccess tells the person that the application is not for the account. It posts action=switch ("Use another account") to
// /sign-in/no-access, and has #login-cancel.
type NoAccess struct {
	Chrome
	Account Person
}

func (p NoAccess) view() view {
	return view{path: "/sign-in/no-access", file: "no_access", heading: p.named("no_access.heading"), announce: true, leaves: true}
}

// SignUp asks for name, address and a new password. It posts name, username and password to /sign-up, and has #login-cancel.
type SignUp struct {
	Chrome
	DisplayName string // typed before; the field is name
	Username    string
	MinLength   int // of the password, in characters
	Errors      []FieldError
}

func (p SignUp) view() view {
	return view{path: "/sign-up", file: "sign_up", errors: p.Errors, heading: p.named("sign_up.heading"), leaves: true}
}

// VerifyEmail asks for the code that was mailed. It posts code, or action=resend, to /verify-email; the
// link in the mail opens it with the code filled in. The page is the same for a known and an unknown address. It has #login-cancel.
type VerifyEmail struct {
	Chrome
	Username      string // the address that the mail went to
	Code          string // from the link in the mail, or typed before
	ResendSeconds int    // until a new code may be sent; 0 for now
	Mailbox       string // path of the mailbox in which mail stops in local mode; "" if it is sent
	Errors        []FieldError
}

func (p VerifyEmail) view() view {
	return view{path: "/verify-email", file: "verify_email", errors: p.Errors, heading: p.named("verify_email.heading"), leaves: true}
}

// PasswordReset asks for the address (it posts username to /password-reset) and, once Sent, for the code that was mailed (it posts
// code, or action=resend). It says "If there is an account…" for every address. It has #login-cancel.
type PasswordReset struct {
	Chrome
	Username      string
	Sent          bool
	Code          string
	ResendSeconds int    // until a new code may be sent; 0 for now
	Mailbox       string // as in VerifyEmail
	Errors        []FieldError
}

func (p PasswordReset) view() view {
	return view{path: "/password-reset", file: "password_reset", errors: p.Errors, heading: p.named("password_reset.heading"), leaves: true}
}

// PasswordResetNew asks for the new password. It posts username and code (both hidden) and password to /password-reset/new, and has
// #login-cancel.
type PasswordResetNew struct {
	Chrome
	Username  string
	Code      string // that was mailed
	MinLength int    // of the password, in characters
	Errors    []FieldError
}

func (p PasswordResetNew) view() view {
	return view{path: "/password-reset/new", file: "password_reset_new", errors: p.Errors, heading: p.named("password_reset_new.heading"), leaves: true}
}

// Finished says that something is done where no pending request can continue by itself.
type Finished struct {
	Chrome
	What     Achievement
	Continue Button // zero says only that this window can be closed
}

func (p Finished) view() view {
	return view{file: "finished", heading: p.named("finished.heading." + string(p.What)), announce: true}
}

// Achievement is what Finished speaks of.
type Achievement string

// What can be finished.
const (
	PasswordIsChanged Achievement = "password_changed"
	EmailIsVerified   Achievement = "email_verified"
	IsSignedIn        Achievement = "signed_in"
)

// Consent asks whether an application may use the account. It posts action=allow (#consent-accept), action=deny (#consent-deny)
// or action=switch ("Not you?") to /consent.
type Consent struct {
	Chrome
	Account      Person
	Scopes       []Scope // in the order of the request; openid needs no words and is left out
	RedirectHost string  // host, or private-use scheme, that the person goes to
	Unverified   bool    // the application registered itself and nobody has checked it

	// The application's own policy and terms, named as such; "" leaves the link out.
	ClientPolicyURI, ClientTOSURI string
}

func (p Consent) view() view {
	return view{path: "/consent", file: "consent", heading: p.named("consent.heading"), announce: true, leaves: true}
}

// Scope is a scope in words.
type Scope struct {
	Name        string // as in the request; the standard ones have words here
	Description string // by the API that defines the scope, in any language; "" for none
}

// SignOut asks for the scope of the sign-out. It posts scope (application, browser or everywhere) and #logout-confirm to /sign-out, or
// action=cancel. More hidden fields keep what the request to /oauth2/logout said.
type SignOut struct {
	Chrome
	Account Person // zero if nobody is signed in, or it is not known who
	Scope   string // ticked; "" is application, or browser where there is no application to speak of
	Hidden  []FormField
}

func (p SignOut) view() view {
	return view{path: "/sign-out", file: "sign_out", heading: p.named("sign_out.heading"), leaves: true}
}

// SignedOut tells what was signed out.
type SignedOut struct {
	Chrome
	Scope        string                 // what was signed out: application, browser ("" too) or everywhere
	Applications []SignedOutApplication // empty shows no list
	Continue     Button                 // registered target or sign-in of the application; zero for none
	Frontchannel []string               // front-channel logout addresses (https or http), loaded in frames that nobody sees
	Leaves       bool                   // once the frames are loaded, a script follows Continue
}

func (p SignedOut) view() view {
	heading := p.named("signed_out.heading.browser")
	if p.Scope == "application" || p.Scope == "everywhere" {
		heading = p.named("signed_out.heading." + p.Scope)
	}
	return view{file: "signed_out", heading: heading, announce: true, frames: origins(p.Frontchannel...)}
}

// SignedOutApplication is one application of SignedOut.
type SignedOutApplication struct {
	Name   string
	Failed bool // it could not be told
}

// ErrorPage says that a request cannot be completed, and what to do. It never links to an unverified address.
type ErrorPage struct {
	Chrome
	Missing   bool          // there is no such page: the heading says so
	Text      Message       // what happened, then what to do
	Button    Button        // moves on; zero leads to the account page
	Reference string        // finds the request in the log, such as "7f3c-91ab"; "" for none
	Details   []ErrorDetail // for developers, folded; empty for none
}

func (p ErrorPage) view() view {
	if p.Missing {
		return view{file: "error", heading: Message{id: "error.heading_missing"}, announce: true}
	}
	return view{file: "error", heading: Message{id: "error.heading"}, announce: true}
}

// ErrorDetail is one finding for the developer of an application.
type ErrorDetail struct {
	Field         string // parameter or setting at fault, such as "redirect_uri"
	Value         string // what was sent, shown as text; "" for nothing
	Problem       string // in English, such as "is not registered for this application"
	Specification string // such as "RFC 6749 §3.1.2.4"; "" for none
}

// NotFound is the ErrorPage for an address that does not exist.
func NotFound(c Chrome) ErrorPage {
	return ErrorPage{Chrome: c, Missing: true, Text: TextNotFound}
}

// FormPost is the answer to response_mode=form_post (OAuth 2.0 Form Post Response Mode §2): it posts itself to the
// application by a script, or by its button.
type FormPost struct {
	Chrome
	Action template.URL // redirect URI, checked against the application's own; may have a private-use scheme
	Fields []FormField
}

func (p FormPost) view() view {
	return view{file: "form_post", heading: p.named("form_post.heading"), leaves: true}
}

// FormField is a hidden field.
type FormField struct {
	Name  string
	Value string
}
