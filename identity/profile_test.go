package identity

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var profileNow = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

func TestCleanProfile(t *testing.T) {
	family := "👩‍👩‍👧" // joined by U+200D
	for _, c := range []struct {
		name    string
		typed   Profile
		want    Profile
		mistake string // field; "" for none
	}{
		{name: "empty"},
		{name: "blanks", typed: Profile{Name: "  Ada ", Website: " ", PhoneNumber: " "}, want: Profile{Name: "Ada"}},
		{name: "any script", typed: Profile{Name: "Ада 愛 " + family, GivenName: "أدا"}, want: Profile{Name: "Ада 愛 " + family, GivenName: "أدا"}},
		{name: "200 characters", typed: Profile{Nickname: strings.Repeat("愛", 200)}, want: Profile{Nickname: strings.Repeat("愛", 200)}},
		{name: "201 characters", typed: Profile{Nickname: strings.Repeat("a", 201)}, mistake: "nickname"},
		{name: "line break", typed: Profile{FamilyName: "Love\nlace"}, mistake: "family_name"},
		{name: "NUL, which PostgreSQL refuses", typed: Profile{MiddleName: "A\x00"}, mistake: "middle_name"},
		{name: "not UTF-8", typed: Profile{PreferredUsername: "a\xff"}, mistake: "preferred_username"},
		{name: "text that turns what follows (UAX #9)", typed: Profile{Name: "Ada\u202Emoc.live"}, mistake: "name"},
		{name: "long gender", typed: Profile{Gender: strings.Repeat("a", 65)}, mistake: "gender"},

		{name: "address on two lines (OIDC Core §5.1.1)", typed: Profile{Address: Address{Formatted: "12 St James\r\nLondon", StreetAddress: "12\nSt James"}},
			want: Profile{Address: Address{Formatted: "12 St James\r\nLondon", StreetAddress: "12\nSt James"}}},
		{name: "country on two lines", typed: Profile{Address: Address{Country: "U\nK"}}, mistake: "address/country"},
		{name: "long street", typed: Profile{Address: Address{StreetAddress: strings.Repeat("a", 501)}}, mistake: "address/street_address"},

		{name: "https", typed: Profile{Picture: "https://example.com/ada.png?s=1#x"}, want: Profile{Picture: "https://example.com/ada.png?s=1#x"}},
		{name: "http", typed: Profile{Website: "http://example.com"}, want: Profile{Website: "http://example.com"}},
		{name: "javascript", typed: Profile{Website: "javascript:alert(1)"}, mistake: "website"},
		{name: "data", typed: Profile{Picture: "data:image/png;base64,AAAA"}, mistake: "picture"},
		{name: "relative", typed: Profile{Profile: "/ada"}, mistake: "profile"},
		{name: "no host", typed: Profile{Profile: "https:///ada"}, mistake: "profile"},
		{name: "user-info", typed: Profile{Profile: "https://example.com@evil.example/"}, mistake: "profile"},
		{name: "blank in a URL", typed: Profile{Profile: "https://example.com/a b"}, mistake: "profile"},
		{name: "long URL", typed: Profile{Profile: "https://example.com/" + strings.Repeat("a", 2048)}, mistake: "profile"},

		{name: "date (OIDC Core §5.1)", typed: Profile{Birthdate: "1815-12-10"}, want: Profile{Birthdate: "1815-12-10"}},
		{name: "without the year", typed: Profile{Birthdate: "0000-02-29"}, want: Profile{Birthdate: "0000-02-29"}},
		{name: "the year alone", typed: Profile{Birthdate: "1815"}, want: Profile{Birthdate: "1815"}},
		{name: "today", typed: Profile{Birthdate: "2026-12-01"}, want: Profile{Birthdate: "2026-12-01"}},
		{name: "no leap year", typed: Profile{Birthdate: "1815-02-29"}, mistake: "birthdate"},
		{name: "13th month", typed: Profile{Birthdate: "1815-13-01"}, mistake: "birthdate"},
		{name: "year zero", typed: Profile{Birthdate: "0000"}, mistake: "birthdate"},
		{name: "month alone", typed: Profile{Birthdate: "1815-12"}, mistake: "birthdate"},
		{name: "to come", typed: Profile{Birthdate: "2026-12-03"}, mistake: "birthdate"},
		{name: "the other way round", typed: Profile{Birthdate: "10.12.1815"}, mistake: "birthdate"},

		{name: "time zone", typed: Profile{Zoneinfo: "America/Argentina/Buenos_Aires"}, want: Profile{Zoneinfo: "America/Argentina/Buenos_Aires"}},
		{name: "UTC", typed: Profile{Zoneinfo: "Etc/GMT+1"}, want: Profile{Zoneinfo: "Etc/GMT+1"}},
		{name: "path", typed: Profile{Zoneinfo: "../../etc/passwd"}, mistake: "zoneinfo"},
		{name: "blank in a time zone", typed: Profile{Zoneinfo: "Europe Berlin"}, mistake: "zoneinfo"},

		{name: "language (BCP 47)", typed: Profile{Locale: "DE-at"}, want: Profile{Locale: "de-AT"}},
		{name: "with an underscore (OIDC Core §5.1)", typed: Profile{Locale: "en_US"}, want: Profile{Locale: "en-US"}},
		{name: "with a script", typed: Profile{Locale: "zh-Hant-TW"}, want: Profile{Locale: "zh-Hant-TW"}},
		{name: "no language", typed: Profile{Locale: "German"}, mistake: "locale"},
		{name: "long language", typed: Profile{Locale: "de" + strings.Repeat("-x-a", 40)}, mistake: "locale"},

		{name: "number (E.164)", typed: Profile{PhoneNumber: "+4930901820", PhoneNumberVerified: true}, want: Profile{PhoneNumber: "+4930901820", PhoneNumberVerified: true}},
		{name: "number as people write it", typed: Profile{PhoneNumber: "+1 (604) 555-1234"}, want: Profile{PhoneNumber: "+16045551234"}},
		{name: "verified, but none", typed: Profile{PhoneNumberVerified: true}},
		{name: "no country code", typed: Profile{PhoneNumber: "030 901820"}, mistake: "phone_number"},
		{name: "country code zero", typed: Profile{PhoneNumber: "+030901820"}, mistake: "phone_number"},
		{name: "16 digits", typed: Profile{PhoneNumber: "+1234567890123456"}, mistake: "phone_number"},
		{name: "letters", typed: Profile{PhoneNumber: "+1800FLOWERS"}, mistake: "phone_number"},
	} {
		got := c.typed
		err := got.clean(profileNow)
		var fields []string
		if c.mistake != "" {
			fields = []string{c.mistake}
		}
		if diff := cmp.Diff(fields, fieldsOf(err)); diff != "" {
			t.Errorf("%s: fields of %v (-want +got)\n%s", c.name, err, diff)
			continue
		}
		if diff := cmp.Diff(c.want, got); err == nil && diff != "" {
			t.Errorf("%s: profile (-want +got)\n%s", c.name, diff)
		}
	}
}

func FuzzCleanProfile(f *testing.F) {
	f.Add("Ada", "https://example.com", "1815-12-10", "Europe/Berlin", "de-AT", "+49 30 901820")
	f.Add("A\u202Eda", "https://a@b", "0000-02-29", "Etc/GMT+1", "en_US", "+1 (604) 555-1234")
	f.Fuzz(func(t *testing.T, name, url, birthdate, zone, locale, phone string) {
		p := Profile{Name: name, Website: url, Birthdate: birthdate, Zoneinfo: zone, Locale: locale, PhoneNumber: phone}
		if p.clean(profileNow) != nil {
			return
		}
		again := p
		if err := again.clean(profileNow); err != nil || again != p {
			t.Errorf("clean profile %+v became %+v, %v", p, again, err)
		}
	})
}
