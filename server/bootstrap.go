package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server/demo"
)

// DefaultSlug is the slug of the environment that every installation begins with.
const DefaultSlug = "default"

// Bootstrap makes what every installation has: the environment of the operators and a first one, each with its default
// application and its keys. What exists is left as it is, so it runs at every start.
func (s *Server) Bootstrap(ctx context.Context) error {
	kind := environments.Production
	if s.Config.Local() {
		kind = environments.Development
	}
	first := environments.New{Slug: DefaultSlug, Name: "Portico", Kind: kind, Root: true}
	operators := environments.New{Slug: environments.OperatorsSlug, Name: "Portico", Kind: kind}
	if err := s.ensure(ctx, first); err != nil {
		return err
	}
	return s.ensure(ctx, operators)
}

// ensure makes an environment, unless it is there or another process makes it at the same time.
func (s *Server) ensure(ctx context.Context, in environments.New) error {
	env, err := s.Environments.BySlug(ctx, in.Slug)
	if errors.Is(err, environments.ErrNotFound) {
		_, failed := s.CreateEnvironment(ctx, in)
		if failed == nil {
			return nil
		}
		if err := s.Environments.Reload(ctx); err != nil {
			return errors.Join(failed, err)
		}
		if env, err = s.Environments.BySlug(ctx, in.Slug); err != nil {
			return failed
		}
	}
	if err != nil {
		return err
	}
	return s.Keys.Provision(ctx, env.ID)
}

// CreateEnvironment makes an environment with its default application and its keys. Errors: those of
// environments.Registry.Create.
func (s *Server) CreateEnvironment(ctx context.Context, in environments.New) (*environments.Environment, error) {
	return s.Founder.Create(ctx, in)
}

// demoClients are the registrations of the demo, with their secrets, as they are kept in the data folder between starts.
type demoClients struct {
	Notes demo.Client `json:"notes"`
	Tasks demo.Client `json:"tasks"`
}

// registerDemo makes the default application Notes and adds Tasks, unless that was done at an earlier start.
func (s *Server) registerDemo(ctx context.Context) (*demoClients, error) {
	file := filepath.Join(s.Config.DataDir, "demo.json")
	known := &demoClients{}
	text, err := os.ReadFile(file)
	if err == nil {
		if err := json.Unmarshal(text, known); err != nil {
			return nil, fmt.Errorf("%s: %w; delete it to register the demo anew", file, err)
		}
		return known, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	env, err := s.Environments.BySlug(ctx, DefaultSlug)
	if err != nil {
		return nil, err
	}
	base := s.demoURL()
	notes, err := s.Applications.ByID(ctx, env.ID, clients.ID(env.DefaultApplication))
	if err != nil {
		return nil, err
	}
	register := func(a *clients.Application, name string, r demo.Registration) {
		a.Name = name
		a.RedirectURIs, a.PostLogoutRedirectURIs = r.RedirectURIs, r.PostLogoutRedirectURIs
		a.InitiateLoginURI, a.HomepageURI, a.BackchannelLogoutURI = r.InitiateLoginURI, r.HomepageURI, r.BackchannelLogoutURI
	}
	if err := s.Applications.Update(ctx, env, notes.ID, func(a *clients.Application) error {
		register(a, "Notes", demo.NotesRegistration(base))
		return nil
	}); err != nil {
		return nil, fmt.Errorf("register Notes: %w", err)
	}
	_, notesSecret, err := s.Applications.RotateSecret(ctx, env.ID, notes.ID, 0)
	if err != nil {
		return nil, fmt.Errorf("register Notes: %w", err)
	}
	tasks, tasksSecret, err := s.Applications.Create(ctx, env, clients.New{Kind: clients.Web, Name: "Tasks", Configure: func(a *clients.Application) error {
		register(a, "Tasks", demo.TasksRegistration(base))
		a.SessionPolicy = clients.Native.Preset().SessionPolicy // beside the clocks of Notes, which are those of a web application
		return nil
	}})
	if err != nil {
		return nil, fmt.Errorf("register Tasks: %w", err)
	}
	known.Notes = demo.Client{ID: notes.ClientID, Secret: notesSecret.Reveal(), Name: "Notes"}
	known.Tasks = demo.Client{ID: tasks.ClientID, Secret: tasksSecret.Reveal(), Name: "Tasks"}
	if text, err = json.Marshal(known); err != nil {
		return nil, err
	}
	return known, os.WriteFile(file, text, 0o600)
}
