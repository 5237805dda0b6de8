package dashboard_test

import (
	"net/http"
	"testing"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

// Templates are tested with a real user before they are saved (acceptance 57), and say the same afterwards.
func TestClaims(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	o.AddUser(t, ada)
	c := o.AddClient(t, "Web", clients.Web, nil)
	b := o.browsers[admin.Admin]
	path := "/admin/env/default/applications/" + string(c.ID) + "/claims"
	const template = `{"motto":"{{ user.nickname }} of {{ application.name }}","verified":"{{ user.email_verified }}"}`

	p := b.Submit(b.Open(path), "id-token", "id-token", template, "user-id", ada, "scopes", "openid", "action", "test")
	wantStatus(t, p, http.StatusOK)
	wantText(t, p, "&#34;motto&#34;: &#34;Countess of Web&#34;", "&#34;verified&#34;: true", "{{ organization.metadata }}")
	wantText(t, b.Open(path), "!Countess", "!user.nickname }} of")

	for _, test := range []struct{ name, field, value, user, want string }{
		{"reserved", "id-token", `{"sub":"x"}`, ada, `id="id-token-problem"`},
		{"no placeholder", "access-token", `{"x":"{{ user.shoe_size }}"}`, ada, `id="access-token-problem"`},
		{"no JSON", "userinfo", `{`, ada, `id="userinfo-problem"`},
		{"nobody", "userinfo", `{}`, "eve@example.com", `id="user-id-problem"`},
	} {
		p := b.Submit(b.Open(path), "id-token", test.field, test.value, "user-id", test.user, "action", "test")
		if p.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", test.name, p.Status)
		}
		wantText(t, p, test.want)
	}

	stale := b.Open(path)
	wantText(t, b.Submit(b.Open(path), "id-token", "id-token", template, "action", "save"), "Saved", "user.nickname }} of")
	p = b.Submit(stale, "id-token", "id-token", "{}", "action", "save")
	wantStatus(t, p, http.StatusUnprocessableEntity)
	wantText(t, p, "Somebody else changed this meanwhile.")
	tokens := o.Tokens(t, c, ada, "openid")
	wantText(t, b.Open("/admin/env/default/applications/"+string(c.ID)+"/preview?asked=on&scopes=openid&authenticated-seconds-ago=0&authenticated-seconds-ago-unit=days&user-id="+ada), "Countess of Web")
	if tokens.Status != http.StatusOK {
		t.Errorf("the tokens: %s", tokens.Body)
	}
	wantText(t, o.browsers[admin.Viewer].Open(path), "Needs the admin role", "!Save</button>")
}
