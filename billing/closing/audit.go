package closing

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice/money/seal"
)

// Audit compares what was sealed from since on, before until, with what is stored
// now, row by row, the chains from their beginning, and what statements are made of with
// what it follows from. Zero bounds are none. With rewrite, what follows from hours
// without any other fault is written anew.
func (s *Service) Audit(ctx context.Context, since, until time.Time, rewrite bool) ([]seal.Fault, error) {
	faults, err := s.chains(ctx)
	if err != nil {
		return nil, err
	}
	seals, err := s.opt.Hours.Seals(ctx, since, until)
	if err != nil {
		return nil, err
	}
	for i := range seals {
		found, hour, err := s.opt.Hours.AuditHour(ctx, &seals[i])
		if err != nil {
			return nil, err
		}
		faults = append(faults, found...)
		if rewrite && hour != nil && !slices.ContainsFunc(found, func(f seal.Fault) bool { return !f.Copy }) {
			if err := s.opt.Hours.RewriteHour(ctx, hour); err != nil {
				return nil, err
			}
		}
	}
	ofDays, err := s.auditDays(ctx, since, until, rewrite)
	return append(faults, ofDays...), err
}

// auditDays compares the rows of closed days with those of their hours, and what
// their records say.
func (s *Service) auditDays(ctx context.Context, since, until time.Time, rewrite bool) ([]seal.Fault, error) {
	all, err := s.opt.Days.Closes(ctx, "")
	if err != nil {
		return nil, err
	}
	days, err := s.opt.Days.BookDays(ctx)
	if err != nil {
		return nil, err
	}
	last := map[string]*seal.Close{}
	for i := range all {
		last[all[i].Day] = &all[i]
	}
	var faults []seal.Fault
	for _, day := range slices.Sorted(maps.Keys(last)) {
		from, to, err := days.Bounds(day)
		if err != nil {
			return nil, err
		}
		if last[day].Kind != seal.Closed || !to.After(since) || !until.IsZero() && !from.Before(until) {
			continue
		}
		e, err := s.examine(ctx, day, true)
		if err != nil {
			return nil, err
		}
		for i := range e.Checks {
			c := &e.Checks[i]
			if c.Blocks() && (strings.HasPrefix(c.Subject, subjectIssued) || c.Subject == subjectPosted) {
				faults = append(faults, seal.Fault{Hour: e.From, What: fmt.Sprintf("%s: %s, which differs by %s", c.Subject, c.What, c.Difference)})
			}
		}
		if !slices.Equal(e.Sums, last[day].Sums) {
			faults = append(faults, seal.Fault{Hour: e.From, What: fmt.Sprintf("%s was closed with other sums than its hours come to", day)})
		}
		same, err := s.opt.Days.AuditDay(ctx, e.window.Since, e.rows, e.entries, rewrite)
		if err != nil {
			return nil, err
		}
		if !same {
			faults = append(faults, seal.Fault{Hour: e.From, Copy: true, What: fmt.Sprintf("the rows that the statement of %s opens with are not what its hours come to", day)})
		}
	}
	return faults, nil
}

// chains checks the chain of seals and that of closes, and that each close binds
// a seal that is there.
func (s *Service) chains(ctx context.Context) ([]seal.Fault, error) {
	faults := []seal.Fault{}
	seals, err := s.opt.Hours.Seals(ctx, time.Time{}, time.Time{})
	if err != nil {
		return nil, err
	}
	byHour := make(map[int64]seal.Hash, len(seals))
	var before *seal.Seal
	for i := range seals {
		if err := seals[i].Check(before); err != nil {
			faults = append(faults, seal.Fault{Hour: seals[i].Hour, What: err.Error()})
		}
		before = &seals[i]
		byHour[before.Hour.Unix()] = before.Hash
	}
	if fault, err := s.goesOn(ctx); err != nil {
		return nil, err
	} else if fault != nil {
		faults = append(faults, *fault)
	}
	closes, err := s.opt.Days.Closes(ctx, "")
	if err != nil {
		return nil, err
	}
	var last *seal.Close
	for i := range closes {
		c := &closes[i]
		if err := c.Check(last); err != nil {
			faults = append(faults, seal.Fault{Hour: c.Through, What: err.Error()})
		}
		if byHour[c.Through.Unix()] != c.Head {
			faults = append(faults, seal.Fault{Hour: c.Through, What: fmt.Sprintf("record %d, of %s, binds a seal that is not there", c.N, c.Day)})
		}
		last = c
	}
	return faults, nil
}

// goesOn checks where the next seal begins to look: not behind anything that is in none.
func (s *Service) goesOn(ctx context.Context) (*seal.Fault, error) {
	p, err := s.opt.Hours.SealPoint(ctx)
	if err != nil || p.Last == nil {
		return nil, err
	}
	most, err := s.opt.Hours.NextFloor(ctx, 0, p.Last.Cutoff, p.Last.Hour.Add(time.Hour))
	if err != nil || p.Floor <= most {
		return nil, err
	}
	return &seal.Fault{Hour: p.Last.Hour, What: fmt.Sprintf("where sealing goes on was altered: transactions from %d to %d would be in no seal", most+1, p.Floor)}, nil
}
