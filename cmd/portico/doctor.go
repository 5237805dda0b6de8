package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/server/doctor"
)

// findingsDocument is what the doctor says.
type findingsDocument struct {
	Healthy  bool             `json:"healthy"`
	Findings []doctor.Finding `json:"findings"`
}

func (c *cli) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Tell what is wrong with an installation and how to mend it",
		Long: `Tell what is wrong with an installation and how to mend it: the configuration, the data folder, the secret, the database, the keys,
the clock, the public URL if a server runs here, and mail. The exit code is 1 if something is wrong.`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = doing(func(ctx context.Context, _ []string) error {
		d := findingsDocument{Findings: doctor.Examine(ctx, doctor.Patient{
			ConfigFile: c.config, Environ: c.environ, Version: c.version, Built: c.identify().Time, Now: time.Now,
		})}
		d.Healthy = !slices.ContainsFunc(d.Findings, func(f doctor.Finding) bool { return f.Verdict == doctor.Failed })
		err := c.reply(d, d.print)
		if err == nil && !d.Healthy {
			err = errSilent
		}
		return err
	})
	c.printing(cmd)
	return cmd
}

func (d *findingsDocument) print(w io.Writer) {
	for _, f := range d.Findings {
		fmt.Fprintf(w, "%-6s  %-13s  %s\n", f.Verdict, f.Check, strings.Join(strings.Fields(f.Detail), " "))
		if f.Remedy != "" {
			fmt.Fprintf(w, "%-6s  %-13s  → %s\n", "", "", f.Remedy)
		}
	}
}
