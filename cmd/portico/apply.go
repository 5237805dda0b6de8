package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/admin/apply"
	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/server"
)

// applyDocument is what apply tells.
type applyDocument struct {
	Applied bool           `json:"applied"` // false for a plan, and where there was nothing to do
	Changes []apply.Change `json:"changes"`
	// ClientSecrets are those of the applications that were made, by the slug of the environment and the client ID.
	ClientSecrets map[string]map[string]string `json:"client_secrets"`
}

func (c *cli) applyCommand() *cobra.Command {
	var file string
	var plan bool
	var o apply.Options
	cmd := c.task("apply -f FILE", "Make the installation what a file declares", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		text, err := c.readFile(file)
		if err != nil {
			return err
		}
		declared, err := apply.Parse(text)
		if err != nil {
			return err
		}
		actor := audit.ActorOf(ctx)
		actor.Name = "portico apply, " + actor.Name
		return c.apply(audit.WithActor(ctx, actor), s, declared, o, plan)
	})
	cmd.Long = `Make the installation what a file declares: environments with their settings, applications and roles. First it is told what
changes; then all of it changes in one transaction, or nothing does. What is declared is managed by the file: a field of an application
or a role that the file doesn't name is as a new one has it, and what was changed elsewhere is changed back.

The file is YAML or JSON. An application has the fields of the management API, and is the one of its client ID; a setting that the file
doesn't name stays. What an earlier file declared in an environment of this one, and this one doesn't, is deleted with --prune.

The secret of an application that is made is printed this once; with --json it is at .client_secrets.ENVIRONMENT["CLIENT ID"].`
	cmd.Example = `  portico apply -f portico.yaml --plan
  portico apply -f portico.yaml
  portico apply -f - --prune --json < portico.yaml`
	f := cmd.Flags()
	f.StringVarP(&file, "file", "f", "", "the `FILE`; - is standard input")
	f.BoolVar(&plan, "plan", false, "change nothing, and tell what would change")
	f.BoolVar(&o.Prune, "prune", false, "delete what an earlier file declared and this one doesn't")
	_ = cmd.MarkFlagRequired("file") // there is such a flag
	return cmd
}

func (c *cli) apply(ctx context.Context, s *server.Server, declared *apply.File, o apply.Options, plan bool) error {
	planned, err := s.Applier.Plan(ctx, declared, o)
	if err != nil {
		return err
	}
	if !c.json {
		printPlan(c.stdout, planned)
	}
	d := applyDocument{Changes: planned.Changes, ClientSecrets: map[string]map[string]string{}}
	if !plan && !planned.Empty() {
		done, err := s.Applier.Apply(ctx, declared, o, planned)
		if err != nil {
			return err
		}
		d.Applied = true
		for env, all := range done.Secrets {
			d.ClientSecrets[env] = map[string]string{}
			for client, secret := range all {
				d.ClientSecrets[env][client] = secret.Reveal()
			}
		}
	}
	return c.reply(d, func(w io.Writer) {
		if !d.Applied {
			return
		}
		fmt.Fprintln(w, "Applied.")
		var fields []field
		for _, env := range slices.Sorted(maps.Keys(d.ClientSecrets)) {
			for _, client := range slices.Sorted(maps.Keys(d.ClientSecrets[env])) {
				fields = append(fields, field{"Client secret of " + env + "/" + client, d.ClientSecrets[env][client] + "   shown this once"})
			}
		}
		printFields(w, fields...)
	})
}

var signs = map[apply.Action]string{apply.Create: "+", apply.Update: "~", apply.Delete: "-", apply.Leave: "?"}

// printPlan tells what changes, an object and a field a line.
func printPlan(w io.Writer, r *apply.Result) {
	for _, change := range r.Changes {
		name := change.Name
		if change.Type != "environment" {
			name = change.Environment + "/" + name
		}
		note := ""
		switch {
		case change.Action == apply.Leave:
			note = ": it is no longer declared; --prune deletes it"
		case change.TakenOver:
			note = ": it is taken over"
		}
		fmt.Fprintf(w, "%s %s %s%s\n", signs[change.Action], change.Type, name, note)
		for _, f := range change.Fields {
			printField(w, f)
		}
		if change.Ends > 0 && change.Action != apply.Leave {
			fmt.Fprintf(w, "    ends %d of %s\n", change.Ends, count(change.Living, "living session"))
		}
	}
	if r.Empty() {
		fmt.Fprintln(w, "Nothing to do.")
		return
	}
	fmt.Fprintf(w, "%d to create, %d to change, %d to delete.\n", r.Count(apply.Create), r.Count(apply.Update), r.Count(apply.Delete))
}

func printField(w io.Writer, f apply.Field) {
	drift := ""
	if f.Drift != nil {
		drift = fmt.Sprintf("   (drift: by %s, %s)", f.Drift.By, moment(f.Drift.At))
	}
	switch {
	case f.Before == nil:
		fmt.Fprintf(w, "    %s: %s%s\n", f.Name, value(f.After), drift)
	case f.After == nil:
		fmt.Fprintf(w, "    %s: %s -> none%s\n", f.Name, value(f.Before), drift)
	default:
		fmt.Fprintf(w, "    %s: %s -> %s%s\n", f.Name, value(f.Before), value(f.After), drift)
	}
}

// value is JSON for people, in whose URIs an & stays what it is.
func value(text json.RawMessage) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	var v any
	if json.Unmarshal(text, &v) != nil || e.Encode(v) != nil {
		return string(text)
	}
	return strings.TrimSpace(b.String())
}
