package metrics

import "github.com/prometheus/client_golang/prometheus"

// series are metrics with labels that are read when they are asked for.
type series struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(set func(value float64, labels ...string))
}

// Gauges adds gauges with labels that are read when they are asked for: read
// calls set for each, with the labels' values in order and no two alike. Each
// name once.
func (m *Metrics) Gauges(name, help string, labels []string, read func(set func(value float64, labels ...string))) {
	m.registry.MustRegister(&series{prometheus.NewDesc(name, help, labels, nil), prometheus.GaugeValue, read})
}

// Counters is Gauges for what only grows.
func (m *Metrics) Counters(name, help string, labels []string, read func(set func(value float64, labels ...string))) {
	m.registry.MustRegister(&series{prometheus.NewDesc(name, help, labels, nil), prometheus.CounterValue, read})
}

// Describe implements prometheus.Collector.
func (s *series) Describe(to chan<- *prometheus.Desc) { to <- s.desc }

// Collect implements prometheus.Collector.
func (s *series) Collect(to chan<- prometheus.Metric) {
	s.read(func(value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(s.desc, s.kind, value, labels...)
	})
}
