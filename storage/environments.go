package storage

import (
	"context"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/portico-id/portico/environments"
)

// Environments implements environments.Store. It notifies "environments" of every change, with the ID.
type Environments struct{ DB *DB }

type environmentRow struct {
	ID                       string `gorm:"primaryKey"`
	Slug, Name, Kind         string
	Root                     bool
	Host                     string
	DefaultApplication       string
	SignUp                   bool
	BrowserMaxLength         int64
	BrowserInactivityTimeout int64
	BrowserUnrememberedMax   int64
	Brand                    environments.Brand `gorm:"serializer:json"`
	ManagedBy                string
	CreatedAt                int64 `gorm:"autoCreateTime:false"`
	UpdatedAt                int64 `gorm:"autoUpdateTime:false"`
}

func (environmentRow) TableName() string { return "environments" }

func rowOfEnvironment(e *environments.Environment) environmentRow {
	return environmentRow{
		ID: string(e.ID), Slug: e.Slug, Name: e.Name, Kind: string(e.Kind), Root: e.Root, Host: e.Host,
		DefaultApplication: e.DefaultApplication, SignUp: e.SignUp,
		BrowserMaxLength:         seconds(e.BrowserSessions.MaxLength),
		BrowserInactivityTimeout: seconds(e.BrowserSessions.InactivityTimeout),
		BrowserUnrememberedMax:   seconds(e.BrowserSessions.UnrememberedMax),
		Brand:                    e.Brand, ManagedBy: string(e.ManagedBy), CreatedAt: micros(e.CreatedAt), UpdatedAt: micros(e.UpdatedAt),
	}
}

func (r *environmentRow) environment() environments.Environment {
	return environments.Environment{
		ID: environments.ID(r.ID), Slug: r.Slug, Name: r.Name, Kind: environments.Kind(r.Kind), Root: r.Root, Host: r.Host,
		DefaultApplication: r.DefaultApplication, SignUp: r.SignUp,
		BrowserSessions: environments.BrowserSessions{
			MaxLength:         durationOf(r.BrowserMaxLength),
			InactivityTimeout: durationOf(r.BrowserInactivityTimeout),
			UnrememberedMax:   durationOf(r.BrowserUnrememberedMax),
		},
		Brand: r.Brand, ManagedBy: environments.Manager(r.ManagedBy), CreatedAt: timeOf(r.CreatedAt), UpdatedAt: timeOf(r.UpdatedAt),
	}
}

func (s Environments) Environments(ctx context.Context) ([]environments.Environment, error) {
	var rows []environmentRow
	if err := s.DB.conn(ctx).Order("root DESC, slug").Find(&rows).Error; err != nil {
		return nil, err
	}
	all := make([]environments.Environment, len(rows))
	for i := range rows {
		all[i] = rows[i].environment()
	}
	return all, nil
}

func (s Environments) CreateEnvironment(ctx context.Context, e environments.Environment) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		row := rowOfEnvironment(&e)
		if err := s.DB.conn(ctx).Create(&row).Error; err != nil {
			return slugTaken(err)
		}
		return s.DB.Notify(ctx, "environments", row.ID)
	})
}

func (s Environments) UpdateEnvironment(ctx context.Context, id environments.ID, change func(context.Context, *environments.Environment) error) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		var row environmentRow
		err := s.DB.conn(ctx).Clauses(forUpdate).Where("id = ?", string(id)).Take(&row).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return environments.ErrNotFound
		}
		if err != nil {
			return err
		}
		e := row.environment()
		if err := change(ctx, &e); err != nil {
			return err
		}
		row = rowOfEnvironment(&e)
		row.ID = string(id)
		if err := s.DB.conn(ctx).Select("*").Updates(&row).Error; err != nil {
			return slugTaken(err)
		}
		return s.DB.Notify(ctx, "environments", row.ID)
	})
}

func slugTaken(err error) error {
	if isDuplicate(err, "slug") {
		return environments.ErrSlugTaken
	}
	return err
}

// forUpdate keeps others from changing a row between a load and a save. SQLite needs no such thing, as its transactions run
// one after the other. New rows may refer to the row meanwhile.
var forUpdate = clause.Locking{Strength: "NO KEY UPDATE"}
