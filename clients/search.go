package clients

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/portico-id/portico/environments"
)

// Search asks for applications of an environment: the default one first, then the latest registered.
type Search struct {
	Text string // in the name, the client ID or the ID, whatever the case; "" fits all
	Kind Kind   // "" fits all

	// A page begins after the application Older, or ends before the application Newer; with neither it is the first.
	Older, Newer ID
	Limit        int
}

// Search returns a page of the applications, and whether there are more in the direction of the page.
func (r *Registry) Search(ctx context.Context, env *environments.Environment, q Search) (page []*Application, more bool, err error) {
	s, err := r.snapshot(ctx, env.ID)
	if err != nil {
		return nil, false, fmt.Errorf("search applications of %s: %w", env.ID, err)
	}
	place := func(a, b ID) int {
		if first := ID(env.DefaultApplication); a != b && (a == first || b == first) {
			return cmp.Compare(btoi(a != first), btoi(b != first))
		}
		return cmp.Compare(b, a)
	}
	text := strings.ToLower(strings.TrimSpace(q.Text))
	for _, app := range s.byID {
		if q.Kind != "" && app.Kind != q.Kind || !app.mentions(text) {
			continue
		}
		if q.Older != "" && place(app.ID, q.Older) <= 0 || q.Newer != "" && place(app.ID, q.Newer) >= 0 {
			continue
		}
		page = append(page, app)
	}
	slices.SortFunc(page, func(a, b *Application) int { return place(a.ID, b.ID) })
	if more = len(page) > q.Limit; more && q.Newer != "" {
		page = page[len(page)-q.Limit:]
	}
	return page[:min(len(page), q.Limit)], more, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// mentions reports whether the text, in lower case, is in what people call the application.
func (a *Application) mentions(text string) bool {
	return strings.Contains(strings.ToLower(a.Name), text) || strings.Contains(strings.ToLower(a.ClientID), text) || strings.ToLower(string(a.ID)) == text
}
