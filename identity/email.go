package identity

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/portico-id/portico/fault"
)

// ErrEmailMalformed is the answer to what is no e-mail address.
var ErrEmailMalformed = fault.Invalidf("email", "Enter your email address, like name@example.com.")

const (
	maxEmail     = 254 // RFC 5321 §4.5.3.1.3, with the brackets off
	maxLocalPart = 64  // RFC 5321 §4.5.3.1.1
)

// NormalizeEmail returns the key under which an address is unique in its environment: in lower case, an internationalized
// domain in its ASCII form (RFC 5891). Dots and what follows a plus stay, as only the domain's owner knows what they mean.
// Normalizing a key returns it.
//
// It takes a mailbox as RFC 5321 §4.1.2 has it, with blanks around it, but no quoted local part, no address literal and no domain
// of a single label. The local part is ASCII: letters that look or fold alike (RFC 6531) would give one person's address to
// another. For anything else it returns ErrEmailMalformed.
func NormalizeEmail(email string) (string, error) {
	_, key, err := cleanEmail(email)
	return key, err
}

// cleanEmail returns the address to write to, which differs from what was typed by blanks and an internationalized domain
// alone, and its key.
func cleanEmail(email string) (address, key string, err error) {
	email = strings.TrimSpace(email)
	local, domain, ok := cutEmail(email)
	if !ok {
		return "", "", ErrEmailMalformed
	}
	ascii, err := domains.ToASCII(domain)
	if err != nil || !strings.Contains(ascii, ".") || strings.HasSuffix(ascii, ".") {
		return "", "", ErrEmailMalformed
	}
	key = strings.ToLower(local + "@" + ascii)
	if len(key) > maxEmail {
		return "", "", ErrEmailMalformed
	}
	if !strings.EqualFold(domain, ascii) {
		email = local + "@" + ascii
	}
	return email, key, nil
}

// domains is idna.Lookup with the lengths of RFC 1035 §2.3.4, which it leaves to the resolver.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckJoiners(true), idna.VerifyDNSLength(true))

// cutEmail splits an address whose local part is a Dot-string of at most 64 octets.
func cutEmail(email string) (local, domain string, ok bool) {
	at := strings.LastIndexByte(email, '@')
	if at < 1 || at > maxLocalPart || len(email) > maxEmail || !utf8.ValidString(email) {
		return "", "", false
	}
	local, domain = email[:at], email[at+1:]
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.IndexFunc(atom, notAtext) >= 0 {
			return "", "", false
		}
	}
	return local, domain, true
}

// notAtext tells the characters that RFC 5322 §3.2.3 keeps out of an atom.
func notAtext(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// SameEmail reports whether two addresses are those of one user, whatever the case of their letters.
func SameEmail(a, b string) bool {
	x, errX := NormalizeEmail(a)
	y, errY := NormalizeEmail(b)
	return errX == nil && errY == nil && x == y
}
