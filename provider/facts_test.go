package provider

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
)

// Every placeholder that a template may have stands for something, and for nothing where there is nothing.
func TestFacts(t *testing.T) {
	app := &clients.Application{ID: "app_1", ClientID: "web", Name: "Web", Kind: clients.Web, Metadata: map[string]string{"team": "blue"}}
	state := &grants.State{
		Grant: grants.Grant{User: "usr_1"}, User: identity.User{
			ID: "usr_1", Email: "ada@example.com", UpdatedAt: time.Unix(1, 0), Profile: identity.Profile{
				Name: "a", GivenName: "b", FamilyName: "c", MiddleName: "d", Nickname: "e", PreferredUsername: "f", Profile: "g", Picture: "h",
				Website: "i", Gender: "j", Birthdate: "k", Zoneinfo: "l", Locale: "m", PhoneNumber: "n", Address: identity.Address{Country: "o"},
			},
		},
		Position: &organizations.Position{Organization: "org_1", Name: "Acme", Slug: "acme", Metadata: json.RawMessage(`{"plan":"gold"}`)},
	}
	names := append(clients.Placeholders(), clients.OrganizationMetadata+"plan", clients.ApplicationMetadata+"team")
	for _, name := range names {
		value := (&facts{application: app, state: state}).value(name)
		if text, err := json.Marshal(value); err != nil || value == nil || string(text) == "null" || string(text) == `""` {
			t.Errorf("%s stands for %s, %v", name, text, err)
		}
	}
	for _, name := range []string{"user.name", "organization.id", "organization.metadata", "organization.metadata.plan", "membership.roles", "application.metadata.other"} {
		for _, state := range []*grants.State{nil, {}} {
			if value := (&facts{application: app, state: state}).value(name); value != nil {
				t.Errorf("%s stands for %v where there is none", name, value)
			}
		}
	}
}
