package storage_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/delivery"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

// statements returns the text of every statement that a request or the purge may cause.
func statements(t testing.TB, db *storage.DB) []string {
	t.Helper()
	h := build(t, db)
	ctx, counter := storage.WithCounter(t.Context())
	noted := func(_ any, err error) { must(t, err) }

	g := storage.Grants{DB: db}
	grant, code := h.newGrant(t, h.session, morning)
	chain := newChain(grant, morning)
	must(t, g.CreateGrant(ctx, &grants.Grant{ID: grants.NewID(), Environment: h.env, Session: h.session.ID}, &grants.Code{Environment: h.env, Grant: grant.ID}))
	_, _, err := g.Code(ctx, h.env, code.Hash)
	must(t, err)
	must(t, g.Redeem(ctx, h.env, code.Hash, morning, chain))
	wantErr(t, "Redeem", g.Redeem(ctx, h.env, code.Hash, morning, chain), grants.ErrUsed)
	_, _, err = g.State(ctx, h.env, grant.ID, grants.Serial{})
	must(t, err)
	_, _, err = g.Standing(ctx, h.env, grant.ID, grants.Serial{})
	must(t, err)
	_, _, err = g.Chain(ctx, h.env, chain.ID)
	must(t, err)
	must(t, g.Rotate(ctx, next(chain, morning), 1))
	noted(g.RevokeGrant(ctx, h.env, grant.ID, "", morning))
	must(t, g.RevokeSerial(ctx, h.env, grants.Serial{}, morning))
	noted(g.SerialRevoked(ctx, h.env, grants.Serial{}))
	noted(storage.Assertions{DB: db}.UseAssertion(ctx, h.env, randomHash(), morning))
	consent := &grants.Consent{Environment: h.env, User: h.user.ID, Application: h.app.ID}
	must(t, g.SaveConsent(ctx, consent))
	must(t, g.SaveConsent(ctx, consent))
	noted(g.Consent(ctx, h.env, h.user.ID, h.app.ID))
	noted(g.Consents(ctx, h.env, h.user.ID))
	must(t, g.WithdrawConsent(ctx, h.env, h.user.ID, h.app.ID, morning))

	s := storage.Sessions{DB: db}
	noted(s.Accounts(ctx, h.env, h.handle, h.app.ID))
	must(t, s.CreateBrowserSession(ctx, h.handle, &sessions.BrowserSession{ID: "brs_2", Environment: h.env, User: h.user.ID}))
	must(t, s.ReauthenticateBrowser(ctx, h.env, h.browser.ID, authenticated(morning), true, morning))
	must(t, s.RotateHandle(ctx, h.env, h.handle, [32]byte{2}))
	must(t, s.ForgetAccount(ctx, h.env, [32]byte{2}, "brs_2"))
	noted(s.Session(ctx, h.env, h.session.ID))
	noted(s.LastUse(ctx, h.env, h.user.ID))
	noted(s.Presence(ctx, h.env, []identity.ID{h.user.ID, "usr_1"}, []*clients.Application{h.app, h.app}, morning))
	noted(s.LastStarted(ctx, h.env, h.app.ID))
	noted(s.CountEnding(ctx, h.app, &h.app.SessionPolicy, morning))
	for _, q := range []sessions.Query{{State: sessions.Living}, {User: h.user.ID, State: sessions.Over}, {EndedBy: &h.app.SessionPolicy, Older: "ses_1"}, {Newer: "ses_1"}} {
		q.Application, q.Now, q.Limit = h.app, morning, 20
		_, _, err := s.Sessions(ctx, h.env, q)
		must(t, err)
	}
	for _, which := range []sessions.Selection{{User: h.user.ID}, {Organization: "org_1"}, {Organization: "org_1", User: h.user.ID}, {Application: h.app.ID}} {
		q := sessions.SelectionQuery{Selection: which, Applications: []*clients.Application{h.app, h.app}, State: sessions.Living, Now: morning, Limit: 20}
		noted(s.CountSelected(ctx, h.env, q))
		_, _, err := s.SelectedSessions(ctx, h.env, q)
		must(t, err)
	}
	must(t, s.Reauthenticate(ctx, h.env, h.session.ID, authenticated(morning), morning))
	for _, which := range []sessions.Selection{
		{Session: "ses_1"}, {User: "usr_1"}, {Application: "app_1"}, {BrowserSession: "brs_1"}, {User: "usr_1", Application: "app_1", Except: "ses_1"},
		{Application: "app_1", BrowserSession: "brs_1"}, {Organization: "org_1"}, {Organization: "org_1", User: "usr_1"}, {User: "usr_1", ExceptBrowser: "brs_1"}, {Session: "ses_1", User: "usr_1"},
	} {
		noted(s.End(ctx, h.env, which, "", "", morning))
		must(t, s.EndBrowserSessions(ctx, h.env, which, "", morning))
	}
	must(t, s.MarkActive(ctx, sessions.Marks{
		Sessions: map[sessions.SessionKey]time.Time{{}: morning}, Browsers: map[sessions.BrowserKey]time.Time{{}: morning},
	}))
	o := storage.Organizations{DB: db}
	role, organization := h.newRole(t, "admin", "read"), h.newOrganization(t, "Acme")
	member := h.newMember(t, organization, h.user, "admin")
	noted(o.Organization(ctx, h.env, organization.ID))
	_, err = o.OrganizationBySlug(ctx, h.env, "acme")
	wantErr(t, "OrganizationBySlug", err, organizations.ErrNotFound)
	noted(o.Organizations(ctx, h.env, "", 20))
	_, _, err = o.SearchMembers(ctx, h.env, organizations.MemberQuery{Organization: organization.ID, Limit: 20})
	must(t, err)
	must(t, o.UpdateOrganization(ctx, h.env, organization.ID, func(context.Context, *organizations.Organization) error { return nil }))
	noted(o.Membership(ctx, h.env, organization.ID, member.ID))
	noted(o.MembershipOf(ctx, h.env, organization.ID, h.user.ID))
	noted(o.Memberships(ctx, h.env, organization.ID, "", 20))
	noted(o.MembershipsOfUser(ctx, h.env, h.user.ID))
	noted(o.MembershipsOfUsers(ctx, h.env, []identity.ID{h.user.ID, "usr_1"}))
	must(t, o.UpdateMembership(ctx, h.env, organization.ID, member.ID, func(_ context.Context, m *organizations.Membership) error {
		m.Roles = nil
		return nil
	}))
	noted(s.SetOrganization(ctx, h.env, h.session.ID, organization.ID))
	noted(s.LatestSession(ctx, h.env, h.browser.ID, h.app.ID, organization.ID))
	noted(o.DeleteMembership(ctx, h.env, organization.ID, member.ID))
	must(t, o.CreateMembership(ctx, member))
	must(t, o.DeleteOrganization(ctx, h.env, organization.ID))
	noted(o.Role(ctx, h.env, role.ID))
	noted(o.Roles(ctx, h.env, "", 20))
	must(t, o.UpdateRole(ctx, h.env, role.ID, func(context.Context, *organizations.Role) error { return nil }))
	noted(o.DeleteRole(ctx, h.env, role.ID))

	i := h.newInteraction(t, h.handle)
	noted(s.Interaction(ctx, h.env, i.ID, morning))
	must(t, s.UpdateInteraction(ctx, h.env, i.ID, func(context.Context, *sessions.Interaction) error { return nil }))
	must(t, s.FinishInteraction(ctx, h.env, i.ID, morning))

	u := storage.Users{DB: db}
	noted(u.User(ctx, h.env, h.user.ID))
	noted(u.UserByEmail(ctx, h.env, h.user.Email))
	for _, q := range []identity.Query{{Limit: 20}, {Text: "ada love", Older: h.user.ID, Limit: 20}, {Text: "usr_1", Limit: 20}, {Status: identity.Active, Newer: h.user.ID, Limit: 20}} {
		_, _, err := u.Users(ctx, h.env, q)
		must(t, err)
	}
	must(t, u.UpdateUser(ctx, h.env, h.user.ID, func(context.Context, *identity.User) error { return nil }))
	c := h.newChallenge(t, "a", 5)
	must(t, u.SaveChallenge(ctx, c))
	noted(u.Challenge(ctx, h.env, c.ID))
	noted(u.TryChallenge(ctx, h.env, c.ID, morning))
	must(t, u.UseChallenge(ctx, h.env, c.ID, morning))

	a := storage.Clients{DB: db}
	app := everySetting(t, h)
	must(t, a.CreateApplication(ctx, app))
	noted(a.Application(ctx, h.env, app.ID))
	noted(a.ApplicationByClientID(ctx, h.env, app.ClientID))
	noted(a.Applications(ctx, h.env, "", 10))
	must(t, a.UpdateApplication(ctx, h.env, app.ID, func(_ context.Context, a *clients.Application) error {
		a.Secrets[0].Name = "renamed"
		a.Secrets = a.Secrets[:1]
		return nil
	}))
	must(t, a.MarkSecretsUsed(ctx, map[string]clients.SecretUse{app.Secrets[0].ID: {At: morning}}))
	must(t, a.DeleteApplication(ctx, h.env, app.ID, morning))
	w := storage.Sweep{DB: db}
	noted(w.Due(ctx, morning))
	old := clients.RetiredPolicy{Until: morning}
	swept := *h.app
	swept.SessionPolicy.Cut.Before, swept.SessionPolicy.Retired = "ses_0", []clients.RetiredPolicy{old}
	noted(w.Over(ctx, &swept, morning, 10))
	noted(w.AnyUnder(ctx, &swept, &old))
	noted(s.LatestID(ctx, h.env, h.app.ID))
	must(t, s.Note(ctx, []sessions.Session{{ID: "ses_1", Environment: h.env, EndedAt: morning}}))
	_, _, err = w.Remove(ctx, app, 10)
	must(t, err)

	noted(storage.Keys{DB: db}.SigningKeys(ctx, h.env))
	noted(storage.Keys{DB: db}.SealingKeys(ctx, h.env))
	e := storage.Events{DB: db}
	must(t, e.AppendEvent(ctx, audit.Event{ID: newID("evt"), Environment: string(h.env)}))
	_, err = e.Event(ctx, string(h.env), "evt_1")
	wantErr(t, "Event", err, audit.ErrNotFound)
	at := audit.Position{Time: morning, ID: "evt_1"}
	for _, q := range []audit.Query{
		{Limit: 20}, {Older: at}, {Newer: at}, {Since: morning, Until: morning}, {Name: "user.created"}, {Actor: "usr_1"}, {Application: "app_1", Older: at}, {Target: "usr_1"},
	} {
		_, _, err := e.Events(ctx, string(h.env), q)
		must(t, err)
	}

	k := storage.APIKeys{DB: db}
	key := h.newAPIKey(t)
	_, _, err = k.APIKeyByHash(ctx, key.Hash)
	must(t, err)
	noted(k.APIKeys(ctx, h.env, h.app.ID))
	must(t, k.UpdateAPIKey(ctx, h.env, h.app.ID, key.ID, func(context.Context, *clients.APIKey) error { return nil }))
	must(t, k.MarkAPIKeysUsed(ctx, map[string]clients.SecretUse{key.ID: {At: morning}}))
	answer := admin.AnswerID{Environment: h.env, APIKey: key.ID}
	for range 2 {
		_, _, err := storage.Answers{DB: db}.ClaimAnswer(ctx, answer, [32]byte{}, morning, morning.Add(time.Hour))
		must(t, err)
	}
	must(t, storage.Answers{DB: db}.SaveAnswer(ctx, answer, []byte{1}))
	must(t, storage.Answers{DB: db}.ForgetAnswer(ctx, answer))
	must(t, k.DeleteAPIKeys(ctx, h.env, []string{key.ID}))
	must(t, storage.Setup{DB: db}.AddSetupToken(ctx, [32]byte{}, "", morning, morning.Add(time.Hour)))
	must(t, storage.Setup{DB: db}.UseSetupToken(ctx, [32]byte{}, morning))
	must(t, storage.Setup{DB: db}.EndSetupTokens(ctx, h.user.ID, morning))
	must(t, storage.Operators{DB: db}.AddOperator(ctx, h.env, h.user.ID, admin.Viewer, morning))
	noted(storage.Operators{DB: db}.Operator(ctx, h.env, h.user.ID))
	must(t, storage.Operators{DB: db}.RemoveOperator(ctx, h.env, h.user.ID))
	d := storage.Deliveries{DB: db}
	logout := delivery.Logout{Environment: h.env, ID: "lgo_1", Application: h.app.ID, Session: h.session.ID, User: h.user.ID}
	must(t, d.AddLogouts(ctx, []delivery.Logout{logout}))
	noted(d.TakeLogouts(ctx, morning, morning, 10))
	must(t, d.SettleLogout(ctx, &logout))
	for _, older := range []string{"", "lgo_1"} {
		_, _, err := d.Logouts(ctx, h.env, h.app.ID, older, 10)
		must(t, err)
	}
	noted((&storage.Purge{DB: db}).Run(ctx, morning))

	texts := counter.Statements()
	slices.Sort(texts)
	return slices.Compact(texts)
}

// No request and no purge looks for its rows in a whole table or a whole environment, not even while the database has no
// statistics.
func TestPlans(t *testing.T) {
	explain := map[string]func(t *testing.T, url string, q string) string{storage.SQLite: explainSQLite, storage.Postgres: explainPostgres}
	storagetest.EachURL(t, func(t *testing.T, url string) {
		db := storagetest.Open(t, url)
		for _, q := range statements(t, db) {
			if small.MatchString(q) {
				continue
			}
			if plan := explain[db.Dialect()](t, url, q); searches.MatchString(plan) {
				t.Errorf("%s\nis done by\n%s", q, plan)
			}
		}
	})
}

var (
	// An environment has few of these, and pg_notify finds nothing.
	small = regexp.MustCompile(`(?:FROM|UPDATE) "?.?(signing_keys|sealing_keys|applications|client_secrets|operators)|pg_notify`)
	// On SQLite a SCAN of anything but what the statement has made itself; on PostgreSQL a Seq Scan; on either, an index of
	// which nothing but the environment is used.
	searches = regexp.MustCompile(`(?m)Seq Scan|SCAN (?:[^CdfJj]|d[^u]|f[^i]|j[^s])|\(environment_id=\?\)|Index Cond: \(environment_id = [^)]*\)$`)
)

func explainSQLite(t *testing.T, url, q string) string {
	rows, err := storagetest.Open(t, url).Query(t.Context(), "EXPLAIN QUERY PLAN "+q, make([]any, strings.Count(q, "?"))...)
	must(t, err)
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		must(t, rows.Scan(&id, &parent, &unused, &detail))
		fmt.Fprintln(&plan, detail)
	}
	must(t, rows.Err())
	return plan.String()
}

func explainPostgres(t *testing.T, url, q string) string {
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, url)
	must(t, err)
	defer conn.Close(context.WithoutCancel(ctx))
	for _, setting := range []string{"SET enable_seqscan = off", "SET plan_cache_mode = force_generic_plan"} {
		_, err := conn.Exec(ctx, setting)
		must(t, err)
	}
	numbered, err := storage.Numbered(q)
	must(t, err)
	prepared, err := conn.Prepare(ctx, "explained", numbered)
	must(t, err)
	explain := "EXPLAIN EXECUTE explained"
	if n := len(prepared.ParamOIDs); n > 0 {
		explain += "(NULL" + strings.Repeat(", NULL", n-1) + ")"
	}
	rows, err := conn.Query(ctx, explain, pgx.QueryExecModeSimpleProtocol)
	must(t, err)
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	return strings.Join(plan, "\n")
}
