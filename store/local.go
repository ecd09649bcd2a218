package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice"
	"sluice/money/localreport"
	"sluice/money/statement"
)

// Deployments returns all deployments at customers', in order of names.
func (db *DB) Deployments(ctx context.Context) ([]localreport.Deployment, error) {
	all, err := documents[localreport.Deployment](ctx, db, `SELECT document FROM local_deployment ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("reading deployments: %w", err)
	}
	return all, nil
}

// CreateDeployment stores a deployment. Errors: CodeConflict when there is one of its name.
func (db *DB) CreateDeployment(ctx context.Context, d *localreport.Deployment) error {
	text, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("writing the deployment %q: %w", d.Name, err)
	}
	return db.create(ctx, "deployment", d.Name, `INSERT INTO local_deployment (name, document, reports, head) VALUES ($1, $2, $3, $4)`, d.Name, string(text), d.Reports, d.Head)
}

// AddLocalReport stores the rows of a report and the deployment as it is after it,
// all or nothing. tx names the transaction of each row, which may be empty. Errors:
// CodeConflict when another report came between.
func (db *DB) AddLocalReport(ctx context.Context, after *localreport.Deployment, before int64, rows []statement.Row, tx []string) error {
	text, err := json.Marshal(after)
	if err != nil {
		return fmt.Errorf("writing the deployment %q: %w", after.Name, err)
	}
	var args []any
	for i := range rows {
		row, err := json.Marshal(&rows[i])
		if err != nil {
			return fmt.Errorf("writing a row of the report: %w", err)
		}
		args = append(args, after.Name, after.Reports, int64(i+1), tx[i], micros(rows[i].Hour), string(row))
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	err = db.write(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE local_deployment SET document = $1, reports = $2, head = $3 WHERE name = $4 AND reports = $5`,
			string(text), after.Reports, after.Head, after.Name, before)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, sluice.Errorf(sluice.CodeConflict, "Another report of %q was imported at the same time.", after.Name))
		}
		return db.insert(ctx, tx, `INSERT INTO local_row (deployment, report, line, tx, hour, document) VALUES `, `(?, ?, ?, ?, ?, ?)`, ``, args)
	})
	if sluice.CodeOf(err) == sluice.CodeConflict {
		return err
	}
	return db.refused("report", after.Name, err)
}

// LocalReport returns the rows of a report that was imported, with the ids of their
// transactions.
func (db *DB) LocalReport(ctx context.Context, deployment string, number int64) (rows []statement.Row, tx []string, err error) {
	scan := func(r *sql.Rows) (row statement.Row, err error) {
		var id, text string
		if err = r.Scan(&id, &text); err == nil {
			err = json.Unmarshal([]byte(text), &row)
		}
		tx = append(tx, id)
		return row, err
	}
	rows, err = collect(ctx, db.r, scan, `SELECT tx, document FROM local_row WHERE deployment = $1 AND report = $2 ORDER BY line`, deployment, number)
	if err != nil {
		return nil, nil, fmt.Errorf("reading report %d of %s: %w", number, deployment, err)
	}
	return rows, tx, nil
}

// LocalRows returns what deployments reported of the hours from since on, before until.
func (db *DB) LocalRows(ctx context.Context, since, until time.Time) ([]statement.Row, error) {
	all, err := documents[statement.Row](ctx, db, `SELECT document FROM local_row WHERE hour >= $1 AND hour < $2 ORDER BY hour, deployment, report, line`, micros(since), micros(until))
	if err != nil {
		return nil, fmt.Errorf("reading what deployments reported: %w", err)
	}
	return all, nil
}
