package storage

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
)

// Sessions implements sessions.Store.
type Sessions struct{ DB *DB }

// firstLook is when the purge looks at a new session for the first time.
const firstLook = 24 * time.Hour

// sessionColumns are read into a session; appendSession appends where they go.
const sessionColumns = `sessions.id, sessions.user_id, sessions.application_id, sessions.browser_session_id, coalesce(sessions.organization_id, ''), sessions.auth_time, sessions.amr, sessions.acr, ` +
	`sessions.address, sessions.user_agent, sessions.created_at, sessions.last_active_at, sessions.ended_at, sessions.ended_reason, sessions.ended_by`

func appendSession(dest []any, s *sessions.Session) []any {
	return append(dest, (*string)(&s.ID), (*string)(&s.User), (*string)(&s.Application), (*string)(&s.BrowserSession), (*string)(&s.Organization),
		(*instant)(&s.AuthTime), (*words)(&s.AMR), &s.ACR, &s.Address, &s.UserAgent,
		(*instant)(&s.CreatedAt), (*instant)(&s.LastActiveAt), (*instant)(&s.EndedAt), (*string)(&s.EndedReason), &s.EndedBy)
}

// The session columns are NULL for an account without a session in the application. Joined as in joinSessionAndUser.
const accounts = `
	SELECT b.id, b.user_id, b.auth_time, b.amr, b.acr, b.remember, b.created_at, b.last_active_at, b.ended_at, b.ended_reason,
		u.email, u.name, u.status <> 'active', ` + positionsOfUser + `, s.id IS NOT NULL,
		coalesce(s.id, ''), coalesce(s.organization_id, ''), coalesce(s.auth_time, 0), coalesce(s.amr, ''), coalesce(s.acr, ''), coalesce(s.address, ''), coalesce(s.user_agent, ''),
		coalesce(s.created_at, 0), coalesce(s.last_active_at, 0), s.ended_at, coalesce(s.ended_reason, ''), coalesce(s.ended_by, '')
	FROM browser_sessions b
		JOIN users u ON u.id = b.user_id AND u.environment_id IS NOT DISTINCT FROM b.environment_id
		LEFT JOIN sessions s ON s.environment_id IS NOT DISTINCT FROM b.environment_id AND s.id = (
			SELECT latest.id FROM sessions latest
			WHERE latest.environment_id = b.environment_id AND latest.browser_session_id = b.id AND latest.application_id = ?
			ORDER BY latest.created_at DESC LIMIT 1)
	WHERE b.environment_id = ? AND b.handle = ?
	ORDER BY b.auth_time DESC, b.created_at DESC, b.id DESC`

func (s Sessions) Accounts(ctx context.Context, env environments.ID, handle [32]byte, app clients.ID) ([]sessions.Account, error) {
	rows, err := s.DB.query(ctx, accounts, string(app), string(env), handle[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []sessions.Account
	for rows.Next() {
		var a sessions.Account
		var found bool
		var s sessions.Session
		b := &a.BrowserSession
		err := rows.Scan((*string)(&b.ID), (*string)(&b.User), (*instant)(&b.AuthTime), (*words)(&b.AMR), &b.ACR, &b.Remember,
			(*instant)(&b.CreatedAt), (*instant)(&b.LastActiveAt), (*instant)(&b.EndedAt), (*string)(&b.EndedReason),
			&a.Email, &a.Name, &a.Disabled, (*positions)(&a.Positions), &found,
			(*string)(&s.ID), (*string)(&s.Organization), (*instant)(&s.AuthTime), (*words)(&s.AMR), &s.ACR, &s.Address, &s.UserAgent,
			(*instant)(&s.CreatedAt), (*instant)(&s.LastActiveAt), (*instant)(&s.EndedAt), (*string)(&s.EndedReason), &s.EndedBy)
		if err != nil {
			return nil, err
		}
		b.Environment = env
		if found {
			s.Environment, s.User, s.Application, s.BrowserSession = env, b.User, app, b.ID
			a.Session = &s
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

const (
	forgetUser = `UPDATE browser_sessions SET handle = NULL WHERE environment_id = ? AND handle = ? AND user_id = ?`

	insertBrowserSession = `
		INSERT INTO browser_sessions (environment_id, id, handle, user_id, auth_time, amr, acr, remember, created_at, last_active_at, ended_at, ended_reason, purge_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

func (s Sessions) CreateBrowserSession(ctx context.Context, handle [32]byte, b *sessions.BrowserSession) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.DB.exec(ctx, forgetUser, string(b.Environment), handle[:], string(b.User)); err != nil {
			return err
		}
		_, err := s.DB.exec(ctx, insertBrowserSession, string(b.Environment), string(b.ID), handle[:], string(b.User),
			micros(b.AuthTime), words(b.AMR), b.ACR, b.Remember, micros(b.CreatedAt), micros(b.LastActiveAt),
			microsOrNull(b.EndedAt), string(b.EndedReason), micros(b.CreatedAt.Add(firstLook)))
		return err
	})
}

const reauthenticateBrowser = `
	UPDATE browser_sessions SET auth_time = ?, amr = ?, acr = ?, remember = ?,
		last_active_at = CASE WHEN last_active_at < ? THEN ? ELSE last_active_at END
	WHERE environment_id = ? AND id = ? AND ended_at IS NULL`

func (s Sessions) ReauthenticateBrowser(ctx context.Context, env environments.ID, id sessions.BrowserID, a sessions.Authentication, remember bool, now time.Time) error {
	return s.change(ctx, reauthenticateBrowser, micros(a.AuthTime), words(a.AMR), a.ACR, remember, micros(now), micros(now), string(env), string(id))
}

// change runs a statement that changes one row, and returns ErrNotFound if it found none to change.
func (s Sessions) change(ctx context.Context, q string, args ...any) error {
	changed, err := s.DB.exec(ctx, q, args...)
	if err == nil && changed == 0 {
		return sessions.ErrNotFound
	}
	return err
}

const (
	rotateHandleOfSessions     = `UPDATE browser_sessions SET handle = ? WHERE environment_id = ? AND handle = ?`
	rotateHandleOfInteractions = `UPDATE interactions SET browser = ? WHERE environment_id = ? AND browser = ?`
)

func (s Sessions) RotateHandle(ctx context.Context, env environments.ID, old, new [32]byte) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.DB.exec(ctx, rotateHandleOfSessions, new[:], string(env), old[:]); err != nil {
			return err
		}
		_, err := s.DB.exec(ctx, rotateHandleOfInteractions, new[:], string(env), old[:])
		return err
	})
}

const forgetAccount = `UPDATE browser_sessions SET handle = NULL WHERE environment_id = ? AND handle = ? AND id = ?`

// ForgetAccount returns ErrNotFound if the account isn't on the browser's list.
func (s Sessions) ForgetAccount(ctx context.Context, env environments.ID, handle [32]byte, id sessions.BrowserID) error {
	return s.change(ctx, forgetAccount, string(env), handle[:], string(id))
}

const findSession = `SELECT ` + sessionColumns + ` FROM sessions WHERE environment_id = ? AND id = ?`

func (s Sessions) Session(ctx context.Context, env environments.ID, id sessions.ID) (*sessions.Session, error) {
	return s.session(ctx, env, findSession, string(env), string(id))
}

func (s Sessions) session(ctx context.Context, env environments.ID, q string, args ...any) (*sessions.Session, error) {
	found := &sessions.Session{Environment: env}
	err := s.DB.queryRow(ctx, q, args...).Scan(appendSession(nil, found)...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, sessions.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

const latestSession = `
	SELECT ` + sessionColumns + ` FROM sessions
	WHERE environment_id = ? AND browser_session_id = ? AND application_id = ? AND coalesce(organization_id, '') = ?
	ORDER BY created_at DESC LIMIT 1`

func (s Sessions) LatestSession(ctx context.Context, env environments.ID, browser sessions.BrowserID, app clients.ID, organization organizations.ID) (*sessions.Session, error) {
	return s.session(ctx, env, latestSession, string(env), string(browser), string(app), string(organization))
}

const setOrganization = `
	UPDATE sessions SET organization_id = ?
	WHERE environment_id = ? AND id = ? AND ended_at IS NULL AND EXISTS (
		SELECT 1 FROM memberships m WHERE m.user_id = sessions.user_id AND m.organization_id = ?
			AND m.environment_id IS NOT DISTINCT FROM sessions.environment_id AND m.state = 'active')
	RETURNING ` + positionOfSession

func (s Sessions) SetOrganization(ctx context.Context, env environments.ID, id sessions.ID, organization organizations.ID) (*organizations.Position, error) {
	var found *organizations.Position
	_, err := s.DB.claim(ctx, []any{position{&found}}, setOrganization, string(organization), string(env), string(id), string(organization))
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, organizations.ErrNoMembership
	}
	found.Organization = organization
	return found, nil
}

const lastUse = `SELECT application_id, max(last_active_at) FROM sessions WHERE environment_id IS NOT DISTINCT FROM ? AND user_id = ? GROUP BY application_id`

func (s Sessions) LastUse(ctx context.Context, env environments.ID, user identity.ID) (map[clients.ID]time.Time, error) {
	rows, err := s.DB.query(ctx, lastUse, string(env), string(user))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[clients.ID]time.Time{}
	for rows.Next() {
		var app clients.ID
		var at time.Time
		if err := rows.Scan((*string)(&app), (*instant)(&at)); err != nil {
			return nil, err
		}
		all[app] = at
	}
	return all, rows.Err()
}

// list runs a statement that returns sessionColumns.
func (s Sessions) list(ctx context.Context, env environments.ID, q string, args ...any) ([]sessions.Session, error) {
	rows, err := s.DB.query(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []sessions.Session
	for rows.Next() {
		all = append(all, sessions.Session{Environment: env})
		if err := rows.Scan(appendSession(nil, &all[len(all)-1])...); err != nil {
			return nil, err
		}
	}
	return all, rows.Err()
}

// PostgreSQL generates active_hour.
const (
	sessionValues = `environment_id, id, user_id, application_id, browser_session_id, organization_id, auth_time, amr, acr, address, user_agent, created_at, last_active_at, ended_at, ended_reason, ended_by, purge_at`

	insertSessionPostgres = `INSERT INTO sessions (` + sessionValues + `) VALUES (?, ?, ?, ?, ?, nullif(?, ''), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertSessionSQLite   = `INSERT INTO sessions (` + sessionValues + `, active_hour) VALUES (?, ?, ?, ?, ?, nullif(?, ''), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

func (s Sessions) CreateSession(ctx context.Context, n *sessions.Session) error {
	q := insertSessionPostgres
	args := []any{string(n.Environment), string(n.ID), string(n.User), string(n.Application), string(n.BrowserSession), string(n.Organization),
		micros(n.AuthTime), words(n.AMR), n.ACR, n.Address, n.UserAgent, micros(n.CreatedAt), micros(n.LastActiveAt),
		microsOrNull(n.EndedAt), string(n.EndedReason), n.EndedBy, micros(n.CreatedAt.Add(firstLook))}
	if s.DB.dialect == SQLite {
		q, args = insertSessionSQLite, append(args, micros(n.LastActiveAt)/hour)
	}
	_, err := s.DB.exec(ctx, q, args...)
	return err
}

const reauthenticate = `
	UPDATE sessions SET auth_time = ?, amr = ?, acr = ?,
		last_active_at = CASE WHEN last_active_at < ? THEN ? ELSE last_active_at END
	WHERE environment_id = ? AND id = ? AND ended_at IS NULL`

func (s Sessions) Reauthenticate(ctx context.Context, env environments.ID, id sessions.ID, a sessions.Authentication, now time.Time) error {
	return s.change(ctx, reauthenticate, micros(a.AuthTime), words(a.AMR), a.ACR, micros(now), micros(now), string(env), string(id))
}

// condition is a part of a WHERE clause, which counts unless value is "".
type condition struct{ text, value string }

// where puts the conditions behind a text that ends in conditions already. There are few texts that it can make.
func where(text string, args []any, conditions ...condition) (string, []any) {
	var b strings.Builder
	b.WriteString(text)
	for _, c := range conditions {
		if c.value != "" {
			b.WriteString(" AND ")
			b.WriteString(c.text)
			args = append(args, c.value)
		}
	}
	return b.String(), args
}

const endSessions = `UPDATE sessions SET ended_at = ?, ended_reason = ?, ended_by = ? WHERE environment_id = ? AND ended_at IS NULL`

func selectionConditions(which *sessions.Selection) []condition {
	return []condition{
		{"id = ?", string(which.Session)},
		{"user_id = ?", string(which.User)},
		{"application_id = ?", string(which.Application)},
		{"browser_session_id = ?", string(which.BrowserSession)},
		{"organization_id = ?", string(which.Organization)},
		{"id <> ?", string(which.Except)},
		{"browser_session_id <> ?", string(which.ExceptBrowser)},
	}
}

// End ends nothing for a selection that has only exceptions.
func (s Sessions) End(ctx context.Context, env environments.ID, which sessions.Selection, reason sessions.EndedReason, by string, now time.Time) (ended []sessions.Session, err error) {
	if which.Session == "" && which.User == "" && which.Application == "" && which.BrowserSession == "" && which.Organization == "" {
		return nil, nil
	}
	q, args := where(endSessions, []any{micros(now), string(reason), by, string(env)}, selectionConditions(&which)...)
	err = s.DB.InTx(ctx, func(ctx context.Context) error {
		ended, err = s.list(ctx, env, q+" RETURNING "+sessionColumns, args...)
		return err
	})
	for i := range ended {
		ended[i].EndedAt, ended[i].EndedReason, ended[i].EndedBy = time.Time{}, "", "" // as it was
	}
	return ended, err
}

// What is noted is a JSON array of environment, ID, time, reason and actor.
const (
	noteSQLite = `
		UPDATE sessions SET ended_at = n.ended_at, ended_reason = n.reason, ended_by = n.by
		FROM (SELECT value->>0 AS environment_id, value->>1 AS id, value->>2 AS ended_at, value->>3 AS reason, value->>4 AS by FROM json_each(?)) AS n
		WHERE sessions.environment_id = n.environment_id AND sessions.id = n.id`
	notePostgres = `
		UPDATE sessions SET ended_at = n.ended_at, ended_reason = n.reason, ended_by = n.by
		FROM (SELECT value->>0 AS environment_id, value->>1 AS id, (value->>2)::bigint AS ended_at, value->>3 AS reason, value->>4 AS by
			FROM jsonb_array_elements(?::jsonb)) AS n
		WHERE sessions.environment_id = n.environment_id AND sessions.id = n.id`
)

func (s Sessions) Note(ctx context.Context, settled []sessions.Session) error {
	notes := make([][5]any, len(settled))
	for i := range settled {
		n := &settled[i]
		notes[i] = [5]any{n.Environment, n.ID, micros(n.EndedAt), n.EndedReason, n.EndedBy}
	}
	encoded, err := json.Marshal(notes)
	if err != nil {
		return err
	}
	_, err = s.DB.exec(ctx, s.DB.either(noteSQLite, notePostgres), string(encoded))
	return err
}

const endBrowserSessions = `UPDATE browser_sessions SET ended_at = ?, ended_reason = ? WHERE environment_id = ? AND ended_at IS NULL`

// EndBrowserSessions ends nothing for a selection that names no browser session and no user.
func (s Sessions) EndBrowserSessions(ctx context.Context, env environments.ID, which sessions.Selection, reason sessions.EndedReason, now time.Time) error {
	if which.User == "" && which.BrowserSession == "" {
		return nil
	}
	q, args := where(endBrowserSessions, []any{micros(now), string(reason), string(env)},
		condition{"id = ?", string(which.BrowserSession)},
		condition{"user_id = ?", string(which.User)},
		condition{"id <> ?", string(which.ExceptBrowser)})
	_, err := s.DB.exec(ctx, q, args...)
	return err
}

func (s Sessions) EndAllBrowserSessions(ctx context.Context, env environments.ID, reason sessions.EndedReason, now time.Time) error {
	_, err := s.DB.exec(ctx, endBrowserSessions, micros(now), string(reason), string(env))
	return err
}

// markChunk bounds how many rows one statement of MarkActive locks.
const markChunk = 500

// A mark is a JSON array of environment, ID and time. On PostgreSQL a row that is locked goes without: it is being refreshed, ended, or
// marked by another node, and nobody is to wait for a mark.
const (
	sqliteMarks       = `SELECT value->>0 AS environment_id, value->>1 AS id, value->>2 AS active_at FROM json_each(?)`
	markSessionSQLite = `
		UPDATE sessions SET last_active_at = m.active_at FROM (` + sqliteMarks + `) AS m
		WHERE sessions.environment_id = m.environment_id AND sessions.id = m.id AND last_active_at < m.active_at AND ended_at IS NULL`
	markBrowserSQLite = `
		UPDATE browser_sessions SET last_active_at = m.active_at FROM (` + sqliteMarks + `) AS m
		WHERE browser_sessions.environment_id = m.environment_id AND browser_sessions.id = m.id AND last_active_at < m.active_at AND ended_at IS NULL`

	postgresMarks       = `SELECT value->>0 AS environment_id, value->>1 AS id, (value->>2)::bigint AS active_at FROM jsonb_array_elements(?::jsonb)`
	markSessionPostgres = `
		WITH m AS (` + postgresMarks + `),
		free AS MATERIALIZED (
			SELECT s.environment_id, s.id, m.active_at FROM m JOIN sessions s ON s.environment_id = m.environment_id AND s.id = m.id
			WHERE s.last_active_at < m.active_at AND s.ended_at IS NULL FOR NO KEY UPDATE OF s SKIP LOCKED)
		UPDATE sessions SET last_active_at = free.active_at FROM free
		WHERE sessions.environment_id = free.environment_id AND sessions.id = free.id`
	markBrowserPostgres = `
		WITH m AS (` + postgresMarks + `),
		free AS MATERIALIZED (
			SELECT b.environment_id, b.id, m.active_at FROM m JOIN browser_sessions b ON b.environment_id = m.environment_id AND b.id = m.id
			WHERE b.last_active_at < m.active_at AND b.ended_at IS NULL FOR NO KEY UPDATE OF b SKIP LOCKED)
		UPDATE browser_sessions SET last_active_at = free.active_at FROM free
		WHERE browser_sessions.environment_id = free.environment_id AND browser_sessions.id = free.id`
)

func (s Sessions) MarkActive(ctx context.Context, marks sessions.Marks) error {
	of := make([][3]any, 0, len(marks.Sessions))
	for key, at := range marks.Sessions {
		of = append(of, [3]any{key.Environment, key.ID, micros(at)})
	}
	if err := s.mark(ctx, s.DB.either(markSessionSQLite, markSessionPostgres), of); err != nil {
		return err
	}
	of = of[:0]
	for key, at := range marks.Browsers {
		of = append(of, [3]any{key.Environment, key.ID, micros(at)})
	}
	return s.mark(ctx, s.DB.either(markBrowserSQLite, markBrowserPostgres), of)
}

func (s Sessions) mark(ctx context.Context, q string, marks [][3]any) error {
	for chunk := range slices.Chunk(marks, markChunk) {
		encoded, err := json.Marshal(chunk)
		if err != nil {
			return err
		}
		if _, err := s.DB.exec(ctx, q, string(encoded)); err != nil {
			return err
		}
	}
	return nil
}

const (
	insertInteraction = `
		INSERT INTO interactions (environment_id, id, application_id, browser, request, own_redirect_uri, account, organization, consented, denied, authenticated_after, challenge, username, created_at, expires_at, done_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

	findInteraction = `
		SELECT id, application_id, browser, request, own_redirect_uri, account, organization, consented, denied, authenticated_after, challenge, username, created_at, expires_at, done_at
		FROM interactions WHERE environment_id = ? AND id = ?`
	findLivingInteraction = findInteraction + ` AND expires_at > ?`

	updateInteraction = `
		UPDATE interactions SET browser = ?, request = ?, account = ?, organization = ?, consented = ?, denied = ?, authenticated_after = ?, challenge = ?, username = ?, expires_at = ?, done_at = ?
		WHERE environment_id = ? AND id = ?`

	moveInteraction = `UPDATE interactions SET browser = ? WHERE environment_id = ? AND id = ? AND browser = ? AND done_at IS NULL AND expires_at > ?`

	finishInteraction = `UPDATE interactions SET done_at = ? WHERE environment_id = ? AND id = ? AND done_at IS NULL AND expires_at > ?`
)

func (s Sessions) CreateInteraction(ctx context.Context, i *sessions.Interaction) error {
	_, err := s.DB.exec(ctx, insertInteraction, string(i.Environment), string(i.ID), string(i.Application), i.Browser[:], i.Request, i.OwnRedirectURI,
		string(i.Account), string(i.Organization), words(i.Consented), i.Denied, microsOrNull(i.AuthenticatedAfter), i.Challenge, i.Username,
		micros(i.CreatedAt), micros(i.ExpiresAt), microsOrNull(i.DoneAt))
	return err
}

func (s Sessions) Interaction(ctx context.Context, env environments.ID, id sessions.InteractionID, now time.Time) (*sessions.Interaction, error) {
	return s.interaction(ctx, env, findLivingInteraction, string(env), string(id), micros(now))
}

func (s Sessions) interaction(ctx context.Context, env environments.ID, q string, args ...any) (*sessions.Interaction, error) {
	i := &sessions.Interaction{Environment: env}
	err := s.DB.queryRow(ctx, q, args...).Scan((*string)(&i.ID), (*string)(&i.Application), (*hash)(&i.Browser), &i.Request, &i.OwnRedirectURI,
		(*string)(&i.Account), (*string)(&i.Organization), (*words)(&i.Consented), &i.Denied, (*instant)(&i.AuthenticatedAfter), &i.Challenge, &i.Username,
		(*instant)(&i.CreatedAt), (*instant)(&i.ExpiresAt), (*instant)(&i.DoneAt))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, sessions.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return i, nil
}

func (s Sessions) UpdateInteraction(ctx context.Context, env environments.ID, id sessions.InteractionID, change func(context.Context, *sessions.Interaction) error) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		i, err := s.interaction(ctx, env, s.DB.either(findInteraction, findInteraction+` FOR NO KEY UPDATE`), string(env), string(id))
		if err != nil {
			return err
		}
		if err := change(ctx, i); err != nil {
			return err
		}
		return s.change(ctx, updateInteraction, i.Browser[:], i.Request, string(i.Account), string(i.Organization), words(i.Consented), i.Denied,
			microsOrNull(i.AuthenticatedAfter), i.Challenge, i.Username, micros(i.ExpiresAt), microsOrNull(i.DoneAt), string(env), string(id))
	})
}

func (s Sessions) MoveInteraction(ctx context.Context, env environments.ID, id sessions.InteractionID, from, to [32]byte, now time.Time) error {
	return s.change(ctx, moveInteraction, to[:], string(env), string(id), from[:], micros(now))
}

func (s Sessions) FinishInteraction(ctx context.Context, env environments.ID, id sessions.InteractionID, now time.Time) error {
	return s.change(ctx, finishInteraction, micros(now), string(env), string(id), micros(now))
}
