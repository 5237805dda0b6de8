package identity

import "slices"

// Target says where claims go.
type Target int

// The targets of claims.
const (
	UserInfo     Target = iota // the answer of the userinfo endpoint
	IDToken                    // an ID token beside an access token, which asks userinfo: what the request names alone
	IDTokenAlone               // an ID token without an access token: what the scopes ask for as well (OIDC Core §5.4)
)

// The scopes that ask for claims (OIDC Core §5.4).
const (
	scopeProfile = "profile"
	scopeEmail   = "email"
	scopeAddress = "address"
	scopePhone   = "phone"
)

// claim is a standard claim (OIDC Core §5.1) with the scope that asks for it.
type claim struct {
	name  string
	scope string
	value func(*User) any // nil if the user doesn't have it
}

func text(field func(*Profile) string) func(*User) any {
	return func(u *User) any {
		if s := field(&u.Profile); s != "" {
			return s
		}
		return nil
	}
}

var standardClaims = []claim{
	{"name", scopeProfile, text(func(p *Profile) string { return p.Name })},
	{"given_name", scopeProfile, text(func(p *Profile) string { return p.GivenName })},
	{"family_name", scopeProfile, text(func(p *Profile) string { return p.FamilyName })},
	{"middle_name", scopeProfile, text(func(p *Profile) string { return p.MiddleName })},
	{"nickname", scopeProfile, text(func(p *Profile) string { return p.Nickname })},
	{"preferred_username", scopeProfile, text(func(p *Profile) string { return p.PreferredUsername })},
	{"profile", scopeProfile, text(func(p *Profile) string { return p.Profile })},
	{"picture", scopeProfile, text(func(p *Profile) string { return p.Picture })},
	{"website", scopeProfile, text(func(p *Profile) string { return p.Website })},
	{"gender", scopeProfile, text(func(p *Profile) string { return p.Gender })},
	{"birthdate", scopeProfile, text(func(p *Profile) string { return p.Birthdate })},
	{"zoneinfo", scopeProfile, text(func(p *Profile) string { return p.Zoneinfo })},
	{"locale", scopeProfile, text(func(p *Profile) string { return p.Locale })},
	{"updated_at", scopeProfile, func(u *User) any {
		if u.UpdatedAt.IsZero() {
			return nil
		}
		return u.UpdatedAt.Unix()
	}},
	{"email", scopeEmail, func(u *User) any {
		if u.Email == "" {
			return nil
		}
		return u.Email
	}},
	{"email_verified", scopeEmail, func(u *User) any {
		if u.Email == "" {
			return nil
		}
		return u.EmailVerified
	}},
	{"address", scopeAddress, func(u *User) any {
		if u.Profile.Address == (Address{}) {
			return nil
		}
		return u.Profile.Address
	}},
	{"phone_number", scopePhone, text(func(p *Profile) string { return p.PhoneNumber })},
	{"phone_number_verified", scopePhone, func(u *User) any {
		if u.Profile.PhoneNumber == "" {
			return nil
		}
		return u.Profile.PhoneNumberVerified
	}},
}

// SupportedClaims returns the names of the claims about a user, for discovery. Those of the protocol, such as auth_time, are
// not among them.
func SupportedClaims() []string {
	names := []string{"sub"}
	for _, c := range standardClaims {
		names = append(names, c.name)
	}
	return names
}

// SupportedScopes returns the scopes that ask for claims about a user, for discovery. openid and offline_access are not
// among them.
func SupportedScopes() []string { return []string{scopeProfile, scopeEmail, scopeAddress, scopePhone} }

// Claims returns sub and what the scopes and the claims request ask for the target, as far as the user has it (OIDC Core §5.4,
// §5.5). A claim that is requested with a value is given if it has that value. The map is the caller's own.
func Claims(u *User, scopes []string, request ClaimsRequest, target Target) map[string]any {
	requested := request.UserInfo
	if target != UserInfo {
		requested = request.IDToken
	}
	size := 8
	if slices.Contains(scopes, scopeProfile) {
		size = 1 + len(standardClaims)
	}
	out := make(map[string]any, size)
	out["sub"] = string(u.ID)
	for i := range standardClaims {
		c := &standardClaims[i]
		scoped := target != IDToken && slices.Contains(scopes, c.scope)
		wish, wished := requested[c.name]
		if !scoped && !wished {
			continue
		}
		value := c.value(u)
		if value == nil || (!scoped && !wish.allows(value)) {
			continue
		}
		out[c.name] = value
	}
	return out
}

// claims returns those that are kept in the profile.
func (p *Profile) claims() map[string]any {
	all := Claims(&User{Profile: *p}, SupportedScopes(), ClaimsRequest{}, UserInfo)
	delete(all, "sub")
	return all
}
