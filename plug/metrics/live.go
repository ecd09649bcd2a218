package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Live is a metric with labels that is read when it is asked for.
type Live struct {
	Name, Help string
	Labels     []string
	Counter    bool // it only rises; a gauge otherwise
}

// Watch adds metrics that are read together when they are asked for: read gives
// each value with its metric's name and the labels' values. Each name once.
func (m *Metrics) Watch(all []Live, read func(emit func(name string, value float64, labels ...string))) {
	c := &collector{kinds: map[string]prometheus.ValueType{}, descs: map[string]*prometheus.Desc{}, read: read}
	for _, l := range all {
		c.descs[l.Name] = prometheus.NewDesc(l.Name, l.Help, l.Labels, nil)
		c.kinds[l.Name] = prometheus.GaugeValue
		if l.Counter {
			c.kinds[l.Name] = prometheus.CounterValue
		}
	}
	m.registry.MustRegister(c)
}

// collector implements prometheus.Collector for Watch.
type collector struct {
	descs map[string]*prometheus.Desc
	kinds map[string]prometheus.ValueType
	read  func(emit func(name string, value float64, labels ...string))
}

// Describe sends what the metrics are.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		to <- d
	}
}

// Collect sends what they are now.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	c.read(func(name string, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(c.descs[name], c.kinds[name], value, labels...)
	})
}
