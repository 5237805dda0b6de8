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
	var user string
	var all bool
	cmd := c.task("list", "Print the sessions of a user", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		u, err := person(ctx, s, env, user)
		if err != nil {
			return err
		}
		now := s.Clock.Now().UTC()
		since := now
		if all {
			since = time.Unix(0, 0)
		}
		found, err := s.Sessions.Store.SessionsOfUser(ctx, env.ID, u.ID, since)
		if err != nil {
			return err
		}
		documents, rows := []sessionDocument{}, [][]string(nil)
		for i := range found {
			app, err := s.Applications.ByID(ctx, env.ID, found[i].Application)
			if err != nil {
				return fmt.Errorf("application of session %s: %w", found[i].ID, err)
			}
			d := documentOfSession(&found[i], &app.SessionPolicy, now)
			if d.Status == "ended" && !all {
				continue
			}
			documents = append(documents, d)
			status := "active until " + moment(d.ExpiresAt)
			if d.Status == "ended" {
				status = "ended " + moment(d.EndedAt) + ", " + string(d.EndedReason)
			}
			rows = append(rows, []string{string(d.ID), app.Name, moment(d.AuthTime), moment(d.LastActiveAt), status})
		}
		return c.reply(documents, func(w io.Writer) {
			printTable(w, "No sessions.", []string{"ID", "APPLICATION", "SIGNED IN", "LAST ACTIVE", "STATUS"}, rows)
		})
	})
	cmd.Flags().StringVar(&user, "user", "", "the `USER`: ID or e-mail address")
	cmd.Flags().BoolVar(&all, "all", false, "those that have ended too, while they are kept")
	_ = cmd.MarkFlagRequired("user")
	return cmd
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
	return s.Sessions.End(ctx, env.ID, which, sessions.EndedByOperator)
}
