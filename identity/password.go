package identity

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	zxcvbn "github.com/ccojocar/zxcvbn-go"
	"github.com/ccojocar/zxcvbn-go/matching"
	"golang.org/x/text/unicode/norm"

	"github.com/portico-id/portico/fault"
)

// Lengths of passwords in characters, after normalization.
const (
	MinPasswordLength = 8   // whatever is configured, and where a second factor is required (NIST SP 800-63B-4 §3.1.1.2)
	MaxPasswordLength = 256 // of any kind
)

// What is wrong with a new password. ErrPasswordTooShort and ErrPasswordTooLong are causes of the *fault.Error that names the
// limit.
var (
	ErrPasswordGuessable = fault.Invalidf("password", "This password is easy to guess. Add another word.")
	ErrPasswordStolen    = fault.Invalidf("password", "This password is in a list of stolen passwords. Choose another.")
	ErrPasswordUnread    = fault.Invalidf("password", "This password has characters that we cannot read. Choose another.")
	ErrPasswordTooShort  = errors.New("too short")
	ErrPasswordTooLong   = errors.New("too long")
)

const (
	// Beyond this zxcvbn takes long, and there is enough to judge.
	judgedBytes = 72
	judgedScore = 3
	// What must be left of a password without the words of the account.
	ownCharacters = 8
	shortestWord  = 3
)

// PasswordPolicy says what a new password must be. There are no rules of composition (NIST SP 800-63B-4 §3.1.1.2).
type PasswordPolicy struct {
	MinLength int // characters; less than MinPasswordLength counts as that
}

// Min is the least number of characters.
func (p PasswordPolicy) Min() int { return max(p.MinLength, MinPasswordLength) }

// Check returns a *fault.Error that blames the field password if it is too short, too long, commonly used, easy to guess, or
// little more than the words: what is known of the account, such as its address, its owner's name, the application's name.
func (p PasswordPolicy) Check(password string, words ...string) error {
	if !utf8.ValidString(password) {
		return ErrPasswordUnread
	}
	password = norm.NFKC.String(password)
	length := utf8.RuneCountInString(password)
	switch {
	case length < p.Min():
		return fault.Invalidf("password", "Use at least %d characters. Three or four unrelated words work well.", p.Min()).WithCause(ErrPasswordTooShort)
	case length > MaxPasswordLength:
		return fault.Invalidf("password", "Use at most %d characters.", MaxPasswordLength).WithCause(ErrPasswordTooLong)
	case commonlyUsed(password):
		return ErrPasswordStolen
	}
	words = known(words)
	if derived(password, words) || guessable(password, words) {
		return ErrPasswordGuessable
	}
	return nil
}

// guessable reports whether zxcvbn gives the password, or one of its readings, a low score. It reads digits and marks as
// letters here and not there, as that would take seconds for a password made to keep it busy.
func guessable(password string, words []string) bool {
	password = repeated(password)
	for _, reading := range []string{password, leetI.Replace(password), leetL.Replace(password)} {
		if zxcvbn.PasswordStrength(cut(reading, judgedBytes), words, matching.FilterL33tMatcher).Score < judgedScore {
			return true
		}
	}
	return false
}

// leetI and leetL undo what people put in the place of letters. A 1 stands for i or l.
var (
	leetI = strings.NewReplacer(append(leet, "1", "i", "!", "i", "|", "i")...)
	leetL = strings.NewReplacer(append(leet, "1", "l", "!", "l", "|", "l")...)
	leet  = []string{"4", "a", "@", "a", "8", "b", "3", "e", "6", "g", "9", "g", "0", "o", "5", "s", "$", "s", "7", "t", "+", "t", "2", "z"}
)

// repeated returns the part of which the password is a repetition, itself if it is none.
func repeated(password string) string {
	letters := []rune(strings.ToLower(password))
	for n := 1; n <= (len(letters)+1)/2; n++ { // the last may lack what separates them
		if slices.Equal(letters[n:], letters[:len(letters)-n]) {
			return string(letters[:n])
		}
	}
	return password
}

// known returns the texts and the words in them in lower case, the longest first.
func known(texts []string) []string {
	var words []string
	for _, text := range texts {
		text = strings.ToLower(norm.NFKC.String(text))
		words = append(words, text, squeeze(text))
		words = append(words, strings.FieldsFunc(text, separates)...)
	}
	words = slices.DeleteFunc(words, func(w string) bool { return utf8.RuneCountInString(w) < shortestWord })
	slices.SortFunc(words, func(a, b string) int {
		if d := len(b) - len(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(words)
}

func separates(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// squeeze leaves letters and digits alone.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if separates(r) {
			return -1
		}
		return r
	}, s)
}

// derived reports whether too few letters are left of the password once the words are taken out of it.
func derived(password string, words []string) bool {
	rest := strings.ToLower(password)
	before := len(rest)
	for _, word := range words {
		rest = strings.ReplaceAll(rest, word, " ")
	}
	return len(rest) < before && utf8.RuneCountInString(squeeze(rest)) < ownCharacters
}

// cut returns the first whole characters of s that fit into n bytes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
