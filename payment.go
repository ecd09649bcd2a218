package sluice

import "time"

// PrefixPayment begins the ids of payments.
const PrefixPayment = "pay"

// PaymentState is where a payment stands.
type PaymentState string

// The states.
const (
	PaymentCreated        PaymentState = "created"         // asked for, and nothing was heard
	PaymentPending        PaymentState = "pending"         // the customer has paid, the money is on its way
	PaymentPaid           PaymentState = "paid"            // the money is there
	PaymentFailed         PaymentState = "failed"          // it will not come
	PaymentExpired        PaymentState = "expired"         // nobody paid in time
	PaymentPartlyRefunded PaymentState = "partly_refunded" // some of it was given back
	PaymentRefunded       PaymentState = "refunded"        // all of it was given back
	PaymentDisputed       PaymentState = "disputed"        // the payer's bank took it back, or may keep it
)

// Payment is money that an organisation was asked for: an order. What binds
// it (organisation, provider, currency, amount) never changes.
type Payment struct {
	ID        string
	Org       string
	Provider  string // who takes the money, such as "stripe"
	Currency  Currency
	Amount    Amount // more than zero
	CreatedAt time.Time
	ExpiresAt time.Time // from then on nobody is asked to pay any more

	CheckoutURL string // where the customer pays; empty where there is no such page
	Reference   string // the provider's own id of the payment; empty until it is heard of

	PaymentFacts

	// A refund that was asked for and of which the provider has not confirmed
	// yet: from one total given back to another. Both are zero without one.
	RefundFrom, RefundTo Amount

	// How far the books have followed. Booked is what the organisation has of
	// it, with the booking under way; Booking is that one, negative for what is
	// taken back and zero for none; Bookings counts them.
	Booked, Booking Amount
	Bookings        int64

	Version int64 // counts the changes, so that none is made on an old reading
}

// PaymentFacts is what is known of a payment's fate. Facts are only ever
// added: whatever the order in which they are heard, and however often, the
// same ones come out.
type PaymentFacts struct {
	Pending, Paid, Failed, Expired bool

	Refunded Amount  // given back in all
	Disputed Amount  // what the payer's bank asks for
	Dispute  Dispute // what became of that
}

// Dispute is where a dispute over a payment stands. A greater one is a later one.
type Dispute int64

// The stages of a dispute.
const (
	DisputeNone Dispute = iota
	DisputeOpen         // the bank has taken the money for as long as it looks at it
	DisputeWon          // the money came back
	DisputeLost         // it did not
)

// State tells where the payment stands at an instant.
func (p *Payment) State(now time.Time) PaymentState {
	switch {
	case p.Dispute == DisputeOpen || p.Dispute == DisputeLost:
		return PaymentDisputed
	case p.Refunded.Cmp(p.Amount) >= 0:
		return PaymentRefunded
	case p.Refunded.Sign() > 0:
		return PaymentPartlyRefunded
	case p.Paid:
		return PaymentPaid
	case p.Failed:
		return PaymentFailed
	case p.Expired:
		return PaymentExpired
	case p.Pending:
		return PaymentPending
	case !now.Before(p.ExpiresAt):
		return PaymentExpired
	}
	return PaymentCreated
}

// NoticeKind is what a provider tells of a payment.
type NoticeKind string

// The kinds. Refunded and the three of disputes come after paid, but may be
// heard before it.
const (
	NoticeOther       NoticeKind = ""             // nothing that concerns payments
	NoticePending     NoticeKind = "pending"      // the customer has paid, the money is on its way
	NoticePaid        NoticeKind = "paid"         // the money is there
	NoticeFailed      NoticeKind = "failed"       // it will not come
	NoticeExpired     NoticeKind = "expired"      // the checkout was closed unpaid
	NoticeRefunded    NoticeKind = "refunded"     // money was given back
	NoticeDisputed    NoticeKind = "disputed"     // the payer's bank has taken the money
	NoticeDisputeWon  NoticeKind = "dispute_won"  // and gave it back
	NoticeDisputeLost NoticeKind = "dispute_lost" // and keeps it
)

// Notice is what a provider told, after it was found authentic.
type Notice struct {
	ID        string // the provider's id of the notice, for the log
	Topic     string // the provider's name for what happened, for the log
	Kind      NoticeKind
	Payment   string // our id, empty where the provider does not repeat it
	Reference string // the provider's own id of the payment

	// Amount is the whole payment; of NoticeRefunded what was given back in all
	// until now, of disputes what is disputed.
	Amount   Amount
	Currency Currency
}
