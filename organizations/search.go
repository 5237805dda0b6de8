package organizations

import (
	"context"
	"fmt"
	"strings"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

// Query asks for organizations, the latest made first.
type Query struct {
	Text string // part of the name or the slug, whatever the case of ASCII letters, or an ID; "" fits all

	// A page begins after the organization Older, or ends before the organization Newer; with neither it is the first.
	Older, Newer ID
	Limit        int
}

// MemberQuery asks for the memberships of an organization, the latest made first, page by page as Query does.
type MemberQuery struct {
	Organization ID
	Older, Newer MembershipID
	Limit        int
}

// Search returns a page of the organizations that the query asks for, and whether there are more in the direction of the page.
// Error: fault.Invalid for a text that is too long or no text.
func (r *Registry) Search(ctx context.Context, env environments.ID, q Query) (page []Organization, more bool, err error) {
	q.Text = strings.TrimSpace(q.Text)
	if err := checkText("search", q.Text, 0, maxName); err != nil {
		return nil, false, fault.Invalidf("search", "Search for up to %d characters.", maxName).WithCause(err)
	}
	if page, more, err = r.Store.SearchOrganizations(ctx, env, q); err != nil {
		return nil, false, fmt.Errorf("search organizations of %s: %w", env, err)
	}
	return page, more, nil
}
