package login_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
)

// fill submits the sign-up form for a stranger.
func fill(b *browser, query, email string) *reply {
	b.t.Helper()
	return b.post("/sign-up"+query, "name", "Grace Hopper", "username", email, "password", newSecret)
}

func TestSignUp(t *testing.T) {
	h := build(t)
	b := h.browser(t)
	query := b.request(h.app, "prompt", "create", "login_hint", "grace@example.com")
	b.get("/sign-up"+query).shows(t, 200, "Sign up for Wiki", "[username=grace@example.com]")
	fill(b, query, "grace@example.com").goes(t, "/verify-email?client_id=wiki&interaction=")

	mail := h.mail(t)
	if mail.Kind != identity.MailVerifyEmail || mail.Application != h.app.ID || mail.Interaction != queryID(query) || mail.Address != b.Address {
		t.Errorf("the mail is %+v, want one that names Wiki, the interaction and where it was asked for", mail)
	}
	// The link in the mail changes nothing, as a scanner may have opened it.
	for range 2 {
		b.get("/verify-email"+query+"&code="+mail.Code).shows(t, 200, "[code="+mail.Code+"]", "grace@example.com", "Open the mailbox")
	}
	if _, err := h.Users.ByEmail(t.Context(), h.env.ID, "grace@example.com"); err == nil {
		t.Error("opening the link made the account")
	}
	spaced := mail.Code[:3] + " " + mail.Code[3:]
	b.post("/verify-email"+query, "code", spaced).goes(t, "/oauth2/authorize?")
	u, err := h.Users.ByEmail(t.Context(), h.env.ID, "grace@example.com")
	check(t, err)
	if !u.EmailVerified || u.Profile.Name != "Grace Hopper" || b.saved(query).Account != b.account(h.app, u.Email).BrowserSession.ID {
		t.Errorf("the user is %+v, want Grace, verified and signed in", u)
	}
	h.events.last(t, "user.signed_up")
}

// Acceptance 11 and 74: who has an account sees the same page, and the mail tells.
func TestSignUpTellsNoAccounts(t *testing.T) {
	h := build(t)
	h.add(t, "nina@example.com")
	seen := map[string]string{}
	for _, email := range []string{"Nina@example.com", "grace@example.com"} {
		b := h.browser(t)
		query := b.request(h.app)
		page := b.get(fill(b, query, email).goes(t, "/verify-email").to).shows(t, 200)
		wrong := b.post("/verify-email"+query, "code", "000000").shows(t, 422, "That code is not right. Check the newest email.")
		seen[email] = strings.NewReplacer(email, "EMAIL", queryID(query), "ID").Replace(page.body + wrong.body)
	}
	if seen["Nina@example.com"] != seen["grace@example.com"] {
		t.Error("the pages of a known and an unknown address differ")
	}
	if kind := h.mails[0].Kind; kind != identity.MailAlreadyRegistered {
		t.Errorf("the mail to somebody who has an account is %s", kind)
	}
}

func TestSignUpMistakes(t *testing.T) {
	h := build(t)
	b := h.browser(t)
	query := b.request(h.app)
	b.post("/sign-up"+query, "name", " ", "username", "grace", "password", "").shows(t, 422,
		"Enter your name.", "Enter your email address, like name@example.com.", "Choose a password.", "[username=grace]")
	b.post("/sign-up"+query, "name", "Grace", "username", "grace@example.com", "password", "short").shows(t, 422, "Use at least 15 characters.", "[name=Grace]", "[password=]")
	b.post("/sign-up"+query, "name", "Grace", "username", "grace@example.com", "password", "aaaaaaaaaaaaaaaaaaaa").shows(t, 422, "This password is easy to guess. Add another word.")
	b.post("/sign-up"+query, "name", strings.Repeat("x", 300), "username", "grace@example.com", "password", newSecret).shows(t, 422, "Use at most 200 characters.")
	if len(h.mails) > 0 {
		t.Error("a mail was sent for a form with mistakes")
	}
	b.get("/verify-email"+query).goes(t, "/sign-in")
	b.post("/verify-email"+query, "code", "123456").goes(t, "/sign-up")
}

// Acceptance 30.
func TestSignUpClosed(t *testing.T) {
	h := build(t)
	check(t, h.tenants.Update(t.Context(), h.env.ID, func(_ context.Context, e *environments.Environment) error {
		e.SignUp = false
		return nil
	}))
	b := h.browser(t)
	query := b.request(h.app)
	if r := b.get("/sign-in"+query).shows(t, 200); strings.Contains(r.text(), "Create an account") {
		t.Error("the sign-in page offers what is closed")
	}
	b.get("/sign-up"+query).shows(t, http.StatusForbidden, "You need an invitation to create an account.", "Sign in")
	fill(b, query, "grace@example.com").shows(t, http.StatusForbidden, "You need an invitation")
}

func TestCodes(t *testing.T) {
	h := build(t)
	b := h.browser(t)
	query := b.request(h.app)
	fill(b, query, "grace@example.com")
	first := h.mail(t).Code
	b.post("/verify-email"+query, "code", "").shows(t, 422, "Enter the code")
	b.post("/verify-email"+query, "code", "12-34").shows(t, 422, "That code is not right. Check the newest email.", "[code=12-34]")

	if r := b.get("/verify-email"+query).shows(t, 200); !strings.Contains(r.body, `data-wait="30"`) {
		t.Error("the page doesn't say when a new code may be sent")
	}
	b.post("/verify-email"+query, "action", "resend").shows(t, http.StatusTooManyRequests, "Wait 30 seconds")
	h.pass(30 * time.Second)
	again := b.post("/verify-email"+query, "action", "resend").goes(t, "/verify-email?")
	b.get(again.to).shows(t, 200, "A new email is on its way.")
	second := h.mail(t).Code
	if first != second {
		b.post("/verify-email"+query, "code", first).shows(t, 422, "That code is not right.")
	}
	h.pass(identity.CodeLifetime)
	b.post("/verify-email"+query, "code", second).shows(t, 422, "That code has expired. Send a new one.")

	b.post("/verify-email"+query, "action", "resend").goes(t, "/verify-email?")
	b.post("/verify-email"+query, "code", h.mail(t).Code).goes(t, "/oauth2/authorize")
}

// Somebody who signs up in two browsers makes one account.
func TestSignUpTwice(t *testing.T) {
	h := build(t)
	one, other := h.browser(t), h.browser(t)
	first, second := one.request(h.app), other.request(h.app)
	fill(one, first, "grace@example.com")
	code := h.mail(t).Code
	fill(other, second, "grace@example.com")
	late := h.mail(t).Code
	one.post("/verify-email"+first, "code", code).goes(t, "/oauth2/authorize")
	other.post("/verify-email"+second, "code", late).goes(t, "/sign-in/password?")
	other.get("/sign-in/password"+second).shows(t, 200, "grace@example.com")
}

// The link in the mail makes no account in another browser than the one that chose the password: whoever follows the link of a
// mail that she didn't ask for would make one with a stranger's password.
func TestSignUpIsBoundToItsBrowser(t *testing.T) {
	h := build(t)
	h.change(t, h.app.ID, signInEndpoint)
	mallory, victim := h.browser(t), h.browser(t)
	query := mallory.request(h.app)
	fill(mallory, query, "victim@example.com")
	code := h.mail(t).Code
	victim.get("/verify-email"+query+"&code="+code).goes(t, initiate)
	victim.post("/verify-email"+query+"&code="+code, "code", code).goes(t, initiate)
	if _, err := h.Users.ByEmail(t.Context(), h.env.ID, "victim@example.com"); err == nil {
		t.Error("the account was made")
	}
}
