package storage

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
)

// Organizations implements organizations.Store.
type Organizations struct{ DB *DB }

const (
	organizationColumns = `id, name, coalesce(slug, ''), metadata, created_at, updated_at`

	findOrganization  = `SELECT ` + organizationColumns + ` FROM organizations WHERE environment_id = ? AND id = ?`
	findBySlug        = `SELECT ` + organizationColumns + ` FROM organizations WHERE slug = ? AND environment_id IS NOT DISTINCT FROM ?`
	listOrganizations = `SELECT ` + organizationColumns + ` FROM organizations WHERE environment_id = ? AND id > ? ORDER BY id LIMIT ?`

	insertOrganization = `INSERT INTO organizations (environment_id, id, name, slug, metadata, created_at, updated_at) VALUES (?, ?, ?, nullif(?, ''), ?, ?, ?)`
	updateOrganization = `UPDATE organizations SET name = ?, slug = nullif(?, ''), metadata = ?, updated_at = ? WHERE environment_id = ? AND id = ?`
	deleteOrganization = `DELETE FROM organizations WHERE environment_id = ? AND id = ?`
)

// scanner is a row, or a row among others.
type scanner interface{ Scan(dest ...any) error }

func readOrganization(env environments.ID, row scanner) (*organizations.Organization, error) {
	o := &organizations.Organization{Environment: env}
	var metadata string
	err := row.Scan((*string)(&o.ID), &o.Name, &o.Slug, &metadata, (*instant)(&o.CreatedAt), (*instant)(&o.UpdatedAt))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, organizations.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(metadata), &o.Metadata); err != nil {
		return nil, fmt.Errorf("metadata of %s: %w", o.ID, err)
	}
	return o, nil
}

func organizationSlugTaken(err error) error {
	if isDuplicate(err, "slug") {
		return organizations.ErrSlugTaken
	}
	return err
}

// changed returns the given error if a statement changed nothing.
func changed(n int64, err, none error) error {
	if err == nil && n == 0 {
		return none
	}
	return err
}

func (s Organizations) Organization(ctx context.Context, env environments.ID, id organizations.ID) (*organizations.Organization, error) {
	return readOrganization(env, s.DB.queryRow(ctx, findOrganization, string(env), string(id)))
}

func (s Organizations) OrganizationBySlug(ctx context.Context, env environments.ID, slug string) (*organizations.Organization, error) {
	return readOrganization(env, s.DB.queryRow(ctx, findBySlug, slug, string(env)))
}

func (s Organizations) Organizations(ctx context.Context, env environments.ID, after organizations.ID, limit int) ([]organizations.Organization, error) {
	return listed(ctx, s.DB, func(rows *sql.Rows) (organizations.Organization, error) {
		o, err := readOrganization(env, rows)
		if err != nil {
			return organizations.Organization{}, err
		}
		return *o, nil
	}, listOrganizations, string(env), string(after), int64(limit))
}

// listed reads each row of a statement.
func listed[T any](ctx context.Context, db *DB, read func(*sql.Rows) (T, error), q string, args ...any) ([]T, error) {
	rows, err := db.query(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := read(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

func (s Organizations) CreateOrganization(ctx context.Context, o *organizations.Organization) error {
	metadata, err := json.Marshal(o.Metadata)
	if err != nil {
		return err
	}
	_, err = s.DB.exec(ctx, insertOrganization, string(o.Environment), string(o.ID), o.Name, o.Slug, string(metadata), micros(o.CreatedAt), micros(o.UpdatedAt))
	return organizationSlugTaken(err)
}

func (s Organizations) UpdateOrganization(ctx context.Context, env environments.ID, id organizations.ID, change func(context.Context, *organizations.Organization) error) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		o, err := readOrganization(env, s.DB.queryRow(ctx, s.DB.either(findOrganization, findOrganization+` FOR NO KEY UPDATE`), string(env), string(id)))
		if err != nil {
			return err
		}
		if err := change(ctx, o); err != nil {
			return err
		}
		metadata, err := json.Marshal(o.Metadata)
		if err != nil {
			return err
		}
		_, err = s.DB.exec(ctx, updateOrganization, o.Name, o.Slug, string(metadata), micros(o.UpdatedAt), string(env), string(id))
		return organizationSlugTaken(err)
	})
}

func (s Organizations) DeleteOrganization(ctx context.Context, env environments.ID, id organizations.ID) error {
	n, err := s.DB.exec(ctx, deleteOrganization, string(env), string(id))
	return changed(n, err, organizations.ErrNotFound)
}

// rolesOf are the names of the roles of the membership m, in any order.
const rolesOf = `(SELECT coalesce(string_agg(mr.role, ' '), '') FROM membership_roles mr
	WHERE mr.membership_id = m.id AND mr.environment_id IS NOT DISTINCT FROM m.environment_id)`

const (
	membershipColumns = `m.id, m.organization_id, m.user_id, m.state, m.created_at, m.updated_at, ` + rolesOf

	findMembership   = `SELECT ` + membershipColumns + ` FROM memberships m WHERE m.environment_id = ? AND m.organization_id = ? AND m.id = ?`
	findMembershipOf = `SELECT ` + membershipColumns + ` FROM memberships m WHERE m.environment_id = ? AND m.organization_id = ? AND m.user_id = ?`
	lockMembership   = `SELECT 1 FROM memberships m WHERE m.environment_id = ? AND m.organization_id = ? AND m.id = ? FOR NO KEY UPDATE`
	tellMemberships  = `
		SELECT ` + membershipColumns + `, o.name, u.email, u.name
		FROM memberships m
			JOIN organizations o ON o.id = m.organization_id AND o.environment_id IS NOT DISTINCT FROM m.environment_id
			JOIN users u ON u.id = m.user_id AND u.environment_id IS NOT DISTINCT FROM m.environment_id`
	selectMemberships = tellMemberships + ` WHERE m.environment_id = ?`
	tellMembership    = selectMemberships + ` AND m.organization_id = ? AND m.id = ?`
	listMemberships   = selectMemberships + ` AND m.organization_id = ? AND m.id > ? ORDER BY m.id LIMIT ?`
	membershipsOfUser = selectMemberships + ` AND m.user_id = ? ORDER BY o.name, m.id`

	insertMembership = `INSERT INTO memberships (environment_id, id, organization_id, user_id, state, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)`
	updateMembership = `UPDATE memberships SET state = ?, updated_at = ? WHERE environment_id = ? AND organization_id = ? AND id = ?`
	deleteMembership = `DELETE FROM memberships WHERE environment_id = ? AND organization_id = ? AND id = ?`

	removeRoles = `DELETE FROM membership_roles WHERE environment_id = ? AND membership_id = ?`
	addRole     = `INSERT INTO membership_roles (environment_id, membership_id, role) SELECT environment_id, ?, name FROM roles WHERE environment_id = ? AND name = ?`
)

func appendMembership(dest []any, m *organizations.Membership) []any {
	return append(dest, (*string)(&m.ID), (*string)(&m.Organization), (*string)(&m.User), (*string)(&m.State),
		(*instant)(&m.CreatedAt), (*instant)(&m.UpdatedAt), (*sortedWords)(&m.Roles))
}

func (s Organizations) membership(ctx context.Context, env environments.ID, q string, args ...any) (*organizations.Membership, error) {
	m := &organizations.Membership{Environment: env}
	err := s.DB.queryRow(ctx, q, args...).Scan(appendMembership(nil, m)...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, organizations.ErrNoMembership
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (s Organizations) MembershipOf(ctx context.Context, env environments.ID, organization organizations.ID, user identity.ID) (*organizations.Membership, error) {
	return s.membership(ctx, env, findMembershipOf, string(env), string(organization), string(user))
}

func (s Organizations) Membership(ctx context.Context, env environments.ID, organization organizations.ID, id organizations.MembershipID) (*organizations.Listed, error) {
	all, err := s.memberships(ctx, env, tellMembership, string(env), string(organization), string(id))
	if err == nil && len(all) == 0 {
		err = organizations.ErrNoMembership
	}
	if err != nil {
		return nil, err
	}
	return &all[0], nil
}

func (s Organizations) Memberships(ctx context.Context, env environments.ID, organization organizations.ID, after organizations.MembershipID, limit int) ([]organizations.Listed, error) {
	return s.memberships(ctx, env, listMemberships, string(env), string(organization), string(after), int64(limit))
}

func (s Organizations) MembershipsOfUser(ctx context.Context, env environments.ID, user identity.ID) ([]organizations.Listed, error) {
	return s.memberships(ctx, env, membershipsOfUser, string(env), string(user))
}

func (s Organizations) memberships(ctx context.Context, env environments.ID, q string, args ...any) ([]organizations.Listed, error) {
	return listed(ctx, s.DB, func(rows *sql.Rows) (organizations.Listed, error) { return readListed(env, rows) }, q, args...)
}

func readListed(env environments.ID, row scanner) (organizations.Listed, error) {
	l := organizations.Listed{Membership: organizations.Membership{Environment: env}}
	err := row.Scan(append(appendMembership(nil, &l.Membership), &l.OrganizationName, &l.Email, &l.UserName)...)
	return l, err
}

func (s Organizations) CreateMembership(ctx context.Context, m *organizations.Membership) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.Organization(ctx, m.Environment, m.Organization); err != nil {
			return err
		}
		_, err := s.DB.exec(ctx, insertMembership, string(m.Environment), string(m.ID), string(m.Organization), string(m.User), string(m.State),
			micros(m.CreatedAt), micros(m.UpdatedAt))
		switch {
		case isDuplicate(err, "user_id"):
			return organizations.ErrIsMember
		case isMissingReference(err):
			return identity.ErrNotFound
		case err != nil:
			return err
		}
		return s.addRoles(ctx, m)
	})
}

func (s Organizations) addRoles(ctx context.Context, m *organizations.Membership) error {
	for _, role := range m.Roles {
		n, err := s.DB.exec(ctx, addRole, string(m.ID), string(m.Environment), role)
		if err != nil {
			return err
		}
		if n == 0 {
			return organizations.UnknownRole(role)
		}
	}
	return nil
}

func (s Organizations) UpdateMembership(ctx context.Context, env environments.ID, organization organizations.ID, id organizations.MembershipID, change func(context.Context, *organizations.Membership) error) error {
	which := []any{string(env), string(organization), string(id)}
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		if s.DB.dialect == Postgres {
			if _, err := s.DB.exec(ctx, lockMembership, which...); err != nil { // and only then read its roles
				return err
			}
		}
		m, err := s.membership(ctx, env, findMembership, which...)
		if err != nil {
			return err
		}
		before := m.Roles
		if err := change(ctx, m); err != nil {
			return err
		}
		if _, err := s.DB.exec(ctx, updateMembership, append([]any{string(m.State), micros(m.UpdatedAt)}, which...)...); err != nil {
			return err
		}
		if slices.Equal(before, m.Roles) {
			return nil
		}
		if _, err := s.DB.exec(ctx, removeRoles, string(env), string(id)); err != nil {
			return err
		}
		return s.addRoles(ctx, m)
	})
}

func (s Organizations) DeleteMembership(ctx context.Context, env environments.ID, organization organizations.ID, id organizations.MembershipID) (m *organizations.Membership, err error) {
	which := []any{string(env), string(organization), string(id)}
	err = s.DB.InTx(ctx, func(ctx context.Context) error {
		if m, err = s.membership(ctx, env, findMembership, which...); err != nil {
			return err
		}
		n, err := s.DB.exec(ctx, deleteMembership, which...)
		return changed(n, err, organizations.ErrNoMembership)
	})
	return m, err
}

const (
	roleColumns = `id, name, description, permissions, managed_by, created_at, updated_at`

	findRole  = `SELECT ` + roleColumns + ` FROM roles WHERE environment_id = ? AND id = ?`
	listRoles = `SELECT ` + roleColumns + ` FROM roles WHERE environment_id = ? AND id > ? ORDER BY id LIMIT ?`

	insertRole = `INSERT INTO roles (environment_id, id, name, description, permissions, managed_by, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	updateRole = `UPDATE roles SET description = ?, permissions = ?, managed_by = ?, updated_at = ? WHERE environment_id = ? AND id = ?`
	deleteRole = `DELETE FROM roles WHERE environment_id = ? AND id = ?`
)

func readRole(env environments.ID, row scanner) (*organizations.Role, error) {
	r := &organizations.Role{Environment: env}
	err := row.Scan((*string)(&r.ID), &r.Name, &r.Description, (*words)(&r.Permissions), (*string)(&r.ManagedBy), (*instant)(&r.CreatedAt), (*instant)(&r.UpdatedAt))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, organizations.ErrNoRole
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (s Organizations) Role(ctx context.Context, env environments.ID, id organizations.RoleID) (*organizations.Role, error) {
	return readRole(env, s.DB.queryRow(ctx, findRole, string(env), string(id)))
}

func (s Organizations) Roles(ctx context.Context, env environments.ID, after organizations.RoleID, limit int) ([]organizations.Role, error) {
	return listed(ctx, s.DB, func(rows *sql.Rows) (organizations.Role, error) {
		r, err := readRole(env, rows)
		if err != nil {
			return organizations.Role{}, err
		}
		return *r, nil
	}, listRoles, string(env), string(after), int64(limit))
}

func (s Organizations) CreateRole(ctx context.Context, r *organizations.Role) error {
	_, err := s.DB.exec(ctx, insertRole, string(r.Environment), string(r.ID), r.Name, r.Description, words(r.Permissions), string(r.ManagedBy), micros(r.CreatedAt), micros(r.UpdatedAt))
	if isDuplicate(err, "name") {
		return organizations.ErrRoleTaken
	}
	return err
}

func (s Organizations) UpdateRole(ctx context.Context, env environments.ID, id organizations.RoleID, change func(context.Context, *organizations.Role) error) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		r, err := readRole(env, s.DB.queryRow(ctx, s.DB.either(findRole, findRole+` FOR NO KEY UPDATE`), string(env), string(id)))
		if err != nil {
			return err
		}
		if err := change(ctx, r); err != nil {
			return err
		}
		_, err = s.DB.exec(ctx, updateRole, r.Description, words(r.Permissions), string(r.ManagedBy), micros(r.UpdatedAt), string(env), string(id))
		return err
	})
}

func (s Organizations) DeleteRole(ctx context.Context, env environments.ID, id organizations.RoleID) (r *organizations.Role, err error) {
	err = s.DB.InTx(ctx, func(ctx context.Context) error {
		if r, err = s.Role(ctx, env, id); err != nil {
			return err
		}
		n, err := s.DB.exec(ctx, deleteRole, string(env), string(id))
		return changed(n, err, organizations.ErrNoRole)
	})
	return r, err
}

// sortedWords reads a list of words and puts them in order, as the database doesn't.
type sortedWords []string

func (w *sortedWords) Scan(src any) error {
	if err := (*words)(w).Scan(src); err != nil {
		return err
	}
	slices.Sort(*w)
	return nil
}

// positionSeparator is in no name and no JSON.
const positionSeparator = "\x1f"

// positionOfSession is what the organization of a row of sessions makes of its user: a line with the organization's name, slug
// and metadata, and a line for each of her roles, which has its name and its permissions; NULL if the session is in no
// organization, or she is no longer an active member.
const positionOfSession = `(
	SELECT o.name || '` + positionSeparator + `' || coalesce(o.slug, '') || '` + positionSeparator + `' || o.metadata || '` + "\n" + `' || coalesce((
		SELECT string_agg(r.name || ' ' || r.permissions, '` + "\n" + `')
		FROM membership_roles mr JOIN roles r ON r.name = mr.role AND r.environment_id IS NOT DISTINCT FROM mr.environment_id
		WHERE mr.membership_id = m.id AND mr.environment_id IS NOT DISTINCT FROM m.environment_id), '')
	FROM memberships m
		JOIN organizations o ON o.id = m.organization_id AND o.environment_id IS NOT DISTINCT FROM m.environment_id
	WHERE m.user_id = sessions.user_id AND m.organization_id = sessions.organization_id
		AND m.environment_id IS NOT DISTINCT FROM sessions.environment_id AND m.state = 'active')`

// position reads a positionOfSession, but for the organization.
type position struct{ to **organizations.Position }

func (p position) Scan(src any) error {
	text, ok := src.(string)
	if !ok && src != nil {
		return fmt.Errorf("a position is kept as %T", src)
	}
	if *p.to = nil; !ok {
		return nil
	}
	organization, roles, _ := strings.Cut(text, "\n")
	parts := strings.Split(organization, positionSeparator)
	if len(parts) != 3 {
		return fmt.Errorf("an organization is kept as %d parts", len(parts))
	}
	found := &organizations.Position{Name: parts[0], Slug: parts[1], Metadata: json.RawMessage(parts[2])}
	for role := range strings.Lines(roles) {
		name, permissions, _ := strings.Cut(strings.TrimSuffix(role, "\n"), " ")
		found.Roles = append(found.Roles, name)
		if permissions != "" {
			found.Permissions = append(found.Permissions, strings.Split(permissions, " ")...)
		}
	}
	slices.Sort(found.Roles)
	slices.Sort(found.Permissions)
	found.Permissions = slices.Compact(found.Permissions)
	*p.to = found
	return nil
}

// positionsOfUser are the active memberships of the user of a row b: a line for each, which has the organization and the names
// of her roles there; NULL if there are none.
const positionsOfUser = `(
	SELECT string_agg(m.organization_id || ' ' || ` + rolesOf + `, '` + "\n" + `')
	FROM memberships m
	WHERE m.user_id = b.user_id AND m.environment_id IS NOT DISTINCT FROM b.environment_id AND m.state = 'active')`

// positions reads positionsOfUser.
type positions []organizations.Position

func (p *positions) Scan(src any) error {
	text, ok := src.(string)
	if !ok && src != nil {
		return fmt.Errorf("positions are kept as %T", src)
	}
	*p = nil
	for line := range strings.Lines(text) {
		organization, roles, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		one := organizations.Position{Organization: organizations.ID(organization)}
		if err := (*sortedWords)(&one.Roles).Scan(roles); err != nil {
			return err
		}
		*p = append(*p, one)
	}
	slices.SortFunc(*p, func(a, b organizations.Position) int {
		return strings.Compare(string(a.Organization), string(b.Organization))
	})
	return nil
}
