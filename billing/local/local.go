// Package local takes up what sealed deployments at customers' report by signed
// files: into the segment "local" of the operator's books, and, where it is metered,
// as what the customer owes.
package local

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"sync"
	"time"

	"sluice"
	"sluice/money/exact"
	"sluice/money/localreport"
	"sluice/money/price"
	"sluice/money/seal"
	"sluice/money/statement"
)

// Store keeps deployments and what they reported.
type Store interface {
	Deployments(ctx context.Context) ([]localreport.Deployment, error)
	CreateDeployment(ctx context.Context, d *localreport.Deployment) error
	AddLocalReport(ctx context.Context, after *localreport.Deployment, before int64, rows []statement.Row, tx []string) error
	LocalReport(ctx context.Context, deployment string, number int64) (rows []statement.Row, tx []string, err error)
	SealPoint(ctx context.Context) (seal.Point, error)
	Books(ctx context.Context) ([]*price.Book, error)
}

// Ledger books transactions, each id once.
type Ledger interface {
	Post(ctx context.Context, tx sluice.Tx) error
}

// Options are what the service works with.
type Options struct {
	Store  Store
	Ledger Ledger
	Now    func() time.Time
}

// Service imports reports. It is safe for concurrent use.
type Service struct {
	opt       Options
	importing sync.Mutex
}

// New returns a service.
func New(o Options) *Service { return &Service{opt: o} }

// Imported is what became of a report.
type Imported struct {
	Deployment string        `json:"deployment"`
	Number     int64         `json:"number"`
	Rows       int           `json:"rows"`
	List       sluice.Amount `json:"list"`
	Charge     sluice.Amount `json:"charge"`
	Late       int           `json:"late"`   // rows of hours that were sealed: they count in the hour of the import
	Before     bool          `json:"before"` // it was imported before, and nothing was added
}

// Register makes a deployment known. Errors: CodeInvalid, CodeConflict.
func (s *Service) Register(ctx context.Context, d localreport.Deployment) (*localreport.Deployment, error) {
	if _, err := d.Public(); err != nil {
		return nil, err
	}
	if d.Name == "" || d.Org == "" {
		return nil, sluice.Errorf(sluice.CodeInvalid, "A deployment has a name and an organisation.")
	}
	if _, err := sluice.ParseCurrency(string(d.Currency)); err != nil {
		return nil, err
	}
	d.Reports, d.Head, d.Through, d.CreatedAt = 0, "", time.Time{}, s.opt.Now().UTC().Truncate(time.Microsecond)
	return &d, s.opt.Store.CreateDeployment(ctx, &d)
}

// Deployments returns all of them.
func (s *Service) Deployments(ctx context.Context) ([]localreport.Deployment, error) {
	return s.opt.Store.Deployments(ctx)
}

// Import takes up a report, whole or not at all. One that was imported before is no
// error, and is booked once. Errors: CodeInvalid with the line and what is wrong
// there, CodeConflict for a gap, a replay and another chain, CodeNotFound.
func (s *Service) Import(ctx context.Context, file []byte) (*Imported, error) {
	s.importing.Lock()
	defer s.importing.Unlock()
	all, err := s.opt.Store.Deployments(ctx)
	if err != nil {
		return nil, err
	}
	var d localreport.Deployment
	r, err := localreport.Read(file, func(name string) (ed25519.PublicKey, error) {
		i := slices.IndexFunc(all, func(d localreport.Deployment) bool { return d.Name == name })
		if i < 0 {
			return nil, sluice.Errorf(sluice.CodeNotFound, "There is no deployment %q: register its key first.", name)
		}
		d = all[i]
		return d.Public()
	})
	if err != nil {
		return nil, err
	}
	if r.Number == d.Reports && r.Hash == d.Head {
		return s.again(ctx, &d)
	}
	if err := r.Follows(d.Reports, d.Head, d.Through); err != nil {
		return nil, err
	}
	now := s.opt.Now().UTC()
	if r.To.After(now) {
		return nil, sluice.Errorf(sluice.CodeInvalid, "Report %d of %q goes to %s, which is to come: is a clock wrong?", r.Number, r.Deployment, r.To.Format(time.RFC3339))
	}
	rows, ids, late, err := s.rate(ctx, &d, r, now)
	if err != nil {
		return nil, err
	}
	after := d
	after.Reports, after.Head, after.Through = r.Number, r.Hash, r.To
	if err := s.opt.Store.AddLocalReport(ctx, &after, d.Reports, rows, ids); err != nil {
		return nil, err
	}
	return s.book(ctx, &after, rows, ids, &Imported{Late: late})
}

// again books what a report before may have left, when the server died within it.
func (s *Service) again(ctx context.Context, d *localreport.Deployment) (*Imported, error) {
	rows, ids, err := s.opt.Store.LocalReport(ctx, d.Name, d.Reports)
	if err != nil {
		return nil, err
	}
	return s.book(ctx, d, rows, ids, &Imported{Before: true})
}

// rate makes rows of a report: at the list prices that were in force, without
// conditions. A row of an hour that is sealed counts in the hour of now.
func (s *Service) rate(ctx context.Context, d *localreport.Deployment, r *localreport.Report, now time.Time) (rows []statement.Row, ids []string, late int, err error) {
	books, err := s.opt.Store.Books(ctx)
	if err != nil {
		return nil, nil, 0, err
	}
	p, err := s.opt.Store.SealPoint(ctx)
	if err != nil {
		return nil, nil, 0, err
	}
	for i := range r.Rows {
		in := &r.Rows[i]
		book := price.InForce(books, d.Currency, in.Hour)
		if book == nil {
			return nil, nil, 0, sluice.Errorf(sluice.CodeInvalid, "line %d: there was no price book in %s at %s.", i+2, d.Currency, in.Hour.Format(time.RFC3339))
		}
		ref, err := statement.ReferenceOf(book, in.Model)
		if err != nil {
			return nil, nil, 0, sluice.Errorf(sluice.CodeInvalid, "line %d: %s", i+2, sluice.ErrorOf(err).Message)
		}
		row := statement.Row{Key: statement.Key{Hour: in.Hour.UTC(), Model: in.Model, Segment: statement.SegmentLocal, Org: d.Org, Currency: d.Currency, Outcome: statement.OutcomePlan}}
		if p.Last != nil && !in.Hour.After(p.Last.Hour) {
			row.Hour = now.Truncate(time.Hour)
			late++
		}
		row.Calls, row.Units = in.Calls, in.Units
		if row.List, err = sluice.ParseAmount(ref.Of(&row.Sums).Text(12)); err != nil {
			return nil, nil, 0, fmt.Errorf("rating line %d: %w", i+2, err)
		}
		row.Plain, row.Untimed = row.List, row.List
		if d.Metered {
			row.Charge, row.Outcome = row.List, statement.OutcomeCharged
		}
		rows = append(rows, row)
		ids = append(ids, fmt.Sprintf("local_%s_%d_%d", d.Name, r.Number, row.Hour.Unix()))
	}
	return rows, ids, late, nil
}

// book posts what rows are charged, in one transaction for each hour.
func (s *Service) book(ctx context.Context, d *localreport.Deployment, rows []statement.Row, ids []string, out *Imported) (*Imported, error) {
	out.Deployment, out.Number, out.Rows = d.Name, d.Reports, len(rows)
	sums, at := map[string]exact.Number{}, map[string]time.Time{}
	var order []string
	for i := range rows {
		var err error
		if out.List, err = out.List.Add(rows[i].List); err == nil {
			out.Charge, err = out.Charge.Add(rows[i].Charge)
		}
		if err != nil {
			return nil, fmt.Errorf("summing the report: %w", err)
		}
		if _, ok := at[ids[i]]; !ok {
			order = append(order, ids[i])
		}
		sums[ids[i]], at[ids[i]] = sums[ids[i]].Add(exact.Money(rows[i].Charge)), rows[i].Hour
	}
	for _, id := range order {
		if sums[id].Sign() == 0 {
			continue
		}
		amount, err := sluice.ParseAmount(sums[id].Text(12))
		if err != nil {
			return nil, err
		}
		owed, err := amount.Neg()
		if err != nil {
			return nil, err
		}
		err = s.opt.Ledger.Post(ctx, sluice.Tx{
			ID: id, Kind: sluice.TxLocal, At: at[id], Memo: fmt.Sprintf("report %d of %s", d.Reports, d.Name),
			Entries: []sluice.Entry{
				{Account: sluice.AccountID{Owner: d.Org, Kind: sluice.AccountReceivable, Currency: d.Currency}, Amount: owed},
				{Account: sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountRevenueLocal, Currency: d.Currency}, Amount: amount},
			},
		})
		if err != nil {
			return nil, fmt.Errorf("booking %s: import the report again to finish it: %w", id, err)
		}
	}
	return out, nil
}
