package store

import (
	"context"
	"database/sql"
	"fmt"

	"sluice"
)

// Organisations returns all organisations in order of their ids.
func (db *DB) Organisations(ctx context.Context) ([]*sluice.Organisation, error) {
	scan := func(rows *sql.Rows) (*sluice.Organisation, error) {
		var o sluice.Organisation
		var created int64
		err := rows.Scan(&o.ID, &o.Name, &o.Currency, &created)
		o.CreatedAt = instant(created)
		return &o, err
	}
	orgs, err := collect(ctx, db.r, scan, `SELECT id, name, currency, created_at FROM organisation ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("reading organisations: %w", err)
	}
	return orgs, nil
}

// CreateOrganisation adds an organisation. Errors: CodeConflict when its name or id is taken.
func (db *DB) CreateOrganisation(ctx context.Context, o *sluice.Organisation) error {
	return db.create(ctx, "organisation", o.Name,
		`INSERT INTO organisation (id, name, currency, created_at) VALUES ($1, $2, $3, $4)`,
		o.ID, o.Name, string(o.Currency), micros(o.CreatedAt))
}

// Projects returns all projects of all organisations in order of their ids.
func (db *DB) Projects(ctx context.Context) ([]*sluice.Project, error) {
	scan := func(rows *sql.Rows) (*sluice.Project, error) {
		var p sluice.Project
		var created int64
		err := rows.Scan(&p.ID, &p.Org, &p.Name, &p.Limits.RequestsPerMinute, &p.Limits.TokensPerMinute, &p.Limits.Concurrent, &created)
		p.CreatedAt = instant(created)
		return &p, err
	}
	projects, err := collect(ctx, db.r, scan, `SELECT id, org, name, requests_per_minute, tokens_per_minute, concurrent, created_at
		FROM project ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("reading projects: %w", err)
	}
	return projects, nil
}

// CreateProject adds a project. Errors: CodeConflict when its organisation has
// one of that name, CodeNotFound when there is no such organisation.
func (db *DB) CreateProject(ctx context.Context, p *sluice.Project) error {
	return db.create(ctx, "project", p.Name,
		`INSERT INTO project (id, org, name, requests_per_minute, tokens_per_minute, concurrent, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		p.ID, p.Org, p.Name, p.Limits.RequestsPerMinute, p.Limits.TokensPerMinute, p.Limits.Concurrent, micros(p.CreatedAt))
}

// UpdateProject changes a project's name and limits. Errors: CodeNotFound when
// p.Org has no such project, CodeConflict when the name is taken.
func (db *DB) UpdateProject(ctx context.Context, p *sluice.Project) error {
	return db.change(ctx, "project", p.ID,
		`UPDATE project SET name = $3, requests_per_minute = $4, tokens_per_minute = $5, concurrent = $6 WHERE id = $1 AND org = $2`,
		p.ID, p.Org, p.Name, p.Limits.RequestsPerMinute, p.Limits.TokensPerMinute, p.Limits.Concurrent)
}
