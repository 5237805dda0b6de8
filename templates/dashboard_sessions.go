package templates

import (
	"slices"
	"strings"
	"time"
)

// DashboardSessions is the tab with the clocks and the sessions of an application. It posts the fields access-token-lifetime,
// inactivity-timeout, max-session-length, id-token-lifetime, authorization-code-lifetime and refresh-reuse-window, each with its
// unit, and activity to its address; session to …/sessions/end; and has a form with status, person and since, and the method GET.
type DashboardSessions struct {
	ApplicationPage
	Pager
	AccessToken, Inactivity, Maximum Duration
	IDToken, Code, Reuse             Duration
	Activity                         string        // as in clients.Activity
	Effect                           *PolicyEffect // what saving does, to be confirmed; nil before she saves and where it ends nothing
	Status                           string        // "living", "over" or "ending"
	Person                           string
	Since                            string // YYYY-MM-DD
	Rows                             []SessionRow
	Organizations                    bool    // some of them belong to one
	EndDenied                        Message // why she may not end sessions; zero if she may
}

func (p DashboardSessions) view() view { return p.tabView("dashboard_sessions") }

// Unfolded reports whether one of the clocks that are folded away is wrong.
func (p DashboardSessions) Unfolded() bool {
	return slices.ContainsFunc(p.Errors, func(e FieldError) bool {
		return slices.Contains([]string{"activity", "id-token-lifetime", "authorization-code-lifetime", "refresh-reuse-window"}, e.Field)
	})
}

// Table is the list of sessions.
func (p DashboardSessions) Table() SessionTable {
	return SessionTable{Now: p.Now, Rows: p.Rows, Columns: SessionColumns{Person: true, Organization: p.Organizations}, EndAddress: p.Here("/sessions/end"), EndDenied: p.EndDenied}
}

// Filtered reports whether the list leaves living sessions out.
func (p DashboardSessions) Filtered() bool {
	return p.Status != "living" || p.Person != "" || p.Since != ""
}

// Duration is a field with a number and one with its unit.
type Duration struct {
	Number string
	Unit   string // "seconds", "minutes", "hours" or "days"
}

// DurationOf writes a duration in the largest unit that it is a whole number of.
func DurationOf(d time.Duration) Duration {
	for _, unit := range durationUnits {
		if d >= unit.size && d%unit.size == 0 {
			return Duration{formatInt(int64(d / unit.size)), unit.name}
		}
	}
	return Duration{formatInt(int64(d / time.Second)), "seconds"}
}

// Value is the duration that was typed, and whether it is one.
func (d Duration) Value() (time.Duration, bool) {
	n, ok := parseInt(d.Number)
	for _, unit := range durationUnits {
		if ok && unit.name == d.Unit && n >= 0 && n <= int64(maxDuration/unit.size) {
			return time.Duration(n) * unit.size, true
		}
	}
	return 0, false
}

// PolicyEffect is what other clocks do to the living sessions.
type PolicyEffect struct {
	Living, Inactive, TooOld int
	Confirm                  string // posted as confirmed, so that what is saved is what was shown
	ShowThem                 string // address of the sessions that end
}

// Total is how many sessions end.
func (e PolicyEffect) Total() int { return e.Inactive + e.TooOld }

// SessionRow is one session.
type SessionRow struct {
	Person
	ID           string
	UserURI      string // address of the user's page
	Device       Message
	Phone        bool
	Address      string  // IP address
	Method       Message // how the user proved who she is
	Application  Reference
	Organization Reference
	Started      time.Time
	LastActive   time.Time
	Until        time.Time     // when it ends at the latest; zero if a timeout does first
	IdleTimeout  time.Duration // that ends it without use; 0 if its length does first
	Ended        time.Time     // zero while it lives
	Reason       string        // for which it ended
	By           string        // who ended it; "" for a clock or the user
	After        time.Duration // for inactivity and max_length: the clock that ran out
}

// Over reports whether the session has ended.
func (r SessionRow) Over() bool { return !r.Ended.IsZero() }

// Because is why the session has ended, as an operator is told.
func (r SessionRow) Because() Message {
	return Message{id: "session_over." + r.Reason, values: values{"After": r.After}}
}

// TextMethod names the methods of an authentication (RFC 8176).
func TextMethod(amr []string) Message {
	if len(amr) == 1 && amr[0] == "pwd" {
		return Message{id: "method.pwd"}
	}
	return Literal(strings.Join(amr, ", "))
}

// Notices of the tab.
var (
	TextSessionEndedByOperator = Message{id: "notice.one_session_ended", tone: toneSuccess}
	TextSessionsEnded          = Message{id: "notice.sessions_ended", tone: toneSuccess}
)

// TextNumber asks for a number.
var TextNumber = Message{id: "problem.number"}
