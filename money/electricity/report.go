package electricity

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
	"time"

	"sluice"
	"sluice/money/cost"
	"sluice/money/exact"
)

// Input is what a Consumption is made of: everything of [From, To).
type Input struct {
	From, To time.Time
	Zone     *time.Location // whose hours are reported; nil is UTC
	Currency sluice.Currency
	Contract *Contract
	Drawn    []Drawn
	Worked   []Worked
	Watched  []Watched
}

// Consumption is what engines drew, for which models, and what it cost. Money is in
// units of the currency.
type Consumption struct {
	From     time.Time         `json:"from"`
	To       time.Time         `json:"to"`
	Currency sluice.Currency   `json:"currency"`
	Total    ConsumptionLine   `json:"total"`
	Hours    []ConsumptionLine `json:"hours"`
	Engines  []ConsumptionLine `json:"engines"`
	Models   []ConsumptionLine `json:"models"` // without a model: idle
	Rows     []ConsumptionLine `json:"rows"`   // by hour, engine and model

	// Contracted is what the contracted power costs in that time, drawn or not.
	Contracted exact.Number `json:"contracted_cost"`

	// Peak is the greatest mean of a quarter of an hour, in watts and with the
	// overhead, and PeakAt when that began. Above is how many quarters were beyond
	// the contracted power.
	Peak   int64     `json:"peak_watts"`
	PeakAt time.Time `json:"peak_at,omitzero"`
	Above  int       `json:"quarters_above_contract"`
}

// ConsumptionLine is what an hour, an engine, a model or all of them drew and cost.
type ConsumptionLine struct {
	Hour   time.Time `json:"hour,omitzero"`
	Engine string    `json:"engine,omitempty"` // id
	Name   string    `json:"name,omitempty"`   // of the engine
	Model  string    `json:"model,omitempty"`

	Energy   Energy       `json:"millijoules"` // at the engines
	Measured Energy       `json:"measured_millijoules"`
	KWh      exact.Number `json:"kwh"`
	Source   Source       `json:"source"` // of the energy: measured or estimated alone where all of it is

	// Unknown is for how long nothing is known, in seconds of engines. It is not
	// told of models, and no energy stands for it.
	Unknown int64 `json:"unknown_seconds"`

	Read            int64       `json:"prompt_tokens"` // that were computed: without cached ones
	Written         int64       `json:"completion_tokens"`
	JoulesPerToken  exact.Ratio `json:"joules_per_token"`            // of those whose energy is known; "" where there are none
	JoulesPerOutput exact.Ratio `json:"joules_per_completion_token"` // the same energy over completion tokens alone

	Cost     exact.Number `json:"cost"`         // of what was drawn, with the overhead
	Unpriced exact.Number `json:"unpriced_kwh"` // for which there is no price in the currency

	parts map[int]Energy // by index of price
	tally Tokens

	powered Tokens // of the tally, those that energy is known of
}

// Mixed is the source of energy that is measured in part.
const Mixed Source = "mixed"

// lineKey tells lines apart.
type lineKey struct {
	hour          int64
	engine, model string
}

// book makes a report.
type book struct {
	in     Input
	names  map[string]string
	prices []priced
	lines  map[lineKey]*ConsumptionLine // the rows
	slots  map[time.Time]Energy
	known  map[lineKey]time.Duration // by hour and engine
}

// priced is a price with what it stands upon.
type priced struct {
	price    exact.Number
	overhead int64
	ok       bool // in the report's currency
}

// Expenses are the costs of power by engine and hour, for the books: the pool is
// the engine's name. What the contracted power costs is not among them.
func (r *Consumption) Expenses() ([]cost.Expense, error) {
	type key struct {
		hour int64
		pool string
	}
	sums := map[key]exact.Number{}
	var order []key
	for i := range r.Rows {
		l := &r.Rows[i]
		k := key{l.Hour.Unix(), cmp.Or(l.Name, l.Engine)}
		if _, ok := sums[k]; !ok {
			order = append(order, k)
		}
		sums[k] = sums[k].Add(l.Cost)
	}
	var all []cost.Expense
	for _, k := range order {
		if sums[k].Sign() == 0 {
			continue
		}
		amount, err := sluice.ParseAmount(sums[k].Text(12))
		if err != nil {
			return nil, err
		}
		from := time.Unix(k.hour, 0).UTC()
		all = append(all, cost.Expense{Kind: cost.KindPower, Pool: k.pool, From: from, To: from.Add(time.Hour), Amount: amount})
	}
	return all, nil
}

// Make makes the report.
func Make(in Input) *Consumption {
	if in.Zone == nil {
		in.Zone = time.UTC
	}
	if in.Contract == nil {
		in.Contract = &Contract{}
	}
	b := &book{
		in: in, names: map[string]string{}, lines: map[lineKey]*ConsumptionLine{}, slots: map[time.Time]Energy{}, known: map[lineKey]time.Duration{},
	}
	for _, w := range in.Watched {
		b.names[w.Engine] = w.Name
	}
	b.share()
	r := &Consumption{From: in.From, To: in.To, Currency: in.Currency, Hours: []ConsumptionLine{}, Engines: []ConsumptionLine{}, Models: []ConsumptionLine{}, Rows: []ConsumptionLine{}}
	b.sum(r)
	b.peak(r)
	return r
}

// inside reports whether a slot is asked for.
func (b *book) inside(slot time.Time) bool { return !slot.Before(b.in.From) && slot.Before(b.in.To) }

// share gives what each engine drew in a slot to the models that it worked for.
func (b *book) share() {
	type at struct {
		slot   int64
		engine string
	}
	worked := map[at][]Worked{}
	for _, w := range b.in.Worked {
		if b.inside(w.Slot) {
			k := at{w.Slot.Unix(), w.Engine}
			worked[k] = append(worked[k], w)
		}
	}
	for _, d := range b.in.Drawn {
		if !b.inside(d.Slot) {
			continue
		}
		k := at{d.Slot.Unix(), d.Engine}
		b.give(d, worked[k])
		delete(worked, k)
	}
	for _, rest := range worked { // tokens of engines whose power nobody knows
		for _, w := range rest {
			b.line(w.Slot, w.Engine, w.Model).count(w.Tokens)
		}
	}
}

// give shares what was drawn in a slot. The parts add up to it exactly.
func (b *book) give(d Drawn, works []Worked) {
	all := d.Measured.Energy + d.Estimated.Energy
	b.slots[d.Slot.UTC()] += all
	hour := b.hour(d.Slot)
	b.known[lineKey{hour: hour.Unix(), engine: d.Engine}] += d.Measured.For + d.Estimated.For
	price := b.price(d.Slot)
	slices.SortFunc(works, func(x, y Worked) int { return cmp.Compare(x.Model, y.Model) })
	total := int64(0)
	for _, w := range works {
		total += w.Tokens.all()
	}
	if total == 0 {
		b.line(d.Slot, d.Engine, "").draw(all, d.Measured.Energy, price)
		return
	}
	var before int64
	for _, w := range works {
		upTo := before + w.Tokens.all()
		part := func(e Energy) Energy { return portion(e, upTo, total) - portion(e, before, total) }
		line := b.line(d.Slot, d.Engine, w.Model)
		line.draw(part(all), part(d.Measured.Energy), price)
		line.count(w.Tokens)
		line.powered = line.powered.Add(w.Tokens)
		before = upTo
	}
}

// portion is e × part / whole, rounded down; part is at most whole.
func portion(e Energy, part, whole int64) Energy {
	high, low := bits.Mul64(uint64(e), uint64(part))
	quotient, _ := bits.Div64(high, low, uint64(whole))
	return Energy(quotient)
}

// line returns a row, which it makes when it is not there.
func (b *book) line(slot time.Time, engine, model string) *ConsumptionLine {
	hour := b.hour(slot)
	k := lineKey{hour.Unix(), engine, model}
	l := b.lines[k]
	if l == nil {
		l = &ConsumptionLine{Hour: hour, Engine: engine, Name: b.names[engine], Model: model}
		b.lines[k] = l
	}
	return l
}

// hour is the beginning of the hour by the wall clock of the zone.
func (b *book) hour(t time.Time) time.Time {
	_, offset := t.In(b.in.Zone).Zone()
	shift := time.Duration(offset) * time.Second
	return t.UTC().Add(shift).Truncate(time.Hour).Add(-shift).In(b.in.Zone)
}

// price returns the index of the price that holds in a slot.
func (b *book) price(slot time.Time) int {
	var p priced
	if now, ok := b.in.Contract.PriceAt(slot); ok && now.Currency == b.in.Currency {
		p = priced{now.Price, b.in.Contract.At(slot).Overhead, true}
	}
	i := slices.IndexFunc(b.prices, func(o priced) bool { return o.ok == p.ok && o.overhead == p.overhead && o.price.Cmp(p.price) == 0 })
	if i < 0 {
		i = len(b.prices)
		b.prices = append(b.prices, p)
	}
	return i
}

func (l *ConsumptionLine) draw(all, measured Energy, price int) {
	l.Energy += all
	l.Measured += measured
	if l.parts == nil {
		l.parts = map[int]Energy{}
	}
	l.parts[price] += all
}

func (l *ConsumptionLine) count(t Tokens) { l.tally = l.tally.Add(t) }

// add adds another line's.
func (l *ConsumptionLine) add(o *ConsumptionLine) {
	l.Energy += o.Energy
	l.Measured += o.Measured
	l.tally, l.powered = l.tally.Add(o.tally), l.powered.Add(o.powered)
	if l.parts == nil {
		l.parts = map[int]Energy{}
	}
	for price, e := range o.parts {
		l.parts[price] += e
	}
}

// sum makes the lines of the report.
func (b *book) sum(r *Consumption) {
	hours, engines, models := map[int64]*ConsumptionLine{}, map[string]*ConsumptionLine{}, map[string]*ConsumptionLine{}
	rows := slices.SortedFunc(maps.Values(b.lines), func(x, y *ConsumptionLine) int {
		return cmp.Or(x.Hour.Compare(y.Hour), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Engine, y.Engine), cmp.Compare(x.Model, y.Model))
	})
	for _, l := range rows {
		of(hours, l.Hour.Unix(), ConsumptionLine{Hour: l.Hour}).add(l)
		of(engines, l.Engine, ConsumptionLine{Engine: l.Engine, Name: l.Name}).add(l)
		of(models, l.Model, ConsumptionLine{Model: l.Model}).add(l)
		r.Total.add(l)
	}
	b.unknown(&r.Total, hours, engines)
	for _, l := range rows {
		r.Rows = append(r.Rows, b.finish(l))
	}
	for _, at := range slices.Sorted(maps.Keys(hours)) {
		r.Hours = append(r.Hours, b.finish(hours[at]))
	}
	for _, l := range slices.SortedFunc(maps.Values(engines), func(x, y *ConsumptionLine) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Engine, y.Engine))
	}) {
		r.Engines = append(r.Engines, b.finish(l))
	}
	for _, model := range slices.Sorted(maps.Keys(models)) {
		r.Models = append(r.Models, b.finish(models[model]))
	}
	r.Total = b.finish(&r.Total)
	for slot := SlotOf(b.in.From); slot.Before(b.in.To); slot = slot.Add(Slot) {
		if currency, c := b.in.Contract.capacity(slot); b.inside(slot) && currency == b.in.Currency {
			r.Contracted = r.Contracted.Add(c)
		}
	}
}

func of[K comparable](lines map[K]*ConsumptionLine, k K, blank ConsumptionLine) *ConsumptionLine {
	if lines[k] == nil {
		lines[k] = &blank
	}
	return lines[k]
}

// unknown finds the time in which engines were watched and nothing is known.
func (b *book) unknown(total *ConsumptionLine, hours map[int64]*ConsumptionLine, engines map[string]*ConsumptionLine) {
	for _, w := range b.in.Watched {
		from, to := latest(w.First, b.in.From), earliest(w.Last, b.in.To)
		for at := from; at.Before(to); {
			hour := b.hour(at)
			end := earliest(hour.Add(time.Hour), to)
			gap := end.Sub(at) - b.known[lineKey{hour: hour.Unix(), engine: w.Engine}]
			if seconds := int64(gap / time.Second); seconds > 0 {
				of(hours, hour.Unix(), ConsumptionLine{Hour: hour}).Unknown += seconds
				of(engines, w.Engine, ConsumptionLine{Engine: w.Engine, Name: w.Name}).Unknown += seconds
				total.Unknown += seconds
			}
			at = end
		}
	}
}

// finish works out a line's figures.
func (b *book) finish(l *ConsumptionLine) ConsumptionLine {
	l.KWh = exact.Of(int64(l.Energy), int64(PerKWh))
	switch {
	case l.Energy == 0:
		l.Source = Unknown
	case l.Measured == l.Energy:
		l.Source = Measured
	case l.Measured == 0:
		l.Source = Estimated
	default:
		l.Source = Mixed
	}
	l.Read, l.Written = l.tally.Read, l.tally.Written
	joules := exact.Of(int64(l.Energy), 1000)
	l.JoulesPerToken = exact.Ratio{Of: joules, To: exact.Int(l.powered.all())}
	l.JoulesPerOutput = exact.Ratio{Of: joules, To: exact.Int(l.powered.Written)}
	for i, e := range l.parts {
		kwh := exact.Of(int64(e), int64(PerKWh))
		if p := b.prices[i]; p.ok {
			l.Cost = l.Cost.Add(kwh.Mul(p.price).Mul(exact.Of(100+p.overhead, 100)))
		} else {
			l.Unpriced = l.Unpriced.Add(kwh)
		}
	}
	return *l
}

// peak finds the slot with the greatest mean.
func (b *book) peak(r *Consumption) {
	for _, slot := range slices.SortedFunc(maps.Keys(b.slots), time.Time.Compare) {
		e, terms := b.slots[slot], b.in.Contract.At(slot)
		if terms != nil {
			e = terms.Billed(e)
		}
		watts := int64(e) / 1000 / int64(Slot/time.Second)
		if watts > r.Peak {
			r.Peak, r.PeakAt = watts, slot.In(b.in.Zone)
		}
		if terms != nil && terms.Contracted > 0 && watts > terms.Contracted {
			r.Above++
		}
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
