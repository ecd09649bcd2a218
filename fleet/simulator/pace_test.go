package simulator

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const ms = time.Millisecond

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, "sim:pace?itl=10ms&ttft=300ms")
		start := time.Now()
		w := ask(t.Context(), s, chatPath, chat("a", 100, 4))
		want := []time.Duration{300 * ms, 300 * ms, 310 * ms, 320 * ms, 330 * ms, 330 * ms} // role, tokens, the rest
		if got := w.at(start); !slices.Equal(got, want) {
			t.Errorf("writes at %v, want %v", got, want)
		}
	})
}

// Streams at a fixed pace do not slow each other.
func TestPaceConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, "sim:pace")
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Microsecond)
				from := time.Now()
				w := ask(t.Context(), s, chatPath, chat(strconv.Itoa(i), 20, 50))
				if got := w.at(from); got[1] != 10*ms || got[50] != 500*ms {
					t.Errorf("stream %d: first token at %v, last at %v", i, got[1], got[50])
				}
			})
		}
		synctest.Wait()
		time.Sleep(50 * ms)
		if running, _, _ := s.Load(); running != 100 {
			t.Errorf("%d running", running)
		}
		wg.Wait()
		if took := time.Since(start); took != 500*ms+99*100*time.Microsecond {
			t.Errorf("took %v", took)
		}
		if running, _, _ := s.Load(); running != 0 {
			t.Errorf("%d left", running)
		}
	})
}

func TestPaceCachesPrefixes(t *testing.T) {
	for _, chip := range []string{"instant", "pace"} {
		synctest.Test(t, func(t *testing.T) {
			s := build(t, "sim:"+chip+"?kv=1600")
			cached := func(body string) string {
				return ask(t.Context(), s, chatPath, body).Header().Get("X-Cached-Tokens")
			}
			for i, c := range []struct{ body, want string }{
				{chat("a", 320, 1), "0"},
				{chat("a", 320, 1), "304"}, // all but the block with the last token
				{chat("a", 640, 1), "304"}, // what stands before the answer's header is the same
				{chat("b", 1280, 1), "0"},  // takes room
				{chat("a", 640, 1), "320"}, // of 1600 tokens, 1280 are b's
				{chat("c", 1700, 1), "0"},  // larger than the cache
			} {
				if got := cached(c.body); got != c.want {
					t.Errorf("%s, request %d: cached %s, want %s", chip, i, got, c.want)
				}
			}
			salted := `{"cache_salt":"x",` + chat("a", 640, 1)[1:]
			if got := cached(salted); got != "0" {
				t.Errorf("another tenant's request: cached %s", got)
			}
		})
	}
}

// The roofline's times seen through HTTP: dense-8b on one H100 reads 8.03 GB in
// 2.996 ms, and 131,072 B for each token of the KV cache it reads or writes.
func TestChipTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, "sim:h100?model=dense-8b")
		r := s.loop.batch.roofline
		var prompt Work
		prompt.add(0, 1000)
		decode := func(sequences ...int) time.Duration {
			var w Work
			for _, done := range sequences {
				w.add(done, 1)
			}
			return r.StepTime(w)
		}

		start := time.Now()
		w := ask(t.Context(), s, chatPath, chat("a", 1000, 3))
		ttft := r.StepTime(prompt)
		if ttft != 17_463_950 { // 2 × 8.03e9 × 1000 + 524288 × 500500 over 989 TFLOPS, and 0.96 ms
			t.Errorf("1000 tokens of prompt take %v", ttft)
		}
		want := []time.Duration{ttft, ttft, ttft + decode(1000), ttft + decode(1000) + decode(1001), ttft + decode(1000) + decode(1001)}
		if got := w.at(start); !slices.Equal(got, want) {
			t.Errorf("alone: writes at %v, want %v", got, want)
		}

		// Another joins while the first decodes: it waits for the running step to
		// end, its prompt makes the first's next token late, then they share steps.
		start = time.Now()
		var first, second *recorder
		var wg sync.WaitGroup
		wg.Go(func() { first = ask(t.Context(), s, chatPath, chat("b", 1000, 4)) })
		synctest.Wait()
		time.Sleep(ttft + ms)
		wg.Go(func() { second = ask(t.Context(), s, chatPath, chat("c", 1000, 2)) })
		wg.Wait()
		two := ttft + decode(1000)
		mixed := prompt
		mixed.add(1001, 1)
		three := two + r.StepTime(mixed)
		four := three + decode(1002, 1000)
		if got := first.at(start); !slices.Equal(got, []time.Duration{ttft, ttft, two, three, four, four}) {
			t.Errorf("first of two: writes at %v", got)
		}
		if got := second.at(start); !slices.Equal(got, []time.Duration{three, three, four, four}) {
			t.Errorf("second of two: writes at %v", got)
		}
	})
}

func TestChipCachesPrefixes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, "sim:h100")
		start := time.Now()
		ask(t.Context(), s, chatPath, chat("a", 8000, 1))
		cold := time.Since(start)

		start = time.Now()
		w := ask(t.Context(), s, chatPath, chat("a", 8000, 1))
		warm := time.Since(start)
		if got := w.Header().Get("X-Cached-Tokens"); got != "7984" {
			t.Errorf("cached %s of 8000", got)
		}
		var want Work
		want.add(7984, 16)
		if warm != s.loop.batch.roofline.StepTime(want) || cold < 20*warm {
			t.Errorf("cold %v, warm %v", cold, warm)
		}
	})
}

// An answer that comes back in the next turn is found in the cache.
func TestNextTurnHitsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, "sim:h100?tokens=100")
		const question = `{"role":"user","content":"What is simulated here?"}`
		ask := func(messages string) (answer, cached string) {
			w := ask(t.Context(), s, chatPath, `{"model":"m","messages":[`+messages+`]}`)
			body := w.Body.String()
			_, answer, _ = cutBetween(body, `"content":"`, `"`)
			return answer, w.Header().Get("X-Cached-Tokens")
		}
		answer, _ := ask(question)
		_, cached := ask(question + `,{"role":"assistant","content":"` + answer + `"},{"role":"user","content":"And more?"}`)
		// 4 + 6 tokens of question, 4 + 100 of answer: 114, and 112 in whole blocks
		if cached != "112" {
			t.Errorf("cached %s", cached)
		}
	})
}

func TestChipQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, "sim:h100?seats=2&queue=1")
		var wg sync.WaitGroup
		var ends [3]time.Time
		for i := range ends {
			wg.Go(func() {
				if w := ask(t.Context(), s, chatPath, chat(strconv.Itoa(i), 100, 50)); w.Code != 200 {
					t.Errorf("request %d: %d", i, w.Code)
				}
				ends[i] = time.Now()
			})
			synctest.Wait()
			time.Sleep(ms)
		}
		time.Sleep(20 * ms)
		if running, waiting, kv := s.Load(); running != 2 || waiting != 1 || kv != 2*160 {
			t.Errorf("%d running, %d waiting, %d tokens", running, waiting, kv)
		}
		w := ask(t.Context(), s, chatPath, chat("d", 100, 50))
		if w.Code != 503 || w.Header().Get("Retry-After") != "1" {
			t.Errorf("one too many: %d %v %s", w.Code, w.Header(), w.Body)
		}
		wg.Wait()
		if !ends[0].Before(ends[1]) || !ends[1].Before(ends[2]) {
			t.Errorf("ended in another order than begun: %v", ends)
		}
	})
}

// A client that leaves frees its seat at the next step.
func TestChipCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, "sim:h100")
		ctx, cancel := context.WithCancel(t.Context())
		var w *recorder
		var wg sync.WaitGroup
		wg.Go(func() { w = ask(ctx, s, chatPath, chat("a", 100, 1000)) })
		time.Sleep(100 * ms)
		cancel()
		wg.Wait()
		sent := len(w.writes)
		if sent < 20 || sent > 30 {
			t.Errorf("%d writes in 100 ms", sent)
		}
		if running, _, _ := s.Load(); running != 1 {
			t.Errorf("the sequence left in the middle of a step: %d running", running)
		}
		time.Sleep(5 * ms)
		if running, waiting, kv := s.Load(); running+waiting+kv != 0 {
			t.Errorf("after the step: %d running, %d waiting, %d tokens", running, waiting, kv)
		}
	})
}

// Many clients of one engine, some of whom leave: all that stay get all.
func TestChipConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, "sim:b200?seats=16&queue=1000&model=moe-30b-a3b")
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				time.Sleep(time.Duration(i%17) * ms)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i%4 == 0 {
					time.AfterFunc(time.Duration(i)*ms, cancel)
				}
				tokens := 1 + i%50
				w := ask(ctx, s, chatPath, chat(strconv.Itoa(i), 20+i, tokens))
				if ctx.Err() == nil && len(events(t, w.Body.String())) != tokens+2 {
					t.Errorf("request %d: %s", i, w.Body)
				}
			})
		}
		wg.Wait()
		time.Sleep(time.Second)
		if running, waiting, kv := s.Load(); running+waiting+kv != 0 || len(s.loop.tickets) != 0 || s.loop.stepping {
			t.Errorf("left behind: %d running, %d waiting, %d tokens, %d tickets", running, waiting, kv, len(s.loop.tickets))
		}
	})
}
