package electricity

import (
	"fmt"
	"slices"
	"time"

	"sluice"
	"sluice/money/calendar"
	"sluice/money/exact"
)

// Terms are what power costs from an instant on, until the next terms. Their
// JSON is what stores keep.
type Terms struct {
	From     time.Time       `json:"from,omitzero"` // zero: from ever
	Currency sluice.Currency `json:"currency"`
	Price    exact.Number    `json:"price"` // of a kWh, where none of the bands holds

	// Bands are the hours of the day with a price of their own. The first that
	// holds decides.
	Bands []Band `json:"bands,omitempty"`

	// Contracted is the power that the grid holds ready, in watts, and
	// ContractedPrice what each kW of it costs in a month, drawn or not. Zero:
	// nothing is agreed.
	Contracted      int64        `json:"contracted,omitempty"`
	ContractedPrice exact.Number `json:"contracted_price,omitzero"`

	// Overhead is what cooling and the machines around the chips draw and pay beside
	// them, in percent of what engines draw.
	Overhead int64 `json:"overhead,omitempty"`
}

// Billed is what the meter of the site counts of what engines draw.
func (t *Terms) Billed(e Energy) Energy { return e + e*Energy(t.Overhead)/100 }

// Band is a price that holds at certain hours, such as "peak".
type Band struct {
	Name  string             `json:"name"`
	Price exact.Number       `json:"price"` // of a kWh
	Hours []calendar.Version `json:"hours"`
}

// Contract is the terms in order of time. It is immutable and safe for
// concurrent use; the zero value knows no price.
type Contract struct {
	terms []compiled
}

// compiled is terms made for looking up.
type compiled struct {
	Terms

	hours []*calendar.Calendar // of each band
}

// NewContract checks the terms and makes a contract of them. Errors are
// CodeInvalid: terms out of order, a negative price, no currency, a band without
// a name or hours, hours that begin or end within a Slot.
func NewContract(terms ...Terms) (*Contract, error) {
	c := &Contract{}
	for i, t := range terms {
		switch {
		case i > 0 && !t.From.After(terms[i-1].From):
			return nil, fault("the terms from %s do not come after those before them", t.From.Format(time.RFC3339))
		case !t.From.Equal(SlotOf(t.From)) && !t.From.IsZero():
			return nil, fault("terms begin at a quarter of an hour, not at %s", t.From.Format(time.RFC3339))
		case len(t.Currency) != 3:
			return nil, fault("%q is no currency", t.Currency)
		case t.Overhead < 0 || t.Overhead > 1000:
			return nil, fault("an overhead of %d %% is not from 0 to 1000", t.Overhead)
		case t.Price.Sign() < 0 || t.ContractedPrice.Sign() < 0 || t.Contracted < 0:
			return nil, fault("prices and the contracted power are not negative")
		}
		made := compiled{Terms: t}
		made.Bands = slices.Clone(t.Bands)
		for _, b := range t.Bands {
			hours, err := b.compile()
			if err != nil {
				return nil, err
			}
			made.hours = append(made.hours, hours)
		}
		c.terms = append(c.terms, made)
	}
	return c, nil
}

func (b *Band) compile() (*calendar.Calendar, error) {
	hours, err := calendar.New(b.Name, b.Hours...)
	if err != nil {
		return nil, err
	}
	if b.Price.Sign() < 0 {
		return nil, fault("the price of %s is negative", b.Name)
	}
	const quarter = int(Slot / time.Minute)
	for _, v := range b.Hours {
		for _, a := range v.Arcs {
			if a.From%quarter != 0 || a.To%quarter != 0 {
				return nil, fault("%s: the hours %s do not begin and end at quarters of an hour, by which power is metered", b.Name, a)
			}
		}
	}
	return hours, nil
}

// Terms returns the terms in order. The caller may keep them.
func (c *Contract) Terms() []Terms {
	all := make([]Terms, len(c.terms))
	for i, t := range c.terms {
		all[i] = t.Terms
		all[i].Bands = slices.Clone(t.Bands)
	}
	return all
}

// At returns the terms at an instant; nil before the first.
func (c *Contract) At(t time.Time) *Terms {
	if at := c.at(t); at != nil {
		return &at.Terms
	}
	return nil
}

func (c *Contract) at(t time.Time) *compiled {
	for i := len(c.terms) - 1; i >= 0; i-- {
		if !t.Before(c.terms[i].From) {
			return &c.terms[i]
		}
	}
	return nil
}

// BandPrice is what a kWh costs at an instant.
type BandPrice struct {
	Currency sluice.Currency `json:"currency"`
	Price    exact.Number    `json:"price"`
	Band     string          `json:"band,omitempty"` // empty where none holds
}

// PriceAt returns the price at an instant; ok is false before the first terms.
func (c *Contract) PriceAt(t time.Time) (p BandPrice, ok bool) {
	at := c.at(t)
	if at == nil {
		return BandPrice{}, false
	}
	for i, hours := range at.hours {
		if hours.Contains(t) {
			return BandPrice{at.Currency, at.Bands[i].Price, at.Bands[i].Name}, true
		}
	}
	return BandPrice{at.Currency, at.Price, ""}, true
}

// Next returns the first instant after t at which the price may change; ok is
// false when it stays. It is looked for within a month.
func (c *Contract) Next(t time.Time) (next time.Time, ok bool) {
	if len(c.terms) == 0 {
		return time.Time{}, false
	}
	now, known := c.PriceAt(t)
	for at := SlotOf(t).Add(Slot); at.Sub(t) < 31*24*time.Hour; at = at.Add(Slot) {
		p, there := c.PriceAt(at)
		if there != known || p.Band != now.Band || p.Currency != now.Currency || p.Price.Cmp(now.Price) != 0 {
			return at, true
		}
	}
	return time.Time{}, false
}

// capacity is what the contracted power costs in the slot that begins at t: an
// even part of its month in UTC.
func (c *Contract) capacity(t time.Time) (sluice.Currency, exact.Number) {
	at := c.at(t)
	if at == nil || at.Contracted == 0 {
		return "", exact.Number{}
	}
	t = t.UTC()
	month := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	slots := int64(month.AddDate(0, 1, 0).Sub(month) / Slot)
	return at.Currency, exact.Of(at.Contracted, wattsPerKW*slots).Mul(at.ContractedPrice)
}

func fault(format string, args ...any) error {
	return sluice.Errorf(sluice.CodeInvalid, "The price of power cannot be used: %s.", fmt.Sprintf(format, args...))
}
