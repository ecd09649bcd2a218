package site

import (
	"strconv"
	"time"

	"sluice/api"
)

// state is the state of the service as it is shown.
type state struct {
	Health string
	Text   string
	Models []modelLine
}

// modelLine is a model's state.
type modelLine struct {
	Name, Link   string
	Health, Text string
	Availability string
	Days         []dayBar
	First        string // the first day
}

// dayBar is a day in the history. X is where it stands.
type dayBar struct {
	X            int
	Health, Text string
}

// healthText says what a state means.
func (v *view) healthText(h api.ModelHealth) string {
	switch h {
	case api.ModelUp:
		return v.T("Operational")
	case api.ModelDegraded:
		return v.T("Degraded")
	case api.ModelDown:
		return v.T("Not available")
	case api.ModelIdle:
	}
	return v.T("No requests")
}

func stateOf(v *view, s *api.PublicStatus) *state {
	out := &state{Health: string(s.Health), Text: v.T("All models are operational")}
	switch s.Health {
	case api.ModelDegraded:
		out.Text = v.T("Some models are degraded")
	case api.ModelDown:
		out.Text = v.T("Some models are not available")
	case api.ModelUp, api.ModelIdle:
	}
	for i := range s.Models {
		out.Models = append(out.Models, modelState(v, &s.Models[i]))
	}
	return out
}

// barWidth is the room of a day in the history.
const barWidth = 8

func modelState(v *view, m *api.ModelStatus) modelLine {
	line := modelLine{Name: m.Model, Link: "/models/" + m.Model, Health: string(m.Health), Text: v.healthText(m.Health), Availability: v.percent(m.Availability)}
	for i, d := range m.Days {
		day, err := time.Parse(time.DateOnly, d.Day)
		if err != nil { // the API writes days
			continue
		}
		bar := dayBar{X: i * barWidth, Health: string(d.Health), Text: v.day(day) + ": " + v.healthText(d.Health)}
		if d.Availability != nil {
			bar.Text += ", " + v.percent(d.Availability)
		}
		if i == 0 {
			line.First = v.day(day)
		}
		line.Days = append(line.Days, bar)
	}
	return line
}

// rank is a place in the rankings as it is shown.
type rank struct {
	Place              int
	Name, Link, Tokens string
	Share              string
	Width              int // of its bar, 0 to 1000
	Trend, Change      string
	Line               string // the points of its days, for a polyline of 120 by 24
}

func ranks(v *view, r *api.Rankings) []rank {
	all := make([]rank, 0, len(r.Data))
	for i := range r.Data {
		d := &r.Data[i]
		share := d.Share
		one := rank{Place: i + 1, Name: d.Model, Link: "/models/" + d.Model, Tokens: v.large(d.Tokens), Share: v.percentTo(d.Share, 1), Line: line(d.Days)}
		if first := r.Data[0].Share; first > 0 {
			one.Width = int(1000 * share / first)
		}
		switch {
		case d.Before == 0:
			one.Trend, one.Change = "new", v.T("new")
		case d.Tokens >= d.Before:
			one.Trend, one.Change = "more", "+"+v.percentTo(float64(d.Tokens-d.Before)/float64(d.Before), 0)
		default:
			one.Trend, one.Change = "less", "−"+v.percentTo(float64(d.Before-d.Tokens)/float64(d.Before), 0)
		}
		all = append(all, one)
	}
	return all
}

// line writes days as the points of a line, 120 wide and 24 high.
func line(days []int64) string {
	var most int64 = 1
	for _, n := range days {
		most = max(most, n)
	}
	var b []byte
	for i, n := range days {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendFloat(b, float64(i)*120/float64(max(1, len(days)-1)), 'f', 1, 64)
		b = append(b, ',')
		b = strconv.AppendFloat(b, 23-22*float64(n)/float64(most), 'f', 1, 64)
	}
	return string(b)
}
