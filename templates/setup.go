package templates

import "time"

// Setup creates the first operator. It posts token (hidden), name, username and password to /setup.
type Setup struct {
	Chrome
	Token       string // of the one-time link
	DisplayName string // the field name
	Username    string
	MinLength   int // of the password, in characters
	Errors      []FieldError
}

func (p Setup) view() view {
	return view{path: "/setup", file: "setup", errors: p.Errors, heading: Message{id: "setup.heading"}, isolated: true}
}

// Welcome is the first page of the dashboard: what can be done next, with a tick at what is done.
type Welcome struct {
	Dashboard
	Steps []WelcomeStep
}

func (p Welcome) view() view {
	return view{file: "welcome", heading: Message{id: "welcome.heading"}, isolated: true}
}

// WelcomeStep is one line of Welcome.
type WelcomeStep struct {
	What    NextStep
	Done    bool
	URI     string // where the step is done; "" if it is done by Command or in the configuration file
	Command string // what to type or to write, to copy; "" for none
}

// NextStep is what WelcomeStep speaks of.
type NextStep string

// The steps, in the order of the page.
const (
	TrySignIn      NextStep = "try_sign_in"
	AddApplication NextStep = "add_application"
	SetUpMail      NextStep = "set_up_mail"
	InviteTeammate NextStep = "invite_teammate"
)

// Mailbox is /dev/mailbox: all mail of local mode, newest first.
type Mailbox struct {
	Chrome
	Messages []MailboxEntry
}

func (p Mailbox) view() view {
	return view{file: "mailbox", heading: Message{id: "mailbox.heading"}}
}

// MailboxEntry is one line of Mailbox; it links to /dev/mailbox/<ID>.
type MailboxEntry struct {
	ID      string
	To      string
	Subject string
	Code    string // "" if the message has none
	At      time.Time
}

// MailboxMessage is /dev/mailbox/<ID>. The HTML part is shown in a frame from /dev/mailbox/<ID>/html, which RenderMailBody answers.
type MailboxMessage struct {
	Chrome
	MailboxEntry
	From string
	Text string // the text part
}

func (p MailboxMessage) view() view {
	return view{file: "mailbox_message", heading: Literal(p.Subject), frames: []string{"'self'"}}
}
