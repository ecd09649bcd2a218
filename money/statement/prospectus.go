package statement

import (
	"fmt"
	"slices"

	"sluice"
	"sluice/money/exact"
)

// Period is what a business reports of a year, a half or a month, as a prospectus
// does. Money is in any one unit.
type Period struct {
	Name     string
	Against  string // the name of an earlier period that growth is measured against; empty: the one before
	Segments []Business

	Research        exact.Number // what was spent on research and development; zero is not known
	ResearchCompute exact.Number // of that, on computing
	Customers       []Business   // the greatest customers, for concentration; may be empty
}

// Business is what a segment, or a customer, brought.
type Business struct {
	Name        string
	Revenue     exact.Number
	GrossProfit exact.Number
}

// ByShare is a segment of which a share of a total revenue and a gross margin are
// published: 0.955 and 0.536, say.
func ByShare(name string, total, share, margin exact.Number) Business {
	revenue := total.Mul(share)
	return Business{name, revenue, revenue.Mul(margin)}
}

// PeriodOf makes a period of a statement, for what is recognised. What is in no
// segment is one without a name.
func PeriodOf(name string, st *Statement) Period {
	p := Period{Name: name}
	for i := range st.Segments {
		p.Segments = append(p.Segments, st.Segments[i].business())
	}
	for i := range st.Customers {
		p.Customers = append(p.Customers, st.Customers[i].business())
	}
	return p
}

func (p *Part) business() Business { return Business{p.Name, p.Recognised, p.Profit} }

// PeriodReport is a period beside the one that it is measured against. What is not
// known is not defined.
type PeriodReport struct {
	Name        string       `json:"name"`
	Revenue     exact.Number `json:"revenue"`
	GrossProfit exact.Number `json:"gross_profit"`
	Margin      exact.Ratio  `json:"margin"` // the blend of the segments'
	Growth      exact.Ratio  `json:"growth"`

	Segments []SegmentReport `json:"segments"`

	Research exact.Ratio `json:"research"` // to revenue
	Compute  exact.Ratio `json:"compute"`  // computing, to research
	TopOne   exact.Ratio `json:"top_1"`    // the greatest customer's share of revenue
	TopFive  exact.Ratio `json:"top_5"`    // that of the five greatest
}

// SegmentReport is a segment of a period.
type SegmentReport struct {
	Name    string       `json:"name"`
	Revenue exact.Number `json:"revenue"`
	Share   exact.Ratio  `json:"share"` // of the period's revenue
	Margin  exact.Ratio  `json:"margin"`
	Growth  exact.Ratio  `json:"growth"`
}

// Over reports periods in their order. Errors: CodeInvalid for two of one name, or
// one that is measured against none before it.
func Over(periods []Period) ([]PeriodReport, error) {
	before := map[string]*Period{}
	reports := make([]PeriodReport, 0, len(periods))
	for i := range periods {
		p := &periods[i]
		if before[p.Name] != nil {
			return nil, sluice.Errorf(sluice.CodeInvalid, "There are two periods %q.", p.Name)
		}
		against := before[p.Against]
		if p.Against == "" && i > 0 {
			against = &periods[i-1]
		} else if p.Against != "" && against == nil {
			return nil, sluice.Errorf(sluice.CodeInvalid, "The period %q is measured against %q, which is none before it.", p.Name, p.Against)
		}
		before[p.Name] = p
		reports = append(reports, p.report(against))
	}
	return reports, nil
}

// report works out a period's figures; against may be nil.
func (p *Period) report(against *Period) PeriodReport {
	all := sumOf(p.Segments)
	r := PeriodReport{
		Name: p.Name, Revenue: all.Revenue, GrossProfit: all.GrossProfit, Margin: exact.Ratio{Of: all.GrossProfit, To: all.Revenue},
		Compute:  exact.Ratio{Of: p.ResearchCompute, To: p.Research},
		Segments: make([]SegmentReport, 0, len(p.Segments)),
	}
	if p.Research.Sign() != 0 {
		r.Research = exact.Ratio{Of: p.Research, To: all.Revenue}
	}
	earlier := map[string]exact.Number{}
	if against != nil {
		r.Growth = Growth(sumOf(against.Segments).Revenue, all.Revenue)
		for _, s := range against.Segments {
			earlier[s.Name] = s.Revenue
		}
	}
	for _, s := range p.Segments {
		r.Segments = append(r.Segments, SegmentReport{
			Name: s.Name, Revenue: s.Revenue, Share: exact.Ratio{Of: s.Revenue, To: all.Revenue},
			Margin: exact.Ratio{Of: s.GrossProfit, To: s.Revenue}, Growth: Growth(earlier[s.Name], s.Revenue),
		})
	}
	if len(p.Customers) > 0 {
		r.TopOne = exact.Ratio{Of: greatest(p.Customers, 1), To: all.Revenue}
		r.TopFive = exact.Ratio{Of: greatest(p.Customers, 5), To: all.Revenue}
	}
	return r
}

func sumOf(all []Business) (sum Business) {
	for _, b := range all {
		sum.Revenue, sum.GrossProfit = sum.Revenue.Add(b.Revenue), sum.GrossProfit.Add(b.GrossProfit)
	}
	return sum
}

// Growth is by how much a figure grew, to what it was.
func Growth(before, after exact.Number) exact.Ratio {
	return exact.Ratio{Of: after.Sub(before), To: before}
}

// CAGR is the rate at which a figure grew each year over so many years, rounded
// half up to so many decimals of a number: 1.33 is 133 %. Errors: for a figure that
// was not above zero.
func CAGR(first, last exact.Number, years, decimals int) (exact.Number, error) {
	if first.Sign() <= 0 || last.Sign() < 0 || years < 1 {
		return exact.Number{}, fmt.Errorf("growth from %s to %s over %d years has no rate", first, last, years)
	}
	root, err := last.Quo(first).Root(years, decimals)
	return root.Sub(exact.Int(1)), err
}

// Implied is the margin that the rest of a business must have, where the whole's
// is known and that of a part with a share of the revenue; not defined when the part
// is the whole.
func Implied(whole, share, margin exact.Number) exact.Ratio {
	return exact.Ratio{Of: whole.Sub(share.Mul(margin)), To: exact.Int(1).Sub(share)}
}

// greatest is what the n greatest bring.
func greatest(all []Business, n int) exact.Number {
	numbers := make([]exact.Number, len(all))
	for i := range all {
		numbers[i] = all[i].Revenue
	}
	slices.SortFunc(numbers, func(a, b exact.Number) int { return b.Cmp(a) })
	return exact.Sum(numbers[:min(n, len(numbers))]...)
}
