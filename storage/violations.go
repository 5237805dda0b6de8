package storage

import (
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// isDuplicate reports whether err says that a unique key or an index would have held a value twice.
// With names, each must be a column of that key or the name of the index; the reliable way to
// tell two keys of one table apart is a column that only one of them has.
func isDuplicate(err error, names ...string) bool {
	var key string
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		switch e.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
			// "… UNIQUE constraint failed: users.environment_id, users.email (2067)", and
			// for an index on expressions "… failed: index 'users_email' (2067)"
			key = e.Error()
		default:
			return false
		}
	} else if e := (*pgconn.PgError)(nil); errors.As(err, &e) && e.Code == "23505" {
		// "Key (environment_id, lower(email))=(…, …) already exists."
		columns, _, _ := strings.Cut(e.Detail, "=(")
		key = e.ConstraintName + " " + columns
	} else {
		return false
	}
	words := strings.FieldsFunc(key, func(r rune) bool {
		return !(r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z')
	})
	for _, name := range names {
		if !slices.Contains(words, name) {
			return false
		}
	}
	return true
}

// isMissingReference reports whether err says that a foreign key had no row to point at, or that
// rows still point at one that was to go.
func isMissingReference(err error) bool {
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		return e.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
	}
	e := (*pgconn.PgError)(nil)
	return errors.As(err, &e) && (e.Code == "23503" || e.Code == "23001")
}
