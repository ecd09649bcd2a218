package main

import (
	"context"
	"time"
)

// part is one thing that is measured.
type part struct {
	name  string
	about string
	plan  func(time.Duration) plan
	fresh bool // on processes that have just been started, each time
	rows  func(m *medians) []row

	// prepare finds out what the plan must know.
	prepare func(ctx context.Context, b *bench, p *part, set []*gateway) error
}

// partNames lists the parts in the order in which they are measured.
func partNames() []string {
	return []string{"request", "paced200", "paced1000", "saturated", "ttft", "memory"}
}

// Sizes of the load.
const (
	requestConns   = 64
	pace           = 10 * time.Millisecond
	saturatedConns = 32
	saturatedLong  = 4000 // tokens of a stream that comes as fast as the socket takes it
	shortStream    = 16   // tokens of the streams whose first token is timed
	memoryStreams  = 1000
	memoryPace     = 100 * time.Millisecond
)

func parts() map[string]part {
	return map[string]part{
		"request": {
			name: "request", about: "64 connections, one request after the other, not streamed",
			plan: func(time.Duration) plan { return plan{Conns: requestConns} },
			rows: requestRows,
		},
		"paced200": {
			name: "paced200", about: "200 streams of one token each 10 ms",
			plan: pacedPlan(200, pace), rows: pacedRows,
		},
		"paced1000": {
			name: "paced1000", about: "1,000 streams of one token each 10 ms",
			plan: pacedPlan(1000, pace), rows: pacedRows,
		},
		"saturated": {
			name: "saturated", about: "32 streams of 4,000 tokens as fast as the sockets take them",
			plan: func(time.Duration) plan {
				return plan{Conns: saturatedConns, Stream: true, Tokens: saturatedLong}
			},
			rows: saturatedRows,
		},
		"ttft": {
			name: "ttft", about: "streams of 16 tokens, arriving at random at half the rate that Sluice can serve",
			plan:    func(time.Duration) plan { return plan{Conns: 64, Stream: true, Tokens: shortStream} },
			prepare: halfLoad, rows: ttftRows,
		},
		"memory": {
			name: "memory", about: "1,000 open streams of one token each 100 ms, on processes that have just been started",
			plan: pacedPlan(memoryStreams, memoryPace), fresh: true, rows: memoryRows,
		},
	}
}

// pacedPlan opens streams within a second; each lasts a little longer than the measurement.
func pacedPlan(streams int, pace time.Duration) func(time.Duration) plan {
	return func(d time.Duration) plan {
		const spread = time.Second
		return plan{
			Conns: streams, Stream: true, Once: true, PaceUS: int(pace.Microseconds()),
			Tokens: int((spread + warmUp + d + 2*time.Second) / pace), SpreadS: spread.Seconds(),
		}
	}
}

// halfLoad finds the rate that Sluice serves when it is asked without pause,
// and plans for half of it.
func halfLoad(ctx context.Context, b *bench, p *part, set []*gateway) error {
	var most float64
	for _, g := range set {
		if g.name != "sluice" {
			continue
		}
		s, err := b.measure(ctx, g, p, false)
		if err != nil {
			return err
		}
		most = s.Answers
	}
	p.plan = func(time.Duration) plan {
		return plan{Conns: 256, Stream: true, Tokens: shortStream, Rate: most / 2}
	}
	return nil
}
