package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/server"
)

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "portico",
		Short: "One identity layer for many applications: a standalone OpenID Connect provider",
		Long: `Portico is a standalone OpenID Connect provider: people sign in once and reach every application.

Every command works on the database of the configuration, whether a server runs on it or not; a server that does sees
what changed at once. Exit codes: 0, 1 (failed), 2 (usage).`,
		Version:       display(c.version),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("portico {{.Version}}\n")
	root.PersistentFlags().StringVar(&c.config, "config", "", "the YAML `FILE` of the configuration; variables PORTICO_… win over it")
	root.AddCommand(
		c.serveCommand(), c.demoCommand(), c.initCommand(),
		c.applicationCommand(), c.secretCommand(), c.apiKeyCommand(), c.userCommand(), c.sessionCommand(), c.keyCommand(), c.environmentCommand(),
		c.organizationCommand(), c.roleCommand(), c.operatorCommand(), c.eventCommand(), c.applyCommand(),
		c.migrateCommand(), c.doctorCommand(), c.versionCommand(),
	)
	return root
}

// display is a version without the v of its tag.
func display(version string) string {
	if len(version) > 1 && version[0] == 'v' && '0' <= version[1] && version[1] <= '9' {
		return version[1:]
	}
	return version
}

// group is a command that only has others below it.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	g.AddCommand(commands...)
	return g
}

// doing marks the errors of a command that was understood.
func doing(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := do(cmd.Context(), args); err != nil {
			return failure{err}
		}
		return nil
	}
}

// task is a command that works on the installation and prints something, with --json if that is asked for.
func (c *cli) task(use, short string, args cobra.PositionalArgs, do func(ctx context.Context, s *server.Server, args []string) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: args}
	cmd.RunE = doing(func(ctx context.Context, args []string) error {
		return c.installed(ctx, func(ctx context.Context, s *server.Server) error { return do(ctx, s, args) })
	})
	c.printing(cmd)
	return cmd
}

func (c *cli) printing(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON")
}

// inEnvironment adds --environment to commands.
func (c *cli) inEnvironment(commands ...*cobra.Command) {
	for _, cmd := range commands {
		cmd.Flags().StringVar(&c.environment, "environment", server.DefaultSlug, "the `SLUG` of the environment")
	}
}

// one takes exactly one argument.
func one(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return errors.New("give " + what)
		case 1:
			return nil
		}
		return fmt.Errorf("give %s, and nothing besides: %s", what, strings.Join(args[1:], " "))
	}
}
