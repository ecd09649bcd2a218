package ledger

import "sluice"

// The kinds of the transactions that subscriptions make.
const (
	TxPlan   = sluice.TxPlan
	TxEarned = sluice.TxEarned
)

// PlanPaid fills tx with a period of a plan that an organisation paid: from
// its prepaid wallet (source AccountPrepaid) or from a payment on its way
// (AccountClearing) to what is deferred for it. CodeInvalid for another source,
// or unless the price is positive.
func PlanPaid(tx sluice.Tx, org string, currency sluice.Currency, source sluice.AccountKind, price sluice.Amount) (sluice.Tx, error) {
	if price.Sign() <= 0 {
		return sluice.Tx{}, sluice.Errorf(sluice.CodeInvalid, "The price of a period must be more than zero, not %s.", price)
	}
	return PlanChanged(tx, org, currency, source, PlanChange{Pay: price, Deferred: price})
}

// PlanEarned fills tx with what of a paid period is earned: from deferred to
// the revenue of plans. CodeInvalid unless the amount is positive.
func PlanEarned(tx sluice.Tx, org string, currency sluice.Currency, amount sluice.Amount) (sluice.Tx, error) {
	if amount.Sign() <= 0 {
		return sluice.Tx{}, sluice.Errorf(sluice.CodeInvalid, "What is earned must be more than zero, not %s.", amount)
	}
	tx.Kind = sluice.TxEarned
	return transfer(tx,
		sluice.AccountID{Owner: org, Kind: sluice.AccountDeferred, Currency: currency},
		sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountRevenuePlan, Currency: currency}, amount)
}

// PlanChange is what a change in the middle of a period moves.
type PlanChange struct {
	Pay      sluice.Amount // taken from the source; negative is given back to the prepaid wallet
	Deferred sluice.Amount // by how much more is deferred than before, or less
}

// PlanChanged fills tx with a change of a paid period, such as an upgrade: the
// source pays, what is deferred rises or falls, and what the credit for unused
// days was rounded by is shown as rounding. Money is given back to the prepaid
// wallet whatever the source is. CodeInvalid for a source that is neither
// AccountPrepaid nor AccountClearing.
func PlanChanged(tx sluice.Tx, org string, currency sluice.Currency, source sluice.AccountKind, c PlanChange) (sluice.Tx, error) {
	from := sluice.AccountID{Owner: org, Kind: sluice.AccountPrepaid, Currency: currency}
	switch source {
	case sluice.AccountPrepaid:
	case sluice.AccountClearing:
		if c.Pay.Sign() > 0 {
			from = sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountClearing, Currency: currency}
		}
	default:
		return sluice.Tx{}, sluice.Errorf(sluice.CodeInvalid, "A plan is paid from %s or %s, not from %q.", sluice.AccountPrepaid, sluice.AccountClearing, source)
	}
	paid, err := c.Pay.Neg()
	if err != nil {
		return sluice.Tx{}, err
	}
	rounded, err := c.Pay.Sub(c.Deferred)
	if err != nil {
		return sluice.Tx{}, err
	}
	tx.Kind = sluice.TxPlan
	tx.Entries = nil
	for _, e := range []sluice.Entry{
		{Account: from, Amount: paid},
		{Account: sluice.AccountID{Owner: org, Kind: sluice.AccountDeferred, Currency: currency}, Amount: c.Deferred},
		{Account: sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountRounding, Currency: currency}, Amount: rounded},
	} {
		if e.Amount.Sign() != 0 {
			tx.Entries = append(tx.Entries, e)
		}
	}
	return tx, nil
}
