package pdf_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/money/cost"
	"sluice/money/exact"
	"sluice/money/statement"
	"sluice/plug/pdf"
)

// TestStatement prints a day with everything in it and reads it back.
func TestStatement(t *testing.T) {
	day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	hour := func(h int) time.Time { return day.Add(time.Duration(h) * time.Hour) }
	in := &statement.Input{
		Currency: "USD", From: day, To: hour(24), Rates: cost.NodeRates{Prefill: exact.Int(73_700), Decode: exact.Int(14_800)},
		Fleet: &cost.Fleet{
			Currency: "USD", Pools: []cost.Pool{{Name: "h800", Chips: 8, Price: exact.Int(2), Watts: 10_200}}, PowerPrice: exact.Of(9, 100),
			Spans: []cost.Span{{Pool: "h800", From: day, To: hour(12), Nodes: exact.Int(278)}, {Pool: "h800", From: hour(12), To: hour(24), Nodes: exact.Int(175)}},
		},
		Reach: &statement.Reach{Customers: 1204, Developers: 3310, CumulativeCustomers: 20_104, CumulativeDevelopers: 51_000},
		Notes: []string{"Not all of it is closed: this is what is sealed by now."}, Entries: []statement.EntryRow{},
	}
	amount := func(s string) sluice.Amount {
		a, err := sluice.ParseAmount(s)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for i, r := range []struct {
		model, org string
		segment    statement.Segment
		outcome    statement.Outcome
		list       string
	}{
		{"deepseek-r1", "org_ateliers-réunis", statement.SegmentAPI, statement.OutcomeCharged, "201044.50"},
		{"deepseek-v3", "org_łódź", statement.SegmentAPI, statement.OutcomeCharged, "40311.25"},
		{"deepseek-r1", "org_3", statement.SegmentPlan, statement.OutcomePlan, "90412"},
		{"deepseek-v3", "org_4", statement.SegmentSearch, statement.OutcomeFree, "31220"},
		{"deepseek-r1", "org_5", statement.SegmentAPI, statement.OutcomeShort, "812.125"},
	} {
		row := statement.Row{Key: statement.Key{Hour: hour(i), Model: r.model, Pool: "h800", Segment: r.segment, Org: r.org, Currency: "USD", Outcome: r.outcome}}
		row.Calls, row.Units = 1000, sluice.Usage{53_200_000_000, 68_400_000_000, 0, 33_600_000_000}
		row.List, row.Plain, row.Untimed = amount(r.list), amount(r.list), amount(r.list)
		revenue := statement.EntryRow{EntryKey: statement.EntryKey{Hour: hour(i), Kind: sluice.TxUsage, Account: sluice.AccountRevenueAPI, Currency: "USD", Org: r.org, Model: r.model, Pool: "h800", Segment: r.segment}}
		if r.outcome == statement.OutcomeCharged {
			row.Charge, revenue.Amount = row.List, row.List
		}
		prepaid := revenue
		prepaid.Account = sluice.AccountPrepaid
		prepaid.Amount, _ = revenue.Amount.Neg()
		in.Rows, in.Entries = append(in.Rows, row), append(in.Entries, revenue, prepaid)
	}
	st, err := statement.Make(in)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pdf.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var b, again bytes.Buffer
	if err := p.Statement(&b, st, time.UTC); err != nil {
		t.Fatal(err)
	}
	if err := p.Statement(&again, st, time.UTC); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Errorf("printed twice it is not the same, %v", err)
	}
	if *keep != "" {
		if err := os.WriteFile(filepath.Join(*keep, "statement.pdf"), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	st.Customers[0].Name = "顧客"
	if err := p.Statement(&again, st, time.UTC); sluice.CodeOf(err) != sluice.CodeInvalid {
		t.Errorf("characters that no font has: %v", err)
	}
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("there is no pdftotext to read it with")
	}
	cmd := exec.CommandContext(t.Context(), "pdftotext", "-layout", "-", "-")
	cmd.Stdin = &b
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Operator's statement", "21 November 2026", "363,799.88", "241,355.75", "theoretical revenue", "plan usage", "org_łódź", "226.50, 278", "Page 1 of", "not closed"} {
		if want = strings.Replace(want, "not closed", "Not all of it is closed", 1); !strings.Contains(string(text), want) {
			t.Errorf("%q is not in it:\n%s", want, text)
		}
	}
}
