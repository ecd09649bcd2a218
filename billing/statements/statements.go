// Package statements makes the operator's statements of the server's own days:
// of what was booked, and of what is kept of nodes, payments, power and engines.
//
// What a day cost is worked out anew each time, of what is kept now, until the day
// is closed: then all that is known of its costs is kept as one document, whose hash
// the record of the close binds. A closed day has those costs for good, whatever is
// imported later, until it is opened again and closed anew.
package statements

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice"
	"sluice/money/cost"
	"sluice/money/electricity"
	"sluice/money/exact"
	"sluice/money/price"
	"sluice/money/quota"
	"sluice/money/seal"
	"sluice/money/statement"
	"sluice/money/whatif"
)

// Books is what was booked.
type Books interface {
	// StatementRows returns the sealed rows from since on, before until.
	StatementRows(ctx context.Context, since, until time.Time, place func(engine string) (string, statement.Segment)) ([]statement.Row, []statement.EntryRow, error)
	Reach(ctx context.Context, since, until time.Time) (statement.Reach, error)
	Closes(ctx context.Context, day string) ([]seal.Close, error)
	BookDays(ctx context.Context) (statement.Days, error)
	PutBookDays(ctx context.Context, days statement.Days) error

	// LocalRows returns what deployments at customers' reported of the hours from since
	// on, before until.
	LocalRows(ctx context.Context, since, until time.Time) ([]statement.Row, error)
	Books(ctx context.Context) ([]*price.Book, error)
}

// Nodes is what is kept of nodes and payments.
type Nodes interface {
	Schedule(ctx context.Context, since, until time.Time) (*statement.NodeSchedule, error)
	ImportNodes(ctx context.Context, in *statement.NodeImport) error
	PutCostPool(ctx context.Context, p *statement.NodePool) error
	DeleteCostPool(ctx context.Context, name string) error
	DeletePeriodCost(ctx context.Context, id string) error
	PlaceEngine(ctx context.Context, p *statement.Placed) error
	EnginesUp(ctx context.Context, since, until time.Time) ([]statement.Up, error)
}

// Kept is what is kept for good, or by name.
type Kept interface {
	KeepCosts(ctx context.Context, hash, document string) error
	KeptCosts(ctx context.Context, hash string) (string, error)
	Setting(ctx context.Context, name string) (string, error)
	PutSetting(ctx context.Context, name, value string) error
}

// Power is what engines drew, and what a kWh costs.
type Power interface {
	Power(ctx context.Context, since, until time.Time) ([]electricity.Drawn, []electricity.Worked, []electricity.Watched, error)
	PowerContract(ctx context.Context) (*electricity.Contract, error)

	// PowerSince is the instant before which what engines drew was removed.
	PowerSince(ctx context.Context) (time.Time, error)
}

// Rerate rates a period again, as closing does.
type Rerate func(ctx context.Context, r *whatif.Rerater, since, until time.Time, progress func(done, total int64)) (whatif.Result, error)

// Options are what statements are made of. All are needed, but Rerate and InForce,
// without which nothing is rated again.
type Options struct {
	Books   Books
	Nodes   Nodes
	Kept    Kept
	Power   Power
	Engines func(ctx context.Context) ([]*sluice.Engine, error)
	Now     func() time.Time

	Rerate  Rerate
	InForce quota.InForce // the calendars of plans' weights
}

// Service makes statements. It is safe for concurrent use.
type Service struct {
	opt  Options
	runs runs
}

// New returns what makes statements. It is closed in the end.
func New(o Options) *Service { return &Service{opt: o} }

// Query says which statement.
type Query struct {
	Day       string          // the first day
	Through   string          // the last day; empty is Day
	Currency  sluice.Currency //
	Reference string          // the model at whose list prices theoretical revenue is counted; empty is the setting's
	Rates     cost.NodeRates  // of a node; not known: the setting's
}

// Made is what a statement is made of, with what it is said of.
type Made struct {
	statement.Input

	Zone   string            // by whose clock its days begin
	Closed bool              // all days are closed
	Days   map[string]*costs // by day
}

// costs is all that is known of what days cost. It is what is kept of a closed day.
type costs struct {
	Fleets  []*cost.Fleet      `json:"fleets"` // one for each currency
	Engines []statement.Placed `json:"engines"`
	Rates   cost.NodeRates     `json:"rates"`
}

func (c *costs) fleet(currency sluice.Currency) *cost.Fleet {
	for _, f := range c.Fleets {
		if f.Currency == currency {
			return f
		}
	}
	return nil
}

// place says where an engine is.
func (c *costs) place(engine string) (string, statement.Segment) {
	s := statement.NodeSchedule{Engines: c.Engines}
	return s.Place(engine)
}

// Statement makes the statement of a day, or of several. Errors: CodeInvalid;
// CodeNotFound where there are no prices of the reference.
func (s *Service) Statement(ctx context.Context, q Query) (*statement.Statement, error) {
	made, err := s.Input(ctx, q)
	if err != nil {
		return nil, err
	}
	return statement.Make(&made.Input)
}

// mostDays bounds what a statement is of.
const mostDays = 366

// Input returns what a statement is made of. Errors: as Statement.
func (s *Service) Input(ctx context.Context, q Query) (*Made, error) {
	days, err := s.opt.Books.BookDays(ctx)
	if err != nil {
		return nil, err
	}
	names, err := through(q.Day, cmp.Or(q.Through, q.Day))
	if err != nil {
		return nil, err
	}
	set, err := s.settings(ctx)
	if err != nil {
		return nil, err
	}
	m := &Made{Zone: days.Zone(q.Day), Closed: true, Days: map[string]*costs{}}
	m.Currency, m.Rates = q.Currency, q.Rates
	if m.From, _, err = days.Bounds(names[0]); err == nil {
		_, m.To, err = days.Bounds(names[len(names)-1])
	}
	if err != nil {
		return nil, err
	}
	reference := cmp.Or(q.Reference, set.Reference)
	if reference != "" {
		if m.Reference, err = s.reference(ctx, q.Currency, reference, m.To); sluice.CodeOf(err) == sluice.CodeNotFound && q.Reference == "" {
			m.Notes, err = append(m.Notes, sluice.ErrorOf(err).Message), nil // the setting's, in a currency without prices
		}
	}
	if err == nil {
		err = s.spent(ctx, m, names, days)
	}
	if err == nil {
		err = s.rows(ctx, m, days)
	}
	if err == nil {
		m.Reach = new(statement.Reach)
		*m.Reach, err = s.opt.Books.Reach(ctx, m.From, m.To)
	}
	if err != nil {
		return nil, err
	}
	if !m.Closed {
		m.Notes = append(m.Notes, "Not all of it is closed: this is what is sealed by now.")
	}
	return m, nil
}

// through lists the days from one to another.
func through(from, to string) ([]string, error) {
	var dates [2]time.Time
	for i, day := range []string{from, to} {
		var err error
		if dates[i], err = time.Parse(time.DateOnly, day); err != nil {
			return nil, &sluice.Error{Code: sluice.CodeInvalid, Param: "day", Message: fmt.Sprintf("%q is not a day such as 2026-11-21.", day)}
		}
	}
	n := int(dates[1].Sub(dates[0])/(24*time.Hour)) + 1
	if n < 1 || n > mostDays {
		return nil, sluice.Errorf(sluice.CodeInvalid, "From %s to %s are %d days: a statement is of 1 to %d.", from, to, n, mostDays)
	}
	names := make([]string, n)
	for i := range names {
		names[i] = dates[0].AddDate(0, 0, i).Format(time.DateOnly)
	}
	return names, nil
}

// reference returns the list prices of a model just before an instant.
func (s *Service) reference(ctx context.Context, currency sluice.Currency, model string, before time.Time) (*statement.Reference, error) {
	books, err := s.opt.Books.Books(ctx)
	if err != nil {
		return nil, err
	}
	book := price.InForce(books, currency, before.Add(-1))
	if book == nil {
		return nil, sluice.Errorf(sluice.CodeNotFound, "There was no price book in %s before %s.", currency, before.Format(time.RFC3339))
	}
	return statement.ReferenceOf(book, model)
}

// spent works out what the days cost: of closed ones as it was kept.
func (s *Service) spent(ctx context.Context, m *Made, names []string, days statement.Days) error {
	now, err := s.costs(ctx, m.From, m.To)
	if err != nil {
		return err
	}
	if !m.Rates.Known() {
		m.Rates = now.Rates
	}
	var reports []*cost.Report
	bare := 0
	for _, day := range names {
		since, until, err := days.Bounds(day)
		if err != nil {
			return err
		}
		of, closed, err := s.ofDay(ctx, day, now)
		if err != nil {
			return err
		}
		m.Closed = m.Closed && closed
		m.Days[day] = of
		if len(names) == 1 && closed && of.Rates.Known() {
			m.Rates = of.Rates
		}
		f := of.fleet(m.Currency)
		if f == nil {
			if bare++; closed && now.fleet(m.Currency) != nil {
				m.Notes = append(m.Notes, fmt.Sprintf("%s was closed when no nodes were known. Opened again and closed anew it takes up what is known now.", day))
			}
			continue
		}
		r, err := f.Between(since, until)
		if err != nil {
			return fmt.Errorf("working out what %s cost: %w", day, err)
		}
		reports = append(reports, r)
	}
	if m.Spent = cost.Together(reports); m.Spent != nil && bare > 0 {
		m.Notes = append(m.Notes, fmt.Sprintf("What nodes cost is known of %d of %d days.", len(names)-bare, len(names)))
	}
	return nil
}

// ofDay returns the costs of a day, and whether it is closed.
func (s *Service) ofDay(ctx context.Context, day string, now *costs) (*costs, bool, error) {
	closes, err := s.opt.Books.Closes(ctx, day)
	if err != nil || len(closes) == 0 || closes[len(closes)-1].Kind != seal.Closed {
		return now, false, err
	}
	of, err := s.recorded(ctx, &closes[len(closes)-1])
	if of == nil {
		of = &costs{Engines: now.Engines, Rates: now.Rates}
	}
	return of, true, err
}

// recorded returns the costs that a day was closed with, nil for none.
func (s *Service) recorded(ctx context.Context, c *seal.Close) (*costs, error) {
	if c.Costs == "" {
		return nil, nil
	}
	text, err := s.opt.Kept.KeptCosts(ctx, c.Costs)
	if err != nil {
		return nil, err
	}
	if hashOf(text) != c.Costs {
		return nil, fmt.Errorf("the costs that %s was closed with were altered: their hash is not %s", c.Day, c.Costs)
	}
	of := new(costs)
	if err := json.Unmarshal([]byte(text), of); err != nil {
		return nil, fmt.Errorf("reading the costs that %s was closed with: %w", c.Day, err)
	}
	return of, nil
}

// removed returns what was drawn in a fleet's pools, with what of it was removed since
// it is old: as the days were closed with it.
func (s *Service) removed(ctx context.Context, f *cost.Fleet, since, until time.Time) ([]cost.Drawn, error) {
	before, err := s.opt.Power.PowerSince(ctx)
	if err != nil || !since.Before(before) {
		return f.Drawn, err
	}
	closes, err := s.opt.Books.Closes(ctx, "")
	if err != nil {
		return nil, err
	}
	last := map[string]*seal.Close{}
	for i := range closes {
		if c := &closes[i]; c.Kind == seal.Closed && c.From.Before(until) && c.To.After(since) {
			last[c.Day] = c
		}
	}
	all := slices.DeleteFunc(slices.Clone(f.Drawn), func(d cost.Drawn) bool { return d.From.Before(before) }) // of an hour that is there in part
	for _, day := range slices.Sorted(maps.Keys(last)) {
		of, err := s.recorded(ctx, last[day])
		if err != nil {
			return nil, err
		}
		kept := of.fleet(f.Currency)
		if kept == nil {
			continue
		}
		for _, d := range kept.Drawn {
			if d.From.Before(before) && !d.From.Before(since) && d.From.Before(until) && slices.ContainsFunc(f.Pools, func(p cost.Pool) bool { return p.Name == d.Pool }) {
				all = append(all, d)
			}
		}
	}
	return all, nil
}

// rows reads what was booked, and puts it into the pools of its days.
func (s *Service) rows(ctx context.Context, m *Made, days statement.Days) error {
	raw := func(engine string) (string, statement.Segment) { return engine, statement.SegmentAPI }
	rows, entries, err := s.opt.Books.StatementRows(ctx, m.From, m.To, raw)
	if err != nil {
		return err
	}
	m.Entries = []statement.EntryRow{}
	simulated := map[string]bool{} // an engine simulates always or never
	names := map[int64]*costs{}
	of := func(hour time.Time) (*costs, error) {
		if c := names[hour.Unix()]; c != nil {
			return c, nil
		}
		day, err := days.Of(hour)
		if err != nil {
			return nil, err
		}
		names[hour.Unix()] = m.Days[day]
		return m.Days[day], nil
	}
	for i := range rows {
		r := rows[i]
		if r.Outcome == statement.OutcomeSimulated {
			simulated[r.Pool] = true
		}
		if r.Currency != m.Currency {
			continue
		}
		c, err := of(r.Hour)
		if err != nil {
			return err
		}
		pool, segment := c.place(r.Pool)
		if r.Pool = pool; r.Segment == statement.SegmentAPI {
			r.Segment = segment
		}
		m.Rows = append(m.Rows, r)
	}
	local, err := s.opt.Books.LocalRows(ctx, m.From, m.To)
	if err != nil {
		return err
	}
	for i := range local {
		if local[i].Currency == m.Currency {
			m.Rows = append(m.Rows, local[i])
		}
	}
	for i := range entries {
		e := entries[i]
		if e.Currency != m.Currency {
			continue
		}
		if e.Account == sluice.AccountRevenueLocal {
			e.Segment = statement.SegmentLocal
		}
		if e.Simulated = simulated[e.Pool]; e.Pool != "" {
			c, err := of(e.Hour)
			if err != nil {
				return err
			}
			pool, segment := c.place(e.Pool)
			if e.Pool = pool; e.Segment == statement.SegmentAPI {
				e.Segment = segment
			}
		}
		m.Entries = append(m.Entries, e)
	}
	return nil
}

// costs gathers what is known now of what a period cost.
func (s *Service) costs(ctx context.Context, since, until time.Time) (*costs, error) {
	kept, err := s.Schedule(ctx, since, until)
	if err != nil {
		return nil, err
	}
	up, err := s.opt.Nodes.EnginesUp(ctx, since, until)
	if err != nil {
		return nil, err
	}
	set, err := s.settings(ctx)
	if err != nil {
		return nil, err
	}
	c := &costs{Engines: kept.Engines, Rates: set.Rates}
	currencies := map[sluice.Currency]bool{}
	for _, p := range kept.Pools {
		currencies[p.Currency] = true
	}
	for _, p := range kept.Costs {
		currencies[p.Currency] = true
	}
	for _, currency := range slices.Sorted(maps.Keys(currencies)) {
		drawn, per, err := s.power(ctx, since, until, currency)
		if err != nil {
			return nil, err
		}
		if f := kept.Fleet(currency, up, drawn); f != nil {
			f.PowerPrice = per
			if f.Drawn, err = s.removed(ctx, f, since, until); err != nil {
				return nil, err
			}
			c.Fleets = append(c.Fleets, f)
		}
	}
	return c, nil
}

// power returns what engines drew and what it cost, and the mean price of a kWh,
// zero where it is in another currency or not known.
func (s *Service) power(ctx context.Context, since, until time.Time, currency sluice.Currency) ([]cost.Drawn, exact.Number, error) {
	contract, err := s.opt.Power.PowerContract(ctx)
	if err != nil {
		return nil, exact.Number{}, err
	}
	drawn, worked, watched, err := s.opt.Power.Power(ctx, since, until)
	if err != nil {
		return nil, exact.Number{}, err
	}
	report := electricity.Make(electricity.Input{From: since, To: until, Currency: currency, Contract: contract, Drawn: drawn, Worked: worked, Watched: watched})
	type at struct {
		engine string
		hour   int64
	}
	sums := map[at]*cost.Drawn{}
	var all []cost.Drawn
	for i := range report.Rows {
		l := &report.Rows[i]
		k := at{l.Engine, l.Hour.Unix()}
		if sums[k] == nil {
			sums[k] = &cost.Drawn{Pool: l.Engine, From: l.Hour.UTC(), To: l.Hour.UTC().Add(time.Hour)}
		}
		sums[k].KWh, sums[k].Amount = sums[k].KWh.Add(l.KWh), sums[k].Amount.Add(l.Cost)
	}
	for _, k := range slices.SortedFunc(maps.Keys(sums), func(a, b at) int { return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.engine, b.engine)) }) {
		d := sums[k]
		if d.KWh.Sign() > 0 {
			d.KWh, d.Amount = d.KWh.Round(12), d.Amount.Round(12) // as they can be kept
			all = append(all, *d)
		}
	}
	return all, meanPrice(contract, since, until, currency), nil
}

// meanPrice is what a kWh costs on average, with the overhead.
func meanPrice(contract *electricity.Contract, since, until time.Time, currency sluice.Currency) exact.Number {
	var sum exact.Number
	n := int64(0)
	for at := since; at.Before(until); at = at.Add(electricity.Slot) {
		n++
		if p, ok := contract.PriceAt(at); ok && p.Currency == currency {
			sum = sum.Add(p.Price.Mul(exact.Of(100+contract.At(at).Overhead, 100)))
		}
	}
	mean, _ := exact.Ratio{Of: sum, To: exact.Int(n)}.Value()
	return mean.Round(12)
}

// Keep keeps what is known now of what a period cost, for good, and returns its
// hash, which is empty where nothing is known: closing.Options.Costs.
func (s *Service) Keep(ctx context.Context, since, until time.Time) (string, error) {
	c, err := s.costs(ctx, since, until)
	if err != nil || len(c.Fleets) == 0 {
		return "", err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("writing what %s to %s cost: %w", since.Format(time.RFC3339), until.Format(time.RFC3339), err)
	}
	hash := hashOf(string(text))
	return hash, s.opt.Kept.KeepCosts(ctx, hash, string(text))
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// CostOf is what a period cost in a currency, as far as is known now: zero where nothing is.
func (s *Service) CostOf(ctx context.Context, since, until time.Time, currency sluice.Currency) (sluice.Amount, error) {
	c, err := s.costs(ctx, since, until)
	if err != nil {
		return sluice.Amount{}, err
	}
	f := c.fleet(currency)
	if f == nil {
		return sluice.Amount{}, nil
	}
	r, err := f.Between(since, until)
	if err != nil {
		return sluice.Amount{}, err
	}
	return sluice.ParseAmount(r.Total.Total.Text(12))
}
