package clients

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

// KeySets answers for the public keys of applications, from their jwks or from what their jwks_uri answered. Each node has
// its own. It is safe for concurrent use. Don't call it within a transaction: it may fetch.
type KeySets struct {
	// Client follows no redirects, has a time limit, and reaches only where requests may go that applications name.
	Client *http.Client
	Now    func() time.Time
	// Failed is told of each fetch that failed, also where older keys are still good; nil for nobody.
	Failed func(ctx context.Context, app *Application, err *FetchError)

	mu      sync.Mutex
	sources map[ID]*keySource
	flights singleflight.Group
	decoys  sync.Once
	decoy   []jose.JSONWebKey
}

const (
	// What Cache-Control says is held within these; keysFresh is for an answer that says nothing.
	leastFresh, keysFresh, mostFresh = time.Minute, 10 * time.Minute, 24 * time.Hour
	// keysStale is how long keys are good after they ceased to be fresh, while fetching them anew fails.
	keysStale = time.Hour
	// fetchInterval is the least time between two fetches for an application, whatever strangers send in its name.
	fetchInterval = time.Minute
	fetchTimeout  = 5 * time.Second
	// sourceUnused is how long what nobody asks for is kept.
	sourceUnused = 24 * time.Hour
)

// ErrNoKey is returned where no key of an application has the kid and fits the algorithm, or several do.
var ErrNoKey = errors.New("the application has no such key")

// FetchError says why no keys came from a jwks_uri. Reason is safe to show, and has nothing of what the server answered but
// its status.
type FetchError struct {
	URI    string
	Reason string
	Cause  error // nil where Reason says it all
}

func (e *FetchError) Error() string {
	text := "could not fetch " + e.URI + ": " + e.Reason
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

func (e *FetchError) Unwrap() error { return e.Cause }

// keySource is what is known of an application's keys. It is immutable but for used.
type keySource struct {
	uri        string          // where they were fetched
	document   json.RawMessage // what they were read from, without a uri
	keys       []jose.JSONWebKey
	freshUntil time.Time
	tried      time.Time // when the last fetch began
	failure    *FetchError
	used       time.Time
}

func (s *keySource) of(app *Application) bool {
	return s != nil && s.uri == app.JWKSURI && bytes.Equal(s.document, app.JWKS)
}

// good are the keys that count at now.
func (s *keySource) good(now time.Time) []jose.JSONWebKey {
	if s.uri != "" && !now.Before(s.freshUntil.Add(keysStale)) {
		return nil
	}
	return s.keys
}

// Key returns the public key of the application that verifies the algorithm and has the kid; without a kid its only key for
// the algorithm. A kid that isn't known is looked for once more at the jwks_uri, as are keys that aren't fresh any more.
// Errors: ErrNoKey; *FetchError; that of ctx.
func (k *KeySets) Key(ctx context.Context, app *Application, alg jose.SignatureAlgorithm, kid string) (any, error) {
	now := k.Now()
	s := k.source(app, now)
	key := find(s.good(now), alg, kid)
	if app.JWKSURI != "" && (key == nil || !now.Before(s.freshUntil)) {
		var err error
		if s, err = k.refresh(ctx, app, s, now); err != nil {
			return nil, err
		}
		key = find(s.good(now), alg, kid)
	}
	switch {
	case key != nil:
		return key, nil
	case s.failure != nil:
		return nil, s.failure
	}
	return nil, ErrNoKey
}

// Decoy returns a public key for the algorithm whose private half nobody has: to verify by it takes the time that a key of
// an application would.
func (k *KeySets) Decoy(alg jose.SignatureAlgorithm) any {
	k.decoys.Do(func() {
		modulus := make([]byte, minRSA/8)
		rand.Read(modulus)
		modulus[0], modulus[len(modulus)-1] = modulus[0]|0x80, modulus[len(modulus)-1]|1
		edwards, _, _ := ed25519.GenerateKey(rand.Reader)
		all := []any{&rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: 65537}, edwards}
		for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
			private, _ := ecdsa.GenerateKey(curve, rand.Reader)
			all = append(all, &private.PublicKey)
		}
		for _, key := range all {
			k.decoy = append(k.decoy, jose.JSONWebKey{Key: key})
		}
	})
	return find(k.decoy, alg, "")
}

// source returns what is known of the application's keys, without fetching any.
func (k *KeySets) source(app *Application, now time.Time) *keySource {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.sources[app.ID]
	if !s.of(app) {
		s = &keySource{uri: app.JWKSURI, document: app.JWKS}
		if app.JWKS != nil {
			s.keys, _ = parseKeySet(app.JWKS) // it was validated when it was registered
		}
		k.put(app, s, now)
	}
	s.used = now
	return s
}

// put replaces what is known of the application's keys, and forgets those that nobody asks for. It is called with mu held.
func (k *KeySets) put(app *Application, s *keySource, now time.Time) {
	if k.sources == nil {
		k.sources = map[ID]*keySource{}
	}
	if k.sources[app.ID] == nil {
		for id, other := range k.sources {
			if now.Sub(other.used) > sourceUnused {
				delete(k.sources, id)
			}
		}
	}
	s.used = now
	k.sources[app.ID] = s
}

// refresh fetches the keys of the application anew, unless that was tried within the fetchInterval. Callers at once share a
// fetch, which goes on if one of them leaves.
func (k *KeySets) refresh(ctx context.Context, app *Application, seen *keySource, now time.Time) (*keySource, error) {
	if since := now.Sub(seen.tried); 0 <= since && since < fetchInterval {
		return seen, nil
	}
	done := k.flights.DoChan(string(app.ID)+" "+app.JWKSURI, func() (any, error) {
		last := k.source(app, now)
		if last.tried != seen.tried {
			return last, nil // another flight has just landed
		}
		next := &keySource{uri: last.uri, keys: last.keys, freshUntil: last.freshUntil, tried: now}
		keys, fresh, err := k.fetch(context.WithoutCancel(ctx), app.JWKSURI)
		if next.failure = err; err == nil {
			next.keys, next.freshUntil = keys, now.Add(fresh)
		} else if k.Failed != nil {
			k.Failed(ctx, app, err)
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.put(app, next, now)
		return next, nil
	})
	select {
	case result := <-done:
		return result.Val.(*keySource), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fetch asks a server that we don't trust for a JWK Set, and says how long it is fresh.
func (k *KeySets) fetch(ctx context.Context, uri string) ([]jose.JSONWebKey, time.Duration, *FetchError) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, 0, &FetchError{uri, "it is no address", err}
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := k.Client.Do(r)
	if err != nil {
		return nil, 0, &FetchError{uri, whyNoAnswer(err), err}
	}
	defer response.Body.Close()
	if status := response.StatusCode; status != http.StatusOK {
		reason := strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
		if 300 <= status && status < 400 {
			reason += ", and redirects aren't followed"
		}
		return nil, 0, &FetchError{URI: uri, Reason: reason}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxJWKS+1))
	if err != nil {
		return nil, 0, &FetchError{uri, whyNoAnswer(err), err}
	}
	if len(body) > maxJWKS {
		return nil, 0, &FetchError{URI: uri, Reason: fmt.Sprintf("the answer is larger than %d KB", maxJWKS>>10)}
	}
	keys, wrong := parseKeySet(body) // what is wrong with a key leaves the others good (RFC 7517 §5)
	if len(keys) == 0 {
		return nil, 0, &FetchError{uri, "the answer is no JWK Set with a public key that verifies signatures (RFC 7517, section 5)", wrong.err()}
	}
	return keys, freshness(response.Header.Get("Cache-Control")), nil
}

// whyNoAnswer tells the kinds of trouble apart, and nothing of the network in which we look for the server.
func whyNoAnswer(err error) string {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Sprintf("it took longer than %d seconds", fetchTimeout/time.Second)
	case errors.As(err, &certificate):
		return "its certificate isn't trusted"
	}
	return "no connection to it could be made"
}

// freshness is how long an answer with the Cache-Control is good (RFC 9111 §5.2.2).
func freshness(header string) time.Duration {
	fresh := keysFresh
	for directive := range strings.SplitSeq(strings.ToLower(header), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name {
		case "no-store", "no-cache":
			return leastFresh
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 32)
			if err != nil {
				return leastFresh
			}
			fresh = time.Duration(seconds) * time.Second
		}
	}
	return min(max(fresh, leastFresh), mostFresh)
}
