package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server"
)

// redirectDocument tells whether a URI matches one that is registered.
type redirectDocument struct {
	Matches     bool                 `json:"matches"`
	Registered  string               `json:"registered"` // the one that matches, or that comes closest
	Rule        clients.MatchRule    `json:"rule,omitempty"`
	Differences []differenceDocument `json:"differences"`
}

type differenceDocument struct {
	Part       clients.Part `json:"part"`
	Got        string       `json:"got"`
	Registered string       `json:"registered"`
	Reason     string       `json:"reason"`
}

func (c *cli) checkRedirect() *cobra.Command {
	var afterSignOut bool
	cmd := c.task("check-redirect APPLICATION URI", "Tell whether an application may be redirected to a URI, and if not, why", cobra.ExactArgs(2),
		func(ctx context.Context, s *server.Server, args []string) error {
			_, app, err := c.find(ctx, s, args[0])
			if err != nil {
				return err
			}
			explain := app.ExplainRedirect
			if afterSignOut {
				explain = app.ExplainPostLogoutRedirect
			}
			e := explain(args[1])
			d := redirectDocument{Matches: e.Matches, Registered: e.Registered, Rule: e.Rule, Differences: []differenceDocument{}}
			for _, difference := range e.Differences {
				d.Differences = append(d.Differences, differenceDocument(difference))
			}
			if err := c.reply(d, d.print); err != nil || d.Matches {
				return err
			}
			return errSilent
		})
	cmd.Long = `Tell whether an application may be redirected to a URI, and if not, in what it differs from the registered one that comes closest. The
exit code is 1 if it may not.`
	cmd.Flags().BoolVar(&afterSignOut, "post-logout", false, "after a sign-out instead of a sign-in")
	return cmd
}

func (d *redirectDocument) print(w io.Writer) {
	switch {
	case d.Matches:
		fmt.Fprintf(w, "It matches %s (%s).\n", d.Registered, d.Rule)
	case d.Registered == "":
		fmt.Fprintln(w, "The application has no such URI registered at all.")
	default:
		fmt.Fprintln(w, "It doesn't match "+d.Registered+":")
		rows := [][]string(nil)
		for _, difference := range d.Differences {
			rows = append(rows, []string{string(difference.Part), difference.Got, difference.Registered, difference.Reason})
		}
		printTable(w, "", []string{"PART", "GIVEN", "REGISTERED", "WHY IT MATTERS"}, rows)
	}
}
