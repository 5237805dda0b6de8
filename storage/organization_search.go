package storage

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
)

// likely makes a text stand for itself in LIKE … ESCAPE '\'.
var likely = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func (s Organizations) SearchOrganizations(ctx context.Context, env environments.ID, q organizations.Query) ([]organizations.Organization, bool, error) {
	which := predicate{"environment_id = ?", []any{string(env)}}
	if q.Text != "" {
		part := "%" + likely.Replace(q.Text) + "%"
		lower := strings.ToLower(part) // which SQLite knows of ASCII alone
		which = and(which, predicate{`(name LIKE ? ESCAPE '\' OR lower(name) LIKE ? ESCAPE '\' OR slug LIKE ? ESCAPE '\' OR id = ?)`, []any{part, lower, lower, q.Text}})
	}
	return pageByID(ctx, s.DB, `SELECT `+organizationColumns+` FROM organizations`, "id", which, string(q.Older), string(q.Newer), q.Limit,
		func(rows *sql.Rows) (organizations.Organization, error) {
			o, err := readOrganization(env, rows)
			if err != nil {
				return organizations.Organization{}, err
			}
			return *o, nil
		})
}

func (s Organizations) SearchMembers(ctx context.Context, env environments.ID, q organizations.MemberQuery) ([]organizations.Listed, bool, error) {
	which := predicate{"m.environment_id = ? AND m.organization_id = ?", []any{string(env), string(q.Organization)}}
	return pageByID(ctx, s.DB, tellMemberships, "m.id", which, string(q.Older), string(q.Newer), q.Limit,
		func(rows *sql.Rows) (organizations.Listed, error) { return readListed(env, rows) })
}

func (s Organizations) MembershipsOfUsers(ctx context.Context, env environments.ID, users []identity.ID) (all []organizations.Listed, err error) {
	if len(users) == 0 {
		return nil, nil
	}
	rows, err := s.DB.conn(ctx).Raw(tellMemberships+` WHERE m.environment_id IS NOT DISTINCT FROM ? AND m.user_id IN ? ORDER BY o.name, m.id`, string(env), users).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		one, err := readListed(env, rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// pageByID reads a page of a list in the order of IDs, the last first, and whether there are more rows in the direction of the page.
func pageByID[T any](ctx context.Context, db *DB, from, id string, which predicate, older, newer string, limit int, read func(*sql.Rows) (T, error)) (page []T, more bool, err error) {
	order := " DESC"
	switch {
	case older != "":
		which = and(which, predicate{id + " < ?", []any{older}})
	case newer != "":
		which, order = and(which, predicate{id + " > ?", []any{newer}}), ""
	}
	rows, err := db.conn(ctx).Raw(from+" WHERE "+which.text+" ORDER BY "+id+order+" LIMIT ?", append(slices.Clone(which.args), limit+1)...).Rows()
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	for rows.Next() {
		one, err := read(rows)
		if err != nil {
			return nil, false, err
		}
		page = append(page, one)
	}
	if err := rows.Err(); err != nil {
		return nil, false, err
	}
	if more = len(page) > limit; more {
		page = page[:limit]
	}
	if newer != "" {
		slices.Reverse(page)
	}
	return page, more, nil
}
