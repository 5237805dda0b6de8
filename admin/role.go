package admin

import "slices"

// Role is what an operator is. Each role may do what the ones before it in Roles may, and more.
type Role string

// The roles.
const (
	Viewer  Role = "viewer"  // reads
	Support Role = "support" // helps users
	Admin   Role = "admin"   // runs environments and their applications
	Owner   Role = "owner"   // runs the installation, and decides who else does
)

// Roles lists every Role, from the one that may do the least.
func Roles() []Role { return []Role{Viewer, Support, Admin, Owner} }

// Valid reports whether r is one of Roles.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// Permission is what a page or a call needs.
type Permission string

// The permissions. Those to change something include reading it.
const (
	ReadApplications   Permission = "applications:read"
	WriteApplications  Permission = "applications:write" // with their secrets and keys
	ReadUsers          Permission = "users:read"
	WriteUsers         Permission = "users:write"
	WriteEmails        Permission = "users.email:write" // a user's address, and that it is hers: with it goes her account
	ReadOrganizations  Permission = "organizations:read"
	WriteOrganizations Permission = "organizations:write" // with their members
	ReadSessions       Permission = "sessions:read"
	EndSessions        Permission = "sessions:write"
	ReadEvents         Permission = "events:read"
	ReadKeys           Permission = "keys:read"
	WriteKeys          Permission = "keys:write"
	ReadSettings       Permission = "settings:read"
	WriteSettings      Permission = "settings:write"
	ReadEnvironments   Permission = "environments:read"
	CreateEnvironments Permission = "environments:write"
	ReadOperators      Permission = "operators:read"
	WriteOperators     Permission = "operators:write"
)

// least has for each permission the role that has it and may do the least.
var least = map[Permission]Role{
	ReadApplications:   Viewer,
	WriteApplications:  Admin,
	ReadUsers:          Viewer,
	WriteUsers:         Support,
	WriteEmails:        Admin,
	ReadOrganizations:  Viewer,
	WriteOrganizations: Admin,
	ReadSessions:       Viewer,
	EndSessions:        Support,
	ReadEvents:         Viewer,
	ReadKeys:           Viewer,
	WriteKeys:          Admin,
	ReadSettings:       Viewer,
	WriteSettings:      Admin,
	ReadEnvironments:   Viewer,
	CreateEnvironments: Admin,
	ReadOperators:      Admin,
	WriteOperators:     Owner,
}

// Can reports whether the role has the permission. What isn't known has none and is given to nobody.
func Can(role Role, p Permission) bool {
	needed, known := least[p]
	return known && role.Valid() && slices.Index(Roles(), role) >= slices.Index(Roles(), needed)
}

// Needs is the role that has the permission and may do the least: the one to name to somebody who lacks it.
func Needs(p Permission) Role { return least[p] }

// Permissions lists every Permission, in no order.
func Permissions() []Permission {
	all := make([]Permission, 0, len(least))
	for p := range least {
		all = append(all, p)
	}
	return all
}
