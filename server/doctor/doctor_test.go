package doctor

import (
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/config"
	"github.com/portico-id/portico/server"
)

// Acceptance 88: what the scripts of cmd/portico can't make go wrong.
func TestExamine(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name    string
		spoil   func(t *testing.T, folder string, p *Patient)
		check   string
		verdict Verdict
		want    string // in its detail and remedy
	}{
		{"sound", func(*testing.T, string, *Patient) {}, "clock", OK, ""},
		{"clock before the program", func(_ *testing.T, _ string, p *Patient) { p.Built = now.Add(time.Hour) }, "clock", Failed, "but this program is from"},
		{"clock before a key", func(_ *testing.T, _ string, p *Patient) {
			p.Now = func() time.Time { return now.Add(-time.Hour) }
		}, "clock", Failed, "but a key was made at"},
		{"newer schema", func(t *testing.T, folder string, _ *Patient) {
			execute(t, folder, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
		}, "migrations", Failed, "run the newest portico"},
		{"no keys", func(t *testing.T, folder string, _ *Patient) { execute(t, folder, "DELETE FROM signing_keys") }, "keys", Failed, "no key signs by RS256"},
		{"migrated, no more", func(t *testing.T, folder string, p *Patient) {
			p.Environ = append(p.Environ, "PORTICO_DATABASE_URL=sqlite:"+filepath.Join(folder, "other.db"))
			open(t, *p, func(*server.Server) error { return nil })
		}, "installation", Note, "portico init"},
		{"folder is a file", func(t *testing.T, folder string, p *Patient) {
			file := filepath.Join(folder, "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			p.Environ = append(p.Environ, "PORTICO_SECRET=hX0Yb1rO3qk9vE5tQ2wLz8uN6mJ4cS7d", "PORTICO_DATA_DIR="+file)
		}, "data folder", Failed, "is no folder"},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			if err := os.Chmod(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			p := Patient{Environ: []string{"PORTICO_DATA_DIR=" + folder, "PORTICO_LISTEN=127.0.0.1:1"}, Now: func() time.Time { return now }}
			open(t, p, func(s *server.Server) error { return s.Bootstrap(t.Context()) })
			test.spoil(t, folder, &p)

			all := Examine(t.Context(), p)
			i := slices.IndexFunc(all, func(f Finding) bool { return f.Check == test.check })
			if i < 0 || all[i].Verdict != test.verdict || !strings.Contains(all[i].Detail+" "+all[i].Remedy, test.want) {
				t.Errorf("Examine = %+v, want %s of %q with %q", all, test.verdict, test.check, test.want)
			}
			if test.verdict == OK && slices.ContainsFunc(all, func(f Finding) bool { return f.Verdict == Failed }) {
				t.Errorf("Examine = %+v, want nothing failed", all)
			}
		})
	}
}

// open makes the database and does something with it.
func open(t *testing.T, p Patient, do func(*server.Server) error) {
	t.Helper()
	cfg, err := config.Load("", p.Environ)
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.Open(t.Context(), cfg, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := do(s); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func execute(t *testing.T, folder, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(folder, "portico.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
