package login_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
)

// join makes the user a member of a new organization.
func (h *house) join(t *testing.T, user *identity.User, name string, roles ...string) organizations.ID {
	t.Helper()
	o, err := h.Organizations.Create(t.Context(), h.env.ID, organizations.Settings{Name: name})
	check(t, err)
	_, err = h.Organizations.AddMember(t.Context(), h.env.ID, o.ID, user.ID, roles...)
	check(t, err)
	return o.ID
}

func (h *house) role(t *testing.T, name string) {
	t.Helper()
	_, err := h.Organizations.CreateRole(t.Context(), h.env.ID, organizations.RoleSettings{Name: name})
	check(t, err)
}

// Acceptance 12.
func TestChooseOrganization(t *testing.T) {
	h := build(t)
	nina := h.add(t, "nina@example.com")
	b := h.browser(t)
	b.signIn(h.app, nina.Email)
	page := "/sign-in/choose-organization"
	b.get(page+b.request(h.app)).goes(t, "/oauth2/authorize?") // in none there is nothing to choose
	h.role(t, "admin")
	h.role(t, "billing")
	blue := h.join(t, nina, "Blue Harbor")
	b.get(page+b.request(h.app)).goes(t, "/oauth2/authorize?") // nor in one
	acme := h.join(t, nina, "Acme GmbH", "billing", "admin")
	river := h.join(t, nina, "River Labs")
	m, err := h.Organizations.Store.MembershipOf(t.Context(), h.env.ID, river, nina.ID)
	check(t, err)
	_, err = h.Organizations.SetState(t.Context(), h.env.ID, river, m.ID, organizations.Deactivated)
	check(t, err)

	query := b.request(h.app)
	b.post(page+query, "organization_id", string(blue)).goes(t, page) // she has seen no account yet
	r := b.get(page+query).shows(t, 200, "Which organization?", "Wiki", nina.Email, "Acme GmbH", "admin, billing", "Blue Harbor", "Cancel and return to Wiki")
	if strings.Contains(r.body, "River Labs") || strings.Contains(r.body, `type="search"`) {
		t.Errorf("the page shows more than her two organizations:\n%s", r.text())
	}
	b.post(page+query).shows(t, 422, "Choose one of your organizations.")
	b.post(page+query, "organization_id", string(river)).shows(t, 422, "Choose one of your organizations.")
	b.post(page+query, "organization_id", string(blue)).goes(t, "/oauth2/authorize?")
	if i := b.saved(query); i.Organization != blue || i.Account != b.account(h.app, nina.Email).BrowserSession.ID {
		t.Errorf("the interaction has %q of %q", i.Organization, i.Account)
	}
	b.get(page+query).goes(t, "/oauth2/authorize?") // Back

	// Not her: with another account the choice is another.
	query = b.request(h.app)
	b.get(page+query).shows(t, 200)
	b.post(page+query, "action", "switch").goes(t, "/sign-in/choose-account?")
	if i := b.saved(query); i.Account != "" || i.Organization != "" {
		t.Errorf("the interaction still has %q of %q", i.Organization, i.Account)
	}
	b.post(page+query, "action", "cancel").goes(t, "/oauth2/authorize?")
	if !b.saved(query).Denied {
		t.Error("to cancel does not cancel")
	}

	// Only those in which she may use the application.
	h.change(t, h.app.ID, func(a *clients.Application) { a.Allowed.Organizations = []string{string(acme)} })
	b.get(page+b.request(h.app)).goes(t, "/oauth2/authorize?")
}

// TestSearchOrganizations: ui.md §2 wants a search above 8.
func TestSearchOrganizations(t *testing.T) {
	h := build(t)
	nina := h.add(t, "nina@example.com")
	for i := range 8 {
		h.join(t, nina, fmt.Sprint("Branch ", i))
	}
	b := h.browser(t)
	b.signIn(h.app, nina.Email)
	query := b.request(h.app)
	page := "/sign-in/choose-organization" + query
	if r := b.get(page).shows(t, 200, "Branch 0", "Branch 7"); strings.Contains(r.text(), "[search=") {
		t.Error("eight can be searched")
	}
	h.join(t, nina, "River Labs")
	b.get(page).shows(t, 200, "Branch 0", "Branch 7", "River Labs", "[search=]")
	if r := b.get(page+"&search=river").shows(t, 200, "River Labs", "[search=river]"); strings.Contains(r.text(), "Branch") {
		t.Error("the search finds what does not fit")
	}
	b.get(page+"&search=%3Cb%3E").shows(t, 200, "None of your organizations is called <b>", "Show all")
}

func TestNoAccess(t *testing.T) {
	h := build(t)
	nina := h.add(t, "nina@example.com")
	b := h.browser(t)
	b.signIn(h.app, nina.Email)
	query := b.request(h.app)
	b.get("/sign-in/no-access"+query).goes(t, "/oauth2/authorize?")
	h.change(t, h.app.ID, func(a *clients.Application) { a.Allowed.Roles = []string{"admin"} })
	b.get("/sign-in/no-access"+query).shows(t, 403, "No access to Wiki", nina.Email, "Your account cannot use Wiki. Ask the person who invited you.", "Use another account")
	b.post("/sign-in/no-access"+query).goes(t, "/sign-in/no-access?")
	b.post("/sign-in/no-access"+query, "action", "switch").goes(t, "/sign-in/choose-account?")
	b.get("/sign-in/choose-account"+query).shows(t, 200, nina.Email)
	b.post("/sign-in/no-access"+query, "action", "cancel").goes(t, "/oauth2/authorize?")
	if !b.saved(query).Denied {
		t.Error("to cancel does not cancel")
	}
}
