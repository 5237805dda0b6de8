package api_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/sessions"
)

// acceptance 44: what is counted beforehand is what ends, and nothing else; the record says who ended it.
func TestEndSessions(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		apps := map[string]servertest.Client{"web": i.AddClient(t, "Web", clients.Web, nil), "wiki": i.AddClient(t, "Wiki", clients.Web, nil)}
		acme := c.want(t, 201, "POST /organizations", `{"name":"Acme"}`).str("id")
		people := map[string]string{}
		for _, name := range []string{"ada", "bob"} {
			i.AddUser(t, name+"@example.com")
			people[name] = string(userOf(t, i, name+"@example.com"))
		}
		c.want(t, 201, "POST /organizations/"+acme+"/memberships", `{"user_id":"`+people["bob"]+`"}`)

		// begin starts the four sessions: bob's are in the organization.
		begin := func() map[string]string {
			ids := map[string]string{}
			for name := range people {
				for app, client := range apps {
					ids[name+" "+app] = signIn(t, i, client, name+"@example.com")
				}
			}
			return ids
		}

		for _, test := range []struct {
			name, body string
			want       []string // that end
		}{
			{"a user's", `{"user_id":"` + people["ada"] + `"}`, []string{"ada web", "ada wiki"}},
			{"an application's", `{"application_id":"` + string(apps["web"].ID) + `"}`, []string{"ada web", "bob web"}},
			{"an organization's", `{"organization_id":"` + acme + `"}`, []string{"bob web", "bob wiki"}},
			{"a member's in an application", `{"organization_id":"` + acme + `","user_id":"` + people["bob"] + `","application_id":"` + string(apps["wiki"].ID) + `"}`, []string{"bob wiki"}},
			{"of nobody", `{"organization_id":"` + acme + `","user_id":"` + people["ada"] + `"}`, nil},
			{"all", `{"all":true}`, []string{"ada web", "ada wiki", "bob web", "bob wiki"}},
		} {
			c.want(t, 200, "POST /sessions:end", `{"all":true}`) // what the case before has left
			ids := begin()
			living := func() (names []string) {
				for _, name := range []string{"ada web", "ada wiki", "bob web", "bob wiki"} {
					if c.want(t, 200, "GET /sessions/"+ids[name], "").str("status") == "active" {
						names = append(names, name)
					}
				}
				return names
			}
			before := living()
			dry := c.want(t, 200, "POST /sessions:end?dry_run=true", test.body)
			if numberOf(dry, "ends_sessions") != len(test.want) || dry.field("dry_run") != true || dry.field("ended") != nil {
				t.Errorf("%s: the dry run says %s, want %d", test.name, dry.text, len(test.want))
			}
			if diff := cmp.Diff(before, living()); diff != "" {
				t.Errorf("%s: the dry run has changed what lives:\n%s", test.name, diff)
			}
			if a := c.want(t, 200, "POST /sessions:end", test.body); numberOf(a, "ended") != len(test.want) {
				t.Errorf("%s: ended %s, want %d", test.name, a.text, len(test.want))
			}
			ended := map[string]bool{}
			for _, name := range test.want {
				ended[name] = true
				s := c.want(t, 200, "GET /sessions/"+ids[name], "")
				if s.str("ended_reason") != string(sessions.EndedByOperator) || s.str("ended_by") == "" {
					t.Errorf("%s: %s ended so: %s", test.name, name, s.text)
				}
			}
			var want []string
			for _, name := range before {
				if !ended[name] {
					want = append(want, name)
				}
			}
			if diff := cmp.Diff(want, living()); diff != "" {
				t.Errorf("%s: what lives on (-want +got):\n%s", test.name, diff)
			}
		}

		// the list takes the same filters
		ids := begin()
		of := "GET /sessions?organization_id=" + acme
		if a := c.want(t, 200, of+"&status=active&application_id="+string(apps["web"].ID), ""); len(a.field("data").([]any)) != 1 ||
			a.str("data/0/id") != ids["bob web"] || a.str("data/0/organization_id") != acme {
			t.Errorf("sessions of a member in an application = %s", a.text)
		}
		first := c.want(t, 200, of+"&status=active&limit=1", "")
		if rest := c.want(t, 200, of+"&status=active&limit=1&cursor="+first.str("next_cursor"), ""); rest.str("data/0/id") == first.str("data/0/id") || rest.field("next_cursor") != nil {
			t.Errorf("the second page = %s after %s", rest.text, first.text)
		}
		if a := c.want(t, 200, of+"&status=ended&user_id="+people["bob"], ""); len(a.field("data").([]any)) == 0 || a.str("data/0/status") != "ended" {
			t.Errorf("ended sessions = %s", a.text)
		}

		for _, body := range []string{`{}`, `{"all":false}`, `{"all":true,"user_id":"` + people["ada"] + `"}`} {
			if a := c.want(t, 400, "POST /sessions:end", body); !cmp.Equal(a.fields(), []string{"all"}) {
				t.Errorf("%s = %s", body, a.text)
			}
		}
		c.want(t, 400, "POST /sessions:end", ``)
		// an empty variable of a script must not choose more than was meant
		c.want(t, 400, "POST /sessions:end", `{"user_id":"","application_id":"`+string(apps["web"].ID)+`"}`)
		if a := c.want(t, 200, of+"&status=active", ""); len(a.field("data").([]any)) != 2 {
			t.Errorf("what was refused has ended sessions: %s", a.text)
		}
	})
}

// With all the sign-ins of the browsers end too: nobody comes back without her password.
func TestEndAllSessions(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		web := i.AddClient(t, "Web", clients.Web, nil)
		ada := i.AddUser(t, "ada@example.com")
		how := sessions.Authentication{AuthTime: i.Clock.Now(), AMR: []string{"pwd"}}
		_, handle, err := i.Sessions.SignIn(t.Context(), i.Environment, "", ada, how, true)
		check(t, err)
		alive := func() bool {
			t.Helper()
			accounts, err := i.Sessions.Accounts(t.Context(), i.Environment.ID, handle, web.ID)
			check(t, err)
			return accounts[0].Alive(i.Environment, i.Clock.Now())
		}
		c.want(t, 200, "POST /sessions:end?dry_run=true", `{"all":true}`)
		if !alive() {
			t.Error("the dry run has ended a browser session")
		}
		c.want(t, 200, "POST /sessions:end", `{"all":true}`)
		if alive() {
			t.Error("the browser is still signed in")
		}
	})
}

// numberOf is a field that is a number; -1 if there is none.
func numberOf(a answer, path string) int {
	n, ok := a.field(path).(float64)
	if !ok {
		return -1
	}
	return int(n)
}
