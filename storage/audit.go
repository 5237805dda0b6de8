package storage

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/portico-id/portico/audit"
)

// Events implements audit.Store.
type Events struct{ DB *DB }

const insertEvent = `
INSERT INTO events (id, environment_id, name, occurred_at, actor_kind, actor_id, actor_name, address, user_agent, application_id, target, reason, data)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

func (s Events) AppendEvent(ctx context.Context, e audit.Event) error {
	var data *string
	if e.Data != nil {
		encoded, err := json.Marshal(e.Data)
		if err != nil {
			return fmt.Errorf("write the data of %s as JSON: %w", e.Name, err)
		}
		text := string(encoded)
		data = &text
	}
	_, err := s.DB.exec(ctx, insertEvent, e.ID, e.Environment, e.Name, micros(e.Time),
		string(e.Actor.Kind), e.Actor.ID, e.Actor.Name, e.Actor.Address, e.Actor.UserAgent, e.Application, e.Target, e.Reason, data)
	return err
}
