package audit

import (
	"encoding/json"
	"time"
)

// Document is an event as JSON: that of the management API and of exports. The doc tags are for the reference of the API.
type Document struct {
	ID            string          `json:"id" doc:"evt_…"`
	Name          string          `json:"name" doc:"Subject and past participle, such as application.updated."`
	OccurredAt    time.Time       `json:"occurred_at"`
	Actor         ActorDocument   `json:"actor" doc:"Who did it, and from where."`
	ApplicationID string          `json:"application_id,omitempty" doc:"The application concerned."`
	Target        string          `json:"target,omitempty" doc:"The ID of what was changed; absent if it is the actor."`
	Reason        string          `json:"reason,omitempty"`
	Data          json.RawMessage `json:"data,omitempty" doc:"What the name doesn't tell; of a change what was before and after."`
}

// ActorDocument is who did something.
type ActorDocument struct {
	Kind      ActorKind `json:"kind" enum:"user,operator,api_key,client,system"`
	ID        string    `json:"id,omitempty"`
	Name      string    `json:"name,omitempty" doc:"As it was then."`
	Address   string    `json:"address,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
}

// Document returns an event that a Reader has read as JSON.
func (e *Event) Document() Document {
	d := Document{
		ID: e.ID, Name: e.Name, OccurredAt: e.Time, Actor: ActorDocument(e.Actor), ApplicationID: e.Application, Target: e.Target, Reason: e.Reason,
	}
	d.Data, _ = e.Data.(json.RawMessage)
	return d
}
