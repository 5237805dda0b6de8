package dashboard_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

func TestMethod(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	app := o.AddClient(t, "Import", clients.Machine, nil)
	b := o.browsers[admin.Admin]
	tab := "/admin/env/default/applications/" + string(app.ID) + "/credentials"
	post := func(method, uri, keys string) *servertest.Page {
		form := url.Values{"updated-at": {b.Open(tab).Form(t, "jwks").Values.Get("updated-at")}, "method": {method}, "jwks-uri": {uri}, "jwks": {keys}}
		return b.Post(tab+"/method", form)
	}
	now := func() *clients.Application {
		a, err := o.Applications.ByID(t.Context(), o.Environment.ID, app.ID)
		must(t, err)
		return a
	}
	const key = `{"kty":"EC","crv":"P-256","kid":"main","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"` // RFC 7515 appendix A.3
	for _, test := range []struct {
		method, uri, keys string
		want              string
	}{
		{"mtls", "", "", "must be one of client_secret_basic"},
		{"private_key_jwt", "", "", "Token_endpoint_auth_method private_key_jwt needs the application"},
		{"private_key_jwt", "http://keys.example/jwks", "", "uses http"},
		{"private_key_jwt", "https://keys.example/jwks", `{"keys":[` + key + `}]}`, "set (RFC 7591, section 2): remove one"},
		{"private_key_jwt", "", `{"keys":[` + key + `,"d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}`, "is private: replace the pair"},
		{"private_key_jwt", "", "<html>", "Jwks is no JWK Set"},
		{"none", "", "", "client_credentials needs credentials"},
	} {
		p := post(test.method, test.uri, test.keys)
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, test.want)
	}
	if a := now(); a.TokenEndpointAuthMethod != clients.AuthClientSecretBasic || a.JWKS != nil {
		t.Fatalf("a refusal saved %s, %s", a.TokenEndpointAuthMethod, a.JWKS)
	}
	wantText(t, post("private_key_jwt", "", "\r\n{\"keys\":["+key+"}]}\r\n"), "Saved", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")
	if a := now(); a.TokenEndpointAuthMethod != clients.AuthPrivateKeyJWT || a.JWKS == nil || a.JWKSURI != "" {
		t.Errorf("saved %s, %s, %s", a.TokenEndpointAuthMethod, a.JWKS, a.JWKSURI)
	}
	wantText(t, post("client_secret_jwt", "", ""), "Saved", "None of its secrets can sign")
	wantText(t, b.Open("/admin/env/default/applications/"+string(app.ID)), "No secret can sign yet")
	b.Submit(b.Open(tab), "secret-name", "secret-name", "Signs")
	wantText(t, b.Open(tab), "!None of its secrets can sign")

	wantText(t, o.browsers[admin.Viewer].Open(tab), "Needs the admin role", "disabled")
	wantStatus(t, o.browsers[admin.Viewer].Post(tab+"/method", url.Values{"method": {"none"}}), http.StatusForbidden)
}
