package delivery

import (
	"time"

	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/sessions"
)

// LogoutDocument is a Logout as JSON. It doesn't have the token, which is made anew at each attempt.
type LogoutDocument struct {
	ID            string      `json:"id" doc:"lgo_…, the jti of its logout tokens."`
	Status        State       `json:"status" enum:"pending,delivered,failed" doc:"Failed is one that was given up, about a day after its session ended."`
	SessionID     sessions.ID `json:"session_id" doc:"The session that ended."`
	UserID        identity.ID `json:"user_id"`
	Attempts      int         `json:"attempts" doc:"How often it was tried."`
	LastError     string      `json:"last_error,omitempty" doc:"Why the last attempt failed, such as: the application answered 503 Service Unavailable."`
	CreatedAt     time.Time   `json:"created_at" doc:"When the session ended."`
	NextAttemptAt time.Time   `json:"next_attempt_at,omitzero" doc:"Of a pending one: when it is tried next."`
	DeliveredAt   time.Time   `json:"delivered_at,omitzero" doc:"Of a delivered one: when the application took it."`
	FailedAt      time.Time   `json:"failed_at,omitzero" doc:"Of a failed one: when it was given up."`
}

// Document tells what has become of the logout.
func (l *Logout) Document() LogoutDocument {
	return LogoutDocument{
		ID: l.ID, Status: l.State(), SessionID: l.Session, UserID: l.User, Attempts: l.Attempts, LastError: l.Error,
		CreatedAt: l.CreatedAt, NextAttemptAt: l.NextAt, DeliveredAt: l.DeliveredAt, FailedAt: l.FailedAt,
	}
}
