package sluice

import (
	"encoding/json"
	"fmt"
	"time"
)

// MaxWindows bounds the windows of a plan's quota.
const MaxWindows = 8

// Cost is what a call counts in each window of its plan's quota, in
// thousandths of the windows' units, in the order of the plan.
type Cost [MaxWindows]int64

// PlanMeter is what a plan's windows show at an instant.
type PlanMeter struct {
	Subscription string       `json:"subscription"`
	Plan         string       `json:"plan"`    // its short name: "lite"
	Version      string       `json:"version"` // the id of the plan's version
	Windows      []PlanWindow `json:"windows"`
}

// PlanWindow is one window of a PlanMeter. Counts are thousandths of its unit.
type PlanWindow struct {
	Name string `json:"name"`
	Unit string `json:"unit"` // prompts, requests, tokens or credits

	// The length: in minutes or, for calendar months and billing periods, in months.
	Minutes int64 `json:"minutes,omitempty"`
	Months  int64 `json:"months,omitempty"`

	Limit     int64     `json:"limit"`
	Used      int64     `json:"used"`
	Reserved  int64     `json:"reserved"` // by running calls
	Remaining int64     `json:"remaining"`
	Permille  int64     `json:"permille"` // used of the limit; over 1000 when overrun
	ResetAt   time.Time `json:"reset_at,omitzero"`

	// Times is how many thousandths of the unit a prompt, a request or a token of
	// fresh input counts, for the model and the instant that the meter was read for.
	Times int64 `json:"times"`
}

// QuotaRefusal is the cause of a CodeQuotaExhausted: the plan's windows, and
// which of them the call has to wait for longest.
type QuotaRefusal struct {
	Meter  PlanMeter
	Window int // in Meter.Windows

	// At is when the call would fit; zero when nobody knows.
	At time.Time

	// Running says that running calls have reserved what is missing.
	Running bool
}

// Error describes the refusal for logs.
func (r *QuotaRefusal) Error() string {
	w := &r.Meter.Windows[r.Window]
	return fmt.Sprintf("window %s of plan %s: %d used and %d reserved of %d thousandths of %s", w.Name, r.Meter.Plan, w.Used, w.Reserved, w.Limit, w.Unit)
}

// SubscriptionState is a subscription to be stored. A state replaces those of
// its id with a lower revision, and no other.
type SubscriptionState struct {
	ID    string          `json:"id"`
	Org   string          `json:"organisation"`
	Rev   int64           `json:"rev"`
	Live  bool            `json:"live"`  // it is not over; an organisation has one live subscription at most
	State json.RawMessage `json:"state"` // as money/plan writes it
}

// QuotaState is what a subscription has used, to be stored. A state replaces
// those of its subscription with a lower revision, and no other: a replay never
// goes back.
type QuotaState struct {
	Subscription string          `json:"subscription"`
	Rev          int64           `json:"rev"`
	Snapshot     json.RawMessage `json:"snapshot"` // as money/quota writes it
}
