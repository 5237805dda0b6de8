package provider

import "github.com/portico-id/portico/grants"

// organizationClaims are what tokens say of the organization that the session is in. The zero value, which is left out, is for
// one in none.
type organizationClaims struct {
	Organization string   `json:"org_id,omitempty"`
	Roles        []string `json:"roles,omitzero"` // [] for none
	Permissions  []string `json:"permissions,omitzero"`
}

// organizationClaimNames are the names of organizationClaims, for discovery.
var organizationClaimNames = []string{"org_id", "roles", "permissions"}

func organizationOf(s *grants.State) organizationClaims {
	if s.Position == nil {
		return organizationClaims{}
	}
	c := organizationClaims{Organization: string(s.Position.Organization), Roles: s.Position.Roles, Permissions: s.Position.Permissions}
	if c.Roles == nil {
		c.Roles = []string{}
	}
	if c.Permissions == nil {
		c.Permissions = []string{}
	}
	return c
}

func (c organizationClaims) addTo(claims map[string]any) {
	if c.Organization != "" {
		claims["org_id"], claims["roles"], claims["permissions"] = c.Organization, c.Roles, c.Permissions
	}
}
