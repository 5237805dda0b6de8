package storage

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/sessions"
)

// predicate is a condition in a text that is made at run time, with its arguments.
type predicate struct {
	text string
	args []any
}

func and(all ...predicate) (p predicate) {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = one.text
		p.args = append(p.args, one.args...)
	}
	p.text = strings.Join(texts, " AND ")
	return p
}

func not(p predicate) predicate { return predicate{"NOT (" + p.text + ")", p.args} }

// alive is sessions.Session.Alive at now. last is the expression for the last activity.
func alive(p *clients.SessionPolicy, now time.Time, last string) predicate {
	all := []predicate{{"ended_at IS NULL", nil}, inClocks(p, now, last)}
	if p.Cut.Before != "" {
		all = append(all, predicate{"sessions.id >= ?", []any{p.Cut.Before}})
	}
	for _, r := range p.Retired {
		all = append(all, predicate{
			"NOT (" + last + " < ? AND (" + last + " <= ? OR auth_time <= ?))",
			[]any{micros(r.Until), micros(r.Until.Add(-r.InactivityTimeout)), micros(r.Until.Add(-r.MaxSessionLength))},
		})
	}
	return and(all...)
}

// inClocks is whether neither clock of the policy has run out at now.
func inClocks(p *clients.SessionPolicy, now time.Time, last string) predicate {
	return predicate{last + " > ? AND auth_time > ?", []any{micros(now.Add(-p.InactivityTimeout)), micros(now.Add(-p.MaxSessionLength))}}
}

const hour = int64(time.Hour / time.Microsecond)

// CountEnding reads the last activity from active_hour, as if all activity of an hour were at its beginning. That makes no
// difference but in those hours in which one of the compared times lies, of which it reads the rows.
func (s Sessions) CountEnding(ctx context.Context, app *clients.Application, next *clients.SessionPolicy, now time.Time) (sessions.Ending, error) {
	p := &app.SessionPolicy
	oldest, idle := micros(now.Add(-p.InactivityTimeout)), micros(now.Add(-next.InactivityTimeout))
	times := []int64{oldest, idle}
	for _, r := range p.Retired {
		times = append(times, micros(r.Until), micros(r.Until.Add(-r.InactivityTimeout)))
	}
	mixed := predicate{text: "active_hour IN (?" + strings.Repeat(", ?", len(times)-1) + ")"}
	for _, at := range times {
		mixed.args = append(mixed.args, at/hour)
	}
	from := func(last string, which predicate) predicate {
		which = and(predicate{"application_id = ? AND environment_id = ?", []any{string(app.ID), string(app.Environment)}}, alive(p, now, last), which)
		return predicate{`SELECT ` + last + ` AS last_active, auth_time FROM sessions WHERE ` + which.text, which.args}
	}
	index := from("active_hour * 3600000000", and(predicate{"active_hour > ?", []any{oldest / hour}}, not(mixed)))
	rows := from("last_active_at", mixed)
	q := `
		SELECT count(*), coalesce(sum(CASE WHEN last_active <= ? THEN 1 ELSE 0 END), 0),
			coalesce(sum(CASE WHEN last_active > ? AND auth_time <= ? THEN 1 ELSE 0 END), 0)
		FROM (` + index.text + ` UNION ALL ` + rows.text + `) AS fitting`
	args := append([]any{idle, idle, micros(now.Add(-next.MaxSessionLength))}, append(index.args, rows.args...)...)

	var e sessions.Ending
	err := s.DB.conn(ctx).Raw(q, args...).Row().Scan(&e.Living, &e.Inactive, &e.TooOld)
	return e, err
}

const latestID = `SELECT coalesce(max(id), '') FROM sessions WHERE application_id = ? AND environment_id IS NOT DISTINCT FROM ?`

func (s Sessions) LatestID(ctx context.Context, env environments.ID, app clients.ID) (id sessions.ID, err error) {
	err = s.DB.queryRow(ctx, latestID, string(app), string(env)).Scan((*string)(&id))
	return id, err
}

const lastStarted = `SELECT created_at FROM sessions WHERE application_id = ? AND environment_id = ? ORDER BY id DESC LIMIT 1`

func (s Sessions) LastStarted(ctx context.Context, env environments.ID, app clients.ID) (at time.Time, err error) {
	rows, err := s.DB.query(ctx, lastStarted, string(app), string(env))
	if err != nil {
		return at, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan((*instant)(&at)); err != nil {
			return at, err
		}
	}
	return at, rows.Err()
}

// Sessions relies on IDs that are in the order of their creation.
func (s Sessions) Sessions(ctx context.Context, env environments.ID, q sessions.Query) (page []sessions.Listed, more bool, err error) {
	app := q.Application
	all := []predicate{{"sessions.application_id = ? AND sessions.environment_id = ?", []any{string(app.ID), string(env)}}}
	if q.User != "" {
		all = append(all, predicate{"sessions.user_id = ?", []any{string(q.User)}})
	}
	if !q.Since.IsZero() {
		all = append(all, predicate{"sessions.created_at >= ?", []any{micros(q.Since)}})
	}
	living := alive(&app.SessionPolicy, q.Now, "last_active_at")
	switch {
	case q.EndedBy != nil:
		all = append(all, living, not(inClocks(q.EndedBy, q.Now, "last_active_at")))
	case q.State == sessions.Living:
		all = append(all, living)
	case q.State == sessions.Over:
		all = append(all, not(living))
	}
	order := "DESC"
	switch {
	case q.Older != "":
		all = append(all, predicate{"sessions.id < ?", []any{string(q.Older)}})
	case q.Newer != "":
		all = append(all, predicate{"sessions.id > ?", []any{string(q.Newer)}})
		order = "ASC"
	}
	which := and(all...)
	text := `SELECT ` + sessionColumns + `, u.email, u.name
		FROM sessions JOIN users u ON u.id = sessions.user_id AND u.environment_id IS NOT DISTINCT FROM sessions.environment_id
		WHERE ` + which.text + ` ORDER BY sessions.id ` + order + ` LIMIT ?`
	rows, err := s.DB.conn(ctx).Raw(text, append(which.args, q.Limit+1)...).Rows()
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	for rows.Next() {
		l := sessions.Listed{Session: sessions.Session{Environment: env}}
		if err := rows.Scan(append(appendSession(nil, &l.Session), &l.Email, &l.Name)...); err != nil {
			return nil, false, err
		}
		page = append(page, l)
	}
	if err := rows.Err(); err != nil {
		return nil, false, err
	}
	if more = len(page) > q.Limit; more {
		page = page[:q.Limit]
	}
	if q.Newer != "" {
		slices.Reverse(page)
	}
	return page, more, nil
}
