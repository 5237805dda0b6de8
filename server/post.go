package server

import (
	"context"
	"sync"
	"time"

	"github.com/mileusna/useragent"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/mail"
	"github.com/portico-id/portico/templates"
)

// post takes the mails that the domain causes and delivers them on its own time, so that no answer waits for a mail
// server and none tells by its time what was mailed. It implements identity.Mailer.
type post struct {
	s      *Server
	sender mail.Sender
	queue  chan identity.Mail
	done   sync.WaitGroup
}

// How mail is delivered.
const (
	mailQueue   = 1000 // mails that may wait
	mailWorkers = 4
	mailTries   = 5
)

func newPost(s *Server) *post {
	p := &post{s: s, queue: make(chan identity.Mail, mailQueue)}
	if c := s.Config.Mail; c.SMTP.Host != "" {
		p.sender = &mail.SMTP{
			Host: c.SMTP.Host, Port: c.SMTP.Port, TLS: c.SMTP.TLS, Username: c.SMTP.Username, Password: c.SMTP.Password.Reveal(), From: c.From, Now: s.Clock.Now,
		}
	} else {
		s.Mailbox = &mail.Mailbox{Now: s.Clock.Now}
		p.sender = s.Mailbox
	}
	return p
}

// SendMail implements identity.Mailer.
func (p *post) SendMail(_ context.Context, m identity.Mail) error {
	select {
	case p.queue <- m:
		return nil
	default:
		return fault.Unavailablef(time.Minute, "Too many mails are waiting to be sent. Try again in a minute.")
	}
}

// compose chooses the mail's template; nil is a mail that isn't sent.
func (p *post) compose(ctx context.Context, m identity.Mail) (templates.Mail, error) {
	env, err := p.s.Environments.ByID(ctx, m.Environment)
	if err != nil {
		return nil, err
	}
	head := templates.Letterhead{To: m.To, Environment: env.Name, Language: templates.MatchLanguage(m.Language), AskedAt: m.AskedAt.UTC(), AskedDevice: device(m.UserAgent)}
	issuer, clientID, colour := env.Issuer(p.s.publicURL), "", env.Brand.Accent
	if m.Application != "" {
		app, err := p.s.Applications.ByID(ctx, env.ID, m.Application)
		if err != nil {
			return nil, err
		}
		head.Application, clientID, colour = app.Name, app.ClientID, app.Brand(env).Accent
	}
	if accent, ok := templates.NewAccent(colour); ok {
		head.Accent, head.OnAccent = accent.Colour, accent.On
	}
	chrome := templates.Chrome{Prefix: issuer, Interaction: m.Interaction, ClientID: clientID}
	switch m.Kind {
	case identity.MailVerifyEmail:
		return templates.MailVerifyEmail{Letterhead: head, Code: m.Code, Valid: m.Valid, Link: chrome.Href("/verify-email", "code", m.Code)}, nil
	case identity.MailAlreadyRegistered:
		return templates.MailAlreadyRegistered{Letterhead: head, SignInLink: chrome.Href("/sign-in"), ResetLink: chrome.Href("/password-reset")}, nil
	case identity.MailPasswordReset:
		return templates.MailPasswordReset{Letterhead: head, Code: m.Code, Valid: m.Valid, Link: chrome.Href("/password-reset/new", "code", m.Code)}, nil
	case identity.MailPasswordChanged:
		return templates.MailPasswordChanged{Letterhead: head, ResetLink: chrome.Href("/password-reset")}, nil
	}
	return nil, nil
}

// sendTest sends a mail in the name of the environment, and returns what the mail server answered if it took none.
func (p *post) sendTest(ctx context.Context, env *environments.Environment, to, language string) error {
	head := templates.Letterhead{To: to, Environment: env.Name, Language: language, AskedAt: p.s.Clock.Now().UTC()}
	if accent, ok := templates.NewAccent(env.Brand.Accent); ok {
		head.Accent, head.OnAccent = accent.Colour, accent.On
	}
	message, err := mail.Compose(templates.MailTest{Letterhead: head, Link: env.Issuer(p.s.publicURL) + "/account"})
	if err != nil {
		return err
	}
	if err := p.sender.Send(ctx, message); err != nil {
		return fault.Unavailablef(0, "%v", err).WithCause(err)
	}
	return nil
}

// run delivers until the context ends, and what is still queued after that.
func (p *post) run(ctx context.Context) {
	for range mailWorkers {
		p.done.Go(func() {
			for {
				select {
				case m := <-p.queue:
					p.deliver(ctx, m)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	p.done.Wait()
}

func (p *post) deliver(ctx context.Context, m identity.Mail) {
	page, err := p.compose(ctx, m)
	if err != nil || page == nil {
		if err != nil {
			p.s.Log.ErrorContext(ctx, "mail not written", "kind", m.Kind, "err", err)
		}
		return
	}
	message, err := mail.Compose(page)
	if err != nil {
		p.s.Log.ErrorContext(ctx, "mail not written", "kind", m.Kind, "err", err)
		return
	}
	wait := time.Second
	for try := 1; ; try++ {
		err := p.sender.Send(ctx, message)
		if err == nil {
			return
		}
		p.s.Log.WarnContext(ctx, "mail not delivered", "try", try, "kind", m.Kind, "err", err)
		if try == mailTries {
			return
		}
		select {
		case <-time.After(wait):
			wait *= 4
		case <-ctx.Done():
			return
		}
	}
}

// device names the browser and the system of a User-Agent header; the zero Message if it tells neither.
func device(userAgent string) templates.Message {
	agent := useragent.Parse(userAgent)
	if agent.Name == "" {
		return templates.Message{}
	}
	return templates.TextDevice(agent.Name, agent.OS)
}

// mailboxAddress is where a developer reads the mail that stops here.
func (s *Server) mailboxAddress() string { return s.Config.PublicURL + "/dev/mailbox" }

// OnMail has told called for each mail that stops in the mailbox, with the address at which it is read. Call it before Run.
func (s *Server) OnMail(told func(address, to, subject string)) {
	if s.Mailbox != nil {
		s.Mailbox.OnReceive = func(m mail.Received) { told(s.mailboxAddress()+"/"+m.ID, m.To, m.Subject) }
	}
}
