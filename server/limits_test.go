package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/portico-id/portico/server/servertest"
)

// TestLimits: bodies, headers and patience are bounded.
func TestLimits(t *testing.T) {
	i := servertest.Start(t, servertest.Options{Variables: map[string]string{
		"PORTICO_LIMITS_READ_HEADER_TIMEOUT": "1s", "PORTICO_LIMITS_READ_TIMEOUT": "2s", "PORTICO_LIMITS_BODY_BYTES": "4096", "PORTICO_LIMITS_HEADER_BYTES": "8192",
	}})
	issuer, err := url.Parse(i.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	dial := func(t *testing.T) net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", issuer.Host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	t.Run("a client that never ends its headers is cut off", func(t *testing.T) {
		conn := dial(t)
		fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: %s\r\nX-Slow: ", issuer.Host)
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("the server kept the connection: %v", err)
		}
	})
	t.Run("a client that never ends its body is cut off", func(t *testing.T) {
		conn := dial(t)
		fmt.Fprintf(conn, "POST /oauth2/token HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ngrant_", issuer.Host)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return // closed without a word
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("answered %s, want 400", response.Status)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("the server kept the connection: %v", err)
		}
	})
	t.Run("a large body", func(t *testing.T) {
		form := url.Values{"grant_type": {"client_credentials"}, "padding": {strings.Repeat("x", 5000)}}
		response, err := http.PostForm(i.Issuer+"/oauth2/token", form)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "4096") {
			t.Errorf("answered %s %s, want 400 and the limit", response.Status, body)
		}
	})
	t.Run("large headers", func(t *testing.T) {
		r, err := http.NewRequest(http.MethodGet, i.Issuer+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Padding", strings.Repeat("x", 20_000))
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("answered %s, want 431", response.Status)
		}
	})
	t.Run("an address that is not there", func(t *testing.T) {
		page := i.NewBrowser(t).Open(i.Issuer + "/nowhere")
		if page.Status != http.StatusNotFound || strings.Contains(page.Body, "/nowhere") {
			t.Errorf("answered %d %s", page.Status, page.Title)
		}
	})
}
