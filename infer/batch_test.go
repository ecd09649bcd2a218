package infer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/infer/sample"
)

// requests are different prompts, samplings and lengths.
func requests(t testing.TB, m *Model, n int) []Request {
	var all []Request
	for i := range n {
		prompt := m.Tokenizer().Encode(nil, fmt.Sprintf("%d. %s", i*i, strings.Repeat("Tell me a story about a river. ", i%7)))
		all = append(all, Request{
			Prompt: prompt, MaxTokens: 5 + 7*i%40, CacheSalt: fmt.Sprint(i % 3),
			Sampling: sample.Options{Temperature: float64(i%4) * 0.5, TopK: 50, Seed: new(int64(i))},
		})
	}
	return all
}

// hold keeps a model that has nothing to do from beginning a step until release
// is called: it is as if one were under way.
func hold(m *Model) (release func()) {
	s := &m.server
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.working {
		idle := s.idle
		s.mu.Unlock()
		<-idle
		s.mu.Lock()
	}
	s.working, s.idle = true, make(chan struct{})
	return func() { go s.work() }
}

// together asks for all at once, and returns the answers. The first step begins
// when all are there, however slow the machine is.
func together(t testing.TB, m *Model, all []Request) []string {
	t.Helper()
	release := hold(m)
	answers := make([]string, len(all))
	var group sync.WaitGroup
	for i, req := range all {
		group.Go(func() {
			var text strings.Builder
			res, err := m.Generate(context.Background(), req, func(p Piece) error {
				text.WriteString(p.Text)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			answers[i] = fmt.Sprint(text.String(), res.Finish, res.Usage.Completion)
		})
	}
	for m.Stats().Waiting < len(all) && !t.Failed() {
		time.Sleep(100 * time.Microsecond)
	}
	release()
	group.Wait()
	return answers
}

// TestTheSameAloneAndInABatch is the promise that an answer depends on its
// request alone: for every family, quantised and not, alone on one core, and
// among fifteen others on two, with prompts cut into steps by whatever runs
// beside them, and with so little memory that sequences give way.
func TestTheSameAloneAndInABatch(t *testing.T) {
	for _, c := range toys() {
		c.quantised = true
		data := c.file(t)
		open := func(o Options) *Model {
			m, err := o.Read(data)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = m.Close() })
			return m
		}
		alone := open(Options{Threads: 1, Slots: 1})
		all := requests(t, alone, 16)
		for i := range all { // no longer than the context of 128
			all[i].Prompt = all[i].Prompt[:min(len(all[i].Prompt), 80)]
		}
		var want []string
		for i := range all {
			want = append(want, together(t, alone, all[i:i+1])...)
		}
		roomy := open(Options{Threads: 2})
		narrow := open(Options{Threads: 2, Slots: 16, Cache: 10 * roomy.shape.pageBytes()}) // ten pages: one context is eight
		for name, m := range map[string]*Model{"roomy": roomy, "narrow": narrow} {
			for round := range 2 { // the second finds the first one's pages
				for i, got := range together(t, m, all) {
					if got != want[i] {
						t.Errorf("%s, %s, round %d: answer %d is\n%q, alone\n%q", c.name, name, round, i, got, want[i])
					}
				}
			}
			s := m.Stats()
			if s.Running+s.Waiting != 0 || s.Used != 0 {
				t.Errorf("%s: %+v when all is done", c.name, s)
			}
			if preempted := s.Preempted > 0; preempted != (name == "narrow") {
				t.Errorf("%s, %s: %d gave way", c.name, name, s.Preempted)
			}
		}
	}
}

// TestBoxInABatch is the same with the model in the box, and sixteen answers
// that are long.
func TestBoxInABatch(t *testing.T) {
	m := boxModel(t)
	var all []Request
	for i := range 16 {
		all = append(all, Request{Prompt: chat(t, m, fmt.Sprintf("Tell me a story about %d rivers.", i)), MaxTokens: 40, Sampling: sample.Options{Temperature: 1, Seed: new(int64(i))}})
	}
	got := together(t, m, all)
	for i := range all {
		if want := together(t, m, all[i:i+1]); want[0] != got[i] {
			t.Errorf("answer %d is %q in the batch, %q alone", i, got[i], want[0])
		}
	}
}

// TestTenThousandWait: the queue takes what it may and refuses the rest at
// once; those who leave make room; the others are served.
func TestTenThousandWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const queue, slots, more = 10000, 4, 100
		m, err := Options{Threads: 1, Slots: slots, Queue: queue}.Read(tiny{}.file(t))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		release := hold(m)
		ctx, leave := context.WithCancel(t.Context())
		var full, left, served atomic.Int32
		for i := range slots + queue + more {
			ctx := ctx
			if i%2 == 0 {
				ctx = t.Context()
			}
			go func() {
				_, err := m.Generate(ctx, Request{Prompt: []int32{1, int32(i % 250)}, MaxTokens: 1, CacheSalt: fmt.Sprint(i % 7)}, func(Piece) error { return nil })
				switch {
				case err == nil:
					served.Add(1)
				case errors.Is(err, ErrFull):
					full.Add(1)
				case errors.Is(err, context.Canceled):
					left.Add(1)
				default:
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		if s := m.Stats(); full.Load() != more || s.Waiting != slots+queue {
			t.Errorf("%d were refused and %d wait", full.Load(), s.Waiting)
		}
		leave()
		synctest.Wait()
		if s := m.Stats(); s.Waiting != slots+queue-int(left.Load()) || left.Load() < queue/3 {
			t.Errorf("%d left and %d wait", left.Load(), s.Waiting)
		}
		release()
		synctest.Wait()
		if s := m.Stats(); served.Load()+left.Load() != slots+queue || s.Running+s.Waiting != 0 {
			t.Errorf("%d were served and %d left, %+v", served.Load(), left.Load(), s)
		}
	})
}
