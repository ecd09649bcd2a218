package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/billing/closing"
	"sluice/money/statement"
)

// TestStatement closes a day and reads its statement: what was charged is what the
// calls were, and the waterfall ends at what was paid.
func TestStatement(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	priced, err := w.Local.PriceModel(ctx, api.PriceModel{Currency: "USD", ModelPrices: api.ModelPrices{Model: "glm", ClassPrices: prices(t, "1", "", "1")}})
	if err != nil {
		t.Fatal(err)
	}
	org := w.Org("acme")
	w.Credit(org.ID, "10.00")
	at := w.Now().UTC()
	day := at.Format(time.DateOnly)
	for _, simulated := range []bool{false, true} {
		engine := "real"
		if simulated {
			engine = "sim"
		}
		w.Call(sluice.Event{
			Org: org.ID, Key: "key_1", Model: "glm", Engine: engine, Book: priced.Book, Simulated: simulated, AdmittedAt: at, EndedAt: at,
			Usage: sluice.Usage{1_000_000, 0, 0, 500_000}, List: 1_500_000_000_000, Charge: 1_500_000_000_000,
		})
	}
	w.Advance(49 * time.Hour)
	books := closing.New(closing.Options{Hours: w.Store, Days: w.Store, Notes: w.Store, Flush: w.Ledger.Flush, Now: w.Now})
	if _, err := books.SealDue(ctx, nil); err != nil {
		t.Fatal(err)
	}
	q := api.StatementQuery{Day: day, Currency: "USD", Reference: "glm"}
	for _, state := range []string{"open", "closed"} {
		st, err := w.Local.Statement(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, b := range st.Waterfall {
			got[b.Name] = b.Amount.String()
		}
		for name, want := range map[string]string{
			statement.BarTheoretical: "1.5", statement.BarList: "1.5", statement.BarCharged: "1.5", statement.BarDifference: "0",
			statement.BarRecognised: "1.5", statement.BarPrepaid: "7", statement.BarOutside: "1.5", statement.BarCash: "10",
		} {
			if got[name] != want {
				t.Errorf("%s: %s is %s, want %s", state, name, got[name], want)
			}
		}
		if st.Total.Units.Total() != 1_500_000 || st.Simulated.Units.Total() != 1_500_000 || st.Reach.CumulativeDevelopers != 1 || len(st.Models) != 1 || st.Models[0].List.String() != "1.5" {
			t.Errorf("%s: %+v", state, st)
		}
		if (state == "open") != (len(st.Notes) == 1) {
			t.Errorf("%s: notes %q", state, st.Notes)
		}
		if _, err := w.Local.CloseDay(ctx, day); err != nil && state == "open" {
			t.Fatal(err)
		}
	}
	rows, err := w.Local.StatementRows(ctx, q)
	if err != nil || !rows.Closed || len(rows.Rows) != 2 || rows.Reference.Prices[sluice.ClassOutput] != sluice.Pico(1_000_000) {
		t.Errorf("%+v, %v", rows, err)
	}
	for name, bad := range map[string]api.StatementQuery{"a day": {Day: "today", Currency: "USD"}, "a model": {Day: day, Currency: "USD", Reference: "none"}, "a currency": {Day: day, Currency: "usd"}} {
		if _, err := w.Local.Statement(ctx, bad); sluice.CodeOf(err) != sluice.CodeInvalid && sluice.CodeOf(err) != sluice.CodeModelNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSealedHours lists days and hours before and after a close, and downloads the statement.
func TestSealedHours(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	org := w.Org("acme")
	w.Credit(org.ID, "10.00")
	at := w.Now().UTC()
	day := at.Format(time.DateOnly)
	w.Advance(at.Truncate(24 * time.Hour).Add(50 * time.Hour).Sub(at)) // early on the day after the next
	books := closing.New(closing.Options{Hours: w.Store, Days: w.Store, Notes: w.Store, Flush: w.Ledger.Flush, Now: w.Now})
	if _, err := books.SealDue(ctx, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"open", "closed", "reopened"} {
		days, err := w.Local.Days(ctx, api.DaysQuery{From: day})
		if err != nil || len(days.Data) != 3 {
			t.Fatalf("%+v, %v", days, err)
		}
		d := days.Data[0]
		if d.Day != day || d.State != want || d.Sealed != 24 || d.Hours != 24 || d.Rows != 1 || d.At.IsZero() != (want == "open") {
			t.Errorf("%s: %+v", want, d)
		}
		if today := days.Data[2]; today.State != "open" || today.Sealed >= today.Hours {
			t.Errorf("today: %+v", today)
		}
		switch want {
		case "open":
			_, err = w.Local.CloseDay(ctx, day)
		case "closed":
			_, err = w.Local.ReopenDay(ctx, day, "a test")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	hours, err := w.Local.DayHours(ctx, day, api.Paging{})
	if err != nil || len(hours.Data) != 24 {
		t.Fatalf("%+v, %v", hours, err)
	}
	for _, h := range hours.Data {
		held := h.Hour.Equal(at.Truncate(time.Hour))
		if h.Sealed == h.Hour.Before(at.Truncate(time.Hour)) || held != (h.Rows == 1) || h.Sealed == h.Hash.IsZero() {
			t.Errorf("%+v", h)
		}
	}
	for _, bad := range []api.DaysQuery{{From: "yesterday"}, {Through: "x"}, {From: "2020-01-01", Through: "2026-01-01"}} {
		if _, err := w.Local.Days(ctx, bad); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestStatementFile downloads a statement as each kind of file.
func TestStatementFile(t *testing.T) {
	w := apitest.New(t)
	for format, begins := range map[string]string{"pdf": "%PDF-", "csv": "from,to,section,", "xlsx": "PK"} {
		r := httptest.NewRecorder()
		w.API.Local().ServeHTTP(r, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/statements/2026-01-01/file?format="+format, nil))
		if r.Code != http.StatusOK || !strings.HasPrefix(r.Body.String(), begins) {
			t.Errorf("%s: %d %.80q", format, r.Code, r.Body)
		}
		if got := r.Header().Get("Content-Disposition"); got != `attachment; filename="statement-2026-01-01.`+format+`"` {
			t.Errorf("%s: %s", format, got)
		}
	}
}
