package sluice

import "time"

// AccountKind is a ledger account's place in the books.
type AccountKind string

// The kinds. Amounts are signed: a credit is positive, a debit negative, so a
// customer's balance is positive while the operator owes service, and the
// entries of every transaction sum to zero.
const (
	AccountPrepaid      AccountKind = "prepaid"       // an organisation's paid balance
	AccountPromotional  AccountKind = "promotional"   // an organisation's granted balance, burnt first
	AccountReceivable   AccountKind = "receivable"    // owed by an organisation
	AccountDeferred     AccountKind = "deferred"      // paid, not yet earned (plans)
	AccountRevenueAPI   AccountKind = "revenue.api"   // earned by metered calls
	AccountRevenuePlan  AccountKind = "revenue.plan"  // earned by plans
	AccountRevenueLocal AccountKind = "revenue.local" // earned by what deployments at customers' report
	AccountSimulated    AccountKind = "simulated"     // charged for simulated answers: not revenue
	AccountPromotion    AccountKind = "promotion"     // what grants cost the operator
	AccountBreakage     AccountKind = "breakage"      // paid for and expired before it was used
	AccountClearing     AccountKind = "clearing"      // payments on their way
	AccountRounding     AccountKind = "rounding"      // invoices' rounding
	AccountTax          AccountKind = "tax"           // collected for the state
	AccountCost         AccountKind = "cost"          // what serving costs
)

// Wallet reports whether the account holds money that a customer can spend.
// Wallets never go below zero; the store refuses it as a last line.
func (k AccountKind) Wallet() bool {
	return k == AccountPrepaid || k == AccountPromotional
}

// Operator owns the accounts that belong to no organisation.
const Operator = "operator"

// AccountID identifies an account: one per owner, kind and currency, and one of
// its own for each lot.
type AccountID struct {
	Owner    string      `json:"owner"` // an organisation's id, or Operator
	Kind     AccountKind `json:"kind"`
	Currency Currency    `json:"currency"`
	Lot      string      `json:"lot,omitempty"` // the lot's id; empty for what is no lot
}

// Account is an account with its balance, which is the sum of its entries.
type Account struct {
	AccountID
	Balance Amount `json:"balance"`
	Terms   *Lot   `json:"-"` // of a lot's account; nil for all others. Read-only
}

// Pays reports whether the account, a wallet, may pay for a call of the model
// that is admitted at the instant.
func (a *Account) Pays(model string, at time.Time) bool {
	return a.Terms == nil || a.Terms.Pays(model, at)
}

// Entry is one line of a transaction: positive is a credit, negative a debit.
type Entry struct {
	Account AccountID `json:"account"`
	Amount  Amount    `json:"amount"`
}

// TxKind says what a transaction records.
type TxKind string

// The kinds.
const (
	TxUsage      TxKind = "usage"      // a settled call; its id is the call's
	TxPayment    TxKind = "payment"    // money came in
	TxGrant      TxKind = "grant"      // the operator gave credit
	TxCorrection TxKind = "correction" // reverses or adjusts an earlier one
	TxPlan       TxKind = "plan"       // a period of a plan was paid, changed in its middle, or given back
	TxEarned     TxKind = "earned"     // a day of a paid period is over
	TxExpiry     TxKind = "expiry"     // what was left of a lot expired
	TxLocal      TxKind = "local"      // what a deployment at a customer's reported of an hour
)

// Tx is one transaction of the ledger: append-only, its entries sum to zero
// in each currency. Its ID makes it idempotent: the same id is booked once.
type Tx struct {
	ID      string    `json:"id"`
	Kind    TxKind    `json:"kind"`
	At      time.Time `json:"at"` // the instant it takes effect
	Memo    string    `json:"memo,omitempty"`
	Entries []Entry   `json:"entries"`

	Lot        *Lot        `json:"lot,omitempty"`        // whose account it opens
	Redemption *Redemption `json:"redemption,omitempty"` // that it books
	Corrects   string      `json:"corrects,omitempty"`   // the id of the call's transaction that it gives back from
}
