package identity

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

func TestCreate(t *testing.T) {
	h := newHouse(t)
	got, err := h.Create(t.Context(), env, NewUser{
		Email: " Ada@Example.com", EmailVerified: true, Profile: Profile{Name: " Ada Lovelace "}, Password: goodPassword,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &User{
		Environment: env, Email: "Ada@Example.com", EmailVerified: true, Status: Active, Profile: Profile{Name: "Ada Lovelace"},
		CreatedAt: h.now, UpdatedAt: h.now, PasswordChangedAt: h.now,
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(User{}, "ID", "PasswordHash")); diff != "" {
		t.Errorf("user (-want +got)\n%s", diff)
	}
	if !strings.HasPrefix(string(got.ID), "usr_") {
		t.Errorf("the ID is %q", got.ID)
	}
	if diff := cmp.Diff(audit.Event{
		Environment: string(env), Name: "user.created", Time: h.now, Actor: audit.Actor{Kind: audit.ActorSystem}, Target: string(got.ID),
		Data: map[string]any{"email": "Ada@Example.com", "email_verified": true},
	}, h.events[0], cmpopts.IgnoreFields(audit.Event{}, "ID")); diff != "" {
		t.Errorf("event (-want +got)\n%s", diff)
	}
	for _, email := range []string{"ada@example.com", "ADA@EXAMPLE.COM "} {
		if u, err := h.ByEmail(t.Context(), env, email); err != nil || u.ID != got.ID {
			t.Errorf("ByEmail(%q) = %v, %v", email, u, err)
		}
	}
	if _, err := h.Get(t.Context(), env, got.ID); err != nil {
		t.Errorf("Get: %v", err)
	}
	for name, find := range map[string]func() (*User, error){
		"ID in another environment":      func() (*User, error) { return h.Get(t.Context(), otherEnv, got.ID) }, // acceptance 8
		"address in another environment": func() (*User, error) { return h.ByEmail(t.Context(), otherEnv, "ada@example.com") },
		"no address":                     func() (*User, error) { return h.ByEmail(t.Context(), env, "ada") },
	} {
		if _, err := find(); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: got %v, want %v", name, err, ErrNotFound)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	h := newHouse(t)
	h.create("ada@example.com")
	h.newEvents()
	hash := "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	for _, c := range []struct {
		name   string
		user   NewUser
		fields []string
	}{
		{"a second account by letter case (acceptance 11)", NewUser{Email: "ADA@example.com"}, []string{"email"}},
		{"no address", NewUser{}, []string{"email"}},
		{"weak password", NewUser{Email: "eve@example.com", Password: "password"}, []string{"password"}},
		{"password from the address", NewUser{Email: "eve.adamson@example.com", Password: "eve.adamson.example"}, []string{"password"}},
		{"unknown hash", NewUser{Email: "eve@example.com", PasswordHash: "5f4dcc3b5aa765d61d8327deb882cf99"}, []string{"password_hash"}},
		{"both", NewUser{Email: "eve@example.com", Password: goodPassword, PasswordHash: hash}, []string{"password_hash"}},
		{"several mistakes, all told", NewUser{Email: "eve", Profile: Profile{Picture: "x"}, Password: "x"}, []string{"email", "picture", "password"}},
	} {
		_, err := h.Create(t.Context(), env, c.user)
		if diff := cmp.Diff(c.fields, fieldsOf(err)); diff != "" {
			t.Errorf("%s: fields of %v (-want +got)\n%s", c.name, err, diff)
		}
	}
	if got := len(h.store.users); got != 1 {
		t.Errorf("%d users, want 1", got)
	}
	if got := h.newEvents(); got != nil {
		t.Errorf("events %v, want none", got)
	}
	if _, err := h.Create(t.Context(), "env_none", NewUser{Email: "eve@example.com"}); !errors.Is(err, environments.ErrNotFound) {
		t.Errorf("unknown environment: got %v", err)
	}
	_, err := h.Create(t.Context(), otherEnv, NewUser{Email: "ada@example.com", PasswordHash: hash})
	wantError(t, "the same address in another environment", err, nil)
}

// fieldsOf returns the field of every fault in the tree of err.
func fieldsOf(err error) []string {
	var fields []string
	for _, f := range fault.All(err) {
		fields = append(fields, f.Field)
	}
	return fields
}

func TestUpdateProfile(t *testing.T) {
	h := newHouse(t)
	ada := h.create("ada@example.com")
	h.newEvents()
	h.now = h.now.Add(time.Hour)

	got, err := h.UpdateProfile(t.Context(), env, ada.ID, func(p *Profile) error {
		p.PhoneNumber, p.PhoneNumberVerified, p.Locale = "+49 30 901820", true, "de_at"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Profile{Name: "Ada Lovelace", PhoneNumber: "+4930901820", PhoneNumberVerified: true, Locale: "de-AT"}
	if diff := cmp.Diff(want, got.Profile); diff != "" {
		t.Errorf("profile (-want +got)\n%s", diff)
	}
	if !got.UpdatedAt.Equal(h.now) {
		t.Errorf("updated at %s, want %s", got.UpdatedAt, h.now)
	}
	if diff := cmp.Diff(profileChange{
		Before: map[string]any{},
		After:  map[string]any{"phone_number": "+4930901820", "phone_number_verified": true, "locale": "de-AT"},
	}, h.events[0].Data); diff != "" || h.events[0].Name != "user.updated" {
		t.Errorf("event %s (-want +got)\n%s", h.events[0].Name, diff)
	}
	h.newEvents()

	h.now = h.now.Add(time.Hour)
	if got, err = h.UpdateProfile(t.Context(), env, ada.ID, func(p *Profile) error { p.Name += " "; return nil }); err != nil || h.newEvents() != nil || got.UpdatedAt.Equal(h.now) {
		t.Errorf("nothing changed: %v, updated at %s", err, got.UpdatedAt)
	}
	if got, err = h.UpdateProfile(t.Context(), env, ada.ID, func(p *Profile) error { p.PhoneNumber = "+4930901821"; return nil }); err != nil || got.Profile.PhoneNumberVerified {
		t.Errorf("a new number: verified %v, %v", got.Profile.PhoneNumberVerified, err)
	}
	h.newEvents()
	refused := errors.New("refused")
	for name, change := range map[string]func(*Profile) error{
		"change's own error": func(*Profile) error { return refused },
		"a mistake":          func(p *Profile) error { p.Name, p.Website = "Eve", "javascript:alert(1)"; return nil },
	} {
		if _, err := h.UpdateProfile(t.Context(), env, ada.ID, change); err == nil {
			t.Errorf("%s: no error", name)
		}
		if got := h.store.users[ada.ID].Profile.Name; got != "Ada Lovelace" || h.newEvents() != nil {
			t.Errorf("%s: it was saved", name)
		}
	}
	if _, err := h.UpdateProfile(t.Context(), otherEnv, ada.ID, func(*Profile) error { return nil }); !errors.Is(err, ErrNotFound) {
		t.Errorf("in another environment: got %v, want %v", err, ErrNotFound)
	}
}

// Acceptance 45: disabling a user ends all her sessions.
func TestSetStatus(t *testing.T) {
	h := newHouse(t)
	ada := h.create("ada@example.com")
	h.newEvents()
	for _, c := range []struct {
		name   string
		status Status
		ended  []string
		events []string
	}{
		{"active already", Active, nil, nil},
		{"disabled", Disabled, []string{"user_disabled " + string(ada.ID) + " "}, []string{"user.disabled"}},
		{"disabled already", Disabled, nil, nil},
		{"active again", Active, nil, []string{"user.enabled"}},
	} {
		h.ended = nil
		u, err := h.SetStatus(t.Context(), env, ada.ID, c.status, "left the company")
		if err != nil || u.Status != c.status || h.store.users[ada.ID].Status != c.status {
			t.Errorf("%s: %v, %v", c.name, u, err)
		}
		if diff := cmp.Diff(c.ended, h.ended); diff != "" {
			t.Errorf("%s: ended (-want +got)\n%s", c.name, diff)
		}
		if diff := cmp.Diff(c.events, h.newEvents()); diff != "" {
			t.Errorf("%s: events (-want +got)\n%s", c.name, diff)
		}
	}
	h.tell = errors.New("no")
	if _, err := h.SetStatus(t.Context(), env, ada.ID, Disabled, ""); !errors.Is(err, h.tell) || h.store.users[ada.ID].Status != Active || h.newEvents() != nil {
		t.Errorf("sessions that can't be ended: %v, the user is %s", err, h.store.users[ada.ID].Status)
	}
	if _, err := h.SetStatus(t.Context(), env, ada.ID, "asleep", ""); fault.Of(err).Field != "status" {
		t.Errorf("unknown status: %v", err)
	}
}

func TestChangePassword(t *testing.T) {
	h := newHouse(t)
	ada := h.create("ada@example.com")
	h.newEvents()
	h.now = h.now.Add(time.Hour)
	about := MailContext{Application: "app_web", Language: "de"}
	for _, c := range []struct {
		name   string
		change PasswordChange
		want   *fault.Error
	}{
		{"wrong current password", PasswordChange{Current: otherPassword, New: otherPassword}, ErrWrongCurrentPassword},
		{"no current password", PasswordChange{New: otherPassword}, ErrWrongCurrentPassword},
		{"weak new password", PasswordChange{Current: goodPassword, New: "password password"}, ErrPasswordGuessable},
		{"new password from her name", PasswordChange{Current: goodPassword, New: "Ada Lovelace 1815"}, ErrPasswordGuessable},
	} {
		wantError(t, c.name, h.ChangePassword(t.Context(), env, ada.ID, c.change), c.want)
	}
	if h.newEvents() != nil || len(h.mails) > 0 || len(h.ended) > 0 {
		t.Error("a refusal left something behind")
	}

	for _, c := range []struct {
		change PasswordChange
		ended  []string
	}{
		{PasswordChange{Current: goodPassword, New: otherPassword, About: about}, nil},
		{PasswordChange{Current: otherPassword, New: goodPassword, EndOthers: true, Keep: "brs_1", About: about},
			[]string{"signed_out_everywhere " + string(ada.ID) + " brs_1"}},
	} {
		h.ended = nil
		if err := h.ChangePassword(from(t, "192.0.2.1"), env, ada.ID, c.change); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.ended, h.ended); diff != "" {
			t.Errorf("ended (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff([]string{"user.password_changed"}, h.newEvents()); diff != "" {
			t.Errorf("events (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(Mail{
			Kind: MailPasswordChanged, Environment: env, To: "ada@example.com", AskedAt: h.now, Address: "192.0.2.1", UserAgent: "Firefox", MailContext: about,
		}, h.mail()); diff != "" {
			t.Errorf("mail (-want +got)\n%s", diff)
		}
		if got := h.store.users[ada.ID].PasswordChangedAt; !got.Equal(h.now) {
			t.Errorf("changed at %s, want %s", got, h.now)
		}
		if _, err := h.CheckPassword(t.Context(), env, "ada@example.com", c.change.New); err != nil {
			t.Errorf("sign-in with the new password: %v", err)
		}
	}

	for range 20 {
		h.ChangePassword(from(t, "192.0.2.1"), env, ada.ID, PasswordChange{Current: "guess"})
	}
	if err := h.ChangePassword(from(t, "192.0.2.1"), env, ada.ID, PasswordChange{Current: goodPassword, New: otherPassword}); fault.Of(err).Kind != fault.TooMany {
		t.Errorf("after 20 guesses: got %v, want too many", err)
	}
}

func TestSetTheFirstPassword(t *testing.T) {
	h := newHouse(t)
	u, err := h.Create(t.Context(), env, NewUser{Email: "ada@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if !u.PasswordChangedAt.IsZero() {
		t.Errorf("password changed at %s before there is one", u.PasswordChangedAt)
	}
	if err := h.ChangePassword(t.Context(), env, u.ID, PasswordChange{New: goodPassword}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.CheckPassword(t.Context(), env, "ada@example.com", goodPassword); err != nil {
		t.Error(err)
	}
}
