package clients

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

func TestRedirectURIsThatCanBeRegistered(t *testing.T) {
	const (
		both = iota // production and development take it
		dev         // only development does
		none
	)
	long := "https://app.example/" + strings.Repeat("a", maxURI)
	for _, test := range []struct {
		uri     string
		takenBy int
		want    string // part of the message in production
	}{
		// acceptance 19
		{"https://app.example/cb", both, ""},
		{"https://app.example", both, ""},
		{"https://app.example:8443/cb?a=b&c=%20", both, ""}, // RFC 6749 §3.1.2: a query is allowed
		{"https://localhost/cb", both, ""},
		{"https://intranet/cb", both, ""},
		{"https://10.0.0.1/cb", both, ""},
		{"https://[2001:db8::1]:8443/cb", both, ""},
		{"https://xn--bcher-kva.example/cb", both, ""},
		{"http://example.com/cb", dev, "uses http, which production takes only for http://127.0.0.1 and http://[::1]: use https"},
		{"http://localhost:3000/cb", dev, "use http://127.0.0.1 or http://[::1] (RFC 8252, section 8.3)"},
		{"http://localhost.example/cb", dev, "uses http"},
		{"http://127.0.0.1.example/cb", dev, "uses http"},
		{"http://127.0.0.1/cb", both, ""}, // RFC 8252 §7.3
		{"http://127.0.0.1:49152/cb", both, ""},
		{"http://[::1]:49152/cb", both, ""},
		{"http://127.0.0.2/cb", dev, "uses http"},
		{"com.example.app:/cb", both, ""}, // RFC 8252 §7.1
		{"com.example.app://cb", both, ""},
		{"com.googleusercontent.apps.123-abc:/oauth2redirect", both, ""},
		{"com.example.app:cb", none, "write com.example.app:/cb"},
		{"myapp:/cb", none, "a domain of yours in reverse, such as com.example.app:/callback (RFC 8252, section 7.1)"},
		{"com.:/cb", none, "uses the scheme com.: use https"},
		{"com.example.app://ada@host/cb", none, "remove everything up to the @"},
		{"com.example.app:/a/*", none, "percent-encode it as %2A"},
		{"com.example.app://*/cb", none, "has a star, which only https hosts can have"},

		// acceptance 22
		{"javascript:alert(1)", none, "uses javascript:, which runs or shows what it holds: use https"},
		{"data:text/html,hello", none, "uses data:"},
		{"vbscript:x", none, "uses vbscript:"},
		{"file:///etc/passwd", none, "uses file:"},
		{"blob:https://app.example/1", none, "uses blob:"},
		{"JavaScript:alert(1)", none, "upper case"},
		{"urn:ietf:wg:oauth:2.0:oob", none, "uses the scheme urn: use https"},
		{"https://app.example/cb#", none, "has a fragment, which no server receives: remove the # and what follows"}, // RFC 6749 §3.1.2
		{"https://app.example/cb#a", none, "has a fragment"},
		{"com.example.app:/cb#a", none, "has a fragment"},
		{"https://ada:pw@app.example/cb", none, "remove everything up to the @"},
		{"https://@app.example/cb", none, "remove everything up to the @"},
		{"https://app.example@evil.example/cb", none, "remove everything up to the @"},
		{"https://app.example/c\nb", none, `has '\n' at position 22`},
		{"https://app.example/\x00", none, `has '\x00'`},
		{"https://app.example/\x7f", none, `has '\x7f'`},
		{" https://app.example/cb", none, "at position 1"},
		{"https://app.example/c b", none, "percent-encode it"},
		{"https://bücher.example/cb", none, "xn-- form"},
		{`https://app.example\@evil.example/cb`, none, `has '\\'`},
		{"https://app.example/%zz", none, "two hexadecimal digits"},
		{"https://app.example/%2", none, "two hexadecimal digits"},
		{long, none, "2000 is the most"},

		{"", none, "is empty"},
		{"app.example/cb", none, "has no scheme: begin with https://"},
		{"/cb", none, "has no scheme"},
		{"//app.example/cb", none, "has no scheme"},
		{"://app.example/cb", none, "has no scheme"},
		{"https:/app.example/cb", none, "has no host: write https://host/path"},
		{"https:app.example", none, "has no host"},
		{"https:///cb", none, "has no host"},
		{"https://:443/cb", none, "has no host"},
		{"https://app.example:/cb", none, `has the port ""`},
		{"https://app.example:0/cb", none, `has the port "0"`},
		{"https://app.example:65536/cb", none, "no number from 1 to 65535"},
		{"https://app.example:0443/cb", none, "no number from 1 to 65535"},
		{"https://app.example:x/cb", none, "no number from 1 to 65535"},
		{"https://App.example/cb", none, "write app.example"},
		{"HTTPS://app.example/cb", none, "write https:"},
		{"https://app..example/cb", none, "no host name"},
		{"https://app.example./cb", none, "no host name"},
		{"https://-app.example/cb", none, "no host name"},
		{"https://app%2eexample/cb", none, ""},
		{"https://" + strings.Repeat("a", 64) + ".example/cb", none, "no host name"},
		{"https://" + strings.Repeat("abcdefg.", 32) + "example/cb", none, "253 is the most"},
		// URL Standard §3.5: all of these are 127.0.0.1 for a browser, or nothing
		{"https://2130706433/cb", none, "ends in a number and is no IPv4 address"},
		{"https://0x7f000001/cb", none, "ends in a number"},
		{"https://127.1/cb", none, "ends in a number"},
		{"https://127.0.0.0x/cb", none, "ends in a number"},
		{"https://0127.0.0.1/cb", none, "ends in a number"},
		{"https://[::1%25eth0]/cb", none, ""},
		{"https://[127.0.0.1]/cb", none, ""},
		{"https://[::1/cb", none, ""},
		{"https://::1]/cb", none, "square bracket"},
		{"https://app.example/[cb]", none, "square bracket"},
		{"https://app.example/a/../cb", none, "write the path that they arrive at"},
		{"https://app.example/a/%2E%2e/cb", none, "write the path that they arrive at"},
		{"https://app.example/./cb", none, "write the path that they arrive at"},
		{"https://app.example/..cb", both, ""},
		{"https://*.app.example/cb", none, "has a star: switch wildcard redirects on, or enter each host"}, // acceptance 20
	} {
		for _, env := range []*environments.Environment{production, development} {
			app := SPA.Preset()
			app.ClientID, app.Name, app.RedirectURIs = "spa", "SPA", []string{test.uri}
			err := app.Validate(env.Kind)
			if taken := test.takenBy == both || test.takenBy == dev && env.Kind == environments.Development; taken {
				if err != nil {
					t.Errorf("%s: Validate with %q = %v, want it taken", env.Kind, test.uri, err)
				}
				continue
			}
			f := fault.Of(err)
			if f == nil || f.Kind != fault.Invalid || f.Field != "redirect_uris/0" {
				t.Errorf("%s: Validate with %q = %v, want a refusal of redirect_uris/0", env.Kind, test.uri, err)
				continue
			}
			if !strings.HasPrefix(f.Message, quote(test.uri)) || env == production && !strings.Contains(f.Message, test.want) {
				t.Errorf("%s: %q is refused with\n%s\nwant its value and %q", env.Kind, test.uri, f.Message, test.want)
			}
		}
	}
}

// acceptance 20
func TestWildcardRedirectURIs(t *testing.T) {
	for _, test := range []struct {
		uri  string
		want string // part of the message; "" if it is taken
	}{
		{"https://*.app.example.com/cb", ""},
		{"https://*.example.com/cb", ""},
		{"https://pr-*.preview.example.com/cb", ""},
		{"https://*-preview.example.com:8443/cb", ""},
		{"https://*.corp.internal/cb", ""},
		{"https://*.*.example.com/cb", "more than one star"},
		{"https://**.example.com/cb", "more than one star"},
		{"https://a.*.example.com/cb", "only the leftmost label"},
		{"https://app.example.*/cb", "only the leftmost label"},
		{"https://*/cb", "without the name of a domain"},
		{"https://*:8443/cb", "without the name of a domain"},
		{"https://*.com/cb", "has its star on com"},
		{"https://*.co.uk/cb", "has its star on co.uk"},
		{"https://*.github.io/cb", "has its star on github.io"}, // anybody has a name there
		{"https://acme-*.vercel.app/cb", "has its star on vercel.app"},
		{"https://*.internal/cb", "has its star on internal"},
		{"https://*.0.0.1/cb", "without the name of a domain"},
		{"https://*.127.0.0.1/cb", "without the name of a domain"},
		{"https://-*.example.com/cb", "no host name"},
		{"https://*.example.com/*", "outside of its host"},
		{"https://app.example.com/*", "outside of its host"},
		{"https://app.example.com/cb?a=*", "outside of its host"},
		{"https://app.example.com:*/cb", "no number from 1 to 65535"},
		{"http://*.example.com/cb", "uses http"},
		{"https://*@app.example.com/cb", "remove everything up to the @"},
	} {
		app := SPA.Preset()
		app.ClientID, app.Name, app.WildcardRedirects = "spa", "SPA", true
		app.RedirectURIs = []string{"https://app.example.com/first", test.uri}
		err := app.Validate(environments.Production)
		if test.want == "" {
			if err != nil {
				t.Errorf("Validate with %q = %v, want it taken", test.uri, err)
			}
			continue
		}
		if f := fault.Of(err); f == nil || f.Field != "redirect_uris/1" || !strings.Contains(f.Message, test.want) {
			t.Errorf("Validate with %q = %v, want a refusal of redirect_uris/1 with %q", test.uri, err, test.want)
		}
	}

	app := SPA.Preset()
	app.ClientID, app.Name, app.WildcardRedirects = "spa", "SPA", true
	app.RedirectURIs = []string{"https://*.example.com/cb"}
	if f := fault.Of(app.Validate(environments.Production)); f == nil || f.Field != "redirect_uris/0" || !strings.Contains(f.Message, "is the default") {
		t.Errorf("Validate with a wildcard as the default = %v, want a refusal", f)
	}
}

func TestAllowsRedirect(t *testing.T) {
	exact := []string{"https://app.example/cb", "https://app.example/cb?a=b", "com.example.app:/cb"}
	loopback := []string{"http://127.0.0.1/cb", "http://[::1]:8000/cb?x=y", "http://localhost:3000/cb", "http://host.example:3000/cb", "https://127.0.0.1:9/cb"}
	wildcard := []string{"https://app.example.com/cb", "https://*.example.com/cb", "https://pr-*.acme.example:8443/cb?a=b"}
	for _, test := range []struct {
		kind       Kind
		registered []string
		uri        string
		want       MatchRule
	}{
		// RFC 9700 §2.1: the same string
		{Web, exact, "https://app.example/cb", MatchExact},
		{Web, exact, "https://app.example/cb?a=b", MatchExact},
		{Web, exact, "com.example.app:/cb", MatchExact},
		{Web, exact, "", ""},
		{Web, exact, "http://app.example/cb", ""},
		{Web, exact, "https://app.example/cb/", ""},
		{Web, exact, "https://app.example/CB", ""},
		{Web, exact, "https://app.example/%63b", ""},
		{Web, exact, "https://APP.example/cb", ""},
		{Web, exact, "https://app.example:443/cb", ""},
		{Web, exact, "https://app.example/cb?", ""},
		{Web, exact, "https://app.example/cb?a=b&c=d", ""},
		{Web, exact, "https://app.example/cb#f", ""},
		{Web, exact, "https://app.example/cb/../evil", ""},
		{Web, exact, "https://ada@app.example/cb", ""},
		{Web, exact, "https://app.example.evil.example/cb", ""},
		{Web, exact, "https://app.example@evil.example/cb", ""},
		{Web, exact, " https://app.example/cb", ""},
		{Web, nil, "https://app.example/cb", ""}, // acceptance 17: another application's is no use here

		// RFC 8252 §7.3, acceptance 21: any port on this machine, for what runs there
		{Native, loopback, "http://127.0.0.1/cb", MatchExact},
		{Native, loopback, "http://127.0.0.1:53210/cb", MatchLoopbackPort},
		{Native, loopback, "http://127.0.0.1:1/cb", MatchLoopbackPort},
		{Native, loopback, "http://[::1]:53210/cb?x=y", MatchLoopbackPort},
		{Native, loopback, "http://[::1]/cb?x=y", MatchLoopbackPort},
		{Native, loopback, "http://localhost:53210/cb", MatchLoopbackPort}, // RFC 9700 §4.1.3
		{Device, loopback, "http://127.0.0.1:53210/cb", MatchLoopbackPort},
		{Web, loopback, "http://127.0.0.1:53210/cb", ""},
		{SPA, loopback, "http://localhost:53210/cb", ""},
		{Native, loopback, "http://host.example:53210/cb", ""},
		{Native, loopback, "https://127.0.0.1:53210/cb", ""}, // the scheme counts
		{Native, loopback, "http://127.0.0.1:53210/other", ""},
		{Native, loopback, "http://127.0.0.1:53210/cb?x=y", ""},
		{Native, loopback, "http://127.0.0.1:53210", ""},
		{Native, loopback, "http://127.0.0.1:/cb", ""},
		{Native, loopback, "http://127.0.0.1:0/cb", ""},
		{Native, loopback, "http://127.0.0.1:65536/cb", ""},
		{Native, loopback, "http://127.0.0.1:+80/cb", ""},
		{Native, loopback, "http://127.0.0.1:53210/cb#f", ""},
		{Native, loopback, "http://127.0.0.1:80@evil.example/cb", ""},
		{Native, loopback, "http://127.0.0.1.evil.example/cb", ""},
		{Native, loopback, "http://127.0.0.1@evil.example/cb", ""},
		{Native, loopback, "http://ada@127.0.0.1:53210/cb", ""},
		{Native, loopback, "http://[::1]:53210/cb", ""},
		{Native, loopback, "http://[0:0:0:0:0:0:0:1]:53210/cb?x=y", ""},
		{Native, exact, "https://app.example:53210/cb", ""},

		// acceptance 20: a star stands for one label
		{Web, wildcard, "https://app.example.com/cb", MatchExact},
		{Web, wildcard, "https://a.example.com/cb", MatchWildcard},
		{Web, wildcard, "https://a-b--c1.example.com/cb", MatchWildcard},
		{Web, wildcard, "https://" + strings.Repeat("a", 63) + ".example.com/cb", MatchWildcard},
		{Web, wildcard, "https://pr-7.acme.example:8443/cb?a=b", MatchWildcard},
		{Web, wildcard, "https://*.example.com/cb", ""},
		{Web, wildcard, "https://.example.com/cb", ""},
		{Web, wildcard, "https://example.com/cb", ""},
		{Web, wildcard, "https://a.b.example.com/cb", ""},
		{Web, wildcard, "https://-a.example.com/cb", ""},
		{Web, wildcard, "https://A.example.com/cb", ""},
		{Web, wildcard, "https://" + strings.Repeat("a", 64) + ".example.com/cb", ""},
		{Web, wildcard, "https://evil.example/.example.com/cb", ""},
		{Web, wildcard, "https://evil/.example.com/cb", ""},
		{Web, wildcard, "https://evil?.example.com/cb", ""},
		{Web, wildcard, "https://evil#.example.com/cb", ""},
		{Web, wildcard, "https://evil:80.example.com/cb", ""},
		{Web, wildcard, "https://ada@a.example.com/cb", ""},
		{Web, wildcard, "https://a%2e.example.com/cb", ""},
		{Web, wildcard, "http://a.example.com/cb", ""},
		{Web, wildcard, "https://a.example.com:8443/cb", ""},
		{Web, wildcard, "https://a.example.com/cb/", ""},
		{Web, wildcard, "https://a.example.com.evil.example/cb", ""},
		{Web, wildcard, "https://pr-.acme.example:8443/cb?a=b", ""},
		{Web, wildcard, "https://pr-a.b.acme.example:8443/cb?a=b", ""},
		{Web, wildcard, "https://pr-7-.acme.example:8443/cb?a=b", ""},
	} {
		app := &Application{Kind: test.kind, RedirectURIs: test.registered, WildcardRedirects: true}
		if got := app.AllowsRedirect(test.uri); got != (test.want != "") {
			t.Errorf("%s with %q: AllowsRedirect(%q) = %v, want %v", test.kind, test.registered, test.uri, got, !got)
		}
		if got := app.ExplainRedirect(test.uri).Rule; got != test.want {
			t.Errorf("%s with %q: ExplainRedirect(%q).Rule = %q, want %q", test.kind, test.registered, test.uri, got, test.want)
		}
		app.PostLogoutRedirectURIs, app.RedirectURIs = app.RedirectURIs, nil
		if got := app.AllowsPostLogoutRedirect(test.uri); got != (test.want != "") {
			t.Errorf("%s with %q: AllowsPostLogoutRedirect(%q) = %v, want %v", test.kind, test.registered, test.uri, got, !got)
		}
		if got := app.ExplainPostLogoutRedirect(test.uri).Rule; got != test.want {
			t.Errorf("%s with %q: ExplainPostLogoutRedirect(%q).Rule = %q, want %q", test.kind, test.registered, test.uri, got, test.want)
		}
		if app.AllowsRedirect(test.uri) {
			t.Errorf("AllowsRedirect(%q) = true, want false, as it is only for the end of a sign-out", test.uri)
		}
	}

	app := &Application{Kind: Web, RedirectURIs: wildcard}
	if app.AllowsRedirect("https://a.example.com/cb") {
		t.Errorf("AllowsRedirect matches a star although wildcards are switched off")
	}
}

// acceptance 23
func TestExplainRedirect(t *testing.T) {
	for _, test := range []struct {
		kind       Kind
		registered []string
		uri        string
		closest    string
		want       []string // part: reason
	}{
		{Web, nil, "https://app.example/cb", "", nil},
		{
			Web, []string{"https://other.example/x", "https://app.example/cb"}, "https://app.example/cb/", "https://app.example/cb",
			[]string{"path: Exactly one of them ends with a slash."},
		},
		{
			Web, []string{"https://app.example/cb"}, "http://app.example/CB", "https://app.example/cb",
			[]string{"scheme: http and https are different places, even on the same host.", "path: They differ in upper and lower case."},
		},
		{
			Web, []string{"https://app.example/cb"}, "https://app.example:443/cb#x", "https://app.example/cb",
			[]string{"port: It is the port of the scheme, but one of them leaves it out: strings are compared.", "fragment: A redirect URI has no fragment, as no server receives it."},
		},
		{
			Web, []string{"https://app.example/cb"}, "https://ada@app.example/cb?x", "https://app.example/cb",
			[]string{"userinfo: A redirect URI has no user name before its host.", "query: The query must be the same, down to the order of its parameters."},
		},
		{
			Web, []string{"http://127.0.0.1:3000/cb"}, "http://127.0.0.1:4000/cb", "http://127.0.0.1:3000/cb",
			[]string{"port: Only applications of the kinds native and device may use any port on this machine."},
		},
		{
			Native, []string{"http://127.0.0.1/cb"}, "http://localhost:4000/cb", "http://127.0.0.1/cb",
			[]string{"host: localhost, 127.0.0.1 and [::1] are three hosts. Register each that the app uses."},
		},
		{
			Native, []string{"http://127.0.0.1/cb"}, "http://127.0.0.1:99999/cb", "http://127.0.0.1/cb",
			[]string{"port: The port is no number from 1 to 65535."},
		},
		{
			Web, []string{"https://app.example/cb", "https://*.app.example/cb"}, "https://a.b.app.example/cb", "https://app.example/cb",
			[]string{"host: The host must be the same."},
		},
		{
			Web, []string{"https://*.app.example/cb"}, "https://a.b.app.example/cb", "https://*.app.example/cb",
			[]string{"host: The star stands for exactly one label, in lower case, that isn't empty."},
		},
		{
			Web, []string{"https://*.app.example/cb"}, "https://*.app.example/cb", "https://*.app.example/cb",
			[]string{"host: A star is for the registered URI. The one that is sent has a real host."},
		},
		{
			Native, []string{"com.example.app:/cb"}, "com.example.app://cb", "com.example.app:/cb",
			[]string{"host: The host must be the same.", "path: The path must be the same."},
		},
		{
			Native, []string{"com.example.app:/cb"}, "com.example.app:///cb", "com.example.app:/cb",
			[]string{"host: Exactly one of them has // before its host."},
		},
		{
			Web, []string{"https://app.example/cb"}, "app.example/cb", "https://app.example/cb",
			[]string{"scheme: This is no complete URI, as it has no scheme.", "host: The host must be the same.", "path: The path must be the same."},
		},
		{
			Web, []string{"https://app.example/cb"}, "https://app.example/cb ", "https://app.example/cb",
			[]string{"path: There is a space too much."},
		},
	} {
		app := &Application{Kind: test.kind, RedirectURIs: test.registered, WildcardRedirects: true}
		got := app.ExplainRedirect(test.uri)
		var reasons []string
		for _, d := range got.Differences {
			reasons = append(reasons, string(d.Part)+": "+d.Reason)
		}
		if got.Matches || got.Registered != test.closest {
			t.Errorf("ExplainRedirect(%q) = %+v, want no match, closest to %q", test.uri, got, test.closest)
		}
		if diff := cmp.Diff(test.want, reasons); diff != "" {
			t.Errorf("ExplainRedirect(%q) (-want +got):\n%s", test.uri, diff)
		}
	}

	app := &Application{RedirectURIs: []string{"https://*.app.example/cb"}}
	got := app.ExplainRedirect("https://a.app.example/cb")
	if len(got.Differences) != 1 || got.Differences[0].Reason != "The star stands for nothing, as wildcard redirects are switched off." {
		t.Errorf("ExplainRedirect without wildcards = %+v", got)
	}
}

func TestSplitLosesNothing(t *testing.T) {
	for _, uri := range seeds {
		if got := split(uri).join(); got != uri {
			t.Errorf("split(%q) joined is %q", uri, got)
		}
	}
}

func (p parts) join() string {
	return p.scheme + p.slashes + p.userinfo + p.host + p.port + p.path + p.query + p.fragment
}

var seeds = []string{
	"", ":", "//", "?#", "https://app.example/cb", "https://a:b@c:d@e:1/f?g#h", "http://[::1]:80/x", "http://127.0.0.1:80@evil/cb",
	"https://*.example.com/cb", "https://a.example.com/cb", "com.example.app:/cb", "com.example.app://h/cb", "javascript:alert(1)",
	"http://localhost:1/cb?x=y", "https://xn--a.example/%2e%2e/", "https://a\\b/", "https://a.b:/", "https://[::1%25a]/", "\x00https://a",
}

// What may be registered is safe to redirect to, however a browser reads it.
func FuzzRegistration(f *testing.F) {
	for _, uri := range seeds {
		f.Add(uri, true, true)
	}
	f.Fuzz(func(t *testing.T, uri string, dev, wildcards bool) {
		kind := environments.Production
		if dev {
			kind = environments.Development
		}
		if got := split(uri).join(); got != uri {
			t.Fatalf("split(%q) joined is %q", uri, got)
		}
		if redirectProblem(uri, kind, wildcards) != "" {
			return
		}
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatalf("%q was taken, but url.Parse: %v", uri, err)
		}
		if u.User != nil || u.Fragment != "" || u.Opaque != "" || len(uri) > maxURI || strings.ContainsAny(uri, "#\\ \t\r\n\x00") {
			t.Errorf("%q was taken: %+v", uri, u)
		}
		if p := split(uri); p.scheme != u.Scheme+":" || p.scheme != "http:" && p.scheme != "https:" && !strings.Contains(p.scheme, ".") {
			t.Errorf("%q was taken with the scheme %q", uri, u.Scheme)
		} else if strings.HasPrefix(p.scheme, "http") && !strings.Contains(p.scheme, ".") && (p.host+p.port != u.Host || u.Host == "") {
			t.Errorf("%q was taken with the host %q, which is %q for url.Parse", uri, p.host+p.port, u.Host)
		}
		if addr, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && !dev && (err != nil || !addr.IsLoopback()) {
			t.Errorf("%q was taken in production", uri)
		}
		if n := strings.Count(uri, "*"); n > 1 || n == 1 && (!wildcards || !strings.Contains(u.Host, "*")) {
			t.Errorf("%q was taken with a star", uri)
		}
	})
}

// What matches was registered, or differs only in the port of a loopback address or in the label of a star.
func FuzzMatch(f *testing.F) {
	for _, registered := range seeds {
		for _, uri := range seeds {
			f.Add(registered, uri, true, true)
		}
	}
	f.Add("http://127.0.0.1/cb", "http://127.0.0.1:1/cb", true, false)
	f.Add("https://pr-*.example.com/cb", "https://pr-1.example.com/cb", false, true)
	f.Fuzz(func(t *testing.T, registered, uri string, native, wildcards bool) {
		app := &Application{Kind: Web, RedirectURIs: []string{registered}, WildcardRedirects: wildcards}
		if native {
			app.Kind = Native
		}
		e := app.ExplainRedirect(uri)
		if e.Matches != app.AllowsRedirect(uri) || e.Registered != registered {
			t.Fatalf("registered %q: ExplainRedirect(%q) = %+v, but AllowsRedirect = %v", registered, uri, e, !e.Matches)
		}
		if redirectProblem(registered, environments.Development, wildcards) != "" {
			return
		}
		if e.Matches == (len(e.Differences) > 0) {
			t.Errorf("registered %q: ExplainRedirect(%q) = %+v", registered, uri, e)
		}
		if !e.Matches {
			return
		}
		// Whatever matches could have been registered itself.
		if problem := redirectProblem(uri, environments.Development, false); problem != "" {
			t.Errorf("registered %q: %q matches, but it %s", registered, uri, problem)
		}
		want, got := split(registered), split(uri)
		switch e.Rule {
		case MatchExact:
		case MatchLoopbackPort:
			if !native || got.scheme != "http:" || !(got.loopback() || got.host == "localhost") {
				t.Errorf("registered %q: %q matches by its port", registered, uri)
			}
			want.port, got.port = "", ""
		case MatchWildcard:
			wantLabel, wantDomain, _ := strings.Cut(want.host, ".")
			gotLabel, gotDomain, _ := strings.Cut(got.host, ".")
			before, after, _ := strings.Cut(wantLabel, "*")
			if !wildcards || wantDomain != gotDomain || !strings.HasPrefix(gotLabel, before) || !strings.HasSuffix(gotLabel, after) {
				t.Errorf("registered %q: %q matches its star", registered, uri)
			}
			want.host, got.host = "", ""
		default:
			t.Errorf("registered %q: %q matches by %q", registered, uri, e.Rule)
		}
		if want != got {
			t.Errorf("registered %q: %q matches by %s, but differs elsewhere", registered, uri, e.Rule)
		}
	})
}

// Acceptance 62, and OIDC RP-Initiated Logout 1.0 §3 where an application asks for no more than that.
func TestPostLogoutTarget(t *testing.T) {
	for _, test := range []struct {
		name       string
		explicit   bool
		registered []string
		uri, state string
		want       string
	}{
		{"the registered one", false, []string{"https://a.example/one", "https://a.example/two"}, "https://a.example/two", "st", "https://a.example/two?state=st"},
		{"with a query", false, []string{"https://a.example/one?a=b"}, "https://a.example/one?a=b", "s&t", "https://a.example/one?a=b&state=s%26t"},
		{"no state", false, []string{"https://a.example/one"}, "https://a.example/one", "", "https://a.example/one"},
		{"another", false, []string{"https://a.example/one"}, "https://a.example/one?foo=bar", "st", ""},
		{"the default", false, []string{"https://a.example/one", "https://a.example/two"}, "", "st", "https://a.example/one?state=st"},
		{"no default", false, nil, "", "st", ""},
		{"only what the request names: nothing", true, []string{"https://a.example/one"}, "", "st", ""},
		{"only what the request names", true, []string{"https://a.example/one"}, "https://a.example/one", "st", "https://a.example/one?state=st"},
	} {
		a := &Application{Kind: Web, PostLogoutRedirectURIs: test.registered, ExplicitPostLogoutRedirect: test.explicit}
		if got := a.PostLogoutTarget(test.uri, test.state); got != test.want {
			t.Errorf("%s: PostLogoutTarget(%q, %q) = %q, want %q", test.name, test.uri, test.state, got, test.want)
		}
	}
}
