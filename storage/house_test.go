package storage_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.jetify.com/typeid/v2"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/storage"
)

// The Stores keep the contracts of the domain.
var (
	_ environments.Store     = storage.Environments{}
	_ clients.Store          = storage.Clients{}
	_ clients.AssertionStore = storage.Assertions{}
	_ identity.Store         = storage.Users{}
	_ organizations.Store    = storage.Organizations{}
	_ sessions.Store         = storage.Sessions{}
	_ grants.Store           = storage.Grants{}
)

// morning is the time at which a house is built.
var morning = time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

func newID(prefix string) string { return typeid.MustGenerate(prefix).String() }

// house is an environment with an application, a user, her browser and a session of hers: what other rows refer to.
type house struct {
	db      *storage.DB
	env     environments.ID
	app     *clients.Application
	user    *identity.User
	handle  [32]byte
	browser *sessions.BrowserSession
	session *sessions.Session
}

func build(t testing.TB, db *storage.DB) *house {
	t.Helper()
	ctx := context.Background()
	h := &house{db: db, env: environments.ID(newID("env")), handle: [32]byte{1}}
	err := storage.Environments{DB: db}.CreateEnvironment(ctx, environments.Environment{
		ID: h.env, Slug: strings.ReplaceAll(string(h.env), "_", "-"), Name: "House", Kind: environments.Production,
		BrowserSessions: environments.DefaultBrowserSessions, CreatedAt: morning, UpdatedAt: morning,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.app = h.newApplication(t, clients.SessionPolicy{InactivityTimeout: 3 * day, MaxSessionLength: 14 * day})
	h.user = h.newUser(t, "ada@example.com")
	h.browser = h.newBrowser(t, h.handle, h.user, morning)
	h.session = h.newSession(t, h.browser, h.app, morning)
	return h
}

func (h *house) newApplication(t testing.TB, policy clients.SessionPolicy) *clients.Application {
	t.Helper()
	app := &clients.Application{
		ID: clients.ID(newID("app")), Environment: h.env, Name: "Web", Kind: clients.Web, Enabled: true, SessionPolicy: policy,
		CreatedAt: morning, UpdatedAt: morning,
	}
	app.ClientID = "client-" + string(app.ID)
	must(t, storage.Clients{DB: h.db}.CreateApplication(t.Context(), app))
	return app
}

func (h *house) newUser(t testing.TB, email string) *identity.User {
	t.Helper()
	u := &identity.User{
		ID: identity.ID(newID("usr")), Environment: h.env, Email: email, Status: identity.Active, PasswordHash: "a PHC string",
		Profile: identity.Profile{Name: "Ada Lovelace"}, CreatedAt: morning, UpdatedAt: morning,
	}
	must(t, storage.Users{DB: h.db}.CreateUser(t.Context(), u))
	return u
}

func (h *house) newBrowser(t testing.TB, handle [32]byte, u *identity.User, at time.Time) *sessions.BrowserSession {
	t.Helper()
	b := &sessions.BrowserSession{
		ID: sessions.BrowserID(newID("brs")), Environment: h.env, User: u.ID, Authentication: authenticated(at), Remember: true,
		CreatedAt: at, LastActiveAt: at,
	}
	must(t, storage.Sessions{DB: h.db}.CreateBrowserSession(t.Context(), handle, b))
	return b
}

func (h *house) newSession(t testing.TB, b *sessions.BrowserSession, app *clients.Application, at time.Time) *sessions.Session {
	t.Helper()
	s := &sessions.Session{
		ID: sessions.ID(newID("ses")), Environment: h.env, User: b.User, Application: app.ID, BrowserSession: b.ID,
		Authentication: authenticated(at), Address: "192.0.2.1", UserAgent: "Firefox", CreatedAt: at, LastActiveAt: at,
	}
	must(t, storage.Sessions{DB: h.db}.CreateSession(t.Context(), s))
	return s
}

func authenticated(at time.Time) sessions.Authentication {
	return sessions.Authentication{AuthTime: at, AMR: []string{"pwd", "otp"}, ACR: "urn:example:mfa"}
}

// newRole makes a role with permissions.
func (h *house) newRole(t testing.TB, name string, permissions ...string) *organizations.Role {
	t.Helper()
	r := &organizations.Role{
		ID: organizations.RoleID(newID("rol")), Environment: h.env, Name: name, Description: "For tests", Permissions: permissions,
		CreatedAt: morning, UpdatedAt: morning,
	}
	must(t, storage.Organizations{DB: h.db}.CreateRole(t.Context(), r))
	return r
}

func (h *house) newOrganization(t testing.TB, name string) *organizations.Organization {
	t.Helper()
	o := &organizations.Organization{ID: organizations.ID(newID("org")), Environment: h.env, Name: name, CreatedAt: morning, UpdatedAt: morning}
	must(t, storage.Organizations{DB: h.db}.CreateOrganization(t.Context(), o))
	return o
}

// newMember makes the user an active member with the roles.
func (h *house) newMember(t testing.TB, o *organizations.Organization, u *identity.User, roles ...string) *organizations.Membership {
	t.Helper()
	m := &organizations.Membership{
		ID: organizations.MembershipID(newID("mem")), Environment: h.env, Organization: o.ID, User: u.ID, Roles: roles, State: organizations.Active,
		CreatedAt: morning, UpdatedAt: morning,
	}
	must(t, storage.Organizations{DB: h.db}.CreateMembership(t.Context(), m))
	return m
}

// newGrant authorizes the session's application, with a code that expires after a minute.
func (h *house) newGrant(t testing.TB, s *sessions.Session, at time.Time) (*grants.Grant, *grants.Code) {
	t.Helper()
	g := &grants.Grant{
		ID: grants.NewID(), Environment: h.env, Session: s.ID, User: s.User, Application: s.Application,
		Scopes: []string{"openid", "offline_access"}, CreatedAt: at,
	}
	c := &grants.Code{
		Hash: randomHash(), Environment: h.env, Grant: g.ID, RedirectURI: "https://app.example/cb", CodeChallenge: "challenge",
		CreatedAt: at, ExpiresAt: at.Add(time.Minute),
	}
	must(t, storage.Grants{DB: h.db}.CreateGrant(t.Context(), g, c))
	return g, c
}

func newChain(g *grants.Grant, at time.Time) *grants.Chain {
	id := randomHash()
	return &grants.Chain{
		ID: grants.ChainID(id[:16]), Environment: g.Environment, Grant: g.ID, Session: g.Session, Generation: 1, Hash: randomHash(),
		RotatedAt: at, RotatedBy: grants.Caller{Address: "192.0.2.1", UserAgent: "Firefox"}, CreatedAt: at,
	}
}

// next is the chain after a rotation at the time.
func next(c *grants.Chain, at time.Time) *grants.Chain {
	n := *c
	n.Generation++
	n.Hash, n.RotatedAt = randomHash(), at
	n.Recent = []grants.Replaced{{Generation: c.Generation, Hash: c.Hash, At: at, Successor: make([]byte, 48)}}
	return &n
}

var hashes struct {
	sync.Mutex
	last uint64
}

// randomHash returns one that no other call does.
func randomHash() (h [32]byte) {
	hashes.Lock()
	defer hashes.Unlock()
	hashes.last++
	copy(h[:], fmt.Sprintf("%016d%016d", hashes.last, hashes.last))
	return h
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s returned %v, want %v", what, err, want)
	}
}

func wantEqual[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// filled returns a value of which every field has a value of its own that isn't zero.
func filled[T any](t testing.TB) T {
	t.Helper()
	var v T
	n := 0
	fill(t, reflect.ValueOf(&v).Elem(), &n)
	return v
}

func fill(t testing.TB, v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(morning.Add(time.Duration(*n) * time.Microsecond)))
		return
	case time.Duration:
		v.SetInt(int64(time.Duration(*n) * time.Second))
		return
	case json.RawMessage:
		v.SetBytes(fmt.Appendf(nil, `{"n":%d}`, *n))
		return
	case *clients.ClaimsTemplate:
		template, err := clients.ParseClaimsTemplate("template", fmt.Appendf(nil, `{"n":%d}`, *n))
		if err != nil {
			t.Fatal(err)
		}
		v.Set(reflect.ValueOf(template))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text-%d", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(uint64(*n % 256))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, v.Index(i), n)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, key, n)
		fill(t, value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	default:
		t.Fatalf("there is a field of type %s, which fill can't fill", v.Type())
	}
}

// together calls do n times at once, each in a goroutine of its own, and counts what the calls returned.
func together(n int, do func(i int) error) map[error]int {
	returned := map[error]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			err := do(i)
			mu.Lock()
			defer mu.Unlock()
			returned[err]++
		})
	}
	close(start)
	wg.Wait()
	return returned
}

// count counts the rows of a table.
func count(t testing.TB, db *storage.DB, table string) (n int) {
	t.Helper()
	must(t, db.QueryRow(context.Background(), "SELECT count(*) FROM "+table).Scan(&n))
	return n
}
