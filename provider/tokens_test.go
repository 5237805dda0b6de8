package provider_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/server/servertest"
)

// TestExpiry is acceptance 36: exp - iat is the access token lifetime of the application, and exp never passes the session's end.
func TestExpiry(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	c := i.AddClient(t, "web", clients.Web, func(a *clients.Application) {
		a.AccessTokenFormat = clients.JWT
		a.SessionPolicy.MaxSessionLength, a.SessionPolicy.InactivityTimeout = time.Hour, time.Hour
	})
	i.AddUser(t, ada)
	reply := i.Tokens(t, c, ada, "openid offline_access")
	for _, step := range []struct {
		passed  time.Duration
		clipped bool
	}{{0, false}, {50 * time.Minute, false}, {57 * time.Minute, true}, {59*time.Minute + 30*time.Second, true}} {
		i.Clock.Set(step.passed)
		if step.passed > 0 {
			reply = i.Refresh(t, c, reply.String("refresh_token"))
		}
		claims := decodeSegment(t, reply.String("access_token"), 1)
		iat, exp, end := claims["iat"].(float64), claims["exp"].(float64), claims["auth_time"].(float64)+3600
		if exp > end || reply.JSON["expires_in"] != exp-iat {
			t.Errorf("after %s: iat %.0f, exp %.0f, the session ends at %.0f, expires_in %v", step.passed, iat, exp, end, reply.JSON["expires_in"])
		}
		if lifetime := exp - iat; step.clipped == (lifetime == 300) {
			t.Errorf("after %s the access token lives for %.0f s", step.passed, lifetime)
		}
		introspected := i.Introspect(t, c, reply.String("access_token"))
		if introspected.JSON["exp"] != exp || introspected.JSON["iat"] != iat {
			t.Errorf("after %s introspection says %s", step.passed, introspected.Body)
		}
	}
}

// TestKeyRotation is acceptance 61 at this edge: what the old key signed verifies until the key is retired, and is a hint even then.
func TestKeyRotation(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := i.AddClient(t, "web", clients.Web, func(a *clients.Application) { a.AccessTokenFormat = clients.JWT })
		i.AddUser(t, ada)
		provider, err := oidc.NewProvider(t.Context(), i.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		verifier := provider.Verifier(&oidc.Config{ClientID: c.ClientID})
		b := i.NewBrowser(t)
		old := i.Redeem(t, c, b.Code(i, c, ada, "openid", nil))
		if _, err := i.Keys.RotateNow(t.Context(), i.Environment.ID, keys.RS256); err != nil {
			t.Fatal(err)
		}
		fresh := i.Redeem(t, c, b.Code(i, c, ada, "openid", nil))
		kid := func(r *servertest.Reply) string { return decodeSegment(t, r.String("id_token"), 0)["kid"].(string) }
		if kid(old) == kid(fresh) {
			t.Fatal("the new ID token has the old kid")
		}
		for _, r := range []*servertest.Reply{old, fresh} {
			if _, err := verifier.Verify(t.Context(), r.String("id_token")); err != nil {
				t.Errorf("a relying party that knows the issuer: %v", err)
			}
			if u := i.UserInfo(t, r.String("access_token")); u.Status != http.StatusOK {
				t.Errorf("userinfo: %d %s", u.Status, u.Body)
			}
		}
		if err := i.Keys.Retire(t.Context(), i.Environment.ID, kid(old)); err != nil {
			t.Fatal(err)
		}
		if u := i.UserInfo(t, old.String("access_token")); u.Status != http.StatusUnauthorized {
			t.Errorf("userinfo for a token of a retired key: %d %s", u.Status, u.Body)
		}
		walk(t, b, i.AuthorizeURL(c, "openid", url.Values{"prompt": {"none"}, "id_token_hint": {old.String("id_token")}}), ada).code(t)
	})
}

// TestForgedTokens: a JWT that somebody else signed, or that one of ours was changed into, is no token.
func TestForgedTokens(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	c := i.AddClient(t, "web", clients.Web, func(a *clients.Application) { a.AccessTokenFormat = clients.JWT })
	opaque := i.AddClient(t, "opaque", clients.Web, nil)
	i.AddUser(t, ada)
	jwt, sealed := i.Tokens(t, c, ada, "openid").String("access_token"), i.Tokens(t, opaque, ada, "openid").String("access_token")
	parts := strings.Split(jwt, ".")
	flip := func(text string, at int) string {
		other := byte('A')
		if text[at] == other {
			other = 'B'
		}
		return text[:at] + string(other) + text[at+1:]
	}
	const none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0" // {"alg":"none","typ":"at+jwt"}
	for name, token := range map[string]string{
		"alg none":             none + "." + parts[1] + ".",
		"alg none, old sign":   none + "." + parts[1] + "." + parts[2],
		"no signature":         parts[0] + "." + parts[1] + ".",
		"changed claims":       parts[0] + "." + flip(parts[1], 30) + "." + parts[2],
		"changed signature":    parts[0] + "." + parts[1] + "." + flip(parts[2], 10),
		"a line end":           jwt[:20] + "\n" + jwt[20:],
		"four parts":           jwt + ".x",
		"changed handle":       flip(sealed, len(sealed)/2),
		"changed key of it":    flip(sealed, 9),
		"shortened handle":     sealed[:len(sealed)-8],
		"the prefix alone":     "pt_at_",
		"a code":               "pt_ac_" + sealed[6:],
		"a JWT in its clothes": "pt_at_" + jwt,
	} {
		if r := i.Introspect(t, c, token); r.Status != http.StatusOK || r.Body != "{\"active\":false}\n" {
			t.Errorf("%s: introspection %d %s", name, r.Status, r.Body)
		}
		if strings.Contains(token, "\n") {
			continue // no header can have it
		}
		if u := i.UserInfo(t, token); u.Status != http.StatusUnauthorized {
			t.Errorf("%s: userinfo %d %s", name, u.Status, u.Body)
		}
	}
}

// TestKeySetIsKept: a relying party that has the JWK Set is told that it is the same.
func TestKeySetIsKept(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	get := func(match string) *servertest.Reply {
		r, err := http.NewRequest(http.MethodGet, i.Issuer+"/.well-known/jwks.json", nil)
		if err != nil {
			t.Fatal(err)
		}
		if match != "" {
			r.Header.Set("If-None-Match", match)
		}
		return servertest.Do(t, r)
	}
	first := get("")
	checkKeySet(t, first)
	if r := get(first.Header.Get("ETag")); r.Status != http.StatusNotModified || r.Body != "" {
		t.Errorf("the same set: %d %s", r.Status, r.Body)
	}
	if r := get(`"another"`); r.Status != http.StatusOK {
		t.Errorf("another set: %d", r.Status)
	}
}
