package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
)

// Document is what people set of a user, as JSON: that of the management API and of the command line. Absent means the zero
// value. The doc tags are for the reference of the API.
type Document struct {
	Email               string          `json:"email" minLength:"3" maxLength:"254" doc:"The address that the user signs in with. One address, whatever the case of its letters, is one user."`
	EmailVerified       bool            `json:"email_verified" doc:"Whether the address is known to be the user's."`
	Name                string          `json:"name" maxLength:"200" doc:"The full name, in up to 200 characters."`
	GivenName           string          `json:"given_name" maxLength:"200"`
	FamilyName          string          `json:"family_name" maxLength:"200"`
	MiddleName          string          `json:"middle_name" maxLength:"200"`
	Nickname            string          `json:"nickname" maxLength:"200"`
	PreferredUsername   string          `json:"preferred_username" maxLength:"200"`
	Profile             string          `json:"profile" maxLength:"2048" doc:"URL of a page about the user."`
	Picture             string          `json:"picture" maxLength:"2048" doc:"URL."`
	Website             string          `json:"website" maxLength:"2048" doc:"URL."`
	Gender              string          `json:"gender" maxLength:"64"`
	Birthdate           string          `json:"birthdate" maxLength:"10" doc:"YYYY-MM-DD, 0000-MM-DD without the year, or YYYY."`
	Zoneinfo            string          `json:"zoneinfo" maxLength:"64" doc:"Such as Europe/Berlin."`
	Locale              string          `json:"locale" maxLength:"64" doc:"Such as de-AT."`
	PhoneNumber         string          `json:"phone_number" maxLength:"30" doc:"With its country code."`
	PhoneNumberVerified bool            `json:"phone_number_verified" doc:"Whether the number is known to be the user's."`
	Address             AddressDocument `json:"address"`
}

// AddressDocument is an Address with all its fields.
type AddressDocument struct {
	Formatted     string `json:"formatted" maxLength:"500"`
	StreetAddress string `json:"street_address" maxLength:"500"`
	Locality      string `json:"locality" maxLength:"200"`
	Region        string `json:"region" maxLength:"200"`
	PostalCode    string `json:"postal_code" maxLength:"64"`
	Country       string `json:"country" maxLength:"200"`
}

// Reply is what is told of a user.
type Reply struct {
	ID          ID     `json:"id" doc:"usr_…, the sub of the user's tokens."`
	Status      Status `json:"status" enum:"active,disabled"`
	HasPassword bool   `json:"has_password" doc:"Whether the user has a password; without one, a reset sets it."`
	Document
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Reply returns what is told of the user.
func (u *User) Reply() Reply {
	return Reply{
		ID: u.ID, Status: u.Status, HasPassword: u.PasswordHash != "", Document: u.Document(), CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
	}
}

// Document returns what people set of the user.
func (u *User) Document() Document {
	p := &u.Profile
	return Document{
		Email: u.Email, EmailVerified: u.EmailVerified, Name: p.Name, GivenName: p.GivenName, FamilyName: p.FamilyName, MiddleName: p.MiddleName,
		Nickname: p.Nickname, PreferredUsername: p.PreferredUsername, Profile: p.Profile, Picture: p.Picture, Website: p.Website,
		Gender: p.Gender, Birthdate: p.Birthdate, Zoneinfo: p.Zoneinfo, Locale: p.Locale, PhoneNumber: p.PhoneNumber,
		PhoneNumberVerified: p.PhoneNumberVerified, Address: AddressDocument(p.Address),
	}
}

// OwnProfile returns the part of the document that a user keeps about herself.
func (d *Document) OwnProfile() Profile {
	return Profile{
		Name: d.Name, GivenName: d.GivenName, FamilyName: d.FamilyName, MiddleName: d.MiddleName, Nickname: d.Nickname,
		PreferredUsername: d.PreferredUsername, Profile: d.Profile, Picture: d.Picture, Website: d.Website, Gender: d.Gender,
		Birthdate: d.Birthdate, Zoneinfo: d.Zoneinfo, Locale: d.Locale, PhoneNumber: d.PhoneNumber,
		PhoneNumberVerified: d.PhoneNumberVerified, Address: Address(d.Address),
	}
}

// Update lets change edit what people set of the user, checks and tidies it, and saves it if anything changed, all of it or
// nothing. change may run more than once. Errors: ErrNotFound; that of change; those of UpdateProfile and SetEmail, joined.
func (r *Registry) Update(ctx context.Context, env environments.ID, id ID, change func(*Document) error) (*User, error) {
	var updated *User
	err := r.InTx(ctx, func(ctx context.Context) error {
		u, err := r.Get(ctx, env, id)
		if err != nil {
			return err
		}
		held, profile := r.UpdateProfile(ctx, env, id, func(p *Profile) error {
			d := (&User{Profile: *p}).Document()
			if err := change(&d); err != nil {
				return err
			}
			*p = d.OwnProfile()
			return nil
		})
		if profile == nil {
			u = held // so that nobody changes the address meanwhile
		}
		d := u.Document()
		if err := change(&d); err != nil {
			return err
		}
		var address error
		updated, address = r.SetEmail(ctx, env, id, d.Email, d.EmailVerified)
		return errors.Join(profile, address)
	})
	if err != nil {
		return nil, err
	}
	return updated, nil
}

// SetEmail gives a user an address in an operator's name, and says whether it is known to be hers. Errors: ErrNotFound;
// ErrEmailMalformed; ErrEmailTaken.
func (r *Registry) SetEmail(ctx context.Context, env environments.ID, id ID, email string, verified bool) (*User, error) {
	email, _, err := cleanEmail(email)
	if err != nil {
		return nil, err
	}
	type address struct {
		Email         string `json:"email"`
		EmailVerified bool   `json:"email_verified"`
	}
	var updated *User
	err = r.Store.UpdateUser(ctx, env, id, func(ctx context.Context, u *User) error {
		updated = u
		before := address{u.Email, u.EmailVerified}
		u.Email, u.EmailVerified = email, verified
		change, err := audit.Changed(before, address{u.Email, u.EmailVerified})
		if err != nil || change.Empty() {
			return err
		}
		u.UpdatedAt = r.later(u.UpdatedAt)
		return r.record(ctx, audit.Event{Name: "user.email_changed", Data: change}, u)
	})
	if err != nil {
		return nil, fmt.Errorf("set email of %s: %w", id, err)
	}
	return updated, nil
}
