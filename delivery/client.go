package delivery

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
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

var sharedAddresses = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

func public(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsGlobalUnicast() && !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !sharedAddresses.Contains(a)
}
