package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/delivery"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/server"
	"github.com/portico-id/portico/sessions"
)

// sessionDocument is what is told of a session.
type sessionDocument struct {
	ID             sessions.ID          `json:"id"`
	User           identity.ID          `json:"user_id"`
	Application    clients.ID           `json:"application_id"`
	Organization   organizations.ID     `json:"organization_id,omitempty"`
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
		ID: s.ID, User: s.User, Application: s.Application, Organization: s.Organization, BrowserSession: s.BrowserSession, Status: "active",
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
	sessionList, revoke, deliveries := c.listSessions(), c.revokeSessions(), c.listLogoutDeliveries()
	c.inEnvironment(sessionList, revoke, deliveries)
	return group("session", "Look at sessions and end them", sessionList, revoke, deliveries)
}

func (c *cli) listLogoutDeliveries() *cobra.Command {
	var limit int
	cmd := c.task("deliveries APPLICATION", "Print whether the application was told of sessions that ended, the latest first", cobra.ExactArgs(1), func(ctx context.Context, s *server.Server, args []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		app, err := application(ctx, s, env, args[0])
		if err != nil {
			return err
		}
		found, more, err := s.Logouts.Store.Logouts(ctx, env.ID, app.ID, "", limit)
		if err != nil {
			return fmt.Errorf("list logout deliveries of %s: %w", app.ID, err)
		}
		documents, rows := []delivery.LogoutDocument{}, [][]string(nil)
		for i := range found {
			d := found[i].Document()
			documents = append(documents, d)
			rows = append(rows, []string{
				string(d.SessionID), string(d.UserID), moment(d.CreatedAt), string(d.Status), strconv.Itoa(d.Attempts), moment(d.NextAttemptAt), d.LastError,
			})
		}
		if more {
			fmt.Fprintf(c.stderr, "portico: these are %d of more; --limit prints others\n", limit)
		}
		return c.reply(documents, func(w io.Writer) {
			printTable(w, "No deliveries.", []string{"SESSION", "USER", "ENDED", "STATUS", "ATTEMPTS", "NEXT ATTEMPT", "LAST ERROR"}, rows)
		})
	})
	cmd.Flags().IntVar(&limit, "limit", 100, "at most `N`, up to 1000")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if limit < 1 || limit > 1000 {
			return errors.New("--limit must be 1 to 1000")
		}
		return nil
	}
	return cmd
}

func (c *cli) listSessions() *cobra.Command {
	var which selection
	var all bool
	var limit int
	cmd := c.task("list", "Print the sessions of a user, an application, an organization or what these have in common", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		named, err := which.find(ctx, s, env)
		if err != nil {
			return err
		}
		state := sessions.Living
		if all {
			state = sessions.AnyState
		}
		q, err := s.Sessions.Select(ctx, env.ID, named, state)
		if err != nil {
			return err
		}
		found, more, err := firstSessions(ctx, s, env, q, limit)
		if err != nil {
			return err
		}
		documents, rows := []sessionDocument{}, [][]string(nil)
		for i := range found {
			of, err := s.Applications.ByID(ctx, env.ID, found[i].Application)
			if err != nil {
				return fmt.Errorf("application of session %s: %w", found[i].ID, err)
			}
			d := documentOfSession(&found[i].Session, &of.SessionPolicy, q.Now)
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
	which.flags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "those that have ended too, while they are kept")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most `N`")
	cmd.MarkFlagsOneRequired("user", "application", "organization")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return which.check(cmd) }
	return cmd
}

// firstSessions returns the first limit of the sessions that q asks for, and whether there are more.
func firstSessions(ctx context.Context, s *server.Server, env *environments.Environment, q sessions.SelectionQuery, limit int) (found []sessions.Listed, more bool, err error) {
	const page = 100
	for more = true; more && len(found) < limit; {
		q.Limit = min(page, limit-len(found))
		var next []sessions.Listed
		if next, more, err = s.Sessions.Store.SelectedSessions(ctx, env.ID, q); err != nil {
			return nil, false, err
		}
		if found = append(found, next...); more {
			q.Older = next[len(next)-1].ID
		}
	}
	return found, more, nil
}

// selection is what the flags of a command choose sessions by.
type selection struct{ user, application, organization string }

func (n *selection) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&n.user, "user", "", "the `USER`: ID or e-mail address")
	cmd.Flags().StringVar(&n.application, "application", "", "the `APPLICATION`: its ID, its client ID, or default")
	cmd.Flags().StringVar(&n.organization, "organization", "", "the `ORGANIZATION`: ID or slug")
}

// check refuses a flag that is given and names nothing: it would leave more sessions chosen than was meant.
func (n *selection) check(cmd *cobra.Command) error {
	for flag, value := range map[string]string{"user": n.user, "application": n.application, "organization": n.organization} {
		if cmd.Flags().Changed(flag) && value == "" {
			return fmt.Errorf("--%s is empty", flag)
		}
	}
	return nil
}

// find finds what is named.
func (n *selection) find(ctx context.Context, s *server.Server, env *environments.Environment) (which sessions.Selection, err error) {
	if n.user != "" {
		u, err := person(ctx, s, env, n.user)
		if err != nil {
			return which, err
		}
		which.User = u.ID
	}
	if n.application != "" {
		app, err := application(ctx, s, env, n.application)
		if err != nil {
			return which, err
		}
		which.Application = app.ID
	}
	if n.organization != "" {
		o, err := organization(ctx, s, env, n.organization)
		if err != nil {
			return which, err
		}
		which.Organization = o.ID
	}
	return which, nil
}

func (c *cli) revokeSessions() *cobra.Command {
	var named selection
	var all, dryRun bool
	cmd := c.task("revoke [SESSION]", "End a session, or those of a user, an application, an organization or what these have in common", cobra.MaximumNArgs(1), func(ctx context.Context, s *server.Server, args []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		which, err := named.find(ctx, s, env)
		if err != nil {
			return err
		}
		if len(args) == 1 {
			which.Session = sessions.ID(args[0])
			_, err := s.Sessions.Store.Session(ctx, env.ID, which.Session)
			if errors.Is(err, sessions.ErrNotFound) {
				return fault.NotFoundf("there is no session %q in the environment %s", which.Session, env.Slug)
			}
			if err != nil {
				return err
			}
		}
		if dryRun {
			n, err := countSessions(ctx, s, env, which, all)
			if err != nil {
				return err
			}
			return c.reply(map[string]any{"dry_run": true, "ends_sessions": n}, func(w io.Writer) { fmt.Fprintln(w, "It would end "+count(n, "session")+" now.") })
		}
		n, err := endSessions(ctx, s, env, which, all)
		if err != nil {
			return err
		}
		return c.reply(map[string]any{"ended": n}, func(w io.Writer) { fmt.Fprintln(w, "Ended "+count(n, "session")+".") })
	})
	cmd.Long = `End a session, or those of a user, an application, an organization or what these have in common. All sessions of a user, and all of the
environment, include the sign-ins of the browsers.`
	named.flags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "every session of the environment")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "end nothing, and tell how many sessions it would be")
	for _, other := range []string{"user", "application", "organization"} {
		cmd.MarkFlagsMutuallyExclusive("all", other)
	}
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0 && named == (selection{}) && !all:
			return errors.New("give a session, --user, --application or --organization, or --all for every session of the environment")
		case len(args) == 1 && all:
			return errors.New("give a session or --all, not both")
		}
		return named.check(cmd)
	}
	return cmd
}

func countSessions(ctx context.Context, s *server.Server, env *environments.Environment, which sessions.Selection, all bool) (int, error) {
	if all {
		return s.Sessions.CountAll(ctx, env.ID)
	}
	return s.Sessions.CountSelected(ctx, env.ID, which)
}

func endSessions(ctx context.Context, s *server.Server, env *environments.Environment, which sessions.Selection, all bool) (int, error) {
	if all {
		return s.Sessions.EndAll(ctx, env.ID, sessions.EndedByOperator)
	}
	return s.Sessions.EndSelected(ctx, env.ID, which, sessions.EndedByOperator)
}
