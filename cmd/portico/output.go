package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// reply prints value as JSON if that was asked for, else as text.
func (c *cli) reply(value any, text func(io.Writer)) error {
	if !c.json {
		text(c.stdout)
		return nil
	}
	e := json.NewEncoder(c.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

// field is a line of what is told about one thing.
type field struct{ name, value string }

// printFields prints a line for each field that has a value.
func printFields(w io.Writer, fields ...field) {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, f := range fields {
		if f.value != "" {
			fmt.Fprintf(t, "%s\t%s\n", f.name, f.value)
		}
	}
	_ = t.Flush()
}

// printTable prints rows below the names of their columns, and without any says what there is none of.
func printTable(w io.Writer, none string, columns []string, rows [][]string) {
	if len(rows) == 0 {
		fmt.Fprintln(w, none)
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, row := range append([][]string{columns}, rows...) {
		row = slices.Clone(row)
		for i := range row {
			if row[i] == "" {
				row[i] = "-"
			}
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	_ = t.Flush()
}

// moment is a time for people; "" for the zero value.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func yes(condition bool) string {
	if condition {
		return "yes"
	}
	return "no"
}

// count is a number with its noun, whose plural takes an s.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// coloured reports whether w shows colours: a terminal, without NO_COLOR (no-color.org).
func (c *cli) coloured(w io.Writer) bool {
	set := func(entry string) bool { return strings.HasPrefix(entry, "NO_COLOR=") && entry != "NO_COLOR=" }
	f, ok := w.(*os.File)
	if !ok || slices.ContainsFunc(c.environ, set) || slices.Contains(c.environ, "TERM=dumb") {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
