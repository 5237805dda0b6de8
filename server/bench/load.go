package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// order is what the generator of load is told to do with a target: to know it, or to put load on it.
type order struct {
	Target  string
	Address string // where a new target is; "" for one that is known

	// Of a new server.
	Registrations *registrations
	Cookies       []string // of browsers that are signed in
	Applications  int      // in how many of Web and WebRS256 each is to have a session

	// Of load.
	Kind        string
	Connections int
	Duration    time.Duration
	Requests    int // in place of Duration
}

// measured is what the generator has seen.
type measured struct {
	Requests int
	Elapsed  time.Duration
	P50, P99 time.Duration
	Error    string // "" if every answer was the right one
}

// target is what load is put on.
type target struct {
	address string
	apps    registrations
	web     []person // who have a session in Web
	rs256   []person
	floor   []string // the newest token of each row
}

// person is a user in her browser, with her tokens in one application.
type person struct {
	cookie  string
	access  string
	refresh string
}

// generate is the process that puts load on others.
func generate() error {
	targets := map[string]*target{}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var o order
		if err := in.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var m measured
		var err error
		if o.Address != "" {
			targets[o.Target], err = newTarget(&o)
		} else {
			m, err = targets[o.Target].load(&o)
		}
		if err != nil {
			m.Error = err.Error()
		}
		if err := out.Encode(m); err != nil {
			return err
		}
	}
}

func newTarget(o *order) (*target, error) {
	t := &target{address: o.Address}
	if o.Registrations == nil {
		for i := range floorRows {
			t.floor = append(t.floor, floorToken(i))
		}
		return t, nil
	}
	t.apps = *o.Registrations
	for i, app := range []struct {
		people *[]person
		registration
	}{{&t.web, t.apps.Web}, {&t.rs256, t.apps.WebRS256}} {
		if i >= o.Applications {
			break
		}
		*app.people = make([]person, len(o.Cookies))
		err := each(t.address, min(32, len(o.Cookies)), len(o.Cookies), func(c *conn, i int) (err error) {
			p := &(*app.people)[i]
			p.cookie = o.Cookies[i]
			p.access, p.refresh, err = t.signIn(c, app.registration, p.cookie)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

// each does n things on some connections.
func each(address string, connections, n int, do func(c *conn, i int) error) error {
	var group errgroup.Group
	for first := range connections {
		group.Go(func() error {
			c, err := dial(address)
			if err != nil {
				return err
			}
			defer c.Close()
			for i := first; i < n; i += connections {
				if err := do(c, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// load puts load on the target: every connection sends its next request as soon as it has the answer to the last.
func (t *target) load(o *order) (measured, error) {
	make := operations[o.Kind]
	if make == nil {
		return measured{}, fmt.Errorf("unknown kind %q", o.Kind)
	}
	connections := []*conn{}
	defer func() {
		for _, c := range connections {
			c.Close()
		}
	}()
	for range o.Connections {
		c, err := dial(t.address)
		if err != nil {
			return measured{}, err
		}
		connections = append(connections, c)
	}
	latencies := slices.Repeat([][]time.Duration{nil}, o.Connections)
	var group errgroup.Group
	begin := time.Now()
	for i, c := range connections {
		operation := make(t, i, o.Connections)
		group.Go(func() error {
			for last := begin; o.Requests == 0 && last.Sub(begin) < o.Duration || len(latencies[i]) < o.Requests; {
				if err := operation(c); err != nil {
					return err
				}
				now := time.Now()
				latencies[i] = append(latencies[i], now.Sub(last))
				last = now
			}
			return nil
		})
	}
	err := group.Wait()
	m := measured{Elapsed: time.Since(begin)}
	all := slices.Concat(latencies...)
	if m.Requests = len(all); m.Requests > 0 {
		slices.Sort(all)
		m.P50, m.P99 = all[len(all)/2], all[len(all)*99/100]
	}
	return m, err
}

// operation is what a connection does again and again.
type operation func(c *conn) error

// operations make what the nth of a number of connections does. What changes by being used, such as a refresh token, is used by
// one connection alone.
var operations = map[string]func(t *target, n, of int) operation{
	"bare": func(t *target, _, _ int) operation { return repeat(request("GET", t.address, "/bare", nil)) },
	"form": func(t *target, _, _ int) operation {
		return repeat(t.post("/form", registration{"bench_client_0123456789", "ps_0123456789abcdef0123456789abcdef0123456789a"}, clientCredentials))
	},
	"select by GET": func(t *target, n, of int) operation {
		return inTurn(t.floor, n, of, func(c *conn, token *string) error {
			return ok(c, request("GET", t.address, "/select", nil, "Authorization", "Bearer "+*token))
		})
	},
	"select": func(t *target, n, of int) operation {
		return inTurn(t.floor, n, of, func(c *conn, token *string) error {
			return ok(c, request("POST", t.address, "/select", url.Values{"token": {*token}}))
		})
	},
	"update": func(t *target, n, of int) operation {
		return inTurn(t.floor, n, of, func(c *conn, token *string) error {
			first := (*token)[:strings.LastIndexByte(*token, '-')] + "-0"
			return ok(c, request("POST", t.address, "/update", url.Values{"token": {first}}))
		})
	},
	"update and insert": func(t *target, n, of int) operation {
		return inTurn(t.floor, n, of, func(c *conn, token *string) error {
			return rotate(c, request("POST", t.address, "/rotate", url.Values{"refresh_token": {*token}}), token)
		})
	},

	"discovery": func(t *target, _, _ int) operation {
		return repeat(request("GET", t.address, "/.well-known/openid-configuration", nil))
	},
	"jwks": func(t *target, _, _ int) operation {
		return repeat(request("GET", t.address, "/.well-known/jwks.json", nil))
	},
	"client credentials": func(t *target, _, _ int) operation {
		return repeat(t.post("/oauth2/token", t.apps.Machine, clientCredentials))
	},
	"client credentials, JWT ES256": func(t *target, _, _ int) operation {
		return repeat(t.post("/oauth2/token", t.apps.MachineJWT, clientCredentials))
	},
	"introspection": func(t *target, n, of int) operation {
		return inTurn(t.web, n, of, func(c *conn, p *person) error {
			return ok(c, t.post("/oauth2/introspect", t.apps.Resource, url.Values{"token": {p.access}}))
		})
	},
	"userinfo": func(t *target, n, of int) operation {
		return inTurn(t.web, n, of, func(c *conn, p *person) error {
			return ok(c, request("GET", t.address, "/userinfo", nil, "Authorization", "Bearer "+p.access))
		})
	},
	"refresh, ES256 ID token": func(t *target, n, of int) operation {
		return inTurn(t.web, n, of, func(c *conn, p *person) error { return t.refresh(c, t.apps.Web, p) })
	},
	"refresh, RS256 ID token": func(t *target, n, of int) operation {
		return inTurn(t.rs256, n, of, func(c *conn, p *person) error { return t.refresh(c, t.apps.WebRS256, p) })
	},
	"sign-in": func(t *target, n, of int) operation {
		return inTurn(t.web, n, of, func(c *conn, p *person) error {
			_, _, err := t.signIn(c, t.apps.Web, p.cookie)
			return err
		})
	},
}

var clientCredentials = url.Values{"grant_type": {"client_credentials"}}

// repeat is the same request again and again.
func repeat(request []byte) operation {
	return func(c *conn) error { return ok(c, request) }
}

// inTurn goes round the nth share of things.
func inTurn[T any](things []T, n, of int, do func(*conn, *T) error) operation {
	i := n
	return func(c *conn) error {
		thing := &things[i]
		if i += of; i >= len(things) {
			i = n
		}
		return do(c, thing)
	}
}

func ok(c *conn, request []byte) error {
	_, err := c.do(request, 200)
	return err
}

// post is a request by which a client authenticates in the header.
func (t *target) post(path string, by registration, form url.Values) []byte {
	credentials := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(by.ClientID) + ":" + url.QueryEscape(by.Secret)))
	return request("POST", t.address, path, form, "Authorization", "Basic "+credentials)
}

func (t *target) refresh(c *conn, by registration, p *person) error {
	return rotate(c, t.post("/oauth2/token", by, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {p.refresh}}), &p.refresh)
}

func rotate(c *conn, request []byte, token *string) error {
	a, err := c.do(request, 200)
	if err == nil {
		*token, err = a.member("refresh_token")
	}
	return err
}

// The proof of the authorization requests (RFC 7636 appendix B).
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// signIn takes a browser that is signed in to the application and back, and redeems the code that it brings.
func (t *target) signIn(c *conn, app registration, cookie string) (access, refresh string, err error) {
	query := url.Values{
		"response_type": {"code"}, "client_id": {app.ClientID}, "redirect_uri": {redirectURI}, "scope": {"openid profile email offline_access"},
		"state": {"af0ifjsldkj"}, "nonce": {"n-0S6_WzA2Mj"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	a, err := c.do(request("GET", t.address, "/oauth2/authorize?"+query.Encode(), nil, "Cookie", cookie), 303)
	if err != nil {
		return "", "", err
	}
	back, err := url.Parse(a.location)
	if err != nil || !back.Query().Has("code") {
		return "", "", errors.Join(err, fmt.Errorf("the browser was sent to %s", a.location))
	}
	a, err = c.do(t.post("/oauth2/token", app, url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {redirectURI}, "code_verifier": {verifier},
	}), 200)
	if err != nil {
		return "", "", err
	}
	if access, err = a.member("access_token"); err == nil {
		refresh, err = a.member("refresh_token")
	}
	return access, refresh, err
}
