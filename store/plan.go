package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice/money/plan"
)

// PublishPlan stores a version of a plan, for good. Errors: CodeConflict when
// its id is taken.
func (db *DB) PublishPlan(ctx context.Context, v *plan.Version) error {
	draft, err := json.Marshal(v.Draft())
	if err != nil {
		return fmt.Errorf("writing plan %s: %w", v.ID, err)
	}
	return db.create(ctx, "plan version", v.ID, `INSERT INTO plan_version (id, plan, currency, published_at, hash, draft) VALUES ($1, $2, $3, $4, $5, $6)`,
		v.ID, v.Draft().Plan, string(v.Draft().Currency), micros(v.PublishedAt), v.Hash, string(draft))
}

// PlanVersions returns all versions of all plans in order of their ids. Each is
// published anew from what is stored; an error names the version whose hash is
// not the one that it was sealed with, which means that its row was changed.
func (db *DB) PlanVersions(ctx context.Context) ([]*plan.Version, error) {
	versions, broken, err := readPlans(ctx, db.r)
	if err == nil {
		err = errors.Join(broken...)
	}
	if err != nil {
		return nil, err
	}
	return versions, nil
}

// readPlans returns the versions, and for each that cannot be trusted an error instead.
func readPlans(ctx context.Context, q querier) (versions []*plan.Version, broken []error, err error) {
	scan := func(rows *sql.Rows) (struct{}, error) {
		var id, hash, text string
		var published int64
		if err := rows.Scan(&id, &published, &hash, &text); err != nil {
			return struct{}{}, err
		}
		var draft plan.Draft
		var v *plan.Version
		err := json.Unmarshal([]byte(text), &draft)
		if err == nil {
			v, err = plan.Publish(id, draft, instant(published), time.LoadLocation)
		}
		if err == nil && v.Hash != hash {
			err = fmt.Errorf("what it says hashes to %s, it was sealed with %s", v.Hash, hash)
		}
		if err != nil {
			broken = append(broken, fmt.Errorf("plan version %s: %w", id, err))
			return struct{}{}, nil
		}
		versions = append(versions, v)
		return struct{}{}, nil
	}
	if _, err := collect(ctx, q, scan, `SELECT id, published_at, hash, draft FROM plan_version ORDER BY id`); err != nil {
		return nil, nil, fmt.Errorf("reading plans: %w", err)
	}
	return versions, broken, nil
}
