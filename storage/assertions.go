package storage

import (
	"context"
	"time"

	"github.com/portico-id/portico/environments"
)

// Assertions implements clients.AssertionStore.
type Assertions struct{ DB *DB }

const useAssertion = `INSERT INTO used_assertions (environment_id, hash, expires_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`

func (s Assertions) UseAssertion(ctx context.Context, env environments.ID, hash [32]byte, until time.Time) (first bool, err error) {
	n, err := s.DB.exec(ctx, useAssertion, string(env), hash[:], micros(until))
	return n == 1, err
}
