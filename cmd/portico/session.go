package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/server"
	"github.com/portico-id/portico/sessions"
)

// sessionDocument is what is told of a session.
type sessionDocument struct {
	ID             sessions.ID          `json:"id"`
	User           identity.ID          `json:"user_id"`
	Application    clients.ID           `json:"application_id"`
	BrowserSession sessions.BrowserID   `json:"browser_session_id"`
	Status         string               `json:"status"` // "active" or "ended"
	AuthTime       time.Time            `json:"auth_time"`
	AMR            []string             `json:"amr"`
	ACR            string               `json:"acr"`
	Address        string               `json:"address"`
	UserAgent      string               `json:"user_agent"`
	CreatedAt      time.Time            `json:"created_at"`
	LastActiveAt   time.Time            `json:"last_active_at"`
	ExpiresAt      time.Time            `json:"expires_at,omitzero"` // of an active one, if nothing happens
	EndedAt        time.Time            `json:"ended_at,omitzero"`
	EndedReason    sessions.EndedReason `json:"ended_reason,omitempty"`
}

func documentOfSession(s *sessions.Session, p *clients.SessionPolicy, now time.Time) sessionDocument {
	d := sessionDocument{
		ID: s.ID, User: s.User, Application: s.Application, BrowserSession: s.BrowserSession, Status: "active",
		AuthTime: s.AuthTime, AMR: list(s.AMR), ACR: s.ACR, Address: s.Address, UserAgent: s.UserAgent, CreatedAt: s.CreatedAt, LastActiveAt: s.LastActiveAt,
	}
	at, why := s.Deadline(p)
	if now.Before(at) {
		d.ExpiresAt = at
	} else {
		d.Status, d.EndedAt, d.EndedReason = "ended", at, why
	}
	return d
}

func (c *cli) sessionCommand() *cobra.Command {
	sessionList, revoke := c.listSessions(), c.revokeSessions()
	c.inEnvironment(sessionList, revoke)
	return group("session", "Look at sessions and end them", sessionList, revoke)
}

func (c *cli) listSessions() *cobra.Command {
	var user, app string
	var all bool
	var limit int
	cmd := c.task("list", "Print the sessions of a user, an application or both", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		which := choice{now: s.Clock.Now().UTC(), all: all, limit: limit}
		if user != "" {
			if which.user, err = person(ctx, s, env, user); err != nil {
				return err
			}
		}
		if app != "" {
			if which.app, err = application(ctx, s, env, app); err != nil {
				return err
			}
		}
		found, more, err := which.find(ctx, s, env)
		if err != nil {
			return err
		}
		documents, rows := []sessionDocument{}, [][]string(nil)
		for i := range found {
			of, err := s.Applications.ByID(ctx, env.ID, found[i].Application)
			if err != nil {
				return fmt.Errorf("application of session %s: %w", found[i].ID, err)
			}
			d := documentOfSession(&found[i].Session, &of.SessionPolicy, which.now)
			documents = append(documents, d)
			status := "active until " + moment(d.ExpiresAt)
			if d.Status == "ended" {
				status = "ended " + moment(d.EndedAt) + ", " + string(d.EndedReason)
			}
			rows = append(rows, []string{string(d.ID), found[i].Email, of.Name, moment(d.AuthTime), moment(d.LastActiveAt), status})
		}
		if more {
			fmt.Fprintf(c.stderr, "portico: these are %d of more; --limit prints others\n", limit)
		}
		return c.reply(documents, func(w io.Writer) {
			printTable(w, "No sessions.", []string{"ID", "USER", "APPLICATION", "SIGNED IN", "LAST ACTIVE", "STATUS"}, rows)
		})
	})
	cmd.Flags().StringVar(&user, "user", "", "the `USER`: ID or e-mail address")
	cmd.Flags().StringVar(&app, "application", "", "the `APPLICATION`: its ID, its client ID, or default")
	cmd.Flags().BoolVar(&all, "all", false, "those that have ended too, while they are kept")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most `N`")
	cmd.MarkFlagsOneRequired("user", "application")
	return cmd
}

// choice says which sessions are listed.
type choice struct {
	user  *identity.User       // nil for everybody's
	app   *clients.Application // nil for those of all
	all   bool                 // those that have ended too
	limit int
	now   time.Time
}

// find returns the sessions, and whether there are more than limit.
func (w *choice) find(ctx context.Context, s *server.Server, env *environments.Environment) (found []sessions.Listed, more bool, err error) {
	if w.app == nil {
		found, err = w.ofUser(ctx, s, env)
	} else {
		found, more, err = w.ofApplication(ctx, s, env)
	}
	if len(found) > w.limit {
		found, more = found[:w.limit], true
	}
	return found, more, err
}

func (w *choice) ofUser(ctx context.Context, s *server.Server, env *environments.Environment) (found []sessions.Listed, err error) {
	since := w.now
	if w.all {
		since = time.Unix(0, 0)
	}
	kept, err := s.Sessions.Store.SessionsOfUser(ctx, env.ID, w.user.ID, since)
	if err != nil {
		return nil, err
	}
	for i := range kept {
		app, err := s.Applications.ByID(ctx, env.ID, kept[i].Application)
		if errors.Is(err, clients.ErrNotFound) {
			continue // deleted
		}
		if err != nil {
			return nil, fmt.Errorf("application of session %s: %w", kept[i].ID, err)
		}
		if w.all || kept[i].Alive(&app.SessionPolicy, w.now) {
			found = append(found, sessions.Listed{Session: kept[i], Email: w.user.Email, Name: w.user.Profile.Name})
		}
	}
	return found, nil
}

func (w *choice) ofApplication(ctx context.Context, s *server.Server, env *environments.Environment) (found []sessions.Listed, more bool, err error) {
	const page = 100
	q := sessions.Query{Application: w.app, State: sessions.Living, Now: w.now, Limit: page}
	if w.all {
		q.State = sessions.AnyState
	}
	if w.user != nil {
		q.User = w.user.ID
	}
	for more = true; more && len(found) < w.limit; {
		var next []sessions.Listed
		if next, more, err = s.Sessions.Store.Sessions(ctx, env.ID, q); err != nil {
			return nil, false, err
		}
		if found = append(found, next...); more {
			q.Older = next[len(next)-1].ID
		}
	}
	return found, more, nil
}

func (c *cli) revokeSessions() *cobra.Command {
	var user, app string
	cmd := c.task("revoke [SESSION]", "End a session, or those of a user, an application or both", cobra.MaximumNArgs(1), func(ctx context.Context, s *server.Server, args []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		var which sessions.Selection
		if len(args) == 1 {
			which.Session = sessions.ID(args[0])
		}
		if user != "" {
			u, err := person(ctx, s, env, user)
			if err != nil {
				return err
			}
			which.User = u.ID
		}
		if app != "" {
			a, err := application(ctx, s, env, app)
			if err != nil {
				return err
			}
			which.Application = a.ID
		}
		n, err := endSessions(ctx, s, env, which)
		if err != nil {
			return err
		}
		return c.reply(map[string]any{"ended": n}, func(w io.Writer) { fmt.Fprintln(w, "Ended "+count(n, "session")+".") })
	})
	cmd.Long = `End a session, or those of a user, an application or both. All sessions of a user include the sign-ins of the browsers.`
	cmd.Flags().StringVar(&user, "user", "", "the `USER`: ID or e-mail address")
	cmd.Flags().StringVar(&app, "application", "", "the `APPLICATION`: its ID, its client ID, or default")
	cmd.PreRunE = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 && user == "" && app == "" {
			return errors.New("give a session, --user or --application")
		}
		return nil
	}
	return cmd
}

// endSessions ends what is selected, and tells how many sessions that were.
func endSessions(ctx context.Context, s *server.Server, env *environments.Environment, which sessions.Selection) (int, error) {
	if which == (sessions.Selection{User: which.User}) {
		ended, err := s.Sessions.EndUser(ctx, env.ID, which.User, sessions.EndedByOperator)
		return len(ended), err
	}
	if which.Session != "" {
		_, err := s.Sessions.Store.Session(ctx, env.ID, which.Session)
		if errors.Is(err, sessions.ErrNotFound) {
			return 0, fault.NotFoundf("there is no session %q in the environment %s", which.Session, env.Slug)
		}
		if err != nil {
			return 0, err
		}
	}
	if which == (sessions.Selection{Application: which.Application}) {
		app, err := s.Applications.ByID(ctx, env.ID, which.Application)
		if err != nil {
			return 0, err
		}
		return s.Sessions.EndApplication(ctx, app, sessions.EndedByOperator)
	}
	return s.Sessions.End(ctx, env.ID, which, sessions.EndedByOperator)
}
