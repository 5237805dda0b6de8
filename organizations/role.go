package organizations

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

// RoleID identifies a role: rol_…
type RoleID string

// Role is a name for permissions, which members of organizations have by it. None is built in. Applications know a role by
// its name, so that never changes.
type Role struct {
	ID          RoleID
	Environment environments.ID
	Name        string // unique in the environment
	Description string // for other operators
	Permissions []string
	ManagedBy   environments.Manager
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// RoleSettings are what people set of a role, as Settings are of an organization.
type RoleSettings struct {
	Name        string   `json:"name" pattern:"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$" doc:"What applications find in the claim roles: up to 64 letters, digits and _ . : / -, beginning with a letter or a digit. It can't be changed later."`
	Description string   `json:"description" maxLength:"500" doc:"For other operators, in up to 500 characters."`
	Permissions []string `json:"permissions" maxItems:"200" doc:"What applications find in the claim permissions, such as invoices:read: each of up to 128 letters, digits and _ . : / * -."`
}

// Settings returns what people set of the role.
func (r *Role) Settings() RoleSettings {
	permissions := r.Permissions
	if permissions == nil {
		permissions = []string{}
	}
	return RoleSettings{Name: r.Name, Description: r.Description, Permissions: permissions}
}

// Apply sets all of it.
func (s *RoleSettings) Apply(r *Role) {
	r.Name, r.Description, r.Permissions = s.Name, s.Description, s.Permissions
}

// roleState is what the record of events has of a role.
type roleState struct {
	RoleSettings
	ManagedBy environments.Manager `json:"managed_by,omitempty"`
}

func (r *Role) state() roleState { return roleState{r.Settings(), r.ManagedBy} }

const maxPermissions = 200

// Neither has a space or a line break, so that lists of them can be kept as text.
var (
	roleForm       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$`)
	permissionForm = regexp.MustCompile(`^[A-Za-z0-9_.:/*-]{1,128}$`)
)

// validate puts the permissions in order and tells all that is wrong with what people set.
func (r *Role) validate() error {
	mistakes := []error{checkText("description", r.Description, 0, maxDescription)}
	if !roleForm.MatchString(r.Name) {
		mistakes = append(mistakes, fault.Invalidf("name", "name %+q must be up to 64 letters, digits and _ . : / -, beginning with a letter or a digit", r.Name))
	}
	if len(r.Permissions) > maxPermissions {
		mistakes = append(mistakes, fault.Invalidf("permissions", "permissions has %d values: %d is the most", len(r.Permissions), maxPermissions))
		return errors.Join(mistakes...)
	}
	for i, permission := range r.Permissions {
		if !permissionForm.MatchString(permission) {
			mistakes = append(mistakes, fault.Invalidf(fmt.Sprintf("permissions/%d", i), "%+q must be up to 128 letters, digits and _ . : / * -", permission))
		}
	}
	r.Permissions = slices.Compact(slices.Sorted(slices.Values(r.Permissions)))
	return errors.Join(mistakes...)
}
