package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"sluice"
)

// UsageBy is what a series of usage is told apart by.
type UsageBy string

// What there is. An organisation's series can be told apart by all of them,
// everybody's by model and organisation.
const (
	UsageByNothing      UsageBy = ""
	UsageByModel        UsageBy = "model"
	UsageByKey          UsageBy = "key"
	UsageByProject      UsageBy = "project"
	UsageByOrganisation UsageBy = "organisation"
)

// SeriesQuery selects usage by hours or days. Empty names select all.
type SeriesQuery struct {
	Org, Project, Key, Model string

	// Since and Until bound the time: from the hour or day that Since is in, before Until.
	Since, Until time.Time

	Step sluice.UsageStep
	By   UsageBy
}

// UsageSeries returns what requests came to, in order of time and name: of the
// key of a row only what the query tells apart is set, with the currency and
// whether it was simulated. What was booked a moment ago is in it. Errors:
// CodeInvalid for a project or a key without an organisation, for no step.
func (db *DB) UsageSeries(ctx context.Context, q SeriesQuery) ([]sluice.UsageRow, error) {
	if q.Step.Duration() == 0 {
		return nil, sluice.Errorf(sluice.CodeInvalid, "Usage comes by hour or by day, not by %q.", q.Step)
	}
	if q.Org == "" && (q.Project != "" || q.Key != "" || q.By == UsageByKey || q.By == UsageByProject) {
		return nil, sluice.Errorf(sluice.CodeInvalid, "Usage by key and by project is that of one organisation: name it.")
	}
	q.Since = q.Since.UTC().Truncate(q.Step.Duration())
	tx, err := db.r.BeginTx(ctx, &db.dialect.snapshot)
	if err != nil {
		return nil, fmt.Errorf("reading usage: %w", err)
	}
	defer tx.Rollback() // it only reads
	at, err := foldedTo(ctx, tx)
	if err != nil {
		return nil, fmt.Errorf("reading usage: %w", err)
	}
	s := series{q: &q, rows: map[hourOf]*sluice.UsageSum{}}
	if err := s.readSums(ctx, tx); err != nil {
		return nil, fmt.Errorf("reading usage: %w", err)
	}
	if _, _, err = eachUnfolded(ctx, tx, at, 0, q.Org, s.addEvent); err != nil {
		return nil, err
	}
	return s.sorted(), nil
}

// series is a series as it is put together.
type series struct {
	q    *SeriesQuery
	rows map[hourOf]*sluice.UsageSum
}

// readSums adds what is stored, from the level that is as coarse as the query.
func (s *series) readSums(ctx context.Context, tx querier) error {
	q := s.q
	level := levelAll
	switch {
	case q.Project != "" || q.Key != "" || q.By == UsageByKey || q.By == UsageByProject:
		level = levelKey
	case q.Org != "" || q.By == UsageByOrganisation:
		level = levelOrganisation
	}
	var where conditions
	if level != levelOrganisation || q.Org != "" {
		where.add("org = ?", q.Org)
	}
	where.add("level = ?", level)
	where.add("step = ?", int64(q.Step.Duration()/time.Second))
	where.add("start >= ?", micros(q.Since))
	if !q.Until.IsZero() {
		where.add("start < ?", micros(q.Until))
	}
	for _, c := range []struct{ column, value string }{{"project", q.Project}, {"key", q.Key}, {"model", q.Model}} {
		if c.value != "" {
			where.add(c.column+" = ?", c.value)
		}
	}
	rows, err := tx.QueryContext(ctx, `SELECT `+placeColumns+`, `+valueColumns+` FROM usage_sum `+where.text(), where.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scanSum(rows)
		if err != nil {
			return err
		}
		key := sluice.UsageKey{Org: r.org, Project: r.project, Key: r.key, Model: r.model, Currency: sluice.Currency(r.priced), Simulated: r.simulated != 0}
		if err := s.at(r.start, key).Add(&r.UsageSum); err != nil {
			return err
		}
	}
	return rows.Err()
}

// addEvent adds a call that is not in what is stored.
func (s *series) addEvent(e *sluice.Event) error {
	q := s.q
	start := e.EndedAt.Truncate(q.Step.Duration())
	switch {
	case start.Before(q.Since), !q.Until.IsZero() && !start.Before(q.Until):
		return nil
	case q.Project != "" && e.Project != q.Project, q.Key != "" && e.Key != q.Key, q.Model != "" && e.Model != q.Model:
		return nil
	}
	return s.at(micros(start), usageKey(e)).AddEvent(e)
}

// at is the row in which a key counts.
func (s *series) at(start int64, of sluice.UsageKey) *sluice.UsageSum {
	place := hourOf{start, sluice.UsageKey{Currency: of.Currency, Simulated: of.Simulated}}
	switch s.q.By {
	case UsageByModel:
		place.Model = of.Model
	case UsageByKey:
		place.Key = of.Key
	case UsageByProject:
		place.Project = of.Project
	case UsageByOrganisation:
		place.Org = of.Org
	case UsageByNothing:
	}
	sum := s.rows[place]
	if sum == nil {
		sum = new(sluice.UsageSum)
		s.rows[place] = sum
	}
	return sum
}

func (s *series) sorted() []sluice.UsageRow {
	all := make([]sluice.UsageRow, 0, len(s.rows))
	for place, sum := range s.rows {
		all = append(all, sluice.UsageRow{Start: instant(place.start), UsageKey: place.UsageKey, UsageSum: *sum})
	}
	slices.SortFunc(all, func(a, b sluice.UsageRow) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Project, b.Project),
			cmp.Compare(a.Org, b.Org), cmp.Compare(a.Currency, b.Currency), cmp.Compare(bit(a.Simulated), bit(b.Simulated)))
	})
	return all
}
