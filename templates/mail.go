package templates

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"sync"
	texttemplate "text/template"
	"time"
)

// Mail is one mail with its data: a struct of this package that embeds [Letterhead].
type Mail interface {
	letterhead() Letterhead
	letter() letter
}

// Letterhead is what every mail has: for whom it is, in whose name, and what caused it.
type Letterhead struct {
	To          string // address of the account
	Environment string
	Application string // that caused the mail; "" takes the name of the environment
	Language    string // as MatchLanguage returned it; "" is English

	// Accent and OnAccent are the colours of the button, such as "#3f4fd1" and "#ffffff"; both "" for ours.
	Accent, OnAccent string

	AskedAt     time.Time // when it was asked for; its location is the time zone in which it is written
	AskedPlace  string    // such as "Berlin"; "" if unknown
	AskedDevice Message   // TextDevice; zero if unknown
}

func (l Letterhead) letterhead() Letterhead { return l }

// Name is the name of the application, or that of the environment where none caused the mail.
func (l Letterhead) Name() string {
	return Chrome{Application: l.Application, Environment: l.Environment}.Name()
}

// letter is what differs between mails. Its texts are mail.<kind>.subject, .text, .not_you and, where there is a link, .button.
type letter struct {
	kind   string
	code   string
	valid  time.Duration // of the code
	link   string        // of the button; "" for none
	forgot string        // address of the password reset, as a line below the button; "" for none
}

// MailVerifyEmail proves that an address is the person's own.
type MailVerifyEmail struct {
	Letterhead
	Code  string        // six digits
	Valid time.Duration // how long the code works
	Link  string        // /verify-email with the code filled in
}

func (m MailVerifyEmail) letter() letter {
	return letter{kind: "verify_email", code: m.Code, valid: m.Valid, link: m.Link}
}

// MailAlreadyRegistered tells somebody who signs up again that she has an account. The page tells nobody.
type MailAlreadyRegistered struct {
	Letterhead
	SignInLink string
	ResetLink  string // /password-reset
}

func (m MailAlreadyRegistered) letter() letter {
	return letter{kind: "already_registered", link: m.SignInLink, forgot: m.ResetLink}
}

// MailPasswordReset lets the person choose a new password.
type MailPasswordReset struct {
	Letterhead
	Code  string        // six digits
	Valid time.Duration // how long the code works
	Link  string        // /password-reset with the code filled in
}

func (m MailPasswordReset) letter() letter {
	return letter{kind: "password_reset", code: m.Code, valid: m.Valid, link: m.Link}
}

// MailPasswordChanged tells of a new password.
type MailPasswordChanged struct {
	Letterhead
	ResetLink string // /password-reset: the remedy, if it was not her
}

func (m MailPasswordChanged) letter() letter {
	return letter{kind: "password_changed", link: m.ResetLink}
}

// MailTest shows an operator that mail arrives, and how it looks.
type MailTest struct {
	Letterhead
	Link string // of the button, which is there to be looked at
}

func (m MailTest) letter() letter { return letter{kind: "test", link: m.Link} }

// RenderedMail is a mail in the reader's language.
type RenderedMail struct {
	To      string
	Subject string
	Text    string
	HTML    string
	Code    string // the code in it; "" for none
}

// mails holds the HTML and the text of all mails by language.
var mails = sync.OnceValue(func() map[string]mailTemplates {
	all := map[string]mailTemplates{}
	for _, t := range catalogue() {
		functions := t.functions()
		all[t.tag] = mailTemplates{
			html: template.Must(template.New("mail.html").Funcs(functions).ParseFS(files, "mail/mail.html")),
			text: texttemplate.Must(texttemplate.New("mail.txt").Funcs(functions).ParseFS(files, "mail/mail.txt")),
		}
	}
	return all
})

type mailTemplates struct {
	html *template.Template
	text *texttemplate.Template
}

// mailData is what the templates of mails get.
type mailData struct {
	Letterhead
	Subject string
	Text    string
	Code    string
	Button  string
	Link    string
	Forgot  string
	NotYou  string
	Facts   []mailFact
}

// mailFact says when, where or on what device a mail was asked for.
type mailFact struct {
	Label, Value string
}

// RenderMail writes the mail in the language of its letterhead.
func RenderMail(m Mail) (RenderedMail, error) {
	letter, t := m.letter(), tongueOf(m.letterhead().Language)
	data, err := t.mailData(m.letterhead(), letter)
	if err != nil {
		return RenderedMail{}, fmt.Errorf("mail %s: %w", letter.kind, err)
	}
	var html, text bytes.Buffer
	if err := mails()[t.tag].html.Execute(&html, data); err != nil {
		return RenderedMail{}, fmt.Errorf("mail %s: %w", letter.kind, err)
	}
	if err := mails()[t.tag].text.Execute(&text, data); err != nil {
		return RenderedMail{}, fmt.Errorf("mail %s: %w", letter.kind, err)
	}
	return RenderedMail{To: data.To, Subject: data.Subject, Text: text.String(), HTML: html.String(), Code: letter.code}, nil
}

func (t tongue) mailData(head Letterhead, l letter) (mailData, error) {
	if head.Accent == "" || head.OnAccent == "" {
		head.Accent, head.OnAccent = "#3f4fd1", "#ffffff"
	}
	data := mailData{Letterhead: head, Code: l.code, Link: l.link, Forgot: l.forgot}
	words := values{"Application": head.Name(), "Email": head.To, "Valid": l.valid}
	texts := map[string]*string{"subject": &data.Subject, "text": &data.Text, "not_you": &data.NotYou}
	if l.link != "" {
		texts["button"] = &data.Button
	}
	for name, text := range texts {
		var err error
		if *text, err = t.text("mail."+l.kind+"."+name, words); err != nil {
			return mailData{}, err
		}
	}
	moment, err := t.moment(head.AskedAt, head.AskedAt)
	if err != nil {
		return mailData{}, err
	}
	device, err := t.say(head.AskedDevice)
	if err != nil {
		return mailData{}, err
	}
	for _, fact := range []mailFact{{"mail.when", moment}, {"mail.where", head.AskedPlace}, {"mail.device", device}} {
		if fact.Value == "" {
			continue
		}
		if fact.Label, err = t.text(fact.Label, nil); err != nil {
			return mailData{}, err
		}
		data.Facts = append(data.Facts, fact)
	}
	return data, nil
}

// RenderMailBody writes the HTML of a mail for the frame of MailboxMessage, where it can do nothing but open links.
func RenderMailBody(w http.ResponseWriter, html string) error {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "+
		"frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	_, err := w.Write([]byte(html))
	return err
}
