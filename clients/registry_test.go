package clients

import (
	"context"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

func TestCreate(t *testing.T) {
	ctx := context.Background()
	for _, kind := range Kinds() {
		r, m, _ := newRegistry(t)
		app, secret := mustCreate(t, r, production, kind, nil)
		if app.Kind != kind || app.Environment != production.ID || !strings.HasPrefix(string(app.ID), "app_") || app.CreatedAt.IsZero() {
			t.Errorf("%s: Create = %+v", kind, app)
		}
		form := regexp.MustCompile("^acme-" + string(kind) + "-[a-z0-9]{16}$")
		if !form.MatchString(app.ClientID) {
			t.Errorf("%s: the client ID is %q, want %s", kind, app.ClientID, form)
		}
		// acceptance 51: public clients have no secret
		public := kind == SPA || kind == Native || kind == Device
		if secret.Empty() != public || (len(app.Secrets) == 0) != public {
			t.Errorf("%s: Create gives the secret %q and keeps %+v", kind, secret.Reveal(), app.Secrets)
		}
		if !public && (!regexp.MustCompile(`^ps_[0-9A-Za-z]{43}$`).MatchString(secret.Reveal()) || !r.Authenticate(ctx, app, secret.Reveal(), "")) {
			t.Errorf("%s: Create gives the secret %q", kind, secret.Reveal())
		}
		found, err := r.ByClientID(ctx, production.ID, app.ClientID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(app, found); diff != "" {
			t.Errorf("%s (-created +found):\n%s", kind, diff)
		}
		told := strings.Join(m.told(t), "\n")
		if !strings.Contains(told, `application.created {"after":{`) || strings.Contains(told, "application.secret_created") == public {
			t.Errorf("%s: the events are\n%s", kind, told)
		}
		if !public && strings.Contains(told, secret.Reveal()) {
			t.Errorf("%s: an event has the secret", kind)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	ctx := context.Background()
	r, m, _ := newRegistry(t)
	mustCreate(t, r, production, API, func(a *Application) { a.ClientID, a.Identifiers = "ignored", []string{"https://api.example"} })
	if _, _, err := r.Create(ctx, production, New{Kind: Web, Name: "A", ClientID: "taken"}); err != nil {
		t.Fatal(err)
	}
	m.told(t)
	boom := errors.New("boom")
	for _, test := range []struct {
		name string
		in   New
		want error
	}{
		{"kind", New{Kind: "toaster", Name: "A"}, fault.Invalidf("kind", `kind "toaster" must be one of web, spa, native, machine, device, api`)},
		{"name", New{Kind: Web}, fault.Invalidf("name", "name is empty: enter 1 to 100 characters")},
		{"client ID", New{Kind: Web, Name: "A", ClientID: "é"}, fault.Invalidf("client_id", "")},
		{"taken", New{Kind: Web, Name: "A", ClientID: "taken"}, ErrClientIDTaken},
		{"configure", New{Kind: Web, Name: "A", Configure: func(*Application) error { return boom }}, boom},
		{"identifier", New{Kind: API, Name: "A", Configure: func(a *Application) error {
			a.Identifiers = []string{"urn:acme:x", "https://api.example"}
			return nil
		}}, fault.Conflictf("identifiers/1", `"https://api.example" is an identifier of "Acme api": an audience belongs to one application`)},
	} {
		if _, secret, err := r.Create(ctx, production, test.in); !errors.Is(err, test.want) || !secret.Empty() {
			t.Errorf("%s: Create = %v, want %v", test.name, err, test.want)
		}
	}
	if told := m.told(t); len(told) > 0 {
		t.Errorf("refusals left the events %q", told)
	}
	// acceptance 8: what is taken in one environment is free in another
	if _, _, err := r.Create(ctx, development, New{Kind: Web, Name: "A", ClientID: "taken"}); err != nil {
		t.Errorf("Create in another environment = %v", err)
	}
}

func TestNewClientID(t *testing.T) {
	for _, test := range []struct {
		name, want string
	}{
		{"Acme Web", `^acme-web-`},
		{"  Ärger & Söhne (2) ", `^rger-s-hne-2-`},
		{"日本", `^web-`},
		{strings.Repeat("long name ", 10), `^long-name-long-name-long-`},
	} {
		if got := newClientID(test.name, Web); !regexp.MustCompile(test.want+`[a-z0-9]{16}$`).MatchString(got) || !clientIDForm.MatchString(got) {
			t.Errorf("newClientID(%q) = %q, want %s…", test.name, got, test.want)
		}
	}
}

// acceptance 6
func TestUpdateLeavesTheOthersAsTheyWere(t *testing.T) {
	ctx := context.Background()
	r, m, c := newRegistry(t)
	a, _ := mustCreate(t, r, production, Web, nil)
	b, _ := mustCreate(t, r, production, Web, nil)
	before, _ := m.Application(ctx, production.ID, b.ID)
	m.told(t)
	c.forward(time.Hour)
	err := r.Update(ctx, production, a.ID, func(app *Application) error {
		app.Name = "Acme"
		app.RedirectURIs = []string{"https://app.example/cb"}
		app.SessionPolicy.InactivityTimeout = 4 * day
		// What isn't for the caller to change:
		app.ID, app.Environment, app.CreatedAt, app.UpdatedAt = "app_x", "env_x", time.Time{}, time.Time{}
		app.Secrets = nil
		app.SessionPolicy.Retired = []RetiredPolicy{{}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := a.Clone()
	want.Name, want.RedirectURIs, want.UpdatedAt = "Acme", []string{"https://app.example/cb"}, c.Now()
	want.SessionPolicy.InactivityTimeout = 4 * day
	want.SessionPolicy.Retired = []RetiredPolicy{{3 * day, 14 * day, c.Now()}}
	got, err := r.ByID(ctx, production.ID, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	after, _ := m.Application(ctx, production.ID, b.ID)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the other application changed (-before +after):\n%s", diff)
	}
	const clocks = `"max_session_length":1209600,"id_token_lifetime":3600,"authorization_code_lifetime":60,"refresh_reuse_window":30,"activity":"refresh"}`
	if diff := cmp.Diff([]string{
		`application.updated {"before":{"name":"Acme web","session_policy":{"access_token_lifetime":300,"inactivity_timeout":259200,` + clocks + `},` +
			`"after":{"name":"Acme","redirect_uris":["https://app.example/cb"],"session_policy":{"access_token_lifetime":300,"inactivity_timeout":345600,` + clocks + `}}`,
	}, m.told(t)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}

	// The same again changes nothing and is no event.
	c.forward(time.Hour)
	if err := r.Update(ctx, production, a.ID, func(app *Application) error { app.Name = "Acme"; return nil }); err != nil {
		t.Fatal(err)
	}
	again, _ := r.ByID(ctx, production.ID, a.ID)
	if diff := cmp.Diff(got, again); diff != "" || len(m.told(t)) > 0 {
		t.Errorf("a change of nothing (-before +after):\n%s", diff)
	}

	// Two changes within a microsecond are told apart.
	for _, name := range []string{"One", "Two"} {
		last, _ := r.ByID(ctx, production.ID, a.ID)
		if err := r.Update(ctx, production, a.ID, func(app *Application) error { app.Name = name; return nil }); err != nil {
			t.Fatal(err)
		}
		if now, _ := r.ByID(ctx, production.ID, a.ID); !now.UpdatedAt.After(last.UpdatedAt) {
			t.Errorf("UpdatedAt is %v after %v", now.UpdatedAt, last.UpdatedAt)
		}
	}
}

func TestUpdateRefuses(t *testing.T) {
	ctx := context.Background()
	r, m, _ := newRegistry(t)
	app, _ := mustCreate(t, r, production, Web, nil)
	m.told(t)
	boom := errors.New("boom")
	for _, test := range []struct {
		name   string
		env    *environments.Environment
		id     ID
		change func(*Application) error
		want   error
	}{
		{"unknown", production, "app_x", func(*Application) error { return nil }, ErrNotFound},
		{"of another environment", development, app.ID, func(*Application) error { return nil }, ErrNotFound}, // acceptance 8
		{"change", production, app.ID, func(*Application) error { return boom }, boom},
		{"client ID", production, app.ID, func(a *Application) error { a.ClientID = "new"; return nil }, fault.Invalidf("client_id", "")},
		{"invalid", production, app.ID, func(a *Application) error { a.Name = ""; return nil }, fault.Invalidf("name", "")},
		{"not JSON", production, app.ID, func(a *Application) error { a.JWKS = []byte("{"); return nil }, fault.Invalidf("jwks", "")},
	} {
		if err := r.Update(ctx, test.env, test.id, test.change); !errors.Is(err, test.want) {
			t.Errorf("%s: Update = %v, want %v", test.name, err, test.want)
		}
	}
	// All mistakes at once.
	err := r.Update(ctx, production, app.ID, func(a *Application) error {
		a.Name, a.HomepageURI, a.SessionPolicy.InactivityTimeout = "", "x", time.Minute
		return nil
	})
	if got := len(messages(err)); got != 4 {
		t.Errorf("Update tells %d mistakes, want 4: %v", got, err)
	}
	if told := m.told(t); len(told) > 0 {
		t.Errorf("refusals left the events %q", told)
	}
	got, _ := m.Application(ctx, production.ID, app.ID)
	if diff := cmp.Diff(app, got); diff != "" {
		t.Errorf("refusals changed it (-want +got):\n%s", diff)
	}
}

// acceptance 18
func TestDefaultRedirectURI(t *testing.T) {
	ctx := context.Background()
	const a, b, c = "https://a.example/", "https://b.example/", "https://c.example/"
	for _, test := range []struct {
		name          string
		before, after []string
		refused       bool
	}{
		{"first one", nil, []string{a}, false},
		{"one more", []string{a}, []string{a, b}, false},
		{"another default", []string{a, b}, []string{b, a}, false},
		{"delete another", []string{a, b}, []string{a}, false},
		{"delete the default", []string{a, b}, []string{b}, true},
		{"delete the only one", []string{a}, nil, true},
		{"delete the default of three", []string{a, b, c}, []string{c, b}, true},
		{"replace it", []string{a, b}, []string{c, b}, false},
		{"replace the only one", []string{a}, []string{b}, false},
	} {
		r, _, _ := newRegistry(t)
		app, _ := mustCreate(t, r, production, Web, func(app *Application) { app.RedirectURIs = test.before })
		err := r.Update(ctx, production, app.ID, func(app *Application) error { app.RedirectURIs = test.after; return nil })
		if f := fault.Of(err); test.refused && (f == nil || f.Kind != fault.Conflict || f.Field != "redirect_uris") || !test.refused && err != nil {
			t.Errorf("%s: Update = %v, want a conflict: %v", test.name, err, test.refused)
		}
	}
}

// acceptance 7
func TestDisable(t *testing.T) {
	ctx := context.Background()
	r, m, _ := newRegistry(t)
	app, secret := mustCreate(t, r, production, Web, nil)
	m.told(t)
	if err := r.SetEnabled(ctx, production, app.ID, false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{
		"sessions ended application_disabled", `application.disabled {"before":{"enabled":true},"after":{"enabled":false}}`,
	}, m.told(t)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	got, err := r.ByClientID(ctx, production.ID, app.ClientID)
	if err != nil || got.Enabled {
		t.Errorf("ByClientID = %+v, %v, want a disabled one", got, err)
	}
	if r.Authenticate(ctx, got, secret.Reveal(), "") {
		t.Errorf("a disabled application authenticates")
	}
	if err := r.SetEnabled(ctx, production, app.ID, true); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`application.enabled {"before":{"enabled":false},"after":{"enabled":true}}`}, m.told(t)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if got, _ = r.ByClientID(ctx, production.ID, app.ClientID); !r.Authenticate(ctx, got, secret.Reveal(), "") {
		t.Errorf("an application that was enabled again doesn't authenticate")
	}

	// No rule of today keeps an application from being switched off that was registered under those of yesterday.
	m.apps[app.ID].Name = ""
	if err := r.SetEnabled(ctx, production, app.ID, false); err != nil {
		t.Errorf("SetEnabled = %v", err)
	}
}

// acceptance 7
func TestDelete(t *testing.T) {
	ctx := context.Background()
	r, m, _ := newRegistry(t)
	app, _ := mustCreate(t, r, production, SPA, nil)
	m.told(t)
	env := *production
	env.DefaultApplication = string(app.ID)
	if err := r.Delete(ctx, &env, app.ID); !errors.Is(err, ErrIsDefault) || fault.Of(err).Kind != fault.Conflict {
		t.Errorf("Delete of the default = %v, want %v", err, ErrIsDefault)
	}
	if err := r.Delete(ctx, development, app.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("Delete from another environment = %v, want %v", err, ErrNotFound)
	}
	if told := m.told(t); len(told) > 0 {
		t.Errorf("refusals left the events %q", told)
	}
	if err := r.Delete(ctx, production, app.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ByClientID(ctx, production.ID, app.ClientID); !errors.Is(err, ErrNotFound) {
		t.Errorf("ByClientID = %v, want %v", err, ErrNotFound)
	}
	if _, err := r.ByID(ctx, production.ID, app.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("ByID = %v, want %v", err, ErrNotFound)
	}
	told := m.told(t)
	if len(told) != 2 || told[0] != "sessions ended application_deleted" || !strings.HasPrefix(told[1], `application.deleted {"before":{`) {
		t.Errorf("the events are %q", told)
	}
	if err := r.Delete(ctx, production, app.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("Delete again = %v, want %v", err, ErrNotFound)
	}
}

// A change whose event can't be recorded doesn't happen.
func TestNoChangeWithoutItsEvent(t *testing.T) {
	ctx := context.Background()
	r, m, _ := newRegistry(t)
	app, secret := mustCreate(t, r, production, Web, nil)
	r.Audit = failingAudit{}
	for name, do := range map[string]func() error{
		"Create": func() error { _, _, err := r.Create(ctx, production, New{Kind: Web, Name: "B"}); return err },
		"Update": func() error {
			return r.Update(ctx, production, app.ID, func(a *Application) error { a.Name = "B"; return nil })
		},
		"SetEnabled":   func() error { return r.SetEnabled(ctx, production, app.ID, false) },
		"Delete":       func() error { return r.Delete(ctx, production, app.ID) },
		"CreateSecret": func() error { _, _, err := r.CreateSecret(ctx, production.ID, app.ID, "b", time.Time{}); return err },
		"RotateSecret": func() error { _, _, err := r.RotateSecret(ctx, production.ID, app.ID, 0); return err },
		"ExpireSecret": func() error {
			return r.ExpireSecret(ctx, production.ID, app.ID, app.Secrets[0].ID, time.Time{})
		},
	} {
		if err := do(); !errors.Is(err, errAudit) {
			t.Errorf("%s = %v, want %v", name, err, errAudit)
		}
	}
	got, err := r.ByID(ctx, production.ID, app.ID)
	if diff := cmp.Diff(app, got); diff != "" || err != nil || len(m.apps) != 1 || !r.Authenticate(ctx, got, secret.Reveal(), "") {
		t.Errorf("%v, %d applications (-want +got):\n%s", err, len(m.apps), diff)
	}
}

func TestList(t *testing.T) {
	ctx := context.Background()
	r, _, c := newRegistry(t)
	var ids []ID
	var secret string
	for range 5 {
		app, s := mustCreate(t, r, production, Web, nil)
		ids, secret = append(ids, app.ID), s.Reveal()
	}
	slices.Sort(ids)
	var listed []ID
	for after := ID(""); ; {
		page, err := r.List(ctx, production.ID, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, app := range page {
			listed, after = append(listed, app.ID), app.ID
		}
	}
	if diff := cmp.Diff(ids, listed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, limit := range []int{0, 101, -1} {
		if _, err := r.List(ctx, production.ID, "", limit); !errors.Is(err, fault.Invalidf("limit", "")) {
			t.Errorf("List with limit %d = %v, want a refusal", limit, err)
		}
	}

	// acceptance 48: with the last uses, written or not
	app, _ := r.ByID(ctx, production.ID, ids[4])
	for _, other := range ids {
		if a, _ := r.ByID(ctx, production.ID, other); r.Authenticate(ctx, a, secret, "192.0.2.1") {
			app = a
		}
	}
	page, err := r.List(ctx, production.ID, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(page, func(a *Application) bool { return a.ID == app.ID })
	if got, want := page[i].Secrets[0].LastUsed, (SecretUse{c.Now(), "192.0.2.1"}); !reflect.DeepEqual(got, want) {
		t.Errorf("LastUsed = %+v, want %+v", got, want)
	}
}
