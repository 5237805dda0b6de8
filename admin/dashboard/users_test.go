package dashboard_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"go.jetify.com/typeid/v2"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/storage"
)

// A list has 20 rows a page, and both directions, while its filters stay in the address (acceptance 82).
func TestUserList(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		b := o.browsers[admin.Viewer]
		const list = "/admin/env/default/users"
		wantText(t, b.Open(list), "Nobody has signed up yet.", "Organizations", "Events")
		for n := range 21 {
			_, err := o.Users.Create(t.Context(), o.Environment.ID, identity.NewUser{
				Email: fmt.Sprintf("person%02d@example.com", n), Password: servertest.Password, Profile: identity.Profile{Name: fmt.Sprintf("Person Number%02d", n)},
			})
			must(t, err)
		}
		p := b.Open(list)
		wantText(t, p, "person20@example.com", "person01@example.com", "!person00@example.com", "Older", "!Newer")
		older := link(t, p, "Older")
		p = b.Open(older)
		wantText(t, p, "person00@example.com", "!person01@example.com", "Newer", "!Older")
		wantText(t, b.Open(link(t, p, "Newer")), "person20@example.com", "person01@example.com", "!person00@example.com")
		wantText(t, b.Open(list+"?q=number07"), "person07@example.com", "!person08@example.com")
		wantText(t, b.Open(list+"?q=person07"), "person07@example.com", "!person08@example.com")
		wantText(t, b.Open(list+"?q=nobody"), "No user fits.")
		wantText(t, b.Open(list+"?status=disabled"), "No user fits.")
		p = b.Open(list + "?q=" + url.QueryEscape("a b c d e f"))
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "Search for up to 5 words.", `value="a b c d e f"`)
	})
}

// The list of users costs the same for one as for twenty, and one who signs in by a script makes no page large.
func TestManySessionsOfUser(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		wiki := o.AddClient(t, "Wiki", clients.Web, nil)
		ada := o.AddUser(t, "ada@example.com")
		for n := range 19 {
			o.AddUser(t, fmt.Sprintf("person%02d@example.com", n))
		}
		o.Tokens(t, wiki, "ada@example.com", "openid offline_access")
		q, err := o.Sessions.Select(t.Context(), o.Environment.ID, sessions.Selection{User: ada.ID}, sessions.Living)
		must(t, err)
		q.Limit = 1
		found, _, err := o.Sessions.Store.SelectedSessions(t.Context(), o.Environment.ID, q)
		must(t, err)
		for range 100 {
			s := found[0].Session
			s.ID = sessions.ID(typeid.MustGenerate("ses").String())
			must(t, o.Sessions.Store.CreateSession(t.Context(), &s))
		}

		b := o.browsers[admin.Viewer]
		wantText(t, b.Open("/admin/env/default/users"), `<td class="number">101</td>`)
		p := b.Open("/admin/env/default/users/" + string(ada.ID) + "/sessions")
		wantText(t, p, "Only the latest 100 sessions are shown.")
		wantText(t, b.Open(link(t, p, "Show all of them")), "Older", "ada@example.com")

		operators, err := o.Operators.Environment(t.Context())
		must(t, err)
		now := o.Clock.Now()
		_, handle, err := o.Sessions.SignIn(t.Context(), operators, "", o.users[admin.Viewer], sessions.Authentication{AuthTime: now, AMR: []string{"pwd"}, ACR: sessions.ACRPassword}, true)
		must(t, err)
		r := httptest.NewRequest(http.MethodGet, o.Issuer+"/admin/env/default/users", nil)
		r.AddCookie(&http.Cookie{Name: "portico-operators", Value: string(handle)})
		ctx, counter := storage.WithCounter(r.Context())
		w := httptest.NewRecorder()
		o.Handler().ServeHTTP(w, r.WithContext(ctx))
		if n := len(counter.Statements()); w.Code != http.StatusOK || n > 5 {
			t.Errorf("a page of 20 users answers %d after %d statements: %q", w.Code, n, counter.Statements())
		}
	})
}

// link is the address of the link with the text.
func link(t testing.TB, p *servertest.Page, text string) string {
	t.Helper()
	before, _, found := strings.Cut(p.Body, ">"+text+"<")
	_, address, has := strings.Cut(before[strings.LastIndex(before, "<a "):], `href="`)
	if !found || !has {
		t.Fatalf("%s has no link %q", p.URL, text)
	}
	address, _, _ = strings.Cut(address, `"`)
	return strings.ReplaceAll(address, "&amp;", "&")
}

func TestUserProfile(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		ada := o.AddUser(t, "ada@example.com")
		o.AddUser(t, "bob@example.com")
		page := "/admin/env/default/users/" + string(ada.ID)
		wantText(t, o.browsers[admin.Viewer].Open(page), "Needs the support role", "!Delete user", string(ada.ID))

		b := o.browsers[admin.Admin]
		form := b.Open(page)
		wantText(t, form, "!Needs the", "Delete user")
		p := b.Submit(form, "username", "username", "bob@example.com", "given-name", "Ada", "phone-number", "12", "locality", strings.Repeat("x", 201))
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "country code", "Use at most 200 characters.", `value="bob@example.com"`, `value="Ada"`)
		now, err := o.Users.Get(t.Context(), o.Environment.ID, ada.ID)
		must(t, err)
		if now.Email != ada.Email || now.Profile != ada.Profile {
			t.Errorf("a refused form has saved %+v", now)
		}
		p = b.Submit(form, "username", "username", "bob@example.com")
		wantStatus(t, p, http.StatusUnprocessableEntity)

		p = b.Submit(form, "username", "username", "ada.l@example.com", "email-verified", "on", "name", "Ada Lovelace", "birthdate", "1815-12-10", "locality", "London", "phone-number", "+49 30 901820")
		wantText(t, p, "The user is saved.", "Ada Lovelace")
		now, err = o.Users.Get(t.Context(), o.Environment.ID, ada.ID)
		must(t, err)
		if now.Email != "ada.l@example.com" || !now.EmailVerified || now.Profile.Name != "Ada Lovelace" || now.Profile.Birthdate != "1815-12-10" ||
			now.Profile.Address.Locality != "London" || now.Profile.PhoneNumber != "+4930901820" {
			t.Errorf("saved %+v", now)
		}
		wantText(t, b.Open(page+"/activity?of=done_to"), "user.updated", "user.email_changed", "admin@example.com")
		wantText(t, b.Open(page+"/activity"), "No event fits.")
	})
}

// With her address goes a user's account, so that support, who may change the rest of the profile, may not change it.
func TestSupportChangesNoAddress(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		ada := o.AddUser(t, "ada@example.com")
		page := "/admin/env/default/users/" + string(ada.ID)
		b := o.browsers[admin.Support]
		wantText(t, b.Open(page), "Needs the admin role", "!Needs the support role", "Delete user", `value="ada@example.com"`)
		wantText(t, b.Post(page, url.Values{"name": {"Ada Lovelace"}}), "The user is saved.", "Ada Lovelace", "ada@example.com")
		p := b.Post(page, url.Values{"name": {strings.Repeat("x", 201)}})
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "Needs the admin role", `value="ada@example.com"`)
		for field, value := range map[string]string{"username": "mallory@example.com", "email-verified": "on"} {
			wantStatus(t, b.Post(page, url.Values{"name": {"Mallory"}, field: {value}}), http.StatusForbidden)
		}
		now, err := o.Users.Get(t.Context(), o.Environment.ID, ada.ID)
		must(t, err)
		if now.Email != ada.Email || now.EmailVerified != ada.EmailVerified || now.Profile.Name != "Ada Lovelace" {
			t.Errorf("the user is %+v", now)
		}
	})
}

// Disabling a user ends all her sessions, and a user is deleted after her address was typed (acceptance 45).
func TestDisableAndDeleteUser(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		app := o.AddClient(t, "Wiki", clients.Web, nil)
		ada := o.AddUser(t, "ada@example.com")
		tokens := o.Tokens(t, app, "ada@example.com", "openid offline_access")
		b := o.browsers[admin.Support]
		page := "/admin/env/default/users/" + string(ada.ID)

		p := b.Open(page + "/disable")
		wantText(t, p, "Turn off ada@example.com?", "1 living session ends now.")
		p = b.Post(page+"/disable", nil)
		wantText(t, p, "The user is turned off.", "Turned off", "Turn on")
		if o.Introspect(t, app, tokens.String("access_token")).String("sub") != "" {
			t.Error("the token of a disabled user is active")
		}
		wantText(t, b.Open("/admin/env/default/users?status=disabled"), "ada@example.com", "Turned off")
		wantText(t, b.Open(page+"/sessions?status=over"), "the user was turned off (by support)")
		wantText(t, b.Post(page+"/enable", nil), "The user is turned on.", "!Turned off")

		confirm := b.Open(page + "/delete")
		p = b.Submit(confirm, "confirm-name", "confirm-name", "bob@example.com")
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "That is not the name.")
		wantText(t, b.Submit(confirm, "confirm-name", "confirm-name", "ada@example.com"), "The user is deleted.", "Nobody has signed up yet.")
		wantStatus(t, b.Open(page), http.StatusNotFound)

		// Who runs the installation is no user to be turned off or deleted.
		operator := "/admin/env/operators/users/" + string(o.users[admin.Viewer].ID)
		p = o.browsers[admin.Owner].Post(operator+"/disable", nil)
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "Turn off viewer@example.com?", "This user runs the installation. Remove the operator first.")
		p = o.browsers[admin.Owner].Submit(o.browsers[admin.Owner].Open(operator+"/delete"), "confirm-name", "confirm-name", "viewer@example.com")
		wantStatus(t, p, http.StatusUnprocessableEntity)
	})
}

// Sessions of a user end one by one, those of an application, or all (acceptance 44).
func TestUserSessions(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		wiki, notes := o.AddClient(t, "Wiki", clients.Web, nil), o.AddClient(t, "Notes", clients.Web, nil)
		ada := o.AddUser(t, "ada@example.com")
		acme, err := o.Organizations.Create(t.Context(), o.Environment.ID, organizations.Settings{Name: "Acme GmbH"})
		must(t, err)
		_, err = o.Organizations.AddMember(t.Context(), o.Environment.ID, acme.ID, ada.ID)
		must(t, err)
		tab := "/admin/env/default/users/" + string(ada.ID) + "/sessions"
		wantText(t, o.browsers[admin.Viewer].Open(tab), "This user is not signed in at present.", "Needs the support role")
		first, second := o.Tokens(t, wiki, "ada@example.com", "openid offline_access"), o.Tokens(t, wiki, "ada@example.com", "openid offline_access")
		third := o.Tokens(t, notes, "ada@example.com", "openid offline_access")

		b := o.browsers[admin.Support]
		wantText(t, b.Open("/admin/env/default/users"), `<td class="number">3</td>`, "Acme GmbH")
		p := b.Open(tab)
		wantText(t, p, "Wiki", "Notes", "Password", "127.0.0.1", "Acme GmbH", "!by support")

		alive := func(c servertest.Client, tokens *servertest.Reply) bool {
			return strings.Contains(o.Introspect(t, c, tokens.String("access_token")).Body, `"active":true`)
		}
		sid := o.Introspect(t, wiki, first.String("access_token")).String("sid")
		wantText(t, b.Post(tab+"/end", url.Values{"session": {sid}}), "The session was ended.", "Wiki", "Notes")
		wantText(t, b.Open(tab+"?status=over"), "an operator ended it", "by support", "Wiki", "!Notes")
		if alive(wiki, first) || !alive(wiki, second) || !alive(notes, third) {
			t.Error("another session than the one ended")
		}
		wantStatus(t, o.browsers[admin.Viewer].Post(tab+"/end", url.Values{"session": {sid}}), http.StatusForbidden)

		end := "/admin/env/default/sessions/end?person=" + string(ada.ID)
		confirm := b.Open(end + "&application=" + string(wiki.ID))
		wantText(t, confirm, "End the sessions of ada@example.com, Wiki?", "1 living session ends now.", "!browsers")
		wantText(t, b.Post(end+"&application="+string(wiki.ID), nil), "All sessions were ended.")
		if alive(wiki, second) || !alive(notes, third) {
			t.Error("other sessions than those of the application ended")
		}
		wantText(t, b.Open(end), "1 living session ends now.", "The browsers of this user are signed out too.")
		wantText(t, b.Post(end, nil), "All sessions were ended.", "No session fits.")
		if alive(notes, third) {
			t.Error("a session goes on")
		}
		wantText(t, b.Open(tab), "This user is not signed in at present.")
	})
}
