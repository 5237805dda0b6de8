package dashboard

import "github.com/portico-id/portico/admin"

// Route is one of the dashboard, as tests see it.
type Route struct {
	Pattern string
	Needs   admin.Permission
}

// Routes lists every route that an operator signs in for.
func Routes() []Route {
	var all []Route
	for _, r := range (&Handler{}).routes() {
		all = append(all, Route{r.pattern, r.needs})
	}
	return all
}
