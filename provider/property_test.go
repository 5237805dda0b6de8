package provider_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/sessions"
)

// slack is how near to a deadline the model doesn't judge: the server's clock goes on while the test talks to it.
const slack = 3 * time.Second

// modelSession is what design.md §2 says of a session.
type modelSession struct {
	id         sessions.ID
	authTime   time.Time
	lastActive time.Time
	ended      bool
	access     string
	accessEnds time.Time
	refresh    []string    // the tokens of the chain, the newest last
	replaced   []time.Time // when each but the newest was replaced
}

// history drives an installation and the model side by side.
type history struct {
	t        *rapid.T
	tb       testing.TB
	i        *servertest.Installation
	client   servertest.Client
	policy   clients.SessionPolicy
	offset   time.Duration
	sessions []*modelSession
}

func (h *history) now() time.Time { return h.i.Clock.Now() }

// end is when the session ends under the policy.
func (h *history) end(s *modelSession) time.Time {
	longest, silent := s.authTime.Add(h.policy.MaxSessionLength), s.lastActive.Add(h.policy.InactivityTimeout)
	if silent.Before(longest) {
		return silent
	}
	return longest
}

// alive says whether the session is alive, and whether that is far enough from a deadline to be judged.
func (h *history) alive(s *modelSession) (alive, clear bool) {
	if s.ended {
		return false, true
	}
	left := h.end(s).Sub(h.now())
	return left > 0, left.Abs() > slack
}

// note ends in the model what the clocks have ended, as no later policy revives it.
func (h *history) note() {
	for _, s := range h.sessions {
		if alive, _ := h.alive(s); !alive {
			s.ended = true
		}
	}
}

// keepClear moves the clock on while a session is too near to a deadline.
func (h *history) keepClear() {
	for range 10 {
		near := false
		for _, s := range h.sessions {
			_, clear := h.alive(s)
			near = near || !clear || s.accessEnds.Sub(h.now()).Abs() <= slack
		}
		if !near {
			break
		}
		h.offset += 2 * slack
		h.i.Clock.Set(h.offset)
	}
	h.note()
}

func (h *history) flush() {
	if err := h.i.Sessions.Activity.Flush(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) pick() *modelSession {
	if len(h.sessions) == 0 {
		h.t.Skip("no session yet")
	}
	return h.sessions[rapid.IntRange(0, len(h.sessions)-1).Draw(h.t, "session")]
}

func (h *history) signIn(*rapid.T) {
	if len(h.sessions) == 4 {
		h.t.Skip("enough sessions")
	}
	begun := h.now()
	r := h.i.Tokens(h.tb, h.client, "ada@example.com", "openid offline_access")
	h.flush()
	s := &modelSession{authTime: begun, lastActive: begun, refresh: []string{r.String("refresh_token")}}
	h.took(s, r)
	s.id = sessions.ID(h.i.Introspect(h.tb, h.client, s.access).String("sid"))
	h.sessions = append(h.sessions, s)
}

// took reads a token answer: the access token never outlives the session (acceptance 36).
func (h *history) took(s *modelSession, r *servertest.Reply) {
	if r.Status != http.StatusOK {
		h.t.Fatalf("token answer: %d %s", r.Status, r.Body)
	}
	s.access = r.String("access_token")
	seconds, _ := r.JSON["expires_in"].(float64)
	s.accessEnds = h.now().Add(time.Duration(seconds) * time.Second)
	want := min(h.policy.AccessTokenLifetime, h.end(s).Sub(h.now()))
	if diff := time.Duration(seconds)*time.Second - want; diff.Abs() > slack {
		h.t.Errorf("expires_in = %v s, want %v", seconds, want)
	}
}

func (h *history) wait(t *rapid.T) {
	unit := rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}).Draw(t, "unit")
	h.offset += unit * time.Duration(rapid.IntRange(1, 50).Draw(t, "times"))
	h.i.Clock.Set(h.offset)
}

func (h *history) refreshNewest(*rapid.T) {
	s := h.pick()
	alive, _ := h.alive(s)
	at := h.now()
	r := h.i.Refresh(h.tb, h.client, s.refresh[len(s.refresh)-1])
	if !alive {
		h.refused(r, "of a session that is over")
		return
	}
	s.lastActive = at
	h.took(s, r)
	s.refresh, s.replaced = append(s.refresh, r.String("refresh_token")), append(s.replaced, at)
}

// refreshOld presents a token that was replaced: the same successor within the window, the end of the session after it.
func (h *history) refreshOld(t *rapid.T) {
	s := h.pick()
	if len(s.replaced) == 0 {
		t.Skip("nothing was replaced")
	}
	n := rapid.IntRange(max(0, len(s.replaced)-3), len(s.replaced)-1).Draw(t, "token")
	age := h.now().Sub(s.replaced[n])
	if (age - h.policy.RefreshReuseWindow).Abs() <= slack {
		t.Skip("too near to the end of the window")
	}
	alive, _ := h.alive(s)
	r := h.i.Refresh(h.tb, h.client, s.refresh[n])
	switch {
	case !alive:
		h.refused(r, "of a session that is over")
	case age < h.policy.RefreshReuseWindow:
		if r.String("refresh_token") != s.refresh[n+1] {
			t.Errorf("a repeat within the window: %d %s, want the successor", r.Status, r.Body)
		}
	default:
		h.refused(r, "that was used before")
		s.ended = true
	}
}

func (h *history) refused(r *servertest.Reply, what string) {
	if r.Status != http.StatusBadRequest || r.String("error") != "invalid_grant" {
		h.t.Errorf("a refresh token %s: %d %s, want 400 invalid_grant", what, r.Status, r.Body)
	}
}

// use introspects: that is activity only where the application says so, at most once a minute.
func (h *history) use(*rapid.T) {
	s := h.pick()
	alive, _ := h.alive(s)
	at := h.now()
	h.i.Introspect(h.tb, h.client, s.access)
	h.flush()
	h.used(s, alive, at)
}

func (h *history) used(s *modelSession, alive bool, at time.Time) {
	if alive && h.policy.Activity == clients.ActivityUse && at.Before(s.accessEnds) && at.Sub(s.lastActive) >= time.Minute {
		s.lastActive = at
	}
}

func (h *history) endOne(*rapid.T) {
	s := h.pick()
	if _, err := h.i.Sessions.End(context.Background(), h.i.Environment.ID, sessions.Selection{Session: s.id}, sessions.EndedByOperator); err != nil {
		h.t.Fatal(err)
	}
	s.ended = true
}

// endAll ends all sessions of the application, without a word in their rows.
func (h *history) endAll(*rapid.T) {
	app := h.application()
	living := 0
	for _, s := range h.sessions {
		if alive, _ := h.alive(s); alive {
			living++
		}
		s.ended = true
	}
	if n, err := h.i.Sessions.EndApplication(context.Background(), app, sessions.EndedByOperator); err != nil || n != living {
		h.t.Errorf("EndApplication = %d, %v, want %d", n, err, living)
	}
}

// disable ends all sessions as well, and what is enabled again has none.
func (h *history) disable(*rapid.T) {
	h.i.Change(h.tb, h.client.ID, func(a *clients.Application) { a.Enabled = false })
	for _, s := range h.sessions {
		s.ended = true
	}
	h.i.Change(h.tb, h.client.ID, func(a *clients.Application) { a.Enabled = true })
}

// sweep notes in the rows what has ended, which changes nothing of what anybody says.
func (h *history) sweep(*rapid.T) {
	if _, err := h.i.Sweep.Run(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) application() *clients.Application {
	app, err := h.i.Applications.ByID(context.Background(), h.i.Environment.ID, h.client.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return app
}

func (h *history) changePolicy(t *rapid.T) {
	h.note() // what has ended stays ended
	p := h.policy
	p.AccessTokenLifetime = time.Duration(rapid.IntRange(60, 240).Draw(t, "access token lifetime")) * time.Second
	p.InactivityTimeout = time.Duration(rapid.IntRange(5, 3*24*60).Draw(t, "inactivity")) * time.Minute
	p.MaxSessionLength = p.InactivityTimeout + time.Duration(rapid.IntRange(0, 10*24*60).Draw(t, "longer"))*time.Minute
	p.Activity = rapid.SampledFrom([]clients.Activity{clients.ActivityRefresh, clients.ActivityUse}).Draw(t, "activity")
	p.Retired = nil
	h.i.Change(h.tb, h.client.ID, func(a *clients.Application) { a.SessionPolicy = p })
	h.policy = p
}

// check is what holds at every instant: all surfaces say the same of each session (acceptance 39).
func (h *history) check(*rapid.T) {
	h.keepClear()
	for n, s := range h.sessions {
		alive, _ := h.alive(s)
		at := h.now()
		good := alive && at.Before(s.accessEnds)
		if got := h.i.Introspect(h.tb, h.client, s.access).JSON["active"]; got != good {
			h.t.Errorf("session %d: introspection of the access token says %v, want %v", n, got, good)
		}
		if got := h.i.UserInfo(h.tb, s.access).Status == http.StatusOK; got != good {
			h.t.Errorf("session %d: userinfo answers %v, want %v", n, got, good)
		}
		if got := h.i.Introspect(h.tb, h.client, s.refresh[len(s.refresh)-1]).JSON["active"]; got != alive {
			h.t.Errorf("session %d: introspection of the refresh token says %v, want %v", n, got, alive)
		}
		h.flush()
		h.used(s, alive, at)
		stored, err := h.i.Sessions.Store.Session(context.Background(), h.i.Environment.ID, s.id)
		if err != nil {
			h.t.Fatal(err)
		}
		app := h.application()
		if got := stored.Alive(&app.SessionPolicy, h.now()); got != alive {
			h.t.Errorf("session %d: what the account page and the dashboard ask says %v, want %v", n, got, alive)
		}
	}
}

// TestSessionClocks drives random histories of sign-ins, refreshes, uses, policy changes, ends and passing time, and finds no
// instant at which a surface disagrees with the rules of sessions (acceptance 33-39, 41, 42).
func TestSessionClocks(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set("25"); err != nil { // each is a history of some thirty steps through the whole server
			t.Fatal(err)
		}
	}
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		i.AddUser(t, "ada@example.com")
		runs := 0
		rapid.Check(t, func(rt *rapid.T) {
			runs++
			i.Clock.Set(0)
			c := i.AddClient(t, fmt.Sprintf("App%d", runs), clients.Web, nil)
			h := &history{t: rt, tb: t, i: i, client: c, policy: c.SessionPolicy}
			rt.Repeat(map[string]func(*rapid.T){
				"":               h.check,
				"sign in":        h.signIn,
				"wait":           h.wait,
				"refresh":        h.refreshNewest,
				"refresh again":  h.refreshNewest,
				"refresh an old": h.refreshOld,
				"use":            h.use,
				"end":            h.endOne,
				"end all":        h.endAll,
				"disable":        h.disable,
				"sweep":          h.sweep,
				"change policy":  h.changePolicy,
			})
		})
	})
}
