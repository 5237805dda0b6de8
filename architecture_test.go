// Package portico has the tests of the whole house; the program is cmd/portico.
package portico

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/portico-id/portico/"

// domain is in the order in which each package may import those before it.
var domain = []string{"fault", "audit", "environments", "keys", "clients", "identity", "organizations", "sessions", "grants", "delivery", "admin"}

// allowed are the arrows of the house: what each package outside the domain may import of ours.
var allowed = map[string][]string{
	"config":          {"fault"},
	"static":          {},
	"templates":       {"static"},
	"mail":            {"templates"},
	"storage":         append(slices.Clone(domain), "storage"),
	"provider":        append(slices.Clone(domain), "templates"),
	"login":           append(slices.Clone(domain), "templates"),
	"admin/api":       append(slices.Clone(domain), "templates"),
	"admin/dashboard": append(slices.Clone(domain), "templates", "mail"),
	"server":          nil, // everything but cmd
	"server/bench":    nil, // its floors speak to the databases as storage does
	"server/demo":     {},  // an honest third party
	"cmd/portico":     append(slices.Clone(domain), "server", "config", "storage"),
}

// only says which packages may import a library.
var only = map[string][]string{
	"github.com/ory/fosite":       {"provider"},
	"gorm.io/":                    {"storage"},
	"modernc.org/sqlite":          {"storage", "server/bench"},
	"github.com/jackc/pgx":        {"storage", "server/bench"},
	"database/sql":                {"storage", "server/bench"},
	"html/template":               {"templates", "provider", "login", "server", "admin"},
	"github.com/gorilla/sessions": {"sessions"},
}

// TestArrows holds what imports what (style.md, "The house").
func TestArrows(t *testing.T) {
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); name == "node_modules" || name == "testdata" || name == "build" || file == "provider/oryx" || name != "." && strings.HasPrefix(name, ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || path.Dir(file) == "." {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			check(t, path.Dir(filepath.ToSlash(file)), strings.Trim(spec.Path.Value, `"`))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, from, imported string) {
	t.Helper()
	house := room(from)
	for library, users := range only {
		if strings.HasPrefix(imported, library) && !slices.Contains(users, house) && !slices.Contains(users, strings.SplitN(house, "/", 2)[0]) {
			t.Errorf("%s imports %s, which only %v may", from, imported, users)
		}
	}
	target, ours := strings.CutPrefix(imported, module)
	if !ours || room(target) == house {
		return
	}
	target = room(target)
	if rank := slices.Index(domain, house); rank >= 0 {
		if to := slices.Index(domain, target); to < 0 || to >= rank {
			t.Errorf("%s imports %s, which is not below it in the domain", from, target)
		}
		return
	}
	rules, known := allowed[house]
	switch {
	case !known:
		t.Errorf("%s is in no room of the house: add it to the arrows", from)
	case rules == nil && target != "cmd/portico":
	case !slices.Contains(rules, target):
		t.Errorf("%s imports %s", from, target)
	}
}

// room is the package of the house that a folder belongs to: the longest one that the arrows name.
func room(folder string) string {
	for at := folder; at != "."; at = path.Dir(at) {
		if _, known := allowed[at]; known || slices.Contains(domain, at) {
			return at
		}
	}
	return folder
}
