package api_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
)

// busy sets up two models with simulated engines, one of which is not there.
func busy(t *testing.T, w *apitest.World) *api.Organisation {
	t.Helper()
	o := w.Org("one")
	w.Credit(o.ID, "5.00")
	for name, url := range map[string]string{"fine": "sim:instant", "away": "http://127.0.0.1:1"} {
		if _, err := w.Local.PutEngine(t.Context(), name, api.PutEngine{URL: url, Models: map[string]string{"m-" + name: ""}}); err != nil {
			t.Fatal(err)
		}
	}
	list := api.PriceList{Currency: "USD"}
	for _, m := range []string{"m-fine", "m-away", "m-none"} {
		if _, err := w.Local.PutModel(t.Context(), m, api.PutModel{ContextLength: 4096}); err != nil {
			t.Fatal(err)
		}
		list.Models = append(list.Models, api.ModelPrices{Model: m, ClassPrices: prices(t, "1", "", "2")})
	}
	if _, err := w.Local.PublishPriceBook(t.Context(), api.PublishPriceBook{PriceList: list}); err != nil {
		t.Fatal(err)
	}
	return &o
}

// ended counts a request as the gateway does.
func ended(w *apitest.World, org, model string, failed sluice.Code) {
	now := w.Now()
	r := sluice.Report{Org: org, Currency: "USD", Model: model, StartedAt: now.Add(-time.Second), FirstAt: now.Add(-time.Second / 2), EndedAt: now}
	r.Event.Usage[sluice.ClassOutput] = 60
	if failed != "" {
		r.Failed, r.FirstAt, r.Event = sluice.Errorf(failed, "no"), time.Time{}, sluice.Event{}
	}
	w.Tally.CallEnded(r)
}

func TestToday(t *testing.T) {
	w := apitest.New(t)
	o := busy(t, w)
	for range 30 {
		ended(w, o.ID, "m-fine", "")
	}
	ended(w, o.ID, "m-fine", sluice.CodeRateLimited)
	w.Call(sluice.Event{Org: o.ID, Key: "key_1", Model: "m-fine", List: 2_000_000, Usage: sluice.Usage{5, 0, 0, 7}})
	w.Call(sluice.Event{Org: o.ID, Key: "key_1", Model: "m-fine", List: 1_000_000, Simulated: true})
	if err := w.Tally.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Advance(time.Second) // the seconds that count are over
	got, err := w.Local.Today(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Now.Requests < 0.4 || got.Now.CompletionTokens < 25 || got.Now.Errors == 0 || got.Now.FirstToken == nil || len(got.Minutes) != 60 {
		t.Errorf("now: %+v", got.Now)
	}
	if d := got.Day; d.Requests != 31 || d.Errors != 1 || d.Calls != 2 || d.Tokens.Output != 7 {
		t.Errorf("the day: %+v", d)
	}
	if len(got.Money) != 1 || got.Money[0].Income.String() != "0.000002" || got.Money[0].Cost != nil {
		t.Errorf("the money: %+v", got.Money)
	}
	if len(got.Engines) != 2 || got.Engines[0].Name != "away" || got.Engines[1].Status == nil {
		t.Errorf("the engines: %+v", got.Engines)
	}
	health := map[string]api.ModelHealth{}
	for _, m := range got.Models {
		health[m.Model] = m.Health
	}
	if got.Models[0].Model != "m-fine" || health["m-fine"] != api.ModelUp || health["m-none"] != api.ModelDown {
		t.Errorf("the models: %+v", got.Models)
	}
	for range 30 {
		ended(w, o.ID, "m-fine", sluice.CodeEngineFailed)
	}
	if got, err = w.Local.Today(t.Context()); err != nil || got.Models[0].Health != api.ModelDown || got.Models[0].Faults != 30 {
		t.Errorf("with faults: %+v, %v", got.Models[0], err)
	}
}

// TestWatchToday reads two events, has the server stop, and finds the stream ended.
func TestWatchToday(t *testing.T) {
	w := apitest.New(t)
	o := busy(t, w)
	seen := 0
	err := w.Client(keyOf(t, w, sluice.RoleSupport)).WatchToday(t.Context(), func(got api.Today) error {
		if len(got.Engines) != 2 {
			t.Errorf("seen: %+v", got)
		}
		if seen++; seen == 1 {
			ended(w, o.ID, "m-fine", "")
			return nil
		}
		w.API.EndStreams()
		return nil
	})
	if !errors.Is(err, io.EOF) || seen < 2 {
		t.Errorf("after %d events: %v", seen, err)
	}
	if err := w.Local.WatchToday(t.Context(), nil); sluice.CodeOf(err) != sluice.CodeUnavailable {
		t.Errorf("after the end: %v", err)
	}
}

func TestCustomersAndLimits(t *testing.T) {
	w := apitest.New(t)
	o := busy(t, w)
	w.Org("two hills") // no id has a space
	key, err := w.Local.CreateKey(t.Context(), api.CreateKey{Organisation: o.ID, Name: "laptop", Limits: api.Limits{RequestsPerMinute: 60}})
	if err != nil {
		t.Fatal(err)
	}
	revoked := w.Key(sluice.RoleDeveloper, o.ID)
	if _, err := w.Local.RevokeKey(t.Context(), revoked.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Local.CreateProject(t.Context(), api.CreateProject{Organisation: o.ID, Name: "web", Limits: api.Limits{Concurrent: 3}}); err != nil {
		t.Fatal(err)
	}
	w.Call(sluice.Event{Org: o.ID, Key: key.ID, Model: "m-fine", List: 2_000_000})
	page, err := w.Local.Customers(t.Context(), "", api.Paging{Limit: 1})
	if err != nil || len(page.Data) != 1 || page.Next == "" {
		t.Fatalf("%+v, %v", page, err)
	}
	c := page.Data[0]
	if c.Name != "one" || c.Keys != 1 || c.LastUse.IsZero() || c.Usage.Calls != 1 || c.Balance.Available.String() != "4.999998" {
		t.Errorf("the customer is %+v", c)
	}
	if page, err = w.Local.Customers(t.Context(), "TWO H", api.Paging{}); err != nil || len(page.Data) != 1 || page.Data[0].Name != "two hills" {
		t.Errorf("by name: %+v, %v", page, err)
	}
	limits, err := w.Client(key.Secret).Limits(t.Context(), o.ID, "", api.Paging{})
	if err != nil || len(limits.Data) != 2 {
		t.Fatalf("%+v, %v", limits, err)
	}
	p, k := limits.Data[0], limits.Data[1]
	if p.Kind != "project" || p.Limits.Concurrent != 3 || k.ID != key.ID || k.RequestsLeft != 60 || k.Spent.String() != "0.000002" {
		t.Errorf("the limits are %+v and %+v", p, k)
	}
}

func TestPublic(t *testing.T) {
	w := apitest.New(t)
	o := busy(t, w)
	today := w.Now().UTC().Truncate(24 * time.Hour)
	var rows []sluice.UsageRow
	for n, faults := range []int64{0, 50, 5} { // three days ago, the day before yesterday, yesterday
		r := sluice.UsageRow{Start: today.AddDate(0, 0, n-3), UsageKey: sluice.UsageKey{Org: o.ID, Key: "key_1", Model: "m-fine", Currency: "USD"}}
		r.Usage[sluice.ClassInput] = 1000
		r.AddResult(sluice.ResultOK, 100-faults)
		if faults > 0 {
			r.AddResult(string(sluice.CodeEngineFailed), faults)
		}
		rows = append(rows, r)
	}
	other := sluice.UsageRow{Start: today.AddDate(0, 0, -1), UsageKey: sluice.UsageKey{Org: o.ID, Key: "key_1", Model: "m-none", Currency: "USD"}}
	other.Usage[sluice.ClassOutput] = 1000
	if err := w.Store.AddUsage(t.Context(), append(rows, other)); err != nil {
		t.Fatal(err)
	}
	ctx, nobody := t.Context(), w.Client("")
	models, err := nobody.PublicModels(ctx, api.Paging{})
	if err != nil || len(models.Data) != 3 || models.Data[0].Name != "m-away" || models.Data[0].Prices[0].Now.Prices.Input.String() != "1.00" {
		t.Errorf("the models: %+v, %v", models, err)
	}
	status, err := nobody.PublicStatus(ctx)
	if err != nil || len(status.Models) != 3 || status.Health != api.ModelDown {
		t.Fatalf("the state: %+v, %v", status, err)
	}
	fine := status.Models[1]
	if n := len(fine.Days); n != 90 || fine.Days[n-4].Health != api.ModelUp || fine.Days[n-3].Health != api.ModelDown || fine.Days[n-2].Health != api.ModelDegraded || fine.Days[0].Health != api.ModelIdle {
		t.Errorf("the days: %+v", fine.Days)
	}
	if fine.Health != api.ModelUp || *fine.Availability != 0.8166 || fine.Days[89].Day != today.Format(time.DateOnly) {
		t.Errorf("of m-fine: %+v", fine)
	}
	if _, err := nobody.Rankings(ctx); sluice.CodeOf(err) != sluice.CodeNotFound {
		t.Errorf("rankings that are off: %v", err)
	}
	site := api.Site{Name: "Acme", Rankings: true, Status: true}
	if _, err := w.Client(keyOf(t, w, sluice.RoleOwner)).PutSite(ctx, site); err != nil {
		t.Fatal(err)
	}
	if got, err := nobody.Site(ctx); err != nil || got != site {
		t.Errorf("the site: %+v, %v", got, err)
	}
	ranks, err := nobody.Rankings(ctx)
	if err != nil || len(ranks.Data) != 2 || ranks.Data[0].Model != "m-fine" || ranks.Data[0].Tokens != 3000 || ranks.Data[0].Share != 0.75 || ranks.Data[0].Days[29] != 1000 {
		t.Errorf("the rankings: %+v, %v", ranks, err)
	}
	if _, err := nobody.PublicModels(ctx, api.Paging{}); sluice.CodeOf(err) != sluice.CodeNotFound {
		t.Errorf("prices that are off: %v", err)
	}
	for _, bad := range []string{`{"name":"a\nb","prices":true,"status":true,"rankings":true}`, `{"name":"a","prices":true,"status":true,"rankings":true,"contact":"javascript:alert(1)"}`} {
		if resp, body := do(t, w, http.MethodPut, "/site", keyOf(t, w, sluice.RoleOwner), bad); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s", bad, resp.StatusCode, body)
		}
	}
	resp, body := do(t, w, http.MethodGet, "/public/site", "", "", "Origin", "https://elsewhere.example")
	if resp.Header.Get("Access-Control-Allow-Origin") != "*" || resp.Header.Get("Cache-Control") != "public, max-age=10" || json.Valid([]byte(body)) == false {
		t.Errorf("from elsewhere: %v %s", resp.Header, body)
	}
}

// TestPaymentMethods lists them for a customer.
func TestPaymentMethods(t *testing.T) {
	w := apitest.New(t)
	o := w.Org("one")
	methods, err := w.Client(w.Key(sluice.RoleViewer, o.ID).Secret).PaymentMethods(t.Context(), api.Paging{})
	if err != nil || len(methods.Data) != 1 || methods.Data[0].Provider != "manual" || methods.Data[0].Checkout {
		t.Errorf("%+v, %v", methods, err)
	}
}
