package metrics_test

import (
	"testing"

	"sluice/plug/metrics"
)

// What is watched is read at each scrape, with its labels.
func TestWatch(t *testing.T) {
	m := metrics.New()
	n := 0.0
	m.Watch([]metrics.Live{
		{Name: "sluice_test_depth", Help: "How deep.", Labels: []string{"model"}},
		{Name: "sluice_test_shed_total", Help: "How many.", Labels: []string{"model", "reason"}, Counter: true},
	}, func(emit func(string, float64, ...string)) {
		n++
		emit("sluice_test_depth", n, "a")
		emit("sluice_test_depth", 2*n, "b")
		emit("sluice_test_shed_total", n, "a", "full")
	})
	scrape(t, m)
	want(t, scrape(t, m), `sluice_test_depth{model="a"} 2`, `sluice_test_depth{model="b"} 4`,
		`sluice_test_shed_total{model="a",reason="full"} 2`, `# TYPE sluice_test_shed_total counter`, `# TYPE sluice_test_depth gauge`)
}
