package power

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"sluice"
	"sluice/money/electricity"
)

// Engine is an engine as it is now.
type Engine struct {
	ID, Name string
	Models   []string // public names
	Serving  bool     // it is well, and takes calls unless it is parked
	Running  int64    // calls that it works on
	Limit    int64    // of calls at once; 0 is none
	Supply   *Supply  // how its power is known; nil: what was set for it by SetSupply, if anything was
}

// Store keeps what engines drew.
type Store interface {
	AddPower(ctx context.Context, b *electricity.Batch) error
	Power(ctx context.Context, since, until time.Time) ([]electricity.Drawn, []electricity.Worked, []electricity.Watched, error)
}

// Settings keeps how power is known, what it costs, and the site's limit.
type Settings interface {
	PowerSupplies(ctx context.Context) (map[string]json.RawMessage, error)
	PutPowerSupply(ctx context.Context, engine string, supply json.RawMessage) error
	RemovePowerSupply(ctx context.Context, engine string) error
	PowerContract(ctx context.Context) (*electricity.Contract, error)
	PutPowerContract(ctx context.Context, c *electricity.Contract) error
	Setting(ctx context.Context, name string) (string, error)
	PutSetting(ctx context.Context, name, value string) error
}

// Options set up a Service. Engines, Store and Settings are required.
type Options struct {
	Engines  func() []Engine
	Store    Store
	Settings Settings

	// Park has an engine spared, or takes that back; of one that stays parked it is
	// told with each sample. Nil: engines are never parked.
	Park func(engine string, parked bool)

	Cards  func(ctx context.Context) map[string]int64 // default: Cards, of this machine
	Client *http.Client                               // for meters; default: one that follows no redirects

	Interval time.Duration // between two samples; default 10 seconds
	Flush    time.Duration // between two writes to the store; default 1 minute
	Hold     time.Duration // see Site; default 1 minute

	Now func() time.Time // the wall clock; default time.Now
	Log *slog.Logger     // default: discarded
}

// gapSamples is how many intervals may lie between two readings for the time
// between them to be known.
const gapSamples = 3

// Service watches and steers. Its methods are safe for concurrent use.
type Service struct {
	o      Options
	began  time.Time // with a clock that only goes forward
	policy policy

	writing sync.Mutex // one flush at a time, before mu

	mu       sync.Mutex
	supplies map[string]*Supply
	contract *electricity.Contract
	site     Site
	state    site
	meters   map[string]*meter
	totals   map[string]*total
	now      SitePower
	faults   map[string]string // by engine: why its power is not measured
	pending  pending
	trying   *electricity.Batch // taken from pending and not known to be stored
}

// total is what an engine drew since the server started.
type total struct {
	name                string
	measured, estimated electricity.Energy
}

// pending is what is not stored yet.
type pending struct {
	drawn   map[slotKey]*electricity.Drawn
	worked  map[slotKey]*electricity.Worked // by engine's name
	watched map[string]*electricity.Watched
	flushed time.Duration // when, by the clock that only goes forward
}

type slotKey struct {
	slot          time.Time
	engine, model string
}

func newPending(flushed time.Duration) pending {
	return pending{map[slotKey]*electricity.Drawn{}, map[slotKey]*electricity.Worked{}, map[string]*electricity.Watched{}, flushed}
}

// New returns a service that knows what the settings say.
func New(ctx context.Context, o Options) (*Service, error) {
	if o.Cards == nil {
		o.Cards = Cards
	}
	if o.Client == nil {
		o.Client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Park == nil {
		o.Park = func(string, bool) {}
	}
	o.Interval = orDefault(o.Interval, 10*time.Second)
	o.Flush = orDefault(o.Flush, time.Minute)
	o.Hold = orDefault(o.Hold, time.Minute)
	s := &Service{
		o: o, began: time.Now(), policy: policy{margin: 10, settle: o.Interval, hold: o.Hold, step: 20}, state: site{flex: allFlex},
		meters: map[string]*meter{}, totals: map[string]*total{}, faults: map[string]string{}, pending: newPending(0),
	}
	return s, s.load(ctx)
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// load reads the settings.
func (s *Service) load(ctx context.Context) error {
	raw, err := s.o.Settings.PowerSupplies(ctx)
	if err != nil {
		return err
	}
	supplies := map[string]*Supply{}
	for engine, text := range raw {
		var supply Supply
		if err := json.Unmarshal(text, &supply); err != nil {
			return fmt.Errorf("reading how the power of engine %s is known: %w", engine, err)
		}
		supplies[engine] = &supply
	}
	contract, err := s.o.Settings.PowerContract(ctx)
	if err != nil {
		return err
	}
	site, err := s.readSite(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.supplies, s.contract, s.site = supplies, contract, site
	return nil
}

// Run samples until ctx ends, and stores what it knows before it returns.
func (s *Service) Run(ctx context.Context) {
	ticker := time.NewTicker(s.o.Interval)
	defer ticker.Stop()
	for {
		s.sample(ctx)
		if time.Since(s.began)-s.lastFlush() >= s.o.Flush {
			s.flush(ctx)
		}
		select {
		case <-ctx.Done():
			s.flush(context.WithoutCancel(ctx))
			return
		case <-ticker.C:
		}
	}
}

func (s *Service) lastFlush() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending.flushed
}

// sample reads, integrates and steers once.
func (s *Service) sample(ctx context.Context) {
	engines := s.engines()
	draws := s.readAll(ctx, engines)
	if ctx.Err() != nil {
		return // what could not be read says nothing of the engines
	}
	at, up := s.o.Now().UTC(), time.Since(s.began)
	s.mu.Lock()
	for _, e := range engines {
		s.integrate(&e, reading{draws[e.ID], at, up})
	}
	present := func(id string) bool { return slices.ContainsFunc(engines, func(e Engine) bool { return e.ID == id }) }
	maps.DeleteFunc(s.meters, func(id string, _ *meter) bool { return !present(id) })
	maps.DeleteFunc(s.faults, func(id, _ string) bool { return !present(id) })
	parked := s.state.parked
	s.steer(at, engines, draws)
	now := s.state.parked
	s.mu.Unlock()
	for _, id := range now {
		s.o.Park(id, true)
	}
	for _, id := range parked {
		if !slices.Contains(now, id) {
			s.o.Park(id, false)
		}
	}
}

// engines are those of the fleet, each with its supply.
func (s *Service) engines() []Engine {
	engines := s.o.Engines()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range engines {
		if own := s.supplies[engines[i].ID]; own != nil {
			engines[i].Supply = own
		}
	}
	return engines
}

// integrate adds what an engine drew since the reading before. An engine nobody
// can know anything of is not watched. The caller holds mu.
func (s *Service) integrate(e *Engine, r reading) {
	if e.Supply == nil {
		delete(s.meters, e.ID)
		return
	}
	if s.meters[e.ID] == nil {
		s.meters[e.ID] = &meter{}
	}
	if s.totals[e.ID] == nil {
		s.totals[e.ID] = &total{}
	}
	t := s.totals[e.ID]
	t.name = e.Name
	for _, part := range s.meters[e.ID].read(r, gapSamples*s.o.Interval) {
		k := slotKey{slot: part.Slot, engine: e.ID}
		d := s.pending.drawn[k]
		if d == nil {
			d = &electricity.Drawn{Slot: part.Slot, Engine: e.ID}
			s.pending.drawn[k] = d
		}
		d.Measured, d.Estimated = d.Measured.Add(part.Measured), d.Estimated.Add(part.Estimated)
		t.measured += part.Measured.Energy
		t.estimated += part.Estimated.Energy
	}
	w := s.pending.watched[e.ID]
	if w == nil {
		w = &electricity.Watched{Engine: e.ID, First: r.at}
		s.pending.watched[e.ID] = w
	}
	w.Name, w.Last = e.Name, r.at
}

// fault notes why an engine's power is not measured, nil when it is, and tells
// the log of it once.
func (s *Service) fault(e *Engine, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		delete(s.faults, e.ID)
		return
	}
	if s.faults[e.ID] != err.Error() {
		s.o.Log.Warn("the power of an engine is not measured", "engine", e.Name, "error", err)
	}
	s.faults[e.ID] = err.Error()
}

// CallEnded counts the tokens that an engine computed for a call. They count in
// the quarter of an hour in which the call ended.
func (s *Service) CallEnded(r *sluice.Report) {
	tokens := electricity.TokensOf(&r.Event.Usage)
	if r.Engine == "" || tokens == (electricity.Tokens{}) {
		return
	}
	k := slotKey{electricity.SlotOf(r.EndedAt), r.Engine, r.Model}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.pending.worked[k]
	if w == nil {
		w = &electricity.Worked{Slot: k.slot, Engine: r.Engine, Model: r.Model}
		s.pending.worked[k] = w
	}
	w.Tokens = w.Tokens.Add(tokens)
}

// flush stores what is pending. What the store does not take stays, and is tried
// again as it was: it is added once, whatever became of the first try.
func (s *Service) flush(ctx context.Context) {
	s.writing.Lock()
	defer s.writing.Unlock()
	ids := map[string]string{}
	for _, e := range s.o.Engines() {
		ids[e.Name] = e.ID
	}
	for { // what was tried before, then what came since
		s.mu.Lock()
		again := s.trying != nil
		if !again {
			s.trying = s.pending.batch(ids, s.o.Now())
			s.pending = newPending(time.Since(s.began))
		}
		batch := s.trying
		s.mu.Unlock()
		if len(batch.Drawn)+len(batch.Worked)+len(batch.Watched) > 0 {
			if err := s.o.Store.AddPower(ctx, batch); err != nil {
				s.o.Log.Error("storing what engines drew; it is tried again", "error", err)
				return
			}
		}
		s.mu.Lock()
		s.trying = nil
		s.mu.Unlock()
		if !again {
			return
		}
	}
}

// batch is what is pending, with the engines by id.
func (p *pending) batch(ids map[string]string, now time.Time) *electricity.Batch {
	b := &electricity.Batch{ID: sluice.NewID("pow", now)}
	for _, d := range p.drawn {
		b.Drawn = append(b.Drawn, *d)
	}
	for _, w := range p.worked {
		if id := ids[w.Engine]; id != "" {
			w.Engine = id
		}
		b.Worked = append(b.Worked, *w)
	}
	for _, w := range p.watched {
		b.Watched = append(b.Watched, *w)
	}
	return b
}

// Report returns what engines drew and what it cost in [from, to), by hours of
// the zone. What is not stored yet is stored first.
func (s *Service) Report(ctx context.Context, from, to time.Time, zone *time.Location, currency sluice.Currency) (*electricity.Consumption, error) {
	s.flush(ctx)
	s.mu.Lock()
	contract := s.contract
	s.mu.Unlock()
	drawn, worked, watched, err := s.o.Store.Power(ctx, from, to)
	if err != nil {
		return nil, err
	}
	if currency == "" {
		if terms := contract.At(to); terms != nil {
			currency = terms.Currency
		}
	}
	return electricity.Make(electricity.Input{
		From: from, To: to, Zone: zone, Currency: currency, Contract: contract, Drawn: drawn, Worked: worked, Watched: watched,
	}), nil
}
