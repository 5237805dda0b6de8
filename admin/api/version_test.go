package api_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server/servertest"
)

// Of two edits at once of what both have read, one is told that it lost, and has changed nothing.
func TestConcurrentEdits(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		env, err := i.Environments.BySlug(t.Context(), environments.OperatorsSlug)
		check(t, err)
		operators := connectTo(t, i, env)
		user := c.want(t, 201, "POST /users", `{"email":"ada@edits.example"}`)
		organization := c.want(t, 201, "POST /organizations", `{"name":"Acme"}`)
		c.want(t, 201, "POST /roles", `{"name":"red"}`)
		c.want(t, 201, "POST /roles", `{"name":"blue"}`)
		role := c.want(t, 201, "POST /roles", `{"name":"editor"}`)
		members := "/organizations/" + organization.str("id") + "/memberships"
		member := c.want(t, 201, "POST "+members, `{"user_id":"`+user.str("id")+`"}`)
		application := c.want(t, 201, "POST /applications", `{"kind":"spa","name":"SPA"}`)
		staging := operators.want(t, 201, "POST /environments", `{"slug":"staging","name":"Staging"}`)

		for _, test := range []struct {
			*client
			made   answer // zero for what can't be made
			at     string
			change string // to either of red and blue
			field  string
		}{
			{c, application, "/applications/" + application.str("id"), `{"name":"%s"}`, "name"},
			{c, user, "/users/" + user.str("id"), `{"nickname":"%s"}`, "nickname"},
			{c, organization, "/organizations/" + organization.str("id"), `{"name":"%s"}`, "name"},
			{c, member, members + "/" + member.str("id"), `{"roles":["%s"]}`, "roles/0"},
			{c, role, "/roles/" + role.str("id"), `{"description":"%s"}`, "description"},
			{c, answer{}, "/settings", `{"name":"%s"}`, "name"},
			{operators, staging, "/environments/" + staging.str("id"), `{"name":"%s"}`, "name"},
		} {
			read := test.want(t, 200, "GET "+test.at, "").header.Get("ETag")
			if made := test.made.header.Get("ETag"); test.made.status != 0 && made != read {
				t.Errorf("%s was made with the ETag %q, and has %q", test.at, made, read)
			}
			colours := [2]string{"red", "blue"}
			var answers [2]answer
			var both sync.WaitGroup
			for n, colour := range colours {
				both.Go(func() {
					answers[n] = test.call(t, "PATCH "+test.at, fmt.Sprintf(test.change, colour), "If-Match: "+read)
				})
			}
			both.Wait()
			won := 0
			if answers[1].status == 200 {
				won = 1
			}
			if answers[won].status != 200 || answers[1-won].status != 412 || answers[1-won].str("type") != "urn:portico:problem:changed" {
				t.Errorf("two PATCH %s of one ETag = %s and %s", test.at, answers[0].text, answers[1].text)
				continue
			}
			now := test.want(t, 200, "GET "+test.at, "")
			if now.str(test.field) != colours[won] || now.header.Get("ETag") != answers[won].header.Get("ETag") || now.header.Get("ETag") == read {
				t.Errorf("GET %s = %s %s, after %s won with %s", test.at, now.header.Get("ETag"), now.text, colours[won], answers[won].header.Get("ETag"))
			}
			// without the header, and for whatever there is, a change works as ever
			test.want(t, 200, "PATCH "+test.at, fmt.Sprintf(test.change, "red"))
			test.want(t, 200, "PATCH "+test.at, fmt.Sprintf(test.change, "blue"), "If-Match: *")
		}
		for _, at := range []string{
			members + "/" + member.str("id"), "/organizations/" + organization.str("id"), "/roles/" + role.str("id"),
			"/users/" + user.str("id"), "/applications/" + application.str("id"),
		} {
			last := c.want(t, 200, "GET "+at, "").header.Get("ETag")
			c.want(t, 412, "DELETE "+at, "", `If-Match: "1"`)
			c.want(t, 200, "GET "+at, "")
			c.want(t, 204, "DELETE "+at, "", "If-Match: "+last)
			c.want(t, 404, "DELETE "+at, "", "If-Match: "+last)
		}
	})
}
