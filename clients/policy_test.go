package clients

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/portico-id/portico/environments"
)

const day = 24 * time.Hour

// judged is the contract of SessionPolicy.Retired, as package sessions keeps it: the first policy that a silent session
// expired under ends it.
func judged(p *SessionPolicy, authTime, lastActive, now time.Time) bool {
	alive := func(inactivity, maximum time.Duration, at time.Time) bool {
		return at.Before(authTime.Add(maximum)) && at.Before(lastActive.Add(inactivity))
	}
	for _, r := range p.Retired {
		if lastActive.Before(r.Until) && !alive(r.InactivityTimeout, r.MaxSessionLength, r.Until) {
			return false
		}
	}
	return alive(p.InactivityTimeout, p.MaxSessionLength, now)
}

// acceptance 38: whatever the history of a policy, a session that has ended stays ended, and one that has not is judged by
// the policy of today alone.
func TestNoChangeOfPolicyRevivesASession(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		hours := func(label string) time.Duration {
			return time.Duration(rapid.IntRange(1, 40).Draw(t, label)) * time.Hour
		}
		policy := func() SessionPolicy {
			return SessionPolicy{InactivityTimeout: hours("inactivity"), MaxSessionLength: hours("maximum")}
		}
		type session struct {
			authTime, lastActive time.Time
			ended                bool // found by looking at every instant
		}
		app := Application{SessionPolicy: policy()}
		var sessions []*session
		now := start
		alive := func(s *session) bool {
			p := &app.SessionPolicy
			return !s.ended && now.Before(s.authTime.Add(p.MaxSessionLength)) && now.Before(s.lastActive.Add(p.InactivityTimeout))
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			// Time passes hour by hour, so that the model notices each end when it happens.
			for range rapid.IntRange(0, 6).Draw(t, "wait") {
				now = now.Add(time.Hour)
				for _, s := range sessions {
					s.ended = !alive(s)
				}
			}
			switch rapid.IntRange(0, 3).Draw(t, "do") {
			case 0:
				sessions = append(sessions, &session{authTime: now, lastActive: now})
			case 1:
				for _, s := range sessions {
					if !s.ended && rapid.Bool().Draw(t, "active") {
						s.lastActive = now
					}
				}
			default:
				now = now.Add(time.Microsecond)
				app.ChangePolicy(policy(), now)
				for _, s := range sessions {
					s.ended = !alive(s)
				}
			}
			for _, s := range sessions {
				if got := judged(&app.SessionPolicy, s.authTime, s.lastActive, now); got == s.ended {
					t.Fatalf("%v: session of %v, last active %v, is alive: %v, want %v under %+v",
						now.Sub(start), s.authTime.Sub(start), s.lastActive.Sub(start), got, !s.ended, app.SessionPolicy)
				}
			}
		}
	})
}

func TestChangePolicyRetiresWhatStillJudges(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clocks := func(inactivity, maximum time.Duration) SessionPolicy {
		return SessionPolicy{InactivityTimeout: inactivity, MaxSessionLength: maximum, AccessTokenLifetime: time.Minute}
	}
	type change struct {
		after time.Duration
		to    SessionPolicy
	}
	for _, test := range []struct {
		name    string
		changes []change
		want    []RetiredPolicy
	}{
		{"shorter in both", []change{{day, clocks(2*day, 10*day)}}, nil},
		{"equal", []change{{day, clocks(3*day, 14*day)}}, nil},
		{"longer inactivity", []change{{day, clocks(4*day, 14*day)}}, []RetiredPolicy{{3 * day, 14 * day, start.Add(day)}}},
		{"longer maximum, shorter inactivity", []change{{day, clocks(2*day, 15*day)}}, []RetiredPolicy{{3 * day, 14 * day, start.Add(day)}}},
		{
			"twice longer",
			[]change{{day, clocks(4*day, 14*day)}, {2 * day, clocks(5*day, 14*day)}},
			[]RetiredPolicy{{3 * day, 14 * day, start.Add(day)}, {4 * day, 14 * day, start.Add(2 * day)}},
		},
		{
			"to and fro: the later one covers the earlier",
			[]change{{day, clocks(4*day, 14*day)}, {2 * day, clocks(3*day, 14*day)}, {3 * day, clocks(4*day, 14*day)}},
			[]RetiredPolicy{{3 * day, 14 * day, start.Add(3 * day)}},
		},
		{
			"long ago: whoever was silent since is over anyway",
			[]change{{day, clocks(4*day, 14*day)}, {5 * day, clocks(4*day, 10*day)}},
			nil,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			app := Application{SessionPolicy: clocks(3*day, 14*day)}
			for _, c := range test.changes {
				// What a caller says of the past doesn't count.
				c.to.Retired = []RetiredPolicy{{time.Hour, time.Hour, start}}
				app.ChangePolicy(c.to, start.Add(c.after))
			}
			if diff := cmp.Diff(test.want, app.SessionPolicy.Retired, cmp.Transformer("empty", func(r []RetiredPolicy) string {
				data, _ := json.Marshal(append([]RetiredPolicy{}, r...))
				return string(data)
			})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// acceptance 37, with the ranges of the three clocks
func TestValidateSessionPolicy(t *testing.T) {
	for _, test := range []struct {
		name   string
		kind   Kind
		change func(*SessionPolicy)
		want   []string // messages; none if it is taken
	}{
		{"preset", Web, func(p *SessionPolicy) {}, nil},
		{"shortest", Web, func(p *SessionPolicy) {
			p.AccessTokenLifetime, p.InactivityTimeout, p.MaxSessionLength = time.Minute, 5*time.Minute, 5*time.Minute
		}, nil},
		{"longest", Web, func(p *SessionPolicy) {
			p.AccessTokenLifetime, p.InactivityTimeout, p.MaxSessionLength = day, 400*day, 3650*day
		}, nil},
		{"access token too short", Web, func(p *SessionPolicy) { p.AccessTokenLifetime = 59 * time.Second }, []string{
			"access_token_lifetime: access_token_lifetime is 59 seconds: it must be 1 minute to 24 hours",
		}},
		{"access token too long", Machine, func(p *SessionPolicy) { p.AccessTokenLifetime = day + time.Second }, []string{
			"access_token_lifetime: access_token_lifetime is 86401 seconds: it must be 1 minute to 24 hours",
		}},
		{"inactivity too long", Web, func(p *SessionPolicy) { p.InactivityTimeout, p.MaxSessionLength = 400*day+time.Second, 3650*day }, []string{
			"inactivity_timeout: inactivity_timeout is 34560001 seconds: it must be 5 minutes to 400 days",
		}},
		{"maximum too long", Web, func(p *SessionPolicy) { p.MaxSessionLength = 3650*day + time.Second }, []string{
			"max_session_length: max_session_length is 315360001 seconds: it must be 5 minutes to 10 years",
		}},
		{"inactivity equals the access token", Web, func(p *SessionPolicy) { p.AccessTokenLifetime, p.InactivityTimeout = time.Hour, time.Hour }, []string{
			"inactivity_timeout: inactivity_timeout (1 hour) must be longer than access_token_lifetime (1 hour)",
		}},
		{"inactivity longer than the maximum", Web, func(p *SessionPolicy) { p.InactivityTimeout = 20 * day }, []string{
			"inactivity_timeout: inactivity_timeout (20 days) must not be longer than max_session_length (14 days)",
		}},
		{"no clocks for users", Web, func(p *SessionPolicy) { p.InactivityTimeout, p.MaxSessionLength = 0, 0 }, []string{
			"inactivity_timeout: inactivity_timeout is 0 seconds: it must be 5 minutes to 400 days",
			"max_session_length: max_session_length is 0 seconds: it must be 5 minutes to 10 years",
			"inactivity_timeout: inactivity_timeout (0 seconds) must be longer than access_token_lifetime (5 minutes)",
		}},
		{"clocks without users", Machine, func(p *SessionPolicy) { p.InactivityTimeout, p.MaxSessionLength = 3*day, 14*day }, nil},
		{"half a second", Web, func(p *SessionPolicy) { p.IDTokenLifetime += time.Second / 2 }, []string{
			"id_token_lifetime: id_token_lifetime 1h0m0.5s must be whole seconds",
		}},
		{"code", Web, func(p *SessionPolicy) { p.AuthorizationCodeLifetime = 11 * time.Minute }, []string{
			"authorization_code_lifetime: authorization_code_lifetime is 11 minutes: it must be 10 seconds to 10 minutes",
		}},
		{"no reuse", Web, func(p *SessionPolicy) { p.RefreshReuseWindow = 0 }, nil},
		{"negative", Web, func(p *SessionPolicy) { p.RefreshReuseWindow = -time.Second }, []string{
			"refresh_reuse_window: refresh_reuse_window is -1 seconds: it must be 0 seconds to 10 minutes",
		}},
		{"activity", Web, func(p *SessionPolicy) { p.Activity = "all" }, []string{
			`activity: activity "all" must be one of refresh, use`,
		}},
		{"lengthened too often", Web, func(p *SessionPolicy) { p.Retired = make([]RetiredPolicy, maxRetired+1) }, []string{
			": the clocks were lengthened 32 times while sessions from before may be alive, which is the most: wait, or end the sessions",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			app := test.kind.Preset()
			app.ClientID, app.Name = "app", "App"
			test.change(&app.SessionPolicy)
			var got []string
			for _, line := range messages(app.Validate(environments.Production)) {
				got = append(got, strings.TrimPrefix(strings.TrimPrefix(line, "session_policy"), "/"))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
