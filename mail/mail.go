// Package mail sends the messages of package templates to people: through an SMTP server or, in local mode, into a
// mailbox that is read in the browser.
package mail

import (
	"context"
	"fmt"

	"github.com/portico-id/portico/templates"
)

// Message is one mail, ready to be sent.
type Message struct {
	From    string // RFC 5322 mailbox, with or without a name; "" takes the sender's own
	To      string // address
	Subject string
	Text    string
	HTML    string
	Code    string // the code in it, for the mailbox to copy; "" for none
}

// Sender delivers mail. It returns once somebody else is responsible for the message, or says why nobody is.
// It may be used by many goroutines.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Compose makes a message of a mail, to the address of its letterhead.
func Compose(m templates.Mail) (Message, error) {
	rendered, err := templates.RenderMail(m)
	if err != nil {
		return Message{}, fmt.Errorf("compose: %w", err)
	}
	return Message{To: rendered.To, Subject: rendered.Subject, Text: rendered.Text, HTML: rendered.HTML, Code: rendered.Code}, nil
}
