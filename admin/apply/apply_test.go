package apply_test

import (
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/portico-id/portico/admin/apply"
	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

// acme is the file of the README: a web, a phone and a machine application, and a role.
var acme = func() string {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		panic(err)
	}
	_, after, _ := strings.Cut(string(readme), "\n```yaml\nenvironments:\n")
	file, _, _ := strings.Cut(after, "```")
	return "environments:\n" + file
}()

func parse(t *testing.T, text string) *apply.File {
	t.Helper()
	f, err := apply.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func applied(t *testing.T, i *servertest.Installation, text string, o apply.Options) *apply.Result {
	t.Helper()
	f := parse(t, text)
	planned, err := i.Applier.Plan(t.Context(), f, o)
	if err != nil {
		t.Fatal(err)
	}
	done, err := i.Applier.Apply(t.Context(), f, o, planned)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// client is an application as somebody has it who ran apply.
func client(t *testing.T, i *servertest.Installation, r *apply.Result, id string) servertest.Client {
	t.Helper()
	app, err := i.Applications.ByClientID(t.Context(), i.Environment.ID, id)
	if err != nil {
		t.Fatal(err)
	}
	return servertest.Client{Application: app, Secret: r.Secrets["default"][id].Reveal()}
}

// Issue 3, "Done when": a web, a phone and a machine application with one apply, and a sign-in to each.
func TestSignInToWhatWasApplied(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		i.AddUser(t, "ada@example.com")
		r := applied(t, i, acme, apply.Options{})
		for _, id := range []string{"acme-web", "acme-phone"} {
			c := client(t, i, r, id)
			tokens := i.Tokens(t, c, "ada@example.com", "openid offline_access")
			if again := i.Refresh(t, c, tokens.String("refresh_token")); again.String("access_token") == "" {
				t.Errorf("%s refreshed to %d %v", id, again.Status, again.JSON)
			}
		}
		jobs := client(t, i, r, "acme-jobs")
		if got := i.Call(t, jobs, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}); got.String("access_token") == "" {
			t.Errorf("acme-jobs got %d %v", got.Status, got.JSON)
		}
	})
}

// A plan tells how many living sessions it ends, and a clock that was changed elsewhere is told with who did it.
func TestWhatAPlanTells(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		i.AddUser(t, "ada@example.com")
		r := applied(t, i, acme, apply.Options{})
		web, phone := client(t, i, r, "acme-web"), client(t, i, r, "acme-phone")
		i.Tokens(t, web, "ada@example.com", "openid")
		i.Tokens(t, phone, "ada@example.com", "openid")
		i.Tokens(t, phone, "ada@example.com", "openid")

		grace := audit.WithActor(t.Context(), audit.Actor{Kind: audit.ActorOperator, Name: "grace@example.com"})
		err := i.Applications.Update(grace, i.Environment, web.ID, func(a *clients.Application) error {
			a.Name = "Renamed"
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}

		less := parse(t, strings.Replace(acme[:strings.Index(acme, "      - client_id: acme-phone")], "kind: web\n", "kind: web\n        enabled: false\n        description: Closed\n", 1))
		planned, err := i.Applier.Plan(t.Context(), less, apply.Options{Prune: true})
		if err != nil {
			t.Fatal(err)
		}
		ends, drifts := map[string]int{}, map[string]string{}
		for _, c := range planned.Changes {
			ends[string(c.Action)+" "+c.Name] = c.Ends
			for _, f := range c.Fields {
				if f.Drift != nil {
					drifts[f.Name] = f.Drift.By
				}
			}
		}
		if len(ends) != 3 || ends["update acme-web"] != 1 || ends["delete acme-phone"] != 2 || ends["delete acme-jobs"] != 0 {
			t.Errorf("the plan ends %v", ends)
		}
		if len(drifts) != 1 || drifts["name"] != "grace@example.com" {
			t.Errorf("the plan tells drift of %v", drifts)
		}
		if app, err := i.Applications.Store.Application(t.Context(), i.Environment.ID, web.ID); err != nil || app.Name != "Renamed" {
			t.Errorf("the plan changed the application: %v, %v", app, err)
		}

		// What was planned is what happens, or nothing does.
		planned.Changes[0].Ends++
		if _, err := i.Applier.Apply(t.Context(), less, apply.Options{Prune: true}, planned); !errors.Is(err, apply.ErrChanged) {
			t.Errorf("Apply of something else than planned: %v, want ErrChanged", err)
		}
		if _, err := i.Applications.Store.Application(t.Context(), i.Environment.ID, phone.ID); err != nil {
			t.Errorf("an application is gone although nothing was applied: %v", err)
		}
	})
}

// A mistake late in the file undoes what came before it, and both are told.
func TestAllOrNothing(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		bad := parse(t, acme+`      - {client_id: a, name: A, kind: web, redirect_uris: ["javascript:alert(1)"]}
      - {client_id: b, name: "`+strings.Repeat("x", 101)+`", kind: web}
  - slug: second
    browser_sessions: {max_length: 1}
`)
		_, err := i.Applier.Plan(t.Context(), bad, apply.Options{})
		for _, want := range []string{"line 21, environments/0/applications/3/redirect_uris/0", "line 22, environments/0/applications/4/name", "line 24, environments/1/browser_sessions/max_length"} {
			if err == nil || !strings.Contains(strings.Join(fields(err), "\n"), want) {
				t.Errorf("the mistakes are at %q, want %s among them", fields(err), want)
			}
		}
		if _, err := i.Applications.ByClientID(t.Context(), i.Environment.ID, "acme-web"); !errors.Is(err, clients.ErrNotFound) {
			t.Errorf("acme-web was made: %v", err)
		}
		if _, err := i.Environments.BySlug(t.Context(), "second"); err == nil {
			t.Error("the environment second was made")
		}
	})
}
