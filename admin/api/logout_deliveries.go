package api

import (
	"context"
	"fmt"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/delivery"
)

func (a *API) registerLogoutDeliveries() {
	register(a, operation{
		id: "list-logout-deliveries", at: "GET /applications/{application_id}/logout_deliveries", tag: tagSessions, needs: clients.ScopeReadSessions,
		summary: "List the deliveries of back-channel logout to an application",
		description: "The latest first. There is one for each session that ended while the application had a backchannel_logout_uri; it is tried " +
			"again for about a day, and told of for about 30 more.",
	}, a.listLogoutDeliveries)
}

// listLogoutDeliveries serves GET /applications/{application_id}/logout_deliveries.
func (a *API) listLogoutDeliveries(ctx context.Context, in *struct {
	InApplication
	Page
}) (*reply[list[delivery.LogoutDocument]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	env, app, err := a.application(ctx, in.InApplication)
	if err != nil {
		return nil, err
	}
	page, more, err := a.Logouts.Store.Logouts(ctx, env.ID, app.ID, after, in.Limit)
	if err != nil {
		return nil, fmt.Errorf("list logout deliveries of %s: %w", app.ID, err)
	}
	return pageOf(page, more,
		func(l delivery.Logout) string { return l.ID },
		func(l delivery.Logout) delivery.LogoutDocument { return l.Document() }), nil
}
