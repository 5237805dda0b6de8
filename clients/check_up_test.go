package clients_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/clients"
)

func TestCheckUp(t *testing.T) {
	now := time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	// A web application with nothing to find.
	good := func(a *clients.Application) {
		a.CreatedAt = now.Add(-100 * day)
		a.RedirectURIs, a.PostLogoutRedirectURIs = []string{"https://app.example/cb"}, []string{"https://app.example/"}
		a.InitiateLoginURI, a.BackchannelLogoutURI = "https://app.example/sign-in", "https://app.example/logout"
		a.Secrets = []clients.Secret{{Name: "main", CreatedAt: now.Add(-100 * day)}}
	}
	type finding = clients.Finding
	for _, test := range []struct {
		name   string
		kind   clients.Kind
		change func(*clients.Application)
		never  bool // nobody ever signed in
		want   []finding
	}{
		{"good", clients.Web, func(*clients.Application) {}, false, nil},
		{"new", clients.Web, func(a *clients.Application) {
			*a = clients.Web.Preset()
			a.CreatedAt, a.Secrets = now, []clients.Secret{{Hint: "abcd", CreatedAt: now}}
		}, true, []finding{
			{What: clients.NoRedirectURI, Warning: true}, {What: clients.NoWayBack}, {What: clients.NoSignOutURI}, {What: clients.NoBackchannel},
		}},
		{"http", clients.Web, func(a *clients.Application) {
			a.RedirectURIs = append(a.RedirectURIs, "http://127.0.0.1:8080/cb", "http://localhost/cb", "http://app.example/cb")
		}, false, []finding{{clients.ClearRedirectURI, true, "http://app.example/cb"}}},
		{"browser sessions of months", clients.Web, func(a *clients.Application) { a.SessionPolicy.InactivityTimeout = 91 * day }, false, []finding{{What: clients.LongSessions}}},
		{"phone sessions of months", clients.Native, func(a *clients.Application) { a.SessionPolicy.InactivityTimeout = 91 * day }, false, nil},
		{"wildcard", clients.Web, func(a *clients.Application) {
			a.WildcardRedirects, a.RedirectURIs = true, append(a.RedirectURIs, "https://*.app.example/cb")
		}, false, []finding{{clients.WildcardRedirects, true, ""}}},
		{"wildcard that nothing uses", clients.Web, func(a *clients.Application) { a.WildcardRedirects = true }, false, []finding{{What: clients.UnusedWildcard}}},
		{"implicit, no PKCE", clients.Web, func(a *clients.Application) {
			a.GrantTypes, a.PKCE = append(a.GrantTypes, clients.GrantImplicit), clients.PKCEOptional
		}, false, []finding{{clients.ImplicitGrant, true, ""}, {clients.NoPKCE, true, ""}}},
		{"no secret", clients.Web, func(a *clients.Application) { a.Secrets[0].ExpiresAt = now }, false, []finding{{clients.NoSecret, true, ""}}},
		{"a secret that expires", clients.Web, func(a *clients.Application) {
			a.Secrets[0].ExpiresAt = now.Add(29 * day)
		}, false, []finding{{clients.SecretExpires, true, "main"}}},
		{"a secret that expires beside another", clients.Web, func(a *clients.Application) {
			a.Secrets[0].ExpiresAt = now.Add(29 * day)
			a.Secrets = append(a.Secrets, clients.Secret{Hint: "abcd", CreatedAt: now})
		}, false, []finding{{clients.SecretUnused, false, "main"}}},
		{"two secrets in use", clients.Web, func(a *clients.Application) {
			a.Secrets[0].LastUsed.At = now.Add(-89 * day)
			a.Secrets = append(a.Secrets, clients.Secret{Hint: "abcd", CreatedAt: now.Add(-100 * day), LastUsed: clients.SecretUse{At: now}})
		}, false, nil},
		{"keys instead of secrets", clients.Web, func(a *clients.Application) {
			a.Secrets, a.TokenEndpointAuthMethod = nil, clients.AuthPrivateKeyJWT
		}, false, nil},
		{"a secret from before client_secret_jwt", clients.Web, func(a *clients.Application) {
			a.TokenEndpointAuthMethod = clients.AuthClientSecretJWT
		}, false, []finding{{clients.NoSignedSecret, true, ""}}},
		{"a secret for client_secret_jwt", clients.Web, func(a *clients.Application) {
			a.TokenEndpointAuthMethod, a.Secrets[0].Sealed = clients.AuthClientSecretJWT, "sealed"
		}, false, nil},
		{"long JWTs", clients.Web, func(a *clients.Application) {
			a.AccessTokenFormat, a.SessionPolicy.AccessTokenLifetime = clients.JWT, time.Hour
		}, false, []finding{{What: clients.LongJWTs}}},
		{"third party", clients.Web, func(a *clients.Application) { a.Consent = clients.ConsentThirdParty }, false, []finding{{What: clients.NoPolicy}}},
		{"never used", clients.Web, func(*clients.Application) {}, true, []finding{{What: clients.NeverUsed}}},
		{"a phone", clients.Native, func(a *clients.Application) { a.Secrets, a.BackchannelLogoutURI = nil, "" }, false, nil},
		{"a machine", clients.Machine, func(a *clients.Application) {
			a.RedirectURIs, a.PostLogoutRedirectURIs, a.InitiateLoginURI = nil, nil, ""
		}, true, nil},
		{"a television", clients.Device, func(a *clients.Application) { a.RedirectURIs, a.PostLogoutRedirectURIs = nil, nil }, false, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			app := test.kind.Preset()
			good(&app)
			test.change(&app)
			started := now.Add(-time.Hour)
			if test.never {
				started = time.Time{}
			}
			if diff := cmp.Diff(test.want, app.CheckUp(started, now)); diff != "" {
				t.Errorf("CheckUp (-want +got):\n%s", diff)
			}
		})
	}
}
