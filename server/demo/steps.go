package demo

import (
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// step is one message of the protocol, told with its real parameters. Secrets are clipped.
type step struct {
	Title   string
	Request string // method and address
	Sent    []param
	Got     []param
	Checked []string
}

type param struct{ Name, Value, Why string }

// secret are the parameters that are clipped: each is a secret while it lives.
var secret = map[string]bool{
	"code": true, "state": true, "nonce": true, "code_challenge": true, "code_verifier": true,
	"access_token": true, "refresh_token": true, "id_token": true, "id_token_hint": true,
}

var why = map[string]string{
	"response_type":            "asks for a code",
	"client_id":                "which application asks",
	"redirect_uri":             "where the answer goes; registered beforehand",
	"scope":                    "what the application would like to know and do",
	"state":                    "comes back unchanged: the answer belongs to this browser",
	"nonce":                    "comes back inside the ID token: it belongs to this sign-in",
	"code_challenge":           "hash of a secret that only this application knows (PKCE)",
	"code_challenge_method":    "the hash is SHA-256",
	"login_hint":               "who is probably signing in",
	"code":                     "works once, for a minute",
	"iss":                      "who answers (RFC 9207)",
	"error":                    "why there is no code",
	"error_description":        "the same in words, for developers",
	"grant_type":               "what is handed in for tokens",
	"code_verifier":            "the secret behind code_challenge",
	"Authorization":            "client ID and secret (client_secret_basic)",
	"access_token":             "opens the APIs of Portico",
	"token_type":               "whoever bears it may use it",
	"expires_in":               "seconds that the access token lives",
	"refresh_token":            "gets the next access token, once",
	"id_token":                 "says who you are, signed",
	"id_token_hint":            "whose session ends, so that nobody has to be asked",
	"post_logout_redirect_uri": "where to go afterwards; registered beforehand",
	"sid":                      "the session that ended",
	"sub":                      "whose sessions ended",
}

// pick lists the named parameters that are present, in this order.
func pick(values url.Values, names ...string) []param {
	var out []param
	for _, name := range names {
		if value := values.Get(name); value != "" {
			if secret[name] {
				value = clip(value)
			}
			out = append(out, param{Name: name, Value: value, Why: why[name]})
		}
	}
	return out
}

// clip shows enough of a secret to tell it from another, and not enough to use it.
func clip(secret string) string {
	if len(secret) < 20 {
		return "…"
	}
	return "…" + secret[len(secret)-8:]
}

func withoutQuery(u *url.URL) string {
	bare := *u
	bare.RawQuery = ""
	return bare.String()
}

func authorizationStep(application, to string) step {
	u, err := url.Parse(to)
	if err != nil {
		return step{}
	}
	return step{
		Title:   application + " sent your browser to Portico",
		Request: "GET " + withoutQuery(u),
		Sent: pick(u.Query(), "response_type", "client_id", "redirect_uri", "scope", "state", "nonce",
			"code_challenge", "code_challenge_method", "login_hint"),
	}
}

func answerStep(application, redirectURI string, q url.Values) step {
	return step{
		Title:   "Portico sent your browser back to " + application,
		Request: "GET " + redirectURI,
		Got:     pick(q, "code", "error", "error_description", "state", "iss"),
		Checked: []string{"state is one that this browser was sent with"},
	}
}

func (a *app) codeStep(p *provider, code, verifier string, token *oauth2.Token) step {
	return step{
		Title:   a.client.Name + " exchanged the code for tokens, without your browser",
		Request: "POST " + p.Endpoint().TokenURL,
		Sent: append(a.basic(), pick(url.Values{
			"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.redirectURI()}, "code_verifier": {verifier},
		}, "grant_type", "code", "redirect_uri", "code_verifier")...),
		Got: received(token),
	}
}

func (a *app) refreshStep(p *provider, refreshToken string, token *oauth2.Token) step {
	return step{
		Title:   a.client.Name + " handed in its refresh token for new tokens",
		Request: "POST " + p.Endpoint().TokenURL,
		Sent: append(a.basic(), pick(url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {refreshToken},
		}, "grant_type", "refresh_token")...),
		Got: received(token),
	}
}

func (a *app) basic() []param {
	return []param{{"Authorization", "Basic " + a.client.ID + ":…", why["Authorization"]}}
}

// received lists what a token response had; nothing if token is nil.
func received(token *oauth2.Token) []param {
	if token == nil {
		return nil
	}
	values := url.Values{
		"access_token": {token.AccessToken}, "token_type": {token.TokenType}, "refresh_token": {token.RefreshToken},
	}
	for _, name := range []string{"expires_in", "id_token", "scope"} {
		if extra := token.Extra(name); extra != nil {
			values.Set(name, text(extra))
		}
	}
	return pick(values, "access_token", "token_type", "expires_in", "refresh_token", "id_token", "scope")
}

func (a *app) verifyStep(p *provider, acc *account, last string) step {
	checked := []string{
		"signature fits a key of the provider",
		"iss is " + a.issuer.URL,
		"aud is " + a.client.ID,
		"exp is in the future",
		last,
	}
	if strings.Contains(string(acc.AllID), `"at_hash"`) {
		checked = append(checked, "at_hash fits the access token")
	}
	return step{
		Title: a.client.Name + " checked the ID token itself", Request: "GET " + p.JWKS, Checked: checked,
	}
}

func (a *app) userInfoStep(p *provider, acc *account, outcome string) step {
	return step{
		Title:   a.client.Name + " asked who you are",
		Request: "GET " + p.UserInfoEndpoint(),
		Sent:    []param{{"Authorization", "Bearer " + clip(acc.Token.AccessToken), "the access token"}},
		Checked: []string{outcome},
	}
}

func logoutStep(application string, to *url.URL) step {
	return step{
		Title:   application + " forgot you and sent your browser to Portico to sign out",
		Request: "GET " + withoutQuery(to),
		Sent:    pick(to.Query(), "id_token_hint", "client_id", "post_logout_redirect_uri", "state"),
	}
}

func logoutAnswerStep(uri string, q url.Values) step {
	return step{
		Title:   "Portico sent your browser back",
		Request: "GET " + uri,
		Got:     pick(q, "state"),
		Checked: []string{"state is the one that was sent"},
	}
}

func (a *app) backchannelStep(claims logoutClaims) step {
	return step{
		Title:   "Portico told " + a.client.Name + " directly, without your browser",
		Request: "POST " + a.baseURL + a.path + "/backchannel-logout",
		Got: append([]param{{"logout_token", "signed, with the claims:", ""}},
			pick(url.Values{"sid": {claims.SID}, "sub": {claims.Subject}}, "sid", "sub")...),
		Checked: []string{"signature, iss, aud and exp, as of an ID token", "events names a back-channel logout", "there is no nonce"},
	}
}

// change is a fact about the session before and after a refresh.
type change struct {
	Name          string
	Before, After value
	New           bool
}

func compare(before, after account) []change {
	row := func(name string, b, a value) change { return change{name, b, a, b != a} }
	return []change{
		row("Access token", value{Text: clip(before.Token.AccessToken)}, value{Text: clip(after.Token.AccessToken)}),
		row("Refresh token", value{Text: clip(before.Token.RefreshToken)}, value{Text: clip(after.Token.RefreshToken)}),
		row("ID token issued", at(before.Issued), at(after.Issued)),
		row("Session (sid)", value{Text: before.Claims.SID}, value{Text: after.Claims.SID}),
		row("Signed in (auth_time)", at(seconds(before.Claims.AuthTime)), at(seconds(after.Claims.AuthTime))),
	}
}

// seconds is the time of a NumericDate; zero stays zero.
func seconds(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}
