package storage

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Purge removes what has had its time. It does so in small transactions of their own, by index, so that nobody waits for it
// longer than for another request. Any number of nodes may purge at once.
//
// A code is kept for a day after its expiry, so that its reuse is seen. A code that nobody redeemed goes with its grant. A
// revoked grant, a delivered logout, and a session with all that stands on it are kept for Retention after their end, so that
// people learn why; a session that was silent until a clock ended it is removed at most another Retention later.
type Purge struct {
	DB        *DB
	Retention time.Duration // 30 days if zero
	// Batch is how many rows of a table a transaction removes, 200 if zero. What stands on them is up to three times as many.
	Batch int
}

const (
	defaultRetention = 30 * 24 * time.Hour
	defaultBatch     = 200
	codeRetention    = 24 * time.Hour
	deliveryTime     = 48 * time.Hour // longer than a logout is tried
)

// Run removes all that can go at now, and returns how many rows that were, without those that stood on others. After an error
// what was removed before stays removed.
func (p *Purge) Run(ctx context.Context, now time.Time) (removed int, err error) {
	retention, batch := p.Retention, int64(p.Batch)
	if retention <= 0 {
		retention = defaultRetention
	}
	if batch <= 0 {
		batch = defaultBatch
	}
	at, keep := micros(now), retention.Microseconds()
	expired := at - codeRetention.Microseconds()
	db := p.DB
	for _, step := range []struct {
		what       string
		statements []purgeStatement
	}{
		{"interactions", []purgeStatement{{db.removeFirst("interactions", "environment_id, id", "expires_at"), []any{at, batch}}}},
		{"challenges", []purgeStatement{{db.removeFirst("challenges", "environment_id, id", "expires_at"), []any{at, batch}}}},
		{"idempotency keys", []purgeStatement{{db.removeFirst("idempotency_keys", "environment_id, api_key_id, hash", "expires_at"), []any{at, batch}}}},
		{"set-up links", []purgeStatement{{db.removeFirst("setup_tokens", "hash", "expires_at"), []any{at, batch}}}},
		{"revoked access tokens", []purgeStatement{{db.removeFirst("revoked_access_tokens", "environment_id, serial", "until"), []any{at, batch}}}},
		{"used assertions", []purgeStatement{{db.removeFirst("used_assertions", "environment_id, hash", "expires_at"), []any{at, batch}}}},
		{"logouts", []purgeStatement{
			{db.removeFirst("logout_deliveries", "environment_id, id", "created_at"), []any{at - keep - deliveryTime.Microseconds(), batch}},
		}},
		{"codes", []purgeStatement{
			{db.codesDue() + removeGrantsOfUnused, []any{expired, batch}},
			{db.codesDue() + removeUsed, []any{expired, batch}},
		}},
		{"grants", []purgeStatement{{db.removeFirst("grants", "environment_id, id", "expires_at"), []any{at, batch}}}},
		{"revoked grants", []purgeStatement{{db.removeFirst("grants", "environment_id, id", "revoked_at"), []any{at - keep, batch}}}},
		{"sessions", []purgeStatement{
			{db.sessionsDue() + db.postpone("sessions"), []any{keep, at, batch, at + keep, at}},
			{db.sessionsDue() + removeGrantsOfSessions, []any{keep, at, batch, at, batch}},
			{db.sessionsDue() + removeSessions, []any{keep, at, batch, at}},
		}},
		{"browser sessions", []purgeStatement{
			{db.browsersDue() + db.postpone("browser_sessions"), []any{keep, at, batch, at + keep, at}},
			{db.browsersDue() + removeBrowsers, []any{keep, at, batch, at}},
		}},
	} {
		for {
			n, more, err := p.batch(ctx, step.statements)
			removed += n
			if err != nil {
				return removed, fmt.Errorf("purge %s: %w", step.what, err)
			}
			if !more {
				break
			}
		}
	}
	return removed, nil
}

type purgeStatement struct {
	text string
	args []any
}

// batch runs the statements in a transaction, and reports how many rows it removed and whether it found any at all.
func (p *Purge) batch(ctx context.Context, statements []purgeStatement) (removed int, found bool, err error) {
	err = p.DB.InTx(ctx, func(ctx context.Context) error {
		for _, s := range statements {
			n, err := p.DB.exec(ctx, s.text, s.args...)
			if err != nil {
				return err
			}
			found = found || n > 0
			if strings.Contains(s.text, "DELETE") {
				removed += int(n)
			}
		}
		return nil
	})
	if err != nil {
		return 0, false, err
	}
	return removed, found, nil
}

// The statements take the first rows of an index; those that another node is at are none of this one's business. Their
// arguments are the time and the number of rows.

// skipLocked ends a query for rows to remove.
func (db *DB) skipLocked() string { return db.either("", " FOR UPDATE SKIP LOCKED") }

// removeFirst removes rows whose column, which is indexed, is not after a time.
func (db *DB) removeFirst(table, key, column string) string {
	return `WITH due AS MATERIALIZED (SELECT ` + key + ` FROM ` + table + ` WHERE ` + column + ` <= ? ORDER BY ` + column + ` LIMIT ?` + db.skipLocked() + `)
		DELETE FROM ` + table + ` WHERE (` + key + `) IN (SELECT ` + key + ` FROM due)`
}

func (db *DB) codesDue() string {
	return `WITH due AS MATERIALIZED (
		SELECT environment_id, hash, grant_id, used_at FROM codes WHERE expires_at <= ? ORDER BY expires_at LIMIT ?` + db.skipLocked() + `)`
}

const (
	removeGrantsOfUnused = `
		DELETE FROM grants WHERE (environment_id, id) IN (SELECT environment_id, grant_id FROM due WHERE used_at IS NULL)`
	removeUsed = `
		DELETE FROM codes WHERE (environment_id, hash) IN (SELECT environment_id, hash FROM due WHERE used_at IS NOT NULL)`
)

// sessionsDue has the sessions to look at, each with the time until which it is kept: as sessions.Session.Deadline has it, but
// without the policies that were retired, and the retention longer. Its arguments are the retention, the time and
// the number of rows.
func (db *DB) sessionsDue() string {
	least := db.either("min", "least")
	return `WITH due AS MATERIALIZED (
		SELECT first.environment_id, first.id, coalesce(first.ended_at,
			` + least + `(first.auth_time + 1000000 * a.max_session_length, first.last_active_at + 1000000 * a.inactivity_timeout)) + ? AS kept_until
		FROM (SELECT * FROM sessions WHERE purge_at <= ? ORDER BY purge_at LIMIT ?` + db.skipLocked() + `) AS first
			JOIN applications a ON a.environment_id = first.environment_id AND a.id = first.application_id)`
}

// postpone sets when to look again at what is still kept. Its arguments are the latest time for that, and the time.
func (db *DB) postpone(table string) string {
	return `
		UPDATE ` + table + ` SET purge_at = ` + db.either("min", "least") + `(due.kept_until, ?) FROM due
		WHERE ` + table + `.environment_id = due.environment_id AND ` + table + `.id = due.id AND due.kept_until > ?`
}

const (
	removeGrantsOfSessions = `
		DELETE FROM grants WHERE (environment_id, id) IN (
			SELECT g.environment_id, g.id FROM due JOIN grants g ON g.environment_id = due.environment_id AND g.session_id = due.id
			WHERE due.kept_until <= ? LIMIT ?)`
	// A session with more grants than a batch waits for the next.
	removeSessions = `
		DELETE FROM sessions WHERE (environment_id, id) IN (SELECT environment_id, id FROM due WHERE kept_until <= ?)
			AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.environment_id = sessions.environment_id AND g.session_id = sessions.id)`
	removeBrowsers = `
		DELETE FROM browser_sessions WHERE (environment_id, id) IN (SELECT environment_id, id FROM due WHERE kept_until <= ?)`
)

// browsersDue is sessionsDue for browser sessions, with the clocks of their environment.
func (db *DB) browsersDue() string {
	least := db.either("min", "least")
	return `WITH due AS MATERIALIZED (
		SELECT first.environment_id, first.id, coalesce(first.ended_at, ` + least + `(
			first.auth_time + 1000000 * CASE WHEN first.remember THEN e.browser_max_length ELSE ` + least + `(e.browser_max_length, e.browser_unremembered_max) END,
			first.last_active_at + 1000000 * e.browser_inactivity_timeout)) + ? AS kept_until
		FROM (SELECT * FROM browser_sessions WHERE purge_at <= ? ORDER BY purge_at LIMIT ?` + db.skipLocked() + `) AS first
			JOIN environments e ON e.id = first.environment_id)`
}
