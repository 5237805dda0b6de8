package storage

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/identity"
)

// Grants implements grants.Store.
type Grants struct{ DB *DB }

// What grants.State is read from: the grant g, its session, the session's user u and her position. Every column has its price, so there
// are no others, and an expression has a name: each query asks the driver for it, and without one it is the whole text. What is joined is found by its ID, and its environment compared by IS NOT DISTINCT FROM: from = PostgreSQL
// would conclude that it could as well begin with all users of the environment, which looks cheap while it has no statistics.
const (
	standingColumns = `g.session_id, g.user_id, g.application_id, g.scopes, g.audience, g.revoked_at, ` +
		`sessions.auth_time, sessions.amr, sessions.acr, sessions.last_active_at, sessions.ended_at, u.status, ` +
		`coalesce(sessions.organization_id, '') AS organization_id, ` + positionOfSession + ` AS position`
	stateColumns       = standingColumns + `, g.claims, ` + profileColumns
	wholeColumns       = stateColumns + `, g.id, g.nonce, g.revoked_reason, sessions.ended_reason`
	joinSessionAndUser = `
		JOIN sessions ON sessions.id = g.session_id AND sessions.environment_id IS NOT DISTINCT FROM g.environment_id
		JOIN users u ON u.id = sessions.user_id AND u.environment_id IS NOT DISTINCT FROM g.environment_id`
)

// newStanding returns a state of the environment, and where the standingColumns go.
func newStanding(env environments.ID) (*grants.State, []any) {
	state := &grants.State{}
	g, session, user := &state.Grant, &state.Session, &state.User
	g.Environment, session.Environment, user.Environment = env, env, env
	return state, append(make([]any, 0, 32), (*string)(&g.Session), (*string)(&g.User), (*string)(&g.Application),
		(*words)(&g.Scopes), (*words)(&g.Audience), (*instant)(&g.RevokedAt),
		(*instant)(&session.AuthTime), (*words)(&session.AMR), &session.ACR, (*instant)(&session.LastActiveAt), (*instant)(&session.EndedAt),
		(*string)(&user.Status), (*string)(&session.Organization), position{&state.Position})
}

// newState returns a state of the environment, and where the stateColumns go.
func newState(env environments.ID) (*grants.State, []any) {
	state, dest := newStanding(env)
	return state, appendProfile(append(dest, &state.Grant.Claims), &state.User)
}

// newWhole returns a state of the environment, and where the wholeColumns go.
func newWhole(env environments.ID) (*grants.State, []any) {
	state, dest := newState(env)
	g := &state.Grant
	return state, append(dest, (*string)(&g.ID), &g.Nonce, &g.RevokedReason, (*string)(&state.Session.EndedReason))
}

// find runs a statement for the row of a state.
func (s Grants) find(ctx context.Context, state *grants.State, dest []any, q string, args ...any) error {
	err := s.DB.queryRow(ctx, q, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return grants.ErrNotFound
	}
	g, session := &state.Grant, &state.Session
	session.ID, session.User, session.Application, state.User.ID = g.Session, g.User, g.Application, g.User
	if state.Position != nil {
		state.Position.Organization = session.Organization
	}
	return err
}

const (
	insertGrant = `
		INSERT INTO grants (environment_id, id, session_id, user_id, application_id, scopes, audience, claims, nonce, created_at, expires_at, revoked_at, revoked_reason)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertCode = `
		INSERT INTO codes (environment_id, hash, grant_id, redirect_uri, code_challenge, created_at, expires_at, used_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
)

func (s Grants) CreateGrant(ctx context.Context, g *grants.Grant, c *grants.Code) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		_, err := s.DB.exec(ctx, insertGrant, string(g.Environment), string(g.ID), string(g.Session), string(g.User), string(g.Application),
			words(g.Scopes), words(g.Audience), g.Claims, g.Nonce, micros(g.CreatedAt), microsOrNull(g.ExpiresAt), microsOrNull(g.RevokedAt), g.RevokedReason)
		if err != nil {
			return err
		}
		_, err = s.DB.exec(ctx, insertCode, string(c.Environment), c.Hash[:], string(c.Grant), c.RedirectURI, c.CodeChallenge,
			micros(c.CreatedAt), micros(c.ExpiresAt), microsOrNull(c.UsedAt))
		return err
	})
}

const findCode = `
	SELECT ` + wholeColumns + `, c.redirect_uri, c.code_challenge, c.created_at, c.expires_at, c.used_at
	FROM codes c
		JOIN grants g ON g.id = c.grant_id AND g.environment_id IS NOT DISTINCT FROM c.environment_id` + joinSessionAndUser + `
	WHERE c.environment_id = ? AND c.hash = ?`

func (s Grants) Code(ctx context.Context, env environments.ID, hash [32]byte) (*grants.Code, *grants.State, error) {
	state, dest := newWhole(env)
	c := &grants.Code{Hash: hash, Environment: env}
	dest = append(dest, &c.RedirectURI, &c.CodeChallenge, (*instant)(&c.CreatedAt), (*instant)(&c.ExpiresAt), (*instant)(&c.UsedAt))
	if err := s.find(ctx, state, dest, findCode, string(env), hash[:]); err != nil {
		return nil, nil, err
	}
	c.Grant = state.Grant.ID
	return c, state, nil
}

const (
	claimCode = `UPDATE codes SET used_at = ? WHERE environment_id = ? AND hash = ? AND used_at IS NULL AND expires_at > ?`
	codeUsed  = `SELECT used_at IS NOT NULL FROM codes WHERE environment_id = ? AND hash = ?`

	insertChain = `
		INSERT INTO refresh_tokens (environment_id, id, grant_id, session_id, generation, hash, recent, rotated_at, rotated_from, rotated_by, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

// Redeem returns ErrNotFound also for a code that expired unused.
func (s Grants) Redeem(ctx context.Context, env environments.ID, hash [32]byte, now time.Time, chain *grants.Chain) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		claimed, err := s.DB.exec(ctx, claimCode, micros(now), string(env), hash[:], micros(now))
		if err != nil {
			return err
		}
		if claimed == 0 {
			var used bool
			if err := s.DB.queryRow(ctx, codeUsed, string(env), hash[:]).Scan(&used); err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			if used {
				return grants.ErrUsed
			}
			return grants.ErrNotFound
		}
		if chain == nil {
			return nil
		}
		_, err = s.DB.exec(ctx, insertChain, string(chain.Environment), chain.ID[:], string(chain.Grant), string(chain.Session), int64(chain.Generation),
			chain.Hash[:], encodeRecent(chain.Recent), micros(chain.RotatedAt), chain.RotatedBy.Address, chain.RotatedBy.UserAgent, micros(chain.CreatedAt))
		return err
	})
}

// ofAccessToken completes a statement that reads a grant for one of its access tokens.
const ofAccessToken = `,
		EXISTS (SELECT 1 FROM revoked_access_tokens r WHERE r.environment_id = g.environment_id AND r.serial = ?) AS revoked
	FROM grants g` + joinSessionAndUser + `
	WHERE g.environment_id = ? AND g.id = ?`

const (
	findState    = `SELECT ` + stateColumns + ofAccessToken
	findStanding = `SELECT ` + standingColumns + ofAccessToken
)

func (s Grants) State(ctx context.Context, env environments.ID, id grants.ID, serial grants.Serial) (*grants.State, bool, error) {
	state, dest := newState(env)
	return s.ofAccessToken(ctx, state, dest, findState, id, serial)
}

func (s Grants) Standing(ctx context.Context, env environments.ID, id grants.ID, serial grants.Serial) (*grants.State, bool, error) {
	state, dest := newStanding(env)
	return s.ofAccessToken(ctx, state, dest, findStanding, id, serial)
}

func (s Grants) ofAccessToken(ctx context.Context, state *grants.State, dest []any, q string, id grants.ID, serial grants.Serial) (*grants.State, bool, error) {
	var revoked bool
	state.Grant.ID = id
	if err := s.find(ctx, state, append(dest, &revoked), q, serial[:], string(state.Grant.Environment), string(id)); err != nil {
		return nil, false, err
	}
	return state, revoked, nil
}

const findChain = `
	SELECT ` + wholeColumns + `, t.generation, t.hash, t.recent, t.rotated_at, t.rotated_from, t.rotated_by, t.created_at
	FROM refresh_tokens t
		JOIN grants g ON g.id = t.grant_id AND g.environment_id IS NOT DISTINCT FROM t.environment_id` + joinSessionAndUser + `
	WHERE t.environment_id = ? AND t.id = ?`

func (s Grants) Chain(ctx context.Context, env environments.ID, id grants.ChainID) (*grants.Chain, *grants.State, error) {
	state, dest := newWhole(env)
	c := &grants.Chain{ID: id, Environment: env}
	dest = append(dest, &c.Generation, (*hash)(&c.Hash), (*recent)(&c.Recent), (*instant)(&c.RotatedAt),
		&c.RotatedBy.Address, &c.RotatedBy.UserAgent, (*instant)(&c.CreatedAt))
	if err := s.find(ctx, state, dest, findChain, string(env), id[:]); err != nil {
		return nil, nil, err
	}
	c.Grant, c.Session = state.Grant.ID, state.Session.ID
	return c, state, nil
}

// A trigger moves the session's last_active_at with it.
// The question about session and application is a value rather than EXISTS, which PostgreSQL may turn into a join that begins
// with all sessions of the application.
const rotateChain = `
	UPDATE refresh_tokens SET generation = ?, hash = ?, recent = ?, rotated_at = ?, rotated_from = ?, rotated_by = ?
	WHERE environment_id = ? AND id = ? AND generation = ? AND (
		SELECT g.revoked_at IS NULL AND s.ended_at IS NULL AND s.id >= a.sessions_from AND a.enabled AND a.deleted_at IS NULL
		FROM grants g JOIN sessions s ON s.id = g.session_id AND s.environment_id IS NOT DISTINCT FROM g.environment_id
			JOIN applications a ON a.environment_id = s.environment_id AND a.id = s.application_id
		WHERE g.id = refresh_tokens.grant_id AND g.environment_id IS NOT DISTINCT FROM refresh_tokens.environment_id)`

func (s Grants) Rotate(ctx context.Context, chain *grants.Chain, from uint32) error {
	won, err := s.DB.exec(ctx, rotateChain, int64(chain.Generation), chain.Hash[:], encodeRecent(chain.Recent), micros(chain.RotatedAt),
		chain.RotatedBy.Address, chain.RotatedBy.UserAgent, string(chain.Environment), chain.ID[:], int64(from))
	if err == nil && won == 0 {
		return grants.ErrUsed
	}
	return err
}

const revokeGrant = `UPDATE grants SET revoked_at = ?, revoked_reason = ? WHERE environment_id = ? AND id = ? AND revoked_at IS NULL`

func (s Grants) RevokeGrant(ctx context.Context, env environments.ID, id grants.ID, reason string, now time.Time) (bool, error) {
	revoked, err := s.DB.exec(ctx, revokeGrant, micros(now), reason, string(env), string(id))
	return revoked == 1, err
}

const (
	revokeSerial  = `INSERT INTO revoked_access_tokens (environment_id, serial, until) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	serialRevoked = `SELECT EXISTS (SELECT 1 FROM revoked_access_tokens WHERE environment_id = ? AND serial = ?)`
)

func (s Grants) RevokeSerial(ctx context.Context, env environments.ID, serial grants.Serial, until time.Time) error {
	_, err := s.DB.exec(ctx, revokeSerial, string(env), serial[:], micros(until))
	return err
}

func (s Grants) SerialRevoked(ctx context.Context, env environments.ID, serial grants.Serial) (revoked bool, err error) {
	err = s.DB.queryRow(ctx, serialRevoked, string(env), serial[:]).Scan(&revoked)
	return revoked, err
}

// recent reads the column refresh_tokens.recent.
type recent []grants.Replaced

func (r *recent) Scan(src any) (err error) {
	b, ok := src.([]byte)
	if !ok && src != nil {
		return fmt.Errorf("replaced refresh tokens are kept as %T", src)
	}
	*r, err = decodeRecent(slices.Clone(b)) // b is the driver's
	return err
}

// recentVersion begins the column refresh_tokens.recent, which is NULL if there is nothing in it. For each token follow, big
// endian: its generation (4 bytes), its hash (32), the time (8, microseconds), the length of its successor (2) and
// the successor.
const (
	recentVersion = 1
	recentHeader  = 4 + 32 + 8 + 2
)

var errRecent = errors.New("the list of replaced refresh tokens is damaged")

func encodeRecent(tokens []grants.Replaced) []byte {
	if len(tokens) == 0 {
		return nil
	}
	b := append(make([]byte, 0, 1+len(tokens)*(recentHeader+len(tokens[0].Successor))), recentVersion)
	for i := range tokens {
		t := &tokens[i]
		b = binary.BigEndian.AppendUint32(b, t.Generation)
		b = append(b, t.Hash[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(micros(t.At)))
		b = binary.BigEndian.AppendUint16(b, uint16(len(t.Successor)))
		b = append(b, t.Successor...)
	}
	return b
}

func decodeRecent(b []byte) ([]grants.Replaced, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if b[0] != recentVersion {
		return nil, errRecent
	}
	var tokens []grants.Replaced
	for b = b[1:]; len(b) > 0; {
		if len(b) < recentHeader {
			return nil, errRecent
		}
		t := grants.Replaced{
			Generation: binary.BigEndian.Uint32(b), Hash: [32]byte(b[4:]), At: timeOf(int64(binary.BigEndian.Uint64(b[36:]))),
		}
		end := recentHeader + int(binary.BigEndian.Uint16(b[44:]))
		if len(b) < end {
			return nil, errRecent
		}
		t.Successor = b[recentHeader:end:end]
		tokens, b = append(tokens, t), b[end:]
	}
	return tokens, nil
}

type consentRow struct {
	EnvironmentID string `gorm:"primaryKey"`
	UserID        string `gorm:"primaryKey"`
	ApplicationID string `gorm:"primaryKey"`
	Scopes        words
	CreatedAt     int64 `gorm:"autoCreateTime:false"`
	UpdatedAt     int64 `gorm:"autoUpdateTime:false"`
}

func (consentRow) TableName() string { return "consents" }

func rowOfConsent(c *grants.Consent) consentRow {
	return consentRow{
		EnvironmentID: string(c.Environment), UserID: string(c.User), ApplicationID: string(c.Application), Scopes: words(c.Scopes),
		CreatedAt: micros(c.CreatedAt), UpdatedAt: micros(c.UpdatedAt),
	}
}

func (r *consentRow) consent() grants.Consent {
	return grants.Consent{
		Environment: environments.ID(r.EnvironmentID), User: identity.ID(r.UserID), Application: clients.ID(r.ApplicationID),
		Scopes: r.Scopes, CreatedAt: timeOf(r.CreatedAt), UpdatedAt: timeOf(r.UpdatedAt),
	}
}

const oneConsent = "environment_id = ? AND user_id = ? AND application_id = ?"

func (s Grants) Consent(ctx context.Context, env environments.ID, user identity.ID, app clients.ID) (*grants.Consent, error) {
	var row consentRow
	err := s.DB.conn(ctx).Where(oneConsent, string(env), string(user), string(app)).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, grants.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	c := row.consent()
	return &c, nil
}

func (s Grants) Consents(ctx context.Context, env environments.ID, user identity.ID) ([]grants.Consent, error) {
	var rows []consentRow
	err := s.DB.conn(ctx).Where("environment_id = ? AND user_id = ?", string(env), string(user)).
		Order("updated_at DESC, application_id").Find(&rows).Error
	if err != nil {
		return nil, err
	}
	all := make([]grants.Consent, len(rows))
	for i := range rows {
		all[i] = rows[i].consent()
	}
	return all, nil
}

func (s Grants) SaveConsent(ctx context.Context, c *grants.Consent) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		row := rowOfConsent(c)
		added := s.DB.conn(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if added.Error != nil || added.RowsAffected == 1 {
			return added.Error
		}
		one := s.DB.conn(ctx).Where(oneConsent, row.EnvironmentID, row.UserID, row.ApplicationID)
		var before consentRow
		if err := one.Clauses(forUpdate).Take(&before).Error; err != nil {
			return err
		}
		for _, scope := range c.Scopes {
			if !slices.Contains(before.Scopes, scope) {
				before.Scopes = append(before.Scopes, scope)
			}
		}
		before.UpdatedAt = row.UpdatedAt
		return s.DB.conn(ctx).Select("scopes", "updated_at").Updates(&before).Error
	})
}

const revokeGrantsOf = `
	UPDATE grants SET revoked_at = ?, revoked_reason = 'consent_withdrawn'
	WHERE environment_id = ? AND user_id = ? AND application_id = ? AND revoked_at IS NULL`

func (s Grants) WithdrawConsent(ctx context.Context, env environments.ID, user identity.ID, app clients.ID, now time.Time) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		if err := s.DB.conn(ctx).Where(oneConsent, string(env), string(user), string(app)).Delete(&consentRow{}).Error; err != nil {
			return err
		}
		_, err := s.DB.exec(ctx, revokeGrantsOf, micros(now), string(env), string(user), string(app))
		return err
	})
}
