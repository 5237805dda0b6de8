package templates

import (
	"testing"
	"time"
)

// ofUser is a page of a user.
func ofUser(d Dashboard, tab Tab, who Person) UserPage {
	return UserPage{Dashboard: at(d, SectionUsers), Tab: tab, User: UserHead{Person: who, ID: "usr_01h2xcejqtf2nbrexx3vqjhp41", Events: true}}
}

func denied(p UserPage) UserPage {
	p.Denied, p.EndDenied, p.User.Disabled = NeedsRole("support"), NeedsRole("support"), true
	return p
}

var (
	acmeGmbH = Reference{"Acme GmbH", "/admin/env/production/organizations/org_1"}

	sampleEvents = []EventRow{
		{ID: "evt_1", Time: now.Add(-time.Minute), Name: "user.disabled", Actor: Reference{"olga@example.com", "/admin/operators/usr_9"}, ActorKind: "operator",
			Target: Reference{"usr_01h2xcejqtf2nbrexx3vqjhp41", "/admin/env/production/users/usr_01h2xcejqtf2nbrexx3vqjhp41"}, Address: "198.51.100.7", Device: TextDevice("Firefox", "Windows")},
		{ID: "evt_2", Time: now.Add(-time.Hour), Name: "session.ended", ActorKind: "system", Actor: Reference{}, Target: Reference{Text: "ses_01h2xcejqtf2nbrexx3vqjhp42"},
			Application: Reference{"Acme Web", "/admin/env/production/applications/app_1"}, Reason: "inactivity"},
		{ID: "evt_3", Time: now.AddDate(0, 0, -2), Name: "user.signed_in", ActorKind: "user", Actor: Reference{Text: longName.Email}, Address: "2001:db8:85a3::8a2e:370:7334"},
	}
	sampleMembers = []MemberRow{
		{Person: nina, ID: "mem_1", UserURI: "/admin/env/production/users/usr_1", Organization: acmeGmbH, Roles: []string{"admin", "billing"}, Since: now.AddDate(0, -2, 0)},
		{Person: longName, ID: "mem_2", UserURI: "/admin/env/production/users/usr_2", Organization: Reference{Text: "Blue Harbor"}, Deactivated: true, Since: now.AddDate(0, 0, -2)},
	}
	sampleRoles = []RoleTick{{Name: "admin", Description: "Runs the organization", Ticked: true}, {Name: "invoices:reader"}}
	acmeRow     = OrganizationRow{ID: "org_1", Name: "Acme GmbH", Slug: "acme", Created: now.AddDate(-1, 0, 0)}
	livingRows  = []SessionRow{
		{Person: nina, ID: "ses_1", UserURI: "/admin/env/production/users/usr_1", Device: TextDevice("Firefox", "Windows"), Address: "198.51.100.7", Method: TextMethod([]string{"pwd"}), Organization: acmeGmbH,
			Application: Reference{"Acme Web", "/admin/env/production/applications/app_1/sessions"}, Started: now.AddDate(0, 0, -2), LastActive: now.Add(-time.Minute), Until: now.AddDate(0, 0, 12)},
		{Person: longName, ID: "ses_2", UserURI: "/admin/env/production/users/usr_2", Phone: true, Method: TextMethod([]string{"hwk", "mfa"}), Application: Reference{Text: longName.Name},
			Started: now.Add(-4 * time.Hour), LastActive: now.Add(-3 * time.Hour), IdleTimeout: 72 * time.Hour},
	}
	overRows = []SessionRow{{Person: nina, ID: "ses_3", Device: TextDevice("Pixel 9", ""), Phone: true, Started: now.AddDate(0, -2, 0), LastActive: now.AddDate(0, -1, 0),
		Ended: now.AddDate(0, 0, -1), Reason: "revoked_by_operator", By: "Olga Okafor"}}
)

// peopleSamples are the pages about users, organizations and events.
var peopleSamples = map[string]Page{
	"dashboard_users": DashboardUsers{Dashboard: at(owner, SectionUsers), Rows: []UserRow{
		{Person: nina, ID: "usr_1", Organizations: []Reference{acmeGmbH, {Text: "Blue Harbor"}}, LastSignIn: now.Add(-time.Minute), Living: 3},
		{Person: longName, ID: "usr_2", Disabled: true, LastSignIn: now.AddDate(0, 0, -40)},
		{Person: Person{Email: "omar@example.com"}, ID: "usr_3", Living: 1204},
	}, Pager: Pager{Newer: "/admin/env/production/users?newer=usr_1", Older: "/admin/env/production/users?older=usr_3"}},
	"dashboard_users_none":   DashboardUsers{Dashboard: at(viewer, SectionUsers), Query: "nobody", Status: "disabled"},
	"dashboard_users_errors": DashboardUsers{Dashboard: at(owner, SectionUsers), Query: "a b c d e f", Errors: []FieldError{{"q", Literal("Search for up to 5 words.")}}},

	"dashboard_user": DashboardUser{UserPage: ofUser(owner, TabProfile, nina), EmailVerified: true, HasPassword: true, Created: now.AddDate(-1, 0, 0), Changed: now.Add(-time.Hour),
		Main: []ProfileField{{"name", "Nina Okafor"}, {"phone-number", "+4930901820"}}, More: []ProfileField{{"locality", "Berlin"}, {"country", ""}}},
	"dashboard_user_errors": DashboardUser{UserPage: func() UserPage {
		p := ofUser(owner, TabProfile, nina)
		p.Errors = []FieldError{{"username", TextEmailMissing}, {"locality", TextTooLong(200)}}
		return p
	}(), Created: now, Changed: now, Main: []ProfileField{{"name", ""}}, More: []ProfileField{{"locality", "Berlin"}}},
	"dashboard_user_email_denied": DashboardUser{UserPage: ofUser(owner, TabProfile, nina), EmailDenied: NeedsRole("admin"), Created: now, Changed: now, Main: []ProfileField{{"name", "Nina Okafor"}}},
	"dashboard_user_denied":       DashboardUser{UserPage: denied(ofUser(viewer, TabProfile, longName)), EmailDenied: NeedsRole("admin"), Created: now, Changed: now, Main: []ProfileField{{"name", longName.Name}}},
	"dashboard_user_sessions": DashboardUserSessions{UserPage: ofUser(owner, TabSessions, nina), Status: "living", EndAll: "/admin/env/production/sessions/end?person=usr_1", Applications: []SessionTable{
		{Name: "Acme Web", URI: "/admin/env/production/applications/app_1/sessions", EndAll: "/admin/env/production/sessions/end?person=usr_1&application=app_1", Now: now, Rows: livingRows,
			Columns: SessionColumns{Organization: true}, EndAddress: "/admin/env/production/users/usr_1/sessions/end"},
		{Name: "app_gone", Now: now, Rows: livingRows[1:], EndAddress: "/admin/env/production/users/usr_1/sessions/end"}}},
	"dashboard_user_sessions_over": DashboardUserSessions{UserPage: denied(ofUser(viewer, TabSessions, longName)), Status: "over", Most: 100, All: "/admin/env/production/sessions?person=usr_2&status=over",
		Applications: []SessionTable{{Name: "Acme Web", Now: now, Rows: overRows, EndDenied: NeedsRole("support")}}},
	"dashboard_user_sessions_none":      DashboardUserSessions{UserPage: ofUser(owner, TabSessions, nina), Status: "living"},
	"dashboard_user_organizations":      DashboardUserOrganizations{UserPage: ofUser(owner, TabOrganizations, nina), Rows: sampleMembers},
	"dashboard_user_organizations_none": DashboardUserOrganizations{UserPage: ofUser(viewer, TabOrganizations, longName)},
	"dashboard_user_activity":           DashboardUserActivity{UserPage: ofUser(owner, TabActivity, nina), Of: "done_by", Rows: sampleEvents, Pager: Pager{Older: "/admin/env/production/users/usr_1/activity?older=1"}},
	"dashboard_user_activity_none":      DashboardUserActivity{UserPage: ofUser(viewer, TabActivity, nina), Of: "done_to"},
	"dashboard_confirm_delete_user": DashboardConfirm{Dashboard: at(owner, SectionUsers), What: ConfirmDeleteUser, Subject: nina.Email, Typed: true,
		Effects: []Message{EffectSessions(3), EffectBrowsers, EffectForGood}, Path: "/admin/env/production/users/usr_1/delete", Back: "/admin/env/production/users/usr_1"},
	"dashboard_confirm_end_selected": DashboardConfirm{Dashboard: at(owner, SectionUsers), What: ConfirmEndSelected, Subject: "nina@example.com, Acme Web", Effects: []Message{EffectSessions(37)},
		Path: "/admin/env/production/sessions/end", Params: []string{"person", "usr_1", "application", "app_1"}, Back: "/admin/env/production/sessions?person=usr_1"},

	"dashboard_session_list": DashboardSessionList{Dashboard: at(owner, SectionUsers), Organization: "acme", Status: "living", Asked: true, Table: SessionTable{
		Now: now, Rows: livingRows, Columns: SessionColumns{Person: true, Application: true, Organization: true},
		EndAll: "/admin/env/production/sessions/end?organization=acme", EndAddress: "/admin/env/production/sessions/end-one?organization=acme"}},
	"dashboard_session_list_ask":    DashboardSessionList{Dashboard: at(viewer, SectionUsers), Status: "living"},
	"dashboard_session_list_errors": DashboardSessionList{Dashboard: at(owner, SectionUsers), Person: "nobody", Application: "none", Status: "over", Errors: []FieldError{{"person", TextNoUser("nobody")}, {"application", TextNoApplication}}},

	"dashboard_organizations": DashboardOrganizations{Dashboard: at(owner, SectionOrganizations), Rows: []OrganizationRow{acmeRow, {ID: "org_2", Name: longName.Name + " & Söhne", Created: now}},
		Pager: Pager{Older: "/admin/env/production/organizations?older=org_2"}},
	"dashboard_organizations_none": DashboardOrganizations{Dashboard: at(viewer, SectionOrganizations), Denied: NeedsRole("admin")},
	"dashboard_organization_new": DashboardOrganizationNew{Dashboard: at(owner, SectionOrganizations), Slug: "A", Errors: []FieldError{
		{"name", Literal("Name has 0 characters: 1 to 100 are allowed.")}, {"slug", Literal("Slug \"A\" must be 2 to 40 lower case letters, digits or dashes, beginning with a letter.")}}},
	"dashboard_organization": DashboardOrganization{Dashboard: at(owner, SectionOrganizations), Organization: acmeRow, DisplayName: "Acme GmbH", Slug: "acme", Members: sampleMembers, Roles: sampleRoles,
		Sessions: "/admin/env/production/sessions?organization=org_1", Pager: Pager{Older: "/admin/env/production/organizations/org_1?older=mem_2"}},
	"dashboard_organization_denied": DashboardOrganization{Dashboard: at(viewer, SectionOrganizations), Organization: acmeRow, DisplayName: "Acme GmbH", Denied: NeedsRole("admin"), Sessions: "/admin/env/staging/sessions?organization=org_1"},
	"dashboard_organization_errors": DashboardOrganization{Dashboard: at(owner, SectionOrganizations), Organization: acmeRow, DisplayName: "Acme GmbH", Person: "nobody", Roles: sampleRoles,
		Errors: []FieldError{{"person", TextNoUser("nobody")}}, Sessions: "/admin/env/production/sessions?organization=org_1"},
	"dashboard_member":        DashboardMember{Dashboard: at(owner, SectionOrganizations), Organization: acmeRow, Member: sampleMembers[0], State: "active", Roles: sampleRoles},
	"dashboard_member_denied": DashboardMember{Dashboard: at(viewer, SectionOrganizations), Organization: acmeRow, Member: sampleMembers[1], State: "deactivated", Denied: NeedsRole("admin")},
	"dashboard_member_errors": DashboardMember{Dashboard: at(owner, SectionOrganizations), Organization: acmeRow, Member: sampleMembers[0], State: "gone", Roles: sampleRoles,
		Errors: []FieldError{{"state", Literal("State must be active or deactivated.")}, {"roles", Literal("There is no role.")}}},

	"dashboard_roles": DashboardRoles{Dashboard: at(owner, SectionOrganizations), Rows: []RoleRow{
		{ID: "rol_1", Name: "admin", Description: "Runs the organization", Permissions: []string{"invoices:read", "invoices:write"}}, {ID: "rol_2", Name: "invoices:reader", Managed: true}}},
	"dashboard_roles_none": DashboardRoles{Dashboard: at(viewer, SectionOrganizations), Denied: NeedsRole("admin")},
	"dashboard_role_new": DashboardRole{Dashboard: at(owner, SectionOrganizations), RoleName: "no name", Permissions: "bad one", Errors: []FieldError{
		{"name", Literal("Name \"no name\" must be up to 64 letters.")}, {"permissions", Literal("\"bad one\" must be up to 128 letters.")}}},
	"dashboard_role":        DashboardRole{Dashboard: at(owner, SectionOrganizations), ID: "rol_1", RoleName: "admin", Description: "Runs the organization", Permissions: "invoices:read\ninvoices:write"},
	"dashboard_role_denied": DashboardRole{Dashboard: at(viewer, SectionOrganizations), ID: "rol_2", RoleName: "invoices:reader", Managed: true, Denied: NeedsRole("admin")},

	"dashboard_events": DashboardEvents{Dashboard: at(owner, SectionEvents), Rows: sampleEvents, CSV: "/admin/env/production/events/export?format=csv", NDJSON: "/admin/env/production/events/export?format=ndjson", Most: 100_000,
		Pager: Pager{Older: "/admin/env/production/events?older=1.evt_3"}},
	"dashboard_events_none":   DashboardEvents{Dashboard: at(viewer, SectionEvents), Filter: EventFilter{Event: "user.disabled", From: "2026-12-01T08:00"}},
	"dashboard_events_errors": DashboardEvents{Dashboard: at(owner, SectionEvents), Filter: EventFilter{Actor: "nobody@example.com", From: "now"}, Errors: []FieldError{{"actor", TextNoActor}, {"from", TextNoTime}}},
	"dashboard_event": DashboardEvent{Dashboard: at(owner, SectionEvents), Event: sampleEvents[0], JSON: "{\n  \"id\": \"evt_1\",\n  \"name\": \"user.disabled\"\n}",
		SameEvent: "/admin/env/production/events?event=user.disabled", SameActor: "/admin/env/production/events?actor=usr_9", SameTarget: "/admin/env/production/events?target=usr_1"},
}

func TestPeoplePages(t *testing.T) {
	for name, page := range peopleSamples {
		t.Run(name, func(t *testing.T) {
			golden(t, name+".html", hash.ReplaceAllString(render(t, page).Body.String(), "$1.HASH."))
			checkStructure(t, page)
		})
	}
}
