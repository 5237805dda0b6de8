package clients_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/delivery"
)

// TestKeysFromWithin: a jwks_uri leads to no address within (SSRF), by whatever name, and the answer doesn't tell what is there.
func TestKeysFromWithin(t *testing.T) {
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a server inside was asked") }))
	defer inside.Close()
	_, port, err := net.SplitHostPort(inside.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	k := &clients.KeySets{Client: delivery.NewClient(false), Now: time.Now}
	for _, uri := range []string{
		inside.URL, "http://localhost:" + port, "http://[::ffff:127.0.0.1]:" + port, "http://0.0.0.0:" + port, "http://169.254.169.254/latest/meta-data/",
		"http://10.0.0.1/", "http://192.168.0.1/", "http://[fd00::1]/", "http://[fe80::1]/", "http://100.64.0.1/", "http://[64:ff9b::127.0.0.1]/", "http://[2002:7f00:1::]/",
		"http://[fec0::1]/", "http://[::127.0.0.1]/", "http://[64:ff9b:1::1]/", "http://[3fff::1%25lo]/",
	} {
		_, err := k.Key(t.Context(), &clients.Application{ID: clients.ID(uri), JWKSURI: uri}, jose.ES256, "a")
		var failed *clients.FetchError
		if !errors.As(err, &failed) || failed.Reason != "no connection to it could be made" || !strings.Contains(failed.Error(), "outgoing.private_networks") {
			t.Errorf("%s: %v", uri, err)
		}
	}
}
