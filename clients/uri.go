package clients

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/portico-id/portico/environments"
)

// maxURI is the most bytes of a URI that can be registered.
const maxURI = 2000

// parts are the components of a URI (RFC 3986 §3), as they were written and with their delimiters: joined they are the
// URI again.
type parts struct {
	scheme   string // with its colon; "" if there is none
	slashes  string // "//" before an authority
	userinfo string // with its @
	host     string
	port     string // with its colon
	path     string
	query    string // with its ?
	fragment string // with its #
}

func split(uri string) (p parts) {
	if i := strings.IndexAny(uri, ":/?#"); i > 0 && uri[i] == ':' {
		p.scheme, uri = uri[:i+1], uri[i+1:]
	}
	if i := strings.IndexByte(uri, '#'); i >= 0 {
		uri, p.fragment = uri[:i], uri[i:]
	}
	if i := strings.IndexByte(uri, '?'); i >= 0 {
		uri, p.query = uri[:i], uri[i:]
	}
	authority, ok := strings.CutPrefix(uri, "//")
	if !ok {
		p.path = uri
		return p
	}
	p.slashes = "//"
	if i := strings.IndexByte(authority, '/'); i >= 0 {
		authority, p.path = authority[:i], authority[i:]
	}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		p.userinfo, authority = authority[:i+1], authority[i+1:]
	}
	p.host = authority
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		p.host, p.port = authority[:i], authority[i:]
	}
	return p
}

// loopback reports whether the host is this machine for whoever resolves it, without asking a name server.
func (p *parts) loopback() bool { return p.host == "127.0.0.1" || p.host == "[::1]" }

// uriProblem says what is wrong with a URI of any scheme; "" if nothing. All these texts follow the quoted value.
func uriProblem(uri string) string {
	if uri == "" {
		return "is empty: remove it or enter a URI"
	}
	if len(uri) > maxURI {
		return fmt.Sprintf("has %d bytes: %d is the most", len(uri), maxURI)
	}
	for i, c := range uri {
		if c <= ' ' || c >= 0x7f || strings.ContainsRune("\"<>\\^`{|}", c) {
			return fmt.Sprintf("has %q at position %d, which no URI has (RFC 3986): percent-encode it, and write an international host in its xn-- form", c, i+1)
		}
		if c == '%' && !(len(uri) > i+2 && isHex(uri[i+1]) && isHex(uri[i+2])) {
			return fmt.Sprintf("has a %% at position %d without two hexadecimal digits after it", i+1)
		}
	}
	p := split(uri)
	if !schemeForm(p.scheme) {
		return "has no scheme: begin with https://"
	}
	if p.scheme != strings.ToLower(p.scheme) {
		return fmt.Sprintf("has upper case letters in its scheme, which no browser sends back so: write %s", strings.ToLower(p.scheme))
	}
	if strings.ContainsAny(p.userinfo+p.path+p.query+p.fragment, "[]") || !strings.HasPrefix(p.host, "[") && strings.ContainsAny(p.host, "[]") {
		return "has a square bracket outside of an IPv6 address: percent-encode it"
	}
	if p.port != "" && !isPort(p.port[1:]) {
		return fmt.Sprintf("has the port %s, which is no number from 1 to 65535", quote(p.port[1:]))
	}
	if _, err := url.Parse(uri); err != nil {
		return "can't be read as a URI (RFC 3986)"
	}
	return ""
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// schemeForm reports whether s is a scheme with its colon (RFC 3986 §3.1).
func schemeForm(s string) bool {
	name, ok := strings.CutSuffix(s, ":")
	if !ok || name == "" {
		return false
	}
	for i, c := range []byte(strings.ToLower(name)) {
		if letter := 'a' <= c && c <= 'z'; !letter && (i == 0 || !('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return false
		}
	}
	return true
}

// authorityProblem says what is wrong with the part between // and the path of an http or https URI.
func (p *parts) authorityProblem() string {
	if p.slashes == "" || p.host == "" {
		return fmt.Sprintf("has no host: write %s//host/path", p.scheme)
	}
	if p.userinfo != "" {
		return "has a user name before its host: remove everything up to the @"
	}
	return hostProblem(p.host)
}

func isPort(s string) bool {
	if len(s) > 5 || s == "" || s[0] == '0' {
		return false
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
		n = 10*n + int(c-'0')
	}
	return n <= 65535
}

func hostProblem(host string) string {
	if literal, ok := strings.CutPrefix(host, "["); ok {
		literal, ok = strings.CutSuffix(literal, "]")
		if addr, err := netip.ParseAddr(literal); !ok || err != nil || !addr.Is6() || addr.Zone() != "" {
			return fmt.Sprintf("has the host %s, which is no IPv6 address", quote(host))
		}
		return ""
	}
	if strings.ToLower(host) != host {
		return fmt.Sprintf("has upper case letters in its host, which no browser sends back so: write %s", strings.ToLower(host))
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !isLabel(label) {
			return fmt.Sprintf("has the host %s, which is no host name", quote(host))
		}
	}
	if len(host) > 253 {
		return fmt.Sprintf("has a host of %d characters: 253 is the most", len(host))
	}
	// Browsers take a host that ends in a number for an IPv4 address, in whatever base and length (URL Standard §3.5).
	if isNumber(labels[len(labels)-1]) {
		if addr, err := netip.ParseAddr(host); err != nil || !addr.Is4() {
			return fmt.Sprintf("has the host %s, which ends in a number and is no IPv4 address", quote(host))
		}
	}
	return ""
}

func isNumber(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// isLabel reports whether s is one label of a host name, in lower case.
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// webProblem says what is wrong with an address that our pages link to or our servers call: https, in development also http.
func webProblem(uri string, kind environments.Kind) string {
	if problem := uriProblem(uri); problem != "" {
		return problem
	}
	p := split(uri)
	if p.scheme != "https:" && (p.scheme != "http:" || kind != environments.Development) {
		if p.scheme == "http:" {
			return "uses http, which only an environment for development takes: use https"
		}
		return "must begin with https://"
	}
	return p.authorityProblem()
}

// endpointProblem says what is wrong with an address that we add parameters to.
func endpointProblem(uri string, kind environments.Kind) string {
	if problem := webProblem(uri, kind); problem != "" {
		return problem
	}
	return fragmentProblem(uri)
}

func fragmentProblem(uri string) string {
	if strings.Contains(uri, "#") {
		return "has a fragment, which no server receives: remove the # and what follows"
	}
	return ""
}

// originProblem says what is wrong with an origin as browsers send it (RFC 6454 §6.2).
func originProblem(origin string, kind environments.Kind) string {
	if origin == "*" {
		return "would let every site in: name each origin"
	}
	if problem := uriProblem(origin); problem != "" {
		return problem
	}
	p := split(origin)
	switch {
	case p.scheme == "https:", p.scheme == "http:" && (p.loopback() || kind == environments.Development):
	case p.scheme == "http:":
		return "uses http, which production takes only for http://127.0.0.1 and http://[::1]: use https"
	default:
		return "must begin with https://"
	}
	if problem := p.authorityProblem(); problem != "" {
		return problem
	}
	if bare := p.scheme + p.slashes + p.host + p.port; origin != bare {
		return fmt.Sprintf("has more than scheme, host and port: write %s", bare)
	}
	if p.scheme == "https:" && p.port == ":443" || p.scheme == "http:" && p.port == ":80" {
		return fmt.Sprintf("names the port that is left out of an origin: write %s//%s", p.scheme, p.host)
	}
	return ""
}

// identifierProblem says what is wrong with the identifier of a resource server (RFC 8707 §2).
func identifierProblem(uri string) string {
	if problem := uriProblem(uri); problem != "" {
		return problem
	}
	return fragmentProblem(uri)
}

// quote shows what somebody entered, cut where it gets long.
func quote(value string) string {
	const longest = 100
	for i := range value {
		if i >= longest {
			return strconv.Quote(value[:i]) + "…"
		}
	}
	return strconv.Quote(value)
}
