package storage

import (
	"context"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
)

// positionsInSessions are those that sessions of the user would have: her memberships take the place of a row of sessions each.
const positionsInSessions = `
	SELECT sessions.organization_id, ` + positionOfSession + `
	FROM memberships sessions WHERE sessions.environment_id = ? AND sessions.user_id = ? AND sessions.state = 'active'
	ORDER BY sessions.organization_id`

func (s Organizations) Positions(ctx context.Context, env environments.ID, user identity.ID) ([]organizations.Position, error) {
	rows, err := s.DB.query(ctx, positionsInSessions, string(env), string(user))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []organizations.Position
	for rows.Next() {
		var id string
		var found *organizations.Position
		if err := rows.Scan(&id, position{&found}); err != nil {
			return nil, err
		}
		found.Organization = organizations.ID(id)
		all = append(all, *found)
	}
	return all, rows.Err()
}
