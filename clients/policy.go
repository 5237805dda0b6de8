package clients

import (
	"slices"
	"time"

	"github.com/portico-id/portico/audit"
)

// Activity says what starts an inactivity timeout again.
type Activity string

// The kinds of activity. An authorization through the browser always counts, as the person is there.
const (
	ActivityRefresh Activity = "refresh" // a refresh
	ActivityUse     Activity = "use"     // a refresh, introspection and userinfo
)

// SessionPolicy has the clocks of an application's sessions and tokens, in whole seconds. It is read at every use;
// nothing of it is kept in a session or a token.
type SessionPolicy struct {
	AccessTokenLifetime       time.Duration
	InactivityTimeout         time.Duration // zero for an application without users
	MaxSessionLength          time.Duration // from auth_time; zero for an application without users
	IDTokenLifetime           time.Duration
	AuthorizationCodeLifetime time.Duration
	RefreshReuseWindow        time.Duration
	Activity                  Activity
	// Retired has the policies that a change replaced while sessions may have expired under them, the oldest first:
	// what has ended stays ended, noticed or not.
	Retired []RetiredPolicy
	// Cut is the latest that ended all sessions of the application.
	Cut Cut
}

// Cut ends at once every session of an application that was started before it, however many they are: nothing is written to
// their rows but later.
type Cut struct {
	Before string // is over: every session whose ID comes before this in the order of bytes; "" for none
	At     time.Time
	Reason string
	Actor  audit.Actor
}

// RetiredPolicy is a policy that ruled until a time.
type RetiredPolicy struct {
	InactivityTimeout time.Duration
	MaxSessionLength  time.Duration
	Until             time.Time
}

// ChangePolicy replaces the clocks by those of next at the time now, which is later than the change before, and keeps of
// the old ones what living sessions are still judged by; what next says of retired policies is not looked at.
// Registry.Update does the same for whoever sets SessionPolicy itself.
func (a *Application) ChangePolicy(next SessionPolicy, now time.Time) {
	a.SessionPolicy = a.SessionPolicy.replacedBy(next, now)
}

func (p *SessionPolicy) replacedBy(next SessionPolicy, now time.Time) SessionPolicy {
	// A session that was last active before a policy retired, and isn't over under that of today, was so since.
	next.Cut = p.Cut
	next.Retired = slices.DeleteFunc(slices.Clone(p.Retired), func(r RetiredPolicy) bool {
		return !now.Before(r.Until.Add(p.InactivityTimeout))
	})
	if next.InactivityTimeout <= p.InactivityTimeout && next.MaxSessionLength <= p.MaxSessionLength {
		return next
	}
	old := RetiredPolicy{InactivityTimeout: p.InactivityTimeout, MaxSessionLength: p.MaxSessionLength, Until: now}
	// What an older policy ended, a later one that is no longer in either clock ended as well.
	next.Retired = slices.DeleteFunc(next.Retired, func(r RetiredPolicy) bool {
		return old.InactivityTimeout <= r.InactivityTimeout && old.MaxSessionLength <= r.MaxSessionLength
	})
	next.Retired = append(next.Retired, old)
	return next
}

// sameClocks reports whether the policies differ in nothing but what is retired and cut.
func (p SessionPolicy) sameClocks(q SessionPolicy) bool {
	return p.AccessTokenLifetime == q.AccessTokenLifetime && p.InactivityTimeout == q.InactivityTimeout &&
		p.MaxSessionLength == q.MaxSessionLength && p.IDTokenLifetime == q.IDTokenLifetime &&
		p.AuthorizationCodeLifetime == q.AuthorizationCodeLifetime && p.RefreshReuseWindow == q.RefreshReuseWindow &&
		p.Activity == q.Activity
}
