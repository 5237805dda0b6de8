package clients

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// keyServer is the server of an application, which answers as a test says.
type keyServer struct {
	*httptest.Server
	answer atomic.Pointer[http.HandlerFunc]
	asked  atomic.Int32
}

func newKeyServer(t *testing.T) *keyServer {
	s := &keyServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		(*s.answer.Load())(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *keyServer) will(answer http.HandlerFunc) { s.answer.Store(&answer) }

func (s *keyServer) serve(set []byte, cacheControl string) {
	s.will(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", cacheControl)
		w.Write(set)
	})
}

// keySets has a client with little patience.
func keySets(c *clock) *KeySets {
	return &KeySets{Now: c.Now, Client: &http.Client{
		Timeout:       200 * time.Millisecond,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)} }

func TestKeysAreCached(t *testing.T) {
	ctx, c, server := context.Background(), newClock(), newKeyServer(t)
	k, app := keySets(c), &Application{ID: "app_1", JWKSURI: server.URL}
	_, one := pair(t, jose.ES256)
	_, two := pair(t, jose.ES256)
	first, second := setOf(jwk(t, one, map[string]any{"kid": "one"})), setOf(jwk(t, two, map[string]any{"kid": "two"}))
	want := func(kid string, want any, fetches int32) {
		t.Helper()
		before := server.asked.Load()
		key, err := k.Key(ctx, app, jose.ES256, kid)
		if want == nil && !errors.Is(err, ErrNoKey) || want != nil && (err != nil || !reflect.DeepEqual(key, want)) {
			t.Fatalf("Key(%q) = %v, %v", kid, key, err)
		}
		if got := server.asked.Load() - before; got != fetches {
			t.Fatalf("Key(%q) fetches %d times, want %d", kid, got, fetches)
		}
	}

	server.serve(first, "max-age=3600")
	want("one", one, 1)
	want("one", one, 0)

	// An unknown kid is looked for once a minute, whoever asks.
	want("two", nil, 0)
	c.forward(fetchInterval)
	want("two", nil, 1)
	want("three", nil, 0)
	server.serve(second, "max-age=3600")
	c.forward(fetchInterval)
	want("two", two, 1)
	want("one", nil, 0)

	// What isn't fresh any more is fetched anew.
	server.serve(first, "")
	c.forward(time.Hour)
	want("one", one, 1)
	c.forward(keysFresh)
	want("one", one, 1)

	// Another address is another set, from the first question on.
	app = &Application{ID: "app_1", JWKSURI: server.URL + "/other"}
	server.serve(second, "")
	want("two", two, 1)

	// The clock of a demonstration is moved back.
	c.forward(-24 * time.Hour)
	server.serve(first, "")
	want("one", one, 1)
}

func TestKeysSurviveAFailure(t *testing.T) {
	ctx, c, server := context.Background(), newClock(), newKeyServer(t)
	var failures []string
	k, app := keySets(c), &Application{ID: "app_1", JWKSURI: server.URL}
	k.Failed = func(_ context.Context, app *Application, err *FetchError) {
		failures = append(failures, string(app.ID)+" "+err.Reason)
	}
	_, one := pair(t, jose.ES256)
	gone := "could not fetch " + server.URL + ": 404 Not Found"
	want := func(after time.Duration, problem string, asked int32) {
		t.Helper()
		c.forward(after)
		_, err := k.Key(ctx, app, jose.ES256, "")
		if got := fmt.Sprint(err); problem == "" && err != nil || problem != "" && got != problem {
			t.Fatalf("Key: %v, want %q", err, problem)
		}
		if got := server.asked.Load(); got != asked {
			t.Fatalf("the server was asked %d times, want %d", got, asked)
		}
	}
	server.serve(setOf(jwk(t, one, nil)), "max-age=60")
	want(0, "", 1)
	server.will(http.NotFound)
	want(time.Minute, "", 2)
	want(30*time.Second, "", 2) // asked once a minute
	want(keysStale-31*time.Second, "", 3)
	want(time.Second, gone, 3)
	if want := "app_1 404 Not Found"; len(failures) != 2 || failures[0] != want {
		t.Errorf("the failures told are %q, want %s", failures, want)
	}
	server.serve(setOf(jwk(t, one, nil)), "max-age=60")
	want(58*time.Second, gone, 3)
	want(time.Second, "", 4)
}

func TestKeysAreFetchedOnceForAll(t *testing.T) {
	server := newKeyServer(t)
	k, app := keySets(newClock()), &Application{ID: "app_1", JWKSURI: server.URL}
	_, one := pair(t, jose.ES256)
	hold := make(chan struct{})
	server.will(func(w http.ResponseWriter, _ *http.Request) {
		<-hold
		w.Write(setOf(jwk(t, one, nil)))
	})
	k.Client.Timeout = 0
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := k.Key(context.Background(), app, jose.ES256, ""); err != nil {
				t.Error(err)
			}
		})
	}
	// One who goes away takes nothing along.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := k.Key(ctx, app, jose.ES256, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who went away gets %v", err)
	}
	close(hold)
	group.Wait()
	if got := server.asked.Load(); got != 1 {
		t.Errorf("the server was asked %d times", got)
	}
}

// TestHostileKeyServers is what a server may do that we don't trust.
func TestHostileKeyServers(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"missing", http.NotFound, "404 Not Found"},
		{"broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "500 Internal Server Error"},
		{"a status of its own", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(599) }, "599"},
		{"a redirect to the metadata of a cloud", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		}, "302 Found, and redirects aren't followed"},
		{"HTML", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!doctype html><title>Sign in</title>") },
			"the answer is no JWK Set with a public key that verifies signatures (RFC 7517, section 5)"},
		{"private keys", func(w http.ResponseWriter, _ *http.Request) {
			w.Write(setOf(member(t, jose.ES256, map[string]any{"d": "AAAA"})))
		}, "the answer is no JWK Set with a public key that verifies signatures (RFC 7517, section 5)"},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := fmt.Fprint(w, strings.Repeat(" ", 1<<10)); err != nil {
					return
				}
			}
		}, "the answer is larger than 64 KB"},
		{"silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "it took longer than 5 seconds"},
		{"a byte now and then", func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "it took longer than 5 seconds"},
		{"hanging up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "no connection to it could be made"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := newKeyServer(t)
			server.will(test.answer)
			_, err := keySets(newClock()).Key(context.Background(), &Application{ID: "app_1", JWKSURI: server.URL}, jose.ES256, "a")
			var failed *FetchError
			if !errors.As(err, &failed) || failed.Reason != test.want || failed.URI != server.URL {
				t.Errorf("the error is %v, want the reason %q", err, test.want)
			}
		})
	}
}

func TestInlineKeys(t *testing.T) {
	k := keySets(newClock())
	_, one := pair(t, jose.ES256)
	_, two := pair(t, jose.ES256)
	for _, want := range []any{one, two} { // the second replaces the first
		app := &Application{ID: "app_1", JWKS: setOf(jwk(t, want, map[string]any{"kid": "a"}))}
		if got, err := k.Key(context.Background(), app, jose.ES256, "a"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Key = %v, %v", got, err)
		}
		if _, err := k.Key(context.Background(), app, jose.ES256, "b"); !errors.Is(err, ErrNoKey) {
			t.Errorf("a kid that nobody has: %v", err)
		}
	}
	if _, err := k.Key(context.Background(), &Application{ID: "app_2"}, jose.ES256, "a"); !errors.Is(err, ErrNoKey) {
		t.Errorf("an application without keys: %v", err)
	}
}

func TestDecoys(t *testing.T) {
	k := &KeySets{}
	for _, alg := range KeyAlgorithms() {
		private, _ := pair(t, alg)
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: private}, nil)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signer.Sign([]byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if decoy := k.Decoy(alg); decoy == nil || !fits(decoy, alg) {
			t.Errorf("the decoy for %s is %T", alg, decoy)
		} else if _, err := signed.Verify(decoy); !errors.Is(err, jose.ErrCryptoFailure) {
			t.Errorf("%s by a decoy: %v", alg, err)
		}
	}
}

func TestFreshness(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"":                                   keysFresh,
		"public":                             keysFresh,
		"max-age=600":                        10 * time.Minute,
		"public, Max-Age=7200, immutable":    2 * time.Hour,
		`max-age="600"`:                      10 * time.Minute,
		"max-age=0":                          leastFresh,
		"max-age=1":                          leastFresh,
		"max-age=31536000":                   mostFresh,
		"max-age=99999999999999999999999999": leastFresh,
		"max-age=-1":                         leastFresh,
		"max-age":                            leastFresh,
		"no-store, max-age=3600":             leastFresh,
		"no-cache":                           leastFresh,
	} {
		if got := freshness(header); got != want {
			t.Errorf("freshness(%q) = %s, want %s", header, got, want)
		}
	}
}
