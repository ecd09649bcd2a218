package tally_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/gateway/tally"
)

// shelf is a store in memory.
type shelf struct {
	mu     sync.Mutex
	sum    map[string]int64 // by hour, key and result
	unfold int              // calls that wait to be folded
	folds  int
	broken bool
}

func (s *shelf) AddUsage(_ context.Context, rows []sluice.UsageRow) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return errors.New("the disk is full")
	}
	for _, r := range rows {
		for result, n := range r.Results {
			s.sum[fmt.Sprintf("%s %s %s %s", r.Start.Format("15:04"), r.Org, r.Model, result)] += n
		}
	}
	return nil
}

func (s *shelf) FoldUsage(_ context.Context, limit int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(limit, s.unfold)
	s.unfold -= n
	s.folds++
	return n, nil
}

func report(model string, failed sluice.Code, took time.Duration, tokens int64) sluice.Report {
	now := time.Now()
	r := sluice.Report{Model: model, Org: "org_1", StartedAt: now.Add(-took), FirstAt: now.Add(-took / 2), EndedAt: now}
	r.Event.Usage[sluice.ClassOutput] = tokens
	r.Event.Usage[sluice.ClassInput] = 2 * tokens
	if failed != "" {
		r.Failed, r.FirstAt = sluice.Errorf(failed, "no"), time.Time{}
	}
	return r
}

// TestLive lets a request end each second for two hours and looks at the last
// minute, hour and ten minutes.
func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tl := tally.New(tally.Options{Store: &shelf{sum: map[string]int64{}}})
		for n := range 7200 {
			code := sluice.Code("")
			switch n % 10 {
			case 0:
				code = sluice.CodeEngineFailed
			case 1:
				code = sluice.CodeRateLimited
			}
			tl.CallEnded(report([]string{"a", "b"}[n%2], code, time.Second, 3))
			time.Sleep(time.Second)
		}
		l := tl.Live()
		if w := l.Last; w.Requests != 60 || w.Errors != 12 || w.Faults != 6 || w.Completion != 180 || w.Prompt != 360 || w.TTFT.Count() != 48 {
			t.Errorf("the last minute is %+v", w)
		}
		var hour tally.Window
		for i, m := range l.Minutes {
			hour.Add(&m.Window)
			if i > 0 && m.Start.Sub(l.Minutes[i-1].Start) != time.Minute {
				t.Errorf("%s follows on %s", m.Start, l.Minutes[i-1].Start)
			}
		}
		if len(l.Minutes) != 60 || hour.Requests < 59*60 || hour.Requests > 60*60 {
			t.Errorf("the hour has %d minutes and %d requests", len(l.Minutes), hour.Requests)
		}
		if p50, ok := l.Last.TTFT.Percentile(50); !ok || p50 < 440*time.Millisecond || p50 > 570*time.Millisecond {
			t.Errorf("half of the first tokens came within %s", p50)
		}
		if a := l.Models["a"]; len(l.Models) != 2 || a.Requests < 270 || a.Requests > 300 || a.Faults < 50 {
			t.Errorf("the models are %+v", l.Models)
		}
		time.Sleep(time.Hour)
		l = tl.Live()
		if l.Last.Requests != 0 || len(l.Models) != 0 || l.Minutes[0].Requests != 0 {
			t.Errorf("after a quiet hour: %+v", l)
		}
	})
}

// TestStore checks that all that was counted is stored once, also when the
// store is away for a while, and at the end.
func TestStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{sum: map[string]int64{}, unfold: 50_000}
		tl := tally.New(tally.Options{Store: s})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); tl.Run(ctx) }()
		synctest.Wait()
		if s.unfold != 0 || s.folds != 3 {
			t.Errorf("after the first run %d calls wait, after %d folds", s.unfold, s.folds)
		}
		for n := range 100 {
			s.mu.Lock()
			s.broken = n > 20 && n < 60
			s.mu.Unlock()
			tl.CallEnded(report("a", "", time.Second, 1))
			tl.CallEnded(report("a", sluice.CodeOverloaded, time.Second, 1))
			time.Sleep(time.Second)
		}
		cancel()
		<-done
		hour := time.Now().UTC().Format("15:04")[:2] + ":00"
		if got := s.sum[hour+" org_1 a ok"]; got != 100 {
			t.Errorf("%d answered requests are stored: %v", got, s.sum)
		}
		if got := s.sum[hour+" org_1 a overloaded"]; got != 100 {
			t.Errorf("%d refused requests are stored: %v", got, s.sum)
		}
	})
}

func BenchmarkCallEnded(b *testing.B) {
	tl := tally.New(tally.Options{Store: &shelf{}})
	r := report("a", "", time.Second, 100)
	b.ReportAllocs()
	for b.Loop() {
		tl.CallEnded(r)
	}
}
