// Package whatif asks what a past period would have brought under another price
// book, calendar or plan, at another hit rate, demand or cost; and at which price,
// and with how many users, a model pays for its chips. It is pure: no clock, no
// floats, no I/O.
//
// Events are rated one by one and exactly: under the books that billed them, what
// they were billed comes out. What follows from assumptions, such as demand, is
// worked out on the sums, as exact fractions.
package whatif

import (
	"fmt"
	"hash/fnv"
	"math/big"

	"sluice"
	"sluice/money/exact"
	"sluice/money/price"
	"sluice/money/quota"
	"sluice/money/statement"
)

// Scenario says what is different. The zero value changes nothing.
type Scenario struct {
	// Currency is that of the events that count; empty: all. Simulated answers
	// never do.
	Currency sluice.Currency

	// Books are asked in place of those that billed: the one in force when an event
	// was admitted. Other calendars are books with other calendars.
	Books []*price.Book

	// HitRate, when not nil, is the share of fresh and cached prompt tokens together
	// that come from the cache: of each event, rounded down. From 0 to 1.
	HitRate *exact.Number

	// Moves hand calls to other models.
	Moves []Move

	// Quota, when not nil, weighs events under plans in place of the plan's version.
	Quota   *quota.Quota
	InForce quota.InForce // the calendars of its weights
}

// Move hands a share of the calls to a model, in percent, to another, which is
// taken to use as many tokens. Which calls follows from their ids, so that the same
// ones are moved each time.
type Move struct {
	From, To string
	Percent  int64
}

// moves reports whether a call is among those that are moved.
func (m *Move) moves(ev *sluice.Event) bool {
	h := fnv.New64a()
	_, _ = h.Write([]byte(ev.CallID)) // it never fails
	return ev.Model == m.From && int64(h.Sum64()%100) < m.Percent
}

// Rated is what an event came to.
type Rated struct {
	Model  string
	Usage  sluice.Usage
	List   sluice.Pico
	Charge sluice.Pico
	Refund sluice.Pico
	Cost   sluice.Cost // under a plan
}

// Rerater rates events anew. It is safe for concurrent use.
type Rerater struct {
	scenario Scenario
	billed   map[string]*price.Book
}

// New returns a rerater. billed are the books that events name. Errors: CodeInvalid
// for a hit rate that is none.
func New(s Scenario, billed []*price.Book) (*Rerater, error) {
	if h := s.HitRate; h != nil && (h.Sign() < 0 || h.Cmp(exact.Int(1)) > 0) {
		return nil, sluice.Errorf(sluice.CodeInvalid, "A hit rate is from 0 to 1, not %s.", h)
	}
	seen := map[string]bool{}
	for _, m := range s.Moves {
		if m.Percent < 1 || m.Percent > 100 || m.From == m.To || m.To == "" || seen[m.From] {
			return nil, sluice.Errorf(sluice.CodeInvalid, "Of the calls to a model 1 to 100 percent are moved to one other, not %d of %q to %q.", m.Percent, m.From, m.To)
		}
		seen[m.From] = true
	}
	r := &Rerater{scenario: s, billed: map[string]*price.Book{}}
	for _, b := range billed {
		r.billed[b.ID] = b
	}
	return r, nil
}

// Event rates an event. The charge is the same share of the list amount as it was:
// where a wallet ended before a call, or a plan served it, that stays. Errors: when
// no book rates it.
func (r *Rerater) Event(ev *sluice.Event) (Rated, error) {
	book := r.billed[ev.Book]
	if r.scenario.Books != nil {
		book = price.InForce(r.scenario.Books, ev.Currency, ev.AdmittedAt)
	}
	if book == nil {
		return Rated{}, fmt.Errorf("rating call %s again: no price book in %s for %s", ev.CallID, ev.Currency, ev.AdmittedAt)
	}
	changed := *ev
	for i := range r.scenario.Moves {
		if m := &r.scenario.Moves[i]; m.moves(ev) {
			changed.Model = m.To
			break
		}
	}
	r.hit(&changed.Usage)
	c, err := book.Charge(price.QueryOfEvent(&changed))
	if err != nil {
		return Rated{}, fmt.Errorf("rating call %s again: %w", ev.CallID, err)
	}
	rated := Rated{Model: changed.Model, Usage: changed.Usage, List: c.Total, Charge: share(c.Total, ev), Refund: ev.Refund, Cost: ev.Cost}
	if r.scenario.Books != nil || changed.Model != ev.Model {
		rated.Refund = min(c.Refund, ev.Refund) // what was charged bounds what is given back
	}
	if q := r.scenario.Quota; q != nil && ev.Subscription != "" {
		// Only a request that ends in a user's turn counts as a prompt; of past ones,
		// what counted is one.
		call := quota.Call{Model: changed.Model, At: ev.AdmittedAt, Prompt: ev.Cost != (sluice.Cost{}), Usage: changed.Usage}
		if rated.Cost, err = q.Cost(call, r.scenario.InForce); err != nil {
			return Rated{}, fmt.Errorf("weighing call %s again: %w", ev.CallID, err)
		}
	}
	return rated, nil
}

// hit moves prompt tokens between fresh and cached.
func (r *Rerater) hit(u *sluice.Usage) {
	if r.scenario.HitRate == nil {
		return
	}
	prompt := u[sluice.ClassInput] + u[sluice.ClassCached]
	missed := r.scenario.HitRate.Neg().Add(exact.Int(1)).Mul(exact.Int(prompt))
	fresh, _ := missed.Ceil() // not above the prompt
	u[sluice.ClassInput], u[sluice.ClassCached] = fresh, prompt-fresh
}

// share is what of a new list amount is charged: as much of it as it was, rounded down.
func share(list sluice.Pico, ev *sluice.Event) sluice.Pico {
	switch {
	case ev.Charge == ev.List && ev.Subscription == "":
		return list
	case ev.Charge == 0 || ev.List == 0:
		return 0
	}
	part := big.NewInt(int64(list))
	part.Mul(part, big.NewInt(int64(ev.Charge))).Quo(part, big.NewInt(int64(ev.List)))
	return sluice.Pico(part.Int64()) // not above the list amount, since the charge never was
}

// Plain is what totals of a model cost under a book, at its prices without
// conditions, for the shortest prompt and the first step: of a published day, say, of
// which no event is known. Errors: CodeModelNotFound.
func Plain(book *price.Book, model string, units sluice.Usage, calls int64) (exact.Number, error) {
	ref, err := statement.ReferenceOf(book, model)
	if err != nil {
		return exact.Number{}, err
	}
	return ref.Of(&statement.Sums{Calls: calls, Units: units}), nil
}

// Totals is what events came to, before and after.
type Totals struct {
	Calls, CallsAfter int64
	Units, UnitsAfter sluice.Usage
	List, ListAfter   sluice.Amount

	// What was charged, less what was given back by volume.
	Charge, ChargeAfter sluice.Amount

	// What plans counted, in thousandths of their windows' units.
	Cost, CostAfter sluice.Cost
}

// Key is what totals are of: what calls of a customer to a model came to.
type Key struct{ Model, Org string }

// Result is totals by model and customer. A call that was moved to another model is
// before of the one and after of the other.
type Result map[Key]*Totals

// Models is the totals of models.
func (res Result) Models() (map[string]*Totals, error) {
	return res.by(func(k Key) string { return k.Model })
}

func (res Result) by(name func(Key) string) (map[string]*Totals, error) {
	all := map[string]*Totals{}
	for k, t := range res {
		n := name(k)
		if all[n] == nil {
			all[n] = new(Totals)
		}
		if err := all[n].add(t); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Add rates an event and adds it. Errors: those of Rerater.Event, and overflow.
func (res Result) Add(r *Rerater, ev *sluice.Event) error {
	if ev.Simulated || r.scenario.Currency != "" && ev.Currency != r.scenario.Currency {
		return nil
	}
	rated, err := r.Event(ev)
	if err != nil {
		return err
	}
	before := Totals{Calls: 1, Units: ev.Usage, List: ev.List.Amount(), Charge: (ev.Charge - ev.Refund).Amount(), Cost: ev.Cost}
	after := Totals{
		CallsAfter: 1, UnitsAfter: rated.Usage, ListAfter: rated.List.Amount(), ChargeAfter: (rated.Charge - rated.Refund).Amount(), CostAfter: rated.Cost,
	}
	if rated.Model == ev.Model {
		after.Calls, after.Units, after.List, after.Charge, after.Cost = before.Calls, before.Units, before.List, before.Charge, before.Cost
		return res.at(Key{ev.Model, ev.Org}).add(&after)
	}
	if err := res.at(Key{ev.Model, ev.Org}).add(&before); err != nil {
		return err
	}
	return res.at(Key{rated.Model, ev.Org}).add(&after)
}

// Merge adds another result: of another part of the events.
func (res Result) Merge(other Result) error {
	for k, t := range other {
		if err := res.at(k).add(t); err != nil {
			return err
		}
	}
	return nil
}

func (res Result) at(k Key) *Totals {
	t := res[k]
	if t == nil {
		t = new(Totals)
		res[k] = t
	}
	return t
}

func (t *Totals) add(o *Totals) error {
	counts := func(to, from []int64) error {
		for i, n := range from {
			sum, err := sluice.AddPico(sluice.Pico(to[i]), sluice.Pico(n)) // for its checked arithmetic
			if err != nil {
				return fmt.Errorf("summing counts: %w", err)
			}
			to[i] = int64(sum)
		}
		return nil
	}
	t.Calls, t.CallsAfter = t.Calls+o.Calls, t.CallsAfter+o.CallsAfter
	for _, c := range []struct{ to, from []int64 }{
		{t.Units[:], o.Units[:]}, {t.UnitsAfter[:], o.UnitsAfter[:]}, {t.Cost[:], o.Cost[:]}, {t.CostAfter[:], o.CostAfter[:]},
	} {
		if err := counts(c.to, c.from); err != nil {
			return err
		}
	}
	for _, a := range []struct {
		to   *sluice.Amount
		from sluice.Amount
	}{{&t.List, o.List}, {&t.ListAfter, o.ListAfter}, {&t.Charge, o.Charge}, {&t.ChargeAfter, o.ChargeAfter}} {
		var err error
		if *a.to, err = a.to.Add(a.from); err != nil {
			return fmt.Errorf("summing amounts: %w", err)
		}
	}
	return nil
}
