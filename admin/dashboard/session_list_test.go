package dashboard_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/server/servertest"
)

// What is counted before sessions end is what ends: those in an organization, and no others.
func TestSessionList(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		wiki, notes := o.AddClient(t, "Wiki", clients.Web, nil), o.AddClient(t, "Notes", clients.Web, nil)
		ada, bob := o.AddUser(t, "ada@example.com"), o.AddUser(t, "bob@example.com")
		acme, err := o.Organizations.Create(t.Context(), o.Environment.ID, organizations.Settings{Name: "Acme GmbH", Slug: "acme"})
		must(t, err)
		_, err = o.Organizations.AddMember(t.Context(), o.Environment.ID, acme.ID, ada.ID)
		must(t, err)
		adas := o.Tokens(t, wiki, ada.Email, "openid offline_access")
		o.Tokens(t, notes, ada.Email, "openid offline_access")
		bobs := o.Tokens(t, wiki, bob.Email, "openid offline_access")

		const list = "/admin/env/default/sessions"
		b := o.browsers[admin.Support]
		wantText(t, b.Open(list), "Filter by a person, an application or an organization.")
		wantText(t, b.Open(list+"?organization=acme"), "ada@example.com", "!bob@example.com", "Wiki", "Notes", "End these", "Acme GmbH")
		wantText(t, b.Open(list+"?organization="+string(acme.ID)+"&application="+wiki.ClientID), "ada@example.com", `sessions">`+"<bdi>Wiki", "!<bdi>Notes")
		wantText(t, b.Open(list+"?application="+string(wiki.ID)), "ada@example.com", "bob@example.com")
		wantText(t, b.Open(list+"?person=bob@example.com"), "!ada@example.com<", "bob@example.com")
		wantText(t, b.Open(list+"?person=bob@example.com&organization=acme"), "No session fits.")
		wantText(t, b.Open(list+"?organization=acme&status=over"), "No session fits.", "!End these")
		for query, want := range map[string]string{
			"person=nobody@example.com": "There is no user nobody@example.com.", "application=none": "There is no such application.", "organization=none": "There is no such organization.",
		} {
			p := b.Open(list + "?" + query)
			wantStatus(t, p, http.StatusUnprocessableEntity)
			wantText(t, p, want)
			wantText(t, b.Open(list+"/end?"+query), want)
		}
		wantText(t, o.browsers[admin.Viewer].Open(list+"?organization=acme"), "Needs the support role", "!End these")
		wantStatus(t, o.browsers[admin.Viewer].Post(list+"/end?organization=acme", nil), http.StatusForbidden)

		confirm := b.Open(list + "/end?organization=acme")
		wantText(t, confirm, "End the sessions of Acme GmbH?", "2 living sessions end now.")
		wantText(t, b.Post(list+"/end?organization=acme", nil), "All sessions were ended.", "No session fits.")
		if reply := o.Refresh(t, wiki, adas.String("refresh_token")); reply.String("error") != "invalid_grant" {
			t.Errorf("a session that was ended refreshes: %s", reply.Body)
		}
		if reply := o.Refresh(t, wiki, bobs.String("refresh_token")); reply.Status != http.StatusOK {
			t.Errorf("a session that was not chosen has ended: %s", reply.Body)
		}
		sid := o.Introspect(t, wiki, bobs.String("access_token")).String("sid")
		wantText(t, b.Post(list+"/end-one?person=bob@example.com", url.Values{"session": {sid}}), "The session was ended.", "No session fits.")
		wantText(t, b.Post(list+"/end", nil), "Filter by a person")
	})
}
