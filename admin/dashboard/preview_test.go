package dashboard_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/server/servertest"
)

// The page shows what the API does (admin/api has the comparison with real tokens), to whoever may see users.
func TestPreviewTokens(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	user := o.AddUser(t, ada)
	c := o.AddClient(t, "Web", clients.Web, nil)
	b := o.browsers[admin.Viewer]
	path := "/admin/env/default/applications/" + string(c.ID) + "/preview"
	ask := func(values url.Values) *servertest.Page {
		t.Helper()
		q := url.Values{"asked": {"on"}, "user-id": {ada}, "scopes": {"openid email"}, "authenticated-seconds-ago": {"0"}, "authenticated-seconds-ago-unit": {"days"}}
		for name, v := range values {
			q[name] = v
		}
		return b.Open(path + "?" + q.Encode())
	}
	wantText(t, b.Open(path), `value="openid profile email"`, "!Lifetimes")
	for _, who := range []string{ada, string(user.ID)} {
		p := ask(url.Values{"user-id": {who}})
		wantStatus(t, p, http.StatusOK)
		wantText(t, p, "Ada Lovelace", "5 minutes", "1 hour", "&#34;email_verified&#34;: true", "it has no claims to read", "&#34;active&#34;: true", "!ends the session")
	}
	if n := living(t, o.Installation, c.Application); n != 0 {
		t.Errorf("the preview started %d sessions", n)
	}
	for _, test := range []struct {
		name   string
		values url.Values
		want   string
	}{
		{"nobody", url.Values{"user-id": {" "}}, `id="user-id-problem"`},
		{"a stranger", url.Values{"user-id": {"eve@example.com"}}, "There is no user eve@example.com"},
		{"no number", url.Values{"authenticated-seconds-ago": {"long"}}, `id="authenticated-seconds-ago-problem"`},
		{"a session that is over", url.Values{"authenticated-seconds-ago": {"14"}}, `id="authenticated-seconds-ago-problem"`},
		{"no scope of its", url.Values{"scopes": {"none"}}, `id="scopes-problem"`},
	} {
		p := ask(test.values)
		if p.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", test.name, p.Status)
		}
		wantText(t, p, test.want)
	}
	o.Change(t, c.ID, func(a *clients.Application) { a.SessionPolicy.MaxSessionLength = 4 * 24 * time.Hour })
	wantText(t, ask(url.Values{"authenticated-seconds-ago": {"345540"}, "authenticated-seconds-ago-unit": {"seconds"}}), "as the maximum length ends the session")

	var ids []string
	for _, name := range []string{"Acme", "Blue Harbor"} {
		org, err := o.Organizations.Create(t.Context(), o.Environment.ID, organizations.Settings{Name: name})
		must(t, err)
		_, err = o.Organizations.AddMember(t.Context(), o.Environment.ID, org.ID, user.ID)
		must(t, err)
		ids = append(ids, string(org.ID))
	}
	p := ask(nil)
	wantStatus(t, p, http.StatusUnprocessableEntity)
	wantText(t, p, `id="organization-id-problem"`, ">Acme</option>", ">Blue Harbor</option>")

	for _, id := range ids {
		wantText(t, ask(url.Values{"organization-id": {id}}), "&#34;org_id&#34;: &#34;"+id)
	}

	machine := o.AddClient(t, "Import", clients.Machine, func(a *clients.Application) { a.Scopes = []string{"import"} })
	p = b.Open("/admin/env/default/applications/" + string(machine.ID) + "/preview?asked=on&scopes=import")
	wantStatus(t, p, http.StatusOK)
	wantText(t, p, "&#34;scope&#34;: &#34;import&#34;", "!Session ends")
}
