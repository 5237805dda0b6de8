package login

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/mileusna/useragent"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// What the list of ended sessions shows.
const (
	endedLately = 30 * 24 * time.Hour
	endedShown  = 20
)

// showSessions serves GET /account/sessions: where the person is signed in, and what ended lately and why.
func (h *Handler) showSessions(w http.ResponseWriter, r *http.Request, o *owner) error {
	ctx := r.Context()
	page := templates.AccountSessions{Chrome: o.chrome, Account: o.person()}
	since := o.now.Add(-endedLately)
	all, err := h.Sessions.Store.SessionsOfUser(ctx, o.env.ID, o.user.ID, since)
	if err != nil {
		return err
	}
	places := map[clients.ID]int{}
	for i := range all {
		s := &all[i]
		app, err := h.Applications.ByID(ctx, o.env.ID, s.Application)
		if errors.Is(err, clients.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		at, why := s.Deadline(&app.SessionPolicy)
		if o.now.Before(at) {
			place, listed := places[app.ID]
			if !listed {
				place = len(page.Applications)
				places[app.ID] = place
				page.Applications = append(page.Applications, templates.ApplicationSessions{Name: app.Name})
			}
			list := &page.Applications[place].Sessions
			*list = append(*list, o.living(s, app, why))
		} else if at.After(since) {
			page.Ended = append(page.Ended, templates.EndedSession{Application: app.Name, At: at, Reason: string(why), After: ranOut(s, at, why)})
		}
	}
	slices.SortStableFunc(page.Ended, func(a, b templates.EndedSession) int { return b.At.Compare(a.At) })
	page.Ended = page.Ended[:min(len(page.Ended), endedShown)]
	return templates.Render(w, http.StatusOK, page)
}

// living describes a session with the clock that will end it if nothing happens: a day for the longest length, else the
// time without use.
func (o *owner) living(s *sessions.Session, app *clients.Application, why sessions.EndedReason) templates.Session {
	agent := useragent.Parse(s.UserAgent)
	session := templates.Session{
		ID: string(s.ID), Phone: agent.Mobile || agent.Tablet, LastActive: s.LastActiveAt, Current: s.BrowserSession == o.account.BrowserSession.ID,
	}
	if agent.Name != "" {
		session.Device = templates.TextDevice(agent.Name, agent.OS)
	}
	if why == sessions.EndedMaxLength {
		session.Until = s.AuthTime.Add(app.SessionPolicy.MaxSessionLength)
	} else {
		session.IdleTimeout = app.SessionPolicy.InactivityTimeout
	}
	return session
}

// endSession serves POST /account/sessions.
func (h *Handler) endSession(w http.ResponseWriter, r *http.Request, o *owner) error {
	if !o.recent() {
		return h.authenticateAgain(w, r, o)
	}
	which := sessions.Selection{Session: sessions.ID(r.PostForm.Get("session")), User: o.user.ID}
	if which.Session == "" {
		return to(w, r, o.chrome.Href("/account/sessions"))
	}
	if _, err := h.Sessions.End(r.Context(), o.env.ID, which, sessions.EndedByUser); err != nil {
		return err
	}
	h.Cookies.ChangeState(w, o.env) // in case it is one of this browser
	return to(w, r, o.chrome.Href("/account/sessions", "notice", "session_ended"))
}
