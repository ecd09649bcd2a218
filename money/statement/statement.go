// Package statement holds the rules of the operator's statement: what a day
// served, earned and cost, by model, pool, segment and customer, and the way
// from the revenue that its tokens would bring at one list price to the cash that
// came in. It is pure: no clock, no floats, no I/O.
//
// Everything is a sum over rows: those of events (Row) and those of ledger entries
// (EntryRow). Sums are exact; ratios are fractions and are rounded half-up when
// they are written.
package statement

import (
	"time"

	"sluice"
	"sluice/money/cost"
	"sluice/money/exact"
)

// Input is what a statement is made of.
type Input struct {
	Currency sluice.Currency
	From, To time.Time // the period, with its end excluded

	Rows    []Row      // of events in the period
	Entries []EntryRow // of entries in the period; nil where there are no books, such as of an imported day

	Fleet     *cost.Fleet    // nil: what serving cost is not known
	Spent     *cost.Report   // in its place, when it is worked out already
	Rates     cost.NodeRates // of a node; zero: not known
	Reference *Reference     // nil: each model's own prices are the reference
	Reach     *Reach         // nil: customers are counted from the rows, and the rest is not known
	Claims    []Claim        // figures that somebody published, to be compared
	Convert   *Conversion    // to show the main figures in another currency
	Notes     []string       // what readers must know of where the rows come from

	// Slack is by how much the list amount may be off, since the rows' counts were
	// rounded before (Loaded.Slack).
	Slack exact.Number
}

// Statement is what a period served, earned and cost. Money is in units of the
// currency. What is not known is absent or empty.
type Statement struct {
	Currency sluice.Currency `json:"currency"`
	From     time.Time       `json:"from"`
	To       time.Time       `json:"to"`

	Total     Part   `json:"total"`
	Models    []Part `json:"models"` // all lists of parts: the greatest list revenue first, then by name
	Pools     []Part `json:"pools"`  // a part without a name is what belongs to none
	Segments  []Part `json:"segments"`
	Customers []Part `json:"customers"`

	Nodes     *Nodes     `json:"nodes,omitempty"`
	Unit      *UnitCosts `json:"unit_costs,omitempty"`
	Waterfall []Bar      `json:"waterfall"`

	Reach       Reach        `json:"reach"`
	DailyTokens exact.Number `json:"daily_tokens"` // on average, prompts and answers
	Simulated   Sums         `json:"simulated"`    // what simulators answered: in no other figure

	// Concentration is the share of list revenue that the greatest customers have.
	Concentration []Share `json:"concentration"`

	Converted *Converted `json:"converted,omitempty"`
	Claims    []Compared `json:"claims,omitempty"`
	Notes     []string   `json:"notes,omitempty"`
}

// Part is what a model, a pool, a segment, a customer or all together served,
// earned and cost.
type Part struct {
	Name       string       `json:"name,omitempty"`
	Calls      int64        `json:"calls"`
	Units      sluice.Usage `json:"units"`
	Prompt     int64        `json:"prompt"`     // tokens, cached ones with them
	Completion int64        `json:"completion"` // tokens, reasoning with them
	HitRate    exact.Ratio  `json:"hit_rate"`   // cached tokens to all of the prompts

	List       exact.Number `json:"list"`
	Charged    exact.Number `json:"charged"`    // by events, less what volume gave back
	Recognised exact.Number `json:"recognised"` // what is earned by the books; what is charged, where there are none
	Leakage    Leakage      `json:"leakage"`

	// What is below is absent where no nodes are known.
	Cost        exact.Number `json:"cost,omitzero"`         // of the pools that served it, by the nodes' work
	ListProfit  exact.Number `json:"list_profit,omitzero"`  // list − cost: the theoretical profit
	CostProfit  exact.Ratio  `json:"cost_profit,omitzero"`  // that, to cost
	ListMargin  exact.Ratio  `json:"list_margin,omitzero"`  // that, to list
	Profit      exact.Number `json:"profit,omitzero"`       // recognised − cost
	GrossMargin exact.Ratio  `json:"gross_margin,omitzero"` // that, to recognised
}

// Leakage is what of the list amount was not charged, outside of plans, by why.
type Leakage struct {
	Crash     exact.Number `json:"crash"`
	Estimated exact.Number `json:"estimated"`
	Free      exact.Number `json:"free"`
	Short     exact.Number `json:"short"`
}

// Nodes says how many nodes there were and what they did.
type Nodes struct {
	Cost *cost.Report `json:"cost"`

	// PrefillRate and DecodeRate are the tokens of a node in a second over the whole
	// period, by the nodes of that role: those of all roles where none has it.
	PrefillRate exact.Ratio `json:"prefill_rate"`
	DecodeRate  exact.Ratio `json:"decode_rate"`

	// By Input.Rates: how many nodes the tokens ask for, when they do nothing else,
	// against the mean that there was. Zero where the rates are not known.
	ImpliedPrefill exact.Number `json:"implied_prefill"`
	ImpliedDecode  exact.Number `json:"implied_decode"`
	Implied        exact.Number `json:"implied"`
	Busy           exact.Ratio  `json:"busy"` // implied to the mean
}

// UnitCosts says what units cost to serve.
type UnitCosts struct {
	NodeHour   exact.Ratio             `json:"node_hour"`
	Million    exact.Ratio             `json:"million"`        // tokens, prompts and answers together
	Output     exact.Ratio             `json:"million_output"` // tokens of answers, with all costs on them
	PerMillion map[string]exact.Number `json:"per_million"`    // of each class that was used, its share by work
}

// Share is how much the Top greatest customers have.
type Share struct {
	Top   int         `json:"top"`
	Share exact.Ratio `json:"share"`
}

// Claim is a published figure: what it is of, and the digits.
type Claim struct {
	Of    string `json:"of"` // see Figures
	Value string `json:"value"`
}

// Compared is a claim beside the figure of the statement.
type Compared struct {
	Claim
	Figure     exact.Number `json:"figure"`
	Difference exact.Number `json:"difference"` // claim − figure
	Agrees     bool         `json:"agrees"`     // the figure rounds to the claim's digits
	Why        string       `json:"why,omitempty"`
}

// Conversion is a rate by which figures are shown in another currency. It books nothing.
type Conversion struct {
	Currency sluice.Currency `json:"currency"`
	Rate     exact.Number    `json:"rate"` // units of it for a unit of the statement's
}

// Converted is the main figures of a statement in another currency.
type Converted struct {
	Conversion
	List       exact.Number `json:"list"`
	Cost       exact.Number `json:"cost,omitzero"`
	ListProfit exact.Number `json:"list_profit,omitzero"`
	Recognised exact.Number `json:"recognised"`
}
