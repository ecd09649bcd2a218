package sim

import (
	"errors"
	"fmt"
	"time"

	"sluice/fleet/simulator"
)

// Day is a day of a vendor at internet scale: what it published, and what has to
// be assumed besides. Prompts are read by some nodes and answers written by others,
// both in units that scale with the load.
type Day struct {
	Name   string
	Source string
	Start  int // hour of the first of Hours, where the vendor is

	// What goes on. Hours are the load of each hour, in any measure.
	Prompt, Output float64 // tokens of the day
	Hours          [24]float64
	Talk           Talk

	// What it runs on. Busy chips reach these parts of their arithmetic while they
	// read prompts, and of their memory's bandwidth while they write answers.
	Chip      simulator.Chip
	Shape     simulator.Shape
	NodeChips int
	MFU, MBU  float64
	Experts   int // that a chip holds in each layer while it writes answers

	// Levels is how many nodes there can be, from fewest to most; each hour has the
	// fewest whose chips are not busier than Target, nor hold more than Streams each.
	Levels  []Level
	Target  float64
	Streams float64

	Rent                  float64 // of a chip for an hour
	Input, Hit, OutputFor float64 // prices of a million tokens

	Published []Figure
}

// Level is a number of nodes.
type Level struct{ Prefill, Decode int }

// Talk is how people talk to the model: conversations of one turn or more.
type Talk struct {
	Answer float64       // tokens of an answer, on average; lengths are lognormal
	Sigma  float64       // of the logarithm of lengths
	More   float64       // chance that another turn follows
	First  float64       // tokens of the first prompt, on average
	Added  float64       // tokens by which each further prompt is longer, on average
	Think  time.Duration // from an answer to the next prompt, on average
	Block  int           // tokens by which a prompt's beginning is cached
}

// Figure is something that was published.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`

	// Input says that the simulation was given it, or fitted to it, or that it follows
	// from such at once: it is no evidence.
	Input bool `json:"input"`

	of  func(*DayResult) float64
	why string
}

// Compared is a published figure beside the simulation's.
type Compared struct {
	Figure

	Simulated float64 `json:"simulated"`
	Why       string  `json:"why,omitempty"` // it differs, or agrees
}

// HourResult is one hour of a day. Counts are of the whole fleet, not of the sample.
type HourResult struct {
	Hour        int     `json:"hour"` // where the vendor is
	Prefill     int     `json:"prefill_nodes"`
	Decode      int     `json:"decode_nodes"`
	Prompt      float64 `json:"prompt_tokens"`
	Output      float64 `json:"output_tokens"`
	PrefillBusy float64 `json:"prefill_busy"` // part of the time that chips read prompts
	Streams     float64 `json:"streams_per_chip"`
	Speed       float64 `json:"tokens_per_second"` // of a stream
}

// DayResult is what a day came to. Counts are of the whole fleet: those of the
// sample times its measure.
type DayResult struct {
	Name     string `json:"name"`
	Sample   int    `json:"sample"`   // one request of so many was simulated
	Requests int64  `json:"requests"` // that were

	Prompt  float64 `json:"prompt_tokens"`
	Cached  float64 `json:"cached_tokens"`
	Output  float64 `json:"output_tokens"`
	HitRate float64 `json:"hit_rate"`

	Nodes     float64 `json:"mean_nodes"`
	PeakNodes int     `json:"peak_nodes"`
	ChipHours float64 `json:"chip_hours"`
	Cost      float64 `json:"cost"`
	Income    float64 `json:"income"`
	KWh       float64 `json:"kwh"` // estimated: see idlePower

	PrefillPerNode float64 `json:"prefill_tokens_per_node_second"` // prompts with their cached part, over the day
	DecodePerNode  float64 `json:"decode_tokens_per_node_second"`
	Speed          float64 `json:"tokens_per_second"` // of a stream, on average over tokens
	KVLength       float64 `json:"kv_length"`         // tokens behind each token of output
	Concurrent     float64 `json:"concurrent"`        // streams, on average

	TTFT  Times        `json:"ttft"`
	Hours []HourResult `json:"hours"`

	Compared []Compared `json:"compared"`
}

// Profit is the income over the cost, less one.
func (r *DayResult) Profit() float64 { return r.Income/r.Cost - 1 }

// check refuses a day that cannot be simulated.
func (d *Day) check(sample int) error {
	switch {
	case sample < 1:
		return errors.New("a sample is one request of 1 or more")
	case len(d.Levels) == 0 || d.Prompt <= 0 || d.Output <= 0 || d.Talk.Answer <= 0 || d.Target <= 0 || d.Streams <= 0 || d.MFU <= 0 || d.MBU <= 0:
		return fmt.Errorf("the day %s is not described in full", d.Name)
	}
	for _, level := range d.Levels {
		for _, nodes := range []int{level.Prefill, level.Decode} {
			if n := chips(nodes, d.NodeChips, sample); n > maxChips {
				return fmt.Errorf("one request of %d leaves %d chips in the sample: at most %d are simulated", sample, n, maxChips)
			}
		}
	}
	return nil
}

// maxChips bounds the chips of a sample, for each of the two kinds.
const maxChips = 4096

// chips is how many chips of so many nodes a sample has; at least one.
func chips(nodes, each, sample int) int { return max(1, (nodes*each+sample/2)/sample) }

// weights is the bytes that a chip reads of the model in each step while it writes
// answers: all that is not in experts, and its experts.
func (d *Day) weights() float64 {
	s := &d.Shape
	if s.Experts == 0 {
		return s.Params
	}
	share := float64(s.Routed) / float64(s.Experts)
	routed := (s.Params - s.Active) / (1 - share)
	return s.Params - routed + routed*float64(d.Experts)/float64(s.Experts)
}

// read is how long a busy chip takes to read a token of a prompt, in seconds.
func (d *Day) read() float64 { return 2 * d.Shape.Active / (d.Chip.FLOPS * d.MFU) }

// compare puts what was published beside what was simulated.
func (d *Day) compare(r *DayResult) {
	for _, f := range d.Published {
		r.Compared = append(r.Compared, Compared{Figure: f, Simulated: f.of(r), Why: f.why})
	}
}
