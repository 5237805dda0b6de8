package storage

import (
	"context"
	"database/sql"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/delivery"
	"github.com/portico-id/portico/environments"
)

// Deliveries implements delivery.Store.
type Deliveries struct {
	DB    *DB
	Added func() // called when logouts were added and that is committed; nil does nothing. It must not wait
}

const (
	logoutColumns = `environment_id, id, application_id, session_id, user_id, created_at, attempts, next_at, delivered_at, failed_at, error`

	insertLogout = `INSERT INTO logout_deliveries (` + logoutColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

	takeLogouts = `
		UPDATE logout_deliveries SET next_at = ?, attempts = attempts + 1
		WHERE (environment_id, id) IN (
			SELECT environment_id, id FROM logout_deliveries WHERE next_at <= ? ORDER BY next_at LIMIT ?`
	returningLogouts = `) RETURNING ` + logoutColumns

	settleLogout = `
		UPDATE logout_deliveries SET next_at = ?, delivered_at = ?, failed_at = ?, error = ?
		WHERE environment_id = ? AND id = ?`

	listLogouts = `SELECT ` + logoutColumns + ` FROM logout_deliveries`
)

// AddLogouts implements delivery.Store.
func (s Deliveries) AddLogouts(ctx context.Context, logouts []delivery.Logout) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		for i := range logouts {
			l := &logouts[i]
			_, err := s.DB.exec(ctx, insertLogout, string(l.Environment), l.ID, string(l.Application), string(l.Session), string(l.User),
				micros(l.CreatedAt), int64(l.Attempts), microsOrNull(l.NextAt), microsOrNull(l.DeliveredAt), microsOrNull(l.FailedAt), l.Error)
			if err != nil {
				return err
			}
		}
		if s.Added != nil {
			s.DB.afterCommit(ctx, s.Added)
		}
		return nil
	})
}

// TakeLogouts implements delivery.Store. On PostgreSQL nodes that take at the same time pass each other by.
func (s Deliveries) TakeLogouts(ctx context.Context, now, until time.Time, limit int) (taken []delivery.Logout, err error) {
	q := s.DB.either(takeLogouts+returningLogouts, takeLogouts+` FOR UPDATE SKIP LOCKED`+returningLogouts)
	err = s.DB.InTx(ctx, func(ctx context.Context) error {
		taken, err = s.read(ctx, q, micros(until), micros(now), int64(limit))
		return err
	})
	return taken, err
}

// SettleLogout implements delivery.Store.
func (s Deliveries) SettleLogout(ctx context.Context, l *delivery.Logout) error {
	_, err := s.DB.exec(ctx, settleLogout, microsOrNull(l.NextAt), microsOrNull(l.DeliveredAt), microsOrNull(l.FailedAt), l.Error,
		string(l.Environment), l.ID)
	return err
}

// Logouts implements delivery.Store.
func (s Deliveries) Logouts(ctx context.Context, env environments.ID, app clients.ID, older string, limit int) ([]delivery.Logout, bool, error) {
	which := predicate{"environment_id = ? AND application_id = ?", []any{string(env), string(app)}}
	return pageByID(ctx, s.DB, listLogouts, "id", which, older, "", limit, readLogout)
}

func (s Deliveries) read(ctx context.Context, q string, args ...any) (list []delivery.Logout, err error) {
	rows, err := s.DB.query(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		l, err := readLogout(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return list, rows.Err()
}

func readLogout(rows *sql.Rows) (l delivery.Logout, err error) {
	err = rows.Scan((*string)(&l.Environment), &l.ID, (*string)(&l.Application), (*string)(&l.Session), (*string)(&l.User),
		(*instant)(&l.CreatedAt), &l.Attempts, (*instant)(&l.NextAt), (*instant)(&l.DeliveredAt), (*instant)(&l.FailedAt), &l.Error)
	return l, err
}
