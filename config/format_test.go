package config

import (
	"math"
	"strings"
	"testing"
	"time"
)

// accepts is a line of a table about a format. An empty want means that the value is refused.
type accepts struct {
	value any
	want  string
}

func check[T any](t *testing.T, f format[T], tests []accepts) {
	t.Helper()
	for _, test := range tests {
		got, ok := f.read(test.value)
		shown := ""
		if ok {
			shown = f.write(got)
		}
		if shown != test.want {
			t.Errorf("%#v: %q, want %q", test.value, shown, test.want)
		}
	}
}

func TestOrigin(t *testing.T) {
	check(t, origin(), []accepts{
		{"https://id.example.com", "https://id.example.com"},
		{"https://id.example.com/", "https://id.example.com"},
		{"HTTPS://ID.Example.COM", "https://id.example.com"},
		{"https://id.example.com:443", "https://id.example.com"},
		{"http://localhost:80", "http://localhost"},
		{"https://id.example.com:80", "https://id.example.com:80"},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"http://[::1]:8080", "http://[::1]:8080"},
		{"https://[2001:DB8::1]", "https://[2001:db8::1]"},
		{"https://xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example"},
		{"https://münchen.example", ""},
		{"https://id.example.com/auth", ""},
		{"https://id.example.com//", ""},
		{"https://id.example.com?", ""}, // OIDC Discovery §3: no query or fragment
		{"https://id.example.com#", ""},
		{"https://ada@id.example.com", ""},
		{"https://id.example.com:", ""},
		{"https://id.example.com:0", ""},
		{"https://id.example.com:65536", ""},
		{"https://id.example.com:0443", ""},
		{"https://[fe80::1%25eth0]", ""},
		{"https://id example.com", ""},
		{"https://*.example.com", ""},
		{"https://id.example.com.", ""},
		{"https://", ""},
		{"ftp://id.example.com", ""},
		{"javascript:alert(1)", ""},
		{"id.example.com", ""},
		{"", ""},
		{8080, ""},
	})
}

func TestHostPort(t *testing.T) {
	check(t, hostPort(), []accepts{
		{"127.0.0.1:8080", "127.0.0.1:8080"},
		{":8080", ":8080"},
		{"127.0.0.1:0", "127.0.0.1:0"},
		{"[::1]:8080", "[::1]:8080"},
		{"localhost:8080", "localhost:8080"},
		{"portico_1:8080", "portico_1:8080"},
		{"::1:8080", ""},
		{"127.0.0.1", ""},
		{"127.0.0.1:", ""},
		{"127.0.0.1:http", ""},
		{"127.0.0.1:+80", ""},
		{"127.0.0.1:080", ""},
		{"127.0.0.1:65536", ""},
		{"http://127.0.0.1:8080", ""},
		{"a b:80", ""},
		{"-a:80", ""},
		{strings.Repeat("a", 64) + ":80", ""},
		{strings.Repeat("a.", 127) + "a:80", ""},
		{8080, ""},
	})
}

func TestDatabaseURL(t *testing.T) {
	check(t, databaseURL(), []accepts{
		{"sqlite:portico.db", "sqlite:portico.db"},
		{"sqlite:/var/lib/portico.db", "sqlite:/var/lib/portico.db"},
		{"sqlite:///var/lib/portico.db", "sqlite:/var/lib/portico.db"},
		{"sqlite://portico.db", "sqlite:portico.db"},
		{"postgres://portico:hunter2@db:5432/portico?sslmode=disable", "postgres://portico:xxxxx@db:5432/portico?sslmode=disable"},
		{"postgresql://db/portico", "postgresql://db/portico"},
		{"postgres:///portico?host=/var/run/postgresql", "postgres:///portico?host=%2Fvar%2Frun%2Fpostgresql"},
		{"postgres://u:%40@db/portico", "postgres://u:xxxxx@db/portico"},
		{"sqlite:", ""},
		{"sqlite::memory:", ""},
		{"sqlite:portico.db?mode=ro", ""},
		{"postgres:portico", ""},
		{"postgres:///portico", ""},
		{"postgres://u:a#b@db/portico", ""},
		{"postgres://u:%zz@db/portico", ""},
		{"mysql://db/portico", ""},
		{"host=db dbname=portico", ""},
		{"postgres://db/portico\n", ""},
	})

	for _, test := range []struct{ url, driver, file string }{
		{"sqlite:./a.db", "sqlite", "./a.db"},
		{"postgres://db/a", "postgres", ""},
	} {
		if u := DatabaseURL(test.url); u.Driver() != test.driver || u.File() != test.file {
			t.Errorf("%s has driver %q and file %q, want %q and %q", u, u.Driver(), u.File(), test.driver, test.file)
		}
	}
}

func TestNetworks(t *testing.T) {
	check(t, list("", network()), []accepts{
		{[]any{}, "[]"},
		{[]any{"10.1.2.3/8", "127.0.0.1", "2001:db8::/32"}, "[10.0.0.0/8, 127.0.0.1/32, 2001:db8::/32]"},
		{"10.0.0.0/8,\n ::1 ,", "[10.0.0.0/8, ::1/128]"},
		{"0.0.0.0/0", ""},
		{"::/0", ""},
		{"10.0.0.0/33", ""},
		{"fe80::1%eth0", ""},
		{"proxy.example.com", ""},
		{[]any{10}, ""},
		{[]any{[]any{"10.0.0.0/8"}}, ""},
		{10, ""},
	})
}

func TestSecret(t *testing.T) {
	check(t, secret(), []accepts{
		{strings.Repeat("x", 32), "[secret]"},
		{strings.Repeat("ä", 32), "[secret]"},
		{strings.Repeat("x", 31), ""},
		{strings.Repeat("ä", 16), ""},
		{strings.Repeat("x", 32) + "\n", ""},
		{strings.Repeat("\xff", 32), ""},
		{1e40, ""},
	})
}

func TestMailbox(t *testing.T) {
	check(t, mailbox(), []accepts{
		{"no-reply@acme.example", "no-reply@acme.example"},
		{"Acme <no-reply@acme.example>", "Acme <no-reply@acme.example>"},
		{`"Acme, Inc." <no-reply@acme.example>`, `"Acme, Inc." <no-reply@acme.example>`},
		{"Acme", ""},
		{"a@acme.example, b@acme.example", ""},
		{"a@acme.example\r\nBcc: b@acme.example", ""},
	})
}

func TestWhole(t *testing.T) {
	check(t, whole[uint8](1, 255), []accepts{
		{1, "1"},
		{255, "255"},
		{"255", "255"},
		{0, ""},
		{256, ""},
		{257, ""}, // would be 1, cut to a byte
		{-1, ""},
		{"", ""},
		{"1.0", ""},
		{1.0, ""},
		{true, ""},
		{uint64(math.MaxUint64), ""},
		{"99999999999999999999", ""},
	})
}

func TestDurations(t *testing.T) {
	for _, test := range []struct {
		text string
		want time.Duration
	}{
		{"90s", 90 * time.Second},
		{"1h30m", 90 * time.Minute},
		{"0s", 0},
		{"0", 0},
		{"0d", 0},
		{"30d", 30 * day},
		{"1d12h", 36 * time.Hour},
		{"106751d", 106751 * day},
		{"1.5h", 90 * time.Minute},
	} {
		if got, err := ParseDuration(test.text); got != test.want || err != nil {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", test.text, got, err, test.want)
		}
	}
	for _, text := range []string{"", "d", "30", "-1s", "+1s", "-1d", "1d-1s", "1.5d", "12h1d", "1dd", "1d2d", "1d ", "106752d", "106751d24h", "99999999999999999999d", "1w", "1y"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", text, got)
		}
	}
	for want, d := range map[string]time.Duration{
		"0s": 0, "1s": time.Second, "2m": 2 * time.Minute, "1h": time.Hour, "1h0m1s": time.Hour + time.Second, "10m": 10 * time.Minute, "20h": 20 * time.Hour,
		"36h": 36 * time.Hour, "30d": 30 * day, "1m30s": 90 * time.Second, "100ms": 100 * time.Millisecond,
	} {
		got := FormatDuration(d)
		if back, err := ParseDuration(got); got != want || back != d || err != nil {
			t.Errorf("FormatDuration(%v) = %q, which reads as %v, %v, want %q", d, got, back, err, want)
		}
	}
}
