package sim

import (
	"slices"
	"time"

	"sluice/fleet/simulator"
)

// Result is what a run came to.
type Result struct {
	Requests  int   `json:"requests"`
	Completed int   `json:"completed"`
	Refused   int   `json:"refused"`
	Prompt    int64 `json:"prompt_tokens"` // of requests with a first token
	Cached    int64 `json:"cached_tokens"`
	Output    int64 `json:"output_tokens"`

	HitRate         float64 `json:"hit_rate"`          // cached of prompt tokens
	OutputPerSecond float64 `json:"output_per_second"` // tokens
	PromptPerSecond float64 `json:"prompt_per_second"` // tokens, cached ones among them
	TTFT            Times   `json:"ttft"`              // of those still waiting at the end, what they waited
	ITL             Times   `json:"inter_token"`       // mean of each completed request
	Unanswered      int     `json:"unanswered"`        // without a first token at the end

	ChipHours float64 `json:"chip_hours"`
	Busy      float64 `json:"busy"` // mean part of the time that engines computed
	KWh       float64 `json:"kwh"`  // estimated: see idlePower

	ttft, itl []time.Duration
}

// Times is the spread of a time, in seconds.
type Times struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
}

// idlePower is the part of a chip's power that it draws without work; computing
// it draws all of it. Both are assumptions; measured ones vary by a factor of
// three with the work ("Where do the joules go", arXiv 2601.22076).
const idlePower = 0.25

// answered counts a first token.
func (r *Result) answered(c *call, seq *simulator.Sequence, now time.Duration) {
	r.Prompt += int64(c.prompt)
	r.Cached += int64(seq.Cached)
	r.ttft = append(r.ttft, now-c.at)
}

// completed counts a whole answer, whose tokens after the first took so long.
func (r *Result) completed(seq *simulator.Sequence, took time.Duration) {
	r.Completed++
	if seq.Produced > 1 {
		r.itl = append(r.itl, took/time.Duration(seq.Produced-1))
	}
}

// finish works out the figures.
func (r *Result) finish(f *fleet) {
	duration := f.run.Duration - f.run.Warmup
	for _, e := range f.engines {
		for _, c := range e.calls {
			if c.first == 0 { // it has waited so long at least
				r.Unanswered++
				r.ttft = append(r.ttft, f.run.Duration-c.call.at)
			}
		}
		hours, chips := duration.Hours(), float64(e.roofline.Count)
		busy := min(float64(e.busy)/float64(duration), 1)
		r.ChipHours += chips * hours
		r.Busy += busy / float64(len(f.engines))
		r.KWh += chips * hours * e.roofline.Chip.Watts / 1000 * (idlePower + (1-idlePower)*busy)
	}
	if r.Prompt > 0 {
		r.HitRate = float64(r.Cached) / float64(r.Prompt)
	}
	r.OutputPerSecond = float64(r.Output) / duration.Seconds()
	r.PromptPerSecond = float64(r.Prompt) / duration.Seconds()
	r.TTFT, r.ITL = spread(r.ttft), spread(r.itl)
}

// spread works out the mean and, by nearest rank, the percentiles.
func spread(times []time.Duration) (t Times) {
	if len(times) == 0 {
		return t
	}
	slices.Sort(times)
	sum := 0.0
	for _, d := range times {
		sum += d.Seconds()
	}
	at := func(percent int) float64 { return times[(len(times)*percent+99)/100-1].Seconds() }
	return Times{Mean: sum / float64(len(times)), P50: at(50), P90: at(90), P99: at(99)}
}
