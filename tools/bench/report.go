package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// result is what a run found.
type result struct {
	Machine machine  `json:"machine"`
	Rounds  int      `json:"rounds"`
	Seconds float64  `json:"seconds"` // of one measurement
	Parts   []report `json:"parts"`
}

// report is what a part found.
type report struct {
	Name  string `json:"name"`
	About string `json:"about"`
	Rows  []row  `json:"rows"`
}

// row is one figure of each gateway.
type row struct {
	What   string             `json:"what"`
	Unit   string             `json:"unit"`
	Values map[string]float64 `json:"values"`          // by gateway
	Ratio  float64            `json:"ratio,omitempty"` // Sluice to nginx, where that says something
	Goal   string             `json:"goal,omitempty"`
	Met    bool               `json:"met,omitempty"`
}

// medians gives the middle of what was measured in all rounds.
type medians struct{ measured map[string][]sample }

// row works out one figure. Gateways for which of says no are left out.
func (m *medians) row(what, unit string, of func(sample) float64) row {
	r := row{What: what, Unit: unit, Values: map[string]float64{}}
	for name, samples := range m.measured {
		values := make([]float64, len(samples))
		for i, s := range samples {
			values[i] = of(s)
		}
		r.Values[name] = median(values)
	}
	return r
}

// costs is a row about what the gateways themselves use: there is none for
// the engine asked directly.
func (m *medians) costs(what, unit string, of func(sample) float64) row {
	r := m.row(what, unit, of)
	delete(r.Values, "direct")
	return r
}

// added is a row of times beyond those of the engine asked directly.
func (m *medians) added(what string, of func(sample) float64) row {
	r := m.row(what, "ms", of)
	for name := range r.Values {
		if name != "direct" {
			r.Values[name] -= r.Values["direct"]
		}
	}
	delete(r.Values, "direct")
	return r
}

// ratio adds how Sluice compares with nginx: the middle of the rounds' ratios,
// since gateways were measured close together within a round. most is the goal; 0 is none.
func (m *medians) ratio(r row, of func(sample) float64, most float64) row {
	a, b := m.measured["sluice"], m.measured["nginx"]
	ratios := make([]float64, min(len(a), len(b)))
	for i := range ratios {
		ratios[i] = of(a[i]) / of(b[i])
	}
	r.Ratio = median(ratios)
	if most > 0 {
		r.Goal, r.Met = fmt.Sprintf("≤ %g × nginx", most), r.Ratio <= most
	}
	return r
}

// below sets a goal for Sluice's own value.
func (r row) below(most float64) row {
	r.Goal, r.Met = fmt.Sprintf("< %g %s", most, r.Unit), r.Values["sluice"] < most
	return r
}

func (r *result) add(p *part, measured map[string][]sample) {
	r.Parts = append(r.Parts, report{p.name, p.about, p.rows(&medians{measured})})
}

func cpuAnswer(s sample) float64 { return 1e6 * s.CPU / s.Answers }
func cpuToken(s sample) float64  { return 1e6 * s.CPU / s.Tokens }
func busy(s sample) float64      { return 100 * s.CPU }

func requestRows(m *medians) []row {
	return []row{
		m.ratio(m.row("requests", "/s", func(s sample) float64 { return s.Answers }), func(s sample) float64 { return s.Answers }, 0),
		m.ratio(m.costs("CPU a request", "µs", cpuAnswer), cpuAnswer, 4),
		m.costs("share of the core", "%", busy),
	}
}

func pacedRows(m *medians) []row {
	return []row{
		m.row("chunks", "/s", func(s sample) float64 { return s.Tokens }),
		m.ratio(m.costs("CPU a chunk", "µs", cpuToken), cpuToken, 1.3),
		m.costs("share of the core", "%", busy),
		m.row("chunks that arrive together", "mean", func(s sample) float64 { return s.Tokens / s.Reads }),
		m.row("a chunk is late, p99", "ms", func(s sample) float64 { return 1e3 * s.Late.P99 }),
	}
}

func saturatedRows(m *medians) []row {
	return []row{
		m.ratio(m.row("chunks", "/s", func(s sample) float64 { return s.Tokens }), func(s sample) float64 { return s.Tokens }, 0),
		m.ratio(m.costs("CPU a chunk", "µs", cpuToken), cpuToken, 1.7),
	}
}

func ttftRows(m *medians) []row {
	return []row{
		m.row("streams", "/s", func(s sample) float64 { return s.Answers }),
		m.row("TTFT p50", "ms", func(s sample) float64 { return 1e3 * s.TTFT.P50 }),
		m.row("TTFT p99", "ms", func(s sample) float64 { return 1e3 * s.TTFT.P99 }),
		m.added("added TTFT p50", func(s sample) float64 { return 1e3 * s.TTFT.P50 }),
		m.added("added TTFT p99", func(s sample) float64 { return 1e3 * s.TTFT.P99 }).below(2),
	}
}

func memoryRows(m *medians) []row {
	perStream := func(s sample) float64 { return s.Memory / memoryStreams / 1024 }
	return []row{m.ratio(m.costs("memory a stream", "KiB", perStream), perStream, 0).below(64)}
}

// columns are the gateways of a result, in order.
func (r *result) columns() []string {
	var columns []string
	for _, name := range []string{"direct", "nginx", floorHTTP, floorFleet, "sluice", "against"} {
		there := func(p report) bool { _, ok := p.Rows[0].Values[name]; return ok }
		if slices.ContainsFunc(r.Parts, there) {
			columns = append(columns, name)
		}
	}
	return columns
}

// cells are a row's texts under the columns, then ratio, goal and whether it is met.
func (r *row) cells(columns []string) []string {
	cells := []string{r.What + ", " + r.Unit}
	for _, name := range columns {
		v, ok := r.Values[name]
		if !ok {
			cells = append(cells, "")
			continue
		}
		cells = append(cells, figure(v))
	}
	ratio, met := "", ""
	if r.Ratio != 0 {
		ratio = fmt.Sprintf("%.2f", r.Ratio)
	}
	if r.Goal != "" {
		met = map[bool]string{true: "yes", false: "no"}[r.Met]
	}
	return append(cells, ratio, r.Goal, met)
}

// figure writes a value with about three digits.
func figure(v float64) string {
	switch {
	case v >= 100 || v <= -100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10 || v <= -10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// titles name the columns.
func titles(columns []string) []string {
	return append(append([]string{""}, columns...), "sluice / nginx", "goal", "met")
}

// writeTable writes the result for a terminal.
func (r *result) writeTable(w io.Writer) error {
	columns := r.columns()
	fmt.Fprintf(w, "%s\n%d rounds of %g s, medians\n", r.Machine, r.Rounds, r.Seconds)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, p := range r.Parts {
		fmt.Fprintf(t, "\n%s: %s\n%s\n", p.Name, p.About, strings.Join(titles(columns), "\t"))
		for _, row := range p.Rows {
			fmt.Fprintln(t, strings.Join(row.cells(columns), "\t"))
		}
	}
	return t.Flush()
}

// writeMarkdown writes the result as BENCHMARKS.md has it.
func (r *result) writeMarkdown(w io.Writer) error {
	columns := r.columns()
	var err error
	line := func(format string, args ...any) {
		if err == nil {
			_, err = fmt.Fprintf(w, format, args...)
		}
	}
	line("%s. %d rounds of %g s, medians.\n", r.Machine, r.Rounds, r.Seconds)
	for _, p := range r.Parts {
		line("\n**%s**: %s\n\n| %s |\n|%s\n", p.Name, p.About, strings.Join(titles(columns), " | "), strings.Repeat("---|", len(columns)+4))
		for _, row := range p.Rows {
			line("| %s |\n", strings.Join(row.cells(columns), " | "))
		}
	}
	return err
}

func (r *result) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// missed lists the goals that were not met.
func (r *result) missed() []string {
	var missed []string
	for _, p := range r.Parts {
		for _, row := range p.Rows {
			if row.Goal != "" && !row.Met {
				missed = append(missed, p.Name+": "+row.What)
			}
		}
	}
	return slices.Clip(missed)
}
