package environments

import (
	"context"
	"errors"
	"net/url"
	"testing"
)

// fixed is a Store of environments that don't change.
type fixed []Environment

func (f fixed) Environments(context.Context) ([]Environment, error)  { return f, nil }
func (f fixed) CreateEnvironment(context.Context, Environment) error { return ErrSlugTaken }
func (f fixed) UpdateEnvironment(context.Context, ID, func(context.Context, *Environment) error) error {
	return ErrNotFound
}

// TestResolve: everything of an environment lives under its issuer (design.md §4).
func TestResolve(t *testing.T) {
	r := &Registry{Store: fixed{
		{ID: "env_root", Slug: "default", Root: true},
		{ID: "env_ops", Slug: "operators"},
		{ID: "env_acme", Slug: "acme", Host: "id.acme.example"},
	}}
	for _, test := range []struct {
		host, path string
		env        ID
		below      string
	}{
		{"id.example.com", "/oauth2/token", "env_root", "/oauth2/token"},
		{"id.example.com", "/env/operators/oauth2/token", "env_ops", "/oauth2/token"},
		{"id.example.com", "/env/operators", "env_ops", "/"},
		{"id.example.com", "/environment", "env_root", "/environment"},
		{"id.acme.example", "/oauth2/token", "env_acme", "/oauth2/token"},
		{"ID.Acme.Example", "/", "env_acme", "/"},
		{"id.acme.example", "/env/operators/userinfo", "env_acme", "/env/operators/userinfo"}, // another host leads to no other environment
	} {
		env, below, err := r.Resolve(t.Context(), test.host, test.path)
		if err != nil || env.ID != test.env || below != test.below {
			t.Errorf("Resolve(%q, %q) = %v, %q, %v, want %s, %q", test.host, test.path, env, below, err, test.env, test.below)
		}
	}
	for _, path := range []string{"/env/nobody/userinfo", "/env/", "/env/default/userinfo", "/env/acme/userinfo"} { // one issuer each
		if env, _, err := r.Resolve(t.Context(), "id.example.com", path); !errors.Is(err, ErrNotFound) {
			t.Errorf("Resolve(%q) = %v, %v, want ErrNotFound", path, env, err)
		}
	}
}

func TestIssuer(t *testing.T) {
	public, err := url.Parse("https://id.example.com")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		env  Environment
		want string
	}{
		{Environment{Slug: "default", Root: true}, "https://id.example.com"},
		{Environment{Slug: "staging"}, "https://id.example.com/env/staging"},
		{Environment{Slug: "acme", Host: "id.acme.example"}, "https://id.acme.example"},
	} {
		if got := test.env.Issuer(public); got != test.want {
			t.Errorf("Issuer of %s = %q, want %q", test.env.Slug, got, test.want)
		}
	}
}
