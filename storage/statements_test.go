package storage_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

func TestNumbered(t *testing.T) {
	tests := []struct{ in, want string }{
		{`SELECT 1`, `SELECT 1`},
		{`a = ? AND b=?`, `a = $1 AND b=$2`},
		{`?, ?, ?, ?, ?, ?, ?, ?, ?, ?`, `$1, $2, $3, $4, $5, $6, $7, $8, $9, $10`},
		{`a = '?' AND "b?" = ?`, `a = '?' AND "b?" = $1`},
		{`a = 'it''s?' AND b = ?`, `a = 'it''s?' AND b = $1`},
		{"a = ? -- why?\nAND b = ?", "a = $1 -- why?\nAND b = $2"},
		{`a = ? -- why?`, `a = $1 -- why?`},
		{`?`, `$1`},
		{``, ``},
	}
	for _, test := range tests {
		if got, err := storage.Numbered(test.in); err != nil || got != test.want {
			t.Errorf("numbered(%q) = %q, %v, want %q", test.in, got, err, test.want)
		}
	}
	if _, err := storage.Numbered(`a = 'b`); err == nil {
		t.Error("numbered took an open quote")
	}
}

// Who makes statements at run time is stopped before they fill the memory.
func TestStatementsAreBounded(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		var err error
		for i := range 1100 {
			var n int
			if err = db.QueryRow(t.Context(), fmt.Sprintf("SELECT %d", i)).Scan(&n); err != nil {
				break
			}
		}
		if err == nil {
			t.Error("1100 different statements were kept")
		}
	})
}

func TestViolations(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		for _, q := range []string{
			`CREATE TABLE towns (id TEXT NOT NULL PRIMARY KEY)`,
			`CREATE TABLE people (
				environment_id TEXT   NOT NULL,
				id             TEXT   NOT NULL,
				email          TEXT   NOT NULL,
				name           TEXT,
				town_id        TEXT   REFERENCES towns,
				age            BIGINT CHECK (age >= 0),
				PRIMARY KEY (environment_id, id),
				UNIQUE (environment_id, email))`,
			`CREATE UNIQUE INDEX people_name_lower ON people (environment_id, lower(name))`,
			`INSERT INTO towns (id) VALUES ('t')`,
			`INSERT INTO people (environment_id, id, email, name, town_id) VALUES ('e', 'i', 'm', 'Ada', 't')`,
		} {
			mustExec(t, t.Context(), db, q)
		}
		tests := []struct {
			q           string
			duplicate   []string // names that the key has
			reference   bool
			someMistake bool
		}{
			{q: `INSERT INTO towns (id) VALUES ('t')`, duplicate: []string{"id"}},
			{q: `INSERT INTO people (environment_id, id, email) VALUES ('e', 'i', 'n')`, duplicate: []string{"environment_id", "id"}},
			{q: `INSERT INTO people (environment_id, id, email) VALUES ('e', 'j', 'm')`, duplicate: []string{"environment_id", "email"}},
			{q: `INSERT INTO people (environment_id, id, email, name) VALUES ('e', 'j', 'n', 'ADA')`, duplicate: []string{"people_name_lower"}},
			{q: `INSERT INTO people (environment_id, id, email, town_id) VALUES ('e', 'j', 'n', 'u')`, reference: true},
			{q: `DELETE FROM towns`, reference: true},
			{q: `INSERT INTO people (environment_id, id) VALUES ('e', 'j')`, someMistake: true},
			{q: `INSERT INTO people (environment_id, id, email, age) VALUES ('e', 'j', 'n', -1)`, someMistake: true},
			{q: `DELETE FROM nowhere`, someMistake: true},
		}
		for _, test := range tests {
			_, err := db.Exec(t.Context(), test.q)
			if err == nil {
				t.Errorf("%s succeeded", test.q)
			}
			err = fmt.Errorf("wrapped: %w", err)
			if got, want := storage.IsDuplicate(err), test.duplicate != nil; got != want {
				t.Errorf("isDuplicate(%v) = %v, want %v", err, got, want)
			}
			if test.duplicate != nil && !storage.IsDuplicate(err, test.duplicate...) {
				t.Errorf("isDuplicate(%v, %q) = false, want true", err, test.duplicate)
			}
			if storage.IsDuplicate(err, append(test.duplicate, "age")...) {
				t.Errorf("isDuplicate(%v, age) = true, want false", err)
			}
			if got := storage.IsMissingReference(err); got != test.reference {
				t.Errorf("isMissingReference(%v) = %v, want %v", err, got, test.reference)
			}
		}
	})
	if storage.IsDuplicate(nil) || storage.IsMissingReference(nil) {
		t.Error("nil is a violation")
	}
}

type thingRow struct {
	ID     string `gorm:"primaryKey"`
	Hash   []byte
	UsedAt *int64
	Count  int64
}

func (thingRow) TableName() string { return "things" }

func TestGorm(t *testing.T) {
	each(t, func(t *testing.T, db *storage.DB) {
		job := func(ctx context.Context) error {
			at := int64(7)
			if err := db.Conn(ctx).Create(&thingRow{ID: "a", Hash: []byte{1}, UsedAt: &at, Count: 1}).Error; err != nil {
				return err
			}
			if err := db.Conn(ctx).Create([]thingRow{{ID: "b"}, {ID: "c"}}).Error; err != nil {
				return err
			}
			if err := db.Conn(ctx).Model(&thingRow{ID: "a"}).Select("*").Updates(&thingRow{ID: "a", Count: 2}).Error; err != nil {
				return err
			}
			return db.Conn(ctx).Delete(&thingRow{ID: "c"}).Error
		}
		for name, run := range map[string]func() error{
			"outside a transaction": func() error { return job(t.Context()) },
			"in a transaction":      func() error { return db.InTx(t.Context(), job) },
		} {
			if err := run(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var got []thingRow
			if err := db.Conn(t.Context()).Order("id").Find(&got).Error; err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]thingRow{{ID: "a", Count: 2}, {ID: "b"}}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			mustExec(t, t.Context(), db, `DELETE FROM things`)
		}
		err := db.Conn(t.Context()).Take(&thingRow{}, "id = ?", "a").Error
		if !errors.Is(err, gorm.ErrRecordNotFound) {
			t.Errorf("Take of nothing: %v, want gorm.ErrRecordNotFound", err)
		}
		if err := db.Conn(t.Context()).Transaction(func(*gorm.DB) error { return nil }); err == nil {
			t.Error("gorm began a transaction of its own")
		}
	})
}
