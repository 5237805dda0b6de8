package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/config"
	"github.com/portico-id/portico/storage"
)

// migrationsDocument tells about the schema of the database.
type migrationsDocument struct {
	Database string   `json:"database"` // without its password
	Applied  []string `json:"applied"`  // now
	Pending  []string `json:"pending"`
}

func (c *cli) migrateCommand() *cobra.Command {
	plan := false
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the schema of the database up to date",
		Long: `Bring the schema of the database up to date. The server does this when it starts, and so does every other command; this
one is for those who do it before.`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = doing(func(ctx context.Context, _ []string) error {
		cfg, err := config.Load(c.config, c.environ)
		if err != nil {
			return err
		}
		d, err := migrate(ctx, cfg, plan)
		if err != nil {
			return err
		}
		return c.reply(d, d.print)
	})
	cmd.Flags().BoolVar(&plan, "plan", false, "only tell what would be done")
	c.printing(cmd)
	return cmd
}

func migrate(ctx context.Context, cfg *config.Config, plan bool) (_ *migrationsDocument, err error) {
	db, err := openDatabase(ctx, cfg, plan)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	d := &migrationsDocument{Database: cfg.Database.URL.String(), Applied: []string{}, Pending: []string{}}
	names, err := db.Plan(ctx)
	switch {
	case err != nil:
		return nil, err
	case plan:
		d.Pending = append(d.Pending, names...)
		return d, nil
	}
	d.Applied = append(d.Applied, names...)
	_, err = db.Migrate(ctx)
	return d, err
}

// openDatabase opens the database as it is, and makes one that doesn't exist, unless it is only looked at.
func openDatabase(ctx context.Context, cfg *config.Config, look bool) (*storage.DB, error) {
	url := cfg.Database.URL.Reveal()
	if file := cfg.Database.URL.File(); file != "" {
		_, err := os.Stat(file)
		switch missing := errors.Is(err, fs.ErrNotExist); {
		case missing && look:
			url = "sqlite::memory:"
		case missing:
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				return nil, err
			}
		}
	}
	return storage.Open(ctx, url, storage.Options{MaxConnections: cfg.Database.MaxConnections})
}

func (d *migrationsDocument) print(w io.Writer) {
	for _, name := range d.Pending {
		fmt.Fprintln(w, "pending   "+name)
	}
	for _, name := range d.Applied {
		fmt.Fprintln(w, "applied   "+name)
	}
	if len(d.Pending)+len(d.Applied) == 0 {
		fmt.Fprintln(w, "The database is up to date.")
	}
}
