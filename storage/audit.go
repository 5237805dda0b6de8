package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/portico-id/portico/audit"
)

// Events implements audit.Store and audit.Reader.
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

func (s Events) Events(ctx context.Context, environment string, q audit.Query) (page []audit.Event, more bool, err error) {
	// Where there is a narrower filter, its index is the one to take: the environment isn't compared by =, which no index can use.
	which, narrow := s.DB.conn(ctx), false
	for _, c := range []condition{{"actor_id", q.Actor}, {"application_id", q.Application}, {"target", q.Target}} {
		if c.value != "" {
			which, narrow = which.Where(c.text+" = ? AND "+c.text+" <> ''", c.value), true
		}
	}
	if narrow {
		which = which.Where("environment_id IS NOT DISTINCT FROM ?", environment)
	} else {
		which = which.Where("environment_id = ?", environment)
	}
	which = which.Where("occurred_at >= ?", max(0, micros(q.Since)))
	if !q.Until.IsZero() {
		which = which.Where("occurred_at < ?", micros(q.Until))
	}
	if q.Name != "" {
		which = which.Where("name = ?", q.Name)
	}
	order := "occurred_at DESC, id DESC"
	switch {
	case q.Older != audit.Position{}:
		which = which.Where("(occurred_at, id) < (?, ?)", micros(q.Older.Time), q.Older.ID)
	case q.Newer != audit.Position{}:
		which, order = which.Where("(occurred_at, id) > (?, ?)", micros(q.Newer.Time), q.Newer.ID), "occurred_at, id"
	}
	var rows []eventRow
	if err := which.Order(order).Limit(q.Limit + 1).Find(&rows).Error; err != nil {
		return nil, false, err
	}
	if more = len(rows) > q.Limit; more {
		rows = rows[:q.Limit]
	}
	if q.Newer != (audit.Position{}) {
		slices.Reverse(rows)
	}
	for i := range rows {
		page = append(page, rows[i].event())
	}
	return page, more, nil
}

func (s Events) Event(ctx context.Context, environment, id string) (*audit.Event, error) {
	var row eventRow
	err := s.DB.conn(ctx).Where("environment_id = ? AND id = ?", environment, id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, audit.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	e := row.event()
	return &e, nil
}

type eventRow struct {
	ID            string
	EnvironmentID string
	Name          string
	OccurredAt    int64
	ActorKind     string
	ActorID       string
	ActorName     string
	Address       string
	UserAgent     string
	ApplicationID string
	Target        string
	Reason        string
	Data          *string
}

func (eventRow) TableName() string { return "events" }

func (r *eventRow) event() audit.Event {
	e := audit.Event{
		ID: r.ID, Environment: r.EnvironmentID, Name: r.Name, Time: timeOf(r.OccurredAt),
		Actor:       audit.Actor{Kind: audit.ActorKind(r.ActorKind), ID: r.ActorID, Name: r.ActorName, Address: r.Address, UserAgent: r.UserAgent},
		Application: r.ApplicationID, Target: r.Target, Reason: r.Reason,
	}
	if r.Data != nil {
		e.Data = json.RawMessage(*r.Data)
	}
	return e
}
