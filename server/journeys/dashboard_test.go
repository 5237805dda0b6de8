package journeys

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/server/servertest"
)

// ofOperators are the files of tests that need an operator of each role.
var ofOperators = []string{"apply", "dashboard", "dashboard-pages", "dashboard-without-script"}

// TestDashboard runs the files of the dashboard and of portico apply against one server, with the command beside it.
func TestDashboard(t *testing.T) {
	i, env := start(t)
	env["PORTICO_OPERATORS"] = text(t, operators(t, i))
	env["PORTICO_COMMAND"] = text(t, command(t, env))
	furnish(t, i)
	for _, name := range ofOperators {
		t.Run(name, func(t *testing.T) {
			env["PORTICO_PEOPLE"] = people(t, i, name)
			Run(t, env, name+".test.mjs")
		})
	}
}

// operators makes one of each role; the owner by the set-up link, the others by invitation.
func operators(t *testing.T, i *servertest.Installation) map[admin.Role]person {
	all := map[admin.Role]person{}
	for _, role := range slices.Backward(admin.Roles()) {
		p := person{Name: "Olga " + string(role), Email: "olga-" + string(role) + "@example.com", Password: servertest.Password}
		var err error
		if role == admin.Owner {
			var token string
			if token, err = i.Setup.NewToken(t.Context()); err == nil {
				_, err = i.Setup.CreateOperator(t.Context(), token, p.Name, p.Email, p.Password)
			}
		} else {
			var token string
			if _, token, err = i.Setup.Invite(t.Context(), admin.Invitation{Name: p.Name, Email: p.Email, Role: role}); err == nil {
				_, err = i.Setup.Accept(t.Context(), token, p.Password)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		all[role] = p
	}
	return all
}

// command builds the program, and returns its path and the variables that it needs beside the server.
func command(t *testing.T, env map[string]string) any {
	path := filepath.Join(t.TempDir(), "portico")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "github.com/portico-id/portico/cmd/portico").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return map[string]any{"path": path, "env": map[string]string{
		"PORTICO_DATA_DIR": env["DATA_DIR"], "PORTICO_PUBLIC_URL": env["PORTICO_ISSUER"], "PORTICO_LISTEN": strings.TrimPrefix(env["PORTICO_ISSUER"], "http://"),
	}}
}

// furnish fills the lists of the dashboard: Wiki, an application with everything, an organization, and who is signed in.
func furnish(t *testing.T, i *servertest.Installation) {
	env := i.Environment.ID
	wiki := i.AddClient(t, "Wiki", clients.Web, nil)
	if _, _, err := i.Applications.CreateSecret(t.Context(), env, wiki.ID, "Deployment in spring", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := i.APIKeys.Create(t.Context(), i.Environment, wiki.ID, clients.NewAPIKey{Name: "Reports", Scopes: []clients.APIScope{"users:read"}}); err != nil {
		t.Fatal(err)
	}
	acme, err := i.Organizations.Create(t.Context(), env, organizations.Settings{Slug: "acme", Name: "Acme GmbH"})
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"ines", "jonas", "karla"} {
		user := i.AddUser(t, who+"@example.com")
		if _, err := i.Organizations.AddMember(t.Context(), env, acme.ID, user.ID); err != nil {
			t.Fatal(err)
		}
		tokens := i.Tokens(t, wiki, user.Email, "openid offline_access")
		if tokens.Status != 200 {
			t.Fatalf("tokens of %s: %d %s", who, tokens.Status, tokens.Body)
		}
	}
}
