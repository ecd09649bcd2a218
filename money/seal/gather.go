package seal

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"sluice"
	"sluice/money/statement"
)

// Group is what calls of an hour have in common that are added up in one row.
type Group struct {
	Org         string          `json:"organisation"`
	Project     string          `json:"project,omitempty"`
	Key         string          `json:"key,omitempty"`
	Model       string          `json:"model"`
	Engine      string          `json:"engine"`
	Book        string          `json:"price_book"`
	Currency    sluice.Currency `json:"currency"`
	Status      sluice.Status   `json:"status"`
	Plan        bool            `json:"plan,omitempty"` // a plan served it
	Simulated   bool            `json:"simulated,omitempty"`
	Estimated   bool            `json:"estimated,omitempty"`
	Batch       bool            `json:"batch,omitempty"`
	ServiceTier string          `json:"service_tier,omitempty"`
	Thinking    bool            `json:"thinking,omitempty"`

	// Outcome is what became of the list amounts. It is set where rows are made.
	Outcome statement.Outcome `json:"outcome"`
}

// GroupOf returns the group of an event.
func GroupOf(e *sluice.Event) Group {
	return Group{
		Org: e.Org, Project: e.Project, Key: e.Key, Model: e.Model, Engine: e.Engine, Book: e.Book, Currency: e.Currency, Status: e.Status,
		Plan: e.Subscription != "", Simulated: e.Simulated, Estimated: e.Estimated, Batch: e.Batch, ServiceTier: e.ServiceTier, Thinking: e.Thinking,
	}
}

// Totals is what the calls of a group come to.
type Totals = statement.Sums

// Rollup is a row of an hour: what the calls of a group come to. Of is the hour
// in which they took effect, which is before Hour for what was booked late.
type Rollup struct {
	Hour time.Time `json:"hour"` // that they are sealed in
	Of   time.Time `json:"of"`
	Group
	statement.Sums
}

// Account is what entries have in common that are added up.
type Account struct {
	Tx       sluice.TxKind      `json:"transaction_kind"`
	Kind     sluice.AccountKind `json:"account_kind"`
	Currency sluice.Currency    `json:"currency"`
	Org      string             `json:"organisation,omitempty"` // whom the transactions are about
	Model    string             `json:"model,omitempty"`        // of the call that they settle; empty for others
	Engine   string             `json:"engine,omitempty"`
	Plan     bool               `json:"plan,omitempty"` // a plan served the call
}

// EntrySum is what entries of an hour come to.
type EntrySum struct {
	Hour time.Time `json:"hour"` // that their transactions are sealed in
	Of   time.Time `json:"of"`   // in which those took effect
	Account
	Entries int64         `json:"entries"`
	Sum     sluice.Amount `json:"sum"`
}

// Booked is one transaction as it was found.
type Booked struct {
	Seq   int64
	Tx    sluice.Tx
	Event *sluice.Event // nil for what is no call
	Group *Group        // of the event, the same pointer as often as possible
}

// Hour is what was gathered of one hour.
type Hour struct {
	Start   time.Time
	Rows    int64
	Events  int64
	Late    int64
	Pages   []Page
	Usage   sluice.Usage
	Rollups []Rollup
	Entries []EntrySum
}

// Segment is the compact copy of a page's calls, which a SegmentReader reads.
type Segment struct {
	Hour time.Time
	Page int64
	Data []byte
}

// Gatherer takes the transactions of a stretch of numbers, in their order, and
// adds them up by hours. Stretches that begin and end where pages do can be gathered
// beside each other and brought together by Merge.
type Gatherer struct {
	open  time.Time
	rater *statement.Rater
	keep  func(Segment) error // nil: no segments are made
	hours map[int64]*gathered // by the hour's first instant, in seconds
	buf   []byte
	last  *gathered // the hour of the last row
	lastH int64
}

type gathered struct {
	Hour
	segment segment // of the last page
	keep    func(Segment) error
	groups  map[groupKey]*tally
	entries map[accountKey]*EntrySum // of what is no call
}

// groupKey is a group in an hour. The pointer keeps it small; equal groups
// behind two of them meet when rows are written.
type groupKey struct {
	of      int64
	outcome statement.Outcome
	group   *Group
}

type accountKey struct {
	of int64
	Account
}

// tally is what the calls of a group come to, with their entries.
type tally struct {
	statement.Sums
	entries []EntrySum // few: one for each kind of account and currency
}

// NewGatherer begins a stretch. open is the first hour without a seal: what took
// effect before it is booked late, and goes there. rater rates events without
// their prices' conditions; it is this gatherer's alone. keep, when not nil, is given the
// segment of each page, by Add and by Merge.
func NewGatherer(open time.Time, rater *statement.Rater, keep func(Segment) error) *Gatherer {
	return &Gatherer{open: open, rater: rater, keep: keep, hours: map[int64]*gathered{}, buf: make([]byte, 1, 1024)}
}

// Add takes one transaction. It keeps nothing of b but the group. Errors:
// sluice.ErrOverflow, and that of keep.
func (g *Gatherer) Add(b *Booked) error {
	of := b.Tx.At.Unix()
	of -= ((of % 3600) + 3600) % 3600
	at := max(of, g.open.Unix())
	h := g.hour(at)
	h.Rows++
	if of < at {
		h.Late++
	}
	g.buf = AppendTx(g.buf[:1], &b.Tx, b.Event)
	if err := h.leaf(b, leaf(g.buf)); err != nil {
		return err
	}
	if b.Event == nil {
		return h.other(of, &b.Tx)
	}
	h.Events++
	row, err := g.rater.Row(b.Event, "", statement.SegmentAPI)
	if err != nil { // its price book is not there, or altered: Verify says so, and the hour is sealed as it is
		row.Outcome = statement.OutcomeOf(b.Event)
		row.Sums = Totals{
			Calls: 1, Units: b.Event.Usage, Plain: b.Event.List.Amount(), Untimed: b.Event.List.Amount(),
			List: b.Event.List.Amount(), Charge: b.Event.Charge.Amount(), Refund: b.Event.Refund.Amount(),
		}
	}
	key := groupKey{of, row.Outcome, b.Group}
	t := h.groups[key]
	if t == nil {
		t = new(tally)
		h.groups[key] = t
	}
	for i := range b.Tx.Entries {
		if err := t.entry(&b.Tx.Entries[i]); err != nil {
			return err
		}
	}
	return t.Add(&row.Sums)
}

// entry adds an entry of a call's transaction.
func (t *tally) entry(e *sluice.Entry) error {
	for i := range t.entries {
		if s := &t.entries[i]; s.Kind == e.Account.Kind && s.Currency == e.Account.Currency {
			return s.add(1, e.Amount)
		}
	}
	t.entries = append(t.entries, EntrySum{Account: Account{Kind: e.Account.Kind, Currency: e.Account.Currency}, Entries: 1, Sum: e.Amount})
	return nil
}

func (s *EntrySum) add(entries int64, a sluice.Amount) (err error) {
	s.Entries += entries
	s.Sum, err = s.Sum.Add(a)
	return err
}

// other adds the entries of a transaction that is no call.
func (h *gathered) other(of int64, tx *sluice.Tx) error {
	org := ""
	for _, e := range tx.Entries {
		if e.Account.Owner != sluice.Operator {
			org = e.Account.Owner
		}
	}
	for _, e := range tx.Entries {
		key := accountKey{of, Account{Tx: tx.Kind, Kind: e.Account.Kind, Currency: e.Account.Currency, Org: org}}
		sum := h.entries[key]
		if sum == nil {
			sum = new(EntrySum)
			h.entries[key] = sum
		}
		if err := sum.add(1, e.Amount); err != nil {
			return err
		}
	}
	return nil
}

func (g *Gatherer) hour(at int64) *gathered {
	if g.last != nil && g.lastH == at {
		return g.last
	}
	h := g.hours[at]
	if h == nil {
		h = &gathered{keep: g.keep, Hour: Hour{Start: time.Unix(at, 0).UTC()}, groups: map[groupKey]*tally{}, entries: map[accountKey]*EntrySum{}}
		g.hours[at] = h
	}
	g.last, g.lastH = h, at
	return h
}

// leaf adds a leaf to the hour's last page, or begins a new one.
func (h *gathered) leaf(b *Booked, leaf Hash) error {
	number := b.Seq / PageRows
	if n := len(h.Pages); n == 0 || h.Pages[n-1].Number != number {
		if err := h.finish(); err != nil {
			return err
		}
		h.Pages = append(h.Pages, Page{Number: number})
		h.segment.reset()
	}
	p := &h.Pages[len(h.Pages)-1]
	p.Rows = append(p.Rows, Row{b.Seq, leaf.Mark()})
	p.Leaves = append(p.Leaves, leaf)
	if h.keep != nil {
		h.segment.add(b, &leaf)
	}
	return nil
}

// finish hashes the last page, whose leaves are then let go, and gives its segment
// away.
func (h *gathered) finish() error {
	n := len(h.Pages)
	if n == 0 || h.Pages[n-1].Leaves == nil {
		return nil
	}
	p := &h.Pages[n-1]
	p.Hash = PageHash(p.Number, p.Leaves)
	p.Leaves = nil
	if h.keep == nil {
		return nil
	}
	if data := h.segment.bytes(); data != nil {
		return h.keep(Segment{h.Start, p.Number, data})
	}
	return nil
}

// Merge brings stretches together, which follow each other in order, and
// returns the hours from open on, up to until, also those in which nothing was
// booked. Errors: sluice.ErrOverflow, and that of a gatherer's keep.
func Merge(stretches []*Gatherer, open, until time.Time) ([]Hour, error) {
	var hours []Hour
	for start := open; start.Before(until); start = start.Add(time.Hour) {
		h := Hour{Start: start}
		m := merging{map[rollupKey]*Totals{}, map[accountKey]*EntrySum{}}
		for _, s := range stretches {
			part := s.hours[start.Unix()]
			if part == nil {
				continue
			}
			if err := part.finish(); err != nil {
				return nil, err
			}
			h.Rows, h.Events, h.Late = h.Rows+part.Rows, h.Events+part.Events, h.Late+part.Late
			h.Pages = append(h.Pages, part.Pages...)
			if err := m.take(part); err != nil {
				return nil, err
			}
		}
		m.write(&h)
		hours = append(hours, h)
	}
	return hours, nil
}

type rollupKey struct {
	of    int64
	group Group
}

// merging is an hour's rows while parts of it are brought together.
type merging struct {
	groups  map[rollupKey]*Totals
	entries map[accountKey]*EntrySum
}

func (m *merging) take(part *gathered) error {
	for k, t := range part.groups {
		key := rollupKey{k.of, *k.group}
		key.group.Outcome = k.outcome
		to := m.groups[key]
		if to == nil {
			to = new(Totals)
			m.groups[key] = to
		}
		if err := to.Add(&t.Sums); err != nil {
			return err
		}
		for i := range t.entries {
			e := &t.entries[i]
			a := Account{sluice.TxUsage, e.Kind, e.Currency, k.group.Org, k.group.Model, k.group.Engine, k.group.Plan}
			if err := m.entry(accountKey{k.of, a}, e); err != nil {
				return err
			}
		}
	}
	for k, e := range part.entries {
		if err := m.entry(k, e); err != nil {
			return err
		}
	}
	return nil
}

func (m *merging) entry(key accountKey, e *EntrySum) error {
	to := m.entries[key]
	if to == nil {
		to = new(EntrySum)
		m.entries[key] = to
	}
	return to.add(e.Entries, e.Sum)
}

// write writes the rows in order, and the hour's units.
func (m *merging) write(h *Hour) {
	for k, t := range m.groups {
		h.Rollups = append(h.Rollups, Rollup{h.Start, time.Unix(k.of, 0).UTC(), k.group, *t})
		for i, n := range t.Units {
			h.Usage[i] += n
		}
	}
	slices.SortFunc(h.Rollups, compareRollups)
	for k, e := range m.entries {
		h.Entries = append(h.Entries, EntrySum{h.Start, time.Unix(k.of, 0).UTC(), k.Account, e.Entries, e.Sum})
	}
	slices.SortFunc(h.Entries, func(a, b EntrySum) int {
		return cmp.Or(a.Of.Compare(b.Of), cmp.Compare(a.Tx, b.Tx), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Currency, b.Currency),
			cmp.Compare(a.Org, b.Org), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Engine, b.Engine), compareBool(a.Plan, b.Plan))
	})
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func compareRollups(a, b Rollup) int {
	return cmp.Or(a.Of.Compare(b.Of), cmp.Compare(a.Org, b.Org), cmp.Compare(a.Project, b.Project), cmp.Compare(a.Key, b.Key),
		cmp.Compare(a.Model, b.Model), cmp.Compare(a.Engine, b.Engine), cmp.Compare(a.Book, b.Book), cmp.Compare(a.Currency, b.Currency),
		cmp.Compare(a.Status, b.Status), cmp.Compare(a.Flags(), b.Flags()), cmp.Compare(a.ServiceTier, b.ServiceTier), cmp.Compare(a.Outcome, b.Outcome))
}

// Flags is the group's truths as one number.
func (g *Group) Flags() int64 {
	var n int64
	for i, set := range [...]bool{g.Plan, g.Simulated, g.Estimated, g.Batch, g.Thinking} {
		if set {
			n |= 1 << i
		}
	}
	return n
}

// SetFlags is the inverse of Flags.
func (g *Group) SetFlags(n int64) {
	for i, to := range [...]*bool{&g.Plan, &g.Simulated, &g.Estimated, &g.Batch, &g.Thinking} {
		*to = n&(1<<i) != 0
	}
}

// SumsOf adds up what calls come to by currency, in order of their names.
func SumsOf(rows []Rollup) ([]Sum, error) {
	totals := map[sluice.Currency]*Totals{}
	for i := range rows {
		t := totals[rows[i].Currency]
		if t == nil {
			t = new(Totals)
			totals[rows[i].Currency] = t
		}
		if err := t.Add(&rows[i].Sums); err != nil {
			return nil, err
		}
	}
	sums := []Sum{}
	for _, c := range slices.Sorted(maps.Keys(totals)) {
		t := totals[c]
		sums = append(sums, Sum{c, t.Calls, t.List, t.Charge, t.Refund})
	}
	return sums, nil
}

// Seal makes the seal of the hour, without the chain.
func (h *Hour) Seal(now, open time.Time, seen, cutoff int64) (Seal, error) {
	sums, err := SumsOf(h.Rollups)
	if err != nil {
		return Seal{}, err
	}
	hashes := make([]Hash, len(h.Pages))
	for i := range h.Pages {
		hashes[i] = h.Pages[i].Hash
	}
	return Seal{
		Hour: h.Start, SealedAt: now.UTC().Truncate(time.Microsecond), Open: open, Seen: seen, Cutoff: cutoff,
		Rows: h.Rows, Events: h.Events, Late: h.Late, Pages: int64(len(h.Pages)), Usage: h.Usage, Sums: sums, Root: Root(hashes),
	}, nil
}
