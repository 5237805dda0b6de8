package demo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// stage is what both applications are shown on, side by side: the overview, where time can be let pass.
type stage struct {
	issuer       *issuer
	front        page
	notes, tasks *app
	clockURL     string
	now          func() time.Time
}

func (g *stage) mount(mux *http.ServeMux) {
	mux.Handle("GET /{$}", g.notes.handle(g.overview))
	if g.clockURL != "" {
		mux.Handle("POST /time", g.notes.handle(g.pass))
	}
}

type overviewPage struct {
	page
	Apps []panel // Notes, and Tasks
	Pass []span  // what can be let pass; nil if the provider's clock can't be moved
	Now  value
}

// panel is one of the applications on the overview.
type panel struct {
	link
	Called string // the person's name; "" if nobody is signed in
	Notice notice
	Clocks []clock
}

// span is a time that a button lets pass.
type span struct {
	Value, Label, Hint string
	duration           time.Duration
}

var spans = []span{
	{"hour", "Let an hour pass", "", time.Hour},
	{"weekend", "Let a weekend pass", "A long one, Friday to Monday evening: 3 days", 3 * 24 * time.Hour},
	{"60-days", "Let 60 days pass", "", 60 * 24 * time.Hour},
}

// overview serves GET /.
func (g *stage) overview(w http.ResponseWriter, r *http.Request) error {
	p := overviewPage{page: g.front, Apps: []panel{g.notes.panel(r), g.tasks.panel(r)}, Now: at(g.now())}
	if g.clockURL != "" {
		p.Pass = spans
	}
	render(w, http.StatusOK, "overview", p)
	return nil
}

// pass serves POST /time: it moves the provider's clock ahead, and then both applications are opened again.
func (g *stage) pass(w http.ResponseWriter, r *http.Request) error {
	chosen := r.FormValue("pass")
	for _, s := range spans {
		if s.Value != chosen {
			continue
		}
		if err := g.advance(r.Context(), s.duration); err != nil {
			return err
		}
		if err := cmp.Or(g.notes.reopen(r), g.tasks.reopen(r)); err != nil {
			return err
		}
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func (g *stage) advance(ctx context.Context, d time.Duration) error {
	body, err := json.Marshal(map[string]int64{"advance_seconds": int64(d.Seconds())})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.clockURL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := g.issuer.HTTP.Do(r)
	if err != nil {
		return &unreachable{issuer: g.issuer.URL, cause: err}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the clock at %s answered %s", g.clockURL, response.Status)
	}
	return nil
}

// panel describes the application as this browser finds it.
func (a *app) panel(r *http.Request) panel {
	p := panel{link: a.link()}
	s, ok := a.sessions.of(r)
	if !ok {
		return p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Notice = s.notice
	if s.account != nil {
		a.askDeadline(r.Context(), s.account)
		p.Called, p.Clocks = s.account.person().called(), a.clocks(s.account)
	}
	return p
}

// reopen does what an application does when somebody comes back to it: it hands in the refresh token, and shows what that led to.
func (a *app) reopen(r *http.Request) error {
	s, ok := a.sessions.of(r)
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.account == nil {
		s.notice = notice{}
		return nil
	}
	if err := a.useRefreshToken(r, s); err != nil {
		return err
	}
	if s.account != nil && !s.notice.Bad {
		s.notice = notice{Title: "Still signed in", Text: a.client.Name + " handed in its refresh token, and nobody had to be asked."}
	}
	return nil
}
