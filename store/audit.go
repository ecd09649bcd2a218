package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice"
)

const auditColumns = `seq, at, actor, actor_id, name, acting, org, action, object, outcome, address, agent, detail, hash`

func scanAudit(rows *sql.Rows) (e sluice.AuditEntry, err error) {
	var at int64
	var hash []byte
	err = rows.Scan(&e.Seq, &at, &e.Actor, &e.ActorID, &e.Name, &e.Acting, &e.Org, &e.Action, &e.Object, &e.Outcome, &e.Address, &e.Agent, &e.Detail, &hash)
	e.At = instant(at)
	copy(e.Hash[:], hash)
	return e, err
}

// AddAudit appends an entry, and sets its number and hash.
func (db *DB) AddAudit(ctx context.Context, e *sluice.AuditEntry) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.write(ctx, func(tx *sql.Tx) error {
		var last int64
		var before []byte
		err := tx.QueryRowContext(ctx, `SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1`).Scan(&last, &before)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var hash sluice.KeyHash
		copy(hash[:], before)
		e.Seq, e.At = last+1, e.At.UTC().Truncate(time.Microsecond)
		e.Hash = e.Chain(hash)
		_, err = tx.ExecContext(ctx, `INSERT INTO audit (`+auditColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
			e.Seq, micros(e.At), string(e.Actor), e.ActorID, e.Name, e.Acting, e.Org, e.Action, e.Object, e.Outcome, e.Address, e.Agent, e.Detail, e.Hash[:])
		return err
	})
	if err != nil {
		return fmt.Errorf("writing to the audit log: %w", err)
	}
	return nil
}

// AuditQuery selects entries of the audit log. Empty members select all.
type AuditQuery struct {
	Org     string // whose object it was
	Actor   string // an actor's id or name
	Action  string
	Object  string // one of the ids that it was about
	Outcome string

	// Since and Until bound the time: from Since on, before Until.
	Since, Until time.Time

	Before int64 // only those with lower numbers; zero: from the last one on
	Limit  int   // at most so many
}

// Audit returns entries, the latest first.
func (db *DB) Audit(ctx context.Context, q AuditQuery) ([]sluice.AuditEntry, error) {
	where := conditions{terms: []string{"seq > 0"}}
	for _, c := range []struct{ column, value string }{{"org", q.Org}, {"action", q.Action}, {"outcome", q.Outcome}} {
		if c.value != "" {
			where.add(c.column+" = ?", c.value)
		}
	}
	if q.Actor != "" {
		where.add("(actor_id = ? OR name = ?)", q.Actor, q.Actor)
	}
	if q.Object != "" {
		where.add("(' ' || object || ' ') LIKE ('% ' || ? || ' %') ESCAPE '\\'", strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(q.Object))
	}
	if !q.Since.IsZero() {
		where.add("at >= ?", micros(q.Since))
	}
	if !q.Until.IsZero() {
		where.add("at < ?", micros(q.Until))
	}
	if q.Before > 0 {
		where.add("seq < ?", q.Before)
	}
	all, err := collect(ctx, db.r, scanAudit, `SELECT `+auditColumns+` FROM audit `+where.text()+` ORDER BY seq DESC LIMIT `+strconv.Itoa(pageSize(q.Limit)), where.args...)
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	return all, nil
}

// VerifyAudit checks that no entry of the audit log was changed, added or taken
// out since it was written, and returns how many there are. bad is the number
// of the first entry at which it is not so; zero: all is well. That entries are
// missing at the end shows only by comparing with a head that was noted before.
func (db *DB) VerifyAudit(ctx context.Context) (entries, bad int64, head sluice.KeyHash, err error) {
	rows, err := db.r.QueryContext(ctx, `SELECT `+auditColumns+` FROM audit ORDER BY seq`)
	if err != nil {
		return 0, 0, head, fmt.Errorf("reading the audit log: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanAudit(rows)
		if err != nil {
			return entries, 0, head, fmt.Errorf("reading the audit log: %w", err)
		}
		if e.Seq != entries+1 || e.Chain(head) != e.Hash {
			return entries, entries + 1, head, nil
		}
		entries, head = e.Seq, e.Hash
	}
	return entries, 0, head, rows.Err()
}
