package power

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice"
	"sluice/money/electricity"
)

// TestEstimate estimates from the table, from the operator's figures, and from
// nothing.
func TestEstimate(t *testing.T) {
	for _, c := range []struct {
		supply         Supply
		running, limit int64
		want           int64 // watts, -1: unknown
	}{
		{Supply{Chip: "h20", Chips: 4}, 0, 0, 400}, // a quarter of 4 × 400
		{Supply{Chip: "h20", Chips: 4}, 16, 0, 1000},
		{Supply{Chip: "h20", Chips: 4}, 99, 0, 1600},
		{Supply{Chip: "h20", Chips: 4}, 16, 16, 1600}, // its own limit fills it
		{Supply{Chip: "h20"}, 0, 0, 100},
		{Supply{Chip: "h20", Busy: 300, Idle: 60, Full: 8}, 4, 16, 180}, // the operator knows better
		{Supply{Busy: 300}, -1, 0, 75},
		{Supply{Cards: []string{"nvidia:0"}}, 9, 0, -1},
	} {
		got := c.supply.estimate(c.running, c.limit)
		want := Draw{c.want * 1000, electricity.Estimated}
		if c.want < 0 {
			want = Draw{Source: electricity.Unknown}
		}
		if got != want {
			t.Errorf("%+v with %d calls: %+v, want %+v", c.supply, c.running, got, want)
		}
	}
}

// TestSupplyRefused refuses supplies that say nothing or cannot be, and says why.
func TestSupplyRefused(t *testing.T) {
	good := Metric{URL: "http://dcgm:9400/metrics", Name: "DCGM_FI_DEV_POWER_USAGE"}
	with := func(change func(*Metric)) *Metric { m := good; change(&m); return &m }
	for want, s := range map[string]Supply{
		"neither cards nor":   {Chips: 3},
		"no card such as":     {Cards: []string{"nvidia"}},
		"not both":            {Cards: []string{"nvidia:0"}, Metric: &good},
		"http://":             {Metric: with(func(m *Metric) { m.URL = "file:///etc/passwd" })},
		"no name of a metric": {Metric: with(func(m *Metric) { m.Name = "a b" })},
		"factor":              {Metric: with(func(m *Metric) { m.Factor = -1 })},
		"no chip":             {Chip: "abacus"},
		"which is less":       {Busy: 100, Idle: 200},
	} {
		if err := s.Check(); sluice.CodeOf(err) != sluice.CodeInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	for _, s := range []Supply{{Metric: &good}, {Cards: []string{"ascend:7"}}, {Chip: "h20", Idle: 90}, {Busy: 1}} {
		if err := s.Check(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// TestMetric reads meters that say it, that say nothing, and that say nonsense.
func TestMetric(t *testing.T) {
	const dcgm = "# TYPE DCGM_FI_DEV_POWER_USAGE gauge\n" +
		`DCGM_FI_DEV_POWER_USAGE{gpu="0",Hostname="a"} 310.5` + "\n" + `DCGM_FI_DEV_POWER_USAGE{gpu="1",Hostname="a"} 290` + "\n" +
		`DCGM_FI_DEV_POWER_USAGE{gpu="0",Hostname="b"} 77` + "\nmw 1500\nbroken NaN\nhuge 1e30\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(dcgm))
	}))
	defer server.Close()
	for _, c := range []struct {
		metric Metric
		want   int64 // milliwatts
		fault  string
	}{
		{Metric{Name: "DCGM_FI_DEV_POWER_USAGE", Labels: map[string]string{"Hostname": "a"}}, 600_500, ""},
		{Metric{Name: "DCGM_FI_DEV_POWER_USAGE", Labels: map[string]string{"Hostname": "a", "gpu": "1"}}, 290_000, ""},
		{Metric{Name: "DCGM_FI_DEV_POWER_USAGE"}, 677_500, ""},
		{Metric{Name: "mw", Factor: 0.001}, 1500, ""},
		{Metric{Name: "mw", Labels: map[string]string{"gpu": "0"}}, 0, "no series"},
		{Metric{Name: "broken"}, 0, "no engine draws"},
		{Metric{Name: "huge"}, 0, "no engine draws"},
		{Metric{URL: server.URL + "/nowhere", Name: "mw"}, 0, "404"},
		{Metric{URL: "http://127.0.0.1:1/metrics", Name: "mw"}, 0, "asking the meter"},
	} {
		if c.metric.URL == "" {
			c.metric.URL = server.URL + "/metrics"
		}
		got, err := c.metric.read(t.Context(), server.Client())
		if c.fault != "" {
			if err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%+v: want %q, got %v, %v", c.metric, c.fault, got, err)
			}
			continue
		}
		if err != nil || got != (Draw{c.want, electricity.Measured}) {
			t.Errorf("%+v: %+v, %v", c.metric, got, err)
		}
	}
}
