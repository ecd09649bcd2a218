package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice"
)

// EventQuery selects usage events. Empty fields select all.
type EventQuery struct {
	Org, Project, Key, Model string

	Status sluice.Status

	Call string // the id of one call

	// Since and Until bound when the call ended: from Since on, before Until.
	Since, Until time.Time

	// After continues where an earlier answer ended: what it returned as next.
	After string

	Limit int // at most so many events; zero is 100
}

const (
	defaultLimit = 100
	maxLimit     = 10_000
)

// Events returns usage events: of one organisation those that ended last first,
// of all those that were booked last. next, when not empty, gives the following
// events as EventQuery.After. Errors: CodeInvalid for an After that no answer gave.
func (db *DB) Events(ctx context.Context, q EventQuery) (events []sluice.Event, next string, err error) {
	var where conditions
	for _, c := range []struct{ column, value string }{{"org", q.Org}, {"project", q.Project}, {"key", q.Key}, {"model", q.Model}, {"status", string(q.Status)}, {"tx.id", q.Call}} {
		if c.value != "" {
			where.add(c.column+" = ?", c.value)
		}
	}
	if !q.Since.IsZero() {
		where.add("ended_at >= ?", micros(q.Since))
	}
	if !q.Until.IsZero() {
		where.add("ended_at < ?", micros(q.Until))
	}
	order := "ended_at DESC, usage_event.tx DESC"
	if q.Org == "" { // no index has the time alone
		order = "usage_event.tx DESC"
	}
	if q.After != "" {
		ended, seq, err := parseCursor(q.After)
		if err != nil {
			return nil, "", err
		}
		if q.Org == "" {
			where.add("usage_event.tx < ?", seq)
		} else {
			where.add("(ended_at, usage_event.tx) < (?, ?)", ended, seq)
		}
	}
	limit := pageSize(q.Limit)
	query := `SELECT tx.id, ` + eventColumns + `, usage_event.tx FROM usage_event JOIN tx ON tx.seq = usage_event.tx ` +
		where.text() + ` ORDER BY ` + order + ` LIMIT ` + strconv.Itoa(limit+1)

	var seqs []int64
	scan := func(rows *sql.Rows) (sluice.Event, error) {
		var seq int64
		e, err := scanEvent(rows, &seq)
		seqs = append(seqs, seq)
		return e, err
	}
	events, err = collect(ctx, db.r, scan, query, where.args...)
	if err != nil {
		return nil, "", fmt.Errorf("reading events: %w", err)
	}
	if len(events) > limit {
		events = events[:limit]
		next = cursor(micros(events[limit-1].EndedAt), seqs[limit-1])
	}
	return events, next, nil
}

// PeriodUses returns the counters of steps by volume whose periods began at the
// instant or later.
func (db *DB) PeriodUses(ctx context.Context, since time.Time) ([]sluice.PeriodUse, error) {
	uses, err := readPeriodUses(ctx, db.r, since)
	if err != nil {
		return nil, fmt.Errorf("reading what was used in periods: %w", err)
	}
	return uses, nil
}

func readPeriodUses(ctx context.Context, q querier, since time.Time) ([]sluice.PeriodUse, error) {
	scan := func(rows *sql.Rows) (u sluice.PeriodUse, err error) {
		var start int64
		err = rows.Scan(&u.Org, &u.Model, &u.Class, &u.Period, &start, &u.Units)
		u.Start = instant(start)
		return u, err
	}
	return collect(ctx, q, scan, `SELECT org, model, class, period, start, units FROM period_use WHERE start >= $1
		ORDER BY org, model, class, period, start`, micros(since))
}

// pageSize is how many rows a query may return that asks for limit.
func pageSize(limit int) int {
	if limit <= 0 {
		return defaultLimit
	}
	return min(limit, maxLimit)
}

// cursor names a place in a list that is ordered by the two numbers.
func cursor(a, b int64) string {
	return strconv.FormatInt(a, 36) + "." + strconv.FormatInt(b, 36)
}

// parseCursor is the inverse of cursor.
func parseCursor(s string) (a, b int64, err error) {
	first, second, _ := strings.Cut(s, ".")
	a, err = strconv.ParseInt(first, 36, 64)
	if err == nil {
		b, err = strconv.ParseInt(second, 36, 64)
	}
	if err != nil {
		return 0, 0, sluice.Errorf(sluice.CodeInvalid, "The cursor %q is none that a list returned.", s)
	}
	return a, b, nil
}

// conditions is a WHERE clause that grows.
type conditions struct {
	terms []string
	args  []any
}

// add adds a condition with a ? for each of its values.
func (c *conditions) add(term string, values ...any) {
	for _, v := range values {
		c.args = append(c.args, v)
		term = strings.Replace(term, "?", "$"+strconv.Itoa(len(c.args)), 1)
	}
	c.terms = append(c.terms, term)
}

func (c *conditions) text() string {
	if len(c.terms) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(c.terms, " AND ")
}
