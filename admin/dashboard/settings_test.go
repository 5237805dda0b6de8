package dashboard_test

import (
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

const settingsPage = "/admin/env/default/settings"

func TestSettings(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		b := o.browsers[admin.Admin]
		page := b.Open(settingsPage)
		wantText(t, page, "Unchanged since it was made.", "Anybody may create an account")
		units := []string{"max-length-unit", "days", "inactivity-timeout-unit", "days", "unremembered-max-unit", "hours"}
		for _, test := range []struct {
			typed []string
			want  []string
		}{
			{[]string{"max-length", "two"}, []string{`id="max-length-problem"`, `value="two"`}},
			{[]string{"max-length", "1", "max-length-unit", "minutes"}, []string{`id="max-length-problem"`}},
			{[]string{"max-length", "4000", "max-length-unit", "days"}, []string{`id="max-length-problem"`}},
			{[]string{"max-length", "9223372036854775807"}, []string{`id="max-length-problem"`}},
			{[]string{"inactivity-timeout", "31"}, []string{`id="inactivity-timeout-problem"`, "(2678400 seconds) must not be longer than max_length (2592000 seconds)"}},
			{[]string{"unremembered-max", "0"}, []string{`id="unremembered-max-problem"`}},
		} {
			p := b.Submit(page, "max-length", append(units[:len(units):len(units)], test.typed...)...)
			wantStatus(t, p, http.StatusUnprocessableEntity)
			wantText(t, p, test.want...)
		}
		p := b.Submit(page, "max-length", append(units, "max-length", "20", "inactivity-timeout", "36", "inactivity-timeout-unit", "hours")...)
		wantText(t, p, "Saved", "Last changed", "admin@example.com")
		wantText(t, b.Submit(page, "sign-up", "sign-up", ""), "Somebody else changed this meanwhile.") // by the form above
		p = o.browsers[admin.Owner].Submit(o.browsers[admin.Owner].Open(settingsPage), "sign-up", "sign-up", "")
		wantText(t, p, "Saved", "owner@example.com", "admin@example.com") // each group tells who changed it
		env, err := o.Environments.ByID(t.Context(), o.Environment.ID)
		must(t, err)
		if got := env.BrowserSessions; env.SignUp || got.MaxLength.Hours() != 480 || got.InactivityTimeout.Hours() != 36 || got.UnrememberedMax.Hours() != 12 {
			t.Errorf("saved are %v and %+v", env.SignUp, got)
		}
		wantText(t, o.browsers[admin.Viewer].Open(settingsPage), "Needs the admin role", "disabled", "!Send a test")
	})
}

// A test goes to whoever asks for it, and what the mail server answers is shown.
func TestTestMail(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	b := o.browsers[admin.Admin]
	p := b.Post(settingsPage+"/test-mail", nil)
	wantText(t, p, "The test is sent.", "Send a test to admin@example.com")
	mail := o.Mailbox.Messages()[0]
	if mail.To != "admin@example.com" || !strings.Contains(mail.Text, "admin@example.com") {
		t.Errorf("the test is %+v", mail)
	}
}

func TestTestMailFails(t *testing.T) {
	host, port, err := net.SplitHostPort(servertest.FreeAddress(t)) // where nobody listens
	must(t, err)
	o := open(t, servertest.Start(t, servertest.Options{Variables: map[string]string{
		"PORTICO_MAIL_SMTP_HOST": host, "PORTICO_MAIL_SMTP_PORT": port, "PORTICO_MAIL_SMTP_TLS": "none", "PORTICO_MAIL_FROM": "portico@example.com",
	}}))
	p := o.browsers[admin.Admin].Post(settingsPage+"/test-mail", nil)
	wantStatus(t, p, http.StatusUnprocessableEntity)
	wantText(t, p, "The test was not sent. The answer was:", host+":"+port, "connection refused")
}

func TestBrandOfEnvironment(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	b := o.browsers[admin.Admin]
	const at = settingsPage + "/brand"
	frames := regexp.MustCompile(`<iframe src="([^"]+)"`)
	framed := func(p *servertest.Page, n int) *servertest.Page {
		return b.Open(strings.ReplaceAll(frames.FindAllStringSubmatch(p.Body, -1)[n][1], "&amp;", "&"))
	}

	draft := b.Open(at + "?accent=%23ffd400&logo-uri=https://cdn.example/light.svg&dark-logo-uri=https://cdn.example/dark.svg&help-uri=https://help.example/")
	wantText(t, draft, "Nothing is saved yet.", "#736414")
	wantText(t, framed(draft, 0), `src="https://cdn.example/light.svg"`, `!src="https://cdn.example/dark.svg"`, "https://help.example/", "accent.css", `data-theme="light"`)
	wantText(t, framed(draft, 1), `src="https://cdn.example/dark.svg"`, `!src="https://cdn.example/light.svg"`, `data-theme="dark"`)
	wantText(t, framed(b.Open(at+"?accent=&logo-uri=javascript:alert(1)"), 0), `!src="javascript`)

	for _, test := range []struct{ field, value string }{
		{"accent", "yellow"}, {"logo-uri", "javascript:alert(1)"}, {"dark-logo-uri", "https://cdn.example/dark.svg"}, {"help-uri", "help.example"}, {"tos-uri", "https://" + strings.Repeat("a", 2000)},
	} {
		p := b.Submit(b.Open(at), "accent", test.field, test.value)
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, `id="`+test.field+`-problem"`)
	}

	stale := b.Open(at)
	p := b.Submit(stale, "accent", "accent", "#FFD400", "logo-uri", "https://cdn.example/light.svg", "policy-uri", "https://acme.example/privacy")
	wantText(t, p, "Saved", "Last changed", "admin@example.com", "Restore", `value="#ffd400"`)
	wantText(t, b.Submit(stale, "accent", "accent", "#000000"), "Somebody else changed this meanwhile.")

	// The applications inherit it, each page of the environment has it.
	app := o.AddClient(t, "Wiki", clients.Web, nil)
	wantText(t, o.NewBrowser(t).Open(o.AuthorizeURL(app, "openid", nil)), "/brand/"+string(o.Environment.ID), "https://cdn.example/light.svg", "https://acme.example/privacy")

	wantStatus(t, b.Post(at+"/restore", url.Values{}), http.StatusUnprocessableEntity) // without the state that it was shown
	wantText(t, b.Submit(b.Open(at), "restore"), "The brand is gone.", "!light.svg", "!Restore")
	wantText(t, o.browsers[admin.Viewer].Open(at), "Needs the admin role", "Preview of the sign-in page, dark", "!Restore")
}
