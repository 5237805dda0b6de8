package api

import (
	"github.com/danielgtaylor/huma/v2"
)

// describe completes the document when all operations are in it.
func (a *API) describe() {
	d := a.huma.OpenAPI()
	d.Info = &huma.Info{
		Title: "Portico management API", Version: "1",
		License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		Description: "Applications, users, sessions and settings of one environment. JSON in snake_case, times in RFC 3339 and UTC, durations in whole seconds. " +
			"Fields that are not known are refused. Lists are read page by page, with limit and cursor. What fails is answered with problem+json (RFC 9457), " +
			"which names every field at fault.",
	}
	d.Tags = []*huma.Tag{
		{Name: tagApplications, Description: "What people sign in to, and what calls on its own: OAuth 2.0 clients and resource servers."},
		{Name: tagCredentials, Description: "The secrets and API keys of an application."},
		{Name: tagUsers, Description: "The people of the environment, shared by all its applications."},
		{Name: tagOrganizations, Description: "Companies, teams or customers, and who belongs to them: shared by all applications."},
		{Name: tagRoles, Description: "Names for permissions, which members of organizations have by them."},
		{Name: tagSessions, Description: "The sessions of users in applications."},
		{Name: tagKeys, Description: "The keys that sign tokens."},
		{Name: tagEvents, Description: "The record of who did what."},
		{Name: tagSettings, Description: "The environment of the API key."},
		{Name: tagEnvironments, Description: "All environments of the installation, for API keys of the environment operators."},
		{Name: tagOperators, Description: "The people who run the installation, for API keys of the environment operators."},
	}
	registry := d.Components.Schemas
	delete(registry.Map(), "ErrorModel") // in place of huma's own is Problem
	delete(registry.Map(), "ErrorDetail")
	for _, s := range registry.Map() {
		if s.Extensions[markPatch] == nil {
			listsAreNeverNull(s)
		}
	}
}

// listsAreNeverNull takes back that huma says of every list that it may be null.
func listsAreNeverNull(s *huma.Schema) {
	if s.Type == huma.TypeArray {
		s.Nullable = false
	}
	for _, property := range s.Properties {
		listsAreNeverNull(property)
	}
	if s.Items != nil {
		listsAreNeverNull(s.Items)
	}
	if of, ok := s.AdditionalProperties.(*huma.Schema); ok {
		listsAreNeverNull(of)
	}
}
