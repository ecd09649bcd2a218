// Package cost holds the rules of what serving costs: pools of nodes with a price
// by the hour, a schedule of how many there were, power, and what is paid by the
// period. It is pure: no clock, no floats, no I/O.
package cost

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"sluice"
	"sluice/money/exact"
)

// Role is what the nodes of a pool do of a call.
type Role string

// The roles.
const (
	RoleAll     Role = ""
	RolePrefill Role = "prefill" // they read prompts
	RoleDecode  Role = "decode"  // they write answers
)

// Pool is nodes of one kind.
type Pool struct {
	Name  string       `json:"name"`
	Role  Role         `json:"role,omitempty"`
	Chips int64        `json:"chips"`           // of a node
	Price exact.Number `json:"price"`           // of a chip for an hour: the rent, or Amortised
	Watts int64        `json:"watts,omitempty"` // that a node draws, with all that it takes; 0 is not known
}

// Amortised is the price of an hour of what was bought at a price and serves so
// many years, with 8,760 hours each, by even depreciation.
func Amortised(capital exact.Number, years int64) (exact.Number, error) {
	const hours = 365 * 24
	if years < 1 || capital.Sign() < 0 {
		return exact.Number{}, sluice.Errorf(sluice.CodeInvalid, "What is bought for %s cannot be depreciated over %d years.", capital, years)
	}
	return capital.Quo(exact.Int(hours).Mul(exact.Int(years))), nil
}

// Span says how many nodes a pool had from an instant to another, which is
// excluded. A measured number may be a fraction: the mean over the span.
type Span struct {
	Pool  string       `json:"pool"`
	From  time.Time    `json:"from"`
	To    time.Time    `json:"to"`
	Nodes exact.Number `json:"nodes"`
	Line  int          `json:"-"` // where a file says so, for errors
}

// Drawn is the energy that a pool drew from an instant to another, as it was
// measured, and what it cost. For that time it stands in place of Pool.Watts.
type Drawn struct {
	Pool   string       `json:"pool"`
	From   time.Time    `json:"from"`
	To     time.Time    `json:"to"`
	KWh    exact.Number `json:"kwh"`
	Amount exact.Number `json:"amount"` // in units of the currency
}

// Kind is what an expense is for.
type Kind string

// The kinds of expenses.
const (
	KindPower     Kind = "power" // measured or billed, where Fleet.PowerPrice does not work it out
	KindBandwidth Kind = "bandwidth"
	KindPeople    Kind = "people"
	KindTraining  Kind = "training" // computing for research
	KindResearch  Kind = "research" // and what else it takes
	KindOther     Kind = "other"
)

// Kinds lists the kinds of expenses in order.
func Kinds() []Kind {
	return []Kind{KindPower, KindBandwidth, KindPeople, KindTraining, KindResearch, KindOther}
}

// Expense is paid for a period as a whole, which it is spread over evenly.
type Expense struct {
	Kind   Kind          `json:"kind"`
	Pool   string        `json:"pool,omitempty"` // that it is for; empty is all
	From   time.Time     `json:"from"`
	To     time.Time     `json:"to"`
	Amount sluice.Amount `json:"amount"`
	Line   int           `json:"-"`
}

// Fleet is what an operator runs and pays.
type Fleet struct {
	Currency   sluice.Currency `json:"currency"`
	Pools      []Pool          `json:"pools"`
	Spans      []Span          `json:"spans"`
	Expenses   []Expense       `json:"expenses"`
	Drawn      []Drawn         `json:"drawn,omitempty"`      // as it was measured
	PowerPrice exact.Number    `json:"power_price,omitzero"` // of a kWh; zero leaves power to the rent and the expenses
}

// Check refuses a fleet that says two things at once: CodeInvalid, with the lines.
func (f *Fleet) Check() error {
	names := map[string]bool{}
	for i := range f.Pools {
		p := &f.Pools[i]
		if names[p.Name] {
			return sluice.Errorf(sluice.CodeInvalid, "There are two pools %q.", p.Name)
		}
		names[p.Name] = true
		if p.Chips < 1 || p.Price.Sign() < 0 || p.Watts < 0 || (p.Role != RoleAll && p.Role != RolePrefill && p.Role != RoleDecode) {
			return sluice.Errorf(sluice.CodeInvalid, "The pool %q has %d chips a node, at %s each, %d watts, and the role %q.", p.Name, p.Chips, p.Price, p.Watts, p.Role)
		}
	}
	if f.PowerPrice.Sign() < 0 {
		return sluice.Errorf(sluice.CodeInvalid, "The price of power is %s.", f.PowerPrice)
	}
	for _, s := range f.Spans {
		switch {
		case !names[s.Pool]:
			return fault(s.Line, "there is no pool %q", s.Pool)
		case !s.To.After(s.From):
			return fault(s.Line, "the schedule of %q goes from %s to %s: the clock stands or goes back", s.Pool, stamp(s.From), stamp(s.To))
		case s.Nodes.Sign() < 0:
			return fault(s.Line, "%q has %s nodes", s.Pool, s.Nodes)
		}
	}
	for _, e := range f.Expenses {
		switch {
		case !slices.Contains(Kinds(), e.Kind):
			return fault(e.Line, "an expense for %q (known: %v)", e.Kind, Kinds())
		case e.Pool != "" && !names[e.Pool]:
			return fault(e.Line, "there is no pool %q", e.Pool)
		case !e.To.After(e.From):
			return fault(e.Line, "the expense goes from %s to %s", stamp(e.From), stamp(e.To))
		}
	}
	for _, d := range f.Drawn {
		if !names[d.Pool] || !d.To.After(d.From) || d.KWh.Sign() < 0 || d.Amount.Sign() < 0 {
			return fault(0, "%q drew %s kWh for %s from %s to %s", d.Pool, d.KWh, d.Amount, stamp(d.From), stamp(d.To))
		}
	}
	return f.checkOverlaps()
}

func (f *Fleet) checkOverlaps() error {
	sorted := slices.Clone(f.Spans)
	slices.SortStableFunc(sorted, func(a, b Span) int { return cmp.Or(cmp.Compare(a.Pool, b.Pool), a.From.Compare(b.From)) })
	for i := 1; i < len(sorted); i++ {
		a, b := &sorted[i-1], &sorted[i]
		if a.Pool != b.Pool || !b.From.Before(a.To) {
			continue
		}
		if a.Line > b.Line {
			a, b = b, a
		}
		return fault(b.Line, "the schedule of %q from %s to %s overlaps that of line %d, from %s to %s",
			b.Pool, stamp(b.From), stamp(b.To), a.Line, stamp(a.From), stamp(a.To))
	}
	return nil
}

func fault(line int, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	if line > 0 {
		message = fmt.Sprintf("line %d: %s", line, message)
	}
	return &sluice.Error{Code: sluice.CodeInvalid, Message: message}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
