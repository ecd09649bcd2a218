package ledger

import "sluice"

// Paid fills tx with money that an organisation paid: from clearing to what it
// owes (owed, not negative), and the rest to its prepaid wallet. Where nothing
// is owed it is Payment. CodeInvalid unless the amount is positive.
func Paid(tx sluice.Tx, org string, currency sluice.Currency, amount, owed sluice.Amount) (sluice.Tx, error) {
	tx, err := Payment(tx, org, currency, amount)
	if err != nil || owed.Sign() <= 0 {
		return tx, err
	}
	return share(tx, 1, owed)
}

// TakenBack fills tx with money that an organisation had paid and that left
// again, by a refund or a dispute: from its prepaid wallet as far as free
// reaches, and what was spent already from its receivable account, where it is
// owed; to clearing. CodeInvalid unless the amount is positive.
func TakenBack(tx sluice.Tx, org string, currency sluice.Currency, amount, free sluice.Amount) (sluice.Tx, error) {
	if amount.Sign() <= 0 {
		return sluice.Tx{}, sluice.Errorf(sluice.CodeInvalid, "What is taken back must be more than zero, not %s.", amount)
	}
	tx.Kind = sluice.TxCorrection
	tx, err := transfer(tx,
		sluice.AccountID{Owner: org, Kind: sluice.AccountPrepaid, Currency: currency},
		sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountClearing, Currency: currency}, amount)
	if err != nil {
		return sluice.Tx{}, err
	}
	owes, err := amount.Sub(free)
	if err != nil || owes.Sign() <= 0 {
		return tx, err
	}
	owed, err := owes.Neg()
	if err != nil {
		return sluice.Tx{}, err
	}
	return share(tx, 0, owed)
}

// share moves part of a line on an organisation's prepaid wallet to its
// receivable account, all of it where the line is smaller. Both have one sign.
func share(tx sluice.Tx, line int, part sluice.Amount) (sluice.Tx, error) {
	whole := &tx.Entries[line]
	other := *whole
	other.Account.Kind = sluice.AccountReceivable
	rest, err := whole.Amount.Sub(part)
	if err != nil {
		return sluice.Tx{}, err
	}
	if rest.Sign() == 0 || rest.Sign() != part.Sign() { // the whole line
		whole.Account = other.Account
		return tx, nil
	}
	other.Amount, whole.Amount = part, rest
	tx.Entries = append(tx.Entries, other)
	return tx, nil
}
