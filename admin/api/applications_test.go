package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

func TestApplications(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		made := c.want(t, 201, "POST /applications", `{"kind":"web","name":"Acme Web","redirect_uris":["https://acme.example/cb"]}`)
		id := made.str("id")
		if made.header.Get("Location") != c.base+"/applications/"+id || made.header.Get("ETag") == "" {
			t.Errorf("the headers are %v", made.header)
		}
		if !strings.HasPrefix(made.str("client_secret"), "ps_") || made.str("client_id") == "" || made.field("default") != false {
			t.Errorf("POST /applications = %s", made.text)
		}
		// acceptance 48: the secret is shown once
		got := c.want(t, 200, "GET /applications/"+id, "")
		if got.field("client_secret") != nil || got.header.Get("ETag") != made.header.Get("ETag") {
			t.Errorf("GET = %v %s", got.header, got.text)
		}
		want := made.json
		delete(want, "client_secret")
		if diff := cmp.Diff(want, got.json); diff != "" {
			t.Errorf("GET (-created +got):\n%s", diff)
		}
		// acceptance 4: the preset of the kind
		if got.field("session_policy/inactivity_timeout") != 259200.0 || got.field("pkce") != "required" {
			t.Errorf("GET = %s", got.text)
		}

		changed := c.want(t, 200, "PATCH /applications/"+id, `{"description":"x","session_policy":{"inactivity_timeout":600},"metadata":{"team":"blue"}}`)
		if changed.str("description") != "x" || changed.field("session_policy/inactivity_timeout") != 600.0 || changed.str("metadata/team") != "blue" ||
			changed.str("redirect_uris/0") != "https://acme.example/cb" || changed.header.Get("ETag") == made.header.Get("ETag") {
			t.Errorf("PATCH = %v %s", changed.header, changed.text)
		}
		c.want(t, 200, "PATCH /applications/"+id, `{"description":null}`, "Content-Type: application/merge-patch+json")
		c.want(t, 200, "POST /applications/"+id+"/disable", "")
		if a := c.want(t, 200, "GET /applications/"+id, ""); a.field("enabled") != false || a.str("description") != "" {
			t.Errorf("GET = %s", a.text)
		}
		c.want(t, 200, "POST /applications/"+id+"/enable", "")

		// acceptance 7: the default application
		first := string(i.Environment.DefaultApplication)
		if a := c.want(t, 409, "DELETE /applications/"+first, ""); !strings.Contains(a.str("detail"), "default application") {
			t.Errorf("DELETE of the default = %s", a.text)
		}
		if a := c.want(t, 200, "POST /applications/"+id+"/make_default", ""); a.field("default") != true {
			t.Errorf("make_default = %s", a.text)
		}
		if a := c.want(t, 200, "GET /applications/"+first, ""); a.field("default") != false {
			t.Errorf("GET of the former default = %s", a.text)
		}
		machine := c.want(t, 201, "POST /applications", `{"kind":"machine","name":"Import"}`).str("id")
		c.want(t, 409, "POST /applications/"+machine+"/make_default", "")
		c.want(t, 204, "DELETE /applications/"+machine, "")
		c.want(t, 404, "GET /applications/"+machine, "")
		c.want(t, 404, "DELETE /applications/"+machine, "")
	})
}

// acceptance 82: lists page by cursor, 1..100.
func TestApplicationList(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	c := connect(t, i)
	want := []any{i.Environment.DefaultApplication}
	for n := range 24 {
		want = append(want, c.want(t, 201, "POST /applications", fmt.Sprintf(`{"kind":"web","name":"App %d"}`, n)).field("id"))
	}
	for _, limit := range []int{1, 5, 7, 25, 100} {
		var got []any
		for cursor := ""; ; {
			a := c.want(t, 200, fmt.Sprintf("GET /applications?limit=%d&cursor=%s", limit, cursor), "")
			data := a.field("data").([]any)
			for n := range data {
				got = append(got, a.field(fmt.Sprintf("data/%d/id", n)))
			}
			if cursor = a.str("next_cursor"); cursor == "" {
				break
			}
			if len(data) != limit {
				t.Errorf("limit %d: a page has %d", limit, len(data))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("limit %d (-want +got):\n%s", limit, diff)
		}
	}
	if a := c.want(t, 200, "GET /applications", ""); len(a.field("data").([]any)) != 20 || a.str("next_cursor") == "" {
		t.Errorf("GET without a limit = %s", a.text)
	}
	for query, field := range map[string]string{"limit=0": "limit", "limit=101": "limit", "limit=x": "limit", "cursor=%21": "cursor", "cursor=_w": "cursor", "colour=red": "colour"} {
		if a := c.want(t, 400, "GET /applications?"+query, ""); !cmp.Equal(a.fields(), []string{field}) {
			t.Errorf("%s = %s", query, a.text)
		}
	}
}

func TestETag(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		made := c.want(t, 201, "POST /applications", `{"kind":"spa","name":"SPA"}`)
		at, tag := "/applications/"+made.str("id"), made.header.Get("ETag")
		next := c.want(t, 200, "PATCH "+at, `{"name":"One"}`, "If-Match: "+tag).header.Get("ETag")
		lost := c.want(t, 412, "PATCH "+at, `{"name":"Two"}`, "If-Match: "+tag)
		if lost.str("type") != "urn:portico:problem:changed" {
			t.Errorf("PATCH = %s", lost.text)
		}
		c.want(t, 412, "PATCH "+at+"?dry_run=true", `{"name":"Two"}`, "If-Match: "+tag)
		c.want(t, 412, "DELETE "+at, "", "If-Match: "+tag)
		if a := c.want(t, 200, "GET "+at, ""); a.str("name") != "One" || a.header.Get("ETag") != next {
			t.Errorf("GET = %s", a.text)
		}
		if a := c.want(t, 200, "PATCH "+at, `{"name":"One"}`, `If-Match: "0", `+next); a.header.Get("ETag") != next {
			t.Error("a change of nothing has changed the ETag")
		}
		c.want(t, 200, "PATCH "+at, `{"name":"Three"}`, "If-Match: *")
		last := c.want(t, 200, "GET "+at, "").header.Get("ETag")
		c.want(t, 204, "DELETE "+at, "", "If-Match: "+last)
	})
}

func TestApplicationRefused(t *testing.T) {
	i := servertest.Start(t, servertest.Options{Variables: map[string]string{}})
	c := connect(t, i)
	app := i.AddClient(t, "Web", clients.Web, nil)
	for _, test := range []struct {
		name, at, body string
		status         int
		fields         []string
	}{
		{"no kind and name", "POST /applications", `{}`, 400, []string{"kind", "name"}},
		{"unknown kind", "POST /applications", `{"kind":"toaster","name":"A"}`, 400, []string{"kind"}},
		{"types, all at once", "POST /applications", `{"kind":5,"name":null,"redirect_uris":"x","enabled":"yes","session_policy":{"inactivity_timeout":1.5,"idle":1},"branding":[],"metadata":{"a":1}}`, 400,
			[]string{"branding", "enabled", "kind", "metadata/a", "name", "redirect_uris", "session_policy/idle", "session_policy/inactivity_timeout"}},
		{"rules, all at once", "POST /applications", `{"kind":"web","name":"","redirect_uris":["https://a.example/cb","javascript:alert(1)"],"session_policy":{"access_token_lifetime":1}}`, 400,
			[]string{"name", "redirect_uris/1", "session_policy/access_token_lifetime"}},
		{"to the letter", "POST /applications", `{"kind":"web","Name":"A"}`, 400, []string{"name", "Name"}},
		{"no object", "POST /applications", `[]`, 400, nil},
		{"no JSON", "POST /applications", `{"kind":`, 400, nil},
		{"more than JSON", "POST /applications", `{"kind":"web","name":"A"} x`, 400, nil},
		{"nothing", "POST /applications", ``, 400, nil},
		{"taken", "POST /applications", `{"kind":"web","name":"A","client_id":"web"}`, 409, []string{"client_id"}},
		{"given", "PATCH /applications/" + string(app.ID), `{"id":"app_1"}`, 400, []string{"id"}},
		{"client ID", "PATCH /applications/" + string(app.ID), `{"client_id":"other"}`, 400, []string{"client_id"}},
		// acceptance 18
		{"default redirect URI", "PATCH /applications/" + string(app.ID), `{"redirect_uris":[]}`, 409, []string{"redirect_uris"}},
		// acceptance 37
		{"contradiction", "PATCH /applications/" + string(app.ID), `{"session_policy":{"inactivity_timeout":600,"access_token_lifetime":600}}`, 400, []string{"session_policy/inactivity_timeout"}},
		{"unknown application", "PATCH /applications/app_1", `{"name":"A"}`, 404, nil},
	} {
		a := c.want(t, test.status, test.at, test.body)
		if diff := cmp.Diff(test.fields, a.fields()); diff != "" {
			t.Errorf("%s: %s\nfields (-want +got):\n%s", test.name, a.text, diff)
		}
	}
	if a := c.want(t, 415, "POST /applications", `kind=web`, "Content-Type: application/x-www-form-urlencoded"); a.str("type") != "urn:portico:problem:unsupported_media_type" {
		t.Errorf("a form = %s", a.text)
	}
	if a := c.want(t, 413, "POST /applications", `{"name":"`+strings.Repeat("x", 1<<20)+`"}`); a.str("type") != "urn:portico:problem:too_large" {
		t.Errorf("a large body = %s", a.text)
	}
}
