package config

import (
	"net"
	"runtime"
	"strings"
)

// derive fills in the defaults that depend on something else.
func (r *reader) derive() {
	c := r.config
	if _, given := r.sources["public_url"]; !given {
		if _, port, err := net.SplitHostPort(c.Listen); err == nil && !anyPort(c.Listen) {
			c.PublicURL, _ = origin().read("http://localhost:" + port)
		}
	}
	if c.Database.URL == "" {
		c.Database.URL = DatabaseURL("sqlite:" + strings.TrimSuffix(c.DataDir, "/") + "/portico.db")
	}
	if c.Database.MaxConnections == 0 {
		c.Database.MaxConnections = 20
		if c.Database.URL.Driver() == "sqlite" {
			c.Database.MaxConnections = max(4, runtime.GOMAXPROCS(0))
		}
	}
	if c.Local() {
		c.Outgoing.PrivateNetworks = true
	}
	if c.Mail.From == "" && c.Local() {
		c.Mail.From = "Portico <portico@localhost>"
	}
	if c.Mail.SMTP.Port == 0 {
		c.Mail.SMTP.Port = map[string]int{"starttls": 587, "implicit": 465, "none": 25}[c.Mail.SMTP.TLS]
	}
	if c.Log.Format == "" {
		c.Log.Format = "json"
		if c.Local() {
			c.Log.Format = "text"
		}
	}
	if c.Passwords.ParallelHashes == 0 {
		c.Passwords.ParallelHashes = runtime.GOMAXPROCS(0)
	}
}

// check refuses what no key gets wrong alone.
func (r *reader) check() {
	c := r.config
	if c.Limits.ReadHeaderTimeout > c.Limits.ReadTimeout && !r.refused["limits.read_timeout"] {
		r.refuse("limits.read_header_timeout", "must not be longer than limits.read_timeout, which is %s and includes it", FormatDuration(c.Limits.ReadTimeout))
	}
	r.checkMail()
	r.checkListeners()
	if r.refused["public_url"] {
		return // whether this is local mode isn't known
	}
	if c.Local() {
		r.checkLocal()
	} else {
		r.checkPublic()
	}
}

func (r *reader) checkMail() {
	smtp := r.config.Mail.SMTP
	switch {
	case smtp.Host == "" && smtp.Username != "":
		r.refuse("mail.smtp.host", "is missing, though there is a mail.smtp.username; name the server")
	case smtp.Username != "" && smtp.Password == "" && !r.refused["mail.smtp.username"]:
		r.refuse("mail.smtp.password", "is missing, though there is a mail.smtp.username; give it as mail.smtp.password_file or %s", variable("mail.smtp.password"))
	case smtp.Username == "" && smtp.Password != "":
		r.refuse("mail.smtp.username", "is missing, though there is a mail.smtp.password; name the account")
	case smtp.TLS == "none" && smtp.Password != "" && smtp.Host != "" && !loopback(smtp.Host):
		r.refuse("mail.smtp.tls", "would send mail.smtp.password in clear to %s; take starttls or implicit", smtp.Host)
	}
}

// checkListeners refuses two listeners on one address, which the system would report as a port that
// somebody else has taken.
func (r *reader) checkListeners() {
	c := r.config
	taken := map[string]string{c.Listen: "listen"}
	for _, l := range []struct {
		key, address string
		used         bool
	}{
		{"metrics.listen", c.Metrics.Listen, c.Metrics.Listen != ""},
		{"demo.listen", c.Demo.Listen, c.Demo.Enabled},
	} {
		if !l.used {
			continue
		}
		if other, ok := taken[l.address]; ok && !anyPort(l.address) {
			r.refuse(l.key, "is the address of %s too; take another port", other)
		}
		taken[l.address] = l.key
	}
}

// checkLocal keeps what is safe on this machine alone from being reached by others.
func (r *reader) checkLocal() {
	c := r.config
	if !onLoopback(c.Listen) {
		r.refuse("listen", "reaches beyond this machine, while public_url is %s; listen on 127.0.0.1, or set public_url to the https address that people use", c.PublicURL)
	}
	if c.Demo.Enabled && !onLoopback(c.Demo.Listen) {
		r.refuse("demo.listen", "reaches beyond this machine; listen on 127.0.0.1")
	}
}

// checkPublic asks for what local mode does without.
func (r *reader) checkPublic() {
	c := r.config
	if !strings.HasPrefix(c.PublicURL, "https:") {
		r.refuse("public_url", "must begin with https, as it is no address of this machine alone; a proxy may end TLS, or take http://localhost to try Portico out")
	}
	if c.Secret == "" {
		r.refuse("secret", "is missing; give at least %d random characters, as openssl rand -base64 32 makes them, by secret_file, %s or %s", minSecretLength, variable("secret"), variable("secret"+fileSuffix))
	}
	if c.Mail.SMTP.Host == "" {
		r.refuse("mail.smtp.host", "is missing; name the server that takes mail, without which nobody can verify an address or reset a password")
	}
	if c.Mail.From == "" {
		r.refuse("mail.from", "is missing; give the address that mail comes from, such as Acme <no-reply@acme.example>")
	}
	if c.Demo.Enabled {
		r.refuse("demo.enabled", "must be false where public_url is %s; the demo is for local mode", c.PublicURL)
	}
}

func onLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && loopback(host)
}

func anyPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port == "0"
}
