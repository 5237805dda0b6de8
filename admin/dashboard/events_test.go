package dashboard_test

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/server/servertest"
)

// Acceptance 79: an event is found by who did it, to whom, what, where and when, and read as a whole.
func TestEvents(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		ada, bob := o.AddUser(t, "ada@example.com"), o.AddUser(t, "bob@example.com")
		support := o.browsers[admin.Support]
		wantText(t, support.Post("/admin/env/default/users/"+string(ada.ID)+"/disable", nil), "The user is turned off.")
		o.Clock.Set(2 * time.Hour)
		_, err := o.Users.UpdateProfile(t.Context(), o.Environment.ID, bob.ID, func(p *identity.Profile) error { p.Name = "Bob"; return nil })
		must(t, err)

		const list = "/admin/env/default/events"
		b := o.browsers[admin.Viewer]
		wantText(t, b.Open(list), "user.disabled", "user.updated", "support@example.com", "Operator", "System", "Download CSV", ">ada@example.com<")
		wantText(t, b.Open(list), "!/admin/operators/")
		wantText(t, o.browsers[admin.Owner].Open(list), "/admin/operators/"+string(o.users[admin.Support].ID))
		wantText(t, b.Open(list+"?event=user.disabled"), "user.disabled</code>", "!user.updated")
		wantText(t, b.Open(list+"?actor=support@example.com"), "user.disabled</code>", "!user.updated")
		wantText(t, b.Open(list+"?target=bob@example.com"), "!user.disabled</code>", "user.updated")
		wantText(t, b.Open(list+"?target="+string(ada.ID)), "user.disabled</code>", "!user.updated")
		wantText(t, b.Open(list+"?application=none"), "No event fits.")
		split := o.Clock.Now().Add(-time.Hour).UTC().Format("2006-01-02T15:04")
		wantText(t, b.Open(list+"?from="+split), "!user.disabled</code>", "user.updated")
		wantText(t, b.Open(list+"?until="+split+":00"), "user.disabled</code>", "!user.updated")
		p := b.Open(list + "?from=yesterday&actor=nobody@example.com")
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "Enter a date and a time.", "Nobody has this address.")

		p = b.Open(link(t, b.Open(list+"?event=user.updated"), `<code dir="ltr">user.updated</code>`))
		wantText(t, p, "&#34;after&#34;: {", "&#34;name&#34;: &#34;Bob&#34;", "Whole record")
		wantText(t, b.Open(link(t, p, "All done to the same")), "user.updated", "!user.disabled")
		wantStatus(t, b.Open(list+"/evt_none"), http.StatusNotFound)

		// What is gone stays an ID, without a link.
		must(t, o.Users.Delete(t.Context(), o.Environment.ID, bob.ID, ""))
		wantText(t, b.Open(list+"?target="+string(bob.ID)), ">"+string(bob.ID)+"<", "!/users/"+string(bob.ID))

		for range 21 {
			must(t, o.Audit.Record(t.Context(), audit.Event{Environment: string(o.Environment.ID), Name: "user.signed_in", Actor: audit.Actor{Kind: audit.ActorUser, ID: string(ada.ID), Name: ada.Email}}))
		}
		p = b.Open(list + "?event=user.signed_in")
		if n := strings.Count(p.Body, "<code dir=\"ltr\">user.signed_in</code>"); n != 20 {
			t.Errorf("the first page has %d rows", n)
		}
		p = b.Open(link(t, p, "Older"))
		if n := strings.Count(p.Body, "<code dir=\"ltr\">user.signed_in</code>"); n != 1 {
			t.Errorf("the second page has %d rows", n)
		}
		wantText(t, b.Open(link(t, p, "Newer")), "Older", "!Newer")
	})
}

func TestExportEvents(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	b := o.browsers[admin.Viewer]
	hostile := audit.Actor{Kind: audit.ActorUser, ID: "usr_1", Name: "@SUM(1+1)", Address: "192.0.2.1", UserAgent: "=cmd|' /C calc'!A0"}
	for range 1001 { // more than are read at once
		must(t, o.Audit.Record(t.Context(), audit.Event{Environment: string(o.Environment.ID), Name: "user.sign_in_failed", Actor: hostile, Data: map[string]string{"a": "b"}}))
	}
	const export = "/admin/env/default/events/export?event=user.sign_in_failed&format="
	p := b.Open(export + "csv")
	lines, err := csv.NewReader(strings.NewReader(p.Body)).ReadAll()
	must(t, err)
	if len(lines) != 1002 || lines[0][0] != "occurred_at" {
		t.Fatalf("%d lines, the first is %q", len(lines), lines[0])
	}
	got := lines[1]
	if got[2] != "user.sign_in_failed" || got[5] != "'@SUM(1+1)" || got[7] != "'=cmd|' /C calc'!A0" || got[11] != `{"a":"b"}` {
		t.Errorf("a line is %q", got)
	}

	p = b.Open(export + "ndjson")
	ids := map[string]bool{}
	for line := range strings.Lines(p.Body) {
		var d audit.Document
		must(t, json.Unmarshal([]byte(line), &d))
		ids[d.ID] = true
		if d.Actor.Name != hostile.Name || string(d.Data) != `{"a":"b"}` {
			t.Fatalf("a line is %s", line)
		}
	}
	if len(ids) != 1001 {
		t.Errorf("%d different events", len(ids))
	}
	p = b.Open(export + "xlsx")
	if p.URL.Path != "/admin/env/default/events" {
		t.Errorf("an unknown format leads to %s", p.URL)
	}
	p = b.Open("/admin/env/default/events/export?" + url.Values{"format": {"csv"}, "event": {"none"}}.Encode())
	if strings.Count(p.Body, "\n") != 1 {
		t.Errorf("without events the file is %q", p.Body)
	}
}
