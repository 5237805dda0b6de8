package identity

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/portico-id/portico/fault"
)

// Limits of the profile's fields, and of the reason for a change, in characters.
const (
	maxName    = 200
	maxURL     = 2048
	maxAddress = 500
	maxReason  = 500
	maxWord    = 64
)

// clean trims and tidies the fields, and says what is wrong with each.
func (p *Profile) clean(now time.Time) error {
	var mistakes []error
	check := func(field, value string, max int, multiline bool) string {
		value, err := cleanText(field, value, max, multiline)
		if err != nil {
			mistakes = append(mistakes, err)
		}
		return value
	}
	p.Name = check("name", p.Name, maxName, false)
	p.GivenName = check("given_name", p.GivenName, maxName, false)
	p.FamilyName = check("family_name", p.FamilyName, maxName, false)
	p.MiddleName = check("middle_name", p.MiddleName, maxName, false)
	p.Nickname = check("nickname", p.Nickname, maxName, false)
	p.PreferredUsername = check("preferred_username", p.PreferredUsername, maxName, false)
	p.Gender = check("gender", p.Gender, maxWord, false)
	p.Address.Formatted = check("address/formatted", p.Address.Formatted, maxAddress, true)
	p.Address.StreetAddress = check("address/street_address", p.Address.StreetAddress, maxAddress, true)
	p.Address.Locality = check("address/locality", p.Address.Locality, maxName, false)
	p.Address.Region = check("address/region", p.Address.Region, maxName, false)
	p.Address.PostalCode = check("address/postal_code", p.Address.PostalCode, maxWord, false)
	p.Address.Country = check("address/country", p.Address.Country, maxName, false)

	for _, f := range []struct {
		field string
		value *string
		clean func(string) (string, *fault.Error)
	}{
		{"profile", &p.Profile, cleanURL},
		{"picture", &p.Picture, cleanURL},
		{"website", &p.Website, cleanURL},
		{"birthdate", &p.Birthdate, func(s string) (string, *fault.Error) { return cleanBirthdate(s, now) }},
		{"zoneinfo", &p.Zoneinfo, cleanZone},
		{"locale", &p.Locale, cleanLocale},
		{"phone_number", &p.PhoneNumber, cleanPhone},
	} {
		if *f.value = strings.TrimSpace(*f.value); *f.value == "" {
			continue
		}
		cleaned, err := f.clean(*f.value)
		if err != nil {
			mistakes = append(mistakes, err.WithField(f.field))
			continue
		}
		*f.value = cleaned
	}
	if p.PhoneNumber == "" {
		p.PhoneNumberVerified = false
	}
	return errors.Join(mistakes...)
}

// cleanText trims a text and refuses control characters and those that turn the direction of what follows.
func cleanText(field, s string, max int, multiline bool) (string, error) {
	s = strings.TrimSpace(s)
	switch {
	case utf8.RuneCountInString(s) > max:
		return s, fault.Invalidf(field, "Use at most %d characters.", max)
	case !utf8.ValidString(s), strings.ContainsFunc(s, func(r rune) bool { return unseen(r) && !(multiline && (r == '\n' || r == '\r')) }):
		return s, fault.Invalidf(field, "Use letters, digits and punctuation alone.")
	}
	return s, nil
}

func unseen(r rune) bool {
	switch {
	case r < 0x20, 0x7f <= r && r < 0xa0: // control characters
		return true
	case r == 0x2028, r == 0x2029, 0x202a <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069: // Unicode UAX #9
		return true
	}
	return false
}

func cleanURL(s string) (string, *fault.Error) {
	u, err := url.Parse(s)
	if err != nil || len(s) > maxURL || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil ||
		strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || unseen(r) }) {
		return "", fault.Invalidf("", "Enter a web address, like https://example.com.")
	}
	return s, nil
}

var birthdateForm = regexp.MustCompile(`^\d{4}(-\d{2}-\d{2})?$`)

// cleanBirthdate takes YYYY-MM-DD, 0000-MM-DD without the year, and YYYY (OIDC Core §5.1).
func cleanBirthdate(s string, now time.Time) (string, *fault.Error) {
	wrong := fault.Invalidf("", "Enter a real date that has passed.")
	if !birthdateForm.MatchString(s) {
		return "", wrong
	}
	date := s
	if len(s) == 4 {
		date += "-01-01"
	} else if strings.HasPrefix(s, "0000-") {
		date = "2000" + s[4:] // a leap year
	}
	born, err := time.Parse(time.DateOnly, date)
	if err != nil || born.Year() < 1 || born.After(now.Add(14*time.Hour)) { // it is tomorrow already at UTC+14
		return "", wrong
	}
	return s, nil
}

var zoneForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`)

// cleanZone takes what has the form of a name in the IANA Time Zone Database.
func cleanZone(s string) (string, *fault.Error) {
	if len(s) > maxWord || !zoneForm.MatchString(s) {
		return "", fault.Invalidf("", "Enter a time zone, like Europe/Berlin.")
	}
	return s, nil
}

func cleanLocale(s string) (string, *fault.Error) {
	wrong := fault.Invalidf("", "Enter a language, like en or de-AT.")
	if len(s) > maxWord {
		return "", wrong
	}
	tag, err := language.Parse(s)
	if err != nil {
		return "", wrong
	}
	return tag.String(), nil
}

var e164 = regexp.MustCompile(`^\+[1-9]\d{6,14}$`)

// cleanPhone returns the number as E.164 has it, without the blanks and marks that people write between digits.
func cleanPhone(s string) (string, *fault.Error) {
	number := strings.NewReplacer(" ", "", "\u00a0", "", "-", "", ".", "", "/", "", "(", "", ")", "").Replace(s)
	if !e164.MatchString(number) {
		return "", fault.Invalidf("", "Enter a phone number with its country code, like +49 30 901820.")
	}
	return number, nil
}

// profileChange is what an event says of a change: the claims that differ.
type profileChange struct {
	Before map[string]any `json:"before"`
	After  map[string]any `json:"after"`
}

func differences(before, after *Profile) profileChange {
	c := profileChange{before.claims(), after.claims()}
	for name, value := range c.Before {
		if c.After[name] == value {
			delete(c.Before, name)
			delete(c.After, name)
		}
	}
	return c
}
