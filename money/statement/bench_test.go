package statement_test

import (
	"strconv"
	"testing"

	"sluice"
	"sluice/money/cost"
	"sluice/money/exact"
	"sluice/money/statement"
)

// BenchmarkMake makes the statement of a closed day with 2,000 customers, each of
// two models, whose rows have no hours.
func BenchmarkMake(b *testing.B) {
	fleet, err := statement.LoadNodes(open(b, "deepseek_nodes.csv"), "USD")
	if err != nil {
		b.Fatal(err)
	}
	in := &statement.Input{Currency: "USD", From: from, To: to, Fleet: fleet, Reference: r1(b), Rates: cost.NodeRates{Prefill: exact.Int(73_700), Decode: exact.Int(14_800)}, Entries: []statement.EntryRow{}}
	for i := range 2000 {
		for j, model := range []string{"r1", "v3"} {
			key := statement.Key{Hour: from, Model: model, Pool: "h800", Org: strconv.Itoa(i), Segment: statement.SegmentAPI, Currency: "USD", Outcome: statement.OutcomeCharged}
			amount := sluice.Amount{Nano: int64(i*977+j) * 1_000_003, Carry: int64(i % 1000)}
			in.Rows = append(in.Rows, statement.Row{Key: key, Sums: statement.Sums{Calls: 7, Units: sluice.Usage{int64(i) * 101, 33, 0, int64(j) * 77}, Plain: amount, Untimed: amount, List: amount, Charge: amount}})
			for _, account := range []sluice.AccountKind{sluice.AccountRevenueAPI, sluice.AccountPrepaid} {
				e := statement.EntryRow{EntryKey: statement.EntryKey{Hour: from, Kind: sluice.TxUsage, Account: account, Currency: "USD", Org: key.Org, Model: model, Segment: key.Segment, Pool: key.Pool}, Amount: amount}
				in.Entries = append(in.Entries, e)
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := statement.Make(in); err != nil {
			b.Fatal(err)
		}
	}
}
