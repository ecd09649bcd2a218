package api_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
)

// seriesRows is who may do what with usage by hours and days.
func seriesRows() map[string]row {
	org := func(tail string) func(tenant, int) (string, string) {
		return func(n tenant, _ int) (string, string) { return "/organisations/" + n.org + tail, "" }
	}
	fixed := func(path string) func(tenant, int) (string, string) {
		return func(tenant, int) (string, string) { return path, "" }
	}
	return map[string]row{
		"export-usage":         {"oafs/oabdv", 404, 200, org("/usage.csv"), nil},
		"get-usage-series":     {"oafs/oabdv", 404, 200, org("/usage/series"), nil},
		"export-usage-series":  {"oafs/oabdv", 404, 200, org("/usage/series.csv"), nil},
		"get-all-usage-series": {"oafs/", 0, 200, fixed("/usage/series"), nil},
		"list-limits":          {"oafs/oabdv", 404, 200, org("/limits"), nil},
		"list-payment-methods": {"oafs/oabdv", 0, 200, fixed("/payment-methods"), nil},
		"list-customers":       {"oafs/", 0, 200, fixed("/customers"), nil},
		"get-today":            {"oafs/", 0, 200, fixed("/today"), nil},
		"watch-today":          {"oafs/", 0, 503, fixed("/today/stream"), func(_ *testing.T, w *apitest.World) { w.API.EndStreams() }}, // or it would last
		"get-site":             {"public", 0, 200, fixed("/public/site"), nil},
		"list-public-models":   {"public", 0, 200, fixed("/public/models"), nil},
		"get-public-status":    {"public", 0, 200, fixed("/public/status"), nil},
		"get-rankings":         {"public", 0, 404, fixed("/public/rankings"), nil}, // it is off
		"put-site": {"oa/", 0, 200, func(tenant, int) (string, string) {
			return "/site", `{"name":"Acme","prices":true,"status":true,"rankings":false}`
		}, nil},
		"export-all-usage-series": {"oafs/", 0, 200, fixed("/usage/series.csv"), nil},
	}
}

// used books three calls of an organisation, two of them refused besides.
func used(t *testing.T, w *apitest.World, org string) (keys []api.NewKey) {
	t.Helper()
	keys = []api.NewKey{w.Key(sluice.RoleDeveloper, org), w.Key(sluice.RoleDeveloper, org)}
	noon := time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC)
	for n, k := range []api.NewKey{keys[0], keys[1], keys[0]} {
		at := noon.Add(time.Duration(n) * 25 * time.Minute)
		w.Call(sluice.Event{
			Org: org, Key: k.ID, Model: []string{"m", "=2+5", "m"}[n], Usage: sluice.Usage{10, 20, 0, 30, 0}, List: 1_000_000,
			AdmittedAt: at, FirstAt: at.Add(200 * time.Millisecond), EndedAt: at.Add(time.Second),
		})
	}
	refused := sluice.UsageRow{Start: noon, UsageKey: sluice.UsageKey{Org: org, Key: keys[0].ID, Model: "m", Currency: "USD"}}
	refused.AddResult("rate_limited", 2)
	refused.AddResult(sluice.ResultOK, 1)
	if err := w.Store.AddUsage(t.Context(), []sluice.UsageRow{refused}); err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestUsageSeries(t *testing.T) {
	w := apitest.New(t)
	o := w.Org("one")
	w.Credit(o.ID, "5.00")
	keys := used(t, w, o.ID)
	developer := w.Client(keys[0].Secret)
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	get := func(q api.SeriesQuery, by, key string) *api.UsageSeries {
		t.Helper()
		q.Since, q.Until = day, day.AddDate(0, 0, 1)
		s, err := developer.UsageSeries(t.Context(), o.ID, q, by, "", key)
		if err != nil {
			t.Fatal(err)
		}
		return &s
	}
	s := get(api.SeriesQuery{Step: sluice.UsageHour}, "", "")
	if len(s.Data) != 2 || s.Data[0].Start.Hour() != 12 || s.Data[0].Calls != 2 || s.Data[0].Requests != 3 || s.Data[0].Errors != 2 || s.Data[1].Calls != 1 {
		t.Errorf("by hour: %+v", s.Data)
	}
	want := api.UsageFigures{
		Requests: 3, Errors: 2, Calls: 3, Tokens: api.Tokens{Input: 30, Cached: 60, Output: 90},
		Charges: []api.Charge{{Currency: "USD", List: sluice.Amount{Nano: 3000}, Charge: sluice.Amount{Nano: 3000}}}, FirstToken: s.Total.FirstToken,
	}
	if d := cmp.Diff(want, s.Total.UsageFigures); d != "" || s.Total.Results["rate_limited"] != 2 {
		t.Errorf("in all (-want +got):\n%s%v", d, s.Total.Results)
	}
	if p := s.Total.FirstToken; p == nil || p.P50 < 175 || p.P50 > 225 {
		t.Errorf("the first token came after %+v ms", p)
	}
	s = get(api.SeriesQuery{Step: sluice.UsageDay}, "model", "")
	if len(s.Groups) != 2 || s.Groups[0].Name != "m" || s.Groups[0].Calls != 2 || len(s.Data) != 2 {
		t.Errorf("by model: %+v", s.Groups)
	}
	s = get(api.SeriesQuery{Step: sluice.UsageDay, Top: 1}, "key", "")
	if len(s.Groups) != 2 || s.Groups[0].Label != "developer" || s.Groups[0].Name != keys[0].ID || !s.Groups[1].Others || s.Groups[1].Calls != 1 || !s.Data[1].Others {
		t.Errorf("the largest key: %+v", s.Groups)
	}
	if s = get(api.SeriesQuery{Step: sluice.UsageDay}, "", keys[1].ID); s.Total.Calls != 1 {
		t.Errorf("of one key: %+v", s.Total)
	}
	all, err := w.Local.AllUsageSeries(t.Context(), api.SeriesQuery{Step: sluice.UsageDay, Since: day, Until: day.AddDate(0, 0, 1)}, "organisation")
	if err != nil || len(all.Groups) != 1 || all.Groups[0].Label != "one" || all.Total.Calls != 3 {
		t.Errorf("everybody's: %+v, %v", all, err)
	}
	for _, bad := range []string{"?since=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z", "?step=hour&since=2025-03-02T00:00:00Z", "?step=week", "?by=engine", "?top=0"} {
		resp, body := do(t, w, http.MethodGet, "/organisations/"+o.ID+"/usage/series"+bad, keys[0].Secret, "")
		if p := problemOf(t, resp, body); p.Code != string(sluice.CodeInvalid) {
			t.Errorf("%s: %s", bad, body)
		}
	}
}

// TestExports reads what is exported as a spreadsheet would.
func TestExports(t *testing.T) {
	w := apitest.New(t)
	o := w.Org("one")
	w.Credit(o.ID, "5.00")
	keys := used(t, w, o.ID)
	read := func(path string) [][]string {
		t.Helper()
		resp, body := do(t, w, http.MethodGet, path, keys[0].Secret, "")
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(resp.Header.Get("Content-Disposition"), ".csv") {
			t.Fatalf("%s: %d %v %s", path, resp.StatusCode, resp.Header, body)
		}
		rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	calls := read("/organisations/" + o.ID + "/usage.csv")
	if len(calls) != 4 || calls[1][5] != "m" || calls[2][5] != "'=2+5" || calls[1][16] != "0.000001" || !strings.HasSuffix(calls[1][22], calls[1][0]+"/receipt") {
		t.Errorf("the calls are %v", calls)
	}
	if one := read("/organisations/" + o.ID + "/usage.csv?status=failed"); len(one) != 1 {
		t.Errorf("the failed calls are %v", one)
	}
	series := read("/organisations/" + o.ID + "/usage/series.csv?by=key&step=hour&since=2026-03-01T00:00:00Z&until=2026-03-02T00:00:00Z")
	if len(series) != 4 || series[1][2] != "developer" {
		t.Errorf("the series is %v", series)
	}
}

// TestManyCalls pages through a table of 100,000 calls, whose receipts each row
// links to.
func TestManyCalls(t *testing.T) {
	if testing.Short() {
		t.Skip("books 100,000 calls")
	}
	w := apitest.New(t)
	o := w.Org("one")
	key := w.Key(sluice.RoleDeveloper, o.ID)
	const calls = 100_000
	begin := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for n := 0; n < calls; {
		var b sluice.Batch
		for range 5000 {
			at := begin.Add(time.Duration(n) * time.Second)
			id := fmt.Sprintf("call_%06d", n)
			b.Postings = append(b.Postings, sluice.Posting{Tx: sluice.Tx{ID: id, Kind: sluice.TxUsage, At: at}, Event: &sluice.Event{
				CallID: id, Org: o.ID, Key: key.ID, Model: fmt.Sprintf("m%d", n%5), AdmittedAt: at, EndedAt: at, FirstAt: at, Status: sluice.StatusCompleted, Currency: "USD", Usage: sluice.Usage{1},
			}})
			n++
		}
		if err := w.Store.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Store.FoldUsage(t.Context(), 2*calls); err != nil {
		t.Fatal(err)
	}
	page := func(path string) (p api.Page[api.Call], took time.Duration) {
		t.Helper()
		took = best(func() {
			resp, body := do(t, w, http.MethodGet, path, key.Secret, "")
			if err := json.Unmarshal([]byte(body), &p); err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("%d %s %v", resp.StatusCode, body, err)
			}
		})
		return p, took
	}
	path := "/organisations/" + o.ID + "/usage"
	first, took := page(path)
	middle, tookMiddle := page(path + "?until=2026-03-01T12:00:00Z&limit=1000")
	next, tookNext := page(path + "?until=2026-03-01T12:00:00Z&limit=1000&cursor=" + middle.Next)
	if first.Data[0].ID != "call_099999" || middle.Data[0].ID != "call_043199" || next.Data[0].ID != "call_042199" {
		t.Errorf("pages begin with %s, %s, %s", first.Data[0].ID, middle.Data[0].ID, next.Data[0].ID)
	}
	tookSeries := best(func() {
		s, err := w.Client(key.Secret).UsageSeries(t.Context(), o.ID, api.SeriesQuery{Step: sluice.UsageHour, Since: begin, Until: begin.AddDate(0, 0, 2)}, "model", "", "")
		if err != nil || s.Total.Calls != calls || len(s.Data) < 5*27 {
			t.Errorf("the series has %d calls in %d points: %v", s.Total.Calls, len(s.Data), err)
		}
	})
	t.Logf("first page %s, 1,000 in the middle %s, the next %s, the series %s", took, tookMiddle, tookNext, tookSeries)
	if slowest := max(took, tookMiddle, tookNext, tookSeries); slowest > answerLimit {
		t.Errorf("the slowest answer took %s", slowest)
	}
}

// answerLimit is far from what a scan of all calls would take.
const answerLimit = 2 * time.Second

// best is how long something takes that is tried until it is quick enough, some
// times at most: the machine may be busy.
func best(something func()) time.Duration {
	took := time.Duration(math.MaxInt64)
	for range 10 {
		before := time.Now()
		something()
		if took = min(took, time.Since(before)); took <= answerLimit {
			break
		}
	}
	return took
}
