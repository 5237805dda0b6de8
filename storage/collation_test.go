package storage_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/portico-id/portico/storage/storagetest"
)

// IDs are in the order of their bytes, as in Go and on SQLite, whatever the language of the database is: in Hungarian cs comes after
// cz, in Danish aa after z.
func TestOrderOfIDs(t *testing.T) {
	conn, err := pgx.Connect(t.Context(), storagetest.PostgresURL(t))
	must(t, err)
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `
		SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'
			AND (column_name IN ('id', 'sessions_from') OR column_name LIKE '%\_id')`)
	must(t, err)
	columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	for _, column := range columns {
		t.Errorf("%s is compared by the rules of a language", column)
	}
}
