package identity

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/fault"
)

var ada = &User{
	ID: "usr_ada", Email: "Ada@Example.com", EmailVerified: true, UpdatedAt: time.Unix(1764576000, 999).UTC(),
	Profile: Profile{
		Name: "Ada Lovelace", GivenName: "Ada", FamilyName: "Lovelace", MiddleName: "Augusta", Nickname: "Countess",
		PreferredUsername: "ada", Profile: "https://example.com/ada", Picture: "https://example.com/ada.png",
		Website: "https://ada.example", Gender: "female", Birthdate: "1815-12-10", Zoneinfo: "Europe/London", Locale: "en-GB",
		PhoneNumber: "+442071234567", PhoneNumberVerified: true,
		Address: Address{
			Formatted: "12 St James's Square\nLondon", StreetAddress: "12 St James's Square", Locality: "London",
			Region: "England", PostalCode: "SW1Y 4JH", Country: "United Kingdom",
		},
	},
}

var profileClaims = []string{"birthdate", "family_name", "gender", "given_name", "locale", "middle_name", "name", "nickname", "picture",
	"preferred_username", "profile", "updated_at", "website", "zoneinfo"}

func parseClaims(t *testing.T, s string) ClaimsRequest {
	t.Helper()
	if s == "" {
		return ClaimsRequest{}
	}
	request, err := ParseClaimsRequest([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return request
}

func TestClaims(t *testing.T) {
	all := slices.Concat(profileClaims, []string{"email", "email_verified", "address", "phone_number", "phone_number_verified"})
	for _, c := range []struct {
		name    string
		scopes  []string
		request string
		target  Target
		want    []string // besides sub
	}{
		// The modules of conformance.md §3.1.
		{"oidcc-userinfo-get", []string{"openid"}, ``, UserInfo, nil},
		{"oidcc-scope-profile", []string{"openid", "profile"}, ``, UserInfo, profileClaims},
		{"oidcc-scope-email", []string{"openid", "email"}, ``, UserInfo, []string{"email", "email_verified"}},
		{"oidcc-scope-email, no email in the ID token", []string{"openid", "email"}, ``, IDToken, nil},
		{"oidcc-scope-email, response_type=id_token", []string{"openid", "email"}, ``, IDTokenAlone, []string{"email", "email_verified"}},
		{"oidcc-scope-address", []string{"openid", "address"}, ``, UserInfo, []string{"address"}},
		{"oidcc-scope-phone", []string{"openid", "phone"}, ``, UserInfo, []string{"phone_number", "phone_number_verified"}},
		{"oidcc-scope-all", []string{"openid", "profile", "email", "address", "phone"}, ``, UserInfo, all},
		{"oidcc-scope-all, no claims in the ID token", []string{"openid", "profile", "email", "address", "phone"}, ``, IDToken, nil},
		{"oidcc-scope-all, response_type=id_token", []string{"openid", "profile", "email", "address", "phone"}, ``, IDTokenAlone, all},
		{"oidcc-alternate-happy-flow", []string{"email", "openid"}, ``, UserInfo, []string{"email", "email_verified"}},
		{"oidcc-claims-essential", []string{"openid"}, `{"userinfo":{"name":{"essential":true}}}`, UserInfo, []string{"name"}},
		{"oidcc-claims-essential, not in the ID token", []string{"openid"}, `{"userinfo":{"name":{"essential":true}}}`, IDToken, nil},
		{"oidcc-claims-essential, response_type=id_token", []string{"openid"}, `{"id_token":{"name":{"essential":true}}}`, IDTokenAlone, []string{"name"}},

		// OIDC Core §5.5.
		{"voluntary", []string{"openid"}, `{"userinfo":{"nickname":null,"picture":{}}}`, UserInfo, []string{"nickname", "picture"}},
		{"beside those of the scopes", []string{"openid", "phone"}, `{"userinfo":{"name":null}}`, UserInfo, []string{"name", "phone_number", "phone_number_verified"}},
		{"in the ID token beside an access token", []string{"openid", "phone"}, `{"id_token":{"email":null,"auth_time":{"essential":true}}}`, IDToken, []string{"email"}},
		{"for the ID token, not for userinfo", []string{"openid"}, `{"id_token":{"email":null}}`, UserInfo, nil},
		{"nobody's claim", []string{"openid"}, `{"userinfo":{"http://example.info/claims/groups":null}}`, UserInfo, nil},
		{"in a language that nobody gave (§5.2)", []string{"openid"}, `{"userinfo":{"name#ja-Kana-JP":null}}`, UserInfo, nil},
		{"sub is not doubled", []string{"openid"}, `{"id_token":{"sub":{"value":"usr_eve"}}}`, IDToken, nil},

		// OIDC Core §5.5.1.
		{"with its value", nil, `{"userinfo":{"email":{"value":"Ada@Example.com"}}}`, UserInfo, []string{"email"}},
		{"with another value", nil, `{"userinfo":{"email":{"value":"eve@example.com","essential":true}}}`, UserInfo, nil},
		{"with another value, but the scope gives it", []string{"email"}, `{"userinfo":{"email":{"value":"eve@example.com"}}}`, UserInfo, []string{"email", "email_verified"}},
		{"one of several", nil, `{"userinfo":{"locale":{"values":["de","en-GB"]}}}`, UserInfo, []string{"locale"}},
		{"none of several", nil, `{"userinfo":{"locale":{"values":["de","en"]}}}`, UserInfo, nil},
		{"none of none", nil, `{"userinfo":{"locale":{"values":[]}}}`, UserInfo, nil},
		{"boolean", nil, `{"userinfo":{"email_verified":{"value":true},"phone_number_verified":{"value":false}}}`, UserInfo, []string{"email_verified"}},
		{"number", nil, `{"userinfo":{"updated_at":{"value":1764576000}}}`, UserInfo, []string{"updated_at"}},
		{"of another type", nil, `{"userinfo":{"email_verified":{"value":"true"}}}`, UserInfo, nil},
		{"object", nil, `{"userinfo":{"address":{"value":{"locality":"London"}}}}`, UserInfo, nil},
	} {
		got := Claims(ada, c.scopes, parseClaims(t, c.request), c.target)
		if got["sub"] != "usr_ada" {
			t.Errorf("%s: sub = %v", c.name, got["sub"])
		}
		delete(got, "sub")
		names := slices.Sorted(maps.Keys(got))
		slices.Sort(c.want)
		if diff := cmp.Diff(c.want, names); len(c.want)+len(names) > 0 && diff != "" {
			t.Errorf("%s: claims (-want +got)\n%s", c.name, diff)
		}
	}
}

// OIDC Core §5.1: types and forms.
func TestClaimValues(t *testing.T) {
	got, err := json.MarshalIndent(Claims(ada, SupportedScopes(), ClaimsRequest{}, UserInfo), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
  "address": {
    "formatted": "12 St James's Square\nLondon",
    "street_address": "12 St James's Square",
    "locality": "London",
    "region": "England",
    "postal_code": "SW1Y 4JH",
    "country": "United Kingdom"
  },
  "birthdate": "1815-12-10",
  "email": "Ada@Example.com",
  "email_verified": true,
  "family_name": "Lovelace",
  "gender": "female",
  "given_name": "Ada",
  "locale": "en-GB",
  "middle_name": "Augusta",
  "name": "Ada Lovelace",
  "nickname": "Countess",
  "phone_number": "+442071234567",
  "phone_number_verified": true,
  "picture": "https://example.com/ada.png",
  "preferred_username": "ada",
  "profile": "https://example.com/ada",
  "sub": "usr_ada",
  "updated_at": 1764576000,
  "website": "https://ada.example",
  "zoneinfo": "Europe/London"
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("claims (-want +got)\n%s", diff)
	}
}

// OIDC Core §5.3.2: a claim that isn't there is left out, not null or empty.
func TestClaimsThatTheUserHasNot(t *testing.T) {
	u := &User{ID: "usr_1", Email: "a@example.com", UpdatedAt: time.Unix(1, 0), Profile: Profile{Address: Address{Country: "UK"}}}
	want := map[string]any{"sub": "usr_1", "email": "a@example.com", "email_verified": false, "updated_at": int64(1), "address": Address{Country: "UK"}}
	if diff := cmp.Diff(want, Claims(u, SupportedScopes(), ClaimsRequest{}, UserInfo)); diff != "" {
		t.Errorf("claims (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"sub": "usr_2"}, Claims(&User{ID: "usr_2"}, SupportedScopes(), ClaimsRequest{}, UserInfo)); diff != "" {
		t.Errorf("claims (-want +got)\n%s", diff)
	}
}

func TestSupported(t *testing.T) {
	want := slices.Sorted(maps.Keys(Claims(ada, SupportedScopes(), ClaimsRequest{}, UserInfo)))
	if got := slices.Sorted(slices.Values(SupportedClaims())); !slices.Equal(got, want) {
		t.Errorf("SupportedClaims() = %q, want %q", got, want)
	}
}

func TestParseClaimsRequest(t *testing.T) {
	got := parseClaims(t, `{
		"userinfo": {"given_name": {"essential": true}, "nickname": null, "http://example.info/claims/groups": null},
		"id_token": {"auth_time": {"essential": true}, "acr": {"values": ["urn:mace:incommon:iap:silver"], "purpose": "x"}, "sub": {"value": "usr_ada"}},
		"verified_claims": [1, 2]
	}`) // after OIDC Core §5.5
	want := ClaimsRequest{
		UserInfo: map[string]RequestedClaim{"given_name": {Essential: true}, "nickname": {}, "http://example.info/claims/groups": {}},
		IDToken: map[string]RequestedClaim{
			"auth_time": {Essential: true}, "acr": {Values: []any{"urn:mace:incommon:iap:silver"}}, "sub": {Value: "usr_ada"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got)\n%s", diff)
	}
	kept, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, parseClaims(t, string(kept))); diff != "" {
		t.Errorf("request that was kept as %s (-want +got)\n%s", kept, diff)
	}
	for _, nothing := range []string{`{}`, `{"userinfo":null}`, `{"id_token":null,"x":1}`} {
		if diff := cmp.Diff(ClaimsRequest{}, parseClaims(t, nothing)); diff != "" {
			t.Errorf("%s: request (-want +got)\n%s", nothing, diff)
		}
	}
}

func TestParseClaimsRequestRefuses(t *testing.T) {
	for _, c := range []struct{ name, request, field string }{
		{"empty", ``, "claims"},
		{"no JSON", `{`, "claims"},
		{"two values", `{} {}`, "claims"},
		{"null", `null`, "claims"},
		{"array", `[]`, "claims"},
		{"string", `"userinfo"`, "claims"},
		{"member that is no object", `{"userinfo":[]}`, "claims/userinfo"},
		{"member that is a string", `{"id_token":"email"}`, "claims/id_token"},
		{"claim that is no object", `{"userinfo":{"name":true}}`, "claims/userinfo/name"},
		{"essential that is no boolean", `{"id_token":{"auth_time":{"essential":"yes"}}}`, "claims/id_token/auth_time/essential"},
		{"values that are no array", `{"id_token":{"acr":{"values":"1"}}}`, "claims/id_token/acr/values"},
		{"name that is not to be printed", `{"id_token":{"\u0000\"<":1}}`, "claims/id_token"},
		{"nested too deep", `{"userinfo":{"name":{"value":{"a":{"b":{"c":{}}}}}}}`, "claims"},
		{"nested too deep in a member that nobody reads", `{"x":[[[[[[]]]]]]}`, "claims"},
		{"too long", `{"x":"` + string(make([]byte, maxClaimsRequest)) + `"}`, "claims"},
	} {
		got, err := ParseClaimsRequest([]byte(c.request))
		if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || f.Field != c.field {
			t.Errorf("%s: ParseClaimsRequest(%.80s) = %v, want a fault of %s", c.name, c.request, err, c.field)
		}
		if diff := cmp.Diff(ClaimsRequest{}, got); diff != "" {
			t.Errorf("%s: request beside an error (-want +got)\n%s", c.name, diff)
		}
	}
}

func TestClaimsRequestScopes(t *testing.T) {
	for request, want := range map[string][]string{
		``: {},
		`{"userinfo":{"name":null,"auth_time":null}}`:                                    {"profile"},
		`{"id_token":{"phone_number_verified":null},"userinfo":{"email":null,"sub":{}}}`: {"email", "phone"},
		`{"userinfo":{"address":null,"updated_at":null,"email":null,"phone_number":{}}}`: {"profile", "email", "address", "phone"},
	} {
		if got := parseClaims(t, request).Scopes(); !slices.Equal(got, want) {
			t.Errorf("Scopes() of %s = %q, want %q", request, got, want)
		}
	}
}

func FuzzParseClaimsRequest(f *testing.F) {
	for _, s := range []string{
		`{"userinfo":{"name":{"essential":true},"email":null},"id_token":{"acr":{"values":["1",2,null]},"sub":{"value":"usr_ada"}}}`,
		`{"userinfo":{"address":{"value":{"locality":"London"}}}}`, `{"x":[[[[[]]]]]}`, `null`, `{"userinfo":{"name":{"value":1e400}}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		request, err := ParseClaimsRequest(data)
		if err != nil {
			if f := fault.Of(err); f.Kind != fault.Invalid {
				t.Errorf("ParseClaimsRequest(%q): %v", data, err)
			}
			return
		}
		kept, err := json.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseClaimsRequest(kept)
		if err != nil && len(kept) <= maxClaimsRequest {
			t.Errorf("ParseClaimsRequest(%q), of what it returned: %v", kept, err)
		}
		for _, target := range []Target{UserInfo, IDToken, IDTokenAlone} {
			got := Claims(ada, []string{"openid", "email"}, request, target)
			if diff := cmp.Diff(got, Claims(ada, []string{"openid", "email"}, again, target)); err == nil && diff != "" {
				t.Errorf("%q means something else once it was kept as %q:\n%s", data, kept, diff)
			}
		}
	})
}

func BenchmarkClaims(b *testing.B) {
	request, err := ParseClaimsRequest([]byte(`{"userinfo":{"name":{"essential":true},"picture":null}}`))
	if err != nil {
		b.Fatal(err)
	}
	for name, c := range map[string]struct {
		scopes  []string
		request ClaimsRequest
	}{
		"openid":        {[]string{"openid"}, ClaimsRequest{}},
		"profile_email": {[]string{"openid", "profile", "email"}, ClaimsRequest{}},
		"all":           {[]string{"openid", "profile", "email", "address", "phone"}, ClaimsRequest{}},
		"request":       {[]string{"openid"}, request},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Claims(ada, c.scopes, c.request, UserInfo)
			}
		})
	}
}

func BenchmarkParseClaimsRequest(b *testing.B) {
	data := []byte(`{"userinfo":{"name":{"essential":true},"picture":null},"id_token":{"acr":{"values":["1","2"]}}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseClaimsRequest(data); err != nil {
			b.Fatal(err)
		}
	}
}
