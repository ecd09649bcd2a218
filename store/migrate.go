package store

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one step of the schema. Its file is NUMBER_NAME.sql, or
// NUMBER_NAME.DIALECT.sql where the databases need a text each.
type migration struct {
	version int64
	name    string
	text    string
}

// migrations returns the steps for a dialect in order.
func migrations(d dialect) ([]migration, error) {
	files, err := migrationFiles.ReadDir("migrations")
	if err != nil {
		return nil, fmt.Errorf("listing the migrations: %w", err)
	}
	var steps []migration
	for _, f := range files {
		name, only, _ := strings.Cut(strings.TrimSuffix(f.Name(), ".sql"), ".")
		if only != "" && only != d.name {
			continue
		}
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", f.Name(), err)
		}
		text, err := migrationFiles.ReadFile("migrations/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", f.Name(), err)
		}
		steps = append(steps, migration{version, name, d.ddl(string(text))})
	}
	slices.SortFunc(steps, func(a, b migration) int { return cmp.Compare(a.version, b.version) })
	return steps, nil
}

// migrate runs the steps that the database has not seen, each in a
// transaction of its own with the note that it was run.
func (db *DB) migrate(ctx context.Context) error {
	steps, err := migrations(db.dialect)
	if err != nil {
		return err
	}
	const table = `CREATE TABLE IF NOT EXISTS migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT`
	if _, err := db.w.ExecContext(ctx, db.dialect.ddl(table)); err != nil {
		return err
	}
	at, err := schemaVersion(ctx, db.w)
	if err != nil {
		return err
	}
	if latest := steps[len(steps)-1].version; at > latest {
		return fmt.Errorf("the schema is version %d, newer than the %d of this program: run a newer program", at, latest)
	}
	for _, m := range steps {
		if m.version <= at {
			continue
		}
		err := db.write(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, m.text); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO migration (version, name) VALUES ($1, $2)`, m.version, m.name)
			return err
		})
		if err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
	}
	return nil
}

// checkSchema returns an error unless the schema is the one this program knows.
func (db *DB) checkSchema(ctx context.Context) error {
	steps, err := migrations(db.dialect)
	if err != nil {
		return err
	}
	at, err := schemaVersion(ctx, db.r)
	if err != nil {
		return fmt.Errorf("reading the schema's version: %w", err)
	}
	if latest := steps[len(steps)-1].version; at != latest {
		return fmt.Errorf("the schema is version %d and this program's is %d: a server of the same version must have opened it", at, latest)
	}
	return nil
}

func schemaVersion(ctx context.Context, db *sql.DB) (version int64, err error) {
	err = db.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM migration`).Scan(&version)
	return version, err
}
