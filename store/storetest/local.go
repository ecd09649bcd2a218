package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/money/localreport"
	"sluice/money/statement"
	"sluice/store"
)

// testLocalReports stores deployments and what they report.
func testLocalReports(t *testing.T, db *store.DB) {
	d := localreport.Deployment{Name: "acme-dc1", Org: "org_a", Key: "ab", Currency: "USD", Metered: true, CreatedAt: midnight()}
	check(t, db.CreateDeployment(t.Context(), &d))
	fails(t, "the same name", db.CreateDeployment(t.Context(), &d), sluice.CodeConflict)
	if got := must[[]localreport.Deployment](t)(db.Deployments(t.Context())); cmp.Diff([]localreport.Deployment{d}, got) != "" {
		t.Errorf("deployments %+v", got)
	}
	var rows []statement.Row
	for i := range 3 {
		row := statement.Row{Key: statement.Key{Hour: midnight().Add(time.Duration(i) * time.Hour), Model: "glm", Segment: statement.SegmentLocal, Org: "org_a", Currency: "USD", Outcome: statement.OutcomeCharged}}
		row.Calls, row.Units, row.List, row.Charge = int64(i+1), sluice.Usage{7, 0, 0, int64(i)}, sluice.Amount{Nano: 5, Carry: 3}, sluice.Amount{Nano: 5, Carry: 3}
		rows = append(rows, row)
	}
	ids := []string{"local_1", "local_2", ""}
	after := d
	after.Reports, after.Head, after.Through = 1, "cd", midnight().Add(3*time.Hour)
	check(t, db.AddLocalReport(t.Context(), &after, 0, rows, ids))

	again := after
	again.Head = "ef"
	fails(t, "a report that does not follow", db.AddLocalReport(t.Context(), &again, 0, rows, ids), sluice.CodeConflict)
	missing := after
	missing.Name = "nobody"
	fails(t, "a deployment that is not there", db.AddLocalReport(t.Context(), &missing, 0, rows, ids), sluice.CodeConflict)

	kept, txs, err := db.LocalReport(t.Context(), "acme-dc1", 1)
	if err != nil || cmp.Diff(rows, kept) != "" || cmp.Diff(ids, txs) != "" {
		t.Errorf("report 1: %v, %v, %v", kept, txs, err)
	}
	if kept, _, err := db.LocalReport(t.Context(), "acme-dc1", 2); err != nil || len(kept) != 0 {
		t.Errorf("report 2, which is not there: %v, %v", kept, err)
	}
	if got := must[[]statement.Row](t)(db.LocalRows(t.Context(), midnight().Add(time.Hour), midnight().Add(2*time.Hour))); cmp.Diff(rows[1:2], got) != "" {
		t.Errorf("the rows of an hour: %v", got)
	}
	if got := must[[]localreport.Deployment](t)(db.Deployments(t.Context())); cmp.Diff([]localreport.Deployment{after}, got) != "" {
		t.Errorf("after the report: %+v", got)
	}

	// Of reports that are imported at once, one is taken, with all of its rows.
	var wait sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wait.Go(func() {
			next := after
			next.Reports = 2
			errs[i] = db.AddLocalReport(t.Context(), &next, 1, rows[:2], []string{"", ""})
		})
	}
	wait.Wait()
	taken := 0
	for _, err := range errs {
		if err == nil {
			taken++
		} else if sluice.CodeOf(err) != sluice.CodeConflict {
			t.Errorf("at the same time: %v", err)
		}
	}
	all := must[[]statement.Row](t)(db.LocalRows(t.Context(), midnight(), midnight().AddDate(0, 0, 1)))
	if taken != 1 || len(all) != len(rows)+2 {
		t.Errorf("%d reports were taken, and there are %d rows", taken, len(all))
	}
}
