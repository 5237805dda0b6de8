package identity

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/fault"
)

func adaSignsUp(email string) SignUp {
	return SignUp{
		Subject: "int_1", Name: "Ada Lovelace", Email: email, Password: goodPassword,
		About: MailContext{Application: "app_web", Language: "de"},
	}
}

func TestSignUp(t *testing.T) {
	h := newHouse(t)
	id, err := h.StartSignUp(from(t, "192.0.2.1"), env, adaSignsUp("Ada@Example.com"))
	if err != nil {
		t.Fatal(err)
	}
	if len(h.store.users) > 0 || h.newEvents() != nil {
		t.Error("a user exists before the code came back") // acceptance 74
	}
	m := h.mail()
	if diff := cmp.Diff(Mail{
		Kind: MailVerifyEmail, Environment: env, To: "Ada@Example.com", Valid: 10 * time.Minute, Interaction: "int_1",
		AskedAt: h.now, Address: "192.0.2.1", UserAgent: "Firefox", MailContext: MailContext{Application: "app_web", Language: "de"},
	}, m, cmpopts.IgnoreFields(Mail{}, "Code")); diff != "" {
		t.Errorf("mail (-want +got)\n%s", diff)
	}
	if !sixDigits.MatchString(m.Code) {
		t.Fatalf("the code is %q", m.Code)
	}
	if stored := fmt.Sprintf("%+v", h.store.challenges[id]); strings.Contains(stored, m.Code) || strings.Contains(stored, goodPassword) {
		t.Errorf("the code or the password is kept in clear: %s", stored)
	}

	h.now = h.now.Add(9 * time.Minute)
	got, err := h.CompleteSignUp(from(t, "192.0.2.1"), env, id, m.Code[:3]+" "+m.Code[3:]) // spaces allowed, ui.md §2
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&User{
		Environment: env, Email: "Ada@Example.com", EmailVerified: true, Status: Active, Profile: Profile{Name: "Ada Lovelace"},
		CreatedAt: h.now, UpdatedAt: h.now, PasswordChangedAt: h.now,
	}, got, cmpopts.IgnoreFields(User{}, "ID", "PasswordHash")); diff != "" {
		t.Errorf("user (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]audit.Event{{
		Environment: string(env), Name: "user.signed_up", Time: h.now, Application: "app_web", Target: string(got.ID),
		Actor: audit.Actor{Kind: audit.ActorUser, ID: string(got.ID), Name: "Ada@Example.com", Address: "192.0.2.1", UserAgent: "Firefox"},
	}}, h.events, cmpopts.IgnoreFields(audit.Event{}, "ID")); diff != "" {
		t.Errorf("events (-want +got)\n%s", diff)
	}
	if u, err := h.CheckPassword(t.Context(), env, "ada@example.com", goodPassword); err != nil || u.ID != got.ID {
		t.Errorf("sign-in: %v, %v", u, err)
	}
	_, err = h.CompleteSignUp(t.Context(), env, id, m.Code)
	wantError(t, "the same code again", err, ErrCodeUsed)
}

func TestStartSignUpRefuses(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct {
		name   string
		change func(*SignUp)
		fields []string
	}{
		{"no name", func(s *SignUp) { s.Name = " " }, []string{"name"}},
		{"long name", func(s *SignUp) { s.Name = strings.Repeat("a", 201) }, []string{"name"}},
		{"name on two lines", func(s *SignUp) { s.Name = "Ada\nLovelace" }, []string{"name"}},
		{"no address", func(s *SignUp) { s.Email = "ada" }, []string{"email"}},
		{"weak password", func(s *SignUp) { s.Password = "password password" }, []string{"password"}},
		{"password from the name", func(s *SignUp) { s.Password = "Ada Lovelace 1815" }, []string{"password"}},
		{"password from the environment", func(s *SignUp) { s.Password = "Example Works 123" }, []string{"password"}},
		{"all of it", func(s *SignUp) { *s = SignUp{} }, []string{"name", "email", "password"}},
	} {
		s := adaSignsUp("ada@example.com")
		c.change(&s)
		_, err := h.StartSignUp(t.Context(), env, s)
		if diff := cmp.Diff(c.fields, fieldsOf(err)); diff != "" {
			t.Errorf("%s: fields of %v (-want +got)\n%s", c.name, err, diff)
		}
	}
	if len(h.mails) > 0 || len(h.store.challenges) > 0 || h.Hasher.computed.Load() > 0 {
		t.Error("a refusal left something behind")
	}
	// Acceptance 30.
	_, err := h.StartSignUp(t.Context(), closed, adaSignsUp("ada@example.com"))
	wantError(t, "where strangers may not sign up", err, ErrSignUpClosed)
	_, err = h.CompleteSignUp(t.Context(), closed, "chg_1", "123456")
	wantError(t, "where strangers may not sign up any more", err, ErrSignUpClosed)
}

// Acceptance 74, ui.md §1.3: the same answer and the same work for an address that has an account. Its owner is told by mail.
func TestSignUpWithTheAddressOfAnAccount(t *testing.T) {
	h := newHouse(t)
	ada := h.create("ada@example.com")
	h.newEvents()
	for _, c := range []struct {
		name, email string
		kind        MailKind
		to          string
	}{
		{"known", "ADA@example.com", MailAlreadyRegistered, "ada@example.com"},
		{"unknown", "EVE@example.com", MailVerifyEmail, "EVE@example.com"},
	} {
		before := h.Hasher.computed.Load()
		id, err := h.StartSignUp(t.Context(), env, adaSignsUp(c.email))
		if err != nil || !strings.HasPrefix(id, "chg_") {
			t.Errorf("%s: StartSignUp() = %q, %v", c.name, id, err)
		}
		if got := h.Hasher.computed.Load() - before; got != 1 {
			t.Errorf("%s: %d hashes were computed, want 1", c.name, got)
		}
		m := h.mail()
		if m.Kind != c.kind || m.To != c.to || (m.Code != "") != (c.kind == MailVerifyEmail) {
			t.Errorf("%s: mail %+v", c.name, m)
		}
		for _, want := range []*fault.Error{ErrCodeWrong, ErrCodeWrong, ErrCodeWrong, ErrCodeWrong, ErrCodeWrong, ErrCodeExpired} {
			_, err = h.CompleteSignUp(t.Context(), env, id, wrongCode(m.Code))
			wantError(t, c.name+": guess", err, want)
		}
	}
	if len(h.store.users) != 1 || h.store.users[ada.ID].Profile != ada.Profile || h.newEvents() != nil {
		t.Error("a guess changed something")
	}
}

func TestCodes(t *testing.T) {
	// Each case begins with a sign-up whose code is known.
	for name, test := range map[string]func(t *testing.T, h *house, id, code string){
		"five tries": func(t *testing.T, h *house, id, code string) {
			for range 4 {
				_, err := h.CompleteSignUp(t.Context(), env, id, wrongCode(code))
				wantError(t, "wrong", err, ErrCodeWrong)
			}
			_, err := h.CompleteSignUp(t.Context(), env, id, code)
			wantError(t, "right at the fifth", err, nil)
		},
		"no sixth try": func(t *testing.T, h *house, id, code string) {
			for range 5 {
				_, err := h.CompleteSignUp(t.Context(), env, id, wrongCode(code))
				wantError(t, "wrong", err, ErrCodeWrong)
			}
			_, err := h.CompleteSignUp(t.Context(), env, id, code)
			wantError(t, "right at the sixth", err, ErrCodeExpired)
		},
		"what is no code is no try": func(t *testing.T, h *house, id, code string) {
			for _, typed := range []string{"", "12345", code + "0", "abcdef", "١٢٣٤٥٦", strings.Repeat(" ", 100), "-", code + "\x00"} {
				_, err := h.CompleteSignUp(t.Context(), env, id, typed)
				wantError(t, fmt.Sprintf("%q", typed), err, ErrCodeWrong)
			}
			_, err := h.CompleteSignUp(t.Context(), env, id, " "+code[:2]+"-"+code[2:]+"\n")
			wantError(t, "right", err, nil)
		},
		"exactly at its end": func(t *testing.T, h *house, id, code string) {
			h.now = h.now.Add(CodeLifetime)
			_, err := h.CompleteSignUp(t.Context(), env, id, code)
			wantError(t, "right", err, ErrCodeExpired)
		},
		"of another challenge": func(t *testing.T, h *house, id, code string) {
			s := adaSignsUp("eve@example.com")
			s.Subject = "int_2"
			other, err := h.StartSignUp(t.Context(), env, s)
			if err != nil {
				t.Fatal(err)
			}
			if h.mail().Code != code { // or, once in a million runs, it is right
				_, err = h.CompleteSignUp(t.Context(), env, other, code)
				wantError(t, "the code of int_1", err, ErrCodeWrong)
			}
			_, err = h.CompleteSignUp(t.Context(), env, "chg_none", code)
			wantError(t, "no challenge", err, ErrCodeExpired)
			_, err = h.CompleteSignUp(t.Context(), otherEnv, id, code)
			wantError(t, "another environment", err, ErrCodeExpired) // acceptance 8
			_, err = h.CompletePasswordReset(t.Context(), env, id, code, otherPassword)
			wantError(t, "another purpose", err, ErrCodeExpired)
		},
		"of an earlier sign-up of the interaction": func(t *testing.T, h *house, id, code string) {
			if _, err := h.StartSignUp(t.Context(), env, adaSignsUp("ada@example.com")); err != nil {
				t.Fatal(err)
			}
			_, err := h.CompleteSignUp(t.Context(), env, id, code)
			wantError(t, "right", err, ErrCodeExpired)
		},
		"of somebody who signed up elsewhere meanwhile": func(t *testing.T, h *house, id, code string) {
			h.create("ADA@example.com")
			h.newEvents()
			_, err := h.CompleteSignUp(t.Context(), env, id, code)
			wantError(t, "right", err, ErrAlreadyRegistered)
			if !errors.Is(err, ErrEmailTaken) || h.newEvents() != nil || !h.store.challenges[id].UsedAt.IsZero() {
				t.Errorf("%v left something behind", err)
			}
		},
		"of a flood of guesses": func(t *testing.T, h *house, id, code string) {
			guesses := 0
			for round := range 10 {
				for range 5 {
					_, err := h.CompleteSignUp(t.Context(), env, id, wrongCode(code))
					if fault.Of(err).Kind == fault.TooMany {
						break
					}
					wantError(t, "wrong", err, ErrCodeWrong)
					guesses++
				}
				h.now = h.now.Add(resendAfter)
				if err := h.ResendCode(t.Context(), env, id); err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
				code = h.mail().Code
			}
			if guesses > 22 {
				t.Errorf("%d guesses in 5 minutes, want 22 at most", guesses)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			id, err := h.StartSignUp(t.Context(), env, adaSignsUp("ada@example.com"))
			if err != nil {
				t.Fatal(err)
			}
			test(t, h, id, h.mail().Code)
		})
	}
}

func TestResendCode(t *testing.T) {
	h := newHouse(t)
	id, err := h.StartSignUp(t.Context(), env, adaSignsUp("ada@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	first := h.mail()
	h.CompleteSignUp(t.Context(), env, id, wrongCode(first.Code))

	h.now = h.now.Add(20 * time.Second)
	err = h.ResendCode(t.Context(), env, id)
	if f := fault.Of(err); f == nil || f.Kind != fault.TooMany || f.RetryAfterSeconds() != 10 {
		t.Errorf("after 20 seconds: got %v, want too many for 10 seconds", err)
	}
	if c, err := h.Challenge(t.Context(), env, id); err != nil || !c.ResendAt().Equal(h.now.Add(10*time.Second)) {
		t.Errorf("Challenge() = %+v, %v", c, err)
	}

	h.now = h.now.Add(11 * time.Minute) // a code that has expired can be replaced
	if err := h.ResendCode(t.Context(), env, id); err != nil {
		t.Fatal(err)
	}
	second := h.mail()
	if second.Kind != MailVerifyEmail || second.To != first.To || second.Application != first.Application || second.Interaction != first.Interaction {
		t.Errorf("the second mail is %+v, the first was %+v", second, first)
	}
	for range 4 {
		_, err = h.CompleteSignUp(t.Context(), env, id, wrongCode(second.Code))
		wantError(t, "wrong", err, ErrCodeWrong)
	}
	if first.Code != second.Code {
		c := h.store.challenges[id]
		if h.Pepper.Matches(codeLabel, c.secret(first.Code), c.CodeHash) {
			t.Error("the first code is still right")
		}
	}
	_, err = h.CompleteSignUp(t.Context(), env, id, second.Code)
	wantError(t, "the second code, at its fifth try", err, nil)
	wantError(t, "once used", h.ResendCode(t.Context(), env, id), ErrCodeUsed)
	wantError(t, "unknown", h.ResendCode(t.Context(), env, "chg_none"), ErrCodeExpired)
}

// A code is never mailed to an address that the first mail gave none.
func TestResendTellsTheSameAgain(t *testing.T) {
	h := newHouse(t)
	h.create("ada@example.com")
	id, err := h.StartSignUp(t.Context(), env, adaSignsUp("ada@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	h.mail()
	h.now = h.now.Add(resendAfter)
	if err := h.ResendCode(t.Context(), env, id); err != nil {
		t.Fatal(err)
	}
	if m := h.mail(); m.Kind != MailAlreadyRegistered || m.Code != "" {
		t.Errorf("mail %+v", m)
	}
}

// Acceptance 76: no more than 3 mails a minute to an address, whoever asks and for what.
func TestMailsAreThrottled(t *testing.T) {
	h := newHouse(t)
	h.create("ada@example.com")
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		s := adaSignsUp(email)
		var id string
		for i := range 3 {
			var err error
			s.Subject = fmt.Sprintf("int_%d", i)
			if id, err = h.StartSignUp(from(t, fmt.Sprintf("192.0.2.%d", i)), env, s); err != nil {
				t.Fatal(err)
			}
		}
		h.mails = nil
		before := h.Hasher.computed.Load()
		_, errSignUp := h.StartSignUp(t.Context(), env, s)
		_, errReset := h.StartPasswordReset(t.Context(), env, PasswordReset{Email: strings.ToUpper(email)})
		for _, err := range []error{errSignUp, errReset} {
			if f := fault.Of(err); f == nil || f.Kind != fault.TooMany || f.RetryAfterSeconds() != 20 {
				t.Errorf("%s: got %v, want too many for 20 seconds", email, err)
			}
		}
		if len(h.mails) > 0 || h.Hasher.computed.Load() != before {
			t.Errorf("%s: a refusal did some work", email)
		}
		h.now = h.now.Add(20 * time.Second)
		if _, err := h.StartSignUp(t.Context(), env, s); err != nil {
			t.Errorf("%s: after the wait: %v", email, err)
		}
		h.now = h.now.Add(10 * time.Second)
		if err := h.ResendCode(t.Context(), env, id); fault.Of(err).Kind != fault.Invalid { // replaced by the last sign-up of int_2
			t.Errorf("%s: a replaced challenge: %v", email, err)
		}
		h.mails = nil
	}
}

func TestMailsOfOneAddressAreThrottled(t *testing.T) {
	h := newHouse(t)
	for i := range 101 {
		_, err := h.StartPasswordReset(from(t, "192.0.2.66"), env, PasswordReset{Email: fmt.Sprintf("user%d@example.com", i)})
		if limited := err != nil && fault.Of(err).Kind == fault.TooMany; limited != (i == 100) {
			t.Fatalf("mail %d: %v", i+1, err)
		}
	}
}
