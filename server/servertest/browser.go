package servertest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Browser is a browser without scripts: it keeps cookies, follows redirects within the server, and submits forms.
type Browser struct {
	t      testing.TB
	issuer *url.URL
	http   *http.Client
}

// NewBrowser is a browser that has never been here.
func (i *Installation) NewBrowser(t testing.TB) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := url.Parse(i.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	return &Browser{t: t, issuer: issuer, http: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Page is what the browser shows. If Left is set, the server has sent the browser there, to another host, and nothing is shown.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Body   string
	Left   *url.URL
	Forms  []Form
	Title  string
}

// Form is a form of a page.
type Form struct {
	Action string
	Method string
	Values url.Values // of its fields as the page has them
	IDs    map[string]bool
}

// Open opens an address and follows redirects while they stay on the server.
func (b *Browser) Open(address string) *Page {
	b.t.Helper()
	return b.follow(http.MethodGet, address, nil)
}

// Post posts a form to an address as a page of the server would, and follows.
func (b *Browser) Post(address string, form url.Values) *Page {
	b.t.Helper()
	return b.follow(http.MethodPost, address, form)
}

func (b *Browser) follow(method, address string, form url.Values) *Page {
	b.t.Helper()
	at, err := b.issuer.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	for range 20 {
		var body io.Reader
		if method == http.MethodPost {
			body = strings.NewReader(form.Encode())
		}
		r, err := http.NewRequest(method, at.String(), body)
		if err != nil {
			b.t.Fatal(err)
		}
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", b.issuer.Scheme+"://"+b.issuer.Host)
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		response, err := b.http.Do(r)
		if err != nil {
			b.t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			b.t.Fatal(err)
		}
		location := response.Header.Get("Location")
		if response.StatusCode < 300 || response.StatusCode >= 400 || location == "" {
			return b.page(at, response, string(text))
		}
		next, err := at.Parse(location)
		if err != nil {
			b.t.Fatal(err)
		}
		if next.Host != b.issuer.Host || next.Scheme != b.issuer.Scheme {
			return &Page{URL: at, Status: response.StatusCode, Header: response.Header, Left: next}
		}
		at, method, form = next, http.MethodGet, nil
	}
	b.t.Fatalf("%s redirects without end", address)
	return nil
}

func (b *Browser) page(at *url.URL, response *http.Response, body string) *Page {
	b.t.Helper()
	p := &Page{URL: at, Status: response.StatusCode, Header: response.Header, Body: body}
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "title":
			if n.FirstChild != nil {
				p.Title = n.FirstChild.Data
			}
		case "form":
			p.Forms = append(p.Forms, readForm(n))
		}
	}
	return p
}

func readForm(form *html.Node) Form {
	f := Form{Action: attribute(form, "action"), Method: strings.ToUpper(attribute(form, "method")), Values: url.Values{}, IDs: map[string]bool{}}
	for n := range form.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if id := attribute(n, "id"); id != "" {
			f.IDs[id] = true
		}
		name := attribute(n, "name")
		kind := attribute(n, "type")
		if n.Data == "select" && name != "" {
			f.Values.Add(name, chosen(n))
		}
		if n.Data != "input" || name == "" || kind == "submit" {
			continue
		}
		if (kind == "checkbox" || kind == "radio") && !has(n, "checked") {
			continue
		}
		f.Values.Add(name, attribute(n, "value"))
	}
	return f
}

// chosen is the value of a select's option: the selected one, else the first.
func chosen(n *html.Node) string {
	value, found := "", false
	for option := range n.Descendants() {
		if option.Data == "option" && (!found || has(option, "selected")) {
			value, found = attribute(option, "value"), true
		}
	}
	return value
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// Form finds the form of the page that has an element with the ID.
func (p *Page) Form(t testing.TB, id string) Form {
	t.Helper()
	for _, f := range p.Forms {
		if f.IDs[id] {
			return f
		}
	}
	t.Fatalf("the page %q at %s has no form with #%s; status %d\n%s", p.Title, p.URL, id, p.Status, p.Body)
	return Form{}
}

// Submit fills the form that has the element and submits it. Fields are pairs of name and value.
func (b *Browser) Submit(p *Page, id string, fields ...string) *Page {
	b.t.Helper()
	f := p.Form(b.t, id)
	values := maps.Clone(f.Values) // a page may be submitted more than once, also at once
	for i := 0; i+1 < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	action := p.URL
	if f.Action != "" {
		parsed, err := p.URL.Parse(f.Action)
		if err != nil {
			b.t.Fatal(err)
		}
		action = parsed
	}
	return b.Post(action.String(), values)
}

// SignIn goes through the sign-in pages with the Password, from the page that asks for the address or for the password.
func (b *Browser) SignIn(p *Page, email string) *Page {
	b.t.Helper()
	if !strings.HasSuffix(p.URL.Path, "/password") {
		p = b.Submit(p, "username", "username", email)
	}
	return b.Submit(p, "password", "password", Password)
}

// Verifier is the code_verifier of requests made by URL.
const Verifier = "a-code-verifier-that-is-long-enough-for-rfc-7636-ok"

// Challenge is the code_challenge of the verifier (RFC 7636 §4.2).
func Challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// AuthorizeURL is the address of an authorization request with PKCE, state "st" and nonce "no".
func (i *Installation) AuthorizeURL(c Client, scope string, extra url.Values) string {
	q := url.Values{
		"response_type": {"code"}, "client_id": {c.ClientID}, "redirect_uri": {c.RedirectURIs[0]}, "scope": {scope}, "state": {"st"}, "nonce": {"no"},
		"code_challenge": {Challenge(Verifier)}, "code_challenge_method": {"S256"},
	}
	for key, values := range extra {
		if len(values) == 1 && values[0] == "" {
			q.Del(key)
			continue
		}
		q[key] = values
	}
	return i.Issuer + "/oauth2/authorize?" + q.Encode()
}

// Reply is the answer of an endpoint that applications call.
type Reply struct {
	Status int
	Header http.Header
	Body   string
	JSON   map[string]any
}

// String is a member of the JSON answer; "" if it isn't there.
func (r *Reply) String(name string) string {
	s, _ := r.JSON[name].(string)
	return s
}

// Call posts a form to an endpoint below the issuer, with the client's credentials.
func (i *Installation) Call(t testing.TB, c Client, path string, form url.Values) *Reply {
	t.Helper()
	if form == nil {
		form = url.Values{}
	}
	if c.Secret == "" {
		form.Set("client_id", c.ClientID)
	}
	r, err := http.NewRequest(http.MethodPost, i.Issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.Secret != "" {
		r.SetBasicAuth(url.QueryEscape(c.ClientID), url.QueryEscape(c.Secret))
	}
	return Do(t, r)
}

// Redeem exchanges a code of AuthorizeURL.
func (i *Installation) Redeem(t testing.TB, c Client, code string) *Reply {
	t.Helper()
	return i.Call(t, c, "/oauth2/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {c.RedirectURIs[0]}, "code_verifier": {Verifier},
	})
}

// Refresh uses a refresh token.
func (i *Installation) Refresh(t testing.TB, c Client, token string) *Reply {
	t.Helper()
	return i.Call(t, c, "/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// Introspect asks about a token with the client's own credentials.
func (i *Installation) Introspect(t testing.TB, c Client, token string) *Reply {
	t.Helper()
	return i.Call(t, c, "/oauth2/introspect", url.Values{"token": {token}})
}

// UserInfo asks for the claims with an access token.
func (i *Installation) UserInfo(t testing.TB, token string) *Reply {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, i.Issuer+"/userinfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return Do(t, r)
}

// Do sends a request that no browser makes and reads the answer.
func Do(t testing.TB, r *http.Request) *Reply {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	reply := &Reply{Status: response.StatusCode, Header: response.Header, Body: string(text)}
	_ = json.Unmarshal(text, &reply.JSON) // an answer that is no object has no members
	return reply
}

// Tokens signs the user in to the client and returns the token answer: the whole way through the pages in a new browser.
func (i *Installation) Tokens(t testing.TB, c Client, email, scope string) *Reply {
	t.Helper()
	b := i.NewBrowser(t)
	return i.Redeem(t, c, b.Code(i, c, email, scope, nil))
}

// Code signs in where that is asked for and returns the code that the client gets.
func (b *Browser) Code(i *Installation, c Client, email, scope string, extra url.Values) string {
	b.t.Helper()
	p := b.Open(i.AuthorizeURL(c, scope, extra))
	if p.Left == nil && strings.HasPrefix(p.URL.Path, i.Environment.PathPrefix()+"/sign-in") {
		p = b.SignIn(p, email)
	}
	if p.Left == nil && strings.HasSuffix(p.URL.Path, "/consent") {
		p = b.Submit(p, "consent-accept", "action", "allow")
	}
	if p.Left == nil {
		b.t.Fatalf("the browser is at %s (%q, status %d), not at the client\n%s", p.URL, p.Title, p.Status, p.Body)
	}
	code := p.Left.Query().Get("code")
	if code == "" {
		b.t.Fatalf("the client got no code: %s", p.Left)
	}
	return code
}
