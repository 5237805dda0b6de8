package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

const tagEvents = "Events"

func (a *API) registerEvents() {
	register(a, operation{
		id: "list-events", at: "GET /events", tag: tagEvents, needs: clients.ScopeReadEvents,
		summary: "List events", description: "The latest first. Filters that are given must all fit.",
	}, a.listEvents)
}

// listEvents serves GET /events.
func (a *API) listEvents(ctx context.Context, in *struct {
	Page
	Name          string    `query:"name" doc:"Only events with this name."`
	ActorID       string    `query:"actor_id" doc:"Only what this user, operator, API key or application did."`
	ApplicationID string    `query:"application_id" doc:"Only what concerns this application."`
	Target        string    `query:"target" doc:"Only what was done to this."`
	Since         time.Time `query:"since" doc:"Only events at this time or later."`
	Until         time.Time `query:"until" doc:"Only events before this time."`
}) (*reply[list[audit.Document]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	q := audit.Query{
		Name: in.Name, Actor: in.ActorID, Application: in.ApplicationID, Target: in.Target, Since: in.Since, Until: in.Until, Limit: in.Limit,
	}
	if after != "" {
		at, id, _ := strings.Cut(after, " ")
		q.Older.ID = id
		if q.Older.Time, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return nil, fault.Invalidf("cursor", "cursor is none that a list has given")
		}
	}
	env := environments.FromContext(ctx).ID
	all, more, err := a.Events.Events(ctx, string(env), q)
	if err != nil {
		return nil, fmt.Errorf("list events of %s: %w", env, err)
	}
	return pageOf(all, more, func(e audit.Event) string { return e.Time.Format(time.RFC3339Nano) + " " + e.ID }, func(e audit.Event) audit.Document { return e.Document() }), nil
}
