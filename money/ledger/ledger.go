// Package ledger holds the rules of double entry: which accounts a payment, a
// grant or a settled call moves, and that every transaction sums to zero. It is
// pure: it makes and checks transactions and stores nothing.
//
// Amounts are signed: a credit is positive, a debit negative. A customer's
// wallet is credited when money comes in and debited by what calls cost.
package ledger

import (
	"fmt"

	"sluice"
)

// BurnOrder returns the wallets of an organisation in the order in which
// charges draw on them: what was granted before what was paid.
func BurnOrder() []sluice.AccountKind {
	return []sluice.AccountKind{sluice.AccountPromotional, sluice.AccountPrepaid}
}

// Check reports an error unless the transaction has an id and its entries sum
// to zero in each currency.
func Check(tx *sluice.Tx) error {
	if tx.ID == "" {
		return fmt.Errorf("transaction without an id")
	}
	sums := map[sluice.Currency]sluice.Amount{}
	for _, e := range tx.Entries {
		if e.Amount.Carry < 0 || e.Amount.Carry >= sluice.PicoPerNano {
			return fmt.Errorf("transaction %s: an entry's carry is %d, not 0..999", tx.ID, e.Amount.Carry)
		}
		sum, err := sums[e.Account.Currency].Add(e.Amount)
		if err != nil {
			return fmt.Errorf("transaction %s: %w", tx.ID, err)
		}
		sums[e.Account.Currency] = sum
	}
	for currency, sum := range sums {
		if sum.Sign() != 0 {
			return fmt.Errorf("transaction %s: its entries in %s sum to %s, not to zero", tx.ID, currency, sum)
		}
	}
	return nil
}

// transfer is a transaction of two entries: amount moves from one account to another.
func transfer(tx sluice.Tx, from, to sluice.AccountID, amount sluice.Amount) (sluice.Tx, error) {
	neg, err := amount.Neg()
	if err != nil {
		return sluice.Tx{}, err
	}
	tx.Entries = []sluice.Entry{{Account: from, Amount: neg}, {Account: to, Amount: amount}}
	return tx, nil
}

// Payment fills tx with money that an organisation paid: from clearing to its
// prepaid wallet. CodeInvalid unless the amount is positive.
func Payment(tx sluice.Tx, org string, currency sluice.Currency, amount sluice.Amount) (sluice.Tx, error) {
	return topUp(tx, sluice.TxPayment, sluice.AccountClearing, org, sluice.AccountPrepaid, currency, amount)
}

// Grant fills tx with credit that the operator gives: from the cost of
// promotion to the organisation's promotional wallet. CodeInvalid unless the
// amount is positive.
func Grant(tx sluice.Tx, org string, currency sluice.Currency, amount sluice.Amount) (sluice.Tx, error) {
	return topUp(tx, sluice.TxGrant, sluice.AccountPromotion, org, sluice.AccountPromotional, currency, amount)
}

func topUp(tx sluice.Tx, kind sluice.TxKind, from sluice.AccountKind, org string, to sluice.AccountKind, currency sluice.Currency, amount sluice.Amount) (sluice.Tx, error) {
	if amount.Sign() <= 0 {
		return sluice.Tx{}, sluice.Errorf(sluice.CodeInvalid, "A credit must be more than zero, not %s.", amount)
	}
	tx.Kind = kind
	return transfer(tx,
		sluice.AccountID{Owner: sluice.Operator, Kind: from, Currency: currency},
		sluice.AccountID{Owner: org, Kind: to, Currency: currency}, amount)
}

// Usage returns the transaction of a settled call: its charge, drawn from the
// wallets in the given order, goes to the revenue of the API or, when a
// simulator answered, to an account that is no revenue. The wallets' balances
// are reduced in place. An error says that they do not cover the charge; then
// nothing was changed.
func Usage(ev *sluice.Event, wallets []sluice.Account) (sluice.Tx, error) {
	tx := sluice.Tx{ID: ev.CallID, Kind: sluice.TxUsage, At: ev.EndedAt}
	if ev.Charge == 0 {
		return tx, nil
	}
	if ev.Charge < 0 {
		return sluice.Tx{}, fmt.Errorf("call %s: negative charge %d", ev.CallID, ev.Charge)
	}
	charge := ev.Charge.Amount()
	left := charge
	drawn := make([]sluice.Amount, len(wallets))
	for i, w := range wallets {
		part := left
		if w.Balance.Cmp(part) < 0 {
			part = w.Balance
		}
		if part.Sign() <= 0 {
			continue
		}
		drawn[i] = part
		var err error
		if left, err = left.Sub(part); err != nil {
			return sluice.Tx{}, fmt.Errorf("call %s: %w", ev.CallID, err)
		}
	}
	if left.Sign() != 0 {
		return sluice.Tx{}, fmt.Errorf("call %s: the wallets of %s lack %s of the charge %s", ev.CallID, ev.Org, left, charge)
	}
	for i, part := range drawn {
		if part.Sign() == 0 {
			continue
		}
		neg, err := part.Neg()
		if err == nil {
			wallets[i].Balance, err = wallets[i].Balance.Add(neg)
		}
		if err != nil {
			return sluice.Tx{}, fmt.Errorf("call %s: %w", ev.CallID, err)
		}
		tx.Entries = append(tx.Entries, sluice.Entry{Account: wallets[i].AccountID, Amount: neg})
	}
	earned := sluice.AccountRevenueAPI
	if ev.Simulated {
		earned = sluice.AccountSimulated
	}
	tx.Entries = append(tx.Entries, sluice.Entry{
		Account: sluice.AccountID{Owner: sluice.Operator, Kind: earned, Currency: ev.Currency},
		Amount:  charge,
	})
	return tx, nil
}
