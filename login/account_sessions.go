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

// What the lists show.
const (
	livingShown = 100
	endedLately = 30 * 24 * time.Hour
	endedShown  = 20
)

// showSessions serves GET /account/sessions: where the person is signed in, and what ended lately and why. The living sessions
// have pages, as a script that signs in can make any number.
func (h *Handler) showSessions(w http.ResponseWriter, r *http.Request, o *owner) error {
	ctx := r.Context()
	page := templates.AccountSessions{Chrome: o.chrome, Account: o.person()}
	if err := h.noticeOf(r, o, "left", templates.TextLeft, &page.Notice); err != nil {
		return err
	}
	q, err := h.Sessions.Select(ctx, o.env.ID, sessions.Selection{User: o.user.ID}, sessions.Living)
	if err != nil {
		return err
	}
	apps := map[clients.ID]*clients.Application{}
	for _, app := range q.Applications {
		apps[app.ID] = app
	}
	q.Now, q.Limit, q.Older = o.now, livingShown, sessions.ID(r.URL.Query().Get("older"))
	living, more, err := h.Sessions.Store.SelectedSessions(ctx, o.env.ID, q)
	if err != nil {
		return err
	}
	if more {
		page.Older, page.Others = o.chrome.Href("/account/sessions", "older", string(living[len(living)-1].ID)), true
	}
	slices.SortStableFunc(living, func(a, b sessions.Listed) int { return b.LastActiveAt.Compare(a.LastActiveAt) })
	places := map[clients.ID]int{}
	for i := range living {
		s, app := &living[i].Session, apps[living[i].Application]
		place, listed := places[app.ID]
		if !listed {
			place = len(page.Applications)
			places[app.ID] = place
			page.Applications = append(page.Applications, templates.ApplicationSessions{ClientID: app.ClientID, Name: app.Name})
		}
		list := &page.Applications[place].Sessions
		*list = append(*list, o.living(s, app))
		page.Others = page.Others || s.BrowserSession != o.account.BrowserSession.ID
	}
	q.State, q.Older = sessions.Over, ""
	over, _, err := h.Sessions.Store.SelectedSessions(ctx, o.env.ID, q)
	if err != nil {
		return err
	}
	for i := range over {
		app := apps[over[i].Application]
		if at, why := over[i].Deadline(&app.SessionPolicy); at.After(o.now.Add(-endedLately)) {
			page.Ended = append(page.Ended, templates.EndedSession{Application: app.Name, At: at, Reason: string(why), After: ranOut(&over[i].Session, at, why)})
		}
	}
	slices.SortStableFunc(page.Ended, func(a, b templates.EndedSession) int { return b.At.Compare(a.At) })
	page.Ended = page.Ended[:min(len(page.Ended), endedShown)]
	return templates.Render(w, http.StatusOK, page)
}

// living describes a session with the clock that will end it if nothing happens: a day for the longest length, else the
// time without use.
func (o *owner) living(s *sessions.Session, app *clients.Application) templates.Session {
	agent := useragent.Parse(s.UserAgent)
	session := templates.Session{
		ID: string(s.ID), Phone: agent.Mobile || agent.Tablet, LastActive: s.LastActiveAt, Current: s.BrowserSession == o.account.BrowserSession.ID,
	}
	if agent.Name != "" {
		session.Device = templates.TextDevice(agent.Name, agent.OS)
	}
	if _, why := s.Deadline(&app.SessionPolicy); why == sessions.EndedMaxLength {
		session.Until = s.AuthTime.Add(app.SessionPolicy.MaxSessionLength)
	} else {
		session.IdleTimeout = app.SessionPolicy.InactivityTimeout
	}
	return session
}

// endSession serves POST /account/sessions: it ends one session, those in one application, or all but this browser's.
func (h *Handler) endSession(w http.ResponseWriter, r *http.Request, o *owner) error {
	if !o.recent() {
		return h.authenticateAgain(w, r, o)
	}
	ctx, form := r.Context(), r.PostForm
	which := sessions.Selection{User: o.user.ID}
	var done []string
	switch {
	case form.Has("others"):
		err := h.Sessions.EndSessionsOf(ctx, o.env.ID, o.user.ID, string(sessions.EndedSignedOutEverywhere), string(o.account.BrowserSession.ID))
		if err != nil {
			return err
		}
		return to(w, r, o.chrome.Href("/account/sessions", "notice", "others_signed_out"))
	case form.Has("application"):
		app, err := h.Applications.ByClientID(ctx, o.env.ID, form.Get("application"))
		if errors.Is(err, clients.ErrNotFound) {
			return to(w, r, o.chrome.Href("/account/sessions"))
		}
		if err != nil {
			return err
		}
		which.Application, done = app.ID, []string{"left", app.ClientID}
	case form.Get("session") != "":
		which.Session, done = sessions.ID(form.Get("session")), []string{"notice", "session_ended"}
	default:
		return to(w, r, o.chrome.Href("/account/sessions"))
	}
	if _, err := h.Sessions.End(ctx, o.env.ID, which, sessions.EndedByUser); err != nil {
		return err
	}
	h.Cookies.ChangeState(w, o.env) // in case one is of this browser
	return to(w, r, o.chrome.Href("/account/sessions", done...))
}
