package storage

import (
	"context"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
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
	return and(append(all, inAny(q.Applications, q.State, q.Now))...)
}

// inAny is the condition for the sessions in the applications, of which there must be one, that are in the state.
func inAny(apps []*clients.Application, state sessions.State, now time.Time) predicate {
	var each predicate
	for i, app := range apps {
		one := predicate{"sessions.application_id = ?", []any{string(app.ID)}}
		switch state {
		case sessions.Living:
			one = and(one, alive(&app.SessionPolicy, now, "last_active_at"))
		case sessions.Over:
			one = and(one, not(alive(&app.SessionPolicy, now, "last_active_at")))
		}
		if i > 0 {
			each.text += " OR "
		}
		each.text += "(" + one.text + ")"
		each.args = append(each.args, one.args...)
	}
	each.text = "(" + each.text + ")"
	return each
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

func (s Sessions) Presence(ctx context.Context, env environments.ID, users []identity.ID, in []*clients.Application, now time.Time) (map[identity.ID]sessions.Presence, error) {
	all := map[identity.ID]sessions.Presence{}
	if len(users) == 0 || len(in) == 0 {
		return all, nil
	}
	living := inAny(in, sessions.Living, now)
	rows, err := s.DB.conn(ctx).Raw(`
		SELECT user_id, count(CASE WHEN `+living.text+` THEN 1 END), max(auth_time) FROM sessions
		WHERE environment_id IS NOT DISTINCT FROM ? AND user_id IN ? GROUP BY user_id`, append(living.args, string(env), users)...).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var user identity.ID
		var p sessions.Presence
		if err := rows.Scan((*string)(&user), &p.Living, (*instant)(&p.LastSignIn)); err != nil {
			return nil, err
		}
		all[user] = p
	}
	return all, rows.Err()
}
