package admin_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/server/servertest"
)

// An environment becomes one for production when its applications suit it, and not before (acceptance 3 to 5).
func TestChangeKind(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		ctx := t.Context()
		env, err := i.Founder.Create(ctx, environments.New{Slug: "play", Name: "Play", Kind: environments.Development})
		must(t, err)
		register := func(name string, uris ...string) *clients.Application {
			t.Helper()
			app, _, err := i.Applications.Create(ctx, env, clients.New{Kind: clients.Web, Name: name, Configure: func(a *clients.Application) error {
				a.RedirectURIs = uris
				return nil
			}})
			must(t, err)
			return app
		}
		register("Fine", "https://fine.example/cb", "http://127.0.0.1:3000/cb")
		wiki := register("Wiki", "https://wiki.example/cb", "http://localhost:3000/cb")
		notes := register("Notes", "http://notes.test/cb")
		toProduction := func() error {
			return i.Founder.Change(ctx, env.ID, func(s *environments.Settings) error {
				s.Kind = environments.Production
				return nil
			})
		}
		kind := func() environments.Kind {
			now, err := i.Environments.ByID(ctx, env.ID)
			must(t, err)
			return now.Kind
		}

		err = toProduction()
		var unready *admin.Unready
		if !errors.As(err, &unready) {
			t.Fatalf("Change returned %v, want *admin.Unready", err)
		}
		got := map[string]string{}
		for _, app := range unready.Applications {
			for _, mistake := range app.Mistakes {
				got[app.Name] += mistake.Field
			}
		}
		if diff := cmp.Diff(map[string]string{"Wiki": "redirect_uris/1", "Notes": "redirect_uris/0"}, got); diff != "" {
			t.Errorf("refused (-want +got):\n%s", diff)
		}
		for _, f := range fault.All(err) {
			if f.Kind != fault.Conflict || f.Field != "kind" {
				t.Errorf("told as %v of kind %v", f, f.Kind)
			}
		}
		if kind() != environments.Development {
			t.Error("a refused change was saved")
		}

		must(t, i.Applications.Update(ctx, env, wiki.ID, func(a *clients.Application) error {
			a.RedirectURIs = a.RedirectURIs[:1]
			return nil
		}))
		must(t, i.Applications.Update(ctx, env, notes.ID, func(a *clients.Application) error {
			a.RedirectURIs = []string{"https://notes.test/cb"}
			return nil
		}))
		must(t, toProduction())
		if kind() != environments.Production {
			t.Error("the change was not saved")
		}
		// What the environment itself has must suit production too.
		must(t, i.Founder.Change(ctx, env.ID, func(s *environments.Settings) error {
			s.Kind, s.Brand.HelpURI = environments.Development, "http://help.test/"
			return nil
		}))
		wantErr(t, "Change with an http help address", toProduction(), &fault.Error{Kind: fault.Invalid, Field: "brand/help_uri"})
	})
}
