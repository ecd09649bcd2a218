package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"sluice"
)

// Models returns what is sold, in order of names.
func (db *DB) Models(ctx context.Context) ([]*sluice.Model, error) {
	scan := func(rows *sql.Rows) (*sluice.Model, error) {
		var m sluice.Model
		var created, hidden int64
		var aliases, traffic string
		err := rows.Scan(&m.Name, &m.Description, &m.OwnedBy, &m.ContextLength, &aliases, &traffic, &hidden, &created)
		m.CreatedAt, m.Hidden = instant(created), hidden != 0
		if aliases != "" {
			m.Aliases = strings.Split(aliases, " ") // which no name has
		}
		if t, wrong := readJSON[modelTraffic](traffic); t != nil {
			m.Versions, m.Fallbacks, m.Shadow = t.Versions, t.Fallbacks, t.Shadow
		} else if err == nil {
			err = wrong
		}
		return &m, err
	}
	models, err := collect(ctx, db.r, scan, `SELECT name, description, owned_by, context_length, aliases, traffic, hidden, created_at FROM model ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("reading models: %w", err)
	}
	return models, nil
}

// PutModel adds a model, or changes the one of that name, which keeps the
// instant it was made.
func (db *DB) PutModel(ctx context.Context, m *sluice.Model) error {
	traffic := ""
	if len(m.Versions)+len(m.Fallbacks) > 0 || m.Shadow != nil {
		var err error
		if traffic, err = writeJSON(&modelTraffic{m.Versions, m.Fallbacks, m.Shadow}); err != nil {
			return fmt.Errorf("writing where calls of the model %q go: %w", m.Name, err)
		}
	}
	return db.create(ctx, "model", m.Name, `INSERT INTO model (name, description, owned_by, context_length, aliases, traffic, hidden, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (name) DO UPDATE SET description = excluded.description, owned_by = excluded.owned_by, context_length = excluded.context_length,
		aliases = excluded.aliases, traffic = excluded.traffic, hidden = excluded.hidden`,
		m.Name, m.Description, m.OwnedBy, m.ContextLength, strings.Join(m.Aliases, " "), traffic, bit(m.Hidden), micros(m.CreatedAt))
}

// modelTraffic is where a model's calls go besides its own engines, as it is stored.
type modelTraffic struct {
	Versions  []sluice.ModelVersion `json:"versions,omitempty"`
	Fallbacks []string              `json:"fallbacks,omitempty"`
	Shadow    *sluice.Shadow        `json:"shadow,omitempty"`
}

// DeleteModel takes a model off sale. Its prices and its events stay. Errors:
// CodeNotFound.
func (db *DB) DeleteModel(ctx context.Context, name string) error {
	return db.change(ctx, "model", name, `DELETE FROM model WHERE name = $1`, name)
}
