package dashboard_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/server/servertest"
)

func TestSessionsTab(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		app := o.AddClient(t, "Wiki", clients.Web, nil)
		tab := "/admin/env/default/applications/" + string(app.ID) + "/sessions"
		wantText(t, o.browsers[admin.Viewer].Open(tab), "Nobody is signed in at present.", "Needs the admin role", "Needs the support role")
		o.AddUser(t, "ada@example.com")
		bob := o.AddUser(t, "bob@example.com")
		ada := o.Tokens(t, app, "ada@example.com", "openid offline_access")
		o.Tokens(t, app, "bob@example.com", "openid offline_access")

		b := o.browsers[admin.Support]
		p := b.Open(tab)
		wantText(t, p, "ada@example.com", "bob@example.com", "Needs the admin role", "!Needs the support role", ">End all<")
		wantText(t, b.Open(tab+"?person=bob@example.com"), "!ada@example.com", "bob@example.com")
		wantText(t, b.Open(tab+"?person="+string(bob.ID)), "!ada@example.com", "bob@example.com")
		wantText(t, b.Open(tab+"?person=nobody@example.com"), "No session fits.")
		wantText(t, b.Open(tab+"?since=2999-01-01"), "No session fits.")
		wantText(t, b.Open(tab+"?status=over"), "No session fits.", "Ended sessions")

		sid := o.Introspect(t, app, ada.String("access_token")).String("sid")
		p = b.Post(tab+"/end", url.Values{"session": {sid}})
		wantText(t, p, "The session was ended.", "!ada@example.com", "bob@example.com")
		if reply := o.Refresh(t, app, ada.String("refresh_token")); reply.String("error") != "invalid_grant" {
			t.Errorf("the session that was ended refreshes: %s", reply.Body)
		}
		wantText(t, b.Open(tab+"?status=over"), "ada@example.com", "!bob@example.com")

		confirm := b.Open(tab + "/end-all")
		wantText(t, confirm, "1 living session ends now.", "End all sessions of Wiki?")
		wantStatus(t, b.Submit(confirm, "confirm-name", "confirm-name", ""), http.StatusUnprocessableEntity)
		wantText(t, b.Submit(confirm, "confirm-name", "confirm-name", "Wiki"), "All sessions were ended.", "Nobody is signed in at present.")
	})
}

// The effect of other clocks is shown before they are saved, and is what happens then (acceptance 38).
func TestSavePolicy(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		app := o.AddClient(t, "Wiki", clients.Web, nil)
		o.AddUser(t, "ada@example.com")
		o.AddUser(t, "bob@example.com")
		o.Tokens(t, app, "ada@example.com", "openid offline_access")
		o.Clock.Set(2 * time.Hour)
		o.Tokens(t, app, "bob@example.com", "openid offline_access")

		b := o.browsers[admin.Admin]
		tab := "/admin/env/default/applications/" + string(app.ID) + "/sessions"
		p := b.Submit(b.Open(tab), "inactivity-timeout", "inactivity-timeout", "90", "inactivity-timeout-unit", "minutes",
			"access-token-lifetime-unit", "minutes", "max-session-length-unit", "days")
		wantStatus(t, p, http.StatusOK)
		wantText(t, p, "Saving ends 1 of 2 living sessions now.", "1 was inactive too long.", "Save and end 1", "!Saved")
		policy := func() clients.SessionPolicy {
			now, err := o.Applications.ByID(t.Context(), o.Environment.ID, app.ID)
			must(t, err)
			return now.SessionPolicy
		}
		if got := policy().InactivityTimeout; got != 72*time.Hour {
			t.Fatalf("the preview has saved %s", got)
		}
		wantText(t, b.Open(tab+"?status=ending&policy=5400/1209600"), "ada@example.com", "!bob@example.com", "Sessions that saving would end")

		// Other clocks than those that were shown are shown first.
		other := b.Submit(p, "inactivity-timeout", "inactivity-timeout", "10", "inactivity-timeout-unit", "minutes", "access-token-lifetime-unit", "minutes", "max-session-length-unit", "hours")
		wantText(t, other, "Saving ends 1 of 2 living sessions now.")

		saved := b.Submit(p, "inactivity-timeout", "inactivity-timeout-unit", "minutes", "access-token-lifetime-unit", "minutes", "max-session-length-unit", "days")
		wantText(t, saved, "Saved", "!ada@example.com", "bob@example.com")
		if got := policy().InactivityTimeout; got != 90*time.Minute {
			t.Errorf("the timeout is %s", got)
		}
		wantText(t, b.Open(tab+"?status=over"), "ada@example.com", "1 hour 30 minutes")
	})
}

func TestSavePolicyRefuses(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	app := o.AddClient(t, "Wiki", clients.Web, nil)
	b := o.browsers[admin.Admin]
	tab := "/admin/env/default/applications/" + string(app.ID) + "/sessions"
	form := b.Open(tab)
	units := []string{"access-token-lifetime-unit", "minutes", "inactivity-timeout-unit", "days", "max-session-length-unit", "days"}
	for _, test := range []struct {
		name   string
		fields []string
		want   []string
	}{
		{"no number", []string{"inactivity-timeout", "some"}, []string{"Enter a whole number.", `value="some"`}},
		{"too long", []string{"access-token-lifetime", "9999"}, []string{"must be 1 minute to 24 hours"}},
		{"a contradiction", []string{"inactivity-timeout", "20"}, []string{"(20 days)", "(14 days)"}}, // acceptance 37
		{"no unit", []string{"max-session-length-unit", "moons"}, []string{"Enter a whole number."}},
		{"a folded clock", []string{"authorization-code-lifetime", "11", "authorization-code-lifetime-unit", "minutes"}, []string{`id="authorization-code-lifetime-problem"`, "must be 10 seconds to 10 minutes", `<details class="snippet" open>`}},
		{"no such activity", []string{"activity", "all"}, []string{"must be one of refresh, use", `<details class="snippet" open>`}},
	} {
		p := b.Submit(form, "inactivity-timeout", append(units, test.fields...)...)
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, test.want...)
	}

	// Somebody else was faster.
	o.Change(t, app.ID, func(a *clients.Application) { a.Description = "another" })
	p := b.Submit(form, "inactivity-timeout", append(units, "max-session-length", "15")...)
	wantStatus(t, p, http.StatusUnprocessableEntity)
	wantText(t, p, "Somebody else changed this meanwhile.", `value="15"`)
	p = b.Submit(p, "inactivity-timeout", units...)
	wantText(t, p, "Saved")
	now, err := o.Applications.ByID(t.Context(), o.Environment.ID, app.ID)
	must(t, err)
	if now.SessionPolicy.MaxSessionLength != 15*24*time.Hour || now.Description != "another" {
		t.Errorf("saved %+v", now)
	}
}

// Every clock of the policy can be set, and a form sends back what it showed of the others.
func TestFoldedClocks(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	app := o.AddClient(t, "Wiki", clients.Web, nil)
	b := o.browsers[admin.Admin]
	p := b.Open("/admin/env/default/applications/" + string(app.ID) + "/sessions")
	wantText(t, p, "More clocks", "!<details class=\"snippet\" open>", "Restarts with each refresh.")
	want := app.SessionPolicy
	for _, test := range []struct {
		field, number, unit string
		clock               *time.Duration
		value               time.Duration
	}{
		{"id-token-lifetime", "90", "minutes", &want.IDTokenLifetime, 90 * time.Minute},
		{"authorization-code-lifetime", "45", "seconds", &want.AuthorizationCodeLifetime, 45 * time.Second},
		{"refresh-reuse-window", "0", "seconds", &want.RefreshReuseWindow, 0},
	} {
		*test.clock = test.value
		p = b.Submit(p, "activity-use", test.field, test.number, test.field+"-unit", test.unit)
		wantText(t, p, "Saved")
	}
	want.Activity = clients.ActivityUse
	wantText(t, b.Submit(p, "activity-use", "activity", "use"), "Saved", "Restarts with each use.")
	now, err := o.Applications.ByID(t.Context(), o.Environment.ID, app.ID)
	must(t, err)
	if diff := cmp.Diff(want, now.SessionPolicy); diff != "" {
		t.Errorf("(-want +saved):\n%s", diff)
	}
}

func TestMachineClock(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	app := o.AddClient(t, "Import", clients.Machine, nil)
	b := o.browsers[admin.Admin]
	p := b.Open("/admin/env/default/applications/" + string(app.ID) + "/sessions")
	wantText(t, p, "Access token lifetime", "!Inactivity timeout", "!More clocks", "!Living sessions")
	p = b.Submit(p, "access-token-lifetime", "access-token-lifetime", "2", "access-token-lifetime-unit", "hours")
	wantText(t, p, "Saved")
	if !strings.Contains(p.Body, `value="2"`) {
		t.Error("the page has the old lifetime")
	}
}

// acceptance 40, to the operator: every session that ended shows reason, time and who ended it.
func TestWhySessionsEnded(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		app := o.AddClient(t, "Wiki", clients.Web, nil)
		_, key, err := o.APIKeys.Create(t.Context(), o.Environment, app.ID, clients.NewAPIKey{Scopes: []clients.APIScope{clients.ScopeWriteSessions}})
		must(t, err)
		tab := "/admin/env/default/applications/" + string(app.ID) + "/sessions"
		support := o.browsers[admin.Support]
		for _, test := range []struct {
			name string
			end  func(b *servertest.Browser, user *identity.User, sid string)
			want string
		}{
			{"operator", func(_ *servertest.Browser, _ *identity.User, sid string) {
				support.Post(tab+"/end", url.Values{"session": {sid}})
			}, "an operator ended it (by support)"},
			{"key", func(_ *servertest.Browser, _ *identity.User, sid string) {
				r, err := http.NewRequest(http.MethodPost, o.Issuer+"/api/v1/sessions/"+sid+"/end", nil)
				must(t, err)
				r.Header.Set("Authorization", "Bearer "+key.Reveal())
				servertest.Do(t, r)
			}, "an operator ended it (by key_"},
			{"disabled", func(_ *servertest.Browser, user *identity.User, _ string) {
				support.Post("/admin/env/default/users/"+string(user.ID)+"/disable", nil)
			}, "the user was turned off (by support)"},
			{"herself", func(b *servertest.Browser, _ *identity.User, sid string) {
				b.Post(o.Issuer+"/account/sessions", url.Values{"session": {sid}})
			}, "the user ended it<"},
			{"signs-out", func(b *servertest.Browser, _ *identity.User, _ string) {
				p := b.Open(o.Issuer + "/oauth2/logout?" + url.Values{"client_id": {app.ClientID}}.Encode())
				b.Submit(p, "logout-confirm", "scope", "everywhere")
			}, "by signing out everywhere<"},
			{"away", func(*servertest.Browser, *identity.User, string) {
				o.Change(t, app.ID, func(a *clients.Application) { a.SessionPolicy.InactivityTimeout = 10 * time.Minute })
				o.Clock.Set(15 * time.Minute)
			}, "inactive for 10 minutes<"},
		} {
			user := o.AddUser(t, test.name+"@example.com")
			b := o.NewBrowser(t)
			tokens := o.Redeem(t, app, b.Code(o.Installation, app, user.Email, "openid", nil))
			sid := o.Introspect(t, app, tokens.String("access_token")).String("sid")
			test.end(b, user, sid)
			for _, page := range []string{
				tab + "?status=over&person=" + user.Email, "/admin/env/default/sessions?status=over&person=" + user.Email,
				"/admin/env/default/users/" + string(user.ID) + "/sessions?status=over",
			} {
				wantText(t, o.browsers[admin.Viewer].Open(page), `</time><br><span class="hint">`+test.want)
			}
		}
	})
}
