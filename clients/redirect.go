package clients

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/portico-id/portico/environments"
)

// redirectProblem says why a URI can't be registered to redirect to; "" if it can. The rules are those of RFC 6749
// §3.1.2, RFC 8252 §7 and RFC 9700 §4.1.3, and one of ours: one star for one label, if the application switched it on.
func redirectProblem(uri string, kind environments.Kind, wildcards bool) string {
	if problem := uriProblem(uri); problem != "" {
		return problem
	}
	if problem := fragmentProblem(uri); problem != "" {
		return problem
	}
	p := split(uri)
	switch {
	case p.scheme == "https:", p.scheme == "http:" && (p.loopback() || kind == environments.Development):
		return p.webRedirectProblem(wildcards)
	case p.scheme == "http:" && p.host == "localhost":
		return "uses localhost, which an attacker may have resolve elsewhere: use http://127.0.0.1 or http://[::1] (RFC 8252, section 8.3)"
	case p.scheme == "http:":
		return "uses http, which production takes only for http://127.0.0.1 and http://[::1]: use https"
	}
	return p.privateUseProblem()
}

func (p *parts) webRedirectProblem(wildcards bool) string {
	host := p.host
	if strings.Contains(host, "*") {
		if !wildcards {
			return "has a star: switch wildcard redirects on, or enter each host"
		}
		if problem := starProblem(host); problem != "" {
			return problem
		}
		host = strings.Replace(host, "*", "x", 1)
	}
	q := *p
	q.host = host
	if problem := q.authorityProblem(); problem != "" {
		return problem
	}
	return p.restProblem()
}

// restProblem says what is wrong after the authority.
func (p *parts) restProblem() string {
	if strings.Contains(p.path+p.query, "*") {
		return "has a star outside of its host, where it stands for nothing else: percent-encode it as %2A"
	}
	for segment := range strings.SplitSeq(p.path, "/") {
		segment = strings.ReplaceAll(strings.ToLower(segment), "%2e", ".")
		if segment == "." || segment == ".." {
			return "has a . or .. in its path, which browsers resolve: write the path that they arrive at"
		}
	}
	return ""
}

// starProblem says what is wrong with the star in a host.
func starProblem(host string) string {
	label, domain, _ := strings.Cut(host, ".")
	switch {
	case strings.Count(host, "*") > 1:
		return "has more than one star: one in the leftmost label is the most"
	case !strings.Contains(label, "*"):
		return "has its star to the right of the first dot: only the leftmost label can have one"
	case hostProblem(domain) != "" || isNumber(domain[strings.LastIndexByte(domain, '.')+1:]):
		return "has a star without the name of a domain after it"
	}
	if suffix, _ := publicsuffix.PublicSuffix(domain); suffix == domain {
		return fmt.Sprintf("has its star on %s, under which anybody can have a name: put it below a domain of your own", domain)
	}
	return ""
}

func (p *parts) privateUseProblem() string {
	scheme := strings.TrimSuffix(p.scheme, ":")
	switch scheme {
	case "javascript", "data", "vbscript", "file", "blob", "about", "view-source":
		return fmt.Sprintf("uses %s, which runs or shows what it holds: use https", p.scheme)
	}
	if labels := strings.Split(scheme, "."); len(labels) < 2 || slices.Contains(labels, "") {
		return fmt.Sprintf("uses the scheme %s: use https, or for an app a scheme that is a domain of yours in reverse, such as com.example.app:/callback (RFC 8252, section 7.1)", scheme)
	}
	if p.userinfo != "" {
		return "has a user name before its host: remove everything up to the @"
	}
	if p.slashes == "" && !strings.HasPrefix(p.path, "/") {
		return fmt.Sprintf("has no slash after its scheme: write %s/%s", p.scheme, p.path)
	}
	if strings.Contains(p.host, "*") {
		return "has a star, which only https hosts can have"
	}
	return p.restProblem()
}

// MatchRule is how a URI matches a registered one.
type MatchRule string

// The ways to match.
const (
	MatchExact        MatchRule = "exact"         // the same string (RFC 9700 §2.1)
	MatchLoopbackPort MatchRule = "loopback_port" // another port on this machine (RFC 8252 §7.3)
	MatchWildcard     MatchRule = "wildcard"      // the star stands for a label, or a part of one
)

// AllowsRedirect reports whether the browser may be sent to the URI with an answer: it is registered, or differs from a
// registered one only in the port of a loopback address, for kinds that run on the person's machine, or in the label that
// a star stands for.
func (a *Application) AllowsRedirect(uri string) bool {
	_, rule := a.match(a.RedirectURIs, uri)
	return rule != ""
}

// AllowsPostLogoutRedirect is AllowsRedirect for the end of a sign-out.
func (a *Application) AllowsPostLogoutRedirect(uri string) bool {
	_, rule := a.match(a.PostLogoutRedirectURIs, uri)
	return rule != ""
}

// PostLogoutTarget is the address that a browser may be sent to after a sign-out, with state: the given one if it is
// registered (OIDC RP-Initiated Logout 1.0 §3), the default one if none was given; "" if there is none.
func (a *Application) PostLogoutTarget(uri, state string) string {
	switch {
	case uri == "" && len(a.PostLogoutRedirectURIs) > 0 && !a.ExplicitPostLogoutRedirect:
		uri = a.PostLogoutRedirectURIs[0]
	case !a.AllowsPostLogoutRedirect(uri):
		return ""
	}
	u, err := url.Parse(uri)
	if err != nil || state == "" {
		return uri
	}
	separator := "?"
	if u.RawQuery != "" {
		separator = "&"
	}
	return uri + separator + url.Values{"state": {state}}.Encode()
}

func (a *Application) match(registered []string, uri string) (string, MatchRule) {
	if i := slices.Index(registered, uri); i >= 0 && !strings.Contains(uri, "*") {
		return registered[i], MatchExact
	}
	if a.anyPort() {
		if host, rest, ok := cutLoopback(uri); ok {
			for _, r := range registered {
				if h, e, ok := cutLoopback(r); ok && h == host && e == rest {
					return r, MatchLoopbackPort
				}
			}
		}
	}
	if a.WildcardRedirects {
		for _, r := range registered {
			if matchesStar(r, uri) {
				return r, MatchWildcard
			}
		}
	}
	return "", ""
}

// anyPort reports whether the application runs where it can't choose its port beforehand.
func (a *Application) anyPort() bool { return a.Kind == Native || a.Kind == Device }

// cutLoopback splits an http URI on this machine around its port. localhost is among them, as RFC 9700 §4.1.3 has it;
// only an environment for development has it registered.
func cutLoopback(uri string) (host, rest string, ok bool) {
	for _, host := range [...]string{"http://127.0.0.1", "http://[::1]", "http://localhost"} {
		rest, ok := strings.CutPrefix(uri, host)
		if !ok {
			continue
		}
		if port, ok := strings.CutPrefix(rest, ":"); ok {
			end := strings.IndexAny(port, "/?")
			if end < 0 {
				end = len(port)
			}
			if !isPort(port[:end]) {
				return "", "", false
			}
			rest = port[end:]
		}
		return host, rest, rest == "" || rest[0] == '/' || rest[0] == '?'
	}
	return "", "", false
}

// matchesStar reports whether uri is the registered URI with something in place of its star that makes it one label.
func matchesStar(registered, uri string) bool {
	before, after, starred := strings.Cut(registered, "*")
	_, head, absolute := strings.Cut(before, "//")
	tail, _, dotted := strings.Cut(after, ".")
	if !starred || !absolute || !dotted || len(uri) <= len(before)+len(after) ||
		!strings.HasPrefix(uri, before) || !strings.HasSuffix(uri, after) {
		return false
	}
	return isLabel(uri[len(before)-len(head) : len(uri)-len(after)+len(tail)])
}
