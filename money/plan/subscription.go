package plan

import (
	"slices"
	"strconv"
	"time"

	"sluice"
	"sluice/money/ledger"
)

// Status is where a subscription stands.
type Status string

// The statuses.
const (
	Trialing  Status = "trialing"  // serves, nothing paid yet
	Active    Status = "active"    // serves, paid
	PastDue   Status = "past_due"  // serves, the running period is not paid
	Suspended Status = "suspended" // does not serve until it is paid
	Cancelled Status = "cancelled" // over
)

// Terms are what a subscription was sold under.
type Terms struct {
	Version  string          `json:"version"` // its id
	Plan     string          `json:"plan"`
	Rank     int             `json:"rank"`
	Cycle    Cycle           `json:"cycle"`
	Currency sluice.Currency `json:"currency"`
	Price    sluice.Amount   `json:"price"` // of a period
}

// Subscription is an organisation's subscription to a plan.
type Subscription struct {
	ID     string `json:"id"`
	Org    string `json:"organisation"`
	Terms  Terms  `json:"terms"`
	Status Status `json:"status"`

	Period  Period    `json:"period"`            // the running one
	Anchor  time.Time `json:"anchor"`            // periods are counted from here
	Months  int       `json:"months"`            // from the anchor to the period's end; zero in a trial
	Paid    bool      `json:"paid"`              // this one is
	Earned  int64     `json:"earned_days"`       // how many of its days are in the books
	EndsAt  time.Time `json:"ends_at,omitzero"`  // it was cancelled and ends then, or has ended
	Next    *Terms    `json:"next,omitempty"`    // from the next period on
	DueFrom time.Time `json:"due_from,omitzero"` // since when a period waits to be paid
	Changes int       `json:"changes,omitempty"` // how many upgrades there were

	FallBack bool `json:"fall_back"` // what the plan refuses is paid from the balance; off until the owner turns it on
}

// Transition makes another subscription of one, and what that posts: such as
// the methods of Rules.
type Transition func(r *Rules, s Subscription) (Subscription, []sluice.Tx, error)

// SetFallBack is the transition that says whether what the plan refuses is
// paid from the balance.
func SetFallBack(on bool) Transition {
	return func(_ *Rules, s Subscription) (Subscription, []sluice.Tx, error) {
		s.FallBack = on
		return s, nil, nil
	}
}

// Serves reports whether calls are admitted under the subscription.
func (s *Subscription) Serves() bool {
	return s.Status == Trialing || s.Status == Active || s.Status == PastDue
}

// Owed returns what has to be paid now, zero when nothing.
func (s *Subscription) Owed() sluice.Amount {
	if s.Status == PastDue || s.Status == Suspended {
		return s.Terms.Price
	}
	return sluice.Amount{}
}

// Dunning is what happens, counted from the instant at which a period was due.
type Dunning struct {
	Retries []time.Duration `json:"retries"` // when payment is tried again, rising
	Grace   time.Duration   `json:"grace"`   // past due becomes suspended
	Cancel  time.Duration   `json:"cancel"`  // suspended becomes cancelled
}

// Rules are the operator's, the same for all subscriptions. They must pass
// Check.
type Rules struct {
	Zone    *time.Location // in which months are counted
	Dunning Dunning
	Paused  []string // plans whose sales are paused: no new subscription and no upgrade to them
}

// maxDunning keeps a period's dunning within the shortest month.
const maxDunning = 28 * day

// Check reports CodeInvalid unless the rules can be applied: a zone, and a
// dunning whose instants rise: 0 ≤ retries ≤ Cancel, 0 ≤ Grace ≤ Cancel ≤ 28 days.
func (r *Rules) Check() error {
	d := &r.Dunning
	switch {
	case r.Zone == nil:
		return sluice.Errorf(sluice.CodeInvalid, "the rules of plans have no time zone")
	case d.Grace < 0 || d.Grace > d.Cancel || d.Cancel > maxDunning:
		return sluice.Errorf(sluice.CodeInvalid, "dunning: grace %v and cancel %v must rise from 0 to 28 days", d.Grace, d.Cancel)
	case !slices.IsSorted(d.Retries) || len(d.Retries) > 0 && (d.Retries[0] < 0 || d.Retries[len(d.Retries)-1] > d.Cancel):
		return sluice.Errorf(sluice.CodeInvalid, "dunning: the retries %v must rise from 0 to cancel, %v", d.Retries, d.Cancel)
	}
	return nil
}

// terms are those of a version for a cycle.
func (v *Version) terms(cycle Cycle) (Terms, error) {
	price, ok := v.draft.Prices[cycle]
	if !ok {
		return Terms{}, sluice.Errorf(sluice.CodeInvalid, "The plan %s is not sold by the %s.", v.draft.Plan, cycle)
	}
	return Terms{v.ID, v.draft.Plan, v.draft.Rank, cycle, v.draft.Currency, price}, nil
}

// onSale returns CodeUnavailable while a plan's sales are paused.
func (r *Rules) onSale(plan string) error {
	if slices.Contains(r.Paused, plan) {
		return sluice.Errorf(sluice.CodeUnavailable, "Sales of the plan %s are paused because capacity is short. Existing subscriptions go on.", plan)
	}
	return nil
}

// Start begins a subscription: a trial, for which nothing is posted, where the
// version has one and the caller allows it, and otherwise a paid period.
// Errors: CodeInvalid (no such cycle or source), CodeUnavailable (sales are paused).
func (r *Rules) Start(id, org string, v *Version, cycle Cycle, trial bool, source sluice.AccountKind, at time.Time) (Subscription, []sluice.Tx, error) {
	terms, err := v.terms(cycle)
	if err == nil {
		err = r.onSale(terms.Plan)
	}
	if err != nil {
		return Subscription{}, nil, err
	}
	at = at.UTC().Truncate(time.Microsecond)
	s := Subscription{ID: id, Org: org, Terms: terms}
	if trial && v.draft.TrialDays > 0 {
		s.Status, s.Anchor = Trialing, at
		s.Period = Period{at, at.AddDate(0, 0, v.draft.TrialDays)}
		return s, nil, nil
	}
	r.anchor(&s, at)
	tx, err := s.pay(source, at)
	return s, tx, err
}

// anchor begins a first period, from which the others are counted.
func (r *Rules) anchor(s *Subscription, at time.Time) {
	s.Anchor, s.Months = at, 0
	r.begin(s)
}

// begin begins the next period, unpaid.
func (r *Rules) begin(s *Subscription) {
	start := after(s.Anchor, s.Months, r.Zone)
	s.Months += s.Terms.Cycle.Months()
	s.Period = Period{start, after(s.Anchor, s.Months, r.Zone)}
	s.Status, s.Paid, s.Earned, s.DueFrom = PastDue, false, 0, s.Period.Start
}

// pay pays the running period.
func (s *Subscription) pay(source sluice.AccountKind, at time.Time) ([]sluice.Tx, error) {
	tx, err := ledger.PlanPaid(s.tx("paid", at), s.Org, s.Terms.Currency, source, s.Terms.Price)
	if err != nil {
		return nil, err
	}
	s.Status, s.Paid, s.DueFrom = Active, true, time.Time{}
	return []sluice.Tx{tx}, nil
}

// tx is a transaction of the running period. Its id says what it is, so that
// the same transition posted again is booked once.
func (s *Subscription) tx(what string, at time.Time) sluice.Tx {
	return sluice.Tx{
		ID: s.ID + "_" + strconv.FormatInt(s.Period.Start.UnixMicro(), 10) + "_" + what,
		At: at, Memo: "plan " + s.Terms.Plan + ", from " + s.Period.Start.Format(time.DateOnly),
	}
}

// Deferred returns what of the running period is paid and not yet earned: the
// balance of the organisation's deferred account.
func (s *Subscription) Deferred() sluice.Amount {
	if !s.Paid {
		return sluice.Amount{}
	}
	return sluice.Amount{Nano: s.Terms.Price.Nano - s.Period.earned(s.Terms.Price, s.Earned)}
}
