package keys

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
)

func TestNewSecret(t *testing.T) {
	form := regexp.MustCompile(`^ps_[0-9A-Za-z]{43}$`)
	seen := map[string]bool{}
	letters := map[rune]int{}
	for range 2000 {
		s := NewSecret("ps_").Reveal()
		if !form.MatchString(s) || seen[s] {
			t.Fatalf("NewSecret = %q, seen before: %v", s, seen[s])
		}
		seen[s] = true
		for _, r := range s[3:] {
			letters[r]++
		}
	}
	for r, n := range letters { // 1387 expected, standard deviation 37
		if n < 1387-250 || n > 1387+250 {
			t.Errorf("%c occurs %d times", r, n)
		}
	}
	if len(letters) != 62 {
		t.Errorf("%d letters, want 62", len(letters))
	}
}

func TestSecretIsNotShown(t *testing.T) {
	const clear = "correcthorsebatterystaple"
	secret := SecretOf(clear)
	inside := struct {
		Exported   Secret
		unexported Secret
		pointer    *Secret
		list       []Secret
		byName     map[string]Secret
	}{secret, secret, &secret, []Secret{secret}, map[string]Secret{"a": secret}}

	var shown []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %[1]v", "%10.3s", "%p"} {
		for _, value := range []any{secret, &secret, inside, &inside, []any{secret}, fmt.Errorf("wrapped %v", secret)} {
			shown = append(shown, fmt.Sprintf(verb, value))
		}
	}
	for _, value := range []any{secret, &secret, inside, map[string]any{"s": secret}} {
		b, err := json.Marshal(value)
		if err != nil {
			t.Errorf("json.Marshal(%T): %v", value, err)
		}
		shown = append(shown, string(b))
	}
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("made", "secret", secret, "inside", inside, "pointer", &secret)
	}
	shown = append(shown, log.String(), secret.String(), secret.GoString())
	for _, text := range shown {
		if strings.Contains(text, clear[:6]) || strings.Contains(text, fmt.Sprintf("%x", clear[:6])) {
			t.Errorf("shown: %s", text)
		}
	}
	for _, text := range []string{fmt.Sprint(secret), fmt.Sprintf("%#v", secret), secret.String()} {
		if text != "[secret]" {
			t.Errorf("prints as %s", text)
		}
	}
}

func TestSecret(t *testing.T) {
	long := SecretOf("ps_0123456789abcdefghijWXYZ")
	for _, test := range []struct {
		secret, other Secret
		equal         bool
	}{
		{long, SecretOf(long.Reveal()), true},
		{long, SecretOf(long.Reveal() + "a"), false},
		{long, Secret{}, false},
		{SecretOf(""), Secret{}, true},
	} {
		if got := test.secret.Equal(test.other); got != test.equal {
			t.Errorf("Equal(%q, %q) = %v", test.secret.Reveal(), test.other.Reveal(), got)
		}
	}
	if long.Empty() || !SecretOf("").Empty() || SecretOf("").Reveal() != "" {
		t.Error("Empty is wrong")
	}
	for secret, hint := range map[string]string{long.Reveal(): "WXYZ", "": "", "short": ""} {
		if got := SecretOf(secret).Hint(); got != hint {
			t.Errorf("Hint of %q = %q, want %q", secret, got, hint)
		}
	}
}
