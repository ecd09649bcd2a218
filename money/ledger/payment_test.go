package ledger_test

import (
	"testing"

	"pgregory.net/rapid"

	"sluice"
	"sluice/money/ledger"
)

// TestPaymentSplits checks, for any amounts, where a payment and its reversal
// go: the sum is zero, what is owed is paid first, a wallet gives no more than
// is free, and the rest is owed.
func TestPaymentSplits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := sluice.Pico(rapid.Int64Range(1, 1e15).Draw(t, "amount"))
		other := sluice.Pico(rapid.Int64Range(0, 1e15).Draw(t, "owed or free"))
		part := min(amount, other)
		check := func(tx sluice.Tx, err error, kind sluice.TxKind, clearing, prepaid, receivable sluice.Pico) {
			t.Helper()
			if err == nil {
				err = ledger.Check(&tx)
			}
			if err != nil || tx.Kind != kind || tx.ID != "tx_1" {
				t.Fatalf("%+v, %v", tx, err)
			}
			sums := map[sluice.AccountKind]sluice.Amount{}
			for _, e := range tx.Entries {
				if e.Amount.Sign() == 0 || sums[e.Account.Kind].Sign() != 0 || e.Account.Currency != "USD" ||
					(e.Account.Owner == sluice.Operator) != (e.Account.Kind == sluice.AccountClearing) {
					t.Errorf("the entry %+v of %+v", e, tx)
				}
				sums[e.Account.Kind] = e.Amount
			}
			for kind, want := range map[sluice.AccountKind]sluice.Pico{
				sluice.AccountClearing: clearing, sluice.AccountPrepaid: prepaid, sluice.AccountReceivable: receivable,
			} {
				if sums[kind] != want.Amount() {
					t.Errorf("%s moves %s, want %s", kind, sums[kind], want.Amount())
				}
			}
		}
		head := sluice.Tx{ID: "tx_1"}
		tx, err := ledger.Paid(head, "org_1", "USD", amount.Amount(), other.Amount())
		check(tx, err, sluice.TxPayment, -amount, amount-part, part)
		tx, err = ledger.TakenBack(head, "org_1", "USD", amount.Amount(), other.Amount())
		check(tx, err, sluice.TxCorrection, amount, -part, part-amount)
	})
}

func TestPaymentOfNothing(t *testing.T) {
	for _, amount := range []sluice.Amount{{}, {Nano: -1}} {
		_, paid := ledger.Paid(sluice.Tx{ID: "tx_1"}, "org_1", "USD", amount, sluice.Amount{})
		_, back := ledger.TakenBack(sluice.Tx{ID: "tx_1"}, "org_1", "USD", amount, sluice.Amount{})
		if sluice.CodeOf(paid) != sluice.CodeInvalid || sluice.CodeOf(back) != sluice.CodeInvalid {
			t.Errorf("%s: %v, %v", amount, paid, back)
		}
	}
}
