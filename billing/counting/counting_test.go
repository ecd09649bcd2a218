package counting

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/money/seal"
)

// memory is a store in memory.
type memory struct {
	mu       sync.Mutex
	counts   map[slot]seal.Count
	readings map[string]seal.Reading
	away     error
}

func (m *memory) EngineReadings(context.Context) ([]seal.Reading, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []seal.Reading
	for _, r := range m.readings {
		all = append(all, r)
	}
	return all, m.away
}

func (m *memory) AddCounts(_ context.Context, counts []seal.Count, readings []seal.Reading) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away != nil {
		return m.away
	}
	for _, c := range counts {
		k := slot{c.Engine, c.Hour.Unix()}
		was := m.counts[k]
		c.Prompt, c.Completion, c.Up = c.Prompt+was.Prompt, c.Completion+was.Completion, c.Up+was.Up
		m.counts[k] = c
	}
	for _, r := range readings {
		m.readings[r.Engine] = r
	}
	return nil
}

// be has the store be away, or back.
func (m *memory) be(away error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = away
}

func newMemory() *memory {
	return &memory{counts: map[slot]seal.Count{}, readings: map[string]seal.Reading{}}
}

// TestCounting counts an engine that is started again, while the server is away and
// while the store is: nothing is lost and nothing is counted twice.
func TestCounting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var mu sync.Mutex
		engine := Seen{Engine: "eng_1", Up: true, Known: true}
		look := func() []Seen {
			mu.Lock()
			defer mu.Unlock()
			engine.At = time.Now()
			return []Seen{engine, {Engine: "eng_2", Up: true}}
		}
		counts := func(prompt, completion int64) {
			mu.Lock()
			defer mu.Unlock()
			engine.Prompt, engine.Completion = prompt, completion
		}
		start := func() (stop func()) {
			s := New(Options{Store: m, Look: look, Now: time.Now})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { s.Run(ctx); close(done) }()
			return func() { cancel(); <-done }
		}
		first := time.Now().UTC().Truncate(time.Hour)
		stop := start()
		time.Sleep(10 * time.Minute)
		counts(100, 40)
		time.Sleep(50 * time.Minute)
		m.be(errors.New("away"))
		counts(130, 50)
		time.Sleep(10 * time.Minute)
		counts(7, 3) // it was started again
		time.Sleep(10 * time.Minute)
		m.be(nil)
		time.Sleep(2 * time.Minute)
		stop()
		counts(20, 5) // while the server is away
		time.Sleep(time.Hour)
		stop = start()
		time.Sleep(2 * time.Minute)
		stop()

		var prompt, completion int64
		var up time.Duration
		for k, c := range m.counts {
			if k.engine != "eng_1" {
				if c.Counted || c.Up == 0 {
					t.Errorf("an engine that counts nothing: %+v", c)
				}
				continue
			}
			if !c.Counted || c.Up > time.Hour || c.Source != seal.SourceMetrics {
				t.Errorf("%+v", c)
			}
			prompt, completion, up = prompt+c.Prompt, completion+c.Completion, up+c.Up
		}
		if prompt != 150 || completion != 55 || up < 80*time.Minute || up > 85*time.Minute {
			t.Errorf("%d + %d tokens, up for %s", prompt, completion, up)
		}
		if c := m.counts[slot{"eng_1", first.Unix()}]; c.Prompt != 100 || c.Completion != 40 {
			t.Errorf("the first hour: %+v", c)
		}
		if r := m.readings["eng_1"]; r.Restarts != 1 || !r.KnownFrom.Equal(first) {
			t.Errorf("read %+v", r)
		}
	})
}

// TestNotKnown: of an engine that had counted before, the hour in which it is seen
// first is not known.
func TestNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		n := int64(1000)
		s := New(Options{Store: m, Now: time.Now, Look: func() []Seen {
			n += 10
			return []Seen{{Engine: "e", Known: true, At: time.Now(), Prompt: n, Completion: n, Fresh: true}}
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Minute)
		defer cancel()
		s.Run(ctx)
		hour := time.Now().Add(-90 * time.Minute).UTC().Truncate(time.Hour)
		if c := m.counts[slot{"e", hour.Unix()}]; c.Counted || c.Prompt != 0 {
			t.Errorf("the first hour: %+v", c)
		}
		if c := m.counts[slot{"e", hour.Add(time.Hour).Unix()}]; !c.Counted || c.Prompt < 3000 || c.Source != seal.SourceFresh {
			t.Errorf("the second hour: %+v", c)
		}
	})
}
