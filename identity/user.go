// Package identity keeps users: subjects, their credentials and the claims about them.
package identity

import (
	"time"

	"github.com/portico-id/portico/environments"
)

// ID identifies a user: usr_…. It is the sub of her tokens and never used for another person.
type ID string

// Status says whether a user may sign in.
type Status string

// The states of a user.
const (
	Active   Status = "active"
	Disabled Status = "disabled"
)

// User is one person in one environment. One e-mail address, whatever the case of its letters, is one user.
type User struct {
	ID            ID
	Environment   environments.ID
	Email         string // as it was typed, but an internationalized domain in its ASCII form
	EmailVerified bool
	Status        Status
	Profile       Profile
	PasswordHash  string // what a Hasher made, or CheckImportedHash took; "" if she has no password
	CreatedAt     time.Time
	UpdatedAt     time.Time
	// PasswordChangedAt is when she, or an import, last set the password; zero if she has none.
	PasswordChangedAt time.Time
}

// Profile has the standard claims that a user keeps about herself (OIDC Core §5.1). An empty field is a claim that she
// doesn't have.
type Profile struct {
	Name                string
	GivenName           string
	FamilyName          string
	MiddleName          string
	Nickname            string
	PreferredUsername   string
	Profile             string // URL
	Picture             string // URL
	Website             string // URL
	Gender              string
	Birthdate           string // YYYY-MM-DD, 0000-MM-DD or YYYY
	Zoneinfo            string
	Locale              string // BCP 47
	PhoneNumber         string // E.164
	PhoneNumberVerified bool
	Address             Address
}

// Address is the address claim (OIDC Core §5.1.1).
type Address struct {
	Formatted     string `json:"formatted,omitempty"`
	StreetAddress string `json:"street_address,omitempty"`
	Locality      string `json:"locality,omitempty"`
	Region        string `json:"region,omitempty"`
	PostalCode    string `json:"postal_code,omitempty"`
	Country       string `json:"country,omitempty"`
}
