package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/server/servertest"
)

// TestDevClock moves the clock of local mode, and finds that there is none elsewhere.
func TestDevClock(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	for _, test := range []struct {
		body   string
		status int
		offset time.Duration // afterwards
	}{
		{`{"offset_seconds": 172800}`, 200, 48 * time.Hour},
		{`{"advance_seconds": 3600}`, 200, 49 * time.Hour},
		{`{"advance_seconds": -7200}`, 200, 47 * time.Hour},
		{`{"offset_seconds": 1, "advance_seconds": 1}`, 400, 47 * time.Hour},
		{`{}`, 400, 47 * time.Hour},
		{`{"offset_seconds": 700000000}`, 400, 47 * time.Hour},
		{`{"advance_seconds": 9223372036854775807}`, 400, 47 * time.Hour},
		{`{"advance_seconds": -9223372036854775808}`, 400, 47 * time.Hour},
		{`{"seconds": 1}`, 400, 47 * time.Hour},
		{`{"offset_seconds": 0}`, 200, 0},
	} {
		r, err := http.NewRequest(http.MethodPost, i.Issuer+"/dev/clock", strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		if reply := servertest.Do(t, r); reply.Status != test.status || i.Clock.Offset() != test.offset {
			t.Errorf("%s: %d %s, the clock is %s ahead; want %d, %s", test.body, reply.Status, reply.Body, i.Clock.Offset(), test.status, test.offset)
		}
	}
}

// The attack: a page on the web moved the clock of whoever has Portico running on her machine, which ends sessions and purges for good.
func TestDevClockOtherSite_regression(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		r, err := http.NewRequest(http.MethodPost, i.Issuer+"/dev/clock", strings.NewReader(`{"offset_seconds": 172800}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "text/plain") // which needs no preflight request
		r.Header.Set(name, value)
		if reply := servertest.Do(t, r); reply.Status != http.StatusForbidden || i.Clock.Offset() != 0 {
			t.Errorf("%s: %s: %d, the clock is %s ahead", name, value, reply.Status, i.Clock.Offset())
		}
	}
}
