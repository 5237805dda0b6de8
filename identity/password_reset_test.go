package identity

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/portico-id/portico/audit"
)

func (h *house) startReset(email string) (id string, m Mail) {
	h.t.Helper()
	id, err := h.StartPasswordReset(from(h.t, "192.0.2.1"), env, PasswordReset{
		Subject: "int_1", Email: email, About: MailContext{Application: "app_web", Language: "de"},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return id, h.mail()
}

func TestPasswordReset(t *testing.T) {
	h := newHouse(t)
	ada := h.create("Ada@Example.com")
	h.newEvents()
	h.now = h.now.Add(time.Hour)
	id, m := h.startReset("ada@example.com ")
	if diff := cmp.Diff(Mail{
		Kind: MailPasswordReset, Environment: env, To: "Ada@Example.com", Valid: 10 * time.Minute, Interaction: "int_1",
		AskedAt: h.now, Address: "192.0.2.1", UserAgent: "Firefox", MailContext: MailContext{Application: "app_web", Language: "de"},
	}, m, cmpopts.IgnoreFields(Mail{}, "Code")); diff != "" {
		t.Errorf("mail (-want +got)\n%s", diff)
	}

	wantError(t, "verify wrong", h.VerifyResetCode(t.Context(), env, id, wrongCode(m.Code)), ErrCodeWrong)
	wantError(t, "verify right", h.VerifyResetCode(t.Context(), env, id, m.Code), nil)
	for _, weak := range []string{"short", "passwordpassword"} { // for no try
		for range 5 {
			_, err := h.CompletePasswordReset(t.Context(), env, id, m.Code, weak)
			if err == nil {
				t.Fatalf("%q was taken", weak)
			}
		}
	}
	_, err := h.CompletePasswordReset(t.Context(), env, id, m.Code, "Ada Lovelace 1815")
	wantError(t, "password from the name", err, ErrPasswordGuessable)
	_, err = h.CompletePasswordReset(t.Context(), env, id, wrongCode(m.Code), otherPassword)
	wantError(t, "wrong code", err, ErrCodeWrong)
	if h.newEvents() != nil || len(h.mails) > 0 || len(h.ended) > 0 {
		t.Error("a refusal left something behind")
	}

	h.now = h.now.Add(time.Minute)
	got, err := h.CompletePasswordReset(from(t, "192.0.2.2"), env, id, m.Code, otherPassword)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != ada.ID || !got.EmailVerified || !got.PasswordChangedAt.Equal(h.now) || !got.UpdatedAt.Equal(h.now) {
		t.Errorf("user %+v", got)
	}
	// Acceptance 45: a completed password reset ends the user's other sessions.
	if diff := cmp.Diff([]string{"password_reset " + string(ada.ID) + " "}, h.ended); diff != "" {
		t.Errorf("ended (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]audit.Event{{
		Environment: string(env), Name: "user.password_reset", Time: h.now, Application: "app_web", Target: string(ada.ID),
		Actor: audit.Actor{Kind: audit.ActorUser, ID: string(ada.ID), Name: "Ada@Example.com", Address: "192.0.2.2", UserAgent: "Firefox"},
	}}, h.events, cmpopts.IgnoreFields(audit.Event{}, "ID")); diff != "" {
		t.Errorf("events (-want +got)\n%s", diff)
	}
	if n := h.mail(); n.Kind != MailPasswordChanged || n.To != "Ada@Example.com" || n.Language != "de" || n.Code != "" {
		t.Errorf("notice %+v", n)
	}
	_, err = h.CheckPassword(t.Context(), env, "ada@example.com", otherPassword)
	wantError(t, "the new password", err, nil)
	_, err = h.CheckPassword(t.Context(), env, "ada@example.com", goodPassword)
	wantError(t, "the old password", err, ErrWrongPassword)
	_, err = h.CompletePasswordReset(t.Context(), env, id, m.Code, goodPassword)
	wantError(t, "the code again", err, ErrCodeUsed)
}

// Acceptance 74: the same answer for an unknown address, and nothing is made for it.
func TestPasswordResetOfAnUnknownAddress(t *testing.T) {
	h := newHouse(t)
	id, m := h.startReset("Nobody@example.com")
	if m.Kind != MailNoAccount || m.To != "Nobody@example.com" || m.Code != "" {
		t.Errorf("mail %+v", m)
	}
	for range 5 {
		wantError(t, "guess", h.VerifyResetCode(t.Context(), env, id, "123456"), ErrCodeWrong)
	}
	wantError(t, "guess", h.VerifyResetCode(t.Context(), env, id, "123456"), ErrCodeExpired)
	if len(h.store.users) > 0 || h.newEvents() != nil {
		t.Error("it made something")
	}
	_, err := h.StartPasswordReset(t.Context(), env, PasswordReset{Email: "nobody"})
	wantError(t, "no address", err, ErrEmailMalformed)
}

func TestPasswordResetOfAUserWhoChangedMeanwhile(t *testing.T) {
	for name, c := range map[string]struct {
		change func(h *house, u *User)
		want   error
	}{
		"disabled: told to who has the code":   {func(h *house, u *User) { u.Status = Disabled }, ErrDisabled},
		"another address: the old one is void": {func(h *house, u *User) { u.Email = "lovelace@example.com" }, ErrCodeExpired},
		"other letter case":                    {func(h *house, u *User) { u.Email = "ADA@example.com" }, nil},
	} {
		h := newHouse(t)
		ada := h.create("ada@example.com")
		id, m := h.startReset("ada@example.com")
		u := h.store.users[ada.ID]
		c.change(h, &u)
		h.store.users[ada.ID] = u
		h.newEvents()
		_, err := h.CompletePasswordReset(t.Context(), env, id, m.Code, otherPassword)
		if c.want == nil {
			wantError(t, name, err, nil)
			continue
		}
		if err == nil || h.newEvents() != nil || len(h.mails) > 0 || !h.store.challenges[id].UsedAt.IsZero() {
			t.Errorf("%s: %v left something behind", name, err)
		}
		if got := h.store.users[ada.ID].PasswordHash; got != ada.PasswordHash {
			t.Errorf("%s: the password changed", name)
		}
	}
	h := newHouse(t)
	ada := h.create("ada@example.com")
	id, m := h.startReset("ada@example.com")
	delete(h.store.users, ada.ID)
	wantError(t, "deleted", h.VerifyResetCode(t.Context(), env, id, m.Code), ErrCodeExpired)
}
