package storage

import (
	"context"
	"time"

	"github.com/portico-id/portico/admin"
)

// Answers implements admin.AnswerStore.
type Answers struct{ DB *DB }

const (
	claimAnswer = `
		INSERT INTO idempotency_keys (environment_id, api_key_id, hash, request, answer, created_at, expires_at) VALUES (?, ?, ?, ?, NULL, ?, ?)
		ON CONFLICT (hash, api_key_id, environment_id) DO UPDATE SET request = excluded.request, answer = NULL,
			created_at = excluded.created_at, expires_at = excluded.expires_at
		WHERE idempotency_keys.expires_at <= excluded.created_at`
	findAnswer   = `SELECT request, answer, created_at FROM idempotency_keys WHERE hash = ? AND api_key_id = ? AND environment_id = ?`
	saveAnswer   = `UPDATE idempotency_keys SET answer = ? WHERE hash = ? AND api_key_id = ? AND environment_id = ?`
	forgetAnswer = `DELETE FROM idempotency_keys WHERE hash = ? AND api_key_id = ? AND environment_id = ?`
)

func (s Answers) ClaimAnswer(ctx context.Context, id admin.AnswerID, request [32]byte, now, expires time.Time) (kept admin.KeptAnswer, claimed bool, err error) {
	err = s.DB.InTx(ctx, func(ctx context.Context) error {
		n, err := s.DB.exec(ctx, claimAnswer, string(id.Environment), id.APIKey, id.Key[:], request[:], micros(now), micros(expires))
		if claimed = n == 1; err != nil || claimed {
			return err
		}
		return s.DB.queryRow(ctx, findAnswer, id.Key[:], id.APIKey, string(id.Environment)).
			Scan((*hash)(&kept.Request), &kept.Sealed, (*instant)(&kept.CreatedAt))
	})
	return kept, claimed, err
}

func (s Answers) SaveAnswer(ctx context.Context, id admin.AnswerID, sealed []byte) error {
	_, err := s.DB.exec(ctx, saveAnswer, sealed, id.Key[:], id.APIKey, string(id.Environment))
	return err
}

func (s Answers) ForgetAnswer(ctx context.Context, id admin.AnswerID) error {
	_, err := s.DB.exec(ctx, forgetAnswer, id.Key[:], id.APIKey, string(id.Environment))
	return err
}
