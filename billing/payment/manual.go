package payment

import (
	"context"
	"net/http"
	"time"

	"sluice"
)

// Manual is the provider of bank transfers: the customer sends money to the
// operator's bank, and a person who sees it on the statement confirms it.
const Manual = "manual"

// transferTime is how long a bank transfer is waited for.
const transferTime = 30 * 24 * time.Hour

// transfer is the provider Manual.
type transfer struct{}

// Offer takes any amount that a bank's statement can show.
func (transfer) Offer(_ sluice.Currency, amount sluice.Amount) (time.Duration, error) {
	const thousandth = sluice.NanoPerUnit / 1000
	if amount.Carry != 0 || amount.Nano%thousandth != 0 {
		return 0, &sluice.Error{Code: sluice.CodeInvalid, Param: "amount", Message: "No bank transfers an amount with more than three decimals."}
	}
	return transferTime, nil
}

// Checkout has no page: the customer is told the bank account elsewhere.
func (transfer) Checkout(context.Context, *sluice.Payment) (string, error) { return "", nil }

// Notice refuses: a bank sends none.
func (transfer) Notice(context.Context, http.Header, []byte, time.Time) (sluice.Notice, error) {
	return sluice.Notice{}, sluice.Errorf(sluice.CodeUnauthenticated, "Transfers are confirmed by a person.")
}

// Refund is the word of a person who sends the money back.
func (transfer) Refund(context.Context, *sluice.Payment) error { return nil }

// Confirm says that a transfer has arrived: by a person who has seen its
// amount, and the bank's reference for it, on a statement. The same
// confirmation again changes nothing. Errors: CodeInvalid for a payment that is
// no transfer; CodeConflict for another amount, for a payment that has expired
// or was confirmed with another reference, and for a reference that another
// payment was confirmed with.
func (s *Service) Confirm(ctx context.Context, org, id string, amount sluice.Amount, reference string) (*sluice.Payment, error) {
	if reference == "" {
		return nil, &sluice.Error{Code: sluice.CodeInvalid, Param: "reference", Message: "A confirmation needs the bank's reference of the transfer."}
	}
	read := func(ctx context.Context) (*sluice.Payment, error) { return s.opt.Store.Payment(ctx, org, id) }
	return s.change(ctx, read, func(p *sluice.Payment) error {
		switch {
		case p.Provider != Manual:
			return sluice.Errorf(sluice.CodeInvalid, "The payment is confirmed by %s and not by a person.", p.Provider)
		case !p.Paid && s.State(p) != sluice.PaymentCreated:
			return sluice.Errorf(sluice.CodeConflict, "The payment is %s. If the money came all the same, make another payment and confirm that.", s.State(p))
		}
		return hear(p, &sluice.Notice{Kind: sluice.NoticePaid, Payment: p.ID, Reference: reference, Amount: amount, Currency: p.Currency})
	})
}
