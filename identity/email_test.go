package identity

import (
	"errors"
	"net/mail"
	"strings"
	"testing"
)

func TestNormalizeEmail(t *testing.T) {
	local64 := strings.Repeat("a", 64)
	for _, c := range []struct{ name, email, want string }{
		{"as it is", "ada@example.com", "ada@example.com"},
		{"letter case makes no second account (acceptance 11)", "Ada.Lovelace@Example.COM", "ada.lovelace@example.com"},
		{"blanks around it", " \tada@example.com\r\n", "ada@example.com"},
		{"dots stay", "a.d.a@gmail.com", "a.d.a@gmail.com"},
		{"what follows a plus stays", "ada+work@example.com", "ada+work@example.com"},
		{"every character of an atom (RFC 5322 §3.2.3)", "!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"},
		{"internationalized domain (RFC 5891)", "ada@Bücher.example", "ada@xn--bcher-kva.example"},
		{"its ASCII form is the same", "ada@XN--BCHER-KVA.example", "ada@xn--bcher-kva.example"},
		{"full-width letters of a domain (UTS 46)", "ada@ｅｘａｍｐｌｅ.com", "ada@example.com"},
		{"longest local part (RFC 5321 §4.5.3.1.1)", local64 + "@example.com", local64 + "@example.com"},

		{"empty", "", ""},
		{"no at", "ada", ""},
		{"no local part", "@example.com", ""},
		{"no domain", "ada@", ""},
		{"two at", "ada@home@example.com", ""},
		{"display name", "Ada <ada@example.com>", ""},
		{"in brackets", "<ada@example.com>", ""},
		{"two addresses", "ada@example.com,eve@example.com", ""},
		{"blank inside", "ada lovelace@example.com", ""},
		{"blank in the domain", "ada@exam ple.com", ""},
		{"header injection", "ada@example.com\r\nBcc: eve@example.com", ""},
		{"header injection in the local part", "ada\r\nBcc: eve@example.com", ""},
		{"NUL", "ada\x00@example.com", ""},
		{"comment", "ada(work)@example.com", ""},
		{"quoted local part", `"ada lovelace"@example.com`, ""},
		{"dot first", ".ada@example.com", ""},
		{"dot last", "ada.@example.com", ""},
		{"two dots", "ada..lovelace@example.com", ""},
		{"two dots in the domain", "ada@example..com", ""},
		{"dot before the domain", "ada@.example.com", ""},
		{"dot after the domain", "ada@example.com.", ""},
		{"single label", "ada@localhost", ""},
		{"address literal", "ada@[127.0.0.1]", ""},
		{"underscore in the domain", "ada@exa_mple.com", ""},
		{"dash first in a label", "ada@-example.com", ""},
		{"the Kelvin sign folds to k, so it would be another person's address", "mi\u212Ae@example.com", ""},
		{"internationalized local part (RFC 6531)", "ädä@example.com", ""},
		{"broken UTF-8", "ada@ex\xffample.com", ""},
		{"local part too long", local64 + "a@example.com", ""},
		{"255 characters", "ada@" + strings.Repeat(strings.Repeat("a", 49)+".", 5) + "x", ""},
		{"too long only in ASCII", "ada@" + strings.Repeat("ü.", 40) + "com", ""},
	} {
		got, err := NormalizeEmail(c.email)
		if c.want == "" && !errors.Is(err, ErrEmailMalformed) || c.want != "" && err != nil || got != c.want {
			t.Errorf("%s: NormalizeEmail(%q) = %q, %v, want %q", c.name, c.email, got, err, c.want)
		}
	}
}

func TestCleanEmailKeepsWhatWasTyped(t *testing.T) {
	for typed, want := range map[string]string{
		" Ada@Example.com ":  "Ada@Example.com",
		"Ada@BÜCHER.example": "Ada@xn--bcher-kva.example", // the claim email is an addr-spec of RFC 5322 (OIDC Core §5.1)
	} {
		if got, _, err := cleanEmail(typed); got != want || err != nil {
			t.Errorf("cleanEmail(%q) = %q, %v, want %q", typed, got, err, want)
		}
	}
}

func FuzzNormalizeEmail(f *testing.F) {
	for _, s := range []string{"ada@example.com", " A.B+c@Bücher.example", "a@b@c.d", "\"a b\"@x.y", "a@[::1]", "mi\u212Ae@x.y", "a@xn--.com", "ß@ß.de"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, email string) {
		address, key, err := cleanEmail(email)
		if err != nil {
			return
		}
		if again, err := NormalizeEmail(key); again != key || err != nil {
			t.Errorf("NormalizeEmail(%q) = %q, %v, want itself", key, again, err)
		}
		if again, k, err := cleanEmail(address); again != address || k != key || err != nil {
			t.Errorf("cleanEmail(%q) = %q, %q, %v, want itself and %q", address, again, k, err, key)
		}
		parsed, err := mail.ParseAddress(address)
		if err != nil || parsed.Address != address || parsed.Name != "" {
			t.Errorf("net/mail reads %q as %v, %v", address, parsed, err)
		}
		if len(key) > maxEmail || strings.ToLower(key) != key || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			t.Errorf("%q has the key %q", email, key)
		}
	})
}
