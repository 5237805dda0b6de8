package provider_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

// visit is an authorization request on its way: what the pages asked of the person, and what the client got.
type visit struct {
	page   *servertest.Page // where it ended
	asked  []string         // the pages that she went through: "sign-in", "password", "choose-account", "choose-organization", "consent"
	to     string           // the redirect URI that the answer went to, without the answer; "" for none
	answer url.Values       // nil for none
}

// code is the code that the client got.
func (v *visit) code(t testing.TB) string {
	t.Helper()
	if v.answer.Get("code") == "" {
		t.Fatalf("the client got no code: %s", v)
	}
	return v.answer.Get("code")
}

// failed holds the visit to an answer with the error, and no code.
func (v *visit) failed(t testing.TB, want string) {
	t.Helper()
	if got := v.answer.Get("error"); got != want || v.answer.Has("code") {
		t.Fatalf("the answer is %s; want the error %s", v, want)
	}
}

// shown holds the visit to an error page that leads nowhere, about the field.
func (v *visit) shown(t testing.TB, field string) {
	t.Helper()
	const heading = "This request cannot be completed"
	if v.answer != nil || v.page.Left != nil || v.page.Status != 400 || !strings.Contains(v.page.Title, heading) || !strings.Contains(v.page.Body, "<code>"+field+"</code>") {
		t.Fatalf("%s; want the page %q about %s\n%s", v, heading, field, v.page.Body)
	}
}

func (v *visit) String() string {
	if v.answer != nil {
		return v.to + " got " + v.answer.Encode() + " after " + strings.Join(v.asked, ", ")
	}
	if v.page.Left != nil {
		return "the browser left for " + v.page.Left.String()
	}
	return "the browser shows " + v.page.Title + " at " + v.page.URL.String()
}

// walk opens the address of an authorization request and does what the pages ask, until the client has an answer or a page asks
// nothing. Where it is asked for an organization without having one, it stays.
func walk(t testing.TB, b *servertest.Browser, address, email string, organization ...string) *visit {
	t.Helper()
	return follow(t, b, b.Open(address), email, organization...)
}

func follow(t testing.TB, b *servertest.Browser, p *servertest.Page, email string, organization ...string) *visit {
	t.Helper()
	v := &visit{page: p}
	for range 10 {
		if v.arrived(t) {
			return v
		}
		_, last, _ := strings.Cut(v.page.URL.Path[strings.LastIndexByte(v.page.URL.Path, '/'):], "/")
		switch last {
		case "sign-in":
			v.page = b.Submit(v.page, "username", "username", email)
		case "password":
			v.page = b.Submit(v.page, "password", "password", servertest.Password)
		case "choose-account":
			v.page = choose(t, b, v.page, email)
		case "choose-organization":
			if len(organization) == 0 {
				return v
			}
			v.page = b.Submit(v.page, "login-submit", "organization_id", organization[0])
		case "consent":
			v.page = b.Submit(v.page, "consent-accept", "action", "allow")
		default:
			return v
		}
		v.asked = append(v.asked, last)
	}
	t.Fatalf("the pages ask without end: %v", v.asked)
	return nil
}

// arrived reads the answer, if the client has one by now: from the address that the browser left for, or from the form that
// posts itself there.
func (v *visit) arrived(t testing.TB) bool {
	t.Helper()
	if v.page.Left != nil {
		at := *v.page.Left
		text := at.RawQuery
		if at.Fragment != "" {
			text = at.Fragment
		}
		var err error
		if v.answer, err = url.ParseQuery(text); err != nil {
			t.Fatal(err)
		}
		at.RawQuery, at.Fragment, at.RawFragment = "", "", ""
		v.to = at.String()
		return true
	}
	if len(v.page.Forms) == 1 && strings.HasSuffix(v.page.URL.Path, "/oauth2/authorize") && strings.Contains(v.page.Body, `id="form-post"`) {
		f := v.page.Forms[0]
		if f.Method != "POST" || strings.Contains(v.page.Body, "enctype") {
			t.Fatalf("the form is not sent as application/x-www-form-urlencoded: %s", v.page.Body)
		}
		if !strings.Contains(v.page.Body, `<script src="/static/post.`) || strings.Contains(v.page.Header.Get("Content-Security-Policy"), "form-action") {
			t.Fatalf("the form can't submit itself: %v", v.page.Header)
		}
		v.answer, v.to = f.Values, f.Action
		return true
	}
	return false
}

// choose takes the account with the address on the page that lists them.
func choose(t testing.TB, b *servertest.Browser, p *servertest.Page, email string) *servertest.Page {
	t.Helper()
	for row := range strings.SplitSeq(p.Body, "<li>") {
		_, value, found := strings.Cut(row, `name="account" value="`)
		if found && strings.Contains(row, "<bdi>"+email+"</bdi>") {
			id, _, _ := strings.Cut(value, `"`)
			return b.Post(p.URL.String(), url.Values{"account": {id}})
		}
	}
	return b.Post(p.URL.String(), url.Values{"action": {"other"}})
}

// askedNothing holds the visit to a silent answer: single sign-on.
func (v *visit) askedNothing(t testing.TB) {
	t.Helper()
	if len(v.asked) > 0 {
		t.Fatalf("the person was asked: %v", v.asked)
	}
}

// askedCredentials reports whether the person had to type her password.
func (v *visit) askedCredentials() bool { return slices.Contains(v.asked, "password") }

// callAs posts a form to an endpoint with the client's credentials, as it is registered to send them.
func callAs(t testing.TB, c servertest.Client, endpoint string, form url.Values) *servertest.Reply {
	t.Helper()
	if c.TokenEndpointAuthMethod != clients.AuthClientSecretBasic {
		form.Set("client_id", c.ClientID)
	}
	if c.TokenEndpointAuthMethod == clients.AuthClientSecretPost {
		form.Set("client_secret", c.Secret)
	}
	r, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.TokenEndpointAuthMethod == clients.AuthClientSecretBasic {
		r.SetBasicAuth(url.QueryEscape(c.ClientID), url.QueryEscape(c.Secret))
	}
	return servertest.Do(t, r)
}
