package sluice

import "time"

// Status is how a call ended.
type Status string

// The statuses.
const (
	StatusCompleted Status = "completed" // the answer was delivered to its end
	StatusCancelled Status = "cancelled" // the client left; what was produced is billed
	StatusFailed    Status = "failed"    // the engine broke off; what was delivered is billed
	StatusCutOff    Status = "cut_off"   // the balance ran out in the middle
	StatusRecovered Status = "recovered" // the server died; billed from its last checkpoint
)

// Event is the immutable record of one call that reached an engine: what the
// customer is billed by and what every statement sums over.
type Event struct {
	CallID   string `json:"id"`
	Org      string `json:"organisation"`
	Project  string `json:"project,omitempty"`
	Key      string `json:"key"`
	Model    string `json:"model"`
	Engine   string `json:"engine"`
	Endpoint string `json:"endpoint"` // the path that was called

	// AdmittedAt picks the price book and, later, the calendar and the plan version.
	AdmittedAt time.Time `json:"admitted_at"`
	FirstAt    time.Time `json:"first_token_at,omitzero"`
	EndedAt    time.Time `json:"ended_at"`

	Status    Status `json:"status"`
	Usage     Usage  `json:"usage"`
	Estimated bool   `json:"estimated"` // counted by us: the engine did not say
	Simulated bool   `json:"simulated"`

	Currency Currency `json:"currency"`
	Book     string   `json:"price_book"`
	List     Pico     `json:"list_pico"`   // by the price book
	Charge   Pico     `json:"charge_pico"` // billed: the list amount, or less when the wallet ended before; zero under a plan

	// Of a call that a plan served: the subscription, the version of the plan that
	// weighed it and what it counted in each window.
	Subscription string `json:"subscription,omitempty"`
	PlanVersion  string `json:"plan_version,omitempty"`
	Cost         Cost   `json:"cost,omitzero"`
}

// Posting is one durable unit of the ledger: a transaction and, when it
// settles a call, the call's event.
type Posting struct {
	Tx    Tx
	Event *Event // nil when no call stands behind it
}

// Batch is what is committed at once, in one durable transaction.
type Batch struct {
	Postings    []Posting
	Checkpoints []Event  // the state of calls still running, billed if the process dies; replaces an earlier one of the same call
	Closed      []string // ids of calls whose checkpoint goes with this batch

	Subscriptions []SubscriptionState `json:",omitempty"`
	Quotas        []QuotaState        `json:",omitempty"`
}
