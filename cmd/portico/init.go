package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/server"
)

// setupDocument is what init tells.
type setupDocument struct {
	Needed    bool      `json:"needed"` // there is no operator yet
	SetupURL  string    `json:"setup_url,omitempty"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Dashboard string    `json:"dashboard_url"`
}

func (c *cli) initCommand() *cobra.Command {
	cmd := c.task("init", "Print a fresh link that makes the first operator", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		d := setupDocument{Dashboard: s.Config.PublicURL + "/admin"}
		var err error
		if d.Needed, err = s.Setup.Needed(ctx); err != nil {
			return err
		}
		if d.Needed {
			d.ExpiresAt = s.Clock.Now().UTC().Add(admin.SetupLinkLifetime).Truncate(time.Second)
			if d.SetupURL, err = setupLink(ctx, s); err != nil {
				return err
			}
		}
		return c.reply(d, func(w io.Writer) {
			if d.Needed {
				printFields(w, field{"Set up", d.SetupURL + "      " + validity})
				return
			}
			fmt.Fprintln(w, "There is an operator already. Sign in at "+d.Dashboard)
			fmt.Fprintln(w, "If no owner gets in: portico operator recover EMAIL")
		})
	})
	cmd.Long = `Print a fresh link that makes the first operator. It works once, and earlier links keep working until they expire.

Where there is no installation yet, this makes one: the database, its keys, a first environment with its default
application.`
	return cmd
}
