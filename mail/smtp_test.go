package mail

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// server is an SMTP server of one connection at a time that does what a test says.
type server struct {
	net.Listener
	certificate tls.Certificate
	startTLS    bool
	login       string // user and password that it wants, as "user:password"; "" for no AUTH
	refuse      string // answer to RCPT; "" takes the recipient
	rudely      bool   // closes the connection after the message without an answer to QUIT

	received chan string // envelope and content
}

func (s *server) serve() {
	for {
		conn, err := s.Accept()
		if err != nil {
			return
		}
		s.talk(conn)
	}
}

func (s *server) talk(conn net.Conn) {
	defer func() { conn.Close() }()
	r := bufio.NewReader(conn)
	say := func(format string, args ...any) { fmt.Fprintf(conn, format+"\r\n", args...) }
	say("220 test ready")
	var envelope strings.Builder
	encrypted := false
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			say("250-test")
			if s.startTLS && !encrypted {
				say("250-STARTTLS")
			}
			if s.login != "" {
				say("250-AUTH PLAIN")
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go on")
			conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{s.certificate}})
			r = bufio.NewReader(conn)
			encrypted = true
			fmt.Fprintf(&envelope, "TLS\n")
		case "AUTH":
			given, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			if user, password, _ := strings.Cut(s.login, ":"); string(given) != "\x00"+user+"\x00"+password {
				say("535 5.7.8 credentials refused")
				continue
			}
			say("235 welcome")
		case "MAIL":
			address, _, _ := strings.Cut(rest, " ") // without parameters
			fmt.Fprintf(&envelope, "%s\n", address)
			say("250 ok")
		case "RCPT":
			if s.refuse != "" {
				say("%s", s.refuse)
				continue
			}
			fmt.Fprintf(&envelope, "%s\n", rest)
			say("250 ok")
		case "DATA":
			say("354 go on")
			var content strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				content.WriteString(strings.TrimPrefix(line, "."))
			}
			say("250 taken")
			s.received <- envelope.String() + "\n" + content.String()
			if s.rudely {
				return
			}
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// start runs the server and gives a Sender for it.
func start(t *testing.T, s *server, implicit bool) *SMTP {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate, which is for 127.0.0.1
	t.Cleanup(web.Close)
	s.certificate = web.TLS.Certificates[0]
	pool := x509.NewCertPool()
	pool.AddCert(web.Certificate())

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sender := &SMTP{
		Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, From: "Acme <no-reply@acme.example>",
		Timeout: 5 * time.Second, Now: func() time.Time { return time.Date(2026, 12, 4, 14, 32, 0, 0, time.UTC) },
		TLSConfig: &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"},
	}
	if implicit {
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{s.certificate}})
		sender.TLS = Implicit
	}
	s.Listener, s.received = listener, make(chan string, 1)
	t.Cleanup(func() { listener.Close() })
	go s.serve()
	return sender
}

var message = Message{
	To: "nina@example.com", Subject: "Bestätigen Sie Ihre Adresse, Acme Web",
	Text: "Ihr Code ist 482913.\n.\n", HTML: "<p>Ihr Code ist <b>482913</b>.</p>",
}

func TestSMTPSend(t *testing.T) {
	for _, test := range []struct {
		name     string
		server   server
		tls      string
		implicit bool
		username string
		envelope string
	}{
		{"STARTTLS", server{startTLS: true}, "", false, "", "TLS\nFROM:<no-reply@acme.example>\nTO:<nina@example.com>\n"},
		{"STARTTLS and password", server{startTLS: true, login: "acme:s3cret"}, STARTTLS, false, "acme", "TLS\nFROM:<no-reply@acme.example>\nTO:<nina@example.com>\n"},
		{"implicit TLS and password", server{login: "acme:s3cret"}, Implicit, true, "acme", "FROM:<no-reply@acme.example>\nTO:<nina@example.com>\n"},
		{"no TLS", server{}, None, false, "", "FROM:<no-reply@acme.example>\nTO:<nina@example.com>\n"},
		{"no TLS and password", server{login: "acme:s3cret"}, None, false, "acme", "FROM:<no-reply@acme.example>\nTO:<nina@example.com>\n"},
		{"no goodbye", server{rudely: true}, None, false, "", "FROM:<no-reply@acme.example>\nTO:<nina@example.com>\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			sender := start(t, &test.server, test.implicit)
			sender.TLS, sender.Username, sender.Password = test.tls, test.username, "s3cret"
			if err := sender.Send(t.Context(), message); err != nil {
				t.Fatal(err)
			}
			envelope, content, _ := strings.Cut(<-test.server.received, "\n\n")
			if diff := cmp.Diff(test.envelope, envelope+"\n"); diff != "" {
				t.Errorf("envelope (-want +got):\n%s", diff)
			}
			checkContent(t, content)
		})
	}
}

// checkContent reads the message as a mail program does (RFC 5322, RFC 2046 §5.1.4).
func checkContent(t *testing.T, content string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if id := m.Header.Get("Message-ID"); !strings.HasSuffix(id, "@acme.example>") {
		t.Errorf("Message-ID = %q, want one of the sender's domain", id)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	_, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	got := []string{m.Header.Get("From"), m.Header.Get("To"), subject, m.Header.Get("Date"), m.Header.Get("Auto-Submitted"), m.Header.Get("User-Agent")}
	for parts := multipart.NewReader(m.Body, parameters["boundary"]); ; {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, part.Header.Get("Content-Type"), strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
	want := []string{`"Acme" <no-reply@acme.example>`, "<nina@example.com>", message.Subject, "Fri, 04 Dec 2026 14:32:00 +0000", "auto-generated", "",
		"text/plain; charset=UTF-8", message.Text, "text/html; charset=UTF-8", message.HTML}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
}

func TestSMTPErrors(t *testing.T) {
	for _, test := range []struct {
		name     string
		server   server
		tls      string
		implicit bool
		change   func(*SMTP, *Message)
		want     string // in the error
	}{
		{"no STARTTLS", server{}, STARTTLS, false, nil, "set mail.smtp.tls to implicit or none"},
		{"implicit TLS on a plain port", server{startTLS: true}, Implicit, false, nil, "the server expects mail.smtp.tls: starttls"},
		{"wrong password", server{startTLS: true, login: "acme:other"}, STARTTLS, false, func(s *SMTP, _ *Message) { s.Username, s.Password = "acme", "s3cret" }, "check mail.smtp.username"},
		{"no authentication offered", server{startTLS: true}, STARTTLS, false, func(s *SMTP, _ *Message) { s.Username, s.Password = "acme", "s3cret" }, "check mail.smtp.username"},
		{"recipient refused", server{refuse: "550 5.1.1 no such person"}, None, false, nil, "no such person"},
		{"unknown certificate", server{startTLS: true}, STARTTLS, false, func(s *SMTP, _ *Message) { s.TLSConfig = nil }, "certificate"},
		{"no address", server{}, None, false, func(_ *SMTP, m *Message) { m.To = "nina" }, "recipient: not a mail address"},
		{"two addresses", server{}, None, false, func(_ *SMTP, m *Message) { m.To = "nina@example.com\r\nBcc: all@example.com" }, "recipient: not a mail address"},
		{"no sender", server{}, None, false, func(s *SMTP, _ *Message) { s.From = "Acme" }, `sender "Acme"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			sender, m := start(t, &test.server, test.implicit), message
			sender.TLS = test.tls
			if test.change != nil {
				test.change(sender, &m)
			}
			err := sender.Send(t.Context(), m)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "127.0.0.1:") {
				t.Errorf("Send = %v, want an error with the server and %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

func TestSMTPCheck(t *testing.T) {
	for _, test := range []struct {
		password string
		want     string // in the error; "" for none
	}{
		{"s3cret", ""},
		{"other", "check mail.smtp.username"},
	} {
		s := &server{startTLS: true, login: "acme:s3cret"}
		sender := start(t, s, false)
		sender.Username, sender.Password = "acme", test.password
		err := sender.Check(t.Context())
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("Check with %s = %v, want an error with %q", test.password, err, test.want)
		}
		if len(s.received) > 0 {
			t.Error("Check sent a mail")
		}
	}
}

// A header in the subject is no header.
func TestSMTPSubjectInjection(t *testing.T) {
	s := &server{}
	sender := start(t, s, false)
	sender.TLS = None
	m := message
	m.Subject = "Hello\r\nBcc: all@example.com"
	if err := sender.Send(t.Context(), m); err != nil {
		return // refused is as good
	}
	if content := <-s.received; strings.Contains(content, "\nBcc:") {
		t.Errorf("the subject became a header:\n%s", content)
	}
}
