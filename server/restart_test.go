package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/storage/storagetest"
)

// holder is a client that refreshes again and again, and tries again with the same token when it got no answer.
type holder struct {
	refresh, access string
	refreshes       int
	lost            string // what the provider said when it refused the token: nothing ever should
}

// load is what holders do while something breaks.
type load struct {
	stop     chan struct{}
	group    sync.WaitGroup
	failures atomic.Int64
	since    atomic.Int64 // refreshes since the last failure
}

func (l *load) run(i *servertest.Installation, c servertest.Client, holders []holder) {
	l.stop = make(chan struct{})
	for n := range holders {
		l.group.Go(func() {
			pace := time.NewTicker(10 * time.Millisecond) // light
			defer pace.Stop()
			for h := &holders[n]; h.lost == ""; {
				select {
				case <-l.stop:
					return
				case <-pace.C:
				}
				switch answered, err := h.use(i, c); {
				case err != nil:
					l.failures.Add(1)
					l.since.Store(0)
				case answered:
					l.since.Add(1)
				}
			}
		})
	}
}

func (l *load) end() {
	close(l.stop)
	l.group.Wait()
}

// use refreshes once. Its error is for want of an answer, or a failure of the server; a refusal is lost.
func (h *holder) use(i *servertest.Installation, c servertest.Client) (answered bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {h.refresh}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, i.Issuer+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return false, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(c.ClientID, c.Secret)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	if response.StatusCode >= 500 {
		return false, fmt.Errorf("the server answered %s", response.Status)
	}
	var reply struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Error   string `json:"error"`
		Why     string `json:"error_description"`
	}
	if err := json.NewDecoder(response.Body).Decode(&reply); err != nil {
		return false, err
	}
	if response.StatusCode != http.StatusOK {
		h.lost = fmt.Sprintf("after %d refreshes: %s %s: %s", h.refreshes, response.Status, reply.Error, reply.Why)
		return false, nil
	}
	h.access, h.refresh, h.refreshes = reply.Access, reply.Refresh, h.refreshes+1
	return true, nil
}

// TestRestarts is the other half of acceptance 86: while clients refresh through a proxy before two nodes, the database is
// stopped and killed, and a node is killed. That costs errors until it is back and seconds after, and no token.
func TestRestarts(t *testing.T) {
	cluster, err := storagetest.NewCluster(true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	proxy, dir, database := newRoundRobin(t), t.TempDir(), cluster.Database(t)
	i := servertest.Start(t, servertest.Options{DatabaseURL: database, DataDir: dir, Variables: map[string]string{"PORTICO_PUBLIC_URL": proxy.URL}})
	address := servertest.FreeAddress(t)
	other := &process{t: t, environ: []string{
		"PORTICO_DATA_DIR=" + dir, "PORTICO_LISTEN=" + address, "PORTICO_PUBLIC_URL=" + proxy.URL, "PORTICO_DATABASE_URL=" + database,
	}}
	other.start()
	defer func() { other.kill() }()
	proxy.send(t, 0, i.Config.Listen)
	proxy.send(t, 1, address)

	c := i.AddClient(t, "Wiki", clients.Web, func(a *clients.Application) { a.IDTokenSignedResponseAlg = "ES256" })
	i.AddUser(t, "ada@example.com")
	holders := make([]holder, 6)
	for n := range holders {
		r := i.Tokens(t, c, "ada@example.com", "openid offline_access")
		holders[n].refresh, holders[n].access = r.String("refresh_token"), r.String("access_token")
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, mishap := range []struct {
		what   string
		breaks func()
		mends  func()
	}{
		{"the database is stopped", func() { must(cluster.Stop()) }, func() { must(cluster.Start()) }},
		{"the database is killed", func() { must(cluster.Kill()) }, func() { must(cluster.Start()) }},
		{"a node is killed", func() { other.kill() }, func() { other.start() }},
	} {
		var l load
		l.run(i, c, holders)
		well := func() bool { return l.since.Load() >= int64(5*len(holders)) }
		soon(t, 10*time.Second, "load", well)
		mishap.breaks()
		soon(t, 10*time.Second, "errors while "+mishap.what, func() bool { return l.failures.Load() > 0 })
		mishap.mends()
		took := soon(t, 10*time.Second, "recovery after "+mishap.what, well)
		l.end()
		t.Logf("%s: %d errors, well again %s after it was back", mishap.what, l.failures.Load(), took)
		if limit := 5 * time.Second; took > limit {
			t.Errorf("%s: well again after %s, want %s at most", mishap.what, took, limit)
		}
	}
	for n := range holders {
		h := &holders[n]
		if h.lost != "" {
			t.Errorf("client %d lost its session %s", n, h.lost)
		}
		if r := i.Introspect(t, c, h.access); r.JSON["active"] != true {
			t.Errorf("client %d: its access token is %s", n, r.Body)
		}
	}
}
