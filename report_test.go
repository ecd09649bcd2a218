package sluice_test

import (
	"testing"
	"time"

	"sluice"
)

func TestInterTokenLatency(t *testing.T) {
	report := func(stream bool, first time.Time, out, reasoning int64) *sluice.Report {
		r := &sluice.Report{Stream: stream, FirstAt: first, EndedAt: noon.Add(time.Second)}
		r.Event.Usage[sluice.ClassOutput], r.Event.Usage[sluice.ClassReasoning] = out, reasoning
		return r
	}
	for name, c := range map[string]struct {
		r    *sluice.Report
		want time.Duration
		ok   bool
	}{
		"a stream":         {report(true, noon, 6, 5), 100 * time.Millisecond, true},
		"two tokens":       {report(true, noon, 2, 0), time.Second, true},
		"one token":        {report(true, noon, 1, 0), 0, false},
		"no token":         {report(true, noon, 0, 0), 0, false},
		"nothing came":     {report(true, time.Time{}, 6, 5), 0, false},
		"not streamed":     {report(false, noon, 6, 5), 0, false},
		"nothing at all":   {&sluice.Report{}, 0, false},
		"only reasoning":   {report(true, noon, 0, 3), 500 * time.Millisecond, true},
		"rounded downward": {report(true, noon, 4, 0), 333_333_333, true},
	} {
		if got, ok := c.r.InterTokenLatency(); got != c.want || ok != c.ok {
			t.Errorf("%s: %v, %t; want %v, %t", name, got, ok, c.want, c.ok)
		}
	}
}

func TestReportResult(t *testing.T) {
	failed := sluice.Errorf(sluice.CodeTimeout, "slow")
	for want, r := range map[string]sluice.Report{
		"ok": {}, "left": {Left: true}, "timeout": {Failed: failed, Left: true},
	} {
		if got := r.Result(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
