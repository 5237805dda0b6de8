package delivery

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// NewClient is an HTTP client for addresses that applications name. It follows no redirect, and, unless private is true,
// connects to no address of a private network, whatever name leads there (the check is on the address that is dialled).
func NewClient(private bool) *http.Client {
	dialer := &net.Dialer{Timeout: attemptTimeout}
	if !private {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			peer, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			if !public(peer.Addr()) {
				return fmt.Errorf("%s is not a public address; outgoing.private_networks allows it", peer.Addr())
			}
			return nil
		}
	}
	return &http.Client{
		Timeout: attemptTimeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: attemptTimeout, ResponseHeaderTimeout: attemptTimeout,
			MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 32 << 10, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // leads to the IPv4 address in its last four bytes (RFC 6052)
	global = netip.MustParsePrefix("2000::/3")     // the only part of IPv6 that is given to public networks (RFC 3587 §3)
)

// notPublic are networks, besides those that netip knows, where nobody's public server is (RFC 6890).
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),     // this host, RFC 1122
	netip.MustParsePrefix("100.64.0.0/10"), // shared, RFC 6598
	netip.MustParsePrefix("192.0.0.0/24"),  // RFC 6890
	netip.MustParsePrefix("198.18.0.0/15"), // benchmarks, RFC 2544
	netip.MustParsePrefix("240.0.0.0/4"),   // reserved, RFC 1112
	netip.MustParsePrefix("2001::/32"),     // Teredo, RFC 4380
	netip.MustParsePrefix("2002::/16"),     // 6to4, RFC 3056
}

func public(a netip.Addr) bool {
	if a = a.Unmap(); nat64.Contains(a) {
		bytes := a.As16()
		a = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	if a.Is6() && !global.Contains(a) {
		return false
	}
	return a.IsGlobalUnicast() && !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() &&
		!slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(a) })
}
