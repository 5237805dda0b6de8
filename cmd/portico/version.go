package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
)

// versionDocument tells which program this is.
type versionDocument struct {
	Version  string    `json:"version"`
	Commit   string    `json:"commit,omitempty"`
	Time     time.Time `json:"commit_time,omitzero"`
	Modified bool      `json:"modified"` // it was built from more than the commit
	Go       string    `json:"go"`
	Platform string    `json:"platform"`
}

func (c *cli) versionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "version", Short: "Print which version this is", Args: cobra.NoArgs}
	cmd.RunE = doing(func(context.Context, []string) error {
		d := c.identify()
		return c.reply(d, func(w io.Writer) {
			fmt.Fprintln(w, "portico "+d.Version)
			printFields(w, field{"commit", d.Commit}, field{"from", moment(d.Time)}, field{"go", d.Go}, field{"platform", d.Platform})
		})
	})
	c.printing(cmd)
	return cmd
}

func (c *cli) identify() versionDocument {
	d := versionDocument{Version: display(c.version), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return d
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			d.Commit = s.Value
		case "vcs.time":
			d.Time, _ = time.Parse(time.RFC3339, s.Value) // zero for what is no time
		case "vcs.modified":
			d.Modified = s.Value == "true"
		}
	}
	return d
}
