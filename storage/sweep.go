package storage

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/sessions"
)

// Sweep implements sessions.SweepStore.
type Sweep struct{ DB *DB }

// unended begins the conditions for sessions to note. The order of each of the others is that of the index which answers it: without
// it PostgreSQL would look for the first match in the whole table, as it doesn't expect that there is none.
const (
	unended = ` FROM sessions WHERE application_id = ? AND environment_id IS NOT DISTINCT FROM ? AND ended_at IS NULL`

	beforeCut = ` AND id < ? ORDER BY id`
	inactive  = ` AND active_hour <= ? AND last_active_at <= ? ORDER BY ended_at, active_hour`
	tooOld    = ` AND auth_time <= ? ORDER BY auth_time`
	// of a policy that was retired: the session was silent since before that, and over then.
	inactiveUnder = ` AND active_hour <= ? AND last_active_at <= ? AND last_active_at < ? ORDER BY ended_at, active_hour`
	tooOldUnder   = ` AND auth_time <= ? AND active_hour <= ? AND last_active_at < ? ORDER BY auth_time`
)

// The first session in the order of each index tells whether there may be one to note.
const dueApplications = `
	deleted_at IS NOT NULL OR policies_retired
	OR (SELECT s.id FROM sessions s WHERE s.application_id = applications.id AND s.ended_at IS NULL ORDER BY s.id LIMIT 1) < applications.sessions_from
	OR (SELECT s.active_hour FROM sessions s WHERE s.application_id = applications.id AND s.ended_at IS NULL ORDER BY s.ended_at, s.active_hour LIMIT 1)
		<= (? - 1000000 * applications.inactivity_timeout) / 3600000000
	OR (SELECT s.auth_time FROM sessions s WHERE s.application_id = applications.id AND s.ended_at IS NULL ORDER BY s.auth_time LIMIT 1)
		<= ? - 1000000 * applications.max_session_length`

func (s Sweep) Due(ctx context.Context, by time.Time) ([]sessions.Due, error) {
	at := micros(by)
	var rows []applicationRow
	if err := s.DB.conn(ctx).Where(dueApplications, at, at).Order("environment_id, id").Find(&rows).Error; err != nil {
		return nil, err
	}
	due := make([]sessions.Due, len(rows))
	for i := range rows {
		app, err := rows[i].application()
		if err != nil {
			return nil, err
		}
		due[i] = sessions.Due{Application: app, Deleted: rows[i].DeletedAt != nil}
	}
	return due, nil
}

// end is a condition for sessions that are over.
type end struct {
	text string
	args []any
}

// ends are what has ended sessions of the application by the time.
func ends(app *clients.Application, by time.Time) []end {
	p := &app.SessionPolicy
	var all []end
	if p.Cut.Before != "" {
		all = append(all, end{beforeCut, []any{p.Cut.Before}})
	}
	silent, old := micros(by.Add(-p.InactivityTimeout)), micros(by.Add(-p.MaxSessionLength))
	all = append(all, end{inactive, []any{silent / hour, silent}}, end{tooOld, []any{old}})
	for i := range p.Retired {
		if !p.Retired[i].Until.After(by) {
			all = append(all, endsUnder(&p.Retired[i])...)
		}
	}
	return all
}

func endsUnder(r *clients.RetiredPolicy) []end {
	until, silent, old := micros(r.Until), micros(r.Until.Add(-r.InactivityTimeout)), micros(r.Until.Add(-r.MaxSessionLength))
	return []end{{inactiveUnder, []any{silent / hour, silent, until}}, {tooOldUnder, []any{old, until / hour, until}}}
}

func (s Sweep) Over(ctx context.Context, app *clients.Application, by time.Time, limit int) ([]sessions.Session, error) {
	store := Sessions(s)
	for _, end := range ends(app, by) {
		args := append([]any{string(app.ID), string(app.Environment)}, end.args...)
		over, err := store.list(ctx, app.Environment, `SELECT `+sessionColumns+unended+end.text+` LIMIT ?`+s.DB.skipLocked(), append(args, int64(limit))...)
		if err != nil || len(over) > 0 {
			return over, err
		}
	}
	return nil, nil
}

func (s Sweep) AnyUnder(ctx context.Context, app *clients.Application, old *clients.RetiredPolicy) (bool, error) {
	for _, end := range endsUnder(old) {
		var found int
		args := append([]any{string(app.ID), string(app.Environment)}, end.args...)
		err := s.DB.queryRow(ctx, `SELECT 1`+unended+end.text+` LIMIT 1`, args...).Scan(&found)
		if !errors.Is(err, sql.ErrNoRows) {
			return err == nil, err
		}
	}
	return false, nil
}

const (
	sessionsOfDeleted = `SELECT ` + sessionColumns + ` FROM sessions WHERE application_id = ? AND environment_id IS NOT DISTINCT FROM ? LIMIT ?`

	removeSession = `DELETE FROM sessions WHERE id = ? AND environment_id = ?`

	removeConsentsOf     = `DELETE FROM consents WHERE (user_id, application_id, environment_id) IN (SELECT user_id, application_id, environment_id FROM consents WHERE application_id = ? AND environment_id IS NOT DISTINCT FROM ? LIMIT ?)`
	removeInteractionsOf = `DELETE FROM interactions WHERE (id, environment_id) IN (SELECT id, environment_id FROM interactions WHERE application_id = ? AND environment_id IS NOT DISTINCT FROM ? LIMIT ?)`
	removeLogoutsOf      = `DELETE FROM logout_deliveries WHERE (id, environment_id) IN (SELECT id, environment_id FROM logout_deliveries WHERE application_id = ? AND environment_id IS NOT DISTINCT FROM ? LIMIT ?)`

	removeApplication = `DELETE FROM applications WHERE id = ? AND environment_id = ? AND deleted_at IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM sessions WHERE application_id = ? AND environment_id IS NOT DISTINCT FROM ?)`
)

func (s Sweep) Remove(ctx context.Context, app *clients.Application, limit int) (removed []sessions.Session, done bool, err error) {
	id, env := string(app.ID), string(app.Environment)
	removed, err = Sessions(s).list(ctx, app.Environment, sessionsOfDeleted+s.DB.skipLocked(), id, env, int64(limit))
	if err != nil {
		return nil, false, err
	}
	for i := range removed {
		if _, err := s.DB.exec(ctx, removeSession, string(removed[i].ID), env); err != nil {
			return nil, false, err
		}
	}
	if len(removed) > 0 {
		return removed, false, nil
	}
	for _, q := range []string{removeConsentsOf, removeInteractionsOf, removeLogoutsOf} {
		if n, err := s.DB.exec(ctx, q, id, env, int64(limit)); err != nil || n > 0 {
			return nil, false, err
		}
	}
	// Sessions that another node has locked are left to it, and the application with them.
	_, err = s.DB.exec(ctx, removeApplication, id, env, id, env)
	return nil, true, err
}
