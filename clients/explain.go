package clients

import (
	"fmt"
	"strings"
)

// Explanation tells whether a URI matches one that is registered, and if not, why.
type Explanation struct {
	Matches     bool
	Registered  string       // the one that matches, else the one that comes closest; "" if none is registered
	Rule        MatchRule    // how it matches; "" if it doesn't
	Differences []Difference // from the closest one, in the order of the URI; nil if it matches
}

// Part is a component of a URI (RFC 3986 §3).
type Part string

// The parts in which URIs differ.
const (
	PartScheme   Part = "scheme"
	PartUserinfo Part = "userinfo"
	PartHost     Part = "host"
	PartPort     Part = "port"
	PartPath     Part = "path"
	PartQuery    Part = "query"
	PartFragment Part = "fragment"
)

// Difference is one part in which a URI differs from a registered one.
type Difference struct {
	Part       Part
	Got        string // with the delimiters of the part; "" if the URI has none
	Registered string
	Reason     string // why that matters, as a sentence
}

// ExplainRedirect tells whether AllowsRedirect is true for the URI, and why.
func (a *Application) ExplainRedirect(uri string) Explanation { return a.explain(a.RedirectURIs, uri) }

// ExplainPostLogoutRedirect tells whether AllowsPostLogoutRedirect is true for the URI, and why.
func (a *Application) ExplainPostLogoutRedirect(uri string) Explanation {
	return a.explain(a.PostLogoutRedirectURIs, uri)
}

func (a *Application) explain(registered []string, uri string) Explanation {
	if r, rule := a.match(registered, uri); rule != "" {
		return Explanation{Matches: true, Registered: r, Rule: rule}
	}
	var e Explanation
	least := -1
	got := split(uri)
	for _, r := range registered {
		differences := a.differences(split(r), got)
		weight := 0
		for _, d := range differences {
			weight += distance[d.Part]
		}
		if least < 0 || weight < least {
			e.Registered, e.Differences, least = r, differences, weight
		}
	}
	return e
}

// distance is how far a difference in a part takes a URI away: another host is another place, another port a slip.
var distance = map[Part]int{PartHost: 16, PartPath: 8, PartScheme: 4, PartUserinfo: 2, PartPort: 2, PartQuery: 2, PartFragment: 1}

func (a *Application) differences(want, got parts) (all []Difference) {
	differ := func(part Part, want, got, reason string) {
		all = append(all, Difference{Part: part, Got: got, Registered: want, Reason: reason})
	}
	if got.scheme != want.scheme {
		differ(PartScheme, want.scheme, got.scheme, schemeReason(want.scheme, got.scheme))
	}
	if got.userinfo != want.userinfo {
		differ(PartUserinfo, want.userinfo, got.userinfo, "A redirect URI has no user name before its host.")
	}
	if w, g := want.slashes+want.host, got.slashes+got.host; g != w && !(a.WildcardRedirects && matchesStar(w, g)) || strings.Contains(g, "*") {
		differ(PartHost, w, g, a.hostReason(want.host, got.host))
	}
	if got.port != want.port && !(a.anyPort() && want.anyPort() && got.anyPort()) {
		differ(PartPort, want.port, got.port, a.portReason(&want, &got))
	}
	if got.path != want.path {
		differ(PartPath, want.path, got.path, pathReason(want.path, got.path))
	}
	if got.query != want.query {
		differ(PartQuery, want.query, got.query, textReason("The query must be the same, down to the order of its parameters.", want.query, got.query))
	}
	if got.fragment != want.fragment {
		differ(PartFragment, want.fragment, got.fragment, "A redirect URI has no fragment, as no server receives it.")
	}
	return all
}

// anyPort reports whether the port may differ, for applications that run on the person's machine.
func (p *parts) anyPort() bool {
	return p.scheme == "http:" && (p.loopback() || p.host == "localhost") && (p.port == "" || isPort(p.port[1:]))
}

func schemeReason(want, got string) string {
	switch {
	case got == "":
		return "This is no complete URI, as it has no scheme."
	case strings.EqualFold(want, got):
		return "The scheme must be in lower case."
	}
	return fmt.Sprintf("%s and %s are different places, even on the same host.", strings.TrimSuffix(got, ":"), strings.TrimSuffix(want, ":"))
}

func (a *Application) hostReason(want, got string) string {
	local := func(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "[::1]" }
	switch {
	case got == want && !strings.Contains(got, "*"):
		return "Exactly one of them has // before its host."
	case strings.Contains(got, "*"):
		return "A star is for the registered URI. The one that is sent has a real host."
	case strings.Contains(want, "*") && !a.WildcardRedirects:
		return "The star stands for nothing, as wildcard redirects are switched off."
	case strings.Contains(want, "*"):
		return "The star stands for exactly one label, in lower case, that isn't empty."
	case local(want) && local(got):
		return "localhost, 127.0.0.1 and [::1] are three hosts. Register each that the app uses."
	}
	return textReason("The host must be the same.", want, got)
}

func (a *Application) portReason(want, got *parts) string {
	switch {
	case want.scheme == got.scheme && (want.scheme == "https:" && want.port+got.port == ":443" || want.scheme == "http:" && want.port+got.port == ":80"):
		return "It is the port of the scheme, but one of them leaves it out: strings are compared."
	case got.port != "" && !isPort(got.port[1:]):
		return "The port is no number from 1 to 65535."
	case want.anyPort() && !a.anyPort():
		return "Only applications of the kinds native and device may use any port on this machine."
	}
	return "The port must be the same. Only on http://127.0.0.1 and http://[::1], for a native application, any port matches."
}

func pathReason(want, got string) string {
	if strings.TrimSuffix(want, "/") == strings.TrimSuffix(got, "/") {
		return "Exactly one of them ends with a slash."
	}
	return textReason("The path must be the same.", want, got)
}

func textReason(general, want, got string) string {
	switch {
	case strings.EqualFold(want, got):
		return "They differ in upper and lower case."
	case strings.TrimSpace(got) == want:
		return "There is a space too much."
	}
	return general
}
