package dashboard_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

var (
	keyForm    = regexp.MustCompile(`sk_default_[0-9A-Za-z]+`)
	secretLink = regexp.MustCompile(`/credentials/secrets/(sec_[0-9a-z]+)`)
	keyLink    = regexp.MustCompile(`/credentials/keys/(key_[0-9a-z]+)`)
)

// acceptance 48 and 49: a secret is shown once; two work at once; one that is ended is refused at the next request.
func TestSecrets(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		app := o.AddClient(t, "Import", clients.Machine, nil)
		b := o.browsers[admin.Admin]
		tab := "/admin/env/default/applications/" + string(app.ID) + "/credentials"
		works := func(secret string) bool {
			c := app
			c.Secret = secret
			return o.Call(t, c, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}).Status == http.StatusOK
		}
		next := o.Clock.Now().AddDate(0, 2, 0).UTC().Format(time.DateOnly)
		p := b.Submit(b.Open(tab), "secret-name", "secret-name", "Second", "secret-expires", next)
		secret := secretForm.FindString(p.Body)
		if secret == "" || !works(secret) || !works(app.Secret) {
			t.Fatalf("the new secret %q works: %v, the old: %v\n%s", secret, works(secret), works(app.Secret), p.Body)
		}
		wantText(t, b.Open(p.URL.Path), "!"+secret, "It was shown already.")
		list := b.Open(tab)
		wantText(t, list, "!"+secret, "Second", "…"+secret[len(secret)-4:], "127.0.0.1", "just now")
		wantText(t, o.browsers[admin.Viewer].Open(tab), "Second", "Needs the admin role", "!Create secret")

		first := secretLink.FindStringSubmatch(list.Body)[0]
		end := b.Open("/admin/env/default/applications/" + string(app.ID) + first + "/end")
		wantText(t, end, "refused from the next request on")
		wantText(t, b.Post(end.URL.Path, nil), "It has ended.", "Ended")
		if works(app.Secret) || !works(secret) {
			t.Errorf("after the end of the first, the first works: %v, the second: %v", works(app.Secret), works(secret))
		}
		wantStatus(t, b.Post(end.URL.Path, nil), http.StatusConflict)
	})
}

func TestSecretExpiry(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	app := o.AddClient(t, "Import", clients.Machine, nil)
	b := o.browsers[admin.Admin]
	tab := "/admin/env/default/applications/" + string(app.ID) + "/credentials"
	for _, wrong := range []string{"2001-01-01", "soon", "2026-02-31"} {
		p := b.Submit(b.Open(tab), "secret-name", "secret-name", "Late", "secret-expires", wrong)
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "Enter a day that is still to come.", `value="Late"`, `id="secret-expires-problem"`)
	}
	one := "/admin/env/default/applications/" + string(app.ID) + secretLink.FindStringSubmatch(b.Open(tab).Body)[0]
	wantStatus(t, b.Submit(b.Open(one), "expires", "expires", "2001-01-01"), http.StatusUnprocessableEntity)
	day := o.Clock.Now().AddDate(0, 0, 20).UTC().Format(time.DateOnly)
	wantText(t, b.Submit(b.Open(one), "expires", "expires", day), "Saved")
	wantText(t, b.Open(one), `value="`+day+`"`)
	wantText(t, b.Open("/admin/env/default/applications/"+string(app.ID)), "expires soon")
	wantStatus(t, b.Open(tab+"/secrets/sec_unknown"), http.StatusNotFound)
	other := o.AddClient(t, "Other", clients.Machine, nil)
	wantStatus(t, b.Open("/admin/env/default/applications/"+string(other.ID)+secretLink.FindStringSubmatch(one)[0]), http.StatusNotFound)
}

func TestAPIKeys(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	app := o.AddClient(t, "Phone", clients.Native, nil)
	b := o.browsers[admin.Admin]
	tab := "/admin/env/default/applications/" + string(app.ID) + "/credentials"
	wantText(t, b.Open(tab), "This is a public client", "!Create secret", "!environments:read")
	p := b.Submit(b.Open(tab), "key-name", "key-name", "Terraform")
	wantStatus(t, p, http.StatusUnprocessableEntity)
	wantText(t, p, "Choose what the key may do.", `value="Terraform"`)
	p = b.Submit(b.Open(tab), "key-name", "key-name", "Terraform", "scope-users:read", "on", "scope-events:read", "on", "scope-environments:write", "on")
	key := keyForm.FindString(p.Body)
	found, err := o.APIKeys.Authenticate(t.Context(), o.Environment.ID, key, "")
	must(t, err)
	if len(found.Scopes) != 2 || !found.Allows(clients.ScopeReadUsers) || !found.Allows(clients.ScopeReadEvents) {
		t.Errorf("the key has the scopes %v", found.Scopes)
	}
	wantText(t, b.Open(p.URL.Path), "!"+key, "It was shown already.")
	list := b.Open(tab)
	wantText(t, list, "Terraform", "users:read", "!"+key)
	one := "/admin/env/default/applications/" + string(app.ID) + keyLink.FindStringSubmatch(list.Body)[0]
	wantText(t, b.Open(one+"/end"), "End Terraform, "+app.Name+"?")
	wantText(t, b.Post(one+"/end", nil), "It has ended.")
	if _, err := o.APIKeys.Authenticate(t.Context(), o.Environment.ID, key, ""); err == nil {
		t.Error("the revoked key works")
	}
	wantText(t, b.Open(one), "Ended", "!Expires on")
}
