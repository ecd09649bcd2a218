package driver

import (
	"math"
	"strconv"
	"strings"
)

// Metrics is how an engine's load is read.
type Metrics struct {
	Path  string // GET; empty when it has none
	Names []Names
}

// Names are an engine's names of metrics in a range of versions. An empty one is not there.
type Names struct {
	Since, Before string // versions; empty is open

	Running, Waiting string // requests
	KV               string // of the cache that running requests use, 0 to 1
	Queries, Hits    string // counters of prompt tokens looked up in the cache, and found
	Rate             string // the part that was found, 0 to 1, where there are no counters
	Room             string // tokens that the cache holds
	// Info is a metric in whose labels a cache's size stands: blocks, and tokens of each.
	Info, BlockSize, Blocks string
}

// Load is how busy an engine says it is. What it does not say is -1, and Room zero.
type Load struct {
	Running, Waiting float64 // requests
	KV               float64 // of the cache that running requests use, 0 to 1
	HitRate          float64 // of prompt tokens, 0 to 1, since it was started
	Room             float64 // tokens that its cache holds
}

// said is how many of requests and cache use the engine says.
func (l *Load) said() (n int) {
	for _, v := range []float64{l.Running, l.Waiting, l.KV} {
		if v >= 0 {
			n++
		}
	}
	return n
}

// Read reads a scrape of an engine of a version, "" when that is not known. Of the
// names in several ranges those count that say the most, and of these the ones of the
// version: builds of vendors lag behind the version that they say. ok is false for
// a text in which none is found.
func (d *Driver) Read(text []byte, version string) (l Load, ok bool) {
	l, most := Load{Running: -1, Waiting: -1, KV: -1, HitRate: -1}, 0
	samples := Parse(text, d.knows)
	for _, fits := range []bool{true, false} {
		for i := range d.Metrics.Names {
			names := &d.Metrics.Names[i]
			if names.fits(version) != fits {
				continue
			}
			if read := names.read(samples); read.said() > most {
				l, most = read, read.said()
			}
		}
	}
	return l, most > 0
}

// Counters are an engine's metrics of the tokens that it computed since it was
// started. Empty where it has none.
type Counters struct {
	Prompt, Completion string

	// Fresh says that tokens of prompts which came from the cache are not counted.
	Fresh bool
}

// Counted is what an engine counted since it was started.
type Counted struct {
	Prompt     int64 `json:"prompt_tokens"`
	Completion int64 `json:"completion_tokens"`
	Fresh      bool  `json:"without_cached,omitempty"`
}

// Count reads the counters of tokens in a scrape; ok is false where it has none.
func (d *Driver) Count(text []byte) (c Counted, ok bool) {
	if d.Counters.Prompt == "" {
		return c, false
	}
	samples := Parse(text, func(name string) bool { return name == d.Counters.Prompt || name == d.Counters.Completion })
	prompt, completion := sum(samples, d.Counters.Prompt), sum(samples, d.Counters.Completion)
	if prompt < 0 || completion < 0 {
		return c, false
	}
	return Counted{int64(prompt), int64(completion), d.Counters.Fresh}, true
}

// knows reports whether a metric is read.
func (d *Driver) knows(name string) bool {
	for i := range d.Metrics.Names {
		n := &d.Metrics.Names[i]
		switch name {
		case n.Running, n.Waiting, n.KV, n.Queries, n.Hits, n.Rate, n.Room, n.Info:
			return true
		}
	}
	return false
}

func (n *Names) fits(version string) bool {
	if version == "" {
		return n.Before == ""
	}
	return !Older(version, n.Since) && (n.Before == "" || Older(version, n.Before))
}

func (n *Names) read(samples []Sample) Load {
	l := Load{
		Running: sum(samples, n.Running), Waiting: sum(samples, n.Waiting),
		KV: share(samples, n.KV), HitRate: share(samples, n.Rate), Room: max(sum(samples, n.Room), 0),
	}
	if queries, hits := sum(samples, n.Queries), sum(samples, n.Hits); queries > 0 && hits >= 0 {
		l.HitRate = min(hits/queries, 1)
	}
	for i := range samples {
		if s := &samples[i]; n.Info != "" && s.Name == n.Info {
			size, _ := strconv.ParseFloat(s.Label(n.BlockSize), 64) // "None" is zero
			blocks, _ := strconv.ParseFloat(s.Label(n.Blocks), 64)
			if room := size * blocks; room > 0 && !math.IsInf(room, 0) {
				l.Room += room
			}
		}
	}
	return l
}

// sum adds up a metric over replicas inside of an engine (data parallelism), -1
// when it is not there. Ranks that work on the same requests count once: of what
// differs in nothing but them, the most.
func sum(samples []Sample, name string) float64 {
	total, any := 0.0, false
	groups := map[string]float64{}
	for i := range samples {
		if s := &samples[i]; s.Name == name && name != "" && s.plausible() {
			group := s.without("tp_rank", "pp_rank", "moe_ep_rank")
			groups[group] = max(groups[group], s.Value)
			any = true
		}
	}
	for _, v := range groups {
		total += v
	}
	if !any {
		return -1
	}
	return total
}

// share is the mean of a metric from 0 to 1; -1 when it is not there. Some say
// percent of the whole.
func share(samples []Sample, name string) float64 {
	total, n := 0.0, 0.0
	for i := range samples {
		if s := &samples[i]; s.Name == name && name != "" && s.plausible() {
			total += s.Value
			n++
		}
	}
	if n == 0 {
		return -1
	}
	mean := total / n
	if mean > 1 {
		mean /= 100
	}
	return min(mean, 1)
}

func (s *Sample) plausible() bool { return s.Value >= 0 && s.Value <= 1e15 }

// without is the sample's labels but for these.
func (s *Sample) without(names ...string) string {
	var b strings.Builder
next:
	for _, l := range s.Labels {
		for _, name := range names {
			if l.Name == name {
				continue next
			}
		}
		b.WriteString(l.Name + "\x00" + l.Value + "\x00")
	}
	return b.String()
}
