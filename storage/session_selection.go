package storage

import (
	"context"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/sessions"
)

// selected is the condition for the sessions that the query asks for.
func selected(env environments.ID, q *sessions.SelectionQuery) predicate {
	all := []predicate{{"sessions.environment_id IS NOT DISTINCT FROM ?", []any{string(env)}}}
	for _, c := range selectionConditions(&q.Selection) {
		if c.value != "" {
			all = append(all, predicate{"sessions." + c.text, []any{c.value}})
		}
	}
	var each predicate // application
	for i, app := range q.Applications {
		one := predicate{"sessions.application_id = ?", []any{string(app.ID)}}
		switch q.State {
		case sessions.Living:
			one = and(one, alive(&app.SessionPolicy, q.Now, "last_active_at"))
		case sessions.Over:
			one = and(one, not(alive(&app.SessionPolicy, q.Now, "last_active_at")))
		}
		if i > 0 {
			each.text += " OR "
		}
		each.text += "(" + one.text + ")"
		each.args = append(each.args, one.args...)
	}
	return and(append(all, predicate{"(" + each.text + ")", each.args})...)
}

// SelectedSessions relies on IDs that are in the order of their creation.
func (s Sessions) SelectedSessions(ctx context.Context, env environments.ID, q sessions.SelectionQuery) (page []sessions.Listed, more bool, err error) {
	if len(q.Applications) == 0 {
		return nil, false, nil
	}
	return s.page(ctx, env, selected(env, &q), q.Older, q.Newer, q.Limit)
}

func (s Sessions) CountSelected(ctx context.Context, env environments.ID, q sessions.SelectionQuery) (n int, err error) {
	if len(q.Applications) == 0 {
		return 0, nil
	}
	which := selected(env, &q)
	err = s.DB.conn(ctx).Raw(`SELECT count(*) FROM sessions WHERE `+which.text, which.args...).Row().Scan(&n)
	return n, err
}
