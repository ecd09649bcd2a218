package statements

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice"
	"sluice/money/cost"
	"sluice/money/exact"
	"sluice/money/statement"
)

// Schedule returns what is kept of nodes and payments that touch a period, with
// all engines: one that was not placed is in a pool of its own name.
func (s *Service) Schedule(ctx context.Context, since, until time.Time) (*statement.NodeSchedule, error) {
	kept, err := s.opt.Nodes.Schedule(ctx, since, until)
	if err != nil {
		return nil, err
	}
	engines, err := s.opt.Engines(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range engines {
		i := slices.IndexFunc(kept.Engines, func(p statement.Placed) bool { return p.Engine == e.ID })
		if i < 0 {
			kept.Engines = append(kept.Engines, statement.Placed{Engine: e.ID, Name: e.Name, Pool: e.Name, Segment: statement.SegmentAPI, Nodes: exact.Int(1)})
		} else {
			kept.Engines[i].Name = e.Name
		}
	}
	slices.SortFunc(kept.Engines, func(a, b statement.Placed) int { return strings.Compare(a.Name, b.Name) })
	return kept, nil
}

// Import imports a file of nodes and payments, whole or not at all
// (statement.LoadNodes). With replace its pools lose what they had in its time.
// Errors: CodeInvalid with lines and reasons, CodeConflict.
func (s *Service) Import(ctx context.Context, file string, currency sluice.Currency, replace bool) (*statement.NodeImport, error) {
	f, err := statement.LoadNodes(bytes.NewReader([]byte(file)), currency)
	if err != nil {
		return nil, err
	}
	var from, to time.Time
	for i := range f.Spans {
		if sp := &f.Spans[i]; from.IsZero() || sp.From.Before(from) {
			from = sp.From
		}
		if f.Spans[i].To.After(to) {
			to = f.Spans[i].To
		}
	}
	kept, err := s.opt.Nodes.Schedule(ctx, from, to)
	if err != nil {
		return nil, err
	}
	made, err := kept.Take(f, replace, func() string { return sluice.NewID("cost", s.opt.Now()) })
	if err != nil {
		return nil, err
	}
	return made, s.opt.Nodes.ImportNodes(ctx, made)
}

// PutPool stores a pool, over one of its name. Errors: CodeInvalid.
func (s *Service) PutPool(ctx context.Context, p *statement.NodePool) error {
	f := cost.Fleet{Currency: p.Currency, Pools: []cost.Pool{p.Pool}}
	if p.Name == "" {
		return sluice.Errorf(sluice.CodeInvalid, "A pool has a name.")
	}
	if err := f.Check(); err != nil {
		return err
	}
	return s.opt.Nodes.PutCostPool(ctx, p)
}

// RemovePool forgets a pool with its schedule. Errors: CodeNotFound.
func (s *Service) RemovePool(ctx context.Context, name string) error {
	return s.opt.Nodes.DeleteCostPool(ctx, name)
}

// RemoveNodes takes a period out of the schedule of a pool, and returns what is
// changed. Errors: CodeInvalid, CodeNotFound, CodeConflict.
func (s *Service) RemoveNodes(ctx context.Context, pool string, from, to time.Time) (*statement.NodeImport, error) {
	if !to.After(from) {
		return nil, sluice.Errorf(sluice.CodeInvalid, "From %s to %s there is no time.", from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	kept, err := s.opt.Nodes.Schedule(ctx, from, to)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(kept.Pools, func(p statement.NodePool) bool { return p.Name == pool }) {
		return nil, sluice.Errorf(sluice.CodeNotFound, "There is no pool %q.", pool)
	}
	removed, left := statement.Cut(kept.Spans, pool, from, to)
	made := &statement.NodeImport{Pools: []statement.NodePool{}, Removed: append([]cost.Span{}, removed...), Spans: append([]cost.Span{}, left...), Costs: []statement.PeriodCost{}}
	return made, s.opt.Nodes.ImportNodes(ctx, made)
}

// AddCost keeps what is paid for a period. Errors: CodeInvalid, CodeNotFound.
func (s *Service) AddCost(ctx context.Context, p statement.PeriodCost) (*statement.PeriodCost, error) {
	kept, err := s.opt.Nodes.Schedule(ctx, p.From, p.To)
	if err != nil {
		return nil, err
	}
	if p.Pool != "" && !slices.ContainsFunc(kept.Pools, func(o statement.NodePool) bool { return o.Name == p.Pool }) {
		return nil, sluice.Errorf(sluice.CodeNotFound, "There is no pool %q.", p.Pool)
	}
	f := cost.Fleet{Currency: p.Currency, Expenses: []cost.Expense{p.Expense}}
	if p.Pool != "" {
		f.Pools = []cost.Pool{{Name: p.Pool, Chips: 1}}
	}
	if err := f.Check(); err != nil {
		return nil, err
	}
	p.ID = sluice.NewID("cost", s.opt.Now())
	return &p, s.opt.Nodes.ImportNodes(ctx, &statement.NodeImport{Costs: []statement.PeriodCost{p}})
}

// RemoveCost forgets a payment. Errors: CodeNotFound.
func (s *Service) RemoveCost(ctx context.Context, id string) error {
	return s.opt.Nodes.DeletePeriodCost(ctx, id)
}

// Place says where an engine belongs, by its name; with an empty pool that is
// forgotten. Errors: CodeNotFound for an engine or a pool, CodeInvalid.
func (s *Service) Place(ctx context.Context, p statement.Placed) (*statement.Placed, error) {
	engines, err := s.opt.Engines(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(engines, func(e *sluice.Engine) bool { return e.Name == p.Name })
	if i < 0 {
		return nil, sluice.Errorf(sluice.CodeNotFound, "There is no engine %q.", p.Name)
	}
	p.Engine = engines[i].ID
	if p.Segment == "" {
		p.Segment = statement.SegmentAPI
	}
	if p.Nodes.Sign() == 0 {
		p.Nodes = exact.Int(1)
	}
	if p.Nodes.Sign() < 0 || p.Segment != statement.SegmentAPI && p.Segment != statement.SegmentSearch {
		return nil, sluice.Errorf(sluice.CodeInvalid, "An engine runs on some nodes, and is of the segment api or search; plans and local deployments say themselves what is theirs.")
	}
	if p.Pool != "" {
		kept, err := s.opt.Nodes.Schedule(ctx, time.Time{}, time.Time{})
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(kept.Pools, func(o statement.NodePool) bool { return o.Name == p.Pool }) {
			return nil, sluice.Errorf(sluice.CodeNotFound, "There is no pool %q: make it with `sluice nodes pool`, or import its schedule.", p.Pool)
		}
	}
	return &p, s.opt.Nodes.PlaceEngine(ctx, &p)
}

// BookSettings are what statements are made with where nothing else is said.
type BookSettings struct {
	Reference string         `json:"reference,omitempty" doc:"The model at whose list prices theoretical revenue is counted."`
	Rates     cost.NodeRates `json:"rates" doc:"Tokens that a node reads and writes in a second; zero: not known."`
	Clocks    statement.Days `json:"clocks" doc:"By whose clock days begin and end; empty: UTC."`
}

// bookSettings is the setting that holds BookSettings but for the clocks.
const bookSettings = "books"

func (s *Service) settings(ctx context.Context) (*BookSettings, error) {
	set := &BookSettings{}
	text, err := s.opt.Kept.Setting(ctx, bookSettings)
	if err == nil && text != "" {
		err = json.Unmarshal([]byte(text), set)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the settings of the books: %w", err)
	}
	return set, nil
}

// Settings returns them.
func (s *Service) Settings(ctx context.Context) (*BookSettings, error) {
	set, err := s.settings(ctx)
	if err != nil {
		return nil, err
	}
	set.Clocks, err = s.opt.Books.BookDays(ctx)
	if set.Clocks == nil {
		set.Clocks = statement.Days{}
	}
	return set, err
}

// PutSettings stores the reference and the rates. Errors: CodeInvalid.
func (s *Service) PutSettings(ctx context.Context, reference string, rates cost.NodeRates) (*BookSettings, error) {
	if rates.Prefill.Sign() < 0 || rates.Decode.Sign() < 0 || rates.Prefill.Sign() != rates.Decode.Sign() {
		return nil, sluice.Errorf(sluice.CodeInvalid, "The rates of prompts and of answers are both above zero, or both not known.")
	}
	text, err := json.Marshal(BookSettings{Reference: reference, Rates: rates})
	if err == nil {
		err = s.opt.Kept.PutSetting(ctx, bookSettings, string(text))
	}
	if err != nil {
		return nil, fmt.Errorf("storing the settings of the books: %w", err)
	}
	return s.Settings(ctx)
}

// PutTimezone has days begin by another clock from a day on, or, with no day, all
// of them. A day that was ever closed keeps its clock. Errors: CodeInvalid; CodeConflict when that day or a later
// one was closed, naming it.
func (s *Service) PutTimezone(ctx context.Context, from, zone string) (*BookSettings, error) {
	days, err := s.opt.Books.BookDays(ctx)
	if err != nil {
		return nil, err
	}
	changed := statement.Days{{Zone: zone}}
	if from != "" {
		changed, err = days.Change(from, zone)
	} else {
		err = changed.Check()
	}
	if err != nil {
		return nil, err
	}
	closes, err := s.opt.Books.Closes(ctx, "")
	if err != nil {
		return nil, err
	}
	last := ""
	for i := range closes {
		last = max(last, closes[i].Day)
	}
	if last != "" && last >= from {
		return nil, sluice.Errorf(sluice.CodeConflict, "%s was closed by the clock of %s: the timezone of the books can change from a later day on.", last, days.Zone(last))
	}
	if err := s.opt.Books.PutBookDays(ctx, changed); err != nil {
		return nil, err
	}
	return s.Settings(ctx)
}
