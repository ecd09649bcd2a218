package seal

import "time"

// Reading is where the counters of an engine stood when they were read last.
type Reading struct {
	Engine     string
	Prompt     int64
	Completion int64
	At         time.Time
	KnownFrom  time.Time // the first hour of which all is counted
	Restarts   int64     // that were seen
}

// Count is what an engine did in an hour, as far as it was watched.
type Count struct {
	Engine     string
	Hour       time.Time
	Up         time.Duration
	Counted    bool // the hour is one of which all is counted
	Prompt     int64
	Completion int64
	Source     string
}

// The sources of counts that are read from engines.
const (
	SourceMetrics = "metrics"
	SourceFresh   = "metrics, without cached tokens of prompts"
)
