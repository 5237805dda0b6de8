package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server/servertest"
)

// Who runs the installation is decided by keys that say so, by the same rules as in the dashboard.
func TestOperators(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		env, err := i.Environments.BySlug(t.Context(), environments.OperatorsSlug)
		check(t, err)
		c := connectTo(t, i, env, clients.ScopeWriteOperators)
		status := func(link string) int {
			response, err := http.Get(link)
			check(t, err)
			check(t, response.Body.Close())
			return response.StatusCode
		}

		ada := c.want(t, 201, "POST /operators", `{"email":"Ada@example.com","name":"Ada Lovelace","role":"owner"}`)
		link := ada.str("setup_url")
		if !strings.HasPrefix(link, i.Issuer+"/setup?token=st_") || ada.field("invited") != true || status(link) != 200 {
			t.Errorf("POST /operators = %s", ada.text)
		}
		if at := ada.header.Get("Location"); at != c.base+"/operators/"+ada.str("id") {
			t.Errorf("POST /operators: Location: %s", at)
		}
		owner := "/operators/" + ada.str("id")
		again := c.want(t, 201, "POST "+owner+"/links", "")
		if status(link) != 410 || status(again.str("setup_url")) != 200 {
			t.Errorf("POST links = %s, and the link before still works", again.text)
		}
		for _, at := range []string{"GET /operators", "GET " + owner} {
			if a := c.want(t, 200, at, ""); strings.Contains(a.text, "setup") {
				t.Errorf("%s shows a link: %s", at, a.text)
			}
		}

		c.want(t, 409, "DELETE "+owner, "")
		vera := c.want(t, 201, "POST /operators", `{"email":"vera@example.com"}`)
		if vera.str("role") != "viewer" {
			t.Errorf("POST /operators = %s, want a viewer", vera.text)
		}
		viewer := "/operators/" + vera.str("id")
		if a := c.want(t, 200, "PATCH "+viewer, `{"role":"owner"}`); a.str("role") != "owner" {
			t.Errorf("PATCH = %s", a.text)
		}
		c.want(t, 204, "DELETE "+owner, "")
		c.want(t, 404, "GET "+owner, "")
		if status(again.str("setup_url")) != 410 {
			t.Error("the link of one who was removed still works")
		}
		for _, test := range []struct {
			at, body string
			status   int
			fields   []string
		}{
			{"POST /operators", `{"email":"VERA@example.com"}`, 409, []string{"email"}},
			{"POST /operators", `{"email":"nobody"}`, 400, []string{"email"}},
			{"POST /operators", `{"name":"Nobody"}`, 400, []string{"email"}},
			{"PATCH " + viewer, `{"role":"admin"}`, 409, []string{"role"}}, // the last owner
			{"PATCH " + viewer, `{"role":"king"}`, 400, []string{"role"}},
			{"PATCH " + owner, `{"role":"admin"}`, 404, nil},
			{"DELETE " + owner, ``, 404, nil},
			{"POST " + owner + "/links", ``, 404, nil},
			{"POST /applications", `{"kind":"web","name":"A"}`, 403, nil},
		} {
			a := c.want(t, test.status, test.at, test.body)
			if diff := cmp.Diff(test.fields, a.fields()); diff != "" {
				t.Errorf("%s %s: %s\nfields (-want +got):\n%s", test.at, test.body, a.text, diff)
			}
		}

		reader := connectTo(t, i, env, clients.ScopeReadOperators)
		reader.want(t, 200, "GET "+viewer, "")
		reader.want(t, 403, "POST /operators", `{"email":"eve@example.com"}`)
		connectTo(t, i, env, clients.ScopeWriteUsers, clients.ScopeWriteEnvironments).want(t, 403, "GET /operators", "")
		connect(t, i).want(t, 403, "GET /operators", "")
	})
}
