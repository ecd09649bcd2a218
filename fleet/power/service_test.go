package power_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/fleet/power"
	"sluice/money/electricity"
	"sluice/money/exact"
)

// memory is a store that forgets nothing.
type memory struct {
	mu       sync.Mutex
	last     string
	batches  []electricity.Batch
	away     bool // refuses
	lossy    bool // stores and says that it did not
	supplies map[string]json.RawMessage
	contract *electricity.Contract
	settings map[string]string
}

func newMemory(supplies map[string]power.Supply) *memory {
	m := &memory{supplies: map[string]json.RawMessage{}, contract: &electricity.Contract{}, settings: map[string]string{}}
	for engine, s := range supplies {
		m.supplies[engine], _ = json.Marshal(s)
	}
	return m
}

func (m *memory) AddPower(_ context.Context, b *electricity.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return errors.New("away")
	}
	if b.ID != m.last {
		m.last, m.batches = b.ID, append(m.batches, *b)
	}
	if m.lossy {
		return errors.New("lost on the way back")
	}
	return nil
}

func (m *memory) Power(_ context.Context, since, until time.Time) (drawn []electricity.Drawn, worked []electricity.Worked, watched []electricity.Watched, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.batches {
		for _, d := range b.Drawn {
			if d.Slot.Before(since) || !d.Slot.Before(until) {
				continue
			}
			i := slices.IndexFunc(drawn, func(o electricity.Drawn) bool { return o.Engine == d.Engine && o.Slot.Equal(d.Slot) })
			if i < 0 {
				drawn = append(drawn, d)
			} else {
				drawn[i].Measured, drawn[i].Estimated = drawn[i].Measured.Add(d.Measured), drawn[i].Estimated.Add(d.Estimated)
			}
		}
		worked = append(worked, b.Worked...)
		for _, w := range b.Watched {
			i := slices.IndexFunc(watched, func(o electricity.Watched) bool { return o.Engine == w.Engine })
			if i < 0 {
				watched = append(watched, w)
			} else {
				watched[i].Name, watched[i].Last = w.Name, w.Last
			}
		}
	}
	return drawn, worked, watched, nil
}

func (m *memory) PowerSupplies(context.Context) (map[string]json.RawMessage, error) {
	return m.supplies, nil
}

func (m *memory) PutPowerSupply(_ context.Context, engine string, s json.RawMessage) error {
	m.supplies[engine] = s
	return nil
}

func (m *memory) RemovePowerSupply(_ context.Context, engine string) error {
	delete(m.supplies, engine)
	return nil
}

func (m *memory) PowerContract(context.Context) (*electricity.Contract, error) {
	return m.contract, nil
}

func (m *memory) PutPowerContract(_ context.Context, c *electricity.Contract) error {
	m.contract = c
	return nil
}

func (m *memory) Setting(_ context.Context, name string) (string, error) {
	return m.settings[name], nil
}

func (m *memory) PutSetting(_ context.Context, name, value string) error {
	m.settings[name] = value
	return nil
}

// plant is four engines of two models under a steady load of people, six calls
// and four, and as many lines of batches as are let begin. An engine draws 100 W
// without work and 400 W with four calls; asleep, 20 W.
type plant struct {
	t       *testing.T
	service *power.Service
	batches int64 // lines of each model at most

	mu     sync.Mutex
	parked map[string]bool
	dead   map[string]bool
	moves  int // of engines
}

func (p *plant) engines() []power.Engine {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []power.Engine
	for _, e := range []struct{ id, model string }{{"a1", "a"}, {"a2", "a"}, {"b1", "b"}, {"b2", "b"}} {
		serving := !p.dead[e.id]
		running := int64(0)
		if serving && !p.parked[e.id] {
			running = p.load(e.model)
		}
		all = append(all, power.Engine{ID: e.id, Name: "engine " + e.id, Models: []string{e.model}, Serving: serving, Running: running})
	}
	return all
}

// load is the calls of each engine of the model that takes any. The caller holds mu.
func (p *plant) load(model string) int64 {
	people := map[string]int64{"a": 6, "b": 4}[model]
	takers := int64(0)
	for _, n := range []string{"1", "2"} {
		if id := model + n; !p.parked[id] && !p.dead[id] {
			takers++
		}
	}
	lines := int64(0)
	if p.service != nil {
		lines = p.batches * p.service.Share(power.FlexBatch) / 100
	}
	return (people + lines) / max(takers, 1)
}

func (p *plant) cards(context.Context) map[string]int64 {
	drawn := map[string]int64{}
	for _, e := range p.engines() {
		watts := 100 + 300*min(e.Running, 4)/4
		if p.asleep(e.ID) {
			watts = 20
		}
		drawn["card:"+e.ID[1:]+map[string]string{"a": "0", "b": "1"}[e.ID[:1]]] = watts * 1000
	}
	return drawn
}

func (p *plant) asleep(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.parked[id] || p.dead[id]
}

func (p *plant) park(id string, parked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.parked[id] != parked {
		p.moves++
	}
	p.parked[id] = parked
	for _, model := range []string{"a", "b"} {
		if p.parked[model+"1"] && p.parked[model+"2"] {
			p.t.Errorf("no engine is left for %s", model)
		}
	}
}

func newPlant(t *testing.T, store *memory) *plant {
	p := &plant{t: t, batches: 6, parked: map[string]bool{}, dead: map[string]bool{}}
	for engine, card := range map[string]string{"a1": "card:10", "a2": "card:20", "b1": "card:11", "b2": "card:21"} {
		store.supplies[engine], _ = json.Marshal(power.Supply{Cards: []string{card}, Busy: 400, Idle: 100})
	}
	var err error
	service, err := power.New(t.Context(), power.Options{Engines: p.engines, Store: store, Settings: store, Cards: p.cards, Park: p.park})
	if err != nil {
		t.Fatal(err)
	}
	p.service = service
	return p
}

// TestHalfTheLimit halves the limit of a site: batches are deferred by the next
// sample, then engines are parked, people are served all the time, and everything
// comes back when the limit does, without going to and fro.
func TestHalfTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		p := newPlant(t, newMemory(nil))
		done := make(chan struct{})
		go func() { p.service.Run(ctx); close(done) }()
		defer func() { stop(); <-done }()
		limit := func(watts int64) {
			if err := p.service.SetSite(ctx, power.Site{Limit: watts}); err != nil {
				t.Fatal(err)
			}
		}
		limit(1700)
		time.Sleep(5*time.Minute + time.Second)
		n := p.service.Now()
		if n.Watts != 1600 || n.Batches != 100 || n.Above || n.Source != electricity.Measured {
			t.Fatalf("before: %+v", n)
		}
		limit(850)
		time.Sleep(10 * time.Second) // one sample
		if p.service.Allows(power.FlexBatch) || p.service.Allows(power.FlexJob) || p.moves > 0 {
			t.Errorf("after a sample batches are at %d %%, and %d engines were parked", p.service.Share(power.FlexBatch), p.moves)
		}
		if !p.service.Allows(power.FlexChat) || !p.service.Allows(power.FlexAgent) {
			t.Error("people are refused")
		}
		time.Sleep(30 * time.Second)
		if n := p.service.Now(); n.Watts != 840 || n.Above || n.Stuck || p.moves != 2 {
			t.Errorf("after four samples: %+v, %d moves", n, p.moves)
		}
		time.Sleep(time.Hour)
		if p.moves != 2 || p.service.Allows(power.FlexJob) {
			t.Errorf("within the limit nothing more is to be done, nor given back: %d moves", p.moves)
		}
		limit(2000)
		time.Sleep(20 * time.Minute)
		if n := p.service.Now(); n.Watts != 1600 || n.Batches != 100 || p.moves != 4 {
			t.Errorf("afterwards: %+v, %d moves", n, p.moves)
		}
	})
}

// TestPartOfTheBatches finds how many lines a limit leaves room for, and stays there.
func TestPartOfTheBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		p := newPlant(t, newMemory(nil))
		done := make(chan struct{})
		go func() { p.service.Run(ctx); close(done) }()
		defer func() { stop(); <-done }()
		if err := p.service.SetSite(ctx, power.Site{Limit: 1550}); err != nil {
			t.Fatal(err)
		}
		refused, above := 0, 0
		time.Sleep(time.Second)
		for range 360 { // an hour
			time.Sleep(10 * time.Second)
			n := p.service.Now()
			if n.Above {
				above++
			}
			if n.Batches == 0 {
				refused++
			}
		}
		n := p.service.Now()
		if n.Batches == 0 || n.Batches == 100 || n.Watts > 1550 || above > 1 || refused > 60 || p.moves > 0 {
			t.Errorf("batches at %d %% and %d W; above the limit %d times, none let begin %d times, %d engines moved", n.Batches, n.Watts, above, refused, p.moves)
		}
	})
}

// TestLastEngineFails brings a parked engine back at once when the other one of
// its model fails, whatever the limit.
func TestLastEngineFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		p := newPlant(t, newMemory(nil))
		done := make(chan struct{})
		go func() { p.service.Run(ctx); close(done) }()
		defer func() { stop(); <-done }()
		if err := p.service.SetSite(ctx, power.Site{Limit: 2000, Temporary: 0, Until: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute + time.Second)
		if n := p.service.Now(); !n.Stuck || !n.Above || len(p.parked) != 2 {
			t.Fatalf("with no power at all one engine of each model stays: %+v", n)
		}
		p.mu.Lock()
		left := "a1"
		if p.parked["a1"] {
			left = "a2"
		}
		p.dead[left] = true
		p.mu.Unlock()
		time.Sleep(10 * time.Second)
		if p.asleep("a1") && p.asleep("a2") {
			t.Error("nobody serves a")
		}
		time.Sleep(2 * time.Hour) // the temporary limit ends by itself
		if n := p.service.Now(); n.Above || n.Batches != 100 || *n.Limit != 2000 {
			t.Errorf("after the time: %+v", n)
		}
	})
}

// TestEnergyStored follows readings to the report, over a store that is away, a
// store whose answer is lost, a restart, and an engine whose power nobody knows.
func TestEnergyStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory(map[string]power.Supply{"e": {Cards: []string{"card:0"}}, "f": {Busy: 400, Idle: 100, Full: 2}})
		contract, err := electricity.NewContract(electricity.Terms{Currency: "EUR", Price: exact.Of(1, 4)})
		if err != nil {
			t.Fatal(err)
		}
		store.contract = contract
		engines := func() []power.Engine {
			return []power.Engine{
				{ID: "e", Name: "E", Serving: true}, {ID: "f", Name: "F", Serving: true, Running: 1}, {ID: "g", Name: "G", Serving: true},
			}
		}
		begin := time.Now()
		start := func() (*power.Service, func()) {
			s, err := power.New(t.Context(), power.Options{
				Engines: engines, Store: store, Settings: store,
				Cards: func(context.Context) map[string]int64 { return map[string]int64{"card:0": 720_000} },
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { s.Run(ctx); close(done) }()
			return s, func() { stop(); <-done }
		}
		s, stop := start()
		time.Sleep(20 * time.Minute)
		store.mu.Lock()
		store.away = true
		store.mu.Unlock()
		time.Sleep(5 * time.Minute)
		store.mu.Lock()
		store.away, store.lossy = false, true
		store.mu.Unlock()
		time.Sleep(5 * time.Minute)
		store.mu.Lock()
		store.lossy = false
		store.mu.Unlock()
		report := sluice.Report{Engine: "E", Model: "m", EndedAt: time.Now()}
		report.Event.Usage = sluice.Usage{sluice.ClassInput: 60, sluice.ClassCached: 999, sluice.ClassOutput: 40}
		s.CallEnded(&report)
		s.CallEnded(&sluice.Report{Model: "m", EndedAt: time.Now()}) // no engine was asked
		time.Sleep(29*time.Minute + 55*time.Second)
		stop()
		time.Sleep(30*time.Minute + 5*time.Second) // the server is down
		s, stop = start()
		defer stop()
		time.Sleep(30*time.Minute + time.Second)

		r, err := s.Report(t.Context(), begin.Truncate(electricity.Slot), begin.Add(3*time.Hour), nil, "")
		if err != nil {
			t.Fatal(err)
		}
		// E: 720 W over 59:50 (the last sample before it stopped) and 30:00.
		const joules = 720 * (3590 + 1800)
		e := r.Engines[0]
		if e.Name != "E" || e.Energy != joules*1000 || e.Source != electricity.Measured || e.Unknown < 1800 || e.Unknown > 1820 {
			t.Errorf("%s drew %d mJ, %s, unknown for %d s; want %d", e.Name, e.Energy, e.Source, e.Unknown, joules*1000)
		}
		if f := r.Engines[1]; f.Energy != 250*(3590+1800)*1000 || f.Source != electricity.Estimated {
			t.Errorf("F drew %d mJ, %s", f.Energy, f.Source)
		}
		if len(r.Engines) != 2 || r.Total.Source != electricity.Mixed || r.Currency != "EUR" {
			t.Errorf("%d engines, %s, %s", len(r.Engines), r.Total.Source, r.Currency)
		}
		if m := r.Models[1]; m.Model != "m" || m.Read != 60 || m.Written != 40 || m.JoulesPerToken.Text(0) != "6480" { // 720 W for 15 minutes over 100
			t.Errorf("m: %+v, %s J a token", m, m.JoulesPerToken.Text(0))
		}
		if want := exact.Of(970*(3590+1800), 3_600_000*4); r.Total.Cost.Cmp(want) != 0 {
			t.Errorf("it cost %s, want %s", r.Total.Cost, want)
		}
		if g := s.Now().Engines[2]; g.Source != electricity.Unknown || s.Now().Unknown != 1 {
			t.Errorf("G: %+v", g)
		}
	})
}

// TestClockSet sets the wall clock back and forth while engines draw: the sum
// stays that of the time that passed.
func TestClockSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory(map[string]power.Supply{"e": {Busy: 400, Idle: 100}})
		var mu sync.Mutex
		var shift time.Duration
		now := func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(shift).Round(0)
		}
		s, err := power.New(t.Context(), power.Options{
			Engines: func() []power.Engine { return []power.Engine{{ID: "e", Name: "E", Serving: true}} }, Store: store, Settings: store, Now: now,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { s.Run(ctx); close(done) }()
		for _, d := range []time.Duration{0, -2 * time.Hour, 5 * time.Hour, 0} {
			mu.Lock()
			shift = d
			mu.Unlock()
			time.Sleep(10 * time.Minute)
		}
		time.Sleep(5 * time.Second)
		stop()
		<-done
		r, err := s.Report(t.Context(), time.Now().Add(-24*time.Hour), time.Now().Add(24*time.Hour), nil, "EUR")
		if err != nil || r.Total.Energy != 100*40*60*1000 {
			t.Errorf("drew %d mJ, %v", r.Total.Energy, err)
		}
	})
}

// TestSettings keeps what is set, and refuses what cannot be.
func TestSettings(t *testing.T) {
	store := newMemory(nil)
	o := power.Options{Engines: func() []power.Engine { return nil }, Store: store, Settings: store}
	s, err := power.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	until := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := errors.Join(s.SetSite(ctx, power.Site{Limit: 5, Temporary: 3, Until: until}), s.SetSupply(ctx, "e", &power.Supply{Busy: 1})); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"a negative limit": s.SetSite(ctx, power.Site{Limit: -1}),
		"an empty supply":  s.SetSupply(ctx, "e", &power.Supply{}),
	} {
		if sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	again, err := power.New(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	site := again.Site()
	if before, _ := site.LimitAt(until.Add(-time.Second)); before != 3 {
		t.Errorf("before: %d W", before)
	}
	if after, _ := site.LimitAt(until); after != 5 {
		t.Errorf("after: %d W", after)
	}
	if err := s.SetSupply(ctx, "e", nil); err != nil || len(store.supplies) != 0 {
		t.Errorf("it is not forgotten: %v", err)
	}
}
