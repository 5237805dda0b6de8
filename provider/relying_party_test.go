package provider_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

// TestRelyingParty is acceptance 54: with the issuer URL alone, libraries that know nothing of us sign somebody in, check the nonce, ask
// userinfo, refresh, introspect, revoke and sign out. Each kind of application is one that people build.
func TestRelyingParty(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		i.AddUser(t, ada)
		for _, test := range []struct {
			name      string
			kind      clients.Kind
			configure func(*clients.Application)
		}{
			{"web", clients.Web, nil},
			{"web-post", clients.Web, func(a *clients.Application) { a.TokenEndpointAuthMethod = clients.AuthClientSecretPost }},
			{"single-page", clients.SPA, nil},
			{"phone", clients.Native, func(a *clients.Application) { a.RedirectURIs = []string{"com.example.phone:/cb"} }},
			{"command-line", clients.Native, func(a *clients.Application) { a.RedirectURIs = []string{"http://127.0.0.1:53210/cb"} }},
			{"eddsa", clients.Web, func(a *clients.Application) { a.IDTokenSignedResponseAlg = "EdDSA" }},
			{"es256", clients.Web, func(a *clients.Application) { a.IDTokenSignedResponseAlg = "ES256" }},
			{"ps256", clients.Web, func(a *clients.Application) { a.IDTokenSignedResponseAlg = "PS256" }},
			{"jwt", clients.Web, func(a *clients.Application) { a.AccessTokenFormat = clients.JWT }},
		} {
			t.Run(test.name, func(t *testing.T) {
				goodbye := "https://" + test.name + ".example/bye"
				c := i.AddClient(t, test.name, test.kind, func(a *clients.Application) {
					a.PostLogoutRedirectURIs = []string{goodbye}
					if test.configure != nil {
						test.configure(a)
					}
				})
				relyingParty{i, c}.run(t, goodbye)
			})
		}
	})
}

type relyingParty struct {
	*servertest.Installation
	client servertest.Client
}

func (rp relyingParty) run(t *testing.T, goodbye string) {
	ctx := oidc.ClientContext(t.Context(), &http.Client{Transport: http.DefaultTransport})
	provider, err := oidc.NewProvider(ctx, rp.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	config := &oauth2.Config{
		ClientID: rp.client.ClientID, ClientSecret: rp.client.Secret, Endpoint: provider.Endpoint(), RedirectURL: rp.client.RedirectURIs[0],
		Scopes: []string{oidc.ScopeOpenID, oidc.ScopeOfflineAccess, "profile", "email"},
	}
	verifier, nonce := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	b := rp.NewBrowser(t)
	v := walk(t, b, config.AuthCodeURL("a state", oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)), ada)
	if v.answer.Get("state") != "a state" || v.answer.Get("iss") != rp.Issuer {
		t.Errorf("the answer is %v", v.answer)
	}
	token, err := config.Exchange(ctx, v.code(t), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}

	// The ID token, by the keys that the issuer publishes
	text, _ := token.Extra("id_token").(string)
	verify := provider.VerifierContext(ctx, &oidc.Config{ClientID: rp.client.ClientID, SupportedSigningAlgs: []string{rp.client.IDTokenSignedResponseAlg}})
	id, err := verify.Verify(ctx, text)
	if err != nil {
		t.Fatal(err)
	}
	if id.Nonce != nonce {
		t.Errorf("nonce = %q, want %q", id.Nonce, nonce)
	}
	if id.AccessTokenHash == "" {
		t.Error("the ID token has no at_hash")
	} else if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		t.Error(err)
	}
	// Acceptance 55: what is for this application fails at another.
	if _, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: "another"}).Verify(ctx, text); err == nil {
		t.Error("the ID token verifies for another client")
	}

	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		t.Fatal(err)
	}
	if info.Subject != id.Subject || info.Email != ada || !info.EmailVerified {
		t.Errorf("userinfo is %+v, the subject %s", info, id.Subject)
	}

	// A token source refreshes what has expired.
	expired := *token
	expired.Expiry = time.Now().Add(-time.Hour)
	fresh, err := config.TokenSource(ctx, &expired).Token()
	if err != nil {
		t.Fatal(err)
	}
	if fresh.AccessToken == token.AccessToken || fresh.RefreshToken == token.RefreshToken || !fresh.Valid() {
		t.Error("the refresh gave the same tokens")
	}
	text, _ = fresh.Extra("id_token").(string)
	again, err := verify.Verify(ctx, text)
	if err != nil {
		t.Fatal(err)
	}
	if again.Subject != id.Subject || again.VerifyAccessToken(fresh.AccessToken) != nil {
		t.Errorf("the refreshed ID token is about %s", again.Subject)
	}
	if _, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(fresh)); err != nil {
		t.Error(err)
	}

	// What go-oidc doesn't do, by the metadata that it read
	var metadata struct {
		Introspection string `json:"introspection_endpoint"`
		Revocation    string `json:"revocation_endpoint"`
		EndSession    string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&metadata); err != nil {
		t.Fatal(err)
	}
	if rp.client.Secret != "" {
		if r := callAs(t, rp.client, metadata.Introspection, url.Values{"token": {fresh.AccessToken}}); r.JSON["active"] != true || r.String("sub") != id.Subject {
			t.Errorf("introspection: %d %s", r.Status, r.Body)
		}
	}
	if r := callAs(t, rp.client, metadata.Revocation, url.Values{"token": {fresh.AccessToken}}); r.Status != http.StatusOK {
		t.Errorf("revocation: %d %s", r.Status, r.Body)
	}
	if _, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(fresh)); err == nil {
		t.Error("userinfo answers a revoked token")
	}
	out := b.Open(metadata.EndSession + "?" + url.Values{"id_token_hint": {text}, "post_logout_redirect_uri": {goodbye}, "state": {"bye"}}.Encode())
	if out.Left == nil || out.Left.String() != goodbye+"?state=bye" {
		t.Errorf("sign-out leads to %v, %s", out.Left, out.Title)
	}
	expired.RefreshToken = fresh.RefreshToken
	if _, err := config.TokenSource(ctx, &expired).Token(); err == nil {
		t.Error("a refresh works after the sign-out")
	}
}
