package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"sluice"
)

// Organisations returns all organisations in order of their ids.
func (db *DB) Organisations(ctx context.Context) ([]*sluice.Organisation, error) {
	scan := func(rows *sql.Rows) (*sluice.Organisation, error) {
		var o sluice.Organisation
		var created int64
		var queue string
		if err := rows.Scan(&o.ID, &o.Name, &o.Currency, &queue, &created); err != nil {
			return nil, err
		}
		o.CreatedAt = instant(created)
		if queue != "" {
			if err := json.Unmarshal([]byte(queue), &o.Queue); err != nil {
				return nil, fmt.Errorf("organisation %s: its place in the queue: %w", o.ID, err)
			}
		}
		return &o, nil
	}
	orgs, err := collect(ctx, db.r, scan, `SELECT id, name, currency, queue, created_at FROM organisation ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("reading organisations: %w", err)
	}
	return orgs, nil
}

// CreateOrganisation adds an organisation. Errors: CodeConflict when its name or id is taken.
func (db *DB) CreateOrganisation(ctx context.Context, o *sluice.Organisation) error {
	queue, err := queueing(o)
	if err != nil {
		return err
	}
	return db.create(ctx, "organisation", o.Name,
		`INSERT INTO organisation (id, name, currency, queue, created_at) VALUES ($1, $2, $3, $4, $5)`,
		o.ID, o.Name, string(o.Currency), queue, micros(o.CreatedAt))
}

// UpdateOrganisation changes what an organisation's calls are to the queue.
// Errors: CodeNotFound when there is no such organisation.
func (db *DB) UpdateOrganisation(ctx context.Context, o *sluice.Organisation) error {
	queue, err := queueing(o)
	if err != nil {
		return err
	}
	return db.change(ctx, "organisation", o.ID, `UPDATE organisation SET queue = $2 WHERE id = $1`, o.ID, queue)
}

// queueing writes what an organisation's calls are to the queue; empty of most.
func queueing(o *sluice.Organisation) (string, error) {
	if o.Queue == (sluice.Queueing{}) {
		return "", nil
	}
	text, err := json.Marshal(o.Queue)
	if err != nil {
		return "", fmt.Errorf("writing the place in the queue of organisation %s: %w", o.ID, err)
	}
	return string(text), nil
}

// Projects returns all projects of all organisations in order of their ids.
func (db *DB) Projects(ctx context.Context) ([]*sluice.Project, error) {
	scan := func(rows *sql.Rows) (*sluice.Project, error) {
		var p sluice.Project
		var created int64
		err := rows.Scan(&p.ID, &p.Org, &p.Name, &p.Limits.RequestsPerMinute, &p.Limits.TokensPerMinute, &p.Limits.Concurrent, &p.Limits.QueueClass, &created)
		p.CreatedAt = instant(created)
		return &p, err
	}
	projects, err := collect(ctx, db.r, scan, `SELECT id, org, name, requests_per_minute, tokens_per_minute, concurrent, queue_class, created_at
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
		`INSERT INTO project (id, org, name, requests_per_minute, tokens_per_minute, concurrent, queue_class, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		p.ID, p.Org, p.Name, p.Limits.RequestsPerMinute, p.Limits.TokensPerMinute, p.Limits.Concurrent, p.Limits.QueueClass, micros(p.CreatedAt))
}

// UpdateProject changes a project's name and limits. Errors: CodeNotFound when
// p.Org has no such project, CodeConflict when the name is taken.
func (db *DB) UpdateProject(ctx context.Context, p *sluice.Project) error {
	return db.change(ctx, "project", p.ID,
		`UPDATE project SET name = $3, requests_per_minute = $4, tokens_per_minute = $5, concurrent = $6, queue_class = $7 WHERE id = $1 AND org = $2`,
		p.ID, p.Org, p.Name, p.Limits.RequestsPerMinute, p.Limits.TokensPerMinute, p.Limits.Concurrent, p.Limits.QueueClass)
}
