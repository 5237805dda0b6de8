package api

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
)

const tagSessions = "Sessions"

func (a *API) registerSessions() {
	read, write := clients.ScopeReadSessions, clients.ScopeWriteSessions
	const latest = "The latest started first."
	register(a, operation{
		id: "list-sessions", at: "GET /sessions", tag: tagSessions, needs: read,
		summary:     "List sessions of an application, a user or an organization",
		description: latest + " One of application_id, user_id and organization_id, at least, must be given.",
	}, a.listSessions)
	register(a, operation{
		id: "end-sessions", at: "POST /sessions:end", tag: tagSessions, needs: write,
		summary: "End all sessions of an application, a user or an organization",
		description: "Or those that these have in common, or with all every session of the environment. Those of a user alone, and all, end with the sign-ins of " +
			"the browsers. With dry_run=true nothing is ended, and the answer says how many it would be now.",
	}, a.endSessions)
	register(a, operation{
		id: "list-application-sessions", at: "GET /applications/{application_id}/sessions", tag: tagSessions, needs: read,
		summary: "List the sessions of an application", description: latest,
	}, a.listApplicationSessions)
	register(a, operation{
		id: "end-application-sessions", at: "POST /applications/{application_id}/sessions:end", tag: tagSessions, needs: write,
		summary: "End all sessions of an application", description: "Its tokens are worth nothing from the next request on.",
	}, a.endApplicationSessions)
	register(a, operation{
		id: "list-user-sessions", at: "GET /users/{user_id}/sessions", tag: tagSessions, needs: read,
		summary: "List the sessions of a user", description: latest,
	}, a.listUserSessions)
	register(a, operation{
		id: "end-user-sessions", at: "POST /users/{user_id}/sessions:end", tag: tagSessions, needs: write,
		summary: "End all sessions of a user", description: "In every application, with the sign-ins of the browsers.",
	}, a.endUserSessions)
	register(a, operation{
		id: "get-session", at: "GET /sessions/{session_id}", tag: tagSessions, needs: read, summary: "Read a session",
	}, a.getSession)
	register(a, operation{
		id: "end-session", at: "POST /sessions/{session_id}/end", tag: tagSessions, needs: write,
		summary: "End a session", description: "Its tokens are worth nothing from the next request on. A session that is over stays as it is.",
	}, a.endSession)
}

// Session is one user's session in one application.
type Session struct {
	ID               sessions.ID          `json:"id" doc:"ses_…, the sid of its tokens."`
	UserID           identity.ID          `json:"user_id"`
	ApplicationID    clients.ID           `json:"application_id"`
	OrganizationID   organizations.ID     `json:"organization_id,omitempty" doc:"The organization that it is in; absent if it is in none."`
	BrowserSessionID sessions.BrowserID   `json:"browser_session_id" doc:"The sign-in of a browser that it was started from."`
	Status           string               `json:"status" enum:"active,ended"`
	AuthTime         time.Time            `json:"auth_time" doc:"When the user proved who she is."`
	AMR              []string             `json:"amr" doc:"How she did (RFC 8176)."`
	ACR              string               `json:"acr"`
	Address          string               `json:"address" doc:"Where it was started."`
	UserAgent        string               `json:"user_agent"`
	CreatedAt        time.Time            `json:"created_at"`
	LastActiveAt     time.Time            `json:"last_active_at"`
	ExpiresAt        time.Time            `json:"expires_at,omitzero" doc:"Of an active one: when it ends if nothing happens."`
	EndedAt          time.Time            `json:"ended_at,omitzero" doc:"Of one that ended: when."`
	EndedReason      sessions.EndedReason `json:"ended_reason,omitempty" doc:"Of one that ended: why, such as inactivity, max_length, signed_out or revoked_by_operator."`
	EndedBy          string               `json:"ended_by,omitempty" doc:"Of one that somebody ended: the ID of who did."`
}

// sessionOf tells a session under the policy of its application.
func sessionOf(s *sessions.Session, p *clients.SessionPolicy, now time.Time) Session {
	d := Session{
		ID: s.ID, UserID: s.User, ApplicationID: s.Application, OrganizationID: s.Organization,
		BrowserSessionID: s.BrowserSession, Status: "active",
		AuthTime: s.AuthTime, AMR: append([]string{}, s.AMR...), ACR: s.ACR, Address: s.Address, UserAgent: s.UserAgent,
		CreatedAt: s.CreatedAt, LastActiveAt: s.LastActiveAt,
	}
	if settled := s.Settled(p, now); settled.EndedAt.IsZero() {
		d.ExpiresAt, _ = s.Deadline(p)
	} else {
		d.Status, d.EndedAt, d.EndedReason, d.EndedBy = "ended", settled.EndedAt, settled.EndedReason, settled.EndedBy
	}
	return d
}

// session tells a session of any application. Those of an application that is gone are over.
func (a *API) session(ctx context.Context, s *sessions.Session) (Session, error) {
	app, err := a.Applications.ByID(ctx, s.Environment, s.Application)
	switch {
	case errors.Is(err, clients.ErrNotFound):
		gone := *s
		if gone.EndedAt.IsZero() {
			gone.EndedAt, gone.EndedReason = gone.LastActiveAt, sessions.EndedApplicationDeleted
		}
		return sessionOf(&gone, &clients.SessionPolicy{}, a.Now()), nil
	case err != nil:
		return Session{}, fmt.Errorf("application of session %s: %w", s.ID, err)
	}
	return sessionOf(s, &app.SessionPolicy, a.Now()), nil
}

// SessionStatus chooses sessions.
type SessionStatus struct {
	Status string `query:"status" enum:"active,ended" doc:"Only sessions that are so."`
}

func (s SessionStatus) state() sessions.State {
	return map[string]sessions.State{"active": sessions.Living, "ended": sessions.Over}[s.Status]
}

// listSessions serves GET /sessions.
func (a *API) listSessions(ctx context.Context, in *struct {
	Page
	SessionStatus
	ApplicationID  clients.ID       `query:"application_id" doc:"Only sessions in this application."`
	UserID         identity.ID      `query:"user_id" doc:"Only sessions of this user."`
	OrganizationID organizations.ID `query:"organization_id" doc:"Only sessions in this organization."`
}) (*reply[list[Session]], error) {
	switch {
	case in.OrganizationID != "":
		return a.sessionsOfOrganization(ctx, sessions.Selection{
			Organization: in.OrganizationID, Application: in.ApplicationID, User: in.UserID,
		}, in.Page, in.SessionStatus)
	case in.ApplicationID != "":
		return a.sessionsIn(ctx, in.ApplicationID, in.UserID, in.Page, in.SessionStatus)
	case in.UserID != "":
		return a.sessionsOf(ctx, in.UserID, in.Page, in.SessionStatus)
	}
	var missing []error
	for _, field := range []string{"application_id", "user_id", "organization_id"} {
		missing = append(missing, fault.Invalidf(field, "give application_id, user_id or organization_id"))
	}
	return nil, errors.Join(missing...)
}

func (a *API) sessionsOfOrganization(ctx context.Context, which sessions.Selection, page Page, status SessionStatus) (*reply[list[Session]], error) {
	if _, err := a.Organizations.Store.Organization(ctx, environments.FromContext(ctx).ID, which.Organization); err != nil {
		return nil, err
	}
	return a.selectedSessions(ctx, which, page, status)
}

// selectedSessions makes a page of the sessions that the selection names.
func (a *API) selectedSessions(ctx context.Context, which sessions.Selection, page Page, status SessionStatus) (*reply[list[Session]], error) {
	after, err := page.after()
	if err != nil {
		return nil, err
	}
	env := environments.FromContext(ctx).ID
	q, err := a.Sessions.Select(ctx, env, which, status.state())
	if err != nil {
		return nil, err
	}
	q.Older, q.Limit = sessions.ID(after), page.Limit
	found, more, err := a.Sessions.Store.SelectedSessions(ctx, env, q)
	if err != nil {
		return nil, fmt.Errorf("list selected sessions: %w", err)
	}
	policies := map[clients.ID]*clients.SessionPolicy{}
	for _, app := range q.Applications {
		policies[app.ID] = &app.SessionPolicy
	}
	return pageOf(found, more,
		func(s sessions.Listed) string { return string(s.ID) },
		func(s sessions.Listed) Session { return sessionOf(&s.Session, policies[s.Application], q.Now) }), nil
}

// listApplicationSessions serves GET /applications/{application_id}/sessions.
func (a *API) listApplicationSessions(ctx context.Context, in *struct {
	InApplication
	Page
	SessionStatus
}) (*reply[list[Session]], error) {
	return a.sessionsIn(ctx, in.ApplicationID, "", in.Page, in.SessionStatus)
}

func (a *API) sessionsIn(ctx context.Context, id clients.ID, user identity.ID, page Page, status SessionStatus) (*reply[list[Session]], error) {
	after, err := page.after()
	if err != nil {
		return nil, err
	}
	env, app, err := a.application(ctx, InApplication{id})
	if err != nil {
		return nil, err
	}
	now := a.Now().UTC()
	all, more, err := a.Sessions.Store.Sessions(ctx, env.ID, sessions.Query{
		Application: app, User: user, State: status.state(), Now: now, Older: sessions.ID(after), Limit: page.Limit,
	})
	if err != nil {
		return nil, fmt.Errorf("list sessions of %s: %w", id, err)
	}
	return pageOf(all, more,
		func(s sessions.Listed) string { return string(s.ID) },
		func(s sessions.Listed) Session { return sessionOf(&s.Session, &app.SessionPolicy, now) }), nil
}

// listUserSessions serves GET /users/{user_id}/sessions.
func (a *API) listUserSessions(ctx context.Context, in *struct {
	OneUser
	Page
	SessionStatus
}) (*reply[list[Session]], error) {
	return a.sessionsOf(ctx, in.UserID, in.Page, in.SessionStatus)
}

func (a *API) sessionsOf(ctx context.Context, id identity.ID, page Page, status SessionStatus) (*reply[list[Session]], error) {
	if _, err := a.Users.Get(ctx, environments.FromContext(ctx).ID, id); err != nil {
		return nil, err
	}
	return a.selectedSessions(ctx, sessions.Selection{User: id}, page, status)
}

// OneSession is the path of a session.
type OneSession struct {
	SessionID sessions.ID `path:"session_id" doc:"ses_…"`
}

// getSession serves GET /sessions/{session_id}.
func (a *API) getSession(ctx context.Context, in *struct{ OneSession }) (*reply[Session], error) {
	s, err := a.Sessions.Store.Session(ctx, environments.FromContext(ctx).ID, in.SessionID)
	if err != nil {
		return nil, err
	}
	d, err := a.session(ctx, s)
	if err != nil {
		return nil, err
	}
	return &reply[Session]{d}, nil
}

// endSession serves POST /sessions/{session_id}/end.
func (a *API) endSession(ctx context.Context, in *struct{ OneSession }) (*reply[Session], error) {
	now, err := a.getSession(ctx, in)
	if err != nil || now.Body.Status == "ended" {
		return now, err
	}
	which := sessions.Selection{Session: in.SessionID}
	if _, err := a.Sessions.End(ctx, environments.FromContext(ctx).ID, which, sessions.EndedByOperator); err != nil {
		return nil, err
	}
	return a.getSession(ctx, in)
}

// Ended is how many sessions were ended.
type Ended struct {
	Ended int `json:"ended" doc:"How many sessions were ended."`
}

// SessionsToEnd names sessions. What is given must all fit.
type SessionsToEnd struct {
	UserID         *identity.ID      `json:"user_id,omitempty" nullable:"false" minLength:"1" maxLength:"100" doc:"Only sessions of this user."`
	ApplicationID  *clients.ID       `json:"application_id,omitempty" nullable:"false" minLength:"1" maxLength:"100" doc:"Only sessions in this application."`
	OrganizationID *organizations.ID `json:"organization_id,omitempty" nullable:"false" minLength:"1" maxLength:"100" doc:"Only sessions in this organization."`
	All            bool              `json:"all,omitempty" doc:"Every session of the environment, in place of the others."`
}

// selection is what the IDs name. An empty one is a mistake, as without it more would be named than was meant.
func (s *SessionsToEnd) selection() (which sessions.Selection, err error) {
	which.User = givenID("user_id", s.UserID, &err)
	which.Application = givenID("application_id", s.ApplicationID, &err)
	which.Organization = givenID("organization_id", s.OrganizationID, &err)
	return which, err
}

// givenID is the ID of a field that may be absent. It joins what is wrong with it to err.
func givenID[T ~string](field string, id *T, err *error) T {
	const most = 100
	if id == nil {
		return ""
	}
	if n := utf8.RuneCountInString(string(*id)); n < 1 || n > most {
		*err = errors.Join(*err, fault.Invalidf(field, "%s must have 1 to %d characters", field, most))
	}
	return *id
}

// SessionsEnded is how many sessions were ended, or would be.
type SessionsEnded struct {
	DryRun       bool `json:"dry_run,omitempty" doc:"Nothing was ended."`
	EndsSessions *int `json:"ends_sessions,omitempty" doc:"Of a dry run: how many sessions would be ended now."`
	Ended        *int `json:"ended,omitempty" doc:"How many sessions were ended."`
}

// endSessions serves POST /sessions:end.
func (a *API) endSessions(ctx context.Context, in *struct {
	DryRun bool `query:"dry_run" doc:"End nothing, and tell how many sessions it would be."`
	body[SessionsToEnd]
}) (*reply[SessionsEnded], error) {
	env := environments.FromContext(ctx).ID
	which, err := in.sent.selection()
	if err != nil {
		return nil, err
	}
	switch named := which != (sessions.Selection{}); {
	case named && in.sent.All:
		return nil, fault.Invalidf("all", "all is every session of the environment: leave it out, or user_id, application_id and organization_id")
	case !named && !in.sent.All:
		return nil, fault.Invalidf("all", "give user_id, application_id or organization_id, or set all to true for every session of the environment")
	}
	if err := a.checkSelection(ctx, env, which); err != nil {
		return nil, err
	}
	var n int
	switch {
	case in.DryRun && in.sent.All:
		n, err = a.Sessions.CountAll(ctx, env)
	case in.DryRun:
		n, err = a.Sessions.CountSelected(ctx, env, which)
	case in.sent.All:
		n, err = a.Sessions.EndAll(ctx, env, sessions.EndedByOperator)
	default:
		n, err = a.Sessions.EndSelected(ctx, env, which, sessions.EndedByOperator)
	}
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return &reply[SessionsEnded]{SessionsEnded{DryRun: true, EndsSessions: &n}}, nil
	}
	return &reply[SessionsEnded]{SessionsEnded{Ended: &n}}, nil
}

// checkSelection reports what the selection names that isn't there.
func (a *API) checkSelection(ctx context.Context, env environments.ID, which sessions.Selection) error {
	if which.User != "" {
		if _, err := a.Users.Get(ctx, env, which.User); err != nil {
			return err
		}
	}
	if which.Application != "" {
		if _, err := a.Applications.ByID(ctx, env, which.Application); err != nil {
			return err
		}
	}
	if which.Organization != "" {
		if _, err := a.Organizations.Store.Organization(ctx, env, which.Organization); err != nil {
			return err
		}
	}
	return nil
}

// endApplicationSessions serves POST /applications/{application_id}/sessions:end.
func (a *API) endApplicationSessions(ctx context.Context, in *struct{ InApplication }) (*reply[Ended], error) {
	_, app, err := a.application(ctx, in.InApplication)
	if err != nil {
		return nil, err
	}
	n, err := a.Sessions.EndApplication(ctx, app, sessions.EndedByOperator)
	if err != nil {
		return nil, err
	}
	return &reply[Ended]{Ended{n}}, nil
}

// endUserSessions serves POST /users/{user_id}/sessions:end.
func (a *API) endUserSessions(ctx context.Context, in *struct{ OneUser }) (*reply[Ended], error) {
	env := environments.FromContext(ctx).ID
	if _, err := a.Users.Get(ctx, env, in.UserID); err != nil {
		return nil, err
	}
	ended, err := a.Sessions.EndUser(ctx, env, in.UserID, sessions.EndedByOperator)
	if err != nil {
		return nil, err
	}
	return &reply[Ended]{Ended{len(ended)}}, nil
}
