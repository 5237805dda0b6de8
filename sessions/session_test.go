package sessions

import (
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return noon.Add(d) }

const day = 24 * time.Hour

// TestDeadline is design.md §2: what the clocks say of a session, from the policy as it stands now.
func TestDeadline(t *testing.T) {
	web := clients.SessionPolicy{InactivityTimeout: 3 * day, MaxSessionLength: 14 * day}
	longer := clients.SessionPolicy{InactivityTimeout: 60 * day, MaxSessionLength: 365 * day, Retired: []clients.RetiredPolicy{
		{InactivityTimeout: 3 * day, MaxSessionLength: 14 * day, Until: at(10 * day)},
	}}
	for _, test := range []struct {
		name    string
		session Session
		policy  clients.SessionPolicy
		ends    time.Time
		why     EndedReason
	}{
		{"silent since the sign-in", Session{Authentication: Authentication{AuthTime: noon}, LastActiveAt: noon}, web, at(3 * day), EndedInactivity},
		{"active to the last", Session{Authentication: Authentication{AuthTime: noon}, LastActiveAt: at(13 * day)}, web, at(14 * day), EndedMaxLength},
		{"both at once", Session{Authentication: Authentication{AuthTime: noon}, LastActiveAt: at(11 * day)}, web, at(14 * day), EndedMaxLength},
		{"ended by somebody", Session{Authentication: Authentication{AuthTime: noon}, LastActiveAt: noon, EndedAt: at(day), EndedReason: EndedByUser}, web, at(day), EndedByUser},
		{"expired before the policy was lengthened", Session{Authentication: Authentication{AuthTime: noon}, LastActiveAt: at(6 * day)}, longer, at(9 * day), EndedInactivity},
		{"expired at the instant of the change", Session{Authentication: Authentication{AuthTime: noon}, LastActiveAt: at(7 * day)}, longer, at(10 * day), EndedInactivity},
		{"alive when the policy was lengthened", Session{Authentication: Authentication{AuthTime: noon}, LastActiveAt: at(8 * day)}, longer, at(68 * day), EndedInactivity},
		{"active after the change", Session{Authentication: Authentication{AuthTime: noon}, LastActiveAt: at(12 * day)}, longer, at(72 * day), EndedInactivity},
	} {
		t.Run(test.name, func(t *testing.T) {
			ends, why := test.session.Deadline(&test.policy)
			if !ends.Equal(test.ends) || why != test.why {
				t.Errorf("Deadline = %v, %s, want %v, %s", ends, why, test.ends, test.why)
			}
			if test.session.EndedAt.IsZero() && !test.session.Alive(&test.policy, ends.Add(-1)) {
				t.Error("the session is over before its deadline")
			}
			if test.session.Alive(&test.policy, ends) {
				t.Error("the session is alive at its deadline: a moment exactly at one counts as expired")
			}
		})
	}
}

// TestBrowserSessionDeadline: without "keep me signed in" a sign-in lasts 12 hours, with it 30 days, or 14 without use.
func TestBrowserSessionDeadline(t *testing.T) {
	clocks := environments.DefaultBrowserSessions
	for _, test := range []struct {
		name    string
		browser BrowserSession
		ends    time.Time
		why     EndedReason
	}{
		{"not remembered", BrowserSession{LastActiveAt: at(11 * time.Hour)}, at(12 * time.Hour), EndedMaxLength},
		{"remembered, silent", BrowserSession{Remember: true, LastActiveAt: noon}, at(14 * day), EndedInactivity},
		{"remembered, in use", BrowserSession{Remember: true, LastActiveAt: at(29 * day)}, at(30 * day), EndedMaxLength},
		{"signed out", BrowserSession{Remember: true, LastActiveAt: noon, EndedAt: at(time.Hour), EndedReason: EndedSignedOut}, at(time.Hour), EndedSignedOut},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.browser.AuthTime = noon
			ends, why := test.browser.Deadline(&clocks)
			if !ends.Equal(test.ends) || why != test.why {
				t.Errorf("Deadline = %v, %s, want %v, %s", ends, why, test.ends, test.why)
			}
			if test.browser.Alive(&clocks, ends) {
				t.Error("alive at its deadline")
			}
		})
	}
}
