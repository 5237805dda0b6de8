package organizations

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
)

// MembershipID identifies a membership: mem_…
type MembershipID string

// State says whether a membership counts.
type State string

// The states of a membership.
const (
	Active      State = "active"
	Deactivated State = "deactivated" // it is kept with its roles, and gives nothing
)

// Membership is one user's belonging to one organization.
type Membership struct {
	ID           MembershipID
	Environment  environments.ID
	Organization ID
	User         identity.ID
	Roles        []string // names of roles, in their order; nil for none
	State        State
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// MembershipSettings are what people set of a membership, as Settings are of an organization.
type MembershipSettings struct {
	Roles []string `json:"roles" doc:"Names of roles, each once."`
	State State    `json:"state" enum:"active,deactivated" doc:"To deactivate a membership ends the user's sessions in the organization. It keeps its roles."`
}

// Settings returns what people set of the membership.
func (m *Membership) Settings() MembershipSettings {
	roles := m.Roles
	if roles == nil {
		roles = []string{}
	}
	return MembershipSettings{Roles: roles, State: m.State}
}

// Apply sets all of it.
func (s *MembershipSettings) Apply(m *Membership) { m.Roles, m.State = s.Roles, s.State }

// maxRoles bounds what a token has to carry.
const maxRoles = 20

// validate puts the roles in order. Whether there are such roles, the Store finds out.
func (m *Membership) validate() error {
	if m.State != Active && m.State != Deactivated {
		return fault.Invalidf("state", "state %+q must be active or deactivated", m.State)
	}
	if len(m.Roles) > maxRoles {
		return fault.Invalidf("roles", "roles has %d values: %d is the most", len(m.Roles), maxRoles)
	}
	m.Roles = slices.Compact(slices.Sorted(slices.Values(m.Roles)))
	return nil
}

// Listed is a membership with the names of its organization and its user.
type Listed struct {
	Membership
	OrganizationName string
	Email            string
	UserName         string
}

// Position is what an active membership makes of a user: in the organization, with the roles, and with the permissions that
// they give. It is what tokens say of her organization.
type Position struct {
	Organization ID
	Name, Slug   string          // the organization's
	Metadata     json.RawMessage // the organization's: an object of texts
	Roles        []string        // in their order; nil for none
	Permissions  []string        // of all roles, in their order and each once; nil for none
}
