package power

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"sluice"
	"sluice/fleet/simulator"
	"sluice/money/electricity"
)

// Supply says how the power of an engine is known. Cards or a metric measure it;
// a chip of the table, or the operator's figures, estimate it, also while what
// should measure says nothing. Its JSON is what stores and the API keep.
type Supply struct {
	Cards  []string `json:"cards,omitempty" maxItems:"64" example:"[\"nvidia:0\",\"nvidia:1\"]" doc:"Cards of this machine, as VENDOR:NUMBER; see sluice chips. Engines that share a card share what it draws evenly."`
	Metric *Metric  `json:"metric,omitempty" doc:"A meter elsewhere, in place of cards."`

	Chip  string `json:"chip,omitempty" maxLength:"64" example:"h20" doc:"A chip of the table, to estimate by; see sluice sim --help."`
	Chips int64  `json:"chips,omitempty" minimum:"0" maximum:"1024" doc:"How many of it the engine has; 1 when absent."`
	Idle  int64  `json:"idle_watts,omitempty" minimum:"0" maximum:"1000000" doc:"What the engine draws without work, to estimate by; a quarter of busy_watts when absent."`
	Busy  int64  `json:"busy_watts,omitempty" minimum:"0" maximum:"1000000" doc:"What it draws when it is full; the chips' limit when absent."`
	Full  int64  `json:"full_calls,omitempty" minimum:"0" maximum:"1000000" doc:"Calls at once at which it is full; its limit of calls, or else 32, when absent."`
}

// Metric is a metric in Prometheus's text format: the sum over its series that
// have the labels.
type Metric struct {
	URL    string            `json:"url" maxLength:"2048" example:"http://10.0.0.7:9400/metrics"`
	Name   string            `json:"name" maxLength:"200" example:"DCGM_FI_DEV_POWER_USAGE"`
	Labels map[string]string `json:"labels,omitempty" doc:"That series must have to count."`
	Factor float64           `json:"factor,omitempty" doc:"From the metric's unit to watts, such as 0.001 for milliwatts; 1 when absent."`
}

// Estimates of a chip's power where nobody measured: "Where do the joules go"
// (arXiv 2601.22076) found a factor of three with the work, so that these are
// the roughest of figures, and labelled as such.
const (
	idlePercent = 25 // of its limit that a chip draws without work
	defaultFull = 32 // calls at once at which an engine is taken to draw all
)

// Check refuses a supply that says nothing or cannot be: CodeInvalid.
func (s *Supply) Check() error {
	if len(s.Cards) == 0 && s.Metric == nil && s.Chip == "" && s.Busy == 0 {
		return invalid("it says neither cards nor a metric to measure, nor a chip or busy_watts to estimate by")
	}
	for _, c := range s.Cards {
		if !cardName.MatchString(c) {
			return invalid("%q is no card such as nvidia:0; `sluice chips` lists them", c)
		}
	}
	if len(s.Cards) > 0 && s.Metric != nil {
		return invalid("it is measured by cards or by a metric, not both")
	}
	if m := s.Metric; m != nil {
		u, err := url.Parse(m.URL)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			return invalid("the metric's URL does not begin with http:// or https://")
		case !metricName.MatchString(m.Name):
			return invalid("%q is no name of a metric", m.Name)
		case m.Factor < 0:
			return invalid("the factor is negative")
		}
	}
	if _, ok := simulator.ChipNamed(s.Chip); s.Chip != "" && !ok {
		return invalid("there is no chip %q in the table, which has %s; give busy_watts instead", s.Chip, strings.Join(chipNames(), ", "))
	}
	if idle, busy, ok := s.bounds(); ok && idle > busy {
		return invalid("idle, it draws %d W, and busy %d W, which is less", idle/1000, busy/1000)
	}
	return nil
}

var (
	cardName   = regexp.MustCompile(`^[a-z]+:[0-9]{1,4}$`)
	metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
)

func chipNames() (names []string) {
	for _, c := range simulator.Chips() {
		names = append(names, c.Name)
	}
	return names
}

// bounds are the milliwatts that the engine draws without work and when it is
// full; ok is false when nothing says so.
func (s *Supply) bounds() (idle, busy int64, ok bool) {
	busy = s.Busy * 1000
	if chip, found := simulator.ChipNamed(s.Chip); found && busy == 0 {
		busy = int64(chip.Watts*1000) * max(s.Chips, 1)
	}
	idle = s.Idle * 1000
	if idle == 0 {
		idle = busy * idlePercent / 100
	}
	return min(idle, MaxMilliwatts), min(busy, MaxMilliwatts), busy > 0
}

// estimate is the draw with so many calls at once, of which limit fill the
// engine: idle + (busy − idle) × running / full.
func (s *Supply) estimate(running, limit int64) Draw {
	idle, busy, ok := s.bounds()
	if !ok {
		return Draw{Source: electricity.Unknown}
	}
	full := s.Full
	if full == 0 {
		full = limit
	}
	if full == 0 {
		full = defaultFull
	}
	return Draw{idle + (busy-idle)*min(max(running, 0), full)/full, electricity.Estimated}
}

func invalid(format string, args ...any) error {
	return sluice.Errorf(sluice.CodeInvalid, "The power of the engine cannot be known like this: %s.", fmt.Sprintf(format, args...))
}
