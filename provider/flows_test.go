package provider_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/sessions"
)

// TestFlows runs the scripts of testdata against the whole server, on both databases. Each has an environment of its own, with the
// users ada and bob and these applications:
//
//	wiki, tasks  web, first-party; wiki may ask for tokens for https://api.example
//	shop         web, third-party
//	phone        native, public
//	robot        machine
//	api          resource server https://api.example
//
// The commands:
//
//	authorize [client=wiki] [user=ada] [organization=ID] [scope=openid] [browser=main] [parameter=value ...]
//	    opens an authorization request and does what the pages ask; without an organization it stays where it is asked for one. The result has what the client got, asked (the pages) and page (the title
//	    of the page where it ended). CODE is the code. A parameter without a value is not sent.
//	token grant_type=... [client=wiki] [parameter=value ...]
//	    calls the token endpoint, with the latest code or refresh token. ACCESS_TOKEN, REFRESH_TOKEN and ID_TOKEN are what it gave.
//	introspect TOKEN [client=wiki], revoke TOKEN [client=wiki], userinfo TOKEN
//	call PATH [client=wiki] [parameter=value ...]
//	logout [browser=main] [parameter=value ...]
//	    opens the end session endpoint. The result has to, state and page.
//	jwt TOKEN
//	    takes a JWS apart, into header and claims.
//	status CODE
//	[!] json PATH [VALUE]
//	    looks at the result of the last command. Lists are joined by spaces.
//	save NAME PATH
//	    keeps a part of the result in a variable.
//	clock DURATION
//	    lets time pass, once it is written when sessions were last used.
//	change APPLICATION FIELD=VALUE ...
//	disable APPLICATION|USER
//	end SESSION REASON
//	event NAME COUNT
//	organization NAME
//	    makes one. Its ID is in the variable NAME, in upper case.
//	role NAME [PERMISSION ...]
//	    makes a role, or changes what it permits.
//	member ORGANIZATION USER [ROLE ...]
//	    makes the user an active member, or changes her roles.
//	deactivate ORGANIZATION USER, remove ORGANIZATION USER, dissolve ORGANIZATION
//	allow APPLICATION [organizations=ID] [roles=NAME] [users=USER]
//	    says who may use the application; everybody if nothing is given.
func TestFlows(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		stage := &stage{Installation: i}
		testscript.RunT(sequential{t}, testscript.Params{
			Dir: "testdata",
			Setup: func(e *testscript.Env) error {
				e.Values[castKey{}] = stage.newCast(e.T().(sequential).T)
				return nil
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"authorize": command((*cast).authorize), "token": command((*cast).token), "introspect": command((*cast).introspect),
				"revoke": command((*cast).revoke), "userinfo": command((*cast).userinfo), "call": command((*cast).call),
				"logout": command((*cast).logout), "jwt": command((*cast).jwt), "status": command((*cast).status), "json": checkJSON,
				"save": command((*cast).save), "clock": command((*cast).clock), "change": command((*cast).change),
				"disable": command((*cast).disable), "end": command((*cast).end), "event": command((*cast).event),
				"organization": command((*cast).organization), "role": command((*cast).role), "member": command((*cast).member),
				"deactivate": command((*cast).deactivate), "remove": command((*cast).remove), "dissolve": command((*cast).dissolve), "allow": command((*cast).allow),
			},
		})
	})
}

// sequential has scripts run one after the other: they share the clock.
type sequential struct{ *testing.T }

func (sequential) Parallel()     {}
func (sequential) Verbose() bool { return testing.Verbose() }
func (s sequential) Run(name string, f func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(sequential{t}) })
}

// stage is what the scripts share.
type stage struct {
	*servertest.Installation
	passed time.Duration
	made   int
}

// cast is who acts in one script.
type cast struct {
	*servertest.Installation
	t        *testing.T
	ts       *testscript.TestScript // of the command that runs
	stage    *stage
	clients  map[string]servertest.Client
	users    map[string]*identity.User
	browsers map[string]*servertest.Browser
	client   servertest.Client // the latest
	reply    *servertest.Reply // the latest result
}

type castKey struct{}

func (s *stage) newCast(t *testing.T) *cast {
	s.made++
	env, err := s.CreateEnvironment(t.Context(), environments.New{Slug: fmt.Sprintf("script-%d", s.made), Name: "Portico"})
	if err != nil {
		t.Fatal(err)
	}
	i := &servertest.Installation{Server: s.Server, Environment: env, Issuer: s.Issuer + env.PathPrefix()}
	c := &cast{
		Installation: i, t: t, stage: s, clients: map[string]servertest.Client{}, users: map[string]*identity.User{}, browsers: map[string]*servertest.Browser{},
	}
	const audience = "https://api.example"
	c.clients["api"] = i.AddClient(t, "api", clients.API, func(a *clients.Application) {
		a.Identifiers, a.Scopes = []string{audience}, []string{"read", "write"}
	})
	c.clients["wiki"] = i.AddClient(t, "wiki", clients.Web, func(a *clients.Application) {
		a.Audiences, a.Scopes = []string{audience}, append(a.Scopes, "read", "write")
		a.PostLogoutRedirectURIs = []string{"https://wiki.example/bye"}
	})
	c.clients["tasks"] = i.AddClient(t, "tasks", clients.Web, nil)
	c.clients["shop"] = i.AddClient(t, "shop", clients.Web, func(a *clients.Application) { a.Consent = clients.ConsentThirdParty })
	c.clients["phone"] = i.AddClient(t, "phone", clients.Native, func(a *clients.Application) {
		a.RedirectURIs = []string{"com.example.phone:/cb", "http://127.0.0.1/cb"}
	})
	c.clients["robot"] = i.AddClient(t, "robot", clients.Machine, func(a *clients.Application) {
		a.Audiences, a.Scopes = []string{audience}, []string{"read", "write"}
	})
	for _, name := range []string{"ada", "bob"} {
		c.users[name] = i.AddUser(t, name+"@example.com")
	}
	return c
}

// command is a command without a negation.
func command(do func(*cast, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command can't be negated")
		}
		c := ts.Value(castKey{}).(*cast)
		c.ts = ts
		do(c, args)
	}
}

// options takes those with the names out of key=value arguments, each with its default, and returns the rest.
func (c *cast) options(args []string, defaults map[string]string) (chosen map[string]string, rest url.Values) {
	chosen, rest = maps.Clone(defaults), url.Values{}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			c.ts.Fatalf("%q is not name=value", arg)
		}
		if _, known := chosen[key]; known {
			chosen[key] = value
		} else {
			rest.Add(key, value)
		}
	}
	return chosen, rest
}

func (c *cast) use(client string) servertest.Client {
	if client != "" {
		known, ok := c.clients[client]
		if !ok {
			c.ts.Fatalf("no application %s", client)
		}
		c.client = known
	}
	if c.client.Application == nil {
		c.client = c.clients["wiki"]
	}
	return c.client
}

func (c *cast) browser(name string) *servertest.Browser {
	if c.browsers[name] == nil {
		c.browsers[name] = c.NewBrowser(c.t)
	}
	return c.browsers[name]
}

// show makes the values the result of the command.
func (c *cast) show(values map[string]any) {
	text, err := json.Marshal(values)
	c.ts.Check(err)
	c.reply = &servertest.Reply{Body: string(text)}
	c.ts.Check(json.Unmarshal(text, &c.reply.JSON))
}

func (c *cast) authorize(args []string) {
	o, extra := c.options(args, map[string]string{"client": "wiki", "user": "ada", "organization": "", "scope": "openid", "browser": "main"})
	var organization []string
	if o["organization"] != "" {
		organization = append(organization, o["organization"])
	}
	v := walk(c.t, c.browser(o["browser"]), c.AuthorizeURL(c.use(o["client"]), o["scope"], extra), o["user"]+"@example.com", organization...)
	c.ts.Setenv("CODE", v.answer.Get("code"))
	result := map[string]any{"to": v.to, "page": v.page.Title}
	if v.asked != nil {
		result["asked"] = v.asked
	}
	for name := range v.answer {
		result[name] = v.answer.Get(name)
	}
	c.show(result)
}

func (c *cast) token(args []string) {
	o, form := c.options(args, map[string]string{"client": "", "grant_type": ""})
	client := c.use(o["client"])
	defaults := url.Values{"grant_type": {o["grant_type"]}}
	switch o["grant_type"] {
	case "authorization_code":
		defaults.Set("code", c.ts.Getenv("CODE"))
		defaults.Set("redirect_uri", client.RedirectURIs[0])
		defaults.Set("code_verifier", servertest.Verifier)
	case "refresh_token":
		defaults.Set("refresh_token", c.ts.Getenv("REFRESH_TOKEN"))
	}
	for name, values := range form {
		if defaults[name] = values; slices.Equal(values, []string{""}) {
			delete(defaults, name)
		}
	}
	c.reply = c.Call(c.t, client, "/oauth2/token", defaults)
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		if value := c.reply.String(name); value != "" {
			c.ts.Setenv(strings.ToUpper(name), value)
		}
	}
}

func (c *cast) post(path string, args []string) {
	o, form := c.options(args, map[string]string{"client": ""})
	c.reply = c.Call(c.t, c.use(o["client"]), path, form)
}

func (c *cast) introspect(args []string) { c.post("/oauth2/introspect", c.about("token", args)) }
func (c *cast) revoke(args []string)     { c.post("/oauth2/revoke", c.about("token", args)) }
func (c *cast) call(args []string)       { c.post(args[0], args[1:]) }
func (c *cast) userinfo(args []string)   { c.reply = c.UserInfo(c.t, args[0]) }

// about makes the first argument a parameter.
func (c *cast) about(parameter string, args []string) []string {
	if len(args) == 0 {
		c.ts.Fatalf("no %s given", parameter)
	}
	return append([]string{parameter + "=" + args[0]}, args[1:]...)
}

func (c *cast) logout(args []string) {
	o, query := c.options(args, map[string]string{"browser": "main"})
	p := c.browser(o["browser"]).Open(c.Issuer + "/oauth2/logout?" + query.Encode())
	result := map[string]any{"page": p.Title}
	if p.Left != nil {
		result["state"] = p.Left.Query().Get("state")
		p.Left.RawQuery = ""
		result["to"] = p.Left.String()
	}
	c.show(result)
}

func (c *cast) jwt(args []string) {
	c.show(map[string]any{"header": decodeSegment(c.t, args[0], 0), "claims": decodeSegment(c.t, args[0], 1)})
}

func (c *cast) status(args []string) {
	if got := strconv.Itoa(c.reply.Status); got != args[0] {
		c.ts.Fatalf("the status is %s: %s", got, c.reply.Body)
	}
}

// at finds the part of the result at a path such as .a.b.
func (c *cast) at(path string) (string, bool) {
	var at any = c.reply.JSON
	for name := range strings.SplitSeq(strings.TrimPrefix(path, "."), ".") {
		object, _ := at.(map[string]any)
		var ok bool
		if at, ok = object[name]; !ok {
			return "", false
		}
	}
	switch value := at.(type) {
	case []any:
		parts := make([]string, len(value))
		for i := range value {
			parts[i] = fmt.Sprint(value[i])
		}
		return strings.Join(parts, " "), true
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64), true
	case nil:
		return "", true
	}
	return fmt.Sprint(at), true
}

func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	c := ts.Value(castKey{}).(*cast)
	value, found := c.at(args[0])
	holds := found && (len(args) == 1 || value == args[1])
	if holds == neg {
		ts.Fatalf("%s is %q in %s", args[0], value, c.reply.Body)
	}
}

func (c *cast) save(args []string) {
	value, found := c.at(args[1])
	if !found {
		c.ts.Fatalf("no %s in %s", args[1], c.reply.Body)
	}
	c.ts.Setenv(args[0], value)
}

func (c *cast) clock(args []string) {
	d, err := time.ParseDuration(args[0])
	c.ts.Check(err)
	c.ts.Check(c.Sessions.Activity.Flush(c.t.Context()))
	c.stage.passed += d
	c.Clock.Set(c.stage.passed)
}

func (c *cast) change(args []string) {
	_, fields := c.options(args[1:], nil)
	c.Change(c.t, c.use(args[0]).ID, func(a *clients.Application) {
		for name := range fields {
			value := fields.Get(name)
			switch name {
			case "access_token_format":
				a.AccessTokenFormat = clients.AccessTokenFormat(value)
			case "id_token_signed_response_alg":
				a.IDTokenSignedResponseAlg = value
			case "pkce":
				a.PKCE = clients.PKCE(value)
			case "activity":
				a.SessionPolicy.Activity = clients.Activity(value)
			case "introspects_unaddressed":
				a.IntrospectsUnaddressed = value == "true"
			default:
				d, err := time.ParseDuration(value)
				c.ts.Check(err)
				clock, known := map[string]*time.Duration{
					"access_token_lifetime": &a.SessionPolicy.AccessTokenLifetime, "inactivity_timeout": &a.SessionPolicy.InactivityTimeout,
					"max_session_length": &a.SessionPolicy.MaxSessionLength, "refresh_reuse_window": &a.SessionPolicy.RefreshReuseWindow,
					"authorization_code_lifetime": &a.SessionPolicy.AuthorizationCodeLifetime, "id_token_lifetime": &a.SessionPolicy.IDTokenLifetime,
				}[name]
				if !known {
					c.ts.Fatalf("no field %s", name)
				}
				*clock = d
			}
		}
	})
}

func (c *cast) disable(args []string) {
	if user := c.users[args[0]]; user != nil {
		_, err := c.Users.SetStatus(c.t.Context(), c.Environment.ID, user.ID, identity.Disabled, "a test")
		c.ts.Check(err)
		return
	}
	c.ts.Check(c.Applications.SetEnabled(c.t.Context(), c.Environment, c.use(args[0]).ID, false))
}

func (c *cast) end(args []string) {
	n, err := c.Sessions.End(c.t.Context(), c.Environment.ID, sessions.Selection{Session: sessions.ID(args[0])}, sessions.EndedReason(args[1]))
	c.ts.Check(err)
	if n != 1 {
		c.ts.Fatalf("%d sessions ended", n)
	}
}

func (c *cast) event(args []string) {
	if got := len(eventsOf(c.t, c.Installation, args[0])); strconv.Itoa(got) != args[1] {
		c.ts.Fatalf("there are %d events %s", got, args[0])
	}
}

// event is an event as the database has it.
type event struct {
	reason, target string
	data           map[string]any
}

// eventsOf are the events with the name in the environment, the oldest first.
func eventsOf(t testing.TB, i *servertest.Installation, name string) (events []event) {
	t.Helper()
	driver, source := "pgx", i.Config.Database.URL.Reveal()
	if file := i.Config.Database.URL.File(); file != "" {
		driver, source = "sqlite", file
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT reason, target, coalesce(data, '{}') FROM events WHERE environment_id = $1 AND name = $2 ORDER BY id", i.Environment.ID, name)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var e event
		var data string
		if err := rows.Scan(&e.reason, &e.target, &data); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(data), &e.data); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return events
}
