package storage

import (
	"context"
	"database/sql"
	"errors"
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

const anyBeforeCut = `SELECT 1` + unended + beforeCut + ` LIMIT 1`

// CountEnding reads the last activity from active_hour, as if all activity of an hour were at its beginning. That makes no
// difference but in those hours in which one of the compared times lies, of which it reads the rows. Between these hours a
// count by auth_time alone is enough.
func (s Sessions) CountEnding(ctx context.Context, app *clients.Application, next *clients.SessionPolicy, now time.Time) (sessions.Ending, error) {
	var e sessions.Ending
	p := app.SessionPolicy
	if p.Cut.Before != "" {
		var one int
		err := s.DB.queryRow(ctx, anyBeforeCut, string(app.ID), string(app.Environment), p.Cut.Before).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			p.Cut = clients.Cut{} // all that it ended says so
		} else if err != nil {
			return e, err
		}
	}
	oldest, idle, old := micros(now.Add(-p.InactivityTimeout)), micros(now.Add(-next.InactivityTimeout)), micros(now.Add(-next.MaxSessionLength))
	mixed := []int64{oldest / hour, idle / hour}
	for _, r := range p.Retired {
		mixed = append(mixed, micros(r.Until)/hour, micros(r.Until.Add(-r.InactivityTimeout))/hour)
	}
	slices.Sort(mixed)
	mixed = slices.Compact(mixed)

	of := predicate{"application_id = ? AND environment_id = ? AND ended_at IS NULL", []any{string(app.ID), string(app.Environment)}}
	if p.Cut.Before != "" {
		of = and(of, predicate{"sessions.id >= ?", []any{p.Cut.Before}})
	}
	rows := and(of, predicate{"active_hour IN (?" + strings.Repeat(", ?", len(mixed)-1) + ")", nil})
	for _, h := range mixed {
		rows.args = append(rows.args, h)
	}
	rows = and(rows, alive(&p, now, "last_active_at"))
	text := `SELECT count(*) AS living, coalesce(sum(CASE WHEN last_active_at <= ? THEN 1 ELSE 0 END), 0) AS inactive,
			coalesce(sum(CASE WHEN last_active_at > ? AND auth_time <= ? THEN 1 ELSE 0 END), 0) AS too_old FROM sessions WHERE ` + rows.text
	args := append([]any{idle, idle, old}, rows.args...)
	for i, h := range mixed {
		since, ok := authenticatedSince(&p, now, (h+1)*hour)
		if h < oldest/hour || !ok {
			continue
		}
		between := and(of, predicate{"+auth_time > ? AND active_hour > ?", []any{since, h}}) // by no index but that of activity
		if i+1 < len(mixed) {
			between = and(between, predicate{"active_hour < ?", []any{mixed[i+1]}})
		}
		if h < idle/hour {
			text += ` UNION ALL SELECT count(*), count(*), 0 FROM sessions WHERE ` + between.text
		} else {
			text += ` UNION ALL SELECT count(*), 0, coalesce(sum(CASE WHEN auth_time <= ? THEN 1 ELSE 0 END), 0) FROM sessions WHERE ` + between.text
			args = append(args, old)
		}
		args = append(args, between.args...)
	}
	q := `SELECT sum(living), sum(inactive), sum(too_old) FROM (` + text + `) AS fitting`
	err := s.DB.conn(ctx).Raw(q, args...).Row().Scan(&e.Living, &e.Inactive, &e.TooOld)
	return e, err
}

// authenticatedSince is after which auth_time a session that was last active at last, and not too long ago, is alive at now; ok is
// false if none is.
func authenticatedSince(p *clients.SessionPolicy, now time.Time, last int64) (since int64, ok bool) {
	since = micros(now.Add(-p.MaxSessionLength))
	for _, r := range p.Retired {
		if last >= micros(r.Until) {
			continue
		}
		if last <= micros(r.Until.Add(-r.InactivityTimeout)) {
			return 0, false
		}
		since = max(since, micros(r.Until.Add(-r.MaxSessionLength)))
	}
	return since, true
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
	return s.page(ctx, env, and(all...), q.Older, q.Newer, q.Limit)
}

// page reads a page of the sessions that fit, as Sessions returns it.
func (s Sessions) page(ctx context.Context, env environments.ID, which predicate, older, newer sessions.ID, limit int) ([]sessions.Listed, bool, error) {
	const from = `SELECT ` + sessionColumns + `, u.email, u.name
		FROM sessions JOIN users u ON u.id = sessions.user_id AND u.environment_id IS NOT DISTINCT FROM sessions.environment_id`
	return pageByID(ctx, s.DB, from, "sessions.id", which, string(older), string(newer), limit, func(rows *sql.Rows) (sessions.Listed, error) {
		l := sessions.Listed{Session: sessions.Session{Environment: env}}
		err := rows.Scan(append(appendSession(nil, &l.Session), &l.Email, &l.Name)...)
		return l, err
	})
}
