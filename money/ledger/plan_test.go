package ledger_test

import (
	"testing"

	"sluice"
	"sluice/money/ledger"

	"github.com/google/go-cmp/cmp"
)

// TestPlan: what is paid, earned and changed, entry by entry.
func TestPlan(t *testing.T) {
	yuan := func(nano int64) sluice.Amount { return sluice.Amount{Nano: nano} }
	head := sluice.Tx{ID: "tx_1"}
	build := func(tx sluice.Tx, err error) sluice.Tx {
		t.Helper()
		if err == nil {
			err = ledger.Check(&tx)
		}
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	entry := func(owner string, kind sluice.AccountKind, nano int64) sluice.Entry {
		return sluice.Entry{Account: sluice.AccountID{Owner: owner, Kind: kind, Currency: "CNY"}, Amount: yuan(nano)}
	}
	const org, operator = "org_1", sluice.Operator
	for name, c := range map[string]struct {
		tx   sluice.Tx
		kind sluice.TxKind
		want []sluice.Entry
	}{
		"paid from the wallet": {
			build(ledger.PlanPaid(head, org, "CNY", sluice.AccountPrepaid, yuan(49))), ledger.TxPlan,
			[]sluice.Entry{entry(org, sluice.AccountPrepaid, -49), entry(org, sluice.AccountDeferred, 49)},
		},
		"paid by card": {
			build(ledger.PlanPaid(head, org, "CNY", sluice.AccountClearing, yuan(49))), ledger.TxPlan,
			[]sluice.Entry{entry(operator, sluice.AccountClearing, -49), entry(org, sluice.AccountDeferred, 49)},
		},
		"earned": {
			build(ledger.PlanEarned(head, org, "CNY", yuan(2))), ledger.TxEarned,
			[]sluice.Entry{entry(org, sluice.AccountDeferred, -2), entry(operator, sluice.AccountRevenuePlan, 2)},
		},
		"changed": {
			build(ledger.PlanChanged(head, org, "CNY", sluice.AccountClearing, ledger.PlanChange{Pay: yuan(60), Deferred: yuan(58)})), ledger.TxPlan,
			[]sluice.Entry{entry(operator, sluice.AccountClearing, -60), entry(org, sluice.AccountDeferred, 58), entry(operator, sluice.AccountRounding, 2)},
		},
		"given back": {
			build(ledger.PlanChanged(head, org, "CNY", sluice.AccountClearing, ledger.PlanChange{Pay: yuan(-60), Deferred: yuan(-60)})), ledger.TxPlan,
			[]sluice.Entry{entry(org, sluice.AccountPrepaid, 60), entry(org, sluice.AccountDeferred, -60)},
		},
	} {
		if c.tx.ID != head.ID || c.tx.Kind != c.kind {
			t.Errorf("%s: %+v", name, c.tx)
		}
		if diff := cmp.Diff(c.want, c.tx.Entries); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	for name, err := range map[string]error{
		"free":            second(ledger.PlanPaid(head, org, "CNY", sluice.AccountPrepaid, yuan(0))),
		"from granted":    second(ledger.PlanPaid(head, org, "CNY", sluice.AccountPromotional, yuan(1))),
		"nothing earned":  second(ledger.PlanEarned(head, org, "CNY", yuan(0))),
		"negative earned": second(ledger.PlanEarned(head, org, "CNY", yuan(-1))),
	} {
		if sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second(_ sluice.Tx, err error) error { return err }
