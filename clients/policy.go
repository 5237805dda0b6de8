package clients

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
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

// sameClocks reports whether the policies differ in nothing but what is retired.
func (p SessionPolicy) sameClocks(q SessionPolicy) bool {
	p.Retired, q.Retired = nil, nil
	return p.AccessTokenLifetime == q.AccessTokenLifetime && p.InactivityTimeout == q.InactivityTimeout &&
		p.MaxSessionLength == q.MaxSessionLength && p.IDTokenLifetime == q.IDTokenLifetime &&
		p.AuthorizationCodeLifetime == q.AuthorizationCodeLifetime && p.RefreshReuseWindow == q.RefreshReuseWindow &&
		p.Activity == q.Activity
}

// seconds is a duration as JSON has it.
type seconds time.Duration

func (s seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(int64(time.Duration(s) / time.Second))
}

func (s *seconds) UnmarshalJSON(data []byte) error {
	var n int64
	if err := json.Unmarshal(data, &n); err != nil {
		return err
	}
	if limit := int64(math.MaxInt64 / time.Second); n > limit || n < -limit {
		return fmt.Errorf("%d seconds are out of range", n)
	}
	*s = seconds(n) * seconds(time.Second)
	return nil
}

type policyDocument struct {
	AccessTokenLifetime       seconds           `json:"access_token_lifetime"`
	InactivityTimeout         seconds           `json:"inactivity_timeout"`
	MaxSessionLength          seconds           `json:"max_session_length"`
	IDTokenLifetime           seconds           `json:"id_token_lifetime"`
	AuthorizationCodeLifetime seconds           `json:"authorization_code_lifetime"`
	RefreshReuseWindow        seconds           `json:"refresh_reuse_window"`
	Activity                  Activity          `json:"activity"`
	Retired                   []retiredDocument `json:"retired,omitempty"`
}

type retiredDocument struct {
	InactivityTimeout seconds   `json:"inactivity_timeout"`
	MaxSessionLength  seconds   `json:"max_session_length"`
	Until             time.Time `json:"until"`
}

func (p *SessionPolicy) document() policyDocument {
	d := policyDocument{
		AccessTokenLifetime: seconds(p.AccessTokenLifetime), InactivityTimeout: seconds(p.InactivityTimeout),
		MaxSessionLength: seconds(p.MaxSessionLength), IDTokenLifetime: seconds(p.IDTokenLifetime),
		AuthorizationCodeLifetime: seconds(p.AuthorizationCodeLifetime), RefreshReuseWindow: seconds(p.RefreshReuseWindow),
		Activity: p.Activity,
	}
	for _, r := range p.Retired {
		d.Retired = append(d.Retired, retiredDocument{seconds(r.InactivityTimeout), seconds(r.MaxSessionLength), r.Until})
	}
	return d
}

// MarshalJSON writes the whole policy, with its durations as integer seconds and its retired policies.
func (p SessionPolicy) MarshalJSON() ([]byte, error) { return json.Marshal(p.document()) }

// UnmarshalJSON reads what MarshalJSON writes. What the document doesn't name stays as it is.
func (p *SessionPolicy) UnmarshalJSON(data []byte) error {
	d := p.document()
	retired := d.Retired
	d.Retired = nil
	if err := json.Unmarshal(data, &d); err != nil {
		return err
	}
	if d.Retired == nil {
		d.Retired = retired
	}
	*p = SessionPolicy{
		AccessTokenLifetime: time.Duration(d.AccessTokenLifetime), InactivityTimeout: time.Duration(d.InactivityTimeout),
		MaxSessionLength: time.Duration(d.MaxSessionLength), IDTokenLifetime: time.Duration(d.IDTokenLifetime),
		AuthorizationCodeLifetime: time.Duration(d.AuthorizationCodeLifetime), RefreshReuseWindow: time.Duration(d.RefreshReuseWindow),
		Activity: d.Activity,
	}
	for _, r := range d.Retired {
		p.Retired = append(p.Retired, RetiredPolicy{time.Duration(r.InactivityTimeout), time.Duration(r.MaxSessionLength), r.Until})
	}
	return nil
}
