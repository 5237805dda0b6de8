package identity

import (
	"context"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
)

// Mailer sends mails. SendMail hands one over and returns without waiting for a server, in a time that doesn't depend on the
// mail, so that nobody can tell from an answer's time what was mailed. It is called in the transaction of the change that
// caused the mail; an error undoes that.
type Mailer interface {
	SendMail(ctx context.Context, m Mail) error
}

// MailKind is a mail of ui.md §9.
type MailKind string

// The mails.
const (
	MailVerifyEmail       MailKind = "verify-email"       // the code of a sign-up
	MailAlreadyRegistered MailKind = "already-registered" // instead of that, to somebody who has an account
	MailPasswordReset     MailKind = "password-reset"     // the code of a reset
	MailNoAccount         MailKind = "no-account"         // instead of that, to somebody who has none; a Mailer may drop it
	MailPasswordChanged   MailKind = "password-changed"
)

// Mail is a message to the owner of an address.
type Mail struct {
	Kind        MailKind
	Environment environments.ID
	To          string
	Code        string        // six digits; "" if the mail has none
	Valid       time.Duration // how long the code works
	Interaction string        // the Subject of the flow, to be carried by the mail's links; "" if none waits
	AskedAt     time.Time
	Address     string // IP address of who asked; "" if not known
	UserAgent   string
	MailContext
}

// MailContext is what an edge knows about a mail that it causes.
type MailContext struct {
	Application clients.ID `json:"application,omitempty"` // that caused it; "" if none did
	Language    string     `json:"language,omitempty"`    // of the page, BCP 47; "" for English
}
