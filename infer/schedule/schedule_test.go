package schedule

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sluice/infer/page"
)

// play computes steps until nothing is left to do, or n were. A sequence ends
// when it has its length. It returns the steps.
func play(s *Scheduler, length map[*Sequence]int, n int) (steps [][]Run) {
	for len(steps) < n {
		runs := s.Next()
		if len(runs) == 0 {
			return steps
		}
		steps = append(steps, runs)
		var last []*Sequence
		for _, r := range runs {
			if r.Last() {
				last = append(last, r.Sequence)
			}
		}
		s.Done(runs)
		for _, q := range last {
			if len(q.Tokens)+1 >= length[q] {
				s.Remove(q)
			} else {
				q.Tokens = append(q.Tokens, int32(len(q.Tokens)))
			}
		}
	}
	return steps
}

func tokens(n int, of int32) []int32 { return slices.Repeat([]int32{of}, n) }

// TestEverySequenceIsComputedOnce: whatever comes, in whichever order, every
// sequence ends; each of its tokens is computed in order and without a gap; and
// at the end all pages are free. It holds with as little memory as one sequence
// needs.
func TestEverySequenceIsComputedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := Limits{
			Slots: rapid.IntRange(1, 5).Draw(t, "slots"), Queue: 100,
			Step: rapid.IntRange(1, 20).Draw(t, "step"), Beside: rapid.IntRange(1, 8).Draw(t, "beside"),
		}
		const most = 40
		pool := page.NewPool(rapid.IntRange(most/4, 40).Draw(t, "pages"), 4)
		s := New(limits, pool)
		length := map[*Sequence]int{}
		next := map[*Sequence]int{}
		all := 0
		check := func(steps [][]Run) {
			for _, runs := range steps {
				prompts := 0
				for _, r := range runs {
					q := r.Sequence
					// One that gave way may go on behind pages that others computed meanwhile.
					if at := next[q]; r.Start > at && r.Start%4 != 0 {
						t.Fatalf("token %d is computed before token %d", r.Start, at)
					}
					next[q] = r.Start + r.N
					if r.N > 1 {
						prompts += r.N
					}
				}
				if len(runs) > limits.Slots || prompts > max(limits.Step, limits.Beside) {
					t.Fatalf("a step of %d runs with %d tokens of prompts", len(runs), prompts)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				n := rapid.IntRange(1, most-1).Draw(t, "prompt")
				q := NewSequence(fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "salt")), tokens(n, rapid.Int32Range(0, 1).Draw(t, "token")))
				length[q] = rapid.IntRange(n+1, most).Draw(t, "length")
				if err := s.Add(q); err == nil {
					all++
				} else if !errors.Is(err, ErrFull) {
					t.Fatal(err)
				}
			},
			"steps": func(t *rapid.T) { check(play(s, length, rapid.IntRange(1, 9).Draw(t, "steps"))) },
			"cancel": func(t *rapid.T) {
				for q := range length {
					s.Remove(q)
					return
				}
			},
			"": func(t *rapid.T) {
				if running, waiting := s.Load(); running > limits.Slots || waiting > limits.Slots+limits.Queue {
					t.Fatalf("%d run and %d wait", running, waiting)
				}
			},
		})
		check(play(s, length, 1<<20))
		if running, waiting := s.Load(); running+waiting != 0 || pool.Free() != pool.Pages() {
			t.Fatalf("%d run, %d wait, %d of %d pages are free", running, waiting, pool.Free(), pool.Pages())
		}
	})
}

func TestAnswersGoOnBesideAPrompt(t *testing.T) {
	s := New(Limits{Slots: 4, Queue: 9, Step: 64, Beside: 8}, page.NewPool(100, 16))
	answer, prompt := NewSequence("a", tokens(3, 1)), NewSequence("b", tokens(100, 2))
	length := map[*Sequence]int{answer: 60, prompt: 110}
	_ = s.Add(answer)
	play(s, length, 1)
	_ = s.Add(prompt)
	for i, runs := range play(s, length, 5) {
		if len(runs) != 2 || runs[0] != (Run{answer, 3 + i, 1}) || runs[1] != (Run{prompt, 8 * i, 8}) {
			t.Fatalf("step %d is %+v", i, runs)
		}
	}
	s.Remove(answer)
	if runs := s.Next(); len(runs) != 1 || runs[0].N != 60 {
		t.Errorf("alone, the prompt gets %+v", runs)
	}
}

// TestTenantsShareEvenly: one who asks much does not keep out one who asks
// little, neither in the queue nor in the steps.
func TestTenantsShareEvenly(t *testing.T) {
	s := New(Limits{Slots: 2, Queue: 100, Step: 16, Beside: 16}, page.NewPool(1000, 16))
	length := map[*Sequence]int{}
	add := func(salt string, prompt, answer int) *Sequence {
		q := NewSequence(salt, tokens(prompt, int32(len(length))))
		length[q] = prompt + answer
		if err := s.Add(q); err != nil {
			t.Fatal(err)
		}
		return q
	}
	for range 20 {
		add("much", 40, 2)
	}
	play(s, length, 2)
	late := add("little", 40, 2)
	steps := play(s, length, 1000)
	at := slices.IndexFunc(steps, func(runs []Run) bool {
		return slices.ContainsFunc(runs, func(r Run) bool { return r.Sequence == late && r.Last() })
	})
	if at < 0 || at > 10 { // its turn is next; 40 tokens at half of 16 a step are five steps
		t.Errorf("the late one has its first token in step %d of %d", at, len(steps))
	}
	// Two prompts of two tenants share a step; within one tenant the first goes first.
	one, two := add("x", 30, 2), add("y", 30, 2)
	if runs := s.Next(); len(runs) != 2 || runs[0] != (Run{one, 0, 8}) || runs[1] != (Run{two, 0, 8}) {
		t.Errorf("two tenants get %+v", runs)
	}
	s.Remove(one)
	s.Remove(two)
	one, _ = add("x", 30, 2), add("x", 30, 2)
	if runs := s.Next(); len(runs) != 1 || runs[0] != (Run{one, 0, 16}) {
		t.Errorf("one tenant gets %+v", runs)
	}
}

func TestIdlingEarnsNothing(t *testing.T) {
	s := New(Limits{Slots: 1, Queue: 100, Step: 16, Beside: 16}, page.NewPool(1000, 16))
	length := map[*Sequence]int{}
	var order []string
	add := func(salt string, n int) {
		for range n {
			q := NewSequence(salt, tokens(10, int32(len(length))))
			length[q] = 11
			_ = s.Add(q)
		}
	}
	add("a", 8)
	for i := range 12 {
		if i == 4 {
			add("b", 4)
		}
		for _, runs := range play(s, length, 1) {
			order = append(order, runs[0].Sequence.Salt)
		}
	}
	// b does not make up for the time before it came: from then on they alternate.
	if got := fmt.Sprint(order); got != "[a a a a b a b a b a b a]" && got != "[a a a a a b a b a b a b]" {
		t.Errorf("order %v", got)
	}
}

func TestTheLastGivesWay(t *testing.T) {
	s := New(Limits{Slots: 3, Queue: 9, Step: 64, Beside: 64}, page.NewPool(4, 4))
	first, second := NewSequence("", tokens(4, 1)), NewSequence("", tokens(4, 2))
	length := map[*Sequence]int{first: 16, second: 16}
	_, _ = s.Add(first), s.Add(second)
	var ends []*Sequence
	for range 100 {
		before := len(s.running)
		play(s, length, 1)
		if len(s.running) < before && !slices.Contains(s.running, first) && len(ends) == 0 {
			ends = append(ends, first)
		}
	}
	c := s.Counters()
	if len(first.Tokens) != 15 || len(second.Tokens) != 15 || c.Preempted == 0 || len(ends) != 1 {
		t.Errorf("%d and %d tokens, %+v", len(first.Tokens), len(second.Tokens), c)
	}
	if want := int64(15 + 15); c.Computed != want+c.Repeated {
		t.Errorf("%d computed, %d of them again, want %d in all", c.Computed, c.Repeated, want)
	}
}

func TestQueueIsBounded(t *testing.T) {
	s := New(Limits{Slots: 2, Queue: 3, Step: 8, Beside: 8}, page.NewPool(10, 4))
	for i := range 7 {
		if err := s.Add(NewSequence("", tokens(4, 1))); (err != nil) != (i >= 5) {
			t.Errorf("number %d: %v", i, err)
		}
	}
}

// BenchmarkQueue lets ten thousand of a thousand tenants in and out.
func BenchmarkQueue(b *testing.B) {
	for b.Loop() {
		s := New(Limits{Slots: 16, Queue: 10000, Step: 128, Beside: 32}, page.NewPool(1000, 16))
		length := map[*Sequence]int{}
		for i := range 10000 {
			q := NewSequence(fmt.Sprint(i%1000), tokens(8, int32(i)))
			length[q] = 9
			_ = s.Add(q)
		}
		play(s, length, 1<<30)
	}
}
