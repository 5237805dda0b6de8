package identity

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/fault"
)

func TestCheckPassword(t *testing.T) {
	h := newHouse(t)
	ada := h.create("Ada@Example.com")
	eve := h.create("eve@example.com")
	if _, err := h.SetStatus(t.Context(), env, eve.ID, Disabled, ""); err != nil {
		t.Fatal(err)
	}
	h.newEvents()
	for _, c := range []struct {
		name, email, password string
		want                  *fault.Error
		events                []string
	}{
		{"right", "Ada@Example.com", goodPassword, nil, nil},
		{"other letter case (acceptance 11)", "ADA@example.COM", goodPassword, nil, nil},
		{"blanks", " ada@example.com ", goodPassword, nil, nil},
		{"wrong password", "ada@example.com", otherPassword, ErrWrongPassword, []string{"user.sign_in_failed"}},
		{"no password", "ada@example.com", "", ErrWrongPassword, []string{"user.sign_in_failed"}},
		{"unknown address", "nobody@example.com", goodPassword, ErrWrongPassword, []string{"user.sign_in_failed"}},
		{"no address", "ada", goodPassword, ErrEmailMalformed, nil},
		{"disabled and right", "eve@example.com", goodPassword, ErrDisabled, []string{"user.sign_in_failed"}},
		{"disabled and wrong", "eve@example.com", otherPassword, ErrWrongPassword, []string{"user.sign_in_failed"}},
	} {
		u, err := h.CheckPassword(t.Context(), env, c.email, c.password)
		wantError(t, c.name, err, c.want)
		if (u != nil) != (c.want == nil) || u != nil && u.ID != ada.ID {
			t.Errorf("%s: got the user %v", c.name, u)
		}
		if diff := cmp.Diff(c.events, h.newEvents()); diff != "" {
			t.Errorf("%s: events (-want +got)\n%s", c.name, diff)
		}
	}
	if _, err := h.CheckPassword(t.Context(), otherEnv, "ada@example.com", goodPassword); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("in another environment: got %v, want %v", err, ErrWrongPassword)
	}
}

// Each try costs one hash, whether the account exists, has a password or is turned off (ui.md §1.3). Nothing else takes a time
// that can be measured from outside.
func TestCheckPasswordDoesTheSameWorkForEveryAddress(t *testing.T) {
	h := newHouse(t)
	h.create("ada@example.com")
	disabled := h.create("off@example.com")
	if _, err := h.SetStatus(t.Context(), env, disabled.ID, Disabled, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Create(t.Context(), env, NewUser{Email: "none@example.com"}); err != nil {
		t.Fatal(err)
	}
	for _, email := range []string{"ada@example.com", "off@example.com", "none@example.com", "nobody@example.com"} {
		h.newEvents()
		before := h.Hasher.computed.Load()
		_, err := h.CheckPassword(t.Context(), env, email, otherPassword)
		wantError(t, email, err, ErrWrongPassword)
		if got := h.Hasher.computed.Load() - before; got != 1 {
			t.Errorf("%s: %d hashes were computed, want 1", email, got)
		}
		if got := len(h.newEvents()); got != 1 {
			t.Errorf("%s: %d events were recorded, want 1", email, got)
		}
	}
}

func TestFailedSignInNamesWhoAndWhere(t *testing.T) {
	h := newHouse(t)
	ada := h.create("ada@example.com")
	for email, id := range map[string]string{"ada@example.com": string(ada.ID), "nobody@example.com": ""} {
		h.newEvents()
		h.CheckPassword(from(t, "192.0.2.1"), env, email, otherPassword)
		want := audit.Event{
			Environment: string(env), Name: "user.sign_in_failed", Time: h.now, Target: id, Reason: "wrong_password",
			Actor: audit.Actor{Kind: audit.ActorUser, ID: id, Name: email, Address: "192.0.2.1", UserAgent: "Firefox"},
		}
		got := h.events[0]
		got.ID = ""
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("event (-want +got)\n%s", diff)
		}
	}
}

// Acceptance 73: imported hashes work, and are upgraded at the next sign-in.
func TestCheckPasswordUpgradesOldHashes(t *testing.T) {
	h := newHouse(t)
	hash, err := bcrypt.GenerateFromPassword([]byte(goodPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	u, err := h.Create(t.Context(), env, NewUser{Email: "ada@example.com", PasswordHash: string(hash)})
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Hour)
	for range 2 {
		_, err := h.CheckPassword(t.Context(), env, "ada@example.com", otherPassword)
		wantError(t, "wrong", err, ErrWrongPassword)
		if got := h.store.users[u.ID].PasswordHash; got != string(hash) {
			t.Fatal("a wrong password upgraded the hash")
		}
	}
	if _, err := h.CheckPassword(t.Context(), env, "ada@example.com", goodPassword); err != nil {
		t.Fatal(err)
	}
	stored := h.store.users[u.ID]
	if !strings.HasPrefix(stored.PasswordHash, "$argon2id$") || h.Hasher.NeedsUpgrade(stored.PasswordHash) {
		t.Errorf("the hash is %q after a sign-in", stored.PasswordHash)
	}
	if !stored.UpdatedAt.Equal(u.CreatedAt) || !stored.PasswordChangedAt.Equal(u.CreatedAt) {
		t.Error("an upgrade moved a time that people see")
	}
	if _, err := h.CheckPassword(t.Context(), env, "ada@example.com", goodPassword); err != nil {
		t.Errorf("after the upgrade: %v", err)
	}
}

// Acceptance 76.
func TestCheckPasswordIsThrottledPerAccount(t *testing.T) {
	h := newHouse(t)
	h.create("ada@example.com")
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		for i := range 10 {
			_, err := h.CheckPassword(from(t, fmt.Sprintf("192.0.2.%d", i)), env, email, otherPassword)
			wantError(t, email, err, ErrWrongPassword)
		}
		before := h.Hasher.computed.Load()
		_, err := h.CheckPassword(from(t, "192.0.2.99"), env, strings.ToUpper(email), goodPassword)
		f := fault.Of(err)
		if f == nil || f.Kind != fault.TooMany || f.RetryAfterSeconds() != 6 {
			t.Errorf("%s: the 11th try: got %v, want too many for 6 seconds", email, err)
		} else if want := "Too many tries. Wait 6 seconds, then try again."; f.Message != want {
			t.Errorf("%s: got %q, want %q", email, f.Message, want)
		}
		if got := h.Hasher.computed.Load() - before; got != 0 {
			t.Errorf("%s: %d hashes were computed for a try that is refused", email, got)
		}
	}
	if _, err := h.CheckPassword(t.Context(), otherEnv, "ada@example.com", goodPassword); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("in another environment: got %v, want %v", err, ErrWrongPassword)
	}
	h.now = h.now.Add(6 * time.Second)
	if _, err := h.CheckPassword(t.Context(), env, "ada@example.com", goodPassword); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestTriesThatSucceedDoNotCount(t *testing.T) {
	h := newHouse(t)
	h.create("ada@example.com")
	for i := range 300 {
		if _, err := h.CheckPassword(from(t, "192.0.2.1"), env, "ada@example.com", goodPassword); err != nil {
			t.Fatalf("sign-in %d: %v", i+1, err)
		}
	}
}

// Acceptance 76: the right user is not locked out for good by a stranger.
func TestStrangerCannotLockOutWhoSignedInBefore(t *testing.T) {
	h := newHouse(t)
	h.create("ada@example.com")
	if _, err := h.CheckPassword(from(t, "2001:db8:1:2::a"), env, "ada@example.com", goodPassword); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		h.CheckPassword(from(t, "192.0.2.66"), env, "ada@example.com", otherPassword)
	}
	if _, err := h.CheckPassword(from(t, "198.51.100.7"), env, "ada@example.com", goodPassword); fault.Of(err) == nil || fault.Of(err).Kind != fault.TooMany {
		t.Errorf("from elsewhere: got %v, want too many", err)
	}
	if _, err := h.CheckPassword(from(t, "2001:db8:1:2::b"), env, "ada@example.com", goodPassword); err != nil {
		t.Errorf("from her own network: %v", err)
	}
	for range 10 {
		h.CheckPassword(from(t, "2001:db8:1:2::c"), env, "ada@example.com", otherPassword)
	}
	if _, err := h.CheckPassword(from(t, "2001:db8:1:2::a"), env, "ada@example.com", goodPassword); fault.Of(err) == nil || fault.Of(err).Kind != fault.TooMany {
		t.Errorf("after 10 wrong tries from her own network: got %v, want too many", err)
	}
}

func TestCheckPasswordIsThrottledPerAddress(t *testing.T) {
	h := newHouse(t)
	for i := range 100 {
		_, err := h.CheckPassword(from(t, "192.0.2.66"), env, fmt.Sprintf("user%d@example.com", i), otherPassword)
		wantError(t, "spraying", err, ErrWrongPassword)
	}
	for address, limited := range map[string]bool{"192.0.2.66": true, "::ffff:192.0.2.66": true, "192.0.2.67": false, "": false} {
		_, err := h.CheckPassword(from(t, address), env, "ada@example.com", otherPassword)
		if got := fault.Of(err).Kind == fault.TooMany; got != limited {
			t.Errorf("from %q: got %v, want limited: %v", address, err, limited)
		}
	}
}

func TestTooManyInWords(t *testing.T) {
	for wait, want := range map[time.Duration]string{
		time.Millisecond:          "1 second",
		time.Second + 1:           "2 seconds",
		time.Minute:               "60 seconds",
		time.Minute + time.Second: "2 minutes",
		2 * time.Minute:           "2 minutes",
	} {
		if got := inWords(wait); got != want {
			t.Errorf("inWords(%s) = %q, want %q", wait, got, want)
		}
	}
}
