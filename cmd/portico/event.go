package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/config"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/server"
)

func (c *cli) eventCommand() *cobra.Command {
	list := c.listEvents()
	c.inEnvironment(list)
	return group("event", "Look at the record of who did what", list)
}

func (c *cli) listEvents() *cobra.Command {
	var q audit.Query
	var since, until string
	var limit int
	cmd := c.task("list", "Print the events of an environment, the latest first", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		now := s.Clock.Now()
		if q.Since, err = parseMoment("since", since, now); err != nil {
			return err
		}
		if q.Until, err = parseMoment("until", until, now); err != nil {
			return err
		}
		documents, rows := []audit.Document{}, [][]string(nil)
		for more := true; more && len(documents) < limit; {
			q.Limit = min(limit-len(documents), 100)
			var page []audit.Event
			if page, more, err = s.Events.Events(ctx, string(env.ID), q); err != nil {
				return err
			}
			for i := range page {
				d := page[i].Document()
				documents = append(documents, d)
				rows = append(rows, []string{moment(d.OccurredAt), d.Name, actor(&d.Actor), d.Target, d.ApplicationID, d.Reason})
				q.Older = audit.Position{Time: page[i].Time, ID: page[i].ID}
			}
		}
		return c.reply(documents, func(w io.Writer) {
			printTable(w, "No events.", []string{"TIME", "EVENT", "ACTOR", "TARGET", "APPLICATION", "REASON"}, rows)
		})
	})
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if limit < 1 || limit > maxEvents {
			return errors.New("--limit must be 1 to 10000")
		}
		return cobra.NoArgs(cmd, args)
	}
	cmd.Example = `  portico event list --name session.ended --since 24h
  portico event list --target usr_01jd… --json`
	f := cmd.Flags()
	f.StringVar(&q.Name, "name", "", "only events with the `NAME`, such as application.updated")
	f.StringVar(&q.Actor, "actor", "", "only what the user, operator, API key or application with the `ID` did")
	f.StringVar(&q.Application, "application", "", "only what concerns the application with the `ID`")
	f.StringVar(&q.Target, "target", "", "only what was done to the thing with the `ID`")
	f.StringVar(&since, "since", "", "only events since the `TIME` (RFC 3339), or for a duration such as 24h or 7d")
	f.StringVar(&until, "until", "", "only events before the `TIME`, or before so long ago")
	f.IntVar(&limit, "limit", 100, "at most `N` events, up to 10000")
	return cmd
}

// maxEvents is the most events of one listing.
const maxEvents = 10_000

// actor is who did something, for people.
func actor(a *audit.ActorDocument) string {
	name := a.Name
	if name == "" {
		name = a.ID
	}
	return strings.TrimSpace(string(a.Kind) + " " + name)
}

// parseMoment reads a time, or how long it is ago; "" is the zero value.
func parseMoment(field, value string, now time.Time) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	if ago, err := config.ParseDuration(value); err == nil {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return at, fault.Invalidf(field, "%q must be a time such as 2026-11-24T09:00:00Z, or how long ago it is, such as 24h or 7d", value)
	}
	return at, nil
}
