package mail

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"

	smtp "github.com/wneessen/go-mail"
	wire "github.com/wneessen/go-mail/smtp"
)

// The ways to protect the connection to an SMTP server.
const (
	STARTTLS = "starttls" // demanded, not tried (RFC 3207)
	Implicit = "implicit" // TLS from the first byte (RFC 8314 §3.3)
	None     = "none"
)

// SMTP is the Sender that hands each message to one server, over a connection of its own.
type SMTP struct {
	Host     string
	Port     int
	TLS      string // STARTTLS, Implicit or None; "" is STARTTLS
	Username string // "" for no authentication
	Password string
	From     string        // RFC 5322 mailbox of messages that name none
	Timeout  time.Duration // for the connection, and again for the message; 0 for 15 seconds
	Now      func() time.Time

	// TLSConfig is for servers with certificates of their own; nil trusts what the system trusts.
	TLSConfig *tls.Config
}

const defaultTimeout = 15 * time.Second

// Send hands the message over. Its errors name the server and what it answered.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	if err := s.send(ctx, m); err != nil {
		return fmt.Errorf("send mail through %s: %w", net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), err)
	}
	return nil
}

func (s *SMTP) send(ctx context.Context, m Message) error {
	message, err := s.message(m)
	if err != nil {
		return err
	}
	client, connection, err := s.connect(ctx)
	if err != nil {
		return err
	}
	// Once the server took the message, a failing goodbye must not make anybody send it again.
	defer func() { _ = client.CloseWithSMTPClient(connection) }()
	return client.SendWithSMTPClient(connection, message)
}

// Check connects and authenticates as Send does, and sends nothing.
func (s *SMTP) Check(ctx context.Context) error {
	client, connection, err := s.connect(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), err)
	}
	return client.CloseWithSMTPClient(connection)
}

func (s *SMTP) connect(ctx context.Context) (*smtp.Client, *wire.Client, error) {
	client, err := smtp.NewClient(s.Host, s.options()...)
	if err != nil {
		return nil, nil, err
	}
	connection, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("connect: %w%s", err, s.remedy(err))
	}
	return client, connection, nil
}

// message is m in the format of RFC 5322. Auto-Submitted keeps out-of-office replies away (RFC 3834 §5).
func (s *SMTP) message(m Message) (*smtp.Msg, error) {
	if m.From == "" {
		m.From = s.From
	}
	from, err := mail.ParseAddress(m.From)
	if err != nil {
		return nil, fmt.Errorf("sender %q: %w", m.From, err)
	}
	message := smtp.NewMsg(smtp.WithNoDefaultUserAgent())
	message.FromMailAddress(from)
	if err := message.To(m.To); err != nil {
		return nil, fmt.Errorf("recipient: not a mail address")
	}
	message.Subject(m.Subject)
	message.SetDateWithValue(s.Now())
	message.SetMessageIDWithValue(rand.Text() + from.Address[strings.LastIndex(from.Address, "@"):])
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(smtp.TypeTextPlain, m.Text)
	message.AddAlternativeString(smtp.TypeTextHTML, m.HTML)
	return message, nil
}

func (s *SMTP) options() []smtp.Option {
	timeout := s.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	options := []smtp.Option{smtp.WithPort(s.Port), smtp.WithTimeout(timeout), smtp.WithoutNoop(), smtp.WithoutRset()}
	if s.TLSConfig != nil {
		options = append(options, smtp.WithTLSConfig(s.TLSConfig))
	}
	if s.Username != "" {
		options = append(options, smtp.WithUsername(s.Username), smtp.WithPassword(s.Password))
	}
	switch s.TLS {
	case Implicit:
		options = append(options, smtp.WithSSL())
	case None:
		options = append(options, smtp.WithTLSPolicy(smtp.NoTLS))
	default:
		options = append(options, smtp.WithTLSPolicy(smtp.TLSMandatory))
	}
	switch {
	case s.Username == "":
	case s.TLS == None: // the configuration allows it for this machine alone
		options = append(options, smtp.WithOpportunisticSMTPAuth(smtp.SMTPAuthSCRAMSHA256, smtp.SMTPAuthSCRAMSHA1, smtp.SMTPAuthCramMD5,
			smtp.SMTPAuthPlainNoEnc, smtp.SMTPAuthLoginNoEnc))
	default:
		options = append(options, smtp.WithSMTPAuth(smtp.SMTPAuthAutoDiscover))
	}
	return options
}

// remedy says what in the configuration may be wrong when a connection fails as it did.
func (s *SMTP) remedy(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "does not support STARTTLS"):
		return "; set mail.smtp.tls to implicit or none, or use another port"
	case strings.Contains(text, "first record does not look like a TLS handshake"):
		return "; the server expects mail.smtp.tls: starttls on this port"
	case s.TLS != Implicit && strings.Contains(text, "timeout") && s.Port == 465:
		return "; port 465 usually needs mail.smtp.tls: implicit"
	case strings.Contains(text, "AUTH"):
		return "; check mail.smtp.username and mail.smtp.password"
	}
	return ""
}
