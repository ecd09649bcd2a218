package api_test

import (
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/fleet/power"
	"sluice/money/electricity"
)

// powerRows are the operations of power, for TestRoles.
func powerRows() map[string]row {
	fixed := func(path, body string) func(tenant, int) (string, string) {
		return func(tenant, int) (string, string) { return path, body }
	}
	engine := func(t *testing.T, w *apitest.World) {
		if _, err := w.Local.PutEngine(t.Context(), "powered", api.PutEngine{URL: "http://127.0.0.1:1", Models: map[string]string{"m": "m"}}); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]row{
		"get-power":           {"oafs", 0, 200, fixed("/power", ""), nil},
		"get-power-report":    {"oafs", 0, 200, fixed("/power/report?day=2026-01-01", ""), nil},
		"get-power-price":     {"oafs", 0, 200, fixed("/power/price", ""), nil},
		"put-power-price":     {"of", 0, 200, fixed("/power/price", `{"terms":[{"currency":"CNY","price":"0.6"}]}`), nil},
		"get-power-limit":     {"oafs", 0, 200, fixed("/power/limit", ""), nil},
		"put-power-limit":     {"oa", 0, 200, fixed("/power/limit", `{"limit_watts":5}`), nil},
		"put-power-supply":    {"oa", 0, 204, fixed("/power/engines/powered", `{"busy_watts":5}`), engine},
		"delete-power-supply": {"oa", 0, 404, fixed("/power/engines/nobody", ""), nil},
	}
}

// TestPower sets what power costs, a limit and a supply, and reads a report.
func TestPower(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	const text = `
terms:
  - currency: CNY
    price: "0.6"
    contracted_kw: 200
    contracted_price: "38"
    overhead_percent: 25
    bands:
      - name: valley
        price: "0.3"
        hours: {zone: Asia/Shanghai, arcs: ["Mon-Sun 23:00-07:00"]}
`
	price, err := api.ParsePowerPrice([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	shown, err := w.Local.PutPowerPrice(ctx, price)
	if err != nil || len(shown.Terms) != 1 || shown.Terms[0].Bands[0].Hours.Zone != "Asia/Shanghai" || len(shown.Terms[0].Bands[0].Hours.Arcs) == 0 || shown.Terms[0].ContractedPrice != "38" || shown.Terms[0].Since != nil {
		t.Fatalf("%+v, %v", shown, err)
	}
	if _, err := w.Local.PutEngine(ctx, "gpu", api.PutEngine{URL: "http://127.0.0.1:1", Models: map[string]string{"m": ""}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Local.PutPowerSupply(ctx, "gpu", power.Supply{Chip: "h20"}); err != nil {
		t.Fatal(err)
	}
	fails := func(what, want string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(sluice.ErrorOf(err).Message, want) {
			t.Errorf("%s: want %q, got %v", what, want, err)
		}
	}
	fails("a supply that says nothing", "busy_watts", w.Local.PutPowerSupply(ctx, "gpu", power.Supply{}))
	fails("a supply of nobody", "no engine", w.Local.PutPowerSupply(ctx, "nobody", power.Supply{Busy: 1}))
	if err := w.Local.DeletePowerSupply(ctx, "gpu"); err != nil {
		t.Fatal(err)
	}
	fails("a supply that is gone", "power supply", w.Local.DeletePowerSupply(ctx, "gpu"))
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	limit, err := w.Local.PutPowerLimit(ctx, api.PowerLimit{Limit: 1000, Temporary: 500, Until: &until})
	if err != nil || limit.Limit != 1000 || limit.Temporary != 500 || !limit.Until.Equal(until) {
		t.Errorf("%+v, %v", limit, err)
	}

	noon := time.Date(2026, 11, 20, 4, 0, 0, 0, time.UTC) // in Shanghai
	err = w.Store.AddPower(ctx, &electricity.Batch{
		ID: "1", Drawn: []electricity.Drawn{{Slot: noon, Engine: "eng_1", Measured: electricity.Part{Energy: 2 * electricity.PerKWh, For: electricity.Slot}}},
		Worked:  []electricity.Worked{{Slot: noon, Engine: "eng_1", Model: "m", Tokens: electricity.Tokens{Read: 7, Written: 3}}},
		Watched: []electricity.Watched{{Engine: "eng_1", Name: "gpu", First: noon, Last: noon.Add(electricity.Slot)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Local.PowerReport(ctx, api.PowerReportQuery{Day: "2026-11-20", Zone: "Asia/Shanghai"})
	if err != nil || r.Currency != "CNY" || r.Total.Cost.Text(2) != "1.50" || len(r.Rows) != 1 || r.Rows[0].Name != "gpu" || r.Rows[0].Model != "m" ||
		r.Rows[0].Hour.Format("15:04 -0700") != "12:00 +0800" || r.Total.JoulesPerToken.Text(0) != "720000" || r.Total.Source != electricity.Measured || r.Peak != 10_000 {
		t.Errorf("%+v, %v", r, err)
	}
	before, err := w.Local.PowerReport(ctx, api.PowerReportQuery{Day: "2026-11-21", Zone: "Asia/Shanghai"})
	if err != nil || before.Total.Energy != 0 || len(before.Hours) != 0 {
		t.Errorf("%+v, %v", before, err)
	}
	_, err = w.Local.PowerReport(ctx, api.PowerReportQuery{Day: "2026-11-20", Zone: "Mars/Phobos"})
	fails("a zone of nowhere", "timezone", err)
	_, err = w.Local.PowerReport(ctx, api.PowerReportQuery{Day: "yesterday"})
	fails("no day", "no day", err)
	price.Terms[0].Price = "cheap"
	_, err = w.Local.PutPowerPrice(ctx, price)
	fails("no price", "no decimal", err)
	if _, err := api.ParsePowerPrice([]byte("terms: [{curency: CNY}]")); sluice.CodeOf(err) != sluice.CodeInvalid {
		t.Errorf("a slip of the pen: %v", err)
	}
	now, err := w.Local.Power(ctx)
	if err != nil || now.Source != electricity.Unknown || now.Price == nil || now.Changes == nil {
		t.Errorf("%+v, %v", now, err)
	}
}
