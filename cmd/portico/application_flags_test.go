package main

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
)

// named are the fields that design.md §3 lists of an application, by the names that they have there.
var named = strings.Fields(`id client_id name kind enabled description logo_uri homepage_uri policy_uri tos_uri redirect_uris
	post_logout_redirect_uris initiate_login_uri invitation_uri password_reset_uri backchannel_logout_uri
	backchannel_logout_session_required frontchannel_logout_uri frontchannel_logout_session_required cors_origins grant_types
	response_types scopes audiences access_token_format id_token_signed_response_alg token_endpoint_auth_method jwks jwks_uri
	require_par require_dpop pkce consent session_policy sign_in_methods acr allowed branding metadata created_at updated_at`)

// further are those that design.md speaks of elsewhere, and ours.
var further = strings.Fields(`client_secret default managed_by identifiers introspects_unaddressed wildcard_redirects
	explicit_post_logout_redirect claims_templates`)

// notSet are those that nobody sets.
var notSet = strings.Fields("id client_secret default managed_by created_at updated_at")

func fieldsOf(of reflect.Type) []string {
	var names []string
	for _, f := range reflect.VisibleFields(of) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return slices.Sorted(slices.Values(names))
}

// acceptance 10: the fields of an application have the same names in design.md, in the API, and on the command line, where each can
// be given as a flag of its name (design.md §4).
func TestEveryFieldHasOneName(t *testing.T) {
	all := slices.Sorted(slices.Values(slices.Concat(named, further)))
	if diff := cmp.Diff(all, fieldsOf(reflect.TypeFor[clients.Reply]())); diff != "" {
		t.Errorf("the fields of an application (-design +clients):\n%s", diff)
	}

	response, err := http.Get(servertest.Start(t, servertest.Options{}).Issuer + "/api/v1/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	type schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	var document struct {
		Components struct {
			Schemas map[string]schema `json:"schemas"`
		} `json:"components"`
	}
	if err := json.NewDecoder(response.Body).Decode(&document); err != nil {
		t.Fatal(err)
	}
	settable := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(notSet, name) })
	policy := fieldsOf(reflect.TypeFor[clients.PolicyDocument]())
	for name, want := range map[string][]string{"Application": all, "NewApplication": settable, "SessionPolicy": policy} {
		var got []string
		for property := range document.Components.Schemas[name].Properties {
			got = append(got, property)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the object %s of the API (-design +API):\n%s", name, diff)
		}
	}

	flags := (&cli{}).createApplication().Flags()
	for _, name := range slices.Concat(settable, policy) {
		if flags.Lookup(dashed(name)) == nil {
			t.Errorf("portico application create has no flag for %s", name)
		}
	}
}
